"""Edits of a taxonomy's YAML text. What an edit does not concern stays as it is, byte for byte.

The text is cut and filled at the places that the parser reports, so comments, order, indentation and quotes survive.
Each result is read again and compared with what the edit promised; a file too unusual for this is refused untouched.

A comment belongs to a node where it stands at the end of its line, inside it, or directly above it at its own
indentation; it goes when the node goes.
"""

import json
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TypeAlias

from glan.errors import TaxonomyError
from glan.records import key_of
from glan.taxonomy.nodes import (
    Branch,
    Node,
    checked_name,
    checked_notes,
    leaves_of,
    parse_weight,
    read_nodes,
    roots_of,
)
from glan.taxonomy.syntax import Mapping, Sequence, compose, shown
from glan.taxonomy.tree import Chain, Taxonomy, path_of

SOURCE = "taxonomy.yaml"
"""What the text is called in errors."""
TOP = "/"
"""The place above all fields, for `under`."""

_PLAIN = re.compile(r"[^\W\d_](?:[\w .&()'+/-]*[\w.()'+/])?")
"""Texts that every YAML reader takes for text, unless they are one of these words."""
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null", "none", "nan", "inf"})
_Cut = tuple[int, int]


Weight: TypeAlias = Fraction | float | str
"""A weight as a caller has it; its text counts, so 0.1 is one tenth."""


def add(text: str, name: str, *, under: str, weight: Weight | None = None, notes: str | None = None) -> str:
    """Return the text with a new discipline as the last child of a branch, or of the top where `under` is `/`.

    Raises:
        TaxonomyError: the name or weight cannot be read, the discipline is there already, or `under` is no branch.

    """
    old, roots = _opened(text)
    settings = _settings(name, weight, notes or "")
    key = key_of(settings["name"])
    _refuse_known(old, key)
    chain = () if under.strip() == TOP else _branch(old, under)
    new = _filled(text, _children(roots, old, chain), settings)
    found = _read_again(new)
    added = [leaf for leaf in found.disciplines if leaf.key == key and leaf.path == tuple(b.title for b in chain)]
    others = tuple(leaf for leaf in found.disciplines if leaf.key != key)
    if len(added) != 1 or others != old.disciplines:
        raise _unsafe()
    return new


def remove(text: str, node: str) -> str:
    """Return the text without a discipline, or without a branch and all below it.

    A branch that this leaves empty goes too.

    Raises:
        TaxonomyError: there is no such node, or nothing would be left.

    """
    old, roots = _opened(text)
    gone = {leaf.key for leaf in old.leaves_under(old.named(node))}
    kept = {leaf.key for leaf in old.disciplines} - gone
    if not kept:
        raise TaxonomyError(f"Without {shown(node)} nothing would be left; a taxonomy has at least one discipline.")
    return _reduced(text, old, roots, kept)


def select(text: str, disciplines: Iterable[str]) -> str:
    """Return the text with these disciplines alone; branches that become empty vanish.

    Raises:
        TaxonomyError: one of them is no discipline here, or none is named.

    """
    old, roots = _opened(text)
    return _reduced(text, old, roots, {leaf.key for leaf in old.keep(disciplines).disciplines})


def _opened(text: str) -> tuple[Taxonomy, Sequence]:
    roots = roots_of(compose(text, SOURCE), SOURCE)
    return Taxonomy.of(read_nodes(roots, SOURCE), SOURCE), roots


def _read_again(text: str) -> Taxonomy:
    try:
        return Taxonomy.parse(text, SOURCE)
    except TaxonomyError as error:
        raise TaxonomyError(
            f"The edit would leave a taxonomy that cannot be read, so nothing was changed: {error}",
            hint=f"Make this edit in {SOURCE} by hand.",
        ) from error


def _unsafe() -> TaxonomyError:
    return TaxonomyError(
        f"{SOURCE} is written in a way that cannot be edited here without harm, so nothing was changed.",
        hint="Make this edit by hand.",
    )


# --- Adding. ---


def _settings(name: str, weight: Weight | None, notes: str) -> dict[str, str]:
    at = "The new discipline"
    settings = {"name": checked_name(name, "name", at)}
    if weight is not None:
        parse_weight(str(weight), at)
        settings["weight"] = str(weight).strip()
    if checked_notes(notes, at):
        settings["notes"] = checked_notes(notes, at)
    return settings


def _refuse_known(taxonomy: Taxonomy, key: str) -> None:
    for chain in taxonomy.chains():
        if chain[-1].key == key and not isinstance(chain[-1], Branch):
            raise TaxonomyError(
                f"The discipline {shown(chain[-1].name)} is there already: {path_of(chain)}.",
                hint="Names are compared without regard to case and spaces.",
            )


def _branch(taxonomy: Taxonomy, name: str) -> Chain:
    """Return the chain of a branch; a discipline of the same name does not stand in its way."""
    branches = [chain for chain in taxonomy.matching(name) if isinstance(chain[-1], Branch)]
    if len(branches) == 1:
        return branches[0]
    node = taxonomy.named(name)
    raise TaxonomyError(
        f"{shown(node.name)} is a discipline; only a branch has disciplines under it.",
        hint=f"Give it `children:` in {SOURCE} by hand if it is to become a branch.",
    )


def _children(roots: Sequence, taxonomy: Taxonomy, chain: Chain) -> Sequence:
    """Return the list of children as the file has it."""
    items, nodes = roots, taxonomy.roots
    for node in chain:
        items, nodes = _below(items, nodes.index(node)), node.children if isinstance(node, Branch) else ()
    return items


