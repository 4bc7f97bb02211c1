"""Problems on scores, samples and effects, solved exactly or rounded where roots demand it."""

from collections.abc import Mapping
from fractions import Fraction
from math import comb, isqrt
from random import Random

from glan.teachers.offline.problems import Problem, Solution, UnsolvableError, Values, reduced, show_decimal

_FACTOR = Fraction(196, 100)
"""Standard errors on each side of a mean in an interval of 95 percent."""


def shown(number: Fraction, decimals: int = 2) -> str:
    """Return a number as a short decimal fraction, or rounded and marked as such."""
    if (number * 10_000).denominator == 1:
        return show_decimal(number)
    while not round(number, decimals):
        decimals += 1
    return f"about {float(round(number, decimals)):.{decimals}f}"


def equals(number: Fraction, decimals: int = 2) -> str:
    """Return ` = 0.75` or `, about 0.67`, to follow an expression."""
    text = shown(number, decimals)
    return f", {text}" if text.startswith("about") else f" = {text}"


def root(number: Fraction) -> Fraction:
    """Return the square root of a positive number or of zero, exactly where it is rational."""
    top, bottom = isqrt(number.numerator), isqrt(number.denominator)
    exact = Fraction(top, bottom)
    return exact if exact * exact == number else Fraction(float(number) ** 0.5)


def _draw_median_score(rng: Random) -> dict[str, int]:
    usual = 10 * rng.randrange(26, 56)
    times = [usual + offset for offset in rng.sample(range(-55, 56), 6)] + [usual + rng.randrange(250, 900)]
    rng.shuffle(times)
    return dict(zip("abcdefg", times, strict=True))


