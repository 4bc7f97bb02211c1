"""Workers that come and go: who gets a call, how many at once, and what becomes of calls when one is lost."""

import asyncio
from contextlib import suppress
from typing import Self

import pytest

from glan.errors import LostWorkerError, UnusableError
from glan.records import Reply
from glan.teachers.kinds import Kind
from glan.teachers.ray_crew import Crew
from glan.teachers.ray_messages import Answer, Call, packed, read_calls

REPLY = Reply(text="So.")


class Puppet:
    """A worker that answers when it is told to."""

    def __init__(self, node: str = "a") -> None:
        self.node = node
        self.messages: list[list[Call]] = []
        self._ready: asyncio.Queue[bytes | None] = asyncio.Queue()

    @property
    def calls(self) -> list[Call]:
        return [call for message in self.messages for call in message]

    def feed(self, message: bytes) -> None:
        self.messages.append(read_calls(message))

    async def take(self) -> bytes:
        message = await self._ready.get()
        if message is None:
            raise LostWorkerError(f"The worker on {self.node} is lost.")
        return message

    def answer(self, *calls: Call) -> None:
        for _, message in packed([Answer(number=call.number, reply=REPLY) for call in calls]):
            self._ready.put_nowait(message)

    def die(self) -> None:
        self._ready.put_nowait(None)


class Yard:
    """A crew with its tasks."""

    def __init__(self, *puppets: Puppet, most_each: int = 10) -> None:
        self.changes = 0
        self.crew = Crew(most_each, on_change=self._changed)
        self.serving = [asyncio.create_task(self.crew.serve(puppet)) for puppet in puppets]

    def _changed(self) -> None:
        self.changes += 1

    def ask(self, n: int = 1, node: str = "", timeout_s: float = 60.0) -> list[asyncio.Task[Answer]]:
        call = Call(number=0, site=0, path="/p")
        return [asyncio.create_task(self.crew.ask(call, timeout_s, node)) for _ in range(n)]

    async def __aenter__(self) -> Self:
        await settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self.serving:
            task.cancel()
        await asyncio.gather(*self.serving, return_exceptions=True)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def kinds(tasks: list[asyncio.Task[Answer]]) -> list[Kind | None]:
    troubles = [task.result().trouble for task in tasks]
    return [None if trouble is None else trouble.kind for trouble in troubles]


async def replies_of(tasks: list[asyncio.Task[Answer]]) -> list[Reply | None]:
    return [answer.reply for answer in await asyncio.gather(*tasks)]


async def test_calls_are_spread_and_go_in_one_message() -> None:
    """Calls that are ready together are shared out evenly, and each worker gets its own in one message."""
    one, other = Puppet("a"), Puppet("b")
    async with Yard(one, other) as yard:
        asked = yard.ask(6)
        await settle()
        assert [len(puppet.calls) for puppet in (one, other)] == [3, 3]
        assert [len(puppet.messages) for puppet in (one, other)] == [1, 1]
        one.answer(*one.calls)
        other.answer(*other.calls)
        assert await replies_of(asked) == [REPLY] * len(asked)


async def test_a_worker_has_only_so_many_calls_at_once() -> None:
    """Further calls wait in the run, and each goes out when one has come back."""
    puppet = Puppet()
    async with Yard(puppet, most_each=2) as yard:
        asked = yard.ask(5)
        await settle()
        assert len(puppet.calls) == 2
        puppet.answer(puppet.calls[0])
        await settle()
        assert len(puppet.calls) == 3
        while len(puppet.calls) < 5:
            puppet.answer(*puppet.calls)
            await settle()
        puppet.answer(*puppet.calls)
        assert await replies_of(asked) == [REPLY] * len(asked)


async def test_a_lost_worker_costs_its_calls_in_flight_and_no_others() -> None:
    """Its calls come to nothing, may succeed later, and whoever waited goes to the others."""
    dying, other = Puppet("a"), Puppet("b")
    async with Yard(dying, other, most_each=2) as yard:
        asked = yard.ask(5)
        await settle()
        dying.die()
        await settle()
        lost = [task for task in asked if task.done()]
        assert kinds(lost) == [Kind.LOST, Kind.LOST]
        assert yard.crew.nodes == ("b",)
        assert yard.changes == 3
        while not all(task.done() for task in asked):
            other.answer(*other.calls)
            await settle()
        assert len(other.calls) == 3
        assert len(dying.calls) == 2


async def test_where_there_is_no_worker_nothing_is_reached() -> None:
    """A call is told at once that nobody can do it: also one that waited for a worker that was lost."""
    async with Yard() as yard:
        asked = yard.ask()
        await settle()
        assert kinds(asked) == [Kind.UNREACHED]
    puppet = Puppet()
    async with Yard(puppet, most_each=1) as yard:
        asked = yard.ask(2)
        await settle()
        puppet.die()
        await settle()
        assert kinds(asked) == [Kind.LOST, Kind.UNREACHED]


async def test_a_call_for_one_machine_goes_there() -> None:
    """A server that is beside one machine's workers is asked by them alone, however much they have to do."""
    here, there = Puppet("here"), Puppet("there")
    async with Yard(here, there) as yard:
        yard.ask(3, node="there")
        nowhere = yard.ask(node="nowhere")
        await settle()
        assert [len(puppet.calls) for puppet in (here, there)] == [0, 3]
        assert kinds(nowhere) == [Kind.UNREACHED]
        there.answer(*there.calls)
        await settle()


async def test_what_never_comes_back_times_out() -> None:
    """A call whose worker keeps silent long after the time is over counts as one that timed out."""
    async with Yard(Puppet()) as yard:
        [asked] = yard.ask(timeout_s=-30.0)
        await asyncio.wait([asked])
        assert kinds([asked]) == [Kind.TIMED_OUT]


async def test_what_is_given_up_takes_nobodys_turn() -> None:
    """A call that is cancelled in the moment in which it may go on lets the next one go."""
    puppet = Puppet()
    async with Yard(puppet, most_each=1) as yard:
        [first, second, third] = yard.ask(3)
        await settle()
        puppet.answer(*puppet.calls)
        while not first.done():  # noqa: ASYNC110 - in the same turn of the loop, before the second goes on
            await asyncio.sleep(0)
        second.cancel()
        with suppress(asyncio.CancelledError):
            await second
        await settle()
        assert len(puppet.calls) == 2
        puppet.answer(puppet.calls[1])
        assert (await third).reply == REPLY


async def test_when_the_cluster_is_gone_no_call_waits_for_it() -> None:
    """Calls that waited for room and those that come later end with the reason; what is in flight may come still."""
    puppet = Puppet()
    async with Yard(puppet, most_each=1) as yard:
        [first, second] = yard.ask(2)
        await settle()
        yard.crew.end(UnusableError("The cluster is gone."))
        [third] = yard.ask()
        await settle()
        for refused in (second, third):
            with pytest.raises(UnusableError, match="gone"):
                await refused
        puppet.answer(*puppet.calls)
        assert (await first).reply == REPLY
