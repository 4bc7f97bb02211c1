"""How commands name one file at a place of any kind, and put it there."""

import asyncio
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from glan.cli.sending import added, sending
from glan.config import read_config
from glan.environment import Environment
from glan.errors import StorageError
from glan.settings import Network
from glan.storage.opening import opened
from glan.storage.stores import Address, Store

_SENDING: Final = ".sending-"
_YOUNG_S: Final = 60.0
"""A folder that is no older may not be locked yet by whoever made it."""


def store_at(address: Address, folder: Path) -> Store:
    """Return a place, with the keys and hosts of the project in a folder if there is one."""
    config = folder / "glan.toml"
    network = read_config(config).network if config.is_file() else Network()
    return opened(address, Environment(folder if config.is_file() else None), network)


@contextmanager
def put_at(address: Address, folder: Path, scratch: Path, *, force: bool) -> Iterator[Path]:
    """Give a path for a file, which is put to an object store as a whole when the block is left without an error.

    Args:
        address: that of the file.
        folder: of the project, for its keys.
        scratch: a folder of this machine with room for the file.
        force: whether a file that is there is replaced.

    Raises:
        StorageError: there is such a file, or the store does not take it.

    """
    place, name = address.split()
    store = store_at(place, folder)
    if not force and asyncio.run(store.has(name)):
        raise StorageError(f"{address.url} exists already.", hint="Give another name, or --force.")
    with scratch_in(scratch) as made:
        path = made / name
        yield path
        with sending(path.stat().st_size) as watch:
            asyncio.run(store.put(name, path, added(watch)))


@contextmanager
def scratch_in(folder: Path) -> Iterator[Path]:
    """Give a folder inside another, for a file on its way to a store or from one; it is gone afterwards."""
    sweep(folder)
    try:
        with TemporaryDirectory(dir=folder, prefix=_SENDING, ignore_cleanup_errors=True) as made, _locked(Path(made)):
            yield Path(made)
    except FileNotFoundError as error:
        raise StorageError(f"There is no folder {folder}.") from error


def sweep(folder: Path) -> None:
    """Take away what commands left that were killed while they sent or fetched a file, as large as a ledger."""
    for left in folder.glob(f"{_SENDING}*"):
        with suppress(OSError):  # it went by itself, or is somebody else's
            is_old = time.time() - left.lstat().st_mtime > _YOUNG_S
            if is_old and left.is_dir() and not left.is_symlink():
                with _locked(left) as is_mine:
                    if is_mine:
                        shutil.rmtree(left)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Lock a folder until the block is left, and say whether nobody else had; the end of a process ends its locks."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_mine = True
    except OSError:
        is_mine = False
    try:
        yield is_mine
    finally:
        os.close(descriptor)
