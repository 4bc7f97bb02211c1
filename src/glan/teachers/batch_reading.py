"""From the lines of a batch's output to the ledger: each leads back to its request, whatever their order.

A line is judged as a live answer would be: a reply or a refusal for good is committed, and what may pass is asked
again. A line whose reply the ledger has already, from before a kill, is left. It knows no HTTP and no waiting.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from msgspec.structs import replace

from glan.errors import GlanError, RequestError
from glan.records import Reply
from glan.teachers.batch_lines import Output
from glan.teachers.deferring import Known
from glan.teachers.kinds import Kind, Trouble
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Tally
from glan.teachers.outbox import Parcel, Waiting
from glan.teachers.prices import Amount
from glan.teachers.wire import Rung

_AT_ONCE: Final = 256
"""Lines that are committed together."""
_MOST_NAMED: Final = 5
_OF_ALL: Final = frozenset({Kind.KEY, Kind.CREDIT, Kind.MODEL, Kind.MOVED})
_LATER: Final = frozenset({Kind.LATER, Kind.TIMED_OUT})

Find = Callable[[str], tuple[Parcel, Waiting] | None]
"""Leads from the name of a line to its batch and its request."""


class Judge(Protocol):
    """Who knows what the lines of a server say."""

    def read(self, raw: bytes) -> Output | None: ...

    def error_of(self, trouble: Trouble, model: str) -> GlanError: ...


@dataclass(slots=True, kw_only=True)
class Read:
    """What the lines of some output were."""

    replies: int = 0
    failures: int = 0
    again: int = 0
    """Requests that failed in a way that may pass: they are asked again."""
    there: int = 0
    """Lines whose reply the ledger had already."""
    n_strange: int = 0
    """Lines that belong to nothing."""
    strange: list[str] = field(default_factory=list)
    """The names of the first ones."""
    error: GlanError | None = None
    """What keeps the teacher from answering anybody."""
    used: Amount = field(default_factory=Amount)
    """What the replies took and cost; a reply that does not say is counted at its share of the worst case."""

    def miss(self, name: str) -> None:
        """Count a line that belongs to nothing."""
        self.n_strange += 1
        if len(self.strange) < _MOST_NAMED:
            self.strange.append(name)


class Reading:
    """Takes lines and commits what they say."""

    def __init__(self, ledger: Ledger, judge: Judge, *, tally: Tally, known: Known) -> None:
        self._ledger = ledger
        self._judge = judge
        self._tally = tally
        self._known = known
        self.found = Read()
        self.ended: list[tuple[Parcel, str]] = []
        """The requests that wait no longer, by the names of their lines."""

    async def read(self, path: Path, find: Find) -> None:
        """Commit what a file says; what it says is in `found` then, with that of the files before.

        Raises:
            LedgerError: a reply could not be written.

        """
        with path.open("rb") as file:
            while lines := list(islice(file, _AT_ONCE)):
                await self._commit([*self._outcomes(lines, find)])

    def _outcomes(self, lines: list[bytes], find: Find) -> Iterator[tuple[Waiting, Reply | str]]:
        """Give what is to be committed, and count everything else."""
        for raw in lines:
            line = self._judge.read(raw) if raw.strip() else None
            if line is None:
                if raw.strip():
                    self.found.miss(raw[:60].decode("utf-8", "replace").strip())
                continue
            whose = find(line.custom_id)
            if whose is None:
                self.found.miss(line.custom_id[:60])
                continue
            parcel, waiting = whose
            self.ended.append((parcel, line.custom_id))
            if self._is_there(parcel, waiting):
                self.found.there += 1
                continue
            outcome = self._judged(line.found, parcel, waiting)
            if outcome is not None:
                yield waiting, outcome

    def _is_there(self, parcel: Parcel, waiting: Waiting) -> bool:
        request = waiting.request
        place = self._ledger.at(request.id, sample=request.sample, attempt=request.attempt)
        entry = place.find(waiting.fingerprint, max_tokens=request.sampling.max_tokens)
        return entry is not None and entry.seq > parcel.after_seq

    def _judged(self, found: Reply | Trouble, parcel: Parcel, waiting: Waiting) -> Reply | str | None:
        """Return a reply, or the error with which a request failed for good; None where it is asked again."""
        stage, model = waiting.request.stage, waiting.request.sampling.model
        if isinstance(found, Reply):
            self.found.replies += 1
            self.found.used = self.found.used.plus(_used(found, parcel))
            reply = replace(found, rung=waiting.rung)
            self._tally.count_call(stage, reply)
            return reply
        has_other_form = waiting.rung is not None and waiting.rung != Rung.TEXT
        if found.kind is Kind.REFUSED or (found.kind is Kind.FORM and not has_other_form):
            error = self._judge.error_of(found, model)
            if isinstance(error, RequestError):
                self.found.failures += 1
                self._tally.count_call(stage, error)
                return str(error)
        if found.kind in _OF_ALL:
            self.found.error = self._judge.error_of(found, model)
        else:
            self._known.fail(waiting.custom_id, is_for_form=found.kind not in _LATER)
        self.found.again += 1
        return None

    async def _commit(self, outcomes: list[tuple[Waiting, Reply | str]]) -> None:
        self._ledger.in_flight += len(outcomes)
        try:
            await asyncio.gather(
                *[self._ledger.commit(waiting.request, waiting.fingerprint, outcome) for waiting, outcome in outcomes]
            )
        finally:
            self._ledger.in_flight -= len(outcomes)


def _used(reply: Reply, parcel: Parcel) -> Amount:
    usage, share = reply.usage, max(parcel.requests, 1)
    is_counted = usage.prompt_tokens is not None and usage.completion_tokens is not None
    tokens = (usage.prompt_tokens or 0) + (usage.completion_tokens or 0) if is_counted else parcel.tokens // share
    return Amount(tokens=tokens, usd=parcel.usd / share if reply.cost_usd is None else reply.cost_usd)
