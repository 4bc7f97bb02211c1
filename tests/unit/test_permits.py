"""Permits in order of rank, lent during pauses, and as many as there may be."""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.errors import BudgetError, StoppedError
from glan.records import Stage
from glan.teachers.permits import Permits, Pools


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


async def test_permits_that_become_more_go_to_who_waits() -> None:
    """The lowest ranks get the new permits at once, and who waits for idleness is told."""
    permits = Permits(8)
    holder = Holder(permits)
    for i in range(10):
        await holder.begin(f"{i}", rank=-i)
    idle = asyncio.create_task(permits.wait_idle())
    await settled()
    assert (permits.size, permits.in_flight, permits.waiting, idle.done()) == (8, 8, 2, False)
    permits.resize(12)
    await settled()
    assert (permits.size, permits.in_flight, permits.waiting, idle.done()) == (12, 10, 0, True)
    assert holder.entered[-2:] == ["9", "8"]
    await holder.end(*holder.ends)
    assert permits.in_flight == 0


async def test_permits_that_become_fewer_are_taken_from_nobody() -> None:
    """Who holds a permit goes on, and none is passed on until there are too few."""
    permits = Permits(8)
    holder = Holder(permits)
    for i in range(10):
        await holder.begin(f"{i}")
    permits.resize(4)
    assert (permits.size, permits.in_flight, permits.waiting, permits.n_free) == (4, 8, 2, 0)
    await holder.end("0", "1", "2", "3")
    assert (permits.in_flight, permits.waiting) == (4, 2)
    await holder.end("4")
    assert (permits.in_flight, permits.waiting) == (4, 1)
    await holder.end(*holder.ends)
    assert (permits.in_flight, permits.waiting, permits.is_idle) == (0, 0, True)


@dataclass(slots=True)
class Resting:
    """Tasks that hold a permit, lend it during a pause, and hold it again until they are told."""

    permits: Permits
    pauses: list[asyncio.Event] = field(default_factory=list)
    ends: list[asyncio.Event] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def begin(self, rank: int = 0) -> None:
        self.pauses.append(asyncio.Event())
        self.ends.append(asyncio.Event())
        self.tasks.append(asyncio.create_task(self._hold(rank, self.pauses[-1], self.ends[-1])))
        await settled()

    async def _hold(self, rank: int, pause: asyncio.Event, end: asyncio.Event) -> None:
        async with self.permits.at(rank):
            await self.permits.lend(rank, pause.wait)
            await end.wait()


async def test_a_permit_is_lent_during_a_pause() -> None:
    """Another has it meanwhile, and who lent it waits for one at the end, before those of a higher rank."""
    permits = Permits(1)
    resting, holder = Resting(permits), Holder(permits)
    await resting.begin(rank=1)
    await holder.begin("other", rank=5)
    await holder.begin("later", rank=2)
    assert (permits.in_flight, permits.resting, holder.entered) == (1, 1, ["other"])
    resting.pauses[0].set()
    await settled()
    assert permits.resting == 1
    await holder.end("other")
    assert (permits.in_flight, permits.resting, holder.entered) == (1, 0, ["other"])
    resting.ends[0].set()
    await settled()
    assert holder.entered == ["other", "later"]
    await holder.end("later")
    assert permits.is_idle


async def test_only_so_many_lend_theirs() -> None:
    """Beyond that a permit is kept during the pause: what rests is held in memory."""
    permits = Permits(2)
    resting = Resting(permits)
    for _ in range(70):
        await resting.begin()
    assert (permits.resting, permits.in_flight, permits.waiting) == (64, 2, 4)
    for event in [*resting.pauses, *resting.ends]:
        event.set()
    async with asyncio.timeout(10):
        await asyncio.gather(*resting.tasks)
    assert (permits.in_flight, permits.resting) == (0, 0)


async def test_who_rested_when_the_permits_were_closed_goes_on() -> None:
    """A request that pauses was begun: it is finished like those that are in flight."""
    permits = Permits(1)
    resting, holder = Resting(permits), Holder(permits)
    for _ in range(2):
        await resting.begin()
    await holder.begin("other")
    resting.pauses[0].set()
    await settled()
    permits.close(StoppedError("stop"))
    await settled()
    assert not resting.tasks[0].done()
    for event in [*resting.pauses, *resting.ends]:
        event.set()
    await holder.end("other")
    async with asyncio.timeout(10):
        await asyncio.gather(*resting.tasks)
    assert (permits.in_flight, permits.resting) == (0, 0)


EVENTS = st.tuples(st.sampled_from(["begin", "end", "cancel", "rest", "wake", "drop", "resize"]), st.integers(0, 9))


@given(st.lists(EVENTS, max_size=80))
@settings(max_examples=100, deadline=None)
def test_no_permit_is_lost_while_their_number_changes(events: list[tuple[str, int]]) -> None:
    """Whatever happens while permits are lent and their number changes, all ends and the permits are back."""
    asyncio.run(lose_none(events))


async def lose_none(events: list[tuple[str, int]]) -> None:
    permits = Permits(2)
    holder, resting = Holder(permits), Resting(permits)
    for what, rank in events:
        if what == "begin":
            await holder.begin(f"{len(holder.tasks)}", rank)
        elif what == "rest":
            await resting.begin(rank)
        elif what == "resize":
            permits.resize(1 + rank % 6)
        else:
            disturb(what, rank, holder, resting)
        await asyncio.sleep(0)
        assert permits.waiting == 0 or permits.in_flight >= permits.size
    for event in [*resting.pauses, *resting.ends]:
        event.set()
    await holder.end(*holder.ends)
    async with asyncio.timeout(10):
        await asyncio.gather(*holder.tasks.values(), *resting.tasks, return_exceptions=True)
    assert (permits.in_flight, permits.resting, permits.waiting, permits.is_idle) == (0, 0, 0, True)


def disturb(what: str, rank: int, holder: Holder, resting: Resting) -> None:
    """Let one of the tasks go on, or cancel one."""
    names, number = list(holder.tasks), len(resting.tasks)
    if what in {"end", "cancel"} and names:
        name = names[rank % len(names)]
        holder.ends[name].set() if what == "end" else holder.tasks[name].cancel()
    elif what in {"wake", "drop"} and number:
        resting.pauses[rank % number].set() if what == "wake" else resting.tasks[rank % number].cancel()


async def test_stages_with_the_same_servers_share_their_permits() -> None:
    """What the curriculum's server bears is no concern of the others, and to close closes all."""
    shared, own = Permits(3), Permits(5, ceiling=9)
    pools = Pools({**dict.fromkeys(Stage, shared), Stage.ANSWERS: own})
    assert pools.of(Stage.QUESTIONS) is pools.of(Stage.SUBJECTS) is shared
    assert (pools.size, pools.ceiling, pools.n_free) == (8, 12, 3)
    async with shared.at(0), own.at(0):
        assert pools.n_free == 2
    pools.close(StoppedError("stop"))
    for permits in (shared, own):
        with pytest.raises(StoppedError):
            await permits.take(0)
