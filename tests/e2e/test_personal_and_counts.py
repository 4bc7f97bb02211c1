"""What the manifest and the card tell of a data set is what is in its files and in the ledger."""

import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness import assert_accounts, committed, manifest, project, rows, run, small
from msgspec.structs import replace

from glan.records import Reply, Request, Stage
from glan.teachers.base import Teacher

MAIL = "anna.schmidt@web.de"


@dataclass
class Indiscreet:
    """Names a person's address in some of its questions and answers; which ones follows from their places."""

    teacher: Teacher
    model: str = "filler"

    async def reply(self, request: Request) -> Reply:
        reply = await self.teacher.reply(request)
        if request.stage not in {Stage.QUESTIONS, Stage.ANSWERS} or zlib.crc32(request.id.encode()) % 4:
            return reply
        return replace(reply, text=f"{reply.text} Write to {MAIL}.")


def texts_of(row: dict[str, Any]) -> str:
    return " ".join(message["content"] for message in row["messages"])


def assert_hidden(folder: Path) -> None:
    """What was found stands in rows and rejects alone."""
    for path in (folder / "dataset" / "README.md", folder / "manifest.json", folder / "status.json"):
        assert MAIL not in path.read_text(encoding="utf-8")


def test_personal_data_is_marked() -> None:
    """Under `mark` each row has the kinds that it holds, none of them is lost, and the card counts the pairs."""
    with project(["Physics", "Law"], pairs=30, curation_pii="mark") as folder:
        assert_accounts(folder, run(folder, Indiscreet(small())))
        found = rows(folder)
        assert {tuple(row["pii"]) for row in found} == {(), ("e-mail",)}
        assert all((MAIL in texts_of(row)) == (row["pii"] == ["e-mail"]) for row in found)
        marked = sum(row["pii"] == ["e-mail"] for row in found)
        assert manifest(folder)["quantities"]["personal"] == {"e-mail": marked}
        assert f"| e-mail | {marked} |" in (folder / "dataset" / "README.md").read_text(encoding="utf-8")
        assert_hidden(folder)


def test_personal_data_is_rejected_before_an_answer_is_paid_for() -> None:
    """Under `reject` no row has any, the slots are refilled, and no question with any is answered."""
    with project(["Physics", "Law"], pairs=30, curation_pii="reject") as folder:
        assert_accounts(folder, run(folder, Indiscreet(small())))
        assert len(rows(folder)) == 30
        assert all(row["pii"] == [] and MAIL not in texts_of(row) for row in rows(folder))
        rejects = [row for row in rows(folder, "rejects") if row["reason"] == "personal data"]
        assert {row["stage"] for row in rejects} == {"questions", "answers"}
        assert {(row["detail"], *row["pii"]) for row in rejects} == {("e-mail", "e-mail")}
        answered = {call[0] for call in committed(folder) if call[0].startswith("answer/")}
        asked_in_vain = {row["id"] for row in rejects if row["stage"] == "questions"}
        assert not {f"answer{id_.removeprefix('question')}" for id_ in asked_in_vain} & answered
        assert_hidden(folder)


def test_personal_data_is_not_looked_for_unless_wanted() -> None:
    """By default the column is null, and the card says that nobody looked."""
    with project(["Physics"], pairs=8) as folder:
        run(folder, Indiscreet(small()))
        assert {row["pii"] for row in rows(folder)} == {None}
        assert "Personal data was not looked for." in manifest(folder)["not_checked"]


@pytest.mark.parametrize("near_copies", [0.0, 0.4])
def test_quantities_are_those_of_files_and_ledger(near_copies: float) -> None:
    """What was drawn and paired stands in the rows, what there is in the replies, and copies are all accounted for."""
    tree = [{"name": "Science", "children": ["Physics", "Chemistry"]}, "Law", "Chess"]
    with project(tree, pairs=30, plan_questions_per_visit=2) as folder:
        run(folder, small(near_copies=near_copies))
        told = manifest(folder)["quantities"]
        pairs, rejects = rows(folder), rows(folder, "rejects")
        assert (told["there"]["fields"], told["there"]["disciplines"]) == (1, 4)
        for slots, levels in ((pairs, told["paired"]), (pairs + rejects, told["drawn"])):
            subjects = {(row["discipline"], row["subject"]) for row in slots}
            assert (levels["subjects"], levels["syllabi"]) == (len(subjects), len(subjects))
            assert levels["key_concepts"] == len(
                {(row["discipline"], row["subject"], name) for row in slots for name in row["key_concepts"]}
            )
        syllabi = {call[0] for call in committed(folder) if call[0].startswith("sessions/")}
        assert told["there"]["syllabi"] == told["drawn"]["syllabi"] <= len(syllabi)
        assert told["there"]["sessions"] == 2 * told["there"]["syllabi"]
        assert told["coverage"]["drawn"] == told["drawn"]["key_concepts"] <= told["coverage"]["most"]
        assert told["coverage"]["uses"] == sum(len(row["key_concepts"]) for row in pairs + rejects)
        reasons = Counter(row["reason"] for row in rejects)
        for each in told["copies"]:
            found = each["same_subject"] + each["same_discipline"] + each["other_discipline"]
            assert found == reasons.pop(each["reason"])
        assert not any(reason.endswith("duplicate") for reason in reasons)
        assert bool(near_copies) == any(each["reason"] == "near duplicate" for each in told["copies"])


def test_a_doubtful_licence_is_told_at_the_end_of_a_run() -> None:
    """The run goes on, and names the licence that was probably meant."""
    with project(["Physics"], pairs=4, dataset_license="apache2") as folder:
        result = run(folder, small())
        assert result.exit_code == 0
        assert any("did you mean 'apache-2.0'?" in notice for notice in result.notices)
