"""The ledger: every reply ever paid for, durable before anything uses it, and found again by what was meant.

It refuses to know teachers, prices and stages: it keeps rows. One process writes; any number may read meanwhile.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import sqlite3
import time
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Self, TypeVar

from glan.errors import LedgerError
from glan.records import Reply, Request, Stage
from glan.teachers.ledger_absent import Absent
from glan.teachers.ledger_ahead import ReadAhead
from glan.teachers.ledger_file import Lock, explain, explained, open_reader, open_writer, refuse_place
from glan.teachers.ledger_rows import (
    BUILDING,
    COLUMNS,
    RESTORE,
    Aside,
    Entry,
    Failure,
    Run,
    RunTotals,
    StageTotals,
    pack,
    storable,
    unpack,
    unpack_row,
)
from glan.teachers.ledger_writer import Waiting, Writer

__all__ = ["BUILDING", "Entry", "Ledger", "Run", "StageTotals"]

Sums = TypeVar("Sums", StageTotals, RunTotals)

_PAGE = 64
"""Rows read at a time by who reads many: between two pages the writer may tidy its files."""
_SELECT = f"SELECT seq, {', '.join(COLUMNS)} FROM replies"  # noqa: S608 - made of names of our own
_OF_PLACE = f"{_SELECT} WHERE request = ? AND sample = ? AND attempt = ?"
_REQUEST, _SAMPLE, _ATTEMPT, _FINGERPRINT, _FAILURE = (
    1 + list(COLUMNS).index(name) for name in ("request", "sample", "attempt", "fingerprint", "failure")
)
_TOTALS = """
    SELECT stage, sum(failure IS NULL), sum(failure IS NOT NULL), sum(prompt_tokens), sum(completion_tokens),
        sum(cached_tokens), sum(reasoning_tokens), sum(cost_usd), sum(failure IS NULL AND cost_usd IS NULL),
        sum(latency_s), sum(timed_out), sum(timed_out_tokens), sum(timed_out_usd),
        sum(CASE WHEN timed_out_usd IS NULL THEN timed_out_tokens END)
    FROM replies WHERE coalesce(run, 0) >= ? GROUP BY stage ORDER BY min(seq)
"""
_RUN_TOTALS = """
    SELECT sum(aside_calls), sum(aside_tokens), sum(aside_usd),
        sum(CASE WHEN aside_usd IS NULL THEN aside_tokens END), sum(server_usd)
    FROM runs
"""
_SET_ASIDE = "UPDATE runs SET aside_calls = ?, aside_tokens = ?, aside_usd = ?, server_usd = ? WHERE run = ?"
_FAILURES = """
    SELECT seq FROM replies AS failed WHERE failure IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM replies AS other WHERE other.request = failed.request AND other.fingerprint = failed.fingerprint
        AND (other.seq > failed.seq OR (other.failure IS NULL AND other.finish_reason IS NOT 'length'))
    ) ORDER BY seq
"""
_NEXT_REQUESTS = "SELECT DISTINCT request FROM replies WHERE request >= ? ORDER BY request LIMIT 10000"
_N_FURTHER = "SELECT count(*) FROM (SELECT DISTINCT request, sample FROM replies WHERE sample > 0 AND stage = ?)"
_BELOW = "SELECT seq FROM replies WHERE request >= ? AND request < ? ORDER BY seq"
_RUNS = "SELECT run, time, glan_version, choice, meaning, files FROM runs"


class Place:
    """The rows of one request id, sample and attempt, from one look into the ledger."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = rows

    def find(self, fingerprint: bytes, *, max_tokens: int) -> Entry | None:
        """Return what stands for a fingerprint: of its replies the one that was given most room, else its failure.

        A reply that was cut off with less room than `max_tokens` counts as absent, and with it what was before it.
        """
        if len(self._rows) == 1:  # nearly always, and what follows takes as long again
            row = self._rows[0]
            entry = unpack_row(row) if row[_FINGERPRINT] == fingerprint else None
            return None if entry is None or entry.is_short_of(max_tokens) else entry
        entries = [unpack_row(row) for row in self._rows if row[_FINGERPRINT] == fingerprint]
        replies = [entry for entry in entries if entry.reply is not None]
        reply = max(replies, key=lambda entry: (entry.max_tokens, entry.seq), default=None)
        if reply is not None and not reply.is_short_of(max_tokens):
            return reply
        failure = max((entry for entry in entries if entry.reply is None), key=lambda entry: entry.seq, default=None)
        if failure is not None and (reply is None or failure.seq > reply.seq):
            return failure
        return None

    def standing(self) -> Entry | None:
        """Return the reply committed last, whatever its fingerprint; a failure where there is no reply."""
        # Sorted here: SQLite would copy the texts to do it, which takes three times as long.
        row = max(self._rows, key=lambda row: (row[_FAILURE] is None, row[0]), default=None)
        return None if row is None else unpack_row(row)


