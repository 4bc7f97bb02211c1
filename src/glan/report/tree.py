"""The tree of a data set with what came of it, from fields down to subjects, each with the sums of what is below.

Where it has more subjects than a page should hold, the smallest of each discipline stand together in one line.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from glan.dataset.quantities import NO_FIELD
from glan.records import Discipline
from glan.report.counting import Subject, Tally
from glan.show.sheets import visible

MOST_SUBJECTS: Final = 25_000
"""Subjects that a page has a line for."""
_LONGEST_TITLE: Final = 90


@dataclass(slots=True)
class Node:
    """A branch, a discipline or a subject."""

    title: str
    kind: str
    pairs: int = 0
    rejects: int = 0
    failures: int = 0
    drawn: int = 0
    """Different key concepts of its questions."""
    concepts: int = 0
    """Key concepts that there are to draw from."""
    scores: dict[str, list[float]] = field(default_factory=dict)
    """By their names, sum and number."""
    children: dict[str, "Node"] = field(default_factory=dict)

    def add(self, tally: "Tally | Node", concepts: int) -> None:
        """Count what is below as its own."""
        self.pairs += tally.pairs
        self.rejects += tally.rejects
        self.failures += tally.failures
        self.drawn += tally.drawn
        self.concepts += concepts
        for name, (total, n) in tally.scores.items():
            found = self.scores.setdefault(name, [0.0, 0])
            found[0] += total
            found[1] += n

    @property
    def slots(self) -> int:
        """Decided slots."""
        return self.pairs + self.rejects + self.failures


def tree_of(
    disciplines: Iterable[Discipline], subjects: Mapping[Subject, Tally], concepts: Mapping[Subject, int]
) -> Node:
    """Return the tree.

    The disciplines say where each stands; one that is no longer among them stands where its rows say.
    `concepts` has the key concepts that there are in each subject; it is empty where that is not known.
    """
    top = Node("All", "tree")
    leaves = {each.leaf: _opened(top, each.path, each.leaf, each.title) for each in disciplines}
    n_each = _most_of_a_leaf(subjects)
    # The largest first, so that those that share a line are the smallest.
    for key, tally in sorted(subjects.items(), key=lambda item: (-item[1].pairs, item[0])):
        leaf, subject = key
        if leaf not in leaves:
            leaves[leaf] = _opened(top, tally.path, leaf, tally.discipline)
        way = leaves[leaf]
        for node in way:
            node.add(tally, concepts.get(key, 0))
        if subject:
            _subject(way[-1], subject, tally.title, n_each).add(tally, concepts.get(key, 0))
    return top


def as_data(node: Node) -> dict[str, Any]:
    """Return a node as the page holds it: names of one letter, and nothing that is empty."""
    found: dict[str, Any] = {"t": _title(node.title), "k": node.kind, "p": node.pairs}
    numbers = {"r": node.rejects, "f": node.failures, "d": node.drawn, "n": node.concepts}
    found.update({name: number for name, number in numbers.items() if number})
    if node.scores:
        found["s"] = {name: round(total / n, 2) for name, (total, n) in sorted(node.scores.items()) if n}
    if node.children:
        found["c"] = [
            as_data(child) for child in sorted(node.children.values(), key=lambda each: (-each.slots, each.title))
        ]
    return found


def _title(title: str) -> str:
    shown = visible(title)
    return shown if len(shown) <= _LONGEST_TITLE else f"{shown[:_LONGEST_TITLE]}\N{HORIZONTAL ELLIPSIS}"


def _opened(top: Node, path: Sequence[str], leaf: str, title: str) -> list[Node]:
    """Return the nodes on the way to a discipline, itself last; those that are not there yet are made."""
    way = [top]
    for depth, name in enumerate(path or (NO_FIELD,)):
        kind = ("field", "sub-field")[min(depth, 1)]
        way.append(way[-1].children.setdefault(f"branch {name}", Node(name, kind)))
    way.append(way[-1].children.setdefault(f"leaf {leaf}", Node(title, "discipline")))
    return way


def _subject(discipline: Node, key: str, title: str, n_each: int) -> Node:
    if len(discipline.children) >= n_each:
        return discipline.children.setdefault("", Node("(further subjects)", "subjects"))
    return discipline.children.setdefault(key, Node(title, "subject"))


def _most_of_a_leaf(subjects: Mapping[Subject, Tally]) -> int:
    """Return how many subjects of a discipline have a line of their own, so that all together are not too many."""
    n_leaves = len({leaf for leaf, _ in subjects})
    return max(MOST_SUBJECTS // max(n_leaves, 1), 1)
