"""The story of a push: what goes up, what is said before, and one commit.

    README.md  train/00000.parquet  train/00001.parquet  ...

lie in the repository as they lie in `dataset/`. A file goes up where the hub has another hash for it or none, and a
file of ours that the data set no longer has goes in the same commit. Nothing else of a project ever goes up.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from glan.errors import ConfigError, HubError
from glan.project import Project
from glan.push.account import Account
from glan.push.contents import CARD, SHARD, Contents, contents_of
from glan.push.private import Private, private_to
from glan.push.remarks import Remark, of_access, of_contents, of_rows, of_strangers
from glan.push.repositories import Commit, Hub, Repository, Standing, Upload
from glan.storage.stores import address_of, is_url

MAIN: Final = "main"
MANIFEST: Final = "manifest.json"
_NAME: Final = re.compile(r"(?:\w(?:[\w.-]*\w)?/)?\w(?:[\w.-]*\w)?", re.ASCII)
_MARK: Final = "Data set made with glan"
"""Begins the title of every commit of ours, by which our files are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person asks for."""

    name: str
    """`USER/NAME`, or `NAME` for the owner of the token."""
    public: bool = False
    revision: str = MAIN
    as_pull_request: bool = False
    manifest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What a push would do, and does when it is told to."""

    hub: Hub
    wanted: Wanted
    repository: str
    url: str
    is_new: bool
    is_private: bool
    files: Mapping[str, Path | bytes]
    """What goes up, by its path there."""
    same: int
    """How many files the hub has already."""
    removed: Sequence[str]
    rows: int
    size_bytes: int
    hidden: Mapping[str, int]
    """How often something private was blotted out of the card and the manifest."""
    remarks: Sequence[Remark]
    parent: str | None
    contents: Contents

    @property
    def is_done(self) -> bool:
        """Say whether the hub has all of it already."""
        return not self.files and not self.removed

    def __call__(self, watch: Callable[[int], None]) -> Commit:
        """Upload what is missing and commit it in one step; `watch` is told the bytes that have arrived.

        Raises:
            HubError: it did not come to the commit.

        """
        if self.is_new:
            self.hub.create(self.repository, private=self.is_private)
        upload = Upload(
            title=f"{_MARK}: {self.rows:,} pairs",
            files=self.files,
            removed=self.removed,
            parent=self.parent,
            revision=self.wanted.revision,
            as_pull_request=self.wanted.as_pull_request,
        )
        try:
            return self.hub.commit(self.repository, upload, watch)
        except HubError:
            if (arrived := self._arrived()) is not None:
                return arrived
            raise

    def _arrived(self) -> Commit | None:
        """Return the commit if it is there though the hub's answer was lost on its way; None where it is not."""
        with suppress(HubError):
            there = self.hub.look(self.repository, self.wanted.revision)
            if there is not None and not self.wanted.as_pull_request and self._is_at(there):
                return Commit(id=there.commit, pull_request=None)
        return None

    def _is_at(self, there: Repository) -> bool:
        shards = self.contents.shards
        have = all(_is_same(there.files.get(name), file, shards.get(name)) for name, file in self.files.items())
        return have and not any(name in there.files for name in self.removed)


@contextmanager
def prepared(
    project: Project, hub: Hub, account: Account, wanted: Wanted, watch: Callable[[str], object] = lambda _: None
) -> Iterator[Push]:
    """Hold the data set of a project, and say what a push of it would do; nothing is changed yet.

    `watch` is told the name of each file of rows before it is looked through.

    Raises:
        ProjectError: there is no data set.
        DatasetError: it is not as the run wrote it.
        HubError: the hub is not reached or refuses, or a key stands in a row.

    """
    with contents_of(project) as contents:
        name = _full_name(hub, wanted)
        there = hub.look(name, wanted.revision)
        if there is None and wanted.revision != MAIN:
            raise HubError(f"{name} is not there yet, so it has no branch {wanted.revision!r}; leave --revision out.")
        private = private_to(project, contents.manifest, account.token.reveal())
        small, hidden = _small(contents, private, manifest=wanted.manifest)
        files, removed = _difference(contents, small, there)
        yield Push(
            hub=hub,
            wanted=wanted,
            repository=there.name if there is not None else name,
            url=f"{account.base_url}/datasets/{there.name if there is not None else name}",
            is_new=there is None,
            is_private=there.is_private if there is not None else not wanted.public,
            files=files,
            same=len(small) + len(contents.shards) - len(files),
            removed=removed,
            rows=contents.manifest.slots["pairs"],
            size_bytes=sum(_size(file) for file in files.values()),
            hidden=hidden,
            remarks=[
                *of_access(there, public=wanted.public),
                *of_contents(contents, is_seen=wanted.public or (there is not None and not there.is_private)),
                *_of_strangers(hub, there, files, removed),
                *of_rows(contents, private, [*files], watch),
            ],
            parent=there.commit if there is not None else None,
            contents=contents,
        )


