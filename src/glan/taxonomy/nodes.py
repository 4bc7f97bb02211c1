"""From the parts of a YAML file to branches and disciplines, or an error that says what is wrong and where."""

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from glan.errors import TaxonomyError
from glan.places import key_of
from glan.records import Discipline, Level, Subject
from glan.taxonomy.parts import Mapping, Part, Scalar, Sequence, Span
from glan.taxonomy.support import checked_support
from glan.taxonomy.syntax import place_of, shown

MAX_DEPTH = 8
"""Most levels of a tree, the disciplines counted."""
MAX_NODES = 100_000
"""Most branches and disciplines of a tree."""
MAX_NAME_LENGTH = 200
"""Longest name or title, in characters."""
MAX_WEIGHT = 1_000_000
"""Greatest weight of one node; the least is its inverse."""

NODE_KEYS = ("name", "title", "weight", "notes", "isced", "votes", "children", "subjects")
LEAF_KEYS = ("subjects", "isced")
"""What a branch cannot have."""
SUBJECT_KEYS = ("name", "level", "subtopics")

_DECIMAL = re.compile(r"(?=\.?[0-9])[0-9]{0,18}\.?[0-9]{0,18}(?:[eE][-+]?[0-9]{1,2})?", re.ASCII)
_RATIO = re.compile(r"[0-9]{1,18} ?/ ?[0-9]{1,18}", re.ASCII)
_ISCED = re.compile(r"[0-9]{4}", re.ASCII)
_JOINERS = frozenset("\u200c\u200d")
"""Persian and the scripts of India need them inside words."""


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
    _refuse_unknown(document, ("taxonomy",), source)
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
            return self._leaf(part, checked_name(_text(part), "name", at), above)
        return self._branch_or_leaf(part, at, above)

    def _branch_or_leaf(self, part: Mapping, at: str, above: _Above) -> Node:
        _refuse_unknown(part, NODE_KEYS, self.source)
        if "name" not in part.values:
            raise TaxonomyError(f"{at}: a node has no `name:`; every branch and discipline needs one.")
        name = self._name(part, "name")
        title = self._name(part, "title") if "title" in part.values else name
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
            children=self.children(self._list(part, "children", name), here),
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
            subjects=self._subjects(part) if isinstance(part, Mapping) else (),
            isced=self._isced(part) if isinstance(part, Mapping) else None,
            votes=self._votes(part) if isinstance(part, Mapping) else None,
        )

    def _twice(self, what: str, span: Span, first: tuple[str, Span], where: str) -> TaxonomyError:
        name, place = first
        return TaxonomyError(
            f"{place_of(self.source, span)}: {what} already stands {where}, as {name!r} "
            f"in line {place.line}, column {place.column}; remove or rename one of them."
        )

    def _name(self, part: Mapping, what: str) -> str:
        value = part.values[what]
        return checked_name(self._scalar(value, what), what, place_of(self.source, value.span))

    def _scalar(self, value: Part, what: str) -> str:
        if not isinstance(value, Scalar):
            kind = "list" if isinstance(value, Sequence) else "mapping"
            raise TaxonomyError(f"{place_of(self.source, value.span)}: the {what} is a {kind}; it must be a text.")
        return _text(value)

    def _weight(self, part: Mapping) -> Fraction:
        value = part.values.get("weight")
        if value is None:
            return Fraction(1)
        return parse_weight(self._scalar(value, "weight"), place_of(self.source, value.span))

    def _notes(self, part: Mapping) -> str:
        value = part.values.get("notes")
        if value is None:
            return ""
        return checked_notes(self._scalar(value, "notes"), place_of(self.source, value.span))

    def _isced(self, part: Mapping) -> str | None:
        value = part.values.get("isced")
        if value is None:
            return None
        return checked_isced(self._scalar(value, "ISCED-F code"), place_of(self.source, value.span))

    def _votes(self, part: Mapping) -> str | None:
        value = part.values.get("votes")
        if value is None:
            return None
        return checked_support(self._scalar(value, "votes"), place_of(self.source, value.span))

    def _list(self, part: Mapping, what: str, name: str) -> Sequence:
        value = part.values[what]
        if isinstance(value, Sequence) and value.items:
            return value
        is_empty = isinstance(value, Sequence) or (isinstance(value, Scalar) and value.is_null)
        raise TaxonomyError(
            f"{place_of(self.source, part.keys[what].span)}: `{what}:` of {name!r} "
            + ("is empty" if is_empty else "is no list")
            + "; list something under it, or remove the key."
        )

    def _subjects(self, part: Mapping) -> tuple[Subject, ...]:
        if "subjects" not in part.values:
            return ()
        known: dict[str, tuple[Subject, Span]] = {}
        for item in self._list(part, "subjects", self._name(part, "name")).items:
            subject = self._subject(item)
            if subject.key in known:
                first, span = known[subject.key]
                raise self._twice(f"the subject {subject.name!r}", item.span, (first.name, span), "in this discipline")
            known[subject.key] = (subject, item.span)
        return tuple(subject for subject, _ in known.values())

    def _subject(self, part: Part) -> Subject:
        at = place_of(self.source, part.span)
        if not isinstance(part, Mapping):
            name = checked_name(self._scalar(part, "subject"), "name of the subject", at)
            return Subject(name=name, key=key_of(name), level=Level.INTRODUCTORY)
        _refuse_unknown(part, SUBJECT_KEYS, self.source)
        if "name" not in part.values:
            raise TaxonomyError(f"{at}: a subject has no `name:`.")
        name = self._name(part, "name")
        return Subject(name=name, key=key_of(name), level=self._level(part), subtopics=self._subtopics(part, name))

    def _level(self, part: Mapping) -> Level:
        if "level" not in part.values:
            return Level.INTRODUCTORY
        text = self._scalar(part.values["level"], "level")
        if key_of(text) not in tuple(Level):
            at = place_of(self.source, part.values["level"].span)
            raise TaxonomyError(f"{at}: there is no level {shown(text)}; the levels are {', '.join(Level)}.")
        return Level(key_of(text))

    def _subtopics(self, part: Mapping, name: str) -> tuple[str, ...]:
        if "subtopics" not in part.values:
            return ()
        found: dict[str, str] = {}
        for item in self._list(part, "subtopics", name).items:
            at = place_of(self.source, item.span)
            subtopic = checked_name(self._scalar(item, "subtopic"), "subtopic", at)
            found.setdefault(key_of(subtopic), subtopic)
        return tuple(found.values())


