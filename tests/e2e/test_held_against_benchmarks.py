"""Runs beside benchmarks: what holds an item is rejected, replaced and told of, and nothing is asked anew."""

import json
from collections import Counter
from pathlib import Path

import harness
import pytest
from benchmark_rows import mirror
from commandline import CommandLine
from harness import Counting, assert_accounts, configure, manifest, project, published, rows, small

from glan.benchmarks.recipes import recipes
from glan.benchmarks.store import Benchmarks, Reading, Split, add
from glan.benchmarks.tables import Row
from glan.errors import WouldAskAgainError
from glan.records import Stage

LEAVES = ["Physics", "Law", {"name": "C++", "weight": 2}]
PAIRS = 40
READING = Reading(fields=("question", "answer"), source="planted", date="2026-01-01")


def plant(folder: Path, texts: dict[str, str], name: str = "Planted") -> None:
    """Add a benchmark of some questions, each with an answer."""
    found = [Row(Path("f"), i, {"question": q, "answer": a}) for i, (q, a) in enumerate(texts.items(), 1)]
    add(folder / "benchmarks", name, [Split(name="test", rows=found)], READING, replace=True)


def said(row: dict[str, object], role: str) -> str:
    """Return what somebody says in a row."""
    messages: list[dict[str, str]] = row["messages"]  # type: ignore[assignment]  # rows have this shape
    return next(message["content"] for message in messages if message["role"] == role)


def planted(folder: Path) -> dict[str, str]:
    """Return items of which the data set holds some: questions with other answers, and answers to other questions."""
    found = rows(folder)
    asked = {said(row, "user").upper().replace(" ", "  "): "42" for row in found[::5]}
    answered = {f"What is {i} times nine?": f"It is. {said(row, 'assistant')}" for i, row in enumerate(found[2::7])}
    return {**asked, **answered}


def test_a_benchmark_that_is_added_rejects_what_it_holds_and_asks_nothing_anew() -> None:
    """Exactly N rows again, none with an item; what stood is not asked again, and the same run twice does nothing."""
    with project(LEAVES, pairs=PAIRS) as folder:
        first = Counting(small())
        assert harness.run(folder, first).exit_code == 0
        before = {row["id"] for row in rows(folder)}
        plant(folder, planted(folder))
        second = Counting(small())
        result = harness.run(folder, second, rebuild=False)
        assert (result.exit_code, result.pairs) == (0, PAIRS)
        assert not result.is_settled
        assert_accounts(folder, result)
        assert not (first.answered & second.answered).total()
        found = rows(folder, "rejects")
        assert {row["reason"] for row in found} == {"contaminated"}
        assert len(before & {row["id"] for row in found}) >= PAIRS // 5
        assert Counter(row["stage"] for row in found)["questions"] >= PAIRS // 5
        assert Counter(row["stage"] for row in found)["answers"] > 0
        for row in found:
            assert row["detail"].startswith("Planted test/")
            assert row["raw"]
        (told,) = manifest(folder)["benchmarks"]
        assert (told["name"], told["items"], told["splits"]) == (
            "Planted",
            len(_items(folder)),
            {"test": told["items"]},
        )
        assert told["matches"] == len(found)
        assert told["sha256"] == manifest(folder)["hashes"]["benchmarks/Planted.jsonl"]
        assert harness.run(folder, small(), rebuild=False).is_settled
        plant(folder, {"Something else entirely, with more than the twelve words that a short item may have?": "x"})
        third = harness.run(folder, Counting(small()), rebuild=False)
        assert (third.is_settled, third.asked, third.rejects) == (False, 0, 0)


def _items(folder: Path) -> list[object]:
    return [*Benchmarks.read(folder / "benchmarks")]


