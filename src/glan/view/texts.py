"""Full text: which rows hold some letters, by an index of all threes of letters (SQLite FTS5, trigram).

It finds parts of words and scripts without spaces, in either case; what is shorter than three letters it cannot find.
It refuses to know what a row is: it has numbers and texts.
"""

import contextlib
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, TypeAlias

from glan.errors import DatasetError

Where: TypeAlias = Literal["all", "question", "answer"]
SHORTEST = 3
"""Letters that a phrase has at least."""
_MOST_PHRASES = 8
_LONGEST_S = 10.0
"""So long one search may take."""
_STEPS = 100_000
"""Instructions of SQLite between two looks at the clock."""
_ROWS = 2_000
"""Rows of one transaction."""
_PART = re.compile(r'"([^"]*)"?|(\S+)')
_CREATE = "CREATE VIRTUAL TABLE texts USING fts5(question, answer, content='', columnsize=0, tokenize='trigram')"
_FIND = "SELECT rowid FROM texts WHERE texts MATCH ? AND rowid > ? AND rowid < ? ORDER BY rowid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for: every phrase must be there."""

    phrases: tuple[str, ...]
    too_short: tuple[str, ...] = ()
    """What was asked for and cannot be found."""
    where: Where = "all"

    @classmethod
    def of(cls, asked: str, where: str) -> "Search":
        """Return the search that a person typed: words, and phrases between quotation marks."""
        said = [quoted or word for quoted, word in _PART.findall(asked.replace("\0", " "))]
        parts = list(dict.fromkeys(part for part in said if part.strip()))[:_MOST_PHRASES]
        return cls(
            phrases=tuple(part for part in parts if len(part) >= SHORTEST),
            too_short=tuple(part for part in parts if len(part) < SHORTEST),
            where="question" if where == "question" else "answer" if where == "answer" else "all",
        )

    @property
    def expression(self) -> str:
        """The search as FTS5 reads it; no letter of it is more than text."""
        phrases = " AND ".join('"{}"'.format(phrase.replace('"', '""')) for phrase in self.phrases)
        return phrases if self.where == "all" else f"{self.where} : ({phrases})"


def build(path: Path, texts: Iterable[tuple[int, str, str]], on_rows: Callable[[int], None]) -> None:
    """Write the index of rows: number, question, answer. `on_rows` is told how many are done; it may raise to stop.

    Raises:
        DatasetError: it cannot be written.

    """
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            # A half-made index is thrown away, so nothing has to survive a crash.
            for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute(_CREATE)
            done, rows = 0, iter(texts)
            while group := [(n, *map(_whole, said)) for n, *said in islice(rows, _ROWS)]:
                connection.execute("BEGIN")
                connection.executemany("INSERT INTO texts (rowid, question, answer) VALUES (?, ?, ?)", group)
                connection.execute("COMMIT")
                done += len(group)
                on_rows(done)
    except sqlite3.Error as error:
        raise DatasetError(
            f"The index {path} cannot be written: {error}.",
            hint="It takes some four times the room of the texts; `--cache DIR` puts it elsewhere.",
        ) from error


def _whole(text: str) -> str:
    """Return a text that the index reads to its end, which a NUL would be."""
    return text.replace("\0", " ")


@contextlib.contextmanager
def found(
    path: Path, search: Search, *, above: int = -1, below: int = 2**62, newest: bool = False
) -> Iterator[Iterator[int]]:
    """Give the numbers of the rows that hold what is looked for, between two numbers, ascending or descending.

    Raises:
        DatasetError: the index cannot be read, or the search takes too long.

    """
    end_s = time.monotonic() + _LONGEST_S
    try:
        with contextlib.closing(_opened(path)) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > end_s, _STEPS)
            statement = f"{_FIND} DESC" if newest else _FIND
            yield _numbers(connection.execute(statement, (search.expression, above, below)))
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
            raise DatasetError(
                f"The search took more than {_LONGEST_S:g} s and was given up.", hint="Look for rarer words."
            ) from error
        raise DatasetError(f"The index {path} cannot be read: {error}.", hint="Remove it; it is made anew.") from error


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    connection.execute("PRAGMA trusted_schema = OFF")  # a folder may come from a stranger
    return connection


def _numbers(cursor: sqlite3.Cursor) -> Iterator[int]:
    while rows := cursor.fetchmany(256):
        yield from (int(row[0]) for row in rows)


def snippet(text: str, phrases: Sequence[str], length: int) -> tuple[tuple[str, bool], ...]:
    """Return a part of a text around the first phrase that it holds, in pieces, each with whether it was looked for."""
    places = [re.escape(phrase) for phrase in phrases]
    pattern = re.compile("|".join(places), re.IGNORECASE) if places else None
    first = pattern.search(text) if pattern else None
    begin = max(0, first.start() - length // 4) if first else 0
    part = text[begin : begin + length]
    pieces: list[tuple[str, bool]] = [("…", False)] if begin else []
    end = 0
    for each in pattern.finditer(part) if pattern else ():
        pieces += [(part[end : each.start()], False), (each.group(), True)]
        end = each.end()
    pieces += [(part[end:], False), *([("…", False)] if begin + length < len(text) else [])]
    return tuple(piece for piece in pieces if piece[0])
