"""Curricula as an artefact: what is frozen moves no row, and what a person edits asks for that alone."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from harness import Counting, plant, project, published, rows, run, small

from glan.cli import cli
from glan.errors import GlanError, WouldAskAgainError
from glan.project import Project
from glan.records import Discipline, Reply, Request, Stage, Subject
from glan.teachers.filler import Filler
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Choice

TREE = [{"name": "Arts", "children": ["Music", {"name": "Dance", "weight": 2}]}, "Law"]
PAIRS = 40
MODEL = {"teacher_spec": "openai/filler"}
"""So that commands know the model; nobody is asked there."""


@dataclass
class Drafting:
    """A filler of which each draft names three subjects, two of them new."""

    filler: Filler

    async def reply(self, request: Request) -> Reply:
        reply = await self.filler.reply(request)
        if request.schema != "subjects":
            return reply
        named = json.loads(reply.text)["subjects"]
        first = 2 * (request.sample - 1)
        return Reply(text=json.dumps({"subjects": named[first : first + 3]}))


@contextmanager
def made(tree: object = TREE, **settings: Any) -> Iterator[tuple[Path, Counting]]:  # noqa: ANN401 - settings have many types
    """Give a project that has run, and its teacher."""
    with project(tree, **{"pairs": PAIRS, "plan_questions_per_visit": 1, **MODEL, **settings}) as folder:
        teacher = Counting(Drafting(small(subjects=30, sessions=3)))
        run(folder, teacher)
        yield folder, teacher


def glan(*arguments: object) -> str:
    """Return what a command prints; its error is raised."""
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    if isinstance(result.exception, GlanError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def freeze(folder: Path, *arguments: object) -> str:
    return glan("curriculum", "freeze", *arguments, "--project", folder)


def leaf(folder: Path, name: str) -> Discipline:
    return next(found for found in Project.open(folder).taxonomy.disciplines if found.name == name)


def as_given(subject: Subject, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a subject as it stands in a file, changed."""
    found = {
        "name": subject.name,
        "level": subject.level,
        "draft": subject.draft,
        "subtopics": list(subject.subtopics),
        "frozen": subject.frozen,
        "sessions": [{"name": each.name, "key_concepts": list(each.key_concepts)} for each in subject.sessions],
    }
    return {key: value for key, value in {**found, **changes}.items() if value}


def replant(folder: Path, name: str, subjects: list[dict[str, Any]]) -> None:
    """Give a discipline at the top other subjects; all others are given what they are given."""
    plant(
        folder,
        [
            {
                "name": found.name,
                "weight": str(found.weight),
                **({"subjects": given} if (given := _given(found, name, subjects)) else {}),
            }
            for found in Project.open(folder).taxonomy.disciplines
        ],
    )


