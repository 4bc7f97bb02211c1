"""Problems on substances, solutions, acids and hardness, with whole or half atomic masses and exact amounts."""

from collections.abc import Mapping
from fractions import Fraction
from random import Random

from glan.teachers.offline.problems import Problem, Solution, UnsolvableError, Values, reduced, show_decimal
from glan.teachers.offline.quantities import show_measure

_FATTY_ACIDS = (
    (14, 0), (16, 0), (16, 1), (18, 0), (18, 1), (18, 2), (18, 3),
    (18, 4), (20, 1), (20, 4), (20, 5), (22, 1), (22, 5), (22, 6),
)  # fmt: skip
"""Carbon atoms and double bonds of the commonest fatty acids in fish oil."""
_SALT = Fraction(117, 2)
"""Grams of sodium chloride in a mole."""


def _draw_fatty_acid(rng: Random) -> dict[str, int]:
    c, d = rng.choice(_FATTY_ACIDS)
    return {"c": c, "d": d, "m": 5 * rng.randrange(10, 200)}


def _fatty_acid(values: Values) -> Solution:
    c, d, m = (values[name] for name in "cdm")
    if 2 * d > c - 1:
        raise UnsolvableError("there is no room for so many double bonds")
    h = 2 * c - 2 * d
    mass = 12 * c + h + 32
    return Solution(
        steps=(
            (
                f"A saturated, unbranched fatty acid with {c} carbon atoms has {2 * c} hydrogen atoms, and each "
                f"double bond takes away two: {2 * c} - 2 · {d} = {h}. The acid group has two oxygen atoms, so the "
                f"formula is C{c}H{h}O2."
            ),
            f"The molar mass is {c} · 12 + {h} · 1 + 2 · 16 = {mass} g/mol.",
            (
                f"The amount of substance is mass divided by molar mass: {m}/{mass} = "
                f"{show_measure(Fraction(m, mass))} mol."
            ),
        ),
        result=f"the formula is C{c}H{h}O2, the molar mass is {mass} g/mol, and {m} grams are "
        f"{show_measure(Fraction(m, mass))} mol",
        check=f"Built up from acetic acid with 60 g/mol, the chain needs {c - 2} more CH2 groups of 14 g/mol and "
        f"loses {2 * d} hydrogen atoms: 60 + {14 * (c - 2)} - {2 * d} = {mass}.",
    )


def _draw_limestone(rng: Random) -> dict[str, int]:
    return {"m": 5 * rng.randrange(10, 200), "c": rng.randrange(1, 7)}


def _limestone(values: Values) -> Solution:
    m, c = values["m"], values["c"]
    moles = Fraction(m, 100)
    gas, litres = 44 * moles, 2 * moles / c
    before = show_decimal(m + 73 * moles)
    parts = " + ".join(show_decimal(part * moles) for part in (111, 44, 18))
    return Solution(
        steps=(
            "The balanced equation is CaCO3 + 2 HCl -> CaCl2 + CO2 + H2O.",
            f"Calcium carbonate has 40 + 12 + 3 · 16 = 100 g/mol, so {m} grams are {show_decimal(moles)} mol.",
            (
                f"Each mole needs 2 mol of HCl, together {show_decimal(2 * moles)} mol. At {c} mol/L these are in "
                f"{show_decimal(2 * moles)}/{c} = {show_measure(litres)} litres."
            ),
            (
                f"Each mole sets free 1 mol of CO2 with 12 + 2 · 16 = 44 g/mol: {show_decimal(moles)} · 44 = "
                f"{show_decimal(gas)} grams."
            ),
        ),
        result=f"the calcium carbonate takes up {show_measure(litres)} litres of the acid and gives off "
        f"{show_decimal(gas)} grams of carbon dioxide",
        check=f"Before, {m} grams of carbonate and {show_decimal(73 * moles)} grams of HCl weigh {before} grams; "
        f"afterwards CaCl2, CO2 and H2O weigh {parts} = {show_decimal(173 * moles)} grams.",
    )


