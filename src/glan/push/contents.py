"""The files of a data set as they go up, held while they do.

A run may exchange the data set at any moment. What is pushed is the data set of one manifest: its files are linked into
a folder of their own, where no exchange touches them, and each is what the manifest says before it is sent.
"""

import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from glan.disk import remove, sha256_of
from glan.errors import DatasetError, ProjectError
from glan.manifests import Manifest
from glan.project import Project

CARD: Final = "README.md"
SHARD: Final = re.compile(r"(train|test)/\d{5,}\.parquet")
"""The files of rows, as they are called in a data set and on the hub."""
_FOLDER: Final = "dataset/"
_TRIES: Final = 5
_BETWEEN_TRIES_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """One data set: its manifest, and where its files lie until the block is left."""

    manifest: Manifest
    manifest_text: str
    card: str
    is_card_edited: bool
    """Whether it is another one than the run wrote."""
    shards: Mapping[str, str]
    """SHA-256 of each file of rows by its path, as the manifest has it."""
    folder: Path

    def let_go(self) -> None:
        """Give the second names of the files back."""
        remove(self.folder)

    def check(self, name: str) -> None:
        """See that a file is what the run wrote.

        Raises:
            DatasetError: it is not.

        """
        if sha256_of(self.folder / name) != self.shards[name]:
            raise DatasetError(
                f"{_FOLDER}{name} is not the file that the run wrote: its SHA-256 differs.", hint=_REBUILD
            )


@contextmanager
def contents_of(project: Project) -> Iterator[Contents]:
    """Hold the data set of a project as it is now.

    Raises:
        ProjectError: there is none, or another push goes on.
        DatasetError: its files are not those that the run wrote.

    """
    with _alone(project):
        found = _settled(project)
        try:
            yield found
        finally:
            found.let_go()


def _settled(project: Project) -> Contents:
    """Return a data set of which manifest and files are of one run: while an exchange goes on, they may be of two."""
    for left in range(_TRIES, -1, -1):
        try:
            found = _linked(project)
        except FileNotFoundError as error:
            if not left:
                raise DatasetError(f"{error.filename} is in the manifest and not there.", hint=_REBUILD) from error
        else:
            if not found.is_card_edited or not left:
                return found
        time.sleep(_BETWEEN_TRIES_S)
    raise AssertionError


_REBUILD: Final = "`glan run --rebuild` makes the data set anew from the ledger, without a call."


def _linked(project: Project) -> Contents:
    manifest = project.manifest()
    if manifest is None:
        raise ProjectError(
            f"{project.folder} has no data set yet.", hint=f"Make one: glan run --project {project.folder}"
        )
    files = {name.removeprefix(_FOLDER): sha256 for name, sha256 in manifest.files.items() if name.startswith(_FOLDER)}
    shards = {name: sha256 for name, sha256 in files.items() if SHARD.fullmatch(name)}
    if CARD not in files or not shards:
        raise ProjectError(f"{project.manifest_path} does not name the files of its data set.", hint=_REBUILD)
    remove(project.push_path)
    for name in (CARD, *shards):
        _link(project, name)
    card = (project.push_path / CARD).read_bytes()
    return Contents(
        manifest=manifest,
        manifest_text=msgspec.json.format(msgspec.json.encode(manifest), indent=2).decode() + "\n",
        card=card.decode("utf-8", "replace"),
        is_card_edited=hashlib.sha256(card).hexdigest() != files[CARD],
        shards=shards,
        folder=project.push_path,
    )


def _link(project: Project, name: str) -> None:
    """Give a file a second name, or a copy where the file system has no second names."""
    source, target = project.dataset_path / name, project.push_path / name
    for path in (project.dataset_path, source.parent, source):
        if path.is_symlink():  # it could lead to any file of the user: a project folder may come from a stranger
            raise ProjectError(f"{path} is a link, and is not followed.")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.link(source, target, follow_symlinks=False)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target, follow_symlinks=False)


@contextmanager
def _alone(project: Project) -> Iterator[None]:
    """Keep other pushes of the project out; the file of the lock stays, as that of the ledger does."""
    path = project.push_path.with_suffix(".lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"Another push of {project.folder} goes on."
            raise ProjectError(message, hint="Wait until it ends, or stop it.") from error
        yield
    finally:
        os.close(descriptor)
