"""A project that wants every look, every rule and several answers: what holds for each alone holds for all together."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from harness import (
    CONTENT,
    Counting,
    Dying,
    Shuffled,
    assert_accounts,
    manifest,
    project,
    published,
    rows,
    run,
    small,
    until_death,
)

from glan.records import Stage
from glan.teachers.base import Teacher
from glan.teachers.faults import Faulty

LEAVES = ["Physics", {"name": "Law", "weight": 2}]
PAIRS = 40
EVERYTHING: dict[str, Any] = {
    "pairs": PAIRS,
    "curation_pii": "reject",
    "embeddings_enabled": True,
    "rating_enabled": True,
    "critic_enabled": True,
    "critic_at_least": 4,
    "safety_enabled": True,
    "safety_unsafe": "reject",
    "agreement_samples": 3,
}


def teacher() -> Teacher:
    """Return one whose every kind of reply is spoilt now and then, and whose questions are often near copies."""
    return Faulty(small(near_copies=0.2), seed=1, rates=CONTENT)


def test_exactly_n_rows_and_the_same_bytes_at_any_concurrency() -> None:
    """At 1 and 500 in flight the rows, the rejects and all that is counted are the same, and there are N rows."""
    found = []
    for max_in_flight in (1, 500):
        with project(LEAVES, **EVERYTHING) as folder:
            counting = Counting(Shuffled(teacher(), max_in_flight))
            result = run(folder, counting, max_in_flight=max_in_flight)
            assert_accounts(folder, result)
            assert (result.exit_code, len(rows(folder))) == (0, PAIRS)
            found.append((published(folder), counting.started, manifest(folder)["quantities"]))
    assert found[0] == found[1]
    assert {request.stage for request in counting.requests} == set(Stage) - {
        Stage.TAXONOMY,
        Stage.STUDENTS,
        Stage.JUDGEMENTS,
    }


@pytest.mark.parametrize("deaths", [(10, 90, 170), (60, 61, 250)])
def test_killed_anywhere_nothing_is_asked_twice(deaths: tuple[int, ...]) -> None:
    """A run that dies three times and goes on pays for nothing twice that was committed, and makes the same bytes."""
    with project(LEAVES, **EVERYTHING) as folder:
        run(folder, teacher(), max_in_flight=7)
        clean = published(folder)
    with project(LEAVES, **EVERYTHING) as folder:
        started: Counter[Any] = Counter()
        for after in deaths:
            dying = Dying(teacher(), after, "hang")
            counting = Counting(dying)
            asyncio.run(until_death(folder, counting, dying, max_in_flight=7))
            started += counting.answered
        counting = Counting(teacher())
        assert run(folder, counting, max_in_flight=7).exit_code == 0
        started += counting.answered
        assert max(started.values()) == 1
        assert published(folder) == clean
        again = Counting(teacher())
        run(folder, again)
        assert not again.requests
