"""What people are shown of a taxonomy: its outline, and findings that are no errors but worth a look."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from glan.names import near_key
from glan.records import Discipline, key_of
from glan.taxonomy.nodes import Branch, Node, leaves_of
from glan.taxonomy.syntax import shown
from glan.taxonomy.tree import Taxonomy, path_of

MAX_OWN_NOTES = 1_000
"""Longest notes of one node, in characters, before they are a finding: every prompt below it carries them."""
MAX_SHARE = 2 / 3
"""Greatest share of the weight that one of three or more siblings has before it is a finding."""

_MAX_PAIRS = 50
_MIN_LENGTH = 6
"""Shorter names that differ by a letter mean different things."""
_WINDOW = 5
_SEPARATORS = re.compile(r"[-/,;:.&()'\"\s]+")
_JOINING = frozenset({"", "a", "an", "and", "for", "in", "of", "on", "the", "to", "with"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One node of the outline."""

    depth: int
    """0 at the top."""
    name: str
    title: str
    is_leaf: bool
    leaves: int
    """Disciplines in it; 1 for a discipline."""
    weight: float
    """Sum of the weights of these disciplines."""
    share: float
    """Its part of the whole weight: about its part of the slots of a long run."""
    isced: str | None
    """Detailed field of ISCED-F 2013, if the discipline has one."""


def outline(taxonomy: Taxonomy) -> tuple[Line, ...]:
    """Return a line for each node, in the order of the file."""
    return tuple(_lines(taxonomy.roots, 0, _weight_of(taxonomy.roots)))


def check(taxonomy: Taxonomy) -> list[str]:
    """Return what is worth a look before money is spent, a sentence each."""
    return [
        *_alike(taxonomy.disciplines),
        *_lonely(taxonomy),
        *_unbalanced(taxonomy),
        *_long_notes(taxonomy),
        *_without_field(taxonomy),
    ]


def _lines(nodes: Iterable[Node], depth: int, whole: float) -> Iterator[Line]:
    for node in nodes:
        weight = _weight_of((node,))
        yield Line(
            depth=depth,
            name=node.name,
            title=node.title,
            is_leaf=not isinstance(node, Branch),
            leaves=sum(1 for _ in leaves_of((node,))),
            weight=weight,
            share=weight / whole,
            isced=None if isinstance(node, Branch) else node.isced,
        )
        if isinstance(node, Branch):
            yield from _lines(node.children, depth + 1, whole)


def _weight_of(nodes: Iterable[Node]) -> float:
    """Add up weights for people; an exact sum of many fractions can have thousands of digits."""
    return math.fsum(leaf.weight for leaf in leaves_of(nodes))


def _alike(leaves: tuple[Discipline, ...]) -> Iterator[str]:
    """Compare each name with its neighbours in the order of their words, read forwards and backwards.

    A slip at the end of a name leaves its beginning, one at the beginning leaves its end: in one of the two orders
    the copies stand close together. No name is compared with all others.
    """
    words = [_words(leaf.name) for leaf in leaves]
    digits = ["".join(filter(str.isdigit, leaf.key)) for leaf in leaves]
    pairs: set[tuple[int, int]] = set()
    for step in (1, -1):
        order = sorted(range(len(leaves)), key=lambda i: words[i][::step])
        for place, i in enumerate(order):
            near = order[place + 1 : place + 1 + _WINDOW]
            pairs.update(
                (min(i, k), max(i, k)) for k in near if _are_alike(words[i], words[k]) and digits[i] == digits[k]
            )
    pairs.update(_nearly_named(leaves))
    for i, k in sorted(pairs)[:_MAX_PAIRS]:
        yield f"{shown(leaves[i].name)} and {shown(leaves[k].name)} look alike; keep one of them if they are one."
    if len(pairs) > _MAX_PAIRS:
        yield f"{len(pairs) - _MAX_PAIRS:,} more pairs of names look alike."


def _nearly_named(leaves: tuple[Discipline, ...]) -> Iterator[tuple[int, int]]:
    """Give the places of names that would be merged if they were subjects, each with the first."""
    first: dict[str, int] = {}
    for place, leaf in enumerate(leaves):
        before = first.setdefault(near_key(leaf.name), place)
        if before != place:
            yield before, place


def _words(name: str) -> str:
    """Return the words of a name without order, plural and joining words."""
    words = [word for word in _SEPARATORS.split(key_of(name)) if word not in _JOINING]
    return " ".join(sorted(word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words))


def _are_alike(left: str, right: str) -> bool:
    """Say whether two names are equal but for one letter added, lost or changed, or two that changed places."""
    if left == right:
        return True
    if min(len(left), len(right)) < _MIN_LENGTH:
        return False
    shorter = min(len(left), len(right))
    i = next((i for i in range(shorter) if left[i] != right[i]), shorter)
    swapped = left[:i] + left[i + 1 : i + 2] + left[i : i + 1] + left[i + 2 :]
    return swapped == right or left[i + 1 :] in (right[i + 1 :], right[i:]) or left[i:] == right[i + 1 :]


def _lonely(taxonomy: Taxonomy) -> Iterator[str]:
    for chain in taxonomy.chains():
        node = chain[-1]
        if isinstance(node, Branch) and len(node.children) == 1:
            yield f"The branch {path_of(chain)} has one child, {shown(node.children[0].name)}."


def _unbalanced(taxonomy: Taxonomy) -> Iterator[str]:
    groups = [("at the top", taxonomy.roots)]
    groups += [
        (f"under {path_of(chain)}", chain[-1].children) for chain in taxonomy.chains() if isinstance(chain[-1], Branch)
    ]
    for where, nodes in groups:
        branches = [node for node in nodes if isinstance(node, Branch)]
        if len(nodes) < 3 or not branches:
            continue
        heaviest = max(branches, key=lambda node: _weight_of((node,)))
        share = _weight_of((heaviest,)) / _weight_of(nodes)
        if share > MAX_SHARE:
            yield (
                f"{shown(heaviest.name)} has {share:.0%} of the weight {where}; "
                f"the other {len(nodes) - 1:,} nodes there share the rest."
            )


def _long_notes(taxonomy: Taxonomy) -> Iterator[str]:
    for chain in taxonomy.chains():
        inherited = len(chain[-2].notes) if len(chain) > 1 else 0
        length = sum(map(len, chain[-1].notes[inherited:]))
        if length > MAX_OWN_NOTES:
            yield f"The notes of {path_of(chain)} have {length:,} characters; every prompt below it carries them."


def _without_field(taxonomy: Taxonomy) -> Iterator[str]:
    leaves = [node for node in taxonomy.roots if not isinstance(node, Branch)]
    if leaves:
        first = shown(leaves[0].name)
        yield f"Disciplines stand at the top ({len(leaves):,}, {first} first); their rows have no field."
