"""Problems: exercises whose numbers are drawn, and which are solved from their numbers alone, exactly.

It knows whole numbers and fractions; it refuses to know stories, which are phrases with holes for the numbers.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from random import Random

Values = Mapping[str, int]
"""The numbers of a problem by the holes of its stories."""

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_SINGLE = re.compile(
    r"(?<![\d.,/^])1 (centimetre|day|euro|gram|kilogram|kilometre|litre|metre|milligram|millilitre|millimetre|"
    r"millisecond|minute|month|parsec|percentage point|point|second|tonne|year)s\b"
)


class UnsolvableError(ValueError):
    """Numbers with which a problem has no solution of the expected kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A solved problem."""

    steps: tuple[str, ...]
    result: str
    check: str
    """A sentence that confirms the result in another way."""

    def __post_init__(self) -> None:
        """Put units into the singular after a 1 that came out of the numbers."""
        object.__setattr__(self, "steps", tuple(_SINGLE.sub(r"1 \1", step) for step in self.steps))
        object.__setattr__(self, "result", _SINGLE.sub(r"1 \1", self.result))
        object.__setattr__(self, "check", _SINGLE.sub(r"1 \1", self.check))


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A kind of exercise."""

    ranges: Mapping[str, tuple[int, int]]
    """Least and greatest value of each number; what is outside is not solved."""
    draw: Callable[[Random], dict[str, int]]
    solve: Callable[[Values], Solution]


def write_values(values: Values) -> dict[str, str]:
    """Return numbers as they stand in a story."""
    return {hole: DAYS[value] if hole == "day" else str(value) for hole, value in values.items()}


def read_values(problem: Problem, words: Mapping[str, str]) -> dict[str, int] | None:
    """Return the numbers of a story, or None if one is no number or out of range."""
    values: dict[str, int] = {}
    for hole, (least, greatest) in problem.ranges.items():
        word = words.get(hole)
        if word is None:
            continue
        if hole == "day":
            value = DAYS.index(word) if word in DAYS else -1
        else:
            value = int(word) if _WHOLE.fullmatch(word) else least - 1
        if not least <= value <= greatest:
            return None
        values[hole] = value
    return values


def reduced(top: int, bottom: int) -> str:
    """Return a fraction as it stands and, where that is something else, in lowest terms: `4/6 = 2/3`."""
    plain, lowest = f"{top}/{bottom}", str(Fraction(top, bottom))
    return plain if plain == lowest else f"{plain} = {lowest}"


def term(factor: int, unknown: str) -> str:
    """Return a multiple of an unknown: `3x`, `x`, `-x`."""
    return unknown if factor == 1 else f"-{unknown}" if factor == -1 else f"{factor}{unknown}"


def about(number: Fraction, decimals: int = 2) -> str:
    """Return `, about 0.33` after a fraction, and nothing after a whole number."""
    return "" if number.denominator == 1 else f", about {float(number):.{decimals}f}"


def show_decimal(number: Fraction) -> str:
    """Return a number as a decimal fraction where it has a short one, otherwise as a fraction."""
    scaled = number * 10_000
    if scaled.denominator != 1:
        return str(number)
    sign = "-" if scaled < 0 else ""
    whole, decimals = divmod(abs(scaled.numerator), 10_000)
    return f"{sign}{whole}.{decimals:04d}".rstrip("0").rstrip(".")


def show_root(square: int) -> str:
    """Return the square root of a whole number, simplified."""
    outside = max(k for k in range(1, isqrt(square) + 1) if square % (k * k) == 0) if square else 0
    inside = square // (outside * outside) if outside else 1
    if inside == 1:
        return str(outside)
    return f"sqrt({inside})" if outside == 1 else f"{outside} · sqrt({inside})"


def signed(number: int) -> str:
    """Return a number with its sign and a space, as in `x + 3` and `x - 3`."""
    return f"- {-number}" if number < 0 else f"+ {number}"


def bracketed(number: int) -> str:
    """Return a number, in brackets if it is negative."""
    return f"({number})" if number < 0 else str(number)


def show_line(slope: Fraction, intercept: Fraction) -> str:
    """Return the equation of a line that is not vertical."""
    if slope == 0:
        return f"y = {intercept}"
    steep = term(int(slope), "x") if slope.denominator == 1 else f"{slope} · x"
    if intercept == 0:
        return f"y = {steep}"
    return f"y = {steep} {'-' if intercept < 0 else '+'} {abs(intercept)}"
