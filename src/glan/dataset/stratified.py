"""A sample of rows for people to judge, spread over disciplines or fields as the rows are; one seed, one sample."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from glan.dataset.shards import read_rows, rows_with
from glan.places import seed_of
from glan.records import Record

By: TypeAlias = Literal["discipline", "field", "nothing"]


class Place(NamedTuple):
    """Where a row belongs, for a sample."""

    stratum: str
    chance: int
    """Pseudo-random, from the seed and the id alone."""
    id: str


class Sampled(Record, frozen=True, kw_only=True):
    """A row of a sample."""

    id: str
    node: str
    question: str
    answer: str


def sample(folder: Path, *, n: int, by: By, seed: int, reviewed: AbstractSet[str]) -> list[Sampled]:
    """Return so many rows, or all there are; rows that nobody has judged come before the others are taken.

    Raises:
        DatasetError: there is no data set, or it cannot be read.

    """
    fresh, seen = _places(folder, by, seed, reviewed)
    chosen = spread(fresh, n, seed)
    chosen += spread(seen, n - len(chosen), seed)
    wanted = {place.id for place in chosen}
    found = {row["id"]: row for row in rows_with(folder, wanted, _COLUMNS)}
    return [_sampled(found[place.id]) for place in sorted(chosen)]


def spread(places: Iterable[Place], n: int, seed: int) -> list[Place]:
    """Return n places, or all: each stratum gets its share, give or take one, and so does every run of strata.

    It is a systematic sample: every k-th place of the strata laid end to end, each in a random order, from a random
    start; so each place has the same chance.
    """
    ordered = sorted(places)
    if n <= 0 or len(ordered) <= n:
        return ordered if n > 0 else []
    start = seed_of(seed, "review", len(ordered)) % len(ordered)
    return [ordered[(start + i * len(ordered)) // n] for i in range(n)]


_COLUMNS = ("id", "messages", "field", "sub_field", "discipline", "subject")


def _places(folder: Path, by: By, seed: int, reviewed: AbstractSet[str]) -> tuple[list[Place], list[Place]]:
    fresh: list[Place] = []
    seen: list[Place] = []
    for row in read_rows(folder, ["id", "field"]):
        id_ = row["id"]
        strata = {"discipline": id_.split("/")[1], "field": row["field"] or "", "nothing": ""}
        place = Place(strata[by], seed_of(seed, "review", id_), id_)
        (seen if id_ in reviewed else fresh).append(place)
    return fresh, seen


def _sampled(row: dict[str, object]) -> Sampled:
    messages: list[dict[str, str]] = row["messages"]  # type: ignore[assignment]  # as the schema has it
    said = {message["role"]: message["content"] for message in messages}
    names = [row[name] for name in ("field", "sub_field", "discipline", "subject")]
    return Sampled(
        id=str(row["id"]),
        node=" / ".join(str(name) for name in names if name),
        question=said.get("user", ""),
        answer=said.get("assistant", ""),
    )
