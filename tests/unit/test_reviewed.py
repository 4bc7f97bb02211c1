"""What people said of pairs, applied by a run: dropped and refilled, corrected, counted, and nothing else changed."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from harness import Counting, assert_accounts, manifest, project, rows, run, small

from glan import Options, Project
from glan.cli.taking import Taken, texts_of
from glan.reviews import NAME, Review, Verdict, hash_of, line_of

LEAVES = ["Astronomy", "Physics", "History"]
N = 24


@pytest.fixture
def folder() -> Iterator[Path]:
    """A project with N pairs."""
    with project(LEAVES, pairs=N) as found:
        run(found, small())
        yield found


def said(row: dict[str, Any], verdict: Verdict, reviewer: str = "Ann", **texts: str) -> Review:
    question, answer = (message["content"] for message in row["messages"])
    return Review(
        id=row["id"],
        sha256=hash_of(question, answer),
        verdict=verdict,
        reason=f"{verdict} it",
        reviewer=reviewer,
        **texts,  # type: ignore[arg-type]  # question and answer
    )


def judged(folder: Path, reviews: Sequence[Review]) -> None:
    (folder / NAME).write_bytes(b"".join(map(line_of, reviews)))


def again(folder: Path) -> Counting:
    """Run once more, as a person does after a change; return what was asked."""
    teacher = Counting(small())
    result = run(folder, teacher, rebuild=False)
    assert result.exit_code == 0
    assert_accounts(folder, result)
    return teacher


def test_a_dropped_pair_is_refilled_and_no_other_changes(folder: Path) -> None:
    """N stays N: the row is a reject with its reason, the next of the plan comes in, and only that is asked for."""
    before = rows(folder)
    judged(folder, [said(before[5], "drop"), said(before[9], "keep")])
    teacher = again(folder)
    after = rows(folder)
    assert len(after) == N
    assert [row["id"] for row in after[: N - 1]] == [row["id"] for row in before if row is not before[5]]
    known = {row["id"] for row in before}
    new = {row["id"] for row in after} - known
    assert len(new) == 1
    assert teacher.ids() & known == set()
    [reject] = [row for row in rows(folder, "rejects") if row["id"] == before[5]["id"]]
    assert (reject["stage"], reject["reason"], reject["detail"]) == ("answers", "reviewed", "drop it")
    assert reject["messages"] == before[5]["messages"]
    unchanged = [row for row in after if row["id"] in known and row["id"] != before[9]["id"]]
    assert unchanged == [row for row in before if row not in (before[5], before[9])]


def test_a_corrected_text_stands_in_the_row(folder: Path) -> None:
    """Question and answer are those of the reviewer, the row is marked and has the hash of what it was."""
    before = rows(folder)
    judged(folder, [said(before[3], "fix", question="What is it?", answer="It is <b>this</b>.")])
    assert not again(folder).requests
    row = rows(folder)[3]
    assert [message["content"] for message in row["messages"]] == ["What is it?", "It is <b>this</b>."]
    checks = {check["name"]: check["verdict"] for check in row["checks"]}
    question, answer = (message["content"] for message in before[3]["messages"])
    assert checks == {"reviewed": "corrected", "sha256 before it was corrected": hash_of(question, answer)}


def test_a_correction_can_be_taken_back(folder: Path) -> None:
    """Without the verdict the pair is as it was: everything else is in the ledger."""
    before = rows(folder)
    judged(folder, [said(before[3], "fix", answer="Better."), said(before[4], "drop")])
    again(folder)
    (folder / NAME).unlink()
    assert not again(folder).requests
    assert rows(folder) == before


def test_a_late_verdict_on_the_first_text_of_a_corrected_pair_is_told_as_it_will_be_applied(folder: Path) -> None:
    """It stands beside the first one: what the two come to is said, and is what the next run does."""
    row = rows(folder)[3]
    judged(folder, [said(row, "fix", answer="It is 80 km/h.")])
    again(folder)
    late = said(row, "drop", reviewer="Ben")
    opened = Project.open(folder)
    taken = Taken.of([late], opened.reviews, texts_of(opened, {row["id"]}))
    assert not taken.unfit
    assert [ruling.verdict for ruling in taken.rulings.values()] == ["tie"]
    judged(folder, [*opened.reviews, late])
    again(folder)
    assert rows(folder)[3]["messages"] == row["messages"]


def test_verdicts_on_other_texts_are_told_and_not_applied(folder: Path) -> None:
    """A verdict on another text, or on no pair, changes no row; the run and the manifest name it."""
    before = rows(folder)
    other = said({**before[0], "messages": [{"content": "Another"}, {"content": "text"}]}, "drop")
    nowhere = said({**before[1], "id": "question/nowhere/at all/0"}, "drop")
    judged(folder, [other, nowhere])
    result = run(folder, Counting(small()), rebuild=False)
    assert rows(folder) == before
    [told] = [notice for notice in result.notices if "another text" in notice]
    assert before[0]["id"] in told
    assert manifest(folder)["reviews"]["not_applied"] == 2
    assert "No person reviewed the pairs." in manifest(folder)["not_checked"]


def test_a_changed_file_makes_the_next_run_walk(folder: Path) -> None:
    """Where reviews.jsonl is as it was there is nothing to do; one more verdict, and the run walks."""
    again(folder)
    assert run(folder, Counting(small()), rebuild=False).is_settled
    judged(folder, [said(rows(folder)[0], "keep")])
    assert not run(folder, Counting(small()), rebuild=False).is_settled
    assert run(folder, Counting(small()), rebuild=False).is_settled
    assert NAME in manifest(folder)["hashes"]


def test_divided_reviewers_keep_the_pair(folder: Path) -> None:
    """One against one is a tie: the row stays, is marked, and the run says so."""
    before = rows(folder)
    judged(folder, [said(before[0], "drop"), said(before[0], "keep", "Ben")])
    result = run(folder, Counting(small()), rebuild=False)
    row = rows(folder)[0]
    assert (row["id"], row["messages"]) == (before[0]["id"], before[0]["messages"])
    assert {check["name"]: check["verdict"] for check in row["checks"]} == {"reviewed": "tie, kept"}
    assert any("divided on 1 pairs" in notice for notice in result.notices)


def test_the_manifest_and_the_card_tell_what_people_found(folder: Path) -> None:
    """How many were judged, the share of wrong ones with its interval by discipline, and the agreement."""
    before = rows(folder)
    of_history = [row for row in before if row["discipline"] == "History"]
    reviews = [said(of_history[0], "drop"), said(of_history[1], "fix", answer="Better."), said(of_history[2], "keep")]
    reviews += [said(of_history[0], "drop", "Ben"), said(of_history[2], "keep", "Ben")]
    judged(folder, reviews)
    again(folder)
    told = manifest(folder)["reviews"]
    assert (told["judged"], told["kept"], told["dropped"], told["corrected"]) == (3, 1, 1, 1)
    [history] = told["by_discipline"]
    assert history["title"] == "History"
    assert (history["error_rate"], history["error_rate_95"]) == (0.6667, [0.2077, 0.9385])
    assert (told["kappa"], told["judged_by_several"], told["reviewers"]) == (1.0, 2, ["Ann", "Ben"])
    card = (folder / "dataset" / "README.md").read_text(encoding="utf-8")
    assert (
        "Reviewed by people: 3 pairs. Reviewers: 2; dropped: 1; corrected: 1; wrong, that is one of the two: 66.7%"
        in card
    )
    assert "| History | 3 | 2 | 66.7% | 20.8% to 93.9% |" in card
    assert f"{N - 2} of {N} pairs were not reviewed by people." in card
    assert "No person reviewed the pairs." not in card


def test_a_dropped_row_leaves_also_where_nothing_can_take_its_place(folder: Path) -> None:
    """A run that can ask nothing more has a row less, and does not keep what people dropped for that."""
    before = rows(folder)
    judged(folder, [said(before[-1], "drop")])
    result = run(folder, Counting(small()), rebuild=False, budget_tokens=1)
    assert result.exit_code == 4
    assert [row["id"] for row in rows(folder)] == [row["id"] for row in before[:-1]]


def test_an_unreadable_file_stops_the_run_before_it_asks(folder: Path) -> None:
    """The error names the line, and nothing is changed."""
    before = rows(folder)
    (folder / NAME).write_text(json.dumps({"id": "x"}))
    with pytest.raises(Exception, match="line 1: this is no verdict"):
        Project.open(folder).run_sync(teacher="offline", options=Options(rebuild=True))
    assert rows(folder) == before


def test_people_have_the_last_word_after_a_critic() -> None:
    """With looks at pairs a drop is refilled and a correction stands, and what is known is not looked at again."""
    with project(LEAVES, pairs=N, critic_enabled=True) as folder:
        run(folder, small())
        before = rows(folder)
        judged(folder, [said(before[2], "drop"), said(before[4], "fix", answer="Better.")])
        teacher = again(folder)
        after = rows(folder)
        assert [row["id"] for row in after[: N - 1]] == [row["id"] for row in before if row is not before[2]]
        assert after[3]["messages"][1]["content"] == "Better."
        assert after[3]["scores"] == before[4]["scores"] is not None
        scored = {id_ for id_ in teacher.ids() if id_.startswith("score/")}
        assert scored == {f"score{after[-1]['id'].removeprefix('question')}"}
