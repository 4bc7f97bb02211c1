"""Which rows hold a key: an index that only grows, some twelve bytes an entry and no object for any of them.

An entry is `key * 2^32 + row`. Entries stand in sorted runs, each at least eight times as long as the next: a new
run is merged with its neighbours until that holds again, so that a key is looked up in few runs and each entry is
moved a few times in all. Keys are hashes, so a table of their beginnings leads to the right place at once; a binary
search of a long run would wait for memory twenty times.
"""

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Counts = TypeVar("Counts", np.int32, np.int64)

_LONGER: Final = 8
"""A run is at least so many times as long as the next."""
_SMALL: Final = 1024
"""A run with fewer entries is not left alone."""
_SHARING: Final = 1
"""About so many entries share the beginning of their keys: 4 took a quarter more time and 3 bytes an entry less."""
_LONGEST: Final = 2**31 - 1
"""Most entries of a run: a place among them has 32 bits."""
_BLOCK: Final = 1 << 18
"""Entries that are counted at once: what that takes is not to grow with the run."""
_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Entries that were found: `which[i]` is the position of the key that was asked for, `rows[i]` holds it."""

    which: Integers
    rows: Integers


def entries(keys: NDArray[np.uint32], rows: Integers) -> NDArray[np.uint64]:
    """Return the entries of keys and the rows that hold them, sorted."""
    packed: NDArray[np.uint64] = (keys.astype(np.uint64) << _HALF) | rows.astype(np.uint64)
    packed.sort()
    return packed


def ranges(starts: NDArray[Counts], counts: NDArray[Counts]) -> Integers:
    """Return the numbers from each start on, as many as it counts, one range after the other."""
    ends = counts.cumsum()
    numbers: Integers = np.arange(ends[-1] if ends.size else 0) + (starts - ends + counts).repeat(counts)
    return numbers


_NOTHING: Final = Hits(which=np.empty(0, dtype=np.int64), rows=np.empty(0, dtype=np.int64))


class Postings:
    """The index."""

    def __init__(self) -> None:
        self._runs: list[_Run] = []

    def add(self, entries: NDArray[np.uint64]) -> None:
        """Add sorted entries."""
        while self._runs and self._runs[-1].takes(entries.size):
            entries = np.concatenate([self._runs.pop().entries, entries])
            entries.sort(kind="stable")  # for 64-bit numbers a merge sort that knows sorted stretches: linear here
        if entries.size:
            self._runs.append(_Run.of(entries))

    def find(self, keys: NDArray[np.uint32]) -> Hits:
        """Return every entry with one of the keys."""
        found = [run.find(keys) for run in self._runs] or [_NOTHING]
        return Hits(
            which=np.concatenate([hits.which for hits in found]), rows=np.concatenate([hits.rows for hits in found])
        )

    @property
    def size_bytes(self) -> int:
        return sum(run.entries.nbytes + run.starts.nbytes for run in self._runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    entries: NDArray[np.uint64]
    starts: NDArray[np.int32]
    """Where the entries begin whose keys begin with 0, 1, 2, ..., and where the last of them end."""
    shift: np.uint32
    """Bits of a key after its beginning."""

    @classmethod
    def of(cls, entries: NDArray[np.uint64]) -> "_Run":
        depth = max(1, entries.size // _SHARING).bit_length()
        starts = np.zeros((1 << depth) + 1, dtype=np.int32)
        for i in range(0, entries.size, _BLOCK):
            beginnings = (entries[i : i + _BLOCK] >> np.uint64(64 - depth)).view(np.int64)
            counts = np.bincount(beginnings - beginnings[0])
            starts[beginnings[0] + 1 : beginnings[-1] + 2] += counts.astype(np.int32)
        starts.cumsum(out=starts)
        return cls(entries=entries, starts=starts, shift=np.uint32(32 - depth))

    def takes(self, n_entries: int) -> bool:
        """Say whether so many entries are to be merged into it."""
        is_short = self.entries.size < max(_SMALL, _LONGER * n_entries)
        return is_short and self.entries.size + n_entries <= _LONGEST

    def find(self, keys: NDArray[np.uint32]) -> Hits:
        beginnings = keys >> self.shift
        starts = self.starts[beginnings]
        counts = self.starts[beginnings + np.uint32(1)] - starts
        # What is left of an entry is its row where its key is the one, and a greater number elsewhere.
        left = self.entries[ranges(starts, counts)] ^ (keys.astype(np.uint64) << _HALF).repeat(counts)
        is_held = left <= _LOW
        return Hits(which=np.arange(keys.size).repeat(counts)[is_held], rows=left[is_held].astype(np.int64))
