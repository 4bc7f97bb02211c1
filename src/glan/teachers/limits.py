"""How many requests are in flight at once, in which order they go, and what they may cost. It knows no HTTP.

async with permits.at(request.rank):
    await budget.admit(worst)
"""

import asyncio
import copy
import heapq
import logging
import time
from collections.abc import Callable
from itertools import count

from glan.errors import BudgetError, StoppedError
from glan.teachers.prices import Amount
from glan.teachers.window import Window

_Future = asyncio.Future[None]
_log = logging.getLogger(__name__)


class Permits:
    """So many permits, given to the lowest rank first, and among equals to the one that asked first.

    While a permit is free nobody waits: whoever gives one back passes it on. With a window their number follows what
    the servers bear; where it falls, nobody who holds a permit loses it, and fewer are passed on.
    """

    def __init__(self, max_in_flight: int, window: Window | None = None) -> None:
        self.ceiling = max_in_flight
        self._size = max_in_flight if window is None else window.size
        self._window = window
        self._in_flight = 0
        self.resting = 0
        """How many who hold a permit pause and ask nothing meanwhile."""
        self._heap: list[tuple[int, int, _Future]] = []
        self._order = count()
        self._idlers: list[_Future] = []
        self._error: StoppedError | None = None

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
        _wake(self._idlers)

    @property
    def in_flight(self) -> int:
        """How many permits are held."""
        return self._in_flight

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

    @property
    def level(self) -> int:
        """How many requests are with a server."""
        return self._in_flight - self.resting

    def see_reply(self, *, now: float, begun: float, level: int, tokens: int | None) -> None:
        """Tell the window of a reply."""
        if self._window is not None:
            self._window.replied(now=now, begun=begun, level=level, tokens=tokens)
            self._follow(self._window.size)

    def see_refusal(self, *, now: float, begun: float, level: int) -> None:
        """Tell the window that a server had enough."""
        if self._window is not None:
            self._window.refused(now=now, begun=begun, level=level)
            self._follow(self._window.size)

    def see_time_out(self, *, now: float) -> None:
        """Tell the window that a reply never came."""
        if self._window is not None:
            self._window.timed_out(now=now)
            self._follow(self._window.size)

    def _follow(self, size: int) -> None:
        """Have so many permits from now on, and give those that are new to who waits."""
        if size == self._size:
            return
        _log.debug("%d requests in flight at most, %d before", size, self._size)
        self._size = size
        while self._heap and self._in_flight < size:
            _, _, future = heapq.heappop(self._heap)
            if not future.done():
                self._in_flight += 1
                future.set_result(None)
        if self.is_idle:
            _wake(self._idlers)

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
        future: _Future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._heap, (rank, next(self._order), future))
        try:
            await future
        except asyncio.CancelledError:
            # The permit may have come in the very moment in which the waiter was cancelled.
            if not future.cancelled() and future.exception() is None:
                self.give_back()
            raise

    def give_back(self) -> None:
        """Pass a permit on to the first who still waits, or free it."""
        while self._heap and self._in_flight <= self._size:
            _, _, future = heapq.heappop(self._heap)
            if not future.done():
                future.set_result(None)
                return
        self._in_flight -= 1
        if self.is_idle:
            _wake(self._idlers)


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