def _below(items: Sequence, index: int) -> Sequence:
    """Return the children of an item that was read as a branch."""
    item = items.items[index]
    children = item.values["children"] if isinstance(item, Mapping) else None
    if not isinstance(children, Sequence):
        raise TypeError(f"Item {index} is no branch.")
    return children


def _filled(text: str, siblings: Sequence, settings: dict[str, str]) -> str:
    """Put a new item after the last one of a list."""
    last = siblings.items[-1].span
    if siblings.is_flow:
        is_json = text.startswith(('"', '{"'), last.start)
        return f"{text[: last.end]}, {_flow(settings, quoted=is_json)}{text[last.end :]}"
    at = _line_end(text, last.end)
    newline = "\r\n" if "\r\n" in text else "\n"
    before = text[:at] if text[:at].endswith("\n") else text[:at] + newline
    margin = " " * _column(text, siblings.span.start)
    name, *rest = _block(settings)
    item = newline.join([f"{margin}- {name}", *(f"{margin}  {line}" for line in rest)])
    return f"{before}{item}{newline}{text[at:]}"


def _block(settings: dict[str, str]) -> list[str]:
    """Return the lines of a new item: a bare name where there is nothing else to say."""
    written = _written(settings, quoted=False)
    return [f"{key}: {value}" for key, value in written.items()] if len(written) > 1 else [written["name"]]


def _flow(settings: dict[str, str], *, quoted: bool) -> str:
    written = _written(settings, quoted=quoted)
    if len(written) == 1:
        return written["name"]
    return "{" + ", ".join(f'"{key}": {value}' if quoted else f"{key}: {value}" for key, value in written.items()) + "}"


def _written(settings: dict[str, str], *, quoted: bool) -> dict[str, str]:
    """Write each text plainly where that is safe, else as a JSON string, which YAML reads too."""
    return {
        key: value if not quoted and (key == "weight" or _is_plain(value)) else json.dumps(value, ensure_ascii=False)
        for key, value in settings.items()
    }


def _is_plain(value: str) -> bool:
    return _PLAIN.fullmatch(value) is not None and value.casefold() not in _WORDS


# --- Removing. ---


def _reduced(text: str, old: Taxonomy, roots: Sequence, kept: set[str]) -> str:
    reduced = cut_out(text, _cuts(text, old.roots, roots, kept))
    expected = tuple(leaf for leaf in old.disciplines if leaf.key in kept)
    if _read_again(reduced).disciplines != expected:
        raise _unsafe()
    return reduced


def cut_out(text: str, cuts: Iterable[_Cut]) -> str:
    """Return the text without some parts of it."""
    new, at = [], 0
    for start, end in sorted(cuts):
        new.append(text[at:start])
        at = end
    return "".join([*new, text[at:]])


def cuts_in(text: str, items: Sequence, stays: list[bool]) -> Iterator[_Cut]:
    """Give what is to be cut out of a list, so that only some of its items stay: one of them at least."""
    return _flow_cuts(items, stays) if items.is_flow else _block_cuts(text, items, stays)


def _cuts(text: str, nodes: tuple[Node, ...], items: Sequence, kept: set[str]) -> Iterator[_Cut]:
    stays = [any(leaf.key in kept for leaf in leaves_of((node,))) for node in nodes]
    yield from cuts_in(text, items, stays)
    for i, node in enumerate(nodes):
        if stays[i] and isinstance(node, Branch):
            yield from _cuts(text, node.children, _below(items, i), kept)


def _flow_cuts(items: Sequence, stays: list[bool]) -> Iterator[_Cut]:
    """Cut an item with the comma before it; before the first that stays, with the comma after it."""
    first = stays.index(True)
    spans = [item.span for item in items.items]
    for i, span in enumerate(spans):
        if not stays[i]:
            yield (span.start, spans[i + 1].start) if i < first else (spans[i - 1].end, span.end)


def _block_cuts(text: str, items: Sequence, stays: list[bool]) -> Iterator[_Cut]:
    """Cut whole lines: the item, the comments directly above it, and those below that are indented further."""
    column = _column(text, items.span.start)
    for i, item in enumerate(items.items):
        if not stays[i]:
            start = _dash_line(text, item.span.start, column)
            end = _line_end(text, item.span.end)
            yield _with_comments(text, start, end, column)


def _with_comments(text: str, start: int, end: int, column: int) -> _Cut:
    while start and _comment_column(text, above := _line_start(text, start - 1)) == column:
        start = above
    below = end
    while below < len(text) and ((depth := _comment_column(text, below)) > column or _is_blank(text, below)):
        below = _line_end(text, below)
        end = below if depth > column else end
    if start == 0 or _is_blank(text, _line_start(text, start - 1)):
        while end < len(text) and _is_blank(text, end):
            end = _line_end(text, end)
    return start, end


def _dash_line(text: str, index: int, column: int) -> int:
    """Return the start of the line with the dash of an item; the item itself may begin on a later line."""
    start = _line_start(text, index)
    while text[start : start + column + 1] != " " * column + "-":
        if start == 0:
            raise _unsafe()
        start = _line_start(text, start - 1)
    return start


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _line_end(text: str, index: int) -> int:
    return text.find("\n", index) + 1 or len(text)


def _column(text: str, index: int) -> int:
    return index - _line_start(text, index)


def _comment_column(text: str, start: int) -> int:
    """Return the column of the comment that is alone on a line, or -1."""
    line = text[start : _line_end(text, start)]
    bare = line.lstrip(" ")
    return len(line) - len(bare) if bare.startswith("#") else -1


def _is_blank(text: str, start: int) -> bool:
    return not text[start : _line_end(text, start)].strip()
