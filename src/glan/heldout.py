"""The test set of a project on disk: `test-set/`, written aside and exchanged for the old one in one step.

    test-set/  README.md  manifest.json  test/00000.parquet ...  rejects/00000.parquet ...

Its rows are those of a data set, from draws that training never takes. It stands beside `dataset/`, so that no run of
pairs touches it.
"""

import dataclasses
import hashlib
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

import glan
from glan import claims
from glan.against import Against
from glan.benchmarks.items import Item
from glan.benchmarks.store import Reading, Split, add
from glan.benchmarks.tables import Row
from glan.curate.contamination import Contamination
from glan.curate.duplicates import Duplicates
from glan.curate.words import LONG, extent, words_of
from glan.dataset.card import Card, render_card
from glan.dataset.rows import REJECT_SCHEMA, ROW_SCHEMA, reject_of, row_of
from glan.dataset.shards import ShardWriter, read_rows
from glan.dataset.statistics import Statistics
from glan.disk import read_json, remove, sha256_of, sync
from glan.errors import LedgerError
from glan.languages import told
from glan.outputs import card_of
from glan.project import Project
from glan.records import Decided, Outcome, Stage

NAME = "glan-test"
"""Of the benchmark that a test set is."""
FOLDER = "test-set"
_READY = "ready"
_BATCH = 1_000
_MOST_COMPARED = 10_000
"""Questions of a test set that are held against each other."""


class TestManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What `test-set/manifest.json` says of the test set beside it."""

    __test__ = False
    glan_version: str
    made_at: str
    """Time of the exchange, UTC."""
    per_discipline: int
    complete: bool
    """Whether every discipline has so many."""
    short: dict[str, int]
    """Disciplines that have fewer, each with how many."""
    slots: dict[str, int]
    """pairs, rejects, failures, and their sum `decided`."""
    reasons: list[dict[str, str | int]]
    seed: int
    language: str
    languages: dict[str, float] = {}
    models: dict[str, str]
    """The model asked in each stage."""
    quantities: dict[str, object]
    """Statistics of the rows and rejects."""
    checked: list[str]
    not_checked: list[str]
    benchmarks: list[dict[str, Any]]
    """What it was held against."""
    files: dict[str, str]
    """SHA-256 of every file, by its path in the folder."""
    basis: str
    """Hash of everything that it rests on but the replies."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where the test set of a project is."""

    project: Path

    @property
    def folder(self) -> Path:
        return self.project / FOLDER

    @property
    def next_path(self) -> Path:
        return self.project / ".next-test"

    @property
    def rows_path(self) -> Path:
        return self.folder / "test"

    @property
    def rejects_path(self) -> Path:
        return self.folder / "rejects"

    def manifest(self) -> TestManifest | None:
        """Return what the test set says of itself; None where there is none.

        Raises:
            ProjectError: it cannot be read.

        """
        hint = "Move test-set/ away and make it again: what was paid for is in the ledger."
        return read_json(self.folder / "manifest.json", TestManifest, hint=hint)

    def is_whole(self, manifest: TestManifest) -> bool:
        """Say whether every file is as it was made."""
        try:
            return all(sha256_of(self.folder / name) == digest for name, digest in manifest.files.items())
        except OSError:
            return False

    def begin(self) -> Path:
        """Return an empty folder for the next test set; for the one who holds the ledger."""
        self.heal()
        shutil.rmtree(self.next_path, ignore_errors=True)
        self.next_path.mkdir()
        return self.next_path

    def exchange(self) -> None:
        """Let what stands in `.next-test/` take the place of the old test set."""
        (self.next_path / _READY).touch()
        sync(self.next_path)
        self.heal()

    def heal(self) -> None:
        """Finish an exchange that was interrupted; for the one who holds the ledger."""
        old = self.project / ".old-test"
        if (self.next_path / _READY).exists():
            if self.folder.exists():
                remove(old)
                self.folder.rename(old)
            self.next_path.rename(self.folder)
            sync(self.project)
        (self.folder / _READY).unlink(missing_ok=True)
        remove(old)


