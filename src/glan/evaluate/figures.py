"""The number that a reply to a word problem ends in, exactly.

Nothing is rounded: 0.5 and 1/2 are the same, 0.33 and 1/3 are not.
In this order: what is said instead of an answer that is taken back, what stands after the last `####`, in a LaTeX box,
after "the answer is", and else the last number.
"""

import re
import unicodedata
from fractions import Fraction
from typing import Final

from glan.evaluate.statements import boxed, end_of, instead, second_thoughts, tails

_APART: Final = r"[1-9]\d{0,2}(?P<apart>[ '’])\d{3}(?:(?P=apart)\d{3})*(?!\d|-[A-Za-z])(?:[.,]\d+)?"
_PLAIN: Final = rf"{_APART}|(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?|\.\d+"
_NUMBER: Final = re.compile(
    rf"(?P<sign>-\s?)?[$€£¥]?\s?(?P<minus>-)?"
    rf"(?:(?:(?P<whole>\d+)\s+)?(?P<top>\d+)\s*/\s*(?P<bottom>\d+)(?![\d/])|(?P<plain>{_PLAIN}))"
)
_FRACTION: Final = re.compile(r"\\[dt]?frac\s*\{\s*(-?\d+)\s*\}\s*\{\s*(\d+)\s*\}")
_BEGINS: Final = re.compile(r"(?:(?:therefore|thus|then|now|about|only|just)\s+)*[^\w\s]*\s?\d")
_DIGITS: Final = 100
"""What is longer is no number that anybody means."""
_THIN: Final = re.compile(r"\\[,!;: ]|\{,\}")


def figure_of(reply: str) -> Fraction | None:
    """Return the number that a reply gives as its answer; None where it names none."""
    reply = _readable(end_of(reply))
    for tail in instead(second_thoughts(reply)):
        if _BEGINS.match(tail) and (found := _of_sentence(tail)) is not None:
            return found
    _, mark, after = reply.rpartition("####")
    if mark and (found := _first(after)) is not None:
        return found
    inside = boxed(reply)
    if inside is not None and (found := _of_sentence(inside)) is not None:
        return found
    for tail in tails(reply):
        if (found := _of_sentence(tail)) is not None:
            return found
    numbers = _all(reply)
    return numbers[-1] if numbers else None


def told(figure: Fraction | None) -> str | None:
    """Return a number as people write it."""
    if figure is None:
        return None
    return f"{float(figure):.10g}" if figure.denominator > 1 else str(figure.numerator)


def _readable(reply: str) -> str:
    text = unicodedata.normalize("NFKC", reply).replace("−", "-").replace("⁄", "/").replace("\\$", "$")
    text = _THIN.sub(lambda found: "," if "," in found[0] else "", text) if "\\" in text or "{,}" in text else text
    return _FRACTION.sub(r" \1/\2 ", text).replace("*", " * ")


def _of_sentence(text: str) -> Fraction | None:
    """Return the number of a sentence: what stands after its last `=`, or else its first."""
    _, equals, after = text.rpartition("=")
    if equals and (found := _first(after)) is not None:
        return found
    return _first(text)


def _first(text: str) -> Fraction | None:
    numbers = _all(text)
    return numbers[0] if numbers else None


def _all(text: str) -> list[Fraction]:
    return [number for found in _NUMBER.finditer(text) if (number := _value(found, text)) is not None]


def _value(found: re.Match[str], text: str) -> Fraction | None:
    before = text[found.start() - 1] if found.start() else " "
    is_negative = bool(found["minus"]) or (bool(found["sign"]) and not (before.isalnum() or before == ")"))
    if len(found[0]) > _DIGITS:
        return None
    if found["plain"] is not None:
        number = Fraction(_digits(found["plain"], found["apart"]))
    elif int(found["bottom"]):
        number = int(found["whole"] or 0) + Fraction(int(found["top"]), int(found["bottom"]))
    else:
        return None
    return -number if is_negative else number


def _digits(plain: str, apart: str | None) -> str:
    """Return a number as Python reads it; a comma is a decimal one where something else parts the thousands."""
    return plain.replace(",", "") if apart is None else plain.replace(apart, "").replace(",", ".")
