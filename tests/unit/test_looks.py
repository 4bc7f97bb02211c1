"""Rating, critic and guard inside a run: what they add to rows, what they drop, and that they are asked once."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from desk import Desk
from harness import (
    Counting,
    Dying,
    Failing,
    Shuffled,
    assert_accounts,
    committed,
    configure,
    manifest,
    project,
    published,
    rows,
    run,
    small,
    until_death,
)
from msgspec.structs import replace

from glan import Options, Project
from glan.cli.planning import known_of
from glan.errors import WouldAskAgainError
from glan.estimate import estimates_of
from glan.judgements import parse_scores
from glan.records import Reply, Request, Stage
from glan.runs import Run
from glan.teachers.base import Teacher
from glan.teachers.faults import Faulty
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Choice
from glan.teachers.panel import Named

PAIRS = 20
PLAIN: dict[str, Any] = {"pairs": PAIRS, "plan_questions_per_visit": 2}
RATED = {"rating_enabled": True}
SCORED = {"critic_enabled": True}
GUARDED = {"safety_enabled": True}
ALL = {**RATED, **SCORED, **GUARDED}
STRICT = {**ALL, "critic_at_least": 6, "safety_unsafe": "reject"}
LOOKS = {Stage.RATINGS, Stage.SCORES, Stage.SAFETY}
LEAVES = ["Physics", "Law"]


class Saying:
    """Another teacher, but for what it is told to say at one stage."""

    def __init__(self, teacher: Teacher, stage: Stage, text: str) -> None:
        self._teacher = teacher
        self._stage = stage
        self._text = text

    async def reply(self, request: Request) -> Reply:
        if request.stage is self._stage:
            return Reply(text=self._text, finish_reason="stop")
        return await self._teacher.reply(request)


@contextmanager
def made(**settings: object) -> Iterator[tuple[Path, Counting]]:
    """Make a project with these settings, and with what was asked for it."""
    with project(LEAVES, **PLAIN, **settings) as folder:
        teacher = Counting(small())
        assert run(folder, teacher).exit_code == 0
        yield folder, teacher


def asked(teacher: Counting) -> set[Stage]:
    return {request.stage for request in teacher.requests}


def scores(row: Mapping[str, Any]) -> dict[str, float]:
    return {found["name"]: found["value"] for found in row["scores"] or ()}


def test_what_was_said_stands_in_the_row() -> None:
    """Every row has the numbers of rating and critic and the guard's verdict, as the replies in the ledger say them."""
    with made(**ALL) as (folder, teacher):
        found = {row["id"]: row for row in rows(folder)}
        assert len(found) == PAIRS
        for row in found.values():
            names = ["answerability", "rated_difficulty", "correctness", "helpfulness", "clarity", "difficulty"]
            assert list(scores(row)) == names
            assert row["safety"].partition(":")[0] in {"safe", "unsafe"}
        with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
            for entry in ledger.entries(prefix="score/"):
                row = found[f"question{entry.request_id.removeprefix('score')}"]
                assert entry.reply is not None
                assert parse_scores(entry.reply.text).scores == tuple(scores(row).items())[2:]
        assert asked(teacher) >= LOOKS
        spent = {each["stage"]: each["replies"] for each in manifest(folder)["quantities"]["spent"]}
        assert spent["scores"] == spent["safety"] == PAIRS
        assert spent["ratings"] == PAIRS + sum(row["stage"] == "ratings" for row in rows(folder, "rejects"))


def test_without_looks_nobody_is_asked() -> None:
    """A project that wants none asks for none, and its rows have nothing in these columns."""
    with made() as (folder, teacher):
        assert not asked(teacher) & LOOKS
        assert {(row["scores"], row["safety"]) for row in rows(folder)} == {(None, None)}


