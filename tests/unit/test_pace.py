"""The pace of a run, and the time that is left: told from what is asked, and only once it can be told."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.pace import Pace, Seen


@dataclass(slots=True)
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


def played(until_s: int, at: Callable[[int], Seen], wanted: int) -> list[float | None]:
    """Return the time that is left as it was told at each second."""
    clock = Clock()
    pace = Pace(clock)
    told = []
    for second in range(until_s):
        clock.now_s = float(second)
        pace.see(at(second))
        told.append(pace.left_s(wanted))
    return told


def made(pairs: int, known: int = 0) -> Seen:
    return Seen(pairs=pairs, asked=max(0, pairs - known), known=min(known, pairs))


def test_before_the_first_pairs_nothing_is_foretold() -> None:
    """While syllabi are written there is no pair, and no time is told."""
    assert played(60, lambda _: made(0), 100) == [None] * 60


@given(st.integers(1, 400), st.integers(0, 300), st.integers(2, 50))
@settings(deadline=None)
def test_at_a_steady_pace_the_time_is_right(per_s: int, warm_up_s: int, hours: int) -> None:
    """After whatever time without a pair, a steady run is told its end within a twentieth."""
    wanted = per_s * 3_600 * hours
    told = played(warm_up_s + 20, lambda second: made(max(0, second - warm_up_s) * per_s), wanted)
    is_left_s = (wanted - per_s * 19) / per_s
    assert told[-1] == pytest.approx(is_left_s, rel=0.05)


def test_what_the_ledger_answers_tells_nothing_of_what_is_asked() -> None:
    """A walk over 50,000 pairs in ten seconds is followed by the pace at which the others are asked."""
    known = 50_000

    def at(second: int) -> Seen:
        return made(second * 5_000, known) if second <= 10 else made(known + (second - 10) * 20, known)

    told = played(40, at, 100_000)
    assert told[:10] == [None] * 10
    assert told[-1] == pytest.approx((50_000 - 29 * 20) / 20, rel=0.05)


def test_who_stands_still_is_told_no_time() -> None:
    """A server that gives nothing for longer than a run is looked back on takes the time away, and none is infinite."""
    told = played(400, lambda second: made(min(second, 100) * 10), 10_000)
    assert told[100] == pytest.approx(900, rel=0.05)
    assert told[-1] is None


def test_at_the_end_nothing_is_left() -> None:
    """All pairs are there: no second is left, also where the ledger had them all."""
    assert played(3, lambda _: made(100, 100), 100)[-1] == 0.0


def test_a_walk_that_begins_again_is_a_new_one() -> None:
    """Where the slots are walked once more, the pairs before count no more than none."""
    told = played(30, lambda second: made(second * 10 if second < 15 else (second - 15) * 100), 100_000)
    assert told[-1] == pytest.approx((100_000 - 1_400) / 100, rel=0.05)


def test_looks_that_follow_close_are_one() -> None:
    """However often it is looked at, the pace is the same."""
    clock = Clock()
    pace = Pace(clock)
    for look in range(10_000):
        clock.now_s = look * 0.001
        pace.see(made(look))
    assert pace.pairs_per_s == pytest.approx(1_000, rel=0.1)
