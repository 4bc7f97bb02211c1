"""From the parts of a YAML file to branches and disciplines, or an error that says what is wrong and where."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from glan.errors import TaxonomyError
from glan.places import key_of
from glan.records import Discipline
from glan.taxonomy.given import read_subjects
from glan.taxonomy.parts import Mapping, Part, Scalar, Sequence, Span
from glan.taxonomy.support import checked_support
from glan.taxonomy.syntax import place_of
from glan.taxonomy.values import (
    checked_isced,
    checked_name,
    checked_notes,
    list_of,
    name_of,
    parse_weight,
    refuse_unknown,
    scalar_of,
    text_of,
)

MAX_DEPTH = 8
"""Most levels of a tree, the disciplines counted."""
MAX_NODES = 100_000
"""Most branches and disciplines of a tree."""

NODE_KEYS = ("name", "title", "weight", "notes", "isced", "votes", "children", "subjects")
LEAF_KEYS = ("subjects", "isced")
"""What a branch cannot have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """What has children: a field, a sub-field, or one further down."""

    name: str
    key: str
    title: str
    """What people see; the name unless the file gives a title."""
    path: tuple[str, ...]
    """Titles of the branches above it, from the top."""
    weight: Fraction
    """Product of the weights on its path, itself included."""
    notes: tuple[str, ...]
    """Notes on its path from the top, its own last."""
    children: tuple["Node", ...]
    votes: str | None = None
    """How many of the proposals of a built tree named it, such as `5/6`."""

    @property
    def leaves(self) -> tuple[Discipline, ...]:
        """The disciplines below it, in order."""
        return tuple(leaves_of(self.children))


Node: TypeAlias = Branch | Discipline


def leaves_of(nodes: Iterable[Node]) -> Iterable[Discipline]:
    """Give the disciplines in and under some nodes, in order."""
    for node in nodes:
        if isinstance(node, Branch):
            yield from leaves_of(node.children)
        else:
            yield node


def roots_of(document: Part, source: str) -> Sequence:
    """Return the list that the file has under `taxonomy`.

    Raises:
        TaxonomyError: there is none.

    """
    at = place_of(source, document.span)
    if not isinstance(document, Mapping) or "taxonomy" not in document.values:
        raise TaxonomyError(f"{at}: there is no `taxonomy:` with a list of fields or disciplines under it.")
    refuse_unknown(document, ("taxonomy",), source)
    roots = document.values["taxonomy"]
    if isinstance(roots, Sequence) and roots.items:
        return roots
    at = place_of(source, document.keys["taxonomy"].span)
    is_empty = isinstance(roots, Sequence) or (isinstance(roots, Scalar) and roots.is_null)
    what = "is empty" if is_empty else "is no list"
    raise TaxonomyError(f"{at}: `taxonomy:` {what}; list fields or disciplines under it, each after a dash.")


