"""What a changed plan does to the rows that stand: which stay, and the N at which all of them do.

Pure: it walks the plan over the slots that the standing data set decided; it reads no file and asks nobody.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from glan.plan import Merge
from glan.records import Discipline


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What a plan makes of the rows that stand."""

    displaced: int
    """Rows that are not among the first N any more; they stay in the ledger."""
    lost: int
    """Rows whose discipline is not in the taxonomy any more: no N keeps them."""
    keeps_all: int
    """The smallest N at which every row stands whose discipline is there; each new slot counts as a pair."""


def growth(
    standing: Standing, disciplines: Sequence[Discipline], *, pairs: int, seed: int, questions_per_visit: int
) -> Growth:
    """Walk the plan until every row that can stand has been passed."""
    present = {discipline.leaf for discipline in disciplines}
    lost = sum(len(ordinals) for leaf, ordinals in standing.pairs.items() if leaf not in present)
    left_to_pass = standing.rows - lost
    counted = kept = 0
    sequence = Merge(disciplines, seed=seed, questions_per_visit=questions_per_visit)
    nothing: frozenset[int] = frozenset()
    for slot in sequence:
        if not left_to_pass:
            break
        leaf, ordinal = slot.discipline.leaf, slot.ordinal
        if ordinal in standing.pairs.get(leaf, nothing):
            left_to_pass -= 1
            counted += 1
            kept += counted <= pairs
        elif ordinal not in standing.others.get(leaf, nothing) and leaf not in standing.left:
            counted += 1
    return Growth(displaced=standing.rows - lost - kept, lost=lost, keeps_all=counted)
