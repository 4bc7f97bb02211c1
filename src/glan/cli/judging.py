"""The command that has the answers of models judged."""

import asyncio
import re
import shlex
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import click
import msgspec

from glan import language_names
from glan.cli.display import STOPPING, lined
from glan.cli.logs import logged_to
from glan.cli.paying import Given, options_of, paying_options, project_here
from glan.cli.running import interruptible, named_for
from glan.cli.screen import complain, confirmer, json_option, ledger_option, say, say_json, tokens_told, yes_option
from glan.cli.trusting import confirmed
from glan.config import Config, JudgeConfig, StudentConfig
from glan.errors import BudgetError, ConfigError, GlanError, MissingPackageError
from glan.evaluate.folders import mark_of, model_in, model_name_of
from glan.evaluate.inspecting import export
from glan.evaluate.questions import Asked, read_answers, read_questions
from glan.heldout import shelf_of
from glan.judging import Contestant, Judging, Outcome, Task
from glan.project import LEDGER, Project
from glan.records import Stage
from glan.scoreboard import BY, SCORES, Scoreboard, is_less, lines, refuse_other, scoreboard, write
from glan.settings import Price
from glan.sites import Site, site_alone, site_in
from glan.spending import told_possibly_paid
from glan.teachers.panel import Named, Panel
from glan.teachers.specs import parse_spec
from glan.telling import calls_of, cost_of

REFERENCE = "reference"
"""Names the answers that stand beside the questions."""
_FILES = (".jsonl", ".parquet", ".csv")
_NAME = re.compile(r"[\w.+ -]{1,80}")
_MOST_TOLD = 5


class _Given(Given):
    contestants: tuple[str, ...]
    folder: Path | None
    file: Path | None
    judge: str | None
    single: bool
    by: tuple[str, ...]
    limit: int | None
    out: Path | None
    task_file: Path | None
    ledger: Path | None


@click.command("judge")
@click.argument("contestants", nargs=-1, metavar="[A] [B]")
@click.option(
    "--project",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder of a project, whose settings, ledger and test set are used; the current folder, if it is one.",
)
@click.option(
    "--questions",
    "file",
    type=click.Path(path_type=Path),
    help="File or folder of .jsonl, .parquet or .csv with `id` and `question` or `messages`, in place of the test set.",
)
@click.option("--judge", metavar="SPEC", help="Who judges; [teachers.judge], or the project's teacher, if not given.")
@click.option("--single", is_flag=True, help="Grade each answer by itself, in place of both beside each other.")
@click.option("--by", multiple=True, metavar="COLUMN", help=f"Group by a further column than {', '.join(BY)}.")
@click.option("--limit", type=click.IntRange(min=1), help="Only so many questions, spread evenly over all.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the results.")
@click.option(
    "--inspect",
    "task_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="TASK.py",
    help="Ask nobody: write the questions as a task of inspect-ai.",
)
@paying_options
@ledger_option
@json_option
@yes_option
@click.pass_context
def judge_command(ctx: click.Context, *, as_json: bool, yes: bool, **given: Unpack[_Given]) -> None:
    """Let a judge compare the answers of two models, A and B, or grade those of one.

    A model is a SPEC as for --teacher, or a file with `id` and `answer`; `reference` are the answers that stand beside
    the questions. NAME=SPEC gives it a name: its answers are in the ledger under that, so a model that has changed
    needs another. Both orders of two answers are judged, and the scores averaged.
    """
    project = project_here(given["folder"], given["ledger"])
    questions = _questions(project, given)
    by = (*BY, *given["by"])
    site = _site(project, given)
    if given["task_file"] is not None:
        beside = export(
            given["task_file"], questions, site.prompts, by=by, language=language_names.name_of(site.config.language)
        )
        say(f"Wrote {given['task_file']} and {beside}: {len(questions):,} questions.")
        return
    task = _task(project, questions, given)
    out = given["out"] or _out(project, task)
    judging = Judging(site, _confirmed(site, task, yes=yes), options_of(given))
    refuse_other(out, scoreboard(judging, Outcome(), by=by, seed=0))
    outcome = asyncio.run(_conduct(site, judging))
    board = scoreboard(judging, outcome, by=by, seed=site.config.seed)
    is_written = board.judged > 0 and not (outcome.stopped is not None and is_less(out, board))
    if is_written:
        write(out, board, judging, outcome, _nodes(project, questions))
    if as_json:
        say_json(_as_dict(judging, outcome, board, out if is_written else None))
    else:
        _tell(judging, outcome, board, out=out if is_written else None, project=project)
    ctx.exit(outcome.exit_code)


