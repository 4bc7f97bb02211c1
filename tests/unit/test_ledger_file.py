"""The file of the ledger: one writer, any number of readers, and a clear word for every file that is no ledger."""

import fcntl
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from glan.errors import LedgerError
from glan.records import Reply, Request, Sampling, Stage, TimedOut
from glan.teachers.ledger import Ledger
from glan.teachers.ledger_file import VERSION, Lock, is_held, network_type, refuse_network
from glan.teachers.ledger_rows import RunTotals

_MOUNTS = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:5 / /proc rw - proc proc rw
30 22 0:40 / /mnt/nas rw,relatime shared:9 master:3 - nfs4 server:/export rw
31 30 254:1 / /mnt/nas/local rw - xfs /dev/vdb rw
32 22 0:41 / /mnt/two\040words rw - cifs //server/share rw
33 22 0:42 / /data rw - nfs server:/old rw
34 33 254:2 / /data rw - btrfs /dev/vdc rw
35 22 0:43 / /home/me/remote rw - fuse.sshfs me@host: rw
36 22 0:44 / /photos rw - fuse.gocryptfs /photos.enc rw
a line that is cut off
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/home/me/ledger.sqlite", None, id="local"),
        pytest.param("/mnt/nas/a/ledger.sqlite", "nfs4", id="nfs"),
        pytest.param("/mnt/nas", "nfs4", id="the-mount-itself"),
        pytest.param("/mnt/nasty/ledger.sqlite", None, id="a-name-that-begins-alike"),
        pytest.param("/mnt/nas/local/ledger.sqlite", None, id="a-disk-below-it"),
        pytest.param("/mnt/two words/ledger.sqlite", "cifs", id="a-name-with-a-space"),
        pytest.param("/data/ledger.sqlite", None, id="a-disk-over-it"),
        pytest.param("/home/me/remote/ledger.sqlite", "fuse.sshfs", id="sshfs"),
        pytest.param("/photos/ledger.sqlite", None, id="a-local-fuse"),
    ],
)
def test_the_mount_that_holds_a_path_decides(path: str, expected: str | None) -> None:
    """The deepest mount counts, and of several at one place the last."""
    assert network_type(_MOUNTS, path) == expected


@pytest.mark.parametrize(
    "kind",
    ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.ceph", "lustre", "gpfs", "beegfs", "glusterfs",
     "fuse.glusterfs", "fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.gcsfuse", "vboxsf", "davfs", "ocfs2"],
)  # fmt: skip
def test_network_file_systems_are_known(kind: str) -> None:
    """Each is recognised by its type."""
    assert network_type(f"22 1 0:1 / / rw - {kind} source rw", "/ledger.sqlite") == kind


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs", "fuseblk", "f2fs"])
def test_local_file_systems_are_left_alone(kind: str) -> None:
    """A disk of this machine is good enough."""
    assert network_type(f"22 1 0:1 / / rw - {kind} source rw", "/ledger.sqlite") is None


def test_a_ledger_on_a_network_file_system_is_refused_with_a_way_out() -> None:
    """The message names the ledger and the type, the hint what to do; a local one passes."""
    refuse_network(Path("/home/me/ledger.sqlite"), _MOUNTS)
    with pytest.raises(LedgerError, match=r"/mnt/nas/ledger.sqlite lies on a network file system \(nfs4\)") as caught:
        refuse_network(Path("/mnt/nas/ledger.sqlite"), _MOUNTS)
    assert "--ledger PATH" in caught.value.hint
    assert "glan ledger backup" in caught.value.hint


def test_a_second_writer_is_refused_with_the_first_one_s_number(path: Path) -> None:
    """Two runs never write to one ledger, and the message says who has it; readers are welcome."""
    with Ledger.open(path):
        assert is_held(path)
        with pytest.raises(LedgerError, match=rf"Another run uses the ledger .*\(process {os.getpid()}\)"):
            Ledger.open(path)
        Ledger.open(path, readonly=True).close()
    assert not is_held(path)
    Ledger.open(path).close()


def test_a_link_to_a_ledger_is_the_same_ledger(path: Path) -> None:
    """Who comes by another name meets the same lock."""
    link = path.with_name("link.sqlite")
    link.symlink_to(path)
    with Ledger.open(link):
        assert path.exists()
        assert is_held(link)
        with pytest.raises(LedgerError, match="Another run"):
            Ledger.open(path)


