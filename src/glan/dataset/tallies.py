"""Counters with bounded memory whose results do not depend on the order in which things come."""

import math
from collections import Counter

from glan.dataset.summary import Ended, Lengths, Scored, Spent
from glan.parsing import clean
from glan.records import Reply, Stage

MOST_NAMES = 100
"""Different names that a tally keeps; a server may invent a model or a finish reason for every reply."""
MOST_LETTERS = 200
"""Characters of a name that a tally keeps."""
OTHER = "(other)"
UNKNOWN = "(unknown)"

_EXACT_BITS = 7
"""Lengths are counted exactly below 2^7, above it in buckets that are less than 1% wide to either side."""
_MOST_NEW = 1_000
_DOLLAR = 10**12
"""Costs are added as whole 10^-12 dollars, so that their order does not change the sum."""
_POINT = 10**6
"""Scores likewise."""


def plausible(tokens: int | None) -> int | None:
    """Return a number of tokens that a server could mean, or None: some send -1."""
    return tokens if tokens is not None and 0 <= tokens < 2**53 else None


class Tally:
    """Counts names, the first hundred of them by themselves; each may stand below another name."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, name: str | None, above: str = "", *, count: int = 1) -> None:
        """Count a name; None is an unknown one."""
        key = (above, UNKNOWN if name is None else name)
        if key not in self._counts:  # cleaning every name would double the time of a count
            key = (above, clean(key[1][:MOST_LETTERS]))
        if key not in self._counts and len(self._counts) >= MOST_NAMES:
            key = (above, OTHER)
        self._counts[key] += count

    def names(self) -> dict[str, int]:
        """Return the counts by name."""
        return {name: count for _, name, count in self.listed()}

    def listed(self) -> list[tuple[str, str, int]]:
        """Return the name above, the name and the count, sorted."""
        return [(above, name, count) for (above, name), count in sorted(self._counts.items())]

    def by_stage(self) -> list[tuple[Stage, str, int]]:
        """Return stage, name and count of a tally by stages, in their order, the most frequent name first."""
        stages = list(Stage)
        found = [(Stage(above), name, count) for above, name, count in self.listed()]
        return sorted(found, key=lambda each: (stages.index(each[0]), -each[2], each[1]))

    def ended(self) -> tuple[Ended, ...]:
        """Return the reasons of a tally by stages."""
        return tuple(Ended(stage=stage, reason=name, slots=slots) for stage, name, slots in self.by_stage())


class Histogram:
    """Lengths in buckets that grow with the length: at most 64 for each power of two."""

    def __init__(self) -> None:
        self._new: Counter[int] = Counter()
        """Lengths that are in no bucket yet: to sort a thousand of them at once costs less."""
        self._buckets: Counter[tuple[int, int]] = Counter()
        self._sum = self._longest = 0

    def add(self, length: int) -> None:
        """Count a length, which is not negative."""
        self._new[length] += 1
        if len(self._new) > _MOST_NEW:
            self._sort()

    def _sort(self) -> None:
        for length, count in self._new.items():
            shift = max(0, length.bit_length() - _EXACT_BITS)
            self._buckets[shift, length >> shift] += count
            self._sum += length * count
        self._longest = max([self._longest, *self._new])
        self._new.clear()

    def result(self) -> Lengths:
        """Return what the lengths come to."""
        self._sort()
        n = self._buckets.total()
        p10, median, p90, p99 = (self._quantile(n, percent) for percent in (10, 50, 90, 99))
        mean = round(self._sum / n, 1) if n else 0.0
        return Lengths(texts=n, mean=mean, p10=p10, median=median, p90=p90, p99=p99, longest=self._longest)

    def _quantile(self, n: int, percent: int) -> int:
        """Return the middle of the bucket with the smallest length that so many percent do not exceed."""
        wanted = -(-n * percent // 100)
        for (shift, value), count in sorted(self._buckets.items()):
            wanted -= count
            if wanted <= 0:
                return min((value << shift) + (1 << shift) // 2, self._longest)
        return 0


class Scores:
    """Scores by name, the first hundred names of them."""

    def __init__(self) -> None:
        self._found: dict[str, list[float]] = {}
        """Of each name: how many, their sum in millionths, the lowest and the highest."""

    def add(self, name: str, value: float) -> None:
        """Count a score; what is no number is none."""
        if not math.isfinite(value) or (name not in self._found and len(self._found) >= MOST_NAMES):
            return
        found = self._found.setdefault(name, [0, 0, value, value])
        found[0] += 1
        found[1] += round(value * _POINT)
        found[2:] = min(found[2], value), max(found[3], value)

    def result(self) -> tuple[Scored, ...]:
        """Return what the scores come to."""
        return tuple(
            Scored(name=name, pairs=int(n), mean=round(total / n / _POINT, 3), lowest=lowest, highest=highest)
            for name, (n, total, lowest, highest) in sorted(self._found.items())
        )


class Spending:
    """Tokens and cost of one stage, and who gave its replies."""

    def __init__(self, stage: Stage) -> None:
        self.models: Counter[str | None] = Counter()
        """Replies by the model, as the server named it, since these were last taken away."""
        self._stage = stage
        self._replies = self._prompt = self._completion = self._uncounted = 0
        self._cost = self._unpriced = 0

    def add(self, reply: Reply) -> None:
        """Count a reply."""
        prompt, completion = plausible(reply.usage.prompt_tokens), plausible(reply.usage.completion_tokens)
        self._replies += 1
        self.models[reply.model] += 1
        self._prompt += prompt or 0
        self._completion += completion or 0
        self._uncounted += prompt is None or completion is None
        if reply.cost_usd:
            self._cost += round(reply.cost_usd * _DOLLAR)
        self._unpriced += reply.cost_usd is None

    def result(self) -> Spent:
        """Return what the replies come to."""
        return Spent(
            stage=self._stage,
            replies=self._replies,
            prompt_tokens=self._prompt,
            completion_tokens=self._completion,
            replies_without_tokens=self._uncounted,
            cost_usd=self._cost / _DOLLAR,
            replies_without_price=self._unpriced,
        )
