"""Problems on fractions, equations, series and polynomials, solved exactly."""

from collections.abc import Mapping
from fractions import Fraction
from math import gcd, isqrt, lcm
from random import Random

from glan.teachers.offline.problems import (
    Problem,
    Solution,
    UnsolvableError,
    Values,
    about,
    bracketed,
    reduced,
    show_decimal,
    show_line,
    signed,
    term,
)


def _draw_add_fractions(rng: Random) -> dict[str, int]:
    b, d = rng.sample(range(2, 16), 2)
    a, c = (rng.choice([top for top in range(1, bottom) if gcd(top, bottom) == 1]) for bottom in (b, d))
    return {"a": a, "b": b, "c": c, "d": d}


def _add_fractions(values: Values) -> Solution:
    a, b, c, d = (values[name] for name in "abcd")
    common = lcm(b, d)
    left, right = a * common // b, c * common // d
    total = Fraction(a, b) + Fraction(c, d)
    divisor = gcd(left + right, common)
    return Solution(
        steps=(
            f"The least common multiple of the denominators {b} and {d} is {common}.",
            f"Written with this denominator, {a}/{b} = {left}/{common} and {c}/{d} = {right}/{common}.",
            f"The numerators add up to {left} + {right} = {left + right}, so the sum is {left + right}/{common}.",
            f"The greatest common divisor of {left + right} and {common} is {divisor}, "
            + ("so nothing can be cancelled." if divisor == 1 else f"and dividing by it gives {total}."),
        ),
        result=str(total),
        check=f"Taking {c}/{d} away from {total} leaves {total - Fraction(c, d)}, the first summand.",
    )


def _draw_proportion(rng: Random) -> dict[str, int]:
    a, c = rng.sample(range(3, 41), 2)
    return {"a": a, "b": rng.randrange(2, 61), "c": c}


def _proportion(values: Values) -> Solution:
    a, b, c = (values[name] for name in "abc")
    unit, total = Fraction(b, a), Fraction(b * c, a)
    return Solution(
        steps=(
            f"To {a} units belongs the value {b}, so one unit has the value {reduced(b, a)}.",
            f"To {c} units belongs {c} times as much: {c} · {unit} = {total}.",
            f"The ratio {unit} for one unit is the constant of the proportion.",
        ),
        result=f"{total}{about(total)}",
        check=f"The cross products agree: {a} · {total} = {a * total} and {c} · {b} = {c * b}.",
    )


def _draw_percent_change(rng: Random) -> dict[str, int]:
    return {"p": 100 * rng.randrange(2, 60), "r": rng.randrange(4, 41), "s": rng.randrange(4, 41)}


def _percent_change(values: Values) -> Solution:
    p, r, s = (values[name] for name in "prs")
    up, down = Fraction(100 + r, 100), Fraction(100 - s, 100)
    risen, final = p * up, p * up * down
    change = (up * down - 1) * 100
    word = (
        "no change" if change == 0 else f"{'a rise' if change > 0 else 'a fall'} of {show_decimal(abs(change))} percent"
    )
    return Solution(
        steps=(
            (
                f"A rise by {r} percent multiplies by {show_decimal(up)}: "
                f"{p} · {show_decimal(up)} = {show_decimal(risen)}."
            ),
            (
                f"A fall by {s} percent multiplies by {show_decimal(down)}: "
                f"{show_decimal(risen)} · {show_decimal(down)} = {show_decimal(final)}."
            ),
            f"Both factors together are {show_decimal(up * down)}, which means {word} overall.",
            (
                f"Adding the percentages would give {r - s}, which is wrong, as the second percentage refers to "
                f"{show_decimal(risen)} and not to {p}."
            ),
        ),
        result=f"{show_decimal(final)}, {word} compared with {p}",
        check=f"Dividing {show_decimal(final)} by the start {p} gives {show_decimal(final / p)} again.",
    )


def _draw_linear_equation(rng: Random) -> dict[str, int]:
    a, c = sorted(rng.sample(range(2, 20), 2))
    d, b = sorted(rng.sample(range(1, 60), 2))
    return {"a": a, "b": b, "c": c, "d": d}


