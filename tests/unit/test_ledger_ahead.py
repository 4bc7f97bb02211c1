"""Rows that are read ahead: whoever walks finds what a look-up would have found, whatever is committed meanwhile."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from glan.records import Message, Reply, Request, Sampling, Stage
from glan.teachers.ledger import Ledger
from glan.teachers.ledger_ahead import ReadAhead

PRINTS = (b"m" * 16, b"o" * 16)
Asked = tuple[int, int, int]
"""Number of a place, attempt, and which fingerprint."""
ASKED = st.tuples(st.integers(0, 90), st.sampled_from([0, 0, 0, 1]), st.sampled_from([0, 0, 0, 1]))


def request_of(asked: Asked) -> Request:
    place, attempt, _ = asked
    return Request(
        id=f"question/physics/optics/{place}",
        stage=Stage.QUESTIONS,
        messages=(Message(role="user", content="Why?"),),
        sampling=Sampling(model="m", max_tokens=100),
        attempt=attempt,
    )


async def commit(ledger: Ledger, asked: Sequence[Asked]) -> None:
    for number, one in enumerate(asked):
        reply = Reply(text=f"{one} {number}", finish_reason="length" if number % 17 == 16 else "stop")
        outcome = reply if number % 13 != 12 else f"refused {number}"
        await ledger.commit(request_of(one), PRINTS[one[2]], outcome)


def found(ledger: Ledger, asked: Asked, max_tokens: int) -> list[object]:
    first, second = (ledger.at(request_of(asked).id, sample=0, attempt=asked[1]) for _ in range(2))
    return [first.find(PRINTS[asked[2]], max_tokens=max_tokens), second.standing()]


@settings(max_examples=25, deadline=None)
@given(
    again=st.lists(ASKED, max_size=8),
    walk=st.lists(st.tuples(st.integers(-6, 40), st.booleans(), st.sampled_from([100, 200])), max_size=40),
    before=st.booleans(),
)
def test_a_walk_finds_what_looking_up_finds(
    again: list[Asked],
    walk: list[tuple[int, bool, int]],
    before: bool,  # noqa: FBT001 - hypothesis passes it by name
) -> None:
    """Places with one row and with several, in order or not, with commits between: the same entries."""
    once: list[Asked] = [(place, 0, 0) for place in range(90)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        with Ledger.open(path) as ledger:
            asyncio.run(commit(ledger, [*once, *again]))
            for place in range(40 if before else 0):
                found(ledger, (place, 0, 0), 100)
            at = 40
            for step, is_commit, max_tokens in walk:
                at = (at + step) % 90
                if is_commit:
                    asyncio.run(commit(ledger, [(at, step % 2, 0)]))
                with Ledger.open(path, readonly=True) as fresh:
                    expected = found(fresh, (at, 0, 0), max_tokens)
                assert found(ledger, (at, 0, 0), max_tokens) == expected


def test_a_walk_asks_the_file_for_many_rows_at_once(tmp_path: Path) -> None:
    """A walk over 400 replies makes some tens of reads, and nothing of what was read stays behind."""
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        asyncio.run(commit(ledger, [(place, 0, 0) for place in range(400)]))
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        reads = 0

        def count(_: str) -> None:
            nonlocal reads
            reads += 1

        ledger._reader.set_trace_callback(count)  # noqa: SLF001 - SQLite tells its own connection alone
        for place in range(400):
            assert (
                ledger.at(request_of((place, 0, 0)).id, sample=0, attempt=0).find(PRINTS[0], max_tokens=1) is not None
            )
        assert reads < 60


def test_a_row_that_is_on_its_way_when_a_walk_begins_is_not_overlooked(tmp_path: Path) -> None:
    """Who was given a further row before anybody walked is looked up, though that row is not in the file yet."""
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        asyncio.run(commit(ledger, [(place, 0, 0) for place in range(100)]))
    connection = sqlite3.connect(tmp_path / "ledger.sqlite")
    ahead = ReadAhead(lambda statement, *values: connection.execute(statement, values).fetchall(),
                      "SELECT seq, request FROM replies", 1)  # fmt: skip
    ahead.committing("question/physics/optics/60")
    for seq in range(1, 50):
        ahead.found(seq)
    assert ahead.take("question/physics/optics/59") is not None
    assert ahead.take("question/physics/optics/60") is None
    connection.close()
