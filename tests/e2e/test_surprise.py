"""No surprise spending: whatever reaches a request and changes stops the run before it asks, and a person decides."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness import (
    Call,
    Counting,
    Failing,
    Shuffled,
    call_of,
    committed,
    configure,
    manifest,
    plant,
    project,
    published,
    rows,
    run,
    small,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from glan import Project
from glan.errors import WouldAskAgainError
from glan.records import Stage
from glan.teachers.faults import Faulty
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Choice
from glan.teachers.sharing import Wanted, take

TREE = ["Physics", {"name": "Law", "notes": "Civil law."}, "Music"]
SETTINGS: dict[str, Any] = {"pairs": 24, "seed": 1, "plan_questions_per_visit": 2}
ALL = frozenset(Stage)
FROM_SYLLABI = ALL - {Stage.SUBJECTS}
TEXTS = frozenset({Stage.QUESTIONS, Stage.ANSWERS})
ANSWERS = frozenset({Stage.ANSWERS})


def edit(prompt: str) -> Callable[[Path], None]:
    """Return what adds a word to a prompt."""

    def change(folder: Path) -> None:
        path = folder / "prompts" / f"{prompt}.md.j2"
        path.write_text(f"Please. {path.read_text(encoding='utf-8')}", encoding="utf-8")

    return change


def set_to(**settings: object) -> Callable[[Path], None]:
    return lambda folder: configure(folder, **{**SETTINGS, **settings})


def note(folder: Path) -> None:
    plant(folder, ["Physics", {"name": "Law", "notes": "Criminal law."}, "Music"])


def leave(_: Path) -> None:
    """Change nothing in the project."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a person does to a project, and what of it is asked under another fingerprint."""

    make: Callable[[Path], None]
    named: str
    """What the error says."""
    stages: frozenset[Stage]
    leaf: str | None = None
    """The one discipline that it concerns."""
    model: str = "filler"
    is_of_draws: bool = False
    """Only the draws change: a question of which the draw is by chance the same is not asked again."""

    def concerns(self, call: Call, stage: Stage) -> bool:
        return stage in self.stages and (self.leaf is None or call[0].split("/")[1] == self.leaf)


CHANGES = {
    "answer prompt": Change(make=edit("answer_question"), named="prompt answer_question", stages=ANSWERS),
    "question prompt": Change(make=edit("write_question"), named="prompt write_question", stages=TEXTS),
    "syllabus prompt": Change(make=edit("draft_syllabus"), named="prompt draft_syllabus", stages=FROM_SYLLABI),
    "subjects prompt": Change(make=edit("draft_subjects"), named="prompt draft_subjects", stages=ALL),
    "model": Change(make=leave, named="model of subjects (filler -> other)", stages=ALL, model="other"),
    "temperature": Change(
        make=set_to(teacher_temperature=0.5), named="temperature of subjects (None -> 0.5)", stages=ALL
    ),
    "answers": Change(make=set_to(answers_top_p=0.5), named="top_p of answers (None -> 0.5)", stages=ANSWERS),
    "system": Change(make=set_to(answers_system="Be brief."), named="system of answers", stages=ANSWERS),
    "language": Change(make=set_to(language="de"), named="language (English -> German)", stages=ALL),
    "seed": Change(make=set_to(seed=2), named="seed (1 -> 2)", stages=TEXTS, is_of_draws=True),
    "notes": Change(make=note, named="discipline law", stages=ALL, leaf="law"),
}


def stages_of(teacher: Counting) -> dict[Call, Stage]:
    return {call_of(request): request.stage for request in teacher.requests}


def places(calls: Counter[Call]) -> Counter[tuple[str, int, int]]:
    return Counter({call[:3]: count for call, count in calls.items()})


def tokens(folder: Path, ids: set[str]) -> int:
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        usages = [entry.reply.usage for entry in ledger.entries() if entry.reply and entry.request_id in ids]
    return sum((usage.prompt_tokens or 0) + (usage.completion_tokens or 0) for usage in usages)


def texts(folder: Path) -> dict[str, Any]:
    """Return the conversation of each row; another seed may put the rows in another order."""
    return {row["id"]: row["messages"] for row in rows(folder)}


