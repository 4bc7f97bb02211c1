"""Problems of Mathematics: each result is computed again by substitution or by counting."""

import itertools
import math
import re
from datetime import date, timedelta
from fractions import Fraction

from checks_reading import Values, numbers


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