def _questions(project: Project | None, given: _Given) -> Sequence[Asked]:
    """Return what is asked.

    Raises:
        ConfigError: there are no questions.

    """
    if given["file"] is not None:
        return read_questions(given["file"], given["limit"])
    if project is None:
        raise ConfigError("There are no questions.", hint="--questions FILE names some, --project DIR a test set.")
    shelf = shelf_of(project)
    if not shelf.rows_path.is_dir():
        raise ConfigError(
            f"{project.folder} has no test set.", hint="`glan test-set` makes one; --questions FILE names other ones."
        )
    return read_questions(shelf.rows_path, given["limit"])


def _site(project: Project | None, given: _Given) -> Site[Config]:
    if project is not None:
        return site_in(project, project.config)
    out = given["out"]
    if out is None and given["ledger"] is None and given["task_file"] is None:
        raise ConfigError(
            "There is no project, so results and replies have nowhere to go.",
            hint="--out DIR names a folder for the results and their ledger; --project DIR a project.",
        )
    return site_alone(given["ledger"] or (out or Path()) / LEDGER, Config())


def _task(project: Project | None, questions: Sequence[Asked], given: _Given) -> Task:
    """Return what is to be judged.

    Raises:
        ConfigError: a model or the judge is not named as it should be.

    """
    if not 1 <= len(given["contestants"]) <= 2:
        raise click.UsageError("Name one model to be graded, or two to be compared.")
    contestants = [_contestant(text, questions) for text in given["contestants"]]
    if len({each.name for each in contestants}) < len(contestants):
        raise ConfigError(
            f"Both models are called {contestants[0].name!r}.", hint="Give one of them another name: NAME=SPEC."
        )
    config = JudgeConfig.of(project.config if project is not None else Config())
    if given["judge"] is not None:
        config, judge = config.named_anew(), Named(spec=given["judge"])
    elif config.teachers.judge.spec is not None or project is None:
        judge = Named(spec=None)
    else:
        judge = named_for(project, None)
    if judge.spec is None and config.teacher_of(Stage.JUDGEMENTS).spec is None:
        raise ConfigError("No judge is named.", hint="--judge SPEC names one, or `spec` in [teachers.judge].")
    return Task(
        questions=questions,
        contestants=contestants,
        way="single" if given["single"] or len(contestants) == 1 else "pairwise",
        judge=judge,
        judge_config=config,
    )


def _contestant(text: str, questions: Sequence[Asked]) -> Contestant:
    """Return a model, or the answers of one.

    Raises:
        ConfigError: it is neither.

    """
    name, equals, source = text.partition("=")
    if not equals or not _NAME.fullmatch(name) or Path(text).exists():
        name, source = "", text
    if source == REFERENCE:
        answers = {asked.id: asked.answer for asked in questions if asked.answer is not None}
        if not answers:
            raise ConfigError("No question has an answer beside it, so there is no reference.")
        return Contestant(name=name or REFERENCE, answers=answers, source=source)
    path = Path(source)
    if (model := model_in(path)) is not None:
        return Contestant(name=name or model_name_of(model), named=_local(model), source=source)
    if path.exists() or path.suffix.casefold() in _FILES:
        answers = dict(read_answers(path))
        if not any(asked.id in answers for asked in questions):
            raise ConfigError(f"{path} answers none of the questions: it has other ids.")
        return Contestant(name=name or path.stem, answers=answers, source=source)
    return Contestant(name=name or parse_spec(source).model, named=Named(spec=source), source=source)


def _local(folder: Path) -> Panel:
    """Return a model on this machine as who is asked; its name in the ledger says which weights they are."""
    try:
        from glan.evaluate.local_teacher import LocalTeacher  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise MissingPackageError(
            f"To ask the model in {folder}, the packages torch and transformers are needed: {error}.",
            hint="pip install 'glan[eval]'",
        ) from error
    return Panel.of(LocalTeacher(folder), mark_of(folder), Price(input=0, output=0))


def _confirmed(site: Site[Config], task: Task, *, yes: bool) -> Task:
    """Return a task with the hosts that the user allows a key."""
    confirm = confirmer(yes=yes)
    students = replace(site, config=StudentConfig.of(site.config))
    judges = replace(site, config=task.judge_config)
    contestants = [
        replace(each, named=confirmed(students, each.named, confirm)) if isinstance(each.named, Named) else each
        for each in task.contestants
    ]
    judge = confirmed(judges, task.judge, confirm) if isinstance(task.judge, Named) else task.judge
    return replace(task, contestants=contestants, judge=judge)


