"""Copies of a ledger: of one moment while it grows, examined, and never over what they lack unasked."""

import asyncio
import random
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from glan.errors import LedgerError
from glan.records import Message, Reply, Request, Sampling, Stage, Usage
from glan.teachers.fingerprints import fingerprint
from glan.teachers.ledger import Ledger
from glan.teachers.ledger_backup import Lacking, copy_file, copy_ledger, lacking, restore_ledger, verified
from glan.teachers.outbox import Outbox, State
from glan.teachers.sharing import Wanted, take


def request(number: int) -> Request:
    return Request(
        id=f"question/physics/optics/{number}",
        stage=Stage.QUESTIONS,
        messages=(Message(role="user", content=f"Question {number}?"),),
        sampling=Sampling(model="any", max_tokens=100),
    )


async def _fill(path: Path, numbers: range, size: int = 2_000) -> None:
    with Ledger.open(path) as ledger:
        await asyncio.gather(*[_commit(ledger, number, size) for number in numbers])


async def _commit(ledger: Ledger, number: int, size: int = 2_000) -> None:
    asked = request(number)
    text = random.Random(number).randbytes(size // 2).hex()
    reply = Reply(text=text, usage=Usage(prompt_tokens=1, completion_tokens=2))
    await ledger.commit(asked, fingerprint(asked), reply)


def fill(path: Path, numbers: range, size: int = 2_000) -> None:
    asyncio.run(_fill(path, numbers, size))


def count(path: Path) -> int:
    with Ledger.open(path, readonly=True) as ledger:
        assert ledger.verify() == []
        return ledger.count()


def unwatched(left: int, total: int) -> None:
    del left, total


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    fill(path, range(500))
    return path


def test_a_copy_has_every_row_and_is_one_file(ledger: Path, tmp_path: Path) -> None:
    """The copy reads as the ledger does, and needs no other file beside it."""
    told: list[tuple[int, int]] = []
    assert copy_ledger(ledger, tmp_path / "copy", lambda left, total: told.append((left, total))) == 500
    assert told[-1][0] == 0
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("copy")) == ["copy"]
    assert lacking(ledger, tmp_path / "copy") == lacking(tmp_path / "copy", ledger) == Lacking()
    with closing(sqlite3.connect(tmp_path / "copy")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_copy_is_of_one_moment_while_the_ledger_grows(tmp_path: Path) -> None:
    """Rows that are committed between two pages wait for nothing and are not in it; what was there before is."""
    ledger = tmp_path / "ledger.sqlite"
    fill(ledger, range(500), size=60_000)
    with Ledger.open(ledger) as opened:
        added: list[int] = []

        def write(left: int, total: int) -> None:
            del left, total
            if len(added) < 20:
                number = 1_000 + len(added)
                thread = threading.Thread(target=lambda: asyncio.run(_commit(opened, number)))
                thread.start()
                thread.join(timeout=60)
                assert not thread.is_alive(), "A commit waits for the copying."
                added.append(number)

        assert copy_ledger(ledger, tmp_path / "copy", write) == 500
        assert len(added) > 2
        assert opened.count() == 500 + len(added)
    assert count(tmp_path / "copy") == 500
    assert lacking(ledger, tmp_path / "copy") == Lacking(replies=len(added))


def test_a_damaged_ledger_makes_no_copy(ledger: Path, tmp_path: Path) -> None:
    """A row that cannot be read is found before the copy has a name."""
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("UPDATE replies SET text = x'0901' WHERE seq = 7")
        connection.commit()
    with pytest.raises(LedgerError, match="has 1 finding, of which"):
        copy_ledger(ledger, tmp_path / "copy", unwatched)
    assert not (tmp_path / "copy").exists()


def copied(ledger: Path) -> Path:
    new = ledger.with_name("new")
    copy_ledger(ledger, new, unwatched)
    return new


def test_a_copy_takes_the_place_of_a_ledger_that_it_has_all_of(ledger: Path) -> None:
    """Nothing is kept apart, and the run that comes next adds to it."""
    found = restore_ledger(copied(ledger), ledger, force=False)
    assert (found.rows, found.lost, found.kept) == (500, Lacking(), None)
    fill(ledger, range(500, 510))
    assert count(ledger) == 510


def test_a_copy_takes_the_place_of_a_ledger_that_is_gone(ledger: Path) -> None:
    """Where there is none, there is one again."""
    new = copied(ledger)
    ledger.unlink()
    assert restore_ledger(new, ledger, force=False).rows == 500
    assert count(ledger) == 500


def test_a_ledger_with_more_replies_stays_unless_it_is_told(ledger: Path) -> None:
    """The error says how many the copy lacks; with force the ledger is kept under another name, with all of them."""
    new = copied(ledger)
    fill(ledger, range(500, 503))
    with pytest.raises(LedgerError, match="has 3 replies and failures that the copy lacks; nothing was changed"):
        restore_ledger(new, ledger, force=False)
    assert count(ledger) == 503
    found = restore_ledger(new, ledger, force=True)
    assert found.kept is not None
    assert (found.lost.replies, count(ledger), count(found.kept)) == (3, 500, 503)


def shelve(ledger: Path, numbers: range) -> None:
    """Put replies of another project on the shelf."""
    other = ledger.with_name(f"other-{numbers.start}.sqlite")
    fill(other, numbers)
    with Ledger.open(other, readonly=True) as given, Ledger.open(ledger) as opened:
        assert take(given, opened, Wanted(stages=frozenset(Stage))).taken == len(numbers)


def test_a_ledger_with_more_on_its_shelf_stays_unless_it_is_told(ledger: Path) -> None:
    """What another project paid for is as little thrown away as what this one did, also where the copy has a shelf."""
    for first in (900, 901):
        new = copied(ledger)
        shelve(ledger, range(first, first + 1))
        with pytest.raises(LedgerError, match="that the copy lacks; nothing was changed"):
            restore_ledger(new, ledger, force=False)
    assert lacking(ledger, new) == Lacking(replies=1)
    found = restore_ledger(new, ledger, force=True)
    assert found.kept is not None
    assert lacking(found.kept, ledger) == Lacking(replies=1)


def test_what_left_the_shelf_for_the_replies_is_not_lacking(ledger: Path) -> None:
    """A copy that has it as a reply has it."""
    shelve(ledger, range(900, 902))
    old = copied(ledger).rename(ledger.with_name("old"))
    fill(ledger, range(900, 902))
    assert lacking(old, ledger) == Lacking()


@pytest.mark.parametrize("state", [State.SENT, State.WRITTEN])
@pytest.mark.parametrize("known", [False, True], ids=["begun after the copy", "sealed when it was copied"])
def test_a_ledger_with_a_batch_that_the_copy_does_not_know_of_stays(ledger: Path, state: State, *, known: bool) -> None:
    """A batch that somebody works on is found by its row alone, so a copy without it would have it paid for again."""
    new = copied(ledger)
    with Ledger.open(ledger) as opened:
        parcel = Outbox(opened).begin(server="http://127.0.0.1:1/v1", host="127.0.0.1:1", model="any")
    if known:
        new = copied(ledger)
    assert lacking(ledger, new) == Lacking()
    with Ledger.open(ledger) as opened:
        Outbox(opened).note(parcel, state=state)
    with pytest.raises(LedgerError, match="has 1 batch that waits for replies that the copy lacks"):
        restore_ledger(new, ledger, force=False)
    with Ledger.open(ledger) as opened:
        Outbox(opened).close(parcel, State.READ)
    assert lacking(ledger, new) == Lacking()


def test_what_stands_beside_the_old_ledger_does_not_reach_into_the_new_one(ledger: Path) -> None:
    """A log of SQLite that a kill has left is not played into the copy, also where the ledger cannot be read."""
    new = copied(ledger)
    log = ledger.with_name(f"{ledger.name}-wal")
    with Ledger.open(ledger) as opened:
        asyncio.run(_commit(opened, 900))
        left = log.read_bytes()
    assert left
    log.write_bytes(left)
    ledger.write_bytes(b"no database" * 1000)
    with pytest.raises(LedgerError, match="cannot be compared"):
        restore_ledger(new, ledger, force=False)
    found = restore_ledger(new, ledger, force=True)
    assert not log.exists()
    assert count(ledger) == 500
    assert found.kept is not None
    assert found.kept.read_bytes().startswith(b"no database")
    assert found.kept.with_name(f"{found.kept.name}-wal").read_bytes() == left


def test_no_ledger_is_replaced_while_a_run_holds_it(ledger: Path) -> None:
    """The lock of the ledger is that of a run."""
    new = copied(ledger)
    with Ledger.open(ledger), pytest.raises(LedgerError, match="Another run uses the ledger"):
        restore_ledger(new, ledger, force=True)
    assert count(ledger) == 500


@pytest.mark.parametrize(
    "content", [b"", b"no ledger", b"SQLite format 3\0" + bytes(5000)], ids=["empty", "text", "torn"]
)
def test_what_is_no_ledger_is_not_put_in_its_place(ledger: Path, content: bytes) -> None:
    """A file that was cut off or is something else is refused, and the ledger stays."""
    new = ledger.with_name("new")
    new.write_bytes(content)
    with pytest.raises(LedgerError):
        restore_ledger(new, ledger, force=True)
    assert count(ledger) == 500


def test_a_ledger_in_use_is_no_copy_to_restore(ledger: Path, tmp_path: Path) -> None:
    """A bare copy of a file of which a part is in its log would lack replies, so it is refused."""
    with Ledger.open(ledger) as opened:
        asyncio.run(_commit(opened, 900))
        with pytest.raises(LedgerError, match="in use"):
            copy_file(ledger, tmp_path / "new")
    copy_file(ledger, tmp_path / "new")
    assert verified(tmp_path / "new") == 501
