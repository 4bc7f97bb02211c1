"""The walk through the subjects of a discipline, held against the same walk written without concurrency."""

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import pytest
from harness import Counting, Shuffled
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from reference import Met, walked
from strategies import a_discipline, sized_syllabus

from glan.errors import RequestError, StoppedError
from glan.generate.asking import Asking
from glan.generate.walk import BlockedError, Drawn, Walk, told_of_failed_drafts
from glan.places import key_of
from glan.prompts import Prompts
from glan.records import Discipline, Level, Reply, Request, Sampling, Stage, Subject
from glan.settings import Plan

PROMPTS = Prompts.shipped()
NAMES = ("Optics", "Waves", "Heat", "Fields", "Sound", "Light", "Atoms", "Space")


@dataclass(frozen=True, kw_only=True)
class Curricula:
    """A teacher of small curricula, some of which cannot be had."""

    drafts: Mapping[int, Sequence[int]]
    """The subjects that each draft names; a draft without any is malformed."""
    sizes: Mapping[str, Sequence[int]]
    """Key concepts of the sessions of each subject; a subject without sessions is malformed."""
    refused: frozenset[str] = frozenset()
    """Ids of requests that fail for good."""

    async def reply(self, request: Request) -> Reply:
        if request.id in self.refused:
            raise RequestError(f"{request.id} is refused.")
        if request.schema == "subjects":
            named = [{"subject_name": NAMES[i]} for i in self.drafts.get(request.sample, range(2))]
            return Reply(text=json.dumps({"subjects": named}))
        if request.schema == "sessions":
            sizes = self.sizes[request.id.rpartition("/")[2]]
            listed = [
                {"session_name": f"Session {i}", "key_concepts": [f"Concept {i}.{k}" for k in range(size)]}
                for i, size in enumerate(sizes)
            ]
            return Reply(text=json.dumps({"sessions": listed}))
        return Reply(text=f"The text of {request.id}.")


def asking_of(teacher: object) -> Asking:
    return Asking(
        teacher=teacher,  # type: ignore[arg-type]  # whatever answers
        prompts=PROMPTS,
        language="English",
        sampling=dict.fromkeys(Stage, Sampling(model="m", max_tokens=9)),
        system={},
    )


def subject(name: str) -> Subject:
    return Subject(name=name, key=key_of(name), level=Level.ADVANCED)


_SIZES = st.lists(st.integers(1, 3), max_size=2)
_IDS = [f"{kind}/physics/{number}" for kind in ("draft", "listing") for number in range(1, 4)]
_IDS += [f"{kind}/physics/{name.lower()}" for kind in ("syllabus", "sessions") for name in NAMES]
CURRICULA = st.builds(
    Curricula,
    drafts=st.fixed_dictionaries({number: st.lists(st.integers(0, 7), max_size=2) for number in range(1, 6)}),
    sizes=st.fixed_dictionaries({name.lower(): _SIZES for name in NAMES}),
    refused=st.frozensets(st.sampled_from(_IDS), max_size=3),
)
PLANS = st.builds(Plan, questions_per_visit=st.integers(1, 3), drafts=st.integers(1, 5))
GIVEN = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(1, 6), _SIZES), max_size=4, unique_by=lambda found: found[0]
)
DISCIPLINES = GIVEN.map(lambda found: given_discipline(sorted(found, key=lambda each: each[1])))


def given_discipline(subjects: Sequence[tuple[str, int, Sequence[int]]]) -> Discipline:
    """Return a discipline with given subjects: the name, the draft, and the sizes of class sessions, if it has any."""
    given_ = [
        structs.replace(subject(name), draft=draft, sessions=sized_syllabus(*sizes).sessions if sizes else ())
        for name, draft, sizes in subjects
    ]
    return structs.replace(a_discipline("Physics"), subjects=tuple(given_))


def met_by(drawn: Drawn | None) -> Met | None:
    return None if drawn is None else Met(drawn.syllabus.subject, drawn.syllabus, drawn.draw)


