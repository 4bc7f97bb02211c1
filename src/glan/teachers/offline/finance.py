"""Problems on interest, annuities, loans and bonds, with amounts in euros and cents."""

from collections.abc import Mapping
from fractions import Fraction
from random import Random

from glan.teachers.offline.problems import Problem, Solution, UnsolvableError, Values, show_decimal


def rounded(number: Fraction, decimals: int) -> str:
    """Return a number with so many decimals, halves away from zero: `0.05`, `-1.50`."""
    unit = 10**decimals
    whole, rest = divmod(int(abs(number) * unit + Fraction(1, 2)), unit)
    sign = "-" if number < 0 and whole + rest else ""
    return f"{sign}{whole}.{rest:0{decimals}d}" if decimals else f"{sign}{whole}"


def in_cents(number: Fraction, unit: str = "euros") -> str:
    """Return an amount of money, to the cent: `12 euros`, `1 euro`, `12.50 euros`."""
    if number.denominator == 1:
        return f"{number} {'euro' if number == 1 and unit == 'euros' else unit}"
    return f"{rounded(number, 2)} {unit}"


def is_whole_cents(number: Fraction) -> bool:
    return (number * 100).denominator == 1


def amount(number: Fraction, unit: str = "euros") -> str:
    """Return an amount of money, with the word `about` where cents are rounded: `about 12.35 euros`."""
    return f"{'' if is_whole_cents(number) else 'about '}{in_cents(number, unit)}"


def equals(number: Fraction, unit: str = "euros") -> str:
    """Return an amount after a sign that says whether cents are rounded: `= 12.50 euros`, `≈ 12.35 euros`."""
    return f"{'=' if is_whole_cents(number) else '≈'} {in_cents(number, unit)}"


def rounding(number: Fraction) -> str:
    """Return what is to be said after an amount to the cent."""
    return "" if is_whole_cents(number) else ", rounded to the cent"


def percent(share: Fraction, decimals: int = 2) -> str:
    """Return a share in percent, with the word `about` where decimals are rounded."""
    scaled = share * 100
    if (scaled * 10**decimals).denominator == 1:
        return f"{show_decimal(scaled)} percent"
    return f"about {rounded(scaled, decimals)} percent"


def growth(rate: int) -> Fraction:
    """Return the factor of a year at a rate in percent."""
    return Fraction(100 + rate, 100)


def cents(number: Fraction) -> Fraction:
    """Return an amount rounded to whole cents."""
    return Fraction(rounded(number, 2))


def annuity(rate: int, years: int) -> Fraction:
    """Return the value of payments of 1 at the ends of years, at a rate above 0 in percent."""
    return (1 - growth(rate) ** -years) * Fraction(100, rate)


def _draw_effective_rate(rng: Random) -> dict[str, int]:
    return {"r": rng.randrange(4, 25), "m": rng.choice((2, 3, 4, 6, 12))}


def _effective_rate(values: Values) -> Solution:
    r, m = values["r"], values["m"]
    part = Fraction(r, m)
    year = (1 + part / 100) ** m
    effective = percent(year - 1, 3)
    return Solution(
        steps=(
            (
                f"A nominal rate of {r} percent converted {m} times a year means {r}/{m} percent in each of the {m} "
                f"periods."
            ),
            (
                f"Each period multiplies the fund by 1 + {r}/{100 * m}, and the year by (1 + {r}/{100 * m})^{m}, "
                f"which to six decimals is {rounded(year, 6)}."
            ),
            f"Subtracting 1 leaves the effective annual rate, {effective}.",
            f"It exceeds the nominal {r} percent, because interest credited early in the year earns interest itself.",
        ),
        result=f"{effective} a year, which is {rounded(100 * year - 100 - r, 3)} percentage points above the nominal "
        "rate, to three decimals",
        check=f"A deposit of 1000 euros stands at {amount(1000 * year)} after a year, whereas {r} percent credited "
        f"once would make it {1000 + 10 * r} euros; the difference is interest on interest.",
    )


def _draw_equation_of_value(rng: Random) -> dict[str, int]:
    m, t, n = sorted(rng.sample(range(2, 12), 3))
    if rng.random() < 0.3:
        t, n = n, t
    a, b = rng.sample(range(4, 80), 2)
    return {"a": 250 * a, "m": m, "b": 250 * b, "n": n, "t": t, "i": rng.randrange(2, 9)}


def _moved(debt: int, due: int, date: int, rate: int) -> tuple[Fraction, str]:
    """Return the value at a date of a debt that is due at another, and the sentence that says so."""
    years = date - due
    value = debt * growth(rate) ** years
    factor = f"{show_decimal(growth(rate))}^{abs(years)}"
    time = "1 year" if abs(years) == 1 else f"{abs(years)} years"
    if years == 0:
        return value, f"The {debt} euros fall due on that very date and count in full."
    if years > 0:
        return value, f"The {debt} euros are due {time} earlier and grow to {debt} · {factor} {equals(value)}."
    return value, f"The {debt} euros are due {time} later and are then worth {debt}/{factor} {equals(value)}."


