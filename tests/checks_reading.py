"""Reading the results of problems, for the checks that compute them again."""

import re
from collections.abc import Mapping
from fractions import Fraction

Values = Mapping[str, int]


def numbers(text: str) -> list[Fraction]:
    """Return all numbers in a text: whole, decimal or as a fraction."""
    return [Fraction(found) for found in re.findall(r"(?<![\w/])-?\d+(?:\.\d+|/\d+)?", text)]
