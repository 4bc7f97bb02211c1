"""From the items of a benchmark to texts whose loss is taken."""

import random
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from glan.benchmarks.items import Item

Part = Literal["answer", "item"]
"""What of an item the loss is taken of: the answer, which the question precedes, or both."""


class Text(NamedTuple):
    """A text, and where in it that begins whose loss is wanted."""

    whole: str
    begins: int
    is_rendered: bool = False
    """Whether a chat template wrote it, with every mark that it has."""


class Loss(NamedTuple):
    """The loss of a text."""

    loss: float
    """Mean over its tokens, in nats."""
    tokens: int


def following(item: Item) -> str:
    """Return what follows the question of an item, a line each: its answer, its choices."""
    return "\n".join(other.removeprefix(item.question).removeprefix("\n") for other in item.others)


def text_of(item: Item, part: Part) -> Text:
    """Return an item as plain text: its question, and what follows it.

    An item without an answer is looked at as a whole.
    """
    answer = following(item)
    if not answer:
        return Text(item.question, 0)
    return Text(f"{item.question}\n{answer}", len(item.question) + 1 if part == "answer" else 0)


def split_of(item: Item) -> str:
    return item.id.partition("/")[0]


def drawn(items: Iterable[Item], splits: Sequence[str], most: int | None, rng: random.Random) -> list[Item]:
    """Return the items of some splits, of each at most so many, drawn at random and left in their order."""
    by_split: dict[str, list[Item]] = {split: [] for split in splits}
    for item in items:
        if split_of(item) in by_split and (item.question or item.others):
            by_split[split_of(item)].append(item)
    return [item for found in by_split.values() for item in _some(found, most, rng)]


def _some(items: Sequence[Item], most: int | None, rng: random.Random) -> Iterable[Item]:
    if most is None or len(items) <= most:
        return items
    return [items[i] for i in sorted(rng.sample(range(len(items)), most))]
