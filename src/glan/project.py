"""A project on disk: where each file is, how it is opened, and how a finished data set takes the place of the old one.

It knows no teachers and asks nobody; what is in a data set is not its business.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import msgspec

from glan.benchmarks.store import Benchmarks
from glan.config import Config, read_config, read_recipe
from glan.config_text import render_config
from glan.disk import remove, replace, sync
from glan.environment import Environment
from glan.errors import GlanError, LedgerError, ProjectError
from glan.manifests import Manifest
from glan.prompts import OF_EXAMS, OF_TREES, Prompts
from glan.reviews import NAME as REVIEWS
from glan.reviews import Reviews
from glan.taxonomy.edit import select
from glan.taxonomy.outlines import is_outline, read_outline
from glan.taxonomy.tree import Taxonomy, read_text, shipped_names, shipped_text
from glan.taxonomy.writing import document
from glan.teachers.ledger_file import Lock, is_on_network

PUBLISHED = ("dataset", "rejects", "manifest.json")
"""What a run exchanges, in this order: the manifest comes last."""
LEDGER, RULES = "ledger.sqlite", "rules.py"
_IGNORED = ".env\n.batches/\n.next/\n.next-test/\n.old/\n.old-test/\n.push/\n*.lock\nledger.sqlite-*\nstatus.json\n"


@dataclass(frozen=True)
class Project:
    """A project folder."""

    folder: Path
    ledger: Path | None = None
    """Where the ledger is, if not in the folder."""

    @classmethod
    def create(
        cls,
        folder: Path | str,
        *,
        taxonomy: str | None = None,
        disciplines: Sequence[str] = (),
        pairs: int | None = None,
        recipe: str = "default",
    ) -> Self:
        """Write a new project: glan.toml, taxonomy.yaml, prompts/.

        The taxonomy is `builtin`, `paper` or a file; without one it is the recipe's.

        Raises:
            ProjectError: the folder holds a project or one of its files already.
            TaxonomyError: the taxonomy cannot be read, or has no discipline of a given name.

        """
        project = cls(Path(folder))
        begun = read_recipe(recipe)
        name = begun.taxonomy if taxonomy is None else taxonomy
        text = taxonomy_text(name)
        if disciplines:
            text = select(text, list(disciplines))
        Taxonomy.parse(text, name)
        config = begun.config
        if pairs is not None:
            config = msgspec.convert({**msgspec.to_builtins(config), "pairs": pairs}, Config)
        project._refuse_existing()
        project._write({"taxonomy.yaml": text, ".gitignore": _IGNORED, "glan.toml": render_config(config)})
        return project

    @classmethod
    def open(cls, folder: Path | str, ledger: Path | None = None) -> Self:
        """Open a project, and finish an exchange of data sets that was interrupted.

        Raises:
            ProjectError: there is no project.

        """
        project = cls(Path(folder), ledger)
        if not project.config_path.is_file():
            raise ProjectError(
                f"{project.folder} is not a project: it has no glan.toml.",
                hint=f"Make one with `glan init {project.folder}`, or name another with --project DIR.",
            )
        if (project.next_path / "ready").exists():
            # Who goes on running heals by itself; who may not write finds the old or no data set, and harms nothing.
            with suppress(LedgerError), project.held():
                project.heal()
        return project

    @property
    def config_path(self) -> Path:
        return self.folder / "glan.toml"

    @property
    def taxonomy_path(self) -> Path:
        return self.folder / "taxonomy.yaml"

    @property
    def prompts_path(self) -> Path:
        return self.folder / "prompts"

    @property
    def ledger_path(self) -> Path:
        return self.ledger or self.folder / LEDGER

    @property
    def dataset_path(self) -> Path:
        return self.folder / "dataset"

    @property
    def train_path(self) -> Path:
        return self.dataset_path / "train"

    @property
    def rejects_path(self) -> Path:
        return self.folder / "rejects"

    @property
    def manifest_path(self) -> Path:
        return self.folder / "manifest.json"

    @property
    def status_path(self) -> Path:
        return self.folder / "status.json"

    @property
    def log_path(self) -> Path:
        return self.folder / "run.log"

    @property
    def batches_path(self) -> Path:
        """Files on their way to a provider of batches and back."""
        return self.folder / ".batches"

    @property
    def next_path(self) -> Path:
        """Where a run builds the data set that takes the old one's place."""
        return self.folder / ".next"

    @property
    def push_path(self) -> Path:
        """The files of a data set that is being put on the hub, whatever takes its place meanwhile."""
        return self.folder / ".push"

    @cached_property
    def config(self) -> Config:
        return read_config(self.config_path)

    @cached_property
    def taxonomy(self) -> Taxonomy:
        return Taxonomy.read(self.taxonomy_path)

    @cached_property
    def prompts(self) -> Prompts:
        return Prompts.read(self.prompts_path)

    @cached_property
    def benchmarks(self) -> Benchmarks:
        return Benchmarks.read(self.folder / "benchmarks")

    @cached_property
    def reviews(self) -> Reviews:
        return Reviews.read(self.folder / REVIEWS)

    @cached_property
    def environment(self) -> Environment:
        return Environment(self.folder)

    def inputs(self) -> Mapping[str, str]:
        """Return the texts that a run stores: glan.toml, taxonomy.yaml and the prompts of pairs, by their names."""
        texts = {path.name: path.read_text(encoding="utf-8") for path in (self.config_path, self.taxonomy_path)}
        others = {*OF_TREES, *OF_EXAMS}
        prompts = {name: text for name, text in self.prompts.sources.items() if name not in others}
        return {**texts, **{f"prompts/{name}.md.j2": text for name, text in prompts.items()}}

    @cached_property
    def rules(self) -> str | None:
        """The text of the project's own rules, which is only read; None where there are none."""
        path = self.folder / RULES
        try:
            return path.read_text(encoding="utf-8") if path.exists() else None
        except (OSError, UnicodeDecodeError) as error:
            raise ProjectError(f"{path} cannot be read: {error}.") from error

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each input, the benchmarks and what people decided among them."""
        inputs = {**self.inputs(), **({RULES: self.rules} if self.rules is not None else {})}
        texts = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in inputs.items()}
        return {**texts, **self.benchmarks.hashes(), **self.reviews.hashes()}

    def manifest(self) -> Manifest | None:
        """Return what the data set that stands says of itself; None where there is none.

        Raises:
            ProjectError: the manifest cannot be read.

        """
        try:
            return msgspec.json.decode(self.manifest_path.read_bytes(), type=Manifest)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise ProjectError(
                f"{self.manifest_path} cannot be read: {error}.",
                hint="Move it away and run again: everything in it is derived from the ledger.",
            ) from error

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other run out of the folder; one with the project's own ledger is kept out by that.

        A folder on a network file system, where a lock may mean nothing, is held by nobody.

        Raises:
            LedgerError: another run goes on.

        """
        own = self.folder / LEDGER
        if os.path.realpath(self.ledger_path) == os.path.realpath(own) or is_on_network(own):
            yield
            return
        lock = Lock(own)
        try:
            yield
        finally:
            lock.release()

    def begin(self) -> Path:
        """Return an empty folder for the next data set; for the one who holds the ledger."""
        self.heal()
        shutil.rmtree(self.next_path, ignore_errors=True)
        self.next_path.mkdir()
        return self.next_path

    def exchange(self) -> None:
        """Let what stands in `.next/` take the place of the old data set.

        From the moment that `.next/ready` is on disk the exchange happens, now or with the next command.
        """
        ready = self.next_path / "ready"
        ready.touch()
        sync(self.next_path)
        self.heal()

    def heal(self) -> None:
        """Finish an exchange that was interrupted; for the one who holds the ledger."""
        if not (self.next_path / "ready").exists():
            return
        old = self.folder / ".old"
        for name in PUBLISHED:
            if (self.next_path / name).exists():
                old.mkdir(exist_ok=True)
                if (self.folder / name).exists():
                    remove(old / name)
                    (self.folder / name).rename(old / name)
                (self.next_path / name).rename(self.folder / name)
        sync(self.folder)
        shutil.rmtree(self.next_path)
        shutil.rmtree(old, ignore_errors=True)

    def write_taxonomy(self, text: str) -> None:
        """Replace taxonomy.yaml in one step; its content must have been read before."""
        replace(self.taxonomy_path, text.encode())

    def write_status(self, status: Mapping[str, object]) -> None:
        """Replace status.json in one step, if that is possible: whoever cannot do without the disk says so."""
        with suppress(ProjectError):
            replace(self.status_path, msgspec.json.encode(status))

    def status(self) -> dict[str, object] | None:
        """Return what the last run said of itself, None where there was none."""
        try:
            found: dict[str, object] = msgspec.json.decode(self.status_path.read_bytes(), type=dict[str, object])
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return found

    def _refuse_existing(self) -> None:
        for path in (self.config_path, self.taxonomy_path, self.prompts_path):
            if path.exists():
                raise ProjectError(
                    f"{path} exists already; nothing was changed.",
                    hint="Choose another folder, or remove it first.",
                )
        if self.folder.exists() and not self.folder.is_dir():
            raise ProjectError(f"{self.folder} is not a folder.")

    def _write(self, texts: Mapping[str, str]) -> None:
        """Write the files of a new project, glan.toml last: its existence means that the others are there."""
        written: list[Path] = []
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            written.append(self.prompts_path)
            Prompts.shipped().write(self.prompts_path)
            for name, text in texts.items():
                path = self.folder / name
                if path.exists():  # a .gitignore of the user's own: with it keys would not be kept out of git
                    _complete_lines(path, text)
                else:
                    written.append(path)
                    path.write_text(text, encoding="utf-8")
        except (OSError, GlanError) as error:
            for path in written:
                remove(path)
            raise ProjectError(f"{self.folder} cannot be written: {error}.") from error


def taxonomy_text(name: str) -> str:
    """Return the text of a shipped taxonomy, of a file, or of a file that is an outline: Markdown, text, CSV.

    Raises:
        ProjectError: there is no such file.
        TaxonomyError: the file cannot be read.

    """
    if name in shipped_names():
        return shipped_text(name)
    path = Path(name)
    if not path.exists():
        raise ProjectError(
            f"There is no taxonomy and no file {name!r}.",
            hint="Give `builtin`, `paper` or the path of a YAML file or an outline.",
        )
    text = read_text(path)
    return document(read_outline(text, name).nodes) if is_outline(name) else text


def _complete_lines(path: Path, text: str) -> None:
    """Add to a file the lines of a text that it lacks."""
    there = path.read_text(encoding="utf-8", errors="surrogateescape")
    missing = [line for line in text.splitlines() if line not in there.splitlines()]
    if missing:
        gap = "" if not there or there.endswith("\n") else "\n"
        path.write_text(
            there + gap + "".join(f"{line}\n" for line in missing), encoding="utf-8", errors="surrogateescape"
        )
