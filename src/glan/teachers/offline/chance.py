"""Problems on finite probability, solved exactly."""

from collections.abc import Mapping
from fractions import Fraction
from math import comb, lcm
from random import Random

from glan.teachers.offline.problems import Problem, Solution, UnsolvableError, Values, about, reduced


def _draw_dice(rng: Random) -> dict[str, int]:
    return {"s": rng.randrange(3, 12)}


def _dice(values: Values) -> Solution:
    s = values["s"]
    ways = [(i, s - i) for i in range(1, 7) if 1 <= s - i <= 6]
    chance = Fraction(len(ways), 36)
    return Solution(
        steps=(
            "The two dice are told apart, so there are 6 · 6 = 36 equally likely outcomes.",
            f"The sum {s} is shown by {', '.join(f'({i}, {k})' for i, k in ways)}.",
            f"These are {len(ways)} of 36 outcomes, so the probability is {reduced(len(ways), 36)}.",
        ),
        result=f"{chance}, about {float(chance):.3f}",
        check=f"By symmetry the sum {14 - s} must be just as likely, since each die can be read as 7 minus its spots, "
        f"and it too arises in {len(ways)} of the 36 outcomes."
        if s != 7
        else "Whatever the first die shows, exactly one of the six faces of the second completes it to 7.",
    )


def _draw_urn(rng: Random) -> dict[str, int]:
    return {"r": rng.randrange(3, 16), "b": rng.randrange(2, 16)}


def _urn(values: Values) -> Solution:
    r, b = values["r"], values["b"]
    total = r + b
    chance = Fraction(r, total) * Fraction(r - 1, total - 1)
    return Solution(
        steps=(
            f"There are {r} + {b} = {total} objects, so the first is red with probability {r}/{total}.",
            (
                f"If it was red, {r - 1} red ones are left among {total - 1}, "
                f"so the second is red with probability {r - 1}/{total - 1}."
            ),
            f"The product is {r}/{total} · {r - 1}/{total - 1} = {reduced(r * (r - 1), total * (total - 1))}.",
        ),
        result=f"{chance}, about {float(chance):.3f}",
        check=f"Counted by pairs: {comb(r, 2)} of the {comb(total, 2)} pairs are red, "
        f"and {comb(r, 2)}/{comb(total, 2)} is {chance} too.",
    )


def _draw_bayes(rng: Random) -> dict[str, int]:
    return {"n": rng.choice((20, 25, 40, 50, 80, 100, 200)), "s": rng.randrange(80, 100), "f": rng.randrange(1, 12)}


def _bayes(values: Values) -> Solution:
    n, s, f = (values[name] for name in "nsf")
    hit, alarm = Fraction(s, 100 * n), Fraction(f * (n - 1), 100 * n)
    if not hit + alarm:
        raise UnsolvableError("nothing is ever reported")
    chance = hit / (hit + alarm)
    return Solution(
        steps=(
            (
                f"Imagine {100 * n} cases. In one out of {n}, that is in 100 of them, the thing sought is present, "
                f"and in {100 * (n - 1)} it is not."
            ),
            (
                f"Of the 100, {s} are reported correctly. Of the {100 * (n - 1)}, {f} percent are reported by error, "
                f"which is {f * (n - 1)}."
            ),
            f"Altogether {s} + {f * (n - 1)} = {s + f * (n - 1)} cases are reported, and {s} of them are real.",
            f"The probability is {reduced(s, s + f * (n - 1))}.",
        ),
        result=f"{chance}, about {float(100 * chance):.1f} percent",
        check=f"By the formula: {hit} divided by the sum of {hit} and {alarm} gives {chance}.",
    )


def _draw_expectation(rng: Random) -> dict[str, int]:
    m, k = rng.sample(range(4, 41), 2)
    return {"a": rng.randrange(10, 200), "b": rng.randrange(2, 40), "m": m, "k": k, "c": rng.randrange(2, 13)}


def _expectation(values: Values) -> Solution:
    a, b, m, k, c = (values[name] for name in "abmkc")
    if Fraction(1, m) + Fraction(1, k) > 1:
        raise UnsolvableError("the probabilities exceed 1")
    gain = Fraction(a, m) + Fraction(b, k)
    net = gain - c
    verdict = "in favour of the player" if net > 0 else "against the player" if net < 0 else "fair"
    rounds = lcm(m, k)
    return Solution(
        steps=(
            (
                f"Each amount is multiplied by its probability: {a} · 1/{m} = {Fraction(a, m)} "
                f"and {b} · 1/{k} = {Fraction(b, k)}."
            ),
            f"The expected amount paid out is the sum {gain}{about(gain)}.",
            f"The stake of {c} is paid every time, so the expected gain is {gain} - {c} = {net}.",
        ),
        result=f"the expected gain per game is {net}{about(net)}, so the game is {verdict}",
        check=f"In {rounds} typical games one would receive {a} in {rounds // m} of them and {b} in {rounds // k}: "
        f"{rounds // m * a + rounds // k * b} against stakes of {rounds * c}, "
        f"a difference of {rounds // m * a + rounds // k * b - rounds * c} in {rounds} games.",
    )


CHANCE: Mapping[str, Problem] = {
    "dice": Problem(ranges={"s": (2, 12)}, draw=_draw_dice, solve=_dice),
    "urn": Problem(ranges={"r": (1, 999), "b": (1, 999)}, draw=_draw_urn, solve=_urn),
    "bayes": Problem(ranges={"n": (2, 99_999), "s": (0, 100), "f": (0, 100)}, draw=_draw_bayes, solve=_bayes),
    "expectation": Problem(
        ranges=dict.fromkeys("ab", (0, 99_999)) | dict.fromkeys("mk", (1, 9999)) | {"c": (0, 99_999)},
        draw=_draw_expectation,
        solve=_expectation,
    ),
}
