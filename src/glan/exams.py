"""One making of a test set: questions and answers from the draws that are reserved for it, so many a discipline.

    open the ledger ─► has anything changed? ─► rounds of slots (pipeline.py) ─► write, then exchange ─► a benchmark

The first round has as many slots of each discipline as are wanted, the next as many as are still missing, and so on.
Nothing of the training data decides what is in it, so it stays the same whatever a run of pairs makes of the rest.
"""

import hashlib
import json
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from msgspec import structs

import glan
from glan.against import Against
from glan.benchmarks.items import Item
from glan.benchmarks.store import Benchmarks
from glan.config import Config
from glan.course import Course, walks_of
from glan.curate.beside import examining
from glan.curate.examiner import Examining
from glan.curate.own import OwnRules
from glan.errors import GlanError
from glan.fates import Ids
from glan.generate.asking import Asking, asking_of
from glan.hearings import Hearing, exit_code_of
from glan.heldout import NAME, HeldOut, Shelf, TestManifest, Touched, Wanted, join, shelf_of, touched
from glan.options import Options, own_rules
from glan.pipeline import Job, Pipeline
from glan.progress import Progress
from glan.project import RULES, Project
from glan.records import Outcome, Slot, Stage
from glan.surprise import meaning_of
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Choice
from glan.teachers.panel import Panel

PER_DISCIPLINE = 50
"""As in the paper (section 3.5)."""
_MOST_LOST = 0.1
"""A person is asked before a benchmark costs a greater share of the pairs."""
_MOST_ROUNDS = 12
"""With half of all questions rejected, 50 take seven."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What came of a making."""

    rows: int
    wanted: int
    short: Mapping[str, int]
    """Titles of disciplines that have fewer than was wanted, each with how many."""
    is_standing: bool
    is_settled: bool = False
    """Nothing had changed, so the test set that stands is left as it is."""
    is_benchmark: bool = False
    """Whether runs hold their pairs against it."""
    touched: Touched | None = None
    stopped: GlanError | None = None

    @property
    def exit_code(self) -> int:
        """0 all there, 1 an error to mend, 3 fewer than wanted, 4 budget reached, 130 interrupted."""
        return exit_code_of(self.stopped, is_whole=not self.short)


class Round:
    """Some slots, and none of a leaf once that has left."""

    def __init__(self, slots: Iterable[Slot]) -> None:
        self._slots = deque(slots)
        self._left: set[str] = set()

    def __iter__(self) -> "Round":
        return self

    def __next__(self) -> Slot:
        while self._slots:
            slot = self._slots.popleft()
            if slot.discipline.leaf not in self._left:
                return slot
        raise StopIteration

    def leave(self, leaf: str) -> None:
        """Give no more slots of a leaf."""
        self._left.add(leaf)


