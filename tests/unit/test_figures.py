"""The number that a reply ends in, and what is boxed or stated in it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.evaluate.choices import letter_of
from glan.evaluate.figures import figure_of, told
from glan.evaluate.maths import expression_of, plain
from glan.evaluate.statements import boxed


@pytest.mark.parametrize(
    ("reply", "figure"),
    [
        ("#### 18", "18"),
        ("#### -7", "-7"),
        ("#### $1,200\n", "1200"),
        ("The answer is 18.", "18"),
        ("The answer is -5", "-5"),
        ("The answer is 18 apples", "18"),
        ("The answer is **$70,000**.", "70000"),
        ("The answer is 9 * 2 = 18 dollars.", "18"),
        ("The answer is $18 (9 eggs at $2)", "18"),
        ("**Answer: 42**", "42"),
        ("answer: .5", "1/2"),
        ("Final answer: 2.5 km", "5/2"),
        ("She makes 9*2 = $18 every day.", "18"),
        ("$1,234.50", "2469/2"),
        ("1,000", "1000"),
        ("50%", "50"),
        ("\\$18", "18"),
        ("$70{,}000$", "70000"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("−3", "-3"),  # noqa: RUF001 - as models write it
        ("x = -5", "-5"),
        ("10-5", "5"),
        ("1/2", "1/2"),
        ("3 1/2 hours", "7/2"),
        ("\\boxed{18}", "18"),
        ("\\boxed{\\frac{1}{2}}", "1/2"),
        ("First 3, then \\boxed{x = 4}. There are 7 days.", "4"),
        ("1,2,3", "3"),
        ("So 18 dollars. She works 5 days.", "5"),
        ("1 000 000", "1000000"),
        ("The answer is 1\u202f000\u202f000.", "1000000"),
        ("The answer is 1\u2009234\u2009567 dollars.", "1234567"),
        ("1'000'000", "1000000"),
        ("$ 12 500", "12500"),
        ("1 234,50 euros", "2469/2"),
        ("In 2020 300 people came.", "300"),
        ("The answer is 5 100-dollar bills.", "5"),
        ("From 3 to 12 34", "34"),
        ("The answer is 18. Wait, no, it is 20.", "20"),
        ("#### 18\nWait, no, it's 20.", "20"),
        ("\\boxed{18}. Wait, no, the answer is 20.", "20"),
        ("The answer is 18. Actually, 20.", "20"),
        ("The answer is 18. Sorry, I mean 20.", "20"),
        ("The answer is 18. Wait, let me check: 9 * 2 = 18. Yes.", "18"),
        ("The answer is 18. No, it is not 20.", "18"),
        ("The answer is 18. Actually, it is because 3 eggs cost 6.", "18"),
        ("So 5 apples. Wait, no, it is 6. Then 6 + 1 = 7.", "7"),
        ("2/0", None),
        ("no number", None),
        ("", None),
    ],
)
def test_a_number_is_read(reply: str, figure: str | None) -> None:
    """Of every way to end in a number the number is read, exactly; a reply without one has none."""
    assert figure_of(reply) == (None if figure is None else Fraction(figure))


@given(st.integers(-(10**9), 10**9))
def test_a_number_is_read_with_and_without_commas(number: int) -> None:
    """Commas between thousands change nothing."""
    assert figure_of(f"The answer is {number:,}.") == figure_of(f"#### {number}") == number


@given(
    st.integers(-(10**12), 10**12), st.sampled_from([*" \u00a0\u2009\u202f\u2008\u2019',"]), st.sampled_from(["", "."])
)
def test_whatever_parts_the_thousands_has_no_meaning(number: int, apart: str, end: str) -> None:
    """Spaces of every width, apostrophes and commas between thousands: the number is the same."""
    words = f"{number:,}".replace(",", apart)
    for reply in (f"The answer is {words}{end}", f"#### {words}", f"So she has {words} apples", f"\\boxed{{{words}}}"):
        assert figure_of(reply) == number


@given(st.text(max_size=300))
def test_any_reply_has_a_number_or_none(reply: str) -> None:
    """Whatever a model writes is read without an error."""
    found = figure_of(reply)
    assert (told(found) is None) == (found is None)


ENDLESS = ("wait, ", "no", "The answer is A. Wait, no, ", "-", "...", "1 000 ", "1 ", "it is wrong. it is ", "hmm")


@pytest.mark.parametrize("words", ["$", "1", "1,", "\\boxed{", "\\(", "answer is ", " ", "A ", "A.\n", *ENDLESS])
def test_a_reply_without_an_end_is_read(words: str) -> None:
    """A model that repeats itself for ever is read as any other, and soon."""
    reply = words * 50_000
    assert letter_of(reply, ("one", "two")) in {None, "A"}
    assert expression_of(reply) in {None, "answer is", "A. Wait, no,"}
    assert told(figure_of(reply)) in {None, "1", "1000"}


@pytest.mark.parametrize(
    ("reply", "inside"),
    [
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{1} or rather \boxed{2}", "2"),
        (r"\boxed 5", "5"),
        (r"\fbox{7}", "7"),
        (r"\boxed{1} and \boxed{2", "1"),
        ("nothing", None),
    ],
)
def test_the_last_whole_box_counts(reply: str, inside: str | None) -> None:
    """The last box that is closed is the answer, with the braces inside it."""
    assert boxed(reply) == inside


@pytest.mark.parametrize(
    ("reply", "expression"),
    [
        (r"So $x=3$, and \boxed{\frac34}.", r"\frac34"),
        (r"The final answer is $\frac{3}{4}$. I hope it is correct.", r"\frac{3}{4}"),
        ("The answer is 12.", "12"),
        (r"We get $a$ and then $b+1$", "b+1"),
        ("nothing", None),
    ],
)
def test_an_expression_is_read(reply: str, expression: str | None) -> None:
    """A box goes before what is stated, and that before the last formula."""
    assert expression_of(reply) == expression


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\dfrac34", r"\frac{3}{4}"),
        ("1,234", "1234"),
        (r"\left( 0,3 \right]", "(0,3]"),
        (r"90^\circ", "90"),
        (r"50\%", "50"),
        (r"\text{Monday}", "monday"),
        (r"\sqrt2", r"\sqrt{2}"),
        ("x=5", "5"),
        (".5", "0.5"),
        (r"10\text{ units}", "10"),
    ],
)
def test_the_same_written_otherwise_is_plain_alike(one: str, other: str) -> None:
    """Spaces, sizes of brackets, units and commas have no meaning."""
    assert plain(one) == plain(other)
