"""Servers that a file names, a line for each, and that join and leave while a run goes on.

# nodes of tonight
http://node-1:8000/v1
http://node-2:8000/v1
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from glan.errors import ConfigError
from glan.teachers.specs import Endpoint, parse_base_url

_EVERY_S = 2.0
_MAX_BYTES = 1024 * 1024
_FORM = "It has a line for each server, such as http://node-1:8000/v1."
_log = logging.getLogger(__name__)


def read_urls(path: Path) -> tuple[str, ...]:
    """Return the base URLs in a file; empty lines and what follows a `#` are passed over.

    Raises:
        ConfigError: it cannot be read, a line is no base URL, or there is none.

    """
    found = _urls_in(path)
    if not found:
        raise ConfigError(f"{path}, which base_urls_file in glan.toml names, names no server.", hint=_FORM)
    return found


def _urls_in(path: Path) -> tuple[str, ...]:
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(
            f"{path}, which base_urls_file in glan.toml names, cannot be read: {told}.", hint=_FORM
        ) from error
    found: dict[str, None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if url := line.partition("#")[0].strip():
            found[parse_base_url(url, source=f"{path}, line {number}")] = None
    return tuple(found)


class Servers(Protocol):
    """What is asked, and can change."""

    def update(self, endpoints: Sequence[Endpoint], /) -> None:
        """Ask these from now on."""
        ...


@asynccontextmanager
async def following(
    path: Path, servers: Servers, endpoint_at: Callable[[str], Endpoint], *, every_s: float = _EVERY_S
) -> AsyncIterator[None]:
    """Read the file again whenever it has changed, and have those servers asked.

    A file that cannot be read, and a server that may not be asked, are told in the log, and the others stay. Where it
    names none, none is asked until it does.
    """
    task = asyncio.create_task(_follow(path, servers, endpoint_at, every_s))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def _follow(path: Path, servers: Servers, endpoint_at: Callable[[str], Endpoint], every_s: float) -> None:
    before: tuple[int, int, int] | None = None  # it may have changed since the run read it
    while True:
        await asyncio.sleep(every_s)
        now = _stamp(path)
        if now == before:
            continue
        before = now
        try:
            urls = _urls_in(path)
        except ConfigError as error:
            _log.warning("%s The servers stay as they are.", error)
            continue
        servers.update([endpoint for url in urls if (endpoint := _allowed(url, endpoint_at)) is not None])


def _allowed(url: str, endpoint_at: Callable[[str], Endpoint]) -> Endpoint | None:
    try:
        return endpoint_at(url)
    except ConfigError as error:
        _log.warning("%s It is left out.", error)
        return None


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes with a file; None where it cannot be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
