"""What a reply to a problem of BBH states, read as an answer of its kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.evaluate.scoring import stated_of


@pytest.mark.parametrize(
    ("reply", "kind", "stated"),
    [
        ("So the answer is Yes.", "Yes", "Yes"),
        ("So the answer is Yes. That is all.", "No", "Yes"),
        ("So the answer is No, it is not.", "No", "No"),
        ("So the answer is **invalid**, since a premise is missing.", "valid", "invalid"),
        ("So the answer is Yes. Wait, no, it is No.", "No", "No"),
        ("So the answer is True. Wait, no: False.", "False", "False"),
        ("So the answer is No.\nWait, it is clear that he meant it.", "No", "No"),
        ("So the answer is Yes or No.", "Yes", "Yes or No"),
        ("So the answer is (A). Wait, no, it is (B).", "(B)", "(B)"),
        ("So the answer is (A).\n\nActually, that is wrong. So the answer is (C).", "(C)", "(C)"),
        ("So the answer is apple banana. That is all.", "apple banana", "apple banana. That is all"),
        ("So the answer is apple no yes.", "apple no yes", "apple no yes"),
        ("", "Yes", None),
    ],
)
def test_what_is_stated_last_is_read(reply: str, kind: str, stated: str | None) -> None:
    """Of yes or no the word is read, of letters the letter, as it is said last; other words stand as they are."""
    assert stated_of(reply, kind) == stated


@given(
    st.sampled_from([("Yes", "No"), ("No", "Yes"), ("True", "False"), ("valid", "invalid"), ("invalid", "valid")]),
    st.text("abcd ,.\n", max_size=40),
)
def test_a_word_is_read_whatever_follows_it(pair: tuple[str, str], more: str) -> None:
    """What stands behind an answer and names no other takes nothing from it."""
    assert stated_of(f"So the answer is {pair[0]}. {more}", pair[1]) == pair[0]
