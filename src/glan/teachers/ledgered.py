"""A teacher that asks the ledger first, and another teacher only for what the ledger lacks.

    ledgered = Ledgered(teacher, ledger, permits, choice=Choice.EXACT)
    reply = await ledgered.reply(request)

It refuses to know stages, prices and how a teacher is reached. What it returns is durable.
"""

import asyncio
import copy
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from msgspec import structs

from glan.errors import (
    DeferredError,
    GlanError,
    LedgerError,
    RequestError,
    StoppedError,
    UnusableError,
    WouldAskAgainError,
)
from glan.records import OF_A_PAIR, Reply, Request, Stage, TimedOut
from glan.teachers.base import Teacher
from glan.teachers.fingerprints import fingerprint
from glan.teachers.ledger import Entry, Ledger, Place
from glan.teachers.ledger_rows import Failure
from glan.teachers.limits import Meter
from glan.teachers.purse import Call, Purse
from glan.teachers.shelf import ELSEWHERE, Shelf
from glan.teachers.suspicions import is_all_thought, is_cut

FIRST = 50
"""So many calls of a stage, the first of a run, show whether a model has room to think."""


class Choice(StrEnum):
    """What is done where the ledger answers a place under another fingerprint only."""

    EXACT = "exact"
    """Nothing is asked: an error."""
    KEEP = "keep"
    """The reply committed last for the place is used, whatever its fingerprint."""
    REASK = "reask"
    """The place is asked anew."""


class Permits(Protocol):
    """Who decides how many calls are in flight, and which comes next."""

    def of(self, stage: Stage, /) -> "Pool":
        """Return those of a stage."""
        ...


class Pool(Protocol):
    """Permits that some stages share."""

    def at(self, rank: int, /) -> AbstractAsyncContextManager[None]:
        """Wait for a permit, the lowest rank first, and hold it.

        Raises:
            StoppedError: nothing more is asked.

        """
        ...


@dataclass(slots=True, kw_only=True)
class PossiblyPaid:
    """Calls of which nobody saw a reply and that may have been served and billed, with the most that they cost."""

    calls: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0
    """None where a price is unknown."""

    def add(self, found: TimedOut) -> None:
        """Count some more."""
        self.calls += found.tries
        self.tokens += found.tokens
        self.cost_usd = None if self.cost_usd is None or found.cost_usd is None else self.cost_usd + found.cost_usd


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was asked and what came from the ledger, counted as it happens."""

    in_flight: int = 0
    """Calls that hold a permit: asked and not yet committed."""
    hits: int = 0
    hits_by_stage: Counter[Stage] = field(default_factory=Counter)
    """Replies and failures that the ledger had."""
    from_shelf: Counter[Stage] = field(default_factory=Counter)
    """Those among them that another project paid for, when they were first needed here."""
    asked_by_stage: Counter[Stage] = field(default_factory=Counter)
    """Calls that ended with a reply or a failure in the ledger."""
    failures_by_stage: Counter[Stage] = field(default_factory=Counter)
    """Failures among both."""
    prompt_tokens: int = 0
    """Of the calls; what came from the ledger was paid before."""
    completion_tokens: int = 0
    cached_tokens: int | None = None
    """Prompt tokens that a server had read before; None while none has told."""
    known_cost_usd: float = 0.0
    unknown_costs: int = 0
    """Calls with a reply whose cost nobody knows."""
    all_thought: Counter[Stage] = field(default_factory=Counter)
    """Calls among the first of each stage in which thinking used up the room."""
    timed_out: PossiblyPaid = field(default_factory=PossiblyPaid)
    """Tries that timed out."""
    by_hour: frozenset[Stage] = frozenset()
    """Stages whose server is paid by the hour, and not by the call."""
    meter: Meter = field(default_factory=lambda: Meter(0.0))
    """Of the servers' time."""

    @property
    def asked(self) -> int:
        return self.asked_by_stage.total()

    @property
    def failures(self) -> int:
        return self.failures_by_stage.total()

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def cost_usd(self) -> float | None:
        """What the calls and the servers' time cost; None where the cost of a call is unknown."""
        return None if self.unknown_costs else self.known_cost_usd + self.meter.usd

    def as_dict(self) -> dict[str, object]:
        """Return the counts as JSON can hold them."""
        return {
            "in_flight": self.in_flight,
            "hits": _shown(self.hits_by_stage),
            "asked": _shown(self.asked_by_stage),
            "failed": _shown(self.failures_by_stage),
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cached_tokens": self.cached_tokens,
            "cost_usd": self.known_cost_usd,
            "unknown_costs": self.unknown_costs,
        }

    def count_call(self, stage: Stage, outcome: Reply | RequestError) -> None:
        """Count a call that ended."""
        self.asked_by_stage[stage] += 1
        self.timed_out.add(outcome.timed_out)
        if isinstance(outcome, RequestError):
            self.failures_by_stage[stage] += 1
            return
        if self.asked_by_stage[stage] <= FIRST and is_all_thought(outcome):
            self.all_thought[stage] += 1
        self.prompt_tokens += outcome.usage.prompt_tokens or 0
        self.completion_tokens += outcome.usage.completion_tokens or 0
        if outcome.usage.cached_tokens is not None:
            self.cached_tokens = (self.cached_tokens or 0) + outcome.usage.cached_tokens
        self.known_cost_usd += outcome.cost_usd or 0.0
        self.unknown_costs += outcome.cost_usd is None and stage not in self.by_hour

    def count_hit(self, stage: Stage, entry: Entry) -> None:
        """Count what the ledger had."""
        self.hits += 1
        self.hits_by_stage[stage] += 1
        self.failures_by_stage[stage] += entry.reply is None


