"""Problems on numbers, routes and deadlines in the control of robots, some of them confirmed by a short program."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import lcm
from random import Random

from glan.teachers.offline.motion import amount, equals
from glan.teachers.offline.problems import Problem, Solution, UnsolvableError, Values
from glan.teachers.offline.programs import PROGRAMS

_ROADS: Mapping[str, tuple[str, str]] = {
    "a": ("A", "B"),
    "b": ("A", "C"),
    "c": ("B", "C"),
    "d": ("B", "D"),
    "e": ("C", "D"),
    "f": ("C", "E"),
    "g": ("D", "E"),
}
"""Between which stations the numbers of a map stand."""


def _listing(lead: str, lines: tuple[str, ...], printed: str) -> str:
    """Return a step with a program in it, indented as an item of a list must be."""
    return "\n  ".join((lead, "```python", *lines, "```", f"It prints {printed}."))


def _draw_twos_complement(rng: Random) -> dict[str, int]:
    width = rng.choice((8, 10, 12, 16))
    return {"w": width, "r": (1 << width) - rng.randrange(2, min(600, 1 << (width - 1)))}


def _twos_complement(values: Values) -> Solution:
    r, w = values["r"], values["w"]
    size = 1 << w
    if r >= size:
        raise UnsolvableError("the number does not fit into the register")
    is_negative = r >= size // 2
    value = r - size if is_negative else r
    rule = (
        f"The top bit is 1, so it counts -{size // 2} instead of {size // 2}, which lowers the value by {size}: "
        f"{r} - {size} = {value}."
        if is_negative
        else f"The top bit is 0, so the value is not negative and stays {r}."
    )
    lines = (f"raw, width = {r}, {w}", "print(raw - (raw >> width - 1 << width))")
    return Solution(
        steps=(
            f"In {w} bits, {r} is written {r:0{w}b}.",
            f"In two's complement these bits stand for numbers from -{size // 2} to {size // 2 - 1}.",
            rule,
            _listing("A program takes the top bit off with a shift:", lines, str(value)),
        ),
        result=str(value),
        check=f"Inverting all bits of {-value} - 1 = {-value - 1}, which is {-value - 1:0{w}b}, gives {r:0{w}b} back."
        if is_negative
        else f"As {r} is less than {size // 2}, signed and unsigned reading agree.",
    )


def _draw_xor_checksum(rng: Random) -> dict[str, int]:
    return {hole: rng.randrange(3, 256) for hole in "abcd"}


def _xor_checksum(values: Values) -> Solution:
    first, *others = (values[hole] for hole in "abcd")
    total, steps = first, [f"The checksum starts at 0, and 0 ^ {first} is {first}, in binary {first:08b}."]
    for byte in others:
        found = total ^ byte
        steps.append(f"{total} ^ {byte}: {total:08b} ^ {byte:08b} = {found:08b}, which is {found}.")
        total = found
    steps.append(f"Linked with {total}, the four bytes give 0; a single flipped bit would make one column odd.")
    ones = [sum(values[hole] >> place & 1 for hole in "abcd") for place in range(8)]
    return Solution(
        steps=tuple(steps),
        result=str(total),
        check="A bit of the checksum is 1 exactly where an odd number of the bytes has a 1. From the highest place to "
        f"the lowest there are {', '.join(map(str, reversed(ones)))} ones, which gives {total:08b}.",
    )


def _draw_pallet_place(rng: Random) -> dict[str, int]:
    c, r = rng.sample(range(3, 9), 2)
    return {"n": rng.randrange(c * r, 5 * c * r), "c": c, "r": r}


def _pallet_place(values: Values) -> Solution:
    n, c, r = (values[name] for name in "ncr")
    layer, rest = divmod(n, c * r)
    row, column = divmod(rest, c)
    return Solution(
        steps=(
            f"A layer holds {c} · {r} = {c * r} parts.",
            f"{n} // {c * r} = {layer}, which is the layer and counts the full ones below it.",
            f"{n} % {c * r} = {rest} is the place within the layer, counted from 0.",
            f"{rest} // {c} = {row} is the row, again counted from 0.",
            f"{rest} % {c} = {column} is the column.",
        ),
        result=f"{layer} {row} {column}",
        check=f"Back from the place to the number: {layer} · {c * r} + {row} · {c} + {column} = {n}.",
    )


def _draw_encoder_counts(rng: Random) -> dict[str, int]:
    while True:
        lines, ratio = rng.choice((250, 360, 500, 512, 600, 900, 1000, 1024, 1250, 2048)), rng.randrange(30, 161)
        degrees = rng.randrange(5, 180)
        if 4 * lines * ratio * degrees % 360 == 0:
            return {"l": lines, "g": ratio, "d": degrees}


def _encoder_counts(values: Values) -> Solution:
    lines, ratio, degrees = (values[name] for name in "lgd")
    turn = 4 * lines * ratio
    counts = Fraction(turn * degrees, 360)
    if counts.denominator != 1:
        raise UnsolvableError("no whole number of counts")
    code = (
        f"lines, ratio, degrees = {lines}, {ratio}, {degrees}",
        "print(4 * lines * ratio * degrees // 360)",
    )
    return Solution(
        steps=(
            f"With four edges for each line, the motor shaft yields 4 · {lines} = {4 * lines} counts a turn.",
            f"The joint turns once while the motor turns {ratio} times: {4 * lines} · {ratio} = {turn} counts.",
            f"{degrees} degrees are {degrees}/360 of a turn, so {turn} · {degrees}/360 = {counts} counts.",
            _listing("The same in a program, with // because the division leaves no remainder:", code, str(counts)),
        ),
        result=f"{counts} counts, each of them {amount(Fraction(360, turn), 6)} degrees of the joint",
        check=f"One count is 360/{turn} degrees, and {counts} times this is {counts * Fraction(360, turn)} degrees.",
    )


def _draw_shortest_route(rng: Random) -> dict[str, int]:
    while True:
        values = {hole: rng.randrange(3, 25) for hole in "abcdeg"} | {"f": rng.randrange(20, 46)}
        best, *others = sorted(length for length, _ in _routes(values))
        if best < others[0]:
            return values


def _routes(values: Values, route: str = "A", length: int = 0) -> Iterator[tuple[int, str]]:
    """Yield all routes from A to E that meet no station twice, with their lengths."""
    if route[-1] == "E":
        yield length, route
        return
    for hole, ends in _ROADS.items():
        if route[-1] in ends:
            other = ends[route[-1] == ends[0]]
            if other not in route:
                yield from _routes(values, route + other, length + values[hole])


def _shortest_route(values: Values) -> Solution:
    found = sorted(_routes(values))
    if found[0][0] == found[1][0]:
        raise UnsolvableError("two routes are equally short")
    known, settled, steps = {"A": 0}, "", []
    while "E" not in settled:
        here = min((station for station in known if station not in settled), key=known.__getitem__)
        settled += here
        offers = []
        for hole, ends in _ROADS.items():
            other = ends[here == ends[0]]
            if here in ends and other not in settled:
                offers.append(f"{other} in {known[here]} + {values[hole]} = {known[here] + values[hole]}")
                known[other] = min(known.get(other, 1 << 30), known[here] + values[hole])
        reached = f"From there one gets to {', '.join(offers)}." if offers else "Nothing new is reached from there."
        steps.append(f"{here} is settled with {known[here]} seconds. {reached if here != 'E' else 'This is the goal.'}")
    return Solution(
        steps=("Dijkstra's algorithm settles the nearest open station again and again.", *steps),
        result=f"{known['E']} seconds by way of {', '.join(found[0][1])}",
        check=f"There are {len(found)} routes from A to E that visit no station twice; the next best of them, "
        f"{', '.join(found[1][1])}, takes {found[1][0]} seconds.",
    )


def _draw_task_load(rng: Random) -> dict[str, int]:
    b, d, f = sorted(rng.sample((4, 5, 8, 10, 12, 15, 20, 25, 30, 40), 3))
    return {"a": rng.randrange(1, b // 2 + 1), "b": b, "c": rng.randrange(1, d // 2 + 1), "d": d,
            "e": rng.randrange(2, f // 2 + 1), "f": f}  # fmt: skip


def _task_load(values: Values) -> Solution:
    loads = [Fraction(values[run], values[period]) for run, period in ("ab", "cd", "ef")]
    total, whole = sum(loads, Fraction(0)), lcm(*(values[period] for period in "bdf"))
    shares = " + ".join(f"{values[run]}/{values[period]}" for run, period in ("ab", "cd", "ef"))
    calls = " + ".join(f"Fraction({values[run]}, {values[period]})" for run, period in ("ab", "cd", "ef"))
    verdict = "so all deadlines are kept" if total <= 1 else "so not all deadlines can be kept"
    decimal = "" if total.denominator == 1 else f" {equals(total, 3)}"
    code = ("from fractions import Fraction", f"print({calls})")
    return Solution(
        steps=(
            f"Each task claims its running time divided by its period: {shares}.",
            f"The sum is {total}{decimal}.",
            (
                "With preemption and deadlines at the ends of the periods, earliest deadline first succeeds exactly "
                f"if the sum is at most 1. It is{'' if total <= 1 else ' not'}, {verdict}."
            ),
            _listing("Exact fractions avoid any doubt near the border:", code, str(total)),
        ),
        result=f"a load of {total}, {amount(100 * total, 1)} percent, {verdict}",
        check=f"In {whole} milliseconds, which all periods divide, the tasks ask for {total * whole} milliseconds of "
        f"work, {'no more' if total <= 1 else 'more'} than there are.",
    )


COMPUTING: Mapping[str, Problem] = {
    **PROGRAMS,
    "twos_complement": Problem(
        ranges={"r": (0, (1 << 24) - 1), "w": (2, 24)}, draw=_draw_twos_complement, solve=_twos_complement
    ),
    "xor_checksum": Problem(ranges=dict.fromkeys("abcd", (0, 255)), draw=_draw_xor_checksum, solve=_xor_checksum),
    "pallet_place": Problem(
        ranges={"n": (0, 99_999), "c": (1, 99), "r": (1, 99)}, draw=_draw_pallet_place, solve=_pallet_place
    ),
    "encoder_counts": Problem(
        ranges={"l": (1, 99_999), "g": (1, 999), "d": (1, 3600)}, draw=_draw_encoder_counts, solve=_encoder_counts
    ),
    "shortest_route": Problem(
        ranges=dict.fromkeys("abcdefg", (1, 9999)), draw=_draw_shortest_route, solve=_shortest_route
    ),
    "task_load": Problem(ranges=dict.fromkeys("abcdef", (1, 999)), draw=_draw_task_load, solve=_task_load),
}
