"""When a walk ends because its slots no longer become pairs, and what it says then."""

import pytest
from decided_slots import ended, pair

from glan.curate.meaning import REASON
from glan.records import Outcome, Stage
from glan.yields import WINDOW, Yields


@pytest.mark.parametrize(
    ("reason", "outcome", "way_out"),
    [
        ("near duplicate", Outcome.REJECT, "add disciplines or subjects, or ask for fewer pairs"),
        (REASON, Outcome.REJECT, "add disciplines or subjects, or ask for fewer pairs"),
        ("low score", Outcome.REJECT, "a threshold"),
        ("No reply.", Outcome.FAILURE, "--retry-failed"),
    ],
)
def test_the_way_out_is_that_of_the_cause(reason: str, outcome: Outcome, way_out: str) -> None:
    """Most of the last slots are copies: the taxonomy is used up. Failures and thresholds have ways of their own."""
    yields = Yields(0.05)
    assert [yields.after(pair(i)) for i in range(9)] == [None] * 9
    errors = [yields.after(ended(i, Stage.QUESTIONS, reason, outcome)) for i in range(9, WINDOW + 9)]
    assert errors[: WINDOW - 10] == [None] * (WINDOW - 10)
    error = errors[WINDOW - 10]
    assert error is not None
    assert f"{WINDOW - 9} x {reason} (questions)" in str(error)
    assert way_out in error.hint
