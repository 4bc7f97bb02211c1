"""Benchmarks that are known by name: `benchmarks.toml`, read once."""

import difflib
import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from importlib import resources

import msgspec

from glan.errors import BenchmarkError
from glan.records import Record


class Recipe(Record, frozen=True, kw_only=True):
    """Where a benchmark is, and what of it is looked at; the file says what each part means."""

    hub: str
    splits: tuple[str, ...]
    fields: tuple[str, ...]
    configs: tuple[str, ...] = ()
    id: str | None = None
    licence: str | None = None
    files: Mapping[str, str] = {}


@cache
def recipes() -> Mapping[str, Recipe]:
    """Return the recipes by name."""
    text = (resources.files("glan.benchmarks") / "benchmarks.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Recipe])


def spelt(name: str) -> str:
    """Return a name as the recipes spell it; one that they do not know stays as it is."""
    return next((known for known in recipes() if known.casefold() == name.casefold()), name)


def recipe_of(name: str) -> Recipe:
    """Return the recipe of a name.

    Raises:
        BenchmarkError: none has it.

    """
    found = recipes().get(spelt(name))
    if found is None:
        near = difflib.get_close_matches(name, recipes(), n=1)
        raise BenchmarkError(
            f"No benchmark is known as {name!r}{f'; did you mean {near[0]}?' if near else '.'}",
            hint=f"Known are {', '.join(recipes())}; `glan benchmarks add` takes any other from files.",
        )
    return found


def missing(there: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Return the known benchmarks that are not there, by the splits of those that are; `GSM8K (train)` for a part."""
    absent = []
    for name, recipe in recipes().items():
        splits = [split for split in recipe.splits if split not in there.get(name, ())]
        if name not in there:
            absent.append(name)
        elif splits:
            absent.append(f"{name} ({', '.join(splits)})")
    return tuple(absent)
