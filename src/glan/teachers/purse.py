"""What the calls of a run cost: set aside in the ledger before they are sent, booked once they are in it.

    call = purse.begin(request)
    with call:
        ...                       # ask, and commit
        call.settle(outcome)

A run that dies leaves in the ledger the most that its calls in flight can have cost, and what its servers cost by the
hour: the next run counts that as spent. It refuses to know teachers and how they are reached.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from glan.errors import LedgerError, StoppedError, TeacherError
from glan.records import Reply, Request, Stage, TimedOut
from glan.settings import Price
from glan.teachers.ledger_rows import Aside
from glan.teachers.limits import Budget
from glan.teachers.prices import Amount, most_taken, used

_MORE = 1.25
"""What is set aside in the ledger grows in steps of so much, since each step is a write to the disk."""
_BOOKED_AHEAD_S = 15.0
"""Time of servers that is booked before it has passed."""


def _forget(_: Aside) -> None:
    """Set nothing aside: what answers here costs nothing that outlives the process."""


class Purse:
    """Where the money of a run comes from."""

    def __init__(
        self,
        budget: Budget | None = None,
        prices: Mapping[Stage, Price | None] | None = None,
        store: Callable[[Aside], None] = _forget,
    ) -> None:
        """Hold what may be spent.

        Args:
            budget: the caps, and what is spent already.
            prices: of the tokens of each stage; None where it is unknown.
            store: makes what is set aside durable.

        """
        self.budget = Budget() if budget is None else budget
        self._prices = {} if prices is None else prices
        self._store = store
        self._stored = Aside()
        self._ahead = Amount()

    def begin(self, request: Request) -> "Call | None":
        """Set aside what a call can take; None where that may fit once something in flight has ended.

        Raises:
            BudgetError: it could pass the cap, and nothing in flight could make room.
            LedgerError: it cannot be made durable.

        """
        worst = most_taken(request, self.price_of(request.stage))
        if not self.budget.reserve(worst, request.rank):
            return None
        try:
            self._write_ahead()
        except LedgerError:
            self.budget.abandon(worst)
            raise
        return Call(self, request, worst)

    def price_of(self, stage: Stage) -> Price | None:
        return self._prices.get(stage)

    @property
    def lost(self) -> TimedOut:
        """The calls that were given up in flight, and the most that they can have taken."""
        lost = self.budget.lost
        return TimedOut(tries=self.budget.lost_calls, tokens=lost.tokens, cost_usd=self._known(lost))

    def _write_ahead(self) -> None:
        """See that the ledger knows of all that is set aside, and of more."""
        budget = self.budget
        needed = budget.reserved.plus(budget.lost)
        if needed.tokens > self._ahead.tokens or needed.usd > self._ahead.usd:
            self._ahead = self._within_cap(needed)
            self._write(int((budget.open_calls + budget.lost_calls) * _MORE))

    def beat(self) -> float:
        """Book the servers' time ahead of the clock, set no more aside than is needed, and say how long it is paid for.

        It is called every second. What cannot be written is told by the next call that has to be.
        """
        with suppress(LedgerError):
            self._follow_the_clock()
        return self.budget.left_s

    def _follow_the_clock(self) -> None:
        budget, meter = self.budget, self.budget.meter
        needed = budget.reserved.plus(budget.lost)
        if self._ahead.tokens > _MORE * _MORE * needed.tokens:
            self._ahead = self._within_cap(needed)
            self._write(int((budget.open_calls + budget.lost_calls) * _MORE))
        elif meter.usd + meter.usd_per_s * _BOOKED_AHEAD_S / 3 > self._stored.server_usd:
            self._write(self._stored.calls)

    def close(self) -> None:
        """Book what the run really came to: the calls that were given up, and the servers' time until now."""
        budget = self.budget
        budget.close()
        self._ahead = budget.lost.plus(budget.reserved)
        with suppress(LedgerError):  # what is set aside for the calls in flight is in the ledger already
            self._write(budget.lost_calls + budget.open_calls)

    def _write(self, calls: int) -> None:
        aside = Aside(
            calls=calls,
            tokens=self._ahead.tokens,
            usd=self._known(self._ahead),
            server_usd=self._server_usd,
        )
        if aside != self._stored:
            self._store(aside)
            self._stored = aside

    def _known(self, amount: Amount) -> float | None:
        return None if amount.tokens and None in self._prices.values() else amount.usd

    @property
    def _server_usd(self) -> float:
        """What the servers' time comes to in a while, or to the end of the money; now, once nothing is asked."""
        meter = self.budget.meter
        ahead_s = 0.0 if meter.is_over else max(0.0, min(_BOOKED_AHEAD_S, self.budget.left_s))
        return meter.usd + ahead_s * meter.usd_per_s

    def _within_cap(self, needed: Amount) -> Amount:
        """Return more than is needed, as far as the cap leaves it."""
        budget = self.budget
        tokens, usd = int(needed.tokens * _MORE), needed.usd * _MORE
        if budget.max_tokens is not None:
            tokens = max(needed.tokens, min(tokens, budget.max_tokens - budget.spent.tokens))
        if budget.max_usd is not None:
            usd = max(needed.usd, min(usd, budget.max_usd - budget.spent.usd))
        return Amount(tokens=tokens, usd=usd)


class Call:
    """One call while it is under way. What is never settled may be paid for, and stays set aside."""

    __slots__ = ("_is_open", "_purse", "_request", "_worst")

    def __init__(self, purse: Purse, request: Request, worst: Amount) -> None:
        self._purse = purse
        self._request = request
        self._worst = worst
        self._is_open = True

    def settle(self, outcome: Reply | TeacherError | StoppedError) -> None:
        """Book what it took, once that is durable or known to be nothing."""
        self._is_open = False
        budget = self._purse.budget
        if isinstance(outcome, Reply):
            budget.meter.see(outcome.latency_s)
        budget.settle(self._worst, used(self._request, outcome, self._purse.price_of(self._request.stage)))

    def release(self) -> None:
        """Book nothing: it was not sent."""
        self._is_open = False
        self._purse.budget.settle(self._worst, Amount())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._is_open:
            self._purse.budget.abandon(self._worst)
