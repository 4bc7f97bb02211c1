"""The draws of a bootstrap: they follow from the generator alone, and not from how many are drawn at once."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.evaluate.resampling import resamples_of
from glan.evaluate.scores import interval


@given(st.integers(1, 400), st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(0, 2**32))
def test_pieces_of_any_size_are_the_same_draws(n: int, pieces: list[int], seed: int) -> None:
    """However many samples are drawn at once, the places are those of one piece."""
    whole = np.concatenate(list(resamples_of(n, sum(pieces), np.random.default_rng(seed))))
    rng = np.random.default_rng(seed)
    assert np.array_equal(whole, np.concatenate([rng.integers(0, n, (piece, n)) for piece in pieces]))


def test_more_than_is_drawn_at_once_is_drawn_in_pieces() -> None:
    """Millions of places come in several pieces, each of whole samples, and as from one."""
    n, resamples = 1_500_000, 5
    pieces = list(resamples_of(n, resamples, np.random.default_rng(1)))
    assert [piece.shape for piece in pieces] == [(2, n), (2, n), (1, n)]
    whole = np.random.default_rng(1).integers(n, size=(resamples, n))
    assert np.array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize(
    ("n", "low", "high"),
    [
        (2, -0.8257078161336415, 5.176333472351804),
        (7, -0.38470839097478116, 1.392034608902592),
        (999, 0.5131189908412357, 0.7564168411263281),
        (3001, 0.4316276753521918, 0.5786414270665168),
    ],
)
def test_the_intervals_of_judgements_stay(n: int, low: float, high: float) -> None:
    """What a judgement came to when it was drawn in pieces of another size, it comes to now."""
    rng = random.Random(n)
    found = interval([rng.gauss(0.5, 2) for _ in range(n)], seed=3)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)
