"""The elements of a tree in groups of neighbours, level by level, as a model is asked to vote on them. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from glan.places import key_of, place, quoted
from glan.taxonomy.nodes import Branch, Node
from glan.taxonomy.tree import Taxonomy
from glan.taxonomy.votes import Element, elements_of
from glan.wording import counted, few

MOST = 40
"""Elements of a group: a longer list is voted on in parts."""
_MOST_NAMED = 8
_LONGEST_NOTES = 500
_TOP = "-"
"""Stands for the top in ids: no name has this key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An element as the prompt shows it."""

    title: str
    about: str
    """What it is, and what is in it, on one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Neighbours that are voted on together."""

    id: str
    """Id of the request that asks for the votes."""
    above: tuple[str, ...]
    """Titles of what they are parts of, from the top."""
    notes: tuple[str, ...]
    """That hold for all of them."""
    elements: tuple[Element, ...]
    shown: tuple[Shown, ...]


def groups_of(taxonomy: Taxonomy) -> tuple[tuple[Group, ...], ...]:
    """Return for each level from the top its groups, in the order of the file."""
    nodes = dict(_nodes(taxonomy.roots, ""))
    by_above: dict[str, list[Element]] = {}
    for element in elements_of(taxonomy):
        by_above.setdefault(element.above, []).append(element)
    levels: dict[int, list[Group]] = {}
    for above, elements in by_above.items():
        for number, start in enumerate(range(0, len(elements), MOST)):
            group = _group(above, number, elements[start : start + MOST], nodes)
            levels.setdefault(len(group.above), []).append(group)
    return tuple(tuple(levels[depth]) for depth in sorted(levels))


def _group(above: str, number: int, elements: Sequence[Element], nodes: Mapping[str, Node]) -> Group:
    parent = nodes.get(above)
    notes = parent.notes if parent is not None else ()
    keys = [key_of(name) for name in _names_to(above, nodes)] or [_TOP]
    return Group(
        id=place("vote", *keys, number),
        above=elements[0].path,
        notes=notes,
        elements=tuple(elements),
        shown=tuple(Shown(title=each.title, about=_about(nodes.get(each.id), len(notes))) for each in elements),
    )


def _names_to(id_: str, nodes: Mapping[str, Node]) -> list[str]:
    """Return the names on the way to a node, from the top."""
    names: list[str] = []
    while id_:
        names.append(nodes[id_].name)
        id_ = id_.rpartition("/")[0]
    return names[::-1]


def _nodes(nodes: Iterable[Node], above: str) -> Iterator[tuple[str, Node]]:
    for node in nodes:
        id_ = f"{above}/{quoted(node.key)}"
        yield id_, node
        if isinstance(node, Branch):
            yield from _nodes(node.children, id_)


def _about(node: Node | None, inherited: int) -> str:
    """Say what an element is; one without a node is a subject."""
    if node is None:
        return "a subject"
    told = _told_branch(node) if isinstance(node, Branch) else _told_discipline([each.name for each in node.subjects])
    own = " ".join(" ".join(node.notes[inherited:]).split())[:_LONGEST_NOTES]
    return f"{told}; meant so: {own}" if own else told


def _told_branch(branch: Branch) -> str:
    below = few([child.title for child in branch.children], _MOST_NAMED)
    return f"a branch with {counted(len(branch.leaves), 'discipline')}, in it: {below}"


def _told_discipline(subjects: Sequence[str]) -> str:
    return f"a discipline with the subjects {few(subjects, _MOST_NAMED)}" if subjects else "a discipline"
