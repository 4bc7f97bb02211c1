"""Problems on time, pitch and tuning, solved by counting and by frequency ratios."""

from collections.abc import Mapping
from fractions import Fraction
from math import gcd, lcm, log2, log10
from random import Random

from glan.teachers.offline.acoustics import size
from glan.teachers.offline.problems import Problem, Solution, UnsolvableError, Values

_NOTES = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")
_INTERVALS = (
    *("no distance at all", "a minor second", "a major second", "a minor third", "a major third", "a perfect fourth"),
    *("a tritone", "a perfect fifth", "a minor sixth", "a major sixth", "a minor seventh", "a major seventh"),
)
_MIDDLE_C = 60
_FASTEST_BEATS = 20
"""Beats per second beyond which they melt into roughness."""


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _draw_piece(rng: Random) -> dict[str, int]:
    marks = (42, 48, 50, 54, 60, 66, 72, 75, 80, 84, 90, 96, 100, 108, 112, 120, 132, 144, 150, 160)
    return {"n": 4 * rng.randrange(3, 46), "m": rng.choice((2, 3, 4, 5)), "t": rng.choice(marks)}


def _piece(values: Values) -> Solution:
    n, m, t = (values[name] for name in "nmt")
    seconds = Fraction(60 * n * m, t)
    minutes, rest = divmod(seconds, 60)
    clock = f", or {_count(minutes, 'minute')}" if minutes else ""
    clock += f" and {size(rest)} seconds" if minutes and rest else ""
    return Solution(
        steps=(
            f"In {n} bars of {m} beats there are {n} · {m} = {n * m} beats.",
            f"At {t} beats a minute one beat lasts 60/{t}, which is {size(Fraction(60, t))} seconds.",
            f"All beats together last {n * m} · 60/{t}, which is {size(seconds)} seconds.",
            f"A single bar lasts {m} · 60/{t}, which is {size(Fraction(60 * m, t))} seconds.",
        ),
        result=f"{size(seconds)} seconds{clock}",
        check=f"In {size(seconds)} seconds, at {t} beats in every 60 seconds, {n * m} beats are played, and these fill "
        f"{n} bars of {m}.",
    )


def _draw_polyrhythm(rng: Random) -> dict[str, int]:
    a = b = 2
    while b % a == 0:
        a, b = sorted(rng.sample((2, 3, 4, 5, 6, 7, 8, 9), 2))
    return {"a": a, "b": b, "t": 120 * rng.randrange(8, 36)}


def _polyrhythm(values: Values) -> Solution:
    a, b, t = (values[name] for name in "abt")
    shared, grid = gcd(a, b), lcm(a, b)
    often = "once" if shared == 1 else f"{shared} times"
    return Solution(
        steps=(
            (
                f"The coarsest grid that holds both rhythms divides the cycle into the least common multiple of {a} "
                f"and {b}, which is {_count(grid, 'step')}."
            ),
            (
                f"On this grid the first rhythm strikes every {grid}/{a} = {grid // a} and the second every "
                f"{grid}/{b} = {grid // b}, counted in steps."
            ),
            (
                f"They meet {often} in a cycle, as {shared} is the greatest common divisor of {a} and "
                f"{b}, so that {a} + {b} - {shared} = {a + b - shared} different moments are struck."
            ),
            f"The closest strokes are one step apart: {t}/{grid} is {size(Fraction(t, grid))}, in milliseconds.",
        ),
        result=f"{a + b - shared} different moments in each cycle, the closest of them "
        f"{size(Fraction(t, grid))} milliseconds apart",
        check=f"The two rhythms together have {a + b} strokes in a cycle. Both strike together {often}, and "
        f"counting such a double stroke as one moment leaves {a + b - shared}.",
    )


def _draw_transposition(rng: Random) -> dict[str, int]:
    a, b = rng.sample(range(2, 17), 2)
    return {"p": rng.randrange(48, 80), "a": a, "b": b}


