"""What a reply is worth. A score is a sum over parts with their number: 1 of 1, or 2 of 3 instructions.

Code is scored in `running_code.py`, since it has to run; everything else here follows from the words alone.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from glan.evaluate.choices import letter_of
from glan.evaluate.figures import figure_of, told
from glan.evaluate.instructions import kept_of
from glan.evaluate.maths import expression_of, is_same
from glan.evaluate.problems import Problem
from glan.evaluate.statements import boxed, end_of, instead, second_thoughts, tails
from glan.evaluate.suite import suite
from glan.records import Record

SCORE: Final = "score"
"""The one number of a benchmark that has no others."""


_PAIRS: Final = (("yes", "no"), ("true", "false"), ("invalid", "valid"))
"""Answers of BBH that are one word or the other."""


class Part(Record, frozen=True, kw_only=True):
    """How much of something was right."""

    right: float
    of: float = 1.0


class Scored(Record, frozen=True, kw_only=True):
    """What a reply is worth, and what was read from it."""

    extracted: str | None
    """What was taken as its answer; None where it gives none."""
    parts: Mapping[str, Part]
    """By the name of the number that it counts for."""


def scored(problem: Problem, reply: str) -> Scored:
    """Return what a reply to a problem is worth; of code, see `running_code.py`.

    Raises:
        MissingPackageError: a library is needed that is not there.

    """
    return _RULES[suite()[problem.benchmark].kind](problem, reply)


def _one(extracted: str | None, *, is_right: bool) -> Scored:
    return Scored(extracted=extracted, parts={SCORE: Part(right=float(is_right))})


def _choice(problem: Problem, reply: str) -> Scored:
    found = letter_of(reply, problem.options)
    return _one(found, is_right=found == problem.answer)


def _figure(problem: Problem, reply: str) -> Scored:
    found = figure_of(reply)
    return _one(told(found), is_right=found is not None and found == figure_of(problem.answer))


def _maths(problem: Problem, reply: str) -> Scored:
    found = expression_of(reply)
    return _one(found, is_right=is_same(found, problem.answer))


def _stated(problem: Problem, reply: str) -> Scored:
    """Score a reply to a problem of BBH, whose right answer is a letter in brackets or a few words."""
    found = stated_of(reply, problem.answer)
    return _one(found, is_right=found is not None and _bare(found) == _bare(problem.answer))


def stated_of(reply: str, kind: str) -> str | None:
    """Return what a reply states as its answer, read as an answer of the same kind: a letter in brackets, or words."""
    reply = end_of(reply)
    said = next((tail for tail in tails(reply) if tail.strip("*_. ")), None) or boxed(reply)
    if said is None:
        lines = [line for line in reply.splitlines() if line.strip()]
        said = lines[-1].strip() if lines else None
    if said is None:
        return None
    second = second_thoughts(reply)
    if re.fullmatch(r"\([A-Z]\)", kind):
        letter = letter_of(f"The answer is {said}\n{second}", [""] * 26)
        return None if letter is None else f"({letter})"
    for tail in (*instead(second), said):
        if (word := _word_of(tail, kind)) is not None:
            return word
    return said.strip().removesuffix(".").strip("*_`\"' ")[:200]


def _word_of(tail: str, kind: str) -> str | None:
    """Return the word with which a text begins, where an answer of this kind is one of two: yes or no."""
    words = next(("|".join(pair) for pair in _PAIRS if kind.casefold() in pair), None)
    found = re.match(rf"\W*({words})\b(?!\W*(?:or|and)\b|/)", tail, re.IGNORECASE) if words else None
    return found[1] if found else None


def _bare(text: str) -> str:
    """Return the words of an answer: brackets of other kinds than a letter's are a part of it."""
    text = re.sub(r"\\text\{([^{}]*)\}", r"\1", text.strip().strip("$")).casefold()
    words = re.sub(r"[,\s]+", " ", text).strip(" .\"'`*")
    return words if any(map(str.isalnum, words)) else words.replace(" ", "")


def _instructions(problem: Problem, reply: str) -> Scored:
    """Score a reply to a problem of IFEval: every instruction, and all of them, strictly and loosely."""
    parts: dict[str, Part] = {}
    for way in ("strict", "loose"):
        kept = kept_of(problem, reply, is_loose=way == "loose")
        parts[f"prompt_{way}"] = Part(right=float(all(kept)))
        parts[f"instruction_{way}"] = Part(right=float(sum(kept)), of=float(len(kept)))
    return Scored(extracted=None, parts=parts)


_RULES: Final[Mapping[str, Callable[[Problem, str], Scored]]] = {
    "choice": _choice,
    "figure": _figure,
    "maths": _maths,
    "stated": _stated,
    "instructions": _instructions,
}
