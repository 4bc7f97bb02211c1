"""The command `report`: what a data set is, in one page that opens from disk."""

import asyncio
import webbrowser
from pathlib import Path
from typing import TypedDict, Unpack

import click

from glan.cli.opening import only_option, opened_project
from glan.cli.screen import json_option, ledger_option, project_option, say, say_json
from glan.project import Project
from glan.wording import counted


class _Given(TypedDict):
    """The options of `glan report` as click gives them."""

    as_json: bool
    only: str | None
    out: Path | None
    is_opened: bool


@click.command("report")
@project_option
@ledger_option
@json_option
@only_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the page goes; `report.html` beside the data set if not given. A file that is there is replaced.",
)
@click.option("--open", "is_opened", is_flag=True, help="Show it in the browser.")
def report_command(folder: Path, ledger: Path | None, **given: Unpack[_Given]) -> None:
    """Write what the data set is into one HTML page, with charts and twelve pairs; it needs no network."""
    project = opened_project(folder, ledger, given["only"])
    path = given["out"] or project.report_path
    size, pairs = write_report(project, path)
    if given["as_json"]:
        say_json({"path": str(path), "size_bytes": size, "pairs": pairs})
    else:
        say(f"Wrote {path}: {counted(pairs, 'pair')}, {size / 1e6:,.1f} MB. It opens in any browser.")
    if given["is_opened"]:
        webbrowser.open(path.resolve().as_uri())


def write_report(project: Project, path: Path) -> tuple[int, int]:
    """Write the report of a project in one step; return its size in bytes and the number of pairs.

    Raises:
        GlanError: there is no data set, it cannot be read, or the page cannot be written.

    """
    from glan.disk import replace  # noqa: PLC0415 - what follows loads pyarrow and jinja2
    from glan.report.gathering import gathered  # noqa: PLC0415 - likewise
    from glan.report.page import page_of  # noqa: PLC0415 - likewise

    found = asyncio.run(gathered(project))
    page = page_of(found)
    replace(path, page)
    return len(page), found.summary.pairs
