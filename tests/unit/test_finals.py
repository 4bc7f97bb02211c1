"""Final answers: what is read from an answer, what is not, and which are the same."""

# ruff: noqa: RUF001 - some answers have marks that look like letters

from collections.abc import Mapping, Sequence
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.curate.finals import Final, final_of
from glan.curate.numbers import read_number
from glan.curate.votes import Vote, count, is_settled
from glan.settings import Agreement

ASKED = "How far does the train go?"
CHOICE = "Which city is the capital of France?\n\nA) Lyon\nB) Paris\nC) Nice\nD) Lille"


@pytest.mark.parametrize(
    ("text", "value", "decimals", "unit"),
    [
        ("42", 42, None, None),
        ("1,000", 1000, None, None),
        ("1 000 000", 1_000_000, None, None),
        ("12,34,567", 1_234_567, None, None),
        ("1'000.5", Fraction(2001, 2), 1, None),
        ("1e3", 1000, None, None),
        ("1.5 × 10^3", 1500, None, None),
        ("1.5 x 10⁻³", Fraction(3, 2000), 4, None),
        ("0.50", Fraction(1, 2), 2, None),
        ("1/2", Fraction(1, 2), None, None),
        ("2 1/2", Fraction(5, 2), None, None),
        ("50%", 50, None, "share"),
        ("50 percent", 50, None, "share"),
        ("\u22123.5", Fraction(-7, 2), 1, None),
        ("+7", 7, None, None),
        ("$1,234.50", Fraction(2469, 2), 2, "dollars"),
        ("-$5", -5, None, "dollars"),
        ("5 km", 5, None, "length"),
        ("2.5 million", 2_500_000, None, None),
        ("seven", 7, None, None),
        ("7 apples", 7, None, None),
    ],
)
def test_numbers_that_are_read(text: str, value: Fraction | int, decimals: int | None, unit: str | None) -> None:
    """A number is read exactly, with its precision and its unit."""
    found = read_number(text)
    assert found is not None
    assert (found[0].said, found[0].decimals, found[0].unit) == (value, decimals, unit)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3,5", Fraction(7, 2)), ("1.000", 1000), ("1.000,25", Fraction(4001, 4)), ("3.14", Fraction(157, 50))],
)
def test_a_decimal_comma(text: str, value: Fraction | int) -> None:
    """In a language of decimal commas a comma is one; a point before three digits groups."""
    found = read_number(text, has_comma=True)
    assert found is not None
    assert found[0].said == value


@pytest.mark.parametrize(
    "text",
    ["3,5", "1.2.3", "22x", "3rd", "x", "", "1/0", "9" * 100, "1e99999", "12,34", "0,123", "1e+9999"],
)
def test_numbers_that_are_not_read(text: str) -> None:
    """What may mean two things, is part of a term, or is beyond all measure is no number."""
    assert read_number(text) is None


