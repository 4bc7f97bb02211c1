"""How many different words there are is counted in bounded memory, whatever the order and the grouping."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from glan.curate.words import words_of
from glan.dataset.summary import ALL_READ, KEPT, ONE_IN
from glan.dataset.variety import Runs, Sketch, is_read

NUMBERS = np.random.default_rng(7).integers(0, 1 << 64, 200_000, dtype=np.uint64)
"""Hashes, all of them different."""


def sketch_of(*groups: NDArray[np.uint64]) -> Sketch:
    sketch = Sketch()
    for group in groups:
        sketch.add(group)
    return sketch


@given(
    st.lists(st.integers(0, 300), max_size=400),
    st.lists(st.integers(1, 40), min_size=1, max_size=10),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_a_few_are_counted_exactly(places: list[int], cuts: list[int], random: Random) -> None:
    """Up to what is kept the number is that of a set, however often each comes and however they are grouped."""
    shuffled = [*places]
    random.shuffle(shuffled)
    hashes, again = NUMBERS[np.array(places, dtype=int)], NUMBERS[np.array(shuffled, dtype=int)]
    edges = [sum(cuts[: i + 1]) for i in range(len(cuts))]
    assert sketch_of(hashes).estimate() == len(set(places))
    assert sketch_of(*np.split(again, edges)).estimate() == len(set(places))


@pytest.mark.parametrize("n", [KEPT - 1, KEPT, KEPT + 1, 50_000, 200_000])
def test_many_are_estimated_well(n: int) -> None:
    """Above what is kept the estimate is within four standard errors, and the order and the grouping change nothing."""
    hashes = NUMBERS[:n]
    found = sketch_of(hashes).estimate()
    assert found == pytest.approx(n, rel=4 / math.sqrt(KEPT - 2))
    backwards = np.concatenate([hashes, hashes[: n // 2]])[::-1]
    assert sketch_of(*np.array_split(backwards, 37)).estimate() == found


def runs_of(*texts: str) -> Runs:
    runs = Runs(words_of)
    for text in texts:
        runs.add(text)
    return runs


def test_runs_are_counted_by_hand() -> None:
    """A run is inside one text, and words differ by more than case and punctuation."""
    found = runs_of("The moon, the Moon!", "the moon", "", "sun").result()
    assert [(each.n, each.runs, each.distinct) for each in found.distinct] == [(1, 7, 3), (2, 4, 2), (3, 2, 2)]
    assert (found.words.texts, found.words.longest) == (4, 4)
    assert found.distinct[0].share == pytest.approx(3 / 7)


@given(st.lists(st.text("ab \u00e9\u6708", max_size=20), max_size=12))
@settings(max_examples=60, deadline=None)
def test_runs_are_those_of_plain_sets(texts: list[str]) -> None:
    """Numbers are those that sets of tuples of words give."""
    found = runs_of(*texts).result()
    for each in found.distinct:
        runs = [tuple(words[i : i + each.n]) for words in map(words_of, texts) for i in range(len(words) - each.n + 1)]
        assert (each.runs, each.distinct) == (len(runs), len(set(runs)))


def test_the_pairs_that_are_read_follow_from_their_ids() -> None:
    """The first 500 are read, and about one in 64 of the others, the same ones in every run."""
    assert all(is_read(f"question/a/b/{i}", i) for i in range(ALL_READ))
    later = [is_read(f"question/a/b/{i}", ALL_READ) for i in range(64_000)]
    assert sum(later) == pytest.approx(64_000 / ONE_IN, rel=0.1)
