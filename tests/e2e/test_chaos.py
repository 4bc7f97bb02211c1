"""Two thousand pairs through everything that can go wrong at once: they are the pairs of a run in which nothing does."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from commandline import CommandLine, Ended, bytes_of, check_whole, gone, manifest_of, set_in, simulated, until
from harness import small

from glan.teachers.ledger import Ledger
from glan.teachers.simulate import Server, Simulated

PAIRS = 2_000
IN_FLIGHT = 64
KILLS = 3
CONTENT = {"malformed": 0.05, "cut-off": 0.03, "refusal": 0.01}
TRANSPORT = {"429": 0.15, "500": 0.03, "503": 0.02, "stall": 0.03, "cut-body": 0.03}
FILLER = small(subjects=8, sessions=6)
CALM = Simulated(faults=CONTENT)
STORM = Simulated(faults={**CONTENT, **TRANSPORT}, latency_ms=5, jitter_ms=10, stall_s=60)


def a_project(home: Path, base_url: str) -> tuple[CommandLine, Path]:
    command = CommandLine(home=home, base_url=base_url)
    folder = command.init("data", pairs=PAIRS)
    set_in(folder, "timeout_s", "1.0")
    set_in(folder, "max_retries", "4")
    return command, folder


def run(command: CommandLine, folder: Path, *arguments: object) -> Ended:
    return command.begin_run(folder, "--max-in-flight", IN_FLIGHT, *arguments).end(timeout_s=120)


def paid_by(servers: Sequence[Server]) -> int:
    return sum(server.stats().paid for server in servers)


def lost(folder: Path, servers: Sequence[Server]) -> int:
    """Return how many paid replies are not in the ledger, once the servers have seen that everybody is gone."""
    until(lambda: not any(server.stats().in_flight for server in servers))
    return paid_by(servers) - replies_in(folder)


def replies_in(folder: Path) -> int:
    """Return how many replies the ledger has; a failure is none."""
    if not (folder / "ledger.sqlite").exists():
        return 0
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        return sum(found.replies for found in ledger.totals().values())


def killed_run(command: CommandLine, folder: Path, servers: Sequence[Server], paid: int) -> None:
    """Begin a run, and kill it when the servers have been paid so many replies in all."""
    begun = command.begin_run(folder, "--max-in-flight", IN_FLIGHT)
    until(lambda: paid_by(servers) >= paid or begun.is_over, timeout_s=60)
    assert not begun.is_over
    gone(begun)


def through_the_storm(home: Path, seed: int, *, calm: Path) -> None:
    """Make the same data set while everything goes wrong, and see that it is the same and that all is accounted for."""
    needed = replies_in(calm)
    rng = random.Random(seed)
    storm = replace(STORM, seed=seed, dies_after=needed // 2, returns_after_s=0.5)
    with simulated(storm, FILLER) as server:
        servers = [server]
        command, folder = a_project(home, server.base_url)
        before = 0
        for share in sorted(rng.uniform(0.02, 0.95) for _ in range(KILLS)):
            killed_run(command, folder, servers, int(share * needed))
            now = lost(folder, servers)
            assert now - before <= IN_FLIGHT
            before = now
        ended = run(command, folder)
        assert ended.code == 0, ended.words
        while manifest_of(folder)["slots"]["failures"]:  # a request that meets two stalls is given up
            ended = run(command, folder, "--retry-failed")
            assert ended.code == 0, ended.words
        check_whole(folder, PAIRS)
        for name in ("dataset", "rejects"):
            assert bytes_of(folder / name) == bytes_of(calm / name)
        assert lost(folder, servers) == before


def calm_project(home: Path, seed: int) -> Path:
    with simulated(replace(CALM, seed=seed), FILLER) as server:
        command, folder = a_project(home, server.base_url)
        ended = run(command, folder)
        assert ended.code == 0, ended.words
    check_whole(folder, PAIRS)
    return folder


def test_a_storm_changes_no_byte_and_costs_what_was_in_flight_at_the_kills(tmp_path: Path) -> None:
    """Refusals, errors, stalls, cut bodies, a dead endpoint and three kills: the same rows, and nothing paid twice."""
    seed = 1
    (tmp_path / "calm").mkdir()
    (tmp_path / "storm").mkdir()
    through_the_storm(tmp_path / "storm", seed, calm=calm_project(tmp_path / "calm", seed))
