"""Commands on curricula, the subjects and syllabi of disciplines: show, export, freeze, import. They ask nobody."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import msgspec

from glan.cli.curriculum_pages import as_dict, counts_of, lines_of, markdown_of, subject_lines, subjects_named
from glan.cli.running import named_for
from glan.cli.screen import json_option, ledger_option, project_option, say, say_json, yes_option
from glan.cli.tree_changes import Changed
from glan.curricula import Curriculum, Reading
from glan.disk import write_new
from glan.errors import ProjectError, TaxonomyError
from glan.project import Project
from glan.records import Discipline, Subject
from glan.taxonomy.courses import read_courses
from glan.taxonomy.edit import select
from glan.taxonomy.freezing import freeze, with_subjects, writable
from glan.taxonomy.pieces import SOURCE
from glan.taxonomy.tree import read_text
from glan.teachers.ledger import Ledger
from glan.teachers.ledger_file import is_held
from glan.teachers.panel import models_of
from glan.wording import counted, few

_MOST_NAMED = 5
_MOST_LINES = 20


@click.group("curriculum")
def curriculum_command() -> None:
    """Show the subjects and syllabi of disciplines, and put them into taxonomy.yaml to edit them."""


@curriculum_command.command("show")
@click.argument("node", required=False)
@project_option
@ledger_option
@json_option
@click.option("--sessions", is_flag=True, help="With class sessions and key concepts, also of several disciplines.")
@click.option("--subject", metavar="NAME", help="This subject alone, with the text that its questions see.")
def show_command(
    node: str | None, *, folder: Path, ledger: Path | None, as_json: bool, **shown: bool | str | None
) -> None:
    """Show subjects, class sessions and key concepts: of all disciplines, or of those under NODE."""
    project = Project.open(folder, ledger)
    read = _Read.of(project, _under(project, node))
    if isinstance(shown["subject"], str):
        found = subjects_named(shown["subject"], read.curricula)
        if as_json:
            say_json([as_dict(curriculum, [learned], with_text=True) for curriculum, learned in found])
            return
        for line in (line for curriculum, learned in found for line in subject_lines(curriculum, learned)):
            say(line)
    elif as_json:
        say_json([as_dict(curriculum, curriculum.subjects) for curriculum in read.curricula])
    else:
        with_sessions = bool(shown["sessions"]) or (node is not None and len(read.curricula) == 1)
        for curriculum in read.curricula:
            for line in lines_of(curriculum, with_sessions=with_sessions):
                say(line)
        without = f" Without subjects yet: {counted(read.without, 'discipline')}." if read.without else ""
        say(f"{counts_of(read.curricula)}.{without}")


@curriculum_command.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("node", required=False)
@project_option
@ledger_option
def export_command(file: Path, node: str | None, *, folder: Path, ledger: Path | None) -> None:
    """Write curricula to FILE: as a taxonomy of its own (.yaml), as JSON (.json), or as Markdown (.md).

    Of all disciplines that have subjects, or of those under NODE. Markdown can be edited and imported again.
    """
    if file.suffix not in {".yaml", ".yml", ".json", ".md"}:
        raise click.UsageError(f"{file.name} ends in neither .yaml, .json nor .md.")
    project = Project.open(folder, ledger)
    read = _Read.of(project, _under(project, node))
    if not read.curricula:
        raise _nothing(node)
    if file.suffix == ".json":
        found = [as_dict(curriculum, curriculum.subjects, with_text=True) for curriculum in read.curricula]
        text = f"{msgspec.json.format(msgspec.json.encode(found), indent=2).decode()}\n"
    elif file.suffix == ".md":
        text = markdown_of(read.curricula)
    else:
        frozen = _Frozen.of(read.curricula)
        text = freeze(read_text(project.taxonomy_path), frozen.subjects)
        text = select(text, [curriculum.discipline.name for curriculum in read.curricula])
        frozen.say_left()
    write_new(file, text)
    say(f"Wrote {counts_of(read.curricula)} to {file}.")


@curriculum_command.command("freeze")
@click.argument("node", required=False)
@project_option
@ledger_option
@click.option("--dry-run", is_flag=True, help="Say what would be written, and change nothing.")
def freeze_command(node: str | None, *, folder: Path, ledger: Path | None, dry_run: bool) -> None:
    """Write generated subjects and syllabi into taxonomy.yaml as given ones.

    Of all disciplines that have subjects, or of those under NODE. No row moves by it, and nothing is asked anew; what
    you then edit is used as you leave it.
    """
    project = Project.open(folder, ledger)
    _refuse_while_running(project)
    read = _Read.of(project, _under(project, node))
    frozen = _Frozen.of(read.curricula)
    before = read_text(project.taxonomy_path)
    text = freeze(before, frozen.subjects)
    frozen.say_left()
    if text == before:
        raise _nothing(node)
    if not dry_run:
        project.write_taxonomy(text)
    _say_frozen(read, frozen, most_drafts=project.config.plan.drafts, is_done=not dry_run)


@curriculum_command.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@project_option
@ledger_option
@yes_option
def import_command(file: Path, *, folder: Path, ledger: Path | None, yes: bool) -> None:
    """Give disciplines the subjects, class sessions and key concepts of FILE: Markdown as `export` writes it.

    A discipline that FILE names gets those and no others, and what is as it was stays frozen. It shows what differs,
    and asks.
    """
    project = Project.open(folder, ledger)
    _refuse_while_running(project)
    courses = read_courses(read_text(file, hint="`glan curriculum export` writes such a file."), str(file))
    if courses.skipped:
        n_skipped = counted(len(courses.skipped), "line")
        say(f"Neither headings nor items, and left out: {n_skipped}, line {courses.skipped[0]} first.")
    leaves = [project.taxonomy.leaf(name) for name in courses.disciplines]
    read = _Read.of(project, leaves)
    there = _Frozen.of(read.curricula).subjects
    given: dict[str, tuple[Subject, ...]] = {}
    for leaf, found in zip(leaves, courses.disciplines.values(), strict=True):
        if leaf.key in given:
            raise ProjectError(f"{file} has the discipline {leaf.name!r} under two names; nothing was changed.")
        before = {subject.key: subject for subject in there.get(leaf.key, ())}
        given[leaf.key] = tuple(course.over(before.get(key)) for key, course in found.items())
    text = with_subjects(freeze(read_text(project.taxonomy_path), {**given, **there}), given)
    changed = Changed.of(project, text)
    if changed.found.is_empty:
        say("Nothing of it is new; nothing was changed.")
        return
    changed.say_difference()
    changed.confirm(f"Give {counted(len(given), 'discipline')} the subjects of {file}?", yes=yes, always=True)
    changed.write()
    _say_drafts(read.curricula, project.config.plan.drafts)
    say(f"They are in {SOURCE}. `glan taxonomy diff` says what the next run will ask for.")


def _under(project: Project, node: str | None) -> Sequence[Discipline]:
    """Return all disciplines, or those under a node."""
    tree = project.taxonomy
    return tree.disciplines if node is None else tree.leaves_under(tree.named(node))


def _refuse_while_running(project: Project) -> None:
    if is_held(project.ledger_path):
        raise ProjectError(
            f"A run of {project.folder} goes on and may still name subjects, so nothing was changed.",
            hint="Try again when it has ended; `glan status` says how far it is.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What was read of some disciplines."""

    curricula: Sequence[Curriculum]
    """Of those that have subjects."""
    without: int
    """How many have none yet."""
    other: int = 0
    """Replies that answer other requests than a run would make now."""
    keeps: bool = False
    """Whether the last run let such replies stand."""

    @classmethod
    def of(cls, project: Project, disciplines: Sequence[Discipline]) -> "_Read":
        """Read what there is of some disciplines."""
        other, keeps = 0, False
        if project.ledger_path.exists():
            models = models_of(project.config, project.environment, named_for(project, None))
            with Ledger.open(project.ledger_path, readonly=True) as ledger:
                reading = Reading(project, ledger, models)
                found = asyncio.run(_all(reading, disciplines))
                other, keeps = len(reading.other), reading.keeps
        else:
            found = [Curriculum.given(discipline) for discipline in disciplines]
        curricula = [curriculum for curriculum in found if curriculum.subjects]
        return cls(curricula=curricula, without=len(found) - len(curricula), other=other, keeps=keeps)


