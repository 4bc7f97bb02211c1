"""Requests that wait, on disk: files within their limits, rows that lead back, and hardly any memory."""

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import Desk
from harness import small

from glan.records import Message, Request, Sampling, Stage
from glan.settings import Batch
from glan.teachers.fingerprints import fingerprint
from glan.teachers.ledger import Ledger
from glan.teachers.outbox import Outbox, State, custom_id_of
from glan.teachers.prices import Amount
from glan.teachers.spool import Spool

ONE = Amount(tokens=100, usd=0.5)


def request(i: int, *, model: str = "m", size: int = 50) -> Request:
    return Request(
        id=f"question/law/torts/{i}",
        stage=Stage.QUESTIONS,
        messages=(Message(role="user", content=f"{i} ".ljust(size, "x")),),
        sampling=Sampling(model=model, max_tokens=9),
    )


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        yield Outbox(ledger)


def spool_of(outbox: Outbox, tmp_path: Path, **settings: float) -> Spool:
    return Spool(outbox, tmp_path / "files", Batch(**settings))  # type: ignore[arg-type]  # numbers of both kinds


def test_a_file_holds_no_more_requests_and_bytes_than_the_settings_say(outbox: Outbox, tmp_path: Path) -> None:
    """A file that is full by number or by length is sealed, and the next request begins another."""
    desk = Desk(small())
    for settings, most in (({"max_requests": 7}, 7), ({"max_mb": 0.002}, 2_000)):
        spool = spool_of(outbox, tmp_path, **settings)
        for i in range(30):
            spool.put(request(i), desk, ONE)
        (group,) = spool.groups.values()
        sealed = spool.seal(group)
        lines = [path.read_bytes() for _, path in sealed]
        sizes = [raw.count(b"\n") if "max_requests" in settings else len(raw) for raw in lines]
        assert max(sizes) <= most
        assert len(sizes) > 1
        assert sum(raw.count(b"\n") for raw in lines) == sum(parcel.requests for parcel, _ in sealed) == 30
        assert sum(parcel.tokens for parcel, _ in sealed) == 3_000 == spool.worst.tokens
        assert {parcel.state for parcel, _ in sealed} == {State.SEALED}
        spool.discard_all()
        assert not list((tmp_path / "files").iterdir())
        assert not outbox.unsent()


def test_every_line_leads_back_to_its_request(outbox: Outbox, tmp_path: Path) -> None:
    """The name of a line leads through the ledger to the place, the fingerprint and the room of its request."""
    desk, spool = Desk(small()), spool_of(outbox, tmp_path)
    requests = {custom_id_of(each, fingerprint(each)): each for each in map(request, range(600))}
    for each in requests.values():
        spool.put(each, desk, ONE)
    (group,) = spool.groups.values()
    ((parcel, path),) = spool.seal(group)
    names = [json.loads(raw)["custom_id"] for raw in path.read_bytes().splitlines()]
    assert names == list(requests)
    for name in names:
        waiting = outbox.find(parcel, name)
        assert waiting is not None
        asked = requests[name]
        assert (waiting.request.id, waiting.request.sample, waiting.request.attempt) == (asked.id, 0, 0)
        assert waiting.fingerprint == fingerprint(asked)
        assert waiting.request.sampling.max_tokens == 9
    assert outbox.find(parcel, "0" * 32) is None


def test_models_have_files_of_their_own_and_a_request_stands_once(outbox: Outbox, tmp_path: Path) -> None:
    """No provider takes a batch of two models, or two lines of one name."""
    desk, spool = Desk(small()), spool_of(outbox, tmp_path)
    for each in (request(1), request(1, model="n"), request(2), request(1), request(2, model="n")):
        spool.put(each, desk, ONE)
    assert spool.requests == 4
    for group in spool.groups.values():
        ((_, path),) = spool.seal(group)
        bodies = [json.loads(raw)["body"] for raw in path.read_bytes().splitlines()]
        assert [body["model"] for body in bodies] == [group.model] * 2


def test_two_requests_differ_in_their_names_by_all_that_they_mean() -> None:
    """Another place, attempt, sample, room or fingerprint is another name; the same request has the same one."""
    one = request(1)
    names = {custom_id_of(one, b"a"), custom_id_of(one, b"b"), custom_id_of(request(2), b"a")}
    assert len(names) == 3
    assert custom_id_of(request(1), b"a") in names
    assert all(len(name) == 32 and name.isalnum() for name in names)


def test_ten_thousand_waiting_requests_take_little_memory(outbox: Outbox, tmp_path: Path) -> None:
    """What waits is on the disk: in memory a request is its name, not its prompt, its row or a task."""
    desk, spool = Desk(small()), spool_of(outbox, tmp_path)
    spool.put(request(0), desk, ONE)
    tracemalloc.start()
    try:
        for i in range(1, 10_000):
            spool.put(request(i, size=4_000), desk, ONE)
        (group,) = spool.groups.values()
        spool.seal(group)
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held_bytes < 10_000 * 250
