"""Copies in meaning: questions whose vector points where that of an earlier one of their subject does.

    "Explain the method of images."   "What is the method of images, and why does it matter?"

Each question is held against the last ones of its subject that passed. It knows vectors and ids, no texts.
"""

from array import array
from collections import Counter

import numpy as np

from glan.curate.examiner import Finding
from glan.vectors import NO_VECTOR, Vector, cosines, square

REASON = "copy in meaning"
_FIRST_ROOM = 8


class Meanings:
    """What the questions mean that passed so far; questions come in plan order."""

    def __init__(self, similarity: float, last: int) -> None:
        """Begin without any.

        Args:
            similarity: the cosine from which a question is a copy.
            last: a question is held against so many of its subject at most.

        """
        self._similarity = similarity
        self._last = last
        self._shelves: dict[tuple[str, bool], _Shelf] = {}

    def judge(self, id_: str, vector: Vector, *, is_kept: bool = False) -> Finding | None:
        """Return what stands against a question; one that passes is held against those after it.

        A vector of another length than most of its subject so far tells nothing. Those that a person has kept from
        another model are compared among themselves.

        Args:
            id_: the question's id, a subject's place and a number.
            vector: what it means.
            is_kept: whether the reply answered another request.

        """
        subject, _, number = id_.rpartition("/")
        shelf = self._shelves.get((subject, is_kept))
        if shelf is None:
            shelf = self._shelves[subject, is_kept] = _Shelf(self._last, vector.size)
        usual = shelf.see(vector.size)
        if vector.size != usual:
            return Finding(
                reason=NO_VECTOR, detail=f"A vector of {vector.size:,} dimensions, where most have {usual:,}."
            )
        nearest = shelf.nearest(vector)
        if nearest is not None and nearest[1] >= self._similarity:
            return Finding(reason=REASON, detail=f"{subject}/{nearest[0]} ({nearest[1]:.2f})")
        shelf.add(int(number), vector)
        return None


class _Shelf:
    """The last vectors of one subject, all of one length, and the numbers of their questions.

    It takes a byte for each component, and room for up to twice as many vectors as there are.
    """

    def __init__(self, last: int, dimensions: int) -> None:
        self._last = last
        self._lengths: Counter[int] = Counter()
        self._clear(dimensions)

    def _clear(self, dimensions: int) -> None:
        self._vectors = np.empty((min(self._last, _FIRST_ROOM), dimensions), dtype=np.int8)
        self._squares = np.empty(len(self._vectors), dtype=np.int64)
        self._numbers = array("I")
        self._oldest = 0

    def see(self, length: int) -> int:
        """Count a vector, and return the length that most had so far, of equals the one that came first.

        Where that has become another, what was there before is of no use.
        """
        self._lengths[length] += 1
        usual = max(self._lengths, key=self._lengths.__getitem__)
        if usual != self._vectors.shape[1]:
            self._clear(usual)
        return usual

    def nearest(self, vector: Vector) -> tuple[int, float] | None:
        """Return the number of the most similar question, the earliest of equals, and the cosine; None if empty."""
        size = len(self._numbers)
        if not size:
            return None
        found = cosines(vector, self._vectors[:size], self._squares[:size])
        best = float(found.max())
        place = min(np.flatnonzero(found == best).tolist(), key=lambda place: (place - self._oldest) % size)
        return self._numbers[place], best

    def add(self, number: int, vector: Vector) -> None:
        """Put a question behind the others; where there are enough, it takes the place of the oldest."""
        size = len(self._numbers)
        if size == self._last:
            place, self._oldest = self._oldest, (self._oldest + 1) % size
            self._numbers[place] = number
        else:
            place = size
            self._numbers.append(number)
            if size == len(self._vectors):
                room = min(self._last, 2 * size)
                self._vectors = np.resize(self._vectors, (room, vector.size))
                self._squares = np.resize(self._squares, room)
        self._vectors[place] = vector
        self._squares[place] = square(vector)
