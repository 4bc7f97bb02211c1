"""What is said of questions and pairs: ratings, scores and safety; and how a reply is read as one. Pure and total.

A reply is untrusted: whoever wrote the pair may have told its judge what to say. So nothing is guessed: a number that
is missing or out of range, or two objects that both look like the judgement, is a `ReplyError`.

    {"reason": "The sum is wrong.", "correctness": 2, "helpfulness": 7, "clarity": 9, "difficulty": 4}
    unsafe
    S2,S9
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from glan.errors import ReplyError
from glan.parsing import clean, mend
from glan.records import Record
from glan.wording import few

LEAST, MOST = 1, 10
"""Of every score."""
MAX_REASON_LENGTH = 500
"""Characters of a reason that are kept: it stands in the detail of a reject."""
_MAX_CATEGORIES = 20
_MAX_LINE_LENGTH = 200
"""Of a verdict; a longer first line is prose."""
_SHOWN_LENGTH = 40
_MOST_TRIES = 100
"""Braces at which an object is looked for."""
_NUMBER = re.compile(r"\s*([0-9]{1,2}(?:\.[0-9]{1,6})?)\s*(?:/\s*10|out of 10)?\s*")
_BRACE = re.compile(r"""\{\s*["']""")
_CODES = r"(?:[A-Z]{1,3}[0-9]{1,3}[\s,;]*)*"
_VERDICT = re.compile(rf"(?:safety\s*:\s*)?(safe|unsafe|controversial)\b[\s:.]*({_CODES})", re.IGNORECASE)
_CATEGORY = re.compile(r"\w[\w /&()'.-]{0,59}")


class Rated(Record, frozen=True, kw_only=True):
    """What a rating says of a question, each number from 1 to 10."""

    answerability: float
    """How well it can be answered from its words alone."""
    difficulty: float
    reason: str = ""

    @property
    def scores(self) -> tuple[tuple[str, float], ...]:
        """The numbers as a row names them."""
        return ("answerability", self.answerability), ("rated_difficulty", self.difficulty)


class Scored(Record, frozen=True, kw_only=True):
    """What a critic says of a pair, each number from 1 to 10."""

    correctness: float
    helpfulness: float
    clarity: float
    difficulty: float
    """Of the question; it says nothing of how good the pair is."""
    reason: str = ""

    @property
    def scores(self) -> tuple[tuple[str, float], ...]:
        """The numbers as a row names them."""
        return (*self.merits, ("difficulty", self.difficulty))

    @property
    def merits(self) -> tuple[tuple[str, float], ...]:
        """Those that say how good the pair is."""
        return ("correctness", self.correctness), ("helpfulness", self.helpfulness), ("clarity", self.clarity)


class Said(Record, frozen=True, kw_only=True):
    """What a model says of one element of a tree."""

    vote: Literal["keep", "remove"] | None
    """None where it is unsure, which is no vote."""
    comment: str = ""


class Guarded(Record, frozen=True, kw_only=True):
    """What a guard model says of a pair."""

    is_safe: bool
    categories: tuple[str, ...] = ()
    """Of what is unsafe, as the model names them: codes such as `S2`, or words."""

    @property
    def told(self) -> str:
        """The value of the column: `safe`, `unsafe`, or `unsafe: S2,S9`."""
        named = f": {','.join(self.categories)}" if self.categories else ""
        return "safe" if self.is_safe else f"unsafe{named}"


class Compared(Record, frozen=True, kw_only=True):
    """What a judge says of two answers to one question, each number from 1 to 10."""

    first: float
    second: float
    reason: str = ""


class Graded(Record, frozen=True, kw_only=True):
    """What a judge says of one answer, from 1 to 10."""

    score: float
    reason: str = ""


def parse_rating(text: str) -> Rated:
    """Return the rating in a reply.

    Raises:
        ReplyError: there is none, or a number is missing or out of range.

    """
    found = _object(text, ("answerability", "difficulty"))
    return Rated(
        answerability=_score(found, "answerability", text),
        difficulty=_score(found, "difficulty", text),
        reason=_reason(found),
    )


def parse_scores(text: str) -> Scored:
    """Return the scores in a reply.

    Raises:
        ReplyError: there are none, or one is missing or out of range.

    """
    found = _object(text, ("correctness", "helpfulness", "clarity", "difficulty"))
    return Scored(
        correctness=_score(found, "correctness", text),
        helpfulness=_score(found, "helpfulness", text),
        clarity=_score(found, "clarity", text),
        difficulty=_score(found, "difficulty", text),
        reason=_reason(found),
    )


def parse_comparison(text: str) -> Compared:
    """Return the scores of two answers in a reply.

    Raises:
        ReplyError: there are none, or one is missing or out of range.

    """
    found = _object(text, ("first", "second"))
    return Compared(first=_score(found, "first", text), second=_score(found, "second", text), reason=_reason(found))


def parse_grade(text: str) -> Graded:
    """Return the score of an answer in a reply.

    Raises:
        ReplyError: there is none, or it is out of range.

    """
    found = _object(text, ("score",))
    return Graded(score=_score(found, "score", text), reason=_reason(found))


def parse_votes(text: str, count: int) -> tuple[Said, ...]:
    """Return the votes in a reply, one for each of so many elements, by their numbers.

    Raises:
        ReplyError: there are none, one is missing, or one is twice there.

    """
    listed = _object(text, ("votes",))["votes"]
    found: dict[int, Said] = {}
    for each in listed if isinstance(listed, list) else ():
        number, said = _voted(each, text)
        if not 1 <= number <= count:
            raise ReplyError(f"There is a vote on number {number}; the list has 1 to {count}.", text=text)
        if number in found:
            raise ReplyError(f"There are two votes on number {number}.", text=text)
        found[number] = said
    missing = [number for number in range(1, count + 1) if number not in found]
    if missing:
        raise ReplyError(f"There is no vote on {few([*map(str, missing)], _MOST_NAMED)}.", text=text)
    return tuple(found[number] for number in range(1, count + 1))


def _voted(each: object, text: str) -> tuple[int, Said]:
    number, vote = (each.get("number"), each.get("vote")) if isinstance(each, dict) else (None, None)
    word = vote.strip().casefold() if isinstance(vote, str) else ""
    if isinstance(number, str) and number.strip().isdecimal() and len(number) <= _SHOWN_LENGTH:
        number = int(number)
    if not isinstance(number, int) or isinstance(number, bool) or word not in _VOTES:
        raise ReplyError('Each vote has a "number" and a "vote" that is keep, remove or unsure.', text=text)
    comment = each.get("comment") if isinstance(each, dict) else ""
    said = " ".join(clean(comment).split())[:MAX_REASON_LENGTH] if isinstance(comment, str) else ""
    return number, Said(vote=_VOTES[word], comment=said)


_VOTES: Mapping[str, Literal["keep", "remove"] | None] = {"keep": "keep", "remove": "remove", "unsure": None}
_MOST_NAMED = 10


def parse_safety(text: str) -> Guarded:
    """Return the verdict in a reply: JSON, or the plain lines of a guard model. What is controversial is not safe.

    Raises:
        ReplyError: there is none, or it contradicts itself.

    """
    verdict, names = _of_object(text) if "{" in text else _plain(text)
    word = verdict.strip().casefold()
    categories = tuple(_categories(names))
    if word not in {"safe", "unsafe", "controversial"}:
        raise ReplyError(f"The verdict is {_shown(verdict)}; it is safe or unsafe.", text=text)
    if word == "safe" and categories:
        raise ReplyError("The verdict is safe, and there are categories of what is unsafe.", text=text)
    return Guarded(is_safe=word == "safe", categories=categories)


def _of_object(text: str) -> tuple[str, Sequence[str]]:
    found = _object(text, ("verdict",))
    verdict, named = found["verdict"], found.get("categories")
    names = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    return verdict if isinstance(verdict, str) else "", names


def _plain(text: str) -> tuple[str, Sequence[str]]:
    """Read `unsafe` and a line of categories below it, with `Safety:` and `Categories:` before them in some models."""
    lines = [line.strip() for line in clean(text).splitlines() if line.strip()]
    found = _VERDICT.fullmatch(lines[0].strip("*`# ")) if lines and len(lines[0]) <= _MAX_LINE_LENGTH else None
    if found is None:
        raise ReplyError("The first line of the reply is not safe or unsafe.", text=text)
    below = lines[1] if len(lines) > 1 and len(lines[1]) <= _MAX_LINE_LENGTH else ""
    label, _, named = below.partition(":")
    if label.strip().casefold() not in {"categories", "category"}:
        named = below if re.fullmatch(_CODES, below, re.IGNORECASE) else ""
    return found[1], re.split(r"[,;]", f"{','.join(found[2].split())},{named}")


def _categories(names: Sequence[str]) -> Iterator[str]:
    """Give each name of a category once; the rest of a list is no name."""
    seen: set[str] = set()
    for name in names:
        plain = " ".join(clean(name).split())
        if _CATEGORY.fullmatch(plain) and plain.casefold() not in {"none", *seen} and len(seen) < _MAX_CATEGORIES:
            seen.add(plain.casefold())
            yield plain


def _object(text: str, names: Sequence[str]) -> Mapping[str, object]:
    """Return the one object in a reply that has these keys, also where it stands in a fence or under another key."""
    found = _unwrapped(_decoded(text, names), names)
    if not isinstance(found, dict):
        raise ReplyError(f"The reply is not a JSON object with the keys {', '.join(names)}.", text=text)
    missing = next((name for name in names if name not in found), None)
    if missing is not None:
        raise ReplyError(f'The object has no "{missing}".', text=text)
    return found


def _decoded(text: str, names: Sequence[str]) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        pass
    found = [each for each in _objects_in(text) if _unwrapped(each, names) is not None]
    if len(found) == 1:
        return found[0]
    if found or _is_ambiguous(text, names):
        raise ReplyError("The reply holds several such objects, or a broken one in another; write one.", text=text)
    try:
        return mend(text)
    except (ValueError, RecursionError) as error:
        raise ReplyError(f"The reply is not a JSON object: {error}.", text=text) from error


def _is_ambiguous(text: str, names: Sequence[str]) -> bool:
    """Say whether a broken reply may hold more than one judgement: a mender would take one of them, or join them."""
    is_twice = any(len(re.findall(rf"""["']{name}\\?["']""", text)) > 1 for name in names)
    return is_twice or len(_BRACE.findall(text)) > 1


def _objects_in(text: str) -> Sequence[object]:
    """Return the whole objects in a text that stand side by side.

    There are none where one is broken: what stands whole inside it may be a quotation of what the pair told its judge.
    Braces without a key, as of sets and formulas, are passed over.
    """
    decoder, end = json.JSONDecoder(strict=False), 0
    found: list[object] = []
    for _, brace in zip(range(_MOST_TRIES), _BRACE.finditer(text), strict=False):
        if brace.start() >= end:
            try:
                each, end = decoder.raw_decode(text, brace.start())
            except (ValueError, RecursionError):
                return []
            found.append(each)
    return found


def _unwrapped(found: object, names: Sequence[str]) -> object:
    """Return an object that has the keys: itself, the only item of a list, or what stands under one of its keys."""
    if isinstance(found, list):
        found = found[0] if len(found) == 1 else None
    if isinstance(found, dict) and names[0] not in found:
        inner = [value for value in found.values() if isinstance(value, dict) and names[0] in value]
        return {**found, **inner[0]} if len(inner) == 1 else None
    return found if isinstance(found, dict) else None


def _score(found: Mapping[str, object], name: str, text: str) -> float:
    value = found[name]
    number = _NUMBER.fullmatch(value) if isinstance(value, str) and len(value) <= _SHOWN_LENGTH else None
    score = float(number[1]) if number is not None else value
    if isinstance(score, bool) or not isinstance(score, int | float) or not LEAST <= score <= MOST:
        raise ReplyError(f'"{name}" is {_shown(value)}; it is a number from {LEAST} to {MOST}.', text=text)
    return float(score)


def _reason(found: Mapping[str, object]) -> str:
    """Return the reason on one line."""
    reason = found.get("reason")
    return " ".join(clean(reason).split())[:MAX_REASON_LENGTH] if isinstance(reason, str) else ""


def _shown(value: object) -> str:
    """Return a value as an error shows it: short, and the same every time."""
    return "no number or word" if isinstance(value, dict | list) else json.dumps(value)[:_SHOWN_LENGTH]
