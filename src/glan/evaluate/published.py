"""The published rows of a benchmark: from files of a person's, or from the hub by name.

DIR/arc_easy/test.jsonl              one part: a file that is called like the split
DIR/math/algebra.jsonl  ...          several parts: one file each, or a folder with such a file
"""

from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec

from glan.benchmarks.hub import load_from_hub
from glan.benchmarks.tables import READERS, rows_of
from glan.errors import BenchmarkError, DatasetError
from glan.evaluate.problems import Problem, Published, problems_of
from glan.evaluate.suite import Benchmark, suite

_HINT: Final = (
    "Where there is no network, get the files on another machine, such as with `hf download {hub} --repo-type dataset "
    "--local-dir X`, and name their folder: --data DIR. docs/eval.md says which file goes where."
)
_PACKED: Final = frozenset({"choices", "test_list", "instruction_id_list", "kwargs"})
"""Columns that hold no text."""


@cache
def problems_in(name: str, data: Path | None) -> tuple[Problem, ...]:
    """Return every problem of a benchmark, read once.

    Raises:
        BenchmarkError: they are not there, or are not what is published.

    """
    return tuple(problems_of(name, rows_published(name, data)))


def rows_published(name: str, data: Path | None) -> Iterator[Published]:
    """Yield the rows of a benchmark, from a folder where one is given and else from the hub.

    Raises:
        BenchmarkError: they are not there, or cannot be read.

    """
    benchmark = suite()[name]
    return _from_hub(benchmark) if data is None else _from_files(name, benchmark, data)


def is_in(data: Path, name: str) -> bool:
    """Say whether a folder has anything of a benchmark."""
    return (data / name).is_dir()


def _from_files(name: str, benchmark: Benchmark, data: Path) -> Iterator[Published]:
    several = len(benchmark.configs) > 1
    for part in benchmark.configs if several else ("",):
        rows = chain.from_iterable(map(rows_of, _files(data / name, benchmark, part)))
        try:
            for number, row in enumerate(rows, 1):
                yield _unpacked(Published(place=row.place, part=part, number=number, fields=row.fields), row.path)
        except DatasetError as error:
            raise BenchmarkError(str(error), hint=error.hint) from error


def _unpacked(row: Published, path: Path) -> Published:
    """Return a row with its lists and objects, which are JSON in the cells of a CSV."""
    if path.suffix.casefold() != ".csv":
        return row
    fields = dict(row.fields)
    for name in _PACKED & fields.keys():
        try:
            fields[name] = msgspec.json.decode(row.text(name))
        except (msgspec.DecodeError, RecursionError) as error:
            raise row.wrong(name, "JSON, as a cell of a CSV holds lists and objects") from error
    return msgspec.structs.replace(row, fields=fields)


def _files(folder: Path, benchmark: Benchmark, part: str) -> list[Path]:
    """Return the file of a part, or its files where the hub has cut it into several.

    Raises:
        BenchmarkError: there is none.

    """
    places = [(folder, part), (folder / part, benchmark.split)] if part else [(folder, benchmark.split)]
    for place, stem in places:
        found = [
            path
            for path in sorted(place.glob(f"{stem}*"))
            if path.suffix.casefold() in READERS and (path.stem == stem or path.stem.startswith(f"{stem}-"))
        ]
        if found:
            return found
    named = " or ".join(f"{place / stem}.jsonl" for place, stem in places)
    raise BenchmarkError(
        f"{benchmark.title} is not in --data: there is no {named}.",
        hint=f"Also .parquet and .csv are read. {_HINT.format(hub=benchmark.hub)}",
    )


def _from_hub(benchmark: Benchmark) -> Iterator[Published]:
    load = load_from_hub()
    for config in benchmark.configs or (None,):
        named = {"name": config} if config is not None else {}
        part = config if config is not None and len(benchmark.configs) > 1 else ""
        place = "/".join(filter(None, [benchmark.hub, config, benchmark.split]))
        try:
            for number, fields in enumerate(load(benchmark.hub, split=benchmark.split, **named), 1):
                yield Published(place=f"{place}:{number}", part=part, number=number, fields=fields)
        except (OSError, ValueError, RuntimeError) as error:
            words = " ".join(str(error).split())[:300].rstrip(".")
            raise BenchmarkError(
                f"{place} cannot be fetched: {words}.", hint=_HINT.format(hub=benchmark.hub)
            ) from error
