"""What the next run would ask for and which rows would leave, with a tree as it is or as it could be.

It walks the plan over the ledger as the run would, and asks nobody. A slot whose question is not in the ledger is
taken for a pair; so questions, answers and rows are exact where the teacher's replies pass every rule. How many
subjects a new discipline has is not known before it is asked, so drafts and syllabi are a range.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from statistics import fmean

from glan.against import Against
from glan.curricula import with_texts
from glan.dataset.shards import ids
from glan.errors import StoppedError
from glan.estimate import EXPECTED, HIGH, LOW, Assumed, curriculum_of, slots_by_leaf
from glan.generate.asking import asking_of
from glan.growth import Growth, Standing, growth
from glan.outputs import standing_of
from glan.pipeline import Job
from glan.places import beside, place
from glan.project import Project
from glan.records import STAGES, Decided, Discipline, Outcome, Reply, Request, Stage
from glan.surprise import Earlier, Nobody, auditing, meaning_of, narrowed, rests_on, through_of
from glan.teachers.base import Teacher
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Choice, Tally

_CURRICULUM = (Stage.SUBJECTS, Stage.SYLLABI)
_KINDS: Mapping[Stage, str] = {stage: kind for kind, stage in STAGES.items() if stage not in _CURRICULUM}
"""How the ids of the stages of a slot begin."""


@dataclass(frozen=True, slots=True)
class Span:
    """How many requests, where that is not known exactly."""

    least: int
    expected: int
    most: int

    @property
    def is_exact(self) -> bool:
        return self.least == self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a run without `--pairs` makes of the rows that stand, and what it asks for."""

    pairs: int
    """N of the run: the pairs of glan.toml, or as many as keep every row."""
    standing: int
    """Rows that stand."""
    growth: Growth
    """What becomes of them at the pairs of glan.toml."""
    changed: tuple[str, ...]
    """Settings, prompts and disciplines whose requests differ from those of the last run, which a run names."""
    new: Mapping[Stage, Span]
    """Requests for what the ledger lacks."""
    again: Mapping[Stage, Span]
    """Requests for what the ledger has under another fingerprint: with `--reask` they are asked besides.

    Where the run does not stop, an earlier `--reask` goes on, and they are asked anyway.
    """
    from_shelf: Mapping[Stage, int]
    """Replies that another project paid for, and that it takes off the shelf."""
    slots: Mapping[str, int]
    """By leaf the slots that the ledger cannot decide."""
    leaving: tuple[str, ...]
    """Ids of the rows that stand and are not among the rows then."""
    rewritten: tuple[str, ...]
    """Ids of rows that `--reask` writes anew."""

    @property
    def stops(self) -> bool:
        """Whether the run asks first what is to be done."""
        return bool(self.changed and self.again)


async def forecast(
    project: Project, disciplines: Sequence[Discipline], models: Mapping[Stage, str], *, pairs: int | None = None
) -> Forecast:
    """Return what the next run would do with these disciplines, asking these models."""
    config = project.config
    standing = standing_of(project) or Standing(pairs={}, others={})
    change = growth(standing, disciplines, config, pairs=config.pairs)
    wanted = max(config.pairs, change.keeps_all) if pairs is None else pairs
    asking = asking_of(config, project.prompts, Nobody(), models)
    items = Against(project.benchmarks).benchmarks
    job = Job(disciplines=disciplines, config=config, pairs=wanted, asking=asking, items=items, reviews=project.reviews)
    walk = _Walked(job)
    lines: list[str] = []
    if project.ledger_path.exists():
        with Ledger.open(project.ledger_path, readonly=True) as ledger:
            earlier = Earlier.of(ledger, project.only or "")
            disciplines = with_texts(disciplines, ledger)
            walk = _Walked(replace(job, disciplines=disciplines))
            now = meaning_of(config, disciplines, project.prompts, asking)
            choice = earlier.choice(now)
            lines = earlier.changed(now) if choice is None else []
            await walk.over(ledger)
        if earlier.runs and choice in {Choice.EXACT, Choice.KEEP}:
            walk.mismatched.clear()  # it was decided before that they stand
    else:
        walk.alone()
    kept, rewritten = walk.kept, walk.rewritten
    rows = list(ids(project.train_path)) if standing.rows else []
    return Forecast(
        pairs=wanted,
        standing=standing.rows,
        growth=change,
        changed=tuple(narrowed(lines, walk.mismatched)),
        new=walk.new(),
        again=walk.again(),
        from_shelf=dict(walk.tally.from_shelf),
        slots=dict(walk.open),
        leaving=tuple(row for row in rows if row not in kept),
        rewritten=tuple(row for row in rows if row in rewritten),
    )


