"""What a model says, without the thinking that it shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.evaluate.answering import said, up_to


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("The answer is B.", "The answer is B."),
        ("<think>Is it A?</think>\nThe answer is B.", "\nThe answer is B."),
        ("Is it A?</think>The answer is B.", "The answer is B."),
        ("<THINK>Is it A?</THINK>The answer is B.", "The answer is B."),
        ("<Think>A?</Think >B", "B"),
        ("<thinking>A?</thinking>B", "B"),
        ("[THINK]A?[/THINK]B", "B"),
        ("<seed:think>A?</seed:think>B", "B"),
        ("<reasoning>A?</reasoning>B", "B"),
        ("<think>A?</think>or<think>C?</think>B", "B"),
        ("<think>The answer is A, or is it", ""),
        ("\n <Think>\nThe answer is A, or is it", ""),
        ("HTML knows no <think> element.", "HTML knows no <think> element."),
        ("a < b / think > c", "a < b / think > c"),
        ("", ""),
    ],
)
def test_thinking_is_no_answer(text: str, shown: str) -> None:
    """What stands before the end of thinking is not read, in any case; whoever thinks without an end says nothing."""
    assert said(text) == shown


@given(st.text(max_size=200), st.text(max_size=200))
def test_what_follows_the_thinking_is_said(thought: str, text: str) -> None:
    """Whatever is thought, what follows it is what is said, and nothing is left out of it."""
    if said(text) == text:
        assert said(f"<think>{thought}</think>{text}") == text


@given(st.text(max_size=50), st.sampled_from(["\nQ:", "[DONE]"]))
def test_a_text_ends_where_an_end_begins(text: str, end: str) -> None:
    """A text goes as far as its end does not begin, and stays whole without one."""
    assert up_to(text + end + text, (end, "")) == text.partition(end)[0]
    assert up_to(text, ()) == text
