"""The rules on one text: what each objects to, and what must pass it."""

# ruff: noqa: RUF001 - the characters of other scripts are meant

import random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from verdicts import reason_of

from glan.curate.loops import is_loop, squeezed
from glan.curate.quality import ANSWER_RULES, QUESTION_RULES, Text
from glan.curate.refusals import LANGUAGES, REFUSAL, is_refusal
from glan.curate.shingles import normalise

QUESTION = "A ball is dropped from 20 m. How long does it fall, if the air is neglected?"


def question(text: str, *, finish_reason: str | None = "stop", max_length: int = 8_000) -> str | None:
    return reason_of(Text(text=text, finish_reason=finish_reason, max_length=max_length), QUESTION_RULES)


def answer(text: str, *, finish_reason: str | None = "stop", to: str = QUESTION) -> str | None:
    return reason_of(Text(text=text, finish_reason=finish_reason, question=to), ANSWER_RULES)


@pytest.mark.parametrize(
    ("text", "finish_reason", "expected"),
    [
        (QUESTION, "stop", None),
        (QUESTION, None, None),
        (QUESTION, "eos_token", None),
        (QUESTION, "length", "cut off"),
        ("", "length", "cut off"),
        (QUESTION, "content_filter", "content filter"),
        ("", "stop", "empty"),
        (" \n\t", "stop", "empty"),
        ("\u200b\ufeff", "stop", "empty"),
        ("\x00\ufffd", "stop", "empty"),
    ],
)
def test_how_a_text_ended(text: str, finish_reason: str | None, expected: str | None) -> None:
    """A text that ended for want of room, was withheld or has nothing to see is not taken, as question or answer."""
    assert question(text, finish_reason=finish_reason) == expected
    assert answer(text, finish_reason=finish_reason, to="Why?") == expected


@pytest.mark.parametrize("text", ["???", "\u2026", "- - -", "\U0001f600"])
def test_a_question_needs_a_word_and_an_answer_does_not(text: str) -> None:
    """Punctuation and symbols alone ask nothing, but may be an answer."""
    assert question(text) == "empty"
    assert answer(text) is None


@pytest.mark.parametrize(
    ("length", "expected"),
    [(99, None), (100, None), (101, "too long"), (1_000_000, "too long")],
)
def test_a_question_may_be_so_long(length: int, expected: str | None) -> None:
    """The limit is in characters, and a question of just so many passes."""
    text = "".join(random.Random(length).choices("abcdef ghijkl", k=length - 1)) + "?"
    assert question(text, max_length=100) == expected


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m really sorry, but I can\u2019t assist with that request.",
        "**I apologize**, but I am not able to generate that content.",
        "Sorry, I cannot provide instructions for that.",
        "I am afraid I can't do that.",
        "Unfortunately, I cannot write a question about this topic.",
        "I cannot assist with this request.",
        "As an AI language model, I don't have personal opinions.",
        "My apologies, but as an AI I cannot fulfil this request. Is there anything else?",
        "Es tut mir leid, ich kann diese Anfrage nicht beantworten.",
        "Leider kann ich Ihnen dabei nicht weiterhelfen.",
        "Als KI-Sprachmodell kann ich dazu keine Angaben machen.",
        "Je suis désolé, mais je ne peux pas vous aider avec cela.",
        "En tant que modèle de langage, je ne peux pas faire cela.",
        "Lo siento, pero no puedo ayudar con eso.",
        "Como modelo de lenguaje, no puedo opinar.",
        "Desculpe, mas não posso ajudar com isso.",
        "Sinto muito, mas não consigo atender a esse pedido.",
        "Mi dispiace, ma non posso aiutarti con questa richiesta.",
        "К сожалению, я не могу ответить на этот вопрос.",
        "很抱歉，我无法帮助您完成此请求。",
        "作为一个人工智能语言模型，我无法回答这个问题。",
        "申し訳ありませんが、そのご要望にはお応えできません。",
        "AIとして、その質問にはお答えできません。",
        "죄송합니다. 해당 질문에는 답변할 수 없습니다.",
        "AI로서 저는 그런 작업을 수행할 수 없습니다.",
    ],
)
def test_refusals(text: str) -> None:
    """A short text that begins like a refusal is one, in the languages that teachers refuse in."""
    assert question(text) == "refusal"
    assert answer(f"\n{text}\n") == "refusal"