async def _all(reading: Reading, disciplines: Sequence[Discipline]) -> list[Curriculum]:
    return [await reading.curriculum(discipline) for discipline in disciplines]


@dataclass(frozen=True, slots=True)
class _Frozen:
    """What is to be written into the file, and what cannot be."""

    subjects: dict[str, tuple[Subject, ...]] = field(default_factory=dict)
    """By the key of their discipline."""
    left: list[str] = field(default_factory=list)
    """Why disciplines are left out, in words."""
    without_sessions: list[str] = field(default_factory=list)
    """Subjects of which the class sessions are left in the ledger."""

    @classmethod
    def of(cls, curricula: Sequence[Curriculum]) -> "_Frozen":
        found = cls()
        for curriculum in curricula:
            found.add(curriculum.discipline, [learned.subject for learned in curriculum.subjects])
        return found

    def add(self, discipline: Discipline, subjects: Sequence[Subject]) -> None:
        try:
            kept = writable(discipline, subjects)
        except TaxonomyError as error:
            self.left.append(str(error))
            return
        self.subjects[discipline.key] = kept
        pairs = zip(subjects, kept, strict=True)
        self.without_sessions.extend(old.name for old, new in pairs if old.sessions and not new.sessions)

    def say_left(self) -> None:
        """Print what is left out."""
        for reason in self.left[:_MOST_LINES]:
            say(reason)
        if self.without_sessions:
            say(
                f"{len(self.without_sessions):,} syllabi stay in the ledger, since a name in them has characters that "
                f"nobody can see: {few(self.without_sessions, _MOST_NAMED)}."
            )


