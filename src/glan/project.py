"""A project on disk: where each file is, how it is opened, and how a finished data set takes the place of the old one.

It knows no teachers and asks nobody; what is in a data set is not its business.
"""

import dataclasses
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import msgspec

from glan.benchmarks.store import Benchmarks
from glan.config import Config, read_config, read_recipe
from glan.config_text import render_config
from glan.disk import complete_lines, read_json, remove, replace, sync
from glan.environment import Environment
from glan.errors import GlanError, LedgerError, ProjectError, file_error
from glan.manifests import Manifest
from glan.places import folder_of
from glan.plan import slots_by_leaf
from glan.prompts import OF_NO_PAIR, Prompts
from glan.reviews import NAME as REVIEWS
from glan.reviews import Reviews
from glan.taxonomy.edit import select
from glan.taxonomy.sources import taxonomy_text
from glan.taxonomy.tree import Taxonomy, path_of
from glan.teachers.ledger_file import Lock, is_on_network

MANIFEST, STATUS = "manifest.json", "status.json"
PUBLISHED = ("dataset", "rejects", MANIFEST)
"""What a run exchanges, in this order: the manifest comes last."""
LEDGER, RULES, TRIALS = "ledger.sqlite", "rules.py", "trials"
_IGNORED = (
    ".env\n.batches/\n.next/\n.next-test/\n.old/\n.old-test/\n.push/\n.sending-*/\n"
    "*.lock\nledger.sqlite-*\nstatus.json\n"
)


