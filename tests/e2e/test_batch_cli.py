"""Batch mode as a user has it, against the simulated server, whose own count is the witness of what was paid twice."""

import asyncio
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import (
    KEY,
    CommandLine,
    bytes_of,
    check_whole,
    gone,
    port_of,
    replies_in,
    set_in,
    simulated,
    until,
)
from loopback import send

from glan.teachers.ledger import Ledger
from glan.teachers.outbox import Outbox
from glan.teachers.simulate import BatchBehaviour, Server, Simulated, Stats

Made = tuple[dict[str, bytes], int]
"""A data set, and how many replies were paid for it."""
PAIRS = 120
BATCH = ("--mode", "batch")


def told(folder: Path, **settings: object) -> Path:
    """Set up a project for small batches and short waits."""
    for name, value in {
        "minimum": 10, "max_requests": 40, "poll_s": 0.05, "max_poll_s": 0.2, "settle_s": 0.2, **settings
    }.items():  # fmt: skip
        set_in(folder, name, str(value))
    return folder


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """What a live run makes, and how many replies it pays for."""
    with simulated() as server:
        command = CommandLine(home=tmp_path_factory.mktemp("live"), base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS)
        assert command.run(folder).code == 0
        stats = server.stats()
        assert not stats.repeats
        yield bytes_of(folder / "dataset"), stats.paid


def same_as_live(folder: Path, clean: Made, stats: Stats) -> None:
    """See that a project came to what a live run makes, and that nothing in a batch was paid twice."""
    check_whole(folder, PAIRS)
    assert bytes_of(folder / "dataset") == clean[0]
    assert replies_in(folder) == clean[1] == stats.paid - stats.repeats
    assert not stats.batches["repeats"]
    assert not (folder / ".batches").exists()


