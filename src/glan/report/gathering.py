"""What a report tells, gathered from a project: its manifest, its rows and rejects, its ledger. Nobody is asked."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from glan.dataset.summary import Summary
from glan.errors import DatasetError, GlanError, LedgerError, ReplyError
from glan.manifests import Manifest
from glan.parsing import parse_sessions
from glan.places import quoted
from glan.project import Project
from glan.records import Discipline
from glan.report.counting import Counts, Found, Subject, count, rows_at
from glan.report.tree import Node, tree_of
from glan.teachers.ledger import Ledger, StageTotals
from glan.ways import Way, Ways

N_WAYS: Final = 12
"""Pairs whose way is shown."""


class HeldAgainst(msgspec.Struct, frozen=True):
    """A benchmark of the manifest."""

    name: str
    licence: str | None = None
    matches: int = 0


class Judged(msgspec.Struct, frozen=True):
    """What people made of some pairs, as the manifest counts it."""

    title: str = ""
    judged: int = 0
    kept: int = 0
    dropped: int = 0
    corrected: int = 0
    tied: int = 0
    by_discipline: tuple["Judged", ...] = ()


class Told(msgspec.Struct, frozen=True):
    """What a manifest says in parts that it holds as they come, held to their form."""

    quantities: Summary
    spent: dict[str, StageTotals]
    benchmarks: tuple[HeldAgainst, ...] = ()
    reviews: Judged = Judged()


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that a report tells."""

    name: str
    manifest: Manifest
    told: Told
    counts: Counts
    tree: Node
    examples: Mapping[tuple[str, str, str], Sequence[Mapping[str, Any]]]
    """By outcome, stage and reason some slots that ended so."""
    ways: Sequence[tuple[Mapping[str, Any], Way]]
    """Rows, each with how it came to be, as far as the ledger tells."""
    prompts: Mapping[str, str]
    """The project's prompts, if they are those of the data set."""

    @property
    def summary(self) -> Summary:
        """The statistics of the data set."""
        return self.told.quantities


async def gathered(project: Project) -> Findings:
    """Return what there is to tell of the data set of a project.

    Raises:
        GlanError: there is no data set, or it cannot be read.

    """
    manifest = project.manifest()
    only = "" if project.only is None else f" --only {shlex.quote(project.only)}"
    if manifest is None or not project.train_path.is_dir():
        raise DatasetError(
            f"{project.made_path} has no data set yet, so there is nothing to report.",
            hint=f"Make one: glan run --project {project.folder}{only}",
        )
    told = _told(manifest)
    counts = count(project.train_path, project.rejects_path)
    rows = list(rows_at(_various(counts)))
    sizes, ways = await _from_ledger(project.ledger_path, rows)
    sizes = {**sizes, **_given_sizes(project.taxonomy.disciplines)}
    is_known = sum(sizes.get(key, 0) for key, tally in counts.subjects.items() if tally.drawn)
    return Findings(
        name=project.name,
        manifest=manifest,
        told=told,
        counts=counts,
        tree=tree_of(
            project.taxonomy.disciplines,
            counts.subjects,
            sizes if is_known == told.quantities.coverage.key_concepts else {},
        ),
        examples={why: list(rows_at(found)) for why, found in counts.examples.items()},
        ways=list(zip(rows, ways, strict=True)),
        prompts=_prompts(project, manifest),
    )


def _told(manifest: Manifest) -> Told:
    """Return the parts of a manifest that it holds as they come.

    Raises:
        DatasetError: it has other numbers, since another version wrote it.

    """
    try:
        return msgspec.convert(msgspec.to_builtins(manifest), Told)
    except msgspec.ValidationError as error:
        raise DatasetError(
            f"manifest.json has no statistics as this version writes them: {error}.",
            hint="`glan run --rebuild` makes the data set from the ledger again and asks nobody.",
        ) from error


def _various(counts: Counts) -> list[Found]:
    """Return pairs of different disciplines, from one field after another as long as there are any."""
    by_field: dict[tuple[str, ...], list[Found]] = {}
    paths = {leaf: tally.path[:1] for (leaf, _), tally in counts.subjects.items()}
    for leaf, found in counts.pairs.items():
        by_field.setdefault(paths[leaf], []).append(found)
    chosen: list[Found] = []
    while by_field and len(chosen) < N_WAYS:
        for path in [*by_field]:
            chosen.append(by_field[path].pop())
            if not by_field[path]:
                del by_field[path]
    return chosen[:N_WAYS]


async def _from_ledger(path: Path, rows: Sequence[Mapping[str, Any]]) -> tuple[Mapping[Subject, int], Sequence[Way]]:
    """Return the sizes of the syllabi and the ways of some rows; nothing of them where no ledger can be read."""
    ledger = _opened(path)
    if ledger is None:
        return {}, [Way(steps=())] * len(rows)
    with ledger:
        ways = Ways(ledger)
        return _sizes(ledger), [await ways.of_row(row) for row in rows]


def _opened(path: Path) -> Ledger | None:
    try:
        return Ledger.open(path, readonly=True) if path.exists() else None
    except LedgerError:  # a data set that was handed on without one, or with one of a later version
        return None


def _sizes(ledger: Ledger) -> Mapping[Subject, int]:
    """Return how many key concepts each syllabus has that the ledger holds, by its listing committed last."""
    found: dict[Subject, int] = {}
    for entry in ledger.entries(prefix="sessions/"):
        if entry.reply is None:
            continue
        _, leaf, subject = entry.request_id.split("/")
        with suppress(ReplyError):
            found[leaf, subject] = sum(len(each.key_concepts) for each in parse_sessions(entry.reply.text))
    return found


def _given_sizes(disciplines: Iterable[Discipline]) -> Mapping[Subject, int]:
    """Return the same of the subjects whose class sessions the taxonomy gives."""
    return {
        (discipline.leaf, quoted(subject.key)): sum(len(each.key_concepts) for each in subject.sessions)
        for discipline in disciplines
        for subject in discipline.subjects
        if subject.sessions
    }


def _prompts(project: Project, manifest: Manifest) -> Mapping[str, str]:
    try:
        sources, hashes = project.prompts.sources, project.hashes()
    except GlanError:
        return {}
    return {
        name: text
        for name, text in sources.items()
        if (path := f"prompts/{name}.md.j2") in hashes and hashes[path] == manifest.hashes.get(path)
    }