def _draw_salt_solution(rng: Random) -> dict[str, int]:
    v = rng.choice((2, 4, 5, 10, 20, 25, 40, 50, 60, 80, 100, 150, 200))
    return {"v": v, "m": v * rng.randrange(2, 36)}


def _salt_solution(values: Values) -> Solution:
    m, v = values["m"], values["v"]
    moles = m / _SALT
    molar = moles / v
    return Solution(
        steps=(
            "Sodium chloride has a molar mass of 23 + 35.5 = 58.5 g/mol.",
            f"The amount of substance is {m}/58.5 = {show_measure(moles)} mol.",
            f"Divided by {v} litres, this is {show_measure(molar)} mol/L.",
            (
                "The salt separates into its ions, so sodium and chloride each have this concentration, and all ions "
                f"together have twice as much, {show_measure(2 * molar)} mol/L."
            ),
        ),
        result=(
            f"the concentration is {show_measure(molar)} mol/L of sodium chloride, "
            f"and {show_measure(2 * molar)} mol/L of all ions together"
        ),
        check=f"The solution contains {reduced(m, v)} grams in a litre, and dividing that by 58.5 g/mol gives "
        f"{show_measure(Fraction(m, v) / _SALT)} mol/L again.",
    )


def _draw_tank_dose(rng: Random) -> dict[str, int]:
    return {
        "l": 50 * rng.randrange(3, 25),
        "w": 50 * rng.randrange(2, 9),
        "h": 20 * rng.randrange(3, 9),
        "d": rng.choice((2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 50)),
    }


def _tank_dose(values: Values) -> Solution:
    length, w, h, d = (values[name] for name in "lwhd")
    litres = Fraction(length * w * h, 1000)
    grams = litres * d / 1000
    shown = show_measure(litres)
    return Solution(
        steps=(
            (
                f"The water fills {length} · {w} · {h} = {length * w * h:,} cubic centimetres, and a thousand of "
                f"these are a litre, so there are {shown} litres."
            ),
            f"Each litre is to receive {d} milligrams: {shown} · {d} = {show_measure(litres * d)} milligrams.",
            f"Divided by 1000, this is {show_measure(grams)} grams.",
        ),
        result=f"{show_measure(grams)} grams for {shown} litres of water",
        check="A litre of fresh water weighs about a kilogram, or a million milligrams. The dose is therefore about "
        f"{d} parts per million of the mass of {shown} kilograms of water, which is {show_measure(grams)} grams again.",
    )


def _draw_stock_dilution(rng: Random) -> dict[str, int]:
    return {
        "a": 10 * rng.randrange(2, 41),
        "b": 5 * rng.randrange(2, 61),
        "v": 10 * rng.randrange(2, 81),
    }


def _stock_dilution(values: Values) -> Solution:
    a, b, v = (values[name] for name in "abv")
    if b >= 1000 * a:
        raise UnsolvableError("the stock solution is too weak")
    volume = Fraction(b * v, a)
    return Solution(
        steps=(
            "Diluting leaves the mass of dissolved substance unchanged, so c1 · V1 = c2 · V2.",
            f"The finished {v} litres at {b} mg/L contain {b} · {v} = {b * v} milligrams.",
            f"The stock solution has {a} g/L, and that is {a} milligrams in each millilitre.",
            f"Hence V1 = {b * v}/{a} = {show_measure(volume)} millilitres.",
        ),
        result=f"{show_measure(volume)} millilitres of the stock solution, made up to {v} litres with water",
        check=f"The stock is {1000 * a} mg/L and has to be diluted by the factor {reduced(1000 * a, b)}. The volume "
        f"{1000 * v} mL divided by this factor is {show_measure(Fraction(1000 * v * b, 1000 * a))} mL.",
    )


def _draw_mixed_salinity(rng: Random) -> dict[str, int]:
    s, t = rng.sample(range(36), 2)
    return {"m": 50 * rng.randrange(2, 61), "s": s, "n": 50 * rng.randrange(2, 61), "t": t}