@given(st.text(alphabet="0123456789.,'/ eE+-×^%$kmx\u22121⁻³", max_size=80), st.booleans())
def test_reading_a_number_never_fails(text: str, has_comma: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    """Whatever stands there is a number with an end inside the text, or none."""
    found = read_number(text, has_comma=has_comma)
    assert found is None or 0 < found[1] <= len(text)


@given(st.integers(-(10**9), 10**9), st.integers(0, 6))
def test_a_number_is_read_as_it_is_written(whole: int, decimals: int) -> None:
    """Groups, a sign of its own and trailing zeros change nothing."""
    value = Fraction(whole, 10**decimals)
    written = f"{float(value):,.{decimals}f}".replace("-", "\u2212")
    found = read_number(written)
    assert found is not None
    assert found[0].said == value


@pytest.mark.parametrize(
    ("answer", "values"),
    [
        (r"So \boxed{42}.", [42]),
        (r"First \(x = 2\), then \boxed{\frac{3}{4}}", [Fraction(3, 4)]),
        (r"\[\boxed{1{,}000\text{ km}}\]", [1000]),
        (r"$$\boxed{50\%}$$", [50]),
        ("The train goes on.\n\n**Answer:** 150 km", [150]),
        ("It adds up.\nAnswer: **1,250**.", [1250]),
        ("**Final answer: 12.5**", [Fraction(25, 2)]),
        ("The answer is 7.", [7]),
        ("Work.\n#### 18", [18]),
        ("**Result:** x = 3 or x = -2", [-2, 3]),
        ("**Result:** y = 4, x = 9.", [9, 4]),
        ("**Result:** 1/3, about 0.33.", [Fraction(1, 3)]),
        ("**Result:** the distance is 189.24 metres.", [Fraction(18924, 100)]),
        ("3 hours at 50 km/h.\n\nTherefore, the train travels 150 km.", [150]),
        ("Add.\n\nSo the total is 3 + 4 = 7.", [7]),
        ("Answer: two", [2]),
        ("The final answer is $\\boxed{5}$, that is, the answer is 5.", [5]),
        ("Result: 15.75, a fall of 1 percent compared with 16.", [Fraction(63, 4)]),
    ],
)
def test_numbers_that_are_final(answer: str, values: Sequence[Fraction | int]) -> None:
    """A number that an answer marks as its result is its final answer."""
    found = final_of(answer, question=ASKED)
    assert found is not None
    assert [number.said for number in found.numbers] == values


@pytest.mark.parametrize(
    ("answer", "question", "word"),
    [
        ("The answer is B.", CHOICE, "b"),
        ("The answer is (B) Paris.", CHOICE, "b"),
        ("**B**", CHOICE, "b"),
        ("**B) Paris**\n\nIt has been so for long.", CHOICE, "b"),
        ("Answer: Paris", CHOICE, "b"),
        ("B is the correct statement; the others are not.", CHOICE, "b"),
        (r"\boxed{\text{B}}", CHOICE, "b"),
        ("Yes, since it is even.", "Is 4 an even number?", "yes"),
        ("Answer: No", ASKED, "no"),
        ("**Result:** Tuesday.", "Which day is it?", "tuesday"),
        ("The answer is March 5, 2024.", "When?", "2024-03-05"),
        ("Answer: 5th of March 2024", "When?", "2024-03-05"),
        ("Answer: 2024-3-5", "When?", "2024-03-05"),
    ],
)
def test_words_that_are_final(answer: str, question: str, word: str) -> None:
    """A choice, a yes or no, a day: each is one word, however it is said."""
    found = final_of(answer, question=question)
    assert found is not None
    assert found.word == word


@pytest.mark.parametrize(
    ("answer", "question"),
    [
        ("Thermodynamics is the study of heat.", "What is thermodynamics?"),
        ("There are 3 laws.\n\nThe first says that energy stays.", "What is thermodynamics?"),
        ("The answer is that it depends on many things.", ASKED),
        ("The answer is 3 to 5.", ASKED),
        ("Answer: 3 ± 1", ASKED),
        ("Answer: 2π", ASKED),
        ("Answer: y = 22x - 40", ASKED),
        ("```\nanswer: 5\n```", ASKED),
        (r"\boxed{3} and \boxed{4}", ASKED),
        ("(a) Answer: 3\n(b) Answer: 4", ASKED),
        ("**Result:** 95 milliseconds for one and 52 milliseconds for the other.", ASKED),
        ("It may be A or B.", CHOICE),
        ("**A** is wrong.\n**B** is right.", CHOICE),
        ("The answer is E.", CHOICE),
        ("Answer: 42", CHOICE),
        ("Yes, but why?", "Is it so, and how does it come about? Explain."),
        ("The answer is 5/6/2024.", "When?"),
        (r"\boxed{" * 50, ASKED),
        ("Answer: " + "1" * 5_000, ASKED),
    ],
)
def test_what_is_unsure_is_not_final(answer: str, question: str) -> None:
    """No final answer is read where there is none, where there are several, or where it may mean two things."""
    assert final_of(answer, question=question) is None


@given(st.text(max_size=200), st.sampled_from([ASKED, CHOICE]), st.sampled_from(["en", "de", None]))
def test_reading_never_fails(answer: str, question: str, language: str | None) -> None:
    """Whatever a teacher says is read, or is not."""
    for text in (answer, f"Answer: {answer}", f"\\boxed{{{answer}}}", f"So {answer}"):
        final_of(text, question=question, language=language)


def voted(answers: Sequence[str], question: str = ASKED) -> list[set[int]]:
    """Return the camps of answers, as the numbers of those in each."""
    finals = {i: final_of(f"Answer: {answer}", question=question) for i, answer in enumerate(answers)}
    vote = count({i: final for i, final in finals.items() if final is not None})
    return [set(camp.samples) for camp in vote.camps]


@pytest.mark.parametrize(
    ("answers", "camps"),
    [
        (["42", "42.0", "43"], [{0, 1}, {2}]),
        (["1,000", "1000", "1e3"], [{0, 1, 2}]),
        (["0.50", "1/2", "50%"], [{0, 1, 2}]),
        (["50%", "50", "0.5"], [{0, 1, 2}]),
        (["0.5%", "50%", "0.5"], [{0}, {1}, {2}]),
        (["5 km", "5", "5000 m"], [{0, 1, 2}]),
        (["5 km", "5", "5 m"], [{0}, {1}, {2}]),
        (["5 apples", "5"], [{0, 1}]),
        (["1/3", "0.33", "0.333"], [{0, 1, 2}]),
        (["1.5", "1.54"], [{0}, {1}]),
        (["12.5", "12.54"], [{0, 1}]),
        (["16", "15.75"], [{0}, {1}]),
        (["$5", "5 dollars", "5"], [{0, 1, 2}]),
        (["$5", "€5"], [{0}, {1}]),
        (["$5$", "5", r"\(5\)", "$5 m$"], [{0, 1, 2, 3}]),
        (["x = 2 or x = 3", "3 and 2", "2"], [{0, 1}, {2}]),
        (["Tuesday", "tuesday", "Monday"], [{0, 1}, {2}]),
    ],
)
def test_which_answers_are_the_same(answers: Sequence[str], camps: Sequence[set[int]]) -> None:
    """Answers of one meaning are one camp, however they are written; units that differ are kept apart."""
    assert voted(answers) == list(camps)


SAID = st.sampled_from(
    ["5", "5 km", "5 m", "5000 m", "1/3", "0.33", "0.333", "33%", "50%", "0.5", "0.5%", "7", "7.004"]
)


@given(st.lists(SAID, max_size=7), st.randoms(use_true_random=False))
def test_a_vote_does_not_depend_on_the_order_of_arrival(answers: Sequence[str], rng: Random) -> None:
    """The same final answers of the same samples give the same vote, in whatever order they came."""
    finals: Mapping[int, Final] = {
        i: final for i, answer in enumerate(answers) if (final := final_of(f"Answer: {answer}", question=ASKED))
    }
    shuffled = [*finals.items()]
    rng.shuffle(shuffled)
    assert count(dict(shuffled)) == count(finals)


@given(st.lists(SAID, min_size=1, max_size=7), st.permutations(range(7)))
def test_a_vote_does_not_depend_on_who_says_what(answers: Sequence[str], places: Sequence[int]) -> None:
    """Who says the same is in one camp, whichever numbers the samples have."""
    finals = {i: final for i, text in enumerate(answers) if (final := final_of(f"Answer: {text}", question=ASKED))}
    moved = {places[i]: final for i, final in finals.items()}
    before = {frozenset(places[i] for i in camp.samples) for camp in count(finals).camps}
    assert {frozenset(camp.samples) for camp in count(moved).camps} == before


@given(st.integers(1, 9), st.floats(0, 1), st.lists(st.sampled_from("123"), min_size=9, max_size=9))
def test_a_settled_vote_is_not_turned(samples: int, least_share: float, said: Sequence[str]) -> None:
    """Where a vote is settled before all have voted, the rest could not change what becomes of it."""
    finals = {i: final_of(f"Answer: {text}", question=ASKED) for i, text in enumerate(said[:samples])}
    cast = {i: final for i, final in finals.items() if final is not None}
    whole = count(cast)
    for asked in range(1, samples + 1):
        part = count({i: cast[i] for i in range(asked)})
        if is_settled(part, Agreement(samples=samples, least_share=least_share), left=samples - asked):
            assert taken(part, least_share) == taken(whole, least_share)
            break


def taken(vote: Vote, least_share: float) -> str | None:
    """Return what a vote comes to."""
    return None if vote.is_tied or vote.share < least_share else vote.camps[0].shown


def test_a_majority_is_needed() -> None:
    """Of 3, 5 and 7 answers 2, 3 and 4 settle a vote; more where a greater share is asked for."""
    assert [Agreement(samples=samples).needed for samples in (1, 2, 3, 4, 5, 7)] == [1, 2, 2, 3, 3, 4]
    assert [Agreement(samples=samples, least_share=1.0).needed for samples in (3, 5)] == [3, 5]
    assert Agreement(samples=5, least_share=0.8).needed == 4


@given(st.integers(1, 64), st.floats(0, 1))
def test_every_answer_is_in_one_round(samples: int, least_share: float) -> None:
    """The rounds have each answer once and in order; the first is asked for alone."""
    rounds = Agreement(samples=samples, least_share=least_share).rounds
    assert [sample for each in rounds for sample in each] == [*range(samples)]
    assert rounds[0] == range(1)
    assert len(rounds) <= 3
