"""Copies of a ledger: one that is of one moment while a run goes on, and one that takes the ledger's place again.

A copy is made inside one read of SQLite, page by page: the run goes on writing beside it, into the log that its readers
leave alone. Every row of a copy is read before it has its name.
"""

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from glan.disk import sync
from glan.errors import LedgerError
from glan.teachers.ledger import Ledger
from glan.teachers.ledger_file import Lock, explained, open_reader, refuse_place
from glan.teachers.outbox import AWAITED
from glan.wording import counted

_PAGES: Final = 1024
"""Copied at a time, 4 MB."""
_SAME: Final = (
    "other.request = own.request AND other.sample = own.sample AND other.attempt = own.attempt "
    "AND other.fingerprint = own.fingerprint AND other.max_tokens = own.max_tokens"
)
_LACKING: Final = """
    SELECT count(*) FROM main.replies AS own
    WHERE NOT EXISTS (SELECT 1 FROM copy.replies AS other WHERE {} AND other.time IS own.time)
"""
_LACKING_ON_SHELF: Final = "SELECT count(*) FROM main.shelf AS own WHERE NOT EXISTS ({})"
_LACKING_BATCHES: Final = "SELECT count(*) FROM main.batches AS own WHERE state IN ({}) AND NOT EXISTS ({})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """What a ledger has and a copy lacks."""

    replies: int = 0
    """Replies and failures, those that wait on the shelf among them."""
    batches: int = 0
    """Batches that a provider may have, and files that an offline runner has, as far as they were brought."""

    def __bool__(self) -> bool:
        return bool(self.replies or self.batches)

    @property
    def told(self) -> str:
        """It in words, without what is not there."""
        batches = counted(self.batches, "batch that waits for replies", "batches that wait for replies")
        replies = counted(self.replies, "reply or failure", "replies and failures")
        return " and ".join([*([replies] if self.replies else []), *([batches] if self.batches else [])])


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What came of putting a copy in the place of a ledger."""

    rows: int
    lost: Lacking
    """What the ledger before has and the copy lacks."""
    kept: Path | None
    """Where the ledger before lies, if it had any such, or could not be read."""


def copy_ledger(ledger: Path, part: Path, watch: Callable[[int, int], object]) -> int:
    """Write a whole and examined copy of a ledger to a new file, and return how many rows it has.

    `watch` is told the pages that are left and those of all.

    Raises:
        LedgerError: it cannot be written, or the ledger is damaged; then there is no copy.

    """
    ledger = Path(os.path.realpath(ledger))
    refuse_place(ledger)
    part.unlink(missing_ok=True)
    try:
        with contextlib.closing(open_reader(ledger)) as reader:
            _copy(reader, part, watch)
        rows = verified(part)
    except (LedgerError, OSError):
        part.unlink(missing_ok=True)
        raise
    _sync(part)
    return rows


def _copy(reader: sqlite3.Connection, part: Path, watch: Callable[[int, int], object]) -> None:
    # While this read is open every page is of one moment; without it each commit of the run would begin the copy anew.
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM main.sqlite_master").fetchall()
    try:
        with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as writer:
            writer.execute("PRAGMA synchronous = OFF")  # the whole file is brought to the disk at the end
            reader.backup(writer, pages=_PAGES, progress=lambda _, left, total: watch(left, total))
            writer.execute("PRAGMA journal_mode = DELETE")  # one file, with no other beside it
    except sqlite3.Error as error:
        raise LedgerError(f"{part.parent} does not take a copy of the ledger: {error}.") from error
    finally:
        reader.execute("ROLLBACK")


def verified(copy: Path) -> int:
    """Read all of a copy, and return how many rows it has.

    Raises:
        LedgerError: it is no ledger, or damaged.

    """
    with Ledger(copy, open_reader(copy.resolve()), None, None) as opened:
        findings = opened.verify()
        if findings:
            raise LedgerError(
                f"The copy has {counted(len(findings), 'finding')}, of which the first is: {findings[0]}",
                hint="`glan ledger verify` lists what is damaged in the ledger.",
            )
        return opened.count()


