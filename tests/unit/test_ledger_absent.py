"""What is surely not in the ledger is not looked up, and nothing that is there, or on its way, is taken for absent."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.records import Message, Reply, Request, Sampling, Stage
from glan.teachers.ledger import Ledger
from glan.teachers.ledger_absent import Absent

MEANT = b"m" * 16


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite") as opened:
        yield opened


def request_of(place: int) -> Request:
    return Request(
        id=f"question/physics/optics/{place}",
        stage=Stage.QUESTIONS,
        messages=(Message(role="user", content="Why?"),),
        sampling=Sampling(model="m", max_tokens=100),
    )


def is_there(ledger: Ledger, place: int) -> bool:
    found = ledger.at(request_of(place).id, sample=0, attempt=0)
    return found.find(MEANT, max_tokens=1) is not None


@settings(max_examples=50, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from(["add", "miss", "hit", "write"]), st.integers(0, 40)), max_size=400))
def test_nothing_that_was_added_is_absent(steps: list[tuple[str, int]]) -> None:
    """Rows reach the file later than they are added, also while the file is being read."""
    added: list[str] = []
    written = 0
    absent = Absent(lambda: written, lambda: iter(added[:written]))
    for step, number in steps:
        if step == "add":
            absent.add(str(number))
            added.append(str(number))
        elif step == "write":
            written = len(added)
        else:
            for _ in range(20):
                absent.looked_up(is_found=step == "hit")
        assert not any(request in absent for request in added)


async def test_a_new_run_looks_up_only_at_first(ledger: Ledger) -> None:
    """After some misses no statement is run for what is new, and what was committed meanwhile is found."""
    reads = 0

    def count(_: str) -> None:
        nonlocal reads
        reads += 1

    ledger._reader.set_trace_callback(count)  # noqa: SLF001 - SQLite tells its own connection alone
    for place in range(1_000):
        assert not is_there(ledger, place)
        await ledger.commit(request_of(place), MEANT, Reply(text="x"))
    assert reads < 400
    ledger._reader.set_trace_callback(None)  # noqa: SLF001 - as above
    assert all(is_there(ledger, place) for place in range(1_000))


async def test_who_only_reads_sees_what_another_writes(ledger: Ledger) -> None:
    """A reader of a ledger that grows takes nothing for absent on the word of what was there before."""
    with Ledger.open(ledger.path, readonly=True) as reader:
        assert not any(is_there(reader, place) for place in range(200))
        await ledger.commit(request_of(7), MEANT, Reply(text="x"))
        assert is_there(reader, 7)


def test_a_great_ledger_is_not_read() -> None:
    """Where reading all requests would take seconds, everything is looked up."""

    def never() -> Iterator[str]:
        raise AssertionError
        yield ""

    absent = Absent(lambda: 10_000_000, never)
    for _ in range(1_000):
        absent.looked_up(is_found=False)
    assert "a" not in absent
