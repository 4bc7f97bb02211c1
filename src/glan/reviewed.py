"""What people made of the pairs of a run: how many they judged, what share they found wrong, and what they agree on."""

from collections import Counter
from collections.abc import Iterator, Sequence

from glan.curate.people import CHECK, CORRECTED, KEPT, REASON, TIED
from glan.growth import Standing
from glan.raters import wilson
from glan.records import Decided, Discipline
from glan.reviews import Reviews
from glan.wording import few

DROPPED = "dropped"
_MOST_NAMED = 10
_MOST_LISTED = 1_000


class Reviewed:
    """Counts what became of the pairs that were judged, as slots are decided."""

    def __init__(self, reviews: Reviews) -> None:
        self._reviews = reviews
        self._fates: dict[tuple[str, str], Counter[str]] = {}
        """By title and key of the discipline."""
        self._applied: set[str] = set()
        self._dropped: dict[str, set[int]] = {}

    def add(self, decided: Decided) -> None:
        """Count a slot, if anybody has judged it."""
        if decided.id not in self._reviews.ids or (fate := _fate_of(decided)) is None:
            return
        discipline = decided.slot.discipline
        self._fates.setdefault((discipline.title, discipline.key), Counter())[fate] += 1
        self._applied.add(decided.id)
        if fate == DROPPED:
            self._dropped.setdefault(discipline.leaf, set()).add(decided.slot.ordinal)

    def staying(self, standing: Standing | None, disciplines: Sequence[Discipline]) -> int:
        """Count the rows that stand, of some disciplines, without those that people have dropped since."""
        if standing is None:
            return 0
        dropped = {found.leaf: self._dropped.get(found.leaf, set()) for found in disciplines}
        leaving = sum(len(ordinals & standing.pairs.get(leaf, set())) for leaf, ordinals in dropped.items())
        return standing.rows_of(disciplines) - leaving

    def listed(self) -> dict[str, object]:
        """Return what the manifest says; nothing where nobody has judged a pair."""
        if not self._reviews:
            return {}
        left = self._not_applied()
        agreement = self._reviews.agreement()
        return {
            **_counted(self._total),
            "by_discipline": [{"title": title, **_counted(found)} for (title, _), found in self._sorted],
            "reviewers": list(self._reviews.reviewers),
            "kappa": None if agreement.kappa is None else round(agreement.kappa, 4),
            "judged_by_several": agreement.things,
            "not_applied": len(left),
            "not_applied_ids": left[:_MOST_LISTED],
        }

    def checked(self, pairs: int) -> Iterator[str]:
        """Say what people looked at, if they did, among so many rows."""
        found = self._total
        judged = found.total()
        if not judged:
            return
        wrong, (low, high) = found[DROPPED] + found[CORRECTED], _interval(found)
        who = "people" if self._reviews.has_people else "models alone"
        yield (
            f"Reviewed by {who}: {judged:,} pairs. Reviewers: {len(self._reviews.reviewers):,}; "
            f"dropped: {found[DROPPED]:,}; corrected: {found[CORRECTED]:,}; "
            f"wrong, that is one of the two: {wrong / judged:.1%} (95% interval {low:.1%} to {high:.1%}). "
            f"Of the {pairs:,} pairs here {judged - found[DROPPED]:,} were seen."
        )
        agreement = self._reviews.agreement()
        if agreement.things:
            yield f"Agreement of the reviewers, as Fleiss' kappa: {agreement.told}."

    def not_checked(self, pairs: int) -> Iterator[str]:
        """Say what nobody looked at."""
        seen = self._total.total() - self._total[DROPPED]
        if not self._total or not self._reviews.has_people:
            yield "No person reviewed the pairs."
        elif seen < pairs:
            yield f"{pairs - seen:,} of {pairs:,} pairs were not reviewed by people."

    def told(self) -> Iterator[str]:
        """Say what a person should know at the end of a run."""
        if left := self._not_applied():
            yield (
                f"{len(left):,} reviewed pairs have another text by now or are not in the data set, so what was said "
                f"of them does not count: {few(left, _MOST_NAMED)}."
            )
        if tied := self._total[TIED]:
            yield f"The reviewers are divided on {tied:,} pairs, which stay as they are."

    def by_discipline(self) -> Iterator[tuple[str, int, int, float, float, float]]:
        """Give of each discipline its title, pairs judged, wrong ones, their share and its 95% interval."""
        for (title, _), found in self._sorted:
            judged, wrong = found.total(), found[DROPPED] + found[CORRECTED]
            yield title, judged, wrong, wrong / judged, *_interval(found)

    @property
    def _sorted(self) -> list[tuple[tuple[str, str], Counter[str]]]:
        return sorted(self._fates.items())

    @property
    def _total(self) -> Counter[str]:
        return sum(self._fates.values(), Counter())

    def _not_applied(self) -> list[str]:
        return sorted(self._reviews.ids - self._applied)


def _fate_of(decided: Decided) -> str | None:
    if decided.verdict is not None:
        return DROPPED if decided.verdict.reason == REASON else None
    return dict(decided.checks).get(CHECK)


def _interval(found: Counter[str]) -> tuple[float, float]:
    return wilson(found[DROPPED] + found[CORRECTED], found.total())


def _counted(found: Counter[str]) -> dict[str, object]:
    judged, wrong = found.total(), found[DROPPED] + found[CORRECTED]
    low, high = _interval(found)
    return {
        "judged": judged,
        "kept": found[KEPT],
        "dropped": found[DROPPED],
        "corrected": found[CORRECTED],
        "tied": found[TIED],
        "error_rate": round(wrong / judged, 4) if judged else None,
        "error_rate_95": [round(low, 4), round(high, 4)],
    }
