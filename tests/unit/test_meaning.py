"""Copies in meaning: found in plan order, the same at any concurrency and after a kill, and asked for once."""

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decided_slots import discipline, question, reply, syllabus
from harness import (
    Counting,
    Dying,
    Failing,
    Shuffled,
    assert_accounts,
    committed,
    manifest,
    project,
    published,
    rows,
    run,
    small,
    until_death,
)
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rewording import Rewording, topic_of

from glan.curate.meaning import REASON, Meanings
from glan.fates import Asked, Fates, OnItsWay
from glan.generate.asking import Asking
from glan.meaning import Embedded, InMeaning
from glan.prompts import Prompts
from glan.records import Decided, Outcome, Reply, Request, Sampling, Stage, Verdict
from glan.settings import Embeddings
from glan.streams import Credits
from glan.teachers.filler import Filler, digest_of
from glan.vectors import Vector, cosines, pack_unusable, rounded, square

TREE = ["Physics", {"name": "Law", "weight": 2}]
SETTINGS = {"pairs": 40, "dataset_shard_rows": 7, "embeddings_enabled": True}


def decided(folder: Path) -> list[dict[str, Any]]:
    """Return rows and rejects, each subject's in the order of its draws."""
    found = [{**row, "text": row["messages"][0]["content"]} for row in rows(folder)]
    found += [{**row, "text": row["messages"][0]["content"]} for row in rows(folder, "rejects")]
    return sorted(found, key=lambda row: (row["id"].rpartition("/")[0], int(row["id"].rpartition("/")[2])))


def test_planted_copies_are_found_in_every_order() -> None:
    """At 1 and 500 in flight every rewording is a reject that names what it copies, and N rows stand all the same."""
    found = []
    for max_in_flight in (1, 500):
        with project(TREE, **SETTINGS) as folder:
            teacher = Counting(Shuffled(Rewording(), max_in_flight))
            result = run(folder, teacher, max_in_flight=max_in_flight)
            assert_accounts(folder, result)
            assert (result.pairs, result.exit_code) == (40, 0)
            assert max(teacher.started.values()) == 1
            found.append(published(folder))
            first: dict[tuple[str, str], str] = {}
            for row in decided(folder):
                about = row["id"].rpartition("/")[0], topic_of(row["text"])
                if about not in first:
                    first[about] = row["id"]
                    assert row.get("reason") is None
                elif row["reason"] != "exact duplicate":
                    assert (row["stage"], row["reason"]) == ("embeddings", REASON)
                    assert row["detail"] == f"{first[about]} (1.00)"
            reasons = Counter(row.get("reason") for row in decided(folder))
            assert reasons[REASON] > 10
            assert any(told.startswith("Copies in meaning") for told in manifest(folder)["checked"])
            again = Counting(Rewording())
            run(folder, again)
            assert not again.started
            assert published(folder) == found[-1]
    assert found[0] == found[1]


def test_a_kill_changes_no_verdict() -> None:
    """Killed twice and resumed, a run has the bytes of one that was not, and pays for no vector twice."""
    with project(TREE, **SETTINGS) as folder:
        run(folder, Rewording())
        whole, calls = published(folder), committed(folder)
    with project(TREE, **SETTINGS) as folder:
        for after in (60, 45):
            dying = Dying(Rewording(), after, "hang")
            asyncio.run(until_death(folder, Counting(dying), dying, max_in_flight=7))
        run(folder, Rewording())
        assert published(folder) == whole
        assert committed(folder) == calls
        assert max(calls.values()) == 1


def test_a_longer_data_set_begins_as_the_shorter_one() -> None:
    """More pairs change no verdict on those that stand."""
    with project(TREE, **SETTINGS) as folder:
        run(folder, Rewording(), pairs=20)
        before = [row["id"] for row in rows(folder)]
        run(folder, Rewording(), pairs=40)
        assert [row["id"] for row in rows(folder)][:20] == before