def _given(found: Discipline, name: str, subjects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return subjects if found.name == name else [as_given(subject) for subject in found.subjects]


def since(teacher: Counting, before: int) -> list[Request]:
    return teacher.requests[before:]


def texts(folder: Path) -> Mapping[str, Any]:
    return {row["id"]: row["messages"] for row in rows(folder)}


def of_subject(row_id: str) -> str:
    return row_id.rsplit("/", 1)[0]


def without_card(folder: Path) -> dict[str, bytes]:
    """Return the files of rows and rejects; the card counts replies of curricula, which given ones are not."""
    return {name: found for name, found in published(folder).items() if not name.endswith(".md")}


@pytest.mark.long
@pytest.mark.parametrize("near_names", ["keep", "merge"])
def test_a_freeze_moves_no_row_and_asks_nothing(near_names: str) -> None:
    """Over rounds of one, two and four drafts, and also when all is walked again for a smaller and a greater N."""
    with made(curation_near_names=near_names) as (folder, teacher):
        before, asked = without_card(folder), len(teacher.requests)
        assert {id_ for id_ in teacher.ids() if id_.startswith("draft/dance/")} >= {"draft/dance/4"}
        told = freeze(folder)
        assert "stand in taxonomy.yaml." in told
        assert max(subject.draft for subject in leaf(folder, "Dance").subjects) == 4
        assert all(subject.sessions or subject.draft > 1 for subject in leaf(folder, "Dance").subjects)
        run(folder, teacher)
        assert without_card(folder) == before
        assert len(teacher.requests) == asked
        card = (folder / "dataset" / "README.md").read_text(encoding="utf-8")
        subjects = [subject for found in Project.open(folder).taxonomy.disciplines for subject in found.subjects]
        n_syllabi = sum(bool(subject.sessions) for subject in subjects)
        assert (
            f"gives the subjects of 3 of 3 disciplines, and syllabi of {n_syllabi} of these {len(subjects)} subjects; "
            f"{n_syllabi} of those stand as a language model wrote them."
        ) in card
        standing = rows(folder)
        run(folder, teacher, pairs=PAIRS + 10)
        assert rows(folder)[:PAIRS] == standing
        assert not {request.id for request in since(teacher, asked)} & {
            call[0] for call in list(teacher.started)[:asked]
        }
        with pytest.raises(GlanError, match="nothing to write"):
            freeze(folder, "Music")


@pytest.mark.long
def test_a_part_is_frozen() -> None:
    """Of the disciplines under a node; a dry run changes nothing, and what was frozen comes back unpaid without it."""
    with made() as (folder, teacher):
        text, before = (folder / "taxonomy.yaml").read_bytes(), without_card(folder)
        assert "would stand in" in freeze(folder, "Arts", "--dry-run")
        assert (folder / "taxonomy.yaml").read_bytes() == text
        freeze(folder, "Arts")
        assert [bool(found.subjects) for found in Project.open(folder).taxonomy.disciplines] == [True, True, False]
        assert "Law" not in glan("taxonomy", "diff", "--trees-only", "--project", folder)
        asked = len(teacher.requests)
        run(folder, teacher)
        (folder / "taxonomy.yaml").write_bytes(text)
        run(folder, teacher)
        assert without_card(folder) == before
        assert len(teacher.requests) == asked


@pytest.mark.long
def test_a_deleted_subject_asks_only_for_what_takes_its_slots() -> None:
    """Its rows leave, as many come from the others of its discipline, and nobody's request is another."""
    with made() as (folder, teacher):
        freeze(folder)
        run(folder, teacher)
        gone, *stay = leaf(folder, "Music").subjects
        replant(folder, "Music", [as_given(subject) for subject in stay])
        said = json.loads(glan("taxonomy", "diff", "--json", "--project", folder))["run"]
        before, calls = texts(folder), set(teacher.started)
        asked = len(teacher.requests)
        run(folder, teacher)
        after = texts(folder)
        left = {id_ for id_ in before if of_subject(id_).endswith(f"/{gone.key.replace(' ', '%20')}")}
        assert left
        assert set(said["leaving"]) == left == before.keys() - after.keys()
        assert {id_: after[id_] for id_ in after if id_ in before} == {
            id_: found for id_, found in before.items() if id_ not in left
        }
        new = since(teacher, asked)
        assert {request.id.split("/")[1] for request in new} == {"music"}
        assert not {call for call in calls if call[0] in {request.id for request in new}}
        by_stage = {stage: sum(request.stage is stage for request in new) for stage in Stage}
        assert by_stage[Stage.QUESTIONS] == by_stage[Stage.ANSWERS] == len(left)
        for stage, span in said["requests"].items():
            assert span["least"] <= by_stage[Stage(stage)] <= span["most"]


@pytest.mark.long
def test_an_edited_subject_is_asked_anew_and_no_other() -> None:
    """The run stops first, names the subject and counts the replies; the questions then see what the file says."""
    with made() as (folder, teacher):
        freeze(folder)
        run(folder, teacher)
        first, *others = leaf(folder, "Music").subjects
        renamed = [{"name": "Counterpoint & canon", "key_concepts": ["Stretto", "Inversion"]}]
        edited = as_given(first, sessions=[*as_given(first)["sessions"][:-1], *renamed])
        replant(folder, "Music", [edited, *map(as_given, others)])
        before, asked = texts(folder), len(teacher.requests)
        n_rows = sum(of_subject(id_).endswith(first.key.replace(" ", "%20")) for id_ in before)
        told = json.loads(glan("taxonomy", "diff", "--json", "--project", folder))
        assert told["asks_anew"] == ["/Music"]
        assert told["run"]["changed"] == [f"discipline music ({first.key})"]
        assert told["run"]["requests_with_reask"]["questions"]["most"] == n_rows
        with pytest.raises(WouldAskAgainError, match=f"ask again for {2 * n_rows} replies .* \\({first.key}\\)"):
            run(folder, teacher)
        assert len(teacher.requests) == asked
        run(folder, teacher, choice=Choice.REASK)
        new = since(teacher, asked)
        place = f"music/{first.key.replace(' ', '%20')}/"
        assert {request.id.partition("/")[2][: len(place)] for request in new} == {place}
        assert {request.stage for request in new} == {Stage.QUESTIONS, Stage.ANSWERS}
        seen = next(request.messages[-1].content for request in new if request.stage is Stage.QUESTIONS)
        assert f"# {first.name} ({first.level})\n\n- {first.subtopics[0]}" in seen
        assert "## 3. Counterpoint & canon\n\n- Stretto\n- Inversion\n</syllabus>" in seen
        after = texts(folder)
        assert after.keys() == before.keys()
        assert all(after[id_] == before[id_] for id_ in before if place not in id_)
        assert "edited" in glan("curriculum", "show", "Music", "--project", folder)


OWN: dict[str, Any] = {
    "name": "Music",
    "subjects": [
        {"name": "Harmony", "level": "advanced", "subtopics": ["Cadences"]},
        {"name": "Rhythm", "sessions": [{"name": "Metre", "key_concepts": ["Bar", "Bars"]}, "Syncopation"]},
        {"name": "Form", "syllabus": "Week 1: the sonata.\nWeek 2: the fugue."},
    ],
}


@pytest.mark.long
def test_what_a_school_gives_is_used_and_what_is_missing_is_asked_for() -> None:
    """A subject alone gets a syllabus, a text gets class sessions; what has both is asked for nothing, nor merged."""
    with made([OWN], pairs=24, curation_near_names="merge") as (folder, teacher):
        drawn = {concept for row in rows(folder) if row["subject"] == "Rhythm" for concept in row["key_concepts"]}
        assert drawn == {"Bar", "Bars", "Syncopation"}
        card = (folder / "dataset" / "README.md").read_text(encoding="utf-8")
        assert "gives the subjects of 1 of 1 discipline, and syllabi of 2 of these 3 subjects.\n" in card
        places = {request.id for request in teacher.requests if request.stage in (Stage.SUBJECTS, Stage.SYLLABI)}
        assert places == {"syllabus/music/harmony", "sessions/music/harmony", "sessions/music/form"}
        listing = next(request for request in teacher.requests if request.id == "sessions/music/form")
        assert listing.messages[-2].content == OWN["subjects"][2]["syllabus"]
        seen = {
            request.id.split("/")[2]: request.messages[-1].content
            for request in teacher.requests
            if request.stage is Stage.QUESTIONS
        }
        assert "<syllabus>\nWeek 1: the sonata.\nWeek 2: the fugue.\n</syllabus>" in seen["form"]
        assert "## 1. Metre\n\n- Bar\n- Bars\n\n## 2. Syncopation\n\n- Syncopation\n</syllabus>" in seen["rhythm"]


@pytest.mark.long
def test_what_was_missing_can_be_frozen_too() -> None:
    """The syllabi of given subjects are put behind what is there, and no row moves."""
    with made([OWN], pairs=24) as (folder, teacher):
        before, asked = without_card(folder), len(teacher.requests)
        freeze(folder)
        harmony, rhythm, form = leaf(folder, "Music").subjects
        assert len(harmony.sessions) == len(form.sessions) == 3
        assert (bool(harmony.frozen), bool(rhythm.frozen), bool(form.frozen)) == (True, False, False)
        run(folder, teacher)
        assert without_card(folder) == before
        assert len(teacher.requests) == asked
        told = glan("curriculum", "show", "--project", folder)
        assert "Harmony (advanced): 3 class sessions, 15 key concepts, frozen" in told
        assert "Rhythm (introductory): 2 class sessions, 3 key concepts, given" in told


@pytest.mark.long
def test_a_text_that_the_ledger_has_not_is_told() -> None:
    """In a new project with the same file, questions see the class sessions, and the run says so."""
    with made(pairs=24) as (folder, _):
        freeze(folder, "Law")
        subject = leaf(folder, "Law").subjects[0]
        with project([{"name": "Law", "subjects": [as_given(subject)]}], pairs=4) as other:
            teacher = Counting(small())
            result = run(other, teacher)
            assert any(f"1 frozen subject ({subject.name})" in notice for notice in result.notices)
            assert {request.stage for request in teacher.requests} == {Stage.QUESTIONS, Stage.ANSWERS}
            assert f"## 1. {subject.sessions[0].name}" in teacher.requests[0].messages[-1].content
            assert "without its text" in glan("curriculum", "show", "--project", other)


@pytest.mark.long
def test_replies_to_another_prompt_are_frozen_as_they_stand() -> None:
    """Those of curricula stand from then on; where a run kept others too, the next one asks again whether they do."""
    with made(pairs=12) as (folder, teacher):
        before, asked = without_card(folder), len(teacher.requests)
        for name in ("draft_syllabus", "answer_question"):
            path = folder / "prompts" / f"{name}.md.j2"
            path.write_text(f"Be brief.\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
        assert "of the replies answered another prompt" in freeze(folder, "--dry-run")
        run(folder, teacher, choice=Choice.KEEP)
        assert "The last run kept replies" in freeze(folder)
        with pytest.raises(WouldAskAgainError, match=f"again for {len(rows(folder))} replies"):
            run(folder, teacher)
        run(folder, teacher, choice=Choice.KEEP)
        assert without_card(folder) == before
        assert len(teacher.requests) == asked


class Unseen(Drafting):
    """Names a class session, and of one discipline a subject, with a character that nobody sees."""

    async def reply(self, request: Request) -> Reply:
        reply = await super().reply(request)
        hidden = {"sessions": "session_name", "subjects": "subject_name"}.get(request.schema or "")
        if hidden is None or (hidden == "subject_name" and "/music/" not in request.id):
            return reply
        found = json.loads(reply.text)
        first = found[request.schema or ""][0]
        first[hidden] = f"A{chr(0x200B)}b {first[hidden]}"
        return Reply(text=json.dumps(found))


@pytest.mark.long
def test_names_that_no_file_can_hold_stay_in_the_ledger() -> None:
    """A syllabus with such a name is left out, and so is a discipline with such a subject; no row moves."""
    with project(TREE, pairs=24, plan_questions_per_visit=1) as folder:
        teacher = Counting(Unseen(small(subjects=30, sessions=3)))
        run(folder, teacher)
        before, asked = without_card(folder), len(teacher.requests)
        told = freeze(folder)
        assert "'Music' cannot be frozen: the name" in told
        assert "syllabi stay in the ledger, since a name in them has characters that nobody can see" in told
        assert not leaf(folder, "Music").subjects
        assert not any(subject.sessions for subject in leaf(folder, "Law").subjects)
        run(folder, teacher)
        assert without_card(folder) == before
        assert len(teacher.requests) == asked


@pytest.mark.long
def test_curricula_are_shown_and_exported(tmp_path: Path) -> None:
    """As lines, JSON and Markdown, and as a taxonomy that makes a project; one subject with the text it is asked by."""
    with made() as (folder, _):
        at = ("--project", folder)
        shown = glan("curriculum", "show", *at)
        assert shown.startswith("Music: 5 subjects of 2 drafts\n  ")
        assert "not asked for yet" in shown
        told = json.loads(glan("curriculum", "show", "Law", "--json", *at))
        subject = told[0]["subjects"][0]
        assert f"    1. {subject['sessions'][0]['name']}: " in glan("curriculum", "show", "Law", *at)
        one = json.loads(glan("curriculum", "show", "--subject", subject["name"].upper(), "--json", *at))
        with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
            texts_ = [entry.reply.text for entry in ledger.entries(prefix="syllabus/law/") if entry.reply is not None]
        assert one[0]["subjects"][0]["text"] in texts_
        assert one[0]["subjects"][0]["text"] in glan("curriculum", "show", "--subject", subject["name"], *at)
        for name in ("all.md", "all.json", "own.yaml"):
            assert "Wrote " in glan("curriculum", "export", tmp_path / name, "Law", *at)
        assert json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))[0]["discipline"] == "Law"
        assert f"\n## {subject['name']} (introductory)\n" in (tmp_path / "all.md").read_text(encoding="utf-8")
        own = Project.create(tmp_path / "own", taxonomy=str(tmp_path / "own.yaml"))
        freeze(folder)
        assert own.taxonomy.disciplines[0].subjects == leaf(folder, "Law").subjects
        with pytest.raises(GlanError, match="exists already"):
            glan("curriculum", "export", tmp_path / "all.md", *at)
        with pytest.raises(GlanError, match="There is no subject 'Xyz' here"):
            glan("curriculum", "show", "--subject", "Xyz", *at)


