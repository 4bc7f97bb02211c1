"""`glan show` on rows of a test set: the row, and the way of its own question and answer."""

import asyncio
import json

from click.testing import CliRunner
from harness import project, rows, run, small

from glan.cli import cli
from glan.exams import Exam
from glan.options import Options
from glan.project import Project
from glan.teachers.panel import Panel


def test_a_row_of_a_test_set_is_shown_with_its_own_question() -> None:
    """Its question and answer are proven, and are not those of the training row with the same subject and number."""
    with project(["Astronomy"], pairs=20, plan_drafts=1) as folder:
        run(folder, small())
        exam = Exam(Project.open(folder), Panel.of(small(), "filler"), Options(), 4)
        asyncio.run(exam(lambda _: True))
        row = rows(folder, "test-set/test")[0]
        ended = CliRunner().invoke(cli, ["show", row["id"], "--project", str(folder), "--json"])
        assert ended.exit_code == 0, ended.output
        way = json.loads(ended.stdout)["way"]
        question, answer = way[-2:]
        assert [question["request"], answer["request"]] == [row["id"], f"test-answer{row['id'].removeprefix('test')}"]
        assert [question["reply"]["text"], answer["reply"]["text"]] == [each["content"] for each in row["messages"]]
        assert all(step["is_proven"] for step in way)
        told = CliRunner().invoke(cli, ["show", row["id"], "--project", str(folder)]).stdout
        assert "Question, " in told
        assert "Answer, " in told


def test_an_id_of_no_row_is_told_with_where_ids_are() -> None:
    """Where there is a test set or none, the sentence says where to look."""
    with project(["Astronomy"], pairs=4, plan_drafts=1) as folder:
        run(folder, small())
        ended = CliRunner().invoke(cli, ["show", "test/astronomy/none/0", "--project", str(folder)])
        assert "No row and no reject has the id 'test/astronomy/none/0'" in str(ended.exception)
