"""A tree is built against a server: interrupted, killed and resumed it is the same file, and nothing is paid twice."""

import signal
from pathlib import Path

from commandline import TEACHER, Begun, CommandLine, gone, simulated, until
from harness import small

from glan.taxonomy.tree import Taxonomy
from glan.teachers.ledger import Ledger
from glan.teachers.simulate import Server, Simulated

IN_FLIGHT = 4
SHAPE = ("--samples", 3, "--breadth", 3, "--depth", 2)
"""Three samples in three wordings: no two requests have the same body, so that a repeat is one that was paid twice."""


def building(command: CommandLine, out: Path) -> Begun:
    return command.begin(
        "taxonomy", "build", "maritime law", "--out", out, "--teacher", TEACHER, "--max-in-flight", IN_FLIGHT, *SHAPE
    )


def paid(server: Server) -> int:
    """Return the calls that were paid, once nothing is in flight."""
    until(lambda: server.stats().in_flight == 0)
    return server.stats().paid


def replies_beside(out: Path) -> int:
    with Ledger.open(out.with_suffix(".ledger.sqlite"), readonly=True) as ledger:
        return ledger.count()


def test_killed_and_resumed_a_tree_is_the_same_file(tmp_path: Path) -> None:
    """After Ctrl-C and a kill: the same bytes, no file before the end, and only what was in flight is paid again."""
    faulty = Simulated(latency_ms=10, jitter_ms=10, seed=1, faults={"malformed": 0.15, "429": 0.1})
    with simulated(faulty, small()) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        clean = building(command, tmp_path / "clean.yaml").end()
        assert clean.code == 0, clean.words
        calls = replies_beside(tmp_path / "clean.yaml")
        assert paid(server) == calls
    with simulated(faulty, small()) as server:
        command, out = CommandLine(home=tmp_path, base_url=server.base_url), tmp_path / "maritime.yaml"
        stopped = building(command, out)
        until(lambda: server.stats().paid >= 5 or stopped.is_over)
        stopped.send(signal.SIGINT)
        interrupted = stopped.end()
        assert interrupted.code == 130, interrupted.words
        assert "give the same command again" in interrupted.out
        assert paid(server) == replies_beside(out)
        killed = building(command, out)
        before = server.stats().paid
        until(lambda: server.stats().paid >= before + 5 or killed.is_over)
        gone(killed)
        lost = paid(server) - replies_beside(out)
        assert not out.exists()
        ended = building(command, out).end()
        assert ended.code == 0, ended.words
        stats = server.stats()
    assert out.read_bytes() == (tmp_path / "clean.yaml").read_bytes()
    assert len(Taxonomy.read(out).disciplines) >= 4
    assert stats.paid - stats.repeats == calls == replies_beside(out)
    assert stats.repeats <= lost <= IN_FLIGHT
