"""Replies that another project paid for: taken, kept on the shelf, and used where a request means exactly the same."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from harness import Counting, committed, edit_prompt, manifest, plant, project, published, run, small

from glan.cli import cli
from glan.errors import GlanError, LedgerError
from glan.project import Project
from glan.records import Message, Reply, Request, Sampling, Stage
from glan.teachers import sharing
from glan.teachers.fingerprints import fingerprint
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Choice, Ledgered, Tally
from glan.teachers.permits import Permits
from glan.teachers.sharing import Wanted, give, take
from glan.teachers.shelf import ELSEWHERE, Shelf

TREE = [{"name": "Nature", "children": ["Physics", "Botany"]}, "Law"]
SETTINGS = {"pairs": 24, "plan_questions_per_visit": 2, "plan_drafts": 2}
OF_A_LEAF = frozenset({Stage.QUESTIONS, Stage.ANSWERS})
CURRICULUM = frozenset({Stage.SUBJECTS, Stage.SYLLABI})
ALL = Wanted(stages=frozenset(Stage))


def glan(*arguments: object) -> str:
    """Return what a command of the ledger prints; its error is raised."""
    result = CliRunner().invoke(cli, ["ledger", *map(str, arguments)])
    if isinstance(result.exception, GlanError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def paid() -> Iterator[Path]:
    """A project that has paid for its data set."""
    with project(TREE, **SETTINGS) as folder:
        run(folder, Counting(small()))
        yield folder


def ledger_of(folder: Path) -> Path:
    return folder / "ledger.sqlite"


def taken(source: Path, folder: Path, wanted: Wanted = ALL) -> sharing.Taken:
    with Ledger.open(ledger_of(source), readonly=True) as other, Ledger.open(ledger_of(folder)) as own:
        return take(other, own, wanted)


@pytest.mark.long
def test_what_another_project_paid_is_not_asked(paid: Path) -> None:
    """A project with a part of the same tree asks for no draft and no syllabus of it; the rest it asks for itself."""
    with project([{"name": "Science", "children": ["Botany", "Music"]}], **SETTINGS) as folder:
        said = glan("import", paid, "--project", folder, "--stage", "curriculum")
        assert "of 2 other disciplines (law, physics)" in said
        teacher = Counting(small())
        assert run(folder, teacher).exit_code == 0
        kinds = {request.id.split("/")[0] for request in teacher.requests if request.id.split("/")[1] == "botany"}
        # Botany has more slots here than there, so further drafts and syllabi may be needed, but none that is there.
        shared = {call for call in committed(paid) if call[0].split("/")[1] == "botany"}
        curriculum = {call for call in shared if call[0].split("/")[0] in {"draft", "listing", "syllabus", "sessions"}}
        assert curriculum
        assert not curriculum & set(teacher.started)
        assert "question" in kinds


@pytest.mark.parametrize(
    ("request_id", "stage"),
    [
        ("test/law/contracts/0", Stage.QUESTIONS),
        ("test-answer/law/contracts/0", Stage.ANSWERS),
        ("student/ours/0123", Stage.STUDENTS),
        ("comparison/01/23/45", Stage.JUDGEMENTS),
        ("grade/01/23", Stage.JUDGEMENTS),
    ],
)
async def test_replies_of_test_sets_and_judges_are_taken_too(tmp_path: Path, request_id: str, stage: Stage) -> None:
    """What was paid for a test set goes with its discipline, and what a judge or a student said with any."""
    request = Request(id=request_id, stage=stage, messages=(), sampling=Sampling(model="m", max_tokens=10))
    with Ledger.open(tmp_path / "theirs") as theirs:
        await theirs.commit(request, fingerprint(request), Reply(text="a"))
    for leaves, count in ((None, 1), (frozenset({"law"}), 1), (frozenset({"music"}), int(stage not in OF_A_LEAF))):
        into = tmp_path / ("all" if leaves is None else "-".join(leaves))
        with Ledger.open(tmp_path / "theirs", readonly=True) as theirs, Ledger.open(into) as own:
            found = take(theirs, own, Wanted(stages=frozenset(Stage), leaves=leaves))
        assert (found.taken, found.damaged) == (count, 0)


@pytest.mark.long
def test_with_everything_taken_nothing_is_asked(paid: Path) -> None:
    """The same tree, settings and model: the same bytes without a call, nothing spent, and the diff foretells it."""
    with project(TREE, **SETTINGS) as folder:
        found = taken(paid, folder)
        assert (found.taken, found.damaged, found.of_other_leaves) == (committed(paid).total(), 0, 0)
        with Ledger.open(ledger_of(folder), readonly=True) as ledger:
            assert (ledger.count(), Shelf(ledger).count()) == (0, found.taken)
        result = run(folder, Counting(small()), budget_tokens=1)
        assert (result.exit_code, result.asked) == (0, 0)
        assert published(folder) == published(paid)
        assert committed(folder) == committed(paid)
        assert manifest(folder)["spent"] == {}
        assert manifest(folder)["quantities"]["spent"] == manifest(paid)["quantities"]["spent"]
        with Ledger.open(ledger_of(folder), readonly=True) as ledger:
            assert {entry.run for entry in ledger.entries()} == {ELSEWHERE}
            assert ledger.totals(also_elsewhere=True).keys() == {"subjects", "syllabi", "questions", "answers"}


@pytest.mark.long
def test_what_was_asked_otherwise_answers_nothing_and_stops_nobody(paid: Path) -> None:
    """Of another model the shelf is as if it were empty."""
    with project(TREE, **SETTINGS) as folder, project(TREE, **SETTINGS) as alone:
        taken(paid, folder)
        teacher, control = Counting(small(), model="other"), Counting(small(), model="other")
        assert run(folder, teacher).exit_code == run(alone, control).exit_code == 0
        assert teacher.started == control.started
        assert published(folder) == published(alone)


@pytest.mark.long
def test_the_words_of_each_request_decide(paid: Path) -> None:
    """After another prompt of drafts these are asked, and what they lead to only where its words are others."""
    with project(TREE, **SETTINGS) as folder, project(TREE, **SETTINGS) as alone:
        for each in (folder, alone):
            edit_prompt(each, "draft_subjects")
        taken(paid, folder)
        teacher, control = Counting(small()), Counting(small())
        assert run(folder, teacher).exit_code == run(alone, control).exit_code == 0
        there = committed(paid)
        assert teacher.started == {call: n for call, n in control.started.items() if call not in there}
        assert any(call[0].startswith("draft/") for call in teacher.started)
        assert published(folder) == published(alone)


@pytest.mark.long
def test_later_changes_are_told_as_of_ones_own(paid: Path) -> None:
    """Once used, a reply of others is a reply like all: a change that would ask for it again stops the run."""
    with project(TREE, **SETTINGS) as folder:
        taken(paid, folder)
        run(folder, Counting(small()))
        edit_prompt(folder, "write_question")
        with pytest.raises(GlanError, match="prompt write_question"):
            run(folder, Counting(small()))
        kept = run(folder, Counting(small()), choice=Choice.KEEP)
        assert (kept.exit_code, kept.asked) == (0, 0)


def a_request(text: str = "Why?", **changes: object) -> Request:
    fields = {"id": "question/law/torts/0", "stage": Stage.QUESTIONS, "messages": (Message(role="user", content=text),)}
    return Request(**{**fields, "sampling": Sampling(model="m", max_tokens=100), **changes})  # type: ignore[arg-type]


class Never:
    async def reply(self, request: Request) -> Reply:
        raise AssertionError(request.id)


async def put(path: Path, *replies: tuple[Request, Reply]) -> None:
    with Ledger.open(path) as ledger:
        for request, reply in replies:
            await ledger.commit(request, fingerprint(request), reply)


async def test_a_reply_comes_off_the_shelf_once(tmp_path: Path) -> None:
    """It is committed before it is used, and found among the replies from then on; what was cut off is asked again."""
    whole, cut = a_request(), a_request(id="question/law/torts/1")
    await put(
        tmp_path / "a",
        (whole, Reply(text="Because.", endpoint="secret.host")),
        (cut, Reply(text="B", finish_reason="length")),
    )
    with Ledger.open(tmp_path / "a", readonly=True) as source, Ledger.open(tmp_path / "b") as ledger:
        take(source, ledger, ALL)
        tally = Tally()
        ledgered = Ledgered(Never(), ledger, Permits(1), tally=tally)
        for _ in range(2):
            assert (await ledgered.reply(whole)).text == "Because."
        assert (tally.hits, tally.asked, tally.from_shelf.total()) == (2, 0, 1)
        assert [(entry.request_id, entry.run) for entry in ledger.entries()] == [(whole.id, ELSEWHERE)]
        assert [entry.reply.endpoint for entry in ledger.entries() if entry.reply] == [None]
        roomy = a_request(id=cut.id, sampling=Sampling(model="m", max_tokens=200))
        with pytest.raises(AssertionError, match="torts/1"):
            await ledgered.reply(roomy)
        assert ledger.totals() == {}


DAMAGE = {
    "stage": "UPDATE replies SET stage = 'other'",
    "kind": "UPDATE replies SET request = '../../etc/passwd'",
    "swapped": "UPDATE replies SET request = 'answer/law/torts/0'",
    "id": "UPDATE replies SET request = 7",
    "long id": "UPDATE replies SET request = 'question/' || hex(zeroblob(4000))",
    "fingerprint": "UPDATE replies SET fingerprint = x'00'",
    "no fingerprint": "UPDATE replies SET fingerprint = 'aaaaaaaaaaaaaaaa'",
    "text": "UPDATE replies SET text = x'02ffff'",
    "no text": "UPDATE replies SET text = NULL",
    "tokens": "UPDATE replies SET prompt_tokens = -1",
    "words": "UPDATE replies SET completion_tokens = 'many'",
    "cost": "UPDATE replies SET cost_usd = 9e999",
    "sample": "UPDATE replies SET sample = 1000000000",
    "attempt": "UPDATE replies SET attempt = -1",
    "room": "UPDATE replies SET max_tokens = -5",
}


@pytest.mark.parametrize("how", DAMAGE)
async def test_what_is_no_reply_of_ours_is_left(how: str, tmp_path: Path) -> None:
    """A ledger of a stranger may say anything: such rows are counted and not taken, and the others are."""
    await put(tmp_path / "a", (a_request(), Reply(text="Because." * 50, cost_usd=0.5)))
    with closing(sqlite3.connect(tmp_path / "a")) as connection:
        connection.execute(DAMAGE[how])
        connection.commit()
    good = a_request(id="question/law/torts/9")
    await put(tmp_path / "a", (good, Reply(text="So.")))
    with Ledger.open(tmp_path / "a", readonly=True) as source, Ledger.open(tmp_path / "b") as ledger:
        found = take(source, ledger, ALL)
        assert (found.taken, found.damaged) == (1, 1)
        assert Shelf(ledger).find(good, fingerprint(good)) is not None
        assert ledger.verify() == []


async def test_failures_and_what_is_there_are_left(tmp_path: Path) -> None:
    """A failure is for each project to find out; a second import takes nothing."""
    own, failed = a_request(), a_request(id="question/law/torts/1")
    await put(tmp_path / "a", (own, Reply(text="Because.")))
    with Ledger.open(tmp_path / "a") as ledger:
        await ledger.commit(failed, fingerprint(failed), "It was turned down.")
    await put(tmp_path / "b", (own, Reply(text="Mine.")))
    with Ledger.open(tmp_path / "a", readonly=True) as source, Ledger.open(tmp_path / "b") as ledger:
        for _ in range(2):
            found = take(source, ledger, ALL)
            assert (found.taken, found.there, found.failures) == (0, 1, 1)


async def test_who_is_killed_begins_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lots are whole or not there; the second time takes what is missing, and nothing stands twice."""
    monkeypatch.setattr(sharing, "_LOT", 3)
    requests = [a_request(id=f"question/law/torts/{i}") for i in range(10)]
    await put(tmp_path / "a", *[(request, Reply(text=request.id)) for request in requests])
    with Ledger.open(tmp_path / "a", readonly=True) as source:
        with Ledger.open(tmp_path / "b") as ledger, pytest.raises(KeyboardInterrupt):
            take(_Dying(source, 7), ledger, ALL)  # type: ignore[arg-type]  # as much of a ledger as is read
        with Ledger.open(tmp_path / "b") as ledger:
            assert Shelf(ledger).count() == 6
            found = take(source, ledger, ALL)
            assert (found.taken, found.there, Shelf(ledger).count()) == (4, 6, 10)


