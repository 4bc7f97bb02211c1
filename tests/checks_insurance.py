"""Problems of the insurance industry: each result is lived through year by year, loss by loss or case by case."""

import math
from fractions import Fraction

from checks_reading import Values, numbers

CENT = 0.00501


def near(found: Fraction, expected: float, tolerance: float = CENT) -> bool:
    return abs(float(found) - expected) <= tolerance + 1e-9 * abs(expected)


def check_effective_rate(values: Values, result: str) -> None:
    year = math.exp(values["m"] * math.log1p(values["r"] / 100 / values["m"]))
    assert near(numbers(result)[0], 100 * (year - 1), 0.000501)


def check_equation_of_value(values: Values, result: str) -> None:
    paid = float(numbers(result)[0])
    debts = ((values["a"], values["m"]), (values["b"], values["n"]))
    first, last = min(*(due for _, due in debts), values["t"]), max(*(due for _, due in debts), values["t"])
    balance = 0.0
    for year in range(first, last + 1):
        balance *= 1 + values["i"] / 100
        balance += sum(sum_due for sum_due, due in debts if due == year) - (paid if year == values["t"] else 0)
    later = math.pow(1 + values["i"] / 100, last - values["t"])
    assert abs(balance) <= (CENT + 1e-9 * paid) * later


def check_real_rate(values: Values, result: str) -> None:
    rough, exact = numbers(result)[0], numbers(result)[-1]
    assert (1 + exact / 100) * (100 + values["p"]) == 100 + values["i"]
    assert near(rough, float(exact))


def check_annuity_value(values: Values, result: str) -> None:
    fund = float(numbers(result)[0])
    payments = [values["r"] / math.pow(1 + values["i"] / 100, year) for year in range(1, values["n"] + 1)]
    assert near(Fraction(fund), math.fsum(payments))


def check_growing_perpetuity(values: Values, result: str) -> None:
    value, *rates = numbers(result)
    assert rates == [values["i"], values["g"]]
    ratio = (1 + values["g"] / 100) / (1 + values["i"] / 100)
    terms = math.ceil(-40 / math.log(ratio))
    first = values["d"] / (1 + values["i"] / 100)
    assert near(value, math.fsum(first * ratio**k for k in range(terms)), 0.01)


def check_loan_split(values: Values, result: str) -> None:
    level, number, interest, repaid = numbers(result)
    assert number == values["k"]
    assert level == interest + repaid
    rate = values["i"] / 100
    grown = math.pow(1 + rate, values["n"])
    exact = values["l"] * rate * grown / (grown - 1)
    assert near(level, exact)
    balance = float(values["l"])
    for _ in range(values["k"] - 1):
        balance -= exact - balance * rate
    assert near(interest, balance * rate)


def check_bond_price(values: Values, result: str) -> None:
    price = numbers(result)[0]
    worth = float(values["f"])
    for _ in range(values["n"]):
        worth = (worth + values["f"] * values["c"] / 100) / (1 + values["y"] / 100)
    assert near(price, worth)
    place = {-1: "below par", 0: "at par", 1: "above par"}
    assert result.endswith(place[(values["c"] > values["y"]) - (values["c"] < values["y"])])


def check_small_pool(values: Values, result: str) -> None:
    chance, payment = numbers(result)
    n, risk = values["n"], 1 / values["m"]
    cases = [math.comb(n, k) * risk**k * (1 - risk) ** (n - k) for k in range(n + 1)]
    assert near(chance, 100 * cases[0])
    assert near(payment, math.fsum(case * k * values["s"] / n for k, case in enumerate(cases)))


def check_no_claims_discount(values: Values, result: str) -> None:
    damage, cost, *gap = numbers(result)
    assert damage == values["c"]
    premiums = [sum(values["b"] * (100 - values[off]) / 100 for _ in range(values["k"])) for off in ("r", "s")]
    assert near(cost, premiums[1] - premiums[0])
    better = premiums[0] + values["c"] - premiums[1]
    if abs(better) < 1e-6:
        assert result.endswith("makes no difference")
    else:
        assert ("gains" in result) == (better > 0)
        assert near(gap[0], abs(better))


