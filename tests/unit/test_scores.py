"""What judgements come to: the formulas by cases reckoned by hand, and what exchanging two models does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from glan.evaluate.scores import Duel, Interval, Orders, bias, duel, grade, groups_of, interval

SCORES = st.integers(1, 10).map(float)
ORDERS = st.builds(Orders, a_first=st.tuples(SCORES, SCORES), b_first=st.tuples(SCORES, SCORES))


def of(a_first: tuple[float, float], b_first: tuple[float, float]) -> Orders:
    return Orders(a_first=a_first, b_first=b_first)


BY_HAND = [
    of((8, 6), (7, 7)),  # A 7.5, B 6.5: A wins by 1; the first got 2 and 0 more
    of((9, 5), (3, 7)),  # A 6, B 6: equal; the first got 4 and 4 more, and the orders contradict each other
    of((4, 9), (2, 8)),  # A 3, B 8.5: B wins by 5.5; the first got -5 and 6 more
    of((10, 10), (10, 10)),  # equal
]


def test_a_duel_by_hand() -> None:
    """Scores are averaged over both orders, the difference over the questions; an equal one is half a win."""
    found = duel(BY_HAND, group="all", total=8, seed=0)
    assert (found.questions, found.share) == (4, 0.5)
    assert found.a == pytest.approx((7.5 + 6 + 3 + 10) / 4)
    assert found.b == pytest.approx((6.5 + 6 + 8.5 + 10) / 4)
    assert found.difference.value == pytest.approx((1 + 0 - 5.5 + 0) / 4)
    assert (found.wins, found.ties, found.losses) == (1, 2, 1)
    assert found.win_rate.value == 0.5
    assert found.difference.low <= found.difference.value <= found.difference.high


def test_position_bias_by_hand() -> None:
    """How much more the first answer gets, how often it is preferred, and how often both orders say the same."""
    found = bias(BY_HAND, seed=0)
    assert found.difference.value == pytest.approx(((2 + 0) / 2 + (4 + 4) / 2 + (-5 + 6) / 2 + 0) / 4)
    assert found.first == 4 / 8
    assert found.second == 1 / 8
    assert found.consistent == 2 / 4


def test_a_judge_that_looks_at_the_order_alone_favours_nobody() -> None:
    """Averaging both orders takes the bias out of the difference, and the bias is told."""
    orders = [of((8, 5), (5, 8))] * 20
    assert duel(orders, group="all", total=20, seed=1).difference == Interval(value=0, low=0, high=0)
    assert bias(orders, seed=1).difference == Interval(value=3, low=3, high=3)
    assert bias(orders, seed=1).consistent == 0


def mirrored(found: Duel) -> Duel:
    difference, rate = found.difference, found.win_rate
    return replace(
        found,
        a=found.b,
        b=found.a,
        difference=Interval(value=-difference.value, low=-difference.high, high=-difference.low),
        win_rate=Interval(value=1 - rate.value, low=1 - rate.high, high=1 - rate.low),
        wins=found.losses,
        losses=found.wins,
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(ORDERS, min_size=1, max_size=40), st.integers(0, 2**32))
def test_exchanging_the_models_mirrors_every_number(orders: list[Orders], seed: int) -> None:
    """Differences change their sign, win rates their side, and the bias of the judge stays."""
    other = [of((each.b_first[1], each.b_first[0]), (each.a_first[1], each.a_first[0])) for each in orders]
    one, two = duel(orders, group="g", total=50, seed=seed), duel(other, group="g", total=50, seed=seed)
    expected = mirrored(one)
    assert replace(two, win_rate=expected.win_rate) == expected
    assert (two.win_rate.value, two.win_rate.low, two.win_rate.high) == pytest.approx(
        (expected.win_rate.value, expected.win_rate.low, expected.win_rate.high)
    )
    assert bias(orders, seed=seed) == bias(other, seed=seed)


@settings(max_examples=40, deadline=None)
@given(st.lists(SCORES, min_size=1, max_size=60), st.integers(0, 99))
def test_an_interval_holds_its_mean_and_is_the_same_for_the_same_seed(values: list[float], seed: int) -> None:
    """It lies within the values, and nothing but the seed decides about it."""
    found = interval(values, seed=seed)
    assert min(values) <= found.low <= found.high <= max(values)
    assert found == interval(values, seed=seed)


def test_an_interval_is_as_wide_as_theory_says() -> None:
    """Of 400 values of 0 and 1 in equal parts: 1.96 standard errors of 0.025 to each side, give or take."""
    found = interval([0.0, 1.0] * 200, seed=3)
    assert found.value == 0.5
    assert found.low == pytest.approx(0.5 - 1.96 * 0.025, abs=0.006)
    assert found.high == pytest.approx(0.5 + 1.96 * 0.025, abs=0.006)


def test_how_the_draws_are_cut_up_changes_little() -> None:
    """Many questions are drawn in parts, and the interval stays what it is."""
    found = interval([0.0, 1.0] * 2_000, seed=3, resamples=1_000)
    assert found.low == pytest.approx(0.5 - 1.96 * 0.5 / 4_000**0.5, abs=0.003)


def test_grades_by_hand() -> None:
    """The score of a model is the mean of its grades."""
    found = grade([4, 6, 8], group="g", total=6, seed=0)
    assert (found.score.value, found.questions, found.share) == (6, 3, 0.5)


def test_groups_are_in_the_order_of_the_paper() -> None:
    """Difficulties are ordered as numbers, with easy and hard after them; names by how many there are."""
    rows = [{"difficulty": "10", "skill": "Math"}, {"difficulty": "2", "skill": "Art"}, {"difficulty": "5"}, {}]
    rows += [{"difficulty": "6", "skill": "Math"}]
    assert groups_of(rows, "difficulty") == {
        "2": [1],
        "5": [2],
        "6": [4],
        "10": [0],
        "1-5 easy": [1, 2],
        "6-10 hard": [0, 4],
    }
    assert list(groups_of(rows, "difficulty"))[-1] == "6-10 hard"
    assert groups_of(rows, "skill") == {"Math": [0, 4], "Art": [1]}
    assert groups_of(rows, "nothing") == {}
    assert list(groups_of([{"difficulty": "easy"}, {"difficulty": "2"}], "difficulty")) == ["2", "easy"]
