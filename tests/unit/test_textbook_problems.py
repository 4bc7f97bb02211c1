"""Problems of the textbook: every result is computed again in another way."""

import contextlib
import re
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from random import Random

import checks_astronomy
import checks_fishing
import checks_insurance
import checks_mathematics
import checks_music
import checks_psychology
import checks_robots
import pytest
from checks_reading import Values
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.records import Message, Request, Sampling, Stage
from glan.teachers.offline import Textbook, exercises
from glan.teachers.offline.actuary import ACTUARY
from glan.teachers.offline.book import open_book
from glan.teachers.offline.exercises import FAMILIES, PROBLEMS
from glan.teachers.offline.figures import shown as figure
from glan.teachers.offline.finance import FINANCE, amount, equals
from glan.teachers.offline.phrases import open_phrasebook
from glan.teachers.offline.problems import (
    DAYS,
    Solution,
    UnsolvableError,
    about,
    read_values,
    reduced,
    show_decimal,
    show_line,
    show_root,
    term,
    write_values,
)
from glan.teachers.offline.underwriting import UNDERWRITING

DRAWS = 40
PEOPLE = {"who": "Nadia, a potter,", "whom": "Nadia", "other": "Ivo"}


CHECKS: Mapping[str, Callable[[Values, str], None]] = {
    name.removeprefix("check_"): check
    for module in (
        checks_mathematics,
        checks_astronomy,
        checks_music,
        checks_psychology,
        checks_robots,
        checks_insurance,
        checks_fishing,
    )
    for name, check in vars(module).items()
    if name.startswith("check_")
}


def drawn(name: str) -> list[tuple[dict[str, int], Solution]]:
    """Return problems of one kind with their solutions."""
    values = [PROBLEMS[name].draw(Random(seed)) for seed in range(DRAWS)]
    return [(each, PROBLEMS[name].solve(each)) for each in values]


def test_every_problem_is_checked_and_told_and_belongs_to_a_concept() -> None:
    """A problem has a check here, stories to tell it, and one concept in the book."""
    stories = open_phrasebook().tasks
    assert set(CHECKS) == set(PROBLEMS) == set(open_book().exercises)
    assert all(len(stories[f"problem/{name}"]) >= 4 for name in PROBLEMS)


@pytest.mark.parametrize("name", [*FINANCE, *UNDERWRITING, *ACTUARY])
def test_amounts_of_money_are_exact_or_marked_as_rounded(name: str) -> None:
    """A rounded amount follows a sign of its own, one euro is singular, and a rounded result says so."""
    for _, solution in drawn(name):
        told = " ".join((*solution.steps, solution.result, solution.check))
        assert "= about" not in told
        assert not re.search(r"(?<![.\d])1 euros\b", told)
        assert not ("about" in solution.result and "to the cent" in solution.result)


def test_numbers_at_the_edge_are_told_without_a_slip() -> None:
    """One euro, a last instalment, a claim that makes no difference, a load of exactly one, and units everywhere."""
    assert amount(Fraction(1)) == "1 euro"
    assert equals(Fraction(10, 3)) == "≈ 3.33 euros"
    last = PROBLEMS["loan_split"].solve({"l": 9000, "i": 5, "n": 4, "k": 4})
    assert "it alone is outstanding" in last.steps[1]
    even = PROBLEMS["no_claims_discount"].solve({"b": 1000, "r": 40, "s": 20, "k": 3, "c": 600})
    assert even.check.endswith("come to the same.")
    full = PROBLEMS["task_load"].solve({"a": 1, "b": 2, "c": 1, "d": 4, "e": 2, "f": 8})
    assert full.steps[1] == "The sum is 1."
    lift = PROBLEMS["lifting_force"].solve({"m": 10, "a": 2})
    assert lift.result.count(" N ") == 3


@pytest.mark.parametrize("family", ["mathematics", "statistics", "physics", "chemistry", "finance", "computer science"])
def test_each_of_six_families_has_eight_problems(family: str) -> None:
    """Each of the exact sciences has at least eight kinds of problems."""
    assert len(FAMILIES[family]) >= 8


