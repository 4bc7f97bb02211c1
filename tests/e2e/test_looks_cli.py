"""Rating, critic and guard through the command line: the same bytes at any speed and after a kill, and what is told."""

from pathlib import Path

from commandline import CommandLine, bytes_of, check_whole, gone, replies_in, simulated, until
from pyarrow.parquet import read_table

from glan.teachers.filler import Filler
from glan.teachers.simulate import Server, Simulated

PAIRS = 10
SLOW = Simulated(latency_ms=8, jitter_ms=8)
SHORT = Filler(subjects=3, sessions=2, syllabus_size=300, question_size=200, size=300)


def project(command: CommandLine, name: str) -> Path:
    """Make a project with all three looks, each of which may drop a pair."""
    folder = command.init(name, pairs=PAIRS, disciplines="Astronomy")
    path = folder / "glan.toml"
    text = path.read_text(encoding="utf-8")
    for section in ("questions.rating", "curation.critic", "curation.safety"):
        before, _, after = text.partition(f"[{section}]")
        text = f"{before}[{section}]{after.replace('enabled = false', 'enabled = true', 1)}"
    text = text.replace("# at_least =", "at_least = 6").replace('unsafe = "keep"', 'unsafe = "reject"')
    path.write_text(text, encoding="utf-8")
    return folder


def made(folder: Path) -> dict[str, bytes]:
    return {
        f"{name}/{path}": data
        for name in ("dataset/train", "rejects")
        for path, data in bytes_of(folder / name).items()
    }


def paid(server: Server) -> int:
    return server.stats().paid


def test_looks_are_paid_once_and_make_the_same_bytes(tmp_path: Path) -> None:
    """At one and at many in flight, and killed with looks in flight: the same rows, and no reply is paid twice."""
    with simulated(teacher=SHORT) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        one = project(command, "one")
        ended = command.run(one, "--max-in-flight", 1)
        assert ended.code == 0, ended.words
        for told in ("low score (scores)", "not answerable (ratings)", "unsafe (safety)"):
            assert told in ended.out
        check_whole(one, PAIRS)
        assert paid(server) == replies_in(one)
        row = next(iter(read_table(one / "dataset" / "train" / "00000.parquet").to_pylist()))
        shown = command("show", row["id"], "--project", one)
        assert {"answerability", "correctness", "safety"} <= {line.split(" ")[0] for line in shown.out.splitlines()}
        assert f"score{row['id'].removeprefix('question')}" in shown.out
    with simulated(SLOW, SHORT) as server:
        command = command.told(base_url=server.base_url)
        many = project(command, "many")
        begun = command.begin_run(many, "--max-in-flight", 50)
        until(lambda: server.stats().stages.get("scores", 0) > 3)
        gone(begun)
        in_flight = server.stats().received - replies_in(many)
        assert command.run(many, "--max-in-flight", 50).code == 0
        assert made(many) == made(one)
        assert replies_in(many) == replies_in(one)
        assert paid(server) - replies_in(many) <= in_flight
