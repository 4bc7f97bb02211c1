"""Turns of phrase."""

import pytest

from glan.wording import ranged


@pytest.mark.parametrize(("low", "high", "told"), [("1 MB", "2 MB", "1 MB to 2 MB"), ("1 MB", "1 MB", "1 MB")])
def test_a_range_whose_ends_read_alike_is_one_value(low: str, high: str, told: str) -> None:
    """Two ends are told where there are two."""
    assert ranged(low, high) == told