def _shown(counts: Counter[Stage]) -> dict[str, int]:
    """Return counts by stage: always of the stages of a pair, and of others where there are any."""
    return {stage.value: counts[stage] for stage in Stage if counts[stage] or stage in OF_A_PAIR}


@dataclass(slots=True, eq=False)
class Ledgered:
    """A teacher behind the ledger."""

    teacher: Teacher
    ledger: Ledger
    permits: Permits
    choice: Choice = field(default=Choice.EXACT, kw_only=True)
    retry_failed_before: int | None = field(default=None, kw_only=True)
    """Failures up to this place in the ledger count as absent, and so do replies to a prompt that was cut."""
    tally: Tally = field(default_factory=Tally, kw_only=True)
    purse: Purse = field(default_factory=Purse, kw_only=True)
    counts_hits_to: int | None = field(default=None, kw_only=True)
    """Only what the ledger had up to this place is counted as a hit: the rest is the run's own, from a batch."""
    on_mismatch: Callable[[Request, Entry], None] | None = field(default=None, kw_only=True)
    """With KEEP: is told every reply that is used for a request of another fingerprint."""
    _asking: dict[tuple[str, bytes], asyncio.Future[GlanError | None] | None] = field(default_factory=dict, init=False)
    """What is under way, and who told of its end; None while nobody else wants the same."""
    _shelf: Shelf = field(init=False)
    """What other projects paid for."""
    _broken: LedgerError | UnusableError | None = field(default=None, init=False)
    """Why nothing more is asked: the ledger took no reply, so that more would be lost, or nobody is answered."""

    def __post_init__(self) -> None:
        self._shelf = Shelf(self.ledger)

    async def reply(self, request: Request) -> Reply:
        """Return the reply of the ledger, or ask and return what was committed.

        Raises:
            RequestError: the request failed for good, now or when it was asked.
            WouldAskAgainError: the ledger answers the place under another fingerprint.
            DeferredError, UnusableError, StoppedError: from the teacher and the permits; they are not recorded.

        """
        key = (request.id, fingerprint(request))
        while True:
            found = self.ledger.at(request.id, sample=request.sample, attempt=request.attempt)
            entry = self._found(found, request, key[1])
            if entry is not None:
                return self._told(request, entry, is_kept=entry.fingerprint != key[1])
            if key not in self._asking:
                shared = self._shared(request, key[1])
                if shared is not None:
                    return await self._taken(request, key, shared)
                if self.choice is Choice.EXACT:
                    _refuse_other(found, request, key[1])
                return await self._ask(request, key)
            # The same request is under way: paid once, it is found when it is there, or asked if it was given up.
            over = self._asking[key] or asyncio.get_running_loop().create_future()
            self._asking[key] = over
            error = await asyncio.shield(over)
            if error is not None:
                raise copy.copy(error)  # one error raised by many tasks would gather all their tracebacks

    def _shared(self, request: Request, wanted: bytes) -> Reply | None:
        """Return what the shelf has; nothing to a prompt that was cut, where that is asked again."""
        reply = self._shelf.find(request, wanted)
        is_again = self.retry_failed_before is not None
        return None if reply is not None and is_again and is_cut(request, reply) else reply

    async def _taken(self, request: Request, key: tuple[str, bytes], reply: Reply) -> Reply:
        """Take a reply off the shelf: it is committed as one that was paid for elsewhere; who only looks leaves it."""
        if self.on_mismatch is None and not self.ledger.is_readonly:
            self._asking[key] = None
            try:
                await self._commit(request, key[1], reply, run=ELSEWHERE)
            finally:
                over = self._asking.pop(key)
                if over is not None:
                    over.set_result(None)
        self.tally.hits += 1
        self.tally.hits_by_stage[request.stage] += 1
        self.tally.from_shelf[request.stage] += 1
        return reply

    def _found(self, found: Place, request: Request, wanted: bytes) -> Entry | None:
        if self.choice is Choice.KEEP:
            entry = self._kept(found, request, wanted)
        else:
            entry = found.find(wanted, max_tokens=request.sampling.max_tokens)
        if entry is None or self.retry_failed_before is None:
            return entry
        if entry.reply is not None and not is_cut(request, entry.reply):
            return entry
        return entry if entry.seq > self.retry_failed_before else None

    def _kept(self, found: Place, request: Request, wanted: bytes) -> Entry | None:
        entry, room = found.standing(), request.sampling.max_tokens
        if entry is None:
            return None
        if entry.fingerprint == wanted:
            # Room is no part of the fingerprint: what was cut off is asked again, also where all else is kept.
            return found.find(wanted, max_tokens=room) if entry.is_short_of(room) else entry
        if entry.reply is not None and self.on_mismatch is not None:
            exact = found.find(wanted, max_tokens=room)
            if exact is not None:
                return exact  # the reply to exactly this is there too: nobody would ask for it again
            if self._shelf.find(request, wanted) is not None:
                return None
            self.on_mismatch(request, entry)
        return entry

    def _told(self, request: Request, entry: Entry, *, is_kept: bool) -> Reply:
        if self.counts_hits_to is None or entry.seq <= self.counts_hits_to:
            self.tally.count_hit(request.stage, entry)
        if entry.reply is None:
            raise RequestError(entry.failure or "")
        return structs.replace(entry.reply, is_kept=True) if is_kept else entry.reply

    async def _ask(self, request: Request, key: tuple[str, bytes]) -> Reply:
        """Ask while others that want the same wait for the outcome."""
        self._asking[key] = None
        told: GlanError | None = None
        try:
            # Up to here nothing was waited for, and there may be no task yet that can be timed out.
            await asyncio.sleep(0)
            return await self._call(request, key[1])
        except RequestError:
            raise  # it is in the ledger, where the others find it
        except GlanError as error:
            told = error
            raise
        finally:
            over = self._asking.pop(key)
            if over is not None:
                over.set_result(told)

    async def _call(self, request: Request, wanted: bytes) -> Reply:
        """Ask under a permit, which is held until the outcome is durable, and as soon as the budget bears it.

        Who waits for the budget holds no permit: one who has both may have lent its permit while it pauses.
        """
        while True:
            async with self.permits.of(request.stage).at(request.rank):
                if self._broken is not None:
                    raise copy.copy(self._broken)
                call = self.purse.begin(request)
                if call is not None:
                    return await self._counted(request, wanted, call)
            await self.purse.budget.changed(request.rank)

    async def _counted(self, request: Request, wanted: bytes, call: Call) -> Reply:
        self.tally.in_flight += 1
        self.ledger.in_flight += 1
        try:
            with call:
                outcome = await self._committed(request, wanted, call)
        finally:
            self.tally.in_flight -= 1
            self.ledger.in_flight -= 1
        self.tally.count_call(request.stage, outcome)
        if isinstance(outcome, RequestError):
            raise outcome
        return outcome

    async def _committed(self, request: Request, wanted: bytes, call: Call) -> Reply | RequestError:
        """Return the outcome when it is durable; only then it is booked."""
        outcome: Reply | RequestError
        try:
            outcome = await self.teacher.reply(request)
        except RequestError as error:
            outcome = error
        except DeferredError:
            call.release()
            raise
        except (UnusableError, StoppedError) as error:
            if isinstance(error, UnusableError):
                self._broken = error
            if not error.timed_out.tries:  # what timed out before it may be paid for, and is in no row
                call.settle(error)
            raise
        if outcome.timed_out.tries and request.stage in self.tally.by_hour:
            outcome = _without_cost(outcome)
        await self._commit(request, wanted, outcome)
        call.settle(outcome)
        return outcome

    async def _commit(
        self, request: Request, wanted: bytes, outcome: Reply | RequestError, *, run: int | None = None
    ) -> None:
        if isinstance(outcome, RequestError):
            stored: Reply | Failure = Failure(text=str(outcome), timed_out=outcome.timed_out)
        else:
            stored = outcome
        try:
            await self.ledger.commit(request, wanted, stored, run=run)
        except LedgerError as error:
            self._broken = error
            raise


def _without_cost(outcome: Reply | RequestError) -> Reply | RequestError:
    """Return an outcome of which the tries that timed out cost nothing: the hour is paid anyway."""
    timed_out = structs.replace(outcome.timed_out, cost_usd=0.0)
    if isinstance(outcome, Reply):
        return structs.replace(outcome, timed_out=timed_out)
    outcome.timed_out = timed_out
    return outcome


def _refuse_other(found: Place, request: Request, wanted: bytes) -> None:
    """Refuse what is answered under another fingerprint only; more room and new tries of failures are no change."""
    other = found.standing()
    if other is None or other.reply is None or found.find(wanted, max_tokens=0) is not None:
        return
    raise WouldAskAgainError(
        f"The ledger has a reply for {request.id} (sample {request.sample}, attempt {request.attempt}) under "
        "another fingerprint: a prompt, the model or a parameter has changed, and it would be paid again.",
        hint="--keep uses the replies that are there, --reask asks anew.",
    )
