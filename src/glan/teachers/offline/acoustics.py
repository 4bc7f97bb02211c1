"""Problems on sound waves, strings, pipes and rooms, solved from the lengths, speeds and levels that are given."""

from collections.abc import Mapping
from fractions import Fraction
from math import isqrt, log10
from random import Random

from glan.teachers.offline.problems import Problem, Solution, UnsolvableError, Values, reduced, show_decimal

_SPEEDS = (330, 332, 335, 338, 340, 342, 343, 344, 345, 346, 348, 350)
"""Speeds of sound in air between frost and a hot summer day, in metres per second."""
_SABINE = Fraction(16, 100)
"""Sabine's factor in seconds per metre."""


def size(number: Fraction) -> str:
    """Return a positive number, exactly if three decimals suffice, and otherwise rounded, with `about` before it."""
    if (number * 1000).denominator == 1:
        return show_decimal(number)
    unit = 10 if number >= 100 else 100 if number >= 1 else 10_000
    return f"about {show_decimal(Fraction((2 * number * unit + 1) // 2, unit))}"


def _draw_wavelength(rng: Random) -> dict[str, int]:
    return {"v": rng.choice(_SPEEDS), "f": 10 * rng.randrange(5, 200)}


def _wavelength(values: Values) -> Solution:
    v, f = values["v"], values["f"]
    length = Fraction(v, f)
    return Solution(
        steps=(
            "During one vibration the wave moves on by one wavelength, so frequency times wavelength is the speed.",
            (
                f"The wavelength is the speed divided by the frequency: {v}/{f} is {size(length)}, in metres, "
                f"and in centimetres it is {size(100 * length)}."
            ),
            f"One octave higher, at {2 * f} hertz, the waves are half as long, {size(length / 2)} metres.",
        ),
        result=f"the wavelength is {size(length)} metres, or {size(100 * length)} centimetres",
        check=f"In one second {f} waves leave the source, and {f} times {v}/{f} metres is {v} metres, just the "
        "distance that sound covers in this second.",
    )


def _draw_echo(rng: Random) -> dict[str, int]:
    return {"v": rng.choice(_SPEEDS), "t": 20 * rng.randrange(10, 120)}


def _echo(values: Values) -> Solution:
    v, t = values["v"], values["t"]
    way = Fraction(v * t, 1000)
    return Solution(
        steps=(
            (
                f"In {t} milliseconds, which is {show_decimal(Fraction(t, 1000))} seconds, sound covers "
                f"{v} · {show_decimal(Fraction(t, 1000))} = {show_decimal(way)} metres."
            ),
            "This is the way to the reflecting surface and back again, so the surface is at half this distance.",
            f"Half of {show_decimal(way)} metres is {show_decimal(way / 2)} metres.",
        ),
        result=f"the distance is {show_decimal(way / 2)} metres",
        check=f"Sound needs {show_decimal(way / 2)}/{v} seconds for the way out, which is half of "
        f"{t} milliseconds, and as long for the way back.",
    )


def _draw_doppler(rng: Random) -> dict[str, int]:
    return {"f": 20 * rng.randrange(10, 60), "u": rng.randrange(6, 42), "v": rng.choice(_SPEEDS)}


def _doppler(values: Values) -> Solution:
    f, u, v = (values[name] for name in "fuv")
    toward, away = Fraction(f * v, v - u), Fraction(f * v, v + u)
    return Solution(
        steps=(
            (
                "A moving source follows the waves that it sends ahead and runs away from those behind it, while all "
                f"of them travel at {v} metres per second."
            ),
            (
                f"In front of it {f} waves share {v} - {u} = {v - u} metres, so each measures {v - u}/{f} metres, and "
                f"{v} metres of them arrive in a second: {f} · {v}/{v - u} is {size(toward)} hertz."
            ),
            (
                f"Behind it {f} waves share {v} + {u} = {v + u} metres, and the frequency received is "
                f"{f} · {v}/{v + u}, which is {size(away)} hertz."
            ),
        ),
        result=f"{size(toward)} hertz ahead of the source, as it approaches, and {size(away)} hertz behind it, as it "
        "moves away",
        check=f"What is sent out in the last second of the approach arrives within {v - u}/{v} seconds, as its end has "
        f"{u} metres less to travel than its beginning; {f} waves in that time make {size(toward)} in a whole second.",
    )


def _draw_decibels(rng: Random) -> dict[str, int]:
    return {"l": rng.randrange(36, 72), "n": rng.choice((2, 4, 8, 10, 16, 20, 40, 80, 100, 200))}


