"""Commands that ask a teacher: run, preview."""

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal, Protocol, TypedDict, Unpack

import click

from glan.cli.display import STOPPING, displayed
from glan.cli.logs import logged_to
from glan.cli.publishing import goal_of
from glan.cli.screen import (
    complain,
    confirmer,
    json_option,
    ledger_option,
    printable,
    project_option,
    say,
    say_json,
    tokens_told,
    yes_option,
)
from glan.cli.trusting import confirmed
from glan.errors import INTERRUPTED, BudgetError
from glan.project import Project
from glan.records import Reply, Request, Stage
from glan.runs import InterruptedRunError, Options, Result, Run
from glan.spending import told_possibly_paid, told_server_time
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Choice
from glan.teachers.opening import named_again
from glan.teachers.panel import Named, opened
from glan.telling import calls_of, cost_of


class _Given(TypedDict):
    """The options of `glan run` as click gives them."""

    pairs: int | None
    spec: str | None
    mode: Literal["live", "batch"] | None
    engine: Literal["local", "ray"] | None
    address: str | None
    max_in_flight: int | None
    concurrency: Literal["adaptive", "fixed"] | None
    budget_usd: float | None
    budget_tokens: int | None
    until: str | None
    retry_failed: bool
    rules: bool
    rebuild: bool
    reask: bool
    keep: bool
    grace_s: float
    ledger: Path | None
    only: str | None
    publish: str | None


@click.command("run")
@project_option
@json_option
@yes_option
@click.option(
    "--pairs",
    type=click.IntRange(1, 1_000_000_000),
    help="How many pairs; if not given, those of glan.toml, or as many as stand.",
)
@click.option("--teacher", "spec", metavar="SPEC", help="offline, openai/MODEL, ollama/MODEL, vllm/MODEL@URL, ...")
@click.option(
    "--mode",
    type=click.Choice(["live", "batch"]),
    help="Ask one by one, or in batches: half the price, and hours. If not given, as in glan.toml.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    help="Have servers asked by this process, or by workers on a Ray cluster. If not given, as in glan.toml.",
)
@click.option(
    "--address",
    metavar="HOST:PORT",
    help="The head of the Ray cluster. If not given, as RAY_ADDRESS says, or the cluster on this machine.",
)
@click.option(
    "--max-in-flight", type=click.IntRange(1, 100_000), help="Most requests in flight at once to each server."
)
@click.option(
    "--concurrency",
    type=click.Choice(["adaptive", "fixed"]),
    help="As many in flight as the servers bear, or always as many as --max-in-flight; if not given, as in glan.toml.",
)
@click.option("--budget-usd", type=click.FloatRange(min=0), help="Never spend more than this on the project.")
@click.option("--budget-tokens", type=click.IntRange(min=0), help="Never use more tokens than this on the project.")
@click.option("--until", type=click.Choice(["subjects", "syllabi", "questions"]), help="End after this stage.")
@click.option(
    "--retry-failed",
    is_flag=True,
    help="Ask again for what failed, and for what was asked with a prompt that the server cut.",
)
@click.option(
    "--rules", is_flag=True, help="Let the project's own rules.py run: it is code, and is run by nothing else."
)
@click.option("--rebuild", is_flag=True, help="Make the data set from the ledger also where nothing has changed.")
@click.option("--reask", is_flag=True, help="Ask anew for what changed.")
@click.option("--keep", is_flag=True, help="Keep the replies that are there for what changed.")
@click.option(
    "--grace-s",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds that a stopping run waits for what is in flight.",
)
@click.option(
    "--only",
    metavar="NODE",
    help="A trial: the disciplines under this node alone, as a data set of its own in trials/. N is counted there.",
)
@click.option(
    "--publish",
    metavar="URL",
    help="Publish the data set when the run has ended: to s3://BUCKET/PREFIX, gs://, az:// or a folder.",
)
@ledger_option
@click.pass_context
def run_command(ctx: click.Context, *, folder: Path, as_json: bool, yes: bool, **given: Unpack[_Given]) -> None:
    """Make the data set of a project, or go on making it.

    What the ledger has is never asked again: after an interruption, a crash or a change of N, run it again.
    """
    if given["reask"] and given["keep"]:
        raise click.UsageError("--reask and --keep exclude each other.")
    options = _options(given)
    project = Project.open(folder, given["ledger"])
    if options.address is not None and options.asked_by(project.config).engine != "ray":
        raise click.UsageError("--address is that of a Ray cluster, and goes with --engine ray.")
    confirm = confirmer(yes=yes)
    is_part = options.only is not None or options.until is not Stage.ANSWERS
    goal = goal_of(project, given["publish"], confirm, is_part=is_part)
    named = confirmed(project, named_for(project, given["spec"]), confirm)
    run, result = asyncio.run(conduct(project, named, options, confirm))
    published, code = None, result.exit_code
    if not as_json:
        tell(run, result)
    if goal is not None:
        published, code = goal.after(result, (lambda _: None) if as_json else say)
    if as_json:
        say_json({**run.reporter.status("ended"), **ending(result), "published": published, "exit_code": code})
    ctx.exit(code)


