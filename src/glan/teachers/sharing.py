"""From one ledger into another: what is taken, and what is left. The source is only read, also while a run uses it.

A ledger of others is untrusted: a row that is not what it must be is left and counted, whatever it says. Rows are
written some hundreds at a time, each lot whole or not at all, and what is there is not taken again; so who is killed
begins once more, and nothing stands twice.
"""

import contextlib
import math
import sqlite3
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import msgspec

from glan.errors import LedgerError, file_error
from glan.records import STAGES, Reply, Request, Sampling, Stage
from glan.teachers.fingerprints import SIZE_BYTES
from glan.teachers.ledger import Entry, Ledger
from glan.teachers.ledger_file import explained, open_writer
from glan.teachers.ledger_rows import COLUMNS, Row, pack_row
from glan.teachers.shelf import ELSEWHERE, INDEX, INSERT, TABLE

_LOT = 500
_LONGEST_ID = 4_000
_MOST = 1_000
"""No request has more samples or attempts."""
_INTO_REPLIES = f"INSERT INTO replies ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - of our own names
_OF_NO_LEAF = {"student": Stage.STUDENTS, "comparison": Stage.JUDGEMENTS, "grade": Stage.JUDGEMENTS}
"""Kinds of requests that are not of a discipline, with their stages: what models under examination said, and judges."""
_IS_THERE = (
    "SELECT 1 FROM {} WHERE request = ? AND sample = ? AND attempt = ? AND fingerprint = ? AND failure IS NULL "
    "AND max_tokens >= ?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which replies are wanted."""

    stages: AbstractSet[Stage]
    leaves: AbstractSet[str] | None = None
    """Of these leaves alone; None is of all."""


@dataclass(slots=True, kw_only=True)
class Taken:
    """What came of it, in replies."""

    taken: int = 0
    there: int = 0
    """Those that the ledger has already."""
    other_stages: int = 0
    other_leaves: set[str] = field(default_factory=set)
    """Leaves whose replies are not wanted."""
    of_other_leaves: int = 0
    failures: int = 0
    """Requests that failed: they are asked here by themselves."""
    damaged: int = 0
    """Rows that are not what they must be."""


def take(source: Ledger, into: Ledger, wanted: Wanted) -> Taken:
    """Put the replies of another ledger on the shelf of this one.

    Raises:
        LedgerError: the source cannot be read on, or this one cannot be written; what was taken before that stands.

    """
    found = Taken()
    with into.transaction() as connection:
        connection.execute(TABLE)
        connection.execute(INDEX)
    for lot in _lots(_wanted(source, wanted, found)):
        with into.transaction() as connection:
            new = [entry for entry in lot if not _is_there(connection, entry)]
            connection.executemany(INSERT, [_row_of(entry) for entry in new])
        found.taken += len(new)
        found.there += len(lot) - len(new)
    return found


def give(source: Ledger, out: Path, wanted: Wanted) -> Taken:
    """Write the replies of a ledger into a new one, without its runs, settings and prompts.

    Raises:
        LedgerError: it exists already, or cannot be written; then there is no file.

    """
    if out.exists():
        raise LedgerError(f"{out} exists already.", hint="Give another name.")
    part = out.absolute().with_name(f".{out.name}.part")
    found = Taken()
    try:
        with explained(out), contextlib.closing(open_writer(part)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")  # one file, which can be sent
            for lot in _lots(_wanted(source, wanted, found)):
                connection.execute("BEGIN")
                connection.executemany(_INTO_REPLIES, [_row_of(entry) for entry in lot])
                connection.execute("COMMIT")
                found.taken += len(lot)
        part.rename(out)
    except OSError as error:
        raise file_error(LedgerError, out, "written", error) from error
    finally:
        part.unlink(missing_ok=True)
    return found


def _lots(entries: Iterator[Entry]) -> Iterator[Sequence[Entry]]:
    while lot := list(islice(entries, _LOT)):
        yield lot


def _wanted(source: Ledger, wanted: Wanted, found: Taken) -> Iterator[Entry]:
    """Give the entries that are wanted, and count all others."""
    for entry in source.sound_entries():
        if entry is not None and entry.reply is None:
            found.failures += 1
        elif entry is None or not _is_sound(entry):
            found.damaged += 1
        elif Stage(entry.stage) not in wanted.stages:
            found.other_stages += 1
        elif wanted.leaves is not None and (leaf := _leaf_of(entry)) is not None and leaf not in wanted.leaves:
            found.other_leaves.add(leaf)
            found.of_other_leaves += 1
        else:
            yield entry


def _stage_of(request_id: str) -> Stage | None:
    """Return the stage of a request; of a question of a test set, and of what is beside it, that of any other."""
    kind = request_id.partition("/")[0]
    if kind in _OF_NO_LEAF:
        return _OF_NO_LEAF[kind]
    return STAGES.get("question" if kind == "test" else kind.removeprefix("test-"))


def _leaf_of(entry: Entry) -> str | None:
    """Return the leaf that a reply is of; None where it is of none."""
    kind, leaf, *_ = entry.request_id.split("/")
    return None if kind in _OF_NO_LEAF else leaf


def _is_sound(entry: Entry) -> bool:
    """Say whether an entry is what `glan` writes: kinds, sizes and numbers."""
    try:
        msgspec.convert(msgspec.to_builtins(entry, builtin_types=(bytes,)), Entry, builtin_types=(bytes,))
    except (msgspec.ValidationError, TypeError, ValueError, RecursionError):
        return False
    return (
        "/" in entry.request_id
        and len(entry.request_id) <= _LONGEST_ID
        and _stage_of(entry.request_id) == entry.stage
        and len(entry.fingerprint) == SIZE_BYTES
        and _has_numbers(entry)
    )


def _has_numbers(entry: Entry) -> bool:
    reply = entry.reply or Reply(text="")
    counts = [entry.sample, entry.attempt]
    usage = msgspec.structs.astuple(reply.usage)
    sums = [reply.cost_usd, reply.latency_s, reply.timed_out.cost_usd]
    return (
        all(0 <= count <= _MOST for count in counts)
        and entry.max_tokens >= 0
        and all(count is None or count >= 0 for count in usage)
        and all(value is None or (math.isfinite(value) and value >= 0) for value in sums)
    )


def _is_there(connection: sqlite3.Connection, entry: Entry) -> bool:
    key = entry.request_id, entry.sample, entry.attempt, entry.fingerprint, entry.max_tokens
    return any(connection.execute(_IS_THERE.format(table), key).fetchone() for table in ("replies", "shelf"))


def _row_of(entry: Entry) -> Row:
    """Return the row of a reply that another project paid for; the name of its server is nobody's business here."""
    reply = msgspec.structs.replace(entry.reply or Reply(text=""), endpoint=None)
    request = Request(
        id=entry.request_id,
        stage=Stage(entry.stage),
        messages=(),
        sampling=Sampling(model="", max_tokens=entry.max_tokens),
        sample=entry.sample,
        attempt=entry.attempt,
    )
    return pack_row(request, entry.fingerprint, reply, run=ELSEWHERE, time=entry.time)
