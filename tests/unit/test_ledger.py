"""The ledger: what was committed is found again, by what was meant, in the order of commits."""

import asyncio
import json
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from glan.errors import LedgerError
from glan.records import Message, Reply, Request, Sampling, Stage, TimedOut, Usage
from glan.teachers.ledger import Ledger
from glan.teachers.ledger_rows import Failure, pack, pack_row, unpack, unpack_row

_MEANT, _OTHER = b"m" * 16, b"o" * 16
_WHOLE = Reply(
    text="A long answer. " * 50,
    reasoning="First, think.",
    finish_reason="stop",
    usage=Usage(prompt_tokens=10, completion_tokens=20, cached_tokens=5, reasoning_tokens=3),
    model="gpt-5-mini-2025",
    system_fingerprint="fp_1",
    rung="json_schema",
    endpoint="openai",
    latency_s=1.5,
    cost_usd=0.25,
)
_ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)


def a_request(name: str = "question/physics/optics/0", *, max_tokens: int = 100, attempt: int = 0) -> Request:
    return Request(
        id=name,
        stage=Stage(f"{name.partition('/')[0]}s"),
        messages=(Message(role="user", content="Why?"),),
        sampling=Sampling(model="gpt-5-mini", max_tokens=max_tokens),
        attempt=attempt,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path) as ledger:
        yield ledger


async def test_a_committed_reply_is_found_whole(ledger: Ledger) -> None:
    """What is found equals what was committed, with where it came from."""
    request = a_request(attempt=1)
    await ledger.commit(request, _MEANT, _WHOLE)
    entry = ledger.at(request.id, sample=0, attempt=1).find(_MEANT, max_tokens=100)
    assert entry is not None
    assert entry.reply == _WHOLE
    assert (entry.seq, entry.run, entry.request_id, entry.stage) == (1, 0, request.id, "questions")
    assert (entry.sample, entry.attempt, entry.fingerprint, entry.max_tokens) == (0, 1, _MEANT, 100)
    assert entry.failure is None
    assert ledger.get(1) == entry


@pytest.mark.parametrize(
    ("name", "fingerprint", "sample", "attempt"),
    [
        pytest.param("question/physics/optics/1", _MEANT, 0, 0, id="id"),
        pytest.param("question/physics/optics/0", _OTHER, 0, 0, id="fingerprint"),
        pytest.param("question/physics/optics/0", _MEANT, 1, 0, id="sample"),
        pytest.param("question/physics/optics/0", _MEANT, 0, 1, id="attempt"),
    ],
)
async def test_another_place_is_absent(
    ledger: Ledger, name: str, fingerprint: bytes, sample: int, attempt: int
) -> None:
    """Id, fingerprint, sample and attempt all have to fit."""
    await ledger.commit(a_request(), _MEANT, _WHOLE)
    assert ledger.at(name, sample=sample, attempt=attempt).find(fingerprint, max_tokens=100) is None


@settings(max_examples=150, deadline=None)
@given(text=_ANY_TEXT, repeats=st.sampled_from([1, 30]))
def test_every_text_survives_packing(text: str, repeats: int) -> None:
    """Short or long, NULs, lone surrogates: what is unpacked is what was packed."""
    assert unpack(pack(text * repeats)) == text * repeats


@settings(max_examples=100, deadline=None)
@given(
    reply=st.builds(
        Reply,
        text=_ANY_TEXT,
        reasoning=st.none() | _ANY_TEXT,
        finish_reason=st.none() | st.text(max_size=5),
        usage=st.builds(Usage, prompt_tokens=st.none() | st.integers(0, 2**53)),
        latency_s=st.none() | st.floats(0, 1e9),
        timed_out=st.just(TimedOut())
        | st.builds(
            TimedOut, tries=st.integers(1, 9), tokens=st.integers(0, 2**53), cost_usd=st.none() | st.floats(0, 1e9)
        ),
    )
)
def test_every_reply_survives_its_row(reply: Reply) -> None:
    """A reply that becomes a row and a reply again is the same."""
    row = pack_row(a_request(), _MEANT, reply, run=1, time=0.0)
    assert unpack_row((1, *row)).reply == reply