def _mixed_salinity(values: Values) -> Solution:
    m, s, n, t = (values[name] for name in "msnt")
    if s == t:
        raise UnsolvableError("both waters are alike")
    mixed = Fraction(m * s + n * t, m + n)
    return Solution(
        steps=(
            f"The first water contains {m} · {s} = {m * s} grams of salt and the second {n} · {t} = {n * t} grams.",
            f"Together there are {m * s} + {n * t} = {m * s + n * t} grams of salt in {m} + {n} = {m + n} kilograms.",
            (
                f"Salt and mass are both conserved in mixing, so the salinity is {m * s + n * t}/{m + n} = "
                f"{show_measure(mixed)} g/kg."
            ),
        ),
        result=f"the mixture has a salinity of {show_measure(mixed)} g/kg",
        check=f"{m} kilograms differ from the mixture by {show_measure(abs(mixed - s))} g/kg, and {n} kilograms "
        f"differ by {show_measure(abs(mixed - t))} g/kg in the other direction; both products are "
        f"{show_measure(m * abs(mixed - s))} grams, so the salt balances.",
    )


def _draw_acid_ph(rng: Random) -> dict[str, int]:
    n, k = rng.randrange(1, 4), rng.randrange(1, 4)
    v = rng.choice((2, 5, 10, 20, 25, 40, 50, 100, 200, 250))
    return {"n": n, "v": v, "w": v * 10**k}


def _acid_ph(values: Values) -> Solution:
    n, v, w = (values[name] for name in "nvw")
    factor = w // v
    k = len(str(factor)) - 1
    if factor * v != w or factor != 10**k or not 1 <= k <= 6 - n:
        raise UnsolvableError("the dilution is no power of ten, or the acid becomes too weak for this reasoning")
    return Solution(
        steps=(
            f"A pH of {n} means that the concentration of hydrogen ions is 10^-{n} mol/L.",
            f"From {v} to {w} millilitres the volume grows by the factor {factor}, which is 10^{k}.",
            (
                "A strong acid is fully dissociated before and after, so the concentration falls by the same factor, "
                f"to 10^-{n + k} mol/L."
            ),
            f"The pH is the negative decimal logarithm of this number, {n + k}, which is {k} higher than before.",
        ),
        result=f"the diluted acid has pH {n + k}",
        check=f"Each tenfold dilution raises the pH of a strong acid by 1, and {factor} means {k} of them: {n} + {k} "
        f"= {n + k}. The water's own 10^-7 mol/L is small beside 10^-{n + k} mol/L.",
    )


def _draw_neutralisation(rng: Random) -> dict[str, int]:
    return {"v": 10 * rng.randrange(2, 80), "a": rng.randrange(2, 31), "b": 50 * rng.randrange(4, 41)}


def _neutralisation(values: Values) -> Solution:
    v, a, b = (values[name] for name in "vab")
    volume = Fraction(2 * a * v, b)
    return Solution(
        steps=(
            "The balanced equation is H2SO4 + 2 NaOH -> Na2SO4 + 2 H2O, so each mole of acid needs two of hydroxide.",
            f"The acid amounts to {v} · {a} = {v * a} millimoles.",
            f"It needs 2 · {v * a} = {2 * v * a} millimoles of sodium hydroxide.",
            f"With {b} millimoles in each litre this takes {2 * v * a}/{b} = {show_measure(volume)} litres.",
        ),
        result=f"{show_measure(volume)} litres of the sodium hydroxide solution",
        check=f"Counted by ions: a litre of acid can give {2 * a} mmol of H+, which is {reduced(2 * a, b)} of the {b} "
        f"mmol of OH- in a litre of the base, and this fraction of {v} litres is "
        f"{show_measure(Fraction(2 * a, b) * v)} litres.",
    )


def _draw_alkalinity_dose(rng: Random) -> dict[str, int]:
    p = 5 * rng.randrange(2, 17)
    return {"p": p, "q": p + 5 * rng.randrange(4, 25), "v": rng.randrange(4, 120)}


