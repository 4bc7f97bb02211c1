"""The file of the ledger: where it may lie, who holds it, what must be in it, and SQLite's errors in plain words.

It refuses to know what a reply is.
"""

import contextlib
import fcntl
import os
import re
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from glan.errors import LedgerError
from glan.teachers.ledger_rows import COLUMNS, RESTORE, RUN_COLUMNS

VERSION = 3
"""Of the tables and what is in them; a ledger with a greater one was made by a newer `glan`."""
_APPLICATION = int.from_bytes(b"glan", "big")
"""Marks the file as a ledger among all the things that SQLite files are used for."""
_BUSY_S = 10.0
"""How long another program may keep the file to itself, as a database browser does while it writes."""

_TRIES, _BETWEEN_TRIES_S = 5, 0.02

_COLUMNS = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
_SCHEMA = {
    "replies": f"CREATE TABLE replies (seq INTEGER PRIMARY KEY, {_COLUMNS})",
    "replies_by_request": "CREATE INDEX replies_by_request ON replies (request)",
    "runs": f"CREATE TABLE runs ({', '.join(f'{name} {kind}' for name, kind in RUN_COLUMNS.items())})",
    "contents": "CREATE TABLE contents (hash TEXT PRIMARY KEY, content BLOB) WITHOUT ROWID",
}

_NETWORK = re.compile(
    r"(?:fuse\.)?(?:nfs\d*|cifs|smb\w*|9p|ncpfs|afs|auristorfs|coda|ceph|ceph-fuse|lustre\w*|gpfs|mmfs|beegfs\w*|"
    r"gluster\w*|panfs|pvfs2|orangefs|ocfs2|gfs2?|davfs2?|sshfs|s3fs|s3ql|goofys|gcsfuse|rclone|blobfuse2?|"
    r"mount-s3|mountpoint-s3|juicefs|seaweedfs|moosefs|mfs|weka\w*|vboxsf|prl_fs|vmhgfs(?:-fuse)?|curlftpfs|hdfs\w*|alluxio\w*)"
)
"""Types of file system on which the memory that readers and the writer of a WAL share is not shared."""


def network_type(mounts: str, path: str) -> str | None:
    """Return the type of the network file system that holds a path; None on a local one.

    Args:
        mounts: the text of /proc/self/mountinfo.
        path: absolute and without links.

    """
    best, found = -1, ""
    for line in mounts.splitlines():
        fields, _, source = line.partition(" - ")
        names = fields.split(" ")
        if len(names) < 5 or not source:
            continue
        mounted = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), names[4]).rstrip("/")
        # A later line of the same place hides the earlier one.
        if (path == mounted or path.startswith(f"{mounted}/")) and len(mounted) >= best:
            best, found = len(mounted), source.split(" ")[0]
    return found if _NETWORK.fullmatch(found) else None


