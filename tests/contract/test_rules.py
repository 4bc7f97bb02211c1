"""What holds for every rule: one verdict for each record, and a reason for every drop."""

from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verdicts import reason_of, reject_answer, reject_question

from glan.config import Config
from glan.curate.duplicates import Duplicates
from glan.curate.quality import ANSWER_RULES, QUESTION_RULES, Rule, Text
from glan.records import Discipline, Draw, Level, Question, Reply, Session, Slot, Strategy, Subject, Syllabus
from glan.settings import Curation

QUESTION = "A train goes 120 km in 90 minutes. How fast is it?"
ANSWER = "120 km in 1.5 h is 80 km/h."
LOOP = "The train is fast, and the train is long. " * 30

OBJECTIONS: dict[str, Text] = {
    "cut_off": Text(text=QUESTION, finish_reason="length"),
    "filtered": Text(text=QUESTION, finish_reason="content_filter"),
    "empty": Text(text=" "),
    "wordless": Text(text="?"),
    "too_long": Text(text=QUESTION, max_length=10),
    "refusal": Text(text="I'm sorry, but I can't help with that."),
    "reasoning_leak": Text(text=f"<think>Hm.</think>{ANSWER}"),
    "prompt_leak": Text(text=f"<key_concepts>{QUESTION}"),
    "copied_question": Text(text=QUESTION, question=QUESTION),
    "repetition_loop": Text(text=LOOP),
    "unclosed_code": Text(text=f"{ANSWER}\n```python\nprint(120 / 1.5)"),
    "unclosed_formula": Text(text=r"It is \(\frac{120}{1.5} km/h."),
    "wrong_language": Text(text="Der Zug ist schnell, und er fährt in einer Stunde achtzig Kilometer.", language="en"),
    "personal_data": Text(text=f"{QUESTION} Write to anna.schmidt@web.de.", rejects_personal=True),
}
"""For each rule something that it objects to."""

RULES = tuple(dict.fromkeys((*QUESTION_RULES, *ANSWER_RULES)))
texts = st.one_of(
    st.text(max_size=40),
    st.sampled_from([QUESTION, ANSWER, LOOP, *(text.text for text in OBJECTIONS.values())]),
)
finish_reasons = st.sampled_from([None, "stop", "length", "content_filter", "tool_calls", ""])


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The reasons that a question and its answer are given."""

    question: str | None
    answer: str | None


def record(text: str, finish_reason: str | None = "stop") -> Question:
    discipline = Discipline(name="Physics", key="physics", path=(), title="Physics", weight=Fraction(1))
    subject = Subject(name="Motion", key="motion", level=Level.INTRODUCTORY)
    session = Session(name="Speed", key="speed", key_concepts=("Mean speed",))
    return Question.on(
        Syllabus(discipline=discipline, subject=subject, text="1. Speed", sessions=(session,)),
        Draw(index=0, strategy=Strategy.SINGLE, sessions=(0,), concepts=((0, 0),)),
        slot=Slot(discipline=discipline, ordinal=0),
        text=text,
        reply=Reply(text=text, finish_reason=finish_reason),
    )


def test_every_rule_has_an_example() -> None:
    """Whoever adds a rule adds something that it objects to."""
    assert {rule.__name__ for rule in RULES} == set(OBJECTIONS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_objects_to_its_example_and_to_nothing_good(rule: Rule) -> None:
    """Each rule gives a short reason in plain words, the same each time, and lets a good pair pass."""
    reason = reason_of(OBJECTIONS[rule.__name__], (rule,))
    assert reason is not None
    assert reason == reason_of(OBJECTIONS[rule.__name__], (rule,))
    assert 0 < len(reason) <= 30
    assert reason.replace(" ", "").isalpha()
    assert reason.islower()
    assert rule(Text(text=QUESTION, finish_reason="stop", max_length=8_000, language="en")) is None
    assert rule(Text(text=ANSWER, finish_reason="stop", question=QUESTION, language="en")) is None


@given(text=texts, other=texts, finish_reason=finish_reasons)
@settings(max_examples=300, deadline=None)
def test_every_text_gets_one_verdict(text: str, other: str, finish_reason: str | None) -> None:
    """The verdict is None just when no rule objects, else the reason of the first; no text makes a rule fail."""
    asked = Text(text=text, finish_reason=finish_reason, max_length=50, question=other, language="de")
    for rules in (QUESTION_RULES, ANSWER_RULES):
        objections = [reason for rule in rules if (reason := reason_of(asked, (rule,)))]
        assert reason_of(asked, rules) == (objections[0] if objections else None)


@given(text=texts, said=texts, finish_reason=finish_reasons)
@settings(max_examples=150, deadline=None)
def test_records_are_judged_by_the_tables(text: str, said: str, finish_reason: str | None) -> None:
    """A question is judged under the project's limit, an answer beside its question."""
    question = record(text, finish_reason)
    answer = Reply(text=said, finish_reason=finish_reason)
    config = Config(curation=Curation(max_question_length=45))
    found = Judged(question=reject_question(question, config), answer=reject_answer(question, answer, config))
    assert found == Judged(
        question=reason_of(Text(text=text, finish_reason=finish_reason, max_length=45, language="en"), QUESTION_RULES),
        answer=reason_of(Text(text=said, finish_reason=finish_reason, question=text, language="en"), ANSWER_RULES),
    )


@given(questions=st.lists(texts, max_size=20), threshold=st.sampled_from([0.0, 0.7]))
@settings(max_examples=100, deadline=None)
def test_every_question_gets_one_verdict_on_copies(questions: list[str], threshold: float) -> None:
    """As many verdicts as questions; a copy names an earlier question that passed, and those that pass stay passed."""
    verdicts = Duplicates(threshold).judge(questions)
    assert len(verdicts) == len(questions)
    for number, copy in enumerate(verdicts):
        if copy is not None:
            assert copy.of < number
            assert verdicts[copy.of] is None
            assert threshold <= copy.similarity <= 1
    passed = [text for text, copy in zip(questions, verdicts, strict=True) if copy is None]
    assert Duplicates(threshold).judge(passed) == [None] * len(passed)
