"""The folder `benchmarks/` of a project: NAME.jsonl with what is looked for, and NAME.toml with where it is from.

A name is letters, digits, dots, lines and hyphens, and never a path. NAME.toml holds the hash of NAME.jsonl, so that
what was checked is what is told of it.
"""

import hashlib
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from glan.benchmarks.items import Item
from glan.benchmarks.tables import LONGEST_LINE, Row, text_of
from glan.errors import BenchmarkError, file_error
from glan.parsing import clean

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST_ID: Final = 200
_AGAIN: Final = (
    "Get it again with `glan benchmarks fetch --replace` or `glan benchmarks add --replace`, or remove both."
)


class About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What NAME.toml says."""

    source: str
    """The hub's id with its configurations, or the files that it was read from."""
    fields: tuple[str, ...]
    """What of an item is looked at: its question first."""
    splits: dict[str, int]
    """Items of each split."""
    sha256: str
    """Of NAME.jsonl."""
    date: str
    """When it was fetched or added."""
    licence: str | None = None

    @property
    def n_items(self) -> int:
        return sum(self.splits.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A benchmark of a project."""

    name: str
    path: Path
    about: About

    def items(self) -> Iterator[Item]:
        """Yield its items in their order.

        Raises:
            BenchmarkError: a line is no item.

        """
        decode = msgspec.json.Decoder(_Line).decode
        with self.path.open("rb") as file:
            number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                try:
                    found = decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise BenchmarkError(f"{self.path}:{number} is no item: {error}.", hint=_AGAIN) from error
                yield Item(benchmark=self.name, id=found.id, question=found.question, others=found.others)


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    id: str
    question: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """The benchmarks of a folder, in the order of their names; every walk over it reads the files again."""

    folder: Path
    found: tuple[Benchmark, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> "Benchmarks":
        """Read what there is, and hold each file against its hash; a folder that is not there has none.

        Raises:
            BenchmarkError: a file has no name for a benchmark, lacks the other, or is not what it was.

        """
        names = {path.stem for path in folder.glob("[!.]*.*") if path.suffix in {".jsonl", ".toml"}}
        return cls(folder, tuple(_read(folder, checked_name(name)) for name in sorted(names)))

    def __iter__(self) -> Iterator[Item]:
        for benchmark in self.found:
            yield from benchmark.items()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(benchmark.name for benchmark in self.found)

    def splits(self) -> dict[str, dict[str, int]]:
        """Return the splits of each by its name, with how many items they have."""
        return {benchmark.name: benchmark.about.splits for benchmark in self.found}

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each NAME.jsonl by its path in the project."""
        return {f"benchmarks/{benchmark.name}.jsonl": benchmark.about.sha256 for benchmark in self.found}

    def folded(self) -> Mapping[str, str]:
        """Return the names by what they are without regard to case, as some file systems have them."""
        return {name.casefold(): name for name in self.names}


def checked_name(name: str) -> str:
    """Return a name that can stand for a file.

    Raises:
        BenchmarkError: it cannot.

    """
    if not _NAME.fullmatch(name):
        raise BenchmarkError(
            f"{name[:100]!r} is no name for a benchmark.",
            hint="A name has up to 64 letters, digits, `.`, `_` and `-`, and begins with a letter or a digit.",
        )
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Rows that are to become items."""

    name: str
    rows: Iterable[Row]
    part: str = ""
    """The configuration, where there are several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the rows of a benchmark are read."""

    fields: Sequence[str]
    """The field with the question, then those of further texts."""
    source: str
    id: str | None = None
    licence: str | None = None
    date: str = field(default_factory=lambda: date.today().isoformat())  # noqa: DTZ011 - the day where the person is


def add(folder: Path, name: str, splits: Iterable[Split], reading: Reading, *, replace: bool = False) -> Benchmark:
    """Write a benchmark into the folder; nothing is left of it if a row cannot be read.

    Raises:
        BenchmarkError: the name is none or is taken, or there are no items.
        DatasetError: a row lacks a field.

    """
    path = folder / f"{checked_name(name)}.jsonl"
    taken = Benchmarks.read(folder).folded().get(name.casefold()) if not replace and folder.is_dir() else None
    if taken is not None:
        raise BenchmarkError(f"{folder} has the benchmark {taken} already.", hint="--replace writes it anew.")
    part = folder / f".{name}.jsonl.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with part.open("xb") as file:
            counts, digest = _write(file, splits, reading)
        if not counts.total():
            raise BenchmarkError(f"{reading.source} has no items.")
        about = About(
            source=clean(reading.source),
            fields=tuple(reading.fields),
            splits=dict(counts),
            sha256=digest,
            date=reading.date,
            licence=reading.licence,
        )
        path.with_suffix(".toml").unlink(missing_ok=True)
        part.replace(path)
        _replace(path.with_suffix(".toml"), _rendered(about))
    except OSError as error:
        raise file_error(BenchmarkError, path, "written", error) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return Benchmark(name=name, path=path, about=about)


def _write(file: BinaryIO, splits: Iterable[Split], reading: Reading) -> tuple[Counter[str], str]:
    """Write a line for each item; return how many there are in each split, and the hash of all."""
    encode = msgspec.json.Encoder().encode
    digest = hashlib.sha256()
    counts: Counter[str] = Counter()
    for split in splits:
        for row in split.rows:
            own = text_of(row, reading.id).strip()[:_LONGEST_ID] if reading.id is not None else ""
            place = "/".join(filter(None, [split.name, split.part, own.replace("\n", " ") or str(row.number)]))
            question, *others = (text_of(row, each) for each in reading.fields)
            line = encode(_Line(id=place, question=question, others=tuple(filter(None, others)))) + b"\n"
            digest.update(line)
            file.write(line)
            counts[clean(split.name)] += 1
    return counts, digest.hexdigest()


def _read(folder: Path, name: str) -> Benchmark:
    path, about_path = folder / f"{name}.jsonl", folder / f"{name}.toml"
    for each, other in ((path, about_path), (about_path, path)):
        if not each.is_file():
            raise BenchmarkError(f"{other} stands without {each.name}.", hint=_AGAIN)
    try:
        about = msgspec.convert(tomllib.loads(about_path.read_text(encoding="utf-8")), About)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise BenchmarkError(f"{about_path} cannot be read: {error}.", hint=_AGAIN) from error
    except OSError as error:
        raise file_error(BenchmarkError, error.filename, "read", error) from error
    if digest != about.sha256:
        raise BenchmarkError(f"{path} is not the file whose hash is in {about_path.name}.", hint=_AGAIN)
    return Benchmark(name=name, path=path, about=about)


def _rendered(about: About) -> str:
    """Return NAME.toml: what JSON calls a string or a list of them, TOML does too."""
    splits = ", ".join(f"{_quoted(split)} = {items}" for split, items in about.splits.items())
    lines = [
        f"source = {_quoted(about.source)}",
        f"fields = [{', '.join(map(_quoted, about.fields))}]",
        f"splits = {{ {splits} }}",
        f"sha256 = {_quoted(about.sha256)}",
        f"date = {_quoted(about.date)}",
        *([f"licence = {_quoted(about.licence)}"] if about.licence is not None else []),
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(clean(text), ensure_ascii=False)


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with part.open("x", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)
