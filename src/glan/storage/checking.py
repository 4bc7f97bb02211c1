"""Whether a place keeps what `glan` builds on: tried on the place itself, below a folder that nobody else has.

Nothing else there is read or touched, and all that was put is taken away again.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from glan.errors import StorageError
from glan.storage.stores import Store

_RACERS: Final = 20
_LONG_BYTES: Final = 24 * 1024 * 1024
"""Longer than what any store takes in one put here, so that it goes in parts."""
_LOOKS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of one trial."""

    name: str
    holds: bool
    is_needed: bool
    """Whether glan needs it; without the others it only sends more."""
    told: str
    """What was seen where it does not hold."""


@dataclass(frozen=True, slots=True)
class _Ground:
    """Where the trials are made."""

    store: Store
    folder: str
    scratch: Path
    """A file of this machine, of `_LONG_BYTES` bytes."""

    def __truediv__(self, name: str) -> str:
        return f"{self.folder}/{name}"

    async def content(self, name: str) -> bytes | None:
        found = await self.store.read(self / name)
        return None if found is None else found.data


class _CutError(Exception):
    """Ends a put half-way."""


async def findings(store: Store, folder: str, scratch: Path) -> AsyncIterator[Finding]:
    """Yield what each trial found, in turn.

    Args:
        store: the place.
        folder: a name there that nobody else uses; it is empty again afterwards.
        scratch: a file of this machine that is made and stays.

    Raises:
        StorageError: the first trial, to write and read a file, has failed: nothing else can be tried.

    """
    await asyncio.to_thread(scratch.write_bytes, os.urandom(_LONG_BYTES))
    ground = _Ground(store, folder, scratch)
    try:
        for trial in _TRIALS:
            yield await _tried(trial, ground)
    finally:
        await store.remove([*await store.sizes(folder)])


@dataclass(frozen=True, slots=True)
class _Trial:
    name: str
    look: Callable[[_Ground], Awaitable[str]]
    """Returns what is wrong; nothing where all is well."""
    is_needed: bool = True
    is_first: bool = False


async def _tried(trial: _Trial, ground: _Ground) -> Finding:
    try:
        told = await trial.look(ground)
    except StorageError as error:
        if trial.is_first:
            raise
        told = str(error)
    return Finding(name=trial.name, holds=not told, is_needed=trial.is_needed, told=told)


async def _read_after_write(ground: _Ground) -> str:
    for content in (b"first", b"second"):
        await ground.store.put(ground / "plain", content)
        if await ground.content("plain") != content:
            return "A file that was written is not what is read."
    return ""


async def _list_after_write(ground: _Ground) -> str:
    await ground.store.put(ground / "listed/one", b"1")
    there = await ground.store.sizes(f"{ground.folder}/listed")
    if there != {ground / "listed/one": 1}:
        return f"It lists {len(there):,} files where one was written."
    await ground.store.remove([ground / "listed/one"])
    return "It lists a file that was removed." if await ground.store.sizes(f"{ground.folder}/listed") else ""


async def _created_once(ground: _Ground) -> str:
    if not await ground.store.put_new(ground / "new", b"first"):
        return "It refuses the first, where there is none."
    if await ground.store.put_new(ground / "new", b"second") or await ground.content("new") != b"first":
        return "The second took the place of the first."
    return ""


async def _race_to_create(ground: _Ground) -> str:
    names = [b"%d" % number for number in range(_RACERS)]
    won = await asyncio.gather(*[ground.store.put_new(ground / "raced", name) for name in names])
    return await _one_winner(ground, "raced", [name for name, is_won in zip(names, won, strict=True) if is_won])


async def _swapped(ground: _Ground) -> str:
    await ground.store.put(ground / "swapped", b"first")
    old = await ground.store.read(ground / "swapped")
    if old is None or not old.mark:
        return "It gives no etag."
    if not await ground.store.swap(ground / "swapped", b"second", old.mark):
        return "It refuses a put with the etag that stands."
    if await ground.store.swap(ground / "swapped", b"third", old.mark) or await ground.content("swapped") != b"second":
        return "It takes a put with an old etag, which writes over what another has put."
    return ""


async def _race_to_swap(ground: _Ground) -> str:
    await ground.store.put(ground / "contested", b"before")
    old = await ground.store.read(ground / "contested")
    if old is None:
        return "A file that was written is not there."
    names = [b"%d" % number for number in range(_RACERS)]
    won = await asyncio.gather(*[ground.store.swap(ground / "contested", name, old.mark) for name in names])
    return await _one_winner(ground, "contested", [name for name, is_won in zip(names, won, strict=True) if is_won])


async def _one_winner(ground: _Ground, name: str, winners: list[bytes]) -> str:
    if len(winners) != 1:
        return f"{len(winners)} of {_RACERS} were told that they won."
    return "" if await ground.content(name) == winners[0] else "What stands is not the winner's."


async def _cut_off(ground: _Ground) -> str:
    def cut(_: int) -> None:
        raise _CutError

    for name, before in (("cut", None), ("plain", b"as it was")):
        if before is not None:
            await ground.store.put(ground / name, before)
        try:
            await ground.store.put(ground / name, ground.scratch, cut)
        except _CutError:
            pass
        else:
            return "A put that was cut off ended as if it were whole."
        if await ground.content(name) != before:
            return "A part of a file is seen."
    return ""


async def _replaced_whole(ground: _Ground) -> str:
    contents = [os.urandom(1) * 1_000_000, os.urandom(1) * 900_000]
    await ground.store.put(ground / "replaced", contents[0])

    async def write() -> None:
        for number in range(_LOOKS // 2):
            await ground.store.put(ground / "replaced", contents[number % 2])

    writing = asyncio.create_task(write())
    try:
        for _ in range(_LOOKS):
            if await ground.content("replaced") not in contents:
                return "A reader saw a file that is neither the old one nor the new one."
    finally:
        await writing
    return ""


async def _long(ground: _Ground) -> str:
    await ground.store.put(ground / "long", ground.scratch)
    there = await ground.content("long")
    return "" if there == await asyncio.to_thread(ground.scratch.read_bytes) else "It is not what was sent."


async def _copied(ground: _Ground) -> str:
    await ground.store.put(ground / "original", b"same")
    is_copied = await ground.store.copy(ground / "original", ground / "copy")
    return "" if is_copied and await ground.content("copy") == b"same" else "The copy is not the file."


_TRIALS: Final = (
    _Trial("What is written is read", _read_after_write, is_first=True),
    _Trial("What is written is listed, what is removed is not", _list_after_write),
    _Trial("A file is made where there is none, and not a second time", _created_once),
    _Trial(f"Of {_RACERS} that make a file at once, one wins", _race_to_create),
    _Trial("A file is replaced by whoever knows its state, and by nobody else", _swapped),
    _Trial(f"Of {_RACERS} that replace a file at once, one wins", _race_to_swap),
    _Trial("A put that is cut off leaves what was there", _cut_off),
    _Trial("A reader sees the old file or the new one", _replaced_whole),
    _Trial("A file of 24 MiB arrives", _long),
    _Trial("A file is copied without being sent", _copied, is_needed=False),
)
