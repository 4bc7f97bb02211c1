"""The draws of a bootstrap over items."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

_AT_ONCE: Final = 1 << 22
"""Numbers that are drawn at once."""


def resamples_of(n: int, resamples: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Give places of `n` items drawn with replacement: some samples at a time, a row of `n` for each."""
    at_once = max(1, _AT_ONCE // n)
    for begin in range(0, resamples, at_once):
        yield rng.integers(n, size=(min(at_once, resamples - begin), n))
