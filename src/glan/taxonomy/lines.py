"""Lines of a taxonomy's YAML text: where an item begins and ends, and which comments are its own.

A comment belongs to a node where it stands at the end of its line, inside it, or directly above it at its own
indentation.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Edit(NamedTuple):
    """What takes the place of the characters from `start` up to `end`."""

    start: int
    end: int
    text: str = ""


def applied(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with all edits made; what is put into a place that leaves stands where that began."""
    found: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        found += [text[at : max(at, edit.start)], edit.text]
        at = max(at, edit.end)
    return "".join([*found, text[at:]])


def line_start(text: str, index: int) -> int:
    """Return where the line begins that holds a character."""
    return text.rfind("\n", 0, index) + 1


def line_end(text: str, index: int) -> int:
    """Return where the next line begins, or the end of the text."""
    return text.find("\n", index) + 1 or len(text)


def column_of(text: str, index: int) -> int:
    """Return the column of a character, from 0."""
    return index - line_start(text, index)


def newline_of(text: str) -> str:
    """Return how the lines of a text end."""
    return "\r\n" if "\r\n" in text else "\n"


def dash_line(text: str, index: int, column: int) -> int | None:
    """Return the start of the line with the dash of an item, which itself may begin on a later line."""
    start = line_start(text, index)
    while text[start : start + column + 1] != " " * column + "-":
        if start == 0:
            return None
        start = line_start(text, start - 1)
    return start


def own_lines(text: str, start: int, end: int, column: int) -> tuple[int, int]:
    """Return an item's lines with its own comments: those directly above it, and those below that are deeper."""
    while start and comment_column(text, above := line_start(text, start - 1)) == column:
        start = above
    below = end
    while below < len(text) and ((depth := comment_column(text, below)) > column or is_blank(text, below)):
        below = line_end(text, below)
        end = below if depth > column else end
    return start, end


def with_blank_lines(text: str, start: int, end: int) -> tuple[int, int]:
    """Return lines with the blank ones below them, where a blank one stands above: one of the two is enough."""
    if start == 0 or is_blank(text, line_start(text, start - 1)):
        while end < len(text) and is_blank(text, end):
            end = line_end(text, end)
    return start, end


def comment_column(text: str, start: int) -> int:
    """Return the column of the comment that is alone on a line, or -1."""
    line = text[start : line_end(text, start)]
    bare = line.lstrip(" ")
    return len(line) - len(bare) if bare.startswith("#") else -1


def is_blank(text: str, start: int) -> bool:
    """Say whether the line that begins here has nothing on it."""
    return not text[start : line_end(text, start)].strip()


def indented(lines: str, by: int) -> str:
    """Return lines further to the right, or to the left where `by` is less than 0."""
    found = []
    for line in lines.splitlines(keepends=True):
        bare = line.lstrip(" ")
        margin = len(line) - len(bare)
        found.append(" " * max(0, margin + by) + bare if bare.strip() else line)
    return "".join(found)