def _wake(futures: list[_Future]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
    futures.clear()


class Meter:
    """Servers that are paid by the hour: they cost as long as a run goes on, whether they are asked or not."""

    def __init__(self, usd_per_hour: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.usd_per_s = usd_per_hour / 3_600
        self.longest_s = 0.0
        """The longest call so far."""
        self._clock = clock
        self._begun = self._at_rest = clock()
        self._ended: float | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds that are paid for."""
        return (self._clock() if self._ended is None else self._ended) - self._begun

    @property
    def usd(self) -> float:
        """What the time so far costs."""
        return self.elapsed_s * self.usd_per_s

    @property
    def usd_after_a_call(self) -> float:
        """What it will cost once a call that begins now has ended, if that takes as long as the longest so far."""
        return self.usd + self.longest_s * self.usd_per_s

    @property
    def is_over(self) -> bool:
        """Say whether it was stopped."""
        return self._ended is not None

    def see(self, took_s: float | None) -> None:
        """Learn how long a call took."""
        self.longest_s = max(self.longest_s, took_s or 0.0)

    def rest(self) -> None:
        """Note that nothing is in flight just now."""
        self._at_rest = self._clock()

    def stop(self) -> None:
        """Count no further than to the end of the last call: nothing is asked any more."""
        if self._ended is None:
            self._ended = self._at_rest


class Budget:
    """What a project may spend. A call is reserved at its worst case before it is sent, and booked at its real cost.

    What servers cost by the hour is booked as time goes by, and a call is sent only if it will have ended in time.
    """

    def __init__(
        self,
        *,
        max_usd: float | None = None,
        max_tokens: int | None = None,
        spent: Amount | None = None,
        meter: Meter | None = None,
    ) -> None:
        self.max_usd = max_usd
        self.max_tokens = max_tokens
        self.meter = Meter(0.0) if meter is None else meter
        self.lost_calls = 0
        """Calls that were given up in flight."""
        self._spent = Amount() if spent is None else spent
        self._reserved = Amount()
        self._lost = Amount()
        self._n_open = 0
        self._waiters: list[_Future] = []

    @property
    def spent(self) -> Amount:
        """What is booked, with what was spent before, and without the servers' time."""
        return self._spent

    @property
    def reserved(self) -> Amount:
        """The worst case of the calls in flight."""
        return self._reserved

    @property
    def lost(self) -> Amount:
        """The worst case of the calls that were given up in flight: they may have been served and billed."""
        return self._lost

    @property
    def open_calls(self) -> int:
        """How many calls are in flight."""
        return self._n_open

    @property
    def left_s(self) -> float:
        """How long the servers may still be paid for; without a cap, or a price by the hour, for ever."""
        if self.max_usd is None or not self.meter.usd_per_s:
            return float("inf")
        return (self.max_usd - self._held.usd - self.meter.usd) / self.meter.usd_per_s

    def reserve(self, worst: Amount) -> None:
        """Set an amount aside.

        Raises:
            BudgetError: the cap could be passed.

        """
        if not self._fits(worst):
            raise self.refusal(worst)
        self._n_open += 1
        self._reserved = self._reserved.plus(worst)

    async def admit(self, worst: Amount) -> None:
        """Set an amount aside as soon as it fits: calls in flight mostly cost less than their worst case.

        Raises:
            BudgetError: it does not fit, and nothing in flight could make room.

        """
        while self._n_open and not self._fits(worst):
            future: _Future = asyncio.get_running_loop().create_future()
            self._waiters.append(future)
            await future
        self.reserve(worst)

    def settle(self, worst: Amount, used: Amount) -> None:
        """Book what a reserved call really used."""
        self._spent = self._spent.plus(used)
        self._release(worst)

    def abandon(self, worst: Amount) -> None:
        """Keep what was set aside for a call of which nobody will know what it used."""
        self.lost_calls += 1
        self._lost = self._lost.plus(worst)
        self._release(worst)

    def _release(self, worst: Amount) -> None:
        self._n_open -= 1
        self._reserved = self._reserved.plus(Amount(tokens=-worst.tokens, usd=-worst.usd))
        if not self._n_open:
            self.meter.rest()
            self._reserved = Amount()  # the rounding errors of many sums and differences end here
        _wake(self._waiters)

    @property
    def _held(self) -> Amount:
        return self._spent.plus(self._reserved).plus(self._lost)

    def _fits(self, worst: Amount) -> bool:
        held = self._held.plus(worst)
        return (self.max_tokens is None or held.tokens <= self.max_tokens) and (
            self.max_usd is None or held.usd + self.meter.usd_after_a_call <= self.max_usd
        )

    def refusal(self, worst: Amount | None = None) -> BudgetError:
        """Return the error that says how far the money went; without a next call it is the time that is over."""
        caps = [
            f"{self.max_tokens:,} tokens" if self.max_tokens is not None else "",
            f"{self.max_usd:,} US dollars" if self.max_usd is not None else "",
        ]
        aside = self._reserved.plus(self._lost)
        time_ = f", and {self.meter.usd:.4f} US dollars for the servers' time" if self.meter.usd_per_s else ""
        next_ = "" if worst is None else f", and the next call could take {self._shown(worst)}"
        return BudgetError(
            f"The budget of {' and '.join(cap for cap in caps if cap)} is reached: "
            f"{self._shown(self._spent)} are spent{time_}, {self._shown(aside)} are set aside{next_}.",
            hint="To go on, run again with a greater --budget-usd or --budget-tokens.",
        )

    def _shown(self, amount: Amount) -> str:
        # Without a cap in dollars the price may be unknown, and is then counted as nothing.
        dollars = "" if self.max_usd is None else f" ({amount.usd:.4f} US dollars)"
        return f"{amount.tokens:,} tokens{dollars}"
