"""How far people agree who judged the same things, and how sure a share is that was counted in a sample. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from glan.wording import ranged

_Z = 1.959963984540054
"""Of the normal distribution, for an interval of 95%."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Fleiss' kappa of some things that several people put into categories."""

    kappa: float | None
    """1 is full agreement, 0 what chance would give; None where it is not defined."""
    things: int
    """Things with two judgements or more: what it is counted over."""
    left_out: int
    """Things with a single judgement, or none."""
    fewest: int
    """Judgements of a thing, at least and at most."""
    most: int

    @property
    def told(self) -> str:
        """Kappa in words, with what it is counted over, or why there is none."""
        if not self.things:
            return "not defined: nothing was judged by two people or more"
        raters = ranged(f"{self.fewest}", f"{self.most}")
        over = f"over {self.things:,} with {raters} judgements each"
        over += f"; {self.left_out:,} with fewer than two left out" if self.left_out else ""
        if self.kappa is None:
            return f"not defined: all judgements are the same ({over})"
        return f"{self.kappa:.3f} ({over})"


def fleiss(table: Iterable[Sequence[int]]) -> Agreement:
    """Return the agreement of judgements counted by thing (rows) and category (columns).

    The formula is that of Fleiss (1971), "Measuring nominal scale agreement among many raters", Psychological Bulletin
    76(5), 378-382. There every thing has as many judgements as any other; where they differ, the agreement on a thing
    is that among its own judgements, each thing counts once, and the shares of the categories are those of all
    judgements, which is the same formula where the numbers are equal. Things with fewer than two are left out.
    """
    rows = list(table)
    judged = [row for row in rows if sum(row) > 1]
    counts = [sum(row) for row in judged]
    return Agreement(
        kappa=_kappa(judged, sum(counts)) if judged else None,
        things=len(judged),
        left_out=len(rows) - len(judged),
        fewest=min(counts, default=0),
        most=max(counts, default=0),
    )


def _kappa(judged: Sequence[Sequence[int]], total: int) -> float | None:
    by_category = [sum(column) for column in zip(*judged, strict=True)]
    if total in by_category:
        return None
    by_chance = sum((count / total) ** 2 for count in by_category)
    seen = math.fsum(_agreed(row, sum(row)) for row in judged) / len(judged)
    return float((seen - by_chance) / (1 - by_chance))


def _agreed(row: Sequence[int], count: int) -> float:
    """Return the share of the pairs of judgements of one thing that are the same."""
    return sum(of_one * (of_one - 1) for of_one in row) / (count * (count - 1))


def wilson(found: int, of: int) -> tuple[float, float]:
    """Return the 95% interval of a share that was counted in a sample.

    The score interval of Wilson (1927), which holds also for few and for extreme counts. Of nothing it is all there is.
    """
    if of == 0:
        return 0.0, 1.0
    share, square = found / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    low = 0.0 if found == 0 else middle - half
    return low, 1.0 if found == of else middle + half
