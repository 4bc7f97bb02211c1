"""Two thousand pairs while everything goes wrong at once: they are the pairs of a run in which nothing does."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from commandline import CommandLine, Ended, bytes_of, check_whole, gone, set_in, simulated, until
from harness import small

from glan.teachers.ledger import Ledger
from glan.teachers.simulate import Server, Simulated

PAIRS = 2_000
IN_FLIGHT = 32
"""At each of the two servers."""
KILLS = 3
MOST_RETRIES = 5
FILLER = small(subjects=8, sessions=6)
CONTENT = {"malformed": 0.05, "cut-off": 0.03, "refusal": 0.01}
TRANSPORT = {"429": 0.15, "500": 0.03, "503": 0.02, "stall": 0.03, "cut-body": 0.03}
CALM = Simulated(faults=CONTENT)
STORM = Simulated(faults={**CONTENT, **TRANSPORT}, latency_ms=5, jitter_ms=10, stall_s=60)


def a_project(home: Path, servers: Sequence[Server]) -> tuple[CommandLine, Path]:
    home.mkdir()
    command = CommandLine(home=home)
    folder = command.init("data", pairs=PAIRS)
    set_in(folder, "spec", '"vllm/any"')
    set_in(folder, "base_urls", str([server.base_url for server in servers]).replace("'", '"'))
    set_in(folder, "timeout_s", "1.0")
    return command, folder


def run(command: CommandLine, folder: Path, *arguments: object) -> None:
    begun = command.begin("run", "--project", folder, "--max-in-flight", IN_FLIGHT, *arguments)
    ended: Ended = begun.end(timeout_s=240)
    assert ended.code == 0, ended.words


def killed_run(command: CommandLine, folder: Path, servers: Sequence[Server], paid: int) -> None:
    """Begin a run, and kill it when the servers have been paid for so many replies in all."""
    begun = command.begin("run", "--project", folder, "--max-in-flight", IN_FLIGHT)
    until(lambda: paid_by(servers) >= paid or begun.is_over, timeout_s=200)
    assert not begun.is_over, begun.end().words
    gone(begun)


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


def has_failures(folder: Path) -> bool:
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        return next(ledger.failures(), None) is not None


def calm_project(home: Path, seed: int) -> Path:
    """Make a data set from one server that spoils what it says, and nothing else."""
    with simulated(replace(CALM, seed=seed), FILLER) as server:
        command, folder = a_project(home, [server])
        run(command, folder)
    check_whole(folder, PAIRS)
    return folder


def stormy_project(home: Path, seed: int, needed: int) -> Path:
    """Make the same data set while everything goes wrong; see that no reply is paid twice that was not in flight."""
    rng = random.Random(seed)
    dying, staying = replace(STORM, seed=seed, dies_after=needed // 4), replace(STORM, seed=seed)
    with simulated(dying, FILLER) as one, simulated(staying, FILLER) as other:
        servers = [one, other]
        command, folder = a_project(home, servers)
        lost_before = 0
        for share in sorted(rng.uniform(0.02, 0.95) for _ in range(KILLS)):
            killed_run(command, folder, servers, int(share * needed))
            lost_now = lost(folder, servers)
            assert lost_now - lost_before <= IN_FLIGHT * len(servers)
            lost_before = lost_now
        run(command, folder)
        for _ in range(MOST_RETRIES):
            if has_failures(folder):  # a request that meets two stalls is given up
                run(command, folder, "--retry-failed")
        assert lost(folder, servers) == lost_before
        assert one.stats().paid == needed // 4
        assert all(other.stats().failed[name] for name in ("429", "500", "503", "client gone", "cut-body"))
    return folder


def check_same(calm: Path, stormy: Path) -> None:
    check_whole(stormy, PAIRS)
    for name in ("dataset", "rejects"):
        assert bytes_of(stormy / name) == bytes_of(calm / name)


@pytest.mark.long
def test_a_storm_changes_no_byte_and_costs_what_was_in_flight_at_the_kills(tmp_path: Path) -> None:
    """Refusals, errors, stalls, cut bodies, a dead server and three kills: the same rows, and nothing is paid twice."""
    calm = calm_project(tmp_path / "calm", seed=1)
    check_same(calm, stormy_project(tmp_path / "stormy", seed=1, needed=replies_in(calm)))
