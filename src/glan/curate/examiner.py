"""All that may stand against a question or an answer: the rules on one text, items of benchmarks, earlier questions.

Questions come in plan order, since a verdict on one rests on those before it. It knows texts and numbers, no ids.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from glan.benchmarks.items import Item
from glan.config import Curation
from glan.curate.contamination import REASON, Contamination, Match
from glan.curate.duplicates import Copy, Duplicates
from glan.curate.quality import ANSWER_RULES, QUESTION_RULES, Rule, Text, reason_of
from glan.records import Record

T = TypeVar("T")


class Finding(Record, frozen=True, kw_only=True):
    """Why a text is not taken."""

    reason: str
    """A short fixed name."""
    original: int | None = None
    """Of a copy: number of the question that it copies, counted from 0 over those that came so far."""
    similarity: float = 0.0
    """Of a copy: Jaccard similarity with its original."""
    detail: str = ""
    """What was found, where it is no copy."""


class Examining(Protocol):
    """Who judges texts, wherever that is done. Calls are answered in the order in which they come."""

    async def questions(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Return for each question what stands against it; the next ones are judged by those that pass."""
        ...

    async def answers(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Return for each answer what stands against it."""
        ...


class Examiner:
    """The rules, the items of benchmarks, and the questions that passed so far."""

    def __init__(self, curation: Curation, items: Iterable[Item] = ()) -> None:
        self._contamination = Contamination(items)
        self._duplicates = Duplicates(curation.near_duplicates)

    def questions(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Judge questions, in plan order."""
        findings = [_broken(text, QUESTION_RULES) for text in texts]
        _complete(findings, self._contamination.questions(_passed(texts, findings)), _contaminated)
        _complete(findings, self._duplicates.judge(_passed(texts, findings)), _copied)
        return findings

    def answers(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Judge answers, each by itself."""
        findings = [_broken(text, ANSWER_RULES) for text in texts]
        _complete(findings, self._contamination.answers(_passed(texts, findings)), _contaminated)
        return findings


class Here:
    """An examiner in this process."""

    def __init__(self, curation: Curation, items: Iterable[Item] = ()) -> None:
        self._examiner = Examiner(curation, items)

    async def questions(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Judge questions."""
        return self._examiner.questions(texts)

    async def answers(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Judge answers."""
        return self._examiner.answers(texts)


def _broken(text: Text, rules: tuple[Rule, ...]) -> Finding | None:
    reason = reason_of(text, rules)
    return Finding(reason=reason) if reason is not None else None


def _passed(texts: Sequence[Text], findings: Sequence[Finding | None]) -> list[str]:
    """Return the texts against which nothing was found so far."""
    return [text.text for text, finding in zip(texts, findings, strict=True) if finding is None]


def _complete(findings: list[Finding | None], found: Sequence[T | None], told: Callable[[T], Finding]) -> None:
    """Enter what was found in the texts that had passed so far."""
    places = [place for place, finding in enumerate(findings) if finding is None]
    for place, each in zip(places, found, strict=True):
        if each is not None:
            findings[place] = told(each)


def _contaminated(match: Match) -> Finding:
    return Finding(reason=REASON, detail=match.detail)


def _copied(copy: Copy) -> Finding:
    return Finding(reason=f"{copy.kind} duplicate", original=copy.of, similarity=copy.similarity)
