"""From the messages of a request to what is asked, by the labels of the prompts: `<task>`, `<subject>` and so on.

A prompt that lacks something is noticed: it raises `ConfusedError`, and the textbook replies that it is confused.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from glan.records import Level, Message

LABELS = (
    "task",
    "discipline",
    "subject",
    "level",
    "syllabus",
    "class_sessions",
    "key_concepts",
    "language",
    "error",
    "whole",
)
_JUDGED = re.compile(r"<(question|answer|first|second|elements)-([0-9a-f]{16})>\n(.*?)\n</\1-\2>", re.DOTALL)
"""A text that is to be judged, between marks that it cannot hold."""
_MEANINGS = {
    "class_sessions": "class sessions",
    "key_concepts": "key concepts",
    "error": "error in my reply",
}
_ANSWER_LANGUAGE = re.compile(r"Write the answer in (.{1,80}?)\.(?: .{1,120})?")


class ConfusedError(Exception):
    """A prompt that cannot be understood; the message says what is missing."""


class Task(StrEnum):
    """What a prompt asks for."""

    MEND = "mend"
    RATE = "rate a question"
    SCORE = "score a pair"
    COMPARE = "compare two answers"
    GRADE = "grade an answer"
    GUARD = "say whether a pair is safe"
    CONVERSATION = "look over a conversation"
    """A pair as it was said, without a prompt, as guard models take it."""
    VOTE = "vote on the elements of a tree"
    LIST_PARTS = "list the parts"
    PARTS = "divide a whole"
    LIST_SESSIONS = "list the class sessions"
    LIST_SUBJECTS = "list the subjects"
    QUESTION = "write a question"
    SYLLABUS = "draft a syllabus"
    SUBJECTS = "draft the subjects"
    ANSWER = "answer"
    """A prompt without any label is a question."""


_WORDS: Mapping[Task, tuple[str, ...]] = {
    Task.MEND: ("reply", "again"),
    Task.RATE: ("rate", "question"),
    Task.SCORE: ("score", "answer"),
    Task.COMPARE: ("compare", "answers"),
    Task.GRADE: ("grade", "answer"),
    Task.GUARD: ("safe", "answer"),
    Task.VOTE: ("vote", "element"),
    Task.LIST_PARTS: ("json", "parts"),
    Task.PARTS: ("divide", "parts"),
    Task.LIST_SESSIONS: ("json", "session"),
    Task.LIST_SUBJECTS: ("json", "subject"),
    Task.QUESTION: ("write", "question"),
    Task.SYLLABUS: ("design", "syllabus"),
    Task.SUBJECTS: ("design", "subjects"),
}
"""Words by which each task is known, in the order in which they are looked for."""

_NEEDED: Mapping[Task, tuple[str, ...]] = {
    Task.MEND: ("error",),
    Task.RATE: ("question",),
    Task.SCORE: ("question", "answer"),
    Task.COMPARE: ("question",),
    Task.GRADE: ("question",),
    Task.GUARD: ("question", "answer"),
    Task.VOTE: ("elements",),
    Task.LIST_PARTS: (),
    Task.PARTS: ("whole", "language"),
    Task.LIST_SESSIONS: (),
    Task.LIST_SUBJECTS: (),
    Task.QUESTION: ("discipline", "subject", "level", "syllabus", "class_sessions", "key_concepts", "language"),
    Task.SYLLABUS: ("discipline", "subject", "level", "language"),
    Task.SUBJECTS: ("discipline", "language"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A prompt that was understood."""

    task: Task
    text: str
    """The whole prompt; of an answer, the question alone."""
    sections: Mapping[str, str]
    above: str = ""
    """What the assistant said before it."""
    language: str = "English"
    """As the prompt names it."""

    @property
    def level(self) -> Level:
        return Level(self.sections["level"].casefold())

    @property
    def is_english(self) -> bool:
        """Whether it is to be answered in English, by any name."""
        return "english" in self.language.casefold() or self.language.casefold() == "en"

    def names(self, label: str) -> tuple[str, ...]:
        """Return the items of a section that is a list."""
        lines = (line.strip() for line in self.sections[label].splitlines())
        return tuple(line.removeprefix("- ").strip() for line in lines if line)


def read_request(messages: Sequence[Message]) -> Asked:
    """Return what the last message asks; a request to mend a reply asks for the task before it again.

    Raises:
        ConfusedError: something is missing.

    """
    turns = [message for message in messages if message.role in ("user", "assistant")]
    if len(turns) > 1 and turns[-1].role == "assistant":
        said = {"question": turns[-2].content, "answer": turns[-1].content}
        return Asked(task=Task.CONVERSATION, text=turns[-1].content, sections=said)
    asked = _read_turn(turns)
    while asked.task is Task.MEND:
        turns.pop()
        while turns and turns[-1].role == "assistant":
            turns.pop()
        asked = _read_turn(turns)
    return asked


def _read_turn(turns: Sequence[Message]) -> Asked:
    text = turns[-1].content.strip() if turns else ""
    if not text:
        raise ConfusedError("I cannot see what I am asked to do.")
    judged = {label: found for label, _, found in _JUDGED.findall(text)}
    prompt = _JUDGED.sub("", text) if judged else text
    sections = {label: found for label in LABELS if (found := _section(prompt, label)) is not None} | judged
    if not sections:
        return _read_question(text)
    task = _task(sections)
    for label in _NEEDED[task]:
        if not sections.get(label):
            raise ConfusedError(f"I cannot see which {_MEANINGS.get(label, label)} this is about.")
    above = turns[-2].content if len(turns) > 1 and turns[-2].role == "assistant" else ""
    if task in (Task.LIST_PARTS, Task.LIST_SESSIONS, Task.LIST_SUBJECTS) and not above.strip():
        raise ConfusedError("I cannot see any text above that I could turn into JSON.")
    if "level" in _NEEDED[task] and sections["level"].casefold() not in set(Level):
        raise ConfusedError(f"I cannot see which level is meant by {sections['level']!r}.")
    return Asked(
        task=task,
        text=text,
        sections=sections,
        above=above,
        language=sections.get("language", "English"),
    )


def _read_question(text: str) -> Asked:
    above, _, last = text.rpartition("\n")
    found = _ANSWER_LANGUAGE.fullmatch(last)
    return Asked(
        task=Task.ANSWER,
        text=above.strip() if found else text,
        sections={},
        language=found[1] if found else "English",
    )


def _section(text: str, label: str) -> str | None:
    start = text.find(f"<{label}>")
    if start < 0:
        return None
    start += len(label) + 2
    end = text.find(f"</{label}>", start)
    return text[start:end].strip() if end >= 0 else ""


def _task(sections: Mapping[str, str]) -> Task:
    words = sections.get("task", "").casefold()
    for task, known in _WORDS.items():
        if all(word in words for word in known):
            return task
    raise ConfusedError("I cannot see what the task is.")
