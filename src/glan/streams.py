"""Ordered concurrency: many pieces of work at once, their results in the order of what they were made from.

A stage of the pipeline is such a stream; two of them joined have no barrier between them.
It knows nothing of slots, teachers or files.
"""

import asyncio
import gc
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from contextlib import aclosing, contextmanager
from itertools import chain
from typing import Any, Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")

_MOST_READY = 256
"""So many results are given at once at most. While as many are ready and nobody takes them, nothing more is begun: it
would only fill the memory."""


class InOrder(Generic[A, B]):
    """Work on items as they come, and give the results in the order of the items, as many at a time as are ready.

    How the results are grouped depends on who was fast; their order does not.
    """

    def __init__(
        self,
        items: AsyncGenerator[list[A], None],
        work: Callable[[A], Coroutine[Any, Any, B]],
        *,
        most: int | None = None,
        most_open: int | None = None,
        on_break: Callable[[], None] = lambda: None,
    ) -> None:
        """Take items in groups, and work on all that there are.

        Args:
            items: what to work on.
            work: what to do with one.
            most: hold so many pieces of work at most, the finished ones that are not in their turn among them.
            most_open: take no further group while so many pieces of work are not finished.
            on_break: is called where the stream is broken off, before the first piece of work is cancelled.

        """
        self._items = items
        self._work = work
        self._most = most
        self._most_open = most_open
        self._on_break = on_break
        self._open = 0
        self._tasks: deque[asyncio.Future[B]] = deque()
        self._more = asyncio.Event()
        self._taken = asyncio.Event()
        self._feeder: asyncio.Task[None] | None = None

    async def __aiter__(self) -> AsyncGenerator[list[B], None]:
        self._feeder = asyncio.create_task(self._feed())
        is_whole = False
        try:
            while await self._has_head():
                if not self._tasks[0].done():
                    await asyncio.wait((self._tasks[0],))
                group = [self._tasks.popleft().result()]
                # An error comes in its turn, alone; and what waited long for the first does not hold up all else.
                while self._tasks and len(group) < _MOST_READY and _has_result(self._tasks[0]):
                    group.append(self._tasks.popleft().result())
                self._taken.set()
                yield group
            is_whole = True
        finally:
            if not is_whole:
                self._on_break()
            await self._end()

    async def _feed(self) -> None:
        async with aclosing(self._items) as groups:  # who is cancelled between two groups leaves no stream behind
            async for group in groups:
                for item in group:
                    self._tasks.append(self._begin(item))  # each at once: none is lost if a later one raises
                self._more.set()
                await asyncio.sleep(0)  # where nothing has to be waited for, others get their turn all the same
                while self._is_full:
                    self._taken.clear()
                    await self._taken.wait()

    def _begin(self, item: A) -> asyncio.Future[B]:
        task = begin(self._work(item))
        if self._most_open is not None and not task.done():
            self._open += 1
            task.add_done_callback(self._count_done)
        return task

    def _count_done(self, _: asyncio.Future[B]) -> None:
        self._open -= 1
        self._taken.set()

    @property
    def _is_full(self) -> bool:
        if self._most is not None and len(self._tasks) >= self._most:
            return True
        if self._most_open is not None and self._open >= self._most_open:
            return True
        return len(self._tasks) > _MOST_READY and self._tasks[0].done()

    async def _has_head(self) -> bool:
        """Wait until there is a first piece of work, or there will be none."""
        feeder = self._feeder
        while not self._tasks and feeder is not None and not feeder.done():
            self._more.clear()
            more = asyncio.ensure_future(self._more.wait())
            try:
                await asyncio.wait((more, feeder), return_when=asyncio.FIRST_COMPLETED)
            finally:
                more.cancel()
        if not self._tasks and feeder is not None:
            feeder.result()
        return bool(self._tasks)

    def cut(self) -> None:
        """Cancel the work that is under way; what it makes of that is its result."""
        for task in self._tasks:
            task.cancel()

    async def _end(self) -> None:
        """Cancel what is left, so that an early end leaves no work behind."""
        left: list[asyncio.Future[Any]] = [*self._tasks, *([self._feeder] if self._feeder is not None else [])]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def _has_result(task: asyncio.Future[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


async def as_items(groups: InOrder[Any, B]) -> AsyncGenerator[list[list[B]], None]:
    """Give each group of a stream as one item, for work on whole groups."""
    async with aclosing(aiter(groups)) as ordered:
        async for group in ordered:
            yield [group]


async def in_one(groups: InOrder[Any, list[B]]) -> AsyncGenerator[list[B], None]:
    """Give the items of groups that were items."""
    async with aclosing(aiter(groups)) as ordered:
        async for some in ordered:
            yield list(chain.from_iterable(some))


def begin(work: Coroutine[Any, Any, B]) -> asyncio.Future[B]:
    """Do work up to where it has to wait; a task does the rest, if there is one.

    Work that never waits costs a tenth of a task so. It must not ask for the current task before it has waited once.
    """
    try:
        awaited = work.send(None)
    except StopIteration as done:
        found: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        found.set_result(done.value)
        return found
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - as a task does: it is raised again where the result is taken
        failed: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        if isinstance(error, asyncio.CancelledError):
            failed.cancel()
        else:
            failed.set_exception(error)
        return failed
    return asyncio.create_task(_Begun(work, awaited))


class _Begun(Coroutine[Any, Any, B]):
    """Work that has been begun and waits for something: a task that is given it goes on from there."""

    def __init__(self, work: Coroutine[Any, Any, B], awaited: object) -> None:
        self._work = work
        self._awaited = awaited

    def send(self, value: Any) -> Any:  # noqa: ANN401 - what travels here is between the work and the event loop
        awaited, self._awaited = self._awaited, None
        # None is only a turn of the loop, and to be called by a task is one.
        return self._work.send(value) if awaited is None else awaited

    def throw(self, *error: Any) -> Any:  # noqa: ANN401 - as above
        self._awaited = None
        return self._work.throw(*error)

    def close(self) -> None:
        self._work.close()

    def __await__(self) -> Generator[Any, Any, B]:
        raise NotImplementedError  # a task sends and throws


def wake(futures: list[asyncio.Future[None]]) -> None:
    """Let all go on who wait for one of these, and forget them."""
    for future in futures:
        if not future.done():
            future.set_result(None)
    futures.clear()


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Let the garbage collector look at what work makes alone, and less often: it makes much and leaves no cycles.

    Otherwise a twentieth of the time goes into looking again at what was there before.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class Credits:
    """So many more may be begun as are still needed: N at first, and one again for each that came to nothing."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._out = 0
        self._changed = asyncio.Event()
        self._is_closed = False

    async def is_free(self) -> bool:
        """Wait for a credit; False when none is left and none can come back."""
        while not self._free and self._out and not self._is_closed:
            self._changed.clear()
            await self._changed.wait()
        return bool(self._free) and not self._is_closed

    def take(self, most: int) -> int:
        """Take what is free, and not more than `most`; return how many."""
        taken = min(self._free, most)
        self._free -= taken
        self._out += taken
        return taken

    def spend(self) -> None:
        """Say that one came to what was wanted."""
        self._out -= 1
        self._changed.set()

    def give_back(self, number: int = 1) -> None:
        """Say that so many came to nothing."""
        self._free += number
        self._out -= number
        self._changed.set()

    def close(self) -> None:
        """Give no more."""
        self._is_closed = True
        self._changed.set()
