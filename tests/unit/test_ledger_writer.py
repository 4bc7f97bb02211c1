"""What the writer promises: a commit that returned is durable, whatever happens next, and nobody waits for ever."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from typing import NoReturn, TypeVarTuple

import pytest

from glan.errors import LedgerError
from glan.records import Message, Reply, Request, Sampling, Stage
from glan.teachers.ledger import Ledger
from glan.teachers.ledger_file import open_reader, open_writer
from glan.teachers.ledger_writer import Waiting, Writer

_Given = TypeVarTuple("_Given")
_MEANT = b"m" * 16
_COMMITTING = """
import asyncio, itertools, os, pathlib, resource, sys
from glan.errors import LedgerError
from glan.records import Message, Reply, Request, Sampling, Stage
from glan.teachers.ledger import Ledger

async def commit(ledger, numbers):
    for i in numbers:
        sampling = Sampling(model="m", max_tokens=9)
        request = Request(id=f"answer/a/b/{i}", stage=Stage.ANSWERS, messages=(), sampling=sampling)
        ledger.in_flight = 16
        await ledger.commit(request, b"m" * 16, Reply(text=f"reply {i} " + os.urandom(400).hex()))
        os.write(1, b"%d\\n" % i)

async def main():
    ledger = Ledger.open(pathlib.Path(sys.argv[1]))
    if len(sys.argv) > 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    numbers = itertools.count()
    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(16):
                tasks.create_task(commit(ledger, numbers))
    except* LedgerError as group:
        os.write(2, str(group.exceptions[0]).encode())

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def a_request(name: str = "answer/a/b/0") -> Request:
    return Request(
        id=name,
        stage=Stage.ANSWERS,
        messages=(Message(role="user", content="Why?"),),
        sampling=Sampling(model="gpt-5-mini", max_tokens=100),
    )


@pytest.mark.parametrize("kill_after", [1, 17, 50, 200])
def test_what_was_committed_survives_a_kill(path: Path, kill_after: int) -> None:
    """A process that is killed in the middle of commits leaves every row whose commit had returned."""
    with subprocess.Popen([sys.executable, "-c", _COMMITTING, path], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(kill_after)]
        child.send_signal(signal.SIGKILL)
        told += child.stdout.readlines()
    with Ledger.open(path) as ledger:
        there = {entry.request_id: entry for entry in ledger.entries()}
        assert ledger.verify() == []
    numbers = [int(line) for line in told if line.endswith(b"\n")]
    assert len(numbers) >= kill_after
    for number in numbers:
        entry = there[f"answer/a/b/{number}"]
        assert entry.reply is not None
        assert entry.reply.text.startswith(f"reply {number} ")
    assert len(there) <= len(numbers) + 16


def test_a_disk_that_takes_no_more_loses_nothing(path: Path) -> None:
    """When no file may grow any more the run ends with a clear word, and all that was committed is there."""
    done = subprocess.run(
        [sys.executable, "-c", _COMMITTING, path, "300000"], capture_output=True, check=False, timeout=60
    )
    assert b"The disk failed under the ledger" in done.stderr
    with Ledger.open(path) as ledger:
        there = {entry.request_id for entry in ledger.entries()}
        assert ledger.verify() == []
    numbers = [int(line) for line in done.stdout.splitlines()]
    assert numbers
    assert {f"answer/a/b/{number}" for number in numbers} <= there


def test_every_commit_waits_for_the_disk(path: Path) -> None:
    """A kill cannot show it, a power cut would: SQLite is told to sync at each commit."""
    connection = open_writer(path)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


async def _committed(writer: Writer, request: Request, text: str) -> LedgerError | None:
    told: asyncio.Future[LedgerError | None] = asyncio.get_running_loop().create_future()
    writer.put(Waiting(request, _MEANT, Reply(text=text), 0, 0.0, told), in_flight=1)
    async with asyncio.timeout(10):
        return await told


