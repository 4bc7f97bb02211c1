"""Where a reply says what its answer is: boxes and sentences such as "the answer is". Pure text; it knows no benchmark.

A model may change its mind, so what is said last counts.
"""

import re
from collections.abc import Iterator
from typing import Final

_LEAD: Final = re.compile(
    r"""
    \banswers?\b(?:(?!\bnot\b|n't)[^.\n:：=]){0,60}?
        (?:\b(?:is|was|are|would\ be|should\ be|must\ be|will\ be|has\ to\ be|becomes)\b(?!\s+not\b|n't)|[:：=]|->|→)
    | \b(?:correct|right|best|true)\s+(?:option|choice|letter|statement)\b[^.\n:：]{0,40}?
        (?:\bis\b(?!\s+not\b|n't)|[:：])
    | \b(?:i|i'd|i\ would|we|we'd)\s+(?:\w+\s+)?(?:choose|pick|select|go\ (?:with|for)|went\ with|chose)\b
    | (?:正确)?答案(?:应该|应|就)?(?:是|为|为：|選|选)?\s*[:：]?
    | (?:故|应|應|因此|所以)?(?:选择|選擇|选|選)(?:项|項)?
    | (?:答え|正解|解答|回答)(?:は|:|：)
    | (?:정답|답)(?:은|:|：)
    | \brespuesta\b[^.\n:]{0,30}?(?:\bes\b|:)
    | \br[ée]ponse\b[^.\n:]{0,30}?(?:\best\b|:)
    | \bantwort\b[^.\n:]{0,30}?(?:\bist\b|\blautet\b|:)
    | \bresposta\b[^.\n:]{0,30}?(?:\bé|:)
    | \brisposta\b[^.\n:]{0,30}?(?:\bè|:)
    | \bответ\b[^.\n:—-]{0,30}?(?:[:—-]|\bэто\b)?
    | (?:الإجابة|الجواب)[^.\n:]{0,30}?(?:هي|هو|:)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_LONGEST: Final = 400
_MOST: Final = 20_000
_PLACES: Final = 50


def end_of(reply: str) -> str:
    """Return a reply, or of a very long one its end: no model is given room for more, and rules look at it often."""
    return reply[-_MOST:]


def tails(reply: str) -> Iterator[str]:
    """Yield what follows each place where a reply says its answer, the last place first, to the end of its line."""
    places = [found.end() for found in _LEAD.finditer(reply)]
    for place in reversed(places[-_PLACES:]):
        tail = reply[place : place + _LONGEST].lstrip(" \t*_:：\"'“”‘’`—#")
        if tail.startswith("\n"):  # "Answer:", and the answer on the next line
            tail = tail.lstrip()
        yield tail.split("\n", 1)[0].strip()


def boxed(reply: str) -> str | None:
    r"""Return what stands in the last \boxed{} or \fbox{} of a reply; None where there is none, or it is not closed."""
    for found in reversed(list(re.finditer(r"\\(?:boxed|fbox)\s*", reply))[-_PLACES:]):
        inside = _braced(reply, found.end())
        if inside is not None:
            return inside.strip()
    return None


def _braced(text: str, start: int) -> str | None:
    """Return what stands between the braces that open at a place; of a box without any, the next word."""
    if not text.startswith("{", start):
        word = re.match(r"[^\s{}$]+", text[start:])
        return word[0] if word else None
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if not depth:
            return text[start + 1 : place]
    return None
