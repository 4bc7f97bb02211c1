"""Tables of text that a person opens in a spreadsheet, and what comes back from one. They are data: no cell computes.

Written in UTF-8 with the mark that Excel knows it by, with commas, each cell in quotes. A cell that a spreadsheet could
take for a formula gets an apostrophe before it, which reading takes away again. Read is what spreadsheets save: commas,
semicolons or tabs, UTF-8, UTF-16 or the older code page of Windows.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from glan.errors import DatasetError
from glan.parsing import clean

MAX_CELL = 32_000
"""Characters of a cell; Excel takes 32,767 and spoils a sheet that has more."""
_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
_FORMULA = re.compile("\\s*[-=+@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
"""How a text begins that a spreadsheet may compute; the last four are the full-width signs."""
_GUARDED = re.compile(f"'(?={_FORMULA.pattern})")
_UNSEEN = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
"""What orders or hides the text around it. Joiners are not among them: Persian and Hindi need those inside words."""
_DELIMITERS = ",;\t"


def visible(text: str) -> str:
    """Return text in which nothing orders or hides the rest: such characters are named in it."""
    return _UNSEEN.sub(lambda found: f"\u27e8U+{ord(found[0]):04X}\u27e9", clean(text))


def guarded(text: str) -> str:
    """Return a cell that no spreadsheet computes."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """Return what was meant by a cell."""
    return _GUARDED.sub("", text, count=1) if text.startswith("'") else text


def sheet(head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a file with a line for each row; what is longer than a cell is cut, and says so."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([_cell(text) for text in row] for row in rows)
    return (_MARK + out.getvalue()).encode("utf-8")


def read_sheet(data: bytes, columns: Sequence[str], source: str) -> list[dict[str, str]]:
    """Return the rows of a file that a spreadsheet saved, with these columns; others are left out.

    Raises:
        DatasetError: it is no table, or a column is missing.

    """
    text = _decoded(data)
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        head, *rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)) or [[]]
    except csv.Error as error:
        raise DatasetError(f"{source} cannot be read as a table: {error}.") from error
    places = {name.strip().lower(): place for place, name in enumerate(head)}
    missing = [name for name in columns if name not in places]
    if missing:
        raise DatasetError(
            f"{source} has no column {', '.join(map(repr, missing))}; it has {', '.join(head)[:200] or 'none'}.",
            hint=f"A form that is filled in has the columns {', '.join(columns)}; do not rename or remove them.",
        )
    return [
        {name: _said(row[places[name]]) if places[name] < len(row) else "" for name in columns}
        for row in rows
        if any(cell.strip() for cell in row)
    ]


def _cell(text: str) -> str:
    text = guarded(visible(text))
    if len(text) <= MAX_CELL:
        return text
    return f"{text[:MAX_CELL]}\n[{len(text) - MAX_CELL:,} more characters: a cell has no room for them]"


def _said(cell: str) -> str:
    return unguarded(clean(cell)).strip()


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
