"""Why the rules object to a text, in a word: what the examiner asks them, without its batches."""

from glan.config import Config
from glan.curate.quality import ANSWER_RULES, QUESTION_RULES, Rule, Text, objection_to, text_of
from glan.records import Question, Reply


def reason_of(text: Text, rules: tuple[Rule, ...]) -> str | None:
    """Return the reason of the first rule that objects."""
    found = objection_to(text, rules)
    return found.reason if found is not None else None


def reject_question(question: Question, config: Config) -> str | None:
    """Return why a question is not taken by itself, if so."""
    return reason_of(text_of(question, config=config), QUESTION_RULES)


def reject_answer(question: Question, answer: Reply, config: Config) -> str | None:
    """Return why an answer is not taken, if so."""
    return reason_of(text_of(question, answer, config=config), ANSWER_RULES)