def shelf_of(project: Project) -> Shelf:
    """Return where the test set of a project is, with an exchange finished that was interrupted."""
    shelf = Shelf(project.folder)
    if (shelf.next_path / _READY).exists():
        with suppress(LedgerError), project.held():
            shelf.heal()
    return shelf


class HeldOut:
    """A test set while it is being written."""

    def __init__(self, project: Project, shelf: Shelf, models: Mapping[Stage, str]) -> None:
        self.statistics = Statistics(project.taxonomy.disciplines, words=words_of)
        self.rows = 0
        self._project = project
        self._config = project.config
        self._shelf = shelf
        self._models = models
        self._folder = shelf.begin()
        rows = project.config.dataset.shard_rows
        self._test = ShardWriter(self._folder / "test", ROW_SCHEMA, rows)
        self._rejects = ShardWriter(self._folder / "rejects", REJECT_SCHEMA, rows)

    def add(self, slots: Iterable[Decided]) -> None:
        """Write what became of some slots; one that is open leaves nothing."""
        models = {"question_model": self._models[Stage.QUESTIONS], "answer_model": self._models[Stage.ANSWERS]}
        language = self._config.language
        for decided in slots:
            if decided.outcome is Outcome.OPEN:
                continue
            self.statistics.add(decided)
            if decided.outcome is Outcome.PAIR:
                self._test.add(row_of(decided, language=language, **models))
                self.rows += 1
            else:
                self._rejects.add(reject_of(decided, language=language, **models))

    def discard(self) -> None:
        """Leave the old test set as it is."""
        self._test.discard()
        self._rejects.discard()
        shutil.rmtree(self._folder, ignore_errors=True)

    def exchange(self, wanted: "Wanted", against: Against, rules: tuple[int, int] | None) -> TestManifest:
        """Finish the files and exchange them for the old ones."""
        shards, rejects = self._test.close(), self._rejects.close()
        summary = self.statistics.result()
        card = self._card(against, rules)
        rendered = render_card(card).encode()
        (self._folder / "README.md").write_bytes(rendered)
        ended = [("reject", summary.rejected), ("failure", summary.failed)]
        manifest = TestManifest(
            glan_version=glan.__version__,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            per_discipline=wanted.per_discipline,
            complete=not wanted.short,
            short=dict(wanted.short),
            slots={
                "decided": summary.pairs + summary.rejects + summary.failures,
                "pairs": summary.pairs,
                "rejects": summary.rejects,
                "failures": summary.failures,
            },
            reasons=[
                {"outcome": outcome, "stage": each.stage.value, "reason": each.reason, "slots": each.slots}
                for outcome, found in ended
                for each in found
            ],
            seed=self._config.seed,
            language=told(self._config.languages),
            languages=dict(self._config.languages),
            models={stage.value: model for stage, model in self._models.items()},
            quantities=msgspec.to_builtins(summary),
            checked=list(card.checked),
            not_checked=list(card.not_done),
            benchmarks=against.listed(),
            files={
                "README.md": hashlib.sha256(rendered).hexdigest(),
                **{f"test/{shard.name}": shard.sha256 for shard in shards},
                **{f"rejects/{shard.name}": shard.sha256 for shard in rejects},
            },
            basis=wanted.basis,
        )
        path = self._folder / "manifest.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
        self._shelf.exchange()
        return manifest

    def _card(self, against: Against, rules: tuple[int, int] | None) -> Card:
        config, summary = self._config, self.statistics.result()
        is_idle = self._project.rules is not None and rules is None
        looked = claims.looked_at(config, self._models, summary.unread)
        card = card_of(self._project, self._models, summary, against)
        return dataclasses.replace(
            card,
            name=f"{card.name}: test set",
            split="test",
            checked=(*claims.checked(config, against, rules), *looked),
            not_done=claims.not_done(config, against, has_idle_rules=is_idle),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a test set was to be, and what it lacks."""

    per_discipline: int
    short: Mapping[str, int]
    """Titles of disciplines with fewer, each with how many it has."""
    basis: str


def items_of(shelf: Shelf) -> Iterator[Item]:
    """Yield the questions of a test set as items of a benchmark."""
    for row in read_rows(shelf.rows_path, ["id", "messages"]):
        yield Item(benchmark=NAME, id=row["id"], question=_question(row))


def join(project: Project, shelf: Shelf) -> None:
    """Let a test set join the benchmarks of its project, against which every run holds its pairs."""
    rows = (
        Row(shelf.rows_path, number, {"id": item.id.removeprefix("test/"), "question": item.question})
        for number, item in enumerate(items_of(shelf), start=1)
    )
    reading = Reading(fields=("question",), source="The test set of this project, in test-set/.", id="id")
    add(project.folder / "benchmarks", NAME, [Split(name="test", rows=rows)], reading, replace=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What a test set has in common with the training rows, and with itself."""

    rows: int
    """Training rows that were looked at."""
    holding: tuple[str, ...]
    """Those that hold a question of the test set: 13 words of it in a row, or all of a shorter one."""
    near: tuple[str, ...]
    """Those that do not, and whose question is a near copy of one."""
    phrased: float
    """Share of its own questions that have 13 words in a row in common with another of them."""

    @property
    def share(self) -> float:
        """About the share of all pairs that will not be taken once it is a benchmark."""
        return max(self.phrased, len(self.holding) / self.rows if self.rows else 0.0)


def touched(project: Project, shelf: Shelf) -> Touched:
    """Hold the training rows against a test set."""
    items = list(items_of(shelf))
    contamination = Contamination(items)
    duplicates = Duplicates(project.config.curation.near_duplicates)
    n_test = len(duplicates.judge([item.question for item in items]))
    rows, holding, near = 0, list[str](), list[str]()
    training = _training(project)
    while batch := list(islice(training, _BATCH)):
        rows += len(batch)
        questions = [_question(row) for row in batch]
        by_question = contamination.questions(questions)
        by_answer = contamination.answers([_answer(row) for row in batch])
        copies = duplicates.judge(questions)
        for row, *matches, copy in zip(batch, by_question, by_answer, copies, strict=True):
            if any(matches):
                holding.append(row["id"])
            elif copy is not None and copy.of < n_test:
                near.append(row["id"])
    return Touched(rows=rows, holding=tuple(holding), near=tuple(near), phrased=_phrased(items[:_MOST_COMPARED]))


def _training(project: Project) -> Iterator[dict[str, Any]]:
    if project.train_path.is_dir():
        yield from read_rows(project.train_path, ["id", "messages"])


def _phrased(items: Sequence[Item]) -> float:
    """Return the share of questions that have a run of words in common with another."""
    runs = [_runs_of(item.question) for item in items]
    times = Counter(run for found in runs for run in found)
    return sum(any(times[run] > 1 for run in found) for found in runs) / len(runs) if runs else 0.0


def _runs_of(text: str) -> set[int]:
    """Return the runs of a text that are worth so many words; of a script without spaces they have more characters."""
    words = words_of(text)
    length = round(LONG * len(words) / extent(words)) if words else LONG
    return {hash(tuple(words[i : i + length])) for i in range(len(words) - length + 1)}


def _question(row: Mapping[str, Any]) -> str:
    return _said(row, "user")


def _answer(row: Mapping[str, Any]) -> str:
    return _said(row, "assistant")


def _said(row: Mapping[str, Any], role: str) -> str:
    """Return what somebody says in a row; nothing where nobody of that role speaks."""
    return next((turn["content"] for turn in row["messages"] if turn["role"] == role), "")
