"""One run of a project: from its folder to a data set in it.

    open the ledger ─► what changed? ─► how many pairs? ─► walk the plan (pipeline.py) ─► write, then exchange

It composes; what a pair is, how a teacher is reached and what a row looks like is decided elsewhere.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

import msgspec

import glan
from glan.against import Against
from glan.config import Limits
from glan.curate.beside import examining
from glan.errors import GlanError, ProjectError
from glan.generate.asking import Asking
from glan.growth import Growth, Standing, growth
from glan.options import InterruptedRunError, Options, Result
from glan.outputs import Counted, Ending, Outputs, standing_of
from glan.pipeline import Job, LowYieldError, Pipeline
from glan.progress import Progress
from glan.project import Manifest, Project
from glan.records import Discipline, Outcome, Sampling, Stage
from glan.settled import Basis, count_again, settled
from glan.streams import collecting_rarely
from glan.surprise import audit, changed, meaning_of, refusal
from glan.teachers.base import Teacher
from glan.teachers.ledger import Ledger, StageTotals
from glan.teachers.ledgered import Choice, Ledgered, Tally
from glan.teachers.limits import Amount, Budget
from glan.teachers.panel import Panel
from glan.teachers.permits import Pools
from glan.teachers.watched import Cuts, Watched, told_of_cuts

__all__ = ["InterruptedRunError", "Options", "Result", "Run"]

_log = logging.getLogger(__name__)
_STATUS_EVERY_S = 1.0
_MOST_NAMED = 10


class Run:
    """One run. `progress` and `tally` can be read while it goes on; `interrupt` asks it to stop."""

    def __init__(self, project: Project, panel: Panel, options: Options) -> None:
        self.project = project
        self.options = options
        self.config = project.config
        self.progress = Progress(wanted=options.pairs or self.config.pairs)
        self.tally = Tally()
        self.cuts = Cuts()
        self.against = Against(project.benchmarks)
        self.notices: list[str] = []
        self._panel = panel
        self._pipeline: Pipeline | None = None
        self._interrupted: InterruptedRunError | None = None

    def interrupt(self) -> None:
        """Stop asking; what is in flight is waited for until the grace is over."""
        self._interrupted = InterruptedRunError("The run was interrupted.")
        if self._pipeline is not None:
            self._stop(self._interrupted)

    @property
    def told(self) -> tuple[str, ...]:
        """What a person should know of it so far."""
        lost = [refusal.told_of(host) for refusal, host in self._panel.refusals if refusal.is_loss]
        return (*self.notices, *lost, *filter(None, [self.cuts.told()]))

    @property
    def away(self) -> tuple[str, ...]:
        """The servers that give nothing just now, each in a few words."""
        return tuple(absence.told() for absence in self._panel.absences)

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
        disciplines, asking = self._disciplines(), self._asking()
        with self.project.held(), Ledger.open(self.project.ledger_path) as ledger:
            self.project.heal()
            return await self._run(ledger, disciplines, asking, confirm)

    async def _run(
        self, ledger: Ledger, disciplines: Sequence[Discipline], asking: Asking, confirm: Callable[[str], bool]
    ) -> Result:
        standing = None if self._is_aside else standing_of(self.project)
        pairs = self._pairs(standing, confirm)
        self.progress.wanted = pairs
        job = Job(
            disciplines=disciplines,
            config=self.config,
            pairs=pairs,
            asking=asking,
            until=self.options.until,
            grace_s=self.options.grace_s,
            items=self.against.benchmarks,
        )
        meaning = meaning_of(self.config, disciplines, self.project.prompts, asking)
        choice = await self._choose(job, ledger, meaning)
        basis = Basis(inputs=self.project.hashes(), meaning=meaning, models=self._panel.models, choice=choice)
        found = None if self._walks_anyway else settled(self.project, basis.with_replies(ledger), pairs=pairs)
        if found is not None:
            return self._stand(found)
        before = ledger.last_run()
        ledger.begin_run(
            glan_version=glan.__version__,
            # A discipline that this run leaves out is still known to the next one that has it.
            meaning={**(before.meaning if before is not None else {}), **meaning},
            choice=choice.value,
            files={**self.project.inputs(), **self.against.benchmarks.hashes(), "teacher": self._panel.spec},
        )
        _log.info("run begins: %d pairs, teacher %s, choice %s", pairs, self._panel.spec or "at hand", choice.value)
        async with examining(self.config.curation, pairs=pairs, items=job.items) as examiner:
            permits = self._panel.permits(self._limits)
            outputs = Outputs(self.project, self.config, self._panel.models)
            asking = msgspec.structs.replace(asking, teacher=self._teacher(ledger, permits, choice, outputs))
            walk = Pipeline(replace(job, asking=asking), permits=permits, progress=self.progress, examiner=examiner)
            self._pipeline = walk
            if self._interrupted is not None:
                self._stop(self._interrupted)
            with collecting_rarely():
                await self._walk(walk, outputs)
        return self._end(ledger, outputs, standing, basis)

    def _teacher(self, ledger: Ledger, permits: Pools, choice: Choice, outputs: Outputs) -> Teacher:
        """Return who answers the stages: the panel within its budget, behind the ledger, counted and watched."""
        ledgered = Ledgered(
            self._panel.within(self._budget(ledger)),
            ledger,
            permits,
            choice=choice,
            retry_failed_before=ledger.last_seq() if self.options.retry_failed else None,
            tally=self.tally,
        )
        counted = Counted(ledgered, outputs, self.options.watch)
        return Watched(counted, self.cuts, self.tally, keeps_cut=self.config.curation.cut_prompts == "keep")

    @property
    def _walks_anyway(self) -> bool:
        """Say whether the run is also wanted where nothing has changed."""
        return self._is_aside or self.options.rebuild or self.options.retry_failed or self.options.watch is not None

    def _stand(self, manifest: Manifest) -> Result:
        """Leave the data set that stands as it is: a walk would make the same."""
        count_again(manifest, self.progress)
        self.against.count_again(manifest)
        self.notices += filter(None, [told_of_cuts(manifest.cut_prompts)])
        return self._ended(manifest.slots["open"], None, is_published=True, is_settled=True)

    @property
    def _is_aside(self) -> bool:
        """Say whether the run makes no data set."""
        return self.options.until is not Stage.ANSWERS or self.options.is_preview or self.options.only is not None

    def _disciplines(self) -> Sequence[Discipline]:
        taxonomy = self.project.taxonomy
        if self.options.only is None:
            return taxonomy.disciplines
        return taxonomy.leaves_under(taxonomy.named(self.options.only))

    @property
    def _limits(self) -> Limits:
        """What the options say of how much is in flight, over what glan.toml says."""
        limits, options = self.config.limits, self.options
        return msgspec.structs.replace(
            limits,
            max_in_flight=options.max_in_flight or limits.max_in_flight,
            concurrency=options.concurrency or limits.concurrency,
        )

    def _budget(self, ledger: Ledger) -> Budget:
        """Return what may still be spent: the caps are for the project, over all its runs."""
        if self.options.budget_usd is None and self.options.budget_tokens is None:
            return Budget()  # to add up a large ledger takes seconds
        totals = ledger.totals()
        spent = Amount(
            tokens=sum(found.prompt_tokens + found.completion_tokens for found in totals.values()),
            usd=sum(self._cost_of(Stage(stage), found) for stage, found in totals.items()),
        )
        return Budget(max_usd=self.options.budget_usd, max_tokens=self.options.budget_tokens, spent=spent)

    def _cost_of(self, stage: Stage, found: StageTotals) -> float:
        """Return what a stage has cost; replies of unknown cost are counted at today's price."""
        price = self._panel.prices[stage]
        if not found.unknown_costs or price is None:
            return found.cost_usd
        at_price = (found.prompt_tokens * price.input + found.completion_tokens * price.output) / 1e6
        return max(found.cost_usd, at_price)

    def _pairs(self, standing: Standing | None, confirm: Callable[[str], bool]) -> int:
        """Return N: what was asked for, or as many as keep every row that stands."""
        wanted = self.options.pairs if self.options.pairs is not None else self.config.pairs
        if standing is None:
            return wanted
        change = self._growth(standing, wanted)
        if self.options.pairs is None:
            wanted = max(wanted, change.keeps_all)
            change = self._growth(standing, wanted)
        elif wanted < standing.rows and not confirm(
            f"The data set has {standing.rows:,} rows; shorten it to {wanted:,}? The replies stay in the ledger."
        ):
            raise ProjectError(
                f"--pairs {wanted} is less than the {standing.rows:,} rows that stand; nothing was changed.",
                hint="--yes shortens the data set; the replies stay in the ledger.",
            )
        self._tell_displaced(change, wanted)
        return wanted

    def _growth(self, standing: Standing, pairs: int) -> Growth:
        return growth(
            standing,
            self.project.taxonomy.disciplines,
            pairs=pairs,
            seed=self.config.seed,
            questions_per_visit=self.config.plan.questions_per_visit,
        )

    def _tell_displaced(self, change: Growth, wanted: int) -> None:
        if change.lost:
            self._notice(f"{change.lost:,} rows leave: their disciplines are not in the taxonomy any more.")
        if change.displaced:
            self._notice(
                f"{change.displaced:,} rows leave at {wanted:,} pairs and stay in the ledger; "
                f"--pairs {change.keeps_all} keeps them all."
            )

    def _tell_turned(self, turned: Sequence[str]) -> None:
        """Name rows that stood and are rejects or failures now, such as copies of a question that is new."""
        if turned:
            more = f" and {len(turned) - _MOST_NAMED:,} more" if len(turned) > _MOST_NAMED else ""
            named = ", ".join(turned[:_MOST_NAMED])
            self._notice(f"{len(turned):,} rows that stood leave and are in rejects/: {named}{more}.")

    def _notice(self, text: str) -> None:
        self.notices.append(text)
        _log.info("%s", text)

    def _asking(self) -> Asking:
        """Return how each stage asks; the teacher itself is put in when the ledger is there."""
        settings = {stage: self.config.teacher_of(stage) for stage in Stage}
        sampling = {
            stage: Sampling(
                model=self._panel.models[stage],
                max_tokens=getattr(self.config.max_tokens, stage.value),
                temperature=settings[stage].temperature,
                top_p=settings[stage].top_p,
                reasoning=None if settings[stage].reasoning == "server" else settings[stage].reasoning,
                extra=settings[stage].extra,
            )
            for stage in Stage
        }
        return Asking(
            teacher=self._panel.teachers[Stage.ANSWERS],
            prompts=self.project.prompts,
            language=self.config.language_name,
            sampling=sampling,
            system={stage: found.system for stage, found in settings.items() if found.system},
        )

    async def _choose(self, job: Job, ledger: Ledger, now: Mapping[str, str]) -> Choice:
        """Return what is done about replies under another fingerprint: as told, as before, or nothing to do.

        Raises:
            WouldAskAgainError: there are some, and nobody has said what to do.

        """
        before = ledger.last_run()
        if before is None:
            return Choice.EXACT
        lines = changed(before.meaning, now)
        if self.options.choice is not None:
            return self.options.choice
        if not lines:
            return Choice(before.choice)
        again = await audit(job, ledger)
        if again.replies:
            raise refusal(lines, again)
        return Choice.EXACT

    def _stop(self, cause: GlanError) -> None:
        if self._pipeline is not None:
            self._pipeline.stop(cause)

    async def _walk(self, pipeline: Pipeline, outputs: Outputs) -> None:
        reporter = asyncio.create_task(self._report())
        try:
            async with aclosing(pipeline.decided()) as groups:
                async for group in groups:
                    self.against.decide(group)
                    if self.options.until is Stage.ANSWERS:
                        outputs.add(group)
        except BaseException:
            outputs.discard()
            raise
        finally:
            reporter.cancel()

    async def _report(self) -> None:
        """Keep status.json true for whoever watches from elsewhere."""
        while True:
            self.project.write_status(self.status("running"))
            await asyncio.sleep(_STATUS_EVERY_S)

    def status(self, state: str) -> dict[str, object]:
        """Return what is known of the run, for people and machines."""
        outcomes = self.progress.outcomes
        return {
            "state": state,
            "wanted": self.progress.wanted,
            "pairs": outcomes[Outcome.PAIR],
            "rejects": outcomes[Outcome.REJECT],
            "failures": outcomes[Outcome.FAILURE],
            "reasons": [
                {"stage": stage, "reason": reason, "slots": slots}
                for (stage, reason), slots in self.progress.reasons.most_common()
            ],
            "cut_prompts": self.cuts.total,
            "away": self.away,
            "benchmarks": self.against.listed(),
            "not_checked": self.against.not_checked(),
            **self.tally.as_dict(),
        }

    def _end(self, ledger: Ledger, outputs: Outputs, standing: Standing | None, basis: Basis) -> Result:
        stopped = self._pipeline.stopped if self._pipeline is not None else None
        is_published = self._is_better(outputs, standing, stopped)
        if is_published:
            outputs.publish(self._ending(ledger, outputs, basis))
            self._tell_turned(outputs.turned)
        else:
            outputs.discard()
        return self._ended(outputs.open, stopped, is_published=is_published)

    def _ended(self, n_open: int, stopped: GlanError | None, *, is_published: bool, is_settled: bool = False) -> Result:
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
            is_published=is_published,
            is_settled=is_settled,
            notices=self.told,
        )
        _log.info("run ended with exit code %d: %s", result.exit_code, self.status("ended"))
        self.project.write_status({**self.status("ended"), "exit_code": result.exit_code})
        return result

    def _is_better(self, outputs: Outputs, standing: Standing | None, stopped: GlanError | None) -> bool:
        """Say whether the new data set takes the old one's place: never with fewer rows than stand, unless N does."""
        if self._is_aside:
            return False
        # Rows of a discipline that a person took out of the taxonomy leave with it.
        rows = standing.rows_of(self.project.taxonomy.disciplines) if standing is not None else 0
        if outputs.rows < min(rows, self.progress.wanted):
            self._notice(
                f"The data set that stands has {rows:,} rows, more than the {outputs.rows:,} of this run: it stays."
            )
            return False
        return outputs.rows > 0 or stopped is None or isinstance(stopped, LowYieldError)

    def _ending(self, ledger: Ledger, outputs: Outputs, basis: Basis) -> Ending:
        pipeline = self._pipeline
        ended = "complete" if outputs.rows >= self.progress.wanted else "no discipline is left that has more to give"
        walks = pipeline.walks if pipeline is not None else {}
        if pipeline is not None and pipeline.stopped is not None:
            ended = str(pipeline.stopped)
        return Ending(
            wanted=self.progress.wanted,
            ended=ended,
            choice=basis.choice.value,
            basis=basis.with_replies(ledger),
            left={leaf: walk.left for leaf, walk in walks.items() if walk.left is not None},
            spent=msgspec.to_builtins(ledger.totals()),
            against=self.against,
            cut_prompts=self.cuts.total,
            not_taken=[refusal.told_of(host) for refusal, host in self._panel.refusals],
            rounds={leaf: walk.rounds for leaf, walk in walks.items()},
        )