def _equation_of_value(values: Values) -> Solution:
    a, m, b, n, t, i = (values[name] for name in "ambnti")
    (first, one), (second, two) = _moved(a, m, t, i), _moved(b, n, t, i)
    total = first + second
    today = a * growth(i) ** -m + b * growth(i) ** -n
    return Solution(
        steps=(
            (
                f"Compare everything at the end of year {t}, where the single payment X is made; a year at {i} "
                f"percent is a factor of {show_decimal(growth(i))}."
            ),
            one,
            two,
            f"The equation of value sets X equal to the sum of both, rounded only in the end: {amount(total)}.",
            "Another date of comparison would multiply both sides by the same factor and leave X as it is.",
        ),
        result=f"a payment of {in_cents(total)} in {t} years{rounding(total)}",
        check=f"Discounted to the present, the two debts are worth {amount(today)} together, and so is the single "
        f"payment: X/{show_decimal(growth(i))}^{t} {equals(total / growth(i) ** t)}.",
    )


def _draw_real_rate(rng: Random) -> dict[str, int]:
    i, p = rng.sample(range(1, 16), 2)
    return {"i": i, "p": p}


def _real_rate(values: Values) -> Solution:
    i, p = values["i"], values["p"]
    real = Fraction(100 + i, 100 + p) - 1
    exact = f", exactly {100 * real} percent" if percent(real).startswith("about") else ""
    return Solution(
        steps=(
            f"Money grows by the factor {show_decimal(growth(i))} in a year and prices by {show_decimal(growth(p))}.",
            (
                f"Purchasing power grows by the quotient {100 + i}/{100 + p}, which to four decimals is "
                f"{rounded(real + 1, 4)}."
            ),
            f"Subtracting 1 leaves ({i} - {p})/{100 + p}, {percent(real)}.",
            (
                f"The plain difference of {i - p} percent is counted in money of the end of the year; divided by "
                f"{show_decimal(growth(p))} it is expressed in the purchasing power of the beginning."
            ),
        ),
        result=f"a real rate of {percent(real)} a year{exact}",
        check=f"If a basket costs 100 euros, 100 euros become {100 + i} euros while the basket rises to {100 + p} "
        f"euros, so that {rounded(real + 1, 4)} baskets can be bought instead of one.",
    )


def _draw_annuity_value(rng: Random) -> dict[str, int]:
    return {"n": rng.randrange(3, 13), "r": 100 * rng.randrange(3, 90), "i": rng.randrange(2, 10)}


def _annuity_value(values: Values) -> Solution:
    n, r, i = (values[name] for name in "nri")
    factor = annuity(i, n)
    value = r * factor
    interest = value * i / 100
    return Solution(
        steps=(
            (
                f"With v = 1/{show_decimal(growth(i))}, the last payment is discounted by v^{n}, which to six "
                f"decimals is {rounded(growth(i) ** -n, 6)}."
            ),
            (
                f"The annuity factor is (1 - v^{n})/{show_decimal(Fraction(i, 100))}, to six decimals "
                f"{rounded(factor, 6)}."
            ),
            f"Multiplied by the payment it gives {r} · {rounded(factor, 6)}, and so a value of {amount(value)}.",
            f"Without discounting the payments would add up to {n * r} euros.",
        ),
        result=f"{in_cents(value)}{rounding(value)}",
        check=f"In the first year the fund of {amount(value)} earns {amount(interest)} and pays {r} euros; what is "
        f"left, {amount(value + interest - r)}, is again the value of the {n - 1} remaining payments.",
    )


def _draw_growing_perpetuity(rng: Random) -> dict[str, int]:
    g = rng.randrange(1, 5)
    return {"d": 60 * rng.randrange(2, 80), "g": g, "i": g + rng.randrange(1, 7)}


def _growing_perpetuity(values: Values) -> Solution:
    d, g, i = (values[name] for name in "dgi")
    if i <= g:
        raise UnsolvableError("the series has no finite value")
    value = Fraction(100 * d, i - g)
    return Solution(
        steps=(
            (
                f"From year to year the payment is multiplied by {show_decimal(growth(g))} and its discount factor "
                f"by 1/{show_decimal(growth(i))}."
            ),
            (
                f"The present values form a geometric series with first term {d}/{show_decimal(growth(i))} and "
                f"ratio {show_decimal(growth(g))}/{show_decimal(growth(i))}, which is below 1 because {i} percent "
                f"exceeds {g} percent."
            ),
            (
                f"Its sum is the first payment divided by the difference of the rates: "
                f"{d}/{show_decimal(growth(i) - growth(g))}."
            ),
            f"This makes {amount(value)}.",
        ),
        result=f"{amount(value)}, provided that the rate of {i} percent stays above the growth of {g} percent",
        check=f"In a year {i} percent of this capital is {amount(value * i / 100)}; after the payment of {d} euros "
        f"{amount(value * g / 100)} are left, which is the {g} percent by which the capital must grow.",
    )