def _transposition(values: Values) -> Solution:
    p, a, b = values["p"], values["a"], values.get("b", 0)
    end, net = p + a - b, abs(a - b)
    if not 0 <= end < 128:
        raise UnsolvableError("the note is beyond the keyboard")
    octaves, rest = divmod(net, 12)
    named = _INTERVALS[rest] if rest or not octaves else ""
    distance = " and ".join(part for part in (_count(octaves, "octave") if octaves else "", named) if part)
    way = f"{p} + {a} - {b}" if "b" in values else f"{p} + {a}"
    above = (end - _MIDDLE_C) % 12
    return Solution(
        steps=(
            f"Each semitone moves the number by one, so the note arrives at {way} = {end}.",
            (
                f"Every C has a number that is divisible by 12, as middle C has {_MIDDLE_C}, and {end} leaves the "
                f"remainder {above}, which is the note {_NOTES[above]}."
            ),
            f"The start, {p}, leaves the remainder {p % 12} and is the note {_NOTES[p % 12]}.",
            f"Start and end are {_count(net, 'semitone')} apart, that is, {distance}.",
        ),
        result=f"number {end}, the note {_NOTES[above]}, {_count(net, 'semitone')} {'below' if a < b else 'above'} "
        "the starting note",
        check=f"Moving back by the same number of semitones leads from {end} to {end} "
        f"{'+' if a < b else '-'} {net} = {p}.",
    )


def _draw_harmonics(rng: Random) -> dict[str, int]:
    limit = rng.choice((2000, 3000, 4000, 5000, 8000, 10_000, 12_000, 16_000))
    return {"f": rng.randrange(60, 330), "n": rng.randrange(3, 17), "h": limit}


def _harmonics(values: Values) -> Solution:
    f, n, h = (values[name] for name in "fnh")
    count = h // f
    return Solution(
        steps=(
            "The harmonics are the whole multiples of the fundamental, which is itself the first of them.",
            f"Harmonic number {n} has {n} · {f} = {n * f} hertz.",
            f"To find how many do not exceed {h} hertz, divide: {h} = {count} · {f} + {h - count * f}.",
            (
                f"So {count} is the number of multiples up to the limit; the next one, at {(count + 1) * f} hertz, "
                "lies beyond it."
            ),
        ),
        result=f"harmonic number {n} has {n * f} hertz, and the number of harmonics up to {h} hertz is {count}",
        check=f"Neighbouring harmonics are {f} hertz apart, so {n - 1} such steps above {f} lead to "
        f"{f} + {(n - 1) * f} = {n * f}.",
    )


def _draw_beats(rng: Random) -> dict[str, int]:
    a, rate = rng.randrange(98, 600), rng.randrange(2, 10)
    a, b = rng.choice(((a, a + rate), (a + rate, a)))
    return {"a": a, "b": b, "t": rng.randrange(4, 31)}


def _beats(values: Values) -> Solution:
    a, b, t = (values[name] for name in "abt")
    rate = abs(a - b)
    if not 0 < rate <= _FASTEST_BEATS:
        raise UnsolvableError("there are no beats to be counted")
    return Solution(
        steps=(
            (
                f"Whenever the two tones are in step they reinforce each other. The faster one gains {max(a, b)} - "
                f"{min(a, b)} = {_count(rate, 'vibration')} a second on the slower."
            ),
            f"So they come into step {_count(rate, 'time')} a second, and this is the number of beats.",
            f"From one swelling to the next it takes 1/{rate} of a second, or {size(Fraction(1, rate))} seconds.",
            f"In {t} seconds one counts {rate} · {t} = {rate * t}.",
        ),
        result=f"{_count(rate, 'beat')} per second, which makes {rate * t} in {t} seconds",
        check=f"In {t} seconds the tones make {a * t} and {b * t} vibrations, and the difference of these two numbers "
        f"is {rate * t}.",
    )


def _draw_cents(rng: Random) -> dict[str, int]:
    while True:
        q, p = sorted(rng.sample(range(2, 21), 2))
        if gcd(p, q) == 1 and p < 2 * q:
            return {"p": p, "q": q}