def _decibels(values: Values) -> Solution:
    level, n = values["l"], values["n"]
    tens = doublings = 0
    while n % 10 == 0:
        n, tens = n // 10, tens + 1
    while n % 2 == 0:
        n, doublings = n // 2, doublings + 1
    if n != 1 or doublings > 6:
        raise UnsolvableError("the number is no product of tens and a few twos")
    n, rise = values["n"], 10 * tens + 3 * doublings
    total = f"{'about ' if doublings else ''}{level + rise}"
    factors = ["10"] * tens + ["2"] * doublings
    rises = " + ".join(f"{count} · {size}" for count, size in ((tens, 10), (doublings, 3)) if count)
    product = f", and {n} = {' · '.join(factors)}" if len(factors) > 1 else ""
    return Solution(
        steps=(
            (
                "Independent sources add up their powers and not their levels; the level then follows from the factor "
                "by which the power has grown."
            ),
            f"The power becomes {n} times as great{product}.",
            (
                "Each factor of 10 in power raises the level by 10 decibels, and each factor of 2 by about 3 decibels: "
                f"{rises} = {rise}."
            ),
            f"The new level is {level} + {rise}, which makes {total} decibels.",
        ),
        result=f"{total} decibels",
        check=f"With logarithms, 10 · log10({n}) is {10 * log10(n):.2f} decibels, which agrees with a rise of {rise}.",
    )


def _draw_string(rng: Random) -> dict[str, int]:
    return {"l": rng.randrange(24, 91), "v": 5 * rng.randrange(20, 70)}


def _string(values: Values) -> Solution:
    length, v = values["l"], values["v"]
    wave = Fraction(2 * length, 100)
    tone = v / wave
    return Solution(
        steps=(
            (
                "In its fundamental vibration a string has nodes at both ends and a single loop, so the length is half "
                "a wavelength."
            ),
            f"The wavelength on the string is 2 · {length} = {2 * length} centimetres, or {show_decimal(wave)} metres.",
            (
                f"Speed divided by wavelength gives the frequency: {v}/{show_decimal(wave)} is {size(tone)}, "
                "in vibrations per second."
            ),
            f"With one more node, in the middle, the string would sound an octave higher, at {size(2 * tone)} hertz.",
        ),
        result=f"the fundamental has {size(tone)} hertz",
        check=f"In one vibration a pulse runs along the string and back, {show_decimal(wave)} metres, and at {v} "
        f"metres per second it does so {size(tone)} times a second.",
    )


def _draw_tension(rng: Random) -> dict[str, int]:
    before = rng.randrange(7, 13)
    after = before + rng.choice((-2, -1, 1, 2))
    unit = rng.randrange(1, 3)
    return {"f": before * rng.randrange(12, 60), "s": unit * before**2, "t": unit * after**2}


def _tension(values: Values) -> Solution:
    f, s, t = (values[name] for name in "fst")
    ratio = Fraction(t, s)
    root = Fraction(isqrt(ratio.numerator), isqrt(ratio.denominator))
    if root * root != ratio:
        raise UnsolvableError("the ratio of the tensions is no square")
    return Solution(
        steps=(
            "With length and mass unchanged, the frequency is proportional to the square root of the tension.",
            f"The tension changes by the factor {reduced(t, s)}.",
            f"The square root of this factor is {root}, because {root} · {root} = {ratio}.",
            f"The frequency becomes {f} · {root}, which is {size(f * root)} hertz.",
        ),
        result=f"the string now sounds at {size(f * root)} hertz",
        check=f"If the frequencies are in the ratio {root}, their squares are in the ratio {ratio}, and so are the "
        f"tensions of {t} and {s} newtons.",
    )


def _draw_open_pipe(rng: Random) -> dict[str, int]:
    return {"l": 2 * rng.randrange(12, 160), "v": rng.choice(_SPEEDS)}


def _open_pipe(values: Values) -> Solution:
    length, v = values["l"], values["v"]
    tone = Fraction(100 * v, 2 * length)
    return Solution(
        steps=(
            (
                "At an open end the air moves most freely, so the fundamental of a pipe that is open at both ends has "
                "one half of a wavelength between them."
            ),
            (
                f"End corrections neglected, the wavelength is 2 · {length} = {2 * length} centimetres, which is "
                f"{show_decimal(Fraction(2 * length, 100))} metres."
            ),
            f"The frequency is {v}/{show_decimal(Fraction(2 * length, 100))}, which is {size(tone)} hertz.",
            f"All multiples of it are possible, and the next one is {size(2 * tone)} hertz.",
        ),
        result=f"a fundamental of {size(tone)} hertz, followed by {size(2 * tone)} hertz",
        check=f"A pulse of pressure runs to the far end and back, {show_decimal(Fraction(2 * length, 100))} metres, "
        f"before the motion repeats, and at {v} metres per second it can do so {size(tone)} times in a second.",
    )


