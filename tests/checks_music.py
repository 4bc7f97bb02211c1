"""Problems of Music: each result is found again by counting, by walking step by step, or from the motion itself."""

import itertools
import math
from fractions import Fraction

from checks_reading import Values, numbers


def close(found: Fraction, expected: float) -> bool:
    """Return whether a number is right up to the rounding that `about` announces."""
    return abs(float(found) - expected) <= 0.0055 * expected + 0.00006


def travels(distance: float, speed: float) -> float:
    """Return the seconds that something needs for a distance."""
    return distance / speed


def check_sound_wavelength(values: Values, result: str) -> None:
    metres, centimetres = numbers(result)
    assert close(metres * values["f"], values["v"])
    assert close(centimetres * values["f"], values["v"] * 100)


def check_echo_distance(values: Values, result: str) -> None:
    assert 2 * numbers(result)[0] / values["v"] == Fraction(values["t"], 1000)


def check_sound_doppler(values: Values, result: str) -> None:
    """Follow two neighbouring wave crests from a moving source to a listener a kilometre away."""
    period, start = 1 / values["f"], 1000.0
    for found, direction in zip(numbers(result), (-1, 1), strict=True):
        first = travels(start, values["v"])
        second = period + travels(start + direction * values["u"] * period, values["v"])
        assert close(found, 1 / (second - first))


def check_decibels(values: Values, result: str) -> None:
    power = values["n"] * 10 ** (values["l"] / 10)
    assert round(10 * math.log10(power)) == numbers(result)[0]
    assert ("about" in result) == (str(values["n"]).strip("0") != "1")


def check_string_fundamental(values: Values, result: str) -> None:
    there_and_back = 2 * travels(values["l"] / 100, values["v"])
    assert close(numbers(result)[0], 1 / there_and_back)


def check_string_tension(values: Values, result: str) -> None:
    found = numbers(result)[0]
    assert close(found * found * values["s"], values["f"] ** 2 * values["t"] * 1.0)


def check_open_pipe(values: Values, result: str) -> None:
    """The pressure is zero at both open ends, a whole number of half waves apart."""
    for loops, found in enumerate(numbers(result), start=1):
        phase = 2 * math.pi * float(found) * travels(values["l"] / 100, values["v"])
        assert abs(phase / math.pi - loops) < 0.0055 * loops


def check_stopped_pipe(values: Values, result: str) -> None:
    """The pressure is zero at the open end, an odd number of quarter waves from the closed one."""
    length, partial = numbers(result)
    for frequency, quarters in ((values["f"], 1), (partial, 3)):
        phase = 2 * math.pi * float(frequency) * travels(float(length) / 100, values["v"])
        assert abs(phase / (math.pi / 2) - quarters) < 0.0055 * quarters


def check_reverberation(values: Values, result: str) -> None:
    open_window = sum(values["p"] / 100 for _ in range(values["s"]))
    assert close(numbers(result)[0], 0.16 * values["v"] / open_window)


def check_piece_duration(values: Values, result: str) -> None:
    seconds, *clock = numbers(result)
    beats = sum(values["m"] for _ in range(values["n"]))
    assert close(seconds * values["t"], 60.0 * beats)
    if clock:
        minutes, rest = (*clock, Fraction(0))[:2]
        assert minutes.denominator == 1
        assert rest < 60
        assert abs(60 * minutes + rest - seconds) < 0.06


def check_polyrhythm(values: Values, result: str) -> None:
    strokes = {Fraction(i, values["a"]) for i in range(values["a"])}
    strokes |= {Fraction(i, values["b"]) for i in range(values["b"])}
    moments = [*sorted(strokes), Fraction(1)]
    count, gap = numbers(result)
    assert count == len(strokes)
    assert close(gap, float(values["t"] * min(late - early for early, late in itertools.pairwise(moments))))


def check_transposition(values: Values, result: str) -> None:
    keys = ["C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B"] * 11
    key = values["p"]
    for _ in range(values["a"]):
        key += 1
    for _ in range(values["b"]):
        key -= 1
    number, distance = numbers(result)
    assert number == key
    assert distance * (1 if "above" in result else -1) == key - values["p"]
    assert f"the note {keys[key]}," in result


def check_harmonics(values: Values, result: str) -> None:
    number, frequency, limit, count = numbers(result)
    assert number == values["n"]
    assert limit == values["h"]
    assert frequency == sum(values["f"] for _ in range(values["n"]))
    assert count == sum(1 for _ in range(values["f"], values["h"] + 1, values["f"]))


def check_beats(values: Values, result: str) -> None:
    """Between two swellings the sum of the tones falls silent once, where its envelope changes sign."""
    rate, count, seconds = numbers(result)
    assert seconds == values["t"]
    samples = 41 * values["t"] * 20
    lag = math.pi * (values["a"] - values["b"]) * values["t"] / samples
    envelope = [math.cos(lag * k) for k in range(samples + 1)]
    assert count == sum(early * late < 0 for early, late in itertools.pairwise(envelope))
    assert rate * seconds == count


def check_cents(values: Values, result: str) -> None:
    cents, *others = numbers(result)
    interval = math.log(values["p"]) - math.log(values["q"])
    assert abs(float(cents) * math.log(2) / 1200 - interval) <= 0.5001 * math.log(2) / 1200
    if not others:
        assert cents < 50
    else:
        rest, steps = (Fraction(0), *others)[-2:]
        assert 100 * steps + (rest if "above" in result else -rest) == cents
        assert rest <= 50


def check_fifth_chain(values: Values, result: str) -> None:
    tone = float(values["f"])
    for _ in range(values["a"]):
        tone += tone / 2
    for _ in range(values["b"]):
        tone -= tone / 2
    found, ratio = numbers(result)
    assert close(found, tone)
    assert math.isclose(float(ratio) * values["f"], tone)


def check_missing_fundamental(values: Values, result: str) -> None:
    partials = [values[name] for name in "abc"]
    fitting = [tone for tone in range(1, min(partials)) if all(partial % tone == 0 for partial in partials)]
    assert numbers(result)[0] == max(fitting)
