"""Problems on short programs: what each of them prints is found by tracing it by hand."""

from collections.abc import Mapping
from random import Random

from glan.teachers.offline.problems import Problem, Solution, UnsolvableError, Values

_LONGEST_TRACE = 14
"""Passes of a loop that are still worth writing out."""


def _draw_state_machine(rng: Random) -> dict[str, int]:
    return {**{hole: rng.randrange(2) for hole in "bcdef"}, "a": 1, "m": rng.randrange(3, 10)}


def _state_machine(values: Values) -> Solution:
    bits, m = [values[hole] for hole in "abcdef"], values["m"]
    state, steps = 0, ["The machine starts in state 0, and % stands for the remainder of a division."]
    for bit in bits:
        found = 2 * state + bit
        steps.append(f"Signal {bit} in state {state}: (2 · {state} + {bit}) % {m} = {found} % {m} = {found % m}.")
        state = found % m
    word = "".join(map(str, bits))
    return Solution(
        steps=tuple(steps),
        result=str(state),
        check=f"The machine computes a remainder: the signals are the digits of the binary number {word}, "
        f"or {int(word, 2)}, and {int(word, 2)} % {m} is {int(word, 2) % m} too.",
    )


def _draw_stack_trace(rng: Random) -> dict[str, int]:
    return {"a": rng.randrange(2, 20), **{hole: rng.randrange(2, 13) for hole in "bcd"}}


def _stack_trace(values: Values) -> Solution:
    a, b, c, d = (values[name] for name in "abcd")
    total, product = b + c, (b + c) * d
    return Solution(
        steps=(
            f"After three pushes the stack is [{a}, {b}, {c}], written with its top at the right.",
            f"The addition takes {c} and then {b} off the top and pushes {total}: [{a}, {total}].",
            f"Pushing {d} gives [{a}, {total}, {d}].",
            f"The multiplication takes {d} and {total} and pushes {product}: [{a}, {product}].",
            f"The subtraction takes {product} first and {a} second, so {product} - {a} = {product - a} is left.",
        ),
        result=str(product - a),
        check=f"Written as a formula, the same is ({b} + {c}) · {d} - {a} = {product - a}; the first number pushed is "
        "the last one used.",
    )


def _draw_aliasing(rng: Random) -> dict[str, int]:
    return {**{hole: rng.randrange(5, 91) for hole in "abc"}, "d": rng.randrange(2, 30), "e": rng.randrange(30, 60)}


def _aliasing(values: Values) -> Solution:
    a, b, c, d, e = (values[name] for name in "abcde")
    total = a + b + c + d
    return Solution(
        steps=(
            f"The first line makes one list, [{a}, {b}, {c}].",
            "The plain assignment after it makes no list: it gives the same list a second name.",
            f"The copy is a list of its own, [{a}, {b}, {c}] as well at this moment.",
            f"Adding {d} through the second name changes the one list that both names mean: [{a + d}, {b}, {c}].",
            f"Adding {e} to the copy changes the copy alone: [{a}, {b + e}, {c}].",
            f"The sum that is printed is that of the first list, {a + d} + {b} + {c} = {total}.",
        ),
        result=str(total),
        check=f"Before the changes the sum was {a + b + c}. It has grown by {d}, the change through the second name, "
        f"and not by {e}, the change in the copy.",
    )


def _draw_search_steps(rng: Random) -> dict[str, int]:
    n = rng.randrange(20, 400)
    return {"n": n, "x": rng.randrange(n)}


def _search_steps(values: Values) -> Solution:
    n, x = values["n"], values["x"]
    if x >= n:
        raise UnsolvableError("the number is not there")
    low, high, steps = 0, n - 1, [f"The first look is at the middle of 0 to {n - 1}; // rounds down."]
    looks = 0
    while low <= high:
        looks, middle = looks + 1, (low + high) // 2
        word = "found" if middle == x else "too small" if middle < x else "too large"
        steps.append(f"Look {looks}: ({low} + {high}) // 2 = {middle}, {word}.")
        if middle == x:
            break
        low, high = (middle + 1, high) if middle < x else (low, middle - 1)
    return Solution(
        steps=tuple(steps),
        result=str(looks),
        check=f"Each look leaves at most half of the places, so among {n} places no search can take more than "
        f"{n.bit_length()} looks, and {looks} is within this bound.",
    )


