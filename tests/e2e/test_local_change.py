"""A taxonomy that is edited: what one node asks, draws and gives depends on no other node."""

import random
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from harness import CONTENT, Counting, Failing, Shuffled, manifest, plant, project, published, rows, run, small
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from glan.records import Reply, Request, Stage
from glan.teachers.faults import Faulty

TREE: list[Any] = [
    "Physics",
    {"name": "Law", "weight": 2},
    {"name": "Arts", "weight": 0.5, "children": [{"name": "Music", "weight": 4}, "Dance"]},
]
"""Three weights, two levels."""
OLD = ("physics", "law", "music", "dance")


def with_new(tree: Sequence[Any], weight: float, place: int, *, is_below: bool) -> list[Any]:
    """Return the tree with one more discipline, at the top or below the branch."""
    grown = deepcopy([*tree])
    siblings: list[Any] = next(node for node in grown if "children" in node)["children"] if is_below else grown
    siblings.insert(place % (len(siblings) + 1), {"name": "New", "weight": weight})
    return grown


def of_old(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in found if row["discipline"] != "New"]


@settings(max_examples=8, deadline=None)
@given(
    st.sampled_from([0.1, 1, 2, 12]),
    st.integers(0, 3),
    st.booleans(),
    st.integers(1, 60),
    st.sampled_from([0.0, 0.05]),
)
def test_a_new_discipline_moves_nobody(
    weight: float,
    place: int,
    is_below: bool,  # noqa: FBT001 - hypothesis passes it by name
    pairs: int,
    failing: float,
) -> None:
    """At the N that is chosen every old row stands as it was, in its order, and no old request is asked again."""
    with project(TREE, pairs=pairs, plan_questions_per_visit=2) as folder:
        faulty = Faulty(small(near_copies=2 * failing), seed=3, rates=CONTENT if failing else {})
        teacher = Counting(Shuffled(Failing(faulty, failing), 1))
        run(folder, teacher, max_in_flight=9)
        before, asked = rows(folder), teacher.started.copy()
        plant(folder, with_new(TREE, weight, place, is_below=is_below))
        result = run(folder, teacher, max_in_flight=9)
        after = rows(folder)
        assert len(after) == result.pairs == result.wanted
        assert max(teacher.started.values()) == 1
        if not failing:
            # Every new slot was counted as a pair, and is one: the old ones are exactly those that stood.
            assert of_old(after) == before
            assert {call[0].split("/")[1] for call in teacher.started - asked} <= {"new"}
        assert [row for row in after if row in before] == before
        assert all("keep every row" in notice for notice in result.notices)
        files = published(folder)
        assert (run(folder, teacher).asked, published(folder)) == (0, files)
    with project(with_new(TREE, weight, place, is_below=is_below), plan_questions_per_visit=2) as folder:
        fresh = Counting(Failing(faulty, failing))
        run(folder, fresh, pairs=result.wanted)
        assert published(folder) == files
        assert fresh.started == teacher.started


def test_a_code_of_a_classification_changes_nothing() -> None:
    """With `isced` at every discipline the same is asked, the same is paid for, and the data set is the same."""
    coded = [
        {"name": "Physics", "isced": "0533"},
        {"name": "Law", "weight": 2, "isced": "0421"},
        {"name": "Arts", "weight": 0.5, "children": [{"name": "Music", "weight": 4, "isced": "0215"}, "Dance"]},
    ]
    with project(TREE, pairs=40) as folder:
        teacher = Counting(small())
        run(folder, teacher)
        files, asked = published(folder), teacher.started.copy()
        plant(folder, coded)
        again = run(folder, teacher)
        assert (again.asked, again.notices, published(folder), teacher.started) == (0, (), files, asked)


