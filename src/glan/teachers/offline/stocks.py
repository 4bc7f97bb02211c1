"""Problems on fish stocks, on soundings at sea, and on what becomes of the catch."""

from collections.abc import Mapping
from fractions import Fraction
from random import Random

from glan.teachers.offline.problems import Problem, Solution, UnsolvableError, Values, reduced, show_decimal
from glan.teachers.offline.quantities import show_measure

_SPEED = Fraction(3, 2)
"""Metres that sound travels in sea water in a millisecond."""


def _draw_recapture(rng: Random) -> dict[str, int]:
    r = rng.randrange(4, 31)
    return {"m": r * rng.randrange(5, 31), "c": r * rng.randrange(4, 31) + rng.choice((0, 0, 1)), "r": r}


def _recapture(values: Values) -> Solution:
    m, c, r = (values[name] for name in "mcr")
    if r > min(m, c):
        raise UnsolvableError("more marks are found than there can be")
    size = Fraction(m * c, r)
    estimate = f"{'about ' if size.denominator > 1 else ''}{round(size)}"
    return Solution(
        steps=(
            f"In the second catch {r} of {c} animals carry a mark, which is a share of {reduced(r, c)}.",
            (
                f"If the marked animals have mixed well, they are the same share of the whole population of N: {m}/N = "
                f"{r}/{c}."
            ),
            f"Solved for N, this gives {m} · {c}/{r} = {estimate}.",
        ),
        result=f"the population is estimated at {estimate} animals",
        check=f"In a population of that size {m} marked animals would be one in {show_measure(size / m)}, and the "
        f"second catch has one marked animal in {show_measure(Fraction(c, r))}.",
    )


