"""Commands that read a project: status and export. They ask nobody."""

import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

import click

from glan.cli.counts import say_statistics
from glan.cli.opening import only_option, opened_project
from glan.cli.screen import json_option, ledger_option, project_option, say, say_json, tokens_told
from glan.cli.status_tree import StatusTree
from glan.cli.stores import put_at
from glan.errors import GlanError
from glan.manifests import Manifest
from glan.project import Project, manifest_in, status_in
from glan.reporting import Status
from glan.spending import told_possibly_paid
from glan.storage.stores import address_of, is_url
from glan.teachers.ledger import Ledger
from glan.teachers.ledger_file import is_held
from glan.teachers.outbox import Outbox, Parcel


class _Shown(TypedDict):
    """What `glan status` shows besides."""

    only: str | None
    failures: bool
    watch: bool
    tree: bool
    depth: int | None
    statistics: bool


@click.command("status")
@project_option
@ledger_option
@json_option
@only_option
@click.option("--watch", is_flag=True, help="Show a run that goes on elsewhere until it ends; Ctrl-C stops looking.")
@click.option("--failures", is_flag=True, help="List the requests that failed for good.")
@click.option("--tree", is_flag=True, help="Count slots, pairs, rejects and failures at each node of the taxonomy.")
@click.option("--depth", type=click.IntRange(1), help="With --tree: so many levels alone.")
@click.option("--statistics", is_flag=True, help="Show what the data set is made of, as its card does.")
def status_command(folder: Path, ledger: Path | None, *, as_json: bool, **shown: Unpack[_Shown]) -> None:
    """Say how far a project is, also while a run goes on elsewhere."""
    project = opened_project(folder, ledger, shown["only"])
    if shown["watch"]:
        _watch(project)
    manifest = project.manifest()
    run = _run_status(project)
    batches = _batches(project)
    failed = _failures(project) if shown["failures"] else []
    tree = StatusTree.of(project.taxonomy, run, manifest) if shown["tree"] else None
    if as_json:
        counted = None if tree is None else tree.as_dict(shown["depth"])
        say_json({"run": run, "manifest": manifest, "failures": failed, "batches": batches, "tree": counted})
        return
    _say_run(run)
    for parcel in batches:
        say(f"  {parcel.told}")
    _say_dataset(project, manifest)
    _say_trials(project)
    if tree is not None:
        tree.say(shown["depth"])
    if shown["statistics"] and manifest is not None:
        say_statistics(manifest)
    for request_id, reason in failed:
        say(f"  {request_id}: {reason}")
    if shown["failures"]:
        say(f"{len(failed):,} failures; `glan run --retry-failed` asks for them again." if failed else "No failures.")


def _run_status(project: Project) -> dict[str, Any] | None:
    return _alive(project, project.status())


