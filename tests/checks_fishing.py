"""Problems of the Fishing industry: each result is confirmed by a balance of masses, ions or fish."""

import math
from fractions import Fraction

from checks_reading import Values, numbers


def is_near(found: Fraction | float, expected: Fraction | float) -> bool:
    """Return whether a number agrees with another one but for rounding to four figures."""
    return math.isclose(found, expected, rel_tol=6e-4, abs_tol=1e-9)


def tenths(values: Values, whole: str, tenth: str) -> Fraction:
    return Fraction(f"{values[whole]}.{values[tenth]}")


def check_recapture(values: Values, result: str) -> None:
    size = numbers(result)[0]
    assert abs(size - Fraction(values["c"], values["r"]) * values["m"]) <= Fraction(1, 2)
    assert size >= max(values["m"], values["c"])


def check_catch_rate(values: Values, result: str) -> None:
    first, second, *change = numbers(result)
    assert is_near(first * values["b"], values["a"])
    assert is_near(second * values["d"], values["c"])
    rates = values["c"] * values["b"] - values["a"] * values["d"]
    assert ("a rise" in result, "a fall" in result, "no change" in result) == (rates > 0, rates < 0, rates == 0)
    if change:
        grown = 1 + (change[0] if rates > 0 else -change[0]) / 100
        assert abs(values["a"] * values["d"] * grown - values["c"] * values["b"]) <= abs(rates) * Fraction(6, 10_000)


def check_echo_depth(values: Values, result: str) -> None:
    depth, above = numbers(result)
    assert depth / 1500 * 2 * 1000 == values["t"]
    assert (depth + above) / 1500 * 2 * 1000 == values["u"]


def check_cube_growth(values: Values, result: str) -> None:
    density = values["m"] / (values["a"] * values["a"] * values["a"])
    mass = float(numbers(result)[0])
    assert is_near((mass / density) ** (1 / 3), values["b"])


def check_stock_balance(values: Values, result: str) -> None:
    end, *_, level = numbers(result)
    ledger = [values["s"], values["r"], values["g"], -values["d"]]
    assert end == math.fsum([*ledger, -values["c"]])
    assert math.fsum([*ledger, -level]) == values["s"]
    assert ("larger" in result, "smaller" in result) == (end > values["s"], end < values["s"])


def check_melting_ice(values: Values, result: str) -> None:
    ice = numbers(result)[0]
    assert is_near(ice * 334 / (Fraction("3.6") * values["m"]), values["t"])


def check_drying(values: Values, result: str) -> None:
    left, water = numbers(result)
    assert is_near(left + water, values["m"])
    assert is_near(left * (100 - values["q"]), values["m"] * (100 - values["p"]))


def check_fatty_acid(values: Values, result: str) -> None:
    c, d = values["c"], values["d"]
    molar, grams, moles = numbers(result)
    assert molar == 60 + 14 * (c - 2) - 2 * d  # acetic acid, longer by CH2 groups, without two hydrogen atoms a bond
    # Every bond uses two valences: c - 1 between carbon atoms, d of them double, C=O, C-O, O-H, and the others to H.
    valences = 4 * c - 2 * (c - 1) - 2 * d - 2 - 1
    assert f"C{c}H{valences + 1}O2" in result
    assert grams == values["m"]
    assert is_near(moles * molar, grams)


def check_limestone(values: Values, result: str) -> None:
    litres, gas = numbers(result)
    acid = litres * values["c"] * Fraction("36.5")
    assert is_near(acid / Fraction("36.5") / 2, gas / 44)
    chloride, water = gas / 44 * 111, gas / 44 * 18
    assert is_near(values["m"] + acid, chloride + water + gas)


def check_salt_solution(values: Values, result: str) -> None:
    salt, ions = numbers(result)
    sodium = chloride = salt * values["v"]
    assert is_near(ions * values["v"], sodium + chloride)
    assert is_near(23 * sodium + Fraction("35.5") * chloride, values["m"])


