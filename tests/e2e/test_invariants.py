"""What holds for every data set: the same replies give the same bytes, nothing is paid twice, a longer one begins so.

Random trees, weights, seeds, concurrency, orders of arrival and moments of death, with everything that a teacher can
get wrong, in whole runs of a project inside the process.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from harness import (
    CONTENT,
    Counting,
    Dying,
    Failing,
    Shuffled,
    assert_accounts,
    call_of,
    committed,
    manifest,
    project,
    published,
    rows,
    run,
    small,
    until_death,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glan.records import Stage
from glan.teachers.base import Teacher
from glan.teachers.faults import Faulty
from glan.teachers.ledger import Ledger

NAMES = ("Physics", "Law", "C++", "C", "Fine arts", "Ästhetik", "A/B")


@st.composite
def trees(draw: st.DrawFn) -> list[object]:
    """Return a small taxonomy with weights and notes at the top and one level below."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    leaves: list[dict[str, object]] = [
        {"name": name, "weight": draw(st.sampled_from([1, 1, 2, 0.5]))} for name in names
    ]
    cut = draw(st.integers(0, len(leaves)))
    if cut == len(leaves):
        return [*leaves]
    branch = {"name": "Field", "weight": draw(st.sampled_from([1, 3])), "notes": "Briefly.", "children": leaves[cut:]}
    return [*leaves[:cut], branch]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A project and its teacher."""

    tree: object
    settings: dict[str, Any] = field(default_factory=dict)
    filler: dict[str, Any] = field(default_factory=dict)
    failing: float = 0.0

    def teacher(self) -> Teacher:
        return Failing(Faulty(small(**self.filler), seed=1, rates=CONTENT), self.failing)


CASES = st.builds(
    Case,
    tree=trees(),
    settings=st.fixed_dictionaries(
        {
            "seed": st.integers(0, 9),
            "pairs": st.integers(1, 40),
            "plan_questions_per_visit": st.integers(1, 4),
            "plan_drafts": st.integers(1, 3),
            "dataset_shard_rows": st.sampled_from([3, 7, 1_000]),
            "limits_look_ahead": st.sampled_from([2, 20_000]),
        }
    ),
    filler=st.fixed_dictionaries(
        {"subjects": st.integers(1, 4), "sessions": st.integers(1, 3), "near_copies": st.sampled_from([0.0, 0.3])}
    ),
    failing=st.sampled_from([0.0, 0.05]),
)
IN_FLIGHT = (1, 7, 500)
COPIES = Case(
    tree=["Physics", {"name": "Law", "weight": 2}],
    settings={"pairs": 40, "dataset_shard_rows": 7},
    filler={"subjects": 2, "near_copies": 0.4},
)
"""Many near copies, so that much depends on which one comes first."""
PHYSICS = Case(
    tree=["Physics"],
    settings={"seed": 1, "pairs": 19, "plan_questions_per_visit": 4, "plan_drafts": 1, "limits_look_ahead": 2},
    filler={"subjects": 2, "sessions": 2},
)
"""Where it dies with one call in flight, a question waits behind an answer."""


def assert_curricula(folder: Path, teacher: Counting) -> None:
    """The card counts every draft and syllabus that was asked for, but for the last ones of a leaf that has left."""
    asked = Counter(request.stage for request in teacher.requests)
    told = {found["stage"]: found["replies"] for found in manifest(folder)["quantities"]["spent"]}
    for stage in (Stage.SUBJECTS, Stage.SYLLABI):
        assert 0 < told[stage] <= asked[stage]
        assert told[stage] == asked[stage] or manifest(folder)["left"]


@settings(max_examples=10, deadline=None)
@given(CASES, st.integers(0, 2**32))
@example(COPIES, 1)
def test_the_same_replies_give_the_same_bytes(case: Case, seed: int) -> None:
    """At 1, 7 and 500 in flight and in any order of arrival: each file of the data set, its card, and the rejects.

    So are the statistics in the manifest.
    """
    found: list[tuple[dict[str, bytes], Counter[Any], Mapping[str, Any]]] = []
    for max_in_flight in IN_FLIGHT:
        with project(case.tree, **case.settings) as folder:
            teacher = Counting(Shuffled(case.teacher(), seed + max_in_flight))
            result = run(folder, teacher, max_in_flight=max_in_flight)
            assert_accounts(folder, result)
            found.append((published(folder), teacher.started, manifest(folder)["quantities"]))
            assert result.asked == teacher.started.total() == committed(folder).total()
            if result.exit_code == 0 and not case.failing:
                assert_curricula(folder, teacher)
    assert "dataset/README.md" in found[0][0]
    assert found[0] == found[1] == found[2]
    assert max(found[0][1].values()) == 1


@settings(max_examples=4, deadline=None, derandomize=False)
@given(
    CASES,
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["raise", "hang"])), min_size=1, max_size=3),
    st.sampled_from(IN_FLIGHT),
    st.integers(0, 2**32),
)
@example(COPIES, [(30, "hang"), (25, "raise"), (40, "hang")], 500, 2)
@example(PHYSICS, [(13, "raise"), (13, "hang")], 1, 0)
def test_a_run_that_dies_loses_what_was_in_flight_and_no_more(
    case: Case, deaths: list[tuple[int, Literal["raise", "hang"]]], max_in_flight: int, seed: int
) -> None:
    """However often it dies, in all it asks what a clean run asks and once more what was in flight at each death."""
    with project(case.tree, **case.settings) as folder:
        clean = Counting(case.teacher())
        run(folder, clean)
        expected = published(folder)
    with project(case.tree, **case.settings) as folder:
        asked: Counter[Any] = Counter()
        lost: Counter[Any] = Counter()
        for number, (after, how) in enumerate(deaths):
            dying = Dying(Shuffled(case.teacher(), seed + number), after, how)
            teacher = Counting(dying)
            before = committed(folder) if number else Counter()
            asyncio.run(until_death(folder, teacher, dying, max_in_flight=max_in_flight))
            asked += teacher.started
            there = committed(folder) - before
            assert teacher.answered.total() <= after
            assert (teacher.started - there).total() <= max_in_flight + dying.raised
            lost += teacher.started - there
        resumed = Counting(Shuffled(case.teacher(), seed))
        result = run(folder, resumed, max_in_flight=max_in_flight)
        assert asked + resumed.started == clean.started + lost
        assert published(folder) == expected
        assert_accounts(folder, result)
        again = Counting(case.teacher())
        assert run(folder, again).asked == 0
        assert not again.started
        assert published(folder) == expected


@settings(max_examples=8, deadline=None)
@given(CASES, st.integers(1, 40), st.integers(1, 40), st.sampled_from(IN_FLIGHT))
@example(COPIES, 20, 45, 500)
def test_a_longer_data_set_begins_with_the_shorter_one(case: Case, one: int, other: int, max_in_flight: int) -> None:
    """The rows of N are the first of the rows of M, made apart or by going on, and full shards are the same files."""
    few, many = sorted((one, other))
    case.settings["pairs"] = few
    with project(case.tree, **case.settings) as folder:
        teacher = Counting(Shuffled(case.teacher(), 1))
        run(folder, teacher, max_in_flight=max_in_flight)
        shorter, rejected, files = rows(folder), rows(folder, "rejects"), published(folder)
        grown = run(folder, teacher, max_in_flight=max_in_flight, pairs=many)
        assert_accounts(folder, grown)
        longer, rejects = rows(folder), rows(folder, "rejects")
        assert max(teacher.started.values()) == 1
        grown_files = published(folder)
    case.settings["pairs"] = many
    with project(case.tree, **case.settings) as folder:
        assert run(folder, Counting(case.teacher())).wanted == many
        assert published(folder) == grown_files
    assert longer[: len(shorter)] == shorter
    assert rejects[: len(rejected)] == rejected
    full = len(shorter) // case.settings["dataset_shard_rows"]
    for number in range(full):
        name = f"dataset/train/{number:05}.parquet"
        assert files[name] == grown_files[name]


def test_a_reply_is_in_the_ledger_before_anything_uses_it() -> None:
    """When a request is sent, every reply that its text comes from is durable already."""
    needs = {"listing": "draft", "sessions": "syllabus", "question": "sessions", "answer": "question"}
    missing: list[str] = []
    with project(["Physics", "Law"], pairs=20) as folder:
        teacher = Counting(Shuffled(small(), 1))

        def look(_: int) -> None:
            kind, *place = teacher.requests[-1].id.split("/")
            if kind in needs:
                place = place[:2] if kind == "question" else place
                with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
                    if not any(ledger.entries(prefix="/".join([needs[kind], *place]))):
                        missing.append(teacher.requests[-1].id)

        teacher.on_call = look
        run(folder, teacher, max_in_flight=30)
    assert teacher.started.total() > 40
    assert not missing


@pytest.mark.parametrize("how", ["raise", "hang"])
async def test_a_run_that_is_broken_off_leaves_nothing_behind(how: Literal["raise", "hang"]) -> None:
    """Whoever breaks a run off in the middle of an event loop finds no task of it, and nothing more is asked."""
    with project(["Physics", "Law", "Music"], pairs=200) as folder:
        dying = Dying(small(subjects=8), 11, how)
        teacher = Counting(dying)
        before = asyncio.all_tasks()
        assert await until_death(folder, teacher, dying, max_in_flight=4) is None
        started = teacher.started.total()
        for _ in range(20):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
        assert teacher.started.total() == started


def _of(folder: Path, discipline: str) -> list[dict[str, Any]]:
    return [row for row in rows(folder) if row["discipline"] == discipline]


@pytest.mark.parametrize("max_in_flight", IN_FLIGHT)
def test_one_discipline_that_cannot_be_listed_harms_no_other(max_in_flight: int) -> None:
    """The others' rows are those of a project without it, and the error was shown to the teacher twice each time."""

    class Chatty:
        async def reply(self, request: Any) -> Any:  # noqa: ANN401 - a request and a reply
            if request.id.startswith("listing/law/"):
                return await Faulty(small(), seed=0, rates={"malformed": 1.0}).reply(request)
            return await Faulty(small(), seed=0, rates={"refusal@answers": 0.1}).reply(request)

    teacher = Counting(Chatty())
    with project(["Physics", "Music"], pairs=60) as folder:
        run(folder, teacher)
        expected = rows(folder)
    with project(["Physics", "Law", "Music"], pairs=60, plan_drafts=4) as folder:
        result = run(folder, teacher, max_in_flight=max_in_flight)
        assert_accounts(folder, result)
        assert rows(folder) == expected
        law = [row for row in rows(folder, "rejects") if row["discipline"] == "Law"]
        assert [(row["stage"], row["reason"]) for row in law] == [("subjects", "malformed")]
        assert law[0]["raw"]
        assert manifest(folder)["left"] == {"law": "failed"}
    asked = [request for request in teacher.requests if request.id.startswith("listing/law/")]
    assert sorted((request.sample, request.attempt) for request in asked) == [
        (draft, attempt) for draft in (1, 2, 3, 4) for attempt in (0, 2, 4)
    ]
    for request in asked:
        *_, said, mend = request.messages
        assert ("<error>" in mend.content) == (request.attempt > 0)
        if request.attempt:
            # The reply that was wrong stands before it, as the teacher's own.
            assert said.role == "assistant"
            assert '"subjects"' in mend.content


