"""What a row is: its columns, and how a decided slot becomes one. It refuses to know files.

    {"id": "question/astronomy/orbits/0", "messages": [{"role": "user", ...}, {"role": "assistant", ...}],
     "field": "Natural science", "sub_field": null, "discipline": "Astronomy", "subject": "Orbits", ...}

A feature that a run does not use is a null, so that no setting ever changes the columns.
"""

from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol

import pyarrow as pa

from glan.dataset.tallies import plausible
from glan.errors import DatasetError
from glan.records import Decided, Message, Outcome, Record, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A number that a judge or a measure gave."""

    name: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What an examination of the pair came to."""

    name: str
    verdict: str


class Row(Record, frozen=True, kw_only=True):
    """A pair with where it comes from; in the rejects, as far as the slot came."""

    id: str
    messages: tuple[Message, ...]
    """The system message if there is one, the question, the answer: what a trainer reads."""
    field: str | None
    sub_field: str | None
    discipline: str
    subject: str | None
    level: str | None
    sessions: tuple[str, ...]
    key_concepts: tuple[str, ...]
    strategy: str | None
    question_model: str | None
    answer_model: str | None
    question_tokens: int | None
    """Tokens of the reply as its server counted them, thinking included where the server does so."""
    answer_tokens: int | None
    language: str
    finish_reason: str | None
    reasoning: str | None
    """What the teacher thought before the answer."""
    slot: int
    """The place within the leaf."""
    system: str | None = None
    """The system message once more, to filter by."""
    task: str | None = None
    difficulty: str | None = None
    sources: tuple[str, ...] | None = None
    scores: tuple[Score, ...] | None = None
    checks: tuple[Check, ...] | None = None
    pii: tuple[str, ...] | None = None
    """Kinds of personal data in question and answer; None where they were not looked for."""
    safety: str | None = None

    @property
    def length(self) -> int:
        """Characters of the long texts."""
        return sum([len(message.content) for message in self.messages]) + len(self.reasoning or "")

    def values(self) -> tuple[object, ...]:
        """Return the values in the order of the schema."""
        found: tuple[object, ...] = _ROW_VALUES(self)
        return found


class Reject(Record, frozen=True, kw_only=True):
    """A slot that gave no pair: its row as far as it came, and why it ended."""

    row: Row
    outcome: Outcome
    stage: Stage
    reason: str
    detail: str
    raw: str
    """The reply as it came."""

    @property
    def length(self) -> int:
        """Characters of the long texts."""
        return self.row.length + len(self.detail) + len(self.raw)

    def values(self) -> tuple[object, ...]:
        """Return the values in the order of the schema."""
        return (*self.row.values(), self.outcome.value, self.stage.value, self.reason, self.detail, self.raw)


class Storable(Protocol):
    """Anything that a shard can hold."""

    @property
    def length(self) -> int:
        """Characters of the long texts: what bounds the memory of a writer."""
        ...

    def values(self) -> tuple[object, ...]:
        """Return the values in the order of the schema."""
        ...


MESSAGE = pa.struct({"role": pa.string(), "content": pa.string()})

# Lists of structs and not maps or structs by name: a new score must not change the schema, and `datasets` knows no map.
ROW_SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "messages": pa.list_(MESSAGE),
        "field": pa.string(),
        "sub_field": pa.string(),
        "discipline": pa.string(),
        "subject": pa.string(),
        "level": pa.string(),
        "sessions": pa.list_(pa.string()),
        "key_concepts": pa.list_(pa.string()),
        "strategy": pa.string(),
        "question_model": pa.string(),
        "answer_model": pa.string(),
        "question_tokens": pa.int64(),
        "answer_tokens": pa.int64(),
        "language": pa.string(),
        "finish_reason": pa.string(),
        "reasoning": pa.string(),
        "task": pa.string(),
        "difficulty": pa.string(),
        "system": pa.string(),
        "sources": pa.list_(pa.string()),
        "scores": pa.list_(pa.struct({"name": pa.string(), "value": pa.float64()})),
        "checks": pa.list_(pa.struct({"name": pa.string(), "verdict": pa.string()})),
        "pii": pa.list_(pa.string()),
        "safety": pa.string(),
        "slot": pa.int64(),
    }
)
"""The columns of a data set."""

