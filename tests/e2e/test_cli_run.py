"""`glan run` against a server that answers well, badly or never in the right form; the server counts what was paid."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from commandline import CommandLine, bytes_of, check_whole, ids_of, manifest_of, port_of, replies_in, set_in, simulated
from pyarrow.parquet import read_table

from glan.teachers.simulate import Server, Simulated

ROUGH = Simulated(faults={"500": 0.1, "429": 0.05, "cut-body": 0.02, "death": 0.02, "cut-off": 0.05})
"""A server on a bad day: one call in six fails, some with a broken connection, and one reply in twenty is cut off."""


def rows_of(folder: Path) -> list[Any]:
    """Return the rows of a project."""
    return [
        row for path in sorted((folder / "dataset" / "train").glob("*.parquet")) for row in read_table(path).to_pylist()
    ]


def check_paid(folder: Path, server: Server) -> None:
    """See that the ledger holds every reply that the server was paid for, and that the manifest says the same."""
    stats = server.stats()
    assert stats.in_flight == 0
    assert stats.received == stats.paid + sum(stats.failed.values())
    assert stats.paid == replies_in(folder)
    spent = manifest_of(folder)["spent"]
    assert {stage: found["replies"] for stage, found in spent.items()} == dict(stats.stages)
    assert sum(found["completion_tokens"] for found in spent.values()) == stats.completion_tokens


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with 100 pairs, made by many calls at once on a bad day."""
    with simulated(ROUGH) as server:
        command = CommandLine(home=tmp_path_factory.mktemp("hundred"), base_url=server.base_url)
        folder = command.init("data", pairs=100)
        ended = command.run(folder)
        assert ended.code == 0, ended.words
        assert set(server.stats().failed) == {"500", "429", "cut-body", "death"}
        check_paid(folder, server)
    return folder


@pytest.mark.parametrize("pairs", [1, 7])
def test_exactly_n_rows_come_of_a_server_on_a_bad_day(hundred: Path, tmp_path: Path, pairs: int) -> None:
    """N rows, no more and no fewer, whatever the server does; they are the first N of a greater data set."""
    with simulated(ROUGH) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=pairs)
        ended = command.run(folder, "--json")
        assert ended.code == 0, ended.words
        assert ended.json["pairs"] == pairs
        check_whole(folder, pairs)
        check_paid(folder, server)
    assert rows_of(folder) == rows_of(hundred)[:pairs]


def test_a_hundred_pairs_add_up_and_do_not_depend_on_luck(hundred: Path, tmp_path: Path) -> None:
    """Two calls at a time or many, other failures on the way: the same replies make the same bytes."""
    check_whole(hundred, 100)
    manifest = manifest_of(hundred)
    assert manifest["complete"]
    assert manifest["slots"]["rejects"] > 0
    with simulated(ROUGH) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=100)
        assert command.run(folder, "--max-in-flight", 8).code == 0
        check_paid(folder, server)
    assert bytes_of(folder / "dataset") == bytes_of(hundred / "dataset")
    assert bytes_of(folder / "rejects") == bytes_of(hundred / "rejects")


@pytest.mark.long
def test_five_thousand_pairs_begin_with_the_same_hundred(hundred: Path, tmp_path: Path) -> None:
    """A run of some size adds up as a small one does, and the small one's rows are its first."""
    with simulated(ROUGH) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=5_000)
        ended = command.begin_run(folder).end(timeout_s=200)
        assert ended.code == 0, ended.words
        check_whole(folder, 5_000)
        check_paid(folder, server)
    assert rows_of(folder)[:100] == rows_of(hundred)


@pytest.mark.parametrize("recipe", ["default", "paper"])
def test_a_hundred_pairs_from_the_shipped_tree_cost_at_most_four_calls_each(
    server: Server, command: CommandLine, recipe: str
) -> None:
    """A small run over all of human knowledge stays cheap: it asks for no more curricula than it needs."""
    made = command("init", "data", "--pairs", 100, "--recipe", recipe)
    assert made.code == 0, made.words
    ended = command.run(command.home / "data")
    assert ended.code == 0, ended.words
    stats = server.stats()
    assert stats.received == stats.paid <= 400
    check_whole(command.home / "data", 100)
    check_paid(command.home / "data", server)


