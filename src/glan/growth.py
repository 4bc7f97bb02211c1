"""What a changed plan does to the rows that stand: which stay, and the N at which all of them do.

Pure: it counts along the plan the slots that the standing data set decided; it reads no file and asks nobody.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from glan.config import Config
from glan.errors import ProjectError
from glan.plan import Merge, slots_before
from glan.records import Discipline, Slot

_NOTHING: frozenset[int] = frozenset()


class Ordinals(AbstractSet[int]):
    """Ordinals of slots, eight bytes each, where a set of Python takes 90: ten million rows have ten million."""

    __slots__ = ("_sorted",)

    def __init__(self, ordinals: Iterable[int] = ()) -> None:
        found = array("q", ordinals)
        if any(found[i] >= found[i + 1] for i in range(len(found) - 1)):  # they come in plan order, which is theirs
            found = array("q", sorted({*found}))
        self._sorted = found

    def __contains__(self, ordinal: object) -> bool:
        if not isinstance(ordinal, int):
            return False
        i = bisect_left(self._sorted, ordinal)
        return i < len(self._sorted) and self._sorted[i] == ordinal

    def __iter__(self) -> Iterator[int]:
        return iter(self._sorted)

    def __len__(self) -> int:
        return len(self._sorted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The slots that the data set rests on, by their leaf."""

    pairs: Mapping[str, AbstractSet[int]]
    """Ordinals that are rows."""
    others: Mapping[str, AbstractSet[int]]
    """Ordinals that were rejected or failed."""
    left: AbstractSet[str] = frozenset()
    """Leaves that had left the walk."""

    @property
    def rows(self) -> int:
        return sum(len(ordinals) for ordinals in self.pairs.values())

    def rows_of(self, disciplines: Iterable[Discipline]) -> int:
        """Count the rows of some disciplines."""
        return sum(len(self.pairs.get(found.leaf, _NOTHING)) for found in disciplines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What a plan makes of the rows that stand."""

    displaced: int
    """Rows that are not among the first N any more; they stay in the ledger."""
    lost: int
    """Rows whose discipline is not in the taxonomy any more: no N keeps them."""
    keeps_all: int
    """The smallest N at which every row stands whose discipline is there; each new slot counts as a pair."""


def growth(standing: Standing, disciplines: Sequence[Discipline], config: Config, *, pairs: int) -> Growth:
    """Count what is before the last row that can stand; only rows that leave have to be walked to."""
    plan = _Plan(standing, disciplines, seed=config.seed, questions_per_visit=config.plan.questions_per_visit)
    keeps_all = plan.count_all()
    kept = plan.kept if pairs >= keeps_all else plan.count_kept(pairs)
    return Growth(displaced=plan.kept - kept, lost=standing.rows - plan.kept, keeps_all=keeps_all)


def pairs_of(
    standing: Standing | None,
    disciplines: Sequence[Discipline],
    config: Config,
    asked: int | None,
    confirm: Callable[[str], bool],
) -> tuple[int, list[str]]:
    """Return N, and what a person should know of it: what was asked for, or as many as keep every row that stands.

    Raises:
        ProjectError: rows would leave for a smaller N, and nobody has confirmed it.

    """
    wanted = config.pairs if asked is None else asked
    if standing is None:
        return wanted, []
    change = growth(standing, disciplines, config, pairs=wanted)
    if asked is None:
        wanted = max(wanted, change.keeps_all)
        change = growth(standing, disciplines, config, pairs=wanted)
    elif wanted < standing.rows and not confirm(
        f"The data set has {standing.rows:,} rows; shorten it to {wanted:,}? The replies stay in the ledger."
    ):
        raise ProjectError(
            f"--pairs {wanted} is less than the {standing.rows:,} rows that stand; nothing was changed.",
            hint="--yes shortens the data set; the replies stay in the ledger.",
        )
    return wanted, [*_told(change, wanted, most=max(config.pairs, standing.rows) if asked is None else wanted)]


def _told(change: Growth, wanted: int, *, most: int) -> Iterator[str]:
    """Say which rows leave, and that N is greater than what anybody has named and what stands, which is `most`."""
    if wanted > most:
        yield (
            f"{wanted:,} pairs are wanted now, since so many keep every row that stands; "
            f"--pairs {most} makes no more than {most:,}, and lets rows leave."
        )
    if change.lost:
        yield f"{change.lost:,} rows leave: their disciplines are not in the taxonomy any more."
    if change.displaced:
        yield (
            f"{change.displaced:,} rows leave at {wanted:,} pairs and stay in the ledger; "
            f"--pairs {change.keeps_all} keeps them all."
        )


class _Plan:
    """A plan over the leaves that are there now."""

    def __init__(
        self, standing: Standing, disciplines: Sequence[Discipline], *, seed: int, questions_per_visit: int
    ) -> None:
        self._standing = standing
        self._disciplines = disciplines
        self._seed = seed
        self._questions = questions_per_visit
        self._ends = {leaf: max(ordinals) + 1 for leaf, ordinals in standing.pairs.items() if ordinals}
        self.kept = standing.rows_of(disciplines)
        """Rows that can stand."""

    def count_all(self) -> int:
        """Return the rows that can stand, with all slots before the last of them that are not known to give none.

        Nothing is walked: a leaf that is a million times as heavy has a million times as many slots.
        """
        last = self._last()
        if last is None:
            return 0
        counted = 1
        for found in self._disciplines:
            end = self._slots_before(found, last)
            known = self._standing.pairs.get(found.leaf, _NOTHING)
            others = self._standing.others.get(found.leaf, _NOTHING)
            has_left = found.leaf in self._standing.left
            counted += _below(end, known) if has_left else end - _below(end, others)
        return counted

    def count_kept(self, pairs: int) -> int:
        """Return how many rows are among the first pairs; fewer pairs are asked for than keep all."""
        sequence = Merge(self._disciplines, seed=self._seed, questions_per_visit=self._questions)
        counted = kept = 0
        while counted < pairs:
            slot = next(sequence)
            leaf, ordinal = slot.discipline.leaf, slot.ordinal
            if ordinal in self._standing.pairs.get(leaf, _NOTHING):
                counted += 1
                kept += 1
            elif leaf not in self._standing.left:
                counted += ordinal not in self._standing.others.get(leaf, _NOTHING)
            elif ordinal >= self._ends.get(leaf, 0):
                sequence.leave(leaf)
        return kept

    def _last(self) -> Slot | None:
        """Return the last slot that is a row."""
        last: Slot | None = None
        for found in self._disciplines:
            if found.leaf in self._ends:
                slot = Slot(discipline=found, ordinal=self._ends[found.leaf] - 1)
                if last is None or self._slots_before(last.discipline, slot) > last.ordinal:
                    last = slot
        return last

    def _slots_before(self, discipline: Discipline, slot: Slot) -> int:
        return slots_before([discipline], slot, seed=self._seed, questions_per_visit=self._questions)


def _below(end: int, ordinals: AbstractSet[int]) -> int:
    return sum(ordinal < end for ordinal in ordinals)