def test_a_question_that_cannot_be_answered_gets_no_answer() -> None:
    """A rating is there before an answer is paid for: what it drops is never answered, and is told with its numbers."""
    with made(**RATED, rating_least_answerable=8) as (folder, teacher):
        out = [row for row in rows(folder, "rejects") if row["stage"] == "ratings"]
        assert out
        for row in out:
            assert row["reason"] == "not answerable"
            assert scores(row)["answerability"] < 8
            assert f"answerability {scores(row)['answerability']:g}" in row["detail"]
            assert f"answer{row['id'].removeprefix('question')}" not in teacher.ids()
        assert all(scores(row)["answerability"] >= 8 for row in rows(folder))


def test_a_dropped_pair_is_replaced_and_accounted_for() -> None:
    """With everything on and strict there are N rows all the same, each above the threshold and none unsafe."""
    with project(LEAVES, **PLAIN, **STRICT) as folder:
        result = run(folder, small())
        assert_accounts(folder, result)
        assert result.pairs == PAIRS
        for row in rows(folder):
            assert row["safety"] == "safe"
            assert min(scores(row)[name] for name in ("correctness", "helpfulness", "clarity")) >= 6
        reasons = {row["reason"]: row for row in rows(folder, "rejects")}
        assert {"not answerable", "low score", "unsafe"} <= reasons.keys()
        assert reasons["low score"]["messages"][-1]["content"]
        assert reasons["unsafe"]["safety"] == f"unsafe: {reasons['unsafe']['detail'].replace(', ', ',')}"


def test_another_threshold_changes_verdicts_without_a_call_for_what_is_there() -> None:
    """Raised, it drops rows and asks only for what takes their place; lowered again, it asks nobody."""
    with made(**SCORED) as (folder, _):
        before = published(folder)
        kept = {row["id"]: row for row in rows(folder)}
        there = committed(folder)
        configure(folder, **PLAIN, **SCORED, critic_at_least=7)
        again = Counting(small())
        assert run(folder, again).exit_code == 0
        assert not again.started.keys() & there.keys()
        low = {id_ for id_, row in kept.items() if min(list(scores(row).values())[:3]) < 7}
        assert low == {row["id"] for row in rows(folder, "rejects")} & kept.keys()
        configure(folder, **PLAIN, **SCORED)
        silent = Counting(small())
        assert run(folder, silent).exit_code == 0
        assert not silent.started
        assert published(folder) == before


def test_a_look_that_is_turned_on_asks_for_itself_alone() -> None:
    """On a finished project it is no surprise, asks nothing else, and leaves each row as it was but for its columns."""
    with made() as (folder, _):
        before = rows(folder)
        configure(folder, **PLAIN, **SCORED, **GUARDED)
        teacher = Counting(small())
        assert run(folder, teacher).exit_code == 0
        assert asked(teacher) == {Stage.SCORES, Stage.SAFETY}
        assert len(teacher.started) == 2 * PAIRS
        assert [{**row, "scores": None, "safety": None} for row in rows(folder)] == before


@pytest.mark.parametrize(
    ("change", "stage"),
    [
        (lambda folder: configure(folder, **PLAIN, **ALL, judge_temperature=0.5), Stage.SCORES),
        (lambda folder: edit(folder, "score_pair"), Stage.SCORES),
        (lambda folder: edit(folder, "rate_question"), Stage.RATINGS),
        (lambda folder: configure(folder, **PLAIN, **ALL, safety_asks="conversation"), Stage.SAFETY),
    ],
    ids=["temperature", "prompt", "rating", "guard"],
)
def test_a_changed_judge_is_a_surprise_of_its_own_replies_alone(change: Callable[[Path], None], stage: Stage) -> None:
    """It stops the run, which counts what would be judged again and nothing else; --reask asks for that alone."""
    with made(**ALL) as (folder, first):
        n_judged = sum(request.stage is stage for request in first.requests)
        change(folder)
        with pytest.raises(WouldAskAgainError, match=f"again for {n_judged} replies"):
            run(folder, Counting(small()))
        kept, again = Counting(small()), Counting(small())
        assert run(folder, kept, choice=Choice.KEEP).exit_code == 0
        assert not kept.started
        assert run(folder, again, choice=Choice.REASK).exit_code == 0
        # The filler draws other numbers for other words, so other questions pass, and those are asked for anew.
        stages = {request.stage for request in again.requests if request.id in first.ids()}
        assert stages == {stage}


