"""Problems on gases, nitrogen and treatment in the water of fish farms."""

from collections.abc import Mapping
from fractions import Fraction
from random import Random

from glan.teachers.offline.problems import Problem, Solution, UnsolvableError, Values, show_decimal
from glan.teachers.offline.quantities import show_measure, tenths

_TENTH = (0, 9)


def _draw_oxygen_saturation(rng: Random) -> dict[str, int]:
    full = rng.choice((128, 119, 113, 107, 101, 97, 95, 91, 87, 83, 79, 76))
    found = max(20, full * rng.randrange(40, 135) // 100)
    return {"a": found // 10, "b": found % 10, "c": full // 10, "d": full % 10}


def _oxygen_saturation(values: Values) -> Solution:
    found, full = tenths(values["a"], values["b"]), tenths(values["c"], values["d"])
    percent = 100 * found / full
    gap = show_decimal(abs(full - found))
    if found == full:
        state, move = "the water is exactly saturated", "no net exchange with the air takes place"
    elif found < full:
        state, move = f"{gap} mg/L is missing from saturation", "oxygen enters the water from the air"
    else:
        state, move = f"the water is supersaturated by {gap} mg/L", "oxygen leaves the water for the air"
    return Solution(
        steps=(
            "The percent saturation is the measured concentration as a percentage of the one in equilibrium with air.",
            f"Here it is 100 · {show_decimal(found)}/{show_decimal(full)} = {show_measure(percent)} percent.",
            f"The difference from equilibrium is {gap} mg/L, so {move}.",
        ),
        result=f"{show_measure(percent)} percent of saturation, that is, {state}",
        check=f"One percent of saturation is {show_measure(full / 100)} mg/L, and the measured {show_decimal(found)} "
        f"mg/L are {show_measure(found / (full / 100))} times as much.",
    )


def _draw_oxygen_cylinder(rng: Random) -> dict[str, int]:
    return {"v": rng.choice((5, 10, 20, 30, 40, 50)), "p": 5 * rng.randrange(8, 41) + 1, "f": rng.randrange(2, 41)}


def _oxygen_cylinder(values: Values) -> Solution:
    v, p, f = (values[name] for name in "vpf")
    usable = v * (p - 1)
    minutes = Fraction(usable, f)
    return Solution(
        steps=(
            "At constant temperature pressure times volume is constant for an ideal gas: p1 · V1 = p2 · V2.",
            f"At 1 bar the gas would fill {p} · {v} = {p * v} litres.",
            (
                f"When the pressure has fallen to 1 bar, the cylinder is still full: {v} litres stay behind, and "
                f"{p * v} - {v} = {usable} litres flow out."
            ),
            f"At {f} litres a minute this lasts {usable}/{f} = {show_measure(minutes)} minutes.",
        ),
        result=f"{usable} litres at 1 bar can be used, enough for {show_measure(minutes)} minutes",
        check=f"The flow lowers the pressure by {show_measure(Fraction(f, v))} bar a minute, and a drop of {p - 1} "
        f"bar at this rate takes {show_measure((p - 1) / Fraction(f, v))} minutes.",
    )


def _draw_oxygen_budget(rng: Random) -> dict[str, int]:
    top, bottom = rng.randrange(85, 130), rng.randrange(50, 76)
    return {
        "q": 10 * rng.randrange(6, 120),
        "a": top // 10,
        "b": top % 10,
        "c": bottom // 10,
        "d": bottom % 10,
        "r": 10 * rng.randrange(12, 41),
    }


def _oxygen_budget(values: Values) -> Solution:
    q, r = values["q"], values["r"]
    top, bottom = tenths(values["a"], values["b"]), tenths(values["c"], values["d"])
    if top <= bottom:
        raise UnsolvableError("the water brings no oxygen that could be used")
    drop, hourly = top - bottom, 60 * q
    used = drop * hourly
    return Solution(
        steps=(
            (
                f"Each litre brings {show_decimal(top)} mg and takes away {show_decimal(bottom)} mg, so it leaves "
                f"{show_decimal(drop)} mg behind."
            ),
            f"In an hour 60 · {q} = {hourly} litres pass through.",
            f"They supply {hourly} · {show_decimal(drop)} = {show_decimal(used)} mg of oxygen.",
            (
                f"At {r} mg per kilogram and hour this is enough for {show_decimal(used)}/{r} = "
                f"{show_measure(used / r)} kg."
            ),
        ),
        result=f"the water supplies {show_decimal(used / 1000)} grams of oxygen an hour, enough for "
        f"{show_measure(used / r)} kilograms of fish",
        check=f"A kilogram of fish needs {r}/{show_decimal(drop)} = {show_measure(r / drop)} litres of this water an "
        f"hour, and {hourly} litres divided by that is {show_measure(hourly / (r / drop))} kg.",
    )


def _draw_free_ammonia(rng: Random) -> dict[str, int]:
    return {"a": rng.randrange(5), "b": rng.randrange(1, 10), "p": rng.randrange(1, 31)}


def _free_ammonia(values: Values) -> Solution:
    total, p = tenths(values["a"], values["b"]), values["p"]
    if not total:
        raise UnsolvableError("there is no ammonia")
    nitrogen = total * p / 100
    ammonia = nitrogen * 17 / 14
    return Solution(
        steps=(
            (
                f"Of the {show_decimal(total)} mg/L of nitrogen, {p} percent belongs to NH3: {show_decimal(total)} · "
                f"{p}/100 = {show_decimal(nitrogen)} mg/L."
            ),
            "A molecule of NH3 has the mass 14 + 3 · 1 = 17, of which 14 are nitrogen.",
            (
                f"The mass of ammonia is therefore 17/14 of the mass of its nitrogen: {show_decimal(nitrogen)} · "
                f"17/14 = {show_measure(ammonia)} mg/L."
            ),
            (
                f"The other {100 - p} percent of the nitrogen is bound in the ammonium ion, NH4+, which is far less "
                "toxic."
            ),
        ),
        result=f"un-ionised ammonia amounts to {show_decimal(nitrogen)} mg/L as nitrogen, or {show_measure(ammonia)} "
        "mg/L as NH3",
        check=f"In millimoles: {show_decimal(nitrogen)}/14 = {show_measure(nitrogen / 14)} mmol/L, which times 17 "
        f"mg/mmol is {show_measure(nitrogen / 14 * 17)} mg/L.",
    )


def _draw_nitrification(rng: Random) -> dict[str, int]:
    return {"f": rng.randrange(2, 90), "n": rng.choice((21, 24, 25, 28, 30, 32, 35, 36, 40, 42))}


def _nitrification(values: Values) -> Solution:
    f, n = values["f"], values["n"]
    nitrogen = f * n
    moles = Fraction(nitrogen, 14)
    return Solution(
        steps=(
            f"The feed leads to {f} · {n} = {nitrogen} grams of ammonia nitrogen a day.",
            "The balanced equation is NH4+ + 2 O2 -> NO3- + 2 H+ + H2O.",
            (
                f"For 14 grams of nitrogen it needs 2 · 32 = 64 grams of oxygen: {nitrogen} · 64/14 = "
                f"{show_measure(64 * moles)} grams."
            ),
            (
                f"The 2 H+ use up the alkalinity of one mole of CaCO3, 100 grams: {nitrogen} · 100/14 = "
                f"{show_measure(100 * moles)} grams."
            ),
        ),
        result=f"nitrification uses {show_measure(64 * moles)} grams of oxygen a day, and alkalinity equal to "
        f"{show_measure(100 * moles)} grams of calcium carbonate",
        check=f"In moles: {show_measure(moles)} mol of NH4+ take {show_measure(2 * moles)} mol of O2 at 32 g/mol and "
        f"give {show_measure(2 * moles)} mol of H+, for which 50 grams of carbonate each are needed.",
    )


def _draw_dechlorination(rng: Random) -> dict[str, int]:
    return {"a": rng.randrange(3), "b": rng.randrange(1, 10), "v": rng.randrange(2, 150)}


def _dechlorination(values: Values) -> Solution:
    level, v = tenths(values["a"], values["b"]), values["v"]
    if not level:
        raise UnsolvableError("there is no chlorine")
    chlorine = level * v
    dose = chlorine * 496 / 71
    return Solution(
        steps=(
            "The balanced equation is 2 Na2S2O3 + Cl2 -> Na2S4O6 + 2 NaCl.",
            (
                f"One mg/L is one gram in a cubic metre, so the water holds {show_decimal(level)} · {v} = "
                f"{show_decimal(chlorine)} grams of chlorine."
            ),
            "Na2S2O3·5H2O has 2 · 23 + 2 · 32 + 3 · 16 + 5 · 18 = 248 g/mol, and Cl2 has 2 · 35.5 = 71 g/mol.",
            (
                "For 71 grams of chlorine 2 · 248 = 496 grams are needed, about 7 grams for each gram: "
                f"{show_decimal(chlorine)} · 496/71 = {show_measure(dose)} grams."
            ),
        ),
        result=f"{show_measure(dose)} grams of sodium thiosulfate pentahydrate for {show_decimal(chlorine)} grams of "
        "chlorine",
        check=f"In moles: {show_measure(chlorine / 71)} mol of Cl2 need {show_measure(2 * chlorine / 71)} mol of "
        f"thiosulfate. The rule of 7 to 1 would give {show_decimal(7 * chlorine)} grams.",
    )


def _draw_water_exchange(rng: Random) -> dict[str, int]:
    return {"c": 10 * rng.randrange(4, 31), "p": 5 * rng.randrange(2, 13), "n": rng.randrange(2, 7)}


def _water_exchange(values: Values) -> Solution:
    c, p, n = (values[name] for name in "cpn")
    share = Fraction(100 - p, 100)
    left = c * share**n
    return Solution(
        steps=(
            (
                f"Each exchange replaces {p} percent of the mixed water by clean water, so {100 - p} percent of the "
                "substance remains."
            ),
            (
                f"After the first exchange the concentration is {c} · {show_decimal(share)} = "
                f"{show_decimal(c * share)} mg/L."
            ),
            (
                f"Every further exchange multiplies by {show_decimal(share)} again; after {n} of them the factor is "
                f"{show_decimal(share)}^{n} = {show_measure(share**n)}."
            ),
            f"What remains is {c} · {show_decimal(share)}^{n} = {show_measure(left)} mg/L.",
        ),
        result=f"{show_measure(left)} mg/L, which is {show_measure(100 * share**n)} percent of the start",
        check=f"Adding up {n} times {p} percent would give {n * p} percent, but each exchange also removes clean "
        f"water that has just been added; in fact {show_measure(100 * (1 - share**n))} percent is removed.",
    )


PONDS: Mapping[str, Problem] = {
    "oxygen_saturation": Problem(
        ranges={"a": (0, 99), "b": _TENTH, "c": (1, 99), "d": _TENTH},
        draw=_draw_oxygen_saturation,
        solve=_oxygen_saturation,
    ),
    "oxygen_cylinder": Problem(
        ranges={"v": (1, 9999), "p": (2, 300), "f": (1, 9999)}, draw=_draw_oxygen_cylinder, solve=_oxygen_cylinder
    ),
    "oxygen_budget": Problem(
        ranges={"q": (1, 999_999), "a": (0, 99), "b": _TENTH, "c": (0, 99), "d": _TENTH, "r": (1, 9999)},
        draw=_draw_oxygen_budget,
        solve=_oxygen_budget,
    ),
    "free_ammonia": Problem(
        ranges={"a": (0, 999), "b": _TENTH, "p": (1, 99)}, draw=_draw_free_ammonia, solve=_free_ammonia
    ),
    "nitrification": Problem(ranges={"f": (1, 99_999), "n": (1, 999)}, draw=_draw_nitrification, solve=_nitrification),
    "dechlorination": Problem(
        ranges={"a": (0, 99), "b": _TENTH, "v": (1, 99_999)}, draw=_draw_dechlorination, solve=_dechlorination
    ),
    "water_exchange": Problem(
        ranges={"c": (1, 9999), "p": (1, 99), "n": (2, 12)}, draw=_draw_water_exchange, solve=_water_exchange
    ),
}
