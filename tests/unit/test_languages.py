"""Texts in another language than they should be: what is found, and where nothing is said."""

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sayings import SAYINGS

from glan.config import Config
from glan.curate.languages import LEAST_LETTERS, other_language
from glan.language_names import LANGUAGES
from glan.records import Message, Request, Sampling, Stage
from glan.teachers.base import Teacher
from glan.teachers.faults import Faulty
from glan.teachers.filler import Filler

CLOSE = {"es": {"gl", "ca"}, "pt": {"gl"}, "cs": {"sk"}, "id": {"ms"}, "fa": {"ur"}, "ar": {"fa", "ur"}}
"""Languages that are taken for these: nothing is said there."""
MADE_UP = "Barket tosfane dinpora gelsum hartilt folmane vinket jarsora pelnilt mosgane"


@pytest.mark.parametrize("code", SAYINGS)
def test_a_text_in_its_own_language_passes(code: str) -> None:
    """Nothing stands against a text in the language that it should be in."""
    for text in (*SAYINGS[code], " ".join(SAYINGS[code]), " ".join(SAYINGS[code] * 5)):
        assert other_language(text, code) is None


@pytest.mark.parametrize("code", SAYINGS)
def test_a_text_in_another_language_is_found(code: str) -> None:
    """Whatever language is wanted, the language that a text is in is named, but for its nearest relatives."""
    for expected in set(LANGUAGES) - {code} - CLOSE.get(code, set()):
        for text in SAYINGS[code]:
            assert other_language(text, expected) == LANGUAGES[code], expected


@pytest.mark.parametrize(
    ("text", "question"),
    [
        pytest.param("Der Hund schläft.", "", id="few letters"),
        pytest.param("42, 17, 100 m/s, 3.14159, 2.71828, 1.41421, 1.73205, 0.57721, 1.61803", "", id="numbers"),
        pytest.param("```python\nfor satz in texte:\n    drucke(satz, ende='')\n    zaehle(satz)\n```", "", id="code"),
        pytest.param(
            r"\[ \int_{0}^{\infty} \text{der Wert von } x^{2} \text{ und die Summe davon} \]", "", id="formula"
        ),
        pytest.param("`der`, `die`, `das`, `und der andere Artikel in diesem Satz`", "", id="code in a line"),
        pytest.param("NaCl, KBr, H2SO4, CuSO4, AgNO3, BaCl2, HNO3, MgSO4, CaCO3, FeCl3, NaOH", "", id="substances"),
        pytest.param("Escherichia coli, Homo sapiens, Canis lupus, Felis catus, Quercus robur", "", id="Latin names"),
        pytest.param(MADE_UP, "", id="made-up words"),
        pytest.param(SAYINGS["fr"][1], "Translate the paragraph above into French.", id="a translation"),
        pytest.param(f"Translate from German: {SAYINGS['de'][0]}", "", id="a text to translate"),
        pytest.param(f"{SAYINGS['en'][1]} {SAYINGS['en'][0]} {SAYINGS['de'][1] * 2}", "", id="a foreign end"),
        pytest.param(f"{SAYINGS['de'][1] * 2} {SAYINGS['en'][1]} {SAYINGS['en'][0]}", "", id="a foreign beginning"),
    ],
)
def test_where_nothing_is_said(text: str, question: str) -> None:
    """Short texts, what is no prose, made-up words, translations and texts in two languages pass."""
    assert other_language(text, "en", question) is None


def test_a_foreign_answer_around_code_is_found() -> None:
    """What stands around code is looked at, not the code."""
    text = f"{SAYINGS['de'][0]}\n```python\nprint('the answer is of the kind that we have')\n```\n"
    assert other_language(text, "en") == "German"
    assert other_language(f"{SAYINGS['en'][0]}\n```\n{SAYINGS['de'][1]}\n```", "en") is None


@pytest.mark.parametrize("setting", ["Klingon", "tlh", "xx-YY"])
def test_of_a_language_that_is_not_known_nothing_is_said(setting: str) -> None:
    """A project in a language that is not known holds its texts to none."""
    assert Config(languages={setting: 1.0}).checked_language() is None


@pytest.mark.parametrize(
    ("setting", "code"), [("en", "en"), ("EN", "en"), ("pt-BR", "pt"), ("German", "de"), ("zh-Hans", "zh")]
)
def test_the_language_of_the_settings(setting: str, code: str) -> None:
    """A code, a code with a region and an English name say the same; `wrong_language = "keep"` looks at none."""
    config = Config(languages={setting: 1.0})
    assert config.checked_language() == code


@pytest.mark.parametrize("expected", ["en", "de", "ja", "ru"])
@pytest.mark.parametrize("size", [200, 400, 1_500])
async def test_filler_passes(expected: str, size: int) -> None:
    """Made-up words in sentences that have some real ones are in no language for sure."""
    teacher = Filler(size=size)
    for i in range(100):
        reply = await teacher.reply(_request(f"Question {i}?"))
        assert other_language(reply.text, expected) is None, reply.text


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text("bcdfghjklmnprstv", min_size=3, max_size=9), min_size=1, max_size=80),
    st.sampled_from(["en", "de", "ko"]),
)
def test_words_of_no_language_pass(words: list[str], expected: str) -> None:
    """Words that nobody ever wrote are in no language, however many there are."""
    assert other_language(" ".join(words), expected) is None


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200), st.sampled_from(sorted(LANGUAGES)))
def test_any_text_is_read(text: str, expected: str) -> None:
    """Every text gets the same verdict each time; of a text with too few letters nothing is said."""
    found = other_language(text, expected)
    assert found == other_language(text, expected)
    assert found is None or sum(map(str.isalpha, text)) >= LEAST_LETTERS


@pytest.mark.parametrize("text", ["\x00" * 100, "\ud800" * 100, "a\x00" * 5_000_000, "", "\U0010ffff" * 50])
def test_odd_texts_pass(text: str) -> None:
    """NULs, lone surrogates, what is no letter, and 10 MB of one letter are in no language."""
    assert other_language(text, "en") is None


async def test_the_faults_of_the_simulated_server_are_found() -> None:
    """Each reply that the fault `wrong-language` spoils is found, at a question and at an answer."""
    teacher: Teacher = Faulty(Filler(), seed=3, rates={"wrong-language": 1.0})
    found = set()
    for i in range(40):
        reply = await teacher.reply(_request(f"Question {i}?"))
        found.add(other_language(reply.text, "en"))
    assert found == {"German", "Spanish", "Russian", "Chinese", "Arabic"}


def test_a_mixture_of_all_languages_passes() -> None:
    """Of a text whose beginning is in one language and whose end in another nothing is said."""
    rng = random.Random(1)
    for _ in range(50):
        one, other = rng.sample(sorted(set(SAYINGS) - {"en"}), 2)
        text = " ".join(SAYINGS[one]) * 3 + " ".join(SAYINGS[other]) * 3
        assert other_language(text, "en") is None


def _request(text: str) -> Request:
    id_ = f"answer/a/b/{int.from_bytes(hashlib.blake2b(text.encode(), digest_size=2).digest(), 'big')}"
    sampling = Sampling(model="filler", max_tokens=1_000)
    return Request(id=id_, stage=Stage.ANSWERS, messages=(Message(role="user", content=text),), sampling=sampling)