def test_a_lock_dies_with_its_process(path: Path) -> None:
    """A run that was killed does not keep the next one out."""
    code = (
        "import pathlib, sys, time\nfrom glan.teachers.ledger import Ledger\n"
        "ledger = Ledger.open(pathlib.Path(sys.argv[1]))\nprint('open', flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"open\n"
        with pytest.raises(LedgerError, match=rf"process {child.pid}\)"):
            Ledger.open(path)
        child.kill()
    assert not is_held(path)
    Ledger.open(path).close()


def test_who_looks_whether_it_is_held_keeps_nobody_out(path: Path) -> None:
    """A shared lock of an instant is waited for."""
    Lock(path).release()
    descriptor = os.open(f"{path}.lock", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    letting_go = threading.Timer(0.03, os.close, (descriptor,))
    letting_go.start()
    Lock(path).release()
    letting_go.join()


def test_a_lock_that_is_a_link_is_refused(path: Path) -> None:
    """A folder from a stranger cannot have another file of the user emptied."""
    precious = path.with_name("precious.txt")
    precious.write_text("mine")
    path.with_name("ledger.sqlite.lock").symlink_to(precious)
    with pytest.raises(LedgerError, match="cannot be written"):
        Ledger.open(path)
    assert precious.read_text() == "mine"
    assert not is_held(path)


def test_a_ledger_that_is_to_be_read_must_be_there(path: Path) -> None:
    """Reading makes nothing."""
    with pytest.raises(LedgerError, match="There is no ledger") as caught:
        Ledger.open(path, readonly=True)
    assert "--ledger" in caught.value.hint
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("readonly", [pytest.param(True, id="reading"), pytest.param(False, id="writing")])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"pairs = 7\n" * 100, "is no ledger: it is not an SQLite database", id="text"),
        pytest.param(b"SQLite format 3\0" + b"\xff" * 4_080, "ledger", id="damaged-header"),
    ],
)
def test_a_file_of_another_kind_is_refused_and_left_as_it_is(
    path: Path, content: bytes, expected: str, *, readonly: bool
) -> None:
    """What is no ledger is named, not overwritten, and nobody holds it afterwards."""
    path.write_bytes(content)
    with pytest.raises(LedgerError, match=expected) as caught:
        Ledger.open(path, readonly=readonly)
    assert caught.value.hint
    assert path.read_bytes() == content
    assert not is_held(path)


@pytest.mark.parametrize("readonly", [pytest.param(True, id="reading"), pytest.param(False, id="writing")])
@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        pytest.param("PRAGMA application_id = 0", "another program", id="another-program"),
        pytest.param(f"PRAGMA user_version = {VERSION + 1}", "newer glan", id="newer"),
        pytest.param("DROP TABLE contents", "lacks contents", id="lost-table"),
        pytest.param("DROP INDEX replies_by_request", "lacks replies_by_request", id="lost-index"),
        pytest.param("DROP TABLE runs; CREATE VIEW runs AS SELECT 1", "lacks runs", id="view"),
        pytest.param(
            "CREATE TRIGGER t AFTER INSERT ON replies BEGIN DELETE FROM replies; END", "has triggers", id="trigger"
        ),
    ],
)
def test_a_database_that_is_no_sound_ledger_is_refused(
    path: Path, statements: str, expected: str, *, readonly: bool
) -> None:
    """A ledger of a newer version, of another program or with changed tables is refused with the way out."""
    Ledger.open(path).close()
    connection = sqlite3.connect(path)
    connection.executescript(statements)
    connection.close()
    with pytest.raises(LedgerError, match=expected) as caught:
        Ledger.open(path, readonly=readonly)
    assert caught.value.hint
    assert not is_held(path)


def test_a_newer_ledger_asks_for_a_newer_glan(path: Path) -> None:
    """The message names both versions, and the hint the command."""
    Ledger.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LedgerError, match=rf"version 99 of its tables; this one knows {VERSION}\)") as caught:
        Ledger.open(path)
    assert "pip install --upgrade glan" in caught.value.hint


_OLD_TABLES = (
    (
        "CREATE TABLE replies (seq INTEGER PRIMARY KEY, run INTEGER, request TEXT, stage TEXT, sample INTEGER, "
        "attempt INTEGER, fingerprint BLOB, max_tokens INTEGER, time REAL, failure TEXT, finish_reason TEXT, "
        "prompt_tokens INTEGER, completion_tokens INTEGER, cached_tokens INTEGER, reasoning_tokens INTEGER, "
        "model TEXT, system_fingerprint TEXT, rung TEXT, endpoint TEXT, latency_s REAL, cost_usd REAL, text BLOB, "
        "reasoning BLOB)"
    ),
    "CREATE INDEX replies_by_request ON replies (request)",
    "CREATE TABLE runs (run INTEGER PRIMARY KEY, time REAL, glan_version TEXT, choice TEXT, meaning TEXT, files TEXT)",
    "CREATE TABLE contents (hash TEXT PRIMARY KEY, content BLOB) WITHOUT ROWID",
    f"PRAGMA application_id = {int.from_bytes(b'glan', 'big')}",
    "PRAGMA user_version = 2",
    (
        "INSERT INTO replies (run, request, stage, sample, attempt, fingerprint, max_tokens, prompt_tokens, "
        "completion_tokens, cost_usd, text) VALUES (1, 'answer/a/b/0', 'answers', 0, 0, x'00', 9, 3, 4, 0.5, x'0041')"
    ),
    "INSERT INTO runs VALUES (1, 0.0, '0.1', 'exact', '{}', '{}')",
)