@pytest.mark.parametrize(
    "behaviour",
    [
        BatchBehaviour(),
        BatchBehaviour(expire=0.3, errors=0.2),
        BatchBehaviour(delay_s=0.3, enqueued_tokens=60_000),
        BatchBehaviour(enqueued_tokens=20_000),
        BatchBehaviour(deaths=("upload", "hand-in", "fetch")),
    ],
    ids=["well", "expiry and errors", "full queue", "small queue", "deaths"],
)
def test_a_batch_run_makes_the_data_set_of_a_live_run(clean: Made, tmp_path: Path, behaviour: BatchBehaviour) -> None:
    """Whatever expires, fails for now, does not fit or dies at the provider: the same bytes, and nothing paid twice."""
    with simulated(Simulated(batches=behaviour, api_key=KEY)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = told(command.init("data", pairs=PAIRS), max_retries=2)
        ended = command.run(folder, *BATCH)
        assert ended.code == 0, ended.words
        stats = server.stats()
        same_as_live(folder, clean, stats)
        assert stats.batches["batches"] > 5
        if behaviour.enqueued_tokens:
            assert stats.batches["failed batches"] > 0
        for path in (folder / "run.log", folder / "ledger.sqlite"):
            assert KEY.encode() not in path.read_bytes()


def _has(server: Server, name: str, number: int) -> Callable[[], bool]:
    return lambda: server.stats().batches.get(name, 0) >= number


def _has_rows(folder: Path, number: int) -> Callable[[], bool]:
    return lambda: (folder / "ledger.sqlite").exists() and replies_in(folder) >= number


def _points(server: Server, folder: Path, replies: int) -> Iterator[Callable[[], bool]]:
    """Give the moments at which a run is killed: before and after every deed of a batch, and between its lines."""
    yield lambda: (folder / ".batches").exists() and any((folder / ".batches").iterdir())
    for number in range(1, 8):
        yield _has(server, "files", number)
        yield _has(server, "batches", number)
        yield _has(server, "answered", 30 * number)
        yield _has_rows(folder, number * replies // 8)
    yield (folder / ".next" / "dataset" / "README.md").exists


@pytest.mark.long
def test_twenty_nine_kills_at_every_point_of_a_batch_pay_nothing_twice(clean: Made, tmp_path: Path) -> None:
    """Killed before and after uploads and hand-ins, while batches are out, and between lines, it ends as a live run."""
    with simulated(Simulated(batches=BatchBehaviour(delay_s=0.1))) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = told(command.init("data", pairs=PAIRS), settle_s=1)
        kills = 0
        for is_time in _points(server, folder, clean[1]):
            begun = command.begin_run(folder, *BATCH, "--max-in-flight", 1)
            until(lambda begun=begun, is_time=is_time: is_time() or begun.is_over)  # type: ignore[misc]
            kills += not begun.is_over
            gone(begun)
        assert kills >= 20
        ended = command.run(folder, *BATCH)
        assert ended.code == 0, ended.words
        stats = server.stats()
        same_as_live(folder, clean, stats)
        assert stats.repeats <= kills  # one live call in flight at each


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_the_batch_with_the_provider_and_the_next_run_finds_it(
    clean: Made, tmp_path: Path, number: signal.Signals
) -> None:
    """Stopped while a batch is out, a run ends soon with 130, says what is out, and the next one reads it."""
    with simulated(Simulated(batches=BatchBehaviour(delay_s=3))) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = told(command.init("data", pairs=PAIRS), max_requests=50_000)
        begun = command.begin_run(folder, *BATCH)
        until(_has(server, "batches", 1))
        until(lambda: bool(_out(folder)))
        running = command("status", "--project", folder)
        assert "done at 127.0.0.1" in running.out
        begun.send(number)
        ended = begun.end(timeout_s=40)
        assert ended.code == 130
        assert "1 batch out at 127.0.0.1" in ended.out
        assert "It stays there, and the next run finds it." in ended.out
        assert f"To go on: glan run --project {folder} --mode batch" in ended.out
        assert _out(folder)
        listed = command("batch", "list", "--project", folder, "--json").json
        assert [found["state"] for found in listed] == ["sent"]
        assert command("status", "--project", folder, "--json").json["batches"] == listed
    # The server is gone with its batches: what it has forgotten is said, and given up by name.
    with simulated(port=port_of(server)):
        lost = command.run(folder, *BATCH)
        assert lost.code == 1
        assert f"does not know the batch of {listed[0]['tag']} any more" in lost.err
        assert command("batch", "drop", listed[0]["tag"], "--project", folder).code == 0
        assert command.run(folder, *BATCH).code == 0
        assert bytes_of(folder / "dataset") == clean[0]


def _out(folder: Path) -> list[str]:
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        return [parcel.tag for parcel in Outbox(ledger).out() if parcel.batch_id]


def test_the_next_run_reads_what_an_interrupted_one_left(clean: Made, tmp_path: Path) -> None:
    """Ctrl-C in the middle of a batch and the same command again: the batch is read, and not handed in again."""
    with simulated(Simulated(batches=BatchBehaviour(delay_s=0.4))) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = told(command.init("data", pairs=PAIRS))
        for number in (1, 4, 8):
            begun = command.begin_run(folder, *BATCH)
            until(lambda number=number, begun=begun: begun.is_over or _has(server, "batches", number)())  # type: ignore[misc]
            begun.send(signal.SIGINT)
            assert begun.end(timeout_s=40).code in {0, 130}
        assert command.run(folder, *BATCH).code == 0
        same_as_live(folder, clean, server.stats())


def test_a_preview_asks_nothing_while_a_batch_is_out(tmp_path: Path) -> None:
    """What a preview would ask may be in the batch: it says so and asks nobody."""
    with simulated(Simulated(batches=BatchBehaviour(delay_s=100))) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = told(command.init("data", pairs=PAIRS))
        begun = command.begin_run(folder, *BATCH)
        until(lambda: (folder / "ledger.sqlite").exists() and bool(_out(folder)))
        begun.send(signal.SIGINT)
        assert begun.end().code == 130
        paid = server.stats().paid
        previewed = command("preview", "--project", folder)
        assert previewed.code == 1
        assert "Nothing is asked live here while there are batches" in previewed.err
        assert server.stats().paid == paid


def test_another_teacher_is_told_where_the_batch_is(tmp_path: Path) -> None:
    """A run that does not ask where a batch is out says where, and how to read it or to give it up."""
    with simulated(Simulated(batches=BatchBehaviour(delay_s=100))) as server, simulated() as other:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = told(command.init("data", pairs=PAIRS))
        begun = command.begin_run(folder, *BATCH)
        until(lambda: (folder / "ledger.sqlite").exists() and bool(_out(folder)))
        begun.send(signal.SIGINT)
        begun.end()
        ended = command("run", "--project", folder, "--teacher", f"any@{other.base_url}")
        assert ended.code == 1
        assert f"--teacher MODEL@{server.base_url}" in ended.err
        assert f"glan batch drop {_out(folder)[0]}" in ended.err
        assert other.stats().received == 0


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("offline", "is no server, so there are no batches of it"),
        ("vllm/any", "vllm takes no batches in the form of OpenAI's"),
        ("mistral/any", "mistral takes no batches in the form of OpenAI's"),
    ],
)
def test_a_teacher_without_batches_is_refused_before_anything_is_asked(tmp_path: Path, spec: str, words: str) -> None:
    """Exit 1 at once with the way out, and no folder is touched."""
    command = CommandLine(home=tmp_path, key=None)
    folder = command.init("data", pairs=PAIRS)
    (folder / ".env").write_text("MISTRAL_API_KEY=none-at-all\n", encoding="utf-8")
    ended = command("run", "--project", folder, "--teacher", spec, *BATCH)
    assert ended.code == 1
    assert words in ended.err
    assert "live" in ended.err
    assert not (folder / "ledger.sqlite").exists()


