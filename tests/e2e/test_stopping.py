"""A run that is stopped: it waits for what is in flight, leaves a data set that is whole, and goes on later."""

import asyncio
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from harness import (
    CONTENT,
    Counting,
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
)
from hypothesis import given, settings
from hypothesis import strategies as st

from glan import Options, Project, Result
from glan.errors import RequestError, UnusableError
from glan.plan import slots
from glan.records import Reply, Request, Stage
from glan.runs import Run
from glan.teachers.base import Teacher
from glan.teachers.faults import Faulty
from glan.teachers.ledgered import Choice
from glan.teachers.panel import Panel

TREE = ["Physics", {"name": "Law", "weight": 2}, "Music"]
IN_FLIGHT = st.sampled_from([1, 7, 500])


def a_run(folder: Path, teacher: Teacher, **options: Any) -> Run:  # noqa: ANN401 - options have many types
    return Run(Project.open(folder), Panel.of(teacher, "filler"), Options(**options))


def ended(run_: Run) -> Result:
    return asyncio.run(run_(lambda _: True))


def interrupted_at(folder: Path, teacher: Counting, call: int, **options: Any) -> Result:  # noqa: ANN401 - see above
    """Run a project and interrupt it when it makes a call, before the first at 0."""
    stopped = a_run(folder, teacher, **options)
    teacher.on_call = lambda number: stopped.interrupt() if number == call else None
    if call == 0:
        stopped.interrupt()
    return ended(stopped)


def ranks(folder: Path) -> Mapping[tuple[str, int], int]:
    """Return the place of each slot in the plan."""
    opened = Project.open(folder)
    plan = slots(
        opened.taxonomy.disciplines,
        seed=opened.config.seed,
        questions_per_visit=opened.config.plan.questions_per_visit,
    )
    return {(slot.discipline.title, slot.ordinal): rank for rank, slot in enumerate(islice(plan, 500))}


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 130), IN_FLIGHT, st.integers(0, 2**32), st.sampled_from([0.0, 0.1]))
def test_an_interrupted_run_leaves_all_finished_pairs(call: int, max_in_flight: int, seed: int, failing: float) -> None:
    """In plan order, with the open slots counted; what was in flight is committed, and the next run ends as ever."""

    def a_teacher() -> Counting:
        filler = small(subjects=6, near_copies=2 * failing)
        return Counting(Shuffled(Failing(Faulty(filler, seed=1, rates=CONTENT), failing), seed))

    with project(TREE, pairs=40, dataset_shard_rows=7) as folder:
        clean = a_teacher()
        run(folder, clean)
        expected, whole = published(folder), rows(folder)
    with project(TREE, pairs=40, dataset_shard_rows=7) as folder:
        teacher = a_teacher()
        result = interrupted_at(folder, teacher, call, max_in_flight=max_in_flight)
        assert teacher.started == committed(folder)
        assert result.exit_code == 0 or teacher.started.total() <= call + max_in_flight
        if result.is_standing:
            assert result.exit_code == (130 if result.stopped else 0)
            assert_accounts(folder, result)
            assert_is_part(folder, whole, result)
        else:
            assert result.pairs == 0
            assert not published(folder)
        teacher.on_call = None
        done = run(folder, teacher, max_in_flight=max_in_flight)
        assert_accounts(folder, done)
        assert published(folder) == expected
        assert teacher.started == clean.started


def assert_is_part(folder: Path, whole: list[dict[str, Any]], result: Result) -> None:
    """What stands are rows of the whole in their order, the first of them a prefix, and what is missing is counted."""
    told, found = manifest(folder), rows(folder)
    assert [row for row in whole if row in found] == found
    assert told["complete"] == (len(found) == len(whole))
    prefix = told["prefix_rows"]
    assert found[:prefix] == whole[:prefix]
    assert (prefix == len(found)) == (told["slots"]["open"] == 0)
    place = ranks(folder)
    last = max((place[row["discipline"], row["slot"]] for row in found), default=-1)
    decided = [place[row["discipline"], row["slot"]] for row in found + rows(folder, "rejects")]
    assert told["slots"]["open"] == result.open == last + 1 - sum(rank <= last for rank in decided)
    assert [place[row["discipline"], row["slot"]] for row in found] == sorted(
        place[row["discipline"], row["slot"]] for row in found
    )


