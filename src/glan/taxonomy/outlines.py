"""A tree from what people have: a Markdown or indented outline, a CSV of paths, a table of contents.

Each format becomes lines with a depth, and the lines become nodes; a line says what is wrong with its number.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from glan.errors import TaxonomyError
from glan.places import key_of
from glan.taxonomy.nodes import MAX_DEPTH, MAX_NODES
from glan.taxonomy.parts import MAX_LENGTH
from glan.taxonomy.syntax import shown
from glan.taxonomy.values import checked_name
from glan.taxonomy.writing import New
from glan.wording import few

FORMATS = ("markdown", "outline", "paths", "contents")
"""What can be read: headings and lists; indented lines; a CSV of paths; a table of contents."""
_OTHERS = f"--format names another: {', '.join(FORMATS)}."
_MOST_NAMED = 5
_MAX_LINE = 2_000
_LINE_ENDS = re.compile(r"\r\n|\r|\n")

_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*$")
_ITEM = re.compile(r"(\s*)(?:[-*+]|\d{1,4}[.)])\s+(?:\[[ xX]\]\s+)?(.*)$")
_FENCE = re.compile(r"\s*(```|~~~)")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_EMPHASIS = re.compile(r"(\*\*|__|\*|`)([^*_`]+)\1")
_NUMBER = re.compile(
    r"\s*(?:(?:chapter|part|section|unit|lesson|appendix)\s+)?(\d{1,4}(?:\.\d{1,4})*)[.:)]?\s+(.+)$", re.IGNORECASE
)
_PART = re.compile(r"\s*(?:part|book|volume)\s+(?:\d{1,3}|[ivxlc]{1,7})(?:[.:)\s]+(.*))?$", re.IGNORECASE)
_TITLES = frozenset({"contents", "table of contents"})
"""What stands above a table of contents."""
_LEADER = re.compile(r"\s*(?:[.·…_]\s?){2,}\s*(?:\d{1,5}|[ivxlc]{1,7})?$|(?:\t+|\s{2,})(?:\d{1,5}|[ivxlc]{1,7})$")
_HEADINGS = frozenset(
    {"field", "sub-field", "subfield", "sub field", "discipline", "leaf", "branch", "node", "path", "name", "area",
     "level 1", "level 2", "level 3", "level 4", "level 5", "level 6", "level 7", "level 8"}
)  # fmt: skip
"""A first line of a CSV that has nothing but these says what its columns are."""
_OTHER_HEADINGS = frozenset({"id", "notes", "note", "weight", "isced", "title", "description", "comment", "comments"})
"""Columns that are no level; read as one they would become disciplines."""
_BARE_PAGE = re.compile(r"\s+\d{1,5}$")


@dataclass(frozen=True, slots=True)
class Line:
    """One name, how deep it stands, and where in the file."""

    depth: int
    name: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What was read."""

    format: str
    nodes: tuple[New, ...]
    skipped: tuple[int, ...]
    """Numbers of the lines that are neither headings nor items."""


def read_outline(text: str, source: str, format_: str | None = None, *, qualifies: bool = False) -> Outline:
    """Return the tree in a text; its format is found by itself where none is named.

    With `qualifies`, a discipline whose name stands more than once gets the name of its branch behind it.

    Raises:
        TaxonomyError: a name cannot be read, a discipline stands twice, or the tree is too deep or empty.

    """
    lines = _lines_of(text, source)
    chosen = format_ or _format_of(lines, source)
    found, skipped = _READERS[chosen](lines, source)
    if not found:
        raise TaxonomyError(f"{source} has no line that names a discipline, read as {chosen}.", hint=_OTHERS)
    root = _grown(found, source, merges=chosen == "paths")
    if qualifies:
        root.qualify()
    _refuse_twice(root, source)
    return Outline(format=chosen, nodes=tuple(node.as_new() for node in root.children), skipped=tuple(skipped))


def _lines_of(text: str, source: str) -> list[str]:
    if len(text) > MAX_LENGTH:
        raise TaxonomyError(f"{source} has more than {MAX_LENGTH:,} characters; an outline of that size is not read.")
    lines = [line.rstrip() for line in _LINE_ENDS.split(text.removeprefix("\ufeff"))]
    if sum(map(bool, lines)) > MAX_NODES:
        raise TaxonomyError(f"{source} has more than {MAX_NODES:,} lines; an outline of that size is not read.")
    for number, line in enumerate(lines, 1):
        if len(line) > _MAX_LINE:
            raise TaxonomyError(f"{source}, line {number} has {len(line):,} characters; an outline has short lines.")
    return lines


