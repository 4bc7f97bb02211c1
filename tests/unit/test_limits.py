"""Permits in order of rank."""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.errors import BudgetError, StoppedError
from glan.teachers.limits import Permits
from glan.teachers.window import Window


async def settled() -> None:
    """Let everything that can run do so."""
    for _ in range(20):
        await asyncio.sleep(0)


@dataclass(slots=True)
class Holder:
    """Tasks that take permits and give them back when told."""

    permits: Permits
    entered: list[str] = field(default_factory=list)
    ends: dict[str, asyncio.Event] = field(default_factory=dict)
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def begin(self, name: str, rank: int = 0) -> asyncio.Task[None]:
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._hold(name, rank))
        await settled()
        return self.tasks[name]

    async def end(self, *names: str) -> None:
        for name in names:
            self.ends[name].set()
        await settled()

    async def _hold(self, name: str, rank: int) -> None:
        async with self.permits.at(rank):
            self.entered.append(name)
            await self.ends[name].wait()


async def test_permits_go_to_the_lowest_rank_first() -> None:
    """Who waits is served in order of rank, and among equals in order of arrival."""
    holder = Holder(Permits(1))
    for name, rank in [("first", 9), ("c", 2), ("a", 1), ("d", 2), ("b", 1)]:
        await holder.begin(name, rank)
    for name in ("first", "a", "b", "c", "d"):
        await holder.end(name)
    assert holder.entered == ["first", "a", "b", "c", "d"]


async def test_no_more_are_in_flight_than_permitted() -> None:
    """Free permits are taken at once; the rest wait, and all are counted."""
    permits = Permits(2)
    holder = Holder(permits)
    for name in "abcd":
        await holder.begin(name)
    assert (permits.in_flight, permits.waiting, permits.is_idle) == (2, 2, False)
    await holder.end("a", "b")
    assert (permits.in_flight, permits.waiting, permits.is_idle) == (2, 0, False)
    await holder.end("c")
    assert (permits.in_flight, permits.waiting, permits.is_idle) == (1, 0, True)
    await holder.end("d")
    assert (permits.in_flight, permits.waiting, permits.is_idle) == (0, 0, True)


async def test_a_permit_comes_back_from_a_failure() -> None:
    """An error inside gives the permit back."""
    permits = Permits(1)
    with pytest.raises(ValueError, match="inside"):
        async with permits.at(0):
            raise ValueError("inside")
    assert permits.in_flight == 0


async def test_a_cancelled_waiter_takes_no_permit() -> None:
    """Who is cancelled while it waits is passed over."""
    permits = Permits(1)
    holder = Holder(permits)
    for name in "abc":
        await holder.begin(name)
    holder.tasks["b"].cancel()
    await settled()
    assert permits.waiting == 1
    await holder.end("a")
    assert holder.entered == ["a", "c"]
    await holder.end("c")
    assert permits.in_flight == 0


async def test_a_permit_given_to_a_cancelled_waiter_is_passed_on() -> None:
    """Cancelled in the very moment in which its permit came, a waiter passes it on."""
    permits = Permits(1)
    holder = Holder(permits)
    for name in "abc":
        await holder.begin(name)
    holder.tasks["a"].cancel()
    await asyncio.sleep(0)
    holder.tasks["b"].cancel()
    await settled()
    assert "c" in holder.entered
    await holder.end("c")
    assert (permits.in_flight, permits.waiting) == (0, 0)


@given(st.lists(st.tuples(st.sampled_from(["begin", "end", "cancel", "step"]), st.integers(0, 9)), max_size=60))
@settings(max_examples=100, deadline=None)
def test_no_order_of_events_loses_a_permit(events: list[tuple[str, int]]) -> None:
    """After any beginnings, endings and cancellations there are as many permits as before, and nobody is forgotten."""
    asyncio.run(lose_nothing(events))


async def lose_nothing(events: list[tuple[str, int]]) -> None:
    permits = Permits(3)
    tasks: list[asyncio.Task[None]] = []
    doors = [asyncio.Event() for _ in range(10)]

    async def hold(rank: int) -> None:
        async with permits.at(rank):
            assert permits.in_flight <= 3
            await doors[rank].wait()

    for what, rank in events:
        if what == "begin":
            tasks.append(asyncio.create_task(hold(rank)))
        elif what == "end":
            doors[rank].set()
        elif what == "cancel" and tasks:
            tasks[rank % len(tasks)].cancel()
        else:
            await asyncio.sleep(0)
    for door in doors:
        door.set()
    async with asyncio.timeout(10):
        await asyncio.gather(*tasks, return_exceptions=True)
    assert (permits.in_flight, permits.waiting, permits.is_idle) == (0, 0, True)


async def test_closed_permits_raise_for_all_but_the_holders() -> None:
    """Once closed, those who wait and those who come get the error; who holds a permit goes on."""
    permits = Permits(1)
    holder = Holder(permits)
    for name in "ab":
        await holder.begin(name)
    permits.close(BudgetError("spent", hint="more"))
    await settled()
    assert (permits.waiting, permits.in_flight) == (0, 1)
    await holder.end("a")
    await holder.tasks["a"]
    for waiting in (holder.tasks["b"], await holder.begin("c")):
        with pytest.raises(BudgetError, match="spent") as caught:
            await waiting
        assert caught.value.hint == "more"
    assert permits.in_flight == 0


