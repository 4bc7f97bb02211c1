"""The tree of a project with what became of its slots, for `glan status --tree`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import msgspec

from glan.cli.screen import say
from glan.errors import ProjectError
from glan.manifests import Manifest
from glan.taxonomy.filled import Counts, Filled, elsewhere, filled, levels_filled
from glan.taxonomy.tree import Taxonomy


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusTree:
    """What is known of each node."""

    source: str
    """Where the counts are from: `run`, `data set` or `nothing`."""
    lines: tuple[Filled, ...]
    others: Mapping[str, Counts]
    """Counts of disciplines that are not in the tree any more."""

    @classmethod
    def of(cls, taxonomy: Taxonomy, run: Mapping[str, Any] | None, manifest: Manifest | None) -> "StatusTree":
        """Take the counts of a run that goes on, else those of the data set.

        Raises:
            ProjectError: status.json has none.

        """
        source, counts = "nothing", {}
        if run is not None and run.get("state") == "running":
            source, counts = "run", run.get("by_leaf", {})
        elif manifest is not None:
            source, counts = "data set", manifest.by_leaf
        try:
            by_leaf = msgspec.convert(counts, dict[str, tuple[int, int, int]])
        except msgspec.ValidationError as error:
            raise ProjectError(f"status.json is not as a run writes it: {error}.") from error
        return cls(source=source, lines=filled(taxonomy, by_leaf), others=elsewhere(taxonomy, by_leaf))

    def as_dict(self, depth: int | None) -> dict[str, object]:
        """Return it for machines, so many levels of it."""
        return {
            "source": self.source,
            "nodes": [{**msgspec.to_builtins(line), "slots": line.slots} for line in self._seen(depth)],
            "levels": [{"with_pairs": found, "nodes": nodes} for found, nodes in levels_filled(self.lines)],
            "not_in_the_tree": {unquote(leaf): list(counts) for leaf, counts in self.others.items()},
        }

    def say(self, depth: int | None) -> None:
        """Print it."""
        say(_TOLD[self.source])
        say(f"{'slots':>10} {'pairs':>10} {'rejects':>8} {'failures':>8}")
        for line in self._seen(depth):
            count = "" if line.is_leaf else f"  ({line.leaves:,})"
            say(f"{_numbers(line.pairs, line.rejects, line.failures)}  {'  ' * line.depth}{line.title}{count}")
        for leaf, counts in self.others.items():
            say(f"{_numbers(*counts)}  {unquote(leaf)}, which is not in the tree any more")
        levels = ", ".join(f"{found:,} of {nodes:,}" for found, nodes in levels_filled(self.lines))
        say(f"Nodes with pairs at each level: {levels}.")

    def _seen(self, depth: int | None) -> list[Filled]:
        return [line for line in self.lines if depth is None or line.depth < depth]


_TOLD = {
    "run": "So far, by the run that goes on:",
    "data set": "In the data set:",
    "nothing": "Nothing is decided yet:",
}


def _numbers(pairs: int, rejects: int, failures: int) -> str:
    return f"{pairs + rejects + failures:>10,} {pairs:>10,} {rejects:>8,} {failures:>8,}"