class _Previewed(TypedDict):
    """The options of `glan preview` as click gives them."""

    spec: str | None
    node: str | None
    pairs: int
    yes: bool


@click.command("preview")
@project_option
@ledger_option
@click.option("--teacher", "spec", metavar="SPEC", help="As for `glan run`.")
@yes_option
@click.option("--node", "--only", metavar="NODE", help="Only disciplines under this node of the taxonomy.")
@click.option("--pairs", type=click.IntRange(1, 100), default=3, show_default=True, help="How many pairs.")
@click.pass_context
def preview_command(ctx: click.Context, folder: Path, ledger: Path | None, **given: Unpack[_Previewed]) -> None:
    """Make three pairs and show every prompt and reply on their way. What is paid for here is in the ledger."""
    seen: list[tuple[Request, Reply]] = []
    options = Options(
        pairs=given["pairs"],
        only=given["node"],
        is_preview=True,
        watch=lambda request, reply: seen.append((request, reply)),
    )
    project = Project.open(folder, ledger)
    confirm = confirmer(yes=given["yes"])
    named = confirmed(project, named_for(project, given["spec"]), confirm)
    run, result = asyncio.run(conduct(project, named, options, confirm))
    for request, reply in seen:
        say(f"=== {request.id} ({request.stage}, model {request.sampling.model})")
        for message in request.messages:
            say(f"--- {message.role}\n{message.content}")
        say(f"--- reply ({reply.finish_reason})\n{reply.text}\n")
    tell(run, result)
    ctx.exit(result.exit_code)


async def conduct(
    project: Project, named: Named, options: Options, confirm: Callable[[str], bool]
) -> tuple[Run, Result]:
    """Run a project with its progress on the screen, its log on disk, and Ctrl-C handled."""
    config = options.asked_by(project.config)  # a wrong setting is told before anything is written
    named = replace(named, cluster=options.address)
    with logged_to(project.log_path):
        async with opened(config, project.environment, named) as panel:
            run = Run(project, panel, options)
            with interruptible(run):
                async with displayed(run):
                    return run, await run(confirm)


class Interruptible(Protocol):
    """A run, or what stops as one does."""

    @property
    def is_interrupted(self) -> bool: ...
    def interrupt(self) -> None: ...


@contextmanager
def interruptible(run: Interruptible) -> Iterator[None]:
    """Let the first Ctrl-C, SIGTERM or closed terminal stop the run in good order, and the second end it at once."""
    loop = asyncio.get_running_loop()

    def receive() -> None:
        if run.is_interrupted:
            # What was delivered is in the ledger; a transaction under way is rolled back by the next to open it.
            sys.stderr.write("\x1b[?25h" if sys.stderr.isatty() else "")
            os._exit(INTERRUPTED)
        if not sys.stderr.isatty():  # on a terminal the display says it
            click.echo(STOPPING, err=True)
        run.interrupt()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, receive)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # under nohup the run goes on
        loop.add_signal_handler(signal.SIGHUP, run.interrupt)  # a terminal that closes may say so twice
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)


def ending(result: Result) -> dict[str, object]:
    """Return how a run ended, for machines."""
    return {
        "exit_code": result.exit_code,
        "open": result.open,
        "is_standing": result.is_standing,
        "is_settled": result.is_settled,
        "stopped": str(result.stopped) if result.stopped is not None else None,
        "notices": list(result.notices),
    }


def tell(run: Run, result: Result) -> None:
    """Say what came of a run, and how to go on."""
    for notice in result.notices:
        say(notice)
    tally = run.tally
    made = f"{result.pairs:,} of {result.wanted:,} {_UNITS[run.options.until]}"
    tokens = tokens_told(tally.prompt_tokens, tally.completion_tokens, tally.cached_tokens, calls=tally.asked)
    say(
        f"{made}, {result.rejects:,} rejects, {result.failures:,} failures; "
        f"{calls_of(tally.asked, tally.hits)}, {tokens}, {cost_of(result.cost_usd)}."
    )
    if doubtful := told_possibly_paid(run.possibly_paid):
        say(doubtful)
    if run.tally.meter.usd_per_s and run.tally.asked:
        say(told_server_time(run.tally))
    for (stage, reason), slots in run.progress.reasons.most_common(5):
        say(f"  {slots:,} x {reason} ({stage})")
    _tell_against(run)
    _tell_made(run, result)
    _tell_end(run.project, run.options, result)