async def test_what_was_asked_ahead_is_waited_for() -> None:
    """Syllabi that are on their way when a run is stopped are paid for, though no slot waits for them any more."""

    class Slow:
        first = ""

        async def reply(self, request: Request) -> Reply:
            if request.id.startswith("syllabus/"):
                self.first = self.first or request.id
                if request.id != self.first:
                    await asyncio.sleep(0.1)
            return await small(subjects=8).reply(request)

    with project(["Physics"], pairs=60) as folder:
        teacher = Counting(Slow())
        stopped = a_run(folder, teacher, max_in_flight=4)
        # Calls: a draft, its list, and the syllabi of four subjects, of which the first comes soon.
        teacher.on_call = lambda number: stopped.interrupt() if number == 6 else None
        result = await stopped(lambda _: True)
        assert result.exit_code == 130
        assert teacher.started.total() == 6
        assert teacher.started == teacher.answered == committed(folder)


async def test_behind_a_question_that_does_not_come_nothing_is_decided() -> None:
    """A later question may be a copy of it, so the walk ends before it, though all that follows is in the ledger."""

    class Stuck:
        is_healed = False

        async def reply(self, request: Request) -> Reply:
            if request.id.startswith("question/") and request.rank == 2:
                if not self.is_healed:
                    raise RequestError("Not now.")
                await asyncio.Event().wait()
            return await small().reply(request)

    with project(["Physics"], pairs=20) as folder:
        stuck = Stuck()
        teacher = Counting(stuck)
        assert (await a_run(folder, teacher)(lambda _: True)).failures == 1
        files, stuck.is_healed = published(folder), True
        stopped = a_run(folder, teacher, grace_s=0.05, retry_failed=True)
        teacher.on_call = lambda _: stopped.interrupt()
        result = await stopped(lambda _: True)
        assert (result.pairs, result.exit_code, result.is_standing) == (2, 130, False)
        assert published(folder) == files


async def test_the_grace_ends_what_does_not_come() -> None:
    """A call that hangs is given up after the grace; the run ends with what there is, and leaves no task behind."""

    class Stuck:
        async def reply(self, request: Request) -> Reply:
            if request.id.startswith("answer/") and request.rank in {3, 4}:
                await asyncio.Event().wait()
            return await small().reply(request)

    before = asyncio.all_tasks()
    with project(["Physics"], pairs=20) as folder:
        teacher = Counting(Stuck())
        stopped = a_run(folder, teacher, grace_s=0.05)
        teacher.on_call = lambda number: stopped.interrupt() if number == 40 else None
        result = await stopped(lambda _: True)
        assert (result.exit_code, result.open, result.is_standing) == (130, 2, True)
        assert_accounts(folder, result)
        assert manifest(folder)["prefix_rows"] == 3
        assert manifest(folder)["complete"] is False
        await asyncio.sleep(0)  # the one that writes status.json needs a turn to end
        assert asyncio.all_tasks() == before
        assert (teacher.started - committed(folder)).total() == 2
        paid, rest = committed(folder), Counting(small())
        assert (await a_run(folder, rest)(lambda _: True)).exit_code == 0
        assert not rest.started & paid


@pytest.mark.parametrize("call", [0, 1, 3])
def test_a_stopped_run_never_leaves_fewer_rows(call: int) -> None:
    """Where it has fewer than stand, the old data set stays as it is, and it is said."""
    with project(TREE, pairs=30) as folder:
        run(folder, Counting(small()))
        files = published(folder)
        path = folder / "prompts" / "answer_question.md.j2"
        path.write_text("Please. " + path.read_text(encoding="utf-8"), encoding="utf-8")
        result = interrupted_at(folder, Counting(small()), call, choice=Choice.REASK, max_in_flight=2)
        assert (result.exit_code, result.is_standing) == (130, False)
        assert "30 rows" in result.notices[-1]
        assert "it stays" in result.notices[-1]
        assert published(folder) == files
        assert not (folder / ".next" / "ready").exists()