def _draw_sort_swaps(rng: Random) -> dict[str, int]:
    return dict(zip("abcde", rng.sample(range(2, 60), 5), strict=True))


def _sort_swaps(values: Values) -> Solution:
    row = [values[hole] for hole in "abcde"]
    inverted = [f"{left} and {right}" for i, left in enumerate(row) for right in row[i + 1 :] if left > right]
    steps, passes, count = [], 0, 0
    while True:
        swapped = []
        for i in range(len(row) - 1):
            if row[i] > row[i + 1]:
                swapped.append(f"{row[i]} with {row[i + 1]}")
                row[i], row[i + 1] = row[i + 1], row[i]
        if not swapped:
            break
        passes, count = passes + 1, count + len(swapped)
        steps.append(f"Pass {passes} exchanges {', '.join(swapped)}, which leaves {row}.")
    steps.append(f"The list {row} is sorted, so no later pass exchanges anything; the count stays at {count}.")
    pairs = f"these are {'; '.join(inverted)}" if inverted else "there are none here"
    return Solution(
        steps=tuple(steps),
        result=str(count),
        check="Exchanging two neighbours mends exactly one pair that stands in the wrong order, and in the given list "
        f"{pairs}, that is, {len(inverted)} in number.",
    )


def _draw_recursion(rng: Random) -> dict[str, int]:
    return {"a": rng.randrange(1, 12), "b": rng.randrange(2, 5), "c": rng.randrange(1, 10), "n": rng.randrange(3, 6)}


def _recursion(values: Values) -> Solution:
    a, b, c, n = (values[name] for name in "abcn")
    value = a
    steps = [f"Each call waits for a call with a number smaller by 1, until the call with 0 returns {a} at once."]
    for k in range(1, n + 1):
        steps.append(f"The call with {k} returns {b} · {value} + {c} = {b * value + c}.")
        value = b * value + c
    rest = {1: f"{n} · {c}", 2: f"{c} · (2^{n} - 1)"}.get(b, f"{c} · ({b}^{n} - 1)/{b - 1}")
    fixed = f"{a} + {rest}" if b == 1 else f"{b}^{n} · {a} + {rest}"
    return Solution(
        steps=tuple(steps),
        result=str(value),
        check=f"Without recursion, the formula for such a chain is {fixed}, and its value is {value} too.",
    )


def _draw_moving_average(rng: Random) -> dict[str, int]:
    level = rng.randrange(20, 90)
    return {hole: level + rng.randrange(-9, 10) for hole in "abcde"} | {"f": level + rng.choice((-15, 30, 33))}


