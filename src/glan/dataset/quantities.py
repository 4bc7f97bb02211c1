"""The quantities of every level, from fields to key concepts: what there is, what was drawn, what is in pairs.

Of a subject it keeps a few integers, with a bit for each session and each key concept: the 1.9 million key concepts of
18,900 subjects take about 8 MB, and as sets of names they would take 400 MB.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import fsum

from glan.dataset.summary import Coverage, Levels, Share, Spread
from glan.places import quoted
from glan.records import Decided, Discipline, Outcome, Question

NO_FIELD = "(none)"
"""Stands for the field of leaves at the top of a tree."""


class Branch:
    """What became of the slots of a discipline, or of all below a branch."""

    def __init__(self, title: str, path: tuple[str, ...]) -> None:
        self.title, self.path = title, path
        """The path is that of the branches above it, from the top."""
        self.outcomes: Counter[Outcome] = Counter()

    @property
    def pairs(self) -> int:
        """Slots that became pairs."""
        return self.outcomes[Outcome.PAIR]

    def share(self) -> Share:
        """Return it as numbers."""
        return Share(
            title=self.title,
            field=self.path[0] if self.path else None,
            pairs=self.pairs,
            rejects=self.outcomes[Outcome.REJECT],
            failures=self.outcomes[Outcome.FAILURE],
        )


class _Subject:
    """What was drawn of a subject; the first of two is drawn, the second in pairs."""

    __slots__ = ("concepts", "questions", "sessions", "uses")

    def __init__(self) -> None:
        self.questions = [0, 0]
        self.sessions = [0, 0]
        self.concepts = [0, 0]
        self.uses = 0

    def add(self, question: Question, *, is_pair: bool) -> None:
        sessions = concepts = 0
        for place in question.draw.sessions:
            sessions |= 1 << place
        for place in question.places:
            concepts |= 1 << place
        self.uses += len(question.places)
        for i in (0, 1) if is_pair else (0,):
            self.questions[i] += 1
            self.sessions[i] |= sessions
            self.concepts[i] |= concepts


@dataclass(frozen=True, slots=True, kw_only=True)
class Curriculum:
    """What there is to draw from in a discipline."""

    subjects: int
    """Those that were named."""
    sizes: Mapping[str, Sequence[int]]
    """By the key of a subject, the number of key concepts of each class session of its syllabus."""


class Quantities:
    """Counts what slots are about, as they are decided."""

    def __init__(self, tree: Iterable[Discipline]) -> None:
        self._tree = {discipline.key: discipline.path for discipline in tree}
        self._branches: dict[str, Branch] = {}
        self._subjects: dict[str, dict[str, _Subject]] = {}
        """By the keys of discipline and subject."""
        self._curricula: dict[str, Curriculum] = {}

    def add(self, decided: Decided) -> None:
        """Count a slot."""
        discipline = decided.slot.discipline
        branch = self._branches.get(discipline.key)
        if branch is None:
            branch = self._branches[discipline.key] = Branch(discipline.title, discipline.path)
            self._subjects[discipline.key] = {}
        branch.outcomes[decided.outcome] += 1
        question = decided.question
        subject = question.subject if question is not None else decided.subject
        if subject is None:
            return
        subjects = self._subjects[discipline.key]
        found = subjects.get(subject.key)
        if found is None:
            found = subjects[subject.key] = _Subject()
        if question is not None:
            found.add(question, is_pair=decided.outcome is Outcome.PAIR)

    def add_curriculum(self, discipline: str, curriculum: Curriculum) -> None:
        """Note what there is in a discipline that is drawn from; it is named by its key."""
        self._curricula[discipline] = curriculum

    def by_discipline(self) -> tuple[Share, ...]:
        """Return what became of the slots of each discipline."""
        return _shares(self._branches.values())

    def by_leaf(self) -> dict[str, tuple[int, int, int]]:
        """Return how many pairs, rejects and failures each leaf has."""
        counts = {quoted(key): branch.outcomes for key, branch in self._branches.items()}
        return {leaf: (n[Outcome.PAIR], n[Outcome.REJECT], n[Outcome.FAILURE]) for leaf, n in counts.items()}

    def by_field(self) -> tuple[Share, ...]:
        """Return the same of the branches at the top."""
        return _shares(_gathered(self._branches.values(), 1).values())

    def there(self) -> Levels:
        """Return what there is to draw from: in the tree, in the drafts, and in the syllabi that were drawn from."""
        sizes = [size for _, size in self._drawn_from()]
        return Levels(
            **_levels_of_tree({**{key: branch.path for key, branch in self._branches.items()}, **self._tree}),
            subjects=sum(self._named(key) for key in self._branches),
            syllabi=len(sizes),
            sessions=sum(map(len, sizes)),
            key_concepts=sum(map(sum, sizes)),
        )

    def drawn(self) -> Levels:
        """Return what slots were about."""
        paths = {key: branch.path for key, branch in self._branches.items()}
        return self._levels(paths, sum(map(len, self._subjects.values())), 0)

    def paired(self) -> Levels:
        """Return what pairs are about."""
        paths = {key: branch.path for key, branch in self._branches.items() if branch.pairs}
        return self._levels(paths, sum(subject.questions[1] > 0 for subject in self._all()), 1)

    def spreads(self) -> tuple[Spread, ...]:
        """Return how many of one thing each of another has that was drawn from."""
        branches = self._branches
        fields, sub_fields = (_gathered(branches.values(), depth) for depth in (1, 2))
        tree = {**{key: branch.path for key, branch in branches.items()}, **self._tree}
        below = [Counter(path[:depth] for path in tree.values() if len(path) >= depth) for depth in (1, 2)]
        sizes = [size for _, size in self._drawn_from()]
        return (
            _spread("discipline", "field", [below[0][path] for path in fields if path]),
            _spread("pair", "field", [branch.pairs for path, branch in fields.items() if path]),
            _spread("discipline", "sub-field", [below[1][path] for path in sub_fields if len(path) > 1]),
            _spread("pair", "sub-field", [branch.pairs for path, branch in sub_fields.items() if len(path) > 1]),
            _spread("subject", "discipline", [self._named(key) for key in branches]),
            _spread("pair", "discipline", [branch.pairs for branch in branches.values()]),
            _spread("question", "subject", [subject.questions[0] for subject in self._all()]),
            _spread("pair", "subject", [subject.questions[1] for subject in self._all()]),
            _spread("class session", "syllabus", [len(size) for size in sizes]),
            _spread("key concept", "syllabus", [sum(size) for size in sizes]),
            _spread("key concept", "class session", [*chain.from_iterable(sizes)]),
        )

    def coverage(self) -> Coverage:
        """Return how far questions cover the key concepts of the syllabi that they were drawn from."""
        found = [(subject, sum(size)) for subject, size in self._drawn_from()]
        return Coverage(
            key_concepts=sum(n for _, n in found),
            drawn=sum(subject.concepts[0].bit_count() for subject, _ in found),
            uses=sum(subject.uses for subject, _ in found),
            expected=round(fsum(_expected(n, subject.uses) for subject, n in found), 1),
            most=sum(min(n, subject.uses) for subject, n in found),
        )

    def _all(self) -> Iterable[_Subject]:
        return chain.from_iterable(subjects.values() for subjects in self._subjects.values())

    def _drawn_from(self) -> list[tuple[_Subject, Sequence[int]]]:
        """Return the subjects for which a question was written, with the sizes of their sessions."""
        return [
            (self._subjects[key][name], size)
            for key, curriculum in self._curricula.items()
            for name, size in curriculum.sizes.items()
            if name in self._subjects.get(key, ()) and self._subjects[key][name].questions[0]
        ]

    def _named(self, key: str) -> int:
        """Return how many subjects of a discipline were named, or where that is not known, how many were met."""
        curriculum = self._curricula.get(key)
        return curriculum.subjects if curriculum is not None else len(self._subjects[key])

    def _levels(self, paths: Mapping[str, tuple[str, ...]], n_subjects: int, which: int) -> Levels:
        return Levels(
            **_levels_of_tree(paths),
            subjects=n_subjects,
            syllabi=sum(subject.questions[which] > 0 for subject in self._all()),
            sessions=sum(subject.sessions[which].bit_count() for subject in self._all()),
            key_concepts=sum(subject.concepts[which].bit_count() for subject in self._all()),
        )


def _levels_of_tree(paths: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Return the different branches above disciplines, and how many of these there are."""
    fields = {path[:1] for path in paths.values() if path}
    sub_fields = {path[:2] for path in paths.values() if len(path) > 1}
    return {"fields": len(fields), "sub_fields": len(sub_fields), "disciplines": len(paths)}


def _gathered(disciplines: Iterable[Branch], depth: int) -> dict[tuple[str, ...], Branch]:
    """Return the branches at a depth, with the counts of what is below them."""
    found: dict[tuple[str, ...], Branch] = {}
    for discipline in disciplines:
        path = discipline.path[:depth]
        above = found.setdefault(path, Branch(path[-1] if path else NO_FIELD, path))
        above.outcomes.update(discipline.outcomes)
    return found


def _shares(branches: Iterable[Branch]) -> tuple[Share, ...]:
    found = (branch.share() for branch in branches)
    return tuple(sorted(found, key=lambda share: (share.title, share.field or "")))


def _spread(of: str, each: str, counts: Sequence[int]) -> Spread:
    mean = round(sum(counts) / len(counts), 2) if counts else 0.0
    return Spread(of=of, each=each, mean=mean, fewest=min(counts, default=0), most=max(counts, default=0))


def _expected(n: int, uses: int) -> float:
    """Return how many of n things are met in so many draws of one at random: n * (1 - (1 - 1/n)^uses)."""
    return n * (1 - (1 - 1 / n) ** uses) if n else 0.0
