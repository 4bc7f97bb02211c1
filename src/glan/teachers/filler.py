"""The filler: a teacher that answers every prompt in the right form with made-up words, for tests at scale.

A reply is a pure function of the seed, the messages, the model and the schema: never of an id, a clock or an order.
It refuses to know what a word means; it knows a prompt by the tags and the keys that the prompt holds.

    Question:  "Each barket needs tosfane dinpora, for gelsum is hartilt folmane. ..."
"""

import hashlib
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import product

import msgspec

from glan.records import Level, Message, Reply, Request, Stage, Usage
from glan.teachers.embedder import embedded

_ONSETS = "bcdfghjklmnprstv"
_WORDS = tuple(
    "".join(parts) for parts in product(_ONSETS, ("ar", "el", "in", "os"), _ONSETS, ("ane", "et", "ilt", "ora"))
)
"""4,096 words that can be said aloud, each once: every first half has three letters."""
_FRAMES = (
    "The {} {} of every {} {} is {} and {}.",
    "A {} {} and the {} of a {} {} are {}.",
    "When {} {} meets {} {}, the {} {} follows.",
    "Each {} needs {} {}, for {} is {} {}.",
)
"""Sentences of six words of ours, with enough plain English to pass for English."""
_N_SENTENCES = 1 << 14
"""Enough that two questions of eight sentences share one only about once in 256; 2 MB of memory."""
CHARACTERS_PER_TOKEN = 4
"""By this the filler counts tokens, and the simulated server keeps to a limit of them."""
_WORDS_PER_CHANGE = 30
"""A near copy changes one of its last words for each of these, so that at least 0.8 of its 3-grams stay."""


class Asked(StrEnum):
    """What a conversation asks for, by the name of its prompt."""

    DRAFT_SUBJECTS = "draft_subjects"
    LIST_SUBJECTS = "list_subjects"
    DRAFT_SYLLABUS = "draft_syllabus"
    LIST_SESSIONS = "list_sessions"
    WRITE_QUESTION = "write_question"
    ANSWER_QUESTION = "answer_question"
    RATE_QUESTION = "rate_question"
    SCORE_PAIR = "score_pair"
    JUDGE_SAFETY = "judge_safety"
    GUARD_CONVERSATION = "guard_conversation"
    """No prompt, but a pair as a conversation, which a guard model looks at."""
    DIVIDE = "divide_as_scholar"
    """Or in one of the other wordings."""
    LIST_PARTS = "list_parts"
    COMPARE_ANSWERS = "compare_answers"
    GRADE_ANSWER = "grade_answer"
    VOTE_ON_PARTS = "vote_on_parts"

    @property
    def stage(self) -> Stage:
        return _STAGES[self]

    @property
    def schema(self) -> str | None:
        """Name of the schema of its reply, where that is JSON."""
        return _SCHEMAS.get(self)


