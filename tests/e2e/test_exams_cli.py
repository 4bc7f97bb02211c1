"""A test set and a judging against a server: killed, interrupted and resumed they pay for nothing twice."""

import ast
import json
import signal
from pathlib import Path

import pytest
from commandline import TEACHER, CommandLine, bytes_of, gone, replies_in, simulated, until
from harness import small

from glan.teachers.simulate import Server, Simulated

IN_FLIGHT = 4
EXAM = ("--per-discipline", 8, "--teacher", TEACHER, "--max-in-flight", IN_FLIGHT)


def paid(server: Server) -> int:
    """Return the calls that were paid, once nothing is in flight."""
    until(lambda: server.stats().in_flight == 0)
    return server.stats().paid


def parquet_of(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in bytes_of(folder / "test-set").items() if name.endswith(".parquet")}


@pytest.mark.long
def test_killed_and_resumed_a_test_set_has_the_same_bytes(tmp_path: Path) -> None:
    """After Ctrl-C and a kill: the rows of a clean making, and only what was in flight is paid again."""
    faulty = Simulated(latency_ms=10, jitter_ms=10, seed=1, faults={"malformed": 0.1, "429": 0.1})
    with simulated(faulty, small()) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        clean = command.init("clean")
        ended = command("test-set", "--project", clean, *EXAM, "--yes")
        assert ended.code == 0, ended.words
        calls = replies_in(clean)
    with simulated(faulty, small()) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("folder")
        stopped = command.begin("test-set", "--project", folder, *EXAM, "--yes")
        until(lambda: server.stats().paid >= 10 or stopped.is_over)
        stopped.send(signal.SIGINT)
        interrupted = stopped.end()
        assert (interrupted.code, "give the same command again" in interrupted.out) == (130, True), interrupted.words
        assert paid(server) == replies_in(folder)
        killed = command.begin("test-set", "--project", folder, *EXAM, "--yes")
        before = server.stats().paid
        until(lambda: server.stats().paid >= before + 10 or killed.is_over)
        gone(killed)
        lost = paid(server) - replies_in(folder)
        ended = command("test-set", "--project", folder, *EXAM, "--yes", "--json")
        assert ended.code == 0, ended.words
        stats = server.stats()
    assert ended.json["rows"] == 24
    assert parquet_of(folder) == parquet_of(clean)
    assert (replies_in(folder), stats.paid) == (calls, calls + lost)
    assert lost <= IN_FLIGHT


@pytest.mark.long
def test_a_judging_is_paid_for_once_and_its_results_are_files(tmp_path: Path) -> None:
    """Two models on one test set: interrupted, resumed, exchanged, graded, as a machine reads it."""
    with simulated(Simulated(latency_ms=5), small()) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("folder")
        assert command("test-set", "--project", folder, *EXAM, "--yes").code == 0
        before = paid(server)
        models = ("new=openai/model-a", "reference")
        options = ("--project", folder, "--judge", "openai/judge", "--max-in-flight", IN_FLIGHT)
        stopped = command.begin("judge", *models, *options)
        until(lambda: server.stats().paid >= before + 5 or stopped.is_over)
        stopped.send(signal.SIGTERM)
        assert stopped.end().code == 130
        ended = command("judge", *models, *options, "--json", "--by", "strategy")
        assert ended.code == 0, ended.words
        assert paid(server) - before == 24 * 3 == replies_in(folder) - before
        told = ended.json
        assert told["overall"]["questions"] == 24
        assert {"field", "discipline", "level", "strategy"} <= told["tables"].keys()
        assert Path(told["out"]) == folder / "judge/new-vs-reference"
        again = command("judge", *models, *options)
        assert "0 calls (72 replies from the ledger)" in again.out
        other = command("judge", "reference", "new=openai/model-a", *options, "--json")
        assert other.json["overall"]["wins"] == told["overall"]["losses"]
        assert paid(server) - before == 24 * 3
        single = command("judge", "new=openai/model-a", *options, "--limit", 3)
        assert (single.code, "of 10 over 3 questions, graded by judge" in single.out) == (0, True)
    scores = folder / "judge/new-vs-reference/scores.csv"
    assert command("taxonomy", "rebalance", "--project", folder, "--from", scores, "--yes").code == 0


def test_without_a_project_results_and_ledger_go_where_they_are_told(tmp_path: Path) -> None:
    """Files of questions and answers need nothing but a judge; without a place for the results it says so."""
    questions, answers = tmp_path / "questions.jsonl", tmp_path / "answers.jsonl"
    questions.write_text("".join(json.dumps({"id": str(i), "question": f"Why {i}?"}) + "\n" for i in range(3)))
    answers.write_text("".join(json.dumps({"id": str(i), "answer": "So."}) + "\n" for i in range(2)))
    command = CommandLine(home=tmp_path, key=None)
    homeless = command("judge", answers, "--questions", questions, "--judge", "offline")
    assert (homeless.code, "--out DIR" in homeless.err) == (1, True)
    nobody = command("judge", answers, "--questions", questions, "--out", tmp_path / "out")
    assert (nobody.code, "No judge is named" in nobody.err) == (1, True)
    ended = command("judge", answers, "--questions", questions, "--judge", "offline", "--out", tmp_path / "out")
    assert ended.code == 3, ended.words
    assert "1 x answers has no answer" in ended.out
    assert {"ledger.sqlite", "README.md", "results.jsonl"} <= {path.name for path in (tmp_path / "out").iterdir()}
    same = command("judge", answers, answers, "--questions", questions, "--judge", "offline", "--out", tmp_path / "o")
    assert (same.code, "another name" in same.err) == (1, True)
    foreign = command("judge", questions, "--questions", answers, "--judge", "offline", "--out", tmp_path / "o")
    assert (foreign.code, "has no question" in foreign.err) == (1, True)


def test_a_task_for_inspect_is_python_that_holds_no_text_of_a_question(tmp_path: Path) -> None:
    """What is in a question stands in a file of data beside the task, whatever it says."""
    questions, task = tmp_path / "questions.jsonl", tmp_path / "glan_test.py"
    hostile = '"""); import os; os.system("x") #'
    questions.write_text(json.dumps({"id": hostile, "question": hostile, "skill": hostile}) + "\n")
    command = CommandLine(home=tmp_path, key=None)
    ended = command("judge", "--questions", questions, "--inspect", task)
    assert ended.code == 0, ended.words
    text = task.read_text()
    ast.parse(text)
    assert "os.system" not in text
    row = json.loads(task.with_suffix(".jsonl").read_text())
    assert (row["id"], row["question"], row["columns"]["skill"]) == (hostile, hostile, hostile)
    refused = command("judge", "--questions", questions, "--inspect", tmp_path / "no-module.py")
    assert (refused.code, "glan_test.py" in refused.err) == (1, True)