async def at_once(walk: Walk, asking: Asking, slots: int, groups: random.Random) -> list[Met | None]:
    """Serve so many slots, a random number of them begun before the first of them is served."""

    async def serve() -> Met | None:
        try:
            return met_by(await walk.next(asking))
        except BlockedError as error:
            return Met(error.subject, failed=error.stage)

    tasks: list[asyncio.Task[Met | None]] = []
    while len(tasks) < slots:
        tasks += [asyncio.create_task(serve()) for _ in range(min(groups.randint(1, 20), slots - len(tasks)))]
        for _ in range(groups.randrange(30)):
            await asyncio.sleep(0)
    return await asyncio.gather(*tasks)


@settings(max_examples=150, deadline=None)
@given(DISCIPLINES, CURRICULA, PLANS, st.integers(0, 60), st.integers(0, 2**32))
def test_a_walk_is_the_same_at_any_concurrency(
    discipline: Discipline, curricula: Curricula, plan: Plan, slots: int, seed: int
) -> None:
    """Rounds, drafts, failures and exhausted subjects are as one by one, and nothing more is asked than one by one."""
    alone, together = Counting(curricula), Counting(Shuffled(curricula, seed))
    expected = [
        replace(met, cause=None) for met in islice(walked(discipline, plan, 5, asking_of(alone)), slots)
    ]  # fmt: skip
    walk = Walk(discipline, plan=plan, seed=5)
    found = asyncio.run(at_once(walk, asking_of(together), slots, random.Random(seed)))
    assert [met for met in found if met is not None] == expected
    assert found[len(expected) :] == [None] * (slots - len(expected))
    assert set(together.started) == set(alone.started)


@settings(max_examples=60, deadline=None)
@given(CURRICULA, PLANS, st.integers(1, 80), st.integers(0, 2**32))
def test_what_is_asked_ahead_is_needed_by_the_slots_that_have_begun(
    curricula: Curricula, plan: Plan, slots: int, seed: int
) -> None:
    """At every moment nothing was asked that serving the slots begun so far would not have asked one by one."""
    discipline = a_discipline("Physics")
    alone = Counting(curricula)
    one_by_one = walked(discipline, plan, 5, asking_of(alone))
    needed = []
    for _ in range(slots):
        next(one_by_one, None)
        needed.append(set(alone.started))
    together = Counting(Shuffled(curricula, seed))
    asking, walk, rng = asking_of(together), Walk(discipline, plan=plan, seed=5), random.Random(seed)

    async def main() -> None:
        tasks = []
        for i in range(slots):
            tasks.append(asyncio.create_task(walk.next(asking)))
            for _ in range(rng.choice((1, 1, 1, 200))):
                await asyncio.sleep(0)
            assert set(together.started) <= needed[i]
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())


def _replies(**settings: object) -> Counting:
    return Counting(Curricula(drafts={}, sizes={name.lower(): [3, 3] for name in NAMES}, **settings))  # type: ignore[arg-type]  # the fields of a teacher


async def _serve(walk: Walk, asking: Asking, slots: int) -> list[Met | None]:
    return await at_once(walk, asking, slots, random.Random(0))


async def test_a_small_walk_asks_for_one_draft_and_one_syllabus() -> None:
    """Four slots at four a visit need one subject of the first draft."""
    teacher = _replies()
    await _serve(Walk(a_discipline("Physics"), plan=Plan(), seed=0), asking_of(teacher), 4)
    assert sorted(teacher.ids()) == [
        "draft/physics/1",
        "listing/physics/1",
        "sessions/physics/optics",
        "syllabus/physics/optics",
    ]


