"""Problems on lives, total claims, credibility, layers and reserves, with the rounding said."""

from collections.abc import Mapping
from fractions import Fraction
from math import isqrt
from random import Random

from glan.teachers.offline.finance import amount, equals, growth, in_cents, rounded, rounding
from glan.teachers.offline.problems import Problem, Solution, UnsolvableError, Values, reduced, show_decimal

_SURVIVORS = {20: 99_300, 30: 98_700, 40: 97_600, 50: 95_300, 60: 90_400, 70: 80_200, 80: 60_900, 90: 26_800}
"""Survivors by age in an invented table, from which drawn ones deviate by a few."""


def _draw_life_table(rng: Random) -> dict[str, int]:
    ages = sorted(rng.sample(sorted(_SURVIVORS), 3))
    alive = [_SURVIVORS[age] - rng.randrange(0, 500) for age in ages]
    return dict(zip("xyzabc", (*ages, *alive), strict=True))


def _life_table(values: Values) -> Solution:
    x, y, z, a, b, c = (values[name] for name in "xyzabc")
    if not (x < y < z and a >= b > c):
        raise UnsolvableError("ages must rise and survivors fall")
    chance = Fraction(b - c, a)
    return Solution(
        steps=(
            (
                f"Someone aged {x} survives to {y} with probability {b}/{a}, to four decimals "
                f"{rounded(Fraction(b, a), 4)}."
            ),
            (
                f"Whoever is alive at {y} dies before {z} with probability ({b} - {c})/{b} = {b - c}/{b}, to four "
                f"decimals {rounded(Fraction(b - c, b), 4)}."
            ),
            f"In the product {b} cancels, which leaves ({b} - {c})/{a}: the deaths between {y} and {z}, seen from {x}.",
            f"This is {reduced(b - c, a)}.",
        ),
        result=f"the probability is {chance}, to four decimals {rounded(chance, 4)}",
        check=f"The three ways to go on from {x} have the probabilities {a - b}/{a} for death before {y}, "
        f"{b - c}/{a} for death between {y} and {z}, and {c}/{a} for reaching {z}; their numerators add up to {a}.",
    )


def _draw_term_premium(rng: Random) -> dict[str, int]:
    q = rng.randrange(2, 16)
    return {"s": 5000 * rng.randrange(2, 60), "q": q, "p": q + rng.randrange(1, 6), "i": rng.randrange(1, 7)}


def _term_premium(values: Values) -> Solution:
    s, q, p, i = (values[name] for name in "sqpi")
    year = growth(i)
    second = Fraction((1000 - q) * p, 1_000_000)
    one, two = s * Fraction(q, 1000) / year, s * second / year**2
    first, later = 1000 * q, (1000 - q) * p
    total = s * (first * year + later)
    return Solution(
        steps=(
            (
                f"Death in the first year has the probability {q}/1000, and its benefit is discounted by one year: "
                f"{s} · {show_decimal(Fraction(q, 1000))}/{show_decimal(year)} {equals(one)}."
            ),
            (
                f"Death in the second year presupposes survival of the first: {1000 - q}/1000 · {p}/1000 = "
                f"{rounded(second, 6)}."
            ),
            (
                f"Discounted by two years, its benefit is worth {s} · {rounded(second, 6)}/{show_decimal(year)}^2 "
                f"{equals(two)}."
            ),
            f"The net single premium is the sum, rounded only in the end: {amount(one + two)}.",
        ),
        result=f"{in_cents(one + two)}{rounding(one + two)}",
        check=f"Of a million insured, {first} die in the first year and {later} in the second. A million premiums "
        f"with interest for two years make {s} · ({first} · {show_decimal(year)} + {later}) = {show_decimal(total)} "
        f"euros, as much as the benefits with interest cost by then.",
    )


