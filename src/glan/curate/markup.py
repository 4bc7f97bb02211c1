"""Markdown and LaTeX as far as curation reads them: what is code, what is a formula, and what was never closed.

It objects only to what is sure. A fence inside a fence, a price and a variable of a shell look unclosed to a
counter, and are not. Everything is in linear time.
"""

import re
from typing import Final, NamedTuple

_FENCES: Final = ("```", "~~~")
_LIST_MARK: Final = re.compile(r"(?:[-*+]|\d{1,3}[.)])[ \t]+")
_INLINE: Final = re.compile(r"`[^`\n]*`")
_COMMAND: Final = re.compile(r"\\(?:(?P<bracket>[()\[\]])|(?P<end>begin|end)\{(?P<name>[^{}\n]{1,40})\}|.)", re.DOTALL)
"""A backslash with what belongs to it, so that the `\\\\[` of a matrix opens nothing."""
_DOLLARS: Final = re.compile(r"\$+")
_PARAGRAPH: Final = re.compile(r"\n[ \t]*\n")
_IS_FORMULA: Final = re.compile(r"\\[A-Za-z]{2}|[\^_]\{")
_NO_FORMULA: Final = re.compile(r"\$(?:[ \t]*\d|[A-Z]{2}|\{|\()|(?:^|\s)\$(?:\s|$)")
"""A price, a currency, a variable of a shell, a cell of a table, or the sign itself."""
_IN_LINE: Final = re.compile(r"\$[^$\n]*\$|\\[A-Za-z]+")
_DISPLAYS: Final = (("$$", "$$"), ("\\(", "\\)"), ("\\[", "\\]"))
_ADDRESS: Final = re.compile(r"(?:https?://|www\.)\S+|</?[A-Za-z][^<>\n]{0,200}>")


class _Fence(NamedTuple):
    """A line that opens or closes code."""

    mark: str
    info: str


class _Reading(NamedTuple):
    """A text as far as its code goes."""

    prose: str
    """What stands outside."""
    is_open: bool
    """Whether the last code is never closed."""


def has_open_code(text: str) -> bool:
    """Say whether a code fence is never closed."""
    return _may_have_fences(text) and _without_fences(text).is_open


def has_open_formula(text: str) -> bool:
    """Say whether a formula or an environment of LaTeX is never closed; in code everything may stand."""
    if "\\" not in text and "$" not in text:
        return False
    prose = without_code(text)
    return ("\\" in prose and _has_open_command(prose)) or ("$" in prose and _has_open_dollar(prose))


def without_code(text: str) -> str:
    """Return a text without its code, in blocks and in lines."""
    if _may_have_fences(text):
        text = _without_fences(text).prose
    return _INLINE.sub(" ", text) if "`" in text else text


def prose_of(text: str) -> str:
    """Return what of a text is neither code nor formula nor an address."""
    text = without_code(text)
    if "$" in text or "\\" in text:
        for opened, closed in _DISPLAYS:
            text = _without(text, opened, closed)
        text = _IN_LINE.sub(" ", text)
    return _ADDRESS.sub(" ", text) if "<" in text or "://" in text or "www." in text else text


def _may_have_fences(text: str) -> bool:
    """Say whether the mark of a fence is there; one character is looked for in a tenth of the time."""
    return ("`" in text or "~" in text) and any(mark in text for mark in _FENCES)


def _without(text: str, opened: str, closed: str) -> str:
    parts: list[str] = []
    at = 0
    while (begin := text.find(opened, at)) >= 0 and (end := text.find(closed, begin + len(opened))) >= 0:
        parts.append(text[at:begin])
        at = end + len(closed)
    return " ".join([*parts, text[at:]])


def _without_fences(text: str) -> _Reading:
    prose: list[str] = []
    opened: _Fence | None = None
    n_fences = 0
    for line in text.split("\n"):
        fence = _fence(line)
        n_fences += fence is not None
        if opened is None:
            opened = fence
            if fence is None:
                prose.append(line)
        elif fence is not None and not fence.info and fence.mark.startswith(opened.mark):
            opened = None
    # Where a model shows Markdown inside Markdown, the fences come in pairs although the last one opens.
    return _Reading(prose="\n".join(prose), is_open=opened is not None and n_fences % 2 == 1)


def _fence(line: str) -> _Fence | None:
    """Return the fence that a line is: at its beginning, in a quotation or in an item of a list."""
    if "```" not in line and "~~~" not in line:
        return None
    line = line.strip(" \t>\r")
    mark = _LIST_MARK.match(line)
    line = line[mark.end() :] if mark else line
    rest = line.lstrip(line[:1])
    length = len(line) - len(rest)
    if line[:1] not in {"`", "~"} or length < len(_FENCES[0]) or (line[0] == "`" and "`" in rest):
        return None
    return _Fence(mark=line[:length], info=rest.strip())


def _has_open_command(prose: str) -> bool:
    r"""Say whether `\(`, `\[` or `\begin{x}` is never closed, or an environment closed that is not open."""
    brackets: list[str] = []
    environments: list[str] = []
    for found in _COMMAND.finditer(prose):
        if (bracket := found["bracket"]) is not None:
            if bracket in "([":
                brackets.append(bracket)
            elif brackets:  # without one, Markdown may hide a bracket so: `1\)`
                brackets.pop()
        elif found["end"] == "begin":
            environments.append(found["name"])
        elif found["end"] == "end" and (not environments or environments.pop() != found["name"]):
            return True
    return bool(brackets or environments)


def _has_open_dollar(prose: str) -> bool:
    """Say whether `$` or `$$` is never closed; a text without LaTeX speaks of money."""
    if not _IS_FORMULA.search(prose):
        return False
    prose = prose.replace("\\\\", "").replace("\\$", "")
    signs = _DOLLARS.findall(prose)
    if any(len(sign) > len("$$") for sign in signs):
        return False
    return _ends_in_display(signs) or any(map(_is_odd, _PARAGRAPH.split(prose.replace("$$", " "))))


def _ends_in_display(signs: list[str]) -> bool:
    opened = ""
    for sign in signs:
        if not opened:
            opened = sign
        elif opened == sign:
            opened = ""
    # `$a$$b$` are two formulas in a line: the sign in the middle closes one and opens the other.
    return opened == "$$"


def _is_odd(paragraph: str) -> bool:
    """Say whether a `$` is left over that opens or closes a formula for sure."""
    if paragraph.count("$") % 2 == 0 or not _IS_FORMULA.search(paragraph):
        return False
    return _NO_FORMULA.search(paragraph) is None
