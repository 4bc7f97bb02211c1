"""What judgements come to: means, differences, win rates and their intervals. Pure; it knows no model and no file.

Of each question the judge has seen the answers of A and B in both orders, and the scores of an answer are averaged.

    score of A       (its score as the first + its score as the second) / 2
    difference       mean over the questions of (score of A - score of B): positive where A is better
    win rate         (questions where A has the higher score + half of those with equal scores) / questions
    position bias    mean of (score of the answer that came first - score of the other)

Intervals are bootstrapped over the questions (percentiles, 95%). The draws follow from a seed and the number of
questions alone, so that A and B exchanged mirror every number exactly.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from glan.evaluate.resampling import resamples_of
from glan.places import seed_of
from glan.records import Record

RESAMPLES: Final = 2_000
_TAIL: Final = 0.025
_EASY: Final = 5
"""Difficulties up to this one are easy, those above it hard (paper, table 5)."""


class Interval(Record, frozen=True, kw_only=True):
    """A mean with its 95% interval."""

    value: float
    low: float
    high: float


class Orders(Record, frozen=True, kw_only=True):
    """What a judge said of a question: the scores of A and B with A first, and with B first."""

    a_first: tuple[float, float]
    """(A, B)."""
    b_first: tuple[float, float]
    """(A, B) too."""

    @property
    def a(self) -> float:
        return (self.a_first[0] + self.b_first[0]) / 2

    @property
    def b(self) -> float:
        return (self.a_first[1] + self.b_first[1]) / 2

    @property
    def difference(self) -> float:
        return self.a - self.b

    @property
    def sign(self) -> int:
        """1 where A has the higher score, -1 where B has it, 0 where they are equal."""
        return _sign(self.difference)

    @property
    def bias(self) -> float:
        """How much more an answer gets for coming first."""
        return ((self.a_first[0] - self.a_first[1]) + (self.b_first[1] - self.b_first[0])) / 2

    @property
    def is_consistent(self) -> bool:
        """Whether both orders say the same of who is better."""
        return _sign(self.a_first[0] - self.a_first[1]) == _sign(self.b_first[0] - self.b_first[1])


class Duel(Record, frozen=True, kw_only=True):
    """What some questions come to for two models."""

    group: str
    questions: int
    share: float
    """Of all questions that were judged."""
    a: float
    b: float
    difference: Interval
    win_rate: Interval
    wins: int
    ties: int
    losses: int


class Bias(Record, frozen=True, kw_only=True):
    """How far the order of two answers decides what a judge says."""

    difference: Interval
    first: float
    """Share of the judgements that preferred the answer that came first."""
    second: float
    consistent: float
    """Share of the questions of which both orders say the same."""


class Grade(Record, frozen=True, kw_only=True):
    """What some questions come to for one model."""

    group: str
    questions: int
    share: float
    score: Interval


def duel(found: Sequence[Orders], *, group: str, total: int, seed: int) -> Duel:
    """Return what the judgements of one question or more come to."""
    signs = [orders.sign for orders in found]
    net = interval(signs, seed=seed)
    return Duel(
        group=group,
        questions=len(found),
        share=len(found) / total,
        a=_mean([orders.a for orders in found]),
        b=_mean([orders.b for orders in found]),
        difference=interval([orders.difference for orders in found], seed=seed),
        win_rate=Interval(value=(1 + net.value) / 2, low=(1 + net.low) / 2, high=(1 + net.high) / 2),
        wins=signs.count(1),
        ties=signs.count(0),
        losses=signs.count(-1),
    )


def bias(found: Sequence[Orders], *, seed: int) -> Bias:
    """Return how far the order decided."""
    signs = [
        sign
        for orders in found
        for sign in (_sign(orders.a_first[0] - orders.a_first[1]), _sign(orders.b_first[1] - orders.b_first[0]))
    ]
    return Bias(
        difference=interval([orders.bias for orders in found], seed=seed),
        first=signs.count(1) / len(signs),
        second=signs.count(-1) / len(signs),
        consistent=sum(orders.is_consistent for orders in found) / len(found),
    )


def grade(found: Sequence[float], *, group: str, total: int, seed: int) -> Grade:
    """Return what the scores of one model come to."""
    return Grade(group=group, questions=len(found), share=len(found) / total, score=interval(found, seed=seed))


def interval(values: Sequence[float], *, seed: int, resamples: int = RESAMPLES) -> Interval:
    """Return the mean of values, and between which means 95% of the resamples lie."""
    drawn = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed_of(seed, "bootstrap", drawn.size))
    means = np.sort(np.concatenate([drawn[places].mean(axis=1) for places in resamples_of(drawn.size, resamples, rng)]))
    cut = int(_TAIL * resamples)
    return Interval(value=_mean(values), low=float(means[cut]), high=float(means[resamples - 1 - cut]))


def groups_of(columns: Sequence[Mapping[str, str]], name: str) -> Mapping[str, list[int]]:
    """Return which rows have each value of a column; what has none is left out.

    Numbers are in their order, other values by how many rows have them. Difficulties from 1 to 10 have their two
    halves as well, as in the paper's table 5.
    """
    found: dict[str, list[int]] = {}
    for row, values in enumerate(columns):
        if value := values.get(name, ""):
            found.setdefault(value, []).append(row)
    numbers = {value: number for value in found if (number := _as_number(value)) is not None}
    if len(numbers) < len(found):
        return dict(sorted(found.items(), key=lambda each: (-len(each[1]), each[0])))
    ordered = {value: found[value] for value in sorted(found, key=lambda value: (numbers[value], value))}
    return {**ordered, **_halves(ordered, numbers)} if "difficult" in name.casefold() else ordered


def _halves(found: Mapping[str, list[int]], numbers: Mapping[str, float]) -> Mapping[str, list[int]]:
    """Return the easy and the hard rows, where difficulties are from 1 to 10."""
    if not all(1 <= number <= 2 * _EASY for number in numbers.values()):
        return {}
    halves: dict[str, list[int]] = {f"1-{_EASY} easy": [], f"{_EASY + 1}-{2 * _EASY} hard": []}
    easy, hard = halves
    for value, rows in found.items():
        halves[easy if numbers[value] <= _EASY else hard] += rows
    return {name: sorted(rows) for name, rows in halves.items() if rows}


def _as_number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)