def test_at_the_old_n_the_last_rows_leave_and_it_is_said() -> None:
    """The new rows displace the last of the others, which stay in the ledger; the notice names the N that keeps all."""
    with project(TREE, pairs=40) as folder:
        teacher = Counting(small())
        run(folder, teacher)
        before = rows(folder)
        plant(folder, with_new(TREE, 1, 1, is_below=False))
        kept = run(folder, teacher, pairs=40)
        new = len(rows(folder)) - len(of_old(rows(folder)))
        assert new > 0
        assert of_old(rows(folder)) == before[: 40 - new]
        (notice,) = kept.notices
        assert notice.startswith(f"{new} rows leave at 40 pairs")
        keeps_all = int(notice.partition("--pairs ")[2].partition(" ")[0])
        asked = teacher.started.copy()
        grown = run(folder, teacher, pairs=keeps_all)
        assert not grown.notices
        assert of_old(rows(folder)) == before
        assert {call[0].split("/")[1] for call in teacher.started - asked} <= {"new"}
        assert max(teacher.started.values()) == 1


@pytest.mark.parametrize(
    "tree",
    [
        [TREE[2], TREE[1], TREE[0]],
        ["Physics", {"name": "Arts", "weight": 0.5, "children": ["Dance", {"name": "Music", "weight": 4}]}, TREE[1]],
    ],
    ids=["branches", "leaves"],
)
def test_another_order_in_the_file_changes_nothing(tree: list[Any]) -> None:
    """The same leaves in another order give the same bytes, and nothing is asked."""
    with project(TREE, pairs=40) as folder:
        run(folder, small())
        files = published(folder)
        plant(folder, tree)
        result = run(folder, Counting(small()))
        assert (result.asked, result.notices, published(folder)) == (0, (), files)


def test_a_place_in_the_tree_is_no_place_in_the_plan() -> None:
    """Below a branch without a weight the same slots come in the same order, and rows differ by their field alone."""
    names = ["Physics", "Law", "Music", "Dance", "Optics", "Logic", "Botany"]
    with project(names, pairs=40, plan_questions_per_visit=1) as folder:
        run(folder, small())
        before = rows(folder)
        plant(folder, [{"name": "All", "children": [*names[:3], {"name": "Rest", "children": names[3:6]}]}, names[6]])
        assert run(folder, Counting(small())).asked == 0
        moved = [{**row, "field": None, "sub_field": None} for row in rows(folder)]
        assert moved == before


@pytest.mark.parametrize(
    "tree",
    [
        ["Physics", "Law", {"name": "Arts", "children": ["Music", "Dance"]}],
        [{"name": "All", "children": [*TREE[:2], {"name": "Music", "weight": 9}]}, "Dance"],
        [{"name": "Physics", "weight": 0.1}, *TREE[1:]],
    ],
    ids=["weights", "moved", "light"],
)
def test_moving_and_weighing_ask_nothing_again(tree: list[Any]) -> None:
    """Ids and requests hold the leaf alone: every old row stands at the N that is chosen, if at another place."""
    with project(TREE, pairs=50) as folder:
        teacher = Counting(Shuffled(small(), 2))
        run(folder, teacher)
        before = {row["id"]: (row["messages"], row["slot"]) for row in rows(folder)}
        plant(folder, tree)
        result = run(folder, teacher)
        after = {row["id"]: (row["messages"], row["slot"]) for row in rows(folder)}
        assert before.items() <= after.items()
        assert len(after) == result.wanted
        grown = (
            f"{result.wanted} pairs are wanted now, since so many keep every row that stands; --pairs 50 makes no more"
        )
        assert [notice.startswith(grown) for notice in result.notices] == [True] * (result.wanted > 50)
        assert max(teacher.started.values()) == 1
        assert run(folder, teacher).asked == 0


def test_a_title_changes_what_people_see_and_nothing_else() -> None:
    """No request holds it."""
    with project(["Physics", "Law"], pairs=10) as folder:
        run(folder, small())
        before = rows(folder)
        plant(folder, [{"name": "Physics", "title": "Physik"}, "Law"])
        assert run(folder, Counting(small())).asked == 0
        assert {row["discipline"] for row in rows(folder)} == {"Physik", "Law"}
        assert [row["id"] for row in rows(folder)] == [row["id"] for row in before]


