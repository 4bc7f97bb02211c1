"""Commands that show a project in a browser: view."""

import asyncio
import webbrowser
from pathlib import Path
from typing import TypedDict, Unpack

import click

from glan.cli.opening import only_option, opened_project
from glan.cli.screen import ledger_option, project_option, say


class _Given(TypedDict):
    """What is shown and where, as click gives it."""

    only: str | None
    port: int
    host: str
    opens: bool


@click.command("view")
@project_option
@ledger_option
@only_option
@click.option("--port", type=click.IntRange(0, 65_535), default=8_470, show_default=True, help="0 takes a free one.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Where it listens. Anywhere but on this machine alone, the address holds a token that opens it.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the index that it makes of the rows; .view in the project if not given.",
)
@click.option("--open", "opens", is_flag=True, help="Open a browser.")
def view_command(folder: Path, ledger: Path | None, cache: Path | None, **given: Unpack[_Given]) -> None:
    """Show the data set in a browser: the tree, every pair with its prompts and replies, rejects, reviews, a run.

    It serves a few pages on this machine, sends nothing anywhere, and changes nothing. Ctrl-C ends it.
    """
    from glan.view.app import serve  # noqa: PLC0415 - only this command serves
    from glan.view.viewer import Viewer  # noqa: PLC0415 - likewise

    viewer = Viewer.of(opened_project(folder, ledger, given["only"]), cache)

    def ready(address: str) -> None:
        say(f"Showing {folder.resolve()} on {address}")
        say("Ctrl-C ends it.")
        if given["opens"]:
            webbrowser.open(address)

    try:
        asyncio.run(serve(viewer, host=given["host"], port=given["port"], on_ready=ready))
    except KeyboardInterrupt:
        say("Stopped.")
