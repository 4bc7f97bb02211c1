"""Commands on the benchmarks of a project: list, add, fetch. `glan run` fetches nothing."""

from pathlib import Path
from typing import TypedDict, Unpack

import click

from glan.benchmarks.hub import load_from_hub, reading_of, splits_of
from glan.benchmarks.recipes import missing, recipe_of, recipes, spelt
from glan.benchmarks.store import Benchmark, Reading, Split, add, checked_name
from glan.benchmarks.tables import files_of, rows_of
from glan.cli.screen import json_option, project_option, say, say_json
from glan.errors import BenchmarkError
from glan.project import Project

_replace_option = click.option("--replace", is_flag=True, help="Write anew what is there already.")


@click.group("benchmarks")
def benchmarks_command() -> None:
    """Say which benchmarks the pairs are held against, and get more."""


@benchmarks_command.command("list")
@project_option
@json_option
def list_command(folder: Path, *, as_json: bool) -> None:
    """List the benchmarks of the project, and the known ones that are not there."""
    found = Project.open(folder).benchmarks
    absent = missing(found.splits())
    if as_json:
        there = {each.name: each.about for each in found.found}
        say_json({"benchmarks": there, "not_there": absent, "known": recipes()})
        return
    for each in found.found:
        _say(each)
    if not found.found:
        say("The project has no benchmarks, so its pairs are held against none.")
    if absent:
        say(f"Not there: {', '.join(absent)}; `glan benchmarks fetch` gets them from the Hugging Face hub.")


def _say(found: Benchmark) -> None:
    about = found.about
    splits = ", ".join(f"{split} {items:,}" for split, items in about.splits.items())
    say(f"{found.name}: {about.n_items:,} items ({splits}), {about.licence or 'licence unknown'}, of {about.date}")
    say(f"  {about.source}; looked at: {', '.join(about.fields)}; sha256 {about.sha256[:16]}")


class _Added(TypedDict):
    """The options of `glan benchmarks add` as click gives them."""

    fields: tuple[str, ...]
    id_: str | None
    split: str | None
    licence: str | None
    replace: bool


@benchmarks_command.command("add")
@click.argument("name")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@project_option
@click.option(
    "--field",
    "fields",
    multiple=True,
    help="What to look at, the question first, then more as often as wanted; `a+b` joins two, `a.b` is b inside a. "
    "A known benchmark needs none.",
)
@click.option("--id", "id_", metavar="FIELD", help="Field with an item's own id; its number if not given.")
@click.option("--split", help="Split of the items; the name of each file if not given.")
@click.option("--licence", help="Licence of the benchmark.")
@_replace_option
def add_command(name: str, files: tuple[Path, ...], *, folder: Path, **given: Unpack[_Added]) -> None:
    """Add the benchmark NAME from files: .jsonl, .parquet or .csv."""
    name = checked_name(spelt(name))
    recipe = recipes().get(name)
    fields = given["fields"] or (recipe.fields if recipe is not None else ())
    if not fields:
        raise BenchmarkError(f"What to look at in {name} is not known.", hint="Name the field with --field question.")
    id_ = given["id_"] or (recipe.id if recipe is not None and not given["fields"] else None)
    paths = [path for file in files for path in files_of(file)]
    reading = Reading(
        fields=fields,
        source=", ".join(path.name for path in paths),
        id=id_,
        licence=given["licence"] or (recipe.licence if recipe is not None else None),
    )
    splits = (Split(name=given["split"] or path.stem, rows=rows_of(path)) for path in paths)
    _say(add(Project.open(folder).folder / "benchmarks", name, splits, reading, replace=given["replace"]))


@benchmarks_command.command("fetch")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@project_option
@click.option(
    "--from",
    "mirror",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Read copies of the hub's repositories in this folder, as OWNER/NAME, and fetch nothing.",
)
@_replace_option
def fetch_command(names: tuple[str, ...], *, folder: Path, mirror: Path | None, replace: bool) -> None:
    """Fetch benchmarks by NAME from the Hugging Face hub, or all that are known and not there."""
    project = Project.open(folder)
    there = project.benchmarks.names
    every = [name for name in recipes() if replace or name not in there]
    wanted = [(spelt(name), recipe_of(name)) for name in names or every]
    load = load_from_hub()
    for name, recipe in wanted:
        if name in there and not replace:
            say(f"{name} is there already; --replace fetches it anew.")
            continue
        splits = splits_of(recipe, load, mirror)
        _say(add(project.folder / "benchmarks", name, splits, reading_of(recipe), replace=replace))