def test_growth_that_is_stopped_keeps_what_stands_and_adds_to_it() -> None:
    """Stopped on the way from 20 to 60, the rows are the first 20 and those that were finished."""
    with project(TREE, pairs=20) as folder:
        teacher = Counting(small())
        run(folder, teacher)
        before, asked = rows(folder), teacher.started.total()
        result = interrupted_at(folder, teacher, asked + 30, pairs=60, max_in_flight=3)
        assert (result.exit_code, result.is_standing) == (130, True)
        assert 20 < result.pairs < 60
        assert rows(folder)[:20] == before
        assert manifest(folder)["pairs_wanted"] == 60


def test_a_teacher_that_gives_up_stops_the_run_in_good_order() -> None:
    """A bad key in the middle is exit 1; what was finished stands, and the next run asks only for the rest."""

    class Locked:
        is_locked = False

        async def reply(self, request: Request) -> Reply:
            if self.is_locked:
                raise UnusableError("The key is not valid any more.")
            return await small().reply(request)

    with project(TREE, pairs=30) as folder:
        locked = Locked()
        teacher = Counting(Shuffled(locked, 1))
        teacher.on_call = lambda number: setattr(locked, "is_locked", number > 45)
        result = run(folder, teacher, max_in_flight=5)
        assert (result.exit_code, result.is_standing) == (1, True)
        assert "key" in str(result.stopped)
        assert 0 < result.pairs < 30
        assert_accounts(folder, result)
        assert "key" in manifest(folder)["ended"]
        paid = committed(folder)
        teacher.on_call, locked.is_locked = None, False
        rest = Counting(small())
        assert run(folder, rest).exit_code == 0
        assert not rest.started.keys() & paid.keys()


def test_refusals_that_come_in_after_an_interrupt_are_all_counted() -> None:
    """A run that is stopped already does not end a second time for its low yield: every slot has its place."""
    refuses = Faulty(small(), seed=0, rates={"refusal@answers": 1.0})

    with project(TREE, pairs=300) as folder:
        gate = asyncio.Event()

        class Held:
            async def reply(self, request: Request) -> Reply:
                if request.stage is Stage.ANSWERS:
                    await gate.wait()
                return await refuses.reply(request)

        teacher = Counting(Held())
        stopped = a_run(folder, teacher, max_in_flight=500)

        def look(_: int) -> None:
            if sum(request.stage is Stage.ANSWERS for request in teacher.requests) == 300:
                stopped.interrupt()
                gate.set()

        teacher.on_call = look
        result = ended(stopped)
        assert (result.exit_code, result.pairs, result.rejects) == (130, 0, 300)


def test_an_interrupt_before_the_walk_asks_nothing() -> None:
    """Nothing is asked and nothing is written over what stands."""
    with project(TREE, pairs=10) as folder:
        teacher = Counting(small())
        result = interrupted_at(folder, teacher, 0)
        assert (result.exit_code, result.is_standing, result.asked) == (130, False, 0)
        assert not teacher.started
        assert not (folder / "dataset").exists()


def test_a_draft_that_failed_is_no_secret() -> None:
    """All pairs are there and no slot failed; the result still says that subjects are missing, until it is mended."""
    with project(["Physics", "Law"], pairs=60, curation_near_duplicates=0.0) as folder:
        failing = Failing(small(), 1.0)
        teacher = Only(small(), failing, "draft/physics/2")
        result = run(folder, teacher)
        assert (result.pairs, result.failures, result.exit_code) == (60, 0, 0)
        (notice,) = result.notices
        assert "1 draft of subjects failed, so Physics" in notice
        before = published(folder)
        failing.is_healed = True
        mended = run(folder, teacher, retry_failed=True)
        assert not mended.notices
        assert published(folder) != before


class Only:
    """Sends one request to another teacher."""

    model = "filler"

    def __init__(self, teacher: Teacher, other: Teacher, id_: str) -> None:
        self._teachers = teacher, other
        self._id = id_

    async def reply(self, request: Request) -> Reply:
        return await self._teachers[request.id == self._id].reply(request)