def restore_ledger(new: Path, ledger: Path, *, force: bool) -> Restored:
    """Put an examined copy, which lies beside it, in the place of a ledger; its file has moved then.

    Raises:
        LedgerError: a run goes on, or the ledger has replies that the copy lacks and nobody has said that it may go.

    """
    ledger = Path(os.path.realpath(ledger))
    refuse_place(ledger)
    rows = verified(new)
    lock = Lock(ledger)
    try:
        lost, kept = _made_way(new, ledger, force=force) if ledger.exists() else (Lacking(), None)
        new.replace(ledger)
        sync(ledger.parent)
    finally:
        lock.release()
    return Restored(rows=rows, lost=lost, kept=kept)


def _made_way(new: Path, ledger: Path, *, force: bool) -> tuple[Lacking, Path | None]:
    """Have nothing of a ledger left that could reach into the one that takes its place."""
    try:
        lost = lacking(ledger, new)
    except LedgerError as error:
        if not force:
            raise LedgerError(
                f"The ledger {ledger} cannot be compared with the copy. {error}",
                hint="--force puts the copy in its place, and keeps it under another name.",
            ) from error
        return Lacking(), _set_apart(ledger)
    if lost and not force:
        raise LedgerError(
            f"The ledger {ledger} has {lost.told} that the copy lacks; nothing was changed.",
            hint="--force puts the copy in its place all the same, and keeps the ledger under another name; "
            "`glan ledger import` then takes its replies from there.",
        )
    _fold(ledger)
    return lost, _set_apart(ledger) if lost else None


def lacking(ledger: Path, copy: Path) -> Lacking:
    """Return what a ledger has and a copy lacks: replies, paid for here or elsewhere, and batches on their way.

    Raises:
        LedgerError: one of them cannot be read.

    """
    with contextlib.closing(open_reader(ledger.resolve())) as reader, explained(ledger):
        reader.execute("ATTACH ? AS copy", (f"{copy.resolve().as_uri()}?mode=ro",))
        return Lacking(
            replies=_count(reader, _LACKING.format(_SAME)) + _count_on_shelf(reader),
            batches=_count_batches(reader),
        )


def _count_on_shelf(reader: sqlite3.Connection) -> int:
    if not _has(reader, "main", "shelf"):
        return 0
    # What was taken off the shelf since is a reply, with a time of its own.
    there = ["replies", *(["shelf"] if _has(reader, "copy", "shelf") else [])]
    other = " UNION ALL ".join([f"SELECT 1 FROM copy.{table} AS other WHERE {_SAME}" for table in there])  # noqa: S608 - of our own names
    return _count(reader, _LACKING_ON_SHELF.format(other))


def _count_batches(reader: sqlite3.Connection) -> int:
    if not _has(reader, "main", "batches"):
        return 0
    same = "SELECT 1 FROM copy.batches AS other WHERE other.tag = own.tag AND other.state = own.state"
    there = same if _has(reader, "copy", "batches") else "SELECT 1 WHERE 0"
    return _count(reader, _LACKING_BATCHES.format(", ".join("?" * len(AWAITED)), there), *AWAITED)


def _has(reader: sqlite3.Connection, schema: str, table: str) -> bool:
    return _count(reader, f"SELECT count(*) FROM {schema}.sqlite_master WHERE name = ?", table) > 0  # noqa: S608 - of our own names


def _count(reader: sqlite3.Connection, statement: str, *values: str) -> int:
    return int(reader.execute(statement, values).fetchone()[0])


def _fold(ledger: Path) -> None:
    """Bring what stands beside the file into it, so that nothing beside it is left."""
    with explained(ledger), contextlib.closing(sqlite3.connect(ledger, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def _set_apart(ledger: Path) -> Path:
    """Give the ledger a second name, and take what stands beside it there."""
    kept = ledger.with_name(f"{ledger.name}-replaced-{time.strftime('%Y%m%dT%H%M%S')}")
    os.link(ledger, kept)
    for ending in ("-wal", "-shm"):
        beside = ledger.with_name(ledger.name + ending)
        if beside.exists():
            beside.rename(kept.with_name(kept.name + ending))
    return kept


def copy_file(source: Path, target: Path) -> None:
    """Copy a file that may be a ledger, with what SQLite has beside it left out, and bring it to the disk.

    Raises:
        LedgerError: it cannot be read, or is a ledger of which a part is in a file beside it.

    """
    log = source.with_name(f"{source.name}-wal")
    if log.exists() and log.stat().st_size:
        raise LedgerError(
            f"{source} is a ledger in use: a part of it is in {log.name}.",
            hint="Make a copy with `glan ledger backup`, and restore that.",
        )
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise LedgerError(f"{source} cannot be copied: {error.strerror}.") from error
    _sync(target)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
