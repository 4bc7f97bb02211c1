"""Whether a model has seen a benchmark's training split: its losses there and on the test split (paper, section 3.4).

    L        mean over the items of a split of the mean loss over the tokens of each, in nats
    Delta    L of the test split - L of the training split
    Delta %  100 x Delta / L of the test split
    excess   Delta of the model - Delta of its base, from the same items

A model that learnt a training split has a lower loss there, and so a Delta above 0. But two splits are never alike, and
small ones less so: an innocent model has a Delta too, which its base shares. Only what tuning added is evidence. A
leak of the test split lowers the other loss, so a small Delta does not exclude that one.

Pure arithmetic; nothing here knows a model.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from glan.errors import BenchmarkError
from glan.evaluate.resampling import resamples_of
from glan.records import Record

RESAMPLES: Final = 4_000
LEAST_ITEMS: Final = 20
"""Of each split. With fewer the interval of a bootstrap is too narrow for a verdict."""

EXPOSED: Final = "exposed"
NOT_SEEN: Final = "nothing seen"
UNKNOWN: Final = "no verdict"

Losses = NDArray[np.float64]


class ItemLoss(Record, frozen=True, kw_only=True):
    """The loss of one item."""

    benchmark: str
    split: str
    id: str
    loss: float
    """Mean over its tokens, in nats."""
    tokens: int
    """How many that is."""


class Interval(NamedTuple):
    low: float
    high: float


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """What the losses of a model on the two splits of a benchmark say."""

    benchmark: str
    test: float
    """L of the test split."""
    train: float
    """L of the training split."""
    n_test: int
    n_train: int
    interval: Interval
    """Of Delta."""
    base_delta: float | None = None
    excess: float | None = None
    """Delta less that of the base."""
    excess_interval: Interval | None = None
    confidence: float

    @property
    def delta(self) -> float:
        return delta_of(self.test, self.train)

    @property
    def delta_percent(self) -> float:
        return delta_percent_of(self.test, self.train)

    @property
    def verdict(self) -> str:
        """`exposed` where what tuning added is above 0 with the whole interval; no verdict without a base."""
        if self.excess_interval is None or min(self.n_test, self.n_train) < LEAST_ITEMS:
            return UNKNOWN
        return EXPOSED if self.excess_interval.low > 0 else NOT_SEEN

    def as_dict(self) -> dict[str, Any]:
        """Return all of it, for machines."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return {**found, "delta": self.delta, "delta_percent": self.delta_percent, "verdict": self.verdict}


def delta_of(test: float, train: float) -> float:
    """Return L_test - L_train."""
    return test - train


def delta_percent_of(test: float, train: float) -> float:
    """Return 100 x (L_test - L_train) / L_test; 0 where a model has no loss at all."""
    return 100 * (test - train) / test if test else 0.0


def exposure_of(
    model: Iterable[ItemLoss],
    base: Iterable[ItemLoss] | None,
    *,
    splits: tuple[str, str] = ("test", "train"),
    confidence: float = 0.99,
    seed: int = 0,
) -> Exposure:
    """Return what the losses of one benchmark say; of a base only those of the same items are looked at.

    `splits` names the test split and the training split. The intervals are percentiles of a bootstrap over items: each
    split is drawn anew by itself, and an item's two losses stay together.

    Raises:
        BenchmarkError: a split has no items.

    """
    losses = {(each.split, each.id): each for each in model}
    of_base = None if base is None else {(each.split, each.id): each.loss for each in base}
    shared = {key: each.loss for key, each in losses.items() if of_base is None or key in of_base}
    benchmark = next((each.benchmark for each in losses.values()), "")
    test, train = (_of_split(shared, split, benchmark) for split in splits)
    rng = np.random.default_rng(seed)
    alone = Exposure(
        benchmark=benchmark,
        test=float(test.mean()),
        train=float(train.mean()),
        n_test=len(test),
        n_train=len(train),
        interval=_interval(test, train, confidence, rng),
        confidence=confidence,
    )
    if of_base is None:
        return alone
    base_test, base_train = (_of_split({key: of_base[key] for key in shared}, split, benchmark) for split in splits)
    base_delta = float(base_test.mean() - base_train.mean())
    return msgspec.structs.replace(
        alone,
        base_delta=base_delta,
        excess=alone.delta - base_delta,
        excess_interval=_interval(test - base_test, train - base_train, confidence, rng),
    )


def by_benchmark(losses: Iterable[ItemLoss]) -> Mapping[str, Sequence[ItemLoss]]:
    """Return losses by the benchmark that they are of."""
    found: dict[str, list[ItemLoss]] = {}
    for each in losses:
        found.setdefault(each.benchmark, []).append(each)
    return found


def _of_split(losses: Mapping[tuple[str, str], float], split: str, benchmark: str) -> Losses:
    found = np.array([loss for (of, _), loss in losses.items() if of == split], dtype=np.float64)
    if not len(found):
        raise BenchmarkError(
            f"{benchmark or 'The benchmark'} has no items in its split {split!r} to take a loss of: there are "
            "none, they are empty, or what comes before their answer is longer than the model takes."
        )
    return found


def _interval(test: Losses, train: Losses, confidence: float, rng: np.random.Generator) -> Interval:
    """Return the middle of the differences between the means of resampled splits."""
    differences = _means(test, rng) - _means(train, rng)
    low, high = np.quantile(differences, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def _means(values: Losses, rng: np.random.Generator) -> Losses:
    """Return the means of samples with replacement, spread as n - 1 asks, so that few items are not too sure."""
    n = len(values)
    means = [values[places].mean(axis=1) for places in resamples_of(n, RESAMPLES, rng)]
    wider = np.sqrt(n / (n - 1)) if n > 1 else 1.0
    found: Losses = values.mean() + (np.concatenate(means) - values.mean()) * wider
    return found
