"""Agreement and intervals, against tables that others worked out by hand."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.raters import fleiss, wilson

FLEISS = (
    (0, 0, 0, 0, 14),
    (0, 2, 6, 4, 2),
    (0, 0, 3, 5, 6),
    (0, 3, 9, 2, 0),
    (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0),
    (3, 2, 6, 3, 0),
    (2, 5, 3, 2, 2),
    (6, 5, 2, 1, 0),
    (0, 2, 2, 3, 7),
)
"""The worked example that goes with Fleiss (1971): 10 subjects, 14 raters, 5 categories."""


def test_the_known_example_gives_its_kappa() -> None:
    """The worked table of 10 subjects, 14 raters and 5 categories has kappa 0.210."""
    found = fleiss(FLEISS)
    assert found.kappa == pytest.approx(0.210, abs=0.0005)
    assert (found.things, found.left_out, found.fewest, found.most) == (10, 0, 14, 14)
    assert found.told == "0.210 (over 10 with 14 judgements each)"


def test_different_numbers_of_judgements_by_hand() -> None:
    """Three things with 3, 2 and 2 judgements, and one with a single one, which is left out: worked out by hand.

    Of 7 judgements 4 are of the first kind, so chance gives 16/49 + 9/49 = 25/49. The things agree by 1/3, 1 and 0,
    on average 4/9. Kappa is (4/9 - 25/49) / (1 - 25/49) = (196 - 225) / 441 x 49/24 = -29/216.
    """
    found = fleiss([(2, 1), (0, 2), (1, 1), (1, 0)])
    counted = fleiss([(1, 2), (2, 0), (1, 1), (0, 1)])
    assert found.kappa == pytest.approx(-29 / 216)
    assert counted.kappa == pytest.approx(-29 / 216)
    assert found.told == "-0.134 (over 3 with 2 to 3 judgements each; 1 with fewer than two left out)"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ([], "not defined: nothing was judged by two people or more"),
        ([(1, 0), (0, 1)], "not defined: nothing was judged by two people or more"),
        ([(3, 0), (2, 0)], "not defined: all judgements are the same (over 2 with 2 to 3 judgements each)"),
    ],
)
def test_what_is_not_defined_is_told_so(table: Sequence[Sequence[int]], told: str) -> None:
    """Where nobody could disagree, or everybody says the same of everything, there is no kappa, and the reason is."""
    assert fleiss(table).kappa is None
    assert fleiss(table).told == told


@given(st.lists(st.tuples(*[st.integers(0, 5)] * 3), max_size=20), st.permutations(range(3)))
@settings(deadline=None)
def test_kappa_does_not_depend_on_the_names_of_categories(table: list[tuple[int, ...]], order: list[int]) -> None:
    """Other names and another order of the things give the same kappa, which is never above 1."""
    found, again = fleiss(table).kappa, fleiss([[row[i] for i in order] for row in reversed(table)]).kappa
    assert (found is None) == (again is None)
    if found is not None and again is not None:
        assert found == pytest.approx(again, abs=1e-9)
        assert found <= 1 + 1e-9


def test_full_agreement_is_one() -> None:
    """Where all raters agree on each thing, and not on one category for all, kappa is 1."""
    assert fleiss([(3, 0), (0, 3)]).kappa == pytest.approx(1)


def test_the_interval_is_that_of_the_literature() -> None:
    """81 of 263 is 0.2553 to 0.3662 and 1 of 29 is 0.0061 to 0.1718, as Newcombe (1998) prints them; 0 begins at 0."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 1_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
@settings(deadline=None)
def test_the_interval_holds_the_share(counts: tuple[int, int]) -> None:
    """The interval lies between 0 and 1, has the share in it, and is the mirror of that of the others."""
    found, of = counts
    low, high = wilson(found, of)
    assert 0 <= low <= found / of <= high <= 1
    assert wilson(of - found, of) == pytest.approx((1 - high, 1 - low), abs=1e-12)
    assert math.isfinite(low)