@dataclass(frozen=True, kw_only=True)
class Hopeless:
    """A teacher that gives nothing usable, and the most calls that it is asked for."""

    rates: dict[str, float]
    disciplines: int
    subjects: int
    drafts: int
    calls: int


MENDED = 3
"""A malformed reply is asked for once and sent back twice."""


@pytest.mark.parametrize(
    "case",
    [
        Hopeless(rates={"malformed@subjects": 1.0}, disciplines=3, subjects=5, drafts=4, calls=3 * 4 * (1 + MENDED)),
        Hopeless(rates={"empty@subjects": 1.0}, disciplines=2, subjects=5, drafts=10, calls=2 * 10 * MENDED),
        Hopeless(
            rates={"malformed@syllabi": 1.0},
            disciplines=2,
            subjects=5,
            drafts=4,
            calls=2 * (4 * 2 + 5 * (1 + MENDED)),
        ),
    ],
    ids=["lists", "drafts", "syllabi"],
)
@pytest.mark.parametrize("max_in_flight", IN_FLIGHT)
def test_a_teacher_of_no_use_ends_a_run_soon(case: Hopeless, max_in_flight: int) -> None:
    """Fewer than N is exit 3, after as many calls as the drafts, turns, mends and subjects allow and not one more."""
    teacher = Counting(Shuffled(Faulty(small(subjects=case.subjects), seed=0, rates=case.rates), 1))
    with project(list(NAMES[: case.disciplines]), pairs=10_000, plan_drafts=case.drafts) as folder:
        result = run(folder, teacher, max_in_flight=max_in_flight)
        assert (result.exit_code, result.pairs, result.asked) == (3, 0, case.calls)
        assert_accounts(folder, result)
        assert "no discipline is left" in manifest(folder)["ended"]
        assert set(manifest(folder)["left"]) == {"physics", "law", "c%2B%2B"} - set(
            () if case.disciplines == 3 else ("c%2B%2B",)
        )


