"""In which language a slot is asked: its question, its answer, and what is said of them. Pure.

    languages = {en = 0.7, ja = 0.3}     three of ten questions of every subject are asked in Japanese

The questions of a subject stand on a circle, each a golden section further than the one before, and the languages share
the circle in the order of the settings. So a question's language follows from the seed and its id alone, the shares of
a subject hold at every number of its questions give or take one or two, and a change of the shares moves only those
questions over which a border moves. What has no question yet is asked in the first language.
"""

from collections.abc import Mapping
from itertools import accumulate
from typing import Final

from glan.places import seed_of
from glan.records import Record

_CIRCLE: Final = 2**64
_GOLDEN: Final = 11_400_714_819_323_198_485
"""The circle by the golden ratio: no two multiples of it come close to each other for long."""


def told(shares: Mapping[str, float]) -> str:
    """Return languages as people read them: the only one alone, several each with its share."""
    return (
        next(iter(shares)) if len(shares) == 1 else ", ".join(f"{name} {share:.12g}" for name, share in shares.items())
    )


class Languages(Record, frozen=True, kw_only=True):
    """The languages of a project, as its settings name them, each with the end of its part of the circle."""

    seed: int = 0
    ends: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, shares: Mapping[str, float], seed: int) -> "Languages":
        """Return the languages with these shares, which need not add up to 1."""
        total = sum(shares.values())
        ends = [round(_CIRCLE * (end / total)) for end in accumulate(shares.values())]
        return cls(seed=seed, ends=tuple(zip(shares, [*ends[:-1], _CIRCLE], strict=True)))

    def of_question(self, question_id: str) -> str | None:
        """Return the language that a question is asked in; None where no languages are named."""
        if len(self.ends) <= 1:
            return self.ends[0][0] if self.ends else None
        above, _, index = question_id.rpartition("/")
        place = (seed_of(self.seed, "language", above) + int(index) * _GOLDEN) % _CIRCLE
        return next(language for language, end in self.ends if place < end)

    @property
    def names(self) -> tuple[str, ...]:
        """The languages, the first one first."""
        return tuple(language for language, _ in self.ends)
