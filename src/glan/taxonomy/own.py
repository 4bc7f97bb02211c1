"""Nodes as a file gives them, without what they inherit: what an edit promises is said of these, and held to it."""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from glan.records import Subject
from glan.taxonomy.nodes import Branch, Node

Address = tuple[int, ...]
"""Where a node stands: its position at the top, then among the children of each branch on its path."""


class Own(NamedTuple):
    """A node as the file gives it."""

    name: str
    title: str
    weight: Fraction
    notes: str
    isced: str | None
    subjects: tuple[Subject, ...]
    children: tuple["Own", ...] | None
    """None for a discipline."""
    votes: str | None = None


def own_of(nodes: Iterable[Node], weight: Fraction = Fraction(1), n_notes: int = 0) -> tuple[Own, ...]:
    """Return nodes without what they inherit: the weight above them, and so many notes."""
    found: list[Own] = []
    for node in nodes:
        given = node.weight / weight, "".join(node.notes[n_notes:])
        if isinstance(node, Branch):
            below = own_of(node.children, node.weight, len(node.notes))
            found.append(Own(node.name, node.title, *given, None, (), below, node.votes))
        else:
            found.append(Own(node.name, node.title, *given, node.isced, node.subjects, None, node.votes))
    return tuple(found)


def address_of(roots: Sequence[Node], chain: Sequence[Node]) -> Address:
    """Return where the last node of a chain stands."""
    found: list[int] = []
    nodes: Sequence[Node] = roots
    for node in chain:
        found.append(next(i for i, other in enumerate(nodes) if other is node))
        nodes = node.children if isinstance(node, Branch) else ()
    return tuple(found)


def at(nodes: Sequence[Own], address: Address) -> Own:
    """Return the node at an address."""
    node = nodes[address[0]]
    return at(node.children or (), address[1:]) if address[1:] else node


def replaced(nodes: tuple[Own, ...], address: Address, change: Callable[[Own], Own | None]) -> tuple[Own, ...]:
    """Return the nodes with another one at an address; None takes it out."""
    i, *rest = address
    node = nodes[i]
    new = change(node) if not rest else node._replace(children=replaced(node.children or (), tuple(rest), change))
    return (*nodes[:i], *(() if new is None else (new,)), *nodes[i + 1 :])


def with_last(nodes: tuple[Own, ...], address: Address, new: Sequence[Own]) -> tuple[Own, ...]:
    """Return the nodes with some more as the last children of a branch, or at the top where the address is empty."""
    if not address:
        return (*nodes, *new)
    return replaced(nodes, address, lambda node: node._replace(children=(*(node.children or ()), *new)))


def without_empty(nodes: Iterable[Own]) -> tuple[Own, ...]:
    """Return the nodes without the branches that have nothing below them."""
    found = []
    for node in nodes:
        below = None if node.children is None else without_empty(node.children)
        if below != ():
            found.append(node._replace(children=below))
    return tuple(found)
