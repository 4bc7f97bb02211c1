"""Problems on divisibility, remainders, counting and recursion, solved exactly."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import comb, gcd, lcm, perm, prod
from random import Random

from glan.teachers.offline.problems import DAYS, Problem, Solution, UnsolvableError, Values


def _divisions(a: int, b: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the divisions of the Euclidean algorithm: dividend, quotient, divisor, remainder."""
    while b:
        yield a, a // b, b, a % b
        a, b = b, a % b


def _euclid(a: int, b: int) -> str:
    return ", ".join(f"{top} = {times} · {by} + {left}" for top, times, by, left in _divisions(max(a, b), min(a, b)))


def _draw_gcd(rng: Random) -> dict[str, int]:
    common = rng.randrange(4, 40)
    first, second = rng.sample(range(3, 24), 2)
    return {"a": common * first, "b": common * second}


def _gcd(values: Values) -> Solution:
    a, b = values["a"], values["b"]
    common = gcd(a, b)
    return Solution(
        steps=(
            f"What is sought is the greatest number that divides both {a} and {b}.",
            f"Repeated division with remainder gives {_euclid(a, b)}.",
            f"The last divisor, before the remainder becomes 0, is {common}.",
        ),
        result=str(common),
        check=f"Indeed {a} = {a // common} · {common} and {b} = {b // common} · {common}, "
        f"and the factors {a // common} and {b // common} have no common divisor except 1.",
    )


def _draw_lcm(rng: Random) -> dict[str, int]:
    common = rng.randrange(2, 9)
    first, second = rng.sample(range(2, 14), 2)
    return {"a": common * first, "b": common * second}


def _lcm(values: Values) -> Solution:
    a, b = values["a"], values["b"]
    common, multiple = gcd(a, b), lcm(a, b)
    return Solution(
        steps=(
            f"What is sought is the least common multiple of {a} and {b}.",
            f"The divisions {_euclid(a, b)} show that their greatest common divisor is {common}.",
            (
                f"The least common multiple is the product divided by it: {a} · {b}/{common} = "
                f"{a * b}/{common} = {multiple}."
            ),
        ),
        result=str(multiple),
        check=f"It is a multiple of both, {multiple // a} · {a} and {multiple // b} · {b}, and since "
        f"{multiple // a} and "
        f"{multiple // b} have no common divisor except 1, no smaller number is.",
    )


_TIMES = {1: "once", 2: "twice"}


def _factors(number: int) -> dict[int, int]:
    found: dict[int, int] = {}
    prime = 2
    while prime * prime <= number:
        while number % prime == 0:
            found[prime] = found.get(prime, 0) + 1
            number //= prime
        prime += 1
    if number > 1:
        found[number] = found.get(number, 0) + 1
    return found


def _draw_factorise(rng: Random) -> dict[str, int]:
    primes = rng.sample((2, 2, 3, 3, 5, 7, 11, 13), 4)
    return {"n": prod(primes) * rng.choice((2, 3, 5))}


def _factorise(values: Values) -> Solution:
    n = values["n"]
    found = _factors(n)
    product = " · ".join(f"{prime}^{power}" if power > 1 else str(prime) for prime, power in found.items())
    count = prod(power + 1 for power in found.values())
    steps, left = [], n
    for prime, power in found.items():
        left //= prime**power
        steps.append(f"{prime} divides {_TIMES.get(power, f'{power} times')} and leaves {left}")
    return Solution(
        steps=(
            f"Trial division of {n} by the primes in order: {'; '.join(steps)}.",
            f"Hence {n} = {product}.",
            (
                "A divisor is chosen by taking each prime with an exponent from 0 up to the one above, "
                f"which gives {' · '.join(str(power + 1) for power in found.values())} = {count} possibilities."
            ),
        ),
        result=f"{n} = {product}, with {count} positive divisors",
        check=f"Multiplied out, {' · '.join(str(prime**power) for prime, power in found.items())} is {n} again, "
        "and every factor that was used is a prime.",
    )


def _draw_weekday(rng: Random) -> dict[str, int]:
    return {"day": rng.randrange(7), "n": rng.randrange(30, 1000)}


def _weekday(values: Values) -> Solution:
    day, n = values["day"], values["n"]
    left = n % 7
    ahead = f"{left} day{'' if left == 1 else 's'}"
    return Solution(
        steps=(
            "Weekdays repeat every seven days, so only the remainder modulo 7 counts.",
            f"Division with remainder gives {n} = {n // 7} · 7 + {left}, so {n} is congruent to {left} modulo 7.",
            (
                f"The {n // 7} whole weeks lead back to {DAYS[day]}, and {ahead} further on it is "
                f"{DAYS[(day + left) % 7]}."
            ),
        ),
        result=DAYS[(day + left) % 7],
        check=f"Going back {ahead} from {DAYS[(day + left) % 7]} leads to {DAYS[day]}, and {n} - {left} = {n - left} "
        "is divisible by 7.",
    )