def test_without_it_nobody_is_asked_for_vectors() -> None:
    """Off, as it is by default, rewordings stay, and no embedding is asked for."""
    with project(TREE, **{**SETTINGS, "embeddings_enabled": False}) as folder:
        teacher = Counting(Rewording())
        run(folder, teacher)
        assert {request.stage for request in teacher.requests}.isdisjoint({Stage.EMBEDDINGS})
        assert REASON not in {row["reason"] for row in rows(folder, "rejects")}


class Odd:
    """Spoils the vectors of some questions, not of the first two of a subject."""

    def __init__(self, text: str) -> None:
        self._teacher = Filler(subjects=3, sessions=2)
        self._text = text

    async def reply(self, request: Request) -> Reply:
        reply = await self._teacher.reply(request)
        if request.stage is not Stage.EMBEDDINGS or request.id.endswith(("/0", "/1")):
            return reply
        return replace(reply, text=self._text) if digest_of(5, request.messages)[0] < 60 else reply


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (pack_unusable("a vector of zeros", "[0]"), "The reply is a vector of zeros."),
        ("I am a poem.", "The reply is no vector."),
        ('{"dimensions":3,"int8":"AQID"}', "A vector of 3 dimensions, where most have 256."),
    ],
)
def test_a_bad_vector_harms_one_slot(text: str, told: str) -> None:
    """What is no vector, or one of another length, rejects its own question, keeps the reply, and nothing else."""
    with project(["Physics"], **{**SETTINGS, "pairs": 30}) as folder:
        result = run(folder, Odd(text))
        assert_accounts(folder, result)
        assert result.exit_code == 0
        rejected = rows(folder, "rejects")
        assert {(row["stage"], row["reason"], row["detail"]) for row in rejected} == {("embeddings", "no vector", told)}


def test_what_is_refused_for_good_is_a_failure_of_one_slot() -> None:
    """A request for a vector that fails for good is a failure at its stage; asked again it is a pair."""
    with project(["Physics"], **{**SETTINGS, "pairs": 30}) as folder:
        result = run(folder, Failing(small(), 0.2, ("embeddings",)))
        assert_accounts(folder, result)
        assert result.failures
        assert {row["stage"] for row in rows(folder, "rejects")} == {"embeddings"}
        run(folder, small(), retry_failed=True)
        assert not rows(folder, "rejects")


def test_vectors_are_asked_for_what_passed_alone() -> None:
    """A question that a cheaper rule refuses costs no vector, and one that is a copy costs no answer."""
    with project(TREE, **SETTINGS) as folder:
        teacher = Counting(Rewording())
        run(folder, teacher)
        asked = {kind: {i.partition("/")[2] for i in teacher.ids() if i.startswith(kind)} for kind in ("emb", "ans")}
        rejects = {row["id"].partition("/")[2]: row["reason"] for row in rows(folder, "rejects")}
        exact = {id_ for id_, reason in rejects.items() if reason == "exact duplicate"}
        copies = {id_ for id_, reason in rejects.items() if reason == REASON}
        assert exact
        assert exact.isdisjoint(asked["emb"])
        assert copies < asked["emb"]
        assert copies.isdisjoint(asked["ans"])


def vectors(count: int, seed: int = 0) -> list[Vector]:
    rng = random.Random(seed)
    return [rounded([rng.gauss(0, 1) for _ in range(6)]) for _ in range(count)]