@pytest.mark.parametrize("max_in_flight", IN_FLIGHT)
def test_answers_that_are_always_refused_end_a_run_soon(max_in_flight: int) -> None:
    """After 200 slots without a pair the run ends and says why, with few slots begun behind the end."""
    with project(["Physics", "Law"], pairs=40) as folder:
        teacher = Counting(Shuffled(Faulty(small(), seed=0, rates={"refusal@answers": 1.0}), 1))
        result = run(folder, teacher, max_in_flight=max_in_flight)
        assert (result.exit_code, result.pairs, result.rejects) == (3, 0, 200)
        assert_accounts(folder, result)
        assert "200 x refusal (answers)" in str(result.stopped)
        assert "refusal" in manifest(folder)["ended"]
        assert result.stopped is not None
        assert "--retry-failed" not in result.stopped.hint
        assert result.asked == committed(folder).total() == teacher.started.total()
        curricula = sum(request.stage in {Stage.SUBJECTS, Stage.SYLLABI} for request in teacher.requests)
        assert result.asked - curricula <= 2 * (200 + 3 * 40)


def test_a_run_that_ends_early_leaves_the_same_bytes() -> None:
    """Also where the yield is too low, at any concurrency: what was begun behind the end leaves no trace."""
    found = []
    for max_in_flight in IN_FLIGHT:
        with project(["Physics", "Law", "Music"], pairs=100, plan_questions_per_visit=1) as folder:
            teacher = Shuffled(Faulty(small(subjects=9), seed=0, rates={"refusal@answers": 1.0}), max_in_flight)
            assert run(folder, teacher, max_in_flight=max_in_flight).exit_code == 3
            found.append(published(folder))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("max_in_flight", IN_FLIGHT)
