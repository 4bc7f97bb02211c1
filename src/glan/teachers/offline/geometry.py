"""Problems on points, lines and right triangles, solved exactly."""

from collections.abc import Mapping
from fractions import Fraction
from math import isqrt
from random import Random

from glan.teachers.offline.problems import (
    Problem,
    Solution,
    UnsolvableError,
    Values,
    about,
    bracketed,
    show_line,
    show_root,
)


def _draw_points(rng: Random) -> dict[str, int]:
    p, r = rng.sample(range(-12, 13), 2)
    q, s = rng.sample(range(-12, 13), 2)
    return {"p": p, "q": q, "r": r, "s": s}


def _slope(values: Values) -> Solution:
    p, q, r, s = (values[name] for name in "pqrs")
    if p == r:
        raise UnsolvableError("the line is vertical")
    slope = Fraction(s - q, r - p)
    intercept = q - slope * p
    return Solution(
        steps=(
            (
                f"From the first point to the second, x changes by {r} - {bracketed(p)} = {r - p} "
                f"and y by {s} - {bracketed(q)} = {s - q}."
            ),
            f"The slope is the quotient: {s - q} divided by {r - p} is {slope}.",
            (
                f"In y = {slope} · x + c the first point requires {q} = {slope} · {bracketed(p)} + c, "
                f"so c = {intercept}."
            ),
        ),
        result=f"the slope is {slope} and the line is {show_line(slope, intercept)}, "
        f"which crosses the vertical axis at {intercept}",
        check=f"The second point lies on it as well: {slope} · {bracketed(r)} and {intercept} add up "
        f"to {slope * r + intercept}.",
    )


def _draw_pythagoras(rng: Random) -> dict[str, int]:
    m = rng.randrange(2, 8)
    n = rng.randrange(1, m)
    scale = rng.randrange(1, 7)
    legs = [scale * (m * m - n * n), scale * 2 * m * n]
    rng.shuffle(legs)
    return {"a": legs[0], "b": legs[1]}


def _pythagoras(values: Values) -> Solution:
    a, b = values["a"], values["b"]
    square = a * a + b * b
    side = show_root(square)
    near = isqrt(square)
    return Solution(
        steps=(
            (
                f"The two known lengths, {a} and {b}, are the legs of a right triangle; the length sought is "
                "its hypotenuse c."
            ),
            f"By the Pythagorean theorem c^2 = {a}^2 + {b}^2 = {a * a} + {b * b} = {square}.",
            f"The root of {square} is {side}"
            + ("." if near * near == square else f", which lies between {near} and {near + 1}."),
        ),
        result=side,
        check=f"The result must be longer than the longer leg, {max(a, b)}, and shorter than both legs together, "
        f"{a + b}" + (f"; it is about {square**0.5:.1f}." if near * near != square else ", as it is."),
    )


def _distance(values: Values) -> Solution:
    p, q, r, s = (values[name] for name in "pqrs")
    across, up = abs(r - p), abs(s - q)
    square = across * across + up * up
    if square == 0:
        raise UnsolvableError("the points are the same")
    return Solution(
        steps=(
            f"The first coordinates differ by {across}, the second ones by {up}.",
            (
                f"These are the legs of a right triangle whose hypotenuse joins the points, "
                f"so the square of the distance is {across}^2 + {up}^2 = {across * across} + {up * up} = {square}."
            ),
            f"The distance is the root of {square}, which simplifies to {show_root(square)}.",
        ),
        result=f"{show_root(square)}, about {square**0.5:.2f}",
        check=f"It cannot be less than the larger difference, {max(across, up)}, nor more than {across + up}, "
        "the way along the axes.",
    )


def _draw_similar(rng: Random) -> dict[str, int]:
    return {"h": rng.randrange(80, 200), "s": rng.randrange(40, 260), "t": rng.randrange(300, 3000)}


def _similar(values: Values) -> Solution:
    h, s, t = (values[name] for name in "hst")
    height = Fraction(h * t, s)
    near = about(height, 1)
    return Solution(
        steps=(
            "The two triangles agree in their angles and are similar, so corresponding sides have the same ratio.",
            f"The bases are in the ratio {t} : {s}, which is the factor {Fraction(t, s)}.",
            f"The side that corresponds to {h} is {h} · {Fraction(t, s)} = {height}{near}.",
        ),
        result=f"{height}{near}, in the unit of the other lengths",
        check=f"The ratio of side to base is {Fraction(h, s)} in the small triangle and {height / t} in the large one.",
    )


_POINTS = {"p": (-999, 999), "q": (-999, 999), "r": (-999, 999), "s": (-999, 999)}

GEOMETRY: Mapping[str, Problem] = {
    "slope": Problem(ranges=_POINTS, draw=_draw_points, solve=_slope),
    "pythagoras": Problem(ranges=dict.fromkeys("ab", (1, 9999)), draw=_draw_pythagoras, solve=_pythagoras),
    "distance": Problem(ranges=_POINTS, draw=_draw_points, solve=_distance),
    "similar": Problem(ranges=dict.fromkeys("hst", (1, 99_999)), draw=_draw_similar, solve=_similar),
}
