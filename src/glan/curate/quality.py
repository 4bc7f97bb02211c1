"""Rules on one text: why a question or an answer is not taken. Only what is sure; they know no other texts.

A rule returns its reason, a short fixed name that statistics count, or None; an objection, where it has found more
than that. The first rule that objects decides. The rules are in two tables below.
"""

import re
from collections.abc import Callable
from typing import Final

from glan.config import Config
from glan.curate.languages import other_language
from glan.curate.loops import is_loop
from glan.curate.markup import has_open_code, has_open_formula
from glan.curate.own import About
from glan.curate.personal import REASON, kinds_in
from glan.curate.refusals import is_refusal
from glan.curate.shingles import normalise
from glan.curate.thoughts import is_leak
from glan.records import Question, Record, Reply


class Text(Record, frozen=True, kw_only=True):
    """A question or an answer, as the rules see it."""

    text: str
    finish_reason: str | None = None
    max_length: int | None = None
    """In characters; None where there is no limit."""
    question: str | None = None
    """What an answer answers."""
    language: str | None = None
    """ISO 639-1 code of the language that it should be in; None where that is not looked at."""
    rejects_personal: bool = False
    """Whether personal data stands against it."""
    about: About | None = None
    """Where it comes from; only the rules of a project see it."""


class Objection(Record, frozen=True, kw_only=True):
    """What stands against a text."""

    reason: str
    """A short fixed name."""
    detail: str = ""
    """What was found."""


Rule = Callable[[Text], "str | Objection | None"]


def text_of(question: Question, answer: Reply | None = None, *, config: Config, with_place: bool = False) -> Text:
    """Return an answer, or else a question, as the rules see it; with where it comes from only if that is wanted."""
    reply = question.reply if answer is None else answer
    constraint = question.task.constraint
    # An answer that is to be in a language of its own is held to that with the rest of its constraint.
    has_own = answer is not None and constraint is not None and constraint.language is not None
    return Text(
        text=question.text if answer is None else answer.text,
        finish_reason=reply.finish_reason,
        max_length=config.curation.max_question_length if answer is None else None,
        question=None if answer is None else question.text,
        language=None if has_own else config.checked_language(question.language),
        rejects_personal=config.curation.pii == "reject",
        about=_about(question, question.language or config.language) if with_place else None,
    )


def _about(question: Question, language: str) -> About:
    return About(
        id=question.id,
        discipline=question.slot.discipline.title,
        subject=question.subject.name,
        level=question.subject.level.value,
        sessions=question.session_names,
        key_concepts=question.concept_names,
        strategy=question.draw.strategy.value,
        language=language,
        task=question.task.form,
        difficulty=question.task.difficulty,
    )


def objection_to(text: Text, rules: tuple[Rule, ...]) -> Objection | None:
    """Return what the first rule that objects has found."""
    found = next((found for rule in rules if (found := rule(text)) is not None), None)
    return Objection(reason=found) if isinstance(found, str) else found


def cut_off(text: Text) -> str | None:
    return "cut off" if text.finish_reason in _CUT_OFF else None


def filtered(text: Text) -> str | None:
    """Object to what the provider withheld or took back."""
    return "content filter" if text.finish_reason == "content_filter" else None


def empty(text: Text) -> str | None:
    """Object to a text with nothing to see."""
    return None if _VISIBLE.search(text.text) else "empty"


def wordless(text: Text) -> str | None:
    """Object to a question without a letter or digit; an answer may be a symbol."""
    return None if _WORD.search(text.text) else "empty"


def too_long(text: Text) -> str | None:
    return "too long" if text.max_length is not None and len(text.text) > text.max_length else None


def refusal(text: Text) -> str | None:
    return "refusal" if is_refusal(text.text) else None


def reasoning_leak(text: Text) -> str | None:
    """Object to thinking that was not kept apart."""
    return "reasoning leak" if is_leak(text.text) else None


def unclosed_code(text: Text) -> str | None:
    return "unclosed code" if has_open_code(text.text) else None


def unclosed_formula(text: Text) -> str | None:
    return "unclosed formula" if has_open_formula(text.text) else None


def prompt_leak(text: Text) -> str | None:
    """Object to a question that repeats its prompt, or speaks of what nobody who answers it sees."""
    lower = text.text.lower()
    if not any(mark in lower for mark in _MARKS):
        return None
    return "prompt leak" if _PROMPT.search(lower) else None


def copied_question(text: Text) -> str | None:
    if text.question is None or len(text.text) > 2 * len(text.question) + _MARKUP:
        return None
    said, asked = normalise(text.text), normalise(text.question)
    return "copy of the question" if said and said == asked else None


def repetition_loop(text: Text) -> str | None:
    return "repetition loop" if is_loop(text.text) else None


def wrong_language(text: Text) -> Objection | None:
    """Object to a text that is in another language for sure."""
    found = other_language(text.text, text.language, text.question or "") if text.language is not None else None
    return Objection(reason="wrong language", detail=found) if found is not None else None


def personal_data(text: Text) -> Objection | None:
    """Object to personal data, by its kinds alone."""
    found = ", ".join(kinds_in(text.text)) if text.rejects_personal else ""
    return Objection(reason=REASON, detail=found) if found else None


QUESTION_RULES: Final[tuple[Rule, ...]] = (
    cut_off,
    filtered,
    wordless,
    too_long,
    refusal,
    reasoning_leak,
    prompt_leak,
    repetition_loop,
    unclosed_code,
    unclosed_formula,
    wrong_language,
    personal_data,
)
ANSWER_RULES: Final[tuple[Rule, ...]] = (
    cut_off,
    filtered,
    empty,
    refusal,
    reasoning_leak,
    copied_question,
    repetition_loop,
    unclosed_code,
    unclosed_formula,
    wrong_language,
    personal_data,
)

_CUT_OFF: Final = frozenset({"length", "max_tokens"})
"""The first is what servers of this kind say; the second is passed on by some."""
_VISIBLE: Final = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufffd]")
_WORD: Final = re.compile(r"[^\W_]")
_PROMPT: Final = re.compile(
    r"</?(?:syllabus|key_concepts|class_sessions)>"
    r"|\b(?:the syllabus above|the above syllabus|class sessions named|key concepts named at the end)\b",
)
_MARKS: Final = ("syllabus", "key_concepts", "class_sessions", "class sessions named", "key concepts named")
"""One of them is in all that the pattern finds; to look for them costs a tenth."""
_MARKUP: Final = 100
"""So many characters of markup a copy may have on top."""