async def test_waiters_do_not_share_one_error() -> None:
    """Each gets an error of its own, so that tracebacks do not pile up on one."""
    permits = Permits(1)
    permits.close(StoppedError("stop"))
    errors = await asyncio.gather(*(Holder(permits).begin(name) for name in "ab"))
    caught = await asyncio.gather(*errors, return_exceptions=True)
    assert caught[0] is not caught[1]
    assert all(isinstance(error, StoppedError) for error in caught)


async def test_idleness_is_waited_for() -> None:
    """`wait_idle` returns at once while a permit is free, else when one becomes free that nobody wants."""
    permits = Permits(1)
    holder = Holder(permits)
    async with asyncio.timeout(10):
        await permits.wait_idle()
    for name in "ab":
        await holder.begin(name)
    waiting = [asyncio.create_task(permits.wait_idle()) for _ in range(3)]
    await settled()
    waiting[0].cancel()
    await holder.end("a")
    assert not waiting[1].done()
    await holder.end("b")
    assert [task.done() for task in waiting] == [True] * 3
    await asyncio.gather(*waiting, return_exceptions=True)


def opened(permits: Permits, *, now: float, number: int = 8) -> None:
    """Tell of so many good replies to what was sent a second ago."""
    for _ in range(number):
        permits.see_reply(now=now, begun=now - 1, level=permits.size, tokens=10)


async def test_permits_that_become_more_go_to_who_waits() -> None:
    """When the window grows, the lowest ranks get the new permits at once, and who waits for idleness is told."""
    permits = Permits(12, Window(12))
    holder = Holder(permits)
    for i in range(10):
        await holder.begin(f"{i}", rank=-i)
    idle = asyncio.create_task(permits.wait_idle())
    await settled()
    assert (permits.size, permits.in_flight, permits.waiting, idle.done()) == (8, 8, 2, False)
    opened(permits, now=1.0)
    await settled()
    assert (permits.size, permits.in_flight, permits.waiting, idle.done()) == (12, 10, 0, True)
    assert holder.entered[-2:] == ["9", "8"]
    await holder.end(*holder.ends)
    assert permits.in_flight == 0


async def test_permits_that_become_fewer_are_taken_from_nobody() -> None:
    """When the window shrinks, who holds a permit goes on, and none is passed on until there are too few."""
    permits = Permits(8, Window(8))
    holder = Holder(permits)
    for i in range(10):
        await holder.begin(f"{i}")
    permits.see_refusal(now=1.0, begun=0.9, level=5)
    assert (permits.size, permits.in_flight, permits.waiting, permits.n_free) == (4, 8, 2, 0)
    await holder.end("0", "1", "2", "3")
    assert (permits.in_flight, permits.waiting) == (4, 2)
    await holder.end("4")
    assert (permits.in_flight, permits.waiting) == (4, 1)
    await holder.end(*holder.ends)
    assert (permits.in_flight, permits.waiting, permits.is_idle) == (0, 0, True)


async def test_permits_without_a_window_stay_as_many() -> None:
    """A fixed number hears of replies and refusals and stays what it is."""
    permits = Permits(5)
    opened(permits, now=1.0)
    permits.see_refusal(now=1.0, begun=0.9, level=1)
    permits.see_time_out(now=1.0)
    assert permits.size == 5


EVENTS = st.tuples(st.sampled_from(["begin", "end", "cancel", "reply", "refusal"]), st.integers(0, 9))


@given(st.lists(EVENTS, max_size=80))
@settings(max_examples=100, deadline=None)
def test_no_permit_is_lost_while_their_number_changes(events: list[tuple[str, int]]) -> None:
    """Whatever happens while the window moves, all come to an end, and the permits are back."""
    asyncio.run(lose_none(events))


async def lose_none(events: list[tuple[str, int]]) -> None:
    permits = Permits(6, Window(6, start=2))
    holder = Holder(permits)
    for i, (what, rank) in enumerate(events):
        name = f"{rank % max(1, len(holder.tasks))}"
        if what == "begin":
            await holder.begin(f"{len(holder.tasks)}", rank)
        elif what == "end" and holder.tasks:
            holder.ends[name].set()
        elif what == "cancel" and holder.tasks:
            holder.tasks[name].cancel()
        elif what == "reply":
            opened(permits, now=2.0 * i)
        elif what == "refusal":
            permits.see_refusal(now=2.0 * i, begun=2.0 * i - 1, level=rank)
        await asyncio.sleep(0)
        assert permits.in_flight <= 6
        assert permits.waiting == 0 or permits.in_flight >= permits.size
    await holder.end(*holder.ends)
    async with asyncio.timeout(10):
        await asyncio.gather(*holder.tasks.values(), return_exceptions=True)
    assert (permits.in_flight, permits.waiting, permits.is_idle) == (0, 0, True)