async def test_syllabi_and_the_next_drafts_are_asked_for_at_once() -> None:
    """Nobody waits for the first subject: what twelve slots need of three visits is under way together."""
    gate = asyncio.Event()

    class Gated(Curricula):
        async def reply(self, request: Request) -> Reply:
            if request.stage is Stage.SYLLABI or request.sample == 2:
                await gate.wait()
            return await super().reply(request)

    teacher = Counting(Gated(drafts={}, sizes={"optics": [3, 3], "waves": [3, 3]}))
    walk, asking = Walk(a_discipline("Physics"), plan=Plan(), seed=0), asking_of(teacher)
    tasks = [asyncio.create_task(walk.next(asking)) for _ in range(12)]
    for _ in range(50):
        await asyncio.sleep(0)
    assert {"syllabus/physics/optics", "syllabus/physics/waves", "draft/physics/2"} <= teacher.ids()
    gate.set()
    assert all(isinstance(drawn, Drawn) for drawn in await asyncio.gather(*tasks))


async def test_given_subjects_need_no_drafts() -> None:
    """Where a person gave subjects, they are walked in their order."""
    teacher = _replies()
    given_ = structs.replace(a_discipline("Physics"), subjects=(subject("Waves"), subject("Heat")))
    found = await _serve(Walk(given_, plan=Plan(questions_per_visit=1), seed=0), asking_of(teacher), 6)
    # Visits of 1, then 1, then 2 slots each.
    assert [met.subject.name for met in found if met and met.subject] == [*["Waves", "Heat"] * 2, "Waves", "Waves"]
    assert all(id_.startswith(("syllabus", "sessions")) for id_ in teacher.ids())


async def test_given_class_sessions_ask_for_nothing() -> None:
    """Each subject is walked from the round of its draft on, and a round that has none passes on to the next."""
    teacher = _replies()
    walk = Walk(given_discipline([("Waves", 2, [3, 3]), ("Heat", 3, [3, 3])]), plan=Plan(questions_per_visit=1), seed=0)
    found = await _serve(walk, asking_of(teacher), 7)
    # The round of one draft has no subject, that of two 1 slot for each, that of four 2.
    assert [met.subject.name for met in found if met and met.subject] == [*["Waves"] * 3, *["Heat"] * 2, *["Waves"] * 2]
    assert not teacher.ids()


@settings(max_examples=150, deadline=None)
@given(CURRICULA, PLANS, st.integers(1, 60), st.integers(0, 2**32))
def test_a_frozen_discipline_is_walked_as_before(curricula: Curricula, plan: Plan, slots: int, seed: int) -> None:
    """With the subjects of the drafts that were asked for, and the syllabi that were there, every slot is the same."""
    teacher = Counting(curricula)
    discipline = a_discipline("Physics")
    before = [replace(met, cause=None) for met in islice(walked(discipline, plan, 5, asking_of(teacher)), slots)]
    n_drafts = max(int(id_.split("/")[2]) for id_ in teacher.ids() if id_.startswith("draft/"))
    named: dict[str, Subject] = {}
    for number in range(1, n_drafts + 1):
        if not {f"draft/physics/{number}", f"listing/physics/{number}"} & curricula.refused:
            for i in curricula.drafts.get(number, range(2)):
                found = structs.replace(subject(NAMES[i]), level=Level.INTRODUCTORY, draft=number)
                named.setdefault(found.key, found)
    syllabi = {met.syllabus.subject.key: met.syllabus for met in before if met.syllabus is not None}
    frozen = [
        structs.replace(each, sessions=syllabi[each.key].sessions, syllabus=syllabi[each.key].text)
        if each.key in syllabi
        else each
        for each in named.values()
    ]
    asked = Counting(Shuffled(curricula, seed))
    again = Walk(structs.replace(discipline, subjects=tuple(frozen)), plan=plan, seed=5)
    after = asyncio.run(at_once(again, asking_of(asked), slots, random.Random(seed))) if frozen else []
    shown = [(met.subject.key, met.draw, met.failed) for met in after if met is not None and met.subject is not None]
    assert shown == [(met.subject.key, met.draw, met.failed) for met in before if met.subject is not None]
    assert {call[0] for call in asked.started} <= {call[0] for call in teacher.started}