def test_long_texts_are_stored_small() -> None:
    """Prose takes less than its length; what cannot be made smaller is stored as it is."""
    prose = " ".join(f"Sentence {i} is about light." for i in range(60))
    assert len(pack(prose)) < len(prose) / 2
    assert len(pack("short")) == len("short") + 1


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\7abc", id="unknown-kind"),
        pytest.param(b"\0\xff\xff", id="no-utf-8"),
        pytest.param(pack("a" * 500)[:-4], id="cut-off"),
        pytest.param(pack("a" * 500) + b"more", id="more"),
        pytest.param(b"\2no zstd", id="no-zstd"),
        pytest.param(b"\1" + zlib.compress(b"a" * 500)[:-4], id="cut-off-zlib"),
        pytest.param(b"\1no zlib", id="no-zlib"),
        pytest.param("text", id="not-bytes"),
        pytest.param(7, id="number"),
        pytest.param(None, id="null"),
    ],
)
def test_a_damaged_text_is_an_error_with_its_row(stored: object) -> None:
    """A text that cannot be unpacked names the row and the place."""
    row = pack_row(a_request(), _MEANT, Reply(text="x"), run=1, time=0.0)
    with pytest.raises(LedgerError, match="Row 9 of the ledger, for 'question/physics/optics/0', is damaged"):
        unpack_row((9, *row[:-2], cast("Any", stored), None))


def test_texts_of_the_first_version_are_read() -> None:
    """Texts that were compressed by zlib are read as they were written."""
    assert unpack(b"\1" + zlib.compress(b"Prose of an older ledger. " * 20)) == 20 * "Prose of an older ledger. "


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param(b"\1" + zlib.compress(b"\0" * 70_000_000, 1), id="zlib"),
        pytest.param(b"\2" + zstandard.ZstdCompressor().compress(b"\0" * 70_000_000), id="zstd"),
        pytest.param(
            b"\2" + zstandard.ZstdCompressor(write_content_size=False).compress(b"\0" * 70_000_000), id="zstd-unsaid"
        ),
    ],
)
def test_a_text_that_would_fill_the_memory_is_refused(bomb: bytes) -> None:
    """A few bytes that unpack to more than any reply are damage, not a reply."""
    with pytest.raises(ValueError, match="longer than"):
        unpack(bomb)


@pytest.mark.parametrize(
    ("committed", "max_tokens", "expected"),
    [
        pytest.param([("stop", 100)], 100, 1, id="reply"),
        pytest.param([("stop", 100)], 200, 1, id="more-room-for-a-whole-reply"),
        pytest.param([("length", 100)], 100, 1, id="cut-off-same-room"),
        pytest.param([("length", 100)], 50, 1, id="cut-off-less-room"),
        pytest.param([("length", 100)], 101, None, id="cut-off-more-room"),
        pytest.param([("length", 200), ("stop", 100)], 100, 1, id="most-room-stands"),
        pytest.param([("stop", 100), ("stop", 200), ("stop", 200)], 100, 3, id="last-among-equals"),
        pytest.param([("length", 100), ("length", 200)], 200, 2, id="asked-again-and-cut-off-again"),
        pytest.param([("failure", 100)], 100, 1, id="failure"),
        pytest.param([("failure", 100), ("failure", 100)], 100, 2, id="last-failure"),
        pytest.param([("failure", 100), ("stop", 100)], 100, 2, id="reply-after-failure"),
        pytest.param([("stop", 100), ("failure", 100)], 100, 1, id="reply-before-failure"),
        pytest.param([("length", 100), ("failure", 200)], 200, 2, id="more-room-failed"),
        pytest.param([("length", 100), ("failure", 200)], 100, 1, id="more-room-failed-less-asked"),
        pytest.param([("failure", 100), ("length", 100)], 200, None, id="failure-before-the-cut-off-reply"),
    ],
)
async def test_which_entry_stands(
    ledger: Ledger, committed: Sequence[tuple[str, int]], max_tokens: int, expected: int | None
) -> None:
    """Most room goes first, then the last; a reply that was cut off does not stand for one with more room."""
    for kind, room in committed:
        outcome = "no" if kind == "failure" else Reply(text="x", finish_reason=kind)
        await ledger.commit(a_request(max_tokens=room), _MEANT, outcome)
    entry = ledger.at(a_request().id, sample=0, attempt=0).find(_MEANT, max_tokens=max_tokens)
    assert (None if entry is None else entry.seq) == expected


