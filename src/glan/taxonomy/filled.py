"""What became of the slots at each node of a tree: counts of the leaves, added up for the branches. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from glan.places import quoted
from glan.taxonomy.nodes import Branch, Node
from glan.taxonomy.tree import Taxonomy

Counts = Sequence[int]
"""Pairs, rejects and failures."""
_NONE = (0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """One node, with what became of the slots of all disciplines in it."""

    depth: int
    """0 at the top."""
    name: str
    title: str
    is_leaf: bool
    leaves: int
    """Disciplines in it; 1 for a discipline."""
    pairs: int
    rejects: int
    failures: int

    @property
    def slots(self) -> int:
        """Those that are decided."""
        return self.pairs + self.rejects + self.failures


def filled(taxonomy: Taxonomy, by_leaf: Mapping[str, Counts]) -> tuple[Filled, ...]:
    """Return a line for each node, in the order of the file, from the counts of the leaves."""
    return tuple(_lines(taxonomy.roots, 0, by_leaf))


def elsewhere(taxonomy: Taxonomy, by_leaf: Mapping[str, Counts]) -> Mapping[str, Counts]:
    """Return the counts of leaves that are not in the tree."""
    known = {leaf.leaf for leaf in taxonomy.disciplines}
    return {leaf: counts for leaf, counts in by_leaf.items() if leaf not in known}


def levels_filled(lines: Iterable[Filled]) -> Sequence[tuple[int, int]]:
    """Return for each level from the top how many of its nodes have pairs, and how many there are."""
    found: dict[int, list[int]] = {}
    for line in lines:
        level = found.setdefault(line.depth, [0, 0])
        level[0] += line.pairs > 0
        level[1] += 1
    return [(found[depth][0], found[depth][1]) for depth in sorted(found)]


def _lines(nodes: Iterable[Node], depth: int, by_leaf: Mapping[str, Counts]) -> Iterator[Filled]:
    for node in nodes:
        if not isinstance(node, Branch):
            yield _line(node, depth, 1, by_leaf.get(quoted(node.key), _NONE))
            continue
        below = list(_lines(node.children, depth + 1, by_leaf))
        own = [line for line in below if line.depth == depth + 1]
        counts = sum(line.pairs for line in own), sum(line.rejects for line in own), sum(line.failures for line in own)
        yield _line(node, depth, sum(line.leaves for line in own), counts)
        yield from below


def _line(node: Node, depth: int, leaves: int, counts: Counts) -> Filled:
    pairs, rejects, failures = counts
    return Filled(
        depth=depth,
        name=node.name,
        title=node.title,
        is_leaf=not isinstance(node, Branch),
        leaves=leaves,
        pairs=pairs,
        rejects=rejects,
        failures=failures,
    )
