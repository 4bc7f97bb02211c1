"""A model behind a server: scores that come out exactly, and no reply that is paid twice."""

import gzip
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from commandline import gone, until
from extras.eval.conftest import Exam, known_below

PLAIN = ("arc_easy", "arc_challenge", "mmlu", "gsm8k")


def results_in(out: Path) -> Any:  # noqa: ANN401 - a document
    return json.loads((out / "results.json").read_bytes())


def items_in(out: Path, name: str) -> list[Any]:
    with gzip.open(out / "items" / f"{name}.jsonl.gz") as file:
        return [json.loads(line) for line in file]


def value_of(found: Any, name: str, number: str = "score") -> float:  # noqa: ANN401
    value: float = found["tasks"][name]["numbers"][number]["value"]
    return value


def test_known_shares_come_out_exactly(exam: Exam, tmp_path: Path) -> None:
    """A model that knows the first five items of each benchmark gets just these, in all nine of them."""
    exam.knowing.knows = known_below(5)
    ended = exam.command("eval", exam.model, "--data", exam.data, "--out", tmp_path / "out", "--run-code")
    assert ended.code == 0, ended.words
    found = results_in(tmp_path / "out")
    for name in PLAIN:
        assert value_of(found, name) == 0.5
        assert found["tasks"][name]["unread"] == 5
    assert value_of(found, "math") == pytest.approx(5 / 7)
    assert value_of(found, "bbh") == pytest.approx(5 / 27)
    assert value_of(found, "humaneval", "pass@1") == value_of(found, "mbpp", "pass@1") == 0.5
    numbers = ("prompt_strict", "instruction_strict", "prompt_loose", "instruction_loose")
    assert [value_of(found, "ifeval", number) for number in numbers] == pytest.approx([0.5, 0.75, 0.5, 0.75])
    groups = {name: number["value"] for name, number in found["tasks"]["mmlu"]["groups"].items()}
    assert groups == pytest.approx({"STEM": 2 / 3, "humanities": 1 / 3, "other": 0.5, "social sciences": 0.5})
    for name, told in found["tasks"].items():
        items = items_in(tmp_path / "out", name)
        assert len(items) == told["asked"] == told["answered"] == told["there"]
        assert all(item["replies"][0] is not None and item["failed"] is None for item in items)
    assert "50.0 ± 16.7" in ended.out
    assert "| knowing | 50.0 ± 16.7 |" in (tmp_path / "out" / "README.md").read_text()


def test_what_was_asked_is_not_asked_again(exam: Exam, tmp_path: Path) -> None:
    """The same command again asks nobody, and writes the same bytes; further benchmarks stand beside the first."""
    given = ("eval", exam.model, "--data", exam.data, "--out", tmp_path / "out", "--tasks")
    assert exam.command(*given, "gsm8k").code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out" / "items").iterdir()}
    asked = exam.knowing.asked.total()
    assert exam.command(*given, "gsm8k").code == 0
    assert exam.knowing.asked.total() == asked == 10
    assert {path: path.read_bytes() for path in (tmp_path / "out" / "items").iterdir()} == before
    assert exam.command(*given, "arc_easy").code == 0
    assert set(results_in(tmp_path / "out")["tasks"]) == {"arc_easy", "gsm8k"}


def test_a_kill_loses_what_was_in_flight_alone(exam: Exam, tmp_path: Path) -> None:
    """Killed at its thirteenth call and given again, it asks for that one a second time and for no other."""
    exam.knowing.holds_after = 12
    given = ("eval", exam.model, "--data", exam.data, "--out", tmp_path / "out", "--tasks", "arc_easy,gsm8k")
    begun = exam.command.begin(*given, "--max-in-flight", 1)
    until(lambda: exam.server.stats().received > 12)
    gone(begun)
    assert exam.knowing.asked.total() == 12
    assert set(results_in(tmp_path / "out")["tasks"]) == {"arc_easy"}
    exam.knowing.holds_after = None
    ended = exam.command(*given, "--max-in-flight", 1)
    assert ended.code == 0, ended.words
    assert exam.knowing.asked.total() == 20
    assert set(exam.knowing.asked.values()) == {1}
    assert value_of(results_in(tmp_path / "out"), "gsm8k") == 1.0


def test_an_interrupt_ends_in_good_order(exam: Exam, tmp_path: Path) -> None:
    """Ctrl-C waits for what is in flight as long as it is told to, says how to go on, and exits with 130."""
    exam.knowing.holds_after = 5
    given = ("eval", exam.model, "--data", exam.data, "--out", tmp_path / "out", "--tasks", "gsm8k", "--grace-s", 0)
    begun = exam.command.begin(*given, "--max-in-flight", 1)
    until(lambda: exam.server.stats().received > 5)
    begun.send(signal.SIGINT)
    ended = begun.end()
    assert (ended.code, "give the same command again" in ended.out) == (130, True), ended.words