def _draw_compound_variance(rng: Random) -> dict[str, int]:
    return {
        "m": rng.choice((16, 20, 25, 36, 40, 50, 64, 80, 100, 120, 150, 200, 300, 400)),
        "a": 100 * rng.randrange(2, 20),
        "p": 5 * rng.randrange(10, 20),
        "b": 1000 * rng.randrange(3, 20),
    }


def _compound_variance(values: Values) -> Solution:
    m, a, p, b = (values[name] for name in "mapb")
    mean = Fraction(p * a + (100 - p) * b, 100)
    square = Fraction(p * a * a + (100 - p) * b * b, 100)
    variance = m * square
    deviation = Fraction((isqrt(int(40_000 * variance)) + 1) // 2, 100)
    return Solution(
        steps=(
            f"A claim has the mean {p}/100 · {a} + {100 - p}/100 · {b} {equals(mean)}.",
            f"Its second moment is {p}/100 · {a}^2 + {100 - p}/100 · {b}^2 = {show_decimal(square)} in squared euros.",
            f"The mean of the total is {m} · {show_decimal(mean)} {equals(m * mean)}.",
            (
                f"For a Poisson number the variance of the total is {m} times the second moment, "
                f"{show_decimal(variance)}, and its root, rounded to cents, is {rounded(deviation, 2)} euros."
            ),
        ),
        result=f"the mean is {amount(m * mean)} and the standard deviation, rounded to cents, is "
        f"{rounded(deviation, 2)} euros",
        check=f"Split by amount, the two kinds of claims form independent Poisson numbers with the means "
        f"{show_decimal(Fraction(m * p, 100))} and {show_decimal(Fraction(m * (100 - p), 100))}, and their "
        f"variances {show_decimal(Fraction(m * p * a * a, 100))} and "
        f"{show_decimal(Fraction(m * (100 - p) * b * b, 100))} add up to the same variance.",
    )


def _draw_credibility(rng: Random) -> dict[str, int]:
    n, k = rng.randrange(2, 11), rng.randrange(2, 31)
    x, m = rng.sample(range(15, 90), 2)
    return {"n": n, "k": k, "x": 20 * x, "m": 20 * m}


def _credibility(values: Values) -> Solution:
    n, k, x, m = (values[name] for name in "nkxm")
    weight = Fraction(n, n + k)
    premium = weight * x + (1 - weight) * m
    return Solution(
        steps=(
            f"The credibility factor is Z = n/(n + K) = {n}/({n} + {k}) = {reduced(n, n + k)}.",
            f"The complement 1 - Z = {1 - weight} is the weight of the collective mean.",
            f"The premium is {weight} · {x} + {1 - weight} · {m} {equals(premium)}.",
            (
                f"It lies between the own mean of {x} euros and the collective mean of {m} euros, and more years of "
                f"experience would move it towards the own mean."
            ),
        ),
        result=f"Z = {weight} and a premium of {amount(premium)}",
        check=f"The collective mean acts like {k} further years of experience at {m} euros: ({n} · {x} + {k} · "
        f"{m})/{n + k} {equals(Fraction(n * x + k * m, n + k))}.",
    )


def _draw_excess_layer(rng: Random) -> dict[str, int]:
    d, layer = 50 * rng.randrange(4, 21), 100 * rng.randrange(4, 21)
    losses = [
        10 * rng.randrange(*bounds) for bounds in ((8, (d + layer) // 8), (d // 10, (d + layer) // 10), (d // 8, 400))
    ]
    rng.shuffle(losses)
    return {"d": d, "l": layer} | dict(zip("abc", losses, strict=True))


def _excess_layer(values: Values) -> Solution:
    d, layer, *losses = (values[name] for name in "dlabc")
    parts = [min(max(loss - d, 0), layer) for loss in losses]
    room, steps = 2 * layer, []
    for loss, part in zip(losses, parts, strict=True):
        inside = f"Of {loss} thousand euros, {part} thousand lie between {d} and {d + layer} thousand"
        if part == 0:
            steps.append(
                f"The loss of {loss} thousand euros does not exceed the retention and costs the layer nothing."
            )
        elif part <= room:
            steps.append(f"{inside}.")
        else:
            steps.append(f"{inside}, but only {room} thousand of the cover for the year are left.")
        room -= min(part, room)
    paid, total = 2 * layer - room, sum(losses)
    return Solution(
        steps=(
            (
                f"The layer pays what lies between {d} and {d} + {layer} = {d + layer} thousand euros in each loss, "
                f"and with one reinstatement at most 2 · {layer} = {2 * layer} thousand euros in the year."
            ),
            *steps,
            (
                f"The reinsurer pays {paid} thousand euros altogether, and {total} - {paid} = {total - paid} "
                f"thousand euros stay with the insurer."
            ),
        ),
        result=f"the reinsurer pays {paid} thousand euros, and {total - paid} thousand euros are left to the insurer",
        check=f"Of the {2 * layer} thousand euros of cover for the year {room} thousand are unused, so {paid} "
        f"thousand were used, and {paid} + {total - paid} = {total} thousand euros is the sum of the losses.",
    )


def _draw_chain_ladder(rng: Random) -> dict[str, int]:
    twentieths = rng.randrange(22, 41)
    base = rng.randrange(20, 90)
    a = rng.randrange(7 * base, 13 * base)
    c = 20 * base - a
    b = a * twentieths // 20 + rng.randrange(-base // 3, base // 3 + 1)
    return {"a": a, "b": b, "c": c, "d": base * twentieths - b, "e": 20 * rng.randrange(15, 70)}


def _chain_ladder(values: Values) -> Solution:
    a, b, c, d, e = (values[name] for name in "abcde")
    if b < a or d < c:
        raise UnsolvableError("cumulative payments fall")
    factor = Fraction(b + d, a + c)
    final = e * factor
    unit = "thousand euros"
    shown = show_decimal(factor) if (10_000 * factor).denominator == 1 else f"about {rounded(factor, 4)}"
    return Solution(
        steps=(
            (
                f"After one year the older years together had paid {a} + {c} = {a + c} thousand euros, after two "
                f"years {b} + {d} = {b + d} thousand."
            ),
            f"The development factor is {b + d}/{a + c}, which is {shown}.",
            f"The latest year is projected to {e} · {b + d}/{a + c} {equals(final, unit)}.",
            f"Of these, {e} thousand euros are paid, so the reserve is {amount(final - e, unit)}.",
        ),
        result=f"the factor is {shown}, the projected final claims are {amount(final, unit)} and the reserve is "
        f"{amount(final - e, unit)}",
        check=f"The unpaid part of the final claims was {b + d - a - c}/{b + d} in the older years, and this share "
        f"of {amount(final, unit)} is {amount(final - e, unit)} as well.",
    )


_MONEY = (1, 9_999_999)

ACTUARY: Mapping[str, Problem] = {
    "life_table": Problem(
        ranges=dict.fromkeys("xyz", (0, 120)) | dict.fromkeys("abc", (0, 99_999_999)),
        draw=_draw_life_table,
        solve=_life_table,
    ),
    "term_premium": Problem(
        ranges={"s": _MONEY, "q": (0, 1000), "p": (0, 1000), "i": (1, 100)},
        draw=_draw_term_premium,
        solve=_term_premium,
    ),
    "compound_variance": Problem(
        ranges={"m": (1, 99_999), "a": _MONEY, "p": (1, 99), "b": _MONEY},
        draw=_draw_compound_variance,
        solve=_compound_variance,
    ),
    "credibility": Problem(
        ranges=dict.fromkeys("nk", (1, 999)) | dict.fromkeys("xm", _MONEY), draw=_draw_credibility, solve=_credibility
    ),
    "excess_layer": Problem(ranges=dict.fromkeys("dlabc", _MONEY), draw=_draw_excess_layer, solve=_excess_layer),
    "chain_ladder": Problem(ranges=dict.fromkeys("abcde", _MONEY), draw=_draw_chain_ladder, solve=_chain_ladder),
}
