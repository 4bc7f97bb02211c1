"""Sketches of questions, which stand for them where copies are looked for: in flat arrays, no object for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from glan.curate.postings import Integers
from glan.curate.shingles import Spelled, shingles

T = TypeVar("T", bound=np.generic)

_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(0xFFFFFFFF)
_ROOM: Final = 1.5
"""A full column grows so many times; the system gives it memory only as it fills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketches:
    """The shingles and the digest of each of some questions."""

    shingles: NDArray[np.uint32]
    """Those of one question ascending, each once; then those of the next. Where a text stands for itself, one."""
    bounds: Integers
    """Where each begins and the last ends: one more than there are questions."""
    digests: NDArray[np.uint64]
    """Of the normal form; of the text itself where nothing is left of it."""

    def sizes(self, rows: Integers) -> Integers:
        return self.bounds[rows + 1] - self.bounds[rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The sketches of questions that are judged together, and for each shingle its place among them."""

    sketches: Sketches
    sizes: Integers
    places: Integers
    packed: NDArray[np.uint64]
    """`place * 2^32 + shingle`, ascending."""


def sketch(texts: Sequence[Spelled], *, only_exact: bool) -> Group:
    """Return the sketches of questions.

    A text with fewer than two shingles is too short to be near anything: its whole stands for itself, as does every
    text if only exact copies are wanted.
    """
    digests = np.array([_digest(text) for text in texts], dtype=np.uint64)
    packed = shingles([] if only_exact else texts)
    places = (packed >> _HALF).astype(np.int64)
    sizes = np.bincount(places, minlength=len(texts))
    whole = (sizes < 2).nonzero()[0]
    if whole.size:
        wholes = (whole.astype(np.uint64) << _HALF) | (digests[whole] & _LOW)
        packed = np.sort(np.concatenate([packed[sizes[places] > 1], wholes]))
        places = (packed >> _HALF).astype(np.int64)
        sizes[whole] = 1
    bounds = np.zeros(len(texts) + 1, dtype=np.int64)
    sizes.cumsum(out=bounds[1:])
    found = Sketches(shingles=packed.astype(np.uint32), bounds=bounds, digests=digests)
    return Group(sketches=found, sizes=sizes, places=places, packed=packed)


def _digest(text: Spelled) -> int:
    """Hash a normal form, or a text without words, such as "???"; the NUL keeps those apart from normal forms."""
    hashed = text.normal or f"\0{text.text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(hashed, digest_size=8).digest(), "little")


class Store:
    """Sketches that only get more, with a number for each."""

    def __init__(self) -> None:
        self._shingles = _Column(np.uint32)
        self._bounds = _Column(np.int64)
        self._bounds.add(np.zeros(1, dtype=np.int64))
        self._digests = _Column(np.uint64)
        self._numbers = _Column(np.int64)

    def __len__(self) -> int:
        return self._digests.values.size

    def add(self, group: Group, is_chosen: NDArray[np.bool_], first: int) -> None:
        """Add the chosen questions of a group, of which the first has this number."""
        sizes, shingles_, digests = group.sizes, group.sketches.shingles, group.sketches.digests
        numbers = first + np.arange(sizes.size)
        if not is_chosen.all():
            shingles_, sizes = shingles_[is_chosen[group.places]], sizes[is_chosen]
            digests, numbers = digests[is_chosen], numbers[is_chosen]
        self._bounds.add(self._bounds.values[-1] + sizes.cumsum())
        self._shingles.add(shingles_)
        self._digests.add(digests)
        self._numbers.add(numbers)

    @property
    def sketches(self) -> Sketches:
        return Sketches(shingles=self._shingles.values, bounds=self._bounds.values, digests=self._digests.values)

    @property
    def numbers(self) -> Integers:
        return self._numbers.values

    @property
    def size_bytes(self) -> int:
        return sum(each.values.nbytes for each in (self._shingles, self._bounds, self._digests, self._numbers))


class _Column(Generic[T]):
    """An array that grows at its end."""

    def __init__(self, kind: type[T]) -> None:
        self._room: NDArray[T] = np.empty(1024, dtype=kind)
        self._n = 0

    @property
    def values(self) -> NDArray[T]:
        return self._room[: self._n]

    def add(self, values: NDArray[T]) -> None:
        n = self._n + values.size
        if n > self._room.size:
            room = np.empty(max(n, int(self._room.size * _ROOM)), dtype=self._room.dtype)
            room[: self._n] = self.values
            self._room = room
        self._room[self._n : n] = values
        self._n = n