def test_a_discipline_that_comes_back_is_not_paid_again() -> None:
    """Its rows leave with it, which is said, and come back from the ledger."""
    with project(TREE, pairs=40) as folder:
        teacher = Counting(small())
        run(folder, teacher)
        files, n_law = published(folder), sum(row["discipline"] == "Law" for row in rows(folder))
        plant(folder, [node for node in TREE if node != TREE[1]])
        gone = run(folder, teacher)
        assert gone.notices[0].startswith(f"{n_law} rows leave: their disciplines are not in the taxonomy any more")
        assert (gone.pairs, {"Law"} & {row["discipline"] for row in rows(folder)}) == (40, set())
        plant(folder, TREE)
        back = run(folder, teacher, pairs=40, max_in_flight=3)
        assert (back.asked, published(folder)) == (0, files)


def test_a_discipline_that_is_taken_out_takes_its_rows_along() -> None:
    """Also where the others have too little to take their place: fewer rows than stood are what was asked for."""
    with project(["Physics", "Law"], pairs=40, plan_drafts=1) as folder:
        teacher = Counting(small(subjects=1, sessions=1))
        assert run(folder, teacher).exit_code == 0
        plant(folder, ["Physics"])
        result = run(folder, teacher)
        assert (result.exit_code, result.is_standing) == (3, True)
        assert 20 < len(rows(folder)) == result.pairs < 40
        assert {row["discipline"] for row in rows(folder)} == {"Physics"}


class Copying:
    """Asks the same questions in every discipline, so that each is a copy of the one that came first."""

    async def reply(self, request: Request) -> Reply:
        reply = await small(subjects=1).reply(request)
        if request.stage is not Stage.QUESTIONS:
            return reply
        words = random.Random(request.id.rpartition("/")[2]).sample(range(10_000), 40)
        return replace(reply, text=" ".join(f"w{word}" for word in words) + "?")


@pytest.mark.parametrize("pairs", [6, 30], ids=["few", "many"])
def test_an_old_row_that_becomes_a_copy_is_named(pairs: int) -> None:
    """Every other old row stands; a notice names up to ten with the earlier question, and the next run is silent."""
    with project(["Physics"], pairs=pairs) as folder:
        teacher = Counting(Copying())
        run(folder, teacher)
        before = rows(folder)
        plant(folder, ["Physics", {"name": "New", "weight": 3}])
        result = run(folder, teacher)
        after = rows(folder)
        copies = {row["id"]: row["detail"] for row in rows(folder, "rejects") if row["discipline"] == "Physics"}
        stood = [row for row in before if row["id"] in copies]
        assert stood
        assert [row for row in after if row in before] == [row for row in before if row not in stood]
        *_, notice = result.notices
        assert notice.startswith(f"{len(stood)} rows that stood leave")
        for number, row in enumerate(stood):
            named = f"{row['id']} (exact duplicate of {copies[row['id']]})"
            assert (named in notice) == (number < 10)
        assert (f"and {len(stood) - 10} more" in notice) == (len(stood) > 10)
        assert max(teacher.started.values()) == 1
        files = published(folder)
        again = run(folder, teacher)
        assert (again.asked, again.notices, published(folder)) == (0, (), files)


def test_an_addition_to_what_was_stopped_keeps_what_stands() -> None:
    """Also where the data set that stands is not whole, N is what keeps its rows."""
    with project(TREE, pairs=60) as folder:
        teacher = Counting(small())
        result = run(folder, teacher, max_in_flight=3, budget_tokens=30_000)
        assert (result.exit_code, 0 < result.pairs < 60) == (4, True)
        assert manifest(folder)["complete"] is False
        before = rows(folder)
        plant(folder, with_new(TREE, 1, 0, is_below=False))
        grown = run(folder, teacher)
        assert grown.exit_code == 0
        assert [row for row in rows(folder) if row in before] == before
        assert grown.pairs == grown.wanted >= 60


def _ids(folder: Path) -> list[str]:
    return [row["id"] for row in rows(folder)]


def test_without_pairs_a_longer_data_set_stays_as_long() -> None:
    """N is the greater of what stands and what glan.toml says; a smaller one has to be said, and is refused unasked."""
    with project(["Physics"], pairs=5) as folder:
        run(folder, small(), pairs=12)
        assert run(folder, Counting(small())).wanted == 12
        with pytest.raises(Exception, match="--pairs 4 is less than the 12 rows that stand"):
            run(folder, small(), pairs=4)
        assert len(_ids(folder)) == 12