async def test_the_reply_committed_last_stands_for_a_place(ledger: Ledger) -> None:
    """Whatever the fingerprints, the last reply stands, and a failure only where there is no reply."""
    request = a_request()
    assert ledger.at(request.id, sample=0, attempt=0).standing() is None
    standing = []
    outcomes: list[tuple[bytes, Reply | str]] = [(_OTHER, "no"), (_MEANT, _WHOLE), (_OTHER, _WHOLE), (_MEANT, "no")]
    for fingerprint, outcome in outcomes:
        await ledger.commit(request, fingerprint, outcome)
        entry = ledger.at(request.id, sample=0, attempt=0).standing()
        standing.append(entry and entry.seq)
    assert standing == [1, 2, 3, 3]
    assert ledger.at(request.id, sample=0, attempt=1).standing() is None
    assert ledger.at(request.id, sample=1, attempt=0).standing() is None


async def test_a_reader_sees_what_was_committed_while_it_was_open(ledger: Ledger, path: Path) -> None:
    """Many may read while one writes, and each read sees all that was committed before it."""
    with Ledger.open(path, readonly=True) as reader:
        assert reader.count() == 0
        for i in range(3):
            await ledger.commit(a_request(f"answer/a/b/{i}"), _MEANT, _WHOLE)
            assert reader.count() == reader.last_seq() == i + 1


async def test_a_cancelled_waiter_leaves_its_row(ledger: Ledger) -> None:
    """Whoever is cancelled while it waits for the disk ends cancelled, and when its row is durable."""
    task = asyncio.create_task(ledger.commit(a_request(), _MEANT, _WHOLE))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ledger.count() == 1


async def test_closing_commits_what_waits(path: Path) -> None:
    """A ledger that is closed while rows wait writes them first."""
    ledger = Ledger.open(path)
    ledger.in_flight = 1_000
    tasks = [asyncio.create_task(ledger.commit(a_request(f"answer/a/b/{i}"), _MEANT, _WHOLE)) for i in range(5)]
    await asyncio.sleep(0)
    ledger.close()
    await asyncio.gather(*tasks)
    with Ledger.open(path, readonly=True) as reader:
        assert reader.count() == 5


@pytest.mark.parametrize("readonly", [pytest.param(True, id="readonly"), pytest.param(False, id="closed")])
async def test_nothing_is_added_to_a_ledger_that_is_not_open_for_it(path: Path, *, readonly: bool) -> None:
    """A commit that cannot be made is an error at once, not a wait without end."""
    Ledger.open(path).close()
    ledger = Ledger.open(path, readonly=readonly)
    if not readonly:
        ledger.close()
    with pytest.raises(LedgerError, match="closed or open for reading only"):
        await ledger.commit(a_request(), _MEANT, _WHOLE)
    with pytest.raises(LedgerError, match="closed or open for reading only"):
        ledger.begin_run(glan_version="1", meaning={}, choice="exact", files={})
    ledger.close()


async def test_a_reply_that_cannot_be_stored_harms_no_other(ledger: Ledger) -> None:
    """A teacher from elsewhere that returns no text gets an error; those in the same group do not."""
    bad = Reply(text=cast("str", None))
    found = await asyncio.gather(
        ledger.commit(a_request("answer/a/b/0"), _MEANT, _WHOLE),
        ledger.commit(a_request("answer/a/b/1"), _MEANT, bad),
        ledger.commit(a_request("answer/a/b/2"), _MEANT, _WHOLE),
        return_exceptions=True,
    )
    assert [type(error) for error in found] == [type(None), LedgerError, type(None)]
    assert "answer/a/b/1" in str(found[1])
    assert [entry.request_id for entry in ledger.entries()] == ["answer/a/b/0", "answer/a/b/2"]


