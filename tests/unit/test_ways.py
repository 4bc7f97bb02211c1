"""The way of a pair: every prompt that was sent is rendered again, letter for letter, and nothing of it is left out."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import CONTENT, configure, project, rows, run, small

from glan.records import Stage
from glan.teachers.faults import Faulty
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Choice
from glan.ways import Way, Ways

LEAVES: list[Any] = [
    "Physics",
    {"name": "Law", "notes": "Common law only."},
    {"name": "C++", "subjects": [{"name": "Templates & types", "subtopics": ["Deduction"]}]},
]
SETTINGS: dict[str, Any] = {
    "pairs": 14,
    "teacher_system": "You teach.",
    "embeddings_enabled": True,
    "rating_enabled": True,
    "critic_enabled": True,
    "safety_enabled": True,
    "agreement_samples": 3,
}


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A project with every kind of request, many of them asked more than once."""
    with project(LEAVES, **SETTINGS) as folder:
        run(folder, Faulty(small(), seed=1, rates=CONTENT))
        yield folder


def ways_of(folder: Path, rows_: list[dict[str, Any]]) -> list[Way]:
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        ways = Ways(ledger)
        return [asyncio.run(ways.of_row(row)) for row in rows_]


def test_every_prompt_is_rendered_again_and_proven(made: Path) -> None:
    """Of pairs and of rejects each step has the fingerprint that stands beside its reply, mended prompts too."""
    found = ways_of(made, [*rows(made), *rows(made, "rejects")])
    steps = [step for way in found for step in way.steps]
    assert all(step.is_proven for step in steps)
    assert {step.request.stage for step in steps} == set(Stage) - {Stage.TAXONOMY, Stage.STUDENTS, Stage.JUDGEMENTS}
    assert any(step.entry.attempt for step in steps)
    assert not any(way.others for way in found)


def test_the_ways_of_all_rows_cover_the_ledger(made: Path) -> None:
    """What was paid for a question, its answers and its looks is in the way of its row: nothing is hidden."""
    shown = {step.entry.seq for way in ways_of(made, [*rows(made), *rows(made, "rejects")]) for step in way.steps}
    with Ledger.open(made / "ledger.sqlite", readonly=True) as ledger:
        of_slots = {entry.seq for entry in ledger.entries() if entry.stage not in {Stage.SUBJECTS, Stage.SYLLABI}}
    assert of_slots <= shown


def test_a_subject_has_its_syllabus_and_the_draft_that_named_it(made: Path) -> None:
    """The text that questions saw and its sessions are those of the ledger; a given subject has no draft."""
    with Ledger.open(made / "ledger.sqlite", readonly=True) as ledger:
        ways = Ways(ledger)
        given = asyncio.run(ways.of_subject("c%2B%2B", "templates%20%26%20types"))
        named = asyncio.run(ways.of_subject(*rows(made)[0]["id"].split("/")[1:3]))
        nothing = asyncio.run(ways.of_subject("no such", "subject"))
    assert given.subject is not None
    assert given.subject.subtopics == ("Deduction",)
    assert {step.request.stage for step in given.steps} == {Stage.SYLLABI}
    assert {step.request.stage for step in named.steps} == {Stage.SUBJECTS, Stage.SYLLABI}
    assert named.syllabus is not None
    assert set(rows(made)[0]["sessions"]) <= {session.name for session in named.syllabus.sessions}
    assert nothing.steps == ()


def test_a_prompt_of_an_earlier_run_is_proven_by_its_inputs() -> None:
    """After a prompt and a model were changed and the replies kept, the old prompts are still rendered as they were."""
    with project(LEAVES, pairs=6) as folder:
        run(folder, small())
        path = folder / "prompts" / "write_question.md.j2"
        path.write_text(path.read_text(encoding="utf-8") + "\nBe brief.\n", encoding="utf-8")
        configure(folder, pairs=9, teacher_temperature=0.5)
        run(folder, small(), choice=Choice.KEEP)
        steps = [step for way in ways_of(folder, rows(folder)) for step in way.steps]
    assert all(step.is_proven for step in steps)
    texts = [step.request.messages[-1].content for step in steps if step.request.stage is Stage.QUESTIONS]
    assert {text.endswith("Be brief.") for text in texts} == {True, False}


def test_what_no_run_explains_is_said_to_be_unproven(made: Path) -> None:
    """A row of which the ledger has replies to other prompts is shown with them, and not as proven."""
    [row, *_] = rows(made)
    other = {**row, "key_concepts": ["Something else"]}
    [way] = ways_of(made, [other])
    proven = {step.request.stage: step.is_proven for step in way.steps}
    assert proven[Stage.SYLLABI]
    assert not proven[Stage.QUESTIONS]