def _cents(values: Values) -> Solution:
    p, q = values["p"], values["q"]
    if not q < p <= 64 * q:
        raise UnsolvableError("the ratio is not that of a rising interval within six octaves")
    ratio = Fraction(p, q)
    cents = round(1200 * log2(ratio))
    if not cents:
        raise UnsolvableError("the interval is too small to be named in cents")
    steps, rest = divmod(cents + 50, 100)
    rest -= 50
    nearest = f"{_count(steps, 'semitone')} of equal temperament" if steps else "the unison"
    difference = f"{_count(abs(rest), 'cent')} {'above' if rest > 0 else 'below'}" if rest else "at"
    exact = "" if 2 ** (cents // 1200) == ratio else "about "
    return Solution(
        steps=(
            "The size in cents is 1200 times the logarithm of the ratio to base 2, so that the octave, 2, has 1200.",
            (f"The ratio {p}/{q} has the decimal logarithm {log10(ratio):.5f}, and the octave 2 has {log10(2):.5f}."),
            f"The quotient of the two is {log2(ratio):.5f}, and 1200 times this is {1200 * log2(ratio):.2f}.",
            f"The nearest multiple of 100 is {100 * steps}, or {nearest}.",
        ),
        result=f"{exact}{cents} cents" + (f", {difference} {nearest}" if steps else ""),
        check=f"Conversely, {cents} cents are the ratio 2^({cents}/1200), which is {2 ** (cents / 1200):.4f}, while "
        f"{p}/{q} is {float(ratio):.4f}.",
    )


def _draw_fifths(rng: Random) -> dict[str, int]:
    a = rng.randrange(4, 13)
    return {"f": 4 * rng.randrange(15, 60), "a": a, "b": a * 585 // 1000}


def _fifths(values: Values) -> Solution:
    f, a, b = (values[name] for name in "fab")
    ratio = Fraction(3**a, 2 ** (a + b))
    tone = f * ratio
    if not 16 <= tone <= 20_000:
        raise UnsolvableError("the tone cannot be heard")
    cents = 1200 * log2(ratio)
    return Solution(
        steps=(
            f"A pure fifth up multiplies the frequency by 3/2, and {a} of them by 3^{a}/2^{a} = {3**a}/{2**a}.",
            f"An octave down halves the frequency, and {_count(b, 'octave')} down divide it by 2^{b} = {2**b}.",
            f"Together the factor is {ratio}.",
            f"The frequency is {f} · {ratio}, which is {size(tone)} hertz.",
        ),
        result=f"{size(tone)} hertz, in the ratio {ratio} to the starting note",
        check=f"In cents, {a} · 701.955 - {b} · 1200 is {cents:.1f}, and {f} · 2^({cents:.1f}/1200) is "
        f"{f * 2 ** (cents / 1200):.1f}.",
    )


def _draw_missing(rng: Random) -> dict[str, int]:
    ranks = rng.choice(((2, 3, 4), (3, 4, 5), (4, 5, 6), (5, 6, 7), (3, 5, 7), (2, 3, 5), (4, 5, 7), (6, 7, 8)))
    tone = rng.randrange(55, 260)
    return {name: rank * tone for name, rank in zip("abc", ranks, strict=True)}


def _missing(values: Values) -> Solution:
    a, b, c = found = [values[name] for name in "abc"]
    tone = gcd(*found)
    if tone < 20 or max(found) > 16 * tone or len(set(found)) < 3 or tone in found:
        raise UnsolvableError("these are no upper harmonics of one fundamental")
    return Solution(
        steps=(
            "Partials of one tone are whole multiples of its fundamental, so a common divisor is sought.",
            f"The greatest common divisor of {a} and {b} is {gcd(a, b)}.",
            f"Together with {c} the greatest common divisor is {tone}.",
            f"The three partials are number {a // tone}, number {b // tone} and number {c // tone} over {tone} hertz.",
        ),
        result=f"the pitch heard is that of a tone of {tone} hertz",
        check=f"The vibration as a whole repeats every 1/{tone} of a second, for in this time the partials complete "
        f"{a // tone}, {b // tone} and {c // tone} whole vibrations.",
    )


TONES: Mapping[str, Problem] = {
    "piece_duration": Problem(ranges={"n": (1, 9_999), "m": (1, 32), "t": (10, 400)}, draw=_draw_piece, solve=_piece),
    "polyrhythm": Problem(
        ranges=dict.fromkeys("ab", (1, 64)) | {"t": (100, 99_999)}, draw=_draw_polyrhythm, solve=_polyrhythm
    ),
    "transposition": Problem(
        ranges={"p": (0, 127)} | dict.fromkeys("ab", (0, 60)), draw=_draw_transposition, solve=_transposition
    ),
    "harmonics": Problem(
        ranges={"f": (10, 5_000), "n": (1, 99), "h": (10, 99_999)}, draw=_draw_harmonics, solve=_harmonics
    ),
    "beats": Problem(ranges=dict.fromkeys("ab", (20, 20_000)) | {"t": (1, 999)}, draw=_draw_beats, solve=_beats),
    "cents": Problem(ranges=dict.fromkeys("pq", (1, 9_999)), draw=_draw_cents, solve=_cents),
    "fifth_chain": Problem(ranges={"f": (10, 20_000), "a": (1, 24), "b": (0, 24)}, draw=_draw_fifths, solve=_fifths),
    "missing_fundamental": Problem(ranges=dict.fromkeys("abc", (20, 20_000)), draw=_draw_missing, solve=_missing),
}
