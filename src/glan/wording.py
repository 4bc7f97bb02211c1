"""Turns of phrase that several rooms use."""

from collections.abc import Collection
from itertools import islice


def few(names: Collection[str], most: int) -> str:
    """Return names in a row; of many the first ones, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(islice(names, most))}{more}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number of things: `1 file`, `2 files`."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def ranged(low: str, high: str, between: str = " to ") -> str:
    """Return a range in words, or one value where both ends read alike."""
    return low if low == high else f"{low}{between}{high}"