def test_samples_give_pass_at_k(exam: Exam, tmp_path: Path) -> None:
    """Of ten programs for each problem the first i pass for problem i: pass@1 and pass@10 follow by hand."""
    exam.knowing.knows = lambda mark, time: time < int(mark.rpartition("-")[2])
    given = ("--tasks", "humaneval", "--run-code", "--samples", 10)
    ended = exam.command("eval", exam.model, "--data", exam.data, "--out", tmp_path / "out", *given)
    assert ended.code == 0, ended.words
    found = results_in(tmp_path / "out")
    assert value_of(found, "humaneval", "pass@1") == pytest.approx(sum(range(10)) / 100)
    assert value_of(found, "humaneval", "pass@10") == pytest.approx(0.9)
    assert found["tasks"]["humaneval"]["temperature"] == 0.8


def test_code_runs_only_when_that_is_asked(exam: Exam, tmp_path: Path) -> None:
    """Without --run-code both benchmarks of programs are left out, and that is told; named, they are an error."""
    given = ("eval", exam.model, "--data", exam.data, "--out", tmp_path / "out")
    ended = exam.command(*given, "--tasks", "humaneval,gsm8k")
    assert ended.code == 0, ended.words
    assert "HumanEval is missing: its programs are run with --run-code only." in ended.out
    assert set(results_in(tmp_path / "out")["tasks"]) == {"gsm8k"}
    alone = exam.command(*given, "--tasks", "mbpp")
    assert (alone.code, "--run-code" in alone.err) == (1, True)


def test_what_failed_is_in_no_number(exam: Exam, tmp_path: Path) -> None:
    """A question that the server turns down is counted with its reason, and the exit code is 3 until it is there."""
    exam.knowing.refused = frozenset({"gsm8k-2"})
    given = ("eval", exam.model, "--data", exam.data, "--out", tmp_path / "out", "--tasks", "gsm8k")
    ended = exam.command(*given)
    told = results_in(tmp_path / "out")["tasks"]["gsm8k"]
    assert (ended.code, told["answered"], sum(told["failed"].values())) == (3, 9, 1), ended.words
    assert "1 item without a reply, in no number" in ended.out
    exam.knowing.refused = frozenset()
    assert exam.command(*given, "--retry-failed").code == 0
    assert results_in(tmp_path / "out")["tasks"]["gsm8k"]["answered"] == 10


def test_a_budget_stops_it(exam: Exam, tmp_path: Path) -> None:
    """Once the budget is reached nothing more is asked, what is done stands, and the exit code is 4."""
    given = ("eval", exam.model, "--data", exam.data, "--out", tmp_path / "out", "--tasks", "gsm8k,bbh")
    ended = exam.command(*given, "--budget-tokens", 9_000, "--max-in-flight", 1)
    assert ended.code == 4, ended.words
    assert 10 < exam.knowing.asked.total() < 37
    assert set(results_in(tmp_path / "out")["tasks"]) == {"gsm8k"}


def test_results_stand_beside_each_other(exam: Exam, tmp_path: Path) -> None:
    """Two states of a model are compared on the same items; another limit is not."""
    for share, out in ((10, "good"), (5, "bad")):
        exam.knowing.knows = known_below(share)
        given = (f"{out}={exam.model}", "--data", exam.data, "--out", tmp_path / out, "--tasks", "gsm8k")
        assert exam.command("eval", *given).code == 0
    found = exam.command("eval", "--compare", tmp_path / "bad", tmp_path / "good", "--json").json
    assert found["models"] == ["bad", "good"]
    assert found["numbers"][0]["differences"][0]["value"] == 0.5
    given = (f"few={exam.model}", "--data", exam.data, "--out", tmp_path / "few", "--tasks", "gsm8k")
    assert exam.command("eval", *given, "--limit", 4).code == 0
    told = exam.command("eval", "--compare", tmp_path / "bad", tmp_path / "few").out
    assert "bad and few are not compared: one has the limit none, the other 4." in told


def test_a_folder_of_another_model_is_left_alone(exam: Exam, tmp_path: Path) -> None:
    """Results of one model are not mixed with those of another."""
    given = ("--data", exam.data, "--out", tmp_path / "out", "--tasks", "gsm8k", "--limit", 1)
    assert exam.command("eval", exam.model, *given).code == 0
    ended = exam.command("eval", f"other@{exam.server.base_url}", *given)
    assert (ended.code, "has the results of another model" in ended.err) == (1, True)


def test_without_a_network_the_way_out_is_named(exam: Exam, tmp_path: Path) -> None:
    """Where the hub cannot be reached, the error names the files and --data; nobody is asked."""
    ended = exam.command("eval", exam.model, "--out", tmp_path / "out", "--tasks", "gsm8k")
    assert (ended.code, "openai/gsm8k" in ended.err, "--data DIR" in ended.err) == (1, True, True), ended.words
    assert not exam.knowing.asked
