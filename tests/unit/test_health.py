"""When a server counts as away, and when it is asked again."""

import random

from hypothesis import given
from hypothesis import strategies as st

from glan.teachers.health import HARD, SOFT, Health


def failing(times: int, weight: int = SOFT) -> Health:
    health = Health(random.Random(0))
    for i in range(times):
        health.fail(float(i), weight, reason="status 500")
    return health


def test_many_failures_in_a_row_are_an_absence() -> None:
    """Twenty that may lie in the request, or five without any connection."""
    assert [failing(19).is_away, failing(20).is_away] == [False, True]
    assert [failing(4, HARD).is_away, failing(5, HARD).is_away] == [False, True]


def test_any_answer_ends_it() -> None:
    """After one answer it counts from nothing again, and it is known since when nothing else came."""
    health = failing(30)
    assert (health.since, health.reason) == (0.0, "status 500")
    health.answer()
    assert (health.is_away, health.since) == (False, None)
    health.fail(50.0, HARD)
    assert (health.is_away, health.since) == (False, 50.0)


def test_what_does_not_count_only_adds_up() -> None:
    """Refusals of a server that serves others make no absence until they count."""
    health = Health(random.Random(0))
    for i in range(100):
        health.fail(float(i), SOFT, counts=False)
    assert not health.is_away
    health.fail(100.0, SOFT)
    assert health.is_away


def test_one_request_at_a_time_goes_to_see() -> None:
    """Not before the pause is over, not two at once, and again when the first was given up."""
    health = failing(20)
    due = 19 + health.due_in_s(19)
    assert 0 < due - 19 <= 0.5
    assert (health.may_probe(19.0), health.may_probe(due)) == (False, True)
    health.probe()
    assert not health.may_probe(due)
    health.drop()
    assert health.may_probe(due)


@given(st.integers(1, 40), st.floats(0, 600))
def test_pauses_grow_up_to_half_a_minute(times: int, wait_s: float) -> None:
    """Each is at most twice the one before and half a minute, on top of what the server asked for."""
    health, now, longest = failing(20), 20.0, 0.5
    for _ in range(times):
        now += health.due_in_s(now)
        health.fail(now, SOFT, wait_s=wait_s)
        longest = min(30.0, 2 * longest)
        assert longest / 2 <= health.due_in_s(now) - wait_s + 1e-6
        assert health.due_in_s(now) - wait_s <= longest + 1e-6