def check_tank_dose(values: Values, result: str) -> None:
    grams, litres = numbers(result)
    assert is_near(litres, values["l"] / 10 * (values["w"] / 10) * (values["h"] / 10))
    assert is_near(grams / (litres * 1000) * 1_000_000, values["d"])


def check_stock_dilution(values: Values, result: str) -> None:
    millilitres, litres = numbers(result)
    assert litres == values["v"]
    assert is_near(millilitres / 1000 * values["a"] / litres, Fraction(values["b"], 1000))
    assert millilitres < litres * 1000


def check_mixed_salinity(values: Values, result: str) -> None:
    mixed = numbers(result)[0]
    total = sum(values[mass] for mass in "mn") * mixed
    assert is_near(total, values["m"] * values["s"] + values["n"] * values["t"])
    assert min(values["s"], values["t"]) < mixed < max(values["s"], values["t"])


def check_acid_ph(values: Values, result: str) -> None:
    ions = 10.0 ** -values["n"] * values["v"] / values["w"]
    assert math.isclose(-math.log10(ions), int(result.rpartition(" ")[2]))


def check_neutralisation(values: Values, result: str) -> None:
    sodium = numbers(result)[0] * values["b"]
    sulfate = values["v"] * values["a"]
    assert is_near(sodium, 2 * sulfate)  # the finished solution of Na2SO4 carries no net charge


def check_alkalinity_dose(values: Values, result: str) -> None:
    moles = numbers(result)[0] / (23 + 1 + 12 + 48)
    raised = moles / (1000 * values["v"]) * 1000 * (40 + 12 + 48) / 2
    assert is_near(values["p"] + raised, values["q"])


def check_hardness(values: Values, result: str) -> None:
    total, carbonate = numbers(result)
    ions = values["a"] / 40 + values["b"] / 24
    assert is_near(total, ions)
    assert is_near(carbonate, ions * (40 + 12 + 48))


def check_oxygen_saturation(values: Values, result: str) -> None:
    found, full = tenths(values, "a", "b"), tenths(values, "c", "d")
    percent, *gap = numbers(result)
    assert is_near(full * percent / 100, found)
    assert ("missing" in result, "super" in result, "exactly" in result) == (found < full, found > full, found == full)
    assert gap == [abs(full - found)] or found == full


def check_oxygen_cylinder(values: Values, result: str) -> None:
    usable, pressure, minutes = numbers(result)
    assert pressure == 1
    assert is_near(minutes * values["f"], usable)
    assert (usable + values["v"]) * pressure == values["p"] * values["v"]


def check_oxygen_budget(values: Values, result: str) -> None:
    grams, fish = numbers(result)
    assert is_near(fish * values["r"], 1000 * grams)
    left = tenths(values, "a", "b") - grams * 1000 / (60 * values["q"])
    assert left == tenths(values, "c", "d")


def check_free_ammonia(values: Values, result: str) -> None:
    nitrogen, ammonia = numbers(result)
    assert nitrogen / tenths(values, "a", "b") == Fraction(values["p"], 100)
    assert is_near(ammonia, nitrogen + 3 * nitrogen / 14)  # three hydrogen atoms on each nitrogen atom


def check_nitrification(values: Values, result: str) -> None:
    oxygen, carbonate = numbers(result)
    nitrogen = values["f"] * values["n"]
    assert is_near(oxygen / 32 / 2, nitrogen / 14)
    protons = 2 * nitrogen / 14
    assert is_near(carbonate / 100 * 2, protons)


def check_dechlorination(values: Values, result: str) -> None:
    dose, chlorine = numbers(result)
    assert chlorine == tenths(values, "a", "b") * values["v"]
    lost = 2 * chlorine / 71  # electrons that the chlorine takes up, one from each thiosulfate ion
    assert is_near(dose / (2 * 23 + 2 * 32 + 3 * 16 + 5 * 18), lost)


def check_water_exchange(values: Values, result: str) -> None:
    left, percent = numbers(result)
    level = float(values["c"])
    for _ in range(values["n"]):
        level -= level * values["p"] / 100
    assert is_near(left, level)
    assert is_near(percent, 100 * level / values["c"])
