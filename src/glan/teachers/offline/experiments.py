"""Problems on what experiments in psychology count and time, and on tables, raters and pairs of scores."""

from collections.abc import Mapping
from fractions import Fraction
from random import Random

from glan.teachers.offline.figures import equals, root, shown
from glan.teachers.offline.problems import Problem, Solution, UnsolvableError, Values, bracketed, show_decimal

_CRITICAL = Fraction(38415, 10_000)
"""What chi-square with one degree of freedom exceeds by chance in 5 percent of all samples."""
_FEWEST_EXPECTED = 5


def _draw_weber_fraction(rng: Random) -> dict[str, int]:
    k = rng.choice((20, 25, 30, 40, 50))
    d = rng.randrange(2, 13)
    return {"a": k * d, "d": d, "b": k * rng.choice([each for each in range(1, 40) if each != d]) // rng.choice((1, 2))}


def _weber_fraction(values: Values) -> Solution:
    a, d, b = (values[name] for name in "adb")
    if d >= a:
        raise UnsolvableError("the difference is as large as the weight itself")
    step = Fraction(b * d, a)
    return Solution(
        steps=(
            "By Weber's law the just noticeable difference is a constant fraction of the weight that it starts from.",
            f"Here the fraction is {d}/{a}{equals(Fraction(d, a), 4)}.",
            f"At {b} grams the just noticeable difference is {b} · {d}/{a}{equals(step)} grams.",
            f"Smaller changes go unnoticed, so {b} + {b} · {d}/{a}{equals(b + step)} grams are needed to feel heavier.",
        ),
        result=f"a just noticeable difference of {shown(step)} grams",
        check=f"The weight changes by the factor {b}/{a}{equals(Fraction(b, a))}, and so does the difference: "
        f"{d} grams times this factor is {shown(step)} grams.",
    )


def _draw_hit_rates(rng: Random) -> dict[str, int]:
    s, n = (rng.choice((20, 25, 40, 50, 80, 100)) for _ in "sn")
    return {"s": s, "h": rng.randrange(s // 2, s), "n": n, "f": rng.randrange(1, 2 * n // 5)}


def _hit_rates(values: Values) -> Solution:
    s, h, n, f = (values[name] for name in "shnf")
    if h > s or f > n:
        raise UnsolvableError("more answers than trials")
    hits, alarms = Fraction(h, s), Fraction(f, n)
    word = "higher than" if hits > alarms else "lower than" if hits < alarms else "equal to"
    telling = (
        "so in these trials the answers told signal from noise"
        if hits > alarms
        else "so these trials do not show that signal was told from noise"
    )
    return Solution(
        steps=(
            f"The hit rate counts only the trials with a signal: {h}/{s}{equals(hits)}.",
            f"The false-alarm rate counts only the trials without one: {f}/{n}{equals(alarms)}.",
            f"The remaining trials are {s} - {h} = {s - h} misses and {n} - {f} = {n - f} correct rejections.",
            f"The hit rate is {word} the false-alarm rate, {telling}.",
        ),
        result=f"a hit rate of {shown(100 * hits)} percent and a false-alarm rate of {shown(100 * alarms)} percent",
        check=f"All four outcomes together, {h} + {s - h} + {f} + {n - f}, make up the {s + n} trials, "
        f"of which {h} + {n - f} = {h + n - f} were answered correctly.",
    )


def _draw_subtraction_method(rng: Random) -> dict[str, int]:
    a = rng.randrange(180, 261)
    g = a + rng.randrange(25, 110)
    return {"a": a, "g": g, "c": g + rng.randrange(20, 120)}


def _subtraction_method(values: Values) -> Solution:
    a, g, c = (values[name] for name in "agc")
    if not a < g < c:
        raise UnsolvableError("a task with more stages takes no longer")
    return Solution(
        steps=(
            f"The simple task asks only for detecting a signal and moving, which takes {a} milliseconds.",
            (
                f"The task with one answered signal adds telling the signals apart, and takes {g} - {a} = {g - a} "
                "milliseconds longer."
            ),
            f"The choice task also adds choosing a response, and takes a further {c} - {g} = {c - g} milliseconds.",
            "All this assumes that a new stage can be inserted without changing the others.",
        ),
        result=f"{g - a} milliseconds for telling the signals apart and {c - g} milliseconds for choosing the response",
        check=f"Added to the simple task, the two stages lead to {a} + {g - a} + {c - g} = {a + g - a + c - g} "
        "milliseconds, the time of the choice task.",
    )


def _draw_savings_score(rng: Random) -> dict[str, int]:
    o = rng.choice((10, 12, 15, 16, 18, 20, 24, 25, 30, 32, 36, 40, 45, 48, 50, 60))
    return {"o": o, "r": rng.randrange(o // 5, 4 * o // 5)}


def _savings_score(values: Values) -> Solution:
    o, r = values["o"], values["r"]
    if r > o:
        raise UnsolvableError("relearning takes longer than learning")
    score = Fraction(100 * (o - r), o)
    return Solution(
        steps=(
            "The savings score compares the effort of relearning with that of first learning.",
            f"First learning took {o} and relearning {r}, so {o} - {r} = {o - r} were saved.",
            f"As a share of first learning, this is {o - r}/{o}, and in percent {shown(score)}.",
            f"The part that had to be done again is {r}/{o}, in percent {shown(100 - score)}.",
        ),
        result=f"a savings score of {shown(score)} percent",
        check=f"The share saved, {o - r}/{o}, and the share spent again, {r}/{o}, add up to {o}/{o} = 1.",
    )


def _draw_familywise_error(rng: Random) -> dict[str, int]:
    return {"m": rng.randrange(3, 31), "p": rng.choice((1, 2, 4, 5, 5, 5, 10))}


def _familywise_error(values: Values) -> Solution:
    m, p = values["m"], values["p"]
    silent, quiet = show_decimal(Fraction(100 - p, 100)), Fraction(100 - p, 100) ** m
    alarm, strict = 100 * (1 - quiet), Fraction(p, m)
    return Solution(
        steps=(
            f"Without any effect, one test stays silent with the probability 1 - {p}/100 = {silent}.",
            (f"The tests are independent, so all {m} stay silent with the probability {silent}^{m}{equals(quiet, 3)}."),
            f"At least one false alarm is the opposite case, and in percent its probability is {shown(alarm, 1)}.",
            f"The Bonferroni correction tests each hypothesis at {p}/{m}{equals(strict, 3)} percent instead.",
        ),
        result=f"a probability of {shown(alarm, 1)} percent for at least one false alarm; by the Bonferroni "
        f"correction each test would be held to {shown(strict, 3)} percent",
        check=f"On average {m} · {p}/100 = {show_decimal(Fraction(m * p, 100))} false alarms are to be expected. The "
        "probability of at least one is always below that number, and here it is about "
        f"{float(alarm / (m * p)):.2f} times as large.",
    )


def _draw_chi_square(rng: Random) -> dict[str, int]:
    while True:
        r, s, u, v = (rng.randrange(1, 4) for _ in range(4))
        k = rng.randrange(3, 9)
        cells = [k * r * u, k * r * v, k * s * u, k * s * v]
        if min(cells) >= 8 and max(cells) <= 60:
            move = rng.choice((-1, 1)) * rng.randrange(2, min(cells) - 3)
            signs = (1, -1, -1, 1)
            return {hole: cell + sign * move for hole, cell, sign in zip("abcd", cells, signs, strict=True)}


def _chi_square(values: Values) -> Solution:
    a, b, c, d = (values[name] for name in "abcd")
    total, rows, columns = a + b + c + d, (a + b, c + d), (a + c, b + d)
    expected = [Fraction(row * column, total or 1) for row in rows for column in columns]
    if min(expected) < _FEWEST_EXPECTED:
        raise UnsolvableError("the expected numbers are too small for the test")
    shares = [(seen - count) ** 2 / count for seen, count in zip((a, b, c, d), expected, strict=True)]
    chi = sum(shares, Fraction(0))
    verdict = (
        "above it, so the result is significant"
        if chi > _CRITICAL
        else "not above it, so the result is not significant"
    )
    short = Fraction(total * (a * d - b * c) ** 2, rows[0] * rows[1] * columns[0] * columns[1])
    return Solution(
        steps=(
            (
                f"The row totals are {rows[0]} and {rows[1]}, the column totals are {columns[0]} and {columns[1]}, "
                f"and the table holds {total} cases."
            ),
            (
                "Without any relation, each cell would hold its row total times its column total divided by "
                f"{total}: {'; '.join(map(shown, expected))}."
            ),
            f"Every cell differs from this by {shown(abs(a - expected[0]))}.",
            (
                "Chi-square adds up the squared differences, each divided by the expected number: "
                f"{' + '.join(map(str, shares))}{equals(chi)}."
            ),
            f"With one degree of freedom the critical value at the 5 percent level is 3.84; chi-square is {verdict}.",
        ),
        result=f"chi-square is {shown(chi)} with one degree of freedom, "
        f"{'significant' if chi > _CRITICAL else 'not significant'} at the 5 percent level",
        check=f"The short formula {total} · ({a} · {d} - {b} · {c})^2 / ({rows[0]} · {rows[1]} · {columns[0]} · "
        f"{columns[1]}) yields {shown(short)} as well.",
    )


def _draw_pearson(rng: Random) -> dict[str, int]:
    while True:
        first, noise = rng.sample(range(1, 11), 4), [rng.randrange(-3, 4) for _ in range(4)]
        sign = rng.choice((1, 1, -1))
        second = [(x if sign > 0 else 12 - x) + each for x, each in zip(first, noise, strict=True)]
        if min(second) >= 1 and len(set(second)) >= 3:
            return dict(zip("apbqcrds", [n for pair in zip(first, second, strict=True) for n in pair], strict=True))


def _pearson(values: Values) -> Solution:
    first, second = ([values[name] for name in names] for names in ("abcd", "pqrs"))
    x, y = sum(first), sum(second)
    xx, yy = (sum(each * each for each in scores) for scores in (first, second))
    xy = sum(i * k for i, k in zip(first, second, strict=True))
    top, left, right = 4 * xy - x * y, 4 * xx - x * x, 4 * yy - y * y
    if not left or not right:
        raise UnsolvableError("one of the variables does not vary")
    product = Fraction(left * right)
    r = top / root(product)
    return Solution(
        steps=(
            (
                f"With x and y for the two variables, the sums over the four pairs are {x} for x, {y} for y, "
                f"{xx} for x^2, {yy} for y^2 and {xy} for xy."
            ),
            f"The numerator is 4 · {xy} - {x} · {y} = {top}.",
            f"Under the root stand 4 · {xx} - {x}^2 = {left} and 4 · {yy} - {y}^2 = {right}.",
            f"So r is {top} divided by the root of {left} · {right} = {product}, which is {shown(root(product))}.",
        ),
        result=f"the correlation is r = {top}/sqrt({product}){equals(r)}",
        check=f"The square of r, {shown(top * top / product)}, is not above 1, and r has the sign of the "
        f"products of deviations from the means, which add up to {shown(Fraction(top, 4))}.",
    )


def _draw_regression_line(rng: Random) -> dict[str, int]:
    s, t = rng.choice((4, 5, 8, 10, 20)), rng.choice((4, 6, 8, 10, 12, 20))
    m = rng.randrange(30, 70)
    return {
        "m": m,
        "s": s,
        "n": rng.randrange(40, 110),
        "t": t,
        "r": 5 * rng.randrange(4, 17),
        "k": m + rng.choice((-2, -1, 1, 2)) * s,
    }


def _regression_line(values: Values) -> Solution:
    m, s, n, t, r, k = (values[name] for name in "msntrk")
    slope = Fraction(r * t, 100 * s)
    start, guess = n - slope * m, n + slope * (k - m)
    return Solution(
        steps=(
            f"The slope is the correlation times the ratio of the standard deviations: 0.{r} · {t}/{s}{equals(slope)}.",
            (
                f"The line passes through the point of the two means, so it is y = {n} + 0.{r} · {t}/{s} · (x - {m}); "
                f"at x = 0 its height, the intercept, is {shown(start)}."
            ),
            (
                f"For x = {k}, which is {abs(k - m)} {'above' if k >= m else 'below'} the mean, the line predicts "
                f"{n} + 0.{r} · {t}/{s} · {bracketed(k - m)}{equals(guess)}."
            ),
        ),
        result=f"the slope is {shown(slope)}, the intercept is {shown(start)}, and the predicted score is "
        f"{shown(guess)} points",
        check=f"In standard units the given score is {shown(Fraction(k - m, s))} and the predicted one "
        f"{shown((guess - n) / t)}, which is 0.{r} times as far from the mean.",
    )


def _draw_kappa(rng: Random) -> dict[str, int]:
    total = rng.choice((50, 80, 100, 200))
    b, c = (rng.randrange(total // 25, total // 7) for _ in "bc")
    a = rng.randrange(total // 8, total - b - c - total // 8)
    return {"a": a, "b": b, "c": c, "d": total - a - b - c}


def _kappa(values: Values) -> Solution:
    a, b, c, d = (values[name] for name in "abcd")
    total = a + b + c + d
    if not total:
        raise UnsolvableError("nothing was judged")
    seen = Fraction(a + d, total)
    chance = Fraction((a + b) * (a + c) + (c + d) * (b + d), total * total)
    if chance == 1:
        raise UnsolvableError("both judges always gave the same answer")
    kappa = (seen - chance) / (1 - chance)
    return Solution(
        steps=(
            f"The judges agree on {a} + {d} = {a + d} of {total} cases, a share of {shown(seen)}.",
            f"The first says yes {a + b} times and no {c + d} times, the second {a + c} and {b + d} times.",
            (
                f"If they judged independently of each other, they would agree in a share of ({a + b} · {a + c} + "
                f"{c + d} · {b + d})/{total}^2{equals(chance, 4)}."
            ),
            (
                "Kappa divides the agreement beyond chance by the greatest one that is possible: "
                f"({show_decimal(round(seen, 4))} - {show_decimal(round(chance, 4))})/"
                f"(1 - {show_decimal(round(chance, 4))}){equals(kappa)}."
            ),
        ),
        result=f"an agreement of {shown(100 * seen)} percent and a kappa of {shown(kappa)}",
        check=f"Beyond chance, {shown(seen - chance)} was reached and {shown(1 - chance)} could have been, "
        "and kappa is the ratio of the two.",
    )


EXPERIMENTS: Mapping[str, Problem] = {
    "weber_fraction": Problem(
        ranges={"a": (2, 99_999), "d": (1, 9999), "b": (1, 99_999)}, draw=_draw_weber_fraction, solve=_weber_fraction
    ),
    "hit_rates": Problem(
        ranges=dict.fromkeys("sn", (1, 9999)) | dict.fromkeys("hf", (0, 9999)), draw=_draw_hit_rates, solve=_hit_rates
    ),
    "subtraction_method": Problem(
        ranges=dict.fromkeys("agc", (1, 99_999)), draw=_draw_subtraction_method, solve=_subtraction_method
    ),
    "savings_score": Problem(ranges={"o": (1, 9999), "r": (0, 9999)}, draw=_draw_savings_score, solve=_savings_score),
    "familywise_error": Problem(
        ranges={"m": (2, 50), "p": (1, 10)}, draw=_draw_familywise_error, solve=_familywise_error
    ),
    "chi_square": Problem(ranges=dict.fromkeys("abcd", (0, 999)), draw=_draw_chi_square, solve=_chi_square),
    "pearson": Problem(ranges=dict.fromkeys("apbqcrds", (0, 999)), draw=_draw_pearson, solve=_pearson),
    "regression_line": Problem(
        ranges=dict.fromkeys("mnk", (0, 9999)) | dict.fromkeys("st", (1, 999)) | {"r": (10, 99)},
        draw=_draw_regression_line,
        solve=_regression_line,
    ),
    "kappa": Problem(ranges=dict.fromkeys("abcd", (0, 9999)), draw=_draw_kappa, solve=_kappa),
}
