"""A check of a teacher inside the process: its list, its context, its pair."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from glan.api import Project
from glan.check import Check, Report
from glan.errors import UnusableError
from glan.records import Reply, Request, Stage
from glan.settings import Price
from glan.teachers.filler import Filler
from glan.teachers.listing import Listing
from glan.teachers.panel import Panel


class Hosted:
    """A filler that also lists its model, as a server does."""

    def __init__(self, context_tokens: int | None, error: UnusableError | None = None) -> None:
        self._context_tokens = context_tokens
        self._error = error

    async def reply(self, request: Request) -> Reply:
        return await Filler().reply(request)

    async def listed(self, model: str) -> Listing:
        if self._error is not None:
            raise self._error
        return Listing(
            host="here", has_key=True, is_given=True, has_model=model == "m", context_tokens=self._context_tokens
        )


def report_of(tmp_path: Path, panel: Panel) -> Report:
    project = Project.create(tmp_path / "data", taxonomy="paper", disciplines=["Astronomy"])
    return asyncio.run(Check(project, panel)(lambda _: False))


def panel_of(teachers: Mapping[Stage, Hosted]) -> Panel:
    return Panel(
        teachers=teachers, models=dict.fromkeys(Stage, "m"), prices=dict.fromkeys(Stage, Price(input=1.0, output=2.0))
    )


@pytest.mark.parametrize(("context_tokens", "stages"), [(None, ()), (100_000, ()), (6_000, ("syllabi",))])
def test_a_context_that_is_too_short_is_told(tmp_path: Path, context_tokens: int | None, stages: tuple[str]) -> None:
    """Where a prompt and the room for its reply do not fit into the context the stage is named; unknown is no fault."""
    report = report_of(tmp_path, Panel.of(Hosted(context_tokens), "m"))
    assert report.pair is not None
    assert report.exit_code == 0
    assert report.teachers[0].context_tokens == context_tokens
    assert [notice.split()[3] for notice in report.notices] == list(stages)


def test_each_teacher_is_told_by_itself(tmp_path: Path) -> None:
    """Roles with teachers of their own have a line each, with the stages that they answer and their own replies."""
    one, other = Hosted(100_000), Hosted(50_000)
    report = report_of(tmp_path, panel_of({stage: other if stage is Stage.ANSWERS else one for stage in Stage}))
    assert [teacher.stages for teacher in report.teachers] == [tuple(Stage)[:3], (Stage.ANSWERS,)]
    assert [teacher.replies for teacher in report.teachers] == [5, 1]
    assert [teacher.context_tokens for teacher in report.teachers] == [100_000, 50_000]
    assert report.teachers[1].price == Price(input=1.0, output=2.0)


def test_a_server_that_does_not_list_ends_a_check_before_it_pays(tmp_path: Path) -> None:
    """A wrong key or address that the list shows costs no call; what is not known stays unknown."""
    report = report_of(tmp_path, Panel.of(Hosted(None, UnusableError("No.", hint="Yes.")), "m"))
    assert (report.pair, report.cause, report.hint, report.exit_code) == (None, "No.", "Yes.", 1)
    assert report.calls == 0
    assert report.teachers[0].is_listed is None


class Chatty(Hosted):
    """Accepts a schema and takes no notice of it: it talks before each list, and half of its lists are cut off."""

    async def reply(self, request: Request) -> Reply:
        reply = await super().reply(request)
        if request.schema is None:
            return reply
        end = "length" if request.stage is Stage.SYLLABI and not request.attempt else "stop"
        return replace(reply, text=f"Here it is:\n{reply.text}", rung="json_schema", finish_reason=end)


def test_a_schema_of_which_no_notice_is_taken_is_told(tmp_path: Path) -> None:
    """Replies that should have been held to a schema and are not are counted, those that were cut off left out."""
    report = report_of(tmp_path, Panel.of(Chatty(None), "m"))
    assert report.pair is not None
    assert [(found.rung, found.formless, found.schema_replies) for found in report.teachers] == [("json_schema", 2, 2)]
    report = report_of(tmp_path / "other", Panel.of(Hosted(None), "m"))
    assert [(found.formless, found.schema_replies) for found in report.teachers] == [(0, 0)]


def test_what_was_said_of_the_pair_is_told(tmp_path: Path) -> None:
    """A check of a project with looks asks for them too, and shows what each said of its pair."""
    project = Project.create(tmp_path / "data", taxonomy="paper", disciplines=["Astronomy"])
    path = project.folder / "glan.toml"
    text = path.read_text(encoding="utf-8")
    for section in ("questions.rating", "curation.critic", "curation.safety"):
        before, _, after = text.partition(f"[{section}]")
        text = f"{before}[{section}]{after.replace('enabled = false', 'enabled = true', 1)}"
    path.write_text(text.replace("least_answerable = 5.0", "least_answerable = 1"), encoding="utf-8")
    report = asyncio.run(Check(Project.open(project.folder), Panel.of(Hosted(None), "m"))(lambda _: False))
    assert report.pair is not None
    assert list(report.pair.said) == ["ratings", "scores", "safety"]
    assert '"answerability"' in report.pair.said["ratings"]
    assert report.teachers[0].stages[-1] is Stage.SAFETY
