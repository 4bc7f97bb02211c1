"""How many requests are in flight at once, and in which order they go. It knows no servers and no money.

async with permits.at(request.rank):
    reply = await teacher.reply(request)
"""

import asyncio
import copy
import heapq
import logging
from collections.abc import Awaitable, Callable, Mapping
from itertools import count

from glan.errors import StoppedError
from glan.records import Stage
from glan.streams import wake

_Future = asyncio.Future[None]
_MOST_RESTING = 64
"""So many may always rest at once, and otherwise as many as there are permits: each holds its prompt in memory."""
_log = logging.getLogger(__name__)


class Permits:
    """So many permits, given to the lowest rank first, and among equals to the one that asked first.

    While a permit is free nobody waits: whoever gives one back passes it on. Where their number falls, nobody who holds
    a permit loses it, and fewer are passed on.
    """

    def __init__(self, size: int, *, ceiling: int | None = None) -> None:
        self.ceiling = size if ceiling is None else ceiling
        """The most that there may ever be."""
        self._size = size
        self._in_flight = 0
        self._resting = 0
        self._heap: list[tuple[int, int, _Future]] = []
        self._order = count()
        self._idlers: list[_Future] = []
        self._error: StoppedError | None = None

    def of(self, _stage: Stage) -> "Permits":
        """Return the permits of a stage: these, whatever the stage."""
        return self

    def at(self, rank: int) -> "_Permit":
        """Hold a permit; to enter may take a while, and raises once the permits are closed."""
        return _Permit(self, rank)

    def close(self, error: StoppedError) -> None:
        """Give no further permit: who waits or comes later gets the error; who holds one goes on."""
        self._error = error
        for _, _, future in self._heap:
            if not future.done():
                future.set_exception(copy.copy(error))
        self._heap.clear()
        wake(self._idlers)

    @property
    def is_closed(self) -> bool:
        """Say whether there will be none any more."""
        return self._error is not None

    @property
    def in_flight(self) -> int:
        """How many permits are held by requests that do not rest."""
        return self._in_flight

    @property
    def resting(self) -> int:
        """How many requests have lent their permits to others while they pause."""
        return self._resting

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return sum(not future.done() for _, _, future in self._heap)

    @property
    def size(self) -> int:
        """How many permits there are just now."""
        return self._size

    @property
    def n_free(self) -> int:
        """How many permits are free."""
        return max(0, self._size - self._in_flight)

    def resize(self, size: int) -> None:
        """Have so many permits from now on, and give those that are new to who waits."""
        if size == self._size:
            return
        _log.debug("%d requests in flight at most, %d before", size, self._size)
        self._size = size
        self._pass_on()

    def _pass_on(self) -> None:
        while self._heap and self._in_flight < self._size:
            _, _, future = heapq.heappop(self._heap)
            if not future.done():
                self._in_flight += 1
                future.set_result(None)
        if self.is_idle:
            wake(self._idlers)

    @property
    def is_idle(self) -> bool:
        """Say whether a permit is free and nobody waits for one."""
        return self._in_flight < self._size

    async def wait_idle(self) -> None:
        """Return when a permit is free and nobody waits for one, or when there will be none any more."""
        while not self.is_idle and self._error is None:
            future: _Future = asyncio.get_running_loop().create_future()
            self._idlers.append(future)
            await future

    async def take(self, rank: int) -> None:
        """Wait for a permit, and hold it until it is given back."""
        if self._error is not None:
            # A copy each, since an error that is raised in many tasks would gather all their tracebacks.
            raise copy.copy(self._error)
        if self.is_idle:
            self._in_flight += 1
            return
        future = self._queued(rank)
        try:
            await future
        except asyncio.CancelledError:
            # The permit may have come in the very moment in which the waiter was cancelled.
            if _is_given(future):
                self.give_back()
            raise

    def _queued(self, rank: int) -> _Future:
        future: _Future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._heap, (rank, next(self._order), future))
        return future

    def give_back(self) -> None:
        """Pass a permit on to the first who still waits, or free it."""
        while self._heap and self._in_flight <= self._size:
            _, _, future = heapq.heappop(self._heap)
            if not future.done():
                future.set_result(None)
                return
        self._in_flight -= 1
        if self.is_idle:
            wake(self._idlers)

    async def lend(self, rank: int, pause: Callable[[], Awaitable[object]]) -> None:
        """Let another have the permit during a pause, and take one again at its end.

        Whoever calls it holds a permit before and after, whatever happens meanwhile. Where too many rest already, the
        permit is kept.
        """
        if self._resting >= max(_MOST_RESTING, self._size):
            await pause()
            return
        self._resting += 1
        self.give_back()
        try:
            await pause()
        except BaseException:
            self._in_flight += 1
            raise
        else:
            await self._retake(rank)
        finally:
            self._resting -= 1

    async def _retake(self, rank: int) -> None:
        """Hold a permit again; who rested when the permits were closed goes on as one that held its own."""
        if self._error is not None or self.is_idle:
            self._in_flight += 1
            return
        future = self._queued(rank)
        try:
            await future
        except StoppedError:
            self._in_flight += 1
        except asyncio.CancelledError:
            self._in_flight += not _is_given(future)
            raise


class Pools:
    """The permits of every stage. Stages that ask the same servers share theirs, and no other has a part in them."""

    def __init__(self, by_stage: Mapping[Stage, Permits]) -> None:
        self._by_stage = by_stage
        self._all = list({id(permits): permits for permits in by_stage.values()}.values())

    def of(self, stage: Stage) -> Permits:
        """Return the permits of a stage."""
        return self._by_stage[stage]

    @property
    def ceiling(self) -> int:
        """The most that there may ever be."""
        return sum(permits.ceiling for permits in self._all)

    @property
    def size(self) -> int:
        """How many there are just now."""
        return sum(permits.size for permits in self._all)

    @property
    def n_free(self) -> int:
        """How many are free for questions, with which every slot begins."""
        return self._by_stage[Stage.QUESTIONS].n_free

    async def wait_idle(self) -> None:
        """Return when a permit for a question is free and nobody waits for one."""
        await self._by_stage[Stage.QUESTIONS].wait_idle()

    def close(self, error: StoppedError) -> None:
        """Give no further permit."""
        for permits in self._all:
            permits.close(error)


class _Permit:
    """A permit while it is held. A generator would take three times as long, for each call."""

    __slots__ = ("_permits", "_rank")

    def __init__(self, permits: Permits, rank: int) -> None:
        self._permits = permits
        self._rank = rank

    async def __aenter__(self) -> None:
        await self._permits.take(self._rank)

    async def __aexit__(self, *error: object) -> None:
        self._permits.give_back()


def _is_given(future: _Future) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None