def _linear_equation(values: Values) -> Solution:
    a, b, c, d = (values[name] for name in "abcd")
    if a == c:
        raise UnsolvableError("the unknown drops out")
    x = Fraction(d - b, a - c)
    return Solution(
        steps=(
            f"Let x be the unknown. Both sides are equal when {a}x + {b} = {c}x + {d}.",
            f"Subtracting {a}x on both sides leaves {b} = {term(c - a, 'x')} {signed(d)}.",
            f"Subtracting {d} on both sides leaves {b - d} = {term(c - a, 'x')}.",
            f"Dividing both sides by {c - a} gives x = {x}." if c - a != 1 else f"So x = {x} already stands there.",
        ),
        result=f"x = {x}",
        check=f"Put in, the left side is {a} · {x} + {b} = {a * x + b} and the right side is "
        f"{c} · {x} + {d} = {c * x + d}.",
    )


def _draw_system(rng: Random) -> dict[str, int]:
    while True:
        a, b, c, d = (rng.randrange(2, 10) for _ in range(4))
        if a * d != b * c:
            break
    x, y = rng.sample(range(2, 40), 2)
    return {"a": a, "b": b, "c": c, "d": d, "m": a * x + b * y, "n": c * x + d * y}


def _system(values: Values) -> Solution:
    a, b, c, d, m, n = (values[name] for name in "abcdmn")
    determinant = a * d - b * c
    if determinant == 0:
        raise UnsolvableError("the equations do not determine both unknowns")
    x, y = Fraction(m * d - b * n, determinant), Fraction(a * n - m * c, determinant)
    return Solution(
        steps=(
            f"With x for the first and y for the second unknown: {a}x + {b}y = {m} and {c}x + {d}y = {n}.",
            (
                f"To eliminate y, multiply the first equation by {d} and the second by {b}: "
                f"{a * d}x + {b * d}y = {m * d} and {b * c}x + {b * d}y = {n * b}."
            ),
            f"Subtracting leaves {term(determinant, 'x')} = {m * d - n * b}, so x = {x}.",
            f"The first equation then says {b}y = {m} - {a} · {x} = {m - a * x}, so y = {y}.",
        ),
        result=f"x = {x} and y = {y}",
        check=f"In the second equation {c} · {x} + {d} · {y} = {c * x + d * y}, as required.",
    )


def _draw_inequality(rng: Random) -> dict[str, int]:
    a = rng.randrange(40, 400)
    return {"a": a, "b": rng.randrange(2, 20), "c": rng.randrange(5, a - 10)}


def _inequality(values: Values) -> Solution:
    a, b, c = (values[name] for name in "abc")
    x = Fraction(a - c, b)
    beyond = x.numerator // x.denominator + 1
    return Solution(
        steps=(
            f"If x stands for the unknown, the condition is {a} - {b}x < {c}.",
            f"Subtracting {a} on both sides gives -{b}x < {c - a}.",
            f"Dividing by -{b} reverses the sign: x > {x}.",
            f"At x = {x} itself both sides are equal, so this value does not belong to the solution.",
        ),
        result=f"the condition holds for all x greater than {x}",
        check=f"For x = {beyond}, a value beyond the border, the left side is {a - b * beyond}, "
        f"which is indeed less than {c}.",
    )


def _draw_arithmetic_series(rng: Random) -> dict[str, int]:
    return {"a": rng.randrange(3, 60), "d": rng.randrange(2, 12), "n": rng.randrange(6, 40)}


def _arithmetic_series(values: Values) -> Solution:
    a, d, n = (values[name] for name in "adn")
    last = a + (n - 1) * d
    total = n * (a + last) // 2
    return Solution(
        steps=(
            f"The terms form an arithmetic sequence with first term {a} and common difference {d}.",
            (
                f"From the first to the last of {n} terms there are {n - 1} steps, "
                f"so the last term is {a} + {n - 1} · {d} = {last}."
            ),
            f"First and last term together make {a} + {last} = {a + last}, and so does each pair taken from both ends.",
            f"The sum is {n} times the average: {n} · {a + last}/2 = {total}.",
        ),
        result=str(total),
        check=f"Counted otherwise: {n} times the first term is {n * a}, and the increases add {d} · (1 + "
        f"... + {n - 1}) "
        f"= {d * n * (n - 1) // 2}, which makes {total} again.",
    )


