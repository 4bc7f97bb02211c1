"""Where a reply says what its answer is: boxes and sentences such as "the answer is". Pure text; it knows no benchmark.

A model may change its mind, so what is said last counts.
"""

import re
from collections.abc import Iterator, Sequence
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
_BACK: Final = r"""(?:
    wait | hold\ on | oops | sorry | actually | correction | my\ mistake | (?:scratch|strike)\ that | or\ rather
    | on\ (?:second\ thoughts?|reflection) | i\ (?:was|am)\ wrong | i\ (?:have\ )?made\ an?\ (?:mistake|error)
    | i\ mean t? | (?:that|this|it)(?:['’]s|\ is|\ was)\ (?:wrong|incorrect|a\ mistake|not\ (?:right|correct))
    | no(?=\s*[,.:;!…—–-]|\s+wait)
    )\b"""
_BREAK: Final = r"[\s,.:;!…—–*_-]{0,8}"
_TAKES_BACK: Final = re.compile(
    rf"""
    (?:^|[.!?…,;:()\n—–-]){_BREAK}(?:(?:oh|ah|h+m+|um|but|well|and|ok|okay)\b{_BREAK}){{0,3}}{_BACK}
    | \bor\ rather\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_INSTEAD: Final = re.compile(
    rf"""
    {_BACK}(?:{_BREAK}{_BACK}){{0,3}}
    {_BREAK}(?:(?:so|then|rather|instead|therefore|thus|hence|in\ fact)\b{_BREAK}){{0,2}}
    (?:
        (?:(?:it|that|this)(?:['’]s|\ (?:is|was|(?:should|must|would|has\ to|ought\ to)\ be))|make\ (?:it|that))
            (?!\s+not\b|n't|\s+\(?(?-i:[A-Z])\)?\s+(?:that|which|who)\b)
            (?:\s+(?:actually|really|rather|just|simply|only|indeed|of\ course|in\ fact)\b)*
        | (?=[*_"'“‘(\[$€£¥-]*(?:(?-i:[A-Z])|\d[\d,.'’\ ]*|true|false|valid|invalid)[*_"'”’)\]%]*\s*(?:[.,;!\n]|$))
    )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_SHOWN: Final = re.compile(r"\\(?:boxed|fbox)\s*|\#\#\#\#")
_LONGEST: Final = 400
_MOST: Final = 20_000
_PLACES: Final = 50


def end_of(reply: str) -> str:
    """Return a reply, or of a very long one its end: no model is given room for more, and rules look at it often."""
    return reply[-_MOST:]


def tails(reply: str) -> Iterator[str]:
    """Yield what follows each place where a reply says its answer, the last place first, to the end of its line."""
    return _following(reply, [found.end() for found in _LEAD.finditer(reply)])


def second_thoughts(reply: str) -> str:
    """Return a reply from where it takes back the answer that it has given; an empty text where it does not.

    An answer that is boxed, or marked by ####, is given where it is for the last time, one that is said for the first.
    """
    given = [*_SHOWN.finditer(reply)][-1:] or [*_LEAD.finditer(reply)][:1]
    found = _TAKES_BACK.search(reply, given[0].end()) if given else None
    return reply[found.start() :] if found else ""


def instead(second: str) -> Iterator[str]:
    """Yield what second thoughts say instead, the last first: "wait, no, it is B", or the answer said anew."""
    return _following(second, sorted(found.end() for rule in (_LEAD, _INSTEAD) for found in rule.finditer(second)))


def _following(reply: str, places: Sequence[int]) -> Iterator[str]:
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
