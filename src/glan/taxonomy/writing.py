"""Nodes as YAML text: new ones, and values in the manner of their neighbours."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from glan.taxonomy import parts
from glan.taxonomy.parts import Part, Scalar

_PLAIN = re.compile(r"[^\W\d_](?:[\w .&()'+/-]*[\w.()'+/])?")
"""Texts that every YAML reader takes for text, unless they are one of these words."""
_CONTROL = re.compile(r"[\x00-\x1f]")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null", "none", "nan", "inf"})


_BARE = ("weight", "votes")
"""What is written as it was read: numbers, which in quotes would be the same to us, but not to others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A node that is not in a file yet."""

    settings: Mapping[str, str]
    """`name`, and what else is said of it, as it is to be read."""
    children: Sequence["New"] = ()
    """Of a branch; a discipline has none."""

    @property
    def name(self) -> str:
        return self.settings["name"]


def block_lines(node: New) -> Iterator[str]:
    """Give the lines of an item, its dash included: a bare name where there is nothing else to say."""
    written = {key: scalar(key, value) for key, value in node.settings.items()}
    if len(written) == 1 and not node.children:
        yield f"- {written['name']}"
        return
    for i, (key, value) in enumerate(written.items()):
        yield f"{'  ' if i else '- '}{key}: {value}"
    if node.children:
        yield "  children:"
        for child in node.children:
            for line in block_lines(child):
                yield f"    {line}"


def flow(node: New, *, quoted: bool) -> str:
    """Return an item as it stands in brackets."""
    written = {key: scalar(key, value, quoted=quoted) for key, value in node.settings.items()}
    if node.children:
        written["children"] = f"[{', '.join(flow(child, quoted=quoted) for child in node.children)}]"
    return written["name"] if len(written) == 1 else _braced(written, quoted=quoted)


def flow_of(part: Part, *, quoted: bool) -> str:
    """Return a part that was read as it stands in brackets; its comments are not in it."""
    if isinstance(part, Scalar):
        return "null" if part.is_null else _text(part.value, quoted=quoted)
    if isinstance(part, parts.Sequence):
        return f"[{', '.join(flow_of(item, quoted=quoted) for item in part.items)}]"
    found = {
        key: value.value if key in _BARE and isinstance(value, Scalar) else flow_of(value, quoted=quoted)
        for key, value in part.values.items()
    }
    return _braced(found, quoted=quoted)


def scalar(key: str, value: str, *, quoted: bool = False) -> str:
    """Return a value as it is written: plainly where that is safe, else as a JSON string, which YAML reads too."""
    if key in _BARE and not quoted:
        return value
    return _text(value, quoted=quoted)


def document(nodes: Sequence[New]) -> str:
    """Return a whole file."""
    lines = (f"  {line}" for node in nodes for line in block_lines(node))
    return "\n".join(["taxonomy:", *lines, ""])


def _text(value: str, *, quoted: bool) -> str:
    if not quoted and _PLAIN.fullmatch(value) is not None and value.casefold() not in _WORDS:
        return value
    written = json.dumps(value, ensure_ascii=False)
    if quoted or "\\" not in written or _CONTROL.search(value) is not None:
        return written
    # A text without an escape is read line by line, which makes the whole file many times as quick to read.
    return "'" + value.replace("'", "''") + "'"


def _braced(written: Mapping[str, str], *, quoted: bool) -> str:
    return "{" + ", ".join(f'"{key}": {value}' if quoted else f"{key}: {value}" for key, value in written.items()) + "}"
