"""One pass over the rows and rejects of a data set, a row group at a time: what its manifest does not count.

Of each subject how many slots came to what and which key concepts were drawn, how coverage grew, how long texts are,
and where the rows stand that are shown. Memory: some 100 bytes for a subject and 12 for a key concept of a question.
"""

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from glan.dataset.shards import Group, groups_of

N_POINTS: Final = 100
"""Points of the curve of coverage."""
N_BINS: Final = 30
MOST_REASONS: Final = 30
"""Reasons of which examples are shown; a server may word every failure otherwise."""
EXAMPLES: Final = 3
_LONGEST_BIN: Final = 1 << 20
"""Characters of a text from which on lengths are no longer told apart."""
_COLUMNS: Final = ("id", "messages", "field", "sub_field", "discipline", "subject", "key_concepts", "scores")
_WHY: Final = ("outcome", "stage", "reason")

Subject = tuple[str, str]
"""The percent-encoded keys of a discipline and a subject, as ids have them; without a subject the second is empty."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where a row stands."""

    group: Group
    place: int


@dataclass(slots=True)
class Tally:
    """What became of the slots of a subject."""

    title: str
    discipline: str
    path: tuple[str, ...]
    """Field and sub-field, as far as the row has them."""
    pairs: int = 0
    rejects: int = 0
    failures: int = 0
    drawn: int = 0
    """Different key concepts of its questions, by their names."""
    scores: dict[str, list[float]] = field(default_factory=dict)
    """By their names, the sum of the scores of its pairs and their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """How many different key concepts the first rows have, by their names."""

    rows: Sequence[int]
    drawn: Sequence[int]
    uses: Sequence[int]
    """Key concepts of these rows, each as often as it was drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """How many texts are how long; a bin is from its edge to the next, the last edge itself included."""

    edges: Sequence[int]
    texts: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the pass found."""

    subjects: dict[Subject, Tally]
    curve: Curve
    questions: Bins
    answers: Bins
    pairs: dict[str, Found]
    """Of each discipline, by its key in ids, one pair, chosen by its id."""
    examples: dict[tuple[str, str, str], list[Found]]
    """By outcome, stage and reason the first slots that ended so."""


def count(train: Path, rejects: Path) -> Counts:
    """Read a data set and its rejects once.

    Raises:
        DatasetError: they cannot be read.

    """
    counting = _Counting()
    for group in groups_of(train):
        counting.add_pairs(group, group.read(list(_COLUMNS)))
    for group in groups_of(rejects) if rejects.is_dir() else ():
        columns = [name for name in _COLUMNS if name not in {"messages", "scores"}]
        counting.add_rejects(group, group.read([*columns, *_WHY]))
    return counting.result()


class _Counting:
    def __init__(self) -> None:
        self._subjects: dict[Subject, Tally] = {}
        self._numbers: dict[Subject, int] = {}
        self._uses: list[np.ndarray[Any, Any]] = []
        """Of each key concept of a question a hash of its name and subject, and the number of the subject."""
        self._ends: list[np.ndarray[Any, Any]] = []
        """Of each row how many of these stand in it."""
        self._n_pairs = 0
        self._lengths = {"user": Counter[int](), "assistant": Counter[int]()}
        self._chosen: dict[str, tuple[int, Found]] = {}
        self._examples: dict[tuple[str, str, str], list[Found]] = {}

    def add_pairs(self, group: Group, rows: pa.Table) -> None:
        """Count the pairs of a row group."""
        ids = rows["id"].to_pylist()
        places = self._places(ids, rows)
        for subject in places:
            self._subjects[subject].pairs += 1
        self._choose(ids, places, group)
        self._add_concepts(places, rows["key_concepts"])
        self._ends.append(np.asarray(pc.fill_null(pc.list_value_length(rows["key_concepts"]), 0)))
        self._n_pairs += len(ids)
        self._add_lengths(rows["messages"].combine_chunks())
        if rows["scores"].null_count < len(rows):
            self._add_scores(places, rows["scores"].to_pylist())

    def add_rejects(self, group: Group, rows: pa.Table) -> None:
        """Count the rejects and failures of a row group."""
        places = self._places(rows["id"].to_pylist(), rows)
        whys = zip(*(rows[name].to_pylist() for name in _WHY), strict=True)
        for i, (subject, why) in enumerate(zip(places, whys, strict=True)):
            tally = self._subjects[subject]
            if why[0] == "failure":
                tally.failures += 1
            else:
                tally.rejects += 1
            self._add_example(why, Found(group, i))
        self._add_concepts(places, rows["key_concepts"])

    def result(self) -> Counts:
        """Return what was counted."""
        self._count_drawn()
        return Counts(
            subjects=self._subjects,
            curve=self._curve(),
            questions=bins_of(self._lengths["user"]),
            answers=bins_of(self._lengths["assistant"]),
            pairs={leaf: found for leaf, (_, found) in self._chosen.items()},
            examples=self._examples,
        )

    def _places(self, ids: Sequence[str], rows: pa.Table) -> list[Subject]:
        """Return the subject of each row, and know all of them."""
        places = [_subject_of(id_) for id_ in ids]
        if any(subject not in self._subjects for subject in set(places)):
            named = zip(
                *(rows[name].to_pylist() for name in ("subject", "discipline", "field", "sub_field")), strict=True
            )
            for subject, (title, discipline, *path) in zip(places, named, strict=True):
                if subject not in self._subjects:
                    self._numbers[subject] = len(self._numbers)
                    above = tuple(each for each in path if each)
                    self._subjects[subject] = Tally(title or "", discipline or subject[0], above)
        return places

    def _choose(self, ids: Sequence[str], places: Sequence[Subject], group: Group) -> None:
        """Keep of each discipline the pair of the least hash."""
        for i, (id_, (leaf, _)) in enumerate(zip(ids, places, strict=True)):
            rank = zlib.crc32(id_.encode())
            before = self._chosen.get(leaf)
            if before is None or rank < before[0]:
                self._chosen[leaf] = rank, Found(group, i)

    def _add_concepts(self, places: Sequence[Subject], concepts: pa.ChunkedArray) -> None:
        found = [
            (hash((subject, name)), self._numbers[subject])
            for subject, names in zip(places, concepts.to_pylist(), strict=True)
            for name in names or ()
        ]
        self._uses.append(np.array(found, dtype=np.int64).reshape(-1, 2))

    def _add_lengths(self, messages: pa.ListArray) -> None:
        flat = messages.flatten()
        roles, lengths = flat.field("role"), pc.utf8_length(flat.field("content"))
        for role, counter in self._lengths.items():
            of_role = lengths.filter(pc.equal(roles, role))
            for pair in pc.value_counts(pc.min_element_wise(of_role, _LONGEST_BIN)).to_pylist():
                counter[pair["values"]] += pair["counts"]

    def _add_scores(self, places: Sequence[Subject], scores: Sequence[Any]) -> None:
        for subject, given in zip(places, scores, strict=True):
            for each in given or ():
                found = self._subjects[subject].scores.setdefault(each["name"], [0.0, 0])
                found[0] += each["value"]
                found[1] += 1

    def _add_example(self, why: tuple[str, str, str], found: Found) -> None:
        if why not in self._examples and len(self._examples) >= MOST_REASONS:
            return
        examples = self._examples.setdefault(why, [])
        if len(examples) < EXAMPLES:
            examples.append(found)

    def _count_drawn(self) -> None:
        """Count the different key concepts of each subject."""
        uses = np.concatenate(self._uses) if self._uses else np.empty((0, 2), np.int64)
        _, firsts = np.unique(uses[:, 0], return_index=True)
        drawn = np.bincount(uses[firsts, 1], minlength=len(self._numbers))
        for subject, number in self._numbers.items():
            self._subjects[subject].drawn = int(drawn[number])

    def _curve(self) -> Curve:
        """Return how many different key concepts the first rows have, at some numbers of rows."""
        ends = np.cumsum(np.concatenate(self._ends)) if self._ends else np.zeros(1, np.int64)
        uses = np.concatenate(self._uses)[: ends[-1], 0] if self._n_pairs else np.empty(0, np.int64)
        _, firsts = np.unique(uses, return_index=True)
        firsts.sort()
        rows = sorted({round(i * self._n_pairs / N_POINTS) for i in range(N_POINTS + 1)} - {0})
        so_far = [int(ends[n - 1]) for n in rows]
        drawn = np.searchsorted(firsts, so_far)
        return Curve(rows=[0, *rows], drawn=[0, *(int(n) for n in drawn)], uses=[0, *so_far])


def _subject_of(id_: str) -> Subject:
    """Return the discipline and subject that an id names; what is no id of a place stands for itself."""
    parts = id_.split("/")
    if len(parts) == 4 and parts[0] == "question":
        return parts[1], parts[2]
    return (parts[1] if len(parts) > 1 else id_), ""


def bins_of(lengths: Counter[int]) -> Bins:
    """Return lengths in bins of one width, a round one; the longest hundredth shares the last bin."""
    if not lengths:
        return Bins(edges=(0, 1), texts=(0,))
    values = np.array(sorted(lengths))
    counts = np.array([lengths[int(value)] for value in values])
    below = np.cumsum(counts)
    first, last = int(values[0]), int(values[np.searchsorted(below, 0.99 * below[-1])])
    width = _round_width((last - first) / N_BINS)
    edges = list(range(first - first % width, last + width + 1, width))
    places = np.minimum((values - edges[0]) // width, len(edges) - 2)
    texts = np.bincount(places, weights=counts, minlength=len(edges) - 1)
    edges[-1] = max(edges[-1], int(values[-1]))
    return Bins(edges=edges, texts=[int(n) for n in texts])


def _round_width(width: float) -> int:
    """Return the least of 1, 2, 5, 10, 20, 50, ... that is not below a width."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power >= width:
                return digit * power
        power *= 10


def rows_at(places: Sequence[Found]) -> Iterator[dict[str, Any]]:
    """Yield the rows at some places, in their order.

    Raises:
        DatasetError: the shards are no longer what they were.

    """
    for found in places:
        yield found.group.read().slice(found.place, 1).to_pylist()[0]
