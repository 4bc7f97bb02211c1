"""A teacher that answers nothing: what it is asked is put aside for a batch, and its slot stays open meanwhile.

    aside = Ledgered(Deferring(spool, servers, budget, known=known), ledger, permits)
    teacher = Urgent(aside, Ledgered(panel, ledger, permits, purse=purse), known)

The first request of each kind is asked live: a wrong key, an unknown model, a parameter that the model does not take
or a form of structured output that it cannot give shows within seconds then, and not after hours in every line.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from glan.errors import DeferredError, GlanError
from glan.records import Reply, Request, Stage
from glan.teachers.base import Teacher
from glan.teachers.batch import BatchServer
from glan.teachers.fingerprints import fingerprint
from glan.teachers.limits import Budget
from glan.teachers.outbox import custom_id_of
from glan.teachers.prices import worst_case
from glan.teachers.spool import Spool

_Kind = tuple[str, Stage, str | None]

_MOST_FAILED = 2
"""A request that failed in so many batches is asked live, where it is answered or fails for good."""


@dataclass(slots=True, kw_only=True)
class Known:
    """What a run has learnt of its requests; a run that goes on learns it again."""

    kinds: set[_Kind] = field(default_factory=set)
    """Model, stage and schema of what was answered live."""
    probes: bool = True
    """Whether the first of each kind is asked live."""
    failed: Counter[str] = field(default_factory=Counter)
    """How often a request failed in a batch, by its name there."""

    def fail(self, custom_id: str, *, is_for_form: bool) -> None:
        """Note that a request failed in a batch; one whose form was refused is asked in other forms live."""
        self.failed[custom_id] += _MOST_FAILED if is_for_form else 1

    def is_live(self, request: Request) -> bool:
        """Say whether a request is asked live: vectors, which no batch gives, and what failed often."""
        if request.stage is Stage.EMBEDDINGS:
            return True
        if not self.failed:
            return False
        return self.failed[custom_id_of(request, fingerprint(request))] >= _MOST_FAILED

    def must_probe(self, request: Request) -> bool:
        """Say whether a request is the first of its kind."""
        return self.probes and _kind_of(request) not in self.kinds


def _kind_of(request: Request) -> _Kind:
    return request.sampling.model, request.stage, request.schema


class UrgentError(GlanError):
    """A request that must not wait for a batch."""


class Deferring:
    """Puts requests aside, as far as the budget bears their worst case."""

    def __init__(
        self,
        spool: Spool,
        servers: Mapping[Stage, BatchServer],
        budget: Budget,
        *,
        known: Known | None = None,
    ) -> None:
        """Put what is asked into a spool.

        Args:
            spool: where it goes.
            servers: which server gets the batches of each stage.
            budget: what may be spent.
            known: what was learnt before; without it nothing is urgent.

        """
        self._spool = spool
        self._servers = servers
        self._budget = budget
        self._known = known

    async def reply(self, request: Request) -> Reply:
        """Put a request aside.

        Raises:
            DeferredError: it waits now.
            UrgentError: it must be asked live.
            BudgetError: not one more request fits into the budget, and none waits.

        """
        if self._known is not None and (self._known.is_live(request) or self._known.must_probe(request)):
            raise UrgentError(f"{request.id} is asked live.")
        self._put(request)
        raise DeferredError(f"{request.id} waits for a batch.")

    def _put(self, request: Request) -> None:
        server = self._servers[request.stage]
        worst = worst_case(request, server.price)
        if self._budget.fits(self._spool.worst.plus(worst)):
            self._spool.put(request, server, worst)
        elif not self._spool.requests and not self._budget.open_calls:
            raise self._budget.refusal(worst)


class Urgent:
    """Has asked live what must not wait: the first of each kind, vectors, and what failed in batches."""

    def __init__(self, aside: Teacher, live: Teacher, known: Known) -> None:
        """Stand before two teachers.

        Args:
            aside: puts requests aside, and raises `UrgentError` for those that must not wait.
            live: answers these.
            known: what was learnt before.

        """
        self._aside = aside
        self._live = live
        self._known = known
        self._probing: defaultdict[_Kind, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def reply(self, request: Request) -> Reply:
        """Return the reply of the ledger or a live one.

        Raises:
            DeferredError: it waits for a batch.

        """
        try:
            return await self._aside.reply(request)
        except UrgentError:
            if self._known.is_live(request):
                return await self._live.reply(request)
        async with self._probing[_kind_of(request)]:
            if self._known.must_probe(request):
                reply = await self._live.reply(request)
                self._known.kinds.add(_kind_of(request))
                return reply
        return await self._aside.reply(request)
