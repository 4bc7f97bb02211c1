"""Sets by rank: every set has one, and every rank has its set."""

from itertools import combinations
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.draws import count_pair, count_single
from glan.sets import MOST_CONCEPTS, Shape, law_of

SIZES = st.lists(st.integers(0, 6), max_size=4).map(tuple)
LAWS = st.sampled_from(["count", "sets"])
Law = Literal["count", "sets"]


def all_sets(sizes: tuple[int, ...], *, is_pair: bool) -> set[tuple[int, ...]]:
    """Go through all combinations of concepts, and keep those of one or two sessions."""
    session_of = [i for i, m in enumerate(sizes) for _ in range(m)]
    return {
        chosen
        for k in range(1, MOST_CONCEPTS + 1)
        for chosen in combinations(range(len(session_of)), k)
        if len({session_of[concept] for concept in chosen}) == 1 + is_pair
    }


@given(SIZES, LAWS)
@settings(max_examples=60, deadline=None)
def test_ranks_are_sets(sizes: tuple[int, ...], law: Law) -> None:
    """The ranks of all kinds of a strategy give each of its sets once, ascending."""
    for is_pair in (False, True):
        kinds = [kind for kind in law_of(sizes, law).kinds if kind.is_pair == is_pair]
        found = [tuple(kind.set_at(rank)) for kind in kinds for rank in range(kind.count)]
        assert len(found) == len(set(found))
        assert set(found) == all_sets(sizes, is_pair=is_pair)
        assert all(list(chosen) == sorted(chosen) for chosen in found)


@given(SIZES)
@settings(max_examples=60, deadline=None)
def test_counts_are_those_of_the_formulas(sizes: tuple[int, ...]) -> None:
    """The numbers of sets add up to what the paper's formulas say."""
    shape = Shape(sizes)
    assert sum(count for _, count in shape.counts(is_pair=False)) == sum(map(count_single, sizes))
    pairs = sum(count_pair(m1, m2) for m1, m2 in combinations(sizes, 2))
    assert sum(count for _, count in shape.counts(is_pair=True)) == pairs


@given(SIZES)
@settings(max_examples=60, deadline=None)
def test_rooms_say_which_sizes_a_session_has(sizes: tuple[int, ...]) -> None:
    """A session has a set of k concepts when its room is k or more."""
    shape = Shape(sizes)
    for is_pair in (False, True):
        sets = all_sets(sizes, is_pair=is_pair)
        for session, room in enumerate(shape.rooms[is_pair]):
            mine = {len(chosen) for chosen in sets if any(shape.places[i][0] == session for i in chosen)}
            assert mine == {k for k in range(1 + is_pair, MOST_CONCEPTS + 1) if k <= room}


@given(SIZES)
@settings(max_examples=40, deadline=None)
def test_sums_go_through_all_sets(sizes: tuple[int, ...]) -> None:
    """What the ids of each set add up to comes once for each set; with powers of two the sum is the set."""
    ids = np.array([1 << i for i in range(sum(sizes))], np.uint64)
    for is_pair in (False, True):
        if not all_sets(sizes, is_pair=is_pair):
            continue
        found = [int(total) for some in Shape(sizes).sums(ids, is_pair=is_pair) for total in some]
        assert sorted(found) == sorted(sum(1 << i for i in chosen) for chosen in all_sets(sizes, is_pair=is_pair))


def test_places_count_through_all_sessions() -> None:
    """With sessions of 2, 0 and 3 concepts the fourth concept is the second of the third session."""
    shape = Shape((2, 0, 3))
    assert shape.places == ((0, 0), (0, 1), (2, 0), (2, 1), (2, 2))
    assert list(shape.concepts_of(2)) == [2, 3, 4]


def test_few_concepts_come_more_often_than_many() -> None:
    """By count, 1 to 5 concepts weigh 5, 4, 3, 2, 1, and sizes that a syllabus has not weigh nothing."""
    law = law_of((5, 3), "count")
    weights = [(kind.is_pair, kind.parts[0][0], law.places[kind.is_pair].count(i)) for i, kind in enumerate(law.kinds)]
    singles = [(False, 1, 5), (False, 2, 4), (False, 3, 3), (False, 4, 2), (False, 5, 1)]
    assert weights == [*singles, (True, 2, 4), (True, 3, 3), (True, 4, 2), (True, 5, 1)]
    assert [kind.parts[0][0] for kind in law_of((2, 1), "count").kinds] == [1, 2, 2, 3]


@pytest.mark.parametrize("sizes", [(1_000, 1_000), (1_000, 1), (1,) * 300], ids=["long", "uneven", "many"])
def test_huge_ranks_are_found(sizes: tuple[int, ...]) -> None:
    """The first and the last set of each kind are sets, however many there are between them."""
    for kind in law_of(sizes, "count").kinds:
        size = kind.parts[0][0]
        for rank in (0, kind.count // 2, kind.count - 1):
            chosen = kind.set_at(rank)
            assert len(set(chosen)) == size
            assert len({kind.shape.places[concept][0] for concept in chosen}) == 1 + kind.is_pair
