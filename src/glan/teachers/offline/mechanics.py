"""Problems on the forces, drives, arms and grippers of robots, with units and results as exact as the numbers allow."""

from collections.abc import Mapping
from fractions import Fraction
from math import hypot, isqrt
from random import Random

from glan.teachers.offline.motion import MOTION, amount, equals
from glan.teachers.offline.problems import Problem, Solution, UnsolvableError, Values, reduced, show_decimal

_GRAVITY = Fraction(98, 10)
"""In metres per second squared, as all stories have it."""
_QUARTER_PI = Fraction(31416, 40000)
_DIRECTIONS: Mapping[int, tuple[int, int]] = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}
_TRIPLES = ((3, 4, 5), (5, 12, 13), (8, 15, 17), (7, 24, 25), (20, 21, 29))


def _draw_load_torque(rng: Random) -> dict[str, int]:
    r = 50 * rng.randrange(8, 31)
    return {"m": rng.randrange(2, 25), "r": r, "k": rng.randrange(5, 40), "c": r // 50 * rng.randrange(20, 31)}


def _load_torque(values: Values) -> Solution:
    m, r, k, c = (values[name] for name in "mrkc")
    load, link = _GRAVITY * m * r / 1000, _GRAVITY * k * c / 1000
    return Solution(
        steps=(
            "The arm is level, so each weight acts at right angles to it, and its torque is force times distance.",
            (
                f"The load weighs {m} · 9.8 = {show_decimal(_GRAVITY * m)} N and acts at {r} mm: "
                f"{show_decimal(_GRAVITY * m)} · {r}/1000 = {show_decimal(load)} Nm."
            ),
            (
                f"The arm weighs {k} · 9.8 = {show_decimal(_GRAVITY * k)} N and acts at {c} mm: "
                f"{show_decimal(_GRAVITY * k)} · {c}/1000 = {show_decimal(link)} Nm."
            ),
            f"Both turn the joint the same way, so they add up to {show_decimal(load + link)} Nm.",
        ),
        result=f"{show_decimal(load + link)} Nm",
        check=f"Summed before gravity enters, {m} · {r} + {k} · {c} = {m * r + k * c} kg mm, "
        f"and {m * r + k * c} · 9.8/1000 is {show_decimal(load + link)} again.",
    )


def _draw_lifting_force(rng: Random) -> dict[str, int]:
    return {"m": rng.randrange(2, 60), "a": rng.randrange(1, 8)}


def _lifting_force(values: Values) -> Solution:
    m, a = values["m"], values["a"]
    rest, extra = show_decimal(m * _GRAVITY), m * a
    more, less = (show_decimal(m * (_GRAVITY + sign * a)) for sign in (1, -1))
    return Solution(
        steps=(
            f"The weight of the load is {m} · 9.8 = {rest} N.",
            (
                "By Newton's second law the net force, the grip's pull minus the weight, is mass times acceleration: "
                f"{m} · {a} = {extra} N."
            ),
            f"Speeding up on the way up, the pull exceeds the weight by this: {rest} + {extra} = {more} N.",
            f"At constant speed the net force is zero, so the pull is {rest} N.",
            f"Slowing down on the way up, the pull is smaller than the weight: {rest} - {extra} = {less} N.",
        ),
        result=f"{more} N while speeding up, {rest} N at constant speed and {less} N while slowing down",
        check=f"The load feels as if gravity were {show_decimal(_GRAVITY + a)} m/s² at first and "
        f"{show_decimal(_GRAVITY - a)} m/s² at the end; {m} kg times these gives {more} N and {less} N.",
    )


def _draw_gear_reduction(rng: Random) -> dict[str, int]:
    z, ratio = rng.randrange(12, 31), rng.choice((2, 3, 4, 5, 6))
    return {
        "z": z,
        "w": z * ratio,
        "n": ratio * rng.randrange(60, 600),
        "q": rng.randrange(2, 40),
        "e": rng.randrange(85, 99),
    }


def _gear_reduction(values: Values) -> Solution:
    z, w, n, q, e = (values[name] for name in "zwnqe")
    if w <= z:
        raise UnsolvableError("the gears do not reduce the speed")
    ratio = Fraction(w, z)
    speed, ideal = n / ratio, q * ratio
    torque = ideal * e / 100
    return Solution(
        steps=(
            f"In a full turn the wheel takes up {w} teeth and the pinion {z}, so the ratio is {reduced(w, z)}.",
            f"The output turns more slowly by this factor: {amount(speed)} revolutions per minute instead of {n}.",
            f"Without losses the torque would grow by the same factor, from {q} to {amount(ideal)} Nm.",
            f"With an efficiency of {e} percent there remain {amount(torque)} Nm.",
        ),
        result=f"{amount(speed)} revolutions per minute and {amount(torque)} Nm",
        check=f"Power is proportional to speed times torque: this product is {n * q} before the gears and "
        f"{amount(speed * torque)} behind them, which is {e} percent, as it must be.",
    )


def _draw_planar_arm(rng: Random) -> dict[str, int]:
    a, b, c = (10 * rng.randrange(low, high) for low, high in ((30, 70), (20, 50), (8, 25)))
    return {
        "a": a,
        "b": b,
        "c": c,
        "p": rng.choice((0, 90, 180)),
        "q": rng.choice((90, 270)),
        "r": rng.choice((0, 90, 270)),
    }


def _planar_arm(values: Values) -> Solution:
    x = y = turned = 0
    steps = ["Directions are counted from the x axis, anticlockwise, and each joint adds its angle to those before it."]
    for place, link, joint in (("first", "a", "p"), ("second", "b", "q"), ("third", "c", "r")):
        turned = (turned + values[joint]) % 360
        if turned not in _DIRECTIONS:
            raise UnsolvableError("a link is not parallel to an axis")
        right, up = _DIRECTIONS[turned]
        x, y = x + right * values[link], y + up * values[link]
        steps.append(
            f"The {place} link points to {turned} degrees and has {values[link]} mm: its end is at ({x}, {y})."
        )
    length = values["a"] + values["b"] + values["c"]
    return Solution(
        steps=tuple(steps),
        result=f"x = {x} mm and y = {y} mm",
        check=f"The tool is {hypot(x, y):.1f} mm away from the base, and no pose could bring it farther away "
        f"than the {length} mm of the stretched arm.",
    )


def _draw_arm_reach(rng: Random) -> dict[str, int]:
    short, long, hypotenuse = rng.choice(_TRIPLES)
    unit = rng.randrange(200, 1000) // hypotenuse
    x, y = rng.sample((short * unit, long * unit), 2)
    return {"a": 10 * rng.randrange(30, 60), "b": 10 * rng.randrange(12, 45), "x": x, "y": y}


def _arm_reach(values: Values) -> Solution:
    a, b, x, y = (values[name] for name in "abxy")
    square = x * x + y * y
    d = isqrt(square)
    if d * d != square:
        raise UnsolvableError("the distance is no whole number")
    least, most = abs(a - b), a + b
    if least <= d <= most:
        result = f"within reach, because {d} mm lie between {least} and {most} mm"
        verdict = "and indeed none of them exceeds the sum of the other two"
    else:
        limit = f"more than {most}" if d > most else f"less than {least}"
        result = f"out of reach, because {d} mm are {limit} mm"
        verdict = f"but {max(a, b, d)} exceeds the sum of the other two"
    return Solution(
        steps=(
            f"The distance of the point from the base is the root of {x}^2 + {y}^2 = {square}, which is {d}.",
            f"Stretched out, the arm reaches {a} + {b} = {most} mm.",
            (
                f"Folded back on itself, it still reaches {least} mm, the difference of the links; "
                "nearer points cannot be touched."
            ),
            f"The point at {d} mm is {result.split(',')[0]}.",
        ),
        result=result,
        check=f"Both links and the line from base to point must form a triangle with sides {a}, {b} and {d}, "
        f"if only a flat one, {verdict}.",
    )


def _draw_friction_grip(rng: Random) -> dict[str, int]:
    return {"m": rng.randrange(1, 21), "u": rng.choice((2, 4, 5, 8)), "s": rng.choice((2, 3)), "a": rng.randrange(1, 9)}


def _friction_grip(values: Values) -> Solution:
    m, u, s, a = (values[name] for name in "musa")
    pull = m * (_GRAVITY + a)
    force = s * pull / (2 * Fraction(u, 10))
    return Solution(
        steps=(
            (f"While the load is accelerated upwards, friction must carry {m} · (9.8 + {a}) = {show_decimal(pull)} N."),
            (
                f"With the safety factor {s} it should be able to carry {s} · {show_decimal(pull)} = "
                f"{show_decimal(s * pull)} N."
            ),
            f"Each of the two jaws contributes 0.{u} times the force with which it presses.",
            (
                f"So each jaw presses with {show_decimal(s * pull)}/(2 · 0.{u}) = "
                f"{show_decimal(s * pull)}/{show_decimal(Fraction(2 * u, 10))} {equals(force, 4)} N."
            ),
        ),
        result=f"{amount(force, 4)} N at each jaw",
        check=f"Two jaws with this force hold up to 2 · 0.{u} times it, that is {show_decimal(s * pull)} N, "
        f"which is {s} times the {show_decimal(pull)} N that are needed.",
    )


def _draw_cylinder_force(rng: Random) -> dict[str, int]:
    bore = rng.choice((25, 32, 40, 50, 63, 80, 100))
    return {
        "p": rng.randrange(3, 11),
        "b": bore,
        "d": rng.choice([d for d in (8, 10, 12, 16, 20, 25) if 2 * d <= bore]),
    }


def _cylinder_force(values: Values) -> Solution:
    p, b, d = (values[name] for name in "pbd")
    if d >= b:
        raise UnsolvableError("the rod does not fit into the cylinder")
    out, back = (Fraction(round(_QUARTER_PI * square, 1)) for square in (b * b, b * b - d * d))
    push, pull = (round(area * p / 10) for area in (out, back))
    share = Fraction(100 * (b * b - d * d), b * b)
    return Solution(
        steps=(
            f"A pressure of {p} bar is {show_decimal(Fraction(p, 10))} N/mm².",
            (
                f"The piston has an area of π/4 · {b}^2, about {show_decimal(out)} mm²; times the "
                f"pressure, the push is about {push} N."
            ),
            (
                f"On the way back the rod covers a part: π/4 · ({b}^2 - {d}^2) is about {show_decimal(back)} "
                f"mm², so the pull is about {pull} N."
            ),
            "Friction and back pressure, which are left out here, make both forces somewhat smaller.",
        ),
        result=f"about {push} N when pushing and about {pull} N when pulling",
        check=f"The rod leaves ({b * b} - {d * d})/{b * b} of the area, {amount(share, 1)} percent, and {pull} is the "
        f"same share of {push}, apart from rounding.",
    )


def _draw_centre_of_mass(rng: Random) -> dict[str, int]:
    while True:
        a, b, c = (rng.randrange(1, 13) for _ in range(3))
        x, y, z = sorted(10 * rng.randrange(2, 60) for _ in range(3))
        if x < y < z and (a * x + b * y + c * z) % (a + b + c) == 0:
            return {"a": a, "x": x, "b": b, "y": y, "c": c, "z": z}


def _centre_of_mass(values: Values) -> Solution:
    pairs = [(values[mass], values[place]) for mass, place in ("ax", "by", "cz")]
    mass, moment = sum(m for m, _ in pairs), sum(m * place for m, place in pairs)
    centre = Fraction(moment, mass)
    products = " + ".join(f"{m} · {place}" for m, place in pairs)
    return Solution(
        steps=(
            f"The total mass is {' + '.join(str(m) for m, _ in pairs)} = {mass} kg.",
            f"Each mass is weighted with its distance: {products} = {moment} kg mm.",
            f"The centre of mass lies at the quotient, {moment}/{mass} {equals(centre)} mm.",
            "Gravity pulls at a robot that holds the three parts as if all of their mass were at this distance.",
        ),
        result=f"{amount(centre)} mm",
        check=f"The whole mass at this point has the moment {mass} · {centre} = {moment} kg mm, "
        "as much as the three parts together.",
    )


def _draw_lifting_power(rng: Random) -> dict[str, int]:
    return {
        "m": 5 * rng.randrange(2, 30),
        "h": 200 * rng.randrange(2, 13),
        "t": rng.choice((2, 4, 5)),
        "e": rng.choice((50, 64, 70, 75, 80)),
    }


def _lifting_power(values: Values) -> Solution:
    m, h, t, e = (values[name] for name in "mhte")
    work = _GRAVITY * m * h / 1000
    power = work / t
    drawn = power * 100 / e
    return Solution(
        steps=(
            (
                f"The work on the load is weight times height: {m} · 9.8 · {show_decimal(Fraction(h, 1000))} = "
                f"{show_decimal(work)} J."
            ),
            f"Done in {t} s, this is a mean power of {show_decimal(work)}/{t} {equals(power)} W.",
            f"Only {e} percent of the input arrives at the load, so the input is divided by {e}/100.",
            f"The drive therefore takes {amount(drawn)} W while it lifts.",
        ),
        result=f"{show_decimal(work)} J of work, {amount(power)} W at the load and {amount(drawn)} W "
        "drawn by the drive",
        check=f"In {t} s the drive takes up {amount(drawn * t)} J, and {e} percent of it are the "
        f"{show_decimal(work)} J of the load.",
    )


MECHANICS: Mapping[str, Problem] = {
    **MOTION,
    "load_torque": Problem(
        ranges=dict.fromkeys("mk", (0, 999)) | dict.fromkeys("rc", (0, 9999)),
        draw=_draw_load_torque,
        solve=_load_torque,
    ),
    "lifting_force": Problem(ranges={"m": (1, 9999), "a": (1, 9)}, draw=_draw_lifting_force, solve=_lifting_force),
    "gear_reduction": Problem(
        ranges=dict.fromkeys("zwnq", (1, 9999)) | {"e": (1, 100)}, draw=_draw_gear_reduction, solve=_gear_reduction
    ),
    "planar_arm": Problem(
        ranges=dict.fromkeys("abc", (0, 9999)) | dict.fromkeys("pqr", (0, 359)),
        draw=_draw_planar_arm,
        solve=_planar_arm,
    ),
    "arm_reach": Problem(ranges=dict.fromkeys("abxy", (1, 9999)), draw=_draw_arm_reach, solve=_arm_reach),
    "friction_grip": Problem(
        ranges={"m": (1, 999), "u": (1, 9), "s": (1, 9), "a": (0, 99)}, draw=_draw_friction_grip, solve=_friction_grip
    ),
    "cylinder_force": Problem(
        ranges={"p": (1, 20), "b": (2, 320), "d": (1, 200)}, draw=_draw_cylinder_force, solve=_cylinder_force
    ),
    "centre_of_mass": Problem(
        ranges=dict.fromkeys("abc", (1, 999)) | dict.fromkeys("xyz", (0, 9999)),
        draw=_draw_centre_of_mass,
        solve=_centre_of_mass,
    ),
    "lifting_power": Problem(
        ranges={"m": (1, 9999), "h": (1, 99_999), "t": (1, 3600), "e": (1, 100)},
        draw=_draw_lifting_power,
        solve=_lifting_power,
    ),
}
