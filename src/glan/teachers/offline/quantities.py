"""Measured quantities as they are written: exactly where that is short, otherwise with four significant figures."""

from fractions import Fraction
from math import floor, log10

from glan.teachers.offline.problems import show_decimal


def show_measure(number: Fraction) -> str:
    """Return a number that is not negative, with `about` in front if it has too many decimals to be exact."""
    if (number * (1_000 if number > 1 else 10_000)).denominator == 1:
        return show_decimal(number)
    decimals = max(0, 3 - floor(log10(number)))
    digits = f"{float(number):.{decimals}f}"
    return f"about {digits.rstrip('0').rstrip('.') if decimals else digits}"


def tenths(whole: int, tenth: int) -> Fraction:
    """Return the number that is written with one decimal."""
    return Fraction(10 * whole + tenth, 10)