@dataclass(slots=True)
class _Noting:
    """Notes which requests of curricula were answered, and which were not."""

    teacher: Teacher
    answered: set[str]
    absent: set[str]

    async def reply(self, request: Request) -> Reply:
        if request.stage not in _CURRICULUM:
            return await self.teacher.reply(request)
        try:
            reply = await self.teacher.reply(request)
        except StoppedError:
            self.absent.add(request.id)
            raise
        self.answered.add(request.id)
        return reply


@dataclass(slots=True)
class _Walked:
    """A walk along the ledger, and what is counted on it."""

    job: Job
    open: Counter[str] = field(default_factory=Counter)
    """By leaf the slots that the ledger cannot decide."""
    mismatched: set[str] = field(default_factory=set)
    tally: Tally = field(default_factory=Tally)
    """What the ledger has."""
    kept: set[str] = field(default_factory=set)
    """Ids of pairs that the ledger holds."""
    _slots: Counter[str] = field(default_factory=Counter)
    """By leaf all slots."""
    _wanted: Counter[Stage] = field(default_factory=Counter)
    _known: list[tuple[str, tuple[Stage, ...]]] = field(default_factory=list)
    """Questions that the ledger holds, and the stages behind them of which it has replies."""
    _answered: set[str] = field(default_factory=set)
    _absent: set[str] = field(default_factory=set)
    _subjects: Mapping[str, int] = field(default_factory=dict)
    """By leaf the subjects that its drafts name."""

    async def over(self, ledger: Ledger) -> None:
        """Walk the plan over what the ledger holds."""
        walk = auditing(self.job, ledger, self.mismatched, self._noting, self.tally)
        async for group in walk.decided():
            for decided in group:
                self._add(decided)
        self._subjects = {leaf: len(found.subjects) for leaf, found in walk.walks.items() if found.subjects}

    def _noting(self, teacher: Teacher) -> Teacher:
        return _Noting(teacher, self._answered, self._absent)

    def alone(self) -> None:
        """Count what a run without a ledger asks for."""
        self.open = self._slots = Counter(slots_by_leaf(self.job.disciplines, self.job.config, self.job.pairs))
        for stage in self._of_slots:
            self._wanted[stage] = self.open.total()
        self._absent = {place("draft", leaf.key, 1) for leaf in self.job.disciplines if self.open[leaf.leaf]}

    def _add(self, decided: Decided) -> None:
        leaf = decided.slot.discipline.leaf
        self._slots[leaf] += 1
        behind = (*([Stage.ANSWERS] if decided.answer is not None else []), *(stage for stage, _ in decided.looked))
        if decided.question is not None:
            self._known.append((decided.question.id, behind))
        if decided.outcome is Outcome.PAIR:
            self.kept.add(decided.id)
        elif decided.outcome is Outcome.OPEN:
            self.open[leaf] += 1
            there = {*behind, *([Stage.QUESTIONS] if decided.question is not None else [])}
            self._wanted.update(stage for stage in self._of_slots if stage not in there)

    @property
    def _of_slots(self) -> Iterator[Stage]:
        """The stages that are asked for once for each slot."""
        return (stage for stage in self.job.config.stages if stage not in _CURRICULUM)

    def new(self) -> Mapping[Stage, Span]:
        """Return how much is asked for that the ledger lacks."""
        exact = {stage: Span(*[self._wanted[stage]] * 3) for stage in self._of_slots}
        return {**{stage: self._curricula(stage) for stage in _CURRICULUM}, **exact}

    def _curricula(self, stage: Stage) -> Span:
        """Return how many requests for drafts or syllabi are missing."""
        missing = {_leaf_of(id_) for id_ in self._absent}
        there = Counter(_leaf_of(id_) for id_ in self._answered if _stage_of(id_) is stage)
        drafts = Counter(_leaf_of(id_) for id_ in self._answered if id_.startswith("listing/"))
        others = [(n, drafts[leaf]) for leaf, n in self._subjects.items() if drafts[leaf]]
        cases = [0, 0, 0]
        for discipline in self.job.disciplines:
            leaf = discipline.leaf
            if leaf in missing:
                known = (self._subjects[leaf], drafts[leaf]) if drafts[leaf] else None
                for i, assumed in enumerate(_cases(known, others)):
                    needed = curriculum_of(discipline, self._slots[leaf], self.job.config, assumed)
                    cases[i] += max(0, 2 * needed[_CURRICULUM.index(stage)] - there[leaf])
        return Span(min(cases), cases[1], max(cases))

    def again(self) -> Mapping[Stage, Span]:
        """Return how much `--reask` asks for that the ledger answers under another fingerprint."""
        found: Counter[Stage] = Counter()
        through = through_of(self.mismatched)
        for id_ in self._answered:
            if self._asks(id_, through):
                found[_stage_of(id_)] += 1
        for question, behind in self._known:
            found[Stage.QUESTIONS] += self._asks(question, through)
            found.update(stage for stage in behind if self._asks(beside(_KINDS[stage], question), through))
        return {stage: Span(n, n, n) for stage in self.job.config.stages if (n := found[stage])}

    def _asks(self, id_: str, through: AbstractSet[tuple[str, ...]]) -> bool:
        return id_ in self.mismatched or any(part in through for part in rests_on(id_))

    @property
    def rewritten(self) -> set[str]:
        """Ids of the pairs that `--reask` writes anew."""
        through = through_of(self.mismatched)
        return {id_ for id_ in self.kept if self._asks(id_, through) or self._asks(beside("answer", id_), through)}


