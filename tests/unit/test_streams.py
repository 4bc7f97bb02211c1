"""Ordered concurrency: results in the order of the items, whoever was fast; and credits that are never overdrawn."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.streams import Credits, InOrder, begin


async def in_groups(sizes: Sequence[int], *, pause: bool = False) -> AsyncGenerator[list[int], None]:
    """Give 0, 1, 2, ... in groups of these sizes."""
    number = 0
    for size in sizes:
        if pause:
            await asyncio.sleep(0)
        yield list(range(number, number + size))
        number += size


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def collected(stream: InOrder[int, int], got: list[int] | None = None) -> list[list[int]]:
    """Return the groups; `got` has their items also where the stream breaks off."""
    groups = []
    async for group in stream:
        groups.append(group)
        if got is not None:
            got += group
    return groups


def flat(groups: Sequence[Sequence[int]]) -> list[int]:
    return [item for group in groups for item in group]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), max_size=8), st.integers(0, 2**32), st.booleans())
def test_results_stand_in_the_order_of_the_items(sizes: list[int], seed: int, pause: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
    """Every item is worked on once, and its result has its place, whoever was fast; no group is empty."""
    rng = random.Random(seed)

    async def work(number: int) -> int:
        await turns(rng.randrange(9))
        return -number

    groups = asyncio.run(collected(InOrder(in_groups(sizes, pause=pause), work)))
    assert flat(groups) == [-number for number in range(sum(sizes))]
    assert all(groups)


async def test_work_goes_on_while_the_first_is_slow() -> None:
    """All items are begun though the first is not done, and what is ready behind it comes with it in one group."""
    gate = asyncio.Event()
    begun: list[int] = []

    async def work(number: int) -> int:
        begun.append(number)
        if number == 0:
            await gate.wait()
        return number

    found = asyncio.create_task(collected(InOrder(in_groups([1] * 5), work)))
    await turns(20)
    assert begun == [0, 1, 2, 3, 4]
    assert not found.done()
    gate.set()
    assert await found == [[0, 1, 2, 3, 4]]


async def test_others_get_their_turn_where_nothing_has_to_be_waited_for() -> None:
    """Between two groups of items whose results are there at once, whoever else is ready goes on."""
    turns_had = 0

    async def take_turns() -> None:
        nonlocal turns_had
        while True:
            turns_had += 1
            await asyncio.sleep(0)

    async def work(number: int) -> int:
        return number

    other = asyncio.create_task(take_turns())
    assert flat(await collected(InOrder(in_groups([100] * 10), work))) == list(range(1_000))
    other.cancel()
    assert turns_had >= 10


async def test_an_end_between_two_groups_reaches_the_stream_before() -> None:
    """Whoever leaves a stream, whenever that is, ends the streams that feed it, and no task stays behind."""

    async def at_once(number: int) -> int:
        return number

    async def never(number: int) -> int:
        await asyncio.Event().wait()
        return number

    async def joined() -> AsyncGenerator[list[int], None]:
        async with aclosing(aiter(InOrder(in_groups([1] * 9), at_once))) as groups:
            async for group in groups:
                yield group

    before = asyncio.all_tasks()
    for n_turns in range(12):
        taker = asyncio.create_task(collected(InOrder(joined(), never)))
        await turns(n_turns)
        taker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taker
        await turns(2)
        assert asyncio.all_tasks() == before


async def test_two_streams_joined_have_no_barrier() -> None:
    """The second stage works on the first item before the first stage has seen the last."""
    order: list[str] = []
    gate = asyncio.Event()

    async def first(number: int) -> int:
        if number == 2:
            await gate.wait()
        order.append(f"first {number}")
        return number

    async def second(number: int) -> int:
        order.append(f"second {number}")
        if number == 1:
            gate.set()
        return number

    async def middle() -> AsyncGenerator[list[int], None]:
        async for group in InOrder(in_groups([3]), first):
            yield group

    assert flat(await collected(InOrder(middle(), second))) == [0, 1, 2]
    assert order.index("second 1") < order.index("first 2")


async def test_an_error_of_the_work_comes_in_its_turn() -> None:
    """What stands before the piece that failed is given first; then the error, and all other work is cancelled."""
    cancelled: list[int] = []

    async def work(number: int) -> int:
        if number == 2:
            raise ValueError("two")
        if number > 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(number)
                raise
        await turns(5)
        return number

    got: list[int] = []
    with pytest.raises(ValueError, match="two"):
        await collected(InOrder(in_groups([5]), work), got)
    assert (got, cancelled) == ([0, 1], [3, 4])


async def test_an_error_of_the_items_comes_after_what_was_begun() -> None:
    """When the items break off, the work on those that came is still given."""

    async def items() -> AsyncGenerator[list[int], None]:
        yield [0, 1]
        raise ValueError("no more")

    async def work(number: int) -> int:
        await turns(5)
        return number

    got: list[int] = []
    with pytest.raises(ValueError, match="no more"):
        await collected(InOrder(items(), work), got)
    assert got == [0, 1]


async def test_an_early_end_leaves_no_work_behind() -> None:
    """Who stops listening cancels what is under way, and the items are asked for no more."""
    before = asyncio.all_tasks()

    async def endless() -> AsyncGenerator[list[int], None]:
        while True:
            yield [1]
            await asyncio.sleep(0)

    async def work(_: int) -> int:
        await turns(3)
        return 1

    async with aclosing(aiter(InOrder(endless(), work))) as groups:
        await anext(groups)
    assert asyncio.all_tasks() == before


async def test_a_cancelled_listener_leaves_no_work_behind() -> None:
    """The same when the task that listens is cancelled."""
    before = asyncio.all_tasks()

    async def hang(_: int) -> int:
        await asyncio.Event().wait()
        return 0

    task = asyncio.create_task(collected(InOrder(in_groups([3]), hang)))
    await turns(5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before


async def test_a_stream_says_that_it_is_broken_off_before_it_cancels_anything() -> None:
    """Who is told can keep what is cancelled later from being begun; a stream that comes to its end says nothing."""
    told: list[str] = []

    async def hang(_: int) -> int:
        try:
            await asyncio.Event().wait()
        finally:
            told.append("cancelled")
        return 0

    async def work(number: int) -> int:
        return number

    await collected(InOrder(in_groups([3]), work, on_break=lambda: told.append("broken off")))
    assert not told
    task = asyncio.create_task(collected(InOrder(in_groups([2]), hang, on_break=lambda: told.append("broken off"))))
    await turns(5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == ["broken off", "cancelled", "cancelled"]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 12), st.integers(0, 2**32), st.floats(0, 0.9), st.integers(1, 5))
def test_credits_end_with_the_last_that_is_spent(number: int, seed: int, fails: float, most: int) -> None:
    """N are spent and never more are out than N; all that came to nothing are begun again by others."""
    rng = random.Random(seed)
    owed = Credits(number)
    spent: list[int] = []
    out = 0
    begun: list[asyncio.Task[None]] = []

    async def use() -> None:
        nonlocal out
        await turns(rng.randrange(6))
        out -= 1
        if rng.random() < fails:
            owed.give_back()
        else:
            spent.append(1)
            owed.spend()

    async def main() -> None:
        nonlocal out
        while await owed.is_free():
            taken = owed.take(most)
            assert 0 < taken <= most
            out += taken
            assert out + len(spent) <= number
            begun.extend(asyncio.create_task(use()) for _ in range(taken))
        await asyncio.gather(*begun)

    asyncio.run(main())
    assert len(spent) == number


async def test_credits_that_are_closed_let_nobody_wait() -> None:
    """Closing wakes who waits for a credit, and refuses who comes later, also where one is free."""
    owed = Credits(1)
    assert owed.take(3) == 1
    waiting = asyncio.create_task(owed.is_free())
    await turns(3)
    assert not waiting.done()
    owed.close()
    assert await waiting is False
    owed.give_back()
    assert await owed.is_free() is False


async def test_a_credit_that_comes_back_wakes_who_waits() -> None:
    """Who waits while all are out goes on when one comes to nothing, and ends when the last is spent."""
    owed = Credits(1)
    owed.take(1)
    waiting = asyncio.create_task(owed.is_free())
    await turns(3)
    owed.give_back()
    assert await waiting is True
    owed.take(1)
    owed.spend()
    assert await owed.is_free() is False


async def test_work_that_never_waits_is_done_at_once() -> None:
    """What can be done without waiting is done when it is begun, an error included, and no task is made for it."""
    tasks = len(asyncio.all_tasks())

    async def work(number: int) -> int:
        return 6 // number

    assert begin(work(2)).result() == 3
    assert isinstance(begin(work(0)).exception(), ZeroDivisionError)
    assert len(asyncio.all_tasks()) == tasks


@pytest.mark.parametrize("error", [asyncio.CancelledError, GeneratorExit, ValueError])
async def test_whatever_work_raises_at_once_is_raised_where_its_result_is_taken(error: type[BaseException]) -> None:
    """As with a task, nothing that work raises harms who began it or what was begun beside it."""

    async def work(number: int) -> int:
        if number == 1:
            raise error
        return number

    got: list[int] = []
    with pytest.raises(error):
        await collected(InOrder(in_groups([3]), work), got)
    assert got == [0]
    assert {task.get_coro().__qualname__ for task in asyncio.all_tasks()} <= {  # type: ignore[union-attr]  # it is one
        "test_whatever_work_raises_at_once_is_raised_where_its_result_is_taken"
    }


async def test_work_that_waits_is_begun_at_once_and_goes_on_in_a_task_of_its_own() -> None:
    """It is begun when it is given, and behind its first wait it is a task like any other: with time limits too."""
    gate: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    seen: list[str] = []

    async def work() -> int:
        seen.append("begun")
        found = await gate
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.sleep(1)
        return found

    begun = begin(work())
    assert seen == ["begun"]
    gate.set_result(7)
    assert await begun == 7


@pytest.mark.parametrize("n_turns", [0, 1, 3], ids=["before its task ran", "when its task ran", "later"])
async def test_begun_work_can_be_cancelled_at_any_time(n_turns: int) -> None:
    """Whoever is cancelled hears of it where it waits, also in the very turn in which it was begun."""

    async def work() -> str:
        try:
            await asyncio.sleep(0)
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            return "cut"
        return "done"

    begun = begin(work())
    await turns(n_turns)
    begun.cancel()
    assert await begun == "cut"


async def test_what_waited_for_the_first_comes_in_groups_that_end() -> None:
    """When a slow first one is done, a thousand behind it do not come in one group, which would hold up all else."""
    slow = asyncio.Event()

    async def work(number: int) -> int:
        if number == 0:
            await slow.wait()
        return number

    collecting = asyncio.ensure_future(collected(InOrder(in_groups([1_000]), work)))
    await turns(10)
    slow.set()
    groups = await collecting
    assert flat(groups) == list(range(1_000))
    assert max(map(len, groups)) <= 256


async def test_no_further_group_is_taken_while_much_is_not_finished() -> None:
    """With a bound on what is not finished, finished work that waits for its turn does not count."""
    release = [asyncio.Event() for _ in range(40)]
    begun = 0

    async def work(number: int) -> int:
        nonlocal begun
        begun += 1
        await release[number].wait()
        return number

    collecting = asyncio.ensure_future(collected(InOrder(in_groups([4] * 10), work, most_open=8)))
    await turns(20)
    assert begun == 8
    for number in range(1, 5):  # others than the first: nothing can be given yet, but there is room
        release[number].set()
        await turns(20)
    assert begun == 12
    for event in release:
        event.set()
    assert flat(await collecting) == list(range(40))
    assert begun == 40