@dataclass(frozen=True)
class Project:
    """A project folder."""

    folder: Path
    ledger: Path | None = None
    """Where the ledger is, if not in the folder."""
    only: str | None = None
    """Path of the node of a trial: its disciplines are all that there is, and it has a data set of its own."""

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

        The taxonomy is `builtin`, `paper`, `example` or a file; without one it is the recipe's, and so are its
        disciplines.

        Raises:
            ProjectError: the folder holds a project or one of its files already.
            TaxonomyError: the taxonomy cannot be read, or has no discipline of a given name.

        """
        project = cls(Path(folder))
        begun = read_recipe(recipe)
        name = begun.taxonomy if taxonomy is None else taxonomy
        text = taxonomy_text(name)
        if kept := disciplines or (begun.disciplines if taxonomy is None else ()):
            text = select(text, list(kept))
        Taxonomy.parse(text, name)
        config = begun.config
        if pairs is not None:
            config = msgspec.convert({**msgspec.to_builtins(config), "pairs": pairs}, Config)
        project._refuse_existing(begun.files)
        project._write(
            {**begun.files, "taxonomy.yaml": text, ".gitignore": _IGNORED, "glan.toml": render_config(config)}
        )
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
        return project.healed()

    def trial(self, node: str) -> Self:
        """Return the same project over the disciplines below a node alone, with a data set of its own in `trials/`.

        Raises:
            TaxonomyError: there is no such node, or there are several.
            ProjectError: its folder is a link.

        """
        trial = dataclasses.replace(self, only=path_of(self.tree.found(node)))
        for folder in (trial.made_path.parent, trial.made_path):
            if folder.is_symlink():  # a project may come from a stranger
                raise ProjectError(f"{folder} is a link, and no link is followed.", hint="Make it a folder.")
        return trial.healed()

    def trials(self) -> Sequence[Path]:
        """Return the folders of all trials, by name."""
        folder = self.folder / TRIALS
        return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else ()

    def healed(self) -> Self:
        """Return the same, with an exchange of data sets finished that was interrupted."""
        if (self.next_path / "ready").exists():
            # Who goes on running heals by itself; who may not write finds the old or no data set, and harms nothing.
            with suppress(LedgerError), self.held():
                self.heal()
        return self

    @cached_property
    def made_path(self) -> Path:
        """The folder of what is made: the project's own, or that of a trial."""
        if self.only is None:
            return self.folder
        return self.folder / TRIALS / folder_of([node.key for node in self.tree.found(self.only)])

    @property
    def name(self) -> str:
        """What people call the data set."""
        name = self.config.dataset.name or self.folder.resolve().name
        return name if self.only is None else f"{name}: {self.tree.named(self.only).title}"

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
        return self.made_path / "dataset"

    @property
    def train_path(self) -> Path:
        return self.dataset_path / "train"

    @property
    def rejects_path(self) -> Path:
        return self.made_path / "rejects"

    @property
    def manifest_path(self) -> Path:
        return self.made_path / MANIFEST

    @property
    def report_path(self) -> Path:
        return self.manifest_path.with_name("report.html")

    @property
    def status_path(self) -> Path:
        return self.made_path / STATUS

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
        return self.made_path / ".next"

    @property
    def push_path(self) -> Path:
        """The files of a data set that is being put on the hub, whatever takes its place meanwhile."""
        return self.folder / ".push"

    @cached_property
    def config(self) -> Config:
        """The settings; a trial makes about as many pairs as the whole run of `pairs` has of its disciplines."""
        config = read_config(self.config_path)
        if self.only is None:
            return config
        visit = config.plan.questions_per_visit
        shares = slots_by_leaf(self.tree.disciplines, config.pairs, seed=config.seed, questions_per_visit=visit)
        pairs = sum(shares.get(leaf.leaf, 0) for leaf in self.taxonomy.disciplines)
        return msgspec.structs.replace(config, pairs=max(visit, pairs))

    @cached_property
    def tree(self) -> Taxonomy:
        """The whole of taxonomy.yaml."""
        return Taxonomy.read(self.taxonomy_path)

    @cached_property
    def taxonomy(self) -> Taxonomy:
        """What is walked: all of it, or what a trial is about."""
        return self.tree if self.only is None else self.tree.under(self.only)

    @cached_property
    def prompts(self) -> Prompts:
        return Prompts.read(self.prompts_path)

    @cached_property
    def benchmarks(self) -> Benchmarks:
        return Benchmarks.read(self.folder / "benchmarks")

    @cached_property
    def reviews(self) -> Reviews:
        """What people decided about pairs; about those of its own disciplines, for a trial."""
        found = Reviews.read(self.folder / REVIEWS)
        return found if self.only is None else found.of_leaves({leaf.leaf for leaf in self.taxonomy.disciplines})

    @cached_property
    def environment(self) -> Environment:
        return Environment(self.folder)

    def inputs(self) -> Mapping[str, str]:
        """Return the texts that a run stores: glan.toml, taxonomy.yaml and the prompts of pairs, by their names."""
        texts = {path.name: path.read_text(encoding="utf-8") for path in (self.config_path, self.taxonomy_path)}
        prompts = {name: text for name, text in self.prompts.sources.items() if name not in OF_NO_PAIR}
        return {**texts, **{f"prompts/{name}.md.j2": text for name, text in prompts.items()}}

    @cached_property
    def rules(self) -> str | None:
        """The text of the project's own rules, which is only read; None where there are none."""
        path = self.folder / RULES
        try:
            return path.read_text(encoding="utf-8") if path.exists() else None
        except (OSError, UnicodeDecodeError) as error:
            raise file_error(ProjectError, path, "read", error) from error

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
        return manifest_in(self.made_path)

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
        self.next_path.mkdir(parents=True)
        return self.next_path

    def abandon(self) -> None:
        """Leave nothing of a data set that was begun; a trial without any has no folder."""
        shutil.rmtree(self.next_path, ignore_errors=True)
        if self.only is not None:
            with suppress(OSError):  # something else is in it
                self.made_path.rmdir()
                self.made_path.parent.rmdir()

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
        old = self.made_path / ".old"
        for name in PUBLISHED:
            if (self.next_path / name).exists():
                old.mkdir(exist_ok=True)
                if (self.made_path / name).exists():
                    remove(old / name)
                    (self.made_path / name).rename(old / name)
                (self.next_path / name).rename(self.made_path / name)
        sync(self.made_path)
        shutil.rmtree(self.next_path)
        shutil.rmtree(old, ignore_errors=True)

    def write_taxonomy(self, text: str) -> None:
        """Replace taxonomy.yaml in one step; its content must have been read before."""
        replace(self.taxonomy_path, text.encode())

    def write_status(self, status: Mapping[str, object]) -> None:
        """Replace status.json in one step, if that is possible: whoever cannot do without the disk says so."""
        with suppress(ProjectError, OSError):
            self.made_path.mkdir(parents=True, exist_ok=True)
            replace(self.status_path, msgspec.json.encode(status))

    def status(self) -> dict[str, object] | None:
        """Return what the last run said of itself, None where there was none."""
        return status_in(self.made_path)

    def _refuse_existing(self, others: Iterable[str]) -> None:
        for path in (self.config_path, self.taxonomy_path, self.prompts_path, *map(self.folder.joinpath, others)):
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
                    complete_lines(path, text)
                else:
                    written.append(path)
                    path.write_text(text, encoding="utf-8")
        except (OSError, GlanError) as error:
            for path in written:
                remove(path)
            raise file_error(ProjectError, self.folder, "written", error) from error


def manifest_in(folder: Path) -> Manifest | None:
    """Return what the data set in a folder says of itself; None where there is none.

    Raises:
        ProjectError: the manifest cannot be read.

    """
    return read_json(
        folder / MANIFEST, Manifest, hint="Move it away and run again: everything in it is derived from the ledger."
    )


def status_in(folder: Path) -> dict[str, object] | None:
    """Return what the last run in a folder said of itself, None where there was none."""
    try:
        found: dict[str, object] = msgspec.json.decode((folder / STATUS).read_bytes(), type=dict[str, object])
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return found
