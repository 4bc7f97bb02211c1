"""A folder as a place for files: each is written beside its name, brought to the disk, and renamed."""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeVar

from glan.disk import sync
from glan.errors import StorageError, file_error
from glan.storage.stores import Found, Mark, Watch, unwatched

T = TypeVar("T")
_CHUNK: Final = 1024 * 1024
_PART: Final = ".part-"
"""Begins the name of a file that is not whole."""
_LOCK: Final = ".glan.lock"


class Folder:
    """A folder of this machine, or of a file system that is mounted on it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def url(self) -> str:
        return str(self._path)

    async def read(self, name: str) -> Found | None:
        return await self._done(lambda: self._read(name))

    async def has(self, name: str) -> bool:
        return await self._done((self._path / name).is_file)

    async def fetch(self, name: str, path: Path, watch: Watch = unwatched) -> bool:
        def copy() -> bool:
            try:
                with (self._path / name).open("rb") as source, path.open("xb") as target:
                    _pass_on(source.read, target.write, watch)
            except FileNotFoundError:
                return False
            return True

        return await self._done(copy)

    async def put(self, name: str, source: Path | bytes, watch: Watch = unwatched) -> None:
        def write() -> None:
            with self._part(name, source, watch) as part:
                part.replace(self._path / name)

        await self._done(write)

    async def put_new(self, name: str, data: bytes) -> bool:
        def write() -> bool:
            with self._part(name, data, unwatched) as part:
                try:
                    os.link(part, self._path / name)
                except FileExistsError:
                    return False
                part.unlink()
                return True

        return await self._done(write)

    async def swap(self, name: str, data: bytes, mark: Mark) -> bool:
        def write() -> bool:
            with self._alone((self._path / name).parent):
                found = self._read(name)
                if found is None or found.mark != mark:
                    return False
                with self._part(name, data, unwatched) as part:
                    part.replace(self._path / name)
                return True

        return await self._done(write)

    async def copy(self, name: str, to: str) -> bool:
        def link() -> bool:
            target = self._path / to
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                _second_name(self._path / name, target)
            except FileNotFoundError:
                return False
            sync(target.parent)
            return True

        return await self._done(link)

    async def sizes(self, folder: str) -> Mapping[str, int]:
        def look() -> Mapping[str, int]:
            files = (self._path / folder).rglob("*")
            return {path.relative_to(self._path).as_posix(): path.stat().st_size for path in files if path.is_file()}

        return await self._done(look)

    async def folders(self) -> Collection[str]:
        def look() -> Collection[str]:
            return [path.name for path in self._path.iterdir() if path.is_dir()] if self._path.is_dir() else []

        return await self._done(look)

    async def remove(self, names: Collection[str]) -> None:
        def unlink() -> None:
            for name in names:
                path = self._path / name
                path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # another file is in it
                    while path.parent != self._path:
                        path = path.parent
                        path.rmdir()

        await self._done(unlink)

    def _read(self, name: str) -> Found | None:
        try:
            data = (self._path / name).read_bytes()
        except FileNotFoundError:
            return None
        return Found(data=data, mark={"sha256": hashlib.sha256(data).hexdigest()})

    @contextlib.contextmanager
    def _part(self, name: str, source: Path | bytes, watch: Watch) -> Iterator[Path]:
        """Hold a file beside its place, whole and on the disk; when the block is left the folder is on the disk too."""
        target = self._path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{_PART}{secrets.token_hex(6)}")
        try:
            with part.open("xb") as file:
                if isinstance(source, bytes):
                    file.write(source)
                    watch(len(source))
                else:
                    with source.open("rb") as given:
                        _pass_on(given.read, file.write, watch)
                file.flush()
                os.fsync(file.fileno())
            yield part
            sync(target.parent)
        finally:
            part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _alone(self, folder: Path) -> Iterator[None]:
        """Keep other writers of small files in a folder out; the file of the lock stays there."""
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    async def _done(self, act: Callable[[], T]) -> T:
        """Do it in a thread, and turn what the disk says into one sentence."""
        try:
            return await asyncio.to_thread(act)
        except OSError as error:
            hint = "What was there before is as it was."
            raise file_error(StorageError, error.filename or self._path, "read or written", error, hint) from error


def _pass_on(read: Callable[[int], bytes], write: Callable[[bytes], object], watch: Watch) -> None:
    while chunk := read(_CHUNK):
        write(chunk)
        watch(len(chunk))


def _second_name(source: Path, target: Path) -> None:
    """Give a file a second name, or a copy where the file system has no second names."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        return
    except FileNotFoundError:
        raise
    except OSError:
        part = target.with_name(f"{_PART}{target.name}")
        shutil.copyfile(source, part, follow_symlinks=False)
        part.replace(target)