def test_a_server_of_ones_own_that_knows_no_batches_is_refused(tmp_path: Path) -> None:
    """A server of which nothing is known is asked for its list; one that has none is refused, and nothing was paid."""
    with simulated() as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url.replace("/v1", "/v2"))
        folder = command.init("data", pairs=PAIRS)
        ended = command.run(folder, *BATCH)
        assert ended.code == 1
        assert "takes no batches in the form of OpenAI's" in ended.err
        assert server.stats().received == 0


def test_the_mode_of_glan_toml_holds_and_a_wrong_setting_is_told(tmp_path: Path) -> None:
    """`mode = "batch"` in glan.toml is enough; a number above what providers take is an error."""
    with simulated() as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = told(command.init("data", pairs=PAIRS), mode='"batch"')
        assert command.run(folder).code == 0
        assert server.stats().batches["batches"] > 0
        set_in(folder, "max_requests", "50001")
        ended = command.run(folder)
        assert ended.code == 1
        assert "batch.max_requests" in ended.err


def run_offline(server: Server, source: Path, out: Path, *, keep: Callable[[int], bool] = lambda _: True) -> None:
    """Stand in for `vllm run-batch`: answer the lines of a file over HTTP, and write what it would write."""
    lines = []
    for i, raw in enumerate(reversed(source.read_bytes().splitlines())):
        line: dict[str, Any] = json.loads(raw)
        assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
        body = asyncio.run(send(server, json.dumps(line["body"]).encode())).json
        if keep(i):
            told = {"status_code": 200, "request_id": f"vllm-batch-{i}", "body": body}
            lines.append(
                json.dumps({"id": f"vllm-{i}", "custom_id": line["custom_id"], "response": told, "error": None})
            )
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_files_for_an_offline_runner_make_the_data_set_of_a_live_run(tmp_path: Path) -> None:
    """Written, run and read again until nothing is left, the project ends as a live run does and asks nobody."""
    with simulated() as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        live = command.init("live/data", pairs=PAIRS)
        assert command("run", "--project", live, "--teacher", f"any@{server.base_url}").code == 0
        folder = command.init("data", pairs=PAIRS)
        paid = server.stats().paid
        for number in range(30):
            out = tmp_path / f"in-{number}.jsonl"
            wrote = command("batch", "write", out, "--project", folder, "--teacher", "vllm/any")
            assert wrote.code == 0, wrote.words
            if not out.exists():
                break
            assert f"vllm run-batch -i {out} -o OUT.jsonl --model any" in wrote.out
            run_offline(server, out, tmp_path / f"out-{number}.jsonl")
            assert command("batch", "read", tmp_path / f"out-{number}.jsonl", "--project", folder).code == 0
        assert "Nothing is left to ask" in wrote.out
        asked = server.stats().paid - paid
        assert asked == paid == replies_in(folder)
        ended = command("run", "--project", folder, "--teacher", "vllm/any")
        assert ended.code == 0, ended.words
        assert "0 calls" in ended.out
        assert server.stats().paid == 2 * paid
        assert bytes_of(folder / "dataset") == bytes_of(live / "dataset")