def test_no_two_problems_have_one_name() -> None:
    """A name stands in one table, so that no problem hides another."""
    tables = [
        value for name, value in vars(exercises).items() if name.isupper() and name not in ("FAMILIES", "PROBLEMS")
    ]
    assert len(tables) >= 17
    assert sum(map(len, tables)) == sum(map(len, FAMILIES.values())) == len(PROBLEMS)


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_results_agree_with_another_way_of_computing(name: str) -> None:
    """The result of each drawn problem is confirmed by substitution or by counting."""
    for values, solution in drawn(name):
        CHECKS[name](values, solution.result)


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_drawn_numbers_vary_and_stay_in_range(name: str) -> None:
    """Draws differ from each other and are within what is solved from a text."""
    problem = PROBLEMS[name]
    found = [values for values, _ in drawn(name)]
    assert len({tuple(values.items()) for values in found}) >= 8
    for values in found:
        assert all(least <= values[hole] <= greatest for hole, (least, greatest) in problem.ranges.items())


def ask_alone(question: str) -> Request:
    return Request(
        id="answer/x",
        stage=Stage.ANSWERS,
        messages=(Message(role="user", content=question),),
        sampling=Sampling(model="offline-textbook", max_tokens=1_000),
    )


@pytest.mark.parametrize("name", sorted(PROBLEMS))
async def test_every_story_is_solved_from_its_text_alone(name: str) -> None:
    """A story is read back and answered with the steps and the result, whichever way it is told."""
    textbook = Textbook()
    for number, phrase in enumerate(open_phrasebook().tasks[f"problem/{name}"]):
        values = PROBLEMS[name].draw(Random(number))
        told = {hole: values[hole] for hole in values if hole in phrase.holes}
        solution = PROBLEMS[name].solve(told)
        reply = await textbook.reply(ask_alone(phrase.fill({**write_values(values), **PEOPLE})))
        assert f"**Result:** {solution.result}." in reply.text
        assert all(step in reply.text for step in solution.steps)
        assert 400 <= len(reply.text) <= 2_000


@settings(max_examples=400, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(PROBLEMS)))
def test_any_numbers_in_range_are_solved_rightly_or_refused(data: st.DataObject, name: str) -> None:
    """Numbers that nobody drew never crash a solution, and small ones are solved rightly."""
    ranges = PROBLEMS[name].ranges
    span = 8 if name in ("permutations", "combinations") else 60  # these are checked by listing everything
    values = {
        hole: data.draw(st.integers(least, min(greatest, max(least, 0) + span)), label=hole)
        for hole, (least, greatest) in ranges.items()
    }
    try:
        solution = PROBLEMS[name].solve(values)
    except UnsolvableError:
        return
    CHECKS[name](values, solution.result)


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_the_largest_numbers_in_range_are_cheap(name: str) -> None:
    """What may be read from a text is solved, or refused, without long loops."""
    values = {hole: greatest for hole, (_, greatest) in PROBLEMS[name].ranges.items()}
    started = time.process_time()
    with contextlib.suppress(UnsolvableError):
        assert len(PROBLEMS[name].solve(values).result) < 300
    assert time.process_time() - started < 0.2


@pytest.mark.parametrize(
    "words",
    [
        {"a": "12", "b": "0"},
        {"a": "12", "b": "-4"},
        {"a": "12", "b": "1e9"},
        {"a": "12", "b": "9" * 5_000},
        {"a": "12", "b": "\u0663"},
        {"a": "12", "b": ""},
    ],
    ids=["zero", "negative", "not decimal", "huge", "other digits", "nothing"],
)
def test_words_that_are_no_numbers_in_range_are_not_read(words: dict[str, str]) -> None:
    """A story with other numbers than a problem takes is not read as this problem."""
    assert read_values(PROBLEMS["gcd"], words) is None