@pytest.mark.long
def test_a_page_is_edited_and_comes_back(tmp_path: Path) -> None:
    """What was left as it was stays frozen, and the first discipline need not be frozen before; no row moves by it."""
    with made() as (folder, teacher):
        page, at = tmp_path / "page.md", ("--project", folder)
        glan("curriculum", "export", page, "Arts", *at)
        before, asked = without_card(folder), len(teacher.requests)
        with pytest.raises(GlanError, match=r"Give 2 disciplines the subjects of .*Nothing was changed"):
            glan("curriculum", "import", page, *at)
        assert "~ /Arts (2 disciplines): subjects are given" in glan("curriculum", "import", page, "--yes", *at)
        run(folder, teacher)
        assert without_card(folder) == before
        assert len(teacher.requests) == asked
        assert "nothing was changed" in glan("curriculum", "import", page, *at)
        first, second, *_ = leaf(folder, "Music").subjects
        text = page.read_text(encoding="utf-8")
        text = text.replace(f"- {first.sessions[0].key_concepts[0]}\n", "", 1).replace("# Music\n", "# Music\nOurs.\n")
        start = text.index(f"## {second.name}")
        page.write_text(text[:start] + text[text.index("\n## ", start) + 1 :], encoding="utf-8")
        told = glan("curriculum", "import", page, "--yes", *at)
        assert told.startswith("Neither headings nor items, and left out: 1 line, line 2 first.\n")
        assert f"~ /Arts/Music: given subjects: removed {second.name!r}; edited {first.name!r}\n" in told
        changed = leaf(folder, "Music").subjects[0]
        assert changed.sessions[0].key_concepts == first.sessions[0].key_concepts[1:]
        assert (changed.frozen, changed.sessions[1:]) == (first.frozen, first.sessions[1:])