_STAGES = {
    Asked.DRAFT_SUBJECTS: Stage.SUBJECTS,
    Asked.LIST_SUBJECTS: Stage.SUBJECTS,
    Asked.DRAFT_SYLLABUS: Stage.SYLLABI,
    Asked.LIST_SESSIONS: Stage.SYLLABI,
    Asked.WRITE_QUESTION: Stage.QUESTIONS,
    Asked.ANSWER_QUESTION: Stage.ANSWERS,
    Asked.RATE_QUESTION: Stage.RATINGS,
    Asked.SCORE_PAIR: Stage.SCORES,
    Asked.JUDGE_SAFETY: Stage.SAFETY,
    Asked.GUARD_CONVERSATION: Stage.SAFETY,
    Asked.DIVIDE: Stage.TAXONOMY,
    Asked.LIST_PARTS: Stage.TAXONOMY,
    Asked.COMPARE_ANSWERS: Stage.JUDGEMENTS,
    Asked.GRADE_ANSWER: Stage.JUDGEMENTS,
    Asked.VOTE_ON_PARTS: Stage.TAXONOMY,
}
_SCHEMAS = {
    Asked.LIST_SUBJECTS: "subjects",
    Asked.LIST_SESSIONS: "sessions",
    Asked.RATE_QUESTION: "rating",
    Asked.SCORE_PAIR: "scores",
    Asked.JUDGE_SAFETY: "safety",
    Asked.LIST_PARTS: "parts",
    Asked.COMPARE_ANSWERS: "comparison",
    Asked.GRADE_ANSWER: "grade",
    Asked.VOTE_ON_PARTS: "votes",
}
_BY_SCHEMA = {schema: asked for asked, schema in _SCHEMAS.items()}
_MARKS = (
    ('"answerability"', Asked.RATE_QUESTION),
    ('"correctness"', Asked.SCORE_PAIR),
    ('"verdict"', Asked.JUDGE_SAFETY),
    ('"second"', Asked.COMPARE_ANSWERS),
    ('"score"', Asked.GRADE_ANSWER),
    ('"subject_name"', Asked.LIST_SUBJECTS),
    ('"session_name"', Asked.LIST_SESSIONS),
    ('"part_name"', Asked.LIST_PARTS),
    ('"votes"', Asked.VOTE_ON_PARTS),
    ("<key_concepts>", Asked.WRITE_QUESTION),
    ("<whole>", Asked.DIVIDE),
    ("<subject>", Asked.DRAFT_SYLLABUS),
    ("<discipline>", Asked.DRAFT_SUBJECTS),
)
"""What tells a prompt with a `<task>` from the others; the first one found counts."""


def asked_of(messages: Sequence[Message], schema: str | None = None) -> Asked:
    """Return what a conversation asks for: by its schema, else by the last turn that is no mend."""
    if schema in _BY_SCHEMA:
        return _BY_SCHEMA[schema]
    if messages[-1:] and messages[-1].role == "assistant":
        return Asked.GUARD_CONVERSATION
    text = _last_task(messages)
    if "<task>" in text:
        for mark, asked in _MARKS:
            if mark in text:
                return asked
    return Asked.ANSWER_QUESTION


def digest_of(seed: int, messages: Sequence[Message], *rest: str | None) -> bytes:
    """Return 64 bytes that stand for a conversation; each text's length is hashed with it."""
    texts = [str(seed), *(text or "" for text in rest)]
    for message in messages:
        texts += (message.role, message.content)
    joined = "".join([f"{len(text)}:{text}" for text in texts])
    return hashlib.blake2b(joined.encode("utf-8", "surrogatepass")).digest()


