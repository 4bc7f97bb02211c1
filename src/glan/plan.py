"""The sequence of slots: an infinite merge of the disciplines' own sequences by exact priority.

A visit over the ordinals [a, b) of a leaf has priority (a + b) / (2 x weight), ties go by hash(seed, leaf), then by
leaf. So the order of two leaves' slots depends on no third leaf, and an addition moves nobody but itself in.
Pure: it knows no teacher, no file, and not what becomes of a slot.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from heapq import heapify, heappop, heapreplace

from glan.places import seed_of
from glan.records import Discipline, Slot, Subject

_EXACT_SLOTS = 200_000
"""Up to so many slots are counted one by one; beyond it each leaf is given its share."""
_GROWTH = (1, 1, 2, 4, 8)
"""Early prefixes are broad; from the fifth visit on the blocks are long, which a prompt cache likes."""


def round_size(number: int, questions_per_visit: int) -> int:
    """Return the slots that a round gives to each subject; a leaf's visits have the same sizes."""
    return questions_per_visit * _GROWTH[min(number, len(_GROWTH) - 1)]


def drafts_of_round(number: int, drafts: int) -> int:
    """Return how many drafts have named the subjects that a round walks: 1, 2, 4, ... up to all."""
    return drafts if number >= drafts.bit_length() else min(2**number, drafts)


def given_in_round(discipline: Discipline, number: int) -> tuple[Subject, ...]:
    """Return the given subjects that a round walks: those that the first 1, 2, 4, ... drafts named."""
    return tuple(subject for subject in discipline.subjects if round_of(subject) <= number)


def round_of(subject: Subject) -> int:
    """Return the first round that walks a given subject."""
    return (subject.draft - 1).bit_length()


class Merge:
    """The slots of some disciplines in plan order, without end while one of them stands."""

    def __init__(self, disciplines: Sequence[Discipline], *, seed: int, questions_per_visit: int) -> None:
        self._visits = {
            discipline.leaf: _Visit(discipline, seed=seed, questions_per_visit=questions_per_visit)
            for discipline in disciplines
        }
        self._heap = list(self._visits.values())
        heapify(self._heap)

    def __iter__(self) -> Iterator[Slot]:
        return self

    def __next__(self) -> Slot:
        heap = self._heap
        while heap and heap[0].has_left:
            heappop(heap)
        if not heap:
            raise StopIteration
        # The visit under way stays on top: its key does not change before its last slot.
        visit = heap[0]
        slot = Slot(discipline=visit.discipline, ordinal=visit.ordinal)
        visit.ordinal += 1
        if visit.ordinal == visit.end:
            visit.begin_next()
            heapreplace(heap, visit)
        return slot

    def leave(self, leaf: str) -> None:
        """Give no more slots of a leaf, nor the rest of its visit under way; the others keep their order."""
        self._visits[leaf].has_left = True


class _Visit:
    """The visit of a leaf that comes next or is under way; it is less than another when it comes first.

    Priorities are compared by cross-multiplying: exact, and several times faster than with `Fraction`.
    """

    __slots__ = (
        "_above",
        "_below",
        "_leaf",
        "_number",
        "_questions",
        "_tie",
        "discipline",
        "end",
        "has_left",
        "ordinal",
    )

    def __init__(self, discipline: Discipline, *, seed: int, questions_per_visit: int) -> None:
        self.discipline = discipline
        self.has_left = False
        self.ordinal = 0
        self.end = 0
        self._questions = questions_per_visit
        self._number = -1
        self._leaf = discipline.leaf
        self._tie = _tie(seed, discipline)
        self._below = discipline.weight.numerator
        self.begin_next()

    def begin_next(self) -> None:
        self._number += 1
        self.end = self.ordinal + round_size(self._number, self._questions)
        self._above = (self.ordinal + self.end) * self.discipline.weight.denominator

    def __lt__(self, other: "_Visit") -> bool:
        mine, theirs = self._above * other._below, other._above * self._below
        if mine != theirs:
            return mine < theirs
        return (self._tie, self._leaf) < (other._tie, other._leaf)


def slots(disciplines: Sequence[Discipline], *, seed: int, questions_per_visit: int) -> Iterator[Slot]:
    """Yield the slots of all disciplines in plan order, without end."""
    return Merge(disciplines, seed=seed, questions_per_visit=questions_per_visit)


def slots_by_leaf(
    disciplines: Sequence[Discipline], n: int, *, seed: int, questions_per_visit: int
) -> Mapping[str, int]:
    """Return how many of the first `n` slots each leaf has."""
    if n > _EXACT_SLOTS:
        total = sum(discipline.weight for discipline in disciplines)
        return {discipline.leaf: round(n * discipline.weight / total) for discipline in disciplines}
    merge = Merge(disciplines, seed=seed, questions_per_visit=questions_per_visit)
    return Counter(slot.discipline.leaf for _, slot in zip(range(n), merge, strict=False))


def slots_before(disciplines: Sequence[Discipline], last: Slot, *, seed: int, questions_per_visit: int) -> int:
    """Count the slots of these disciplines that come before a slot, which may be of another one."""
    key = _key(last.discipline, seed, questions_per_visit, _visit_of(last.ordinal, questions_per_visit))
    total = 0
    for discipline in disciplines:
        if discipline.leaf == last.discipline.leaf:
            total += last.ordinal
            continue
        # Whole visits come before, up to the first one whose key is greater: it is at most the last of these.
        most = int(key[0] * discipline.weight / (_GROWTH[-1] * questions_per_visit)) + len(_GROWTH)
        number = bisect_left(range(most), key, key=partial(_key, discipline, seed, questions_per_visit))
        total += _begin(questions_per_visit, number)
    return total


def _key(discipline: Discipline, seed: int, questions_per_visit: int, number: int) -> tuple[Fraction, int, str]:
    """Return what the visits are ordered by."""
    both = _begin(questions_per_visit, number) + _begin(questions_per_visit, number + 1)
    return Fraction(both) / (2 * discipline.weight), _tie(seed, discipline), discipline.leaf


def _tie(seed: int, discipline: Discipline) -> int:
    return seed_of(seed, "plan", discipline.leaf)


def _begin(questions_per_visit: int, number: int) -> int:
    """Return the first ordinal of a leaf's visit."""
    return questions_per_visit * (sum(_GROWTH[:number]) + _GROWTH[-1] * max(0, number - len(_GROWTH)))


def _visit_of(ordinal: int, questions_per_visit: int) -> int:
    """Return the number of the visit that holds an ordinal."""
    most = ordinal // (_GROWTH[-1] * questions_per_visit) + len(_GROWTH)
    return bisect_right(range(most), ordinal, key=partial(_begin, questions_per_visit)) - 1