def _grown(found: Iterable[Line], source: str, *, merges: bool) -> "_Grown":
    """Return the root of a tree of lines: each stands below the last one that is less deep."""
    root = _Grown(0, "")
    stack: list[tuple[int, _Grown]] = [(-1, root)]
    for line in found:
        at = f"{source}, line {line.number}"
        name = checked_name(line.name, "name", at)
        while stack[-1][0] >= line.depth:
            stack.pop()
        if len(stack) > MAX_DEPTH:
            raise TaxonomyError(
                f"{at}: {shown(name)} stands {len(stack)} levels deep; a taxonomy has at most {MAX_DEPTH}."
            )
        stack.append((line.depth, stack[-1][1].child(name, line.number, merges=merges)))
    return root


def is_outline(name: str) -> bool:
    """Say whether a file's name is that of an outline rather than of a taxonomy in YAML."""
    return name.lower().endswith((".md", ".markdown", ".txt", ".csv", ".tsv"))


def count_of(nodes: Iterable[New]) -> tuple[int, int]:
    """Return how many branches and how many disciplines there are."""
    branches = leaves = 0
    for node in nodes:
        below = count_of(node.children)
        branches += below[0] + bool(node.children)
        leaves += below[1] + (not node.children)
    return branches, leaves


@dataclass(slots=True)
class _Grown:
    """A node while its children are read."""

    number: int
    name: str
    children: list["_Grown"] = field(default_factory=list)
    known: dict[str, "_Grown"] = field(default_factory=dict)

    def child(self, name: str, number: int, *, merges: bool) -> "_Grown":
        """Return a new child; where paths are read, the one that is there already."""
        known = self.known.get(key_of(name))
        if known is not None and merges:
            return known
        new = _Grown(number, name)
        self.children.append(new)
        self.known.setdefault(key_of(name), new)
        return new

    def as_new(self) -> New:
        return New(settings={"name": self.name}, children=tuple(child.as_new() for child in self.children))

    def families(self) -> Iterator["_Grown"]:
        """Give each node that has children, itself first."""
        if self.children:
            yield self
            for child in self.children:
                yield from child.families()

    def leaves(self) -> Iterator["_Grown"]:
        return (child for family in self.families() for child in family.children if not child.children)

    def qualify(self) -> None:
        """Put the branch's name behind that of each discipline whose name stands more than once."""
        counts = Counter(key_of(leaf.name) for leaf in self.leaves())
        for family in self.families():
            for child in family.children:
                if not child.children and counts[key_of(child.name)] > 1 and family.name:
                    child.name = f"{child.name} ({family.name})"


def _format_of(lines: Sequence[str], source: str) -> str:
    """Return the format that a text looks like, after its file's name."""
    by_name = {".csv": "paths", ".tsv": "paths", ".md": "markdown", ".markdown": "markdown"}
    ending = next((found for end, found in by_name.items() if source.lower().endswith(end)), None)
    if ending is not None:
        return ending
    some = [line for line in lines if line.strip()]
    numbers = [found[1] for line in some if (found := _NUMBER.match(line))]
    has_pages = 2 * sum(_LEADER.search(line) is not None for line in some) > len(some)
    if has_pages or (2 * len(numbers) > len(some) and any("." in number for number in numbers)):
        return "contents"
    if any(_HEADING.match(line) or _ITEM.match(line) for line in some):
        return "markdown"
    is_flat = not any(line[:1].isspace() for line in some)
    return "paths" if some and is_flat and all(map(_parted, some)) else "outline"


def _parted(line: str) -> bool:
    return any(sign in line for sign in "/,;\t")


# --- The formats. ---


def _of_markdown(lines: Sequence[str], _: str) -> tuple[list[Line], list[int]]:
    """Read headings, and below them lists; prose and code are left out."""
    found: list[Line] = []
    skipped: list[int] = []
    heading, is_code = 0, False
    margins: list[int] = []
    for number, line in enumerate(lines, 1):
        is_fence = _FENCE.match(line) is not None
        is_code = is_code != is_fence
        title, item = _HEADING.match(line), _ITEM.match(line.expandtabs(4))
        if is_code or is_fence or not (title or item):
            skipped += [number] if line.strip() else []
        elif title:
            heading, margins = len(title[1]), []
            found.append(Line(heading, _bare(title[2]), number))
        elif item:
            margin = len(item[1])
            margins = [*(other for other in margins if other < margin), margin]
            found.append(Line(heading + len(margins), _bare(item[2]), number))
    return found, skipped


def _of_outline(lines: Sequence[str], _: str) -> tuple[list[Line], list[int]]:
    """Read indented lines: a tab goes to the next eighth column, as in a terminal."""
    return [
        Line(len(wide) - len(wide.lstrip()), _bare(wide.strip()), number)
        for number, line in enumerate(lines, 1)
        if (wide := line.expandtabs(8)).strip()
    ], []


