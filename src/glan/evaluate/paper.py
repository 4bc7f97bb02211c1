"""What the paper reports, from `papers.toml`: tables 1, 2 and 4."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec

from glan.records import Record


class PaperTable(Record, frozen=True, kw_only=True):
    """A table of the paper, in percent."""

    title: str
    columns: tuple[tuple[str, str, str], ...]
    """Of each its name, the benchmark, and which of its numbers."""
    rows: Mapping[str, tuple[float, ...]]


@cache
def paper_tables() -> tuple[PaperTable, ...]:
    """Return the tables that `glan eval` has numbers for."""
    text = (resources.files("glan.evaluate") / "papers.toml").read_text(encoding="utf-8")
    return tuple(msgspec.convert(tomllib.loads(text), dict[str, PaperTable]).values())


def reported(model: str, benchmark: str, number: str) -> float | None:
    """Return what the paper reports of a model, in percent; None where it does not."""
    for table in paper_tables():
        for column, (_, of, name) in enumerate(table.columns):
            if (of, name) == (benchmark, number) and model in table.rows:
                return table.rows[model][column]
    return None
