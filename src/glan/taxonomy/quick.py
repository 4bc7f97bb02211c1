"""The usual YAML of a taxonomy, line by line: many times as fast as the events of the parser.

It reads lists and mappings in lines, with plain or simply quoted texts, comments, and braces or brackets within one
line. All else (a text over several lines, an escape, a tab, an anchor, a key that stands twice, whatever is wrong) it
leaves to the parser, which knows the whole of YAML and says what is wrong. What it reads, it reads as the parser does,
to the character.
"""

import re
from typing import NamedTuple

from glan.taxonomy.parts import MAX_NESTING, MAX_PARTS, NULLS, Mapping, Part, Scalar, Sequence, Span

_ODD = re.compile("[^\r\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""What the parser may refuse, or takes for the end of a line."""
_FIRST, _LATER = r"[^\W_]|[^\x00-\x7f]", r"[\w().&+/'-]|[^\x00-\x7f]|(?<=\w)\#"
_PLAIN = re.compile(rf"(?:{_FIRST})(?:{_LATER}|,|\ +(?=[\w(&+/-]|[^\x00-\x7f]))*", re.VERBOSE)
_PLAIN_IN_FLOW = re.compile(rf"(?:{_FIRST})(?:{_LATER}|\ +(?=[\w(&+/-]|[^\x00-\x7f]))*", re.VERBOSE)
_QUOTED = re.compile(r"""'(?:[^'\n]|'')*'|"[^"\\\n]*\"""")
_KEY = re.compile(r"([A-Za-z_]\w*):(?: +|$)", re.ASCII)
_FLOW_KEY = re.compile(r'([A-Za-z_]\w*|"[^"\\\n]*"):\ +', re.ASCII)
_END = re.compile(r" *(?: #.*)?$")
_DASH = re.compile(r"- +")
_COMMA = re.compile(r" *, *")
_SPACES = re.compile(r" *")


class _UnusualError(Exception):
    """The text is for the parser."""


class _Line(NamedTuple):
    """A line that is neither blank nor a comment."""

    text: str
    start: int
    """Where it begins in the whole."""
    number: int
    column: int
    """Of what stands first on it, the dash if it has one."""
    has_dash: bool


def read_quickly(text: str) -> Mapping | None:
    """Return the one mapping that a text is; None if it is for the parser."""
    if _ODD.search(text) is not None or text.count("\r") != text.count("\r\n"):
        return None
    try:
        return _Reader(_lines_of(text)).document()
    except _UnusualError:
        return None


def _lines_of(text: str) -> list[_Line]:
    found: list[_Line] = []
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.rstrip("\r").lstrip(" ")
        if bare.strip(" ") and not bare.startswith("#"):
            column = len(line) - len(line.lstrip(" "))
            found.append(_Line(line.rstrip("\r"), start, number, column, bare.startswith("- ")))
        start += len(line) + 1
    return found


class _Reader:
    """One pass over the lines."""

    def __init__(self, lines: list[_Line]) -> None:
        self._lines = lines
        self._at = 0
        self._parts = 0

    def document(self) -> Mapping:
        if not self._lines or self._lines[0].has_dash:
            raise _UnusualError
        found = self._mapping(self._lines[0].column, 1)
        if self._at < len(self._lines):
            raise _UnusualError
        return found

    def _count(self, depth: int) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS or depth > MAX_NESTING:
            raise _UnusualError

    def _next(self) -> _Line | None:
        return self._lines[self._at] if self._at < len(self._lines) else None

    def _mapping(self, column: int, depth: int) -> Mapping:
        """Read the keys at a column; the first may stand behind a dash."""
        self._count(depth)
        keys: dict[str, Scalar] = {}
        values: dict[str, Part] = {}
        line = self._next()
        is_first = True
        while line is not None and (is_first or (line.column == column and not line.has_dash)):
            is_first = False
            found = _KEY.match(line.text, column)
            if found is None or found[1] in values:
                raise _UnusualError
            self._count(depth)
            keys[found[1]] = _scalar(line, found[1], found.start(1), found.end(1), is_plain=True)
            values[found[1]] = self._value(line, found.end(), column, depth)
            line = self._next()
        if line is not None and line.column >= column:
            raise _UnusualError
        first, last = next(iter(keys.values())).span, next(reversed(values.values())).span
        return Mapping(values=values, keys=keys, span=first._replace(end=last.end))

    def _value(self, line: _Line, at: int, column: int, depth: int) -> Part:
        """Read what stands behind a key: on its line, or on the lines below."""
        self._at += 1
        if _END.match(line.text, at) is None:
            return self._inline(line, at, depth)
        below = self._next()
        if below is None or below.column < column or (below.column == column and not below.has_dash):
            raise _UnusualError
        if below.has_dash:
            return self._sequence(below.column, depth + 1)
        return self._mapping(below.column, depth + 1)

    def _sequence(self, column: int, depth: int) -> Sequence:
        self._count(depth)
        items: list[Part] = []
        line = first = self._next()
        while line is not None and line.column == column and line.has_dash:
            dash = _DASH.match(line.text, column)
            at = dash.end() if dash is not None else column
            if _KEY.match(line.text, at) is not None:
                items.append(self._mapping(at, depth + 1))
            else:
                self._at += 1
                items.append(self._inline(line, at, depth))
            line = self._next()
            if line is not None and line.column > column:
                raise _UnusualError
        if first is None:
            raise _UnusualError
        start = first.start + column
        span = Span(start, items[-1].span.end, first.number, column + 1)
        return Sequence(items=tuple(items), is_flow=False, span=span)

    def _inline(self, line: _Line, at: int, depth: int) -> Part:
        """Read the one value that a line ends with."""
        found, end = self._flow(line, at, depth, _PLAIN)
        if _END.match(line.text, end) is None:
            raise _UnusualError
        return found

    def _flow(self, line: _Line, at: int, depth: int, plain: re.Pattern[str]) -> tuple[Part, int]:
        text = line.text
        if text.startswith("{", at):
            return self._braces(line, at, depth + 1)
        if text.startswith("[", at):
            return self._brackets(line, at, depth + 1)
        self._count(depth + 1)
        quoted = _QUOTED.match(text, at)
        if quoted is not None:
            inside = quoted[0][1:-1]
            value = inside.replace("''", "'") if quoted[0][0] == "'" else inside
            return _scalar(line, value, at, quoted.end(), is_plain=False), quoted.end()
        found = plain.match(text, at)
        if found is None:
            raise _UnusualError
        return _scalar(line, found[0], at, found.end(), is_plain=True), found.end()

    def _braces(self, line: _Line, at: int, depth: int) -> tuple[Part, int]:
        self._count(depth)
        keys: dict[str, Scalar] = {}
        values: dict[str, Part] = {}
        end = _after(_SPACES, line, at + 1)
        while True:
            found = _FLOW_KEY.match(line.text, end)
            name = found[1].strip('"') if found is not None else ""
            if found is None or name in values:
                raise _UnusualError
            keys[name] = _scalar(line, name, found.start(1), found.end(1), is_plain=not found[1].startswith('"'))
            self._count(depth)
            values[name], end = self._flow(line, found.end(), depth, _PLAIN_IN_FLOW)
            is_last, end = _closed(line, end, "}")
            if is_last:
                return Mapping(values=values, keys=keys, span=_span(line, at, end)), end

    def _brackets(self, line: _Line, at: int, depth: int) -> tuple[Part, int]:
        self._count(depth)
        items: list[Part] = []
        end = _after(_SPACES, line, at + 1)
        while True:
            item, end = self._flow(line, end, depth, _PLAIN_IN_FLOW)
            items.append(item)
            is_last, end = _closed(line, end, "]")
            if is_last:
                return Sequence(items=tuple(items), is_flow=True, span=_span(line, at, end)), end


def _closed(line: _Line, at: int, sign: str) -> tuple[bool, int]:
    """Say whether braces or brackets end here rather than go on behind a comma, and where what comes next begins."""
    comma = _COMMA.match(line.text, at)
    if comma is not None:
        return False, comma.end()
    end = _after(_SPACES, line, at)
    if not line.text.startswith(sign, end):
        raise _UnusualError
    return True, end + 1


def _after(pattern: re.Pattern[str], line: _Line, at: int) -> int:
    found = pattern.match(line.text, at)
    return at if found is None else found.end()


def _span(line: _Line, start: int, end: int) -> Span:
    return Span(line.start + start, line.start + end, line.number, start + 1)


def _scalar(line: _Line, value: str, start: int, end: int, *, is_plain: bool) -> Scalar:
    return Scalar(value=value, is_null=is_plain and value in NULLS, span=_span(line, start, end))