def _moving_average(values: Values) -> Solution:
    row = [values[hole] for hole in "abcdef"]
    windows = [row[i : i + 3] for i in range(4)]
    means = [sum(window) // 3 for window in windows]
    return Solution(
        steps=(
            "Each window holds three readings in a row, and // drops the fraction of their mean.",
            *(
                f"({' + '.join(map(str, window))}) // 3 = {sum(window)} // 3 = {mean}."
                for window, mean in zip(windows, means, strict=True)
            ),
        ),
        result=str(means),
        check="Six readings have 6 - 3 + 1 = 4 windows of three. From window to window the sum changes by the reading "
        f"that comes in minus the one that goes out: {sum(windows[0])} + {row[3]} - {row[0]} = {sum(windows[1])}, "
        "and so on.",
    )


def _draw_proportional_steps(rng: Random) -> dict[str, int]:
    return {"e": rng.randrange(150, 800), "k": rng.choice((2, 3, 4)), "t": rng.randrange(40, 80)}


def _proportional_steps(values: Values) -> Solution:
    e, k, t = (values[name] for name in "ekt")
    if k > t + 1:
        raise UnsolvableError("the error may stop shrinking above the limit")
    error = e
    steps: list[str] = []
    while error > t:
        if len(steps) == _LONGEST_TRACE:
            raise UnsolvableError("too many passes to trace")
        steps.append(
            f"Pass {len(steps) + 1}: {error} - {error} // {k} = {error} - {error // k} = {error - error // k}."
        )
        error -= error // k
    if not steps:
        raise UnsolvableError("the error is small enough from the start")
    count = len(steps)
    ideal = e * (1 - 1 / k) ** count
    return Solution(
        steps=(*steps, f"Now {error} is no longer greater than {t}, and the loop ends."),
        result=str(count),
        check=f"Without the rounding of //, each pass would leave {k - 1}/{k} of the error, so after {count} passes "
        f"{e} · ({k - 1}/{k})^{count}, about {ideal:.1f}, which is close to {error}.",
    )


def _draw_range_count(rng: Random) -> dict[str, int]:
    a, s = rng.randrange(0, 60), rng.randrange(6, 40)
    return {"a": a, "b": a + s * rng.randrange(3, 9) + rng.choice((0, 0, 1, s // 2, s - 1)), "s": s}


def _range_count(values: Values) -> Solution:
    a, b, s = (values[name] for name in "abs")
    if a >= b:
        raise UnsolvableError("the loop is never entered")
    count = (b - a - 1) // s + 1
    if count > _LONGEST_TRACE:
        raise UnsolvableError("too many passes to trace")
    places = list(range(a, b, s))
    return Solution(
        steps=(
            f"The values begin at {a}, go on in steps of {s}, and must stay below {b}.",
            f"They are {', '.join(map(str, places))}.",
            (
                f"The next one would be {places[-1]} + {s} = {places[-1] + s}, and this is "
                + (f"{b} itself, which does not count as below." if places[-1] + s == b else f"greater than {b}.")
            ),
            f"So there are {count} of them, one for each pass, and the last is {places[-1]}.",
        ),
        result=f"{count} {places[-1]}",
        check=f"The distance {b} - {a} = {b - a} divided by {s} and rounded up gives {count}; from the first value to "
        f"the last lead {count - 1} steps, and {a} + {count - 1} · {s} = {places[-1]}.",
    )


PROGRAMS: Mapping[str, Problem] = {
    "state_machine": Problem(
        ranges=dict.fromkeys("abcdef", (0, 1)) | {"m": (2, 99)}, draw=_draw_state_machine, solve=_state_machine
    ),
    "stack_trace": Problem(ranges=dict.fromkeys("abcd", (0, 9999)), draw=_draw_stack_trace, solve=_stack_trace),
    "aliasing": Problem(ranges=dict.fromkeys("abcde", (0, 99_999)), draw=_draw_aliasing, solve=_aliasing),
    "search_steps": Problem(ranges={"n": (1, 4000), "x": (0, 3999)}, draw=_draw_search_steps, solve=_search_steps),
    "sort_swaps": Problem(ranges=dict.fromkeys("abcde", (0, 9999)), draw=_draw_sort_swaps, solve=_sort_swaps),
    "recursion": Problem(
        ranges={"a": (0, 999), "b": (1, 9), "c": (0, 999), "n": (1, 8)}, draw=_draw_recursion, solve=_recursion
    ),
    "moving_average": Problem(
        ranges=dict.fromkeys("abcdef", (0, 99_999)), draw=_draw_moving_average, solve=_moving_average
    ),
    "proportional_steps": Problem(
        ranges={"e": (1, 99_999), "k": (2, 9), "t": (0, 9999)}, draw=_draw_proportional_steps, solve=_proportional_steps
    ),
    "range_count": Problem(
        ranges={"a": (0, 99_999), "b": (1, 99_999), "s": (1, 9999)}, draw=_draw_range_count, solve=_range_count
    ),
}
