"""Edits of a taxonomy's YAML text. What an edit does not concern stays as it is, byte for byte.

The text is cut and filled at the places that the parser reports, so comments, order, indentation and quotes survive.
Each result is read again and compared with what the edit promised; a file too unusual for this is refused untouched.

A comment belongs to a node where it stands at the end of its line, inside it, or directly above it at its own
indentation; it goes where the node goes.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as Some
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from typing import TypeAlias

from glan.errors import TaxonomyError
from glan.places import key_of
from glan.taxonomy.changing import change_edits
from glan.taxonomy.lines import Edit, applied, newline_of
from glan.taxonomy.nodes import Branch, read_nodes, roots_of
from glan.taxonomy.own import Address, Own, address_of, at, own_of, replaced, with_last, without_empty
from glan.taxonomy.parts import Mapping as Map
from glan.taxonomy.parts import Sequence
from glan.taxonomy.pieces import SOURCE, around, below, carried_over, cuts, insertion, unsafe
from glan.taxonomy.syntax import compose, shown
from glan.taxonomy.tree import Chain, Taxonomy, nearest, path_of
from glan.taxonomy.values import checked_isced, checked_name, checked_notes, parse_weight
from glan.taxonomy.writing import New

TOP = "/"
"""The place above all fields, for `under`."""

Weight: TypeAlias = Fraction | float | str
"""A weight as a caller has it; its text counts, so 0.1 is one tenth."""


def add(text: str, name: str, *, under: str, weight: Weight | None = None, notes: str | None = None) -> str:
    """Return the text with a new discipline as the last child of a branch, or of the top where `under` is `/`.

    Raises:
        TaxonomyError: the name or weight cannot be read, the discipline is there already, or `under` is no branch.

    """
    return graft(text, [new_discipline(name, weight=weight, notes=notes)], under=under)


def new_discipline(name: str, *, weight: Weight | None = None, notes: str | None = None) -> New:
    """Return a discipline that can be put into a tree.

    Raises:
        TaxonomyError: the name, the weight or the notes cannot be read.

    """
    given = {"name": name, "weight": None if weight is None else str(weight), "notes": notes or None}
    return New(
        settings=checked({key: value for key, value in given.items() if value is not None}, "The new discipline")
    )


def graft(text: str, nodes: Some[New], *, under: str, makes_branches: bool = False) -> str:
    """Return the text with new nodes as the last children of a branch, or of the top where `under` is `/`.

    A new branch that is there already gets the new ones below it. What a path such as `Law/Maritime law` lacks at its
    end is made, unless a name that is there is near to it; `makes_branches` makes it all the same.

    Raises:
        TaxonomyError: a discipline is there already, or `under` is no branch.

    """
    old = _Opened.of(text)
    chain, missing = _place(old.tree, under, makes_branches=makes_branches)
    _refuse_known(old.tree, nodes)
    for name in reversed(missing):
        nodes = [New(settings=checked({"name": name}, "The new branch"), children=nodes)]
    found = list(_grafts(old.tree, chain, nodes))
    expected = old.own
    for branch, added in found:
        expected = with_last(expected, address_of(old.tree.roots, branch), [_own(node) for node in added])
    return old.changed([insertion(text, old.children(branch), added) for branch, added in found], expected)


def remove(text: str, node: str) -> str:
    """Return the text without a discipline, or without a branch and all below it.

    A branch that this leaves empty goes too.

    Raises:
        TaxonomyError: there is no such node, or nothing would be left.

    """
    old = _Opened.of(text)
    address = address_of(old.tree.roots, old.tree.found(node))
    expected = without_empty(replaced(old.own, address, lambda _: None))
    if not expected:
        raise TaxonomyError(f"Without {shown(node)} nothing would be left; a taxonomy has at least one discipline.")
    return old.changed(old.cuts(expected), expected)


def select(text: str, disciplines: Iterable[str]) -> str:
    """Return the text with these disciplines alone; branches that become empty vanish.

    Raises:
        TaxonomyError: one of them is no discipline here, or none is named.

    """
    old = _Opened.of(text)
    expected = own_of(old.tree.keep(disciplines).roots)
    return old.changed(old.cuts(expected), expected)


def move(text: str, node: str, *, under: str) -> str:
    """Return the text with a node, and all below it, as the last child of another branch.

    A branch that this leaves empty goes.

    Raises:
        TaxonomyError: there is no such node or branch, it is there already, or the branch is below the node.

    """
    old = _Opened.of(text)
    chain = old.tree.found(node)
    target, _ = _place(old.tree, under, makes_branches=False)
    if target == chain[:-1]:
        raise TaxonomyError(f"{shown(chain[-1].name)} stands under {path_of(target) or TOP} already.")
    if target[: len(chain)] == chain:
        raise TaxonomyError(f"{path_of(target)} is below {path_of(chain)}; a node cannot be moved into itself.")
    origin, goal = address_of(old.tree.roots, chain), address_of(old.tree.roots, target)
    moved = with_last(old.own, goal, [at(old.own, origin)])
    expected = without_empty(replaced(moved, origin, lambda _: None))
    carried = carried_over(text, old.children(chain[:-1]), origin[-1], old.children(target))
    cut = old.cuts(without_empty(replaced(old.own, origin, lambda _: None)), stays=goal)
    return old.changed([*around(cut, carried), *cut], expected)


def without_known(tree: Taxonomy, nodes: Iterable[New]) -> tuple[list[New], list[str]]:
    """Return new nodes without the disciplines that a tree has already, and the names of these."""
    known = {leaf.key for leaf in tree.disciplines}
    fresh: list[New] = []
    names: list[str] = []
    for node in nodes:
        if node.children:
            below, there = without_known(tree, node.children)
            names += there
            fresh += [replace(node, children=below)] if below else []
        elif key_of(node.name) in known:
            names.append(node.name)
        else:
            fresh.append(node)
    return fresh, names


def rename(text: str, node: str, name: str) -> str:
    """Return the text with another name of a node.

    Raises:
        TaxonomyError: there is no such node, or the name cannot be read or stands already.

    """
    return change(text, {node: {"name": name}})


def change(text: str, changes: Mapping[str, Mapping[str, str | None]]) -> str:
    """Return the text with other settings of some nodes: name, title, weight, notes, isced; None removes one.

    Raises:
        TaxonomyError: there is no such node, or a value cannot be read.

    """
    old = _Opened.of(text)
    edits: list[Edit] = []
    expected = old.own
    find = old.tree.finder()
    for name, given in changes.items():
        chain = find(name)
        _refuse_taken(old.tree, chain, given)
        settings = {**dict.fromkeys(given), **checked(given, f"The node {shown(chain[-1].name)}")}
        address = address_of(old.tree.roots, chain)
        item = old.children(chain[:-1]).items[address[-1]]
        edits += change_edits(text, item, settings)
        has_title = isinstance(item, Map) and "title" in item.values
        expected = replaced(expected, address, partial(_with, settings, has_title=has_title))
    return old.changed(edits, expected)


def checked(given: Mapping[str, str | None], at_: str) -> dict[str, str]:
    """Return settings of a node as they are written; those that are None or empty notes are left out.

    Raises:
        TaxonomyError: a value cannot be read.

    """
    found: dict[str, str] = {}
    for key, value in given.items():
        if value is None:
            continue
        if key == "weight":
            parse_weight(value, at_)
            found[key] = value.strip()
        elif key == "notes":
            found[key] = checked_notes(value, at_)
        elif key == "isced":
            found[key] = checked_isced(value, at_)
        else:
            found[key] = checked_name(value, key, at_)
    return {key: value for key, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class _Opened:
    """A text that was read."""

    text: str
    tree: Taxonomy
    roots: Sequence
    own: tuple[Own, ...] = field(repr=False)

    @classmethod
    def of(cls, text: str) -> "_Opened":
        roots = roots_of(compose(text, SOURCE), SOURCE)
        tree = Taxonomy.of(read_nodes(roots, SOURCE), SOURCE)
        return cls(text, tree, roots, own_of(tree.roots))

    def children(self, chain: Chain) -> Sequence:
        """Return the list of children as the file has it."""
        items = self.roots
        for i in address_of(self.tree.roots, chain):
            items = below(items, i)
        return items

    def cuts(self, kept: tuple[Own, ...], stays: Address = ()) -> list[Edit]:
        """Return what takes out all but the nodes that are kept, and the branch at an address with those above it."""
        return list(cuts(self.text, self.roots, self.own, kept, stays))

    def changed(self, edits: Iterable[Edit], expected: tuple[Own, ...]) -> str:
        """Return the text with the edits made, if it then says what is expected."""
        edits = list(edits)
        text, end = self.text, len(self.text)
        if not text.endswith("\n") and any(edit.start == end and edit.text.endswith("\n") for edit in edits):
            text += newline_of(text)
            edits = [edit if edit.start < end else Edit(len(text), len(text), edit.text) for edit in edits]
        new = applied(text, edits)
        try:
            found = Taxonomy.parse(new, SOURCE)
        except TaxonomyError as error:
            raise TaxonomyError(
                f"The edit would leave a taxonomy that cannot be read, so nothing was changed: {error}",
                hint=f"Give another name or place; an edit that is right can be made in {SOURCE} by hand.",
            ) from error
        if own_of(found.roots) != expected:
            raise unsafe()
        return new


# --- What an edit promises. ---


def _own(node: New) -> Own:
    settings = node.settings
    return Own(
        name=settings["name"],
        title=settings.get("title", settings["name"]),
        weight=parse_weight(settings.get("weight", "1"), ""),
        notes=settings.get("notes", ""),
        isced=settings.get("isced"),
        subjects=(),
        children=tuple(map(_own, node.children)) or None,
        votes=settings.get("votes"),
    )


def _with(settings: Mapping[str, str | None], own: Own, *, has_title: bool) -> Own:
    """Return a node with other settings; without a title of its own its name is shown."""
    name = settings.get("name") or own.name
    title = settings.get("title", own.title if has_title else None) or name
    own = own._replace(name=name, title=title)
    if "weight" in settings:
        own = own._replace(weight=parse_weight(settings["weight"] or "1", ""))
    if "notes" in settings:
        own = own._replace(notes=settings["notes"] or "")
    return own._replace(isced=settings["isced"]) if "isced" in settings else own


# --- Where it is made. ---


def _place(tree: Taxonomy, under: str, *, makes_branches: bool) -> tuple[Chain, list[str]]:
    """Return the chain of a branch, and the names that a path has beyond it."""
    if under.strip() == TOP:
        return (), []
    branches = [chain for chain in tree.matching(under) if isinstance(chain[-1], Branch)]
    if len(branches) == 1:
        return branches[0], []
    node = next(iter(tree.matching(under)), None)
    if branches or (node is None and "/" not in under):
        tree.found(under)  # there are several, or none: it says which there are
    if node is not None:
        raise TaxonomyError(
            f"{shown(node[-1].name)} is a discipline; only a branch has disciplines under it.",
            hint=f"Give it `children:` in {SOURCE} by hand if it is to become a branch.",
        )
    above, _, name = under.rstrip("/ ").rpartition("/")
    chain, missing = _place(tree, above or TOP, makes_branches=makes_branches)
    beside = chain[-1].children if chain and isinstance(chain[-1], Branch) else tree.roots
    near = [] if missing or makes_branches else nearest(name, [node.name for node in beside])
    if near:
        raise TaxonomyError(
            f"There is no branch {shown(name)} under {path_of(chain) or TOP}; did you mean {shown(near[0])}?",
            hint="--new-branch makes one all the same.",
        )
    return chain, [*missing, name.strip()]


def _refuse_known(tree: Taxonomy, nodes: Iterable[New]) -> None:
    known = {leaf.key: leaf for leaf in tree.disciplines}
    for new in _new_leaves(nodes):
        if (leaf := known.get(key_of(new.name))) is not None:
            path = "/".join(["", *leaf.path, leaf.name])
            raise TaxonomyError(
                f"The discipline {shown(leaf.name)} is there already: {path}.",
                hint="Names are compared without regard to case and spaces.",
            )


def _refuse_taken(tree: Taxonomy, chain: Chain, given: Mapping[str, str | None]) -> None:
    """Refuse a name of a discipline that another discipline has."""
    name = given.get("name")
    if name is not None and not isinstance(chain[-1], Branch) and key_of(name) != chain[-1].key:
        _refuse_known(tree, [New(settings={"name": name})])


def _new_leaves(nodes: Iterable[New]) -> Iterator[New]:
    for node in nodes:
        if node.children:
            yield from _new_leaves(node.children)
        else:
            yield node


def _grafts(tree: Taxonomy, chain: Chain, nodes: Iterable[New]) -> Iterator[tuple[Chain, list[New]]]:
    """Give the branches that get new children, what is deeper first: at one place in the text it stands first."""
    beside = chain[-1].children if chain and isinstance(chain[-1], Branch) else tree.roots
    branches = {node.key: node for node in beside if isinstance(node, Branch)}
    fresh: list[New] = []
    for new in nodes:
        known = branches.get(key_of(new.name)) if new.children else None
        if known is None:
            fresh.append(new)
        else:
            yield from _grafts(tree, (*chain, known), new.children)
    if fresh:
        yield chain, fresh