def _draw_geometric_series(rng: Random) -> dict[str, int]:
    return {"a": rng.randrange(2, 30), "r": rng.randrange(2, 6), "n": rng.randrange(4, 9)}


def _geometric_series(values: Values) -> Solution:
    a, r, n = (values[name] for name in "arn")
    total = a * (r**n - 1) // (r - 1)
    last = a * r ** (n - 1)
    return Solution(
        steps=(
            f"The terms form a geometric sequence with first term {a}, ratio {r} and {n} terms; the last is {last}.",
            (
                f"For the sum S, multiplying by {r} shifts every term to the next one, so {r} · S - S leaves only "
                f"the term after the last minus the first: {a * r**n} - {a} = {a * r**n - a}."
            ),
            f"Hence {term(r - 1, 'S')} = {a * r**n - a}, and the sum is {total}.",
        ),
        result=str(total),
        check=f"Adding the terms one by one gives {' + '.join(str(a * r**i) for i in range(n))} = {total}."
        if n <= 8
        else f"Without its last term {last} the sum is {total - last}, and {r} · {total - last} + {a} = {total} again.",
    )


def _draw_geometric_limit(rng: Random) -> dict[str, int]:
    q = rng.randrange(2, 10)
    p = rng.choice([k for k in range(1, q) if gcd(k, q) == 1])
    return {"a": rng.randrange(5, 200), "p": p, "q": q}


def _geometric_limit(values: Values) -> Solution:
    a, p, q = (values[name] for name in "apq")
    ratio = Fraction(p, q)
    if ratio >= 1:
        raise UnsolvableError("the series does not converge")
    total = a / (1 - ratio)
    partial = sum((a * ratio**i for i in range(4)), Fraction(0))
    return Solution(
        steps=(
            f"The amounts form a geometric series with first term {a} and ratio {p}/{q}.",
            f"The ratio lies strictly between -1 and 1, so the series converges, and its sum is {a}/(1 - {p}/{q}).",
            f"The denominator is 1 - {p}/{q} = {1 - ratio}, and {a} divided by {1 - ratio} is {total}.",
        ),
        result=str(total),
        check=f"The first four terms already add up to {partial}{about(partial)}, "
        f"and the rest, {total - partial}, is exactly ({p}/{q})^4 times the whole sum.",
    )


def _draw_quadratic(rng: Random) -> dict[str, int]:
    u, v = rng.sample(range(2, 40), 2)
    return {"s": u + v, "p": u * v}


def _quadratic(values: Values) -> Solution:
    s, p = values["s"], values["p"]
    discriminant = s * s - 4 * p
    root = isqrt(max(discriminant, 0))
    if discriminant < 0 or root * root != discriminant or (s - root) % 2:
        raise UnsolvableError("the zeros are not whole numbers")
    u, v = (s - root) // 2, (s + root) // 2
    return Solution(
        steps=(
            f"Two numbers with sum {s} and product {p} are the zeros of x^2 - {s}x + {p}.",
            (
                f"If they are {s}/2 - t and {s}/2 + t, their product is ({s}/2)^2 - t^2 = {p}, "
                f"so (2t)^2 = {s}^2 - 4 · {p} = {discriminant} and 2t = {root}."
            ),
            f"The numbers are ({s} - {root})/2 = {u} and ({s} + {root})/2 = {v}.",
            f"Hence x^2 - {s}x + {p} = (x - {u})(x - {v}), and a product is zero only if one of its factors is.",
        ),
        result=f"{u} and {v}",
        check=f"Their sum is {u} + {v} = {u + v}, and their product is {u} · {v} = {u * v}.",
    )


def _draw_derivative(rng: Random) -> dict[str, int]:
    return {
        "a": rng.randrange(2, 9),
        "b": rng.randrange(2, 20),
        "c": rng.randrange(2, 30),
        "k": rng.randrange(1, 7),
    }


