"""All that may stand against a question or an answer: the rules on one text, then copies of earlier questions.

Questions come in plan order, since a verdict on one rests on those before it. It knows texts and numbers, no ids.
"""

from collections.abc import Sequence
from typing import Protocol

from glan.config import Curation
from glan.curate.duplicates import Copy, Duplicates
from glan.curate.quality import ANSWER_RULES, QUESTION_RULES, Objection, Text, objection_to
from glan.records import Record


class Finding(Record, frozen=True, kw_only=True):
    """Why a text is not taken."""

    reason: str
    """A short fixed name."""
    original: int | None = None
    """Of a copy: number of the question that it copies, counted from 0 over those that the rules let pass."""
    similarity: float = 0.0
    """Of a copy: Jaccard similarity with its original."""
    detail: str = ""
    """What else was found, such as the language of a text."""


class Examining(Protocol):
    """Who judges texts, wherever that is done. Calls are answered in the order in which they come."""

    async def questions(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Return for each question what stands against it; the next ones are judged by those that pass."""
        ...

    async def answers(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Return for each answer what stands against it."""
        ...


class Examiner:
    """The questions that passed so far, and the rules."""

    def __init__(self, curation: Curation) -> None:
        self._duplicates = Duplicates(curation.near_duplicates)

    def questions(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Judge questions, in plan order."""
        found = [_found(objection_to(text, QUESTION_RULES)) for text in texts]
        passed = [text.text for text, finding in zip(texts, found, strict=True) if finding is None]
        copies = iter(self._duplicates.judge(passed))
        return [_copied(next(copies)) if finding is None else finding for finding in found]

    def answers(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Judge answers, each by itself."""
        return [_found(objection_to(text, ANSWER_RULES)) for text in texts]


class Here:
    """An examiner in this process."""

    def __init__(self, curation: Curation) -> None:
        self._examiner = Examiner(curation)

    async def questions(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Judge questions."""
        return self._examiner.questions(texts)

    async def answers(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Judge answers."""
        return self._examiner.answers(texts)


def _found(objection: Objection | None) -> Finding | None:
    return Finding(reason=objection.reason, detail=objection.detail) if objection is not None else None


def _copied(copy: Copy | None) -> Finding | None:
    if copy is None:
        return None
    return Finding(reason=f"{copy.kind} duplicate", original=copy.of, similarity=copy.similarity)
