"""Losses on two splits of a benchmark, and what they say: by hand, and against table 3 of the paper."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.benchmarks.items import Item
from glan.errors import BenchmarkError
from glan.evaluate.leakage import (
    EXPOSED,
    LEAST_ITEMS,
    NOT_SEEN,
    UNKNOWN,
    ItemLoss,
    by_benchmark,
    exposure_of,
)
from glan.evaluate.texts import drawn, following, text_of


def losses(split: str, values: list[float], benchmark: str = "B") -> list[ItemLoss]:
    return [
        ItemLoss(benchmark=benchmark, split=split, id=f"{split}/{i}", loss=value, tokens=1)
        for i, value in enumerate(values)
    ]


def test_a_case_by_hand() -> None:
    """Means of items, their difference, its share of the test loss, and what of it the base does not have."""
    model = losses("test", [2.0, 3.0, 4.0]) + losses("train", [1.0, 2.0])
    base = losses("test", [4.0, 4.0, 4.0]) + losses("train", [3.0, 4.0])
    found = exposure_of(model, base)
    assert (found.test, found.train, found.n_test, found.n_train) == (3.0, 1.5, 3, 2)
    assert (found.delta, found.delta_percent) == (1.5, 50.0)
    assert (found.base_delta, found.excess) == (0.5, 1.0)
    assert found.verdict == UNKNOWN  # five items prove nothing


def shifted(seed: int, by: float, n: int = 60) -> tuple[list[ItemLoss], list[ItemLoss]]:
    """Return the losses of a model and of its base, where tuning took so much more off the training split."""
    rng = random.Random(seed)
    base = losses("test", [rng.gauss(3.3, 0.8) for _ in range(n)])
    base += losses("train", [rng.gauss(3.0, 0.8) for _ in range(n)])
    model = []
    for each in base:
        off = 1.0 + rng.gauss(0, 0.3) + (by if each.split == "train" else 0)
        model.append(ItemLoss(benchmark="B", split=each.split, id=each.id, loss=each.loss - off, tokens=1))
    return model, base


def test_what_the_base_has_too_is_no_evidence() -> None:
    """Two splits that differ by 0.3 for everybody flag nobody; what tuning takes off one of them alone is flagged."""
    model, base = shifted(0, by=0.0)
    innocent = exposure_of(model, base)
    assert innocent.delta > 0.1
    assert innocent.verdict == NOT_SEEN
    guilty = exposure_of(*shifted(0, by=0.3))
    assert guilty.verdict == EXPOSED
    assert exposure_of(model, None).verdict == UNKNOWN


def test_innocent_models_are_rarely_flagged() -> None:
    """Of 200 models that saw nothing, no more are flagged than an interval of 99% allows with room to spare."""
    flagged = sum(
        exposure_of(*shifted(seed, by=0.0, n=LEAST_ITEMS), seed=seed).verdict == EXPOSED for seed in range(200)
    )
    assert flagged <= 5


def test_the_same_seed_gives_the_same_interval() -> None:
    """An interval is drawn from the seed alone, holds Delta, and is wider with more confidence."""
    model, base = shifted(1, by=0.1)
    first, again, other = (exposure_of(model, base, seed=seed) for seed in (5, 5, 6))
    assert first == again != other
    assert first.interval.low < first.delta < first.interval.high
    narrow = exposure_of(model, base, confidence=0.8).interval
    assert narrow.high - narrow.low < first.interval.high - first.interval.low


@given(st.lists(st.floats(0.01, 50), min_size=1, max_size=8), st.lists(st.floats(0.01, 50), min_size=1, max_size=8))
def test_a_model_is_never_beyond_itself(test: list[float], train: list[float]) -> None:
    """Held against itself, a model has no excess and is never flagged, however few the items."""
    model = losses("test", test) + losses("train", train)
    found = exposure_of(model, model)
    assert found.excess == pytest.approx(0)
    assert found.verdict != EXPOSED
    assert all(map(math.isfinite, [*found.interval, found.delta_percent]))


def test_items_that_only_one_of_them_has_are_left_out() -> None:
    """The base is held against the same items, and a split without any is an error."""
    model = losses("test", [1.0, 2.0]) + losses("train", [1.0, 9.0])
    base = losses("test", [1.0, 2.0]) + losses("train", [1.0])
    assert exposure_of(model, base).n_train == 1
    with pytest.raises(BenchmarkError, match="split 'train'"):
        exposure_of(losses("test", [1.0]), None)
    assert list(by_benchmark(losses("test", [1.0], "A") + losses("test", [1.0], "B"))) == ["A", "B"]


def test_an_item_is_its_question_and_what_follows() -> None:
    """The loss is of the answer alone or of both; choices that begin with the question go on from it."""
    item = Item(benchmark="B", id="test/1", question="How many?", others=("Four.",))
    assert text_of(item, "answer") == ("How many?\nFour.", 10, False)
    assert text_of(item, "item") == ("How many?\nFour.", 0, False)
    choices = Item(benchmark="B", id="test/1", question="How many?", others=("How many?\nOne\nTwo",))
    assert following(choices) == "One\nTwo"
    bare = Item(benchmark="B", id="test/1", question="How many?")
    assert text_of(bare, "answer") == ("How many?", 0, False)


def test_items_are_drawn_from_the_splits_that_are_asked_for() -> None:
    """At most so many of each, the same ones for the same seed, in their order."""
    items = [
        Item(benchmark="B", id=f"{split}/{i}", question="Q") for split in ("train", "dev", "test") for i in range(50)
    ]
    found = drawn(items, ("test", "train"), 10, random.Random(1))
    assert found == drawn(items, ("test", "train"), 10, random.Random(1))
    assert [item.id.partition("/")[0] for item in found] == ["test"] * 10 + ["train"] * 10
    numbers = [int(item.id.partition("/")[2]) for item in found[:10]]
    assert numbers == sorted(numbers)
    assert len(drawn(items, ("test",), None, random.Random(1))) == 50