def _of_paths(lines: Sequence[str], source: str) -> tuple[list[Line], list[int]]:
    """Read a path a line: its parts in columns, or parted by slashes."""
    some = [line for line in lines if line.strip()]
    delimiter = max(",;\t", key=lambda sign: sum(sign in line for line in some))
    if not any(delimiter in line for line in some):
        delimiter = "/"
    found: list[Line] = []
    known: dict[tuple[str, ...], int] = {}
    reader = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
    try:
        for row in reader:
            cells = _path(row)
            keys, number = tuple(map(key_of, cells)), reader.line_num
            if not cells or (not known and _is_head(keys, cells, f"{source}, line {number}")):
                continue
            if keys in known:
                raise TaxonomyError(f"{source}, line {number}: this path stands in line {known[keys]} already.")
            known[keys] = number
            found += [Line(depth, cell, number) for depth, cell in enumerate(cells)]
    except csv.Error as error:
        raise TaxonomyError(f"{source}, line {reader.line_num}: this is no CSV: {error}.") from error
    return found, []


def _is_head(keys: Sequence[str], cells: Sequence[str], at: str) -> bool:
    """Say whether a line has the headings of columns.

    Raises:
        TaxonomyError: a column is no level of a path.

    """
    levels, others = set(keys) & _HEADINGS, set(keys) & _OTHER_HEADINGS
    if levels and others and set(keys) == levels | others:
        named = ", ".join(shown(cell) for cell, key in zip(cells, keys, strict=True) if key in others)
        raise TaxonomyError(
            f"{at}: the file is read as paths, and {named} is no level of one.",
            hint="Leave such columns out; `glan taxonomy set` and `weights` give nodes notes and weights.",
        )
    return set(keys) <= _HEADINGS


def _path(row: Sequence[str]) -> list[str]:
    """Return the cells of a path; a slash at its beginning, and empty cells at its end, say nothing."""
    cells = [cell.strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells[1:] if len(cells) > 1 and not cells[0] else cells


def _of_contents(lines: Sequence[str], _: str) -> tuple[list[Line], list[int]]:
    """Read a table of contents: `1.2 Name ..... 34`; numbers give the depth, parts have chapters, and pages go."""
    some = [line for line in lines if line.strip() and key_of(line) not in _TITLES]
    has_bare_pages = all(_BARE_PAGE.search(line) for line in some)
    is_numbered = any(_NUMBER.match(line) for line in some)
    has_parts = any(map(_PART.match, some)) and any(_NUMBER.match(line) and not _PART.match(line) for line in some)
    found: list[Line] = []
    for number, line in enumerate(lines, 1):
        bare = _LEADER.sub("", line)
        bare = _BARE_PAGE.sub("", bare) if has_bare_pages and bare == line else bare
        if bare.strip() and key_of(bare) not in _TITLES:
            depth, name = _entry(bare, is_numbered=is_numbered, has_parts=has_parts)
            found.append(Line(depth, name, number))
    return found, []


def _entry(line: str, *, is_numbered: bool, has_parts: bool) -> tuple[int, str]:
    """Return depth and name of a line without its page."""
    if has_parts and (part := _PART.match(line)):
        return 0, part[1] or line.strip()
    if counted := _NUMBER.match(line):
        return has_parts + counted[1].removesuffix(".0").count("."), counted[2].strip()
    wide = line.expandtabs(8)
    return 0 if is_numbered else len(wide) - len(wide.lstrip()), wide.strip()


_READERS: Mapping[str, Callable[[Sequence[str], str], tuple[list[Line], list[int]]]] = {
    "markdown": _of_markdown,
    "outline": _of_outline,
    "paths": _of_paths,
    "contents": _of_contents,
}


def _bare(text: str) -> str:
    """Return a name without the marks of Markdown."""
    return _EMPHASIS.sub(r"\2", _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", text))).strip()


def _refuse_twice(root: _Grown, source: str) -> None:
    """Refuse disciplines that stand twice in the tree, and branches that stand twice beside each other."""
    first: dict[str, _Grown] = {}
    again = [
        (leaf, known) for leaf in root.leaves() if (known := first.setdefault(key_of(leaf.name), leaf)) is not leaf
    ]
    for family in root.families():
        beside = ((child, family.known.get(key_of(child.name), child)) for child in family.children)
        again += [
            (child, known) for child, known in beside if known is not child and (child.children or known.children)
        ]
    if again:
        told = [f"{shown(node.name)} in line {node.number} (first in line {known.number})" for node, known in again]
        raise TaxonomyError(
            f"{source}: a discipline stands once in a tree; these stand again: {few(told, _MOST_NAMED)}.",
            hint="Give each a name of its own; --qualify puts the branch's name behind such disciplines, as in "
            "'Methods (Optics)'.",
        )
