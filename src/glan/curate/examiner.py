"""All that may stand against a question or an answer: the rules on one text, then copies of earlier questions.

Questions come in plan order, since a verdict on one rests on those before it. It knows texts and numbers, no ids.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import structs

from glan.config import Curation
from glan.curate.duplicates import Copy, Duplicates
from glan.curate.own import About, OwnRules, RowSoFar
from glan.curate.quality import ANSWER_RULES, QUESTION_RULES, Rule, Text, objection_to
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
        """Return for each question what stands against it; the next ones are judged by those that pass.

        Raises:
            CurationError: a rule of the project fails, or the process that examines has ended.

        """
        ...

    async def answers(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Return for each answer what stands against it."""
        ...


class Examiner:
    """The questions that passed so far, and the rules: ours, then those of the project."""

    def __init__(self, curation: Curation, own: OwnRules | None = None) -> None:
        self._duplicates = Duplicates(curation.near_duplicates)
        self._own = own

    def questions(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Judge questions, in plan order."""
        found = [self._found(text, QUESTION_RULES) for text in texts]
        passed = [text.text for text, finding in zip(texts, found, strict=True) if finding is None]
        copies = iter(self._duplicates.judge(passed))
        return [_copied(next(copies)) if finding is None else finding for finding in found]

    def answers(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Judge answers, each by itself."""
        return [self._found(text, ANSWER_RULES) for text in texts]

    def _found(self, text: Text, rules: tuple[Rule, ...]) -> Finding | None:
        objection = objection_to(text, rules)
        if objection is not None:
            return Finding(reason=objection.reason, detail=objection.detail)
        reason = self._own.objection(_row(text, text.about)) if self._own is not None and text.about else None
        return Finding(reason=reason) if reason is not None else None


class Here:
    """An examiner in this process."""

    def __init__(self, curation: Curation, own: OwnRules | None = None) -> None:
        self._examiner = Examiner(curation, own)

    async def questions(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Judge questions."""
        return self._examiner.questions(texts)

    async def answers(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Judge answers."""
        return self._examiner.answers(texts)


def _row(text: Text, about: About) -> RowSoFar:
    """Return an answer, or else a question, as the rules of a project see it."""
    question, answer = (text.text, None) if text.question is None else (text.question, text.text)
    return RowSoFar(**structs.asdict(about), question=question, answer=answer, finish_reason=text.finish_reason)


def _copied(copy: Copy | None) -> Finding | None:
    if copy is None:
        return None
    return Finding(reason=f"{copy.kind} duplicate", original=copy.of, similarity=copy.similarity)