def _tell_made(run: Run, result: Result) -> None:
    """Say what became of the data set."""
    if result.is_settled:
        say("Nothing has changed since the data set was made, so it stands as it is.")
    if result.is_standing:
        say(f"The data set is in {run.project.dataset_path}.")
    if run.project.only is not None and not run.options.is_aside:
        say("It is a trial: the project's own data set stays as it is, and a run of all pays for none of this again.")
    if result.open:
        say(f"{result.open:,} earlier slots are still open; the rows behind them may move when the run goes on.")


def _tell_against(run: Run) -> None:
    """Say what the pairs were held against, where the run came so far."""
    if run.options.until in {Stage.QUESTIONS, Stage.ANSWERS}:
        for line in run.against.told():
            say(line)


def _tell_end(project: Project, options: Options, result: Result) -> None:
    """Say why a run ended before its time, if it did, and how to go on."""
    if isinstance(result.stopped, InterruptedRunError):
        say(str(result.stopped))
    elif result.stopped is not None:
        complain(result.stopped)
    elif result.exit_code:
        retry = " `glan run --retry-failed` asks again for what failed." if result.failures else ""
        say(f"No discipline is left that has more to give: add disciplines, or mend what rejects/ shows.{retry}")
    # After a budget the way on is a greater one, which its message says; without one there would be no cap at all.
    if (result.stopped is not None or result.exit_code) and not isinstance(result.stopped, BudgetError):
        say(f"To go on: {_line(project, options)}")


def _line(project: Project, options: Options) -> str:
    """Return the command line that goes on with a run, with what neither glan.toml nor the ledger knows."""
    given = {
        "--project": project.folder,
        "--ledger": project.ledger,
        "--only": options.only,
        "--pairs": options.pairs if options.pairs != project.config.pairs else None,
        "--mode": options.mode if options.mode != project.config.mode else None,
        "--engine": options.engine if options.engine != project.config.engine else None,
        "--address": options.address,
        "--until": options.until if options.until is not Stage.ANSWERS else None,
        "--budget-usd": options.budget_usd,
        "--budget-tokens": options.budget_tokens,
    }
    words = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    flags = ["--rules"] if options.rules else []
    return shlex.join(["glan", "preview" if options.is_preview else "run", *words, *flags])


_UNITS = {
    Stage.SUBJECTS: "slots with a subject",
    Stage.SYLLABI: "slots with a syllabus",
    Stage.QUESTIONS: "questions",
    Stage.ANSWERS: "pairs",
}


def show_sample(project: Project, most: int) -> None:
    """Print one row of each discipline, the shortest that it has, for so many disciplines at most."""
    from glan.dataset.shards import read_rows  # noqa: PLC0415 - pyarrow is loaded when it is needed

    shortest: dict[str, tuple[int, str]] = {}
    for row in read_rows(project.train_path, ["discipline", "id", "messages"]):
        length = sum(len(message["content"]) for message in row["messages"])
        if row["discipline"] in shortest or len(shortest) < most:
            known = shortest.get(row["discipline"], (length + 1, ""))
            shortest[row["discipline"]] = min(known, (length, row["id"]))
    wanted = {id_ for _, id_ in shortest.values()}
    for row in read_rows(project.train_path, ["discipline", "subject", "sessions", "id", "messages"]):
        if row["id"] in wanted:
            say(f"\n[{row['discipline']} > {row['subject']} > {', '.join(row['sessions'])}]  {row['id']}")
            for message in row["messages"]:
                say(f"{message['role'].upper()}: {message['content']}")
    say("")


def _options(given: _Given) -> Options:
    choice = Choice.REASK if given["reask"] else Choice.KEEP if given["keep"] else None
    return Options(
        pairs=given["pairs"],
        until=Stage(given["until"]) if given["until"] else Stage.ANSWERS,
        mode=given["mode"],
        engine=given["engine"],
        address=given["address"],
        max_in_flight=given["max_in_flight"],
        concurrency=given["concurrency"],
        budget_usd=given["budget_usd"],
        budget_tokens=given["budget_tokens"],
        choice=choice,
        retry_failed=given["retry_failed"],
        rules=given["rules"],
        rebuild=given["rebuild"],
        grace_s=given["grace_s"],
        only=given["only"],
    )


def named_for(project: Project, spec: str | None) -> Named:
    """Return how the teacher is named: as typed, as in glan.toml, or as the project's last run named it."""
    last: Mapping[str, str] = {}
    if project.ledger_path.exists():
        with Ledger.open(project.ledger_path, readonly=True) as ledger:
            run = ledger.last_run()
        last = run.files if run is not None else {}
    named, told = named_again(spec, project.config, project.environment, last)
    if told:
        click.echo(printable(told), err=True)
    return named
