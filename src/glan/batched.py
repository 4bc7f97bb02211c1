"""Batch mode: the plan is walked from the ledger alone, and what it lacks is gathered and sent in batches.

    walk ─► what is missing, on disk ─► batches ─► wait ─► replies in the ledger ─► walk again ─► ... ─► the live walk

There is no second pipeline: a walk whose teacher puts requests aside begins the slots that a live one begins, and asks
for an answer only where the question has passed. When so little is left that no batch is worth it, the live walk that
follows asks the rest. A kill at any time is healed by walking again.
"""

import asyncio
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from glan.config import Config
from glan.curate.beside import examining
from glan.errors import ConfigError, DeferredError, GlanError, ProjectError, RequestError, StoppedError
from glan.pipeline import Job, Pipeline
from glan.progress import Progress
from glan.project import Project
from glan.records import Outcome, Reply, Request, Stage
from glan.settings import Limits
from glan.streams import collecting_rarely
from glan.teachers.base import Teacher
from glan.teachers.batch import BatchServer
from glan.teachers.batch_files import write
from glan.teachers.batch_post import Post
from glan.teachers.deferring import Deferring, Urgent
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Ledgered, Tally
from glan.teachers.outbox import Outbox, Parcel, State
from glan.teachers.panel import Panel
from glan.teachers.permits import Pools
from glan.teachers.purse import Purse
from glan.teachers.spool import Group, Spool
from glan.teachers.watched import Cuts, Watched
from glan.yields import LowYieldError

_log = logging.getLogger(__name__)


async def check_servers(stages: Sequence[Stage], servers: Mapping[Stage, BatchServer], *, asks: bool) -> None:
    """See that a server answers every stage, and takes batches where it is to be asked for some.

    Raises:
        GlanError: one does not, and nothing was asked.

    """
    batched = [stage for stage in stages if stage is not Stage.EMBEDDINGS]  # vectors are asked for live
    if not asks and len(batched) < len(stages):
        raise ConfigError(
            "[curation.embeddings] is enabled, and an offline runner's files have no place for embeddings.",
            hint="Turn it off until the replies are read back; `glan run` then asks for those of what is there.",
        )
    for stage in batched:
        if stage not in servers:
            raise ConfigError(
                f"The teacher of {stage} is no server, so there are no batches of it.",
                hint="Name a provider, such as openai/MODEL, or your own server, vllm/MODEL; or run it live.",
            )
    for server in dict.fromkeys([servers[stage] for stage in batched]) if asks else ():
        await server.check()


@contextmanager
def emptied(folder: Path) -> Iterator[None]:
    """Begin and end without a folder: what is in it is on its way, and after a kill on its way to nowhere."""
    if folder.is_symlink():  # a project may come from a stranger
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def post_of(ledger: Ledger, panel: Panel, project: Project, tally: Tally) -> Post:
    """Return what sends and reads the batches of a project."""
    servers = {(server.base_url, panel.models[stage]): server for stage, server in panel.batches.items()}
    return Post(ledger, servers, project.config.batch, project.batches_path, tally=tally)


async def settle_earlier(post: Post, *, waits: bool) -> None:
    """Read the batches that earlier runs left at a provider: asked for now, their requests would be paid twice.

    Raises:
        GlanError: there are some and they are not to be waited for, or they wait for a person.

    """
    refuse_written(post.outbox)
    await post.recover()
    if post.shown and not waits:
        raise ProjectError(
            f"Nothing is asked live here while there are batches: {post.told()}.",
            hint="`glan run` waits for them and reads them.",
        )
    if post.shown:
        _log.info("%s", post.told())
        await post.settle()


def refuse_written(outbox: Outbox) -> None:
    """Refuse to ask what was written for an offline runner and not read back.

    Raises:
        ProjectError: there is such a file.

    """
    for parcel in outbox.written():
        waiting = outbox.n_waiting(parcel)
        raise ProjectError(
            f"{waiting:,} requests were written to {parcel.server} for an offline runner, and wait for their replies.",
            hint=f"`glan batch read` takes them in; `glan batch drop {parcel.tag}` gives them up, and they are asked "
            "again then.",
        )


class OnlyLedger:
    """A teacher who answers nothing beyond what the ledger has: every other slot stays open."""

    async def reply(self, request: Request) -> Reply:
        """Refuse.

        Raises:
            DeferredError: always.

        """
        raise DeferredError(f"{request.id} is not in the ledger.")