def _written(tmp_path: Path, server: Server) -> tuple[CommandLine, Path, Path]:
    command = CommandLine(home=tmp_path, base_url=server.base_url)
    folder = command.init("data", pairs=PAIRS)
    out = tmp_path / "in"
    assert command("batch", "write", out, "--project", folder, "--teacher", "vllm/any").code == 0
    (source,) = out.glob("*.jsonl")
    return command, folder, source


def test_what_is_written_is_not_asked_meanwhile(tmp_path: Path) -> None:
    """Until its output is read or it is dropped, a run and a second file are refused with the way out."""
    with simulated() as server:
        command, folder, source = _written(tmp_path, server)
        for again in (
            ("run", "--project", folder, "--teacher", "openai/any"),
            ("batch", "write", tmp_path / "more", "--project", folder, "--teacher", "vllm/any"),
        ):
            ended = command(*again)
            assert ended.code == 1
            assert f"requests were written to {source} for an offline runner" in ended.err
        assert server.stats().received == 0
        assert "requests written to" in command("status", "--project", folder).out
        assert command("batch", "drop", source.stem, "--project", folder).code == 0
        assert command.run(folder).code == 0


def test_lines_that_belong_to_nothing_are_counted_and_named(tmp_path: Path) -> None:
    """A strange line harms no other; what has no reply yet is said, and may come from another file later."""
    with simulated() as server:
        command, folder, source = _written(tmp_path, server)
        number = len(source.read_bytes().splitlines())
        out = tmp_path / "out.jsonl"
        run_offline(server, source, out, keep=lambda i: i > 0)
        strange = {"custom_id": "f" * 32, "response": {"status_code": 200, "body": {"choices": []}}, "error": None}
        out.write_text(f"{out.read_text(encoding='utf-8')}{json.dumps(strange)}\nno line at all\n", encoding="utf-8")
        read = command("batch", "read", out, "--project", folder)
        assert read.code == 0, read.words
        assert f"{number - 1} replies and 0 failures are in the ledger now." in read.out
        assert "2 lines belong to nothing that was written from this project: ffff" in read.out
        assert "no line at all" in read.out
        assert f"1 of {number} requests of {source} have no reply yet" in read.out
        run_offline(server, source, out)
        read = command("batch", "read", out, "--project", folder)
        assert "1 replies and 0 failures" in read.out
        assert f"{number - 1} lines were there already." in read.out
        assert replies_in(folder) == number
        again = command("batch", "read", out, "--project", folder)
        assert again.code == 1
        assert "No file was written for an offline runner that waits for its output." in again.err


def test_each_model_is_booked_at_its_own_price(tmp_path: Path) -> None:
    """Two models of one server have batches and prices of their own, also where another run reads them."""
    with simulated(Simulated(batches=BatchBehaviour(delay_s=0.2))) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = told(command.init("data", pairs=PAIRS), price_share=0.5, max_requests=50_000)
        written = (
            (folder / "glan.toml")
            .read_text(encoding="utf-8")
            .replace("# price =", "price = {input = 2, output = 2}", 1)
        )
        roles = '[teachers.answers]\nspec = "openai/other"\nprice = {input = 8, output = 8}\n'
        (folder / "glan.toml").write_text(written.replace("[teachers.answers]\n", roles), encoding="utf-8")
        begun = command.begin_run(folder, *BATCH)
        until(lambda: begun.is_over or "other" in _models_out(folder))
        gone(begun)
        assert command.run(folder, *BATCH).code == 0
        with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
            totals = ledger.totals()
        for stage, price in (("questions", 1.0), ("answers", 4.0)):
            found = totals[stage]
            at_price = (found.prompt_tokens + found.completion_tokens) * price / 1e6
            assert at_price < found.cost_usd < at_price * 1.2  # one of each kind was asked live, at twice the price
            assert not found.unknown_costs


def _models_out(folder: Path) -> set[str]:
    if not (folder / "ledger.sqlite").exists():
        return set()
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        return {parcel.model for parcel in Outbox(ledger).out() if parcel.batch_id}
