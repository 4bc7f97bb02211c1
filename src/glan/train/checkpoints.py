"""Checkpoints of a run of training: which ones are whole, and which of them go.

A checkpoint is whole when the file `complete.json` in it, which is written last and in one step, names every other file
with its size. What a kill or a power cut leaves behind is never taken for one.
"""

import os
import shutil
from pathlib import Path
from typing import Final

import msgspec

from glan.disk import replace, sync

_MARK: Final = "complete.json"
_PREFIX: Final = "checkpoint-"


def mark_complete(folder: Path) -> None:
    """Write down that a checkpoint is whole, once all of it is on the disk."""
    sizes = {}
    for path in _files(folder):
        with path.open("rb") as file:
            os.fsync(file.fileno())
        sizes[str(path.relative_to(folder))] = path.stat().st_size
    sync(folder)
    replace(folder / _MARK, msgspec.json.encode(sizes))
    sync(folder)


def is_complete(folder: Path) -> bool:
    """Tell whether a checkpoint has its mark, and every file that it names in its size."""
    try:
        sizes = msgspec.json.decode((folder / _MARK).read_bytes(), type=dict[str, int])
        return bool(sizes) and all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, msgspec.DecodeError):
        return False


def checkpoints_of(folder: Path) -> list[tuple[int, Path]]:
    """Return the checkpoints with their steps, oldest first, whole or not."""
    found = []
    for path in folder.glob(f"{_PREFIX}*"):
        number = path.name.removeprefix(_PREFIX)
        if number.isascii() and number.isdecimal() and path.is_dir():
            found.append((int(number), path))
    return sorted(found)


def newest_complete(folder: Path) -> Path | None:
    """Return the newest checkpoint that is whole; None where there is none."""
    return next((path for _, path in reversed(checkpoints_of(folder)) if is_complete(path)), None)


def thin_out(folder: Path, keep: int) -> None:
    """Remove every checkpoint that is not whole, and of the whole ones all but the newest."""
    found = [path for _, path in checkpoints_of(folder)]
    kept = [path for path in found if is_complete(path)][-keep:]
    for path in found:
        if path not in kept:
            shutil.rmtree(path)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != _MARK)
