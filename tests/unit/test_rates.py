"""Headers that say how much a server still takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.teachers.rates import Allowance, Rates, read_duration, read_rates


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360.0),
        ("1.5s", 1.5),
        ("20ms", 0.02),
        ("1h2m3s", 3_723.0),
        ("1h2m3.5s", 3_723.5),
        ("7.66s", 7.66),
        ("12", 12.0),
        (" 2 s ", 2.0),
        ("500us", 0.0005),
        ("1D", 86_400.0),
        ("0s", 0.0),
        ("7d", 7 * 86_400.0),
        ("9999h", None),
        ("1795712400", None),
        ("1795712400123", None),
        ("", None),
        (None, None),
        ("soon", None),
        ("5 apples", None),
        ("-5s", None),
        ("nan", None),
        ("1e9s", None),
        ("٣s", None),
    ],
)
def test_a_duration_is_read_as_servers_write_it(text: str | None, seconds: float | None) -> None:
    """Hours to nanoseconds in a row, or plain seconds; anything else is none."""
    assert read_duration(text) == (seconds if seconds is None else pytest.approx(seconds))


@given(st.none() | st.text() | st.from_regex(r"[0-9.]*(ms|s|m|h|µs)+[0-9.]*(s|ms)?"))
def test_whatever_a_header_holds_is_read(text: str | None) -> None:
    """No text raises, and no pause is endless."""
    found = read_duration(text)
    assert found is None or 0 <= found <= 7 * 86_400
    rates = read_rates(lambda _: text)
    assert rates is None or (rates.requests is not None and rates.requests.remaining >= 0)


def test_both_kinds_are_read_apart() -> None:
    """Requests and tokens have headers of their own; one that says nothing of what is left says nothing."""
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "150000",
    }
    assert read_rates(headers.get) == Rates(Allowance(59, 60, 1.0), None)
    headers["x-ratelimit-remaining-tokens"] = "-3"
    assert read_rates(headers.get) == Rates(Allowance(59, 60, 1.0), Allowance(0, 150_000, None))
    assert read_rates(dict[str, str]().get) is None
