"""What people are shown of a taxonomy: its outline, and findings that are no errors but worth a look."""

import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources

from glan.names import near_key
from glan.places import key_of
from glan.records import Discipline
from glan.taxonomy.nodes import Branch, Node, leaves_of
from glan.taxonomy.syntax import shown
from glan.taxonomy.tree import Taxonomy, path_of
from glan.wording import few

MAX_OWN_NOTES = 1_000
"""Longest notes of one node, in characters, before they are a finding: every prompt below it carries them."""
MAX_SHARE = 2 / 3
"""Greatest share of the weight that one of three or more siblings has before it is a finding."""
MAX_CHILDREN = 100
"""Most children of a branch before they are a finding."""
MAX_EASY_DEPTH = 6
"""Most levels, the disciplines counted, before they are a finding."""

_MOST_NAMED = 5
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
    votes: str | None
    """How many of the proposals of a built tree named it, if it says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The nodes of one level."""

    branches: int
    leaves: int
    least_children: int
    """Fewest children of a branch at this level; 0 where there is none."""
    most_children: int


def outline(taxonomy: Taxonomy, node: Node | None = None) -> tuple[Line, ...]:
    """Return a line for each node, or for one and what is under it, in the order of the file."""
    return tuple(_lines(taxonomy.roots if node is None else (node,), 0, _weight_of(taxonomy.roots)))


def levels(lines: Iterable[Line]) -> tuple[Level, ...]:
    """Return what there is at each level of an outline, from the top."""
    branches: Counter[int] = Counter()
    leaves: Counter[int] = Counter()
    children: dict[int, list[int]] = {}
    for line in lines:
        (leaves if line.is_leaf else branches)[line.depth] += 1
        if line.depth:
            children[line.depth - 1][-1] += 1
        if not line.is_leaf:
            children.setdefault(line.depth, []).append(0)
    depths = range(max([*branches, *leaves], default=-1) + 1)
    return tuple(
        Level(
            branches=branches[depth],
            leaves=leaves[depth],
            least_children=min(children.get(depth, [0])),
            most_children=max(children.get(depth, [0])),
        )
        for depth in depths
    )


def check(taxonomy: Taxonomy) -> list[str]:
    """Return what is worth a look before money is spent, a sentence each."""
    return [
        *_alike(taxonomy.disciplines),
        *_lonely(taxonomy),
        *_unbalanced(taxonomy),
        *_wide(taxonomy),
        *_deep(taxonomy),
        *_long_notes(taxonomy),
        *_without_field(taxonomy),
        *_unknown_codes(taxonomy),
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
            votes=node.votes,
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
            yield (
                f"The branch {path_of(chain)} has one child, {shown(node.children[0].name)}; "
                "give it others, or move the child up."
            )


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
                f"the other {len(nodes) - 1:,} nodes there share the rest; weights can mend it."
            )


def _wide(taxonomy: Taxonomy) -> Iterator[str]:
    for chain in taxonomy.chains():
        node = chain[-1]
        if isinstance(node, Branch) and len(node.children) > MAX_CHILDREN:
            yield (
                f"The branch {path_of(chain)} has {len(node.children):,} children, more than people look through; "
                "put branches between."
            )


def _deep(taxonomy: Taxonomy) -> Iterator[str]:
    deepest = max(taxonomy.chains(), key=len)
    if len(deepest) > MAX_EASY_DEPTH:
        yield (
            f"The tree has {len(deepest)} levels, at {path_of(deepest)}: rows name the first two and the discipline; "
            "move up what need not stand so deep."
        )


def _long_notes(taxonomy: Taxonomy) -> Iterator[str]:
    for chain in taxonomy.chains():
        inherited = len(chain[-2].notes) if len(chain) > 1 else 0
        length = sum(map(len, chain[-1].notes[inherited:]))
        if length > MAX_OWN_NOTES:
            yield f"The notes of {path_of(chain)} have {length:,} characters, which every prompt carries; shorten them."


def _without_field(taxonomy: Taxonomy) -> Iterator[str]:
    leaves = [node for node in taxonomy.roots if not isinstance(node, Branch)]
    if leaves:
        first = shown(leaves[0].name)
        yield (
            f"Disciplines stand at the top ({len(leaves):,}, {first} first); their rows have no field, until they are "
            "moved under a branch."
        )


def _unknown_codes(taxonomy: Taxonomy) -> Iterator[str]:
    known = isced_fields()
    for leaf in taxonomy.disciplines:
        if leaf.isced is not None and leaf.isced not in known:
            yield (
                f"{shown(leaf.name)} has the code {leaf.isced}, which is no detailed field of ISCED-F 2013; "
                "give it another, or none."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of ISCED-F 2013 a tree covers."""

    fields: int
    """Detailed fields of the classification."""
    missing: tuple[str, ...]
    """Those without a discipline, each with its code and name."""
    without_code: tuple[str, ...]
    """Disciplines that have none."""

    def told(self) -> str:
        """Say it in a sentence."""
        covered = self.fields - len(self.missing)
        lacking = f"; without one: {few(self.missing, _MOST_NAMED)}" if covered and self.missing else ""
        codes = f" {len(self.without_code):,} disciplines have no code." if self.without_code else ""
        return f"ISCED-F 2013: {covered:,} of its {self.fields:,} fields have a discipline{lacking}.{codes}"


def coverage(taxonomy: Taxonomy) -> Coverage:
    """Return which fields of the classification have a discipline, by the codes that the disciplines have."""
    fields = isced_fields()
    codes = {leaf.isced for leaf in taxonomy.disciplines}
    return Coverage(
        fields=len(fields),
        missing=tuple(f"{code} {name}" for code, name in fields.items() if code not in codes),
        without_code=tuple(leaf.name for leaf in taxonomy.disciplines if leaf.isced is None),
    )


def isced_fields() -> Mapping[str, str]:
    """Return the detailed fields of ISCED-F 2013: their names by their codes."""
    text = (resources.files("glan.taxonomy") / "isced.toml").read_text(encoding="utf-8")
    fields: Mapping[str, str] = tomllib.loads(text)["fields"]
    return fields