REJECT_SCHEMA = pa.schema(
    [
        *ROW_SCHEMA,
        *(pa.field(name, pa.string()) for name in ("outcome", "stage", "reason", "detail", "raw")),
    ]
)
"""The columns of the rejects: those of a row, and why there is none."""

_ROW_VALUES = attrgetter(*ROW_SCHEMA.names)


def row_of(
    decided: Decided,
    *,
    language: str,
    system: str | None = None,
    question_model: str | None = None,
    answer_model: str | None = None,
) -> Row:
    """Return the row of a pair.

    `language` is that of a slot which has none of its own, `system` a system message that belongs to the conversation;
    the models are those that were asked,
    and stand where the server did not say which one replied.
    """
    if decided.outcome is not Outcome.PAIR or decided.question is None or decided.answer is None:
        raise DatasetError(f"{decided.id} is no pair, and only a pair makes a row of the data set.")
    return _row(decided, language, system, (question_model, answer_model))


def reject_of(
    decided: Decided,
    *,
    language: str,
    system: str | None = None,
    question_model: str | None = None,
    answer_model: str | None = None,
) -> Reject:
    """Return what is kept of a slot that was rejected or failed; the arguments are those of `row_of`."""
    verdict = decided.verdict
    if decided.outcome not in {Outcome.REJECT, Outcome.FAILURE} or verdict is None:
        raise DatasetError(f"{decided.id} was neither rejected nor did it fail, so it is not kept with the rejects.")
    return Reject(
        row=_row(decided, language, system, (question_model, answer_model)),
        outcome=decided.outcome,
        stage=verdict.stage,
        reason=verdict.reason,
        detail=verdict.detail,
        raw=verdict.raw,
    )


def _row(decided: Decided, language: str, system: str | None, asked: tuple[str | None, str | None]) -> Row:
    discipline, subject = decided.slot.discipline, decided.subject
    question, answer = decided.question, decided.answer
    if question is not None:
        subject = question.subject
    return Row(
        id=decided.id,
        messages=_messages(decided, system),
        field=discipline.path[0] if discipline.path else None,
        sub_field=discipline.path[1] if len(discipline.path) > 1 else None,
        discipline=discipline.title,
        subject=subject.name if subject else None,
        level=subject.level.value if subject else None,
        sessions=question.session_names if question else (),
        key_concepts=question.concept_names if question else (),
        strategy=question.draw.strategy.value if question else None,
        question_model=(question.reply.model or asked[0]) if question else None,
        answer_model=(answer.model or asked[1]) if answer else None,
        question_tokens=plausible(question.reply.usage.completion_tokens) if question else None,
        answer_tokens=plausible(answer.usage.completion_tokens) if answer else None,
        language=decided.language or language,
        finish_reason=answer.finish_reason if answer else None,
        reasoning=(answer.reasoning or None) if answer else None,
        task=question.task.form if question else None,
        difficulty=question.task.difficulty if question else None,
        scores=tuple([Score(name=name, value=value) for name, value in decided.scores]) or None,
        checks=tuple([Check(name=name, verdict=verdict) for name, verdict in decided.checks]) or None,
        pii=decided.personal,
        safety=decided.safety,
        system=system,
        slot=decided.slot.ordinal,
    )


def _messages(decided: Decided, system: str | None) -> tuple[Message, ...]:
    """Return the conversation as far as it came; nothing where no question was written."""
    found: list[Message] = []
    if decided.question is not None:
        if system is not None:
            found.append(Message(role="system", content=system))
        found.append(Message(role="user", content=decided.question.text))
        if decided.answer is not None:
            found.append(Message(role="assistant", content=decided.answer.text))
    return tuple(found)
