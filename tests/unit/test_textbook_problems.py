"""Problems of the textbook: every result is computed again in another way."""

import contextlib
import itertools
import math
import re
import time
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.records import Message, Request, Sampling, Stage
from glan.teachers.offline import Textbook
from glan.teachers.offline.book import open_book
from glan.teachers.offline.exercises import PROBLEMS
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

DRAWS = 40
PEOPLE = {"who": "Nadia, a potter,", "whom": "Nadia", "other": "Ivo"}

Values = Mapping[str, int]


def numbers(text: str) -> list[Fraction]:
    """Return all numbers in a text: whole, decimal or as a fraction."""
    return [Fraction(found) for found in re.findall(r"(?<![\w/])-?\d+(?:\.\d+|/\d+)?", text)]


def on_line(line: str, x: Fraction) -> Fraction:
    """Return the height of `y = 3x - 2` or `y = -1/2 · x + 4` at a point."""
    height = Fraction(0)
    for sign, factor, unknown in re.findall(r"([+-]?) ?(\d+(?:/\d+)?)?(?: · )?(x?)", line.removeprefix("y = ")):
        if factor or unknown:
            value = Fraction(factor or 1) * (x if unknown else 1)
            height += -value if sign == "-" else value
    return height


def squared(root: str) -> int:
    """Return the square of `5`, `sqrt(2)` or `3 · sqrt(2)`, whose root must have no square in it."""
    outside, inside = int(re.match(r"\d+", root)[0]) if root[0].isdigit() else 1, 1  # type: ignore[index]  # it matches
    found = re.search(r"sqrt\((\d+)\)", root)
    if found:
        inside = int(found[1])
        assert all(inside % (k * k) for k in range(2, math.isqrt(inside) + 1))
    return outside * outside * inside


def check_add_fractions(values: Values, result: str) -> None:
    total = Fraction(result)
    assert total * values["b"] * values["d"] == values["a"] * values["d"] + values["c"] * values["b"]


def check_proportion(values: Values, result: str) -> None:
    assert numbers(result)[0] / values["c"] == Fraction(values["b"], values["a"])


def check_percent_change(values: Values, result: str) -> None:
    final, *changes = numbers(result)
    risen = values["p"] + Fraction(values["p"] * values["r"], 100)
    assert final == risen - risen * values["s"] / 100
    if final != values["p"]:
        sign = 1 if "rise" in result else -1
        assert values["p"] + sign * changes[0] * values["p"] / 100 == final


def check_linear_equation(values: Values, result: str) -> None:
    x = Fraction(result.removeprefix("x = "))
    assert values["a"] * x + values["b"] == values["c"] * x + values["d"]


def check_slope(values: Values, result: str) -> None:
    line = result[result.index("y = ") : result.index(", which")]
    for x, y in (("p", "q"), ("r", "s")):
        assert on_line(line, Fraction(values[x])) == values[y]
    assert on_line(line, Fraction(0)) == numbers(result)[-1]
    assert on_line(line, Fraction(1)) - on_line(line, Fraction(0)) == numbers(result)[0]


def check_system(values: Values, result: str) -> None:
    x, y = numbers(result)
    assert values["a"] * x + values["b"] * y == values["m"]
    assert values["c"] * x + values["d"] * y == values["n"]


def check_inequality(values: Values, result: str) -> None:
    border = numbers(result)[-1]
    for x in (border + k * Fraction(1, 7) for k in range(-20, 20)):
        assert (values["a"] - values["b"] * x < values["c"]) == (x > border)


def check_arithmetic_series(values: Values, result: str) -> None:
    assert int(result) == sum(values["a"] + i * values["d"] for i in range(values["n"]))


def check_geometric_series(values: Values, result: str) -> None:
    assert int(result) == sum(values["a"] * values["r"] ** i for i in range(values["n"]))


def check_geometric_limit(values: Values, result: str) -> None:
    left, ratio = Fraction(result), Fraction(values["p"], values["q"])
    for i in range(200):
        left -= values["a"] * ratio**i
    assert 0 < left <= Fraction(result) * ratio**200


def check_pythagoras(values: Values, result: str) -> None:
    assert squared(result) == values["a"] ** 2 + values["b"] ** 2


def check_distance(values: Values, result: str) -> None:
    square = squared(result.partition(",")[0])
    assert square == (values["p"] - values["r"]) ** 2 + (values["q"] - values["s"]) ** 2


def check_similar(values: Values, result: str) -> None:
    assert numbers(result)[0] / values["t"] == Fraction(values["h"], values["s"])


def check_quadratic(values: Values, result: str) -> None:
    for x in numbers(result):
        assert x * x - values["s"] * x + values["p"] == 0
    assert sum(numbers(result)) == values["s"]


def check_derivative(values: Values, result: str) -> None:
    a, b, c, k = (values[name] for name in "abck")

    def height(x: int) -> int:
        return a * x**3 - b * x**2 + c * x

    # For a cubic the symmetric difference over one unit exceeds the derivative by the leading coefficient.
    assert Fraction(height(k + 1) - height(k - 1), 2) - a == numbers(result)[-1]
    assert f"{3 * a}x^2 - {2 * b}x + {c}" in result


