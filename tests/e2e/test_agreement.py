"""Agreement of several answers, in whole runs: the same at any concurrency, paid once, told to a person."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import CommandLine, ended_processes, simulated
from desk import Desk
from harness import (
    Counting,
    Dying,
    Shuffled,
    committed,
    configure,
    manifest,
    project,
    published,
    rows,
    run,
    until_death,
)
from textbook_chain import answer

from glan import Options, Project
from glan.curate.finals import final_of
from glan.errors import DatasetError, RequestError
from glan.preferences import preferences_of
from glan.records import Reply, Request, Stage
from glan.runs import Run
from glan.teachers.base import Teacher
from glan.teachers.faults import Faulty
from glan.teachers.offline import Textbook
from glan.teachers.simulate import Simulated

LEAVES = ["Mathematics", "Astronomy"]
ERRING = {"mistake@answers": 0.3, "refusal@answers": 0.1, "cut-off@answers": 0.05, "empty@answers": 0.05}
PAIRS = 30


def erring() -> Teacher:
    return Faulty(Textbook(), seed=3, rates=ERRING)


def scores(row: dict[str, Any]) -> dict[str, float]:
    return {score["name"]: score["value"] for score in row["scores"] or ()}


def test_a_run_is_the_same_at_any_concurrency() -> None:
    """At 1 and at 500 in flight, and in any order of arrival, the rows, the rejects and the calls are the same."""
    with project(LEAVES, pairs=PAIRS, agreement_samples=5) as folder:
        alone = Counting(erring())
        assert run(folder, alone, max_in_flight=1).exit_code == 0
        expected = published(folder)
    with project(LEAVES, pairs=PAIRS, agreement_samples=5) as folder:
        together = Counting(Shuffled(erring(), 1))
        assert run(folder, together, max_in_flight=500).exit_code == 0
        assert published(folder) == expected
        assert set(together.started) == set(alone.started)


def test_a_run_that_dies_goes_on_where_it_was() -> None:
    """Broken off between the answers to a question and run again: the same rows, and no answer is paid for twice."""
    with project(LEAVES, pairs=PAIRS, agreement_samples=5) as folder:
        whole = Counting(erring())
        assert run(folder, whole, max_in_flight=20).exit_code == 0
        expected = published(folder)
    for after in (60, 110):
        with project(LEAVES, pairs=PAIRS, agreement_samples=5) as folder:
            dying = Dying(erring(), after, "hang")
            asyncio.run(until_death(folder, Counting(dying), dying, max_in_flight=20))
            paid = set(committed(folder))
            again = Counting(erring())
            assert run(folder, again, max_in_flight=20).exit_code == 0
            assert published(folder) == expected
            assert not paid & set(again.started)
            assert paid | set(again.started) == set(whole.started)


def test_each_answer_is_paid_once() -> None:
    """A second walk asks nothing; agreement pays for the answers beside the first, more of them for the new ones."""
    with project(LEAVES, pairs=PAIRS) as folder:
        first = Counting(Textbook())
        run(folder, first)
        before = rows(folder)
        for samples, wanted in ((3, {1}), (7, {2, 3})):
            configure(folder, pairs=PAIRS, agreement_samples=samples)
            more = Counting(Textbook())
            run(folder, more)
            # The textbook says the same each time: 2 votes settle one of 3, 4 one of 7.
            assert {request.sample for request in more.requests} == wanted
            assert {request.stage for request in more.requests} == {Stage.ANSWERS}
            again = Counting(Textbook())
            run(folder, again)
            assert not again.requests
        bare = [{**row, "scores": None} for row in rows(folder)]
        assert bare == before
        found = Counter(tuple(scores(row).items()) for row in rows(folder))
        assert set(found) == {(("votes", 0.0),), (("agreement", 1.0), ("votes", 4.0))}


def test_slots_are_saved_and_mistakes_are_outvoted() -> None:
    """With five answers more slots stand, and more results are right, than with one of the same teacher."""
    wrong, slots, replies = [], [], []
    for samples in (1, 5):
        with project(LEAVES, pairs=PAIRS, agreement_samples=samples) as folder:
            run(folder, erring())
            wrong.append(n_wrong(folder))
            slots.append(manifest(folder)["slots"]["decided"])
            spent = {found["stage"]: found for found in manifest(folder)["quantities"]["spent"]}
            replies.append(spent["answers"]["replies"])
    assert wrong[1] < wrong[0] / 3
    assert slots[1] < slots[0]
    assert replies[1] > replies[0]


def n_wrong(folder: Path) -> int:
    """Count the rows whose answer is not the textbook's own."""
    return sum(row["messages"][1]["content"] != answer(row["messages"][0]["content"]) for row in rows(folder))


