"""The sequence written a second time: one slot after the other, no concurrency, no look-ahead, no ledger.

What the design says about a discipline's walk, about credits and about the end of a run, as plainly as it can be said;
the tests hold what `glan` does at any concurrency against it.
"""

from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from verdicts import reject_answer, reject_question

from glan.config import Config
from glan.curate.duplicates import Duplicates
from glan.draws import Draws
from glan.errors import ReplyError, RequestError
from glan.generate.answers import write_answer
from glan.generate.asking import Asking
from glan.generate.questions import write_question
from glan.generate.subjects import draft_subjects
from glan.generate.syllabi import write_syllabus
from glan.plan import Merge
from glan.records import Decided, Discipline, Draw, Outcome, Question, Slot, Stage, Subject, Syllabus
from glan.settings import Plan

T = TypeVar("T")
UNUSABLE = (ReplyError, RequestError)


@dataclass(frozen=True, slots=True)
class Met:
    """What one slot of a discipline met: a draw of a syllabus, or the stage that failed."""

    subject: Subject | None
    syllabus: Syllabus | None = None
    draw: Draw | None = None
    failed: Stage | None = None
    cause: ReplyError | RequestError | None = None


def now(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of work that never has to wait."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("The teacher of a reference answers at once.")


def walked(discipline: Discipline, plan: Plan, seed: int, asking: Asking) -> Iterator[Met]:
    """Give what each slot of a discipline meets, until the discipline leaves."""
    return _Walked(discipline, plan, seed, asking).rounds()


class _Walked:
    def __init__(self, discipline: Discipline, plan: Plan, seed: int, asking: Asking) -> None:
        self.discipline, self.plan, self.seed, self.asking = discipline, plan, seed, asking
        self.subjects: dict[str, Subject] = {}
        self.gone: set[str] = set()
        self.drafts = 0
        self.last_draft = max((subject.draft for subject in discipline.subjects), default=plan.drafts)
        self.cause: ReplyError | RequestError | None = None
        self.begun: dict[str, tuple[Syllabus, Draws]] = {}

    def rounds(self) -> Iterator[Met]:
        for number in count():
            while self.drafts < min(2**number, self.last_draft):
                self.drafts += 1
                self.read_draft()
            if self.drafts == self.last_draft and not self.subjects:
                yield Met(None, failed=Stage.SUBJECTS, cause=self.cause)
            if self.drafts == self.last_draft and self.gone >= set(self.subjects):
                return
            for key in [key for key in self.subjects if key not in self.gone]:
                yield from self.turn(key, self.plan.questions_per_visit * [1, 1, 2, 4, 8][min(number, 4)])

    def read_draft(self) -> None:
        try:
            if self.discipline.subjects:
                named = tuple(subject for subject in self.discipline.subjects if subject.draft == self.drafts)
            else:
                named = now(draft_subjects(self.asking, self.discipline, self.drafts))
            for subject in named:
                self.subjects.setdefault(subject.key, subject)
        except UNUSABLE as error:
            self.cause = error

    def turn(self, key: str, slots: int) -> Iterator[Met]:
        """Give one subject its slots of a round; one that fails takes one, one that is exhausted none."""
        subject = self.subjects[key]
        try:
            if key not in self.begun:
                syllabus = now(write_syllabus(self.asking, self.discipline, subject))
                self.begun[key] = syllabus, Draws(syllabus, settings=self.plan, seed=self.seed)
        except UNUSABLE as error:
            self.gone.add(key)
            yield Met(subject, failed=Stage.SYLLABI, cause=error)
            return
        syllabus, draws = self.begun[key]
        for _ in range(slots):
            draw = draws.next()
            if draw is None:
                self.gone.add(key)
                return
            yield Met(subject, syllabus, draw)


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a slot, in values that can be compared."""

    leaf: str
    ordinal: int
    outcome: Outcome
    stage: Stage | None = None
    reason: str | None = None
    id: str | None = None
    question: str | None = None
    answer: str | None = None

    @classmethod
    def of(cls, decided: Decided) -> "Ended":
        verdict, question, answer = decided.verdict, decided.question, decided.answer
        return cls(
            decided.slot.discipline.leaf,
            decided.slot.ordinal,
            decided.outcome,
            verdict.stage if verdict is not None else None,
            verdict.reason if verdict is not None else None,
            question.id if question is not None else None,
            question.text if question is not None else None,
            answer.text if answer is not None else None,
        )


def reference(disciplines: Sequence[Discipline], config: Config, pairs: int, asking: Asking) -> list[Ended]:
    """Decide one slot after the other until there are N pairs, no discipline is left, or the yield is too low."""
    q = config.plan.questions_per_visit
    sequence = Merge(disciplines, seed=config.seed, questions_per_visit=q)
    walks = {leaf.leaf: walked(leaf, config.plan, config.seed, asking) for leaf in disciplines}
    duplicates = Duplicates(config.curation.near_duplicates)
    ended: list[Ended] = []
    for slot in sequence:
        if sum(item.outcome is Outcome.PAIR for item in ended) == pairs or _is_low(ended, config.plan.stop_below):
            break
        met = next(walks[slot.discipline.leaf], None)
        if met is None:
            sequence.leave(slot.discipline.leaf)
        else:
            ended.append(_decided(slot, met, config, asking, duplicates))
    return ended


def _is_low(ended: Sequence[Ended], stop_below: float) -> bool:
    recent = ended[-200:]
    return len(recent) == 200 and sum(item.outcome is Outcome.PAIR for item in recent) < stop_below * 200


def _decided(slot: Slot, met: Met, config: Config, asking: Asking, duplicates: Duplicates) -> Ended:
    place = slot.discipline.leaf, slot.ordinal
    stage = met.failed or Stage.QUESTIONS
    question: Question | None = None
    try:
        if met.cause is not None:
            raise met.cause
        assert met.syllabus is not None
        assert met.draw is not None
        question = now(write_question(asking, slot, met.syllabus, met.draw))
        known = question.id, question.text
        reason = reject_question(question, config)
        if reason is None:
            copy = duplicates.judge([question.text])[0]
            reason = f"{copy.kind} duplicate" if copy is not None else None
        if reason is not None:
            return Ended(*place, Outcome.REJECT, stage, reason, *known)
        stage = Stage.ANSWERS
        answer = now(write_answer(asking, question))
    except RequestError as error:
        return Ended(*place, Outcome.FAILURE, stage, str(error), *_known(question))
    except ReplyError:
        return Ended(*place, Outcome.REJECT, stage, "malformed", *_known(question))
    reason = reject_answer(question, answer, config)
    if reason is not None:
        return Ended(*place, Outcome.REJECT, stage, reason, *known, answer.text)
    return Ended(*place, Outcome.PAIR, None, None, *known, answer.text)


def _known(question: Question | None) -> tuple[str, ...]:
    return () if question is None else (question.id, question.text)
