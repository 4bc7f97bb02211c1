"""How a published data set lies in its place, and what its manifest says.

    manifest.json                            the newest version, and which others are kept; written last
    000003-9f2c41d07ab3/README.md            a version: a folder of its own, which never changes
    000003-9f2c41d07ab3/train/00000.parquet
    000003-9f2c41d07ab3/manifest.json        what the first one said when this version was the newest

A version's folder is numbered one above the newest before it. So a folder with a number that has been reached and that
the manifest does not keep can never be named any more, and may go, whoever began it.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from glan.errors import StorageError

MANIFEST: Final = "manifest.json"
FOLDER: Final = re.compile(r"(\d{6,})-[0-9a-f]{12}")
"""How the folders of versions are called, and nothing else that is there."""
_FORMAT: Final = 1
_NAME: Final = re.compile(r"(?:train|test)/\d{5,}\.parquet|README\.md")


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a version."""

    sha256: str
    bytes: int


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What `manifest.json` says at a place where data sets are published. It has no cost, no host and no path."""

    format: int = _FORMAT
    glan_version: str
    version: str
    """Name of the folder of the newest data set."""
    kept: list[str]
    """The folders of all versions that can be read, the newest first."""
    rows: int
    pairs_wanted: int
    complete: bool
    """Whether all pairs that were wanted are there."""
    prefix_rows: int
    """So many leading rows are the first rows of every longer data set."""
    content: str
    """SHA-256 of the names and hashes of the files."""
    files: dict[str, File]
    """The files of the newest version, by their path in its folder."""

    @property
    def number(self) -> int:
        """The place of the version in the order of all."""
        return number_of(self.version)


def number_of(folder: str) -> int:
    """Return the number of a version; 0 for what is none."""
    found = FOLDER.fullmatch(folder)
    return int(found[1]) if found else 0


def content_of(files: Mapping[str, File]) -> str:
    """Return the hash of the names and hashes of files."""
    lines = "".join(f"{name} {files[name].sha256}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()


def version_after(newest: Published | None, content: str) -> str:
    """Return the name of the version that would come next."""
    return f"{(newest.number if newest is not None else 0) + 1:06d}-{content[:12]}"


def read_published(data: bytes, url: str) -> Published:
    """Return what a manifest of a place says.

    Raises:
        StorageError: it is not ours, or from a newer `glan`: nothing is written over it.

    """
    try:
        found = msgspec.json.decode(data, type=Published)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StorageError(
            f"{url} has a {MANIFEST} that `glan run --publish` or `glan push` did not write; nothing was changed.",
            hint="Publish below another prefix.",
        ) from error
    names = (*found.kept, found.version)
    if found.format != _FORMAT or not all(map(FOLDER.fullmatch, names)) or not all(map(_NAME.fullmatch, found.files)):
        raise StorageError(
            f"{url} has a {MANIFEST} of another form than this glan writes (made by glan {found.glan_version[:20]}).",
            hint="Upgrade glan, or publish below another prefix.",
        )
    return found


def passed(folders: Iterable[str], newest: Published) -> Sequence[str]:
    """Return the folders of versions that nobody can name any more."""
    return sorted(name for name in folders if 0 < number_of(name) <= newest.number and name not in newest.kept)


def render(published: Published) -> bytes:
    """Return a manifest as it is written."""
    return msgspec.json.format(msgspec.json.encode(published), indent=2) + b"\n"
