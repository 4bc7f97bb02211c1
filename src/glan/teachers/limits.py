"""What requests may cost. It knows no HTTP.

while not budget.reserve(worst, rank):
    await budget.changed(rank)
budget.settle(worst, used)
"""

import asyncio
import heapq
import time
from collections.abc import Callable
from itertools import count

from glan.errors import BudgetError
from glan.streams import wake
from glan.teachers.prices import Amount

_Future = asyncio.Future[None]


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
        self._out = Amount()
        self._n_out = 0
        self._n_open = 0
        self._waiters: list[tuple[int, int, _Future]] = []
        self._order = count()

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
    def out(self) -> Amount:
        """The worst case of the batches that are out; the ledger has a row of each, so nothing more is written down."""
        return self._out

    @property
    def left_s(self) -> float:
        """How long the servers may still be paid for; without a cap, or a price by the hour, for ever."""
        if self.max_usd is None or not self.meter.usd_per_s:
            return float("inf")
        return (self.max_usd - self._held.usd - self.meter.usd) / self.meter.usd_per_s

    def reserve(self, worst: Amount, rank: int = 0) -> bool:
        """Set an amount aside if it fits; False where calls in flight may make room, since most cost less than that.

        Who waits for room is not passed by a smaller call of a later rank: near the end of the money questions, which
        are small, would else take what the answers of those before them wait for.

        Raises:
            BudgetError: it does not fit, and nothing in flight could make room.

        """
        if self._is_awaited_before(rank):
            return False
        if self.fits(worst):
            self._n_open += 1
            self._reserved = self._reserved.plus(worst)
            return True
        if not self._n_open:
            raise self.refusal(worst)
        return False

    async def changed(self, rank: int = 0) -> None:
        """Return when a call in flight has ended; there must be one. The lowest rank is told first."""
        future: _Future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiters, (rank, next(self._order), future))
        await future

    def _is_awaited_before(self, rank: int) -> bool:
        """Say whether a call of a lower rank waits for room; then one is in flight, whose end wakes all who wait."""
        while self._waiters and self._waiters[0][2].done():
            heapq.heappop(self._waiters)
        return bool(self._waiters) and self._waiters[0][0] < rank

    def _wake(self) -> None:
        wake([future for _, _, future in sorted(self._waiters, key=lambda waiter: waiter[:2])])
        self._waiters.clear()

    def settle(self, worst: Amount, used: Amount) -> None:
        """Book what a reserved call really used."""
        self._spent = self._spent.plus(used)
        self._release(worst)

    def abandon(self, worst: Amount) -> None:
        """Keep what was set aside for a call of which nobody will know what it used."""
        self.lost_calls += 1
        self._lost = self._lost.plus(worst)
        self._release(worst)

    def reserve_batch(self, worst: Amount) -> None:
        """Set the worst case of a batch aside, before it is handed in.

        Raises:
            BudgetError: it does not fit.

        """
        if not self.fits(worst):
            raise self.refusal(worst)
        self._n_out += 1
        self._out = self._out.plus(worst)

    def settle_batch(self, worst: Amount, used: Amount) -> None:
        """Book what a batch really used, once its replies are durable."""
        self._spent = self._spent.plus(used)
        self._n_out -= 1
        self._out = self._out.minus(worst) if self._n_out else Amount()
        self.meter.rest()
        self._wake()

    def close(self) -> None:
        """Stop the clock: nothing is asked any more. Servers that work on a batch are paid until now."""
        if self._n_out:
            self.meter.rest()
        self.meter.stop()

    def _release(self, worst: Amount) -> None:
        self._n_open -= 1
        self._reserved = self._reserved.minus(worst)
        if not self._n_open:
            self.meter.rest()
            self._reserved = Amount()  # the rounding errors of many sums and differences end here
        self._wake()

    @property
    def _held(self) -> Amount:
        return self._spent.plus(self._aside)

    @property
    def _aside(self) -> Amount:
        return self._reserved.plus(self._lost).plus(self._out)

    def fits(self, worst: Amount) -> bool:
        """Say whether an amount could be set aside now."""
        if self.max_tokens is None and self.max_usd is None:
            return True
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
        time_ = f", and {self.meter.usd:.4f} US dollars for the servers' time" if self.meter.usd_per_s else ""
        next_ = "" if worst is None else f", and the next call could take {self._shown(worst)}"
        return BudgetError(
            f"The budget of {' and '.join(cap for cap in caps if cap)} is reached: "
            f"{self._shown(self._spent)} are spent{time_}, {self._shown(self._aside)} are set aside{next_}.",
            hint="To go on, run again with a greater --budget-usd or --budget-tokens.",
        )

    def _shown(self, amount: Amount) -> str:
        # Without a cap in dollars the price may be unknown, and is then counted as nothing.
        dollars = "" if self.max_usd is None else f" ({amount.usd:.4f} US dollars)"
        return f"{amount.tokens:,} tokens{dollars}"
