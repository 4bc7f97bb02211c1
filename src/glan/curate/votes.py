"""The vote of several answers to one question: which final answer has most of them, and how many it has.

    {0: 42, 1: 43, 2: 42.0}  ->  42 by 0 and 2, 43 by 1

It depends on what was said and on nothing else: the order in which answers came changes nothing.
Numbers that mean the same are one: where units differ or are left out, where one is rounded and the other is not.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final as Always

from msgspec.structs import replace

from glan.curate.finals import Final
from glan.curate.numbers import Number
from glan.records import Record
from glan.settings import Agreement

_LEAST_FIGURES: Always = 2
"""Significant figures of a rounded number that may stand for a more exact one, if it has two decimals; else three."""

_Key = tuple[object, ...]


class Camp(Record, frozen=True, kw_only=True):
    """Those who say the same."""

    shown: str
    """What they say, in the words of the first."""
    samples: tuple[int, ...]
    """Who they are, in ascending order."""


class Vote(Record, frozen=True, kw_only=True):
    """A vote that was counted: the camps, the greatest first, and of two as great the one with the lowest sample."""

    camps: tuple[Camp, ...]

    @property
    def voted(self) -> int:
        """How many answers have a final one."""
        return sum([len(camp.samples) for camp in self.camps])

    @property
    def leading(self) -> int:
        """How many the greatest camp has."""
        return len(self.camps[0].samples) if self.camps else 0

    @property
    def share(self) -> float:
        """Share of the votes that the greatest camp has."""
        return self.leading / self.voted if self.voted else 0.0

    @property
    def is_tied(self) -> bool:
        """Say whether another camp is as great as the greatest."""
        return len(self.camps) > 1 and len(self.camps[1].samples) == self.leading

    @property
    def told(self) -> str:
        """The camps in one line: `42 (answers 1, 3), 43 (answer 2)`; people count from 1."""
        return ", ".join([_told(camp) for camp in self.camps])


NO_VOTE: Always = Vote(camps=())
"""Where nobody has voted."""


def count(finals: Mapping[int, Final]) -> Vote:
    """Count the votes: final answers by the numbers of their samples."""
    keys = _keys({sample: finals[sample] for sample in sorted(finals)})
    camps: dict[_Key, list[int]] = {}
    for sample, key in keys.items():
        camps.setdefault(key, []).append(sample)
    found = [Camp(shown=finals[samples[0]].shown, samples=tuple(samples)) for samples in camps.values()]
    return Vote(camps=tuple(sorted(found, key=lambda camp: (-len(camp.samples), camp.samples[0]))))


def is_settled(vote: Vote, agreement: Agreement, *, left: int) -> bool:
    """Say whether the answers that are not asked for yet could not change what becomes of a vote."""
    if vote.leading >= agreement.needed:
        return True
    best = (vote.leading + left) / max(1, vote.voted + left)
    return vote.voted > 0 and best < agreement.least_share


def told_of_votes(agreement: Agreement) -> tuple[str, ...]:
    """Say in a sentence what was voted on; nothing where questions got one answer each."""
    if agreement.samples == 1:
        return ()
    told = (
        f"Answers: where a question has a final answer, up to {agreement.samples} answers voted, and the row has the "
        f"first of the majority, with {agreement.least_share:.0%} of the votes at least; on others nobody voted."
    )
    return (told,)


def _told(camp: Camp) -> str:
    numbers = ", ".join([str(sample + 1) for sample in camp.samples])
    return f"{camp.shown} (answer{'s' if len(camp.samples) > 1 else ''} {numbers})"


def _keys(finals: Mapping[int, Final]) -> dict[int, _Key]:
    """Return for each sample what its answer means, in a form in which equal meanings are equal."""
    by_length: dict[int, list[int]] = {}
    for sample, final in finals.items():
        by_length.setdefault(len(final.numbers), []).append(sample)
    found: dict[int, _Key] = {}
    for length, samples in by_length.items():
        # Numbers at one place are compared with each other alone.
        columns = [_meanings([finals[sample].numbers[i] for sample in samples]) for i in range(length)]
        for row, sample in enumerate(samples):
            found[sample] = (finals[sample].word, *[column[row] for column in columns])
    return found


def _meanings(numbers: Sequence[Number]) -> list[_Key]:
    """Return for each number what it means among the others."""
    placed = [_placed(number, numbers) for number in numbers]
    roots: dict[str | None, dict[Number, Number]] = {}
    for measure in dict.fromkeys([place.unit for place in placed]):
        roots[measure] = _rounded({place for place in placed if place.unit == measure})
    return [(place.unit, roots[place.unit][place].value) for place in placed]


def _placed(number: Number, among: Iterable[Number]) -> Number:
    """Give a number without a unit that of the others, where just one of them fits: `5` beside `5 km`, not `5 m` too.

    A share is a number by itself: `0.5` is `50%`.
    """
    if number.unit is not None:
        return number
    fitting: set[tuple[str, Fraction]] = set()
    for other in among:
        if other.unit is not None and _is_near(number, other):
            fitting.add((other.unit, other.factor))
        elif other.unit == "share" and number.said == other.value:
            fitting.add((other.unit, Fraction(1)))
    if len(fitting) != 1:
        return number
    unit, factor = fitting.pop()
    return replace(number, unit=unit, factor=factor)


def _is_near(number: Number, other: Number) -> bool:
    """Say whether two are written with the same number, rounded or not."""
    return number.said == other.said or _rounds_to(number, other) or _rounds_to(other, number)


def _rounded(numbers: set[Number]) -> dict[Number, Number]:
    """Return for each number the most exact one that it is a rounding of, where there is just one; else itself."""
    ordered = sorted(numbers, key=lambda number: (-_exactness(number), number.value))
    roots: dict[Number, Number] = {}
    for number in ordered:
        finer = {roots[other].value: roots[other] for other in roots if _rounds_to(number, roots[other])}
        roots[number] = finer.popitem()[1] if len(finer) == 1 else number
    return roots


def _exactness(number: Number) -> float:
    return float("inf") if number.decimals is None else number.decimals


def _rounds_to(coarse: Number, fine: Number) -> bool:
    """Say whether a number with few decimals is another one rounded."""
    if coarse.decimals is None or (fine.decimals is not None and fine.decimals < coarse.decimals):
        return False
    if coarse.factor != fine.factor and coarse.unit == fine.unit:
        return coarse.value == fine.value
    figures = len(str(abs(int(coarse.said * 10**coarse.decimals))))
    least = _LEAST_FIGURES if coarse.decimals >= _LEAST_FIGURES else _LEAST_FIGURES + 1
    if figures < least:
        return coarse.said == fine.said
    return bool(abs(coarse.said - fine.said) * 10**coarse.decimals * 2 <= 1)