def _alkalinity_dose(values: Values) -> Solution:
    p, q, v = (values[name] for name in "pqv")
    if q <= p:
        raise UnsolvableError("nothing has to be added")
    moles = Fraction((q - p) * v, 50)
    return Solution(
        steps=(
            f"The alkalinity is to grow by {q} - {p} = {q - p} mg/L as calcium carbonate.",
            (
                f"A cubic metre has 1000 litres, so {v} cubic metres need {q - p} · {v} = {(q - p) * v} grams as "
                "carbonate."
            ),
            (
                "A mole of CaCO3, 100 grams, takes up two moles of H+, so 50 grams of it stand for one mole of "
                f"alkalinity: {(q - p) * v}/50 = {show_measure(moles)} mol."
            ),
            (
                "A mole of NaHCO3 takes up one mole of H+ and weighs 23 + 1 + 12 + 3 · 16 = 84 grams: "
                f"{show_measure(moles)} · 84 = {show_measure(84 * moles)} grams."
            ),
        ),
        result=f"{show_measure(84 * moles)} grams of sodium hydrogencarbonate",
        check=f"The ratio 84/50 is 1.68, and 1.68 times {(q - p) * v} grams is "
        f"{show_measure(Fraction(168, 100) * (q - p) * v)} grams as well.",
    )


def _draw_hardness(rng: Random) -> dict[str, int]:
    return {"a": 2 * rng.randrange(5, 80), "b": 3 * rng.randrange(1, 25)}


def _hardness(values: Values) -> Solution:
    a, b = values["a"], values["b"]
    calcium, magnesium = Fraction(a, 40), Fraction(b, 24)
    total = calcium + magnesium
    return Solution(
        steps=(
            f"Calcium with 40 g/mol: {a}/40 = {show_measure(calcium)} mmol/L.",
            f"Magnesium with 24 g/mol: {b}/24 = {show_measure(magnesium)} mmol/L.",
            f"Hardness counts both ions alike, mole by mole: the sum is {show_measure(total)} mmol/L.",
            (
                f"Calcium carbonate has 100 g/mol, so this stands for {show_decimal(total)} · 100 = "
                f"{show_measure(100 * total)} mg/L."
            ),
        ),
        result=f"the total hardness is {show_measure(total)} mmol/L, or {show_measure(100 * total)} mg/L as calcium "
        "carbonate",
        check=f"Metal by metal: the calcium counts as {a} · 100/40 = {show_measure(100 * calcium)} mg/L and the "
        f"magnesium as {b} · 100/24 = {show_measure(100 * magnesium)} mg/L.",
    )


CHEMISTRY: Mapping[str, Problem] = {
    "fatty_acid": Problem(
        ranges={"c": (2, 60), "d": (0, 20), "m": (1, 999_999)}, draw=_draw_fatty_acid, solve=_fatty_acid
    ),
    "limestone": Problem(ranges={"m": (1, 999_999), "c": (1, 12)}, draw=_draw_limestone, solve=_limestone),
    "salt_solution": Problem(
        ranges={"m": (1, 99_999_999), "v": (1, 999_999)}, draw=_draw_salt_solution, solve=_salt_solution
    ),
    "tank_dose": Problem(ranges=dict.fromkeys("lwhd", (1, 99_999)), draw=_draw_tank_dose, solve=_tank_dose),
    "stock_dilution": Problem(
        ranges=dict.fromkeys("abv", (1, 999_999)), draw=_draw_stock_dilution, solve=_stock_dilution
    ),
    "mixed_salinity": Problem(
        ranges=dict.fromkeys("mn", (1, 999_999)) | dict.fromkeys("st", (0, 260)),
        draw=_draw_mixed_salinity,
        solve=_mixed_salinity,
    ),
    "acid_ph": Problem(ranges={"n": (1, 5), "v": (1, 9999), "w": (1, 99_999_999)}, draw=_draw_acid_ph, solve=_acid_ph),
    "neutralisation": Problem(
        ranges=dict.fromkeys("vab", (1, 99_999)), draw=_draw_neutralisation, solve=_neutralisation
    ),
    "alkalinity_dose": Problem(
        ranges=dict.fromkeys("pq", (0, 999)) | {"v": (1, 999_999)}, draw=_draw_alkalinity_dose, solve=_alkalinity_dose
    ),
    "hardness": Problem(ranges=dict.fromkeys("ab", (0, 99_999)), draw=_draw_hardness, solve=_hardness),
}