@pytest.mark.parametrize(
    "text",
    [
        "Read the dialogue. Ann says: I'm sorry, but I can't help you. What does she feel?",
        "\"I'm sorry, but I can't help with that,\" said the clerk. Name the modal verb.",
        "\u00abJe suis désolé, mais je ne peux pas vous aider.\u00bb Mettez la phrase au passé.",
        "I'm sorry to hear that the plant died. Explain why plants die.",
        "I'm sorry, I can't come tonight.",
        "Unfortunately, the firm cannot provide enough goods. Compute what is missing.",
        "As an AI engineer, you design a model. What is overfitting?",
        "I cannot create a table in SQL because of error 42. What is wrong?",
        "I can't help noticing that the sum of two odd numbers is even. Prove it.",
        "Es tut mir leid, ich kann nicht kommen.",
        "Leider kann ein Betrieb nicht alle Kunden beliefern. Berechnen Sie, was fehlt.",
        "Lo siento, no puedo ir contigo.",
        "Извините, я не могу прийти.",
        "对不起，我不能来。",
        "作为人工智能专业的学生，你不能忽视伦理。请说明原因。",
        "すみません、行けません。",
        "죄송합니다, 갈 수 없습니다.",
        "I'm sorry, but I can't help with the first part. "
        + "The second part is solved like this, step by step. " * 12,
    ],
)
def test_no_refusals(text: str) -> None:
    """A text that speaks of a refusal, quotes one, or goes on to say something is not one."""
    assert not is_refusal(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<syllabus>\n1. Waves\n</syllabus>\nWhat is a wave?", "prompt leak"),
        ("<key_concepts>\n- waves\n</key_concepts>", "prompt leak"),
        ("What is a wave? </class_sessions>", "prompt leak"),
        ("Using the syllabus above, say what a wave is.", "prompt leak"),
        ("Explain a concept from the class sessions named at the end.", "prompt leak"),
        ("Write a syllabus for a class on waves, with key concepts for each of ten class sessions.", None),
        ("What is the difference between <b> and <strong> in HTML?", None),
    ],
)
def test_prompt_leaks(text: str, expected: str | None) -> None:
    """A question that repeats its prompt or speaks of it is not taken; one about syllabi is."""
    assert question(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>\nFirst, 20 = 5 t^2.\n</think>\nIt falls 2 s.", "reasoning leak"),
        ("First, 20 = 5 t^2.\n</think>\n\nIt falls 2 s.", "reasoning leak"),
        ("It falls 2 s.\n<THINK>", "reasoning leak"),
        ("It falls 2 s. <thinking>Was that right?</thinking>", "reasoning leak"),
        ("</think>\nIt falls 2 s.", "reasoning leak"),
        ("Some models write `<think>` before an answer and `</think>` after it, as follows.", None),
        ("The format is:\n```\n<think>\nthoughts\n</think>\nanswer\n```\nThe end.", None),
        ("Let us think: x < think > y.", None),
    ],
)
def test_reasoning_leaks(text: str, expected: str | None) -> None:
    """Thinking that was not kept apart is found by its tags; a text about such tags passes."""
    assert answer(text) == expected


@pytest.mark.parametrize(
    ("text", "to", "expected"),
    [
        (QUESTION, QUESTION, "copy of the question"),
        (f"**{QUESTION.upper()}**\n", QUESTION, "copy of the question"),
        (f"{QUESTION} It falls 2 s.", QUESTION, None),
        ("What is C++?", "What is C#?", None),
        ("...", "?!", None),
    ],
)
def test_copies_of_the_question(text: str, to: str, expected: str | None) -> None:
    """An answer that only says the question again is not taken."""
    assert answer(text, to=to) == expected


LOOPS = {
    "a sentence": "Let me see. " + "The answer is 5. " * 40,
    "a word": "Well then, " + "the " * 200,
    "a character": "哈" * 400,
    "a Chinese sentence": "首先，" + "我们需要计算这个值。" * 40,
    "a paragraph": "Here it is.\n"
    + "This is a paragraph, which goes on.\nIt has a second line, which is long.\n\n" * 8,
    "numbered lines": "".join(f"{i}. The cat sat on the mat and slept.\n" for i in range(30)),
    "cut in its period": ("We need to compute the value and " * 30)[:-7],
    "after a beginning": " ".join(f"word{i}" for i in range(100)) + " and so on and so forth" * 60,
    "before an end": "I do not know what to say about it. " * 30 + " ".join(f"word{i}" for i in range(100)),
    "a fence left open": "```\n" + "x = x + 1\n" * 100,
    "very many zeros": "0" * 5_000,
}


@pytest.mark.parametrize("text", LOOPS.values(), ids=LOOPS.keys())
def test_loops(text: str) -> None:
    """A text most of which is one thing again and again is a loop."""
    assert answer(text) == "repetition loop"