def test_nothing_is_frozen_while_a_run_goes_on() -> None:
    """It may name subjects that the file would lack, and rows would move."""
    with project([OWN]) as folder, Ledger.open(folder / "ledger.sqlite"):
        with pytest.raises(GlanError, match=r"A run of .* goes on"):
            freeze(folder)
        assert "Harmony" in glan("curriculum", "show", "--project", folder)


def test_before_the_first_run_there_is_what_the_file_gives() -> None:
    """No ledger is needed to show it, and there is nothing to freeze."""
    with project([OWN, "Law"]) as folder:
        told = glan("curriculum", "show", "--project", folder)
        assert "Harmony (advanced): not asked for yet" in told
        counts = "3 subjects, 1 with their syllabus (2 class sessions, 3 key concepts)"
        assert told.endswith(f"{counts}. Without subjects yet: 1 discipline.\n")
        with pytest.raises(GlanError, match="nothing to write"):
            freeze(folder)


def test_what_one_tree_gives_and_another_not_is_told(tmp_path: Path) -> None:
    """Subjects that were removed, are new or were edited, by name."""
    jazz = {"name": "Jazz", "level": "advanced"}
    for name, subjects in (("a", ["Opera", "Jazz", "Rock"]), ("b", ["Opera", jazz, "Pop"])):
        text = json.dumps({"taxonomy": [{"name": "Music", "subjects": subjects}]})
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    told = glan("taxonomy", "diff", tmp_path / "a.yaml", tmp_path / "b.yaml", "--trees-only")
    assert told == "~ /Music: given subjects: removed 'Rock'; new 'Pop'; edited 'Jazz'\n"
