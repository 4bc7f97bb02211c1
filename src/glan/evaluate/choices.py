"""Which option of a multiple-choice question a reply names. Rules alone: no model decides, and nothing is guessed.

In this order, the first that finds something decides:

1. what the reply says instead of an answer that it takes back: "Wait, no, it is B"
2. a LaTeX box
3. what the reply says its answer is, the last time that it says so, by letter or by the option's words
4. "B is correct", "so C": the last
5. a letter alone, or first: the whole reply, its first line or its last
6. the option's words alone
7. the only letter that the reply names at all

A reply that names several as its answer, or none, has no answer.
"""

import re
import string
import unicodedata
from collections.abc import Sequence
from typing import Final

from glan.evaluate.statements import boxed, end_of, instead, second_thoughts, tails

_OPEN: Final = r"[\s\"'“”‘’`*_$(\[{（【]*(?:\\(?:text|mathrm|mathbf|textbf)\s*\{\s*\(?)?"
_NAMED: Final = r"(?:(?:the|both|either|simply|just|clearly|therefore|likely|probably|letter|option|choice|answer)\s+)*"
_LETTER: Final = re.compile(
    rf"{_OPEN}{_NAMED}{_OPEN}(?P<letter>[A-Za-z])(?!['’_]*[A-Za-z0-9À-ÿ])(?P<after>.*)", re.DOTALL
)
_LOWER_ENDS: Final = re.compile(r"\s*(?:[).:\]}*,]|$)")
_MORE: Final = re.compile(r"[\s)\]}*.]*(?:,|and|or|&|/|\+|和|或)[\s*(\[]*(?P<letter>[A-Z])(?![\w'])", re.IGNORECASE)
_VERDICT: Final = re.compile(
    r"(?<![\w'])\(?(?P<letter>[A-Z])\)?[*_]*[.):]?(?![\w'])(?:(?!\bnot\b|n't|\bwrong\b|\b[A-Z]\))[^.\n]){0,80}?"
    r"\b(?:is|seems|must\ be|would\ be|appears)\b[\s*_]*(?:(?:to\ be|the|clearly|most|only|also|indeed)\s+)*[*_]*"
    r"(?:correct|right|best|true\b(?!\s+that)|answer)"
)
_HENCE: Final = re.compile(
    r"(?:\b(?:so|thus|therefore|hence|leaving|leaves(?:\s+us\s+with)?|must\s+be|it['’]?s|it\s+is)\b|∴|因此|所以)"
    r"[\s,:]*(?:it\s+(?:is|must\s+be)\s+)?(?:only\s+)?(?:option\s+|choice\s+)?[*_(]*(?P<letter>[A-Z])[)*_]*"
    r"(?=\s*(?:[.,;!]|$|\n))",
    re.IGNORECASE,
)
_BESIDE: Final = re.compile(r"\b(?:is|are|was|were)\s+(?:also|partly|partially)\b", re.IGNORECASE)
"""What is said of an option that is named beside the answer, not instead of it."""
_FIRST: Final = re.compile(r"[\s*_(\[{\"'`#>]*(?P<letter>[A-Za-z])[\s*_\"'`]*(?:[).:\]}]|\s-|$)", re.MULTILINE)
_ALONE: Final = re.compile(r"[\s*_(\[{\"'“‘`#>$]*(?P<letter>[A-Za-z])[\s*_)\].}\"'”’`$!。]*", re.MULTILINE)
_ANY: Final = re.compile(r"(?<![\w'’])(?P<letter>[A-Z])(?![\w'’])")
_ARTICLE: Final = re.compile(r"\s+(?!(?:and|or|nor|is|are|was|but)\b)[a-z]")


def letters_of(options: int) -> str:
    """Return the letters of so many options."""
    return string.ascii_uppercase[:options]


def letter_of(reply: str, options: Sequence[str]) -> str | None:
    """Return the letter of the option that a reply names as its answer; None where it names none, or several."""
    reply = unicodedata.normalize("NFKC", end_of(reply)).strip()
    if not reply:
        return None
    if (found := _instead(reply, options)) is not None:
        return found
    inside = boxed(reply)
    if inside is not None and (found := _named(inside, options)) is not None:
        return found or None
    for tail in tails(reply):
        if (found := _named(tail, options)) is not None:
            return found or None
    for rule in (_concluded, _placed, _worded, _only):
        if (found := rule(reply, options)) is not None:
            return found or None
    return None