async def test_odd_values_are_stored_or_left_out(ledger: Ledger) -> None:
    """Lone surrogates and counts beyond all reason crash nothing."""
    odd = Reply(
        text="\ud800",
        finish_reason="\udfff",
        model="\ud800é",
        usage=Usage(prompt_tokens=10**30, completion_tokens=-1),
        cost_usd=float("nan"),
    )
    request = a_request("answer/\ud800/b/0", max_tokens=10**30)
    await ledger.commit(request, _MEANT, odd)
    entry = ledger.at(request.id, sample=0, attempt=0).find(_MEANT, max_tokens=1)
    assert entry is not None
    assert entry.reply == Reply(text="\ud800", finish_reason="?", model="?é", usage=Usage(completion_tokens=-1))
    assert ledger.totals()["answers"].unknown_costs == 1


async def test_entries_come_in_the_order_of_commits(ledger: Ledger) -> None:
    """From the first or from the last, all or some, of all places or of those below one."""
    names = [f"{('question', 'answer')[i % 2]}/a/b/{i}" for i in range(150)]
    for name in names:
        await ledger.commit(a_request(name), _MEANT, Reply(text=name))
    assert [entry.request_id for entry in ledger.entries()] == names
    assert [entry.request_id for entry in ledger.entries(newest_first=True)] == names[::-1]
    assert [entry.request_id for entry in ledger.entries(limit=70)] == names[:70]
    assert list(ledger.entries(limit=0)) == []
    assert [entry.request_id for entry in ledger.entries(prefix="answer/a/")] == names[1::2]
    assert [entry.seq for entry in ledger.entries(prefix="answer/a/b/1", newest_first=True, limit=2)] == [150, 148]
    assert list(ledger.entries(prefix="answer/%")) == []


async def test_totals_add_up_by_stage(ledger: Ledger) -> None:
    """Replies, failures, tokens and known costs are added; replies without a price are counted apart."""
    await ledger.commit(a_request("question/a/b/0"), _MEANT, _WHOLE)
    await ledger.commit(a_request("question/a/b/1"), _MEANT, _WHOLE)
    await ledger.commit(a_request("question/a/b/2"), _MEANT, Reply(text="x"))
    await ledger.commit(a_request("answer/a/b/0"), _MEANT, "refused")
    totals = ledger.totals()
    assert list(totals) == ["questions", "answers"]
    questions = totals["questions"]
    assert (questions.replies, questions.failures, questions.unknown_costs) == (3, 0, 1)
    assert (questions.prompt_tokens, questions.completion_tokens) == (20, 40)
    assert (questions.cached_tokens, questions.reasoning_tokens, questions.cost_usd) == (10, 6, 0.5)
    assert questions.latency_s == 3.0
    assert (totals["answers"].replies, totals["answers"].failures, totals["answers"].unknown_costs) == (0, 1, 0)


async def test_what_timed_out_is_stored_with_its_reply_or_failure(ledger: Ledger) -> None:
    """Tries that may have been paid for are columns of their own, and add up apart from what was paid."""
    once = TimedOut(tries=1, tokens=300, cost_usd=0.125)
    await ledger.commit(a_request("question/a/b/0"), _MEANT, structs.replace(_WHOLE, timed_out=once))
    await ledger.commit(
        a_request("question/a/b/1"), _MEANT, Failure(text="no reply", timed_out=TimedOut(tries=2, tokens=600))
    )
    await ledger.commit(
        a_request("question/a/b/2"),
        _MEANT,
        Failure(text="no reply", timed_out=TimedOut(tries=2, tokens=50, cost_usd=None)),
    )
    entry = ledger.get(1)
    assert entry is not None
    assert entry.reply is not None
    assert entry.reply.timed_out == once
    totals = ledger.totals()["questions"]
    assert (totals.replies, totals.failures, totals.prompt_tokens, totals.cost_usd) == (1, 2, 10, 0.25)
    assert (totals.timed_out, totals.timed_out_tokens) == (5, 950)
    assert (totals.timed_out_usd, totals.timed_out_unpriced) == (0.125, 50)


