"""Problems on the motion of robots and the pace of their cells, with units and exact results."""

from collections.abc import Mapping
from fractions import Fraction
from random import Random

from glan.teachers.offline.problems import Problem, Solution, UnsolvableError, Values, show_decimal


def amount(number: Fraction, decimals: int = 2) -> str:
    """Return a number in decimals, after `about` where it had to be rounded."""
    rounded = Fraction(round(number, decimals))
    return show_decimal(number) if rounded == number else f"about {show_decimal(rounded)}"


def equals(number: Fraction, decimals: int = 2) -> str:
    """Return a number in decimals after a sign that says whether it had to be rounded: `= 1.25`, `≈ 0.33`."""
    rounded = Fraction(round(number, decimals))
    return f"{'=' if rounded == number else '≈'} {show_decimal(rounded)}"


def _draw_axis_run(rng: Random) -> dict[str, int]:
    a = rng.randrange(2, 16)
    return {"a": a, "t": 100 * rng.randrange(2, 45 // a + 1)}


def _axis_run(values: Values) -> Solution:
    a, t = values["a"], values["t"]
    seconds = Fraction(t, 1000)
    speed, way = a * seconds, a * seconds * seconds / 2
    return Solution(
        steps=(
            f"The time is {t} ms = {show_decimal(seconds)} s.",
            (
                f"From rest, the speed is acceleration times time: {a} · {show_decimal(seconds)} = "
                f"{show_decimal(speed)} m/s."
            ),
            (
                "The speed grows evenly from 0, so its mean over this time is half of the final value, "
                f"{show_decimal(speed / 2)} m/s."
            ),
            (
                f"The distance is mean speed times time: {show_decimal(speed / 2)} · {show_decimal(seconds)} = "
                f"{show_decimal(way)} m, or {show_decimal(1000 * way)} mm."
            ),
        ),
        result=f"{show_decimal(speed)} m/s, reached over {show_decimal(1000 * way)} mm",
        check=f"The square of the speed must equal twice the acceleration times the distance: "
        f"{show_decimal(speed)}^2 and 2 · {a} · {show_decimal(way)} both give {show_decimal(speed * speed)}.",
    )


def _draw_stopping_distance(rng: Random) -> dict[str, int]:
    return {
        "v": 100 * rng.randrange(4, 25),
        "t": rng.choice((50, 80, 100, 120, 150, 200, 250, 300)),
        "a": rng.choice((400, 500, 800, 1000, 1250, 1600, 2000, 2500)),
    }


def _stopping_distance(values: Values) -> Solution:
    v, t, a = (values[name] for name in "vta")
    reaction, braking = Fraction(v * t, 1000), Fraction(v * v, 2 * a)
    time = Fraction(v, a)
    return Solution(
        steps=(
            (
                f"Until the brakes act, the speed stays at {v} mm/s, so the reaction time of {t} "
                f"ms costs {v} · {t}/1000 = {show_decimal(reaction)} mm."
            ),
            (
                "While braking evenly, the distance is the square of the speed divided by twice the deceleration: "
                f"{v}^2/(2 · {a}) = {v * v}/{2 * a} {equals(braking, 3)} mm."
            ),
            f"Together this makes {amount(reaction + braking, 3)} mm.",
            (
                "At twice the speed the first part would double, but the second would be four times as long, "
                f"{amount(4 * braking, 3)} mm."
            ),
        ),
        result=f"{amount(reaction + braking, 3)} mm",
        check=f"Braking takes {v}/{a} {equals(time, 3)} s at a mean speed of {show_decimal(Fraction(v, 2))} "
        f"mm/s, which again makes {amount(time * v / 2, 3)} mm for the second part.",
    )


def _draw_trapezoid_move(rng: Random) -> dict[str, int]:
    v = 100 * rng.randrange(2, 16)
    ramp, cruise = rng.choice((100, 200, 250, 400, 500)), 50 * rng.randrange(4, 40)
    return {"s": v * (ramp + cruise) // 1000, "v": v, "a": v * 1000 // ramp}


def _trapezoid_move(values: Values) -> Solution:
    s, v, a = (values[name] for name in "sva")
    ramp, ramps = Fraction(v, a), Fraction(v * v, a)
    if ramps > s:
        raise UnsolvableError("the top speed is never reached")
    cruise = (s - ramps) / v
    total = 2 * ramp + cruise
    return Solution(
        steps=(
            f"Speeding up to {v} mm/s takes {v}/{a} {equals(ramp, 3)} s.",
            (
                f"On this ramp the mean speed is half of {v}, so it covers {amount(ramps / 2, 3)} mm, "
                f"and both ramps together cover {amount(ramps, 3)} mm."
            ),
            (
                f"There remain {s} - {show_decimal(ramps)} = {show_decimal(s - ramps)} mm at full speed, "
                f"which take {amount(cruise, 3)} s."
            ),
            f"Two ramps and the stretch between them take {amount(total, 3)} s.",
        ),
        result=f"{amount(total, 3)} s",
        check=f"At full speed all the way, {s} mm would take {s}/{v} {equals(Fraction(s, v), 3)} s; "
        f"the two ramps at half speed add the time of one ramp, and the sum is {amount(total, 3)} s again.",
    )


def _draw_cell_output(rng: Random) -> dict[str, int]:
    a, b, c = rng.sample(range(12, 80), 3)
    return {"a": a, "b": b, "c": c, "h": rng.choice((6, 7, 8, 10, 12, 16))}


def _cell_output(values: Values) -> Solution:
    a, b, c, h = (values[name] for name in "abch")
    slowest, total = max(a, b, c), 3600 * h
    parts, rest = divmod(total, slowest)
    return Solution(
        steps=(
            "Each part visits all three stations, but the stations work on different parts at the same time.",
            (
                f"Of {a}, {b} and {c} seconds the longest is {slowest} seconds. Once the line is full, a part leaves "
                "whenever the slowest station has finished one, however fast the others are."
            ),
            f"{h} hours are {h} · 3600 = {total} seconds.",
            (
                f"Divided by {slowest} seconds this makes {parts} full cycles"
                f"{f' and leaves a remainder of {rest}' if rest else ' exactly'}."
            ),
        ),
        result=f"one part every {slowest} seconds, so {parts} parts in {h} hours",
        check=f"{parts} cycles take {parts * slowest} seconds, while one more would need {(parts + 1) * slowest} "
        f"seconds, which is more than {total}.",
    )


def _draw_light_curtain(rng: Random) -> dict[str, int]:
    return {
        "k": rng.choice((1600, 2000)),
        "r": rng.randrange(12, 61),
        "s": 10 * rng.randrange(12, 60),
        "c": rng.choice((16, 48, 64, 80, 96, 112, 128)),
    }


def _light_curtain(values: Values) -> Solution:
    k, r, s, c = (values[name] for name in "krsc")
    way = Fraction(k * (r + s), 1000)
    return Solution(
        steps=(
            f"From the broken beam to the standstill pass {r} + {s} = {r + s} ms.",
            (f"In this time a hand that moves at {k} mm/s advances by {k} · {r + s}/1000 = {show_decimal(way)} mm."),
            f"The supplement is added: {show_decimal(way)} + {c} = {show_decimal(way + c)} mm.",
            (
                f"Every further 10 ms of stopping time would move the curtain out by another "
                f"{show_decimal(Fraction(k, 100))} mm."
            ),
        ),
        result=f"{show_decimal(way + c)} mm",
        check=f"Without the supplement of {c} mm, {show_decimal(way)} mm remain, and a hand needs "
        f"{show_decimal(way)}/{k} s for them, that is, the {r + s} ms of the stop.",
    )


MOTION: Mapping[str, Problem] = {
    "axis_run": Problem(ranges={"a": (1, 100), "t": (1, 60_000)}, draw=_draw_axis_run, solve=_axis_run),
    "stopping_distance": Problem(
        ranges={"v": (1, 20_000), "t": (0, 60_000), "a": (1, 99_999)},
        draw=_draw_stopping_distance,
        solve=_stopping_distance,
    ),
    "trapezoid_move": Problem(
        ranges={"s": (1, 999_999), "v": (1, 20_000), "a": (1, 99_999)},
        draw=_draw_trapezoid_move,
        solve=_trapezoid_move,
    ),
    "cell_output": Problem(
        ranges=dict.fromkeys("abc", (1, 3600)) | {"h": (2, 24)}, draw=_draw_cell_output, solve=_cell_output
    ),
    "light_curtain": Problem(
        ranges={"k": (1, 9999), "r": (0, 9999), "s": (0, 9999), "c": (0, 9999)},
        draw=_draw_light_curtain,
        solve=_light_curtain,
    ),
}
