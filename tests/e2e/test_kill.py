"""Power cuts, Ctrl-C and an unplugged server: what was paid stays, and the server's own count is the witness."""

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from commandline import (
    KEY,
    PAIRS,
    TEACHER,
    Begun,
    CommandLine,
    bytes_of,
    check_whole,
    gone,
    ids_of,
    manifest_of,
    port_of,
    replies_in,
    set_in,
    simulated,
    until,
)

from glan.teachers.simulate import Server, Simulated, Stats

IN_FLIGHT = 4
SLOW = Simulated(latency_ms=8, jitter_ms=8)


def _has_paid(server: Server, replies: int) -> Callable[[], bool]:
    """Return what says whether so many different requests were paid, and some since it was asked first."""
    seen: list[int] = []

    def is_so() -> bool:
        stats = server.stats()
        if not seen:
            seen.append(stats.received)
        return stats.received > seen[0] and stats.paid - stats.repeats >= replies

    return is_so


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """What a killed run has left."""

    was_alive: bool
    kept: int
    """Replies in the ledger."""
    lost: int
    """Replies that were paid and are not in the ledger, over all kills."""


def killed(begun: Begun, folder: Path, server: Server, is_time: Callable[[], bool]) -> Killed:
    """Kill a run when it is time."""
    until(lambda: is_time() or begun.is_over)
    was_alive = not begun.is_over
    gone(begun)
    paid = settled(server).paid
    kept = rows_of_ledger(folder)
    return Killed(was_alive=was_alive, kept=kept, lost=paid - kept)


def rows_of_ledger(folder: Path) -> int:
    return replies_in(folder) if (folder / "ledger.sqlite").exists() else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """What a run gives that nothing disturbs."""

    paid: int
    dataset: dict[str, bytes]
    ids: list[str]


@pytest.fixture
def clean(done: Path) -> Clean:
    return Clean(paid=replies_in(done), dataset=bytes_of(done / "dataset"), ids=ids_of(done))


@pytest.fixture
def slow() -> Iterator[Server]:
    """A server that takes some milliseconds, so that calls are in flight."""
    with simulated(SLOW) as found:
        yield found


def settled(server: Server) -> Stats:
    """Return the counts once the server has seen that everybody is gone."""
    until(lambda: server.stats().in_flight == 0)
    return server.stats()


def same_as_clean(folder: Path, clean: Clean, stats: Stats, lost: int) -> None:
    """See that a project came to what a clean run comes to, and that `lost` calls at most were paid again."""
    check_whole(folder, PAIRS)
    assert bytes_of(folder / "dataset") == clean.dataset
    assert stats.paid - stats.repeats == clean.paid == replies_in(folder)
    assert stats.repeats <= lost


