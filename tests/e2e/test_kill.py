"""Power cuts, Ctrl-C and an unplugged server: what was paid stays, and the server's own count is the witness."""

import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from commandline import (
    KEY,
    TEACHER,
    Begun,
    CommandLine,
    Ended,
    bytes_of,
    check_whole,
    gone,
    ids_of,
    port_of,
    replies_in,
    simulated,
    until,
)

from glan.teachers.simulate import Server, Simulated, Stats

PAIRS = 50
IN_FLIGHT = 4
SLOW = Simulated(latency_ms=8, jitter_ms=8)


def _has_paid(server: Server, replies: int) -> Callable[[], bool]:
    """Return what says whether so many different requests were paid, and some since it was asked first."""
    seen: list[int] = []

    def is_so() -> bool:
        stats = server.stats()
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


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Clean:
    with simulated() as server:
        command = CommandLine(home=tmp_path_factory.mktemp("clean"), base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS)
        ended = command.run(folder)
        assert ended.code == 0, ended.words
        check_whole(folder, PAIRS)
        return Clean(paid=server.stats().paid, dataset=bytes_of(folder / "dataset"), ids=ids_of(folder))


@pytest.fixture
def slow() -> Iterator[Server]:
    """A server that takes some milliseconds, so that calls are in flight."""
    with simulated(SLOW) as found:
        yield found


def settled(server: Server) -> Stats:
    """Return the counts once the server has seen that everybody is gone."""
    until(lambda: server.stats().in_flight == 0)
    return server.stats()


def new_in(server: Server) -> int:
    """Return how many different requests were paid."""
    stats = server.stats()
    return stats.paid - stats.repeats


def same_as_clean(folder: Path, clean: Clean, stats: Stats, lost: int) -> None:
    """See that a project came to what a clean run comes to, and that `lost` calls at most were paid again."""
    check_whole(folder, PAIRS)
    assert bytes_of(folder / "dataset") == clean.dataset
    assert stats.paid - stats.repeats == clean.paid == replies_in(folder)
    assert stats.repeats <= lost


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
    print(kills)
    for before, after in pairwise(kills):
        assert before.kept <= after.kept
        assert after.lost - before.lost <= IN_FLIGHT
    assert sum(found.was_alive for found in kills) >= 21
    assert sum(bool(found.lost - before.lost) for before, found in pairwise(kills)) >= 5
    ended = command.run(folder, *told)
    assert ended.code == 0, ended.words
    same_as_clean(folder, clean, settled(slow), lost=kills[-1].lost)