def test_batches_make_what_a_live_run_makes() -> None:
    """The answers of a round are one wave in batch mode; data set, rejects and paid replies are those of a live run."""
    found = []
    for mode in ("live", "batch"):
        desk = Desk(Textbook())
        few = {"batch_minimum": 3, "batch_poll_s": 0.001, "batch_settle_s": 0}
        with project(LEAVES, pairs=PAIRS, agreement_samples=5, **few) as folder:
            ended = Run(Project.open(folder), desk.panel, Options(mode=mode))
            assert asyncio.run(ended(lambda _: True)).exit_code == 0
            found.append((published(folder), desk.paid, committed(folder)))
            told = " ".join(manifest(folder)["checked"])
            assert "up to 5 answers voted" in told
            assert told in " ".join((folder / "dataset" / "README.md").read_text(encoding="utf-8").split("\n- "))
    assert found[0] == found[1]
    assert {sample for _, sample, _, _ in found[0][2]} >= {0, 1, 2}


def test_a_failed_answer_is_no_failure_of_its_slot() -> None:
    """A question whose first answer the server turns down is a pair all the same, where another answer stands."""

    class Deaf:
        """Turns down the first answer to every question."""

        async def reply(self, request: Request) -> Reply:
            if request.stage is Stage.ANSWERS and request.sample == 0:
                raise RequestError("The server turns this request down.")
            return await Textbook().reply(request)

    with project(LEAVES, pairs=10, agreement_samples=3) as folder:
        result = run(folder, Deaf())
        assert (result.exit_code, result.failures) == (0, 0)


@pytest.fixture(name="glan")
def command_line(tmp_path: Path) -> Iterator[CommandLine]:
    """A command line beside a simulated server that gets most results wrong, each time another one."""
    settings = Simulated(seed=5, faults={"mistake@answers": 0.6})
    with simulated(settings, teacher=Textbook()) as server, ended_processes():
        yield CommandLine(home=tmp_path, base_url=server.base_url)


def test_a_person_sees_the_votes(glan: CommandLine) -> None:
    """Over HTTP: the end of a run counts what found no agreement, the reject has the votes, `show` every answer."""
    folder = glan.init("p", pairs=30, disciplines="Mathematics")
    path = folder / "glan.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("samples = 1", "samples = 3"), encoding="utf-8")
    ended = glan.run(folder)
    assert ended.code == 0, ended.words
    assert " x no agreement (answers)" in ended.out
    reject = next(row for row in rows(folder, "rejects") if row["reason"] == "no agreement")
    assert "(answer 1)" in reject["detail"]
    shown = glan("show", reject["id"], "--project", folder)
    assert all(f"answer {number} of 3" in shown.out for number in (1, 2, 3)), shown.out
    out = folder / "preferences.jsonl"
    exported = glan("export", out, "--format", "preference", "--project", folder)
    assert exported.code == 0, exported.words
    contested = [row for row in rows(folder) if scores(row).get("agreement", 1) < 1]
    assert f"Wrote {len(contested):,} rows" in exported.out
    assert f"in {len(contested):,} votes one said otherwise" in exported.out


def test_preferences_are_what_was_outvoted() -> None:
    """A row whose vote was not unanimous gives one: the row's answer, and the wrong one that most voted for."""
    with project(["Mathematics"], pairs=PAIRS, agreement_samples=5) as folder:
        run(folder, erring())
        contested = {row["id"]: row for row in rows(folder) if scores(row).get("agreement", 1) < 1}
        assert len(contested) > 2
        with preferences_of(Project.open(folder)) as found:
            others = {row["id"]: found.rejected(row) for row in rows(folder)}
        assert {id_ for id_, other in others.items() if other is not None} == set(contested)
        assert (found.rows, found.contested, found.missing) == (PAIRS, len(contested), 0)
        assert found.voted >= found.contested
        for id_, row in contested.items():
            question, chosen = (message["content"] for message in row["messages"])
            other = others[id_]
            assert other is not None
            right, wrong = (final_of(text, question=question) for text in (chosen, other.text))
            assert None not in (right, wrong)
            assert right != wrong


def test_preferences_are_never_answers_to_another_question() -> None:
    """Where glan.toml asks for other answers by now, those of the ledger are not taken for them, and it is told."""
    with project(["Mathematics"], pairs=PAIRS, agreement_samples=5) as folder:
        run(folder, erring())
        configure(folder, pairs=PAIRS, agreement_samples=5, answers_temperature=0.7)
        with preferences_of(Project.open(folder)) as found:
            assert all(found.rejected(row) is None for row in rows(folder))
        assert found.missing == found.contested > 0
        assert "the ledger has not all answers" in found.told


def test_without_votes_there_are_no_preferences() -> None:
    """A project with one answer to a question says how to get more."""
    with (
        project(["Mathematics"], pairs=2) as folder,
        pytest.raises(DatasetError, match="no votes") as error,
        preferences_of(Project.open(folder)),
    ):
        pass
    assert "samples = 3" in error.value.hint
