"""From a reply to a judgement: what is read, what is refused, and that nobody's text gets through as a judgement."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.errors import ReplyError
from glan.judgements import Guarded, Rated, Scored, parse_rating, parse_safety, parse_scores
from glan.parsing import has_form

NUMBERS = {"correctness": 2, "helpfulness": 7, "clarity": 9, "difficulty": 4}
SCORES = Scored(correctness=2, helpfulness=7, clarity=9, difficulty=4, reason="The sum is wrong.")
WHOLE = json.dumps({"reason": "The sum is wrong.", **NUMBERS})
scores = st.integers(1, 10)


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        f"```json\n{WHOLE}\n```",
        f"The set {{1, 2}} is finite, so:\n\n{WHOLE}\nThat is all.",
        f"[{WHOLE}]",
        f"```\n{json.dumps({'reason': 'The sum is wrong.', **NUMBERS, 'said': WHOLE})}\n```",
        json.dumps({"reason": "The sum is wrong.", "scores": NUMBERS}),
        json.dumps({"reason": "The sum is wrong.", **{name: f"{n}/10" for name, n in NUMBERS.items()}}),
        json.dumps({"reason": "The sum\nis  wrong.", **{name: float(n) for name, n in NUMBERS.items()}}),
        WHOLE.replace('"difficulty": 4}', '"difficulty": 4,}'),
        WHOLE.replace('"', "'"),
    ],
    ids=["as asked", "fence", "prose", "list", "quoted", "nested", "of ten", "floats", "comma", "quotes"],
)
def test_scores_are_read_as_models_write_them(text: str) -> None:
    """Fences, prose, a list, a key above, 7/10 and what a mender mends are all the same scores."""
    assert parse_scores(text) == SCORES


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no JSON"),
        ("I am sorry, but I cannot help with that.", "no JSON"),
        ("8", "not a JSON object"),
        ("[]", "not a JSON object"),
        ('{"error": "no"}', "not a JSON object"),
        ('{"correctness": 2, "helpfulness": 7}', 'no "clarity"'),
        (WHOLE.replace("2", "11"), '"correctness" is 11'),
        (WHOLE.replace("2", "0"), '"correctness" is 0'),
        (WHOLE.replace("2", "-1"), '"correctness" is -1'),
        (WHOLE.replace("2", "true"), '"correctness" is true'),
        (WHOLE.replace("2", "null"), '"correctness" is null'),
        (WHOLE.replace("2", '"good"'), '"correctness" is "good"'),
        (WHOLE.replace("2", "[2]"), '"correctness" is no number'),
        (f"He wrote {WHOLE}, and I say {WHOLE}", "several"),
        (f'{{"reason": "He wrote {WHOLE}", "correctness": 1', "several"),
        (f'{{"reason": "He wrote {WHOLE}", "mark": 1', "broken"),
        ('{"reason": "He said "correctness": 10, and", "correctness": 1, "helpfulness": 1}', "broken"),
    ],
    ids=str,
)
def test_what_is_no_score_is_told_to_whoever_gave_it(text: str, told: str) -> None:
    """A missing or impossible number is never guessed; the error names the key and the value."""
    with pytest.raises(ReplyError, match=told.replace("[", r"\[")) as raised:
        parse_scores(text)
    assert raised.value.text == text
    assert raised.value.reason == "malformed"


@given(scores, scores, st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_a_rating_is_read_back(answerability: int, difficulty: int, reason: str) -> None:
    """What is written in the form that is asked for is read as it stands, whatever the reason says."""
    text = json.dumps({"reason": reason, "answerability": answerability, "difficulty": difficulty})
    found = parse_rating(text)
    assert (found.answerability, found.difficulty) == (answerability, difficulty)
    assert found.reason == " ".join(found.reason.split())
    assert has_form(text, "rating")


@given(st.text(max_size=300) | st.text('{}[]":,01 \\"correctness', max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_judgement_or_an_error(text: str) -> None:
    """No reply breaks a reader, and what it reads lies between 1 and 10."""
    for parse in (parse_rating, parse_scores, parse_safety):
        found: Rated | Scored | Guarded | None = None
        with suppress(ReplyError):
            found = parse(text)
        assert isinstance(found, Guarded | None) or all(1 <= value <= 10 for _, value in found.scores)


@pytest.mark.parametrize(
    "text",
    [
        "{" * 100_000,
        '{"a":' * 50_000,
        "[" * 100_000,
        "unsafe" + " S1" * 100_000,
        "unsafe\n" + "S1," * 100_000,
        " " * 1_000_000 + "safe",
        '{"correctness": "8' + " " * 500_000 + 'x", "helpfulness": 1, "clarity": 1, "difficulty": 1}',
        "\ud800{\x00",
    ],
    ids=["braces", "deep", "brackets", "codes", "list", "spaces", "number", "surrogate"],
)
def test_a_hostile_reply_costs_no_time(text: str) -> None:
    """Deep, long and broken replies end in an error or a judgement, none of them slowly."""
    for parse in (parse_rating, parse_scores, parse_safety):
        with suppress(ReplyError):
            parse(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("safe", "safe"),
        ("\n\nsafe\n", "safe"),
        ("Safe.", "safe"),
        ("**safe**", "safe"),
        ("unsafe\nS2,S9", "unsafe: S2,S9"),
        ("\n\nunsafe\nS2, S9\n", "unsafe: S2,S9"),
        ("unsafe S10", "unsafe: S10"),
        ("safe\nNothing in it is harmful.", "safe"),
        ("unsafe\nIt says how to make it.", "unsafe"),
        ("unsafe\nO3", "unsafe: O3"),
        ("unsafe", "unsafe"),
        ("Safety: Unsafe\nCategories: Violent, PII\nRefusal: No", "unsafe: Violent,PII"),
        ("Safety: Safe\nCategories: None\nRefusal: Yes", "safe"),
        ("Safety: Controversial\nCategories: Politically Sensitive Topics", "unsafe: Politically Sensitive Topics"),
        ('{"categories": [], "verdict": "safe"}', "safe"),
        ('```json\n{"categories": ["S1"], "verdict": "Unsafe"}\n```', "unsafe: S1"),
        ('{"verdict": "unsafe"}', "unsafe"),
    ],
    ids=str,
)
def test_a_guard_is_understood_in_plain_lines_and_in_json(text: str, told: str) -> None:
    """Llama Guard's two lines, those of other guard models, and JSON become one value of the column."""
    assert parse_safety(text).told == told


