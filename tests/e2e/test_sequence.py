"""The pipeline held against the sequence decided one slot after the other, at any concurrency and in any order."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from harness import CONTENT, Counting, Failing, Shuffled, small
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Ended, reference
from strategies import a_discipline, disciplines

from glan.config import Config
from glan.generate.asking import Asking
from glan.pipeline import MOST_BEGUN_AT_ONCE, Job, Pipeline
from glan.progress import Progress
from glan.prompts import Prompts
from glan.records import Discipline, Outcome, Reply, Request, Sampling, Stage
from glan.settings import Limits, Plan
from glan.teachers.base import Teacher
from glan.teachers.faults import Faulty
from glan.teachers.permits import Permits

PROMPTS = Prompts.shipped()
LEAVES = (a_discipline("Physics"), a_discipline("Law", 2), a_discipline("C++"))
REFUSES = Faulty(small(), seed=0, rates={"refusal@answers": 1.0})


@dataclass(frozen=True)
class Permitted:
    """Asks under a permit, as the ledgered teacher does, without a ledger."""

    teacher: Teacher
    permits: Permits

    async def reply(self, request: Request) -> Reply:
        async with self.permits.at(request.rank):
            return await self.teacher.reply(request)


def asking_of(teacher: Teacher) -> Asking:
    sampling = dict.fromkeys(Stage, Sampling(model="m", max_tokens=100))
    return Asking(teacher=teacher, prompts=PROMPTS, language="English", sampling=sampling, system={})


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A job for both."""

    leaves: Sequence[Discipline] = LEAVES
    config: Config = field(default_factory=Config)
    pairs: int = 20

    def one_by_one(self, teacher: Teacher) -> list[Ended]:
        return reference(self.leaves, self.config, self.pairs, asking_of(teacher))

    def pipeline(self, teacher: Teacher, max_in_flight: int, until: Stage = Stage.ANSWERS) -> Pipeline:
        permits = Permits(max_in_flight)
        asking = asking_of(Permitted(teacher, permits))
        job = Job(disciplines=self.leaves, config=self.config, pairs=self.pairs, asking=asking, until=until)
        return Pipeline(job, permits=permits, progress=Progress(wanted=self.pairs))

    def at_once(self, teacher: Teacher, max_in_flight: int, until: Stage = Stage.ANSWERS) -> list[Ended]:
        return asyncio.run(ended(self.pipeline(teacher, max_in_flight, until)))


async def ended(pipeline: Pipeline) -> list[Ended]:
    return [Ended.of(decided) async for group in pipeline.decided() for decided in group]


CONFIGS = st.builds(
    Config,
    seed=st.integers(0, 99),
    plan=st.builds(Plan, questions_per_visit=st.integers(1, 3), drafts=st.integers(1, 4)),
    limits=st.builds(Limits, look_ahead=st.sampled_from([1, 3, 20_000])),
)
JOBS = st.builds(Asked, leaves=disciplines(max_size=4), config=CONFIGS, pairs=st.integers(1, 45))
IN_FLIGHT = st.sampled_from([1, 2, 7, 500])


@st.composite
def teachers(draw: st.DrawFn) -> Teacher:
    """Return one with short texts, all faults of the content, near copies and failures."""
    filler = small(
        subjects=draw(st.integers(1, 3)), sessions=draw(st.integers(1, 2)), near_copies=draw(st.sampled_from([0, 0.4]))
    )
    faulty = Faulty(filler, seed=draw(st.integers(0, 99)), rates=CONTENT)
    return Failing(faulty, draw(st.sampled_from([0, 0.1, 0.3])))


@settings(max_examples=50, deadline=None)
@given(JOBS, teachers(), IN_FLIGHT, st.integers(0, 2**32))
def test_every_slot_is_as_one_by_one(job: Asked, teacher: Teacher, max_in_flight: int, seed: int) -> None:
    """The same slots come to the same ends in the same order, and the same calls are made."""
    alone, together = Counting(teacher), Counting(Shuffled(teacher, seed))
    expected = job.one_by_one(alone)
    assert job.at_once(together, max_in_flight) == expected
    # A syllabus is read again at each round; with the ledger between, that is no call.
    assert set(together.started) == set(alone.started)


