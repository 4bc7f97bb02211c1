"""The benchmarks of `glan eval`, as `tasks/suite.toml` has them, and what stands beside it in that folder."""

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import msgspec

from glan.errors import BenchmarkError
from glan.records import Record

Kind = Literal["choice", "figure", "maths", "stated", "code", "instructions"]


class Benchmark(Record, frozen=True, kw_only=True):
    """One benchmark; the file says what each part means."""

    title: str
    hub: str
    split: str
    columns: tuple[str, ...]
    shots: int
    max_tokens: int
    kind: Kind
    rule: str
    source: str
    configs: tuple[str, ...] = ()
    until: tuple[str, ...] = ()


@cache
def suite() -> Mapping[str, Benchmark]:
    """Return every benchmark by its name, in the order in which they are examined."""
    return msgspec.convert(tomllib.loads(_text("suite.toml")), dict[str, Benchmark])


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of benchmarks that are asked for, each once, in the order of the suite; all if none is.

    Raises:
        BenchmarkError: one of them is not known.

    """
    known = suite()
    by_title = {benchmark.title.casefold(): name for name, benchmark in known.items()}
    found = set()
    for each in names:
        name = by_title.get(each.strip().casefold(), each.strip().casefold().removeprefix("glan_"))
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise BenchmarkError(
                f"No benchmark of the suite is called {each!r}{f'; did you mean {near[0]}?' if near else '.'}",
                hint=f"Those that there are: {', '.join(known)}.",
            )
        found.add(name)
    return tuple(name for name in known if name in found or not names)


@cache
def bbh_shots() -> Mapping[str, Any]:
    """Return by task of BBH its description and its three shots, each an input and a chain of thought."""
    found: Mapping[str, Any] = json.loads(_text("bbh_shots.json"))
    return found


@cache
def mbpp_shots() -> Sequence[Mapping[str, Any]]:
    """Return the three items of MBPP that stand before each of its questions."""
    found: Sequence[Mapping[str, Any]] = json.loads(_text("mbpp_shots.json"))
    return found


@cache
def group_of() -> Mapping[str, str]:
    """Return the group of each subject of MMLU."""
    groups = tomllib.loads(_text("mmlu_groups.toml"))
    return {subject: group for group, subjects in groups.items() for subject in subjects}


def tasks_folder() -> Path:
    """Return the folder that lm-evaluation-harness includes: `lm_eval run --include_path FOLDER --tasks glan`."""
    return Path(str(resources.files("glan.evaluate"))) / "tasks"


def _text(name: str) -> str:
    return (resources.files("glan.evaluate") / "tasks" / name).read_text(encoding="utf-8")
