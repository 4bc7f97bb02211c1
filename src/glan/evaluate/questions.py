"""Questions for models, and answers that are there already, from files that others may have made.

    {"id": "q1", "question": "Why is the sky blue?", "skill": "Physics", "difficulty": 3}
    {"id": "q1", "messages": [{"role": "user", "content": "Why is the sky blue?"}, {"role": "assistant", ...}]}
    {"id": "q1", "answer": "Because of Rayleigh scattering."}

Every other column of a question is kept as text: results can be grouped by it. What is in a file is data.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from glan.benchmarks.tables import Row, files_of, rows_of, text_of
from glan.errors import DatasetError
from glan.evaluate.problems import spread
from glan.parsing import clean
from glan.records import Message, Record

_QUESTIONS: Final = ("question", "instruction", "prompt")
_ANSWERS: Final = ("answer", "response", "output", "completion")
_NO_GROUPS: Final = {"id", "messages", "reasoning", "system", "input", *_QUESTIONS, *_ANSWERS}
_LONGEST_ID: Final = 500
_LONGEST_VALUE: Final = 200
"""Characters of what results can be grouped by; a longer text is no group."""


class Asked(Record, frozen=True, kw_only=True):
    """A question for a model."""

    id: str
    turns: tuple[Message, ...]
    """What the model sees; the last is the user's."""
    groups: Mapping[str, str]
    """The other columns of its row."""
    answer: str | None = None
    """The answer that stands beside it."""

    @property
    def text(self) -> str:
        """The question as a judge sees it: the words alone, or a conversation with who says what."""
        if len(self.turns) == 1:
            return self.turns[0].content
        return "\n\n".join(f"[{turn.role}] {turn.content}" for turn in self.turns)


def read_questions(path: Path, most: int | None = None) -> list[Asked]:
    """Return the questions of a file or a folder, or so many of them, spread evenly.

    Raises:
        DatasetError: it cannot be read, a row is no question, or two have the same id.

    """
    found: dict[str, Asked] = {}
    for row in _rows(path):
        asked = _asked(row)
        if asked.id in found:
            raise DatasetError(f"{row.place}: the id {asked.id!r} stands there already.", hint="An id names one row.")
        found[asked.id] = asked
    if not found:
        raise DatasetError(f"{path} has no questions.")
    return spread(list(found.values()), most)


def read_answers(path: Path) -> Mapping[str, str]:
    """Return the answers of a file by the ids of their questions.

    Raises:
        DatasetError: it cannot be read, a row has no answer, or two have the same id.

    """
    found: dict[str, str] = {}
    for row in _rows(path):
        id_ = _id_of(row)
        if id_ in found:
            raise DatasetError(f"{row.place}: the id {id_!r} stands there already.", hint="A question has one answer.")
        answer = _answer(row)
        if answer is None:
            raise DatasetError(
                f"{row.place} has no answer.", hint=f"It is read from {', '.join(_ANSWERS)} or messages."
            )
        found[id_] = answer
    return found


def _rows(path: Path) -> Iterator[Row]:
    for file in files_of(path):
        yield from rows_of(file)


def _asked(row: Row) -> Asked:
    turns = _turns(row)
    name = next((name for name in _QUESTIONS if name in row.fields), None)
    if turns:
        last = max((i for i, turn in enumerate(turns) if turn.role == "user"), default=-1)
        turns = turns[: last + 1]
    elif name is not None:
        more = text_of(row, "input") if name == "instruction" and "input" in row.fields else ""
        turns = [Message(role="user", content="\n\n".join(filter(None, [text_of(row, name), more])))]
    if not turns or not turns[-1].content.strip():
        raise DatasetError(
            f"{row.place} has no question.", hint=f"It is read from {', '.join(_QUESTIONS)} or messages."
        )
    return Asked(id=_id_of(row), turns=tuple(turns), groups=dict(_groups(row)), answer=_answer(row))


def _id_of(row: Row) -> str:
    """Return the id of a row; its number where it has none."""
    return text_of(row, "id").strip()[:_LONGEST_ID] if "id" in row.fields else str(row.number)


def _turns(row: Row) -> list[Message]:
    turns = row.fields.get("messages")
    if turns is None:
        return []
    if not isinstance(turns, Sequence) or not all(isinstance(turn, Mapping) for turn in turns):
        raise DatasetError(f"{row.place} has no list of turns in 'messages'.")
    said = [row._replace(fields=turn) for turn in turns if isinstance(turn, Mapping)]
    return [Message(role=text_of(turn, "role"), content=text_of(turn, "content")) for turn in said]


def _answer(row: Row) -> str | None:
    name = next((name for name in _ANSWERS if row.fields.get(name) is not None), None)
    if name is not None:
        return text_of(row, name)
    turns = _turns(row)
    return turns[-1].content if turns and turns[-1].role == "assistant" else None


def _groups(row: Row) -> Iterator[tuple[str, str]]:
    """Give the columns by which results can be grouped; numbers that others gave stand as columns of their own."""
    for name, value in row.fields.items():
        if name == "scores" and isinstance(value, Sequence) and not isinstance(value, str):
            for score in value:
                if isinstance(score, Mapping) and {"name", "value"} <= score.keys():
                    yield str(score["name"]), _number(score["value"])
        elif name not in _NO_GROUPS and isinstance(value, str | int | float) and len(str(value)) <= _LONGEST_VALUE:
            yield str(name), clean(_number(value))


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
