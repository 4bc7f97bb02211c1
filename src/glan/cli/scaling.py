"""What a run takes at growing sizes, as `glan plan --scale` shows it. It asks nobody."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from glan.cli.screen import say
from glan.config import Config
from glan.estimate import Known, StageEstimate, disk_bytes, estimates_of, memory_bytes
from glan.records import Discipline

_SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_BYTES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B"))
_COLUMNS = {"calls": 15, "tokens": 15, "cost": 23, "hours": 17, "disk": 17, "memory": 17}


@dataclass(frozen=True, slots=True, kw_only=True)
class Takes:
    """What a run to N pairs still takes in one case."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """None where a price is unknown."""
    hours: float
    disk_bytes: int
    memory_bytes: int

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


def scaled(disciplines: Sequence[Discipline], config: Config, known: Known) -> Mapping[int, Mapping[str, Takes]]:
    """Return what a run takes at each size, the project's own among them: the low, the expected and the high case."""
    return {
        pairs: _takes(disciplines, msgspec.structs.replace(config, pairs=pairs), known)
        for pairs in sorted({*_SIZES, config.pairs})
    }


def _takes(disciplines: Sequence[Discipline], config: Config, known: Known) -> Mapping[str, Takes]:
    memory = memory_bytes(config)
    return {
        name: _summed(estimates, disk=disk_bytes(estimates, known), memory=memory[name])
        for name, estimates in estimates_of(disciplines, config, known).items()
    }


def _summed(estimates: Sequence[StageEstimate], *, disk: int, memory: int) -> Takes:
    costs = [found.cost_usd for found in estimates]
    known = [cost for cost in costs if cost is not None]
    return Takes(
        calls=sum(found.calls for found in estimates),
        prompt_tokens=sum(found.prompt_tokens for found in estimates),
        completion_tokens=sum(found.completion_tokens for found in estimates),
        cost_usd=sum(known) if len(known) == len(costs) else None,
        hours=sum(found.hours for found in estimates),
        disk_bytes=disk,
        memory_bytes=memory,
    )


def say_scale(sizes: Mapping[int, Mapping[str, Takes]]) -> None:
    """Print a line for each size, each number from the cheapest case to the dearest."""
    say(f"{'pairs':>13}" + "".join(f"{title:>{width}}" for title, width in _COLUMNS.items()))
    for pairs, cases in sizes.items():
        cells = zip(_cells(cases["low"], cases["high"]), _COLUMNS.values(), strict=True)
        say(f"{pairs:>13,}" + "".join(f"{cell:>{width}}" for cell, width in cells))


def _cells(low: Takes, high: Takes) -> Iterator[str]:
    yield _span(low.calls, high.calls, _count)
    yield _span(low.tokens, high.tokens, _count)
    if low.cost_usd is None or high.cost_usd is None:
        yield "unknown"
    else:
        yield _span(low.cost_usd, high.cost_usd, _dollars)
    yield _span(low.hours, high.hours, _hours)
    yield _span(low.disk_bytes, high.disk_bytes, _size)
    yield _span(low.memory_bytes, high.memory_bytes, _size)


def _span(low: float, high: float, told: Callable[[float], str]) -> str:
    """Tell a range, or one value where both ends read alike."""
    ends = told(low), told(high)
    return ends[0] if ends[0] == ends[1] else " - ".join(ends)


def _count(number: float) -> str:
    return _in_units(number, _UNITS)


def _size(number: float) -> str:
    return _in_units(number, _BYTES)


def _in_units(number: float, units: Sequence[tuple[float, str]]) -> str:
    """Tell a number with its two or three first digits."""
    for size, unit in units:
        if number >= size:
            count = number / size
            return f"{count:.0f}{unit}" if count >= 10 else f"{count:.1f}{unit}"
    return f"{number:.0f}"


def _dollars(number: float) -> str:
    return f"${number:,.0f}" if number >= 100 else f"${number:,.2f}"


def _hours(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"
