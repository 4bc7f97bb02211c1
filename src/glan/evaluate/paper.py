"""What the paper reports: tables 1, 2 and 4 from `papers.toml`, table 3 from `table3.toml`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import msgspec

from glan.records import Record


class PaperTable(Record, frozen=True, kw_only=True):
    """A table of the paper, in percent."""

    title: str
    columns: tuple[tuple[str, str, str], ...]
    """Of each its name, the benchmark, and which of its numbers."""
    rows: Mapping[str, tuple[float, ...]]


class PaperLosses(Record, frozen=True):
    """Table 3, the losses on training splits and test splits, as it is printed."""

    models: tuple[str, ...]
    benchmarks: Mapping[str, Mapping[str, tuple[str, ...]]]
    """Of each its rows, with what is printed of each model."""


@cache
def paper_tables() -> tuple[PaperTable, ...]:
    """Return the tables that `glan eval` has numbers for."""
    return tuple(msgspec.convert(_read("papers.toml"), dict[str, PaperTable]).values())


@cache
def paper_losses() -> PaperLosses:
    """Return the table that `glan leakage` has numbers for."""
    return msgspec.convert(_read("table3.toml"), PaperLosses)


def reported(model: str, benchmark: str, number: str) -> float | None:
    """Return what the paper reports of a model, in percent; None where it does not."""
    for table in paper_tables():
        for column, (_, of, name) in enumerate(table.columns):
            if (of, name) == (benchmark, number) and model in table.rows:
                return table.rows[model][column]
    return None


def _read(name: str) -> Mapping[str, Any]:
    return tomllib.loads((resources.files("glan.evaluate") / name).read_text(encoding="utf-8"))
