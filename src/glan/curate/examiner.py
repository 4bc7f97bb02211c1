"""All that may stand against a question or an answer: the rules on one text, items of benchmarks, earlier questions.

Questions come in plan order, since a verdict on one rests on those before it. It knows texts and numbers, no ids.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from msgspec import structs

from glan.benchmarks.items import Item
from glan.curate.contamination import REASON, Contamination, Match
from glan.curate.duplicates import Copy, Duplicates, in_groups
from glan.curate.own import About, OwnRules, RowSoFar
from glan.curate.quality import ANSWER_RULES, QUESTION_RULES, Rule, Text, objection_to
from glan.curate.shingles import spell
from glan.records import Record
from glan.settings import Curation


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
        """Return for each question what stands against it; the next ones are judged by those that pass.

        Raises:
            CurationError: a rule of the project fails, or the process that examines has ended.

        """
        ...

    async def answers(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Return for each answer what stands against it."""
        ...


class Examiner:
    """The rules, ours and then the project's, the items of benchmarks, and the questions that passed so far."""

    def __init__(self, curation: Curation, items: Iterable[Item] = (), own: OwnRules | None = None) -> None:
        self._contamination = Contamination(items)
        self._duplicates = Duplicates(curation.near_duplicates)
        self._own = own

    def questions(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Judge questions, in plan order."""
        findings = [self._broken(text, QUESTION_RULES) for text in texts]
        _complete(findings, list(self._known(_passed(texts, findings))))
        return findings

    def answers(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Judge answers, each by itself."""
        findings = [self._broken(text, ANSWER_RULES) for text in texts]
        matches = self._contamination.answers(_passed(texts, findings))
        _complete(findings, [_contaminated(match) if match is not None else None for match in matches])
        return findings

    def _known(self, texts: Sequence[str]) -> Iterator[Finding | None]:
        """Yield for each question what it has of a benchmark or of an earlier one; each is spelled once for both."""
        for group in in_groups(texts):
            spelled = [spell(text) for text in group]
            matches = self._contamination.questions_spelled(spelled)
            clean = [text for text, match in zip(spelled, matches, strict=True) if match is None]
            copies = iter(self._duplicates.judge_spelled(clean))
            for match in matches:
                if match is not None:
                    yield _contaminated(match)
                else:
                    yield _copied(copy) if (copy := next(copies)) is not None else None

    def _broken(self, text: Text, rules: tuple[Rule, ...]) -> Finding | None:
        objection = objection_to(text, rules)
        if objection is not None:
            return Finding(reason=objection.reason, detail=objection.detail)
        reason = self._own.objection(_row(text, text.about)) if self._own is not None and text.about else None
        return Finding(reason=reason) if reason is not None else None


class Here:
    """An examiner in this process."""

    def __init__(self, curation: Curation, items: Iterable[Item] = (), own: OwnRules | None = None) -> None:
        self._examiner = Examiner(curation, items, own)

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


def _passed(texts: Sequence[Text], findings: Sequence[Finding | None]) -> list[str]:
    """Return the texts against which nothing was found so far."""
    return [text.text for text, finding in zip(texts, findings, strict=True) if finding is None]


def _complete(findings: list[Finding | None], found: Sequence[Finding | None]) -> None:
    """Enter what was found in the texts that had passed so far."""
    places = [place for place, finding in enumerate(findings) if finding is None]
    for place, each in zip(places, found, strict=True):
        findings[place] = each


def _contaminated(match: Match) -> Finding:
    return Finding(reason=REASON, detail=match.detail)


def _copied(copy: Copy) -> Finding:
    return Finding(reason=f"{copy.kind} duplicate", original=copy.of, similarity=copy.similarity)