@given(st.integers(1, 6), st.integers(0, 40), st.integers(0, 9), st.sampled_from([0.5, 0.8, 1.0]))
def test_only_the_last_ones_of_a_subject_count(last: int, count: int, seed: int, similarity: float) -> None:
    """Each question is held against the last so many that passed in its subject, and named is the most similar one."""
    meanings = Meanings(similarity, last)
    passed: dict[str, list[tuple[int, Vector]]] = {"question/a/x": [], "question/a/y": []}
    for number, vector in enumerate(vectors(count, seed)):
        subject = "question/a/x" if number % 3 else "question/a/y"
        finding = meanings.judge(f"{subject}/{number}", vector)
        near = [
            (float(cosines(vector, other[None], np.array([square(other)]))[0]), -earlier)
            for earlier, other in passed[subject][-last:]
        ]
        best = max(near, default=(0.0, 0))
        if best[0] >= similarity:
            assert finding is not None
            assert finding.detail == f"{subject}/{-best[1]} ({best[0]:.2f})"
        else:
            assert finding is None
            passed[subject].append((number, vector))


def test_one_odd_length_at_the_beginning_harms_few() -> None:
    """If the very first vector has another length than all others, one more is refused and the others are judged."""
    meanings = Meanings(0.9, 10)
    odd, usual = rounded([1.0, 2.0, 3.0]), vectors(4)
    found = [meanings.judge(f"question/a/x/{i}", vector) for i, vector in enumerate([odd, *usual])]
    assert [finding is None for finding in found] == [True, False, True, True, True]
    copy = meanings.judge("question/a/x/9", usual[1])
    assert copy is not None
    assert copy.detail == "question/a/x/2 (1.00)"


def test_vectors_of_another_model_are_compared_among_themselves() -> None:
    """Where a person keeps the vectors of the model before, they neither refuse new ones nor are refused for length."""
    meanings = Meanings(0.9, 10)
    old, new = rounded([1.0, 2.0, 3.0]), rounded([1.0, 0.0])
    assert meanings.judge("question/a/x/0", old, is_kept=True) is None
    assert meanings.judge("question/a/x/1", new) is None
    assert meanings.judge("question/a/x/2", old, is_kept=True) is not None
    assert meanings.judge("question/a/x/3", new) is not None


def test_no_verdict_stands_behind_a_gap() -> None:
    """Where a question is undecided those behind it in its subject are too, and no others; in an audit none is."""
    orbits, tides = (syllabus(discipline(), name) for name in ("Orbits", "Tides"))
    written = [question(i, about=about) for i, about in enumerate([orbits, tides, orbits, tides, orbits])]
    group: list[OnItsWay | Embedded] = [
        Embedded(asked=Asked(question=each, rank=0), vector=vector, reply=reply(""))
        for each, vector in zip(written, vectors(5), strict=True)
    ]
    group[2] = Asked(question=written[2], rank=0).decided
    for is_audit, is_open in ((False, [False, False, True, False, True]), (True, [False, False, True, False, False])):
        credits_ = Credits(9)
        credits_.take(9)
        asking = Asking(
            teacher=small(), prompts=Prompts.shipped(), language="English",
            sampling=dict.fromkeys(Stage, Sampling(model="m", max_tokens=0)), system={},
        )  # fmt: skip
        fates = Fates(credits_, is_audit=is_audit, stop=lambda _: None)
        meaning = InMeaning(Embeddings(enabled=True), asking, fates, is_audit=is_audit)
        judged = asyncio.run(meaning.judge(list(group)))
        assert [isinstance(item, Decided) and item.outcome is Outcome.OPEN for item in judged] == is_open


def test_a_failure_is_no_gap() -> None:
    """A question that failed is decided: those behind it are judged."""
    failed = replace(Asked(question=question(0), rank=0).decided, outcome=Outcome.FAILURE)
    failed = replace(failed, verdict=Verdict(stage=Stage.EMBEDDINGS, reason="No."))
    behind = Embedded(asked=Asked(question=question(1), rank=1), vector=vectors(1)[0], reply=reply(""))
    fates = Fates(Credits(2), is_audit=False, stop=lambda _: None)
    asking = Asking(teacher=small(), prompts=Prompts.shipped(), language="English", sampling={}, system={})
    meaning = InMeaning(Embeddings(enabled=True), asking, fates, is_audit=False)
    assert isinstance(asyncio.run(meaning.judge([failed, behind]))[1], Asked)
