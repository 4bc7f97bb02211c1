"""Copies in meaning, as a part of a walk: what passed the cheaper rules is embedded, then judged in its turn.

    questions that passed ──► embedded, many at once ──► held against those of their subject, in plan order

A verdict rests on the earlier questions of its subject alone. So where one of them is undecided, those behind it in the
subject are, and no others.
"""

from msgspec.structs import replace

from glan.curate.meaning import Meanings
from glan.fates import Asked, Fates, OnItsWay
from glan.generate.asking import Asking
from glan.generate.embeddings import embed_question
from glan.records import Decided, Outcome, Question, Record, Reply, Stage
from glan.settings import Embeddings
from glan.vectors import Vector


class Embedded(Record, frozen=True, kw_only=True):
    """A question with its vector, and the reply that it came in."""

    asked: Asked
    vector: Vector
    reply: Reply


class InMeaning:
    """What the questions of a walk mean, and which of them are copies."""

    def __init__(self, settings: Embeddings, asking: Asking, fates: Fates, *, is_audit: bool) -> None:
        self._meanings = Meanings(settings.similarity, settings.last)
        self._asking = asking
        self._fates = fates
        self._is_audit = is_audit
        self._open: set[str] = set()
        """Subjects of which a question is undecided, by the beginning of their questions' ids."""

    async def embed(self, item: OnItsWay) -> OnItsWay | Embedded:
        """Ask for the vector of a question that passed."""
        if not isinstance(item, Asked):
            return item
        work = embed_question(self._asking.at(item.rank), item.question)
        found = await self._fates.kept(item.decided, Stage.EMBEDDINGS, work)
        return found if isinstance(found, Decided) else Embedded(asked=item, vector=found[0], reply=found[1])

    async def judge(self, group: list[OnItsWay | Embedded]) -> list[OnItsWay]:
        """Refuse the questions that are copies; groups come in plan order."""
        return [self._judged(item) for item in group]

    def _judged(self, item: OnItsWay | Embedded) -> OnItsWay:
        if not isinstance(item, Embedded):
            self._note_open(item)
            return item
        question = item.asked.question
        asked = replace(item.asked, looked=(*item.asked.looked, (Stage.EMBEDDINGS, item.reply)))
        if _subject_of(question) in self._open:
            return self._fates.left_open(item.asked.decided)
        finding = self._meanings.judge(question.id, item.vector, is_kept=item.reply.is_kept)
        if finding is None:
            return asked
        return self._fates.refused(asked.decided, Stage.EMBEDDINGS, finding, question.text)

    def _note_open(self, item: OnItsWay) -> None:
        if self._is_audit or not isinstance(item, Decided) or item.question is None:
            return
        if item.outcome is Outcome.OPEN:
            self._open.add(_subject_of(item.question))


def _subject_of(question: Question) -> str:
    return question.id.rpartition("/")[0]
