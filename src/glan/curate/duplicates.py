"""Exact and near copies among questions, each judged by those before it. It knows texts and numbers, no ids.

A near copy is a question whose shingles have a Jaccard similarity, at or above the threshold t, with those of an
earlier question that passed. None is missed, since the search is exact:

* Of two sets of a and b shingles that are similar enough, t / (1 + t) * (a + b) are shared. That is never less than
  t * a, so of any a - t * a + 1 shingles of the one, the other holds at least one.
* A question that passes is therefore entered under so many of its shingles only: those under which the fewest stand.
  A phrase that a thousand questions begin with is soon chosen by none of them, and costs nothing.
* A question is looked up under all its shingles, and compared with those that it meets often enough.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np

from glan.curate.postings import Hits, Integers, Postings, entries, ranges
from glan.curate.shingles import Spelled, spell
from glan.curate.sketches import Group, Sketches, Store, sketch

_GROUP: Final = 128
"""Most questions that are judged at once ..."""
_GROUP_LENGTH: Final = 1_000_000
"""... and most of their characters, if there are two."""
_BLOCK: Final = 1_000_000
"""Shingles that are compared at once, give or take one question."""
_SLACK: Final = 1e-6
"""Taken off before rounding up: 0.8 / 1.8 * 63 is 28, and a little more in floating point."""
_LOW: Final = 0xFFFFFFFF
"""The lower half of a 64-bit number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What a question is a copy of."""

    of: int
    """Number of the earliest question that it copies, counted from 0 over all that were ever judged."""
    kind: Literal["exact", "near"]
    similarity: float
    """Jaccard similarity of their shingles."""


class _Match(NamedTuple):
    place: int
    """Of the copy in its group."""
    row: int
    """Of the original."""
    similarity: float
    is_exact: bool

    def copy_of(self, number: int) -> Copy:
        return Copy(of=number, kind="exact" if self.is_exact else "near", similarity=self.similarity)


class Duplicates:
    """The questions that passed so far."""

    def __init__(self, threshold: float) -> None:
        """Begin without questions; at 0 only exact copies are found."""
        self._threshold = threshold
        self._n_judged = 0
        self.postings = Postings()
        self._passed = Store()

    def judge(self, texts: Sequence[str]) -> list[Copy | None]:
        """Say for each text, in order, which earlier one it copies; those that copy none are remembered."""
        return [copy for group in in_groups(texts) for copy in self.judge_spelled([spell(text) for text in group])]

    def judge_spelled(self, texts: Sequence[Spelled]) -> list[Copy | None]:
        """Judge a group whose texts are spelled already."""
        copies = self._copies(sketch(texts, only_exact=not self._threshold))
        return [copies.get(place) for place in range(len(texts))]

    @property
    def size_bytes(self) -> int:
        """Memory that is filled; what stands ready to be filled comes on top."""
        return self.postings.size_bytes + self._passed.size_bytes

    def _copies(self, group: Group) -> dict[int, Copy]:
        """Return the copies of a group, by place in the group, and remember the others."""
        hits = self.postings.find(group.sketches.shingles)
        times = _times(group)
        chosen = self._rarest(group, hits, times)
        copies: dict[int, Copy] = {}
        for match in self._matches(group, hits, self._passed.sketches):
            copies.setdefault(match.place, match.copy_of(int(self._passed.numbers[match.row])))
        for match in self._matches_inside(group, chosen, times):
            if match.place not in copies and match.row not in copies:
                copies[match.place] = match.copy_of(self._n_judged + match.row)
        self._remember(group, chosen, copies)
        return copies

    def _rarest(self, group: Group, hits: Hits, times: Integers) -> Integers:
        """Return the positions of the shingles under which a group's questions are to be entered."""
        n_standing = np.bincount(hits.which, minlength=group.places.size) + times
        order = ((group.places << 32) | n_standing).argsort(kind="stable")
        ends = group.sketches.bounds[:-1] + self._n_entered(group.sizes)
        chosen: Integers = order[np.arange(order.size) < ends[group.places]]
        return chosen

    def _n_entered(self, sizes: Integers) -> Integers:
        """Return under how many of its shingles a question of each size is entered."""
        return sizes + 1 - self._least_shared(sizes)

    def _least_shared(self, sizes: Integers) -> Integers:
        """Return how many shingles a question of each size shares with whatever it is near to, at least."""
        needed: Integers = np.ceil(self._threshold * sizes - _SLACK).astype(np.int64)
        return np.maximum(needed, 1)

    def _matches_inside(self, group: Group, chosen: Integers, times: Integers) -> Iterator[_Match]:
        """Yield the copies whose original is in the same group; most groups have none that shares enough for that."""
        n_shared = np.bincount(group.places[times > 1], minlength=group.sizes.size)
        may_match = n_shared >= self._least_shared(group.sizes)
        if np.count_nonzero(may_match) > 1:
            chosen = chosen[may_match[group.places[chosen]]]
            asked = may_match[group.places].nonzero()[0]
            own = Postings()
            own.add(entries(group.sketches.shingles[chosen], group.places[chosen]))
            hits = own.find(group.sketches.shingles[asked])
            which = asked[hits.which]
            is_earlier = hits.rows < group.places[which]
            inside = Hits(which=which[is_earlier], rows=hits.rows[is_earlier])
            yield from self._matches(group, inside, group.sketches)

    def _matches(self, group: Group, hits: Hits, others: Sketches) -> Iterator[_Match]:
        """Yield the pairs that are copies, by place in the group and then by row."""
        if not hits.rows.size:
            return
        pairs, n_met = np.unique((group.places[hits.which] << 32) | hits.rows, return_counts=True)
        places, rows = pairs >> 32, pairs & _LOW
        ours, theirs = group.sizes[places], others.sizes(rows)
        shared = np.ceil(self._threshold / (1 + self._threshold) * (ours + theirs) - _SLACK).astype(np.int64)
        is_candidate = n_met >= self._n_entered(theirs) - theirs + shared
        is_candidate &= shared <= np.minimum(ours, theirs)
        candidates = is_candidate.nonzero()[0]
        for block in _blocks(candidates, theirs[candidates]):
            yield from _compared(group, others, places[block], rows[block], self._threshold)

    def _remember(self, group: Group, chosen: Integers, copies: Collection[int]) -> None:
        """Enter the questions of a group that are no copies."""
        is_passed = np.ones(group.sizes.size, dtype=bool)
        is_passed[list(copies)] = False
        row_of = len(self._passed) + is_passed.cumsum() - 1
        chosen = chosen[is_passed[group.places[chosen]]] if copies else chosen
        self.postings.add(entries(group.sketches.shingles[chosen], row_of[group.places[chosen]]))
        self._passed.add(group, is_passed, self._n_judged)
        self._n_judged += group.sizes.size