_NOTHING = Place(())


class Ledger:
    """An open ledger. All but `commit` answers at once, and is for one thread at a time."""

    def __init__(self, path: Path, reader: sqlite3.Connection, writer: Writer | None, lock: Lock | None) -> None:
        """Hold what `open` has opened."""
        self.path = path
        self.in_flight = 0
        """Calls that were asked and are not yet committed, as far as those who ask keep count here."""
        self._reader = reader
        self._writer = writer
        self._lock = lock
        self._run = 0
        self._ahead = ReadAhead(self._read, _SELECT, _REQUEST)
        self._absent = Absent(self.count, self.requests)

    @classmethod
    def open(cls, path: Path, *, readonly: bool = False) -> "Ledger":
        """Open a ledger; one that is not there is made, unless it is only to be read.

        Raises:
            LedgerError: it is damaged, newer than this `glan`, held by another run, or lies where it must not.

        """
        path = Path(os.path.realpath(path))
        refuse_place(path)
        if readonly:
            return cls(path, open_reader(path), None, None)
        with contextlib.ExitStack() as opened:
            lock = Lock(path)
            opened.callback(lock.release)
            connection = opened.enter_context(contextlib.closing(open_writer(path)))
            reader = opened.enter_context(contextlib.closing(open_reader(path)))
            ledger = cls(path, reader, Writer(connection, path), lock)
            opened.pop_all()
            return ledger

    @property
    def is_readonly(self) -> bool:
        """Say whether nothing can be added."""
        return self._writer is None

    def close(self) -> None:
        """Commit what waits, then let go of the files."""
        self._reader.close()
        if self._writer is not None and self._lock is not None:
            self._writer.close()
            self._lock.release()
        self._writer = self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def at(self, request_id: str, *, sample: int, attempt: int) -> "Place":
        """Return what there is of a place."""
        request_id = storable(request_id)
        if request_id in self._absent:
            return _NOTHING
        row = self._ahead.take(request_id)
        if row is not None:
            return Place((row,) if (row[_SAMPLE], row[_ATTEMPT]) == (sample, attempt) else ())
        rows = self._read(_OF_PLACE, request_id, sample, attempt)
        if self._writer is not None:  # who only reads does not know what another process writes
            self._absent.looked_up(is_found=bool(rows))
        if len(rows) == 1:
            self._ahead.found(rows[0][0])
        return Place(rows)

    async def commit(
        self, request: Request, fingerprint: bytes, outcome: Reply | Failure | str, *, run: int | None = None
    ) -> None:
        """Add a reply, or the error with which a request failed for good; return when it is durable.

        `run` is below 0 for what another project paid for; the run that goes on if not given.

        One who is cancelled leaves when the row is durable.

        Raises:
            LedgerError: the row could not be written.

        """
        told: asyncio.Future[LedgerError | None] = asyncio.get_running_loop().create_future()
        writer = self._writable()
        request_id = storable(request.id)
        self._ahead.committing(request_id)
        self._absent.add(request_id)
        waiting = Waiting(request, fingerprint, outcome, self._run if run is None else run, time.time(), told)
        writer.put(waiting, in_flight=self.in_flight)
        try:
            error = await told
        except asyncio.CancelledError:
            if not waiting.is_over:  # the future was cancelled with us, which keeps no row from the disk
                waiting.told = asyncio.get_running_loop().create_future()
                await waiting.told
            raise
        if error is not None:
            raise LedgerError(str(error), hint=error.hint) from error

    def begin_run(self, *, glan_version: str, meaning: Mapping[str, str], choice: str, files: Mapping[str, str]) -> int:
        """Store the inputs of a run and return its number, which all later commits carry."""
        hashes = {path: _hash_of(text) for path, text in files.items()}
        inputs = json.dumps(dict(meaning), sort_keys=True), json.dumps(hashes, sort_keys=True)
        with explained(self.path), self._writable().transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO contents VALUES (?, ?)",
                [(hashes[path], pack(text)) for path, text in files.items()],
            )
            added = connection.execute(
                "INSERT INTO runs (time, glan_version, choice, meaning, files) VALUES (?, ?, ?, ?, ?)",
                (time.time(), glan_version, choice, *inputs),
            )
        self._run = added.lastrowid or 0
        return self._run

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection that writes for one transaction, for tables that stand beside the replies.

        Raises:
            LedgerError: it could not be written; nothing of it stands.

        """
        with explained(self.path), self._writable().transaction() as connection:
            yield connection

    def query(self, statement: str, *values: str | bytes | int) -> list[Any]:
        """Return the rows of a table that stands beside the replies."""
        return self._read(statement, *values)

    def runs(self) -> tuple[Run, ...]:
        """Return all runs, the first first."""
        return self._runs_of(self._read(f"{_RUNS} ORDER BY run"))

    def last_run(self) -> Run | None:
        """Return the run that was begun last; the building of a tree is none."""
        runs = self._runs_of(self._read(f"{_RUNS} WHERE choice <> ? ORDER BY run DESC LIMIT 1", BUILDING))
        return runs[0] if runs else None

    def get(self, seq: int) -> Entry | None:
        """Return one entry."""
        rows = self._read(f"{_SELECT} WHERE seq = ?", seq)
        return unpack_row(rows[0]) if rows else None

    def entries(self, *, prefix: str = "", newest_first: bool = False, limit: int | None = None) -> Iterator[Entry]:
        """Return the entries whose request id begins with a prefix, in the order in which they were committed."""
        rows = self._rows_below(prefix, newest_first=newest_first) if prefix else self._rows(newest_first=newest_first)
        return map(unpack_row, islice(rows, limit))

    def failures(self) -> Iterator[Entry]:
        """Return the failures that stand: those after which their request got no reply and no other failure."""
        return map(unpack_row, self._rows_at(_FAILURES))

    def count(self) -> int:
        """Return how many entries there are."""
        return int(self._read("SELECT count(*) FROM replies")[0][0])

    def last_seq(self) -> int:
        """Return the place of the entry committed last; 0 where there is none."""
        return int(self._read("SELECT coalesce(max(seq), 0) FROM replies")[0][0])

    def n_further(self, stage: Stage) -> int:
        """Return how many places of a stage are samples after the first of their request."""
        return int(self._read(_N_FURTHER, stage.value)[0][0])

    def requests(self) -> Iterator[str]:
        """Yield the ids of the requests that there are rows of, from the index alone and a page at a time."""
        first = ""
        while rows := self._read(_NEXT_REQUESTS, first):
            yield from map(itemgetter(0), rows)
            first = f"{rows[-1][0]}\0"

    def totals(self, *, also_elsewhere: bool = False) -> dict[str, StageTotals]:
        """Return what the entries add up to, by stage: those that the project paid for, or all."""
        rows = self._read(_TOTALS, -(2**63) if also_elsewhere else 0)
        return {stage: _summed(StageTotals, numbers) for stage, *numbers in rows}

    def sound_entries(self) -> Iterator[Entry | None]:
        """Give all entries in the order in which they were committed, and None for each that is damaged."""
        return (None if _damage_of(row) else unpack_row(row) for row in self._rows())

    def run_totals(self) -> RunTotals:
        """Return what the runs add up to beyond their entries; what goes on counts with what is set aside for it."""
        return _summed(RunTotals, self._read(_RUN_TOTALS)[0])

    def set_aside(self, aside: Aside) -> None:
        """Store what the run may have spent beyond its entries, in the place of what it said before; it is durable."""
        with explained(self.path), self._writable().transaction() as connection:
            connection.execute(_SET_ASIDE, (aside.calls, aside.tokens, aside.usd, aside.server_usd, self._run))

    def verify(self) -> list[str]:
        """Read everything and return what is wrong with it, in words: nothing, if the ledger is sound."""
        found: list[str] = []
        try:
            found += [f"SQLite: {row[0]}" for row in self._read("PRAGMA integrity_check") if row[0] != "ok"]
            found += [error for error in map(_damage_of, self._rows()) if error]
            self.runs()
        except LedgerError as error:
            found.append(str(error))
        return found

    def _read(self, statement: str, *values: str | bytes | int) -> list[Any]:
        """Read to the end, so that no read is left open: that would keep the writer from tidying its files."""
        try:
            return self._reader.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise explain(error, self.path) from error

    def _rows(self, *, newest_first: bool = False) -> Iterator[Any]:
        where, last = ("seq < ? ORDER BY seq DESC", 2**63 - 1) if newest_first else ("seq > ? ORDER BY seq", -(2**63))
        while rows := self._read(f"{_SELECT} WHERE {where} LIMIT {_PAGE}", last):
            yield from rows
            last = rows[-1][0]

    def _rows_below(self, prefix: str, *, newest_first: bool) -> Iterator[Any]:
        first = storable(prefix)
        return self._rows_at(f"{_BELOW} DESC" if newest_first else _BELOW, first, f"{first}\U0010ffff")

    def _rows_at(self, statement: str, *values: str) -> Iterator[Any]:
        """Yield the rows whose places a statement gives; eight bytes of memory for each."""
        with explained(self.path):
            seqs = array("q", chain.from_iterable(self._reader.execute(statement, values)))
        for seq in seqs:
            yield from self._read(f"{_SELECT} WHERE seq = ?", seq)

    def _runs_of(self, rows: Sequence[Any]) -> tuple[Run, ...]:
        """Return runs with their files; a text that many share is held once."""
        texts: dict[str, str] = {}
        runs: list[Run] = []
        for number, begun, glan_version, choice, meaning, files in rows:
            try:
                hashes = json.loads(files)
                for found in hashes.values():
                    texts[found] = texts.get(found) or self._text(found)
                runs.append(
                    Run(
                        number=number,
                        time=begun,
                        glan_version=glan_version,
                        choice=choice,
                        meaning=dict(json.loads(meaning)),
                        files={path: texts[found] for path, found in hashes.items()},
                    )
                )
            except (ValueError, TypeError, AttributeError, LookupError, RecursionError, zlib.error) as error:
                raise LedgerError(
                    f"Run {number} of the ledger {self.path} is damaged: {error!r}.", hint=RESTORE
                ) from error
        return tuple(runs)

    def _text(self, found: str) -> str:
        return unpack(self._read("SELECT content FROM contents WHERE hash = ?", found)[0][0])

    def _writable(self) -> Writer:
        if self._writer is None:
            raise LedgerError(f"The ledger {self.path} is closed or open for reading only: nothing can be added.")
        return self._writer


def _summed(kind: type[Sums], numbers: Sequence[Any]) -> Sums:
    names = [field.name for field in fields(kind)]
    return kind(**dict(zip(names, (number or 0 for number in numbers), strict=True)))


def _hash_of(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _damage_of(row: Sequence[Any]) -> str | None:
    try:
        unpack_row(row)
    except LedgerError as error:
        return str(error)
    return None
