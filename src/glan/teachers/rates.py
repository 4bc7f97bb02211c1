"""How much a server says that it still takes: the `x-ratelimit-*` headers. Total: whatever a header holds, it is read.

x-ratelimit-limit-requests: 500
x-ratelimit-remaining-requests: 499
x-ratelimit-reset-requests: 120ms
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

_MAX_COUNT = 10**12
_MAX_RESET_S = 7 * 86_400.0
"""What is longer is no duration: some servers give the moment of the reset, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of one kind, requests or tokens."""

    remaining: float
    limit: float | None = None
    """What there is after a reset."""
    reset_s: float | None = None
    """Seconds until all of it is there again."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What a response says of both kinds, where it says it."""

    requests: Allowance | None = None
    tokens: Allowance | None = None


def read_rates(header: Callable[[str], str | None]) -> Rates | None:
    """Return what the headers say; None where they say nothing that can be used.

    Args:
        header: gives a header by its name.

    """
    requests, tokens = _allowance(header, "requests"), _allowance(header, "tokens")
    return None if requests is None and tokens is None else Rates(requests, tokens)


def _allowance(header: Callable[[str], str | None], kind: str) -> Allowance | None:
    remaining = _count(header(f"x-ratelimit-remaining-{kind}"))
    if remaining is None:
        return None
    limit = _count(header(f"x-ratelimit-limit-{kind}"))
    return Allowance(remaining, limit, read_duration(header(f"x-ratelimit-reset-{kind}")))


def _count(text: str | None) -> float | None:
    """Return a number; what is below nothing, as some servers count, is nothing."""
    if text is None:
        return None
    found = re.fullmatch(r"(-?)(\d{1,15}(?:\.\d{1,9})?)", text.strip(), re.ASCII)
    if found is None:
        return None
    return 0.0 if found[1] else min(float(found[2]), _MAX_COUNT)


_UNITS_S = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*(ms|us|µs|ns|d|h|m|s)", re.ASCII)
_PARTS = re.compile(rf"(?:{_PART.pattern}\s*)+", re.ASCII)


def read_duration(text: str | None) -> float | None:
    """Return the seconds of `6m0s`, `1.5s`, `20ms` or plain `12`; None for anything else, such as a date in seconds."""
    told = (text or "").strip().lower()
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", told, re.ASCII):
        seconds = float(told)
    elif len(told) <= 60 and _PARTS.fullmatch(told):
        seconds = sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(told))
    else:
        return None
    return seconds if seconds <= _MAX_RESET_S else None