def _cases(known: tuple[int, int] | None, others: Sequence[tuple[int, int]]) -> Iterator[Assumed]:
    """Give three cases with what is known of a discipline and of others: the subjects, and the drafts that name them.

    A first draft names as few or as many as those of the others may, or fewer or more, as the estimates assume; every
    further draft names as many new ones, or none at all.
    """
    each = EXPECTED.subjects_each_further
    if known is not None:
        subjects, drafts = known
        few = many = expected = subjects
        each = each if drafts == 1 else subjects // drafts
        further = max(LOW.subjects_each_further, subjects) if drafts == 1 else each
    else:
        drafts = 1
        few = min(HIGH.subjects_first_draft, *(n // of for n, of in others), LOW.subjects_first_draft)
        many = further = max(LOW.subjects_first_draft, *(n for n, _ in others), 0)
        expected = round(fmean([n / of for n, of in others] or [EXPECTED.subjects_first_draft]))
    for assumed, found, more in ((LOW, many, further), (EXPECTED, expected, each), (HIGH, few, 0)):
        first = max(1, found - (drafts - 1) * more)
        yield replace(assumed, subjects_first_draft=first, subjects_each_further=more)


def _leaf_of(id_: str) -> str:
    return id_.split("/")[1]


def _stage_of(id_: str) -> Stage:
    return STAGES[id_.split("/", maxsplit=1)[0]]