def _draw_catch_rate(rng: Random) -> dict[str, int]:
    b, d = rng.randrange(10, 60), rng.randrange(10, 120)
    rate = rng.randrange(4, 40)
    return {"a": b * rate, "b": b, "c": max(1, d * rate * rng.randrange(40, 131) // 100), "d": d}


def _catch_rate(values: Values) -> Solution:
    a, b, c, d = (values[name] for name in "abcd")
    first, second = Fraction(a, b), Fraction(c, d)
    change = 100 * abs(second / first - 1)
    word = "no change" if first == second else "a rise" if second > first else "a fall"
    size = "" if first == second else f" of {show_measure(change)} percent"
    return Solution(
        steps=(
            f"In the first year the catch per day at sea is {a}/{b} = {show_measure(first)} tonnes.",
            f"In the second year it is {c}/{d} = {show_measure(second)} tonnes.",
            f"The ratio of the two is {show_measure(second / first)}, which means {word}{size}.",
            "The total catches alone could not show this, because the number of days at sea was not the same."
            if b != d
            else "As the number of days at sea was the same, the total catches tell the same story.",
        ),
        result=f"{show_measure(first)} tonnes a day in the first year and {show_measure(second)} in the second, "
        f"{word}{size}",
        check=f"At the first year's rate the {d} days of the second year would have brought {show_measure(first * d)} "
        f"tonnes; the actual catch was {c} tonnes.",
    )


def _draw_echo_depth(rng: Random) -> dict[str, int]:
    t = 4 * rng.randrange(8, 120)
    return {"t": t, "u": t + 4 * rng.randrange(3, 80)}


def _echo_depth(values: Values) -> Solution:
    t, u = values["t"], values["u"]
    if u <= t:
        raise UnsolvableError("the fish would be below the bottom")
    fish, bottom = t * _SPEED / 2, u * _SPEED / 2
    return Solution(
        steps=(
            "Sound at 1500 metres per second travels 1.5 metres in a millisecond, and an echo goes down and up again.",
            f"The fish are at half of {t} · 1.5 metres, that is, {show_decimal(fish)} metres.",
            f"The bottom is at half of {u} · 1.5 metres, that is, {show_decimal(bottom)} metres.",
            (
                f"The difference {show_decimal(bottom)} - {show_decimal(fish)} = {show_decimal(bottom - fish)} metres "
                "lies between them."
            ),
        ),
        result=f"the fish swim at a depth of {show_decimal(fish)} metres, {show_decimal(bottom - fish)} metres above "
        "the bottom",
        check=f"The two echoes are {u - t} milliseconds apart. In this time sound travels "
        f"{show_decimal((u - t) * _SPEED)} metres, which is twice {show_decimal(bottom - fish)} metres.",
    )


def _draw_cube_growth(rng: Random) -> dict[str, int]:
    unit = rng.choice((4, 5, 6, 8, 10, 12))
    small = rng.randrange(2, 5)
    return {
        "a": unit * small,
        "b": unit * rng.randrange(small + 1, 9),
        "m": small**3 * max(1, unit**3 // 100) + rng.choice((0, 0, 3)),
    }


def _cube_growth(values: Values) -> Solution:
    a, b, m = (values[name] for name in "abm")
    if b <= a:
        raise UnsolvableError("the fish has not grown")
    ratio = Fraction(b, a)
    mass = m * ratio**3
    return Solution(
        steps=(
            (
                "A fish that keeps its shape grows alike in length, height and width, so its volume and its mass "
                "grow with the cube of the length."
            ),
            f"The lengths are in the ratio {reduced(b, a)}.",
            f"The cube of this ratio is {ratio**3}, so the mass is multiplied by {show_measure(ratio**3)}.",
            f"So {m} grams become {m} · {ratio**3} = {show_measure(mass)} grams.",
        ),
        result=f"a mass of {show_measure(mass)} grams",
        check=f"Turned round, a fish of {a} centimetres has {1 / ratio**3} of that mass, which is {m} grams again.",
    )


def _draw_stock_balance(rng: Random) -> dict[str, int]:
    s = 100 * rng.randrange(20, 400)
    r, g = s * rng.randrange(5, 21) // 100, s * rng.randrange(10, 31) // 100
    d = s * rng.randrange(5, 16) // 100
    return {"s": s, "r": r, "g": g, "d": d, "c": 10 * rng.randrange(s // 100, s // 30)}


def _stock_balance(values: Values) -> Solution:
    s, r, g, d, c = (values[name] for name in "srgdc")
    surplus = r + g - d
    end = s + surplus - c
    if surplus < 0 or end < 0:
        raise UnsolvableError("the stock does not carry such losses")
    word = "unchanged" if end == s else f"{abs(end - s)} tonnes {'larger' if end > s else 'smaller'}"
    return Solution(
        steps=(
            f"Young fish and growth add {r} + {g} = {r + g} tonnes in the year.",
            f"Natural deaths take away {d} tonnes, so the stock has a surplus of {r + g} - {d} = {surplus} tonnes.",
            f"A catch of exactly {surplus} tonnes would have left the stock as it was.",
            f"With a catch of {c} tonnes it ends the year at {s} + {surplus} - {c} = {end} tonnes.",
        ),
        result=f"the stock ends the year at {end} tonnes, which is {word} than at the start, and a catch of {surplus} "
        "tonnes would have kept it level"
        if end != s
        else f"the stock ends the year at {end} tonnes, unchanged, since the catch equals the surplus of "
        f"{surplus} tonnes",
        check=f"Gains of {r + g} tonnes against losses of {d} + {c} = {d + c} tonnes make a difference of "
        f"{r + g - d - c} tonnes, and {end} - {s} is {end - s}.",
    )


def _draw_melting_ice(rng: Random) -> dict[str, int]:
    return {"m": 10 * rng.randrange(3, 150), "t": rng.randrange(6, 29)}


def _melting_ice(values: Values) -> Solution:
    m, t = values["m"], values["t"]
    heat = Fraction(36 * m * t, 10)
    ice = heat / 334
    return Solution(
        steps=(
            (
                f"To cool {m} kilograms of fish by {t} degrees, 3.6 · {m} · {t} = {show_decimal(heat)} kilojoules "
                "must be taken away."
            ),
            "Each kilogram of ice at 0 degrees takes up 334 kilojoules while it melts.",
            f"So {show_decimal(heat)}/334 = {show_measure(ice)} kilograms of ice melt.",
            "This is the least amount; heat that comes in from outside melts ice as well.",
        ),
        result=f"at least {show_measure(ice)} kilograms of ice",
        check=f"For each kilogram of fish 3.6 · {t}/334 = {show_measure(Fraction(36 * t, 3340))} kilograms of ice "
        f"melt, and {m} times that is {show_measure(m * Fraction(36 * t, 3340))} kilograms.",
    )


def _draw_drying(rng: Random) -> dict[str, int]:
    return {
        "m": 10 * rng.randrange(4, 120),
        "p": rng.randrange(70, 84),
        "q": rng.choice((15, 16, 20, 25, 30, 36, 40, 50)),
    }


def _drying(values: Values) -> Solution:
    m, p, q = (values[name] for name in "mpq")
    if q >= p:
        raise UnsolvableError("nothing dries")
    dry = Fraction(m * (100 - p), 100)
    final = dry * 100 / (100 - q)
    return Solution(
        steps=(
            (
                f"Only water leaves in drying; the dry matter stays. It is {100 - p} percent of {m} kilograms, "
                f"{show_decimal(dry)} kilograms."
            ),
            f"At the end this dry matter makes up {100 - q} percent of the mass.",
            f"The final mass is therefore {show_decimal(dry)} · 100/{100 - q} = {show_measure(final)} kilograms.",
            f"The water lost is {m} kilograms minus this, {show_measure(m - final)} kilograms.",
        ),
        result=f"{show_measure(final)} kilograms remain, and {show_measure(m - final)} kilograms of water have gone",
        check=f"Of the final mass, {q} percent is water, {show_measure(final * q / 100)} kilograms; with the dry "
        f"matter of {show_decimal(dry)} kilograms this makes {show_measure(final)} kilograms again.",
    )


STOCKS: Mapping[str, Problem] = {
    "recapture": Problem(ranges=dict.fromkeys("mcr", (1, 999_999)), draw=_draw_recapture, solve=_recapture),
    "catch_rate": Problem(ranges=dict.fromkeys("abcd", (1, 999_999)), draw=_draw_catch_rate, solve=_catch_rate),
    "echo_depth": Problem(ranges=dict.fromkeys("tu", (1, 14_000)), draw=_draw_echo_depth, solve=_echo_depth),
    "cube_growth": Problem(
        ranges=dict.fromkeys("ab", (1, 999)) | {"m": (1, 99_999)}, draw=_draw_cube_growth, solve=_cube_growth
    ),
    "stock_balance": Problem(
        ranges=dict.fromkeys("srgdc", (0, 99_999_999)), draw=_draw_stock_balance, solve=_stock_balance
    ),
    "melting_ice": Problem(ranges={"m": (1, 999_999), "t": (1, 40)}, draw=_draw_melting_ice, solve=_melting_ice),
    "drying": Problem(ranges={"m": (1, 999_999), "p": (1, 99), "q": (0, 98)}, draw=_draw_drying, solve=_drying),
}
