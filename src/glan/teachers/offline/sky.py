"""Problems on orbits, distances and light, with numbers that have exact solutions."""

from collections.abc import Mapping
from fractions import Fraction
from math import isqrt
from random import Random

from glan.teachers.offline.problems import Problem, Solution, UnsolvableError, Values, about, reduced, show_decimal

_LIGHT_YEARS = Fraction(32616, 10000)
"""Light-years in a parsec, to four decimals."""


def _draw_kepler(rng: Random) -> dict[str, int]:
    return {"a": rng.randrange(2, 21) ** 2}


def _kepler(values: Values) -> Solution:
    a = values["a"]
    root = isqrt(a)
    if root * root != a:
        raise UnsolvableError("the period is no whole number of years")
    return Solution(
        steps=(
            (
                "For bodies around the Sun, the square of the period in years equals the cube of the semi-major axis "
                "in astronomical units."
            ),
            f"The cube of {a} is {a} · {a} · {a} = {a**3}.",
            f"The period is its square root. As {a} = {root} · {root}, the root of {a}^3 is {root}^3 = {root**3}.",
            f"The Earth, at 1 astronomical unit, needs one year, so this orbit takes {root**3} times as long.",
        ),
        result=f"{root**3} years",
        check=f"{root**3}^2 = {root**6} and {a}^3 = {a**3} are the same number, as the law demands.",
    )


def _draw_parallax(rng: Random) -> dict[str, int]:
    return {"p": rng.choice((2, 4, 5, 8, 10, 16, 20, 25, 32, 40, 50, 64, 80, 100, 125, 160, 200, 250, 400, 500))}


def _parallax(values: Values) -> Solution:
    p = values["p"]
    parsecs = Fraction(1000, p)
    years = f"{float(parsecs * _LIGHT_YEARS):.{0 if parsecs > 30 else 1}f}"
    distance = show_decimal(parsecs)
    return Solution(
        steps=(
            f"A thousandth of an arcsecond is a milliarcsecond, so the parallax is {p}/1000 arcseconds.",
            (
                f"The distance in parsecs is one divided by the parallax in arcseconds: 1/({p}/1000) = "
                f"1000/{p} = {distance}."
            ),
            f"One parsec is about 3.26 light-years, so this is about {years} light-years.",
            (
                "An angle twice as large would belong to a star at half the distance, "
                f"{show_decimal(parsecs / 2)} parsecs."
            ),
        ),
        result=f"{distance} parsecs, or about {years} light-years",
        check=f"Turned round, a star at {distance} parsecs has a parallax of 1000/{distance} = {p} milliarcseconds.",
    )


def _draw_inverse_square(rng: Random) -> dict[str, int]:
    unit = rng.randrange(2, 30)
    near, far = rng.sample(range(1, 10), 2)
    return {"a": unit * near, "b": unit * far}


def _inverse_square(values: Values) -> Solution:
    a, b = values["a"], values["b"]
    near, far = min(a, b), max(a, b)
    ratio = Fraction(far, near)
    return Solution(
        steps=(
            "The light received from a source falls with the square of its distance.",
            f"The distances {far} and {near} are in the ratio {reduced(far, near)}.",
            f"The square of this ratio is {ratio * ratio}{about(ratio * ratio)}.",
            (
                f"At the distance {near} the light is therefore {ratio * ratio} times that at the distance {far}, "
                f"and at {far} it is {1 / (ratio * ratio)} of that at {near}."
            ),
        ),
        result=f"the factor between the two is {ratio * ratio}, in favour of the smaller distance",
        check=f"The same light passes through spheres of radius {near} and {far}, whose areas are in the ratio "
        f"{near * near} to {far * far}, and {far * far}/{near * near} is {ratio * ratio}.",
    )


def _draw_aperture(rng: Random) -> dict[str, int]:
    unit = rng.choice((10, 12, 15, 20, 25, 30, 40))
    small, large = sorted(rng.sample(range(2, 16), 2))
    return {"a": unit * small, "b": unit * large, "t": rng.choice((8, 12, 18, 20, 32, 36, 45, 50, 60, 72, 98, 100))}


def _aperture(values: Values) -> Solution:
    a, b = values["a"], values["b"]
    ratio = Fraction(b, a)
    square = ratio * ratio
    steps = [
        "The light collected grows with the area of the opening, and so with the square of its diameter.",
        f"The diameters are in the ratio {reduced(b, a)}.",
        f"The amounts of light are in the ratio of the squares of the diameters, {square}{about(square)}.",
    ]
    result = f"the opening of {b} millimetres gathers {square} times as much light as that of {a} millimetres"
    if "t" in values:
        time = values["t"] / square
        steps.append(
            f"For the same amount of light the time is divided by this number: {values['t']} minutes become "
            f"{time} minutes{about(time)}."
        )
        result += f", so that {time} minutes are enough"
    return Solution(
        steps=tuple(steps),
        result=result,
        check=f"The areas are proportional to {a}^2 = {a * a} and {b}^2 = {b * b}, "
        f"and {b * b}/{a * a} is {square} as well.",
    )


SKY: Mapping[str, Problem] = {
    "kepler": Problem(ranges={"a": (1, 9_999_999)}, draw=_draw_kepler, solve=_kepler),
    "parallax": Problem(ranges={"p": (1, 999_999)}, draw=_draw_parallax, solve=_parallax),
    "inverse_square": Problem(
        ranges=dict.fromkeys("ab", (1, 999_999)), draw=_draw_inverse_square, solve=_inverse_square
    ),
    "aperture": Problem(
        ranges=dict.fromkeys("ab", (1, 999_999)) | {"t": (1, 99_999)}, draw=_draw_aperture, solve=_aperture
    ),
}