def _instead(reply: str, options: Sequence[str]) -> str | None:
    """Return the letter of what a reply names instead of an answer that it takes back."""
    second = second_thoughts(reply)
    named = (_named(tail, options) for tail in instead(second))
    return next(filter(None, named), None) or _concluded(_BESIDE.sub("", second), options)


def _known(letter: str, options: Sequence[str]) -> str | None:
    upper = letter.upper()
    return upper if upper in letters_of(len(options)) else None


def _named(tail: str, options: Sequence[str]) -> str | None:
    """Return the letter with which a text begins, or whose words it begins with; an empty text where it names several.

    A small letter counts only where a word cannot go on: "a) Paris" is an option, "a city" is none.
    """
    whole = _with_words(tail, options)
    found = _LETTER.match(tail)
    if found is None or _known(found["letter"], options) is None:
        return whole
    if found["letter"].islower() and not _LOWER_ENDS.match(found["after"]):
        return whole
    more = _MORE.match(found["after"])
    if more is not None and _known(more["letter"], options) not in (None, found["letter"].upper()):
        return ""
    return found["letter"].upper()


def _with_words(tail: str, options: Sequence[str]) -> str | None:
    """Return the letter of the longest option with whose words a text begins."""
    said = _plain(tail)
    found = [
        (len(words), letter)
        for letter, option in zip(letters_of(len(options)), options, strict=True)
        if (words := _plain(option)) and (said == words or said.startswith(f"{words} "))
    ]
    if not found:
        return None
    longest = max(found)[0]
    best = [letter for length, letter in found if length == longest]
    return best[0] if len(best) == 1 else ""


def _concluded(reply: str, options: Sequence[str]) -> str | None:
    ends = [(each.start(), each["letter"]) for rule in (_VERDICT, _HENCE) for each in rule.finditer(reply)]
    known = [letter for _, each in sorted(ends) if each.isupper() and (letter := _known(each, options))]
    return known[-1] if known else None


def _placed(reply: str, options: Sequence[str]) -> str | None:
    """Return the letter that is alone on the last line, or with which the reply begins and no other line does."""
    lines = [line for line in reply.splitlines() if line.strip()]
    alone = _ALONE.fullmatch(lines[-1])
    if alone is not None and (letter := _known(alone["letter"], options)) is not None:
        return letter
    begins = [found for line in lines if (found := _FIRST.match(line)) and _known(found["letter"], options)]
    different = {found["letter"].upper() for found in begins}
    first = _FIRST.match(lines[0])
    if first is None or len(different) != 1 or _known(first["letter"], options) is None:
        return None
    return first["letter"].upper()


def _worded(reply: str, options: Sequence[str]) -> str | None:
    """Return the option whose words are the whole reply, or the whole of its last line."""
    for text in (reply, reply.splitlines()[-1]):
        same = [
            letter
            for letter, option in zip(letters_of(len(options)), options, strict=True)
            if _plain(option) and _plain(option) == _plain(text)
        ]
        if len(same) == 1:
            return same[0]
    return None


def _only(reply: str, options: Sequence[str]) -> str | None:
    """Return the only letter of an option that a reply names; "A" before a word may be the article."""
    found = set()
    for each in _ANY.finditer(reply):
        is_article = each["letter"] == "A" and _ARTICLE.match(reply, each.end())
        if not is_article and (letter := _known(each["letter"], options)):
            negated = re.match(r"[)*_]*\s+(?:is|are)(?:n't|\s+(?:not|wrong|incorrect|false))", reply[each.end() :])
            found.add("" if negated else letter)
    return found.pop() if len(found) == 1 else None


def _plain(text: str) -> str:
    """Return words alone: small letters and digits, without marks at their edges."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"\\text\s*\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"[^\w\s.+\-/%°]", " ", text)
    return " ".join(word.strip(".") or word for word in text.split()).strip()