async def test_failures_that_were_made_good_are_not_listed(ledger: Ledger) -> None:
    """A failure is listed until its request gets a reply, and once however often it failed."""
    for name, outcome in [
        ("question/a/b/0", "first"),
        ("question/a/b/0", "second"),
        ("question/a/b/1", "no"),
        ("question/a/b/1", _WHOLE),
        ("question/a/b/2", _WHOLE),
        ("question/a/b/3", Reply(text="x", finish_reason="length")),
        ("question/a/b/3", "too long"),
    ]:
        await ledger.commit(a_request(name), _MEANT, cast("Reply | str", outcome))
    assert [entry.failure for entry in ledger.failures()] == ["second", "too long"]


async def test_a_run_is_stored_with_its_inputs(ledger: Ledger, path: Path) -> None:
    """Entries carry the number of the run; inputs that did not change are stored once."""
    assert ledger.last_run() is None
    files = {"glan.toml": "pairs = 7\n", "prompts/a.md.j2": "Hello.", "prompts/b.md.j2": "Hello."}
    first = ledger.begin_run(glan_version="0.1", meaning={"model": "a"}, choice="exact", files=files)
    await ledger.commit(a_request(), _MEANT, _WHOLE)
    changed = {**files, "glan.toml": "", "odd": "\ud800"}
    second = ledger.begin_run(glan_version="0.2", meaning={"model": "b"}, choice="keep", files=changed)
    await ledger.commit(a_request(), _OTHER, _WHOLE)
    assert [entry.run for entry in ledger.entries()] == [first, second] == [1, 2]
    one, other = ledger.runs()
    assert (one.number, one.glan_version, one.meaning, one.choice, one.files) == (
        1,
        "0.1",
        {"model": "a"},
        "exact",
        files,
    )
    assert other == ledger.last_run()
    assert (other.choice, other.files) == ("keep", changed)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM contents").fetchone() == (4,)
    connection.close()


async def test_a_sound_ledger_is_verified(ledger: Ledger) -> None:
    """Nothing is found where nothing is wrong."""
    ledger.begin_run(glan_version="1", meaning={}, choice="exact", files={"glan.toml": "x"})
    for i in range(70):
        await ledger.commit(a_request(f"answer/a/b/{i}"), _MEANT, _WHOLE)
    await ledger.commit(a_request(), _MEANT, "failed")
    assert ledger.verify() == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        pytest.param("UPDATE replies SET text = x'01ff' WHERE seq = 2", "Row 2 of the ledger", id="text"),
        pytest.param("UPDATE replies SET reasoning = 'a' WHERE seq = 1", "Row 1 of the ledger", id="reasoning"),
        pytest.param("UPDATE runs SET files = '{'", "Run 1 of the ledger", id="run"),
        pytest.param("UPDATE runs SET meaning = '[1]'", "Run 1 of the ledger", id="meaning"),
        pytest.param("DELETE FROM contents", "Run 1 of the ledger", id="contents"),
    ],
)
async def test_damage_is_told(path: Path, statement: str, expected: str) -> None:
    """What was changed by another hand is found and named."""
    with Ledger.open(path) as ledger:
        ledger.begin_run(glan_version="1", meaning={}, choice="exact", files={"glan.toml": "x"})
        for i in range(3):
            await ledger.commit(a_request(f"answer/a/b/{i}"), _MEANT, _WHOLE)
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    with Ledger.open(path, readonly=True) as ledger:
        found = ledger.verify()
    assert len(found) == 1
    assert expected in found[0]


def test_meaning_is_plain_json(path: Path) -> None:
    """What reaches the requests can be read by any program that opens the file."""
    with Ledger.open(path) as ledger:
        ledger.begin_run(glan_version="1", meaning={"b": "2", "a": "é"}, choice="exact", files={})
    with sqlite3.connect(path) as connection:
        (meaning,) = connection.execute("SELECT meaning FROM runs").fetchone()
    connection.close()
    assert json.loads(meaning) == {"a": "é", "b": "2"}
