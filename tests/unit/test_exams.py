"""The making of a test set inside the process: what it takes, what it leaves, and how it goes on after a kill."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from harness import Counting, DiedError, Dying, Failing, Shuffled, project, rows, run, small

from glan.errors import BudgetError, WouldAskAgainError
from glan.exams import Exam, Made
from glan.heldout import NAME, Shelf
from glan.options import Options
from glan.project import Project
from glan.records import Reply, Request, Stage
from glan.teachers.base import Teacher
from glan.teachers.faults import Faulty
from glan.teachers.ledgered import Choice
from glan.teachers.panel import Panel

LEAVES = ["Astronomy", "History", {"name": "Law", "weight": 3}]
PER = 6


def made(folder: Path, teacher: Teacher, per: int = PER, *, agrees: bool = True, **options: Any) -> Made:  # noqa: ANN401
    """Make a test set to its end."""

    async def make() -> Made:
        exam = Exam(Project.open(folder), Panel.of(teacher, "filler"), Options(**options), per)
        return await exam(lambda _: agrees)

    return asyncio.run(make())


def files_of(folder: Path) -> dict[str, bytes]:
    """Return every file of a test set but its manifest, which has the time."""
    found = sorted((folder / "test-set").rglob("*"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in found if path.suffix in {".parquet", ".md"}}


def pairs_of(folder: Path) -> list[dict[str, Any]]:
    return rows(folder, "test-set/test")


def seen_sets(counting: Counting, kind: str) -> set[tuple[str, frozenset[str]]]:
    """Return what questions were about, by the ids of their requests: the subject, and sessions with concepts."""
    found = set()
    for request in counting.requests:
        name, *rest = request.id.split("/")
        if name == kind:
            text = request.messages[-1].content
            parts = [
                text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0] for tag in ("class_sessions", "key_concepts")
            ]
            found.add((rest[1], frozenset(line for part in parts for line in part.splitlines())))
    return found


def test_every_discipline_has_so_many_pairs_whatever_its_weight() -> None:
    """The rows have the columns of a data set, ids of their own, and many subjects each."""
    with project(LEAVES) as folder:
        found = made(folder, small())
        test = pairs_of(folder)
        assert (found.exit_code, found.rows, found.wanted) == (0, 3 * PER, 3 * PER)
        assert Counter(row["discipline"] for row in test) == dict.fromkeys(["Astronomy", "History", "Law"], PER)
        assert all(row["id"].startswith("test/") and len(row["messages"]) == 2 for row in test)
        assert len({row["subject"] for row in test if row["discipline"] == "Law"}) == 3
        told = json.loads((folder / "test-set/manifest.json").read_bytes())
        assert (told["complete"], told["per_discipline"], told["slots"]["pairs"]) == (True, PER, 3 * PER)
        assert "do not train on it" in (folder / "test-set/README.md").read_text()


def test_no_training_pair_is_about_what_a_test_pair_is_about() -> None:
    """A set of sessions and key concepts is drawn for training or for tests, and never for both."""
    with project(["Astronomy"], plan_drafts=1) as folder:
        counting = Counting(small(subjects=2, sessions=4))
        assert made(folder, counting, 20).rows == 20
        run(folder, counting, pairs=400)
        trained, tested = seen_sets(counting, "question"), seen_sets(counting, "test")
        assert len(tested) == 20
        assert len(trained) >= 400
        assert not trained & tested


def test_subjects_and_syllabi_are_those_of_the_runs() -> None:
    """What a run has paid for of the curriculum is not asked again, nor does a run pay for what the test set has."""
    with project(LEAVES, plan_drafts=1) as folder:
        first = Counting(small())
        run(folder, first, pairs=60)
        second = Counting(small())
        made(folder, second)
        assert {request.id.split("/")[0] for request in second.requests} == {"test", "test-answer"}
        before = (folder / "dataset/train/00000.parquet").read_bytes()
        third = Counting(small())
        run(folder, third, pairs=60)
        assert not third.requests
        assert (folder / "dataset/train/00000.parquet").read_bytes() == before


def test_it_is_the_same_whatever_stands_in_the_data_set() -> None:
    """No training row decides what is in it: made before any run or after one, it has the same bytes."""
    with project(LEAVES) as folder, project(LEAVES) as other:
        made(folder, small())
        run(other, small(), pairs=100)
        made(other, small())
        one, two = files_of(folder), files_of(other)
        assert {name for name in one if "parquet" in name} == {name for name in two if "parquet" in name}
        assert all(one[name] == two[name] for name in one if name.endswith(".parquet"))


@pytest.mark.parametrize("seed", range(3))
def test_the_same_replies_give_the_same_bytes(seed: int) -> None:
    """One call in flight or a hundred, in any order of arrival, with bad replies among them."""
    rates = {"malformed": 0.2, "refusal": 0.15, "empty": 0.1}
    with project(LEAVES) as folder, project(LEAVES) as other:
        made(folder, Faulty(small(), seed=seed, rates=rates), max_in_flight=1)
        made(other, Shuffled(Faulty(small(), seed=seed, rates=rates), seed), max_in_flight=100)
        named = {name: data.replace(b"project", b"") for name, data in files_of(folder).items()}
        assert named == {name: data.replace(b"project", b"") for name, data in files_of(other).items()}
        assert named


def test_what_is_rejected_is_replaced_and_kept_with_its_reason() -> None:
    """Further rounds ask for as many as are missing; a discipline has its number although some were refused."""
    with project(LEAVES) as folder:
        found = made(folder, Faulty(small(), seed=1, rates={"refusal@questions": 0.3, "refusal@answers": 0.2}))
        assert (found.exit_code, found.rows) == (0, 3 * PER)
        rejected = rows(folder, "test-set/rejects")
        assert rejected
        assert all(row["id"].startswith("test/") and row["reason"] for row in rejected)
        told = json.loads((folder / "test-set/manifest.json").read_bytes())
        assert told["slots"]["rejects"] == len(rejected) == told["slots"]["decided"] - found.rows


def test_a_discipline_whose_reserved_draws_are_used_up_is_told() -> None:
    """Fewer than wanted is exit code 3, and the manifest names who is short."""
    with project(["Astronomy"], plan_drafts=1) as folder:
        found = made(folder, small(subjects=1, sessions=1), 20)
        assert found.exit_code == 3
        assert 0 <= found.short["Astronomy"] < 20
        assert len(pairs_of(folder)) == found.rows == found.short["Astronomy"]


@pytest.mark.parametrize("after", [0, 5, 17, 40])
@pytest.mark.parametrize("how", ["raise", "hang"])
def test_killed_and_resumed_it_has_the_same_bytes_and_pays_nothing_twice(after: int, how: Any) -> None:  # noqa: ANN401
    """What was answered before the end is not asked again, and nothing half-made stands."""
    with project(LEAVES) as clean, project(LEAVES) as folder:
        expected = Counting(small())
        made(clean, expected)
        counting = Counting(small())

        async def until_death() -> None:
            dying = Dying(counting, after, how)
            exam = Exam(Project.open(folder), Panel.of(dying, "filler"), Options(max_in_flight=4), PER)
            making = asyncio.ensure_future(exam(lambda _: True))
            death = asyncio.ensure_future(dying.is_dead.wait())
            await asyncio.wait((making, death), return_when=asyncio.FIRST_COMPLETED)
            death.cancel()
            making.cancel()
            with pytest.raises((asyncio.CancelledError, DiedError)):
                await making

        asyncio.run(until_death())
        assert not (folder / "test-set").exists()
        made(folder, counting)
        assert counting.answered == expected.answered
        assert {name: data for name, data in files_of(folder).items() if name.endswith("parquet")} == {
            name: data for name, data in files_of(clean).items() if name.endswith("parquet")
        }


def test_given_again_it_asks_nothing_and_changes_nothing() -> None:
    """Where nothing has changed the test set stands; a damaged file is made anew, from the ledger alone."""
    with project(LEAVES) as folder:
        made(folder, small())
        before = {path: path.read_bytes() for path in (folder / "test-set").rglob("*") if path.is_file()}
        counting = Counting(small())
        again = made(folder, counting)
        assert (again.is_settled, again.exit_code, again.rows) == (True, 0, 3 * PER)
        assert before == {path: path.read_bytes() for path in (folder / "test-set").rglob("*") if path.is_file()}
        shard = folder / "test-set/test/00000.parquet"
        shard.write_bytes(shard.read_bytes()[:-1])
        assert not made(folder, counting).is_settled
        assert shard.read_bytes() == before[shard]
        assert not counting.requests


def test_more_of_each_discipline_asks_for_the_difference_alone() -> None:
    """A greater number keeps what was paid for."""
    with project(LEAVES) as folder:
        made(folder, small())
        few = {row["id"] for row in pairs_of(folder)}
        counting = Counting(small())
        made(folder, counting, 2 * PER)
        many = {row["id"] for row in pairs_of(folder)}
        assert few < many
        assert Counter(request.id.split("/")[0] for request in counting.requests)["test"] == 3 * PER


def test_a_new_discipline_leaves_the_questions_of_the_others() -> None:
    """A test set grows with the tree, and asks for nothing of those that it had."""
    with project(LEAVES) as folder:
        made(folder, small())
        before = {row["id"]: row["messages"] for row in pairs_of(folder)}
        (folder / "taxonomy.yaml").write_text(json.dumps({"taxonomy": ["Botany", *LEAVES]}))
        counting = Counting(small())
        made(folder, counting)
        after = {row["id"]: row["messages"] for row in pairs_of(folder)}
        assert {id_: after[id_] for id_ in before} == before
        assert {request.id.split("/")[1] for request in counting.requests} == {"botany"}


class Telling:
    """Asks about the place of the request, in words that differ from place to place."""

    async def reply(self, request: Request) -> Reply:
        reply = await small().reply(request)
        if request.stage is not Stage.QUESTIONS:
            return reply
        return Reply(
            text=" ".join(f"word{abs(hash((request.id, i))) % 10**9}" for i in range(40)) + "?", finish_reason="stop"
        )


def test_a_test_set_joins_the_benchmarks_and_a_run_takes_nothing_that_touches_it() -> None:
    """The rows that hold one of its questions are named, and the next run has others in their place."""
    with project(LEAVES) as folder:
        teacher = Telling()
        found = made(folder, teacher)
        assert found.is_benchmark
        assert found.touched is not None
        assert (found.touched.rows, found.touched.share) == (0, 0)
        leaked = next(row for row in pairs_of(folder) if row["discipline"] == "Law")["messages"][0]["content"]

        (folder / "benchmarks" / f"{NAME}.jsonl").unlink()
        (folder / "benchmarks" / f"{NAME}.toml").unlink()

        class Copying:
            """Gives one training question the words of a test question, with another beginning."""

            async def reply(self, request: Request) -> Reply:
                reply = await teacher.reply(request)
                if (
                    request.stage is Stage.QUESTIONS
                    and request.id.startswith("question/law/")
                    and request.id.endswith("/0")
                ):
                    return Reply(text=f"Once more, {request.id}: {leaked}", finish_reason="stop")
                return reply

        run(folder, Copying(), pairs=30)
        again = made(folder, teacher)
        assert again.is_settled
        assert again.touched is not None
        assert again.touched.rows == 30
        assert again.touched.holding
        assert all(id_.startswith("question/law/") and id_.endswith("/0") for id_ in again.touched.holding)
        assert [each.name for each in Project.open(folder).benchmarks.found] == [NAME]
        result = run(folder, Copying(), pairs=30)
        assert result.pairs == 30
        assert not {row["id"] for row in rows(folder)} & set(again.touched.holding)
        assert {row["reason"] for row in rows(folder, "rejects")} == {"contaminated"}


@pytest.mark.parametrize("agrees", [False, True])
def test_where_it_would_cost_many_pairs_a_person_is_asked(agrees: bool) -> None:  # noqa: FBT001
    """A teacher that writes in set phrases would lose most of its pairs to its own test set."""

    class Phrased(Telling):
        async def reply(self, request: Request) -> Reply:
            reply = await super().reply(request)
            if request.stage is not Stage.QUESTIONS:
                return reply
            phrase = "In one paragraph of plain words that a patient neighbour would follow, please explain to me"
            return Reply(text=f"{phrase} {reply.text}", finish_reason="stop")

    with project(LEAVES) as folder:
        found = made(folder, Phrased(), agrees=agrees)
        assert found.touched is not None
        assert found.touched.phrased == 1
        assert found.is_benchmark is agrees is (folder / "benchmarks" / f"{NAME}.jsonl").exists()
        assert found.exit_code == 0


def test_a_stopped_making_leaves_what_stands_and_goes_on_where_it_was() -> None:
    """Nothing with fewer rows takes the place of a test set; the budget is that of the project."""
    with project(LEAVES) as folder:
        made(folder, small())
        before = files_of(folder)
        stopped = made(folder, small(), 3 * PER, budget_tokens=1)
        assert isinstance(stopped.stopped, BudgetError)
        assert (stopped.exit_code, stopped.is_standing) == (4, False)
        assert files_of(folder) == before
        assert made(folder, small(), 3 * PER).exit_code == 0


def test_what_failed_is_asked_again_only_when_told() -> None:
    """A failure is a part of the ledger, and is a reason in the rejects."""
    with project(LEAVES) as folder:
        failing = Failing(small(), 0.3, ("questions",))
        assert made(folder, failing).exit_code == 0
        assert {row["outcome"] for row in rows(folder, "test-set/rejects")} == {"failure"}
        failing.is_healed = True
        assert made(folder, failing, retry_failed=True, rebuild=True).exit_code == 0
        assert not rows(folder, "test-set/rejects")


def test_a_changed_prompt_asks_nothing_anew_unless_told() -> None:
    """The way out is named; runs of pairs do not take the making for one of theirs."""
    with project(LEAVES) as folder:
        run(folder, small(), pairs=20)
        made(folder, small())
        path = folder / "prompts/write_question.md.j2"
        path.write_text(path.read_text() + "\nBe brief.\n")
        counting = Counting(small())
        refused = made(folder, counting)
        assert isinstance(refused.stopped, WouldAskAgainError)
        assert not counting.requests
        kept = made(folder, counting, choice=Choice.KEEP)
        assert (kept.exit_code, len(counting.requests)) == (0, 0)
        with pytest.raises(WouldAskAgainError):
            run(folder, small(), pairs=20)


def test_an_exchange_that_was_cut_off_is_finished() -> None:
    """Whatever instant the process dies in, the next command finds one whole test set."""
    with project(LEAVES) as folder:
        made(folder, small())
        shelf, expected = Shelf(folder), files_of(folder)
        shelf.folder.rename(shelf.next_path)
        (shelf.next_path / "ready").touch()
        counting = Counting(small())
        assert made(folder, counting).is_settled
        assert files_of(folder) == expected
        assert not (shelf.folder / "ready").exists()
        assert not counting.requests
