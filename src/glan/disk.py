"""Changes of files that happen in one step or not at all."""

import fcntl
import hashlib
import os
import shutil
from contextlib import suppress
from io import RawIOBase
from pathlib import Path
from typing import TypeVar

import msgspec

from glan.errors import ProjectError, file_error

T = TypeVar("T")


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet.

    Raises:
        ProjectError: it is there.

    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ProjectError(f"{path} exists already; nothing was written.", hint="Name another file.") from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path, kind: type[T], *, hint: str) -> T | None:
    """Return what a file of ours holds; None where there is none.

    Raises:
        ProjectError: it cannot be read; `hint` is the way out.

    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise file_error(ProjectError, path, "read", error, hint) from error


def replace(path: Path, data: bytes) -> None:
    """Write a file anew in one step. No link is followed: a folder may come from a stranger."""
    temporary = path.with_suffix(".tmp")
    try:
        temporary.unlink(missing_ok=True)
        with temporary.open("xb") as file:
            file.write(data)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise file_error(ProjectError, path, "written", error, "Nothing was changed.") from error


def append(path: Path, data: bytes) -> None:
    """Add lines to a file, all or none of them, and wait until they are on the disk. No link is followed.

    A last line that has no end, as some editors leave it, gets one.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _append(file, data)
        sync(path.parent)
    except OSError as error:
        raise file_error(ProjectError, path, "written", error, "Nothing was added.") from error


def _append(file: RawIOBase, data: bytes) -> None:
    before = os.fstat(file.fileno()).st_size
    is_open = before > 0 and os.pread(file.fileno(), 1, before - 1) != b"\n"
    try:
        left = memoryview(b"\n" + data if is_open else data)
        while left:
            left = left[file.write(left) or 0 :]
        os.fsync(file.fileno())
    except OSError:
        os.ftruncate(file.fileno(), before)  # a full disk has taken a part
        raise


def sync(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def complete_lines(path: Path, text: str) -> None:
    """Add to a file the lines of a text that it lacks."""
    there = path.read_text(encoding="utf-8", errors="surrogateescape")
    missing = [line for line in text.splitlines() if line not in there.splitlines()]
    if missing:
        gap = "" if not there or there.endswith("\n") else "\n"
        path.write_text(
            there + gap + "".join(f"{line}\n" for line in missing), encoding="utf-8", errors="surrogateescape"
        )
