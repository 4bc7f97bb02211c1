"""Which sets there are over class sessions of given sizes, and which one has a given rank.

A set is here a list of concepts by their positions, counted through all sessions: with sessions of 2 and 3 concepts
the second concept of the second session is 3. Knows numbers alone: no names, no seed, and not what was drawn.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from math import comb
from operator import mul
from typing import Literal

MOST_CONCEPTS = 5
"""Most concepts of a set."""


class Shape:
    """All sets over sessions of given sizes. A shape is built once for all syllabi that have it."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = sizes
        self._offsets = [0, *accumulate(sizes)]
        self.places = tuple([(session, i) for session, size in enumerate(sizes) for i in range(size)])
        """Of each concept its session, and its place there."""
        numbers = range(MOST_CONCEPTS + 1)
        # How many sets of k concepts lie in the sessions before one.
        self._combinations = [[comb(m, k) for m in sizes] for k in numbers]
        self._single = [[0, *accumulate(of_size)] for of_size in self._combinations]
        # The longest session is joined by the second longest, every other one by the longest.
        second, longest = sorted((0, 0, *sizes))[-2:]
        joined = tuple(m + (second if m == longest else longest) if m and second else 0 for m in sizes)
        self.rooms = (tuple(sizes), joined)
        """Most concepts of a single (False) or pair set (True) with a session; not more than it has and its partner."""

    def counts(self, *, is_pair: bool) -> tuple[tuple[int, int], ...]:
        """Return the numbers of concepts that a set can have, each with its number of sets."""
        count = self._count_pairs if is_pair else self._count_singles
        return tuple((k, n) for k in range(2 if is_pair else 1, MOST_CONCEPTS + 1) if (n := count(k)))

    @cached_property
    def _pair(self) -> list[list[int]]:
        """How many pair sets of k concepts have their first session before one; few subjects ever need it."""
        return [
            [0, *accumulate(self._count_from(i, k) for i in range(len(self._sizes)))] for k in range(MOST_CONCEPTS + 1)
        ]

    def _count_singles(self, size: int) -> int:
        return self._single[size][-1]

    def _count_pairs(self, size: int) -> int:
        """Count the pair sets: those of any two sessions in any order, less those of one session twice, halved."""
        ordered = 0
        for mine in range(1, size):
            one, other = self._combinations[mine], self._combinations[size - mine]
            ordered += sum(one) * sum(other) - sum(map(mul, one, other))
        return ordered // 2

    def concepts_of(self, session: int) -> range:
        return range(self._offsets[session], self._offsets[session + 1])

    def single(self, size: int, rank: int) -> list[int]:
        """Return the set of a rank among those of so many concepts of one session."""
        table = self._single[size]
        session = bisect_right(table, rank) - 1
        return _combination(self.concepts_of(session), size, rank - table[session])

    def pair(self, size: int, rank: int) -> list[int]:
        """Return the set of a rank among those of so many concepts of two sessions."""
        table = self._pair[size]
        first = bisect_right(table, rank) - 1
        rank -= table[first]
        for mine in range(1, size):
            partners = self._count_behind(first, size - mine)
            count = comb(self._sizes[first], mine) * partners
            if rank < count:
                break
            rank -= count
        my_rank, rank = divmod(rank, partners)
        concepts = _combination(self.concepts_of(first), mine, my_rank)
        return concepts + self.single(size - mine, self._single[size - mine][first + 1] + rank)

    def _count_from(self, first: int, size: int) -> int:
        """Count the pair sets whose first session is this one."""
        return sum(comb(self._sizes[first], k) * self._count_behind(first, size - k) for k in range(1, size))

    def _count_behind(self, session: int, size: int) -> int:
        """Count the single sets in the sessions behind this one."""
        return self._single[size][-1] - self._single[size][session + 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Sets of one strategy among which the law prefers none: of one number of concepts, or of several."""

    shape: Shape
    is_pair: bool
    parts: tuple[tuple[int, int], ...]
    """Numbers of concepts, each with its number of sets."""
    count: int

    def size_at(self, rank: int) -> int:
        """Return the number of concepts of the set of a rank."""
        return self._locate(rank)[0]

    def set_at(self, rank: int) -> list[int]:
        """Return the set of a rank: its concepts, ascending."""
        size, rank = self._locate(rank)
        return self.shape.pair(size, rank) if self.is_pair else self.shape.single(size, rank)

    def _locate(self, rank: int) -> tuple[int, int]:
        """Return a set's number of concepts, and its rank among those of the same number."""
        for size, count in self.parts:
            if rank < count:
                return size, rank
            rank -= count
        raise IndexError(rank)


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """The kinds of sets over sessions of given sizes, and how often each is drawn."""

    shape: Shape
    kinds: tuple[Kind, ...]
    places: tuple[tuple[int, ...], tuple[int, ...]]
    """Of the single and of the pair kinds the places in `kinds`, each as often as its weight says."""


@lru_cache(maxsize=256)
def law_of(sizes: tuple[int, ...], law: Literal["count", "sets"]) -> Law:
    """Return the kinds that have sets: by "sets" one of each strategy, by "count" one of each number of concepts."""
    shape = Shape(sizes)
    kinds: list[Kind] = []
    places: tuple[list[int], list[int]] = ([], [])
    for is_pair in (False, True):
        counts = shape.counts(is_pair=is_pair)
        for parts in [counts] if law == "sets" and counts else [(part,) for part in counts]:
            # Few concepts more often than many: 5, 4, 3, 2, 1 for 1 to 5 of them.
            places[is_pair].extend([len(kinds)] * (MOST_CONCEPTS + 1 - parts[0][0]))
            kinds.append(Kind(shape=shape, is_pair=is_pair, parts=parts, count=sum(count for _, count in parts)))
    return Law(shape=shape, kinds=tuple(kinds), places=(tuple(places[0]), tuple(places[1])))


def _combination(concepts: range, size: int, rank: int) -> list[int]:
    """Return the combination of a rank, ascending; the last of its concepts counts most."""
    chosen: list[int] = []
    i = len(concepts)
    for k in range(size, 0, -1):
        i -= 1
        while (count := comb(i, k)) > rank:
            i -= 1
        rank -= count
        chosen.append(concepts[i])
    chosen.reverse()
    return chosen
