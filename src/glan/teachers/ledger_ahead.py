"""Rows of the ledger that are read before they are asked for, where they are asked for in the order of their commits.

A walk asks again in nearly the order in which it asked first, so the rows behind the one that was found are what it
wants next: to read them in one go takes a quarter of the time that looking each of them up takes.
It refuses to know what a row holds.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

_FOLLOWED: Final = 32
"""After so many rows that were found one behind the other, somebody walks."""
_REACH: Final = 2_048
"""In rows. What is found further ahead was asked for by another walk, and reading begins anew there."""
_MORE: Final = 64
"""So many rows are read behind the one that was found."""
_HELD: Final = 2_048
"""Most rows that are held; the oldest go first, and are looked up if they are wanted after all."""
_MOST_SEVERAL: Final = 100_000
"""A ledger in which more places have several rows is not read ahead."""

_SEVERAL: Final = "SELECT request FROM replies WHERE seq <= ? GROUP BY request HAVING count(*) > 1 LIMIT ?"
_HAS_OLD: Final = "SELECT 1 FROM replies WHERE request = ? AND seq <= ? LIMIT 1"

Read = Callable[..., list[Any]]
"""From a statement and its values to its rows."""


class ReadAhead:
    """Rows by request, each the only one that the ledger has for it."""

    def __init__(self, read: Read, select: str, request_at: int) -> None:
        """Hold what to read with: a statement that gives whole rows, `seq` first and the request at a position."""
        self._read = read
        self._select = f"{select} WHERE seq BETWEEN ? AND ? ORDER BY seq"
        self._request_at = request_at
        self._rows: dict[str, Sequence[Any]] = {}
        self._several: set[str] = set()
        """Requests that have, or soon will have, several rows, which must be seen together."""
        self._is_counted = False
        self._last_seq: int | None = None
        """The last row that was there before we committed any: those behind it are not read ahead."""
        self._front = 0
        self._followed = 0

    def take(self, request_id: str) -> Sequence[Any] | None:
        """Return the only row of a request if it was read ahead; it is not held any longer."""
        return self._rows.pop(request_id, None)

    def found(self, seq: int) -> None:
        """Take note of a row that had to be looked up, and read on behind it if it continues a walk."""
        if seq <= self._front:
            return
        is_near = seq - self._front <= _REACH
        first = self._front + 1 if is_near else seq + 1
        self._followed = self._followed + 1 if is_near else 0
        self._front = seq
        if self._followed >= _FOLLOWED and self._is_walked():
            self._read_on(first, seq)

    def committing(self, request_id: str) -> None:
        """Take note that a request gets a further row, before that row is on its way."""
        self._rows.pop(request_id, None)
        last = self._last()
        if last and len(self._several) < _MOST_SEVERAL and self._read(_HAS_OLD, request_id, last):
            self._several.add(request_id)

    def _last(self) -> int:
        if self._last_seq is None:
            self._last_seq = int(self._read("SELECT coalesce(max(seq), 0) FROM replies")[0][0])
        return self._last_seq

    def _is_walked(self) -> bool:
        if not self._is_counted:
            self._is_counted = True
            self._several.update(row[0] for row in self._read(_SEVERAL, self._last(), _MOST_SEVERAL))
        return len(self._several) < _MOST_SEVERAL

    def _read_on(self, first: int, seq: int) -> None:
        last = self._last()
        self._front = min(seq + _MORE, max(seq, last))
        for row in self._read(self._select, first, min(self._front, last)):
            request_id = row[self._request_at]
            if row[0] != seq and request_id not in self._several:
                self._rows[request_id] = row
        while len(self._rows) > _HELD:
            del self._rows[next(iter(self._rows))]
