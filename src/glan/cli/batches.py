"""Commands on batches: list, write, read, drop."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, Unpack

import click
import msgspec

from glan.cli.running import conduct, named_for
from glan.cli.screen import complain, confirmer, json_option, ledger_option, project_option, say, say_json
from glan.errors import GlanError, ProjectError
from glan.options import Options
from glan.project import Project
from glan.records import Stage
from glan.teachers.batch_reading import Read
from glan.teachers.ledger import Ledger
from glan.teachers.outbox import Outbox, Parcel, State


@click.group("batch")
def batch_command() -> None:
    """Show the batches of a project; write its requests as files, and read their replies."""


@batch_command.command("list")
@project_option
@ledger_option
@json_option
def list_command(folder: Path, ledger: Path | None, *, as_json: bool) -> None:
    """List the batches that wait for their replies."""
    with Ledger.open(Project.open(folder, ledger).ledger_path, readonly=True) as opened:
        outbox = Outbox(opened)
        parcels = [*outbox.out(), *outbox.written()]
    if as_json:
        say_json(msgspec.to_builtins(parcels))
        return
    for parcel in parcels:
        say(parcel.told)
    if not parcels:
        say("No batch waits for its replies.")


class _Given(TypedDict):
    """The options of `glan batch write` as click gives them."""

    spec: str | None
    pairs: int | None
    until: str | None


@batch_command.command("write")
@click.argument("out", metavar="DIR|FILE", type=click.Path(path_type=Path))
@project_option
@ledger_option
@click.option(
    "--teacher", "spec", metavar="SPEC", help="Whose model is asked, such as vllm/MODEL; nobody is asked now."
)
@click.option("--pairs", type=click.IntRange(1), help="As for `glan run`.")
@click.option("--until", type=click.Choice(["subjects", "syllabi", "questions"]), help="End after this stage.")
@click.pass_context
def write_command(ctx: click.Context, out: Path, *, folder: Path, ledger: Path | None, **given: Unpack[_Given]) -> None:
    """Write the requests that the ledger lacks as files for `vllm run-batch` or another offline runner.

    Into a folder, or into one file whose name ends in .jsonl. What can be asked now is written: drafts first, and after
    `glan batch read` what follows from them, until the data set is whole.
    """
    project = Project.open(folder, ledger)
    until = Stage(given["until"]) if given["until"] else Stage.ANSWERS
    options = Options(pairs=given["pairs"], until=until, write_to=out.absolute())
    run, result = asyncio.run(conduct(project, named_for(project, given["spec"]), options, confirmer(yes=False)))
    for notice in result.notices:
        say(notice)
    for parcel in run.written:
        say(f"Wrote {parcel.requests:,} requests for the model {parcel.model} to {parcel.server}.")
    if run.written:
        first = run.written[0]
        say(f"Run them, for example: vllm run-batch -i {first.server} -o OUT.jsonl --model {first.model}")
        say(f"Then: glan batch read OUT.jsonl --project {folder}")
    else:
        say(f"Nothing is left to ask: `glan run --project {folder}` makes the data set.")
    if result.stopped is not None:
        complain(result.stopped)
        ctx.exit(result.exit_code)


@batch_command.command("read")
@click.argument("source", metavar="FILE|DIR", type=click.Path(path_type=Path))
@project_option
@ledger_option
@json_option
def read_command(source: Path, *, folder: Path, ledger: Path | None, as_json: bool) -> None:
    """Read what an offline runner wrote into the ledger: one file, or every .jsonl file of a folder."""
    project = Project.open(folder, ledger)
    paths = sorted(source.glob("*.jsonl")) if source.is_dir() else [source]
    if not source.exists() or not paths:
        raise ProjectError(f"There is no {'.jsonl file in' if source.is_dir() else 'file'} {source}.")
    found, waiting = asyncio.run(_read(project, paths))
    if as_json:
        say_json({**msgspec.to_builtins(found), "error": None, "waiting": msgspec.to_builtins(waiting)})
        return
    _tell(found, waiting, folder)


async def _read(project: Project, paths: Sequence[Path]) -> tuple[Read, list[tuple[Parcel, int]]]:
    from glan.teachers.batch_files import read  # noqa: PLC0415 - needed here alone

    with project.held(), Ledger.open(project.ledger_path) as ledger:
        found, waiting = await read(paths, ledger)
        outbox = Outbox(ledger)
        return found, [(parcel, outbox.n_waiting(parcel)) for parcel in waiting]


def _tell(found: Read, waiting: list[tuple[Parcel, int]], folder: Path) -> None:
    say(f"{found.replies:,} replies and {found.failures:,} failures are in the ledger now.")
    if found.there:
        say(f"{found.there:,} lines were there already.")
    if found.again:
        say(f"{found.again:,} requests failed in a way that may pass: they are written or asked again next time.")
    if found.n_strange:
        shown = ", ".join(found.strange)
        say(
            f"{found.n_strange:,} lines belong to nothing that was written from this project: {shown}. They were left; "
            "is it the output of another project, or of a file that was dropped?"
        )
    for parcel, number in waiting:
        say(
            f"{number:,} of {parcel.requests:,} requests of {parcel.server} have no reply yet; `glan batch drop "
            f"{parcel.tag}` gives them up."
        )
    if not waiting:
        say(f"Go on: glan batch write ... --project {folder}, or glan run --project {folder}")


@batch_command.command("drop")
@click.argument("tag", metavar="TAG")
@project_option
@ledger_option
def drop_command(tag: str, *, folder: Path, ledger: Path | None) -> None:
    """Give up the batch with this TAG: its requests are asked again, and its replies are not read any more.

    At the provider it goes on, and is paid for; cancel it there first.
    """
    project = Project.open(folder, ledger)
    with project.held(), Ledger.open(project.ledger_path) as opened:
        outbox = Outbox(opened)
        parcel = outbox.named(tag)
        if parcel is None or parcel.state in {State.READ, State.DROPPED}:
            raise GlanError(f"No batch {tag!r} waits for its replies.", hint="`glan batch list` shows those that do.")
        number = outbox.n_waiting(parcel)
        outbox.close(parcel, State.DROPPED)
    say(f"{tag} is given up; {number:,} requests are asked again when they are needed.")
