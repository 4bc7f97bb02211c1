"""What models are asked in an examination, and what they answer: values that know no library and no server."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import msgspec

from glan.evaluate.problems import Problem
from glan.records import Message

_THOUGHT: Final = re.compile(
    r"[<\[\u25c1]/(?:seed:)?(?:think(?:ing)?|thoughts?|reasoning)\s*[>\]\u25b7]", re.IGNORECASE
)
"""What ends thinking."""
_THINKS: Final = re.compile(r"\s*[<\[\u25c1](?:seed:)?think(?:ing)?\s*[>\]\u25b7]", re.IGNORECASE)


class Prompt(NamedTuple):
    """One thing to be answered."""

    text: str
    """As the model reads it; of a chat with a server a JSON list of its turns."""
    sample: int
    """The number of the answer, where several are asked for."""
    max_tokens: int
    until: tuple[str, ...]
    temperature: float
    top_p: float | None

    @property
    def turns(self) -> tuple[Message, ...]:
        """The turns of a chat with a server."""
        return msgspec.json.decode(self.text, type=tuple[Message, ...])

    @property
    def key(self) -> str:
        """What tells it from every other prompt."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


class How(NamedTuple):
    """How a benchmark is asked for."""

    name: str
    data: Path | None
    limit: int | None
    max_tokens: int
    samples: int = 1
    temperature: float = 0.0
    top_p: float | None = None


class Answer(NamedTuple):
    """What a model said; None with the reason where it said nothing."""

    text: str | None
    failed: str | None = None
    is_cut: bool = False
    """Whether it had no room to end."""
    is_prompt_cut: bool = False
    """Whether its prompt was longer than the model takes, and has lost its beginning."""


class Answered(NamedTuple):
    """A problem, its prompt as it was sent, and what came of it."""

    problem: Problem
    prompt: str
    answers: tuple[Answer, ...]


class Respondent(Protocol):
    """Who answers."""

    @property
    def is_chat(self) -> bool:
        """Whether prompts are put into a chat template."""
        ...

    @property
    def longest(self) -> int | None:
        """Tokens that prompt and reply may have together; None where nobody knows."""
        ...

    def render(self, turns: Sequence[Mapping[str, str]]) -> str:
        """Return a chat as the model reads it, up to where its answer begins."""
        ...

    def answer(self, prompts: Sequence[Prompt]) -> Sequence[Answer]:
        """Answer each of them."""
        ...


def said(text: str) -> str:
    """Return what a model says, without thinking that it shows before; nothing where it thought until it was cut."""
    *_, end = (0, *(found.end() for found in _THOUGHT.finditer(text)))
    return "" if not end and _THINKS.match(text) else text[end:]


def up_to(text: str, until: Sequence[str]) -> str:
    """Return a text as far as none of these begins."""
    places = [place for each in until if each and (place := text.find(each)) >= 0]
    return text[: min(places)] if places else text
