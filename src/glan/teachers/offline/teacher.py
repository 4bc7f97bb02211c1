"""The textbook as a teacher: it answers the prompts of `glan` as a model would, from their words alone.

A reply is a pure function of the messages and the schema. The textbook never looks at ids and samples, and at the stage
only to tell a text that asks for its vector (`embedder.py`) from a prompt.
"""

import hashlib
from collections.abc import Sequence
from random import Random

from glan.records import Message, Reply, Request, Stage, Usage
from glan.teachers.embedder import embedded
from glan.teachers.offline import conversing
from glan.teachers.offline.abroad import open_volumes, volume_in
from glan.teachers.offline.answers import compose_answer
from glan.teachers.offline.book import open_book
from glan.teachers.offline.divisions import draft_parts, list_parts
from glan.teachers.offline.drafts import draft_subjects, draft_syllabus
from glan.teachers.offline.judge import compare, grade, rate, score, vouch
from glan.teachers.offline.listings import list_sessions, list_subjects
from glan.teachers.offline.phrases import open_phrasebook
from glan.teachers.offline.questions import compose_question
from glan.teachers.offline.reader import Asked, ConfusedError, Task, read_request
from glan.teachers.offline.votes import vote

MODEL = "offline-textbook"
ONLY_ENGLISH = "The offline textbook knows only English."
CONFUSED = "I am sorry, but I cannot do this."
"""How every reply to a broken prompt begins: no parser takes it for a list, and curation takes it for a refusal."""
_CHARACTERS_PER_TOKEN = 4
_FIRST_SIGN = "\u2e80"
_SCHEMAS = {
    Task.LIST_PARTS: "parts",
    Task.VOTE: "votes",
    Task.LIST_SUBJECTS: "subjects",
    Task.LIST_SESSIONS: "sessions",
    Task.RATE: "rating",
    Task.SCORE: "scores",
    Task.COMPARE: "comparison",
    Task.GRADE: "grade",
    Task.GUARD: "safety",
}
_LISTINGS = {
    Task.LIST_PARTS: list_parts,
    Task.LIST_SUBJECTS: list_subjects,
    Task.LIST_SESSIONS: list_sessions,
}


class Textbook:
    """A teacher without a model, for trying and testing. Its chapters are read when it is made."""

    def __init__(self) -> None:
        self._book = open_book()
        self._phrases = open_phrasebook()

    async def reply(self, request: Request) -> Reply:
        """Answer a request from its messages and its schema; what asks for a vector is no prompt."""
        if request.stage is Stage.EMBEDDINGS:
            return embedded(request, MODEL)
        text = self._answer(request.messages, request.schema)
        return Reply(
            text=text,
            finish_reason="stop",
            usage=Usage(
                prompt_tokens=_tokens("".join([message.content for message in request.messages])),
                completion_tokens=_tokens(text),
            ),
            model=MODEL,
            cost_usd=0.0,
        )

    def _answer(self, messages: Sequence[Message], schema: str | None) -> str:
        try:
            asked = read_request(messages)
            _check_schema(asked, schema)
            abroad = self._abroad(asked)
            text = self._told(asked) if abroad is None else abroad
        except ConfusedError as confused:
            return f"{CONFUSED} {confused}"
        return text if asked.is_english or abroad is not None else f"{ONLY_ENGLISH}\n\n{text}"

    def _abroad(self, asked: Asked) -> str | None:
        """Answer in another language than English where a volume has what is asked."""
        if asked.task is Task.ANSWER:
            return _in_words_of_a_volume(asked.text)
        volume = None if asked.is_english else volume_in(asked.language)
        if volume is None:
            return None
        match asked.task:
            case Task.SUBJECTS:
                return volume.draft_subjects(asked.sections["discipline"])
            case Task.SYLLABUS:
                return volume.draft_syllabus(asked.sections["subject"])
            case Task.QUESTION:
                return conversing.compose_question(volume, asked, _rng(asked.text))
            case _:
                return None

    def _told(self, asked: Asked) -> str:
        match asked.task:
            case Task.LIST_PARTS | Task.LIST_SUBJECTS | Task.LIST_SESSIONS:
                return _LISTINGS[asked.task](asked.above)
            case Task.PARTS:
                return draft_parts(self._book, asked.sections["whole"], _rng(asked.text))
            case Task.SUBJECTS:
                return draft_subjects(self._book, asked.sections["discipline"])
            case Task.SYLLABUS:
                return draft_syllabus(self._book, asked.sections["discipline"], asked.sections["subject"], asked.level)
            case Task.QUESTION:
                return compose_question(self._book, self._phrases, asked, _rng(asked.text))
            case _:
                return self._of_question(asked)

    def _of_question(self, asked: Asked) -> str:
        """Answer a question, or judge it, or judge its answer, or vote on elements of a tree."""
        if asked.task is Task.VOTE:
            return vote(self._book, asked.sections["elements"])
        if asked.task is Task.ANSWER:
            return self._composed(asked.text)
        question, *answers = (asked.sections.get(name, "") for name in ("question", "answer", "first", "second"))
        match asked.task:
            case Task.RATE:
                return rate(self._phrases, question)
            case Task.SCORE | Task.GRADE:
                judge = score if asked.task is Task.SCORE else grade
                return judge(self._phrases, question, answers[0])
            case Task.COMPARE:
                return compare(self._phrases, question, *answers[1:])
            case _:
                return vouch(self._composed(question), answers[0], is_plain=asked.task is Task.CONVERSATION)

    def _composed(self, question: str) -> str:
        return _in_words_of_a_volume(question) or compose_answer(self._book, self._phrases, question, _rng(question))


def _in_words_of_a_volume(question: str) -> str | None:
    """Return the answer to a question that is put in the words of a volume in another language."""
    if question.isascii():
        return None
    told = (conversing.compose_answer(volume, question, _rng(question)) for volume in open_volumes().values())
    return next((text for text in told if text is not None), None)


def _check_schema(asked: Asked, schema: str | None) -> None:
    if schema is not None and _SCHEMAS.get(asked.task) != schema:
        raise ConfusedError(f"I cannot see any {schema} to be turned into JSON.")


def _rng(text: str) -> Random:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return Random(int.from_bytes(digest, "big"))


def _tokens(text: str) -> int:
    """Return about as many tokens as a model takes for a text: one for each Chinese or Japanese sign."""
    n_signs = 0 if text.isascii() else sum(character >= _FIRST_SIGN for character in text)
    return n_signs - (n_signs - len(text)) // _CHARACTERS_PER_TOKEN
