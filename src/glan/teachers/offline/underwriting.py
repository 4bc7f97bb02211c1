"""Problems on pools, premiums and claims: who pays how much of a loss, in euros and cents."""

from collections.abc import Mapping
from fractions import Fraction
from random import Random

from glan.teachers.offline.finance import amount, equals, percent
from glan.teachers.offline.problems import Problem, Solution, UnsolvableError, Values, reduced, show_decimal


def _draw_small_pool(rng: Random) -> dict[str, int]:
    return {"n": rng.randrange(3, 7), "m": rng.choice((4, 5, 8, 10, 12, 15, 20, 25)), "s": 500 * rng.randrange(2, 60)}


def _small_pool(values: Values) -> Solution:
    n, m, s = (values[name] for name in "nms")
    quiet = Fraction(m - 1, m) ** n
    share = Fraction(s, m)
    return Solution(
        steps=(
            f"Each of the {n} members escapes a loss with probability 1 - 1/{m} = {m - 1}/{m}.",
            (
                f"Nothing is to be paid only if all escape, and by independence this has the probability "
                f"({m - 1}/{m})^{n}, {percent(quiet)}."
            ),
            (
                f"The expected number of losses is {n} · 1/{m}, so the expected total is {n} · {s}/{m} euros, and "
                f"one of {n} equal shares is {s}/{m} {equals(share)}."
            ),
            (
                f"A member standing alone would expect the same cost, but would pay {s} euros or nothing; in the "
                f"pool the full {s} euros fall due only if all {n} suffer a loss, with probability 1/{m}^{n} = "
                f"1/{m**n}."
            ),
        ),
        result=f"nobody pays anything with probability {percent(quiet)}, and the expected payment of a member is "
        f"{amount(share)}, the same as without the pool",
        check=f"In the remaining cases, {percent(1 - quiet)} of all, somebody suffers a loss and every member pays; "
        f"on average such a payment is {amount(share / (1 - quiet))}, and multiplied by its probability it gives "
        f"{amount(share)} again.",
    )


def _draw_no_claims_discount(rng: Random) -> dict[str, int]:
    s, r = sorted(rng.sample(range(0, 65, 5), 2))
    b, k = 20 * rng.randrange(15, 70), rng.randrange(2, 6)
    cost = b * (r - s) * k // 100
    return {"b": b, "r": r, "s": s, "k": k, "c": max(40, cost + 10 * rng.randrange(-25, 26))}


def _no_claims_discount(values: Values) -> Solution:
    b, r, s, k, c = (values[name] for name in "brskc")
    if r <= s:
        raise UnsolvableError("no discount is lost")
    yearly = Fraction(b * (r - s), 100)
    cost = k * yearly
    gap = abs(c - cost)
    word = "makes no difference" if gap == 0 else f"{'gains' if c > cost else 'loses'} {amount(gap)}"
    compared = "come to the same" if gap == 0 else f"also differ by {amount(gap)}"
    return Solution(
        steps=(
            (
                f"With {r} percent off, the premium is {amount(b * Fraction(100 - r, 100))} a year; with {s} "
                f"percent off, it is {amount(b * Fraction(100 - s, 100))}."
            ),
            f"The claim thus raises the premium by {r} - {s} = {r - s} percent of {b} euros, {amount(yearly)} a year.",
            (
                f"Over the time that the discount needs to recover, this adds up to {k} · {show_decimal(yearly)} = "
                f"{amount(cost)}."
            ),
            (
                f"Below this border it is cheaper to pay oneself. The damage of {c} euros lies "
                f"{'on' if gap == 0 else 'above' if c > cost else 'below'} it."
            ),
        ),
        result=f"reporting brings {c} euros, costs {amount(cost)} in premiums and so {word}",
        check=f"Without a claim the premiums come to {amount(k * b * Fraction(100 - r, 100))} and the damage to {c} "
        f"euros, with a claim the premiums come to {amount(k * b * Fraction(100 - s, 100))}; these two ways "
        f"{compared}.",
    )


def _draw_general_average(rng: Random) -> dict[str, int]:
    while True:
        v, a, b = (rng.randrange(*bounds) for bounds in ((80, 400), (20, 120), (20, 160)))
        loss = rng.choice((2, 4, 5, 6, 8, 10)) * (v + a + b) * 10
        if loss < 900 * a:
            return {"v": 1000 * v, "a": 1000 * a, "b": 1000 * b, "j": loss}