def refuse_place(path: Path) -> None:
    """Refuse what is no file, and a network file system, as far as this machine says what is mounted."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise LedgerError(f"{path} is no ledger: it is not a file.", hint="Name another: --ledger PATH.")
    except FileNotFoundError:
        pass
    except OSError as error:
        raise LedgerError(f"The ledger {path} cannot be opened: {error.strerror}.", hint=_PERMIT) from error
    refuse_network(path, _mounts())


def is_on_network(path: Path) -> bool:
    """Say whether a path lies on a network file system, as far as this machine says what is mounted."""
    return network_type(_mounts(), os.path.realpath(path)) is not None


def _mounts() -> str:
    try:
        return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def refuse_network(path: Path, mounts: str) -> None:
    """Refuse a path that lies on a network file system."""
    kind = network_type(mounts, str(path))
    if kind is not None:
        raise LedgerError(
            f"The ledger {path} lies on a network file system ({kind}), where a crash can damage it.",
            hint="Keep it on a local disk: --ledger PATH. `glan ledger backup` then copies it to the network.",
        )


class Lock:
    """The right to write to a ledger: held by one process at a time, and free again however that process ends."""

    def __init__(self, ledger: Path) -> None:
        """Take the lock.

        Raises:
            LedgerError: another run has it, or its file cannot be made.

        """
        path = ledger.with_name(f"{ledger.name}.lock")
        try:
            # A link could lead to any file of the user: a project folder may come from a stranger.
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise LedgerError(
                f"The ledger {ledger} cannot be written: {path}: {error.strerror}.", hint=_PERMIT
            ) from error
        try:
            _take(self._descriptor)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise LedgerError(
                f"Another run uses the ledger {ledger}{f' (process {holder})' if holder.isdecimal() else ''}.",
                hint="Wait until it ends, or stop it; `glan status` shows how far it is.",
            ) from error
        except OSError as error:
            os.close(self._descriptor)
            raise LedgerError(f"The ledger {ledger} cannot be locked: {error.strerror}.", hint=_PERMIT) from error
        with contextlib.suppress(OSError):  # the number is for people; a full disk has no room for it
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, b"%d\n" % os.getpid(), 0)

    def release(self) -> None:
        """Give the lock back. Its file stays: who removed it could let two writers in."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def _take(descriptor: int) -> None:
    """Take the lock; one that is held for an instant only, by `is_held`, is waited for."""
    for _ in range(_TRIES):
        with contextlib.suppress(BlockingIOError):
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(_BETWEEN_TRIES_S)
    return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_held(ledger: Path, by: object = None) -> bool:
    """Say whether a run holds the right to write to a ledger, anywhere on this machine; `by` is its process.

    Where the lock does not say who has it, it may be that process.
    """
    path = Path(os.path.realpath(ledger))
    try:
        descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        return by is None or not holder or holder == str(by)
    finally:
        os.close(descriptor)
    return False


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the errors of SQLite into ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise explain(error, path) from error


def explain(error: sqlite3.Error, path: Path) -> LedgerError:
    """Return what an error of SQLite means for a person."""
    code = getattr(error, "sqlite_errorcode", 0)
    message, hint = _MEANINGS.get(
        code & 0xFF,
        ("The ledger {path} cannot be used: {error}.", "`glan ledger verify` says what is in it."),
    )
    return LedgerError(message.format(path=path, error=error), hint=hint)


_PERMIT = "See to it that you may read and write the file and its folder, or name another: --ledger PATH."
_MEANINGS = {
    sqlite3.SQLITE_FULL: (
        "The disk is full: the last replies could not be added to the ledger {path}; all that it had is still there.",
        "Free some space and run again: nothing that was committed is asked anew.",
    ),
    sqlite3.SQLITE_IOERR: (
        "The disk failed under the ledger {path} ({error}); all that was committed before is still there.",
        "See whether the disk is full, over its quota or broken, then run again.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "{path} is no ledger: it is not an SQLite database, or its beginning is damaged.",
        "Name another: --ledger PATH, or put a backup in its place.",
    ),
    sqlite3.SQLITE_CORRUPT: ("The ledger {path} is damaged: {error}.", RESTORE),
    sqlite3.SQLITE_BUSY: (
        "Another program keeps the ledger {path} locked.",
        "Close it (a database browser, a copy that is going on), then run again.",
    ),
    sqlite3.SQLITE_CANTOPEN: ("The ledger {path} cannot be opened: {error}.", _PERMIT),
    sqlite3.SQLITE_READONLY: ("The ledger {path} cannot be written: {error}.", _PERMIT),
    sqlite3.SQLITE_PERM: ("The ledger {path} cannot be opened: {error}.", _PERMIT),
    sqlite3.SQLITE_AUTH: ("The ledger {path} cannot be opened: {error}.", _PERMIT),
}


