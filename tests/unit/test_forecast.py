"""What is said before a run is what the run then asks for, and the rows that are said to leave are those that do."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from harness import Counting, Dying, configure, plant, project, rows, run, small, until_death

from glan.errors import WouldAskAgainError
from glan.forecast import Forecast, Span, forecast
from glan.project import Project
from glan.records import Stage
from glan.reviews import NAME, Review, hash_of, line_of
from glan.teachers.ledgered import Choice

PHYSICS: Any = {"name": "Physics", "weight": 2}
MARITIME, TAX = "Maritime law", {"name": "Tax law", "weight": 3}


def law(*children: Any, **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - nodes have many types
    return {"name": "Law", **settings, "children": [*children]}


def arts(*children: Any, **settings: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"name": "Arts", "notes": "For beginners.", **settings, "children": ["Music", "Dance", *children]}


TREE = [PHYSICS, law(MARITIME, TAX), arts()]
EDITS: Mapping[str, list[Any]] = {
    "added": [PHYSICS, law(MARITIME, TAX, "Admiralty law"), arts()],
    "added, heavy": [*TREE, {"name": "History", "children": [{"name": "Prehistory", "weight": 9}, "Middle ages"]}],
    "removed": [PHYSICS, law(TAX), arts()],
    "moved": [PHYSICS, law(MARITIME), arts(TAX)],
    "moved, same notes": [PHYSICS, law(MARITIME), arts(), TAX],
    "renamed": [PHYSICS, law("Law of the sea", TAX), arts()],
    "renamed branch": [PHYSICS, law(MARITIME, TAX), arts(name="Fine arts")],
    "weighed": [PHYSICS, law(MARITIME, TAX, weight=4), arts()],
    "weighed, light": [{"name": "Physics", "weight": 0.25}, law(MARITIME, TAX), arts()],
    "noted": [PHYSICS, law({"name": MARITIME, "notes": "For ships' officers."}, TAX), arts()],
    "noted branch": [PHYSICS, law(MARITIME, TAX), arts(notes="For teachers.")],
    "all at once": [{"name": "Geology", "weight": 3}, TAX, arts("Law of the sea", weight=2)],
}
STOPPING = ("moved", "noted", "noted branch")
"""Edits after which replies would be asked for again."""


def foreseen(folder: Path, **options: Any) -> Forecast:  # noqa: ANN401 - as `forecast` takes them
    opened = Project.open(folder)
    models = dict.fromkeys(opened.config.stages, "filler")
    return asyncio.run(forecast(opened, opened.taxonomy.disciplines, models, **options))


def ids(folder: Path) -> list[str]:
    return [row["id"] for row in rows(folder)]


def texts(folder: Path) -> Mapping[str, Any]:
    return {row["id"]: row["messages"] for row in rows(folder)}


@pytest.mark.parametrize(
    ("kind", "choice"), [*((kind, Choice.REASK) for kind in EDITS), *((kind, Choice.KEEP) for kind in STOPPING)]
)
def test_an_edit_asks_for_what_was_said_and_costs_the_rows_that_were_named(kind: str, choice: Choice) -> None:
    """Of questions and answers the numbers are exact, of curricula they lie in the range, and the rows are these."""
    with project(TREE, pairs=30, plan_questions_per_visit=1) as folder:
        teacher = Counting(small(subjects=12))
        run(folder, teacher)
        before, read, asked = ids(folder), texts(folder), len(teacher.requests)
        plant(folder, EDITS[kind])
        said = foreseen(folder)
        assert len(teacher.requests) == asked
        run(folder, teacher, choice=choice if said.stops else None)
        came = Counter(request.stage for request in teacher.requests[asked:])
        again = said.again if choice is Choice.REASK else {}
        for stage in (Stage.QUESTIONS, Stage.ANSWERS):
            assert said.new[stage].is_exact
            assert came[stage] == said.new[stage].least + again.get(stage, Span(0, 0, 0)).least, stage
        for stage in (Stage.SUBJECTS, Stage.SYLLABI):
            found, more = said.new[stage], again.get(stage, Span(0, 0, 0))
            assert found.least + more.least <= came[stage] <= found.most + more.most, stage
        after = texts(folder)
        assert len(after) == said.pairs
        assert [id_ for id_ in before if id_ not in after] == [
            id_ for id_ in said.leaving if choice is Choice.KEEP or id_ not in after
        ]
        if choice is Choice.KEEP:
            assert {id_: read[id_] for id_ in before if id_ in after}.items() <= after.items()
        else:
            anew = {id_ for id_ in before if id_ not in after or after[id_] != read[id_]}
            assert anew == {*said.leaving, *said.rewritten}


@pytest.mark.parametrize("kind", ["as it was", "added"])
def test_a_pair_that_people_dropped_leaves_and_is_refilled(kind: str) -> None:
    """Verdicts that no run has applied yet count: the dropped row leaves, and what takes its place is asked for."""
    with project(TREE, pairs=30, plan_questions_per_visit=1) as folder:
        teacher = Counting(small(subjects=12))
        run(folder, teacher)
        before, asked = rows(folder), len(teacher.requests)
        plant(folder, EDITS.get(kind, TREE))
        dropped = before[4]
        sha256 = hash_of(*(message["content"] for message in dropped["messages"]))
        review = Review(id=dropped["id"], sha256=sha256, verdict="drop", reviewer="Ann")
        (folder / NAME).write_bytes(line_of(review))
        said = foreseen(folder)
        run(folder, teacher, rebuild=False)
        came = Counter(request.stage for request in teacher.requests[asked:])
        after = ids(folder)
        assert said.pairs == len(after)
        assert (came[Stage.QUESTIONS], came[Stage.ANSWERS]) == (
            said.new[Stage.QUESTIONS].least,
            said.new[Stage.ANSWERS].least,
        )
        assert came[Stage.QUESTIONS] > 0
        assert dropped["id"] in said.leaving
        assert list(said.leaving) == [row["id"] for row in before if row["id"] not in after]
        settled = foreseen(folder)
        assert (settled.leaving, settled.new[Stage.QUESTIONS].most) == ((), 0)


@pytest.mark.parametrize("kind", EDITS)
def test_a_run_stops_where_it_was_said_that_it_would(kind: str) -> None:
    """Where replies would be asked for again the run stops until a person decides, and the forecast says so."""
    with project(TREE, pairs=30, plan_questions_per_visit=2) as folder:
        run(folder, small())
        plant(folder, EDITS[kind])
        said = foreseen(folder)
        assert said.stops == (kind in STOPPING)
        if said.stops:
            assert said.changed
            with pytest.raises(WouldAskAgainError):
                run(folder, small())


def test_a_smaller_n_is_foreseen_too() -> None:
    """At the pairs that are asked for, the rows that leave are those that a run of so many drops."""
    with project(TREE, pairs=40, plan_questions_per_visit=2) as folder:
        run(folder, small())
        before = ids(folder)
        plant(folder, EDITS["added"])
        said = foreseen(folder, pairs=40)
        assert said.leaving
        assert said.growth.displaced == len(said.leaving)
        run(folder, small(), pairs=40)
        assert [id_ for id_ in before if id_ not in ids(folder)] == [*said.leaving]


def test_what_comes_back_is_not_asked_for() -> None:
    """A discipline that was taken out and comes back has its replies in the ledger."""
    with project(TREE, pairs=40, plan_questions_per_visit=2) as folder:
        teacher = Counting(small())
        run(folder, teacher)
        plant(folder, EDITS["removed"])
        run(folder, teacher)
        plant(folder, TREE)
        said, asked = foreseen(folder), len(teacher.requests)
        run(folder, teacher)
        came = Counter(request.stage for request in teacher.requests[asked:])
        assert {stage: span.least for stage, span in said.new.items() if span.least} == came


def test_before_the_first_run_all_is_new() -> None:
    """Without a ledger each slot is a question and an answer, and nothing is there to leave."""
    with project(TREE, pairs=40, plan_questions_per_visit=2) as folder:
        said, teacher = foreseen(folder), Counting(small())
        assert (said.standing, said.leaving, said.changed, said.stops) == (0, (), (), False)
        run(folder, teacher)
        came = Counter(request.stage for request in teacher.requests)
        assert came[Stage.QUESTIONS] == said.new[Stage.QUESTIONS].least == 40
        assert came[Stage.ANSWERS] == said.new[Stage.ANSWERS].least == 40


def test_what_was_decided_to_stand_is_not_said_to_be_asked_again() -> None:
    """After `--keep` the next run keeps too, as long as nothing else changes."""
    with project(TREE, pairs=30, plan_questions_per_visit=2) as folder:
        run(folder, small())
        plant(folder, EDITS["noted"])
        run(folder, small(), choice=Choice.KEEP)
        assert not foreseen(folder).stops
        configure(folder, pairs=30, plan_questions_per_visit=2, teacher_temperature=0.5)
        assert foreseen(folder).stops


def test_what_was_to_be_asked_anew_goes_on() -> None:
    """A run with `--reask` that was stopped asks for the rest without stopping again, and that is foreseen."""
    with project(TREE, pairs=30, plan_questions_per_visit=2) as folder:
        teacher = Counting(small())
        run(folder, teacher)
        plant(folder, EDITS["noted branch"])
        left = Dying(teacher, after=6, how="hang")
        asyncio.run(until_death(folder, Counting(left), left, choice=Choice.REASK, max_in_flight=2))
        said, asked = foreseen(folder), len(teacher.requests)
        assert not said.stops
        assert said.again
        run(folder, teacher)
        came = Counter(request.stage for request in teacher.requests[asked:])
        for stage in (Stage.QUESTIONS, Stage.ANSWERS):
            assert came[stage] == said.new[stage].least + said.again[stage].least