async def test_a_problem_without_solution_gets_an_honest_answer() -> None:
    """Numbers that have no solution of the expected kind are not answered with nonsense."""
    reply = await Textbook().reply(ask_alone("Determine the inverse of 6 modulo 9 with the Euclidean algorithm."))
    assert "no chapter on this" in reply.text
    solved = await Textbook().reply(ask_alone("Determine the inverse of 5 modulo 9 with the Euclidean algorithm."))
    assert "**Result:** 2." in solved.text


def test_weekdays_are_read_by_name() -> None:
    """A weekday is written and read as a word, and any other word is refused."""
    values = {"day": 3, "n": 100}
    assert write_values(values) == {"day": "Thursday", "n": "100"}
    assert read_values(PROBLEMS["weekday"], write_values(values)) == values
    assert read_values(PROBLEMS["weekday"], {"day": "Someday", "n": "100"}) is None
    assert len(set(DAYS)) == 7


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (show_decimal(Fraction(10191, 10000)), "1.0191"),
        (show_decimal(Fraction(-1, 2)), "-0.5"),
        (show_decimal(Fraction(2400)), "2400"),
        (show_decimal(Fraction(1, 3)), "1/3"),
        (show_root(0), "0"),
        (show_root(49), "7"),
        (show_root(2), "sqrt(2)"),
        (show_root(160), "4 · sqrt(10)"),
        (show_line(Fraction(0), Fraction(3)), "y = 3"),
        (show_line(Fraction(-1), Fraction(0)), "y = -x"),
        (show_line(Fraction(11), Fraction(-22)), "y = 11x - 22"),
        (show_line(Fraction(-1, 3), Fraction(1, 2)), "y = -1/3 · x + 1/2"),
        (reduced(4, 6), "4/6 = 2/3"),
        (reduced(5, 36), "5/36"),
        (term(1, "x"), "x"),
        (term(-1, "S"), "-S"),
        (term(4, "x"), "4x"),
        (about(Fraction(7, 3)), ", about 2.33"),
        (about(Fraction(7)), ""),
        (figure(Fraction(9, 10)), "0.9"),
        (figure(Fraction(1, 3)), "about 0.33"),
        (figure(Fraction(25819, 60_000)), "about 0.43"),
        (figure(Fraction(89_803, 100_000)), "about 0.90"),
        (figure(Fraction(41, 9_765_625)), "about 0.000004"),
    ],
)
def test_numbers_are_shown_as_a_person_writes_them(shown: str, expected: str) -> None:
    """Fractions, roots and lines are shown in their simplest form."""
    assert shown == expected


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("piece_duration", {"n": 30, "m": 2, "t": 120}, "A single bar lasts 2 · 60/120, which is 1 second."),
        ("piece_duration", {"n": 30, "m": 2, "t": 118}, "which is about 1.02 seconds."),
        ("transposition", {"p": 60, "a": 3, "b": 2}, "Start and end are 1 semitone apart, that is, a minor second."),
        ("standard_error", {"s": 10, "n": 100}, "a standard error of 1 point"),
        ("limestone", {"m": 50, "c": 1}, "takes up 1 litre of the acid"),
        ("oxygen_cylinder", {"v": 10, "p": 12, "f": 1}, "enough for 110 minutes"),
        ("recapture", {"m": 40, "c": 30, "r": 4}, "the population is estimated at 300 animals"),
    ],
    ids=["bar", "longer bar", "semitone", "point", "litre", "minutes", "animals"],
)
def test_units_agree_with_their_numbers(name: str, values: dict[str, int], expected: str) -> None:
    """A single unit is in the singular, and what is counted has a name that fits each story."""
    solution = PROBLEMS[name].solve(values)
    assert expected in " ".join((*solution.steps, f"{solution.result}."))


def test_neither_rhythm_of_a_polyrhythm_contains_the_other() -> None:
    """Three against six is no more than six."""
    assert all(values["b"] % values["a"] for values, _ in drawn("polyrhythm"))
