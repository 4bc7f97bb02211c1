"""Repositories of the hub in `hub.py`: commits on branches, each seen whole or not at all."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a commit."""

    data: bytes
    is_large: bool
    commit: str
    title: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def blob_id(self) -> str:
        data = f"oid sha256:{self.sha256}".encode() if self.is_large else self.data
        return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()

    def listed(self, path: str, *, expand: bool) -> dict[str, Any]:
        """Return what the hub says of it."""
        found: dict[str, Any] = {"type": "file", "path": path, "oid": self.blob_id, "size": len(self.data)}
        if self.is_large:
            found["lfs"] = {"oid": self.sha256, "size": len(self.data), "pointerSize": 130}
        if expand:
            found["lastCommit"] = {"id": self.commit, "title": self.title, "date": "2026-01-01T00:00:00.000Z"}
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One state of a repository."""

    id: str
    title: str
    files: Mapping[str, File]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a commit does."""

    added: Mapping[str, bytes]
    large: frozenset[str] = frozenset()
    """Files among these that the storage has."""
    removed: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class Repository:
    """A repository of the hub."""

    private: bool
    commits: list[Commit] = field(default_factory=list)
    branches: dict[str, str] = field(default_factory=dict)
    """The commit of each branch."""

    @classmethod
    def new(cls, *, private: bool) -> "Repository":
        found = cls(private=private)
        found.write("main", "initial commit", Changes(added={".gitattributes": b"*.parquet filter=lfs\n"}))
        return found

    def at(self, revision: str) -> Commit | None:
        wanted = self.branches.get(revision, revision)
        return next((commit for commit in self.commits if commit.id == wanted), None)

    def write(self, branch: str, title: str, changes: Changes, before: Commit | None = None) -> Commit:
        """Add a commit to a branch; `before` is what it stands on, if not the branch itself."""
        old = before or self.at(branch)
        id_ = hashlib.sha1(f"{len(self.commits)} {branch} {title}".encode(), usedforsecurity=False).hexdigest()
        files = dict(old.files) if old is not None else {}
        for path in changes.removed:
            del files[path]
        for path, data in changes.added.items():
            files[path] = File(data=data, is_large=path in changes.large, commit=id_, title=title)
        done = Commit(id=id_, title=title, files=dict(sorted(files.items())))
        self.commits.append(done)
        self.branches[branch] = id_
        return done

    @property
    def files(self) -> Mapping[str, File]:
        """The files of the main branch."""
        found = self.at("main")
        assert found is not None
        return found.files