@dataclass(slots=True, kw_only=True)
class Gathering:
    """The walks of one run that gather, and what is sent between them."""

    job: Job
    ledgered: Ledgered
    """The live teacher behind the ledger; it answers what must not wait."""
    panel: Panel
    limits: Limits
    post: Post
    progress: Progress
    """Shows what the last walk came to."""
    is_live: bool = True
    """Whether anything may be asked live; otherwise every request is gathered."""
    on_walk: Callable[[Pipeline], None] = lambda _: None
    """Is told each walk that begins."""

    async def __call__(self) -> GlanError | None:
        """Gather and send until a live walk can do the rest; return what keeps it from that, if anything does."""
        work = asyncio.create_task(self._guarded())
        stopping = asyncio.create_task(self.post.stopping.wait())
        try:
            await asyncio.wait((work, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                await asyncio.wait((work,), timeout=self.job.grace_s)
        finally:
            stopping.cancel()
            work.cancel()
            await asyncio.gather(work, stopping, return_exceptions=True)
        return None if work.cancelled() else work.result()  # a batch is found again whenever it was left

    async def write(self, out: Path) -> tuple[list[Parcel], int]:
        """Gather once, and write what the ledger lacks for an offline runner; return the files and the open slots.

        Raises:
            GlanError: the walk cannot go on, or the files cannot be written there.

        """
        spool = Spool(self.post.outbox, self.post.folder, self._config.batch)
        try:
            n_open, stopped = await self.gather(spool)
            if stopped is not None and not isinstance(stopped, LowYieldError):
                raise stopped
            return write(spool, out, self.post.outbox), n_open
        finally:
            spool.discard_all()

    async def gather(self, spool: Spool) -> tuple[int, GlanError | None]:
        """Walk once and put aside what the ledger lacks; return how many slots are open, and what stopped the walk."""
        permits = self.panel.permits(self.limits)
        keeps_cut = self._config.curation.cut_prompts == "keep"
        teacher = Watched(self._teacher(spool, permits), Cuts(), self.ledgered.tally, keeps_cut=keeps_cut)
        progress = Progress(wanted=self.job.pairs)
        n_open = 0
        job = self.job
        async with examining(self._config.curation, pairs=job.pairs, items=job.items, own=job.own) as examiner:
            asking = structs.replace(self.job.asking, teacher=teacher)
            walk = Pipeline(replace(self.job, asking=asking), permits=permits, progress=progress, examiner=examiner)
            self.on_walk(walk)
            with collecting_rarely():
                async for group in walk.decided():
                    n_open += sum(decided.outcome is Outcome.OPEN for decided in group)
        self.progress.outcomes, self.progress.reasons = progress.outcomes, progress.reasons
        _log.info("gathered %d requests; %d pairs, %d open slots", spool.requests, progress.pairs, n_open)
        return n_open, walk.stopped

    def _teacher(self, spool: Spool, permits: Pools) -> Teacher:
        """Return who puts requests aside, for which no money is set aside before they are sent, or asks them live."""
        known = self.post.known
        deferring = Deferring(spool, self.panel.batches, self.post.budget, known=known if self.is_live else None)
        aside = replace(self.ledgered, teacher=deferring, permits=permits, purse=Purse(), counts_hits_to=0)
        if not self.is_live:
            return aside
        return Urgent(aside, replace(self.ledgered, permits=permits, counts_hits_to=0), known)

    async def _guarded(self) -> GlanError | None:
        try:
            return await self._rounds()
        except GlanError as error:
            return error

    async def _rounds(self) -> GlanError | None:
        settings = self._config.batch
        if settings.tail == "live" and self.job.pairs < settings.minimum:
            return None
        while not self.post.stopping.is_set():
            fitting = structs.replace(settings, max_requests=self.post.most_requests)
            spool = Spool(self.post.outbox, self.post.folder, fitting)
            try:
                n_open, stopped = await self.gather(spool)
                if stopped is not None:
                    return None if isinstance(stopped, LowYieldError) else stopped
                is_tail = settings.tail == "live" and n_open < settings.minimum
                if not spool.requests or is_tail or self.post.stopping.is_set():
                    return None
                await self._send(spool)
            finally:
                spool.discard_all()
        return None

    async def _send(self, spool: Spool) -> None:
        """Send each group in batches, or ask it live where it is not worth one."""
        settings = self._config.batch
        few: list[Request] = []
        for group in spool.groups.values():
            if settings.tail == "live" and group.requests < settings.minimum:
                few += group.few
                spool.discard(group)
        if few:
            await self._ask_live(few)
        for group in spool.groups.values():
            self._take(spool, group)
        await self.post.settle()

    def _take(self, spool: Spool, group: Group) -> None:
        """Have the files of a group sent, as far as the budget still bears them; the rest is gathered again."""
        for parcel, path in spool.seal(group):
            if self.post.budget.fits(parcel.worst):
                self.post.take(parcel, path)
            else:
                self.post.outbox.close(parcel, State.DROPPED)
                path.unlink()
        group.sealed = []

    async def _ask_live(self, requests: Sequence[Request]) -> None:
        """Ask a few requests at once; those that fail for good are in the ledger like the others."""
        permits = self.panel.permits(self.limits)
        closing = asyncio.create_task(_close_when(self.post.stopping, permits))
        ledgered = replace(self.ledgered, permits=permits, counts_hits_to=0)
        try:
            found = await asyncio.gather(*[ledgered.reply(request) for request in requests], return_exceptions=True)
        finally:
            closing.cancel()
        for each in found:
            if isinstance(each, BaseException) and not isinstance(each, RequestError):
                raise each

    @property
    def _config(self) -> Config:
        return self.job.config


async def _close_when(stopping: asyncio.Event, permits: Pools) -> None:
    await stopping.wait()
    permits.close(StoppedError("The run is stopping."))
