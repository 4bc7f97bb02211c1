"""Whether a text has come into a loop, as models do: most of it is one thing, again and again. In linear time.

Two kinds are found. A stretch of at least half of the text that repeats itself without a break, whatever its period;
and one line or sentence that comes back so often that it makes up half of the text, whatever stands between.
What stands between code fences may repeat itself.
"""

import re
from collections import Counter
from typing import Final

import numpy as np

_FENCE: Final = "```"
_SHARE: Final = 0.5
_REPEATS: Final = 6
"""A stretch holds its period at least so often."""
_RETURNS: Final = 10
"""A line or sentence comes at least so often."""
_LEAST: Final = 300
"""In characters, all repeats together: the output of a small program may repeat a line."""
_LEAST_WITHOUT_LETTERS: Final = 3_000
"""A matrix of zeros, or a ruled form, is no loop yet."""
_PIECE: Final = 24
"""In characters: a loop is looked for by a piece so long that comes again."""
_RARE_SPACES: Final = "\t\r\x0b\x0c\x1c\x1d\x1e\x1f"
"""Of ASCII."""
_UNITS: Final = re.compile(r"[.!?](?=\s)|[\n\u3002\uff01\uff1f\uff61\uff0e\u0964\u0965\u061f\u06d4\u104b\u17d4\u0e2f]")
"""Marks that end a sentence, also those of Chinese, Hindi, Arabic, Urdu, Burmese, Khmer and Thai."""


def is_loop(text: str) -> bool:
    """Say whether most of a text is a repetition."""
    if len(text) < _LEAST:
        return False
    flat = squeezed(text)
    least = max(_LEAST, _SHARE * len(flat))
    if _FENCE in text:
        parts = text.split(_FENCE)
        # An odd part stands between fences, but for the last one if its fence is never closed.
        text = "\n".join(part for i, part in enumerate(parts) if i % 2 == 0 or i == len(parts) - 1)
        flat = squeezed(text)
    return _is_made_of_one(text, flat, least) or _repeats_itself(flat, least)


def squeezed(text: str) -> str:
    """Return the text with one space for each stretch of white space: `" ".join(text.split())`, in a fifth of the time.

    Line ends are all the white space there is, beside the plain space, in nearly all texts.
    """
    if _has_rare_space(text):
        return " ".join(text.split())
    plain = text.replace("\n", " ")
    while "  " in plain:
        plain = plain.replace("  ", " ")
    return plain.strip(" ")


def _has_rare_space(text: str) -> bool:
    """Say whether a text may have white space that is neither a space nor a line end."""
    if text.isascii():
        return any(space in text for space in _RARE_SPACES)
    return not text.replace("\n", " ").isprintable()  # of all white space only the plain space is printable


def _is_made_of_one(text: str, flat: str, least: float) -> bool:
    """Say whether one line or sentence returns and returns."""
    for units in (_lines(text), _sentences(flat)):
        # Nearly always so few units are equal that none can have returned so often.
        if len(units) < _RETURNS or len(units) - len(set(units)) < _RETURNS - 1:
            continue
        counts = Counter(units)
        del counts[""]
        if any(
            count >= _RETURNS and count * len(unit) >= least and _has_letters(unit) for unit, count in counts.items()
        ):
            return True
    return False


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def _sentences(flat: str) -> list[str]:
    """Cut after marks that end a sentence; ten times as fast without a pattern, where all marks are ASCII."""
    if not flat.isascii():
        return [unit.strip() for unit in _UNITS.split(flat)]
    if "!" in flat:
        flat = flat.replace("!", ".")
    if "?" in flat:
        flat = flat.replace("?", ".")
    return flat.split(". ")


def _repeats_itself(text: str, least: float) -> bool:
    """Say whether the middle lies in a long stretch with a period, as it must if that is half of the text."""
    if len(text) < least:
        return False
    middle = len(text) // 2
    furthest = len(text) // _REPEATS + _PIECE
    later = text.find(text[middle : middle + _PIECE], middle + 1, middle + furthest)
    earlier = text.rfind(text[middle - _PIECE : middle], max(0, middle - furthest), middle - 1)
    found = [(middle, later - middle)] if later >= 0 else []
    if earlier >= 0:
        found.append((earlier, middle - _PIECE - earlier))
    for start, period in found:
        stretch = _stretch(text, start, period)
        letters = _has_letters(text[start : start + period])
        if stretch >= max(least if letters else _LEAST_WITHOUT_LETTERS, least, _REPEATS * period):
            return True
    return False


def _stretch(text: str, start: int, period: int) -> int:
    """Return how many characters around a place have this period."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    breaks = (codes[period:] != codes[:-period]).nonzero()[0]
    after = int(breaks.searchsorted(start))
    first = int(breaks[after - 1]) + 1 if after else 0
    last = int(breaks[after]) if after < breaks.size else codes.size - period
    return last - first + period


def _has_letters(unit: str) -> bool:
    return any(character.isalpha() for character in unit)
