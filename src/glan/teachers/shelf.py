"""Replies that another project paid for, which wait in the ledger until a request means exactly what they answer.

They stand in a table beside the replies, so a place of which the shelf alone has something counts as unasked: what was
asked with another teacher or another prompt answers nothing here, and stops nobody. The first request with the same
place and fingerprint takes its reply off the shelf, and from then on it is a reply like all others, but for its run:
it was paid for elsewhere, so no budget counts it.
"""

from typing import Final

from glan.records import Reply, Request
from glan.teachers.ledger import Ledger
from glan.teachers.ledger_rows import COLUMNS, storable, unpack_row

ELSEWHERE: Final = -1
"""The run of a reply that another project paid for."""
_KINDS = ", ".join([f"{name} {kind}" for name, kind in COLUMNS.items()])
TABLE: Final = f"CREATE TABLE IF NOT EXISTS shelf (seq INTEGER PRIMARY KEY, {_KINDS})"
INDEX: Final = "CREATE INDEX IF NOT EXISTS shelf_by_request ON shelf (request)"
_NAMES = ", ".join(COLUMNS)
INSERT: Final = f"INSERT INTO shelf ({_NAMES}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - of our own names
_EXISTS = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'shelf'"
_OF_REQUEST = (
    f"SELECT seq, {_NAMES} FROM shelf WHERE request = ? AND sample = ? AND attempt = ? AND fingerprint = ? "  # noqa: S608 - as above
    "ORDER BY max_tokens DESC LIMIT 1"
)
"""Of several replies to one request the one that was given most room."""


class Shelf:
    """The shelf of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._is_there = bool(ledger.query(_EXISTS))

    def find(self, request: Request, fingerprint: bytes) -> Reply | None:
        """Return the reply to exactly this; None where there is none, or one that was cut off for want of room."""
        if not self._is_there:
            return None
        rows = self._ledger.query(_OF_REQUEST, storable(request.id), request.sample, request.attempt, fingerprint)
        entry = unpack_row(rows[0]) if rows else None
        if entry is None or entry.is_short_of(request.sampling.max_tokens):
            return None
        return entry.reply

    def count(self) -> int:
        """Return how many replies wait."""
        return int(self._ledger.query("SELECT count(*) FROM shelf")[0][0]) if self._is_there else 0
