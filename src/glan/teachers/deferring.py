"""A teacher that answers nothing: what it is asked is put aside for a batch, and its slot stays open meanwhile.

    ledgered = Ledgered(Deferring(spool, servers, budget, live=panel, known=known), ledger, permits)

The first request of each kind is asked live: a wrong key, an unknown model, a parameter that the model does not take
or a form of structured output that it cannot give shows within seconds then, and not after hours in every line.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from glan.errors import DeferredError
from glan.records import Reply, Request, Stage
from glan.teachers.base import Teacher
from glan.teachers.batch import BatchServer
from glan.teachers.fingerprints import fingerprint
from glan.teachers.limits import Amount, Budget, worst_case
from glan.teachers.outbox import custom_id_of
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

    def has_failed(self, request: Request) -> bool:
        """Say whether a request is to be asked live."""
        if not self.failed:
            return False
        return self.failed[custom_id_of(request, fingerprint(request))] >= _MOST_FAILED


class Deferring:
    """Puts requests aside, as far as the budget bears their worst case."""

    def __init__(
        self,
        spool: Spool,
        servers: Mapping[Stage, BatchServer],
        budget: Budget,
        *,
        live: Teacher | None = None,
        known: Known | None = None,
    ) -> None:
        """Put what is asked into a spool.

        Args:
            spool: where it goes.
            servers: which server gets the batches of each stage.
            budget: what may be spent.
            live: who answers what must not wait; without one everything is put aside.
            known: what was learnt before.

        """
        self._spool = spool
        self._servers = servers
        self._budget = budget
        self._live = live
        self._known = known or Known()
        self._probing: defaultdict[_Kind, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def reply(self, request: Request) -> Reply:
        """Put a request aside.

        Raises:
            DeferredError: it waits now.
            BudgetError: not one more request fits into the budget, and none waits.

        """
        if self._live is not None:
            kind = (request.sampling.model, request.stage, request.schema)
            if self._known.has_failed(request):
                return await self._live.reply(request)
            if self._known.probes and kind not in self._known.kinds:
                async with self._probing[kind]:
                    if kind not in self._known.kinds:
                        reply = await self._live.reply(request)
                        self._known.kinds.add(kind)
                        return reply
        self._put(request)
        raise DeferredError(f"{request.id} waits for a batch.")

    def _put(self, request: Request) -> None:
        server = self._servers[request.stage]
        worst = worst_case(request, server.price)
        if self._budget.fits(self._spool.worst + worst):
            self._spool.put(request, server, worst)
        elif not self._spool.requests and self._budget.reserved == Amount():
            self._budget.reserve(worst)  # raises: it is said in the budget's own words