def edit(folder: Path, prompt: str) -> None:
    path = folder / "prompts" / f"{prompt}.md.j2"
    path.write_text(f"Please. {path.read_text(encoding='utf-8')}", encoding="utf-8")


def test_a_changed_answer_is_judged_again_and_counted_so() -> None:
    """Where answers would be asked again, so would what was said of the pairs; ratings stand."""
    with made(**ALL) as (folder, first):
        edit(folder, "answer_question")
        n_resting = sum(request.stage in {Stage.ANSWERS, Stage.SCORES, Stage.SAFETY} for request in first.requests)
        with pytest.raises(WouldAskAgainError, match=f"again for {n_resting} replies"):
            run(folder, Counting(small()))


def test_a_new_look_hides_no_surprise_behind_it() -> None:
    """Turned on together with another change, it keeps no answer from being counted that would be asked again."""
    with made() as (folder, _):
        configure(folder, **PLAIN, **ALL)
        edit(folder, "answer_question")
        with pytest.raises(WouldAskAgainError, match=f"again for {PAIRS} replies"):
            run(folder, Counting(small()))


def test_a_look_that_is_off_surprises_nobody() -> None:
    """A changed prompt or model of a look that no request reaches stops no run, and its old replies are not counted."""
    with made(**ALL) as (folder, _):
        configure(folder, **PLAIN)
        edit(folder, "score_pair")
        assert run(folder, Counting(small())).exit_code == 0
        edit(folder, "answer_question")
        with pytest.raises(WouldAskAgainError, match=f"again for {PAIRS} replies"):
            run(folder, Counting(small()))


@pytest.mark.parametrize(
    ("stage", "strict"),
    [
        (Stage.RATINGS, {**RATED}),
        (Stage.SCORES, {**SCORED, "critic_at_least": 6}),
        (Stage.SAFETY, {**GUARDED, "safety_unsafe": "reject"}),
    ],
)
def test_what_may_drop_a_pair_lets_none_pass_unread(stage: Stage, strict: Mapping[str, Any]) -> None:
    """Where a threshold promises something of every row, a reply that cannot be read ends the slot, with the reply."""
    with project(LEAVES, **PLAIN, **strict, plan_stop_below=0.5) as folder:
        result = run(folder, Saying(small(), stage, "I would rather not say."))
        assert result.pairs == 0
        out = rows(folder, "rejects")
        assert {(row["stage"], row["reason"], row["raw"]) for row in out} == {
            (stage.value, "malformed", "I would rather not say.")
        }


@pytest.mark.parametrize(
    ("stage", "lenient"),
    [(Stage.RATINGS, {**RATED, "rating_least_answerable": 1}), (Stage.SCORES, SCORED), (Stage.SAFETY, GUARDED)],
)
@pytest.mark.parametrize("how", ["malformed", "failed"])
def test_where_nothing_is_dropped_a_pair_stays_without_its_scores(
    stage: Stage, lenient: Mapping[str, Any], how: str
) -> None:
    """A look that only writes down costs nobody a paid pair: the row has a null there, and the card counts it."""
    bad = Saying(small(), stage, "Hm.") if how == "malformed" else Failing(small(), 1.0, [stage.value])
    with project(LEAVES, **PLAIN, **lenient) as folder:
        result = run(folder, bad)
        assert result.exit_code == 0
        assert {(row["scores"], row["safety"]) for row in rows(folder)} == {(None, None)}
        told = manifest(folder)
        assert told["quantities"]["unread"] == {stage.value: PAIRS}
        assert any(f"The {stage.value} of {PAIRS} of {PAIRS} rows could not be read" in text for text in result.notices)
        assert any(f"Of {PAIRS} pairs it could not be read." in sentence for sentence in told["checked"])
        assert f"Of {PAIRS} pairs it could not be read." in (folder / "dataset/README.md").read_text(encoding="utf-8")