def tokens_of(*texts: str) -> int:
    """Return about how many tokens texts have."""
    return -(-sum(map(len, texts)) // CHARACTERS_PER_TOKEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filler:
    """A teacher that fills every form with made-up words, fast."""

    seed: int = 0
    subjects: int = 40
    """Subjects of a discipline; their names belong to the discipline that the conversation names."""
    sessions: int = 20
    """Class sessions of a syllabus, with five key concepts each."""
    parts: int = 8
    """Parts that a branch has; each proposal names about three in four of them."""
    syllabus_size: int = 4_000
    """Characters of a draft, about."""
    question_size: int = 400
    """Characters of a question, about."""
    size: int = 1_500
    """Characters of an answer, about."""
    near_copies: float = 0.0
    """Share of the questions that are a near copy of the others of their subject."""

    async def reply(self, request: Request) -> Reply:
        """Answer a request in the form that it asks for."""
        if request.stage is Stage.EMBEDDINGS:
            return embedded(request, "filler")
        model = request.sampling.model
        text = self._text(request, digest_of(self.seed, request.messages, model, request.schema))
        prompt_tokens = tokens_of(*[message.content for message in request.messages])
        usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=tokens_of(text))
        return Reply(text=text, finish_reason="stop", model="filler", usage=usage)

    def _text(self, request: Request, digest: bytes) -> str:
        asked = asked_of(request.messages, request.schema)
        if asked is Asked.ANSWER_QUESTION:
            return _prose(digest, self.size)
        if asked is Asked.WRITE_QUESTION:
            return self._question(request, digest)
        if asked in _JUDGEMENTS:
            return _JUDGEMENTS[asked](digest)
        if asked.schema is not None:
            return self._listing(asked, request, digest)
        return _prose(digest, self.syllabus_size)

    def _listing(self, asked: Asked, request: Request, digest: bytes) -> str:
        if asked is Asked.LIST_SUBJECTS:
            return _subjects(_topic(self.seed, request, "discipline"), self.subjects)
        if asked is Asked.LIST_SESSIONS:
            return _sessions(_topic(self.seed, request, "discipline", "subject"), self.sessions)
        if asked is Asked.VOTE_ON_PARTS:
            return _votes(len(_NUMBERED.findall(_last_task(request.messages))), digest)
        return _parts(_topic(self.seed, request, "whole"), self.parts, digest)

    def _question(self, request: Request, digest: bytes) -> str:
        if int.from_bytes(digest[:4], "big") >= self.near_copies * 2**32:
            return _prose(digest, self.question_size)[:-1] + "?"
        base = _prose(_topic(self.seed, request, "subject"), self.question_size)
        kept = base.split()
        changed = min(1 + digest[4] % 3, max(1, len(kept) // _WORDS_PER_CHANGE))
        return " ".join([*kept[:-changed], *_pick(digest, changed)]) + "?"


_NUMBERED = re.compile(r"^\d+\. .+\n   ", re.MULTILINE)
"""An element that is voted on, with what it is below it."""


def _last_task(messages: Sequence[Message]) -> str:
    """Return the last turn of the user that does not ask for a reply to be mended."""
    turns = (turn.content for turn in reversed(messages) if turn.role == "user")
    return next((text for text in turns if not _is_mend(text)), "")


_OF_OTHER_PROMPTS = ("<discipline>", "<question-", "<whole>", "<elements-")


def _is_mend(text: str) -> bool:
    """Say whether a turn asks for a reply to be mended; the notes of another prompt may speak of an `<error>` too."""
    return "<task>" in text and "<error>" in text and not any(tag in text for tag in _OF_OTHER_PROMPTS)


def _topic(seed: int, request: Request, *tags: str) -> bytes:
    """Return 64 bytes that stand for what a conversation is about; for its first message where no tag says so."""
    texts = [message.content for message in request.messages]
    found = [next((inside for text in texts if (inside := _inside(tag, text))), "") for tag in tags]
    if not any(found):
        return digest_of(seed, request.messages[:1])
    return digest_of(seed, (), *found)


def _inside(tag: str, text: str) -> str:
    """Return what stands in a tag in a text; nothing where the tag is not there."""
    _, opened, rest = text.partition(f"<{tag}>")
    inside, closed, _ = rest.partition(f"</{tag}>")
    return inside.strip() if opened and closed else ""


def _prose(digest: bytes, size: int) -> str:
    """Return sentences of about this many characters together; always at least one."""
    sentences, mean = _sentences()
    count = max(1, round(size / mean))
    places = struct.unpack(f"<{count}H", hashlib.shake_128(digest).digest(2 * count))
    return " ".join([sentences[place % _N_SENTENCES] for place in places])


def _pick(digest: bytes, count: int) -> list[str]:
    """Return words; the same one may come twice."""
    places = struct.unpack(f"<{count}H", hashlib.shake_128(b"words" + digest).digest(2 * count))
    return [_WORDS[place % len(_WORDS)] for place in places]


@cache
def _sentences() -> tuple[tuple[str, ...], float]:
    """Return all sentences, and how many characters one takes with the space after it."""
    words = iter(_pick(b"sentences", _N_SENTENCES * 6))
    found = []
    for i in range(_N_SENTENCES):
        sentence = _FRAMES[i % len(_FRAMES)].format(*[next(words) for _ in range(6)])
        found.append(sentence)
    return tuple(found), sum(map(len, found)) / len(found) + 1


def _subjects(topic: bytes, count: int) -> str:
    levels = tuple(Level)
    names = _names(topic, count)
    listed = [
        {
            "subject_name": name,
            "level": levels[i * len(levels) // count].value,
            "subtopics": _names(topic + name.encode(), 5),
        }
        for i, name in enumerate(names)
    ]
    return msgspec.json.encode({"subjects": listed}).decode()


def _sessions(topic: bytes, count: int) -> str:
    listed = [{"session_name": name, "key_concepts": _names(topic + name.encode(), 5)} for name in _names(topic, count)]
    return msgspec.json.encode({"sessions": listed}).decode()


def _parts(topic: bytes, count: int, digest: bytes) -> str:
    """List most parts of a topic: two proposals differ in what they leave out."""
    luck = hashlib.shake_128(b"parts" + digest).digest(count)
    listed = [{"part_name": name} for name, drawn in zip(_names(topic, count), luck, strict=True) if drawn < 192]
    return msgspec.json.encode({"parts": listed}).decode()


def _votes(count: int, digest: bytes) -> str:
    """Vote on so many elements: one in eight is removed."""
    luck = hashlib.shake_128(b"votes" + digest).digest(count)
    votes = [
        {"number": i, "vote": "keep", "comment": ""}
        if drawn >= 32
        else {"number": i, "vote": "remove", "comment": _prose(digest + bytes([drawn]), 1)}
        for i, drawn in enumerate(luck, start=1)
    ]
    return msgspec.json.encode({"votes": votes}).decode()


def _rating(digest: bytes) -> str:
    """Return a rating, mostly of a question that can be answered."""
    return _judgement(digest, answerability=4 + digest[0] % 7, difficulty=1 + digest[1] % 10)


def _scores(digest: bytes) -> str:
    merits = {"correctness": 5 + digest[0] % 6, "helpfulness": 5 + digest[1] % 6, "clarity": 5 + digest[2] % 6}
    return _judgement(digest, **merits, difficulty=1 + digest[3] % 10)


def _comparison(digest: bytes) -> str:
    return _judgement(digest, first=3 + digest[0] % 8, second=3 + digest[1] % 8)


def _grade(digest: bytes) -> str:
    return _judgement(digest, score=3 + digest[0] % 8)


def _judgement(digest: bytes, **numbers: int) -> str:
    return msgspec.json.encode({"reason": _prose(digest, 1), **numbers}).decode()


def _safety(digest: bytes) -> str:
    codes = _unsafe_codes(digest)
    return msgspec.json.encode({"categories": codes, "verdict": "unsafe" if codes else "safe"}).decode()


def _guarded(digest: bytes) -> str:
    """Return what a guard model says, in plain lines."""
    codes = _unsafe_codes(digest)
    return f"unsafe\n{','.join(codes)}" if codes else "safe"


def _unsafe_codes(digest: bytes) -> list[str]:
    """Return one or two codes for one pair in eight."""
    first, second = 1 + digest[1] % 14, 1 + digest[2] % 14
    return [f"S{number}" for number in sorted({first, second})] if digest[0] < 32 else []


_JUDGEMENTS: Mapping[Asked, Callable[[bytes], str]] = {
    Asked.RATE_QUESTION: _rating,
    Asked.SCORE_PAIR: _scores,
    Asked.COMPARE_ANSWERS: _comparison,
    Asked.GRADE_ANSWER: _grade,
    Asked.JUDGE_SAFETY: _safety,
    Asked.GUARD_CONVERSATION: _guarded,
}


def _names(topic: bytes, count: int) -> list[str]:
    """Return names that differ from each other, up to 4,096, and almost surely from those of any other topic.

    The first words run through the list with an odd step, so that none comes twice.
    """
    first, step, *others = struct.unpack(f"<{2 + 2 * count}H", hashlib.shake_128(topic).digest(4 + 4 * count))
    n_words = len(_WORDS)
    return [
        f"{_WORDS[(first + i * (step | 1)) % n_words].capitalize()} "
        f"{_WORDS[others[2 * i] % n_words]} and {_WORDS[others[2 * i + 1] % n_words]}"
        for i in range(count)
    ]