def _full_name(hub: Hub, wanted: Wanted) -> str:
    owner = hub.owner()
    if not owner.can_write:
        raise HubError(
            f"The token of {owner.name} may read and not write.",
            hint="Make one that may write at https://huggingface.co/settings/tokens, and set HF_TOKEN to it.",
        )
    return wanted.name if "/" in wanted.name else f"{owner.name}/{wanted.name}"


def _small(contents: Contents, private: Private, *, manifest: bool) -> tuple[Mapping[str, bytes], Mapping[str, int]]:
    """Return the card, and the manifest if it is to go along, without what is private, and how often that stood."""
    texts = {CARD: contents.card, **({MANIFEST: contents.manifest_text} if manifest else {})}
    hidden: Counter[str] = Counter()
    found: dict[str, bytes] = {}
    for name, text in texts.items():
        clean, times = private.hide(text)
        found[name] = clean.encode()
        hidden += times
    return found, hidden


def _difference(
    contents: Contents, small: Mapping[str, bytes], there: Repository | None
) -> tuple[Mapping[str, Path | bytes], Sequence[str]]:
    """Return what goes up, and what of ours the data set no longer has."""
    standing = there.files if there is not None else {}
    files: dict[str, Path | bytes] = {
        name: data for name, data in small.items() if not _is_same(standing.get(name), data)
    }
    for name, sha256 in contents.shards.items():
        path = contents.folder / name
        if not _is_same(standing.get(name), path, sha256):
            files[name] = path
    old = [name for name in standing if SHARD.fullmatch(name) or name == MANIFEST]
    return files, sorted(name for name in old if name not in contents.shards and name not in small)


def _is_same(there: Standing | None, file: Path | bytes, sha256: str | None = None) -> bool:
    if there is None or there.size != _size(file):
        return False
    if there.sha256 is not None and sha256 is not None:
        return there.sha256 == sha256
    data = file if isinstance(file, bytes) else file.read_bytes()
    if there.sha256 is not None:
        return there.sha256 == hashlib.sha256(data).hexdigest()
    git = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False)
    return there.blob_id == git.hexdigest()


def _size(file: Path | bytes) -> int:
    return len(file) if isinstance(file, bytes) else file.stat().st_size


def _of_strangers(
    hub: Hub, there: Repository | None, files: Mapping[str, Path | bytes], removed: Sequence[str]
) -> Iterator[Remark]:
    """Yield what is to be said of files that others put into the repository."""
    if there is None:
        return
    touched = [name for name in (*files, *removed) if name in there.files]
    titles = hub.titles(there, touched)
    strange = [name for name in touched if not titles.get(name, "").startswith(_MARK)]
    beside = [name for name in there.files if name.endswith(".parquet") and not SHARD.fullmatch(name)]
    yield from of_strangers(there.name, strange, beside)


def checked_name(text: str) -> str:
    """Return the name of a repository.

    Raises:
        ConfigError: it is none.

    """
    if _NAME.fullmatch(text) is None or "--" in text or ".." in text or text.endswith(".git") or len(text) > 96:
        hint = "It is NAME or USER/NAME, of letters, digits, '-', '_' and '.', such as my-data or jane/my-data."
        if not is_url(text) and ("/" in text or text.startswith(("~", "."))):
            hint += f" A folder is {Path(address_of(text).url).as_uri()}."
        raise ConfigError(f"{text!r} is no name of a repository.", hint=hint)
    return text
