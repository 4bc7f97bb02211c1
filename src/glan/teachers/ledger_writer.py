"""The one thread that writes replies: it takes all that wait, commits them together, and tells who waits.

It refuses to know who asks and what for; it only wants to hear how many calls are in flight.
"""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from glan.errors import LedgerError
from glan.records import Reply, Request
from glan.teachers.ledger_file import explain
from glan.teachers.ledger_rows import COLUMNS, Failure, Row, pack_row

_GATHER_S = 0.005
"""Longest wait for company. With 1,000 in flight, 20 ms cost 3% of the throughput; 5 ms take no more of a core."""
_SHARE = 2
"""A group that holds one in so many of the calls in flight goes at once: the others would wait for those it holds."""
_MAX_GROUP = 1_024
_INSERT = f"INSERT INTO replies ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - of our own names


@dataclass(slots=True)
class Waiting:
    """An outcome on its way to the disk."""

    request: Request
    fingerprint: bytes
    outcome: Reply | Failure | str
    run: int
    time: float
    told: asyncio.Future[LedgerError | None]
    """Done when the row is durable, or with the error that kept it from being so."""
    is_over: bool = False
    """It was told, if anybody still listened."""


class Writer:
    """The thread, its connection and its queue."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self._in_flight = 0
        self._is_enough = threading.Event()
        self._writing = threading.Lock()
        self._has_ended = False
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
        self._thread.start()

    def put(self, waiting: Waiting, *, in_flight: int) -> None:
        """Take an outcome; `in_flight` counts it and all that may soon follow it."""
        self._in_flight = in_flight
        self._queue.put(waiting)
        if self._queue.qsize() * _SHARE >= in_flight:
            self._is_enough.set()
        if self._has_ended:
            self._refuse([])

    def close(self) -> None:
        """Commit what waits, then end."""
        self._queue.put(None)
        self._is_enough.set()
        self._thread.join()
        self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection for one transaction, of which nothing stands if it fails."""
        with self._writing:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite rolls back by itself when the disk is full
                    self._connection.execute("ROLLBACK")
                raise

    def _work(self) -> None:
        group: list[Waiting] = []
        goes_on = True
        try:
            while goes_on:
                group, goes_on = self._next_group()
                self._commit(group)
                group = []
        finally:
            self._has_ended = True
            self._refuse(group)

    def _next_group(self) -> tuple[list[Waiting], bool]:
        """Return the next rows, in the order in which they came, and whether more may follow."""
        group: list[Waiting] = []
        waiting = self._queue.get()
        self._is_enough.clear()
        if waiting is not None and (self._queue.qsize() + 1) * _SHARE < self._in_flight:
            self._is_enough.wait(_GATHER_S)
        while waiting is not None:
            group.append(waiting)
            if len(group) == _MAX_GROUP:
                return group, True
            try:
                waiting = self._queue.get_nowait()
            except Empty:
                return group, True
        return group, False

    def _commit(self, group: Sequence[Waiting]) -> None:
        """Make rows durable. A row that cannot be packed harms no other; an error of the disk is everyone's."""
        errors: list[LedgerError | None] = [None] * len(group)
        rows: list[Row] = []
        for i, waiting in enumerate(group):
            try:
                rows.append(_row_of(waiting))
            except (AttributeError, TypeError, ValueError, OverflowError) as error:
                errors[i] = LedgerError(f"The reply to {waiting.request.id!r} cannot be stored: {error}.")
        try:
            with self.transaction() as connection:
                connection.executemany(_INSERT, rows)
        except sqlite3.Error as error:
            explained = explain(error, self._path)
            errors = [unstorable or explained for unstorable in errors]
        _tell(group, errors)

    def _refuse(self, group: Sequence[Waiting]) -> None:
        """Let nobody wait for a thread that has ended."""
        left = list(group)
        with contextlib.suppress(Empty):
            while True:
                waiting = self._queue.get_nowait()
                if waiting is not None:
                    left.append(waiting)
        error = LedgerError(f"The ledger {self._path} is closed: nothing more is written to it.")
        _tell(left, [error] * len(left))


def _row_of(waiting: Waiting) -> Row:
    return pack_row(waiting.request, waiting.fingerprint, waiting.outcome, run=waiting.run, time=waiting.time)


def _tell(group: Sequence[Waiting], errors: Sequence[LedgerError | None]) -> None:
    """Wake all who wait with one call into their event loop."""
    for loop in {waiting.told.get_loop() for waiting in group}:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_wake, loop, group, errors)


def _wake(loop: asyncio.AbstractEventLoop, group: Sequence[Waiting], errors: Sequence[LedgerError | None]) -> None:
    for waiting, error in zip(group, errors, strict=True):
        if waiting.told.get_loop() is loop:
            waiting.is_over = True
            if not waiting.told.done():
                waiting.told.set_result(error)