def _draw_modpow(rng: Random) -> dict[str, int]:
    return {"a": rng.randrange(2, 20), "k": rng.randrange(9, 60), "n": rng.randrange(7, 60)}


def _modpow(values: Values) -> Solution:
    a, k, n = (values[name] for name in "akn")
    exponents = [1 << i for i in range(k.bit_length())]
    squares = ", ".join(f"{a}^{power} leaves {pow(a, power, n)}" for power in exponents)
    used = [power for power in exponents if power & k]
    product = " · ".join(str(pow(a, power, n)) for power in used)
    return Solution(
        steps=(
            (
                f"In binary the exponent {k} is {k:b}, that is, {k} = "
                f"{' + '.join(str(power) for power in reversed(used))}."
            ),
            f"Squaring again and again, and reducing modulo {n} each time: {squares}.",
            f"The power is the product of those that the binary form calls for: {product}.",
            f"Reduced modulo {n} after each multiplication, this leaves {pow(a, k, n)}.",
        ),
        result=f"{a}^{k} leaves the remainder {pow(a, k, n)} on division by {n}",
        check=f"One step further, {a}^{k + 1} would leave {pow(a, k + 1, n)}, and {pow(a, k, n)} · {a} = "
        f"{pow(a, k, n) * a} leaves the same.",
    )


def _draw_inverse(rng: Random) -> dict[str, int]:
    n = rng.randrange(11, 90)
    return {"a": rng.choice([a for a in range(3, n - 1) if gcd(a, n) == 1]), "n": n}


def _inverse(values: Values) -> Solution:
    a, n = values["a"], values["n"]
    if gcd(a, n) != 1:
        raise UnsolvableError("there is no inverse")
    inverse = pow(a, -1, n)
    return Solution(
        steps=(
            f"Wanted is a number b for which {a} · b leaves 1 on division by {n}.",
            f"The Euclidean algorithm gives {_euclid(a, n)}, so {a} and {n} are coprime and b exists.",
            (
                f"Solving these lines backwards for the remainder 1 yields "
                f"1 = {inverse} · {a} - {(inverse * a - 1) // n} · {n}."
            ),
            f"Hence b = {inverse}, and all other solutions differ from it by multiples of {n}.",
        ),
        result=str(inverse),
        check=f"{a} · {inverse} = {a * inverse} = {a * inverse // n} · {n} + 1.",
    )


def _draw_crt(rng: Random) -> dict[str, int]:
    m, n = rng.choice([(m, n) for m in range(3, 14) for n in range(3, 17) if gcd(m, n) == 1])
    return {"m": m, "r": rng.randrange(m), "n": n, "s": rng.randrange(n)}


def _crt(values: Values) -> Solution:
    m, r, n, s = (values[name] for name in "mrns")
    if gcd(m, n) != 1 or r >= m or s >= n:
        raise UnsolvableError("the moduli have a common divisor, or a remainder is too large")
    small, large = sorted(((m, r), (n, s)))
    tried = [large[1]]
    while tried[-1] % small[0] != small[1]:
        tried.append(tried[-1] + large[0])
    shown = [str(x) for x in tried]
    if len(shown) > 8:
        shown = [*shown[:4], "...", *shown[-2:]]
    x = tried[-1]
    return Solution(
        steps=(
            f"The moduli {m} and {n} are coprime, so there is exactly one solution from 0 to {m * n - 1}.",
            (
                f"Numbers that leave {large[1]} on division by {large[0]} are {large[1]}, {large[1] + large[0]}, "
                f"{large[1] + 2 * large[0]} and so on, in steps of {large[0]}."
            ),
            f"Going through {', '.join(shown)}, the first that leaves {small[1]} on division by {small[0]} is {x}.",
            f"All solutions are found by adding multiples of {m} · {n} = {m * n}.",
        ),
        result=f"{x}, and in general x congruent to {x} modulo {m * n}",
        check=f"{x} = {x // m} · {m} + {x % m} and {x} = {x // n} · {n} + {x % n}.",
    )


def _draw_permutations(rng: Random) -> dict[str, int]:
    return {"n": rng.randrange(5, 13), "k": rng.randrange(2, 5)}


def _permutations(values: Values) -> Solution:
    n, k = values["n"], values["k"]
    if k > n:
        raise UnsolvableError("more are to be placed than there are")
    factors = " · ".join(str(n - i) for i in range(k))
    return Solution(
        steps=(
            f"The places are different, so the order counts, and nothing is used twice: {k} out of {n} are arranged.",
            f"The first place can be filled in {n} ways, and each further place in one way fewer than the one before.",
            f"By the product rule there are {factors} = {perm(n, k)} possibilities.",
        ),
        result=str(perm(n, k)),
        check=f"Choosing the {k} first, in {comb(n, k)} ways, and then ordering them, in {perm(k, k)} ways, "
        f"gives {comb(n, k)} · {perm(k, k)} = {perm(n, k)} as well.",
    )