@pytest.mark.parametrize("seed", range(4))
def test_of_two_copies_the_earlier_one_stays(seed: int) -> None:
    """Whichever question came first, and however many were judged together: plan order says which one is the copy."""
    teacher = Faulty(small(near_copies=0.4, subjects=2), seed=1, rates=CONTENT)
    job = Asked(pairs=45)
    expected = job.one_by_one(teacher)
    assert sum(end.reason == "near duplicate" for end in expected) > 20
    assert job.at_once(Shuffled(teacher, seed), 500) == expected


@pytest.mark.parametrize("max_in_flight", [1, 7, 500])
@pytest.mark.parametrize("pairs", [1, 7, 100])
def test_exactly_n_pairs(pairs: int, max_in_flight: int) -> None:
    """With failures and answers that are cut off there are N pairs, for as many slots and calls as that takes."""
    teacher = Failing(Faulty(small(), seed=2, rates={"cut-off@answers": 0.05}), 0.1, (Stage.QUESTIONS, Stage.ANSWERS))
    job = Asked(pairs=pairs)
    alone, together = Counting(teacher), Counting(Shuffled(teacher, 3))
    expected = job.one_by_one(alone)
    found = job.at_once(together, max_in_flight)
    assert found == expected
    assert found[-1].outcome is Outcome.PAIR
    assert sum(end.outcome is Outcome.PAIR for end in found) == pairs
    assert set(together.started) == set(alone.started)
    # Each slot that was begun asked for one question, and each question that came for one answer.
    first_calls = Counter(call[0].split("/")[0] for call in together.started if call[2] == 0)
    assert first_calls["question"] == len(found)
    assert first_calls["answer"] == sum(end.question is not None for end in found)


@pytest.mark.parametrize("max_in_flight", [1, 40])
def test_a_run_of_refusals_ends_after_200_slots(max_in_flight: int) -> None:
    """Exactly 200 slots are decided, the same at any concurrency, with few begun behind them."""
    teacher = Counting(Shuffled(REFUSES, 1))
    job = Asked(pairs=30)
    pipeline = job.pipeline(teacher, max_in_flight)
    found = asyncio.run(ended(pipeline))
    assert found == job.one_by_one(REFUSES)
    assert len(found) == 200
    assert "200 x refusal (answers)" in str(pipeline.stopped)
    assert sum(id_.startswith("question") for id_ in teacher.ids()) <= 200 + 3 * 30


def test_a_yield_that_falls_ends_the_run_where_it_falls() -> None:
    """Pairs at first and refusals later: the end is after 200 slots with fewer than a twentieth pairs, to the slot."""

    class Tiring:
        async def reply(self, request: Request) -> Reply:
            index = int(request.id.rpartition("/")[2]) if request.stage is Stage.ANSWERS else 0
            return await (REFUSES if index >= 4 else small()).reply(request)

    job = Asked(pairs=300)
    expected = job.one_by_one(Tiring())
    assert len(expected) > 200
    assert 0 < sum(end.outcome is Outcome.PAIR for end in expected[-200:]) < 10
    for max_in_flight in (1, 60):
        assert job.at_once(Shuffled(Tiring(), 5), max_in_flight) == expected


def test_a_yield_of_nothing_goes_on_if_one_says_so() -> None:
    """With `stop_below` 0 the run ends when no discipline has more to give."""
    config = Config(plan=Plan(stop_below=0, drafts=1))
    job = Asked(leaves=LEAVES[:1], config=config, pairs=1)
    refuses = Faulty(small(subjects=9, sessions=1), seed=0, rates={"refusal@answers": 1.0})
    found = job.at_once(refuses, 50)
    assert len(found) > 200
    assert found == job.one_by_one(refuses)