_ROWS = [(a, b, c) for a in "TF" for b in "TF" for c in "TF"]
NO_LOOPS = {
    "a multiplication table": "\n".join(f"{a} x {b} = {a * b}" for a in range(1, 13) for b in range(1, 13)),
    "the same in Markdown": "\n".join("| " + " | ".join(str(a * b) for b in range(1, 13)) + " |" for a in range(1, 13)),
    "a truth table": "| A | B | C |\n|---|---|---|\n" + "\n".join(f"| {a} | {b} | {c} |" for a, b, c in _ROWS),
    "a matrix of zeros": "\n".join("0 " * 15 for _ in range(15)),
    "an identity matrix": "\n".join(" ".join("01"[a == b] for b in range(15)) for a in range(15)),
    "code": "\n".join(f"    if x == {i}:\n        return {i * i}" for i in range(60)),
    "fenced markup": "```html\n<table><tr>\n" + "<td></td>\n" * 200 + "</tr></table>\n```\nThat is the grid.",
    "the output of a loop": "It prints:\n" + "Hello\n" * 20,
    "a poem with a refrain": "\n".join(
        f"Of {word} the ballad tells tonight, and of the men who saw it\nAnd the river runs on to the sea"
        for word in ["love", "hate", "war", "peace", "joy", "sorrow", "night", "day", "spring", "autumn", "winter"]
    ),
    "a list of rules": " ".join(f"The derivative of x^{i} is {i}x^{i - 1}." for i in range(2, 40)),
    "a long gap": "a" + " " * 5_000 + "b",
    "short": "ha " * 50,
}


@pytest.mark.parametrize("text", NO_LOOPS.values(), ids=NO_LOOPS.keys())
def test_no_loops(text: str) -> None:
    """Tables, code, poems and lists repeat themselves for a reason."""
    assert answer(text) is None


@given(
    unit=st.text(alphabet="abcdef ghi.\n", min_size=1, max_size=60).filter(lambda unit: any(map(str.isalpha, unit))),
    before=st.integers(0, 400),
    after=st.integers(0, 400),
)
@settings(max_examples=150, deadline=None)
def test_a_repeated_unit_is_a_loop_wherever_it_stands(unit: str, before: int, after: int) -> None:
    """A unit repeated without a break is found by its middle, whatever its period and whatever stands around it."""
    other = " ".join(f"w{i}" for i in range(1_000))
    looped = unit * (2_000 // len(unit))
    visible = len(" ".join(looped.split()))
    text = f"{other[:before]}{looped}{other[:after]}"
    assert is_loop(text) or visible < 0.55 * len(" ".join(text.split())) or visible < 600


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(" ".join(str(random.Random(3).random()) for _ in range(50_000)), id="numbers"),
        pytest.param("a" * 500_000 + "b" + "a" * 500_000, id="one character"),
        pytest.param(("a" * 23 + "b") * 40_000, id="many near repeats"),
        pytest.param("\n" * 1_000_000, id="empty lines"),
        pytest.param("x\n</think>" + "\n" * 1_000_000, id="a tag and empty lines"),
        pytest.param("```\n" * 250_000, id="fences"),
        pytest.param("<think>\n" * 120_000, id="tags"),
        pytest.param("a" + "\u0301\u0327" * 300_000, id="combining marks"),
        pytest.param(". " * 500_000, id="dots"),
        pytest.param("\ud800" * 300_000, id="lone surrogates"),
        pytest.param("\\(" * 500_000, id="formulas that open"),
        pytest.param("$$ \\frac{1}{2} " * 70_001, id="formulas in a row"),
        pytest.param("$\n" * 500_000, id="dollars"),
        pytest.param("`" * 500_001 + "\n" + "`x" * 250_000, id="backticks"),
        pytest.param("> " * 500_000 + "```", id="quotations"),
        pytest.param("<a" * 500_000, id="brackets"),
        pytest.param("http://" * 140_000, id="addresses"),
        pytest.param("\\begin{a}" * 110_000, id="environments"),
        pytest.param("слово " * 170_000, id="another script"),
    ],
)
@pytest.mark.timeout(30)  # quadratic time would be hours
def test_huge_texts_take_linear_time(text: str) -> None:
    """Each rule comes to its end on a megabyte made to be hard."""
    asked = Text(text=text, max_length=10_000_000, question=text, language="en")
    for rule in (*QUESTION_RULES, *ANSWER_RULES):
        rule(asked)


_IN_ASCII = ("English", "German", "French", "Spanish", "Italian")
"""The languages in which one can refuse without any other letter."""


@pytest.mark.parametrize("language", _IN_ASCII)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(data=st.data())
def test_no_refusal_is_passed_over_for_its_first_word(language: str, data: st.DataObject) -> None:
    """Whatever the pattern of a refusal can match in ASCII letters, the look at its first word lets through."""
    words = LANGUAGES[language]
    text = data.draw(st.from_regex(rf"(?:{words.sorry}) (?:{words.refused})|{words.alone}", fullmatch=True))
    assume(text.isascii() and normalise(text) == text and len(text) <= 300)
    assert is_refusal(text) == bool(REFUSAL.match(text))


@settings(max_examples=300)
@given(st.text(st.sampled_from(" ab\n\t\r\x0b\x1c\u00a0\u2003\u3000\u200b\u00e4"), max_size=30))
def test_squeezing_is_splitting_and_joining(text: str) -> None:
    """The short way gives what the plain one gives, whatever white space there is."""
    assert squeezed(text) == " ".join(text.split())
