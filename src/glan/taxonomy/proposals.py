"""From proposals of the parts of a branch to a tree: counted by name, and each name in one place. Pure.

A tree is built level by level. Of one branch, proposals that name the same part, or a near name of it, are counted
together. Then the parts of a whole level find their places, those with most votes first: a name that stands already,
there or further up, does not come again.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from glan.errors import TaxonomyError
from glan.names import near_key
from glan.places import key_of
from glan.records import Record
from glan.taxonomy.support import support
from glan.taxonomy.values import checked_name
from glan.taxonomy.writing import New

Names: TypeAlias = Sequence[str]
"""What one proposal names, in its order."""
Reason: TypeAlias = Literal["few votes", "no room", "stands above it", "stands elsewhere", "alone"]
_JOINERS = "\u200c\u200d"


class LeftOut(Record, frozen=True, kw_only=True):
    """A part that was proposed and has no place."""

    name: str
    under: str
    """Path of the branch that it was proposed for."""
    votes: int
    proposals: int
    reason: Reason
    stands: str = ""
    """Path of what has the name, where it has a place."""


@dataclass(slots=True, eq=False, kw_only=True)
class Built:
    """A node of a tree that is being built."""

    name: str
    above: "Built | None" = None
    """None for the root, which stands for the whole and need not be in the file."""
    votes: int = 0
    proposals: int = 0
    children: list["Built"] = field(default_factory=list)

    @property
    def chain(self) -> tuple["Built", ...]:
        """What stands above it, the root first, and itself."""
        return (*(self.above.chain if self.above is not None else ()), self)

    @property
    def path(self) -> str:
        """Its path from below the root, as people read it; the root's own name for the root."""
        return "".join(f"/{node.name}" for node in self.chain[1:]) or self.name

    def as_new(self) -> New:
        """Return it with all below it, as it is written."""
        settings = {"name": self.name, "votes": support(self.votes, self.proposals)}
        return New(settings=settings, children=tuple(child.as_new() for child in self.children))


@dataclass(slots=True)
class _Candidate:
    name: str
    near: str
    votes: int = 0


class Builder:
    """A tree while it grows."""

    def __init__(self, root: Built, *, least: int, breadth: int, merges: bool) -> None:
        """Begin with a root.

        Args:
            root: the whole.
            least: so many proposals must name a part.
            breadth: so many parts a branch has at most.
            merges: whether near names are one.

        """
        self.root = root
        self.left_out: list[LeftOut] = []
        self.merged: dict[str, str] = {}
        """Names that count as others, each with the one that stands for it."""
        self._least, self._breadth, self._merges = least, breadth, merges
        self._places: dict[str, Built] = {}
        self._take(root)

    def grow(self, nodes: Sequence[Built], proposals: Sequence[Sequence[Names]]) -> list[Built]:
        """Place the parts of the nodes of one level, given the proposals for each; return the next level."""
        ranked = [
            (-candidate.votes, place, rank, candidate)
            for place, names in enumerate(proposals)
            for rank, candidate in enumerate(self._counted(names))
        ]
        for _, place, _, candidate in sorted(ranked, key=lambda found: found[:3]):
            self._place(nodes[place], candidate, len(proposals[place]))
        for node in nodes:
            if node.above is not None and len(node.children) == 1:
                self._leave_alone(node)
        return [child for node in nodes for child in node.children]

    def _counted(self, proposals: Sequence[Names]) -> list[_Candidate]:
        """Return what some proposals name, in the order of first appearance, with the votes of each."""
        found: dict[str, _Candidate] = {}
        for names in proposals:
            voted: set[int] = set()
            for name in names:
                key, near = self._keys(name)
                candidate = found.get(key) or found.get(near) or _Candidate(name, near)
                found.setdefault(key, candidate)
                found.setdefault(near, candidate)
                if key != key_of(candidate.name):
                    self.merged.setdefault(name, candidate.name)
                if id(candidate) not in voted:
                    voted.add(id(candidate))
                    candidate.votes += 1
        return list({id(candidate): candidate for candidate in found.values()}.values())

    def _place(self, node: Built, candidate: _Candidate, proposals: int) -> None:
        reason, stands = self._reason_against(node, candidate)
        if reason is None:
            child = Built(name=candidate.name, above=node, votes=candidate.votes, proposals=proposals)
            node.children.append(child)
            self._take(child)
            return
        self.left_out.append(
            LeftOut(
                name=candidate.name,
                under=node.path,
                votes=candidate.votes,
                proposals=proposals,
                reason=reason,
                stands=stands,
            )
        )

    def _reason_against(self, node: Built, candidate: _Candidate) -> tuple[Reason | None, str]:
        if candidate.votes < self._least:
            return "few votes", ""
        other = self._places.get(key_of(candidate.name)) or self._places.get(candidate.near)
        if other is not None:
            return "stands above it" if other in node.chain else "stands elsewhere", other.path
        return ("no room", "") if len(node.children) >= self._breadth else (None, "")

    def _leave_alone(self, node: Built) -> None:
        """Take the only part of a branch away: the branch is as good as it."""
        child = node.children.pop()
        for key in self._keys(child.name):
            self._places.pop(key, None)
        self.left_out.append(
            LeftOut(name=child.name, under=node.path, votes=child.votes, proposals=child.proposals, reason="alone")
        )

    def _take(self, node: Built) -> None:
        for key in self._keys(node.name):
            self._places.setdefault(key, node)

    def _keys(self, name: str) -> tuple[str, str]:
        """Return the key of a name, and what near names have in common, told from keys by its beginning."""
        key = key_of(name)
        return key, f"\n{near_key(name)}" if self._merges else key


def nodes_of(root: Built) -> Iterator[Built]:
    """Give all that is below a root, each before what is below it."""
    for child in root.children:
        yield child
        yield from nodes_of(child)


def fitting(name: str) -> str | None:
    """Return a name as a file can hold it, without characters that nobody can see; None where nothing is left of it."""
    seen = "".join(c for c in name if unicodedata.category(c)[0] != "C" or c in _JOINERS)
    try:
        return checked_name(seen, "name", "")
    except TaxonomyError:
        return None