def test_failures_that_end_a_run_can_be_tried_again(max_in_flight: int) -> None:
    """The message names the way, and --retry-failed asks exactly the failed requests again, then what they open."""
    with project(["Physics", "Law"], pairs=300) as folder:
        failing = Failing(small(), 1.0, (Stage.ANSWERS,))
        teacher = Counting(failing)
        result = run(folder, teacher, max_in_flight=max_in_flight)
        assert (result.exit_code, result.failures) == (3, 200)
        assert result.stopped is not None
        assert "--retry-failed" in result.stopped.hint
        assert_accounts(folder, result)
        before = teacher.started.copy()
        again = run(folder, teacher, max_in_flight=max_in_flight)
        assert again.exit_code == 3
        assert all(teacher.started[call] == 1 for call in before)
        # All answers failed; those of the first 300 slots are needed now.
        answers = [request for request in teacher.requests if request.stage is Stage.ANSWERS]
        failed = {call_of(request) for request in answers if request.rank < 300}
        failing.is_healed = True
        before = teacher.started.copy()
        retried = run(folder, teacher, max_in_flight=max_in_flight, retry_failed=True)
        assert (retried.exit_code, retried.pairs, retried.failures) == (0, 300, 0)
        assert_accounts(folder, retried)
        asked = teacher.started - before
        assert {call for call in asked if call in before} == failed
        assert max(asked.values()) == 1


def test_a_few_failures_are_tried_again_alone() -> None:
    """In a run that is complete, --retry-failed asks for the failures and nothing else, and keeps exactly N."""
    with project(["Physics", "Law"], pairs=60) as folder:
        failing = Failing(small(), 0.1, (Stage.QUESTIONS, Stage.ANSWERS))
        teacher = Counting(failing)
        result = run(folder, teacher)
        assert (result.exit_code, result.pairs) == (0, 60)
        assert result.failures > 0
        with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
            failed = {entry.request_id for entry in ledger.failures()}
        failing.is_healed = True
        before = teacher.started.copy()
        retried = run(folder, teacher, retry_failed=True)
        assert (retried.pairs, retried.failures) == (60, 0)
        asked = {call[0] for call in teacher.started - before}
        # A question that came at last is then answered.
        assert {id_ for id_ in asked if id_ in {call[0] for call in before}} <= failed
        assert asked - failed <= {id_.replace("question/", "answer/", 1) for id_ in failed}
        assert math.isclose(len(asked & failed), result.failures, abs_tol=result.failures)