def test_a_ledger_without_the_newest_columns_is_read_and_written_to(path: Path) -> None:
    """Who only reads it finds nulls there and changes nothing; who writes gives it the columns, and loses no row."""
    connection = sqlite3.connect(path)
    for statement in _OLD_TABLES:
        connection.execute(statement)
    connection.commit()
    connection.close()
    before = path.read_bytes()
    for readonly in (True, False, True):
        with Ledger.open(path, readonly=readonly) as ledger:
            entry = ledger.get(1)
            assert entry is not None
            assert entry.reply is not None
            assert (entry.reply.text, entry.reply.timed_out) == ("A", TimedOut())
            assert ledger.at("answer/a/b/0", sample=0, attempt=0).standing() == entry
            totals = ledger.totals()["answers"]
            assert (totals.cost_usd, totals.timed_out, totals.timed_out_usd) == (0.5, 0, 0.0)
            assert ledger.run_totals() == RunTotals(calls=0, tokens=0, usd=0.0, unpriced_tokens=0, server_usd=0.0)
            assert [run.number for run in ledger.runs()] == [1]
            assert not ledger.verify()
        assert not readonly or path.read_bytes() == before
        before = path.read_bytes()


def test_an_older_ledger_is_of_our_version_once_it_is_written_to(path: Path) -> None:
    """Reading leaves the version as it is; a ledger that may get new kinds of texts says so to older programs."""
    Ledger.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 1")
    for readonly, expected in ((True, 1), (False, VERSION)):
        Ledger.open(path, readonly=readonly).close()
        assert connection.execute("PRAGMA user_version").fetchone() == (expected,)
    connection.close()


def _overwrite(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:16_384] + b"\xa5" * 8_192 + content[24_576:])


async def test_a_ledger_that_is_damaged_inside_says_so(path: Path) -> None:
    """Pages that were overwritten are found by who reads them and by `verify`, and the hint says what to do."""
    sampling = Sampling(model="m", max_tokens=9)
    with Ledger.open(path) as ledger:
        for i in range(100):
            request = Request(id=f"answer/a/b/{i}", stage=Stage.ANSWERS, messages=(), sampling=sampling)
            await ledger.commit(request, b"m" * 16, Reply(text=f"{i} " * 100))
    _overwrite(path)
    with Ledger.open(path, readonly=True) as ledger:
        with pytest.raises(LedgerError, match="is damaged") as caught:
            list(ledger.entries())
        assert "glan ledger backup" in caught.value.hint
        assert ledger.verify()


def test_an_empty_file_is_a_new_ledger_to_the_writer_only(path: Path) -> None:
    """A run that died before it had made its tables left an empty file: the next one makes them."""
    path.touch()
    with pytest.raises(LedgerError, match="or empty"):
        Ledger.open(path, readonly=True)
    with Ledger.open(path) as ledger:
        assert ledger.count() == 0


@pytest.mark.parametrize("readonly", [pytest.param(True, id="reading"), pytest.param(False, id="writing")])
def test_a_folder_is_no_ledger(tmp_path: Path, *, readonly: bool) -> None:
    """A folder in its place is named."""
    with pytest.raises(LedgerError, match=rf"{tmp_path.name} is no ledger: it is not a file"):
        Ledger.open(tmp_path, readonly=readonly)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    """A new ledger makes no folders."""
    with pytest.raises(LedgerError, match=r"nowhere/ledger.sqlite.lock: No such file"):
        Ledger.open(tmp_path / "nowhere" / "ledger.sqlite")


def test_a_name_with_odd_characters_is_a_name(tmp_path: Path) -> None:
    """Question marks, hashes, per cent signs and bytes that are no text mean nothing to us."""
    path = tmp_path / "a?mode=memory&x#y%20z\udcff.sqlite"
    Ledger.open(path).close()
    Ledger.open(path, readonly=True).close()
    assert path.exists()


def test_a_ledger_in_a_folder_where_nothing_can_be_written_can_be_read() -> None:
    """A ledger on a medium that is read-only is read all the same, and nothing is left beside it."""
    code = (
        "import os, pathlib, sys\nfrom glan.teachers.ledger import Ledger\n"
        "os.getuid() or os.setuid(65534)  # the administrator may write everywhere\n"
        "print(Ledger.open(pathlib.Path(sys.argv[1]), readonly=True).count())"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ledger.sqlite")
        Ledger.open(path).close()
        path.with_name("ledger.sqlite.lock").unlink()
        path.parent.chmod(0o555)
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
        path.parent.chmod(0o755)
        assert [file.name for file in path.parent.iterdir()] == ["ledger.sqlite"]
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_program_that_keeps_the_file_to_itself_is_named(path: Path) -> None:
    """A database browser that is in the middle of writing is waited for, then named."""
    with Ledger.open(path) as ledger:
        other = sqlite3.connect(path, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        letting_go = threading.Timer(0.05, other.rollback)
        letting_go.start()
        started = time.monotonic()
        assert ledger.begin_run(glan_version="1", meaning={}, choice="exact", files={}) == 1
        assert time.monotonic() - started >= 0.04
        letting_go.join()
        other.close()