class _Dying:
    """A ledger whose reading ends with Ctrl-C."""

    def __init__(self, ledger: Ledger, after: int) -> None:
        self._ledger, self._after = ledger, after

    def sound_entries(self) -> Iterator[object]:
        for i, entry in enumerate(self._ledger.sound_entries()):
            if i == self._after:
                raise KeyboardInterrupt
            yield entry


def test_the_source_is_only_read_also_while_a_run_uses_it(paid: Path) -> None:
    """Its lock may be held, and not a byte of it changes."""
    before = ledger_of(paid).read_bytes()
    with project(TREE, **SETTINGS) as folder, Ledger.open(ledger_of(paid)) as held:
        assert held.count() == taken(paid, folder).taken
    assert ledger_of(paid).read_bytes() == before


def test_what_is_exported_is_what_is_told(paid: Path, tmp_path: Path) -> None:
    """Replies alone, of one part and some stages: no settings and no prompts; it can be read like any ledger."""
    out = tmp_path / "curriculum.glan"
    said = glan("export", out, "--project", paid, "--stage", "curriculum", "--under", "Nature")
    assert said.startswith("Wrote ")
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    with Ledger.open(out, readonly=True) as ledger:
        assert {entry.stage for entry in ledger.entries()} == {"subjects", "syllabi"}
        assert {entry.request_id.split("/")[1] for entry in ledger.entries()} == {"physics", "botany"}
        assert (ledger.runs(), ledger.verify()) == ((), [])
    with pytest.raises(LedgerError, match="exists already"):
        glan("export", out, "--project", paid)
    with project(TREE, **SETTINGS) as folder:
        found = json.loads(glan("import", out, "--json", "--project", folder))
        assert (found["damaged"], found["other_disciplines"], found["run"]) == (0, [], None)