def check_general_average(values: Values, result: str) -> None:
    shares = numbers(result)
    assert near(sum(shares, Fraction(0)), values["j"], 3 * CENT)
    stakes = [values[name] for name in "vab"]
    for share, stake in zip(shares, stakes, strict=True):
        assert abs(share * sum(stakes) - stake * values["j"]) <= Fraction(1, 200) * sum(stakes)


def check_deductible(values: Values, result: str) -> None:
    paid, borne = numbers(result)
    assert paid + borne == sum(values[name] for name in "abc")
    first, last = values["d"], values["d"] + values["l"]
    assert borne == sum(min(values[name], first) + max(values[name] - last, 0) for name in "abc")


def check_underinsurance(values: Values, result: str) -> None:
    paid, share, borne = numbers(result)
    assert share * values["v"] == values["s"]
    assert abs(paid * values["v"] - values["x"] * values["s"]) <= Fraction(1, 200) * values["v"]
    assert near(paid + borne, values["x"], 2 * CENT)


def check_pure_premium(values: Values, result: str) -> None:
    claims = values["c"] * values["a"] + values["k"] * values["b"]
    assert abs(numbers(result)[0] * values["n"] - claims) <= Fraction(values["n"], 200)


def check_combined_ratio(values: Values, result: str) -> None:
    loss, cost, both, *gap = numbers(result)
    for ratio, spent in ((loss, values["c"]), (cost, values["e"]), (both, values["c"] + values["e"])):
        assert abs(ratio * values["p"] - 100 * spent) <= Fraction(values["p"], 200)
    left = values["p"] - values["c"] - values["e"]
    assert (gap == [abs(left)]) if left else ("neither" in result)
    assert ("a profit" in result) == (left > 0)


def check_quota_share(values: Values, result: str) -> None:
    own, theirs = numbers(result)
    ceded = values["q"] / 100
    assert near(theirs, ceded * (values["p"] * (1 - values["k"] / 100) - values["c"]))
    assert near(own + theirs, values["p"] - values["c"], 2 * CENT)


def check_life_table(values: Values, result: str) -> None:
    exact, rough = numbers(result)
    reached = 1 - (values["a"] - values["b"]) / values["a"]
    assert math.isclose(float(exact), reached * (1 - values["c"] / values["b"]), abs_tol=1e-9)
    assert near(rough, float(exact), 0.0000501)


def check_term_premium(values: Values, result: str) -> None:
    fund = 0.0
    for deaths in (values["p"], values["q"]):
        fund = (deaths / 1000 * values["s"] + (1 - deaths / 1000) * fund) / (1 + values["i"] / 100)
    assert near(numbers(result)[0], fund)


def check_compound_variance(values: Values, result: str) -> None:
    mean, deviation = numbers(result)
    a, b, p, m = (values[name] for name in "abpm")
    claim = b + (a - b) * p / 100
    spread = (p / 100 * (a - claim) ** 2) + (1 - p / 100) * (b - claim) ** 2
    assert near(mean, m * claim)
    assert near(deviation, math.sqrt(m * spread + m * claim**2))


def check_credibility(values: Values, result: str) -> None:
    weight, premium = numbers(result)
    assert weight * (values["n"] + values["k"]) == values["n"]
    years = [values["x"]] * values["n"] + [values["m"]] * values["k"]
    assert near(premium, sum(years) / len(years))


def check_excess_layer(values: Values, result: str) -> None:
    paid, kept = numbers(result)
    bands = [range(values["d"], values["d"] + values["l"])] * 3
    hit = sum(len(range(band.start, min(values[name], band.stop))) for name, band in zip("abc", bands, strict=True))
    assert paid == min(hit, 2 * values["l"])
    assert paid + kept == sum(values[name] for name in "abc")


def check_chain_ladder(values: Values, result: str) -> None:
    factor, final, reserve = numbers(result)
    early, late = values["a"] + values["c"], values["b"] + values["d"]
    assert abs(factor * early - late) <= Fraction(early, 20_000)
    assert abs(final * early - values["e"] * late) <= Fraction(early, 200)
    assert near(reserve + values["e"], float(final), 2 * CENT)