async def test_a_full_disk_is_told_to_all_who_wait_and_can_be_mended(path: Path) -> None:
    """Everyone in the group gets the error; what stood stands, and with new space the writer goes on."""
    connection = open_writer(path)
    writer = Writer(connection, path)
    assert await _committed(writer, a_request(), "small") is None
    with writer.transaction():
        connection.execute("SELECT 1")
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    large = "".join(chr(33 + (i * i * 7919 + i) % 5_000) for i in range(40_000))
    found = await asyncio.gather(*(_committed(writer, a_request(f"answer/a/b/{i}"), large) for i in range(1, 4)))
    errors = [error for error in found if error is not None]
    assert len(errors) == 3
    assert "The disk is full" in str(errors[0])
    assert "Free some space" in errors[0].hint
    connection.execute("PRAGMA max_page_count = 100000")
    assert await _committed(writer, a_request("answer/a/b/9"), large) is None
    writer.close()
    reader = open_reader(path)
    assert [row[0] for row in reader.execute("SELECT request FROM replies")] == ["answer/a/b/0", "answer/a/b/9"]
    reader.close()


class _Counting(asyncio.SelectorEventLoop):
    """An event loop that counts how often another thread wakes it."""

    def __init__(self) -> None:
        super().__init__()
        self.wakes = 0

    def call_soon_threadsafe(
        self, callback: Callable[[*_Given], object], *args: *_Given, context: Context | None = None
    ) -> asyncio.Handle:
        self.wakes += 1
        return super().call_soon_threadsafe(callback, *args, context=context)


def test_those_who_wait_together_are_told_together(path: Path) -> None:
    """Four hundred commits that come at once take a few transactions, and one wake each."""

    async def commit_all(ledger: Ledger) -> None:
        ledger.in_flight = 400
        await asyncio.gather(
            *(ledger.commit(a_request(f"answer/a/b/{i}"), _MEANT, Reply(text="x")) for i in range(400))
        )

    loop = _Counting()
    with Ledger.open(path) as ledger:
        loop.run_until_complete(commit_all(ledger))
        assert ledger.count() == 400
    assert 1 <= loop.wakes <= 40
    loop.close()


async def test_one_who_is_alone_does_not_wait_for_company(path: Path) -> None:
    """With one call in flight a commit takes as long as the disk; with many it waits a little for others."""
    loop = asyncio.get_running_loop()
    fastest: dict[int, float] = {}
    with Ledger.open(path) as ledger:
        for i in range(20):
            ledger.in_flight = 1_000 if i % 4 == 0 else 1
            started = loop.time()
            await ledger.commit(a_request(f"answer/a/b/{i}"), _MEANT, Reply(text="x"))
            took = loop.time() - started
            fastest[ledger.in_flight] = min(took, fastest.get(ledger.in_flight, took))
    assert fastest[1_000] >= 0.005
    assert fastest[1] < fastest[1_000]


class _Broken(str):
    """A text that breaks whatever touches it."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> NoReturn:
        raise RuntimeError(f"{encoding} {errors}")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_nobody_waits_for_a_writer_that_has_died(path: Path) -> None:
    """If the thread ends by an error nobody foresaw, those who wait and those who come later are told."""
    with Ledger.open(path) as ledger:
        for reply in (Reply(text=_Broken("x")), Reply(text="x"), Reply(text="x")):
            async with asyncio.timeout(10):
                with pytest.raises(LedgerError, match="nothing more is written"):
                    await ledger.commit(a_request(), _MEANT, reply)
        assert ledger.count() == 0


def _add_and_fail(writer: Writer) -> NoReturn:
    with writer.transaction() as connection:
        connection.execute("INSERT INTO runs (choice) VALUES ('exact')")
        raise ZeroDivisionError


def test_a_transaction_that_fails_leaves_nothing(path: Path) -> None:
    """An error in the middle takes back what came before it, and the next transaction works."""
    writer = Writer(open_writer(path), path)
    with pytest.raises(ZeroDivisionError):
        _add_and_fail(writer)
    with writer.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)
    writer.close()


def test_an_event_loop_that_is_gone_stops_nothing(path: Path) -> None:
    """A run that ended while its rows were under way leaves them in the ledger, and the writer goes on."""
    writer = Writer(open_writer(path), path)
    loop = asyncio.new_event_loop()
    told: asyncio.Future[LedgerError | None] = loop.create_future()
    loop.close()
    for i in range(2):
        waiting = Waiting(a_request(f"answer/a/b/{i}"), _MEANT, Reply(text="x"), 0, 0.0, told)
        writer.put(waiting, in_flight=1)
    writer.close()
    with Ledger.open(path, readonly=True) as reader:
        assert reader.count() == 2