def open_writer(path: Path) -> sqlite3.Connection:
    """Return the connection that writes; the tables are made where there are none."""
    with explained(path), contextlib.ExitStack() as opened:
        if not path.exists():
            _make(path)
        connection = opened.enter_context(contextlib.closing(_connect(path, "mode=rw")))
        if _is_new(connection):
            _create(connection)
        _refuse_strange(connection, path)
        if _number(connection, "user_version") < VERSION:  # what is new since then stands beside what was there
            _upgrade(connection)
        if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            raise LedgerError(
                f"The ledger {path} cannot be kept safely: its file system has no shared memory.",
                hint="Keep it on a local disk: --ledger PATH.",
            )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: a plain fsync leaves data in the drive's cache
        opened.pop_all()
        return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Return a connection that reads, also while another process writes."""
    if not path.exists():
        hint = "`glan run` makes one; another is named by --ledger PATH."
        raise LedgerError(f"There is no ledger {path}.", hint=hint)
    # A WAL needs files beside it. Where none is and none can be made there is no writer, and nothing changes.
    is_still = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    with explained(path), contextlib.ExitStack() as opened:
        connection = _connect(path, "mode=ro&immutable=1" if is_still else "mode=ro")
        opened.enter_context(contextlib.closing(connection))
        _refuse_strange(connection, path)
        _complete(connection)
        opened.pop_all()
        return connection


def _upgrade(connection: sqlite3.Connection) -> None:
    """Give an older ledger the columns that are new since then, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    for table, missing in _missing(connection).items():
        for name, kind in missing.items():
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _complete(connection: sqlite3.Connection) -> None:
    """Let a reader find the columns that an older ledger lacks, as nulls; the file stays as it is."""
    for table, missing in _missing(connection).items():
        if missing:
            nulls = ", ".join(f"NULL AS {name}" for name in missing)
            connection.execute(f"CREATE TEMP VIEW {table} AS SELECT *, {nulls} FROM main.{table}")  # noqa: S608 - of our own names


def _missing(connection: sqlite3.Connection) -> dict[str, dict[str, str]]:
    """Return the columns that each table lacks, with their kinds."""
    found: dict[str, dict[str, str]] = {}
    for table, columns in (("replies", COLUMNS), ("runs", RUN_COLUMNS)):
        there = {row[1] for row in connection.execute(f"PRAGMA main.table_info({table})")}
        found[table] = {name: kind for name, kind in columns.items() if name not in there}
    return found


def _connect(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.as_uri()}?{how}",
        uri=True,
        timeout=_BUSY_S,
        isolation_level=None,
        check_same_thread=False,  # one thread at a time is held by locks of our own
    )
    connection.execute("PRAGMA trusted_schema = OFF")  # a ledger may come from a stranger
    return connection


def _is_new(connection: sqlite3.Connection) -> bool:
    return _number(connection, "application_id") == 0 and not _names(connection)


def _make(path: Path) -> None:
    """Make a ledger under another name first: one that is there has its tables, whenever the process is killed."""
    made = path.with_name(f"{path.name}.new")
    made.unlink(missing_ok=True)
    try:
        with contextlib.closing(_connect(made, "mode=rwc")) as connection:
            connection.execute("PRAGMA journal_mode = MEMORY")  # no file beside it that could outlive it
            _create(connection)
        made.rename(path)
    finally:
        made.unlink(missing_ok=True)


def _create(connection: sqlite3.Connection) -> None:
    """Make the tables in one transaction: a ledger has all of them or is new."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA.values():
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _refuse_strange(connection: sqlite3.Connection, path: Path) -> None:
    if _number(connection, "application_id") != _APPLICATION:
        raise LedgerError(
            f"{path} is no ledger: it is an SQLite database of another program, or empty.",
            hint="Name another: --ledger PATH. `glan run` makes a new one where there is none.",
        )
    version = _number(connection, "user_version")
    if version > VERSION:
        raise LedgerError(
            f"The ledger {path} was made by a newer glan (version {version} of its tables; this one knows {VERSION}).",
            hint="Upgrade: pip install --upgrade glan.",
        )
    names = _names(connection)
    missing = [name for name, statement in _SCHEMA.items() if names.get(name) != statement.split()[1].lower()]
    if missing or "trigger" in names.values():
        what = f"it lacks {', '.join(missing)}" if missing else "it has triggers, which we never make"
        raise LedgerError(f"The ledger {path} is damaged: {what}.", hint=RESTORE)


def _names(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT name, type FROM sqlite_master").fetchall())


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