def _derivative(values: Values) -> Solution:
    a, b, c, k = (values[name] for name in "abck")
    slope = 3 * a * k * k - 2 * b * k + c
    direction = "grows" if slope > 0 else "falls" if slope < 0 else "neither grows nor falls"
    step = Fraction(1, 1000)
    near = [a * (k + h) ** 3 - b * (k + h) ** 2 + c * (k + h) for h in (-step, step)]
    return Solution(
        steps=(
            (
                f"Each term is differentiated by itself: {a}x^3 gives {3 * a}x^2, {b}x^2 gives {2 * b}x, and "
                f"{c}x gives {c}."
            ),
            f"With the signs of the terms the derivative is {3 * a}x^2 - {2 * b}x + {c}.",
            (
                f"At x = {k} it is {3 * a} · {k * k} - {2 * b} · {k} + {c} = {3 * a * k * k} - {2 * b * k} + "
                f"{c} = {slope}."
            ),
            f"The quantity {direction} at this moment.",
        ),
        result=f"the derivative is {3 * a}x^2 - {2 * b}x + {c}, and its value at x = {k} is {slope}",
        check=f"The average rate of change between {k} - 0.001 and {k} + 0.001 is "
        f"{float((near[1] - near[0]) / (2 * step)):.6f}, very close to {slope}.",
    )


def _draw_tangent(rng: Random) -> dict[str, int]:
    return {
        "a": rng.randrange(2, 7),
        "b": rng.randrange(2, 15),
        "c": rng.randrange(2, 30),
        "k": rng.randrange(1, 7),
    }


def _tangent(values: Values) -> Solution:
    a, b, c, k = (values[name] for name in "abck")
    height, slope = a * k * k - b * k + c, 2 * a * k - b
    line = show_line(Fraction(slope), Fraction(height - slope * k))
    return Solution(
        steps=(
            f"The value at x = {k} is {a} · {k * k} - {b} · {k} + {c} = {height}.",
            f"The derivative is {2 * a}x - {b}, so the slope at x = {k} is {2 * a} · {k} - {b} = {slope}.",
            f"The line through ({k}, {height}) with slope {slope} is y = {height} + {bracketed(slope)} · (x - {k}).",
            f"Multiplied out, this is {line}.",
        ),
        result=line,
        check=f"The difference between curve and line is {a}(x - {k})^2, "
        f"which is zero at x = {k} only: they touch there and do not cross.",
    )


_SMALL = (1, 999)

ALGEBRA: Mapping[str, Problem] = {
    "add_fractions": Problem(ranges=dict.fromkeys("abcd", _SMALL), draw=_draw_add_fractions, solve=_add_fractions),
    "proportion": Problem(ranges=dict.fromkeys("abc", (1, 99_999)), draw=_draw_proportion, solve=_proportion),
    "percent_change": Problem(
        ranges={"p": (1, 9_999_999), "r": (0, 1000), "s": (0, 99)}, draw=_draw_percent_change, solve=_percent_change
    ),
    "linear_equation": Problem(
        ranges=dict.fromkeys("abcd", _SMALL), draw=_draw_linear_equation, solve=_linear_equation
    ),
    "system": Problem(
        ranges=dict.fromkeys("abcd", _SMALL) | dict.fromkeys("mn", (0, 999_999)), draw=_draw_system, solve=_system
    ),
    "inequality": Problem(ranges=dict.fromkeys("abc", (1, 99_999)), draw=_draw_inequality, solve=_inequality),
    "arithmetic_series": Problem(
        ranges={"a": (0, 9999), "d": _SMALL, "n": (2, 9999)}, draw=_draw_arithmetic_series, solve=_arithmetic_series
    ),
    "geometric_series": Problem(
        ranges={"a": (1, 9999), "r": (2, 20), "n": (2, 20)}, draw=_draw_geometric_series, solve=_geometric_series
    ),
    "geometric_limit": Problem(
        ranges={"a": (1, 9999), "p": _SMALL, "q": _SMALL}, draw=_draw_geometric_limit, solve=_geometric_limit
    ),
    "quadratic": Problem(ranges={"s": _SMALL, "p": (1, 999_999)}, draw=_draw_quadratic, solve=_quadratic),
    "derivative": Problem(ranges=dict.fromkeys("abck", _SMALL), draw=_draw_derivative, solve=_derivative),
    "tangent": Problem(ranges=dict.fromkeys("abck", _SMALL), draw=_draw_tangent, solve=_tangent),
}