def test_a_teacher_that_never_finds_the_form_ends_the_run_with_the_cause(tmp_path: Path) -> None:
    """Lists that no reader can use are asked for at most three times each; the run ends with exit 3 and says why."""
    with simulated(Simulated(faults={"malformed": 1.0})) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=1_000)
        ended = command.run(folder)
        assert ended.code == 3
        assert "3 x malformed (subjects)" in ended.out
        assert "No discipline is left" in ended.out
        assert server.stats().received == 3 * 10 * 4  # disciplines, drafts, a draft and three listings
        check_whole(folder, 0)
        check_paid(folder, server)
        assert manifest_of(folder)["left"] == dict.fromkeys(("astronomy", "history", "physics"), "failed")
        again = command.run(folder)
        assert again.code == 3
        assert server.stats().received == 120


@pytest.mark.parametrize(
    ("fault", "reason"), [("refusal@answers", "refusal (answers)"), ("empty@questions", "malformed (questions)")]
)
def test_a_teacher_that_never_gives_a_pair_ends_the_run_with_the_cause(tmp_path: Path, fault: str, reason: str) -> None:
    """Where no slot becomes a pair the run stops after the 200 that show it, far from what N would cost."""
    with simulated(Simulated(faults={fault: 1.0})) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=100_000)
        ended = command.run(folder)
        assert ended.code == 3
        assert "0 of the last 200 slots became pairs" in ended.err
        assert f"200 x {reason}" in ended.err
        assert server.stats().received < 2_000
        check_whole(folder, 0)
        assert manifest_of(folder)["slots"]["rejects"] == 200


def test_dead_letters_are_told_apart_and_asked_again_on_request(tmp_path: Path) -> None:
    """What failed for good is not asked again by a further run, but by --retry-failed, which the message names."""
    with simulated(Simulated(faults={"500": 1.0})) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=5, disciplines="Astronomy")
        set_in(folder, "max_retries", "0")
        port = port_of(server)
        ended = command.run(folder)
        assert ended.code == 3
        assert "--retry-failed" in ended.words
        failures = command("status", "--failures", "--project", folder)
        assert "draft/astronomy/1: " in failures.out
        assert "10 failures" in failures.out
    with simulated(port=port) as server:
        assert command.run(folder).code == 3
        assert server.stats().received == 0
        ended = command.run(folder, "--retry-failed")
        assert ended.code == 0, ended.words
        check_whole(folder, 5)
        failures = command("status", "--failures", "--project", folder)
        assert "draft/astronomy/1: " not in failures.out


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"], ids=["output", "errors", "all"])
def test_a_run_needs_no_streams(command_line: CommandLine, closed: str) -> None:
    """Whoever starts a run may have closed its input, output and errors: it makes its pairs all the same."""
    folder = command_line.init("data", pairs=3, disciplines="Astronomy")
    arguments = ["run", "--project", str(folder), "--teacher", "offline"]
    command = ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "glan", *arguments]
    ended = subprocess.run(
        command, cwd=command_line.home, env=command_line.environment(), capture_output=True, check=False, timeout=150
    )
    assert ended.returncode == 0
    assert b"Traceback" not in ended.stdout + ended.stderr
    check_whole(folder, 3)


def test_the_rows_say_what_they_are(hundred: Path) -> None:
    """Each row has a question and an answer, its place in the tree, and the models that wrote it."""
    for row in rows_of(hundred):
        question, answer = row["messages"]
        assert (question["role"], answer["role"]) == ("user", "assistant")
        assert question["content"]
        assert answer["content"]
        assert row["question_model"] == row["answer_model"] == "filler"
        assert str(row["id"]).startswith(f"question/{str(row['discipline']).lower()}/")
        assert row["finish_reason"] == "stop"


def test_every_reader_of_the_folder_finds_the_same(hundred: Path, command_line: CommandLine, tmp_path: Path) -> None:
    """Status, manifest, exports and the rows agree on what there is."""
    status = command_line("status", "--json", "--project", hundred).json
    assert status["manifest"] == json.loads((hundred / "manifest.json").read_bytes())
    assert status["run"]["state"] == "ended"
    exported = command_line("export", tmp_path / "out.jsonl", "--project", hundred)
    assert "100 rows" in exported.out
    lines: Sequence[str] = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["messages"] for line in lines] == [row["messages"] for row in rows_of(hundred)]
    assert len(ids_of(hundred)) == 100
