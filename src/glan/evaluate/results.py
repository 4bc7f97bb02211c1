"""What an examination came to: items, the numbers over them with their intervals, and their files.

    FOLDER/results.json           the numbers, and all that they hang on
    FOLDER/items/NAME.jsonl.gz    every item of a benchmark: prompt's hash, replies, what was read, what is right, score

A number is a ratio of sums over items, such as right answers by questions, and the item is the unit of its error: the
standard error is that of a ratio (linearised), and the 95% interval is Wilson's for as many independent questions as
have that error. So 0 of 50 has an interval too, and instructions of one prompt do not count as independent.
"""

import gzip
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from glan.disk import replace
from glan.errors import ProjectError, file_error
from glan.evaluate.scoring import Part
from glan.records import Record

RESULTS: Final = "results.json"
ITEMS: Final = "items"
_ANEW: Final = f"Without {RESULTS} in it the same `glan eval` writes the folder anew, and asks for no reply twice."
_Z: Final = 1.959964
"""Of a 95% interval."""


class Item(Record, frozen=True, kw_only=True):
    """What came of one item of a benchmark."""

    id: str
    group: str = ""
    prompt_sha256: str
    """Of the prompt as it was sent, with the chat template of a local model."""
    replies: tuple[str | None, ...]
    """One, or as many as samples were asked for; None where there is none."""
    extracted: tuple[str | None, ...] = ()
    """What was taken as the answer of each."""
    answer: str = ""
    """What is right."""
    parts: Mapping[str, Part] = {}
    """By number; nothing where the item failed, which then counts in no number."""
    failed: str | None = None
    """Why it has no score."""
    cut: bool = False
    """Whether a reply had no room to end."""
    prompt_cut: bool = False
    """Whether the prompt was longer than the model takes."""


class Number(Record, frozen=True, kw_only=True):
    """A share from 0 to 1, with its error."""

    value: float
    se: float
    low: float
    high: float
    """Between these lies the 95% interval."""
    items: int


class Taken(Record, frozen=True, kw_only=True):
    """What one benchmark came to, and how it was taken."""

    title: str
    shots: int
    max_tokens: int
    temperature: float
    samples: int
    limit: int | None
    there: int
    """Items that the benchmark has."""
    asked: int
    answered: int
    """Those with a score; the others are in no number."""
    unread: int
    """Of those, how many gave no answer that the rules could read: they are wrong."""
    cut: int
    """Of those, how many had no room to end."""
    prompts_cut: int
    """How many prompts were longer than the model takes, and lost their beginning."""
    failed: Mapping[str, int] = {}
    """Why others have no score, each with how many."""
    data: str
    """SHA-256 of every problem of the benchmark with what is right."""
    prompts: str
    """SHA-256 of those that were asked."""
    numbers: Mapping[str, Number] = {}
    groups: Mapping[str, Number] = {}
    """The first number, by group."""

    def number(self, name: str) -> Number | None:
        """Return one of its numbers, or that of a group; None where there is none."""
        return self.numbers.get(name) or self.groups.get(name)

    @property
    def first(self) -> Number | None:
        """The number that stands for it; None where no item has a score."""
        return next(iter(self.numbers.values()), None)


class Results(Record, frozen=True, kw_only=True):
    """What an examination of one model came to."""

    glan_version: str
    libraries: Mapping[str, str]
    name: str
    model: str
    """As a person named it."""
    way: str
    """`local` or `server`."""
    identity: str
    """Changes when the model is another."""
    chat: bool
    """Whether prompts were put into a chat template."""
    pairs: int | None = None
    """So many it was tuned on, where it says so."""
    tasks: Mapping[str, Taken] = {}
    left_out: Mapping[str, str] = {}
    """Benchmarks that were not taken, each with the reason."""


def number_over(parts: Sequence[Part]) -> Number:
    """Return the ratio of the sums over items, one part each, with its error."""
    n, total = len(parts), sum(part.of for part in parts)
    value = sum(part.right for part in parts) / total
    mean = total / n
    spread = sum(((part.right - value * part.of) / mean) ** 2 for part in parts)
    se = math.sqrt(spread / (n - 1) / n) if n > 1 else 0.0
    independent = value * (1 - value) / se**2 if se else float(n)
    low, high = _wilson(value, independent)
    return Number(value=value, se=se, low=low, high=high, items=n)


def _wilson(value: float, n: float) -> tuple[float, float]:
    """Return the 95% interval of a share that was seen in n independent questions."""
    scale = 1 + _Z**2 / n
    middle = (value + _Z**2 / (2 * n)) / scale
    half = _Z * math.sqrt(value * (1 - value) / n + _Z**2 / (4 * n * n)) / scale
    return max(0.0, middle - half), min(1.0, middle + half)


def numbers_of(items: Iterable[Item]) -> Mapping[str, Number]:
    """Return every number over the items that have a score."""
    found: dict[str, list[Part]] = {}
    for item in items:
        for name, part in item.parts.items():
            found.setdefault(name, []).append(part)
    return {name: number_over(parts) for name, parts in found.items()}


def groups_of(items: Iterable[Item], group_of: Mapping[str, str]) -> Mapping[str, Number]:
    """Return the first number by group; `group_of` puts several groups of items into one."""
    found: dict[str, list[Part]] = {}
    for item in items:
        if item.group and item.parts:
            found.setdefault(group_of.get(item.group, item.group), []).append(next(iter(item.parts.values())))
    return {name: number_over(found[name]) for name in sorted(found)}


def write_items(folder: Path, name: str, items: Sequence[Item]) -> None:
    """Write the items of a benchmark in one step; the same items give the same bytes.

    Raises:
        ProjectError: they cannot be written.

    """
    (folder / ITEMS).mkdir(parents=True, exist_ok=True)
    encode = msgspec.json.Encoder().encode
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, filename="") as file:
        for item in items:
            file.write(encode(item) + b"\n")
    replace(_items_path(folder, name), packed.getvalue())


def read_items(folder: Path, name: str) -> list[Item]:
    """Return the items of a benchmark.

    Raises:
        ProjectError: they are not there, or cannot be read.

    """
    path = _items_path(folder, name)
    decode = msgspec.json.Decoder(Item).decode
    try:
        with gzip.open(path) as file:
            return [decode(line) for line in file]
    except (OSError, EOFError, msgspec.DecodeError) as error:
        raise file_error(ProjectError, path, "read", error, _ANEW) from error


def _items_path(folder: Path, name: str) -> Path:
    return folder / ITEMS / f"{name}.jsonl.gz"


def write_results(folder: Path, results: Results) -> None:
    """Write the numbers in one step.

    Raises:
        ProjectError: they cannot be written.

    """
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / RESULTS, msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")


def read_results(folder: Path) -> Results:
    """Return the numbers of a folder.

    Raises:
        ProjectError: it has none, or they cannot be read.

    """
    path = folder / RESULTS
    try:
        return msgspec.json.decode(path.read_bytes(), type=Results)
    except FileNotFoundError as error:
        raise ProjectError(f"{folder} has no results of `glan eval`.", hint="It is the folder after --out.") from error
    except (OSError, msgspec.DecodeError) as error:
        raise file_error(ProjectError, path, "read", error, _ANEW) from error