def check_tangent(values: Values, result: str) -> None:
    for x in range(values["k"] - 5, values["k"] + 6):
        above = values["a"] * x * x - values["b"] * x + values["c"] - on_line(result, Fraction(x))
        assert (above == 0) == (x == values["k"])
        assert above >= 0


def check_gcd(values: Values, result: str) -> None:
    a, b = values["a"], values["b"]
    assert int(result) == max(k for k in range(1, min(a, b) + 1) if a % k == 0 and b % k == 0)


def check_lcm(values: Values, result: str) -> None:
    a, b = values["a"], values["b"]
    assert int(result) == next(k for k in range(a, a * b + 1, a) if k % b == 0)


def check_factorise(values: Values, result: str) -> None:
    n = values["n"]
    product, count = re.fullmatch(rf"{n} = (.+), with (\d+) positive divisors", result).groups()  # type: ignore[union-attr]  # it matches
    factors = [factor.partition("^") for factor in product.split(" · ")]
    assert math.prod(int(prime) ** int(power or 1) for prime, _, power in factors) == n
    assert all(int(prime) % k for prime, _, _ in factors for k in range(2, int(prime)))
    assert int(count) == sum(n % k == 0 for k in range(1, n + 1))


def check_weekday(values: Values, result: str) -> None:
    monday = date(2024, 1, 1)
    assert result == (monday + timedelta(days=values["day"] + values["n"])).strftime("%A")


def check_modpow(values: Values, result: str) -> None:
    assert f"remainder {values['a'] ** values['k'] % values['n']} on" in result


def check_inverse(values: Values, result: str) -> None:
    assert int(result) == next(b for b in range(values["n"]) if values["a"] * b % values["n"] == 1)


def check_crt(values: Values, result: str) -> None:
    m, r, n, s = (values[name] for name in "mrns")
    assert numbers(result)[0] == next(x for x in range(m * n) if x % m == r and x % n == s)


def check_permutations(values: Values, result: str) -> None:
    assert int(result) == sum(1 for _ in itertools.permutations(range(values["n"]), values["k"]))


def check_combinations(values: Values, result: str) -> None:
    assert int(result) == sum(1 for _ in itertools.combinations(range(values["n"]), values["k"]))


def check_inclusion_exclusion(values: Values, result: str) -> None:
    found = sum(x % values["a"] == 0 or x % values["b"] == 0 for x in range(1, values["n"] + 1))
    assert numbers(result) == [found, values["n"] - found]


def check_dice(values: Values, result: str) -> None:
    hits = [i + k == values["s"] for i in range(1, 7) for k in range(1, 7)]
    assert numbers(result)[0] == Fraction(sum(hits), 36)


def check_urn(values: Values, result: str) -> None:
    colours = ["red"] * values["r"] + ["blue"] * values["b"]
    pairs = list(itertools.combinations(colours, 2))
    assert numbers(result)[0] == Fraction(pairs.count(("red", "red")), len(pairs))


def check_bayes(values: Values, result: str) -> None:
    population = [(i % values["n"] == 0, i // values["n"]) for i in range(100 * values["n"])]
    ill = [turn < values["s"] for is_ill, turn in population if is_ill]
    well = [turn < values["f"] for is_ill, turn in population if not is_ill]
    assert numbers(result)[0] == Fraction(sum(ill), sum(ill) + sum(well))


def check_expectation(values: Values, result: str) -> None:
    a, b, m, k, c = (values[name] for name in "abmkc")
    net = Fraction(a * k + b * m - c * m * k, m * k)
    assert numbers(result)[0] == net
    assert result.endswith("fair" if net == 0 else "in favour of the player" if net > 0 else "against the player")


def check_recurrence(values: Values, result: str) -> None:
    x = values["a"]
    for _ in range(values["n"] - 1):
        x = values["p"] * x + values["q"]
    assert int(result) == x


def check_kepler(values: Values, result: str) -> None:
    assert numbers(result)[0] ** 2 == values["a"] ** 3


def check_parallax(values: Values, result: str) -> None:
    parsecs, light_years = numbers(result)
    assert parsecs * values["p"] == 1000
    assert abs(float(light_years / parsecs) - 3.2616) < 0.03


def check_inverse_square(values: Values, result: str) -> None:
    near, far = sorted((values["a"], values["b"]))
    assert numbers(result)[0] * near * near == far * far


def check_aperture(values: Values, result: str) -> None:
    _, ratio, _, *time = numbers(result)
    assert ratio * values["a"] ** 2 == values["b"] ** 2
    assert not time or time[0] * ratio == values["t"]


CHECKS: Mapping[str, Callable[[Values, str], None]] = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
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
    ],
)
def test_numbers_are_shown_as_a_person_writes_them(shown: str, expected: str) -> None:
    """Fractions, roots and lines are shown in their simplest form."""
    assert shown == expected
