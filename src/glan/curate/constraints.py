"""Whether an answer keeps to what its question asks of it: its length, its form, its language.

    Constraint(max_words=20, items=3)  ->  (("at most 20 words", "met"), ("exactly 3 items", "missed"))

What cannot be said for sure is said so, and is no reason to refuse an answer.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import msgspec
from msgspec.structs import replace

from glan.curate.counting import count_words
from glan.curate.examiner import Finding
from glan.curate.languages import language_of, other_language
from glan.curate.markup import without_code
from glan.language_names import LANGUAGES
from glan.records import Constraint, Decided

MET, MISSED, UNSURE = "met", "missed", "not sure"
_ITEM: Final = re.compile(
    r"(?P<indent>[ \t\u3000]*)(?:\*\*)?"
    r"(?:(?:(?P<number>\d{1,4})[.)]|[-*+\u2022\u2013\u2014])(?:\*\*)?[ \t\u3000]+\S"
    r"|(?P<wide>\d{1,4}[\uff0e\uff09\u3001]|[\uff08(]\d{1,4}[\uff09)]|[\u2460-\u2473])|[\u30fb\u25cf\u25cb\u25a0](?=\s*\w))"
)
"""How an item begins; behind the marks of Chinese and Japanese there is no space."""
_FENCED: Final = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n?```", re.DOTALL | re.IGNORECASE)


def held(decided: Decided | None, finding: Finding | None) -> tuple[Decided | None, Finding | None]:
    """Hold an answer that nothing stands against to its constraint, if it has one; return both with what came of it."""
    if decided is None or decided.pair is None or finding is not None:
        return decided, finding
    question, answer = decided.pair
    if question.task.constraint is None:
        return decided, None
    checks = checks_of(answer.text, question.task.constraint)
    names = [name for name, verdict in checks if verdict == MISSED]
    finding = Finding(reason="constraint missed", detail=", ".join(names)) if names else None
    return replace(decided, checks=checks), finding


def checks_of(text: str, constraint: Constraint) -> tuple[tuple[str, str], ...]:
    """Return each part of a constraint with whether a text keeps to it."""
    return tuple(_checks(text, constraint))


def _checks(text: str, constraint: Constraint) -> Iterator[tuple[str, str]]:
    if constraint.max_words is not None:
        words = count_words(text)
        verdict = UNSURE if words is None else _verdict(words <= constraint.max_words)
        yield f"at most {constraint.max_words} words", verdict
    if constraint.answer == "json":
        yield "JSON", _verdict(_json_of(text) is not None)
    if constraint.answer == "table":
        yield "a table", _verdict(_has_table(text))
    if constraint.items is not None:
        yield f"exactly {constraint.items} items", _verdict(constraint.items in _item_counts(text, constraint.answer))
    if constraint.language is not None:
        yield LANGUAGES[constraint.language], _spoken(text, constraint.language)


def _verdict(is_met: bool) -> str:  # noqa: FBT001 - it is all there is to it
    return MET if is_met else MISSED


def _spoken(text: str, code: str) -> str:
    if other_language(text, code) is not None:
        return MISSED
    return MET if language_of(text) == code else UNSURE


def _json_of(text: str) -> dict[str, object] | list[object] | None:
    """Return an object or a list that is all of a text, in a fence or without one."""
    fenced = _FENCED.fullmatch(text.strip())
    try:
        found = msgspec.json.decode((fenced[1] if fenced else text).encode("utf-8", "surrogatepass"))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def _has_table(text: str) -> bool:
    """Say whether a line with columns is followed by the line of dashes that makes it the head of a table."""
    lines = without_code(text).split("\n")
    return any("|" in head and _is_rule(rule) for head, rule in pairwise(lines))


def _is_rule(line: str) -> bool:
    line = line.strip()
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    return "|" in line and all("-" in cell and not cell.strip("-:") for cell in cells)


def _item_counts(text: str, answer: str | None) -> set[int]:
    """Return how many items a text may be said to have: numbered, marked, or both together; the outermost ones."""
    if answer == "json":
        found = _json_of(text)
        lists = [found] if isinstance(found, list) else list((found or {}).values())
        return {len(part) for part in lists if isinstance(part, list)}
    if answer == "table":
        return {_table_rows(text)}
    items = [item for line in without_code(text).split("\n") if (item := _ITEM.match(line))]
    outer = min((len(item["indent"].expandtabs(4)) for item in items), default=0)
    outermost = [item for item in items if len(item["indent"].expandtabs(4)) == outer]
    numbered = sum(item["number"] is not None or item["wide"] is not None for item in outermost)
    return {len(outermost), numbered, len(outermost) - numbered}


def _table_rows(text: str) -> int:
    """Return the rows of all tables, without their heads."""
    lines = [line for line in without_code(text).split("\n") if "|" in line]
    return len(lines) - 2 * sum(map(_is_rule, lines))
