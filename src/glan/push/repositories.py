"""What a push knows of a hub: values, and what a hub does for it. It knows no library and no HTTP."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose token it is."""

    name: str
    can_write: bool
    """Whether the token may write, as far as it says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A file on the hub."""

    size: int
    sha256: str | None
    """Of a large file, which the hub stores apart."""
    blob_id: str
    """Git's own hash of any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository as it stands at one commit."""

    name: str
    """As the hub has it now: one that was renamed is found by its old name."""
    commit: str
    is_private: bool
    files: Mapping[str, Standing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What one commit does."""

    title: str
    files: Mapping[str, Path | bytes]
    removed: Sequence[str]
    parent: str | None
    revision: str
    as_pull_request: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What came of it."""

    id: str
    pull_request: str | None


class Hub(Protocol):
    """One hub, for one token. Whatever fails there is a HubError."""

    def owner(self) -> Owner:
        """Return whose token it is."""
        ...

    def look(self, name: str, revision: str) -> Repository | None:
        """Return a repository at the head of a branch, None where there is none that the token may see."""
        ...

    def titles(self, repository: Repository, paths: Sequence[str]) -> Mapping[str, str]:
        """Return the title of the commit that each file comes from."""
        ...

    def create(self, name: str, *, private: bool) -> None:
        """Make an empty repository."""
        ...

    def commit(self, name: str, upload: Upload, watch: Callable[[int], None]) -> Commit:
        """Upload files and change the repository in one commit; `watch` is told the bytes that have arrived so far.

        Where it does not come to the commit, nothing is seen of it, and what arrived is not sent again.
        """
        ...
