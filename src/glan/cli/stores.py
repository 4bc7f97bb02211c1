"""How commands name one file at a place of any kind, and put it there."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from glan.cli.sending import added, sending
from glan.config import read_config
from glan.environment import Environment
from glan.errors import StorageError
from glan.settings import Network
from glan.storage.opening import opened
from glan.storage.stores import Address, Store


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
    with scratch_in(scratch, ".sending-") as made:
        path = made / name
        yield path
        with sending(path.stat().st_size) as watch:
            asyncio.run(store.put(name, path, added(watch)))


@contextmanager
def scratch_in(folder: Path, prefix: str) -> Iterator[Path]:
    """Give a folder on the same disk as another, which is gone afterwards."""
    try:
        with TemporaryDirectory(dir=folder, prefix=prefix, ignore_cleanup_errors=True) as made:
            yield Path(made)
    except FileNotFoundError as error:
        raise StorageError(f"There is no folder {folder}.") from error