def read_nodes(roots: Sequence, source: str) -> tuple[Node, ...]:
    """Return the checked nodes of a file.

    Raises:
        TaxonomyError: a node is not as it must be; the message has its line and column.

    """
    return _Reader(source).children(roots, _Above())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Above:
    """What a node inherits."""

    path: tuple[str, ...] = ()
    weight: Fraction = Fraction(1)
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reader:
    """One pass over a tree: it remembers the leaves for the sake of duplicates, and counts."""

    source: str
    leaves: dict[str, tuple[str, Span]] = field(default_factory=dict)
    nodes: int = 0

    def children(self, items: Sequence, above: _Above) -> tuple[Node, ...]:
        known: dict[str, tuple[str, Span]] = {}
        found: list[Node] = []
        for item in items.items:
            node = self._node(item, above)
            if node.key in known:
                raise self._twice(f"the name {node.name!r}", item.span, known[node.key], "beside it")
            known[node.key] = (node.name, item.span)
            found.append(node)
        return tuple(found)

    def _node(self, part: Part, above: _Above) -> Node:
        at = place_of(self.source, part.span)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise TaxonomyError(f"{at}: the taxonomy has more than {MAX_NODES:,} nodes; that is more than is read.")
        if len(above.path) >= MAX_DEPTH:
            raise TaxonomyError(f"{at}: the tree is nested too deep; a taxonomy has at most {MAX_DEPTH} levels.")
        if isinstance(part, Sequence):
            raise TaxonomyError(f"{at}: a list stands directly in a list; give it a `name:` and `children:`.")
        if isinstance(part, Scalar):
            return self._leaf(part, checked_name(text_of(part), "name", at), above)
        return self._branch_or_leaf(part, at, above)

    def _branch_or_leaf(self, part: Mapping, at: str, above: _Above) -> Node:
        refuse_unknown(part, NODE_KEYS, self.source)
        if "name" not in part.values:
            raise TaxonomyError(f"{at}: a node has no `name:`; every branch and discipline needs one.")
        name = name_of(part, "name", self.source)
        title = name_of(part, "title", self.source) if "title" in part.values else name
        notes = self._notes(part)
        here = _Above(
            path=(*above.path, title),
            weight=above.weight * self._weight(part),
            notes=(*above.notes, notes) if notes else above.notes,
        )
        if "children" not in part.values:
            return self._leaf(part, name, above, here)
        self._refuse_leaf_keys(part, name)
        return Branch(
            name=name,
            key=key_of(name),
            title=title,
            path=above.path,
            weight=here.weight,
            notes=here.notes,
            children=self.children(list_of(part, "children", name, self.source), here),
            votes=self._votes(part),
        )

    def _refuse_leaf_keys(self, part: Mapping, name: str) -> None:
        for key in LEAF_KEYS:
            if key in part.values:
                at = place_of(self.source, part.keys[key].span)
                raise TaxonomyError(f"{at}: the branch {name!r} has `{key}:`; only a discipline can have it.")

    def _leaf(self, part: Scalar | Mapping, name: str, above: _Above, here: _Above | None = None) -> Discipline:
        key = key_of(name)
        if key in self.leaves:
            raise self._twice(f"the discipline {name!r}", part.span, self.leaves[key], "in the tree")
        self.leaves[key] = (name, part.span)
        if here is None:
            return Discipline(name=name, key=key, path=above.path, title=name, weight=above.weight, notes=above.notes)
        return Discipline(
            name=name,
            key=key,
            path=above.path,
            title=here.path[-1],
            weight=here.weight,
            notes=here.notes,
            subjects=read_subjects(part, self.source) if isinstance(part, Mapping) else (),
            isced=self._isced(part) if isinstance(part, Mapping) else None,
            votes=self._votes(part) if isinstance(part, Mapping) else None,
        )

    def _twice(self, what: str, span: Span, first: tuple[str, Span], where: str) -> TaxonomyError:
        name, place = first
        return TaxonomyError(
            f"{place_of(self.source, span)}: {what} already stands {where}, as {name!r} "
            f"in line {place.line}, column {place.column}; remove or rename one of them."
        )

    def _weight(self, part: Mapping) -> Fraction:
        value = part.values.get("weight")
        if value is None:
            return Fraction(1)
        return parse_weight(scalar_of(value, "weight", self.source), place_of(self.source, value.span))

    def _notes(self, part: Mapping) -> str:
        value = part.values.get("notes")
        if value is None:
            return ""
        return checked_notes(scalar_of(value, "notes", self.source), place_of(self.source, value.span))

    def _isced(self, part: Mapping) -> str | None:
        value = part.values.get("isced")
        if value is None:
            return None
        return checked_isced(scalar_of(value, "ISCED-F code", self.source), place_of(self.source, value.span))

    def _votes(self, part: Mapping) -> str | None:
        value = part.values.get("votes")
        if value is None:
            return None
        return checked_support(scalar_of(value, "votes", self.source), place_of(self.source, value.span))