def _say_frozen(read: _Read, frozen: _Frozen, *, most_drafts: int, is_done: bool) -> None:
    """Print what was written, or would be, and what a person should know of it."""
    curricula = [found for found in read.curricula if found.discipline.key in frozen.subjects]
    for found in curricula[:_MOST_LINES]:
        say(f"{found.discipline.title}: {counts_of([found])}")
    if len(curricula) > _MOST_LINES:
        say(f"and {len(curricula) - _MOST_LINES:,} more disciplines")
    say(f"{counts_of(curricula)} {'stand' if is_done else 'would stand'} in {SOURCE}.")
    _say_drafts(curricula, most_drafts)
    if read.other:
        say(
            f"{read.other:,} of the replies answered another prompt, model or parameter than a run has now; frozen "
            "they stand, as with --keep."
        )
    if read.keeps:
        say("The last run kept replies that answer other requests; the next one asks whether they still stand: --keep.")
    if is_done:
        say("`glan taxonomy diff` says what the next run will ask for.")


def _say_drafts(curricula: Sequence[Curriculum], most: int) -> None:
    """Say of which disciplines a longer run would have named more subjects."""
    open_ = [found for found in curricula if 0 < found.drafts < most]
    if open_:
        least = min(found.drafts for found in open_)
        names = few([found.discipline.title for found in open_], _MOST_NAMED)
        say(
            f"Frozen, a discipline asks for no more subjects; of {names} a longer run would ask for up to {most} "
            f"drafts, and the ledger has {least}. `glan run --until subjects --pairs N` asks for more of them before."
        )


def _nothing(node: str | None) -> ProjectError:
    return ProjectError(
        f"There is nothing to write{'' if node is None else f' of {node}'}: no subject or syllabus that is not in the "
        "file already.",
        hint="`glan run --until syllabi --pairs N` asks for those that N pairs need.",
    )
