"""What refusals say: too many at once, chance, or nothing yet."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.teachers.crowding import CHANCE, Crowding, Review


def heard(outcomes: list[tuple[int, bool]], crowding: Crowding | None = None) -> int | None:
    """Return the first verdict after requests that were sent one by one: each with its level, and whether refused."""
    crowding = crowding or Crowding()
    for i, (level, is_refused) in enumerate(outcomes):
        crowding.send(float(i), level)
        if is_refused:
            crowding.refuse(i + 0.01, float(i), level)
        else:
            crowding.reply()
        if (verdict := crowding.verdict(i + 0.5)) is not None:
            return verdict
    return None


def test_few_refusals_mean_nothing() -> None:
    """One in a hundred is borne without a thought, wherever it comes."""
    assert heard([(8, i % 100 == 99) for i in range(5_000)]) is None


@given(st.integers(1, 500))
def test_refusals_above_a_level_name_it(capacity: int) -> None:
    """Where all below are accepted and all above refused, the number between them is what the server bears."""
    levels = [*range(1, capacity + 1), *[capacity, capacity + 1, capacity, capacity + 2] * 10]
    assert heard([(level, level > capacity) for level in levels]) == capacity


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("share", [0.05, 0.15])
def test_refusals_at_every_level_are_chance(seed: int, share: float) -> None:
    """They do not depend on how many are in flight, and so many more are expected from then on."""
    rng, crowding = random.Random(seed), Crowding()
    outcomes = [(rng.randint(1, 64), rng.random() < share) for _ in range(2_000)]
    verdicts = [heard(outcomes[i : i + 400], crowding) for i in range(0, 2_000, 400)]
    assert verdicts.count(CHANCE) + verdicts.count(None) >= 4
    assert 0 < crowding.expected < 0.5


def test_refusals_in_a_row_are_not_chance() -> None:
    """A server that has become smaller refuses all that comes for a while, at levels that were borne before."""
    before, after = [(64, False)] * 300, [(level, True) for level in range(64, 50, -1)]
    assert heard([*before, *after]) in range(58, 64)


def test_a_probe_needs_one_refusal_only() -> None:
    """Where it was provoked on purpose, the first one above all that was accepted is enough."""
    crowding = Crowding()
    assert heard([(64, False)] * 100, crowding) is None
    crowding.probe()
    assert heard([(65, True), (64, False)], crowding) == 64


def test_what_was_sent_before_the_verdict_says_nothing_after_it() -> None:
    """A burst is judged once."""
    crowding = Crowding()
    for i in range(100):
        crowding.send(1.0, i + 1)
    for i in range(50, 60):
        crowding.refuse(1.01, 1.0, i + 1)
    assert crowding.verdict(1.2) == 50
    for i in range(60, 100):
        crowding.refuse(1.21, 1.0, i + 1)
    assert crowding.verdict(9.0) is None


@pytest.mark.parametrize(("per_s", "is_as_good"), [((64, 64), True), ((64, 48), False)])
def test_a_review_compares_what_comes(per_s: tuple[int, int], *, is_as_good: bool) -> None:
    """As many replies with a quarter fewer in flight: those were in vain; a quarter fewer: they were not."""
    review = Review(0.0, 64, 1.0)
    assert review.fewer == 48
    found, now = None, 0.0
    while found is None:
        now += 1 / per_s[review.has_measured(now)]
        found = review.reply(now)
    assert found is is_as_good