def checked_name(text: str, what: str, at: str) -> str:
    """Return a name with its spaces collapsed; `what` and `at` are for the error.

    Raises:
        TaxonomyError: it is empty, too long, or has characters that nobody can see.

    """
    text = text.strip(" \t\n")
    unseen = _unseen(text)
    if unseen:
        raise TaxonomyError(
            f"{at}: the {what} {shown(text)} has the invisible character {unseen!a}; remove it or write a space."
        )
    name = " ".join(text.split())
    if not any(unicodedata.category(character)[0] in "LN" for character in name):
        reason = f"{shown(name)} has no letter and no digit" if name else "is empty"
        raise TaxonomyError(f"{at}: the {what} {reason}; give it a name that people can read.")
    if len(name) > MAX_NAME_LENGTH:
        raise TaxonomyError(
            f"{at}: the {what} {shown(name)} has {len(name):,} characters; at most {MAX_NAME_LENGTH} are read. "
            "What explains it belongs under `notes:`."
        )
    return name


def checked_notes(text: str, at: str) -> str:
    """Return notes without blank ends.

    Raises:
        TaxonomyError: they have characters that nobody can see; a prompt would carry them on unseen.

    """
    text = text.strip()
    unseen = _unseen(text.replace("\n", " ").replace("\t", " "))
    if unseen:
        raise TaxonomyError(f"{at}: the notes have the invisible character {unseen!a}; remove it.")
    return text


def checked_isced(code: str, at: str) -> str:
    """Return a code of ISCED-F.

    Raises:
        TaxonomyError: it is not four digits.

    """
    if not _ISCED.fullmatch(code):
        raise TaxonomyError(f'{at}: the ISCED-F code {shown(code)} is not four digits; write it as "0541".')
    return code


def parse_weight(text: str, at: str) -> Fraction:
    """Return a weight, exactly as it is written: `2`, `0.1` (one tenth), `1e-3` or `3/7`.

    Raises:
        TaxonomyError: it is no number, not more than 0, or beyond the limits.

    """
    text = text.strip()
    number = text.removeprefix("-").removeprefix("+")
    if not _DECIMAL.fullmatch(number) and not _RATIO.fullmatch(number):
        raise TaxonomyError(f"{at}: the weight {shown(text)} is not a number; write it as 2, 0.5 or 3/7.")
    try:
        weight = Fraction(number.replace(" ", ""))
    except ZeroDivisionError as error:
        raise TaxonomyError(f"{at}: the weight {shown(text)} divides by 0.") from error
    if text.startswith("-") or weight == 0:
        raise TaxonomyError(
            f"{at}: the weight {shown(text)} is not more than 0; remove the node if nothing is wanted from it."
        )
    if not Fraction(1, MAX_WEIGHT) <= weight <= MAX_WEIGHT:
        raise TaxonomyError(
            f"{at}: the weight {shown(text)} is out of range; weights are between 1/{MAX_WEIGHT:,} and {MAX_WEIGHT:,}."
        )
    return weight


def _unseen(text: str) -> str:
    """Return the first control, format or surrogate character, or an empty text."""
    if text.isascii() and text.isprintable():
        return ""
    categories = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return next((c for c in text if unicodedata.category(c) in categories and c not in _JOINERS), "")


def _refuse_unknown(part: Mapping, known: tuple[str, ...], source: str) -> None:
    for name, key in part.keys.items():
        if name in known:
            continue
        near = difflib.get_close_matches(name[:MAX_NAME_LENGTH], known, n=1)
        way_out = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}."
        raise TaxonomyError(f"{place_of(source, key.span)}: unknown key {shown(name)}; {way_out}")


def _text(part: Scalar) -> str:
    return "" if part.is_null else part.value