def _general_average(values: Values) -> Solution:
    v, a, b, j = (values[name] for name in "vabj")
    if j > a:
        raise UnsolvableError("more is sacrificed than there was")
    total = v + a + b
    rate = Fraction(j, total)
    ship, own, other = (part * rate for part in (v, a, b))
    return Solution(
        steps=(
            f"At stake were {v} + {a} + {b} = {total} euros, the sacrificed goods included.",
            f"The sacrifice of {j} euros is {j}/{total} of this, and {percent(rate)} is thus the rate of contribution.",
            (
                f"At this rate the ship owes {amount(ship)}, the owner of the sacrificed goods {amount(own)}, and "
                f"the owner of the other cargo {amount(other)}."
            ),
            (
                f"The owner of the sacrificed goods has lost {j} euros, bears {amount(own)} of them and receives "
                f"{amount(j - own)} from the others."
            ),
        ),
        result=f"the ship bears {amount(ship)}, the owner of the sacrificed goods {amount(own)} and the owner of "
        f"the other cargo {amount(other)}",
        check=f"What the ship and the other cargo pay, {amount(ship + other)}, is exactly what the owner of the "
        f"sacrificed goods receives, and everyone has lost the same percentage.",
    )


def _draw_deductible(rng: Random) -> dict[str, int]:
    d, limit = 50 * rng.randrange(2, 13), 500 * rng.randrange(2, 13)
    a, b, c = (
        10 * rng.randrange(*bounds) for bounds in ((4, d // 8), (d // 8, limit // 10), (limit // 12, limit // 4))
    )
    losses = [a, b, c]
    rng.shuffle(losses)
    return {"d": d, "l": limit} | dict(zip("abc", losses, strict=True))


def _paid(loss: int, d: int, limit: int) -> tuple[int, str]:
    """Return what is paid for a loss after a deductible and up to a limit, and the sentence that says so."""
    if loss <= d:
        return 0, f"The loss of {loss} euros does not exceed the deductible of {d} euros, so nothing is paid for it."
    rest = f"Of the loss of {loss} euros, {loss} - {d} = {loss - d} euros remain after the deductible"
    if loss - d <= limit:
        return loss - d, f"{rest}, and they are within the limit of {limit} euros."
    return limit, f"{rest}, of which the limit allows {limit} euros."


def _deductible(values: Values) -> Solution:
    d, limit, *losses = (values[name] for name in "dlabc")
    found = [_paid(loss, d, limit) for loss in losses]
    paid, total = sum(part for part, _ in found), sum(losses)
    return Solution(
        steps=(
            *(sentence for _, sentence in found),
            f"The insurer pays {' + '.join(str(part) for part, _ in found)} = {paid} euros.",
            f"The losses add up to {total} euros, so {total} - {paid} = {total - paid} euros remain with the insured.",
        ),
        result=f"the insurer pays {paid} euros, and {total - paid} euros remain with the insured",
        check="Loss by loss, the insured bears "
        + " + ".join(str(loss - part) for loss, (part, _) in zip(losses, found, strict=True))
        + f" = {total - paid} euros.",
    )


def _draw_underinsurance(rng: Random) -> dict[str, int]:
    part, whole = sorted(rng.sample(range(2, 13), 2))
    unit = 1000 * rng.randrange(4, 40)
    return {"v": whole * unit, "s": part * unit, "x": 60 * rng.randrange(10, 65)}


def _underinsurance(values: Values) -> Solution:
    v, s, x = (values[name] for name in "vsx")
    if s >= v or x > v:
        raise UnsolvableError("the property is insured in full, or less was there than was lost")
    share = Fraction(s, v)
    paid = x * share
    return Solution(
        steps=(
            f"The property is insured for {s} of {v} euros, a proportion of {reduced(s, v)}.",
            "Under the average rule the insurer pays this proportion of every loss, whether it is large or small.",
            f"Of {x} euros it pays {x} · {share} {equals(paid)}.",
            f"The owner bears the rest, {amount(x - paid)}, as if being the insurer of the part that was not insured.",
        ),
        result=f"the insurer pays {amount(paid)}, which is {share} of the loss, and {amount(x - paid)} remain with "
        f"the owner",
        check=f"For a total loss of {v} euros the same proportion gives {s} euros, the sum insured.",
    )


def _draw_pure_premium(rng: Random) -> dict[str, int]:
    n = 50 * rng.randrange(4, 40)
    c, k = n * rng.randrange(4, 21) // 100, n * rng.randrange(1, 5) // 100
    return {"n": n, "c": c, "a": 20 * rng.randrange(5, 60), "k": k, "b": 100 * rng.randrange(12, 80)}


def _pure_premium(values: Values) -> Solution:
    n, c, a, k, b = (values[name] for name in "ncakb")
    first, second = Fraction(c * a, n), Fraction(k * b, n)
    return Solution(
        steps=(
            (
                f"The first kind of claim has a frequency of {c}/{n} a year, and multiplied by its average cost of "
                f"{a} euros this is {amount(first)}."
            ),
            f"The second kind has a frequency of {k}/{n}, and multiplied by {b} euros this is {amount(second)}.",
            f"The pure premium is the sum of both, {amount(first + second)}.",
            "It contains neither expenses nor a margin for years that turn out worse than the average.",
        ),
        result=f"a pure premium of {amount(first + second)} a year for each one insured",
        check=f"All claims together cost {c} · {a} + {k} · {b} = {c * a + k * b} euros, and divided among {n} this "
        f"is {amount(first + second)} again.",
    )


def _draw_combined_ratio(rng: Random) -> dict[str, int]:
    p = rng.choice((40, 50, 80, 125, 160, 200, 250, 400, 500))
    return {"p": p, "c": p * rng.randrange(52, 86) // 100, "e": p * rng.randrange(18, 35) // 100}


def _combined_ratio(values: Values) -> Solution:
    p, c, e = (values[name] for name in "pce")
    loss, cost, both = Fraction(c, p), Fraction(e, p), Fraction(c + e, p)
    gap = p - c - e
    word = "neither profit nor loss" if gap == 0 else f"a {'profit' if gap > 0 else 'loss'} of {abs(gap)} million euros"
    return Solution(
        steps=(
            f"The loss ratio is claims over premiums, {c}/{p}, which is {percent(loss)}.",
            f"The expense ratio is expenses over premiums, {e}/{p}, which is {percent(cost)}.",
            f"The combined ratio is ({c} + {e})/{p} = {c + e}/{p}, which is {percent(both)}.",
            f"The insurance business itself made {word}, and income from investments is not yet counted.",
        ),
        result=f"loss ratio {percent(loss)}, expense ratio {percent(cost)}, combined ratio {percent(both)}, and so "
        f"{word} from underwriting",
        check=f"In amounts, {p} - {c} - {e} = {gap} million euros is {percent(1 - both)} of the premiums, which is "
        f"100 percent less the combined ratio.",
    )


def _draw_quota_share(rng: Random) -> dict[str, int]:
    p = 100 * rng.randrange(8, 90)
    return {"q": 5 * rng.randrange(3, 15), "p": p, "k": rng.randrange(18, 33), "c": p * rng.randrange(42, 88) // 100}


def _quota_share(values: Values) -> Solution:
    q, p, k, c = (values[name] for name in "qpkc")
    premium, claims = Fraction(q * p, 100), Fraction(q * c, 100)
    commission = premium * k / 100
    theirs = premium - commission - claims
    own = p - c - theirs
    unit = "thousand euros"
    return Solution(
        steps=(
            (
                f"Of the premiums, {q} percent pass to the reinsurer, {amount(premium, unit)}, and of the claims "
                f"{q} percent, {amount(claims, unit)}."
            ),
            f"The commission is {k} percent of the ceded premium, {amount(commission, unit)}.",
            f"The balance of the reinsurer is ceded premium less commission less ceded claims, {amount(theirs, unit)}.",
            (
                f"The insurer keeps {amount(p - premium, unit)} of premiums, receives the commission and bears "
                f"{amount(c - claims, unit)} of claims, which makes {amount(own, unit)}."
            ),
        ),
        result=f"the balance of the insurer is {amount(own, unit)}, and that of the reinsurer is "
        f"{amount(theirs, unit)}",
        check=f"Both balances together are {amount(own + theirs, unit)}, the whole premiums of {p} thousand less the "
        f"whole claims of {c} thousand, since a commission only moves money between the two.",
    )


_MONEY = (1, 99_999_999)

UNDERWRITING: Mapping[str, Problem] = {
    "small_pool": Problem(ranges={"n": (2, 12), "m": (2, 999), "s": _MONEY}, draw=_draw_small_pool, solve=_small_pool),
    "no_claims_discount": Problem(
        ranges={"b": _MONEY, "r": (0, 100), "s": (0, 100), "k": (1, 99), "c": _MONEY},
        draw=_draw_no_claims_discount,
        solve=_no_claims_discount,
    ),
    "general_average": Problem(
        ranges=dict.fromkeys("vabj", _MONEY), draw=_draw_general_average, solve=_general_average
    ),
    "deductible": Problem(ranges=dict.fromkeys("dlabc", _MONEY), draw=_draw_deductible, solve=_deductible),
    "underinsurance": Problem(ranges=dict.fromkeys("vsx", _MONEY), draw=_draw_underinsurance, solve=_underinsurance),
    "pure_premium": Problem(
        ranges=dict.fromkeys("nck", (1, 9_999_999)) | dict.fromkeys("ab", _MONEY),
        draw=_draw_pure_premium,
        solve=_pure_premium,
    ),
    "combined_ratio": Problem(
        ranges=dict.fromkeys("pce", (1, 999_999)), draw=_draw_combined_ratio, solve=_combined_ratio
    ),
    "quota_share": Problem(
        ranges={"q": (1, 99), "p": _MONEY, "k": (0, 99), "c": _MONEY}, draw=_draw_quota_share, solve=_quota_share
    ),
}