def _draw_loan_split(rng: Random) -> dict[str, int]:
    n = rng.randrange(3, 11)
    return {"l": 1000 * rng.randrange(4, 120), "i": rng.randrange(2, 10), "n": n, "k": rng.randrange(1, n + 1)}


def _loan_split(values: Values) -> Solution:
    principal, i, n, k = (values[name] for name in "link")
    if k > n:
        raise UnsolvableError("there is no such instalment")
    exact = principal / annuity(i, n)
    balance = exact * annuity(i, n - k + 1)
    level, interest = cents(exact), cents(balance * i / 100)
    outstanding = "it alone is" if k == n else f"{n - k + 1} are"
    return Solution(
        steps=(
            (
                f"The level instalment is the loan divided by the annuity factor (1 - "
                f"{show_decimal(growth(i))}^-{n})/{show_decimal(Fraction(i, 100))}, which to six decimals is "
                f"{rounded(annuity(i, n), 6)}: {amount(exact)}."
            ),
            (
                f"Before instalment number {k} is paid, {outstanding} outstanding, and the balance one year "
                f"earlier is their present value, {amount(balance)}."
            ),
            f"The interest is {i} percent of this balance, which is {amount(balance * i / 100)}.",
            f"What is left of the instalment reduces the debt: {amount(level - interest)}.",
        ),
        result=f"of an instalment of {rounded(level, 2)} euros, number {k} contains {rounded(interest, 2)} euros of "
        f"interest and {rounded(level - interest, 2)} euros of repayment, rounded to cents",
        check=f"The first instalment repays {amount(exact - principal * Fraction(i, 100))}, each later one "
        f"{show_decimal(growth(i))} times as much as the one before, and the {n} repayments add up to {principal} "
        f"euros.",
    )


def _draw_bond_price(rng: Random) -> dict[str, int]:
    c, y = rng.sample(range(1, 10), 2)
    return {"f": rng.choice((100, 500, 1000, 5000, 10000)), "c": c, "n": rng.randrange(2, 11), "y": y}


def _bond_price(values: Values) -> Solution:
    f, c, n, y = (values[name] for name in "fcny")
    coupon = Fraction(f * c, 100)
    coupons, last = coupon * annuity(y, n), f * growth(y) ** -n
    price = coupons + last
    place = "at par" if c == y else "above par" if c > y else "below par"
    word = "equals" if c == y else "exceeds" if c > y else "falls short of"
    return Solution(
        steps=(
            f"Each coupon is {c} percent of {f} euros, which is {amount(coupon)}.",
            (
                f"At {y} percent the annuity factor for {n} years is (1 - "
                f"{show_decimal(growth(y))}^-{n})/{show_decimal(Fraction(y, 100))}, to six decimals "
                f"{rounded(annuity(y, n), 6)}, so the coupons are worth {amount(coupons)}."
            ),
            f"The redemption is worth {f}/{show_decimal(growth(y))}^{n}, which is {amount(last)}.",
            f"Both together, rounded only in the end, make {amount(price)}.",
        ),
        result=f"{in_cents(price)}{rounding(price)}, which is {place}",
        check=f"The coupon {word} the yield on the face value by {amount(abs(coupon - Fraction(f * y, 100)))} a "
        f"year; over {n} years this is worth {amount(abs(price - f))}, the difference between price and face value.",
    )


_MONEY = (1, 99_999_999)

FINANCE: Mapping[str, Problem] = {
    "effective_rate": Problem(ranges={"r": (1, 200), "m": (2, 366)}, draw=_draw_effective_rate, solve=_effective_rate),
    "equation_of_value": Problem(
        ranges=dict.fromkeys("ab", _MONEY) | dict.fromkeys("mnt", (1, 60)) | {"i": (1, 100)},
        draw=_draw_equation_of_value,
        solve=_equation_of_value,
    ),
    "real_rate": Problem(ranges=dict.fromkeys("ip", (0, 9999)), draw=_draw_real_rate, solve=_real_rate),
    "annuity_value": Problem(
        ranges={"n": (2, 99), "r": _MONEY, "i": (1, 100)}, draw=_draw_annuity_value, solve=_annuity_value
    ),
    "growing_perpetuity": Problem(
        ranges={"d": _MONEY, "g": (1, 99), "i": (1, 100)}, draw=_draw_growing_perpetuity, solve=_growing_perpetuity
    ),
    "loan_split": Problem(
        ranges={"l": _MONEY, "i": (1, 100), "n": (2, 99), "k": (1, 99)}, draw=_draw_loan_split, solve=_loan_split
    ),
    "bond_price": Problem(
        ranges={"f": _MONEY, "c": (1, 99), "n": (2, 99), "y": (1, 99)}, draw=_draw_bond_price, solve=_bond_price
    ),
}
