"""What `glan` asks of a place for files, and how such a place is named. It knows no HTTP and no disk.

    s3://BUCKET/PREFIX    gs://BUCKET/PREFIX    az://CONTAINER/PREFIX    file:///FOLDER    FOLDER

A name is a path below the place, with `/`. A file is seen under its name when it is whole, and never before.
"""

import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote, unquote, urlsplit

from glan.errors import ConfigError

REMOTE: Final = ("s3", "gs", "az")
"""The schemes of object stores."""
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,221}", re.ASCII)
_URL: Final = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]+://|(?:{'|'.join((*REMOTE, 'file'))}):", re.IGNORECASE)
_KNOWN: Final = "Known are s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX and file:///FOLDER."

Mark = Mapping[str, str]
"""What tells one content of a file from the next, for `Store.swap` alone."""
Watch = Callable[[int], None]
"""Is told how many bytes have gone since it was told last."""


def unwatched(_: int) -> None:
    """Look away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A small file: its content, and what tells it from the next."""

    data: bytes
    mark: Mark


class Store(Protocol):
    """A place for files. Whatever fails there is a StorageError."""

    @property
    def url(self) -> str:
        """The place, as people name it."""
        ...

    async def read(self, name: str) -> Found | None:
        """Return a small file; None where there is none."""
        ...

    async def has(self, name: str) -> bool:
        """Say whether there is a file."""
        ...

    async def fetch(self, name: str, path: Path, watch: Watch = unwatched) -> bool:
        """Copy a file of any size to a new file on this machine; False where there is none."""
        ...

    async def put(self, name: str, source: Path | bytes, watch: Watch = unwatched) -> None:
        """Put a file of any size, in the place of one that is there. An error of `watch` ends it, with nothing put."""
        ...

    async def put_new(self, name: str, data: bytes) -> bool:
        """Put a small file where there is none; False where there is one."""
        ...

    async def swap(self, name: str, data: bytes, mark: Mark) -> bool:
        """Put a small file in the place of that with a mark; False where another is there, or none."""
        ...

    async def copy(self, name: str, to: str) -> bool:
        """Give a file a second name without sending it; False where there is none."""
        ...

    async def sizes(self, folder: str) -> Mapping[str, int]:
        """Return the bytes of each file below a folder, by its name."""
        ...

    async def folders(self) -> Collection[str]:
        """Return the names of the folders at the top."""
        ...

    async def remove(self, names: Collection[str]) -> None:
        """Take files away; what is not there is gone already."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A place for files as it is written: no key is in it."""

    scheme: str
    """`s3`, `gs`, `az` or `file`."""
    bucket: str
    """Empty for a folder."""
    path: str
    """The prefix in the bucket, or the folder; without a `/` at its end."""

    @property
    def url(self) -> str:
        """The address as people write it."""
        if self.scheme == "file":
            return self.path
        return f"{self.scheme}://{self.bucket}/{self.path}".rstrip("/")

    @property
    def is_remote(self) -> bool:
        """Say whether it is an object store."""
        return self.scheme in REMOTE

    def split(self) -> tuple["Address", str]:
        """Return where a file lies, and its name there.

        Raises:
            ConfigError: the address names no file.

        """
        folder, _, name = self.path.rpartition("/")
        if not name:
            raise ConfigError(f"{self.url} names no file.", hint="Add a name: s3://BUCKET/PREFIX/NAME.")
        if self.scheme == "file":
            folder = folder or "/"
        return Address(scheme=self.scheme, bucket=self.bucket, path=folder), name


def is_url(text: str) -> bool:
    """Say whether a text is an address with a scheme, and no plain path."""
    return _URL.match(text) is not None


def address_of(text: str) -> Address:
    """Return the place that a text names: a URL, or a plain path of a folder.

    Raises:
        ConfigError: it is no such URL, or it holds what may be a key.

    """
    if not is_url(text):
        return Address(scheme="file", bucket="", path=os.path.abspath(os.path.expanduser(text)))  # noqa: PTH100, PTH111 - no link is resolved, no user has to be there
    scheme, slashes, rest = text.partition("://")
    scheme = scheme.partition(":")[0].lower()
    if scheme not in (*REMOTE, "file"):
        raise ConfigError(f"{scheme}:// is no place that glan can put files to.", hint=_KNOWN)
    if not slashes:
        raise ConfigError(f"Two slashes are missing behind {scheme}: in the address.", hint=_KNOWN)
    parts = urlsplit(f"{scheme}://{rest}")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError(
            f"The {scheme}:// address has an '@', a '?' or a '#', behind which a key may stand.",
            hint="Give the bucket and the path alone; keys come from the environment or the project's .env.",
        )
    if scheme == "file":
        if parts.netloc not in {"", "localhost"} or not parts.path:
            raise ConfigError(f"{text} is no folder of this machine.", hint="Write file:///absolute/folder.")
        return Address(scheme="file", bucket="", path=unquote(parts.path).rstrip("/") or "/")
    if not _BUCKET.fullmatch(parts.netloc):
        raise ConfigError(f"{parts.netloc!r} is no name of a bucket.", hint=f"Write {scheme}://BUCKET/PREFIX.")
    return Address(scheme=scheme, bucket=parts.netloc, path=_prefix(parts.path.strip("/")))


def _prefix(path: str) -> str:
    if any(part in {"", ".", ".."} for part in path.split("/")) and path:
        raise ConfigError(f"The path {path!r} has an empty part, '.' or '..'.", hint="Leave it out.")
    if quote(path, safe="/ ~") != path:
        raise ConfigError(
            f"The path {path!r} has a letter that stores write in different ways.",
            hint="Use letters of ASCII, digits, '-', '_', '.' and '/'.",
        )
    return path
