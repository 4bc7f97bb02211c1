"""Problems of Psychology: each result is computed again from single cases, by counting or by statistics."""

import itertools
import math
import statistics
from fractions import Fraction

from checks_reading import Values, numbers

ROUNDED = 0.00501
"""Greatest distance between a number and itself with two decimals."""


def is_near(shown: Fraction, expected: float, tolerance: float = ROUNDED) -> bool:
    """Tell whether a number is another one as it was rounded."""
    return math.isclose(shown, expected, rel_tol=1e-9, abs_tol=tolerance)


def check_median_score(values: Values, result: str) -> None:
    median, mean = numbers(result)
    times = [values[hole] for hole in "abcdefg" if hole in values]
    assert median == statistics.median(times)
    assert is_near(mean, statistics.mean(times))


def check_weighted_mean(values: Values, result: str) -> None:
    people, mean = numbers(result)
    points = [values["a"]] * values["m"] + [values["b"]] * values["n"]
    assert people == len(points)
    assert is_near(mean, statistics.fmean(points))


def check_standard_deviation(values: Values, result: str) -> None:
    whole, five, sample, four = numbers(result)
    scores = [values[hole] for hole in "abcde"]
    assert [five, four] == [5, 4]
    assert is_near(whole, statistics.pstdev(scores))
    assert is_near(sample, statistics.stdev(scores))


def check_z_score(values: Values, result: str) -> None:
    z, *distance = numbers(result)
    assert is_near(z * values["s"] + values["m"], values["x"], ROUNDED * values["s"])
    assert distance == ([abs(z)] if z else [])
    assert ("above" in result) is (z > 0)
    assert ("below" in result) is (z < 0)


def check_binomial_hits(values: Values, result: str) -> None:
    chance, percent = numbers(result)
    success = Fraction(1, values["c"])
    spread = [Fraction(1)]
    for _ in range(values["n"]):
        missed = [share * (1 - success) for share in spread]
        hit = [share * success for share in spread]
        spread = [one + other for one, other in zip([*missed, Fraction(0)], [Fraction(0), *hit], strict=True)]
    assert chance == sum(spread[values["k"] :])
    assert is_near(percent, 100 * float(chance))


def check_standard_error(values: Values, result: str) -> None:
    assert is_near(numbers(result)[0], values["s"] / math.sqrt(values["n"]))


def check_confidence_interval(values: Values, result: str) -> None:
    _, low, high = numbers(result)
    of_mean = statistics.NormalDist(values["m"], values["s"] * values["n"] ** -0.5)
    rounded_factor = 0.0001 * of_mean.stdev
    assert is_near(low, of_mean.inv_cdf(0.025), ROUNDED + rounded_factor)
    assert is_near(high, of_mean.inv_cdf(0.975), ROUNDED + rounded_factor)


def check_cohens_d(values: Values, result: str) -> None:
    first, second = ([values[mean] - values[sd], values[mean] + values[sd]] for mean, sd in ("as", "bt"))
    within = [score - statistics.fmean(group) for group in (first, second) for score in group]
    expected = (statistics.fmean(first) - statistics.fmean(second)) / statistics.pstdev(within)
    assert is_near(numbers(result)[0], expected)


def check_odds_ratio(values: Values, result: str) -> None:
    ratio, gap = numbers(result)
    first, second = values["a"] / values["m"], values["b"] / values["n"]
    assert is_near(ratio, (first / (1 - first)) / (second / (1 - second)))
    assert is_near(gap, 100 * (first - second))


def check_weber_fraction(values: Values, result: str) -> None:
    assert is_near(numbers(result)[0] / values["b"], values["d"] / values["a"], ROUNDED / values["b"])


def check_hit_rates(values: Values, result: str) -> None:
    hits, alarms = numbers(result)
    assert is_near(hits * values["s"] / 100, values["h"], ROUNDED * values["s"] / 100)
    assert is_near(alarms * values["n"] / 100, values["f"], ROUNDED * values["n"] / 100)


def check_subtraction_method(values: Values, result: str) -> None:
    discriminating, choosing = numbers(result)
    assert values["a"] + discriminating == values["g"]
    assert values["a"] + discriminating + choosing == values["c"]


def check_savings_score(values: Values, result: str) -> None:
    spent_again = values["o"] - numbers(result)[0] * values["o"] / 100
    assert is_near(spent_again, values["r"], ROUNDED * values["o"] / 100)


def check_familywise_error(values: Values, result: str) -> None:
    alarm, level = numbers(result)
    m, p = values["m"], values["p"] / 100
    assert is_near(alarm, 100 * math.fsum(math.comb(m, k) * p**k * (1 - p) ** (m - k) for k in range(1, m + 1)), 0.0501)
    assert is_near(level * m, values["p"], 0.000501 * m)


def check_chi_square(values: Values, result: str) -> None:
    cells = {(1, 1): values["a"], (1, 0): values["b"], (0, 1): values["c"], (0, 0): values["d"]}
    cases = [case for case, count in cells.items() for _ in range(count)]
    phi = statistics.correlation(*zip(*cases, strict=True))
    assert is_near(numbers(result)[0], len(cases) * phi * phi)
    assert ("not significant" in result) == (len(cases) * phi * phi <= statistics.NormalDist().inv_cdf(0.975) ** 2)


def check_pearson(values: Values, result: str) -> None:
    expected = statistics.correlation(*([values[name] for name in names] for names in ("abcd", "pqrs")))
    top, square, *rounded = numbers(result)
    assert math.isclose(top / math.sqrt(square), expected, abs_tol=1e-9)
    assert is_near(rounded[-1], expected)


def check_regression_line(values: Values, result: str) -> None:
    slope, start, guess = numbers(result)
    m, s, n, t, k = (values[name] for name in "msntk")
    r = values["r"] / 100
    rest = math.sqrt(1 - r * r)
    corners = [(x, r * x + side * rest) for x, side in itertools.product((-1, 1), repeat=2)]
    line = statistics.linear_regression([m + s * x for x, _ in corners], [n + t * y for _, y in corners])
    assert is_near(slope, line.slope)
    assert is_near(start, line.intercept)
    assert is_near(guess, line.intercept + line.slope * k)


def check_kappa(values: Values, result: str) -> None:
    percent, kappa = numbers(result)
    cells = {(1, 1): values["a"], (1, 0): values["b"], (0, 1): values["c"], (0, 0): values["d"]}
    total = sum(cells.values())
    seen = sum(count for (one, other), count in cells.items() if one == other) / total
    by_chance = sum(
        count * again for (one, _), count in cells.items() for (_, other), again in cells.items() if one == other
    ) / (total * total)
    assert is_near(percent, 100 * seen)
    assert is_near(kappa, (seen - by_chance) / (1 - by_chance))