def _median_score(values: Values) -> Solution:
    times = sorted(values[hole] for hole in "abcdefg" if hole in values)
    count, half = len(times), len(times) // 2
    low, high = times[(count - 1) // 2], times[half]
    median, mean = Fraction(low + high, 2), Fraction(sum(times), count)
    middle = (
        f"The number of values is odd, so the median is the one in the middle, number {half + 1}: {median}."
        if count % 2
        else f"The number of values is even, so the median lies halfway between the two in the middle: "
        f"({low} + {high})/2 = {shown(median)}."
    )
    gap = (
        f"lies {shown(abs(mean - median))} milliseconds {'above' if mean > median else 'below'} the median"
        if mean != median
        else "agrees with the median here"
    )
    below, above = (sum(sign * (time - median) > 0 for time in times) for sign in (-1, 1))
    return Solution(
        steps=(
            f"In order of size, the {count} times are {', '.join(map(str, times))}.",
            middle,
            f"The mean is the sum divided by the number of values: {sum(times)}/{count}{equals(mean)}.",
            f"The mean {gap}; where one time is out of the ordinary, the median is the more typical value.",
            (
                f"If the longest time, {times[-1]}, were twice as long, the mean would rise by "
                f"{times[-1]}/{count}{equals(Fraction(times[-1], count))}, while the median would stay where it is."
            ),
        ),
        result=f"the median is {shown(median)} milliseconds, and the mean is {shown(mean)} milliseconds",
        check=f"Of the {count} times, {below} are shorter than the median and {above} are longer, "
        "so neither side holds more than half of them.",
    )


def _draw_weighted_mean(rng: Random) -> dict[str, int]:
    total = rng.choice((20, 25, 40, 50, 80, 100))
    m = rng.choice([size for size in range(total // 5, total - total // 5 + 1) if 2 * size != total])
    a, b = rng.sample(range(12, 90), 2)
    return {"m": m, "n": total - m, "a": a, "b": b}


def _weighted_mean(values: Values) -> Solution:
    m, n, a, b = (values[name] for name in "mnab")
    mean, plain = Fraction(m * a + n * b, m + n), Fraction(a + b, 2)
    apart = (
        f"The plain average of the two means is ({a} + {b})/2 = {shown(plain)}; "
        + ("here it happens to be the same." if plain == mean else "it would ignore that the sizes differ.")
    )  # fmt: skip
    return Solution(
        steps=(
            f"The {m} people with the mean {a} have {m} · {a} = {m * a} points together.",
            f"The {n} people with the mean {b} have {n} · {b} = {n * b} points together.",
            f"All {m + n} people share {m * a} + {n * b} = {m * a + n * b} points.",
            f"The mean of all is therefore {m * a + n * b}/{m + n}{equals(mean)}.",
            apart,
        ),
        result=f"the mean of all {m + n} people is {shown(mean)} points",
        check=f"As a share, the first group has the weight {m}/{m + n}; starting from {b}, the mean moves by this "
        f"share of the distance {a} - {b} = {a - b}, which leads to {shown(mean)} again.",
    )


def _draw_standard_deviation(rng: Random) -> dict[str, int]:
    while True:
        scores = [rng.randrange(4, 25) for _ in range(5)]
        if sum(scores) % 5 == 0 and len(set(scores)) >= 4:
            return dict(zip("abcde", scores, strict=True))


def _standard_deviation(values: Values) -> Solution:
    scores = [values[hole] for hole in "abcde"]
    mean = Fraction(sum(scores), 5)
    gaps = [score - mean for score in scores]
    squares = sum((gap * gap for gap in gaps), Fraction(0))
    whole, sample = squares / 5, squares / 4
    return Solution(
        steps=(
            f"The mean is {sum(scores)}/5 = {shown(mean)}.",
            f"The deviations from it are {', '.join(map(show_decimal, gaps))}; their sum is 0, as it must be.",
            f"The squares of the deviations add up to {shown(squares)}.",
            (
                f"Divided by 5, this gives the variance {shown(whole)} of the five scores themselves, "
                f"and its root is {shown(root(whole))}."
            ),
            (
                f"Divided by 4, it gives the sample variance {shown(sample)}, which estimates the variance of the "
                f"population, and its root is {shown(root(sample))}."
            ),
        ),
        result=f"the standard deviation is {shown(root(whole))} points with the divisor 5, for the five scores "
        f"themselves, and {shown(root(sample))} points with the divisor 4, as an estimate from a sample",
        check=f"Computed otherwise, the mean of the squared scores, {shown(Fraction(sum(x * x for x in scores), 5))}, "
        f"less the square of the mean, {shown(mean * mean)}, is the same variance {shown(whole)}.",
    )


def _draw_z_score(rng: Random) -> dict[str, int]:
    s = rng.choice((4, 5, 8, 10, 12, 15, 16, 20))
    m = 5 * rng.randrange(8, 25)
    return {"m": m, "s": s, "x": m + rng.choice((-1, 1)) * rng.randrange(s // 4 + 1, 5 * s // 2)}


def _z_score(values: Values) -> Solution:
    x, m, s = (values[name] for name in "xms")
    z = Fraction(x - m, s)
    if x == m:
        side = "exactly at the mean"
    else:
        side = f"{shown(abs(z))} standard deviations {'above' if x > m else 'below'} the mean"
    return Solution(
        steps=(
            f"The distance from the mean is {x} - {m} = {x - m} points.",
            f"Divided by the standard deviation of {s} points, this is {x - m}/{s}{equals(z)}.",
            f"Since the points cancel out, the result has no unit; the score lies {side}.",
            f"On the T scale, which has mean 50 and standard deviation 10, it becomes 50 + 10z{equals(50 + 10 * z)}.",
        ),
        result=f"a z-score of {shown(z)}, so the score lies {side}",
        check=f"Going back, the mean plus z standard deviations is {m} + ({x - m}/{s}) · {s} = {x}, the given score.",
    )


def _draw_binomial_hits(rng: Random) -> dict[str, int]:
    n = rng.randrange(5, 11)
    return {"n": n, "c": rng.choice((2, 2, 3, 4, 5)), "k": rng.randrange(n - 3, n)}


def _binomial_hits(values: Values) -> Solution:
    n, c, k = (values[name] for name in "nck")
    if k > n:
        raise UnsolvableError("more hits than tasks")
    ways = [comb(n, i) * (c - 1) ** (n - i) for i in range(n + 1)]
    hits, total = sum(ways[k:]), c**n
    chance = Fraction(hits, total)
    *parts, last = (f"{i} hits in C({n}, {i}) · {c - 1}^{n - i} = {ways[i]}" for i in range(k, n + 1))
    listed = f"{', '.join(parts)} and {last}" if parts else last
    return Solution(
        steps=(
            f"With {c} equally likely answers to each of {n} tasks, there are {c}^{n} = {total} ways to answer.",
            (
                f"For exactly i hits, the tasks hit can be chosen in C({n}, i) ways, and each of the other tasks has "
                f"{c - 1} wrong answer{'' if c == 2 else 's'}."
            ),
            f"So there are exactly {listed} ways.",
            f"At least {k} hits occur in {hits} ways, so the probability is {hits}/{total}{equals(chance, 4)}.",
        ),
        result=f"a probability of {chance}, {_percent(chance)}",
        check=f"Fewer than {k} hits occur in {sum(ways[:k])} ways, and {sum(ways[:k])} + {hits} = {total} are all.",
    )


def _percent(chance: Fraction) -> str:
    text = shown(100 * chance)
    return f"{'' if text.startswith('about') else 'that is, '}{text} percent"


def _root_of_size(n: int) -> int:
    if isqrt(n) ** 2 != n:
        raise UnsolvableError("the size of the sample has no whole root")
    return isqrt(n)


def _draw_standard_error(rng: Random) -> dict[str, int]:
    return {"s": rng.randrange(6, 61), "n": rng.choice((4, 5, 6, 7, 8, 9, 10, 12, 15, 16, 20)) ** 2}


def _standard_error(values: Values) -> Solution:
    s, n = values["s"], values["n"]
    side = _root_of_size(n)
    error = Fraction(s, side)
    return Solution(
        steps=(
            "The standard error of a mean is the standard deviation divided by the square root of the sample size.",
            f"The square root of {n} is {side}, because {side} · {side} = {n}.",
            f"The standard error is {s}/{side}{equals(error)} points.",
            (
                f"To halve it, the root would have to double, which takes a sample of 4 · {n} = {4 * n}; "
                f"with this the standard error would be {s}/{2 * side}{equals(error / 2)} points."
            ),
        ),
        result=f"a standard error of {shown(error)} points",
        check=f"In squares, the variance of the mean is {s}^2/{n} = {s * s}/{n}{equals(error * error)}, "
        f"which is the square of {s}/{side}.",
    )


def _draw_confidence_interval(rng: Random) -> dict[str, int]:
    side = rng.choice((7, 8, 10, 10, 12, 15, 20))
    return {"n": side * side, "s": rng.randrange(6, 19), "m": rng.randrange(40, 121)}


def _confidence_interval(values: Values) -> Solution:
    n, s, m = (values[name] for name in "nsm")
    error = Fraction(s, _root_of_size(n))
    reach = _FACTOR * error
    return Solution(
        steps=(
            (
                f"The square root of {n} is {isqrt(n)}, so the standard error of the mean is {s}/{isqrt(n)}"
                f"{equals(error)} points."
            ),
            f"The margin is 1.96 standard errors: 1.96 · {s}/{isqrt(n)}{equals(reach)} points.",
            f"The lower limit is {m} minus the margin, {shown(m - reach)}.",
            f"The upper limit is {m} plus the margin, {shown(m + reach)}.",
        ),
        result=f"the 95 percent confidence interval reaches from {shown(m - reach)} to {shown(m + reach)} points",
        check=f"The two limits lie symmetrically about the mean {m}, and their distance, {shown(2 * reach)} points, "
        "is 3.92 standard errors.",
    )


def _draw_cohens_d(rng: Random) -> dict[str, int]:
    s = rng.randrange(6, 17)
    b = rng.randrange(30, 90)
    return {"a": b + rng.randrange(2, s + 4), "b": b, "s": s, "t": s + rng.randrange(-2, 3)}


def _cohens_d(values: Values) -> Solution:
    a, b, s, t = (values[name] for name in "abst")
    variance = Fraction(s * s + t * t, 2)
    size = (a - b) / root(variance)
    return Solution(
        steps=(
            f"The difference between the means is {a} - {b} = {a - b} points.",
            (
                f"As the groups are equally large, the pooled variance is the average of the two variances: "
                f"({s}^2 + {t}^2)/2 = ({s * s} + {t * t})/2 = {shown(variance)}."
            ),
            f"The pooled standard deviation is its square root, {shown(root(variance))} points.",
            f"Dividing the difference by it gives d, {shown(size)}, a number without a unit.",
            f"By Cohen's rough benchmarks (0.2 small, 0.5 medium, 0.8 large) this effect is {_benchmark(abs(size))}.",
        ),
        result=f"Cohen's d is {shown(size)}",
        check=f"In squares, d^2 is {a - b}^2 divided by {shown(variance)}, {shown(size * size)}, "
        "and the root of this has the size of d.",
    )


def _benchmark(size: Fraction) -> str:
    for limit, word in ((20, "less than small"), (50, "small to medium"), (80, "medium to large")):
        if size * 100 < limit:
            return word
    return "large"


def _draw_odds_ratio(rng: Random) -> dict[str, int]:
    m, n = rng.choice((40, 50, 80, 100, 200)), rng.choice((40, 50, 80, 100, 200))
    percent = rng.randrange(15, 41)
    return {"m": m, "a": m * (percent + rng.randrange(6, 31)) // 100, "n": n, "b": n * percent // 100}


def _odds_ratio(values: Values) -> Solution:
    a, m, b, n = (values[name] for name in "ambn")
    if not (0 < a < m and 0 < b < n):
        raise UnsolvableError("one of the odds is zero or without limit")
    ratio, gap = Fraction(a * (n - b), b * (m - a)), 100 * (Fraction(a, m) - Fraction(b, n))
    return Solution(
        steps=(
            f"In the first group the odds are {a} to {m} - {a} = {m - a}, {shown(Fraction(a, m - a))} as a number.",
            f"In the second group the odds are {b} to {n} - {b} = {n - b}, {shown(Fraction(b, n - b))} as a number.",
            (
                f"The odds ratio is {a} · {n - b} divided by {m - a} · {b}, that is, {a * (n - b)}/{b * (m - a)}"
                f"{equals(ratio)}."
            ),
            (
                f"As shares, the groups have {a}/{m}{equals(Fraction(a, m))} and {b}/{n}{equals(Fraction(b, n))}, "
                f"so the risk difference, first minus second, is {shown(gap)} percentage points."
            ),
        ),
        result=f"an odds ratio of {shown(ratio)} and a risk difference of {shown(gap)} percentage points",
        check=f"Multiplying the second odds, {b}/{n - b}, by {ratio} gives "
        f"{ratio * Fraction(b, n - b)}, and the first odds are {reduced(a, m - a)} as well.",
    )


FIGURES: Mapping[str, Problem] = {
    "median_score": Problem(ranges=dict.fromkeys("abcdefg", (1, 99_999)), draw=_draw_median_score, solve=_median_score),
    "weighted_mean": Problem(
        ranges=dict.fromkeys("mn", (1, 9999)) | dict.fromkeys("ab", (0, 9999)),
        draw=_draw_weighted_mean,
        solve=_weighted_mean,
    ),
    "standard_deviation": Problem(
        ranges=dict.fromkeys("abcde", (0, 9999)), draw=_draw_standard_deviation, solve=_standard_deviation
    ),
    "z_score": Problem(ranges={"m": (0, 9999), "s": (1, 999), "x": (0, 9999)}, draw=_draw_z_score, solve=_z_score),
    "binomial_hits": Problem(
        ranges={"n": (1, 14), "c": (2, 9), "k": (1, 14)}, draw=_draw_binomial_hits, solve=_binomial_hits
    ),
    "standard_error": Problem(
        ranges={"s": (1, 9999), "n": (4, 999_999)}, draw=_draw_standard_error, solve=_standard_error
    ),
    "confidence_interval": Problem(
        ranges={"n": (4, 999_999), "s": (1, 9999), "m": (0, 99_999)},
        draw=_draw_confidence_interval,
        solve=_confidence_interval,
    ),
    "cohens_d": Problem(
        ranges=dict.fromkeys("ab", (0, 9999)) | dict.fromkeys("st", (1, 999)), draw=_draw_cohens_d, solve=_cohens_d
    ),
    "odds_ratio": Problem(ranges=dict.fromkeys("mnab", (1, 9999)), draw=_draw_odds_ratio, solve=_odds_ratio),
}
