"""Problems of the robot industry: machines are simulated step by step, and every program that is shown is run."""

import contextlib
import io
import itertools
import math
import re
import textwrap
from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction
from functools import cache

from checks_reading import Values, numbers

from glan.teachers.offline.exercises import PROBLEMS
from glan.teachers.offline.phrases import open_phrasebook
from glan.teachers.offline.problems import write_values

GRAVITY = 9.8
CODE = re.compile(r"^( *)```python\n(.*?)\n\1```$", re.DOTALL | re.MULTILINE)
PEOPLE = {"who": "Nadia, a potter,", "whom": "Nadia", "other": "Ivo"}
FEWEST_PROGRAMS = 4
"""Stories of a problem on programs that show one."""


def programs(text: str) -> Iterator[str]:
    """Yield the programs between the fences of a text."""
    for indent, code in CODE.findall(text):
        assert not re.search(r"\n *\n|[{}]|\*\*", code)
        yield textwrap.dedent(code) if indent else code


@cache
def printed(code: str) -> str:
    """Return what a program prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "story", "exec"), {})  # noqa: S102  # programs of our own book
    return out.getvalue().strip()


def run_stories(name: str, values: Values, expected: str, least: int = FEWEST_PROGRAMS) -> None:
    """Run the program of each story that shows one, with the numbers in it."""
    words = write_values(values) | PEOPLE
    shown = [code for story in open_phrasebook().tasks[f"problem/{name}"] for code in programs(story.fill(words))]
    assert len(shown) >= least
    for code in shown:
        assert printed(code) == expected


def run_answer(name: str, values: Values, expected: str) -> None:
    """Run the one program that stands in the steps of an answer."""
    steps = "\n".join(f"- {step}" for step in PROBLEMS[name].solve(values).steps)
    (code,) = programs(steps)
    assert printed(code) == expected
    assert steps.endswith(f"  ```\n  It prints {expected}.")


def near(found: Fraction, expected: float, tolerance: float = 0.006) -> bool:
    return abs(float(found) - expected) <= tolerance + 1e-9 * abs(expected)


def check_axis_run(values: Values, result: str) -> None:
    speed, way = numbers(result)
    ticks = 1000
    step = Fraction(values["t"], 1000 * ticks)
    now = place = Fraction(0)
    for _ in range(ticks):
        place += (now + now + values["a"] * step) / 2 * step
        now += values["a"] * step
    assert (speed, way) == (now, 1000 * place)


def check_stopping_distance(values: Values, result: str) -> None:
    """The energy of the brakes: mass times deceleration times way is the kinetic energy."""
    braking = numbers(result)[0] - Fraction(values["v"] * values["t"], 1000)
    assert near(2 * values["a"] * braking / values["v"], values["v"], 2 * values["a"] * 0.0006 / values["v"])


def check_trapezoid_move(values: Values, result: str) -> None:
    """The speed at each moment is limited by both ramps and the top speed; its integral is the way."""
    (total,) = numbers(result)
    ticks = 4000
    step = float(total) / ticks
    moments = [(i + 0.5) * step for i in range(ticks)]
    way = sum(min(values["a"] * m, values["v"], values["a"] * (float(total) - m)) * step for m in moments)
    assert near(Fraction(way), values["s"], 0.0006 * values["v"] + 1e-4 * values["s"])


def check_cell_output(values: Values, result: str) -> None:
    """Parts run through three stations with queues between them."""
    interval, parts, _ = numbers(result)
    free = [0, 0, 0]
    leaving = []
    for _ in range(40):
        moment = 0
        for i, hole in enumerate("abc"):
            moment = free[i] = max(moment, free[i]) + values[hole]
        leaving.append(moment)
    assert {after - before for before, after in itertools.pairwise(leaving)} == {interval}
    seconds = range(int(interval), 3600 * values["h"] + 1, int(interval))
    assert parts == len(seconds)


def check_light_curtain(values: Values, result: str) -> None:
    (distance,) = numbers(result)
    stopped = Fraction(values["r"] + values["s"], 1000)
    assert distance - values["k"] * stopped == values["c"]


def check_load_torque(values: Values, result: str) -> None:
    """Virtual work: a tiny turn of the joint raises both weights."""
    angle = 1e-6
    work = sum(values[mass] * GRAVITY * values[way] / 1000 * math.sin(angle) for mass, way in ("mr", "kc"))
    assert near(numbers(result)[0], work / angle, 1e-6 * (1 + work / angle))


def check_lifting_force(values: Values, result: str) -> None:
    for force, acceleration in zip(numbers(result), (values["a"], 0, -values["a"]), strict=True):
        assert math.isclose(float(force) / values["m"] - GRAVITY, acceleration, abs_tol=1e-9)


def check_gear_reduction(values: Values, result: str) -> None:
    speed, torque = numbers(result)
    assert near(speed * values["w"], values["n"] * values["z"], 0.006 * values["w"])
    power_in = values["q"] * values["n"] * math.tau / 60
    wheel = values["n"] * values["z"] / values["w"] * math.tau / 60
    assert near(torque, power_in * values["e"] / 100 / wheel)


def check_planar_arm(values: Values, result: str) -> None:
    tip, turned = 0j, 0.0
    for link, joint in ("ap", "bq", "cr"):
        turned += math.radians(values[joint])
        tip += values[link] * complex(math.cos(turned), math.sin(turned))
    x, y = numbers(result)
    assert abs(tip - complex(float(x), float(y))) < 1e-6


def check_arm_reach(values: Values, result: str) -> None:
    """The law of cosines has an angle of the elbow for it, or none."""
    a, b, x, y = (values[hole] for hole in "abxy")
    cosine = Fraction(a * a + b * b - x * x - y * y, 2 * a * b)
    assert result.startswith("within reach") == (-1 <= cosine <= 1)
    assert numbers(result)[0] == math.hypot(x, y)


def check_friction_grip(values: Values, result: str) -> None:
    held = 2 * float(numbers(result)[0]) * values["u"] / 10
    assert near(Fraction(held / values["m"] / values["s"] - values["a"]), GRAVITY, 0.02)


def check_cylinder_force(values: Values, result: str) -> None:
    """Pressure in pascals on areas in square metres."""
    bore, rod = (math.pi * (values[hole] / 2000) ** 2 for hole in "bd")
    for force, area in zip(numbers(result), (bore, bore - rod), strict=True):
        assert near(force, values["p"] * 100_000 * area, 1.1)


def check_centre_of_mass(values: Values, result: str) -> None:
    """The moments about it cancel."""
    (centre,) = numbers(result)
    moments = sum(values[mass] * (values[place] - centre) for mass, place in ("ax", "by", "cz"))
    assert near(Fraction(moments), 0, 0.006 * sum(values[mass] for mass in "abc"))


def check_lifting_power(values: Values, result: str) -> None:
    work, power, drawn = numbers(result)
    height = values["h"] / 1000
    assert near(work, values["m"] * GRAVITY * height)
    assert near(power * values["t"], float(work), 0.006 * values["t"])
    assert near(drawn, values["m"] * GRAVITY * (height / values["t"]) / (values["e"] / 100))


def check_state_machine(values: Values, result: str) -> None:
    run_stories("state_machine", values, result)
    assert int(result) == int("".join(str(values[hole]) for hole in "abcdef"), 2) % values["m"]


def check_stack_trace(values: Values, result: str) -> None:
    run_stories("stack_trace", values, result)


def check_aliasing(values: Values, result: str) -> None:
    run_stories("aliasing", values, result, least=5)


def check_search_steps(values: Values, result: str) -> None:
    run_stories("search_steps", values, result)


def check_sort_swaps(values: Values, result: str) -> None:
    run_stories("sort_swaps", values, result)
    row = [values[hole] for hole in "abcde"]
    assert int(result) == sum(i - bisect_right(sorted(row[:i]), value) for i, value in enumerate(row))


def check_recursion(values: Values, result: str) -> None:
    run_stories("recursion", values, result)


def check_moving_average(values: Values, result: str) -> None:
    run_stories("moving_average", values, result)


def check_proportional_steps(values: Values, result: str) -> None:
    run_stories("proportional_steps", values, result)


def check_range_count(values: Values, result: str) -> None:
    run_stories("range_count", values, result)
    assert [int(word) for word in result.split()] == [
        len(range(values["a"], values["b"], values["s"])),
        range(values["a"], values["b"], values["s"])[-1],
    ]


def check_twos_complement(values: Values, result: str) -> None:
    run_stories("twos_complement", values, result, least=2)
    run_answer("twos_complement", values, result)
    shift = 32 - values["w"]
    wide = (values["r"] << shift).to_bytes(4, "big")
    assert int(result) == int.from_bytes(wide, "big", signed=True) >> shift


def check_xor_checksum(values: Values, result: str) -> None:
    run_stories("xor_checksum", values, result, least=3)


def check_pallet_place(values: Values, result: str) -> None:
    run_stories("pallet_place", values, result, least=3)
    layers = range(values["n"] // (values["c"] * values["r"]) + 1)
    places = itertools.product(layers, range(values["r"]), range(values["c"]))
    place = next(itertools.islice(places, values["n"], None))
    assert result == " ".join(map(str, place))


def check_encoder_counts(values: Values, result: str) -> None:
    counts, each = numbers(result)
    run_answer("encoder_counts", values, str(counts))
    assert math.isclose(float(counts) / (4 * values["l"]) / values["g"] * 360, values["d"])
    assert near(each, values["d"] / float(counts), 0.00006)


def check_shortest_route(values: Values, result: str) -> None:
    """All orders of the stations between are tried."""
    lanes = dict(zip(("AB", "AC", "BC", "BD", "CD", "CE", "DE"), (values[hole] for hole in "abcdefg"), strict=True))
    lengths = {}
    for between in (way for k in range(4) for way in itertools.permutations("BCD", k)):
        way = ("A", *between, "E")
        pairs = ["".join(sorted(pair)) for pair in itertools.pairwise(way)]
        if all(pair in lanes for pair in pairs):
            lengths[", ".join(way)] = sum(lanes[pair] for pair in pairs)
    best = min(lengths, key=lengths.__getitem__)
    assert result == f"{lengths[best]} seconds by way of {best}"


def keeps_deadlines(tasks: list[tuple[int, int]]) -> bool:
    """Simulate earliest deadline first until all periods end together, millisecond by millisecond."""
    left, due = [0] * len(tasks), [0] * len(tasks)
    for now in range(math.lcm(*(period for _, period in tasks)) + 1):
        for i, (run, period) in enumerate(tasks):
            if now % period == 0:
                if left[i]:
                    return False
                left[i], due[i] = run, now + period
        ready = [i for i in range(len(tasks)) if left[i]]
        if ready:
            left[min(ready, key=due.__getitem__)] -= 1
    return True


def check_task_load(values: Values, result: str) -> None:
    load, percent = numbers(result)
    run_answer("task_load", values, str(load))
    tasks = [(values[run], values[period]) for run, period in ("ab", "cd", "ef")]
    whole = math.lcm(*(period for _, period in tasks))
    assert load * whole == sum(run * (whole // period) for run, period in tasks)
    assert near(percent, 100 * float(load), 0.06)
    if whole <= 20_000:
        assert keeps_deadlines(tasks) == result.endswith("all deadlines are kept")