class Exam:
    """One making. `progress` and `hearing` can be read while it goes on."""

    def __init__(self, project: Project, panel: Panel, options: Options, per_discipline: int = PER_DISCIPLINE) -> None:
        self.project = project
        self.config = _broad(project.config)
        self.hearing = Hearing(panel, options, self.config.limits)
        # By their keys, so that a discipline has its questions wherever it stands in the tree.
        self.disciplines = sorted(project.taxonomy.disciplines, key=lambda each: each.leaf)
        self.wanted = per_discipline * len(self.disciplines)
        self.progress = Progress(wanted=self.wanted)
        self.notices: list[str] = []
        self._panel = panel
        self._options = options
        self._per_discipline = per_discipline
        known = tuple(each for each in project.benchmarks.found if each.name != NAME)
        self._against = Against(Benchmarks(project.benchmarks.folder, known))
        self._taken: Counter[str] = Counter()
        self._begun: Counter[str] = Counter()

    async def __call__(self, confirm: Callable[[str], bool]) -> Made:
        """Make the test set. `confirm` asks a person whether it is to be a benchmark where that costs many rows.

        Raises:
            GlanError: before anything was asked: the ledger or a setting stands in the way.

        """
        project, panel = self.project, self._panel
        own = own_rules(project, self._options, self.notices.append)
        asking = asking_of(self.config, project.prompts, panel.teachers[Stage.ANSWERS], panel.models)
        shelf = shelf_of(project)
        with project.held(), Ledger.open(project.ledger_path) as ledger:
            shelf.heal()
            basis = self._basis(asking)
            standing = shelf.manifest()
            if standing is not None and self._stands(standing, basis) and shelf.is_whole(standing):
                return self._ended(standing, shelf, confirm, is_settled=True)
            before = ledger.last_run()
            kept = Choice.KEEP if before is not None and before.choice == Choice.KEEP else Choice.EXACT
            async with self.hearing.begun(ledger, kept):
                held = HeldOut(project, shelf, panel.models)
                try:
                    await self._rounds(held, asking, own)
                except BaseException:
                    held.discard()
                    raise
            manifest = self._exchanged(held, standing, own, basis)
            return self._ended(manifest, shelf, confirm)

    async def _rounds(self, held: HeldOut, asking: Asking, own: OwnRules | None) -> None:
        items = self._against.benchmarks
        course = Course(Round(()), walks_of(self.disciplines, self.config, reserved=True), Ids())
        async with examining(self.config.curation, pairs=self.wanted, items=items, own=own) as examiner:
            for _ in range(_MOST_ROUNDS):
                slots = list(self._missing(course))
                if not slots or self.hearing.stopped is not None:
                    return
                job = self._job(asking, slots, items, own)
                await self._walk(job, course._replace(slots=Round(slots)), examiner, held)

    def _missing(self, course: Course) -> Iterable[Slot]:
        """Give the slots of the next round: of each discipline as many as it lacks."""
        for discipline in self.disciplines:
            leaf = discipline.leaf
            if course.walks[leaf].left is None:
                for _ in range(self._per_discipline - self._taken[leaf]):
                    yield Slot(discipline=discipline, ordinal=self._begun[leaf])
                    self._begun[leaf] += 1

    def _job(self, asking: Asking, slots: Sequence[Slot], items: Iterable[Item], own: OwnRules | None) -> Job:
        return Job(
            disciplines=self.disciplines,
            config=self.config,
            pairs=len(slots),
            asking=asking,
            grace_s=self._options.grace_s,
            own=own,
            items=items,
        )

    async def _walk(self, job: Job, course: Course, examiner: Examining, held: HeldOut) -> None:
        """Decide the slots of one round."""
        teacher, permits = self.hearing.teacher(keeps_cut=self.config.curation.cut_prompts == "keep")
        walked = replace(job, asking=structs.replace(job.asking, teacher=teacher))
        walk = Pipeline(walked, permits=permits, progress=self.progress, examiner=examiner, course=course)
        self.hearing.work = walk
        async with aclosing(walk.decided()) as groups:
            async for group in groups:
                self._against.decide(group)
                held.add(group)
                self._taken.update(each.slot.discipline.leaf for each in group if each.outcome is Outcome.PAIR)
        if walk.stopped is not None:
            self.hearing.stop(walk.stopped)

    def _basis(self, asking: Asking) -> str:
        """Return a hash of what the test set rests on, except the replies."""
        meaning = meaning_of(self.config, self.disciplines, self.project.prompts, asking)
        hashes = {name: found for name, found in self.project.hashes().items() if self._is_input(name)}
        parts = [glan.__version__, self._per_discipline, hashes, dict(meaning)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def _is_input(self, name: str) -> bool:
        """Say whether a file of the project says what is in a test set, beyond what reaches the requests."""
        if name.startswith("benchmarks/"):
            return name != f"benchmarks/{NAME}.jsonl"
        return name in {"glan.toml", "taxonomy.yaml"} or (name == RULES and self._options.rules)

    def _stands(self, standing: TestManifest, basis: str) -> bool:
        return standing.complete and standing.basis == basis and not self._options.rebuild

    def _exchanged(
        self, held: HeldOut, standing: TestManifest | None, own: OwnRules | None, basis: str
    ) -> TestManifest | None:
        """Let what was made take the old one's place, unless it was stopped and has no more rows than that."""
        there = standing.slots["pairs"] if standing is not None else 0
        if self.hearing.stopped is not None and held.rows <= there:
            held.discard()
            return None
        wanted = Wanted(per_discipline=self._per_discipline, short=self._short(), basis=basis)
        return held.exchange(wanted, self._against, own.counts if own is not None else None)

    def _short(self) -> dict[str, int]:
        per = self._per_discipline
        return {each.title: self._taken[each.leaf] for each in self.disciplines if self._taken[each.leaf] < per}

    def _ended(
        self, manifest: TestManifest | None, shelf: Shelf, confirm: Callable[[str], bool], *, is_settled: bool = False
    ) -> Made:
        """Say which training rows a test set touches, and let it join the benchmarks."""
        stopped = self.hearing.stopped
        is_final = manifest is not None and stopped is None and bool(manifest.slots["pairs"])
        found = touched(self.project, shelf) if is_final else None
        is_known = NAME in self.project.benchmarks.names
        is_benchmark = found is not None and (is_known or found.share <= _MOST_LOST or confirm(_costly(found)))
        if is_benchmark:
            join(self.project, shelf)
        return Made(
            rows=manifest.slots["pairs"] if manifest is not None else 0,
            wanted=self.wanted,
            short=manifest.short if manifest is not None else self._short(),
            is_standing=manifest is not None,
            is_settled=is_settled,
            is_benchmark=is_benchmark,
            touched=found,
            stopped=stopped,
        )


def _costly(found: Touched) -> str:
    return (
        f"As a benchmark the test set would cost about {found.share:.0%} of all pairs, since the teacher writes in set "
        "phrases, and whatever shares 13 words in a row with it is not taken. Shall it join the benchmarks?"
    )


def _broad(config: Config) -> Config:
    """Return the settings with which an exam covers many subjects: visits of one question."""
    return structs.replace(config, plan=structs.replace(config.plan, questions_per_visit=1))
