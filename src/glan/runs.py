"""One run of a project: from its folder to a data set in it.

    open the ledger ─► what changed? ─► how many pairs? ─► walk the plan (pipeline.py) ─► write, then exchange

It composes; what a pair is, how a teacher is reached and what a row looks like is decided elsewhere.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import msgspec

import glan
from glan.against import Against
from glan.batched import Gathering, OnlyLedger, check_servers, emptied, post_of, settle_earlier
from glan.curate.beside import examining
from glan.curate.own import OwnRules
from glan.curricula import told_of_lost_texts, with_texts
from glan.dataset.licences import doubt_of
from glan.errors import BudgetError, GlanError
from glan.generate.asking import Asking, asking_of
from glan.generate.merging import near_names_of
from glan.generate.walk import told_of_walks
from glan.growth import Standing, pairs_of
from glan.manifests import Manifest
from glan.options import InterruptedRunError, Options, Result, inputs_of, own_rules, stored_of
from glan.outputs import Counted, Ending, Outputs, standing_of
from glan.pipeline import Job, Pipeline
from glan.progress import Progress
from glan.project import Project
from glan.records import Discipline, Outcome, Stage
from glan.reporting import Reporter
from glan.settled import Basis, count_again, settled, told_again
from glan.spending import possibly_paid, possibly_paid_so_far, purse_of
from glan.streams import collecting_rarely
from glan.surprise import Earlier, check_there, chosen, meaning_of
from glan.teachers.batch_post import Post
from glan.teachers.identities import Identities
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Choice, Ledgered, Tally
from glan.teachers.outbox import Parcel
from glan.teachers.panel import Panel
from glan.teachers.permits import Pools
from glan.teachers.purse import Purse
from glan.teachers.watched import Cuts, Watched
from glan.yields import LowYieldError

__all__ = ["InterruptedRunError", "Options", "Result", "Run"]

_log = logging.getLogger(__name__)
_STATUS_EVERY_S = 1.0


class Run:
    """One run. `progress` and `tally` can be read while it goes on; `interrupt` asks it to stop."""

    def __init__(self, project: Project, panel: Panel, options: Options) -> None:
        self.project = project if options.only is None else project.trial(options.only)
        self.options = options
        self.config = self.project.config
        self.progress = Progress(wanted=options.pairs or self.config.pairs)
        self.tally = Tally(by_hour=frozenset(panel.hourly))
        self.cuts = Cuts()
        self.against = Against(self.project.benchmarks)
        self.identities = Identities()
        self.notices: list[str] = []
        self.post: Post | None = None
        """The batches that are out, once the ledger is open."""
        self.written: Sequence[Parcel] = ()
        """The files that were written for an offline runner."""
        self.panel = panel
        self.purse = Purse()
        self.permits: Pools | None = None
        """Those of the walk, once it has begun."""
        self._own: OwnRules | None = None
        self._pipeline: Pipeline | None = None
        self.interrupting = asyncio.Event()
        """Set when the run is asked to stop."""
        self.reporter = Reporter(self)
        """Tells how far it is."""
        self._interrupted: InterruptedRunError | None = None
        self._paid_up: BudgetError | None = None
        """Set when the servers' time is over."""

    def interrupt(self) -> None:
        """Stop asking; what is in flight is waited for until the grace is over."""
        self._interrupted = InterruptedRunError("The run was interrupted.")
        self.interrupting.set()
        self._stop(self._interrupted)

    @property
    def told(self) -> tuple[str, ...]:
        """What a person should know of it so far."""
        lost = [refusal.told_of(host) for refusal, host in self.panel.refusals if refusal.is_loss]
        missing = told_of_walks(self._pipeline.walks.values() if self._pipeline is not None else ())
        out = "" if self.post is None else self.post.told_left()
        told = filter(None, [self.cuts.told(), out])
        return (*self.notices, *self.panel.told, *missing, *lost, *told, *self.identities.told())

    @property
    def possibly_paid(self) -> dict[str, object]:
        """Calls that may have been paid for without a reply, and the most that they cost."""
        return possibly_paid(self.tally, self.purse)

    @property
    def is_interrupted(self) -> bool:
        """Say whether it was asked to stop."""
        return self._interrupted is not None

    async def __call__(self, confirm: Callable[[str], bool]) -> Result:
        """Make the data set. `confirm` asks a person about what cannot be undone.

        Raises:
            GlanError: before anything was asked: the ledger, the taxonomy or a setting stands in the way.

        """
        # What cannot be read is told before anything is written.
        panel = self.panel
        disciplines = self.project.taxonomy.disciplines
        self._own = own_rules(self.project, self.options, self._notice)
        if doubt := doubt_of(self.config.dataset.license):
            self._notice(doubt)
        asking = asking_of(self.config, self.project.prompts, panel.teachers[Stage.ANSWERS], panel.models)
        if self._is_batch or self.options.write_to is not None:
            await check_servers(self.config.stages, panel.batches, asks=self.options.write_to is None)
        with (
            self.project.held(),
            Ledger.open(self.project.ledger_path) as ledger,
            emptied(self.project.batches_path),
        ):
            self.project.heal()
            return await self._run(ledger, with_texts(disciplines, ledger), asking, confirm)

    async def _run(
        self, ledger: Ledger, disciplines: Sequence[Discipline], asking: Asking, confirm: Callable[[str], bool]
    ) -> Result:
        hits_to = ledger.last_seq()
        post = self.post = post_of(ledger, self.panel, self.project, self.tally)
        await settle_earlier(post, waits=not self.options.is_preview)
        standing = None if self.options.is_aside else standing_of(self.project)
        pairs, told = pairs_of(standing, disciplines, self.config, self.options.pairs, confirm)
        for text in (*told, *told_of_lost_texts(disciplines)):
            self._notice(text)
        self.progress.wanted = pairs
        job = self._job(disciplines, asking, pairs)
        meaning = meaning_of(self.config, disciplines, self.project.prompts, asking)
        earlier = Earlier.of(ledger, self.options.scope_in(self.project))
        if standing is not None and self.options.choice is not Choice.REASK:
            check_there(ledger, earlier, standing.rows)
        choice = await chosen(job, ledger, meaning, told=self.options.choice, earlier=earlier)
        inputs = inputs_of(self.project, self.options)
        basis = Basis(inputs=inputs, meaning=meaning, models=self.panel.models, choice=choice)
        found = None if self._walks_anyway else settled(self.project, basis.with_replies(ledger), pairs=pairs)
        if found is not None:
            return self._stand(found)
        # A discipline that this run leaves out is still known to the next one that has it.
        self._begin(ledger, {**earlier.meaning, **meaning}, choice, pairs)
        post.budget = self.purse.budget
        ledgered = Ledgered(
            self.panel.teacher,
            ledger,
            self.panel.permits(self.options.over(self.config.limits)),
            choice=choice,
            retry_failed_before=ledger.last_seq() if self.options.retry_failed else None,
            tally=self.tally,
            purse=self.purse,
            counts_hits_to=hits_to if self._is_batch or ledger.last_seq() > hits_to else None,
        )
        if self.options.write_to is not None:
            self.written, n_open = await self._gathering(job, ledgered, post).write(self.options.write_to)
            return self._ended(n_open, self._interrupted, is_standing=False)
        cause = await self._gathered(self._gathering(job, ledgered, post)) if self._is_batch else None
        outputs = Outputs(self.project, self.config, self.panel.models)
        if cause is not None:
            self.purse.close()
        await self._make(job, ledgered, outputs, cause)
        self.purse.close()
        return self._end(ledger, outputs, standing, basis)

    def _job(self, disciplines: Sequence[Discipline], asking: Asking, pairs: int) -> Job:
        return Job(
            disciplines=disciplines,
            config=self.config,
            pairs=pairs,
            asking=asking,
            until=self.options.until,
            grace_s=self.options.grace_s,
            own=self._own,
            items=self.against.benchmarks,
            reviews=self.project.reviews,
        )

    def _gathering(self, job: Job, ledgered: Ledgered, post: Post) -> Gathering:
        return Gathering(
            job=job,
            ledgered=ledgered,
            panel=self.panel,
            limits=self.options.over(self.config.limits),
            post=post,
            progress=self.progress,
            is_live=self.options.write_to is None,
            on_walk=self._begin_walk,
        )

    def _begin(self, ledger: Ledger, meaning: Mapping[str, str], choice: Choice, pairs: int) -> None:
        """Store the inputs of the run."""
        self.purse = purse_of(self.panel, self.options, ledger)
        self.tally.meter = self.purse.budget.meter
        ledger.begin_run(
            glan_version=glan.__version__,
            meaning=meaning,
            choice=choice.value,
            files={
                **stored_of(self.project, self.options),
                **self.against.benchmarks.hashes(),
                **self.panel.files,
            },
        )
        facts = {"pairs": pairs, "of": self.options.scope_in(self.project) or "all", "choice": choice.value}
        _log.info("run begins", extra={"facts": {**facts, "teacher": self.panel.spec or "at hand"}})

    async def _gathered(self, gathering: Gathering) -> GlanError | None:
        """Ask in batches what can be; return what keeps the run from asking the rest live."""
        async with self._reporting():
            cause = await gathering()
        self.progress.forget()
        return self._interrupted or self._paid_up or cause

    async def _make(self, job: Job, ledgered: Ledgered, outputs: Outputs, cause: GlanError | None) -> None:
        """Walk, and write what the slots become; where something keeps the run from asking, from the ledger alone."""
        permits = self.permits = self.panel.permits(self.options.over(self.config.limits))
        behind = replace(ledgered, permits=permits)
        if cause is not None:
            behind = replace(behind, teacher=OnlyLedger(), purse=Purse())
        counted = Counted(behind, outputs, self.options.watch)
        keeps_cut = self.config.curation.cut_prompts == "keep"
        teacher = Watched(counted, self.cuts, self.tally, identities=self.identities, keeps_cut=keeps_cut)
        asking = msgspec.structs.replace(job.asking, teacher=teacher)
        async with examining(self.config.curation, pairs=job.pairs, items=job.items, own=job.own) as examiner:
            walk = Pipeline(replace(job, asking=asking), permits=permits, progress=self.progress, examiner=examiner)
            if cause is None:
                self._begin_walk(walk)
            self._pipeline = walk
            with collecting_rarely():
                await self._walk(walk, outputs)
        walk.stopped = walk.stopped or cause

    def _begin_walk(self, walk: Pipeline) -> None:
        self._pipeline = walk
        if self._interrupted is not None:
            self._stop(self._interrupted)

    @property
    def _is_batch(self) -> bool:
        """Say whether requests are sent in batches; a preview of a few pairs never is."""
        return (self.options.mode or self.config.mode) == "batch" and not self.options.is_preview

    @property
    def _walks_anyway(self) -> bool:
        """Say whether the run is also wanted where nothing has changed."""
        return (
            self.options.is_aside or self.options.rebuild or self.options.retry_failed or self.options.watch is not None
        )

    def _stand(self, manifest: Manifest) -> Result:
        """Leave the data set that stands as it is: a walk would make the same."""
        count_again(manifest, self.progress)
        self.against.count_again(manifest)
        self.notices += told_again(manifest)
        return self._ended(manifest.slots["open"], None, is_standing=True, is_settled=True)

    def _notice(self, text: str) -> None:
        self.notices.append(text)
        _log.info("%s", text)

    def _stop(self, cause: GlanError) -> None:
        if self.post is not None:
            self.post.stopping.set()
        if self._pipeline is not None:
            self._pipeline.stop(cause)

    async def _walk(self, pipeline: Pipeline, outputs: Outputs) -> None:
        try:
            async with self._reporting(), aclosing(pipeline.decided()) as groups:
                async for group in groups:
                    self.against.decide(group)
                    if self.options.until is Stage.ANSWERS:
                        outputs.add(group)
        except BaseException:
            outputs.discard()
            raise

    @asynccontextmanager
    async def _reporting(self) -> AsyncIterator[None]:
        """Keep status.json true for whoever watches from elsewhere."""
        reporter = asyncio.create_task(self._report())
        try:
            yield
        finally:
            reporter.cancel()

    async def _report(self) -> None:
        """Keep status.json true for whoever watches from elsewhere, and end the walk when its time is paid up."""
        while True:
            self.reporter.report()
            left_s = self.purse.beat()
            if left_s <= 0 and self._pipeline is not None and not self.purse.budget.meter.is_over:
                self._paid_up = self.purse.budget.refusal()
                self._stop(self._paid_up)
                self._pipeline.cut()
            await asyncio.sleep(min(_STATUS_EVERY_S, left_s) if left_s > 0 else _STATUS_EVERY_S)

    def _end(self, ledger: Ledger, outputs: Outputs, standing: Standing | None, basis: Basis) -> Result:
        stopped = self._pipeline.stopped if self._pipeline is not None else None
        is_standing = self._is_better(outputs, standing, stopped)
        if is_standing:
            outputs.exchange(self._ending(ledger, outputs, basis))
            for text in outputs.told():
                self._notice(text)
        else:
            outputs.discard()
        return self._ended(outputs.open, stopped, is_standing=is_standing)

    def _ended(self, n_open: int, stopped: GlanError | None, *, is_standing: bool, is_settled: bool = False) -> Result:
        outcomes = self.progress.outcomes
        result = Result(
            pairs=outcomes[Outcome.PAIR],
            rejects=outcomes[Outcome.REJECT],
            failures=outcomes[Outcome.FAILURE],
            open=n_open,
            wanted=self.progress.wanted,
            cost_usd=self.tally.cost_usd,
            asked=self.tally.asked,
            stopped=stopped,
            is_standing=is_standing,
            is_settled=is_settled,
            notices=self.told,
        )
        self.reporter.end(result.exit_code)
        return result

    def _is_better(self, outputs: Outputs, standing: Standing | None, stopped: GlanError | None) -> bool:
        """Say whether the new data set takes the old one's place: never with fewer rows than stand, unless N does."""
        if self.options.is_aside:
            return False
        # Rows of a discipline that a person took out of the taxonomy leave with it, and so do rows that people dropped.
        rows = outputs.reviewed.staying(standing, self.project.taxonomy.disciplines)
        if outputs.rows < min(rows, self.progress.wanted):
            self._notice(
                f"The data set that stands has {rows:,} rows, more than the {outputs.rows:,} of this run: it stays."
            )
            return False
        return outputs.rows > 0 or stopped is None or isinstance(stopped, LowYieldError)

    def _ending(self, ledger: Ledger, outputs: Outputs, basis: Basis) -> Ending:
        pipeline, totals = self._pipeline, ledger.totals()
        ended = "complete" if outputs.rows >= self.progress.wanted else "no discipline is left that has more to give"
        walks = pipeline.walks if pipeline is not None else {}
        if pipeline is not None and pipeline.stopped is not None:
            ended = str(pipeline.stopped)
        return Ending(
            wanted=self.progress.wanted,
            ended=ended,
            choice=basis.choice.value,
            basis=basis.with_replies(ledger),
            spent=msgspec.to_builtins(totals),
            possibly_paid=possibly_paid_so_far(ledger, totals),
            server_usd=ledger.run_totals().server_usd,
            against=self.against,
            cut_prompts=self.cuts.total,
            not_taken=[refusal.told_of(host) for refusal, host in self.panel.refusals],
            answered=self.identities.answered(),
            rules=self._own.counts if self._own is not None else None,
            walks=walks,
            near_names=near_names_of(walk.names for walk in walks.values()),
        )
