"""Sets by rank: every set has one, and every rank has its set."""

from itertools import combinations
from math import comb
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


def count_single(m: int) -> int:
    """Count the sets of a session of m concepts, as the paper does: sum over i=1..5 of C(m, i)."""
    return sum(comb(m, i) for i in range(1, MOST_CONCEPTS + 1))


def count_pair(m1: int, m2: int) -> int:
    """Count the sets of two sessions: sum over i=2..5 of C(m1+m2, i) - C(m1, i) - C(m2, i)."""
    return sum(comb(m1 + m2, i) - comb(m1, i) - comb(m2, i) for i in range(2, MOST_CONCEPTS + 1))


def count(sizes: tuple[int, ...], *, is_pair: bool) -> int:
    return sum(sets for _, sets in Shape(sizes).counts(is_pair=is_pair))


@pytest.mark.parametrize(("m", "sets"), [(0, 0), (1, 1), (3, 7), (5, 31), (6, 62)])
def test_a_session_has_so_many_sets(m: int, sets: int) -> None:
    """A session of 5 concepts has 31 sets, as in the paper."""
    assert count((m,), is_pair=False) == sets


@pytest.mark.parametrize(("m1", "m2", "sets"), [(0, 5, 0), (1, 1, 1), (2, 1, 3), (5, 5, 575), (1, 5, 30)])
def test_two_sessions_have_so_many_sets(m1: int, m2: int, sets: int) -> None:
    """Two sessions of 5 concepts have 575 sets, as in the paper."""
    assert count((m1, m2), is_pair=True) == count((m2, m1), is_pair=True) == sets


def test_a_syllabus_has_the_sets_of_the_paper() -> None:
    """20 sessions of 5 concepts have 620 and 109,250 sets."""
    assert count((5,) * 20, is_pair=False) == 620
    assert count((5,) * 20, is_pair=True) == 109_250


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
    assert count(sizes, is_pair=False) == sum(map(count_single, sizes))
    assert count(sizes, is_pair=True) == sum(count_pair(m1, m2) for m1, m2 in combinations(sizes, 2))


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
