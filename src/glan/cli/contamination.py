"""The command that holds a data set which others made against benchmarks."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypedDict, Unpack

import click
import msgspec

from glan.against import Against
from glan.benchmarks.store import Benchmarks
from glan.cli.screen import json_option, project_option, say, say_json
from glan.curate.contamination import Contamination
from glan.errors import BenchmarkError
from glan.project import Project
from glan.scan import Found, Scan

_EVERY_S: Final = 10.0
_REFRESH_S: Final = 0.25
_SHOWN: Final = 10


class _Given(TypedDict):
    """The options of `glan contamination` as click gives them."""

    folder: Path
    where: Path | None
    fields: tuple[str, ...]
    out: Path | None


@click.command("contamination")
@click.argument("dataset", type=click.Path(path_type=Path))
@project_option
@click.option(
    "--benchmarks",
    "where",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder with the benchmarks, if they are not those of the project.",
)
@click.option("--field", "fields", multiple=True, help="What to look at, if the columns are not recognised.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write every match to this .jsonl file.")
@json_option
@click.pass_context
def contamination_command(ctx: click.Context, *, dataset: Path, as_json: bool, **given: Unpack[_Given]) -> None:
    """Hold DATASET, a file or a folder of .jsonl, .parquet or .csv, against benchmarks.

    The exit code is 0 where nothing was found, and 1 where something was.
    """
    against = Against(_benchmarks(given["where"], given["folder"]))
    scan = Scan(Contamination(against.benchmarks), fields=given["fields"])
    first: list[Found] = []
    with _written(given["out"]) as write, _shown(scan):
        for found in scan.matches_in(dataset):
            write(found)
            if len(first) < _SHOWN:
                first.append(found)
    against.matches = scan.matches
    if as_json:
        say_json(_report(scan, against, first))
    else:
        _say(scan, against, first)
    ctx.exit(1 if scan.rows_matched else 0)


def _benchmarks(where: Path | None, folder: Path) -> Benchmarks:
    found = Benchmarks.read(where) if where is not None else Project.open(folder).benchmarks
    if not found.found:
        raise BenchmarkError(
            f"{found.folder} has no benchmarks to hold it against.",
            hint="`glan benchmarks fetch` and `glan benchmarks add` get some; --benchmarks DIR names another folder.",
        )
    return found


def _report(scan: Scan, against: Against, first: list[Found]) -> dict[str, object]:
    return {
        "rows": scan.rows,
        "texts": scan.texts,
        "rows_matched": scan.rows_matched,
        **against.as_dict(),
        "first_matches": first,
    }


def _say(scan: Scan, against: Against, first: list[Found]) -> None:
    for found in first:
        say(f"{found.file}:{found.row} {found.place} = {found.benchmark} {found.item}: {found.text}")
    n_more = scan.matches.total() - len(first)
    if n_more:
        say(f"... and {n_more:,} more; --out FILE writes all of them.")
    share = scan.rows_matched / scan.rows if scan.rows else 0.0
    say(f"{scan.rows:,} rows with {scan.texts:,} texts; {scan.rows_matched:,} rows ({share:.2%}) hold an item.")
    for line in against.told():
        say(line)


@contextmanager
def _shown(scan: Scan) -> Iterator[None]:
    """Show how far a scan is: beside a spinner on a terminal, as a plain line now and then in a log."""
    if not sys.stderr.isatty():
        scan.watch = _Now(scan, lambda line: click.echo(line, err=True), every_s=_EVERY_S)
        yield
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

    with Console(stderr=True).status("Reading") as status:
        scan.watch = _Now(scan, status.update, every_s=_REFRESH_S)
        yield


class _Now:
    """Tells how far a scan is, not more often than is wanted."""

    def __init__(self, scan: Scan, tell: Callable[[str], object], *, every_s: float) -> None:
        self._scan, self._tell, self._every_s = scan, tell, every_s
        self._begun_s = self._told_s = time.monotonic()

    def __call__(self) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s >= self._every_s:
            self._told_s = now_s
            per_second = self._scan.rows / (now_s - self._begun_s)
            self._tell(
                f"{self._scan.rows:,} rows, {per_second:,.0f} rows/s, {self._scan.rows_matched:,} rows hold an item"
            )


@contextmanager
def _written(out: Path | None) -> Iterator[Callable[[Found], object]]:
    """Give what writes a match, a line each; the file has its name only when it is whole."""
    if out is None:
        yield lambda _: None
        return
    encode = msgspec.json.Encoder().encode
    part = out.with_name(f".{out.name}.part")
    try:
        with part.open("wb") as file:
            yield lambda found: file.write(encode(found) + b"\n")
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