def _draw_stopped_pipe(rng: Random) -> dict[str, int]:
    return {"f": 5 * rng.randrange(16, 130), "v": rng.choice(_SPEEDS)}


def _stopped_pipe(values: Values) -> Solution:
    f, v = values["f"], values["v"]
    wave = Fraction(v, f)
    return Solution(
        steps=(
            "The air rests at the closed end and moves most at the open one, and these are a quarter of a wave apart.",
            f"The wavelength is the speed divided by the frequency: {v}/{f} is {size(wave)}, in metres.",
            (
                f"A quarter of it is {v}/{4 * f} metres, which is {size(25 * wave)} centimetres, end correction "
                "neglected."
            ),
            f"Only odd multiples of the fundamental fit in, so the next partial has 3 · {f} = {3 * f} hertz.",
        ),
        result=f"a length of {size(25 * wave)} centimetres, and a next partial of {3 * f} hertz",
        check="A pulse that runs up and down a stopped pipe returns upside down, so that only after four lengths the "
        f"motion repeats; four lengths are {v}/{f} metres, which sound covers {f} times a second.",
    )


def _draw_sabine(rng: Random) -> dict[str, int]:
    x, y, z = rng.randrange(8, 40), rng.randrange(6, 25), rng.randrange(4, 13)
    return {"v": x * y * z, "s": 2 * (x * y + y * z + z * x), "p": rng.randrange(5, 22)}


def _sabine(values: Values) -> Solution:
    v, s, p = (values[name] for name in "vsp")
    area = Fraction(s * p, 100)
    time = _SABINE * v / area
    if not Fraction(1, 10) < time < 30:
        raise UnsolvableError("no room is like this")
    return Solution(
        steps=(
            (
                f"Surfaces of {s} square metres that absorb {p} percent act like {s} · {p}/100 = {show_decimal(area)} "
                "square metres of open window."
            ),
            "By Sabine's formula the reverberation time is 0.16 times the volume divided by this absorption area.",
            (
                f"The product 0.16 · {v} is {show_decimal(_SABINE * v)}, and divided by {show_decimal(area)} it is "
                f"{size(time)}, in seconds."
            ),
            f"With twice the absorption the sound would die away in half the time, {size(time / 2)} seconds.",
        ),
        result=f"a reverberation time of {size(time)} seconds",
        check=f"Turned round, {size(time)} seconds times {show_decimal(area)} square metres, divided by 0.16, gives "
        f"the volume of {v} cubic metres again, up to rounding.",
    )


_AIR = {"v": (300, 400)}

ACOUSTICS: Mapping[str, Problem] = {
    "sound_wavelength": Problem(ranges=_AIR | {"f": (10, 30_000)}, draw=_draw_wavelength, solve=_wavelength),
    "echo_distance": Problem(ranges=_AIR | {"t": (20, 99_999)}, draw=_draw_echo, solve=_echo),
    "sound_doppler": Problem(ranges=_AIR | {"f": (10, 30_000), "u": (1, 99)}, draw=_draw_doppler, solve=_doppler),
    "decibels": Problem(ranges={"l": (0, 120), "n": (2, 1_000_000)}, draw=_draw_decibels, solve=_decibels),
    "string_fundamental": Problem(ranges={"l": (5, 9_999), "v": (10, 2_000)}, draw=_draw_string, solve=_string),
    "string_tension": Problem(
        ranges={"f": (10, 30_000)} | dict.fromkeys("st", (1, 9_999)), draw=_draw_tension, solve=_tension
    ),
    "open_pipe": Problem(ranges=_AIR | {"l": (5, 2_000)}, draw=_draw_open_pipe, solve=_open_pipe),
    "stopped_pipe": Problem(ranges=_AIR | {"f": (10, 5_000)}, draw=_draw_stopped_pipe, solve=_stopped_pipe),
    "reverberation": Problem(
        ranges=dict.fromkeys("vs", (10, 999_999)) | {"p": (1, 99)}, draw=_draw_sabine, solve=_sabine
    ),
}
