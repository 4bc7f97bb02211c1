"""Two models on the same items: the difference of their numbers, and how sure it is. Pure arithmetic.

An item that is hard is hard for both, so the items are drawn together: a bootstrap over items, in which the scores of
an item stay a pair. The draws follow from a seed and the number of items alone.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from glan.evaluate.resampling import resamples_of
from glan.evaluate.results import Item, Taken
from glan.places import seed_of
from glan.records import Record

RESAMPLES: Final = 2_000
_TAIL: Final = 0.025

Floats = NDArray[np.float64]


class Difference(Record, frozen=True, kw_only=True):
    """How much more the second has than the first, from -1 to 1, with its 95% interval."""

    value: float
    low: float
    high: float
    items: int
    """Those that both have a score of."""


def difference(first: Sequence[Item], second: Sequence[Item], number: str, *, seed: int) -> Difference | None:
    """Return the difference of a number over the items that both have; None where there are none."""
    others = {item.id: item.parts[number] for item in second if number in item.parts}
    pairs = [(item.parts[number], others[item.id]) for item in first if number in item.parts and item.id in others]
    if not pairs:
        return None
    right_a, of_a, right_b, of_b = np.array([(a.right, a.of, b.right, b.of) for a, b in pairs], dtype=np.float64).T
    n = len(pairs)
    rng = np.random.default_rng(seed_of(seed, "paired", n))
    drawn = [
        _ratio(right_b[rows], of_b[rows]) - _ratio(right_a[rows], of_a[rows])
        for rows in resamples_of(n, RESAMPLES, rng)
    ]
    low, high = np.quantile(np.concatenate(drawn), [_TAIL, 1 - _TAIL])
    value = right_b.sum() / of_b.sum() - right_a.sum() / of_a.sum()
    return Difference(value=float(value), low=float(low), high=float(high), items=n)


def _ratio(right: Floats, of: Floats) -> Floats:
    found: Floats = right.sum(axis=1) / of.sum(axis=1)
    return found


def unlike(first: Taken, second: Taken) -> str | None:
    """Return why two results of a benchmark cannot be compared; None where they can."""
    for name, words in _MUST_AGREE:
        one, other = getattr(first, name), getattr(second, name)
        if one != other:
            return words.format(*("none" if each is None else each for each in (one, other)))
    return None


_MUST_AGREE: Final = (
    ("data", "its items or their prompts are not the same (SHA-256 {:.12} and {:.12})"),
    ("limit", "one has the limit {}, the other {}"),
    ("shots", "there were {} shots and {}"),
    ("prompts", "other items of it were asked (SHA-256 {:.12} and {:.12})"),
    ("samples", "there were {} samples and {}"),
    ("temperature", "the temperature was {} and {}"),
    ("max_tokens", "a reply had room for {} tokens and {}"),
)
"""What must be the same, and what is said where it is not. A chat template is a part of the model."""
