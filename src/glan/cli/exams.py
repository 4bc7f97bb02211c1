"""The command that makes a test set."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Unpack

import click

from glan.cli.display import lined
from glan.cli.logs import logged_to
from glan.cli.paying import Given, hearing_told, options_of, paying_options, tell_hearing
from glan.cli.running import interruptible, named_for
from glan.cli.screen import (
    confirmer,
    json_option,
    ledger_option,
    project_option,
    say,
    say_json,
    yes_option,
)
from glan.cli.trusting import confirmed
from glan.exams import PER_DISCIPLINE, Exam, Made
from glan.heldout import FOLDER, NAME, Touched
from glan.project import Project
from glan.teachers.panel import Named, Panel, opened
from glan.wording import counted, few

_MOST_NAMED = 5


class _Given(Given):
    spec: str | None
    per_discipline: int
    rules: bool
    rebuild: bool
    ledger: Path | None


@click.command("test-set")
@project_option
@click.option("--teacher", "spec", metavar="SPEC", help="As for `glan run`.")
@click.option(
    "--per-discipline",
    type=click.IntRange(1, 10_000),
    default=PER_DISCIPLINE,
    show_default=True,
    help="Questions of each discipline.",
)
@paying_options
@click.option("--rules", is_flag=True, help="Let the project's own rules.py run, as for `glan run`.")
@click.option("--rebuild", is_flag=True, help="Make it from the ledger also where nothing has changed.")
@ledger_option
@json_option
@yes_option
@click.pass_context
def test_set_command(ctx: click.Context, *, folder: Path, as_json: bool, yes: bool, **given: Unpack[_Given]) -> None:
    """Make a test set of pairs that no training pair is drawn like, so many of each discipline.

    It is written to test-set/ and joins the benchmarks of the project: runs take no pair that holds one of its
    questions. What is paid for is in the ledger; given again, the command asks only for what is new.
    """
    project = Project.open(folder, given["ledger"])
    options = options_of(given, rules=given["rules"], rebuild=given["rebuild"])
    confirm = confirmer(yes=yes)
    named = confirmed(project, named_for(project, given["spec"]), confirm)

    def exam_by(panel: Panel) -> Exam:
        return Exam(project, panel, options, given["per_discipline"])

    exam, made = asyncio.run(_conduct(project, named, exam_by, confirm))
    if as_json:
        say_json(_as_dict(exam, made))
    else:
        _tell(exam, made)
    ctx.exit(made.exit_code)


async def _conduct(
    project: Project, named: Named, exam_by: Callable[[Panel], Exam], confirm: Callable[[str], bool]
) -> tuple[Exam, Made]:
    with logged_to(project.log_path):
        async with opened(project.config, project.environment, named) as panel:
            exam = exam_by(panel)
            click.echo(
                f"{exam.wanted:,} questions with their answers in {counted(len(exam.disciplines), 'discipline')}, and "
                "the subjects and syllabi that they need. What the ledger has is not asked.",
                err=True,
            )
            with interruptible(exam.hearing):
                async with lined(lambda: _line(exam)):
                    return exam, await exam(confirm)


def _line(exam: Exam) -> str:
    outcomes = exam.progress.as_dict()
    parts = [
        f"{exam.progress.pairs:,}/{exam.wanted:,} pairs",
        f"{outcomes['rejects']:,} rejects",
        f"{outcomes['failures']:,} failures",
        *hearing_told(exam.hearing),
    ]
    return ", ".join(parts)


def _tell(exam: Exam, made: Made) -> None:
    for notice in exam.notices:
        say(notice)
    if made.is_settled:
        say("Nothing has changed since the test set was made, so it stands as it is.")
    else:
        outcomes = exam.progress.as_dict()
        fates = f"{outcomes['rejects']:,} rejects, {outcomes['failures']:,} failures; "
        tell_hearing(exam.hearing, f"{exam.progress.pairs:,} of {made.wanted:,} pairs, {fates}")
    for (stage, reason), slots in exam.progress.reasons.most_common(_MOST_NAMED):
        say(f"  {slots:,} x {reason} ({stage})")
    if made.short and made.stopped is None:
        listed = few([f"{title} ({rows:,})" for title, rows in made.short.items()], _MOST_NAMED)
        say(
            f"{counted(len(made.short), 'discipline')} gave fewer than {exam.wanted // len(exam.disciplines):,}: "
            f"{listed}. Their reserved draws are used up, or too many were rejected; test-set/rejects/ has the reasons."
        )
    if not made.is_standing:
        say("No test set was written: the one that stands, if any, has as many rows or more.")
        return
    say(f"The test set is in {exam.project.folder / FOLDER}: {counted(made.rows, 'row')}.")
    if made.touched is not None:
        for line in _told_of(made.touched, is_benchmark=made.is_benchmark):
            say(line)


def _told_of(found: Touched, *, is_benchmark: bool) -> Iterator[str]:
    """Say what it means for the training rows."""
    if found.rows and not found.holding and not found.near:
        yield f"None of the {found.rows:,} training rows holds one of its questions, or asks nearly the same."
    if found.holding:
        after = " The next `glan run` takes others in their place." if is_benchmark else ""
        yield (
            f"{len(found.holding):,} of {found.rows:,} training rows hold a question of it, 13 words in a row or all "
            f"of a shorter one: {few(found.holding, _MOST_NAMED)}.{after}"
        )
    if found.near:
        yield (
            f"{len(found.near):,} more ask nearly the same in other words: {few(found.near, _MOST_NAMED)}. They stay; "
            "`glan review` can drop them."
        )
    if is_benchmark:
        yield f"It is the benchmark {NAME} of this project: runs take no pair that holds one of its questions."
    else:
        yield (
            f"It is no benchmark of this project, since that would cost about {found.share:.0%} of all pairs: the "
            "teacher writes in set phrases. `glan test-set --yes` makes it one all the same."
        )


def _as_dict(exam: Exam, made: Made) -> dict[str, object]:
    """Return what came of it, for machines."""
    return {
        "rows": made.rows,
        "wanted": made.wanted,
        "short": made.short,
        **{
            name: value for name, value in exam.progress.as_dict().items() if name in {"rejects", "failures", "reasons"}
        },
        "is_standing": made.is_standing,
        "is_settled": made.is_settled,
        "is_benchmark": made.is_benchmark,
        "touched": made.touched,
        **exam.hearing.tally.as_dict(),
        "possibly_paid": exam.hearing.possibly_paid,
        "notices": [*exam.notices, *exam.hearing.told],
        "stopped": None if made.stopped is None else str(made.stopped),
        "exit_code": made.exit_code,
    }