async def test_a_discipline_fails_once() -> None:
    """When no draft can be had, one slot is the failure and the discipline has left for all others."""
    refused = frozenset(f"draft/physics/{number}" for number in range(1, 11))
    teacher = _replies(refused=refused)
    walk = Walk(a_discipline("Physics"), plan=Plan(), seed=0)
    found = await _serve(walk, asking_of(teacher), 5)
    assert found == [Met(None, failed=Stage.SUBJECTS), None, None, None, None]
    assert walk.left == "failed"
    assert teacher.ids() == refused


async def test_a_failed_draft_is_told_where_others_name_subjects() -> None:
    """No slot fails with it, so the walk knows its number; a malformed one and a discipline that failed are not it."""
    teacher = Counting(
        Curricula(
            drafts={1: [0], 2: [], 4: [1]}, sizes={"optics": [9], "waves": [9]}, refused=frozenset({"draft/physics/3"})
        )
    )
    walk, other = (Walk(a_discipline("Physics"), plan=Plan(questions_per_visit=1), seed=0) for _ in range(2))
    await _serve(walk, asking_of(teacher), 6)
    assert walk.failed_drafts == {3}
    (told,) = told_of_failed_drafts([walk, other])
    assert told.startswith("1 draft of subjects failed, so Physics may have fewer of them.")
    refused = frozenset(f"draft/physics/{number}" for number in range(1, 11))
    await _serve(other, asking_of(_replies(refused=refused)), 2)
    assert not [*told_of_failed_drafts([other])]


async def test_an_exhausted_discipline_leaves_without_a_slot() -> None:
    """A subject of one concept gives one draw; then there is nothing, and it is told why."""
    curricula = Curricula(drafts={}, sizes={"optics": [1], "waves": [1]})
    walk = Walk(a_discipline("Physics"), plan=Plan(), seed=1)
    found = await _serve(walk, asking_of(Counting(curricula)), 5)
    assert walk.left == "exhausted"
    assert [met.subject.name for met in found if met and met.subject] == ["Optics", "Waves"]
    assert found[2:] == [None] * 3


async def test_a_failed_subject_takes_one_slot_and_is_not_met_again() -> None:
    """The next slot goes on with the next subject."""
    teacher = _replies(refused=frozenset({"sessions/physics/optics"}))
    found = await _serve(Walk(a_discipline("Physics"), plan=Plan(questions_per_visit=1), seed=0), asking_of(teacher), 5)
    names = [met.subject.name for met in found if met and met.subject]
    assert names == ["Optics", "Waves", "Waves", "Waves", "Waves"]
    assert [met.failed for met in found if met] == [Stage.SYLLABI, None, None, None, None]


async def test_subjects_alone_ask_for_no_syllabus() -> None:
    """Each slot gets its subject as if no syllabus failed."""
    teacher = _replies(refused=frozenset({"sessions/physics/optics"}))
    walk, asking = Walk(a_discipline("Physics"), plan=Plan(questions_per_visit=2), seed=0), asking_of(teacher)
    found = await asyncio.gather(*[walk.next_subject(asking) for _ in range(6)])
    assert [name.name for name in found if name] == ["Optics", "Optics", "Waves", "Waves", "Optics", "Optics"]
    assert teacher.ids() == {f"{kind}/physics/{number}" for kind in ("draft", "listing") for number in (1, 2)}


async def test_a_stopped_walk_stops_for_every_later_slot() -> None:
    """Behind a slot that cannot be decided there is no other: which one it were would depend on the stop."""

    class Stopping(Curricula):
        async def reply(self, request: Request) -> Reply:
            if request.id == "syllabus/physics/waves":
                raise StoppedError("The run is stopping.")
            return await super().reply(request)

    teacher = Stopping(drafts={}, sizes={"optics": [3, 3], "waves": [3, 3]})
    walk, asking = Walk(a_discipline("Physics"), plan=Plan(questions_per_visit=1), seed=0), asking_of(teacher)
    assert await walk.next(asking) is not None
    for _ in range(3):
        with pytest.raises(StoppedError):
            await walk.next(asking)