def refused(folder: Path, model: str = "filler", **options: Any) -> str:  # noqa: ANN401 - options have many types
    """Run a project, which must refuse before it asks, and return why."""
    teacher, before = Counting(small(), model=model), published(folder)
    with pytest.raises(WouldAskAgainError) as caught:
        run(folder, teacher, **options)
    assert not teacher.started
    assert published(folder) == before
    assert "--keep" in caught.value.hint
    assert "--reask" in caught.value.hint
    return str(caught.value)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_stops_the_run_before_it_asks(change: Change) -> None:
    """The error says what changed, and how many replies and tokens rest on it."""
    with project(TREE, **SETTINGS) as folder:
        first = Counting(small())
        run(folder, first)
        change.make(folder)
        told = refused(folder, change.model)
        assert f"because this changed: {change.named}" in told
        assert "Nothing was asked." in told
        concerned = {call[0] for call, stage in stages_of(first).items() if change.concerns(call, stage)}
        if not change.is_of_draws:
            assert f"again for {len(concerned)} replies" in told
            assert f"({tokens(folder, concerned):,} tokens, at a price unknown)" in told


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_keep_uses_what_is_there(change: Change) -> None:
    """Nothing is asked, every row stands; growth asks for new places alone, and nobody has to say it again."""
    with project(TREE, **SETTINGS) as folder:
        first = Counting(small())
        run(folder, first)
        before = texts(folder)
        change.make(folder)
        teacher = Counting(small(), model=change.model)
        kept = run(folder, teacher, choice=Choice.KEEP)
        assert (kept.asked, kept.exit_code) == (0, 0)
        assert texts(folder) == before
        assert manifest(folder)["choice"] == "keep"
        grown = run(folder, teacher, pairs=40)
        assert grown.exit_code == 0
        assert before.items() <= texts(folder).items()
        assert max((places(first.started) + places(teacher.started)).values()) == 1
        assert run(folder, teacher).asked == 0


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_reask_asks_what_changed_and_what_rests_on_it(change: Change) -> None:
    """The data set is that of a new project with the change in it; going back then asks nothing and gives the old."""
    with project(TREE, **SETTINGS) as folder:
        first = Counting(small())
        run(folder, first)
        old = published(folder)
        saved = {name: (folder / name).read_bytes() for name in ("glan.toml", "taxonomy.yaml")}
        change.make(folder)
        teacher = Counting(Shuffled(small(), 1), model=change.model)
        result = run(folder, teacher, choice=Choice.REASK)
        assert result.exit_code == 0
        for call, stage in stages_of(teacher).items():
            assert change.concerns(call, stage)
        again = Counting(small(), model=change.model)
        assert (run(folder, again).asked, manifest(folder)["choice"]) == (0, "reask")
        new = published(folder)
        for name, content in saved.items():
            (folder / name).write_bytes(content)
        if change.make not in (note, leave) and "prompt" in change.named:
            path = folder / "prompts" / f"{change.named.removeprefix('prompt ')}.md.j2"
            path.write_text(path.read_text(encoding="utf-8").removeprefix("Please. "), encoding="utf-8")
        assert run(folder, Counting(small())).asked == 0
        assert published(folder) == old
    with project(TREE, **SETTINGS) as folder:
        change.make(folder)
        fresh = Counting(small(), model=change.model)
        run(folder, fresh)
        assert published(folder) == new
        assert set(fresh.started) - set(first.started) == set(teacher.started)


@settings(max_examples=6, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(CHANGES)), min_size=1, max_size=2, unique=True),
    st.integers(0, 50),
    st.sampled_from([1, 30]),
    st.integers(1, 30),
)
def test_reask_holds_for_a_run_that_goes_on(names: list[str], stop_after: int, in_flight: int, pairs: int) -> None:
    """Asking anew, stopped in the middle, goes on without being told again, and nothing is paid twice on the way."""
    model = "other" if "model" in names else "filler"
    with project(TREE, **{**SETTINGS, "pairs": pairs}) as folder:
        run(folder, Counting(small()))
        for name in names:
            CHANGES[name].make(folder)
        spent = sum(replies.prompt_tokens + replies.completion_tokens for replies in totals(folder))
        teacher = Counting(small(), model=model)
        budget = spent + 5_000 + 300 * stop_after
        run(folder, teacher, choice=Choice.REASK, max_in_flight=in_flight, budget_tokens=budget)
        done = run(folder, teacher, max_in_flight=in_flight)
        assert (done.exit_code, manifest(folder)["choice"]) == (0, "reask")
        assert set(teacher.started.values()) <= {1}
        found = published(folder)
    with project(TREE, **{**SETTINGS, "pairs": pairs}) as folder:
        for name in names:
            CHANGES[name].make(folder)
        run(folder, Counting(small(), model=model), pairs=done.wanted)
        assert published(folder) == found


def totals(folder: Path) -> list[Any]:
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        return list(ledger.totals().values())


def test_a_choice_holds_until_something_changes_again() -> None:
    """Neither what was kept nor what was asked anew covers the next change."""
    for choice in (Choice.KEEP, Choice.REASK):
        with project(TREE, **SETTINGS) as folder:
            run(folder, Counting(small()))
            edit("answer_question")(folder)
            run(folder, Counting(small()), choice=choice)
            edit("write_question")(folder)
            assert "prompt write_question" in refused(folder)
            assert "prompt write_question" in refused(folder, pairs=60)


def test_going_back_after_keep_asks_nothing() -> None:
    """What was kept is what the old prompt asked for."""
    with project(TREE, **SETTINGS) as folder:
        run(folder, Counting(small()))
        old = published(folder)
        edit("answer_question")(folder)
        run(folder, Counting(small()), choice=Choice.KEEP)
        path = folder / "prompts" / "answer_question.md.j2"
        path.write_text(path.read_text(encoding="utf-8").removeprefix("Please. "), encoding="utf-8")
        assert run(folder, Counting(small())).asked == 0
        assert published(folder) == old
        assert manifest(folder)["choice"] == "exact"


