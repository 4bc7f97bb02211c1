"""Places for files that break as places do, and a reader who follows the manifest of one."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from glan.errors import StorageError
from glan.storage.files import Folder
from glan.storage.stores import Found, Mark, Store, Watch, unwatched

T = TypeVar("T")


class DiedError(BaseException):
    """Ends a publication at once, as a kill does."""


@dataclass
class Breaking:
    """A folder of which each call is counted, and which breaks at one of them: before it is done, or after."""

    folder: Store
    at: int = -1
    """Number of the call that breaks; none where it is negative."""
    is_done: bool = False
    """Whether that call is done all the same, so that only its answer is lost."""
    error: type[BaseException] = DiedError
    before_each: Callable[[str], Awaitable[None]] | None = None
    """Is told the name of each call before it is passed on."""
    calls: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.folder.url

    async def read(self, name: str) -> Found | None:
        return await self._call("read", lambda: self.folder.read(name))

    async def has(self, name: str) -> bool:
        return await self._call("has", lambda: self.folder.has(name))

    async def fetch(self, name: str, path: Path, watch: Watch = unwatched) -> bool:
        return await self._call("fetch", lambda: self.folder.fetch(name, path, watch))

    async def put(self, name: str, source: Path | bytes, watch: Watch = unwatched) -> None:
        await self._call("put", lambda: self.folder.put(name, source, watch))
        self.sent.append(name)

    async def put_new(self, name: str, data: bytes) -> bool:
        return await self._call("put_new", lambda: self.folder.put_new(name, data))

    async def swap(self, name: str, data: bytes, mark: Mark) -> bool:
        return await self._call("swap", lambda: self.folder.swap(name, data, mark))

    async def copy(self, name: str, to: str) -> bool:
        return await self._call("copy", lambda: self.folder.copy(name, to))

    async def sizes(self, folder: str) -> Mapping[str, int]:
        return await self._call("sizes", lambda: self.folder.sizes(folder))

    async def folders(self) -> Collection[str]:
        return await self._call("folders", self.folder.folders)

    async def remove(self, names: Collection[str]) -> None:
        await self._call("remove", lambda: self.folder.remove(names))

    async def _call(self, name: str, act: Callable[[], Awaitable[T]]) -> T:
        number = len(self.calls)
        self.calls.append(name)
        if self.before_each is not None:
            await self.before_each(name)
        if self.at < 0 or number < self.at:
            return await act()
        if self.is_done and number == self.at:
            await act()
        raise self.error("The store broke.")


def broken(folder: Path, at: int, *, is_done: bool, error: type[BaseException] = StorageError) -> Breaking:
    return Breaking(Folder(folder), at=at, is_done=is_done, error=error)


def seen(place: Path) -> dict[str, bytes] | None:
    """Return the files that a reader finds who follows the manifest, each as it says; None where there is no manifest.

    It fails where one is missing or is another one: no reader may ever see that.
    """
    path = place / "manifest.json"
    if not path.exists():
        return None
    manifest = json.loads(path.read_bytes())
    found: dict[str, bytes] = {}
    for name, file in manifest["files"].items():
        data = (place / manifest["version"] / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == file["sha256"]
        assert len(data) == file["bytes"]
        found[name] = data
    return found