def _alive(project: Project, found: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what a run said of itself, and that it died where nobody holds the ledger any more."""
    if found is not None and found.get("state") == "running" and not is_held(project.ledger_path, found.get("process")):
        found["state"] = "died"
    return found


def _watch(project: Project) -> None:
    """Look on while a run goes on in another process."""
    from glan.cli.display import watched  # noqa: PLC0415 - it brings what a run needs

    def look() -> Status | None:
        found = _run_status(project)
        return Status.of(found) if found is not None and found.get("state") == "running" else None

    with suppress(KeyboardInterrupt):  # whoever looks on stops looking; the run goes on
        watched(look)


def _batches(project: Project) -> list[Parcel]:
    """Return the batches and files that wait for their replies."""
    if not project.ledger_path.exists():
        return []
    with Ledger.open(project.ledger_path, readonly=True) as ledger:
        outbox = Outbox(ledger)
        return [*outbox.out(), *outbox.written()]


def _say_run(run: dict[str, Any] | None) -> None:
    if run is None:
        say("No run yet.")
        return
    states = {"running": "A run goes on", "ended": "The last run has ended", "died": "The last run died without an end"}
    calls = sum(run.get("asked", {}).values())
    told = run.get("prompt_tokens", 0), run.get("completion_tokens", 0), run.get("cached_tokens")
    say(
        f"{states.get(str(run.get('state')), 'A run')}: {run.get('pairs', 0):,} of {run.get('wanted', 0):,} pairs, "
        f"{run.get('rejects', 0):,} rejects, {run.get('failures', 0):,} failures; "
        f"{calls:,} calls, {tokens_told(*told, calls=calls)}."
    )
    for found in run.get("reasons", []):
        say(f"  {found['slots']:,} x {found['reason']} ({found['stage']})")
    if doubtful := told_possibly_paid(run.get("possibly_paid", {})):
        say(doubtful)
    if run.get("state") == "died":
        in_flight = int(run.get("in_flight", 0))
        but = f" but the {in_flight:,} calls in flight, as far as they were served" if in_flight else ""
        say(f"Nothing paid is lost{but}: run it again to go on.")


def _say_dataset(project: Project, manifest: Manifest | None) -> None:
    if manifest is None:
        say("No data set yet.")
        return
    slots = manifest.slots
    say(
        f"Data set: {slots['pairs']:,} rows of {manifest.pairs_wanted:,} wanted, "
        f"{'complete' if manifest.complete else f'not complete ({manifest.ended})'}, made {manifest.made_at}."
    )
    say(
        f"  {slots['decided']:,} slots = {slots['pairs']:,} pairs + {slots['rejects']:,} rejects "
        f"+ {slots['failures']:,} failures; {slots['open']:,} open; the first {manifest.prefix_rows:,} rows stay."
    )
    if doubtful := told_possibly_paid(manifest.possibly_paid):
        say(f"  Over all runs: {doubtful}")
    say(f"  {project.dataset_path}")


def _say_trials(project: Project) -> None:
    """List the trials, with how far each is."""
    for folder in project.trials() if project.only is None else ():
        manifest, run = manifest_in(folder), Status.of(_alive(project, status_in(folder)) or {})
        if run.state == "running":
            say(f"Trial of {run.only or folder.name}: a run goes on, {run.pairs:,} of {run.wanted:,} pairs so far.")
        elif manifest is not None:
            complete = "" if manifest.complete else ", not complete"
            slots, node = manifest.slots, manifest.only or folder.name
            say(f"Trial of {node}: {slots['pairs']:,} rows of {manifest.pairs_wanted:,} wanted{complete}.")


def _failures(project: Project) -> list[tuple[str, str]]:
    if not project.ledger_path.exists():
        return []
    with Ledger.open(project.ledger_path, readonly=True) as ledger:
        return [(entry.request_id, entry.failure or "") for entry in ledger.failures()]


def _making(project: Project) -> str:
    """Return the command that makes a data set."""
    only = [] if project.only is None else ["--only", project.only]
    return shlex.join(["glan", "run", "--project", str(project.folder), *only])


class _Given(TypedDict):
    folder: Path
    ledger: Path | None
    format_: str
    reasoning: Literal["drop", "think", "field"]
    force: bool
    only: str | None


@click.command("export")
@click.argument("out")
@project_option
@ledger_option
@click.option(
    "--format",
    "format_",
    default="messages",
    show_default=True,
    help="messages, alpaca, sharegpt, prompt-completion, openai or preference.",
)
@click.option(
    "--reasoning",
    type=click.Choice(["drop", "think", "field"]),
    default="drop",
    show_default=True,
    help="What becomes of the teacher's thinking.",
)
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@only_option
def export_command(out: str, **given: Unpack[_Given]) -> None:
    """Write the data set to OUT, a .jsonl or .parquet file: a path, or s3://BUCKET/NAME, gs://, az:// or file:///FILE.

    `preference` has a row for each question on which answers disagreed: the row's answer, and one that was outvoted.
    """
    project = opened_project(given["folder"], given["ledger"], given["only"])
    if not project.train_path.is_dir():
        raise GlanError(f"{project.made_path} has no data set yet.", hint=f"Make one: {_making(project)}")
    address = address_of(out)
    if address.is_remote:
        with put_at(address, project.folder, project.made_path, force=given["force"]) as path:
            rows, more = _export(project, path, given)
    else:
        rows, more = _export(project, Path(address.path if is_url(out) else out), given)
    say(f"Wrote {rows:,} rows to {out}.{more}")


def _export(project: Project, out: Path, given: _Given) -> tuple[int, str]:
    """Write the file; return how many rows it has, and what else is to be said."""
    from glan.dataset.formats import PREFERENCE, export, export_preferences  # noqa: PLC0415 - pyarrow is loaded here
    from glan.preferences import preferences_of  # noqa: PLC0415 - as above

    way, force = given["reasoning"], given["force"]
    if given["format_"] != PREFERENCE:
        return export(project.train_path, out, format=given["format_"], reasoning=way, force=force), ""
    with preferences_of(project) as found:
        rows = export_preferences(project.train_path, out, found.rejected, reasoning=way, force=force)
    return rows, f" {found.told}"