def test_the_card_says_who_judged_and_what_was_dropped() -> None:
    """Checked names each look with its model and its bounds, and "no model judged" is gone with a critic alone."""
    with made(**STRICT) as (folder, _):
        card = (folder / "dataset/README.md").read_text(encoding="utf-8")
        assert "scored by filler" in card
        assert card.count("It is the model that wrote the answers.") == 1
        assert "below 6 were dropped" in card
        assert "No model judged the pairs." not in card
    with made(**RATED) as (folder, _):
        assert "No model judged the pairs." in (folder / "dataset/README.md").read_text(encoding="utf-8")


def test_verdicts_are_the_same_at_any_speed_and_after_any_kill() -> None:
    """At 1 and 500 in flight, in any order of arrival, with faults, killed at any point: the same bytes, paid once."""
    rates = {"malformed": 0.2, "refusal": 0.05, "cut-off": 0.05, "empty": 0.05}
    few = {**PLAIN, **STRICT, "pairs": 10}
    with project(LEAVES, **few) as folder:
        assert run(folder, Counting(Faulty(small(), seed=3, rates=rates)), max_in_flight=1).exit_code == 0
        once, calls = published(folder), committed(folder)
    with project(LEAVES, **few) as folder:
        assert run(folder, Counting(Shuffled(Faulty(small(), seed=3, rates=rates), seed=5)), max_in_flight=500).pairs
        assert published(folder) == once
    with project(LEAVES, **few) as folder:
        teacher = Counting(Faulty(small(), seed=3, rates=rates))
        for after in range(29, calls.total(), calls.total() // 4):
            dying = Dying(teacher, after - teacher.answered.total(), "hang")
            asyncio.run(until_death(folder, Counting(dying), dying, max_in_flight=4))
        assert run(folder, teacher, max_in_flight=4).exit_code == 0
        assert published(folder) == once
        assert set(teacher.answered.values()) == {1}


def test_a_longer_data_set_begins_with_the_shorter_one() -> None:
    """Looks change nothing about growth: the rows of N are the first of any greater number."""
    with project(LEAVES, **PLAIN, **STRICT) as folder:
        found = []
        for pairs in (10, 25, 40):
            assert run(folder, small(), pairs=pairs).exit_code == 0
            found.append(rows(folder))
        for shorter, longer in pairwise(found):
            assert longer[: len(shorter)] == shorter


def test_batches_make_what_a_live_run_makes() -> None:
    """Each look is a wave of its own in batch mode; data set, rejects and paid replies are those of a live run."""
    settings = {**PLAIN, **STRICT, "batch_minimum": 3, "batch_poll_s": 0.001, "batch_settle_s": 0}
    found = []
    for mode in ("live", "batch"):
        desk = Desk(small())
        with project(LEAVES, **settings) as folder:
            ended = Run(Project.open(folder), desk.panel, Options(mode=mode))
            assert asyncio.run(ended(lambda _: True)).exit_code == 0
            found.append((published(folder), desk.paid, committed(folder)))
    assert found[0] == found[1]
    in_batches = [raw for name, raw in desk.files.items() if name.startswith("file-")]
    for key in (b"answerability", b"correctness", b"verdict"):
        assert any(key in raw for raw in in_batches)


def test_questions_are_rated_where_they_are_the_end() -> None:
    """With --until questions a project's questions are written and rated, and nothing is asked of pairs."""
    with project(LEAVES, **PLAIN, **ALL) as folder:
        teacher = Counting(small())
        result = run(folder, teacher, until=Stage.QUESTIONS)
        assert result.exit_code == 0
        assert Stage.RATINGS in asked(teacher)
        assert not asked(teacher) & {Stage.ANSWERS, Stage.SCORES, Stage.SAFETY}
        assert run(folder, again := Counting(small())).exit_code == 0
        assert asked(again) <= {Stage.ANSWERS, Stage.SCORES, Stage.SAFETY}


def test_a_project_from_before_has_the_shipped_prompts_of_looks() -> None:
    """A folder without these prompts opens and runs; one that lacks another prompt still says so."""
    with project(LEAVES, **PLAIN, **ALL) as folder:
        for name in ("rate_question", "score_pair", "judge_safety"):
            (folder / "prompts" / f"{name}.md.j2").unlink()
        first = Counting(small())
        assert run(folder, first).exit_code == 0
        assert asked(first) >= LOOKS
        Project.open(folder).prompts.write(folder / "prompts")
        again = Counting(small())
        assert run(folder, again).exit_code == 0
        assert not again.started


def test_the_card_counts_all_that_was_paid_where_nothing_is_asked_ahead() -> None:
    """At one in flight the replies behind rows and rejects are all there are, those asked again among them."""
    rates = {"malformed": 0.2, "empty": 0.1, "cut-off": 0.1, "harsh": 0.2}
    with project(LEAVES, **PLAIN, **STRICT, embeddings_enabled=True, agreement_samples=3) as folder:
        assert run(folder, Faulty(small(), seed=3, rates=rates), max_in_flight=1).exit_code == 0
        told = manifest(folder)
        assert {"malformed", "no vector"} <= {row["reason"] for row in rows(folder, "rejects")}
        behind = {each["stage"]: (each["replies"], each["completion_tokens"]) for each in told["quantities"]["spent"]}
        paid = {stage: (each["replies"], each["completion_tokens"]) for stage, each in told["spent"].items()}
        assert behind == paid


def test_a_preview_leaves_what_is_told_of_the_last_run() -> None:
    """A preview of three pairs is no run: `glan status` goes on to tell of the one that made the data set."""
    with made() as (folder, _):
        before = Project.open(folder).status()
        run(folder, small(), pairs=3, is_preview=True)
        assert before is not None
        assert Project.open(folder).status() == before


@pytest.mark.parametrize(("samples", "is_over"), [(3, True), (5, False)])
def test_a_plan_takes_no_vote_for_open_that_is_over(samples: int, *, is_over: bool) -> None:
    """The answers of a finished data set have voted, so that nothing is left; with more samples some may be."""
    with made(agreement_samples=3) as (folder, _):
        configure(folder, **PLAIN, agreement_samples=samples)
        found = Project.open(folder)
        config = found.config
        estimates = estimates_of(found.taxonomy.disciplines, config, known_of(found, config, Named(spec="offline")))
        assert all((sum(each.calls for each in case) == 0) == is_over for case in estimates.values())


class Second:
    """A teacher whose first answer to each question says 8, and every other 7."""

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher

    async def reply(self, request: Request) -> Reply:
        reply = await self._teacher.reply(request)
        if request.stage is Stage.ANSWERS:
            return replace(reply, text=f"{reply.text}\n\nAnswer: {'7' if request.sample else '8'}")
        return reply


def test_another_answer_of_the_vote_is_judged_for_itself() -> None:
    """Where more samples turn a vote, the answer that wins is judged anew: nothing said of the first is its."""
    with project(LEAVES, **PLAIN, **SCORED, **GUARDED, agreement_samples=1) as folder:
        assert run(folder, Second(small())).exit_code == 0
        first = committed(folder)
        configure(folder, **PLAIN, **SCORED, **GUARDED, agreement_samples=3)
        again = Counting(Second(small()))
        assert run(folder, again).exit_code == 0
        assert not again.started.keys() & first.keys()
        assert all(row["messages"][-1]["content"].endswith("Answer: 7") for row in rows(folder))
        judged = [request for request in again.requests if request.stage is Stage.SCORES]
        assert len(judged) == PAIRS
        assert all("Answer: 7" in request.messages[-1].content for request in judged)
        assert {request.sample for request in judged} == {1}