@pytest.mark.long
def test_twenty_three_kills_in_one_project_lose_at_most_what_is_in_flight(
    clean: Clean, slow: Server, tmp_path: Path
) -> None:
    """Killed again and again from before the first call to the exchange, a project ends as if it were not."""
    command = CommandLine(home=tmp_path, base_url=slow.base_url)
    folder = command.init("data", pairs=PAIRS)
    told = ("--max-in-flight", IN_FLIGHT)
    kills: list[Killed] = [
        killed(command.begin_run(folder, *told), folder, slow, is_time)
        for is_time in (
            (folder / "ledger.sqlite.lock").exists,
            *(_has_paid(slow, clean.paid * i // 20) for i in range(20)),
            (folder / ".next" / "dataset" / "README.md").exists,
            (folder / ".next" / "ready").exists,
        )
    ]
    for before, after in pairwise(kills):
        assert before.kept <= after.kept
        assert after.lost - before.lost <= IN_FLIGHT
    assert sum(found.was_alive for found in kills) >= 21
    assert sum(bool(found.lost - before.lost) for before, found in pairwise(kills)) >= 5
    ended = command.run(folder, *told)
    assert ended.code == 0, ended.words
    same_as_clean(folder, clean, settled(slow), lost=kills[-1].lost)


@pytest.mark.parametrize(("max_in_flight", "share"), [(1, 0.7), (64, 0.4)])
def test_one_kill_in_a_fresh_project_loses_at_most_what_is_in_flight(
    clean: Clean, tmp_path: Path, max_in_flight: int, share: float
) -> None:
    """Killed once, early or late, with one call or many in flight, and started again, a run ends as a clean one."""
    with simulated(Simulated(latency_ms=2 if max_in_flight == 1 else 20)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS)
        told = ("--max-in-flight", max_in_flight)
        found = killed(command.begin_run(folder, *told), folder, server, _has_paid(server, int(share * clean.paid)))
        assert found.was_alive
        assert found.lost <= max_in_flight
        assert command.run(folder, *told).code == 0
        same_as_clean(folder, clean, settled(server), lost=found.lost)


def test_an_exchange_that_was_cut_off_is_finished_by_the_next_command(
    clean: Clean, server: Server, command: CommandLine
) -> None:
    """Where a power cut left the old data set moved away and the new one half in its place, any command heals it."""
    folder = command.init("data", pairs=PAIRS)
    assert command.run(folder).code == 0
    paid = server.stats().paid
    (folder / ".next").mkdir()
    for name in ("dataset", "rejects", "manifest.json"):
        (folder / name).rename(folder / ".next" / name)
    (folder / ".next" / "ready").touch()
    (folder / ".old").mkdir()
    (folder / ".next" / "dataset").rename(folder / "dataset")
    exported = command("export", folder / "out.jsonl", "--project", folder)
    assert exported.code == 0, exported.words
    check_whole(folder, PAIRS)
    assert bytes_of(folder / "dataset") == clean.dataset
    assert not (folder / ".next").exists()
    assert server.stats().paid == paid


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_waits_for_what_is_in_flight_and_writes_a_whole_data_set(
    clean: Clean, slow: Server, tmp_path: Path, number: signal.Signals
) -> None:
    """Asked to stop, a run sends nothing more, keeps every reply under way, and says how to go on."""
    command = CommandLine(home=tmp_path, base_url=slow.base_url)
    folder = command.init("data", pairs=PAIRS)
    begun = command.begin_run(folder, "--max-in-flight", IN_FLIGHT)
    until(_has_paid(slow, 100))
    begun.send(number)
    received = slow.stats().received
    ended = begun.end(timeout_s=40)
    stats = settled(slow)
    assert ended.code == 130
    assert "Stopping" in ended.err
    assert f"To go on: glan run --project {folder}" in ended.out
    assert stats.received <= received + IN_FLIGHT
    assert stats.paid == replies_in(folder) < clean.paid
    rows = ids_of(folder)
    assert rows
    assert set(rows) < set(clean.ids)
    check_whole(folder, len(rows))
    manifest = manifest_of(folder)
    assert not manifest["complete"]
    assert rows[: manifest["prefix_rows"]] == clean.ids[: manifest["prefix_rows"]]
    assert command.run(folder).code == 0
    same_as_clean(folder, clean, settled(slow), lost=0)


def test_a_run_that_stops_waits_no_longer_than_its_grace(tmp_path: Path) -> None:
    """A server that does not answer holds up a stopping run for --grace-s, not for ever."""
    with simulated(Simulated(latency_ms=100_000)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data")
        begun = command.begin_run(folder, "--grace-s", 0.3)
        until(lambda: server.stats().received > 0)
        begun.send(signal.SIGINT)
        sent_s = time.monotonic()
        ended = begun.end(timeout_s=40)
        assert ended.code == 130
        assert 0.3 <= time.monotonic() - sent_s < 30
        assert not (folder / "dataset").exists()
        assert replies_in(folder) == 0


@pytest.fixture
def without_nohup() -> Iterator[None]:
    """Commands that hear SIGHUP, also where whoever runs the tests does not."""
    heard = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, heard)


@pytest.mark.usefixtures("without_nohup")
def test_a_terminal_that_closes_loses_nothing(slow: Server, tmp_path: Path) -> None:
    """Hung up on, twice as shells do it, a run keeps every reply under way."""
    command = CommandLine(home=tmp_path, base_url=slow.base_url)
    folder = command.init("data", pairs=PAIRS)
    begun = command.begin_run(folder, "--max-in-flight", IN_FLIGHT)
    until(_has_paid(slow, 20))
    begun.send(signal.SIGHUP)
    begun.send(signal.SIGHUP)
    assert begun.end(timeout_s=40).code == 130
    assert replies_in(folder) == settled(slow).paid


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_at_once_and_loses_no_more_than_what_is_in_flight(
    clean: Clean, tmp_path: Path, number: signal.Signals
) -> None:
    """Asked twice, a run ends in that moment, and the next one pays again for what was in flight alone."""
    with simulated(SLOW) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS)
        begun = command.begin_run(folder, "--max-in-flight", IN_FLIGHT)
        until(_has_paid(server, 70))
        port = port_of(server)
    with simulated(Simulated(latency_ms=100_000), port=port) as server:
        until(lambda: server.stats().in_flight > 0)
        stop_twice(begun, folder, number)
        sent_s = time.monotonic()
        assert begun.end(timeout_s=40).code == 130
        assert time.monotonic() - sent_s < 20
    kept = replies_in(folder)
    with simulated(port=port) as server:
        assert command.run(folder).code == 0
        stats = settled(server)
        assert stats.paid == clean.paid - kept
        check_whole(folder, PAIRS)
        assert bytes_of(folder / "dataset") == clean.dataset


def stop_twice(begun: Begun, folder: Path, number: signal.Signals) -> None:
    """Send a signal, and again once the first was taken."""
    begun.send(number)
    until(lambda: "The run was interrupted." in (folder / "run.log").read_text(encoding="utf-8"))
    begun.send(number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_first_call_asks_nobody(tmp_path: Path, number: signal.Signals) -> None:
    """A run that is stopped while it still looks around ends with 130, pays nothing, and leaves nothing half-made."""
    with simulated(Simulated(latency_ms=100_000)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data")
        begun = command.begin_run(folder, "--grace-s", 0)
        until((folder / "ledger.sqlite.lock").exists)
        begun.send(number)
        ended = begun.end(timeout_s=40)
        assert ended.code == 130
        assert f"To go on: glan run --project {folder}" in ended.out
        assert not (folder / "dataset").exists()
        assert not (folder / "manifest.json").exists()


def test_a_server_that_goes_away_ends_the_run_and_one_that_comes_back_resumes_it(clean: Clean, tmp_path: Path) -> None:
    """Unplugged in the middle: exit 1 soon, with the address that does not answer, and nothing lost."""
    with simulated(SLOW) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS)
        set_in(folder, "outage_s", "1")
        begun = command.begin_run(folder, "--max-in-flight", IN_FLIGHT)
        until(_has_paid(server, 100))
    unplugged_s = time.monotonic()
    ended = begun.end(timeout_s=40)
    assert time.monotonic() - unplugged_s < 10
    assert ended.code == 1
    assert "No server has answered for" in ended.err
    assert f"127.0.0.1:{port_of(server)}" in ended.err
    kept = replies_in(folder)
    paid = server.stats().paid
    assert paid - IN_FLIGHT <= kept <= paid
    check_whole(folder, len(ids_of(folder)))
    assert manifest_of(folder)["slots"]["failures"] == 0
    with simulated(port=port_of(server)) as again:
        assert command.run(folder).code == 0
        assert again.stats().paid == clean.paid - kept
    check_whole(folder, PAIRS)
    assert bytes_of(folder / "dataset") == clean.dataset


def test_a_wrong_key_ends_the_run_soon(tmp_path: Path) -> None:
    """A server that does not accept the key is asked a few times, not once for each pair, and the message names it."""
    with simulated(Simulated(api_key="another-key")) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=1_000)
        ended = command.run(folder)
        assert ended.code == 1
        assert "does not accept the key in OPENAI_API_KEY" in ended.err
        assert ended.took_s < 10
        stats = server.stats()
        assert stats.paid == 0
        assert stats.received <= 64
    assert_no_key_in(folder)


def assert_no_key_in(folder: Path) -> None:
    for name, data in bytes_of(folder).items():
        assert name == ".env" or KEY.encode() not in data, name


@pytest.mark.parametrize("is_in_file", [False, True], ids=["environment", "dotenv"])
def test_the_key_is_in_no_file_no_output_and_no_process_list(tmp_path: Path, *, is_in_file: bool) -> None:
    """A key that works reaches the server alone: it is in no log, manifest, ledger or list of arguments."""
    with simulated(Simulated(api_key=KEY, latency_ms=5)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url, key=None if is_in_file else KEY)
        folder = command.init("data", pairs=7)
        if is_in_file:
            (folder / ".env").write_text(f"OPENAI_API_KEY={KEY}\n", encoding="utf-8")
        begun = command.begin_run(folder)
        until(lambda: server.stats().received > 0)
        listed = psutil.Process(begun.process.pid).cmdline()
        assert TEACHER in listed
        assert KEY not in " ".join(listed)
        ended = begun.end()
        assert ended.code == 0, ended.words
        for told in (("status", "--json"), ("ledger", "list"), ("plan", "--json")):
            assert command(*told, "--project", folder).code == 0  # its output is searched as any other
    assert_no_key_in(folder)