def _out(project: Project | None, task: Task) -> Path:
    """Return the folder for the results where none is named."""
    if project is None:
        raise ConfigError("The results have nowhere to go.", hint="--out DIR names a folder for them.")
    name = " vs ".join(each.name for each in task.contestants)
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "results"
    return project.folder / "judge" / (f"{plain}-graded" if task.way == "single" else plain)[:150]


async def _conduct(site: Site[Config], judging: Judging) -> Outcome:
    site.ledger_path.parent.mkdir(parents=True, exist_ok=True)
    with logged_to(site.log_path) if site.log_path is not None else nullcontext(), interruptible(judging):
        async with lined(lambda: _line(judging)):
            return await judging()


def _line(judging: Judging) -> str:
    tallies = judging.tallies
    parts = [
        judging.progress,
        f"{sum(tally.in_flight for tally in tallies):,} in flight",
        *_spent(judging),
        *([STOPPING] if judging.is_interrupted else []),
    ]
    return ", ".join(parts)


def _spent(judging: Judging) -> tuple[str, str]:
    """Return the calls, and what they cost."""
    tallies = judging.tallies
    costs = [tally.cost_usd for tally in tallies]
    known = [cost for cost in costs if cost is not None]
    asked, hits = sum(tally.asked for tally in tallies), sum(tally.hits for tally in tallies)
    return calls_of(asked, hits), cost_of(sum(known) if len(known) == len(costs) else None)


def _nodes(project: Project | None, questions: Sequence[Asked]) -> Mapping[str, str]:
    """Return by question the name of its discipline as the tree of the project has it."""
    if project is None:
        return {}
    names = {each.leaf: each.name for each in project.taxonomy.disciplines}
    leaves = {asked.id: asked.id.split("/")[1] for asked in questions if asked.id.startswith("test/")}
    return {id_: names[leaf] for id_, leaf in leaves.items() if leaf in names}


def _tell(judging: Judging, outcome: Outcome, board: Scoreboard, *, out: Path | None, project: Project | None) -> None:
    """Say what came of it."""
    for hearing in judging.hearings:
        for line in hearing.told:
            say(line)
        if doubtful := told_possibly_paid(hearing.possibly_paid):
            say(doubtful)
    tallies = judging.tallies
    read, written = sum(tally.prompt_tokens for tally in tallies), sum(tally.completion_tokens for tally in tallies)
    tokens = tokens_told(read, written, None, calls=sum(tally.asked for tally in tallies))
    calls, cost = _spent(judging)
    say(f"{board.judged:,} of {board.questions:,} questions judged; {calls}, {tokens}, {cost}.")
    for reason, count in sorted(board.missing.items(), key=lambda each: -each[1])[:_MOST_TOLD]:
        say(f"  {count:,} x {reason}")
    for line in lines(board):
        say(line)
    if out is not None:
        say(f"Every table and judgement is in {out}: README.md, summary.json, results.jsonl, judgements.jsonl.")
        if project is not None and outcome.stopped is None and (out / SCORES).exists():
            say("To give weak disciplines more pairs, and then to make them:")
            of = "" if project.folder == Path() else f" --project {shlex.quote(str(project.folder))}"
            say(f"  glan taxonomy rebalance --from {shlex.quote(str(out / SCORES))}{of}")
            say(f"  glan run{of}")
    _tell_end(outcome.stopped)


def _tell_end(stopped: GlanError | None) -> None:
    """Say why it ended before its time, if it did."""
    if stopped is None:
        return
    complain(stopped)
    if not isinstance(stopped, BudgetError):
        say("To go on, give the same command again: what was paid for is in the ledger.")


def _as_dict(judging: Judging, outcome: Outcome, board: Scoreboard, out: Path | None) -> dict[str, object]:
    """Return what came of it, for machines."""
    return {
        **msgspec.to_builtins(board),
        "out": None if out is None else str(out),
        "tallies": [tally.as_dict() for tally in judging.tallies],
        "notices": [line for hearing in judging.hearings for line in hearing.told],
        "stopped": None if outcome.stopped is None else str(outcome.stopped),
        "exit_code": outcome.exit_code,
    }