def test_only_what_a_run_would_meet_is_counted() -> None:
    """A shorter data set rests on fewer replies, and failures were never paid for."""
    with project(["Physics"], pairs=40) as folder:
        failing = Failing(small(), 0.2, (Stage.ANSWERS,))
        first = run(folder, Counting(failing))
        assert first.failures > 0
        edit("answer_question")(folder)
        assert "again for 40 replies" in refused(folder)
        edit("write_question")(folder)
        assert f"again for {2 * 40 + first.failures} replies" in refused(folder)


def test_what_was_rejected_is_counted_too() -> None:
    """Replies that gave no row are paid for as well, each turn of a conversation for itself."""
    with project(["Physics"], pairs=30) as folder:
        teacher = Counting(Faulty(small(), seed=0, rates={"empty@answers": 0.2, "cut-off@answers": 0.1}))
        run(folder, teacher)
        answers = sum(call[0].startswith("answer/") for call in teacher.started)
        assert answers > 40
        edit("answer_question")(folder)
        assert f"again for {answers} replies" in refused(folder)


@pytest.mark.parametrize(
    "make",
    [
        set_to(plan_drafts=5),
        set_to(curation_near_duplicates=0.9),
        set_to(dataset_shard_rows=3),
        set_to(pairs=30),
        lambda folder: plant(folder, [*TREE, "Dance"]),
        lambda folder: plant(folder, TREE[:2]),
    ],
    ids=["drafts", "curation", "shards", "pairs", "added", "removed"],
)
def test_what_reaches_no_old_request_stops_nothing(make: Callable[[Path], None]) -> None:
    """A run goes on where nothing that is paid for would be asked again."""
    with project(TREE, **SETTINGS) as folder:
        teacher = Counting(small())
        run(folder, teacher)
        make(folder)
        assert run(folder, teacher).exit_code == 0
        assert max(teacher.started.values()) == 1


def test_a_change_is_not_forgotten_over_a_run_without_the_discipline() -> None:
    """Notes that change while a discipline is away, or while another one is tried alone, are told when it is met."""
    with project(TREE, **SETTINGS) as folder:
        run(folder, Counting(small()))
        plant(folder, ["Physics", "Music"])
        run(folder, Counting(small()))
        note(folder)
        assert "discipline law" in refused(folder)
        tried = Counting(small())
        run(folder, tried, only="Physics", is_preview=True, pairs=3, choice=Choice.REASK)
        assert not tried.started
        assert "discipline law" in refused(folder)


def test_a_first_run_and_a_new_ledger_know_no_change() -> None:
    """Without replies there is nothing to ask again; a change after a run that asked nothing stops nobody."""
    with project(TREE, **SETTINGS) as folder:
        stopped = run(folder, Counting(small()), budget_tokens=1)
        assert (stopped.exit_code, stopped.asked) == (4, 0)
        edit("draft_subjects")(folder)
        assert run(folder, Counting(small())).exit_code == 0
        assert committed(folder)
        assert Project.open(folder).dataset().count_rows() == 24


@pytest.mark.parametrize("choice", [None, Choice.KEEP])
def test_rows_without_their_ledger_are_not_paid_for_again(choice: Choice | None) -> None:
    """Where the ledger is gone, or another one is named, the run stops before it asks; --reask goes on."""
    with project(["Physics"], pairs=6) as folder:
        teacher = Counting(small())
        run(folder, teacher)
        files = published(folder)
        (folder / "ledger.sqlite").rename(folder / "away.sqlite")
        asked = teacher.started.total()
        for _ in range(2):  # the first leaves an empty ledger
            with pytest.raises(
                WouldAskAgainError, match=r"has 6 rows, and the ledger .* has none of the replies"
            ) as caught:
                run(folder, teacher, choice=choice)
            assert "--ledger PATH" in caught.value.hint
        assert (teacher.started.total(), published(folder)) == (asked, files)
        assert run(folder, teacher, choice=Choice.REASK).pairs == 6
        assert teacher.started.total() == 2 * asked


def test_rows_whose_replies_came_with_an_import_go_on() -> None:
    """A new ledger that took the replies of the lost one from a file has them, so the run asks for nothing again."""
    with project(["Physics"], pairs=6) as folder:
        teacher = Counting(small())
        run(folder, teacher)
        asked, files = teacher.started.total(), published(folder)
        old = folder / "away.sqlite"
        (folder / "ledger.sqlite").rename(old)
        with Ledger.open(old, readonly=True) as source, Ledger.open(folder / "ledger.sqlite") as ledger:
            take(source, ledger, Wanted(stages=ALL))
        assert run(folder, teacher).pairs == 6
        assert (teacher.started.total(), published(folder)) == (asked, files)
