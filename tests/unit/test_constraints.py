"""Whether an answer keeps to what its question asks of it, and how words are counted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sayings import SAYINGS

from glan.curate.constraints import checks_of
from glan.curate.counting import count_words
from glan.records import Constraint

TABLE = "| a | b |\n|---|:-:|\n| 1 | 2 |\n| 3 | 4 |"


@pytest.mark.parametrize(
    ("text", "constraint", "expected"),
    [
        ("one two three", Constraint(max_words=3), "met"),
        ("one two three four", Constraint(max_words=3), "missed"),
        (SAYINGS["th"][1], Constraint(max_words=3), "not sure"),
        ("- a\n- b\n- c", Constraint(items=3), "met"),
        ("Here they are:\n\n1. a\n   - x\n   - y\n2. b\n3) c\n\nThat is all.", Constraint(items=3), "met"),
        ("**1.** a\n**2.** b", Constraint(items=2), "met"),
        ("* a\n* b\n\n1. c\n2. d\n3. e", Constraint(items=3), "met"),
        ("- a\n- b", Constraint(items=3), "missed"),
        ("a, b and c", Constraint(items=3), "missed"),
        ("```\n- a\n- b\n- c\n```", Constraint(items=3), "missed"),
        ('{"a": 1}', Constraint(answer="json"), "met"),
        (" [1, 2]\n", Constraint(answer="json"), "met"),
        ('```json\n{"a": [1]}\n```', Constraint(answer="json"), "met"),
        ('Here it is: {"a": 1}', Constraint(answer="json"), "missed"),
        ("42", Constraint(answer="json"), "missed"),
        ("[" * 5_000 + "]" * 5_000, Constraint(answer="json"), "missed"),
        ('["\ud800"]', Constraint(answer="json"), "missed"),
        (f"As follows:\n\n{TABLE}\n", Constraint(answer="table"), "met"),
        ("a | b\n--- | ---\n1 | 2", Constraint(answer="table"), "met"),
        ("a\n---\nb", Constraint(answer="table"), "missed"),
        (f"```\n{TABLE}\n```", Constraint(answer="table"), "missed"),
        (SAYINGS["de"][1], Constraint(language="de"), "met"),
        (SAYINGS["fr"][1], Constraint(language="de"), "missed"),
        ("42", Constraint(language="de"), "not sure"),
    ],
)  # fmt: skip
def test_one_constraint(text: str, constraint: Constraint, expected: str) -> None:
    """Each part of a constraint is met, missed, or nothing sure can be said of it."""
    assert [verdict for _, verdict in checks_of(text, constraint)] == [expected]


@pytest.mark.parametrize(
    ("text", "constraint", "expected"),
    [
        (
            '["a b", "c"]',
            Constraint(max_words=3, items=2, answer="json"),
            (("at most 3 words", "met"), ("JSON", "met"), ("exactly 2 items", "met")),
        ),
        ('{"list": [1, 2, 3]}', Constraint(items=2, answer="json"), (("JSON", "met"), ("exactly 2 items", "missed"))),
        (TABLE, Constraint(items=2, answer="table"), (("a table", "met"), ("exactly 2 items", "met"))),
        (TABLE, Constraint(items=3, answer="table"), (("a table", "met"), ("exactly 3 items", "missed"))),
        ("{", Constraint(items=3, answer="json"), (("JSON", "missed"), ("exactly 3 items", "missed"))),
    ],
)
def test_several_at_once(text: str, constraint: Constraint, expected: tuple[tuple[str, str], ...]) -> None:
    """Each part has a verdict of its own; the items of JSON or of a table are counted there."""
    assert checks_of(text, constraint) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("... ??? ___", 0),
        ("It's 3.14, isn't it?", 4),
        ("1,000 birds; x_y and e.g. the U.S.A. don\u2019t", 8),
        ("well-known C++ and C#", 5),
        ("**bold** `code` $x^2$", 4),
        ("\u0939\u093f\u0928\u094d\u0926\u0940 \u092d\u093e\u0937\u093e", 2),
        ("cafe\u0301s are nai\u0308ve", 3),
        ("\u6f22\u5b57\u3068\u30ab\u30bf\u30ab\u30ca", 4),
        ("co\u00adoperate", 1),
    ],
)
def test_words_are_counted_by_the_rules_of_unicode(text: str, expected: int) -> None:
    """Apostrophes and points inside a word, marks and joiners end none; each Chinese character is a word."""
    assert count_words(text) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [("en", 34), ("de", 30), ("fr", 35), ("el", 32), ("ru", 24), ("ar", 22), ("hi", 36), ("ko", 21), ("zh", 59)],
)
def test_words_in_other_scripts(code: str, expected: int) -> None:
    """The numbers are those of uniseg 0.10, which implements UAX 29 in full."""
    assert count_words(SAYINGS[code][1]) == expected


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab1 .,'-|\n*[]{}\":`\u0e01\u6f22\u0301\ud800\x00"), max_size=60))
def test_any_text_is_checked(text: str) -> None:
    """Every text gets the same verdicts each time, whatever stands in it."""
    constraint = Constraint(max_words=3, items=2, answer="json", language="en")
    assert checks_of(text, constraint) == checks_of(text, constraint)
    count = count_words(text)
    assert count is None or 0 <= count <= len(text)