def test_no_call_for_an_answer_follows_a_contaminated_question() -> None:
    """It is rejected before an answer is paid for."""
    with project(LEAVES, pairs=PAIRS) as folder:
        harness.run(folder, small(), until=Stage.QUESTIONS)
        teacher = Counting(small())
        with project(LEAVES, pairs=PAIRS) as other:
            harness.run(other, small())
            plant(folder, planted(other))
        assert harness.run(folder, teacher).pairs == PAIRS
        rejected = {row["id"] for row in rows(folder, "rejects") if row["stage"] == "questions"}
        answered = {request.id.removeprefix("answer") for request in teacher.requests if request.stage is Stage.ANSWERS}
        assert rejected
        assert not {id_.removeprefix("question") for id_ in rejected} & answered


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Give items that the data set of `LEAVES` holds."""
    with project(LEAVES, pairs=PAIRS) as folder:
        harness.run(folder, small(near_copies=0.1))
        return planted(folder)


def test_verdicts_are_the_same_at_any_concurrency_and_in_either_process(texts: dict[str, str]) -> None:
    """The same bytes with one request in flight and with many, here and in a process beside."""
    found = []
    for beside, max_in_flight in (("never", 1), ("never", 300), ("always", 1), ("always", 300)):
        with project(LEAVES, pairs=PAIRS, curation_beside=beside) as folder:
            plant(folder, texts)
            result = harness.run(folder, small(near_copies=0.1), max_in_flight=max_in_flight)
            assert_accounts(folder, result)
            assert any(row["reason"] == "contaminated" for row in rows(folder, "rejects"))
            found.append(published(folder))
    assert all(each == found[0] for each in found)


def test_the_shorter_data_set_begins_the_longer_beside_benchmarks(texts: dict[str, str]) -> None:
    """A verdict rests on earlier slots alone."""
    with project(LEAVES, pairs=PAIRS // 2) as folder:
        plant(folder, texts)
        harness.run(folder, small(near_copies=0.1))
        short = rows(folder)
        harness.run(folder, small(near_copies=0.1), pairs=PAIRS)
        assert rows(folder)[: len(short)] == short


def test_what_a_change_would_ask_again_is_counted_beside_benchmarks(texts: dict[str, str]) -> None:
    """Another answer model concerns as many replies as there are answers, and none of a contaminated question."""
    with project(LEAVES, pairs=PAIRS) as folder:
        plant(folder, texts)
        harness.run(folder, small(near_copies=0.1))
        with_answer = sum(row["stage"] == "answers" for row in rows(folder, "rejects")) + PAIRS
        configure(folder, pairs=PAIRS, answers_temperature=0.5)
        with pytest.raises(WouldAskAgainError, match=f"ask again for {with_answer} replies"):
            harness.run(folder, small(near_copies=0.1))


def test_card_and_manifest_say_what_was_checked_and_what_was_not(texts: dict[str, str]) -> None:
    """Without benchmarks all known ones are named as not checked; with one it is in the table."""
    with project(LEAVES, pairs=5) as folder:
        harness.run(folder, small())
        absent = f"Not checked against: {', '.join(recipes())}."
        assert absent in manifest(folder)["not_checked"]
        assert absent in (folder / "dataset" / "README.md").read_text()
        plant(folder, texts, "GSM8K")
        harness.run(folder, small())
        card = (folder / "dataset" / "README.md").read_text()
        assert f"| GSM8K | test {len(texts)} | {len(texts)} | " in card
        assert "Not checked against: HumanEval, MBPP, GSM8K (train), MATH, " in card
        assert "of GSM8K. A rewording is not found." in card


def write(path: Path, found: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    return path


def test_the_way_through_the_command_line(command: CommandLine, tmp_path: Path) -> None:
    """Add, list, run, look at a data set of others: every command says what was found and what was not looked for."""
    folder = command.init("data", pairs=20)
    assert "no benchmarks" in command("benchmarks", "list", "--project", folder).out
    assert command.run(folder).code == 0
    items = write(tmp_path / "test.jsonl", [{"question": said(row, "user"), "answer": "1"} for row in rows(folder)[:3]])
    added = command("benchmarks", "add", "gsm8k", items, "--project", folder)
    assert "GSM8K: 3 items (test 3), MIT" in added.out
    again = command("benchmarks", "add", "GSM8K", items, "--project", folder)
    assert (again.code, again.err.count("\n")) == (1, 2)
    listed = command("benchmarks", "list", "--project", folder)
    assert "looked at: question, answer" in listed.out
    assert "GSM8K (train), MATH" in listed.out
    assert command("benchmarks", "list", "--project", folder, "--json").json["benchmarks"]["GSM8K"]["splits"] == {
        "test": 3
    }
    stood = rows(folder)
    ended = command.run(folder)
    assert ended.code == 0
    assert "Held against GSM8K (3 items): 3 matches in GSM8K." in ended.out
    assert "Not checked against: HumanEval" in ended.out
    assert "`glan benchmarks fetch NAME` brings one" in ended.out
    assert command.run(folder, "--json").json["benchmarks"][0]["matches"] == 3
    others = write(tmp_path / "others.jsonl", [{"messages": row["messages"]} for row in stood])
    out = tmp_path / "matches.jsonl"
    scanned = command("contamination", others, "--project", folder, "--out", out)
    assert scanned.code == 1
    assert "20 rows with 40 texts; 3 rows (15.00%) hold an item." in scanned.out
    assert [json.loads(line)["row"] for line in out.read_text().splitlines()] == [1, 2, 3]
    clean = command("contamination", folder / "dataset", "--benchmarks", folder / "benchmarks", "--json")
    assert (clean.code, clean.json["rows"], clean.json["rows_matched"]) == (0, 20, 0)


def test_what_cannot_be_read_is_told_before_anything_is_asked(command: CommandLine, tmp_path: Path) -> None:
    """A benchmark that is not what it was stops a run in one sentence; a name that is a path is refused."""
    folder = command.init("data", pairs=5)
    plant(folder, {"Why is the sky above the sea not of the colour that the sea below it has?": "x"})
    (folder / "benchmarks" / "Planted.jsonl").write_text("mine")
    ended = command.run(folder)
    assert ended.code == 1
    assert "Planted.jsonl is not the file whose hash is in Planted.toml." in ended.err
    assert not (folder / "ledger.sqlite").exists()
    items = write(tmp_path / "x.jsonl", [{"question": "Why?"}])
    refused = command("benchmarks", "add", "../../x", items, "--field", "question", "--project", folder)
    assert (refused.code, "is no name for a benchmark" in refused.err) == (1, True)
    for arguments in (("contamination", tmp_path / "none.jsonl"), ("contamination", items)):
        ended = command(*arguments, "--project", folder)
        assert (ended.code, ended.err.startswith("Error: ")) == (1, True)


def test_known_benchmarks_are_fetched_by_name(command_line: CommandLine, tmp_path: Path) -> None:
    """From copies of the hub's repositories: by name, then all that are not there, and those that are there stay."""
    folder = command_line.init("data", pairs=5)
    copies = mirror(tmp_path / "hub")
    first = command_line("benchmarks", "fetch", "ifeval", "gsm8k", "--from", copies, "--project", folder)
    assert first.code == 0, first.words
    assert "GSM8K: 4 items (train 2, test 2), MIT" in first.out
    again = command_line("benchmarks", "fetch", "GSM8K", "--from", copies, "--project", folder)
    assert again.out == "GSM8K is there already; --replace fetches it anew.\n"
    rest = command_line("benchmarks", "fetch", "--from", copies, "--project", folder)
    assert rest.out.count(" items (") == len(recipes()) - 2
    assert "Not there" not in command_line("benchmarks", "list", "--project", folder).out
    unknown = command_line("benchmarks", "fetch", "GSM9K", "--from", copies, "--project", folder)
    assert (unknown.code, "did you mean GSM8K?" in unknown.err) == (1, True)