def test_what_is_no_source_is_refused(paid: Path, tmp_path: Path) -> None:
    """The project's own ledger, a folder without one, a text, and a torn file."""
    at = ("--project", paid)
    with pytest.raises(LedgerError, match="is the ledger of this project"):
        glan("import", paid, *at)
    with pytest.raises(LedgerError, match="has no ledger"):
        glan("import", tmp_path, *at)
    (tmp_path / "a.txt").write_text("Law\n" * 1_000, encoding="utf-8")
    torn = tmp_path / "torn"
    torn.write_bytes(ledger_of(paid).read_bytes()[:10_000])
    before = committed(paid)
    for source in (tmp_path / "a.txt", torn):
        with pytest.raises(LedgerError):
            glan("import", source, *at)
    assert committed(paid) == before


def test_how_much_fits_is_told(paid: Path) -> None:
    """With a teacher named, the next run's needs are held against the shelf."""
    with project(TREE, **SETTINGS) as folder:
        said = glan("import", paid, "--project", folder)
        assert "no teacher is named" in said
        plant(folder, TREE)
        said = glan("import", paid, "--project", folder, "--teacher", "vllm/filler@http://127.0.0.1:1/v1")
        assert "The next run needs of what is on the shelf: subjects" in said
        assert "It has everything that it needs: nothing is asked for.\n" in said
        said = glan("import", paid, "--project", folder, "--teacher", "offline")
        assert "The next run needs nothing of what is on the shelf.\n" in said


def test_give_leaves_nothing_where_it_cannot_write(paid: Path, tmp_path: Path) -> None:
    """A folder that is not there: an error, and no half of a file."""
    with Ledger.open(ledger_of(paid), readonly=True) as ledger, pytest.raises(LedgerError, match="cannot be"):
        give(ledger, tmp_path / "no" / "x.glan", ALL)
    assert not [*tmp_path.iterdir()]
    assert Project.open(paid).ledger_path.exists()