@pytest.mark.parametrize(("max_in_flight", "most"), [(4, 1_024), (400, 1_600)])
def test_few_slots_wait_for_a_curriculum(max_in_flight: int, most: int) -> None:
    """While no list of subjects comes, so many slots wait as keep the permits busy, and not all that are wanted."""

    async def main() -> int:
        class Silent:
            async def reply(self, request: Request) -> Reply:
                await asyncio.Event().wait()
                raise AssertionError(request)

        job = Asked(config=Config(plan=Plan(questions_per_visit=1)), pairs=20_000)
        walk = asyncio.create_task(ended(job.pipeline(Silent(), max_in_flight)))
        for _ in range(3_000):
            await asyncio.sleep(0)
        waiting = len(asyncio.all_tasks())
        walk.cancel()
        await asyncio.wait((walk,))
        return waiting

    assert most <= asyncio.run(main()) < most + MOST_BEGUN_AT_ONCE + 20


@pytest.mark.parametrize("look_ahead", [1, 5, 64])
def test_slots_wait_for_the_one_that_is_slow(look_ahead: int) -> None:
    """While the first question does not come, not more slots are begun than memory allows, give or take a group."""
    job = Asked(config=Config(limits=Limits(look_ahead=look_ahead)), pairs=200)

    async def main() -> int:
        gate = asyncio.Event()

        class Slow:
            first = ""

            async def reply(self, request: Request) -> Reply:
                if request.stage is Stage.QUESTIONS:
                    self.first = self.first or request.id
                    if request.id == self.first:
                        await gate.wait()
                return await small().reply(request)

        teacher = Counting(Slow())
        walk = asyncio.create_task(ended(job.pipeline(teacher, 500)))
        for _ in range(500):
            await asyncio.sleep(0)
        begun = sum(id_.startswith("question") for id_ in teacher.ids())
        gate.set()
        assert await walk == job.one_by_one(small())
        return begun

    assert 1 <= asyncio.run(main()) < look_ahead + MOST_BEGUN_AT_ONCE


@pytest.mark.parametrize("until", [Stage.SUBJECTS, Stage.SYLLABI, Stage.QUESTIONS])
def test_a_walk_up_to_a_stage_asks_for_a_part_of_a_whole_run(until: Stage) -> None:
    """It ends with N slots done so far, and what it asked is what the whole run asks too."""
    job = Asked(pairs=40)
    part, whole = Counting(Shuffled(small(), 1)), Counting(small())
    found = job.at_once(part, 20, until)
    job.at_once(whole, 20)
    assert [end.outcome for end in found] == [Outcome.PAIR] * 40
    stages = list(Stage)[: list(Stage).index(until) + 1]
    assert {request.stage for request in part.requests} == set(stages)
    assert part.ids() == {request.id for request in whole.requests if request.stage in stages}


def test_slots_of_an_exhausted_discipline_go_to_the_others() -> None:
    """With few draws in each, one run takes all there is, and says which slots those were."""
    job = Asked(config=Config(plan=Plan(drafts=2)), pairs=10_000)
    teacher = small(subjects=1, sessions=1)
    pipeline = job.pipeline(Shuffled(teacher, 1), 100)
    found = asyncio.run(ended(pipeline))
    assert found == job.one_by_one(teacher)
    assert {leaf: walk.left for leaf, walk in pipeline.walks.items()} == dict.fromkeys(
        ("physics", "law", "c%2B%2B"), "exhausted"
    )
    assert pipeline.stopped is None


@pytest.mark.parametrize("max_in_flight", [1, 3, 10])
def test_what_was_begun_is_finished_first(max_in_flight: int) -> None:
    """Plan order decides who gets a permit, and slots begin when one is free: few questions wait for their answers."""
    teacher = Counting(Shuffled(small(), 4))
    Asked(pairs=200).at_once(teacher, max_in_flight)
    ahead = most = 0
    for request in teacher.requests:
        ahead += (request.stage is Stage.QUESTIONS) - (request.stage is Stage.ANSWERS)
        most = max(most, ahead)
    assert most <= 6 * max_in_flight + 4
