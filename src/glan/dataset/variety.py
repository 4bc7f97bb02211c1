"""How various texts are: how many different words there are, and how many different runs of two and three words.

Known as distinct-n. All runs of a large data set would fill the memory, so of each kind only the 16,384 smallest hashes
are kept: so many of the smallest say how densely hashes lie, and with it how many there are. Up to 16,384 different
runs the number is exact, above that its standard error is 1 / sqrt(16,382), which is 0.8%. The order of the texts, and
how they are grouped, change nothing.

What is a word is told from outside, as a function from a text to its words in UTF-8.
"""

import zlib
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from glan.dataset.summary import ALL_READ, KEPT, ONE_IN, Distinct, Variety
from glan.dataset.tallies import Histogram

LONGEST: Final = 3
"""Words of the longest runs."""
_BLOCK: Final = 20_000
"""Words that are hashed at once, give or take a text."""
_LONGEST_TEXT: Final = 100_000
"""Characters of a text that are read."""
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
_HALF: Final = np.uint64(32)
_64_BITS: Final = 1 << 64

Hashes = NDArray[np.uint64]
Words = Callable[[str], Sequence[bytes]]


def is_read(id_: str, n_before: int) -> bool:
    """Say whether a pair is one of those that are read for this: to read all would make a run half as slow again."""
    return n_before < ALL_READ or zlib.crc32(id_.encode()) % ONE_IN == 0


class Sketch:
    """How many different hashes there were, in 128 KB."""

    def __init__(self) -> None:
        self._kept: Hashes = np.empty(0, dtype=np.uint64)

    def add(self, hashes: Hashes) -> None:
        """Take some hashes, each as often as it comes."""
        if self._kept.size == KEPT:
            hashes = hashes[hashes < self._kept[-1]]
        if hashes.size:
            # Sorted here, since `np.unique` takes ten times as long.
            both = np.sort(np.concatenate([self._kept, hashes]))
            self._kept = both[np.append(True, both[1:] != both[:-1])][:KEPT]

    def estimate(self) -> int:
        """Return how many different ones there were."""
        if self._kept.size < KEPT:
            return int(self._kept.size)
        return (KEPT - 1) * _64_BITS // (int(self._kept[-1]) + 1)


class Runs:
    """The words of some texts, and their runs."""

    def __init__(self, words: Words) -> None:
        self._words_of = words
        self._lengths = Histogram()
        self._pending: list[bytes] = []
        self._owners: list[int] = []
        """How many words each text has that waits."""
        self._runs = [0] * LONGEST
        self._sketches = [Sketch() for _ in range(LONGEST)]

    def add(self, text: str) -> None:
        """Take a text."""
        words = self._words_of(text[:_LONGEST_TEXT])
        self._lengths.add(len(words))
        self._pending += words
        self._owners.append(len(words))
        if len(self._pending) >= _BLOCK:
            self._flush()

    def result(self) -> Variety:
        """Return what was counted so far."""
        self._flush()
        found = zip(self._runs, self._sketches, strict=True)
        return Variety(
            words=self._lengths.result(),
            distinct=tuple(
                Distinct(n=n, runs=runs, distinct=min(runs, sketch.estimate()))
                for n, (runs, sketch) in enumerate(found, 1)
            ),
        )

    def _flush(self) -> None:
        ones = np.fromiter(map(zlib.crc32, self._pending), dtype=np.uint64, count=len(self._pending))
        owners = np.arange(len(self._owners)).repeat(self._owners)
        self._pending, self._owners = [], []
        mixed = np.zeros(ones.size, dtype=np.uint64)
        for i in range(LONGEST):
            n_runs = max(0, ones.size - i)
            mixed = _mixed(mixed[:n_runs] + ones[i:])
            runs = mixed[owners[:n_runs] == owners[i : i + n_runs]]
            self._runs[i] += runs.size
            self._sketches[i].add(runs)


def _mixed(hashes: Hashes) -> Hashes:
    """Return 64-bit numbers that look like no relatives of the given ones; no two become the same one."""
    mixed = (hashes ^ (hashes >> _HALF)) * _MULTIPLIER
    mixed = (mixed ^ (mixed >> _HALF)) * _MULTIPLIER
    mixed ^= mixed >> _HALF
    return mixed