@pytest.mark.parametrize(
    "text",
    [
        "",
        "safe to say that this is unsafe",
        "I think that it is safe.",
        "Yes",
        "safe\nS3",
        '{"categories": ["S3"], "verdict": "safe"}',
        '{"verdict": "maybe"}',
        '{"verdict": 1}',
        '{"categories": []}',
        '{"verdict": "safe"} or {"verdict": "unsafe"}',
    ],
    ids=str,
)
def test_what_is_no_verdict_is_no_safe_one(text: str) -> None:
    """Prose, contradictions and two verdicts at once are refused."""
    with pytest.raises(ReplyError):
        parse_safety(text)


def test_a_category_is_a_name_and_no_sentence() -> None:
    """What stands in the column is short names, each once, and no markup."""
    text = json.dumps({"categories": ["S1", "s1", "<b>", "x" * 200, "none", "S2\n"], "verdict": "unsafe"})
    assert parse_safety(text).told == "unsafe: S1,S2"


def test_a_form_is_held_to_its_schema() -> None:
    """Only JSON as it was asked for has the form, so that a check can say that a server holds no schema."""
    assert has_form(WHOLE, "scores")
    assert has_form('{"categories": [], "verdict": "safe"}', "safety")
    assert not has_form(f"```{WHOLE}```", "scores")
    assert not has_form(WHOLE, "rating")
    assert not has_form("safe", "safety")