def in_groups(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut texts into groups that are judged at once."""
    start = length = 0
    for i, text in enumerate(texts):
        if i > start and (i - start == _GROUP or length + len(text) > _GROUP_LENGTH):
            yield texts[start:i]
            start, length = i, 0
        length += len(text)
    if texts:
        yield texts[start:]


def _times(group: Group) -> Integers:
    """Return for each shingle of a group how often it stands there; in a question each stands once."""
    if group.sizes.size == 1:
        return np.ones(group.places.size, dtype=np.int64)
    _, which, counts = np.unique(group.sketches.shingles, return_inverse=True, return_counts=True)
    times: Integers = counts[which]
    return times


def _blocks(chosen: Integers, sizes: Integers) -> list[Integers]:
    """Cut what is to be compared into parts of bounded size, with at least one question each."""
    part = sizes.cumsum() // _BLOCK
    return np.split(chosen, np.diff(part).nonzero()[0] + 1) if chosen.size else []


def _compared(group: Group, others: Sketches, places: Integers, rows: Integers, threshold: float) -> Iterator[_Match]:
    """Yield those of the pairs that are copies."""
    ours, theirs = group.sizes[places], others.sizes(rows)
    held = others.shingles[ranges(others.bounds[rows], theirs)]
    packed = (places.repeat(theirs).astype(np.uint64) << np.uint64(32)) | held
    is_shared = group.packed.take(group.packed.searchsorted(packed), mode="clip") == packed
    n_shared = np.add.reduceat(is_shared, theirs.cumsum() - theirs, dtype=np.int64)
    similarity = n_shared / (ours + theirs - n_shared)
    is_exact = group.sketches.digests[places] == others.digests[rows]
    # A set of one is the hash of a whole text, and 32 bits of a hash are no proof.
    is_copy = is_exact | ((similarity >= threshold) & (ours > 1) & (theirs > 1))
    for i in is_copy.nonzero()[0]:
        yield _Match(int(places[i]), int(rows[i]), float(similarity[i]), bool(is_exact[i]))
