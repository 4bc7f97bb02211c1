"""What the pairs of a run are held against, how often that was found, and what of it is told: benchmarks by name."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from glan.benchmarks.recipes import missing
from glan.benchmarks.store import Benchmarks
from glan.curate.contamination import REASON, benchmark_of
from glan.manifests import Manifest
from glan.records import Decided


@dataclass(slots=True)
class Against:
    """The benchmarks of a project, and the matches of a run."""

    benchmarks: Benchmarks
    matches: Counter[str] = field(default_factory=Counter)
    """Questions and answers that were rejected, by the benchmark that they hold an item of."""

    def decide(self, slots: Sequence[Decided]) -> None:
        """Count the matches among slots whose fate is known."""
        self.matches.update(
            benchmark_of(slot.verdict.detail)
            for slot in slots
            if slot.verdict is not None and slot.verdict.reason == REASON
        )

    def count_again(self, manifest: Manifest) -> None:
        """Count what the run that made a data set did."""
        self.matches = Counter({str(each["name"]): int(str(each["matches"])) for each in manifest.benchmarks})

    def listed(self) -> list[dict[str, object]]:
        """Return each benchmark with what was looked at and how often it was found, for the manifest."""
        return [
            {
                "name": each.name,
                "source": each.about.source,
                "licence": each.about.licence,
                "splits": each.about.splits,
                "items": each.about.n_items,
                "sha256": each.about.sha256,
                "matches": self.matches[each.name],
            }
            for each in self.benchmarks.found
        ]

    def as_dict(self) -> dict[str, object]:
        """Return what a status tells of it."""
        return {"benchmarks": self.listed(), "not_checked": self.not_checked()}

    def checked(self) -> tuple[str, ...]:
        """Say what was checked, if anything was."""
        names = ", ".join(self.benchmarks.names)
        return (f"Benchmarks: {SHARED} of {names}. A rewording is not found.",) if names else ()

    def not_checked(self) -> tuple[str, ...]:
        """Say which of the known benchmarks are not there, if any are not."""
        absent = missing(self.benchmarks.splits())
        return (f"Not checked against: {', '.join(absent)}.",) if absent else ()

    def told(self) -> Iterable[str]:
        """Yield what a person sees at the end of a run."""
        if self.benchmarks.found:
            names = ", ".join(f"{each.name} ({each.about.n_items:,} items)" for each in self.benchmarks.found)
            yield f"Held against {names}: {matches_told(self.matches)}."
        for line in self.not_checked():
            yield f"{line} `glan benchmarks fetch NAME` brings one, and the next run holds every pair against it."


SHARED = "no question and no answer shares 13 words in a row with an item, or holds a whole short question,"
"""What holds of pairs that passed."""


def matches_told(matches: Counter[str]) -> str:
    """Return matches by benchmark in a few words."""
    if not matches.total():
        return "no match"
    return ", ".join(
        f"{count:,} {'match' if count == 1 else 'matches'} in {name}"
        for name, count in sorted(matches.items())
        if count
    )