def _draw_combinations(rng: Random) -> dict[str, int]:
    n = rng.randrange(6, 16)
    return {"n": n, "k": rng.randrange(2, min(6, n - 1))}


def _combinations(values: Values) -> Solution:
    n, k = values["n"], values["k"]
    if k > n:
        raise UnsolvableError("more are to be chosen than there are")
    ordered = " · ".join(str(n - i) for i in range(k))
    orders = " · ".join(str(i) for i in range(k, 0, -1))
    return Solution(
        steps=(
            f"The order does not matter, so this is a combination of {k} out of {n}.",
            f"With regard to order there would be {ordered} = {perm(n, k)} selections.",
            (
                f"Each set of {k} appears in {orders} = {perm(k, k)} orders among them, so one divides: "
                f"{perm(n, k)}/{perm(k, k)} = {comb(n, k)}."
            ),
        ),
        result=str(comb(n, k)),
        check=f"Sorting by one fixed object: {comb(n - 1, k - 1)} selections contain it and {comb(n - 1, k)} do not, "
        f"and together these are {comb(n, k)}.",
    )


def _draw_inclusion_exclusion(rng: Random) -> dict[str, int]:
    a, b = rng.sample(range(3, 16), 2)
    return {"n": 10 * rng.randrange(10, 100), "a": a, "b": b}


def _inclusion_exclusion(values: Values) -> Solution:
    n, a, b = (values[name] for name in "nab")
    both = lcm(a, b)
    count = n // a + n // b - n // both
    return Solution(
        steps=(
            f"From 1 to {n} there are {n // a} multiples of {a} and {n // b} multiples of {b}.",
            f"Numbers divisible by both are the multiples of the least common multiple {both}; there are {n // both}.",
            f"These were counted twice, so they are subtracted once: {n // a} + {n // b} - {n // both} = {count}.",
        ),
        result=f"{count}, and the other {n - count} numbers are divisible by neither",
        check=f"Sorted without overlap: {n // a - n // both} only by {a}, {n // b - n // both} only by {b}, "
        f"{n // both} by both, which makes {count} again.",
    )


def _draw_recurrence(rng: Random) -> dict[str, int]:
    return {"a": rng.randrange(1, 20), "p": rng.randrange(2, 5), "q": rng.randrange(1, 12), "n": rng.randrange(4, 8)}


def _recurrence(values: Values) -> Solution:
    a, p, q, n = (values[name] for name in "apqn")
    terms = [a]
    while len(terms) < n:
        terms.append(p * terms[-1] + q)
    shift = Fraction(q, p - 1)
    steps = (f"term {i + 2} is {p} · {terms[i]} + {q} = {terms[i + 1]}" for i in range(n - 1))
    return Solution(
        steps=(
            f"The rule is that the next term equals {p} times the present one plus {q}, and term 1 is {a}.",
            f"Step by step: {'; '.join(steps)}.",
            f"The terms are therefore {', '.join(map(str, terms))}.",
        ),
        result=str(terms[-1]),
        check=f"Adding {shift} to a term turns the rule into multiplication by {p}, "
        f"so term {n} is ({a} + {shift}) · {p}^{n - 1} - {shift} = "
        f"{(a + shift) * p ** (n - 1) - shift}.",
    )


COUNTING: Mapping[str, Problem] = {
    "gcd": Problem(ranges=dict.fromkeys("ab", (1, 999_999)), draw=_draw_gcd, solve=_gcd),
    "lcm": Problem(ranges=dict.fromkeys("ab", (1, 999_999)), draw=_draw_lcm, solve=_lcm),
    "factorise": Problem(ranges={"n": (2, 9_999_999)}, draw=_draw_factorise, solve=_factorise),
    "weekday": Problem(ranges={"day": (0, 6), "n": (0, 9_999_999)}, draw=_draw_weekday, solve=_weekday),
    "modpow": Problem(ranges={"a": (2, 999), "k": (1, 999), "n": (2, 9999)}, draw=_draw_modpow, solve=_modpow),
    "inverse": Problem(ranges={"a": (1, 9999), "n": (2, 9999)}, draw=_draw_inverse, solve=_inverse),
    "crt": Problem(ranges={"m": (2, 999), "r": (0, 998), "n": (2, 999), "s": (0, 998)}, draw=_draw_crt, solve=_crt),
    "permutations": Problem(ranges={"n": (1, 99), "k": (1, 12)}, draw=_draw_permutations, solve=_permutations),
    "combinations": Problem(ranges={"n": (1, 99), "k": (1, 12)}, draw=_draw_combinations, solve=_combinations),
    "inclusion_exclusion": Problem(
        ranges={"n": (1, 9_999_999), "a": (1, 9999), "b": (1, 9999)},
        draw=_draw_inclusion_exclusion,
        solve=_inclusion_exclusion,
    ),
    "recurrence": Problem(
        ranges={"a": (0, 9999), "p": (2, 99), "q": (0, 9999), "n": (2, 12)}, draw=_draw_recurrence, solve=_recurrence
    ),
}
