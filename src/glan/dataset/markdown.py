"""Markdown and YAML that show a text and do nothing else: no name can end a table, draw a link or open a tag."""

import re
from collections.abc import Iterable

from glan.dataset.tables import Table
from glan.parsing import clean

MOST_ROWS = 50
"""Rows of a table; a tree may have thousands of fields."""

_MOST_LETTERS = 200
"""Letters of a name; a server may call its model what it likes."""
_MOST_LETTERS_OF_SENTENCE = 5_000
_MARKS = re.compile(r"[\\`*_\[\]|~$#!]")
_UNQUOTABLE = re.compile('["\\\\\n\t\u2028\u2029\ufeff\ufffe\uffff]')
"""What a YAML string in double quotes cannot hold as it is, once control characters are gone."""
_FENCES = re.compile("`{3,}")


def text_of(name: str, most: int = _MOST_LETTERS) -> str:
    """Return a name as Markdown in one line."""
    words = " ".join(clean(name).split())
    if len(words) > most:
        words = f"{words[:most]}..."
    words = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKS.sub(r"\\\g<0>", words).replace("://", "&#58;//")


def list_of(sentences: Iterable[str]) -> str:
    """Return sentences as a list."""
    return "\n".join(f"- {text_of(sentence, _MOST_LETTERS_OF_SENTENCE)}" for sentence in sentences)


def table_of(table: Table, *, most: int = MOST_ROWS) -> str:
    """Return a table, which is cut where it is long, and then says by how much."""
    rows = [tuple(map(text_of, row)) for row in table.rows[:most]]
    marks = tuple("--:" if table.is_number(i) else "---" for i in range(len(table.head)))
    text = "\n".join(f"| {' | '.join(line)} |" for line in (table.head, marks, *rows))
    more = len(table.rows) - most
    return f"{text}\n\nand {more:,} more." if more > 0 else text


def fenced(text: str, language: str) -> str:
    """Return a text as it is, in a block of code that nothing in it can close."""
    text = clean(text).strip("\n")
    longest = max(map(len, _FENCES.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def quoted(text: str) -> str:
    """Return a YAML string in double quotes."""
    return '"' + _UNQUOTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", clean(text)) + '"'
