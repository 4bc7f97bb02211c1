"""Folders for what is on its way: what a killed command left of them goes, and nothing else."""

import fcntl
import os
import time
from pathlib import Path

from glan.cli.stores import scratch_in, sweep

PREFIX = ".sending-"
_OLD_S = 3_600.0


def left(folder: Path, name: str, *, age_s: float = 0.0) -> Path:
    """Make what a command leaves that is killed while a copy of the ledger goes to a bucket."""
    made = folder / name
    made.mkdir()
    (made / "ledger.sqlite").write_bytes(b"a copy")
    then = time.time() - age_s
    os.utime(made, (then, then))
    return made


def test_what_a_killed_command_left_goes(tmp_path: Path) -> None:
    """It has the size of a ledger, and lies on the ledger's disk; the next backup or restore takes it away."""
    killed = left(tmp_path, f"{PREFIX}killed", age_s=_OLD_S)
    with scratch_in(tmp_path):
        pass
    assert not killed.exists()


def test_what_another_command_uses_stays(tmp_path: Path) -> None:
    """However old it is; and so does what one has made just now, and whatever has another name."""
    used, new = left(tmp_path, f"{PREFIX}used", age_s=_OLD_S), left(tmp_path, f"{PREFIX}new")
    other = left(tmp_path, "ledger.sqlite-copy-of-mine", age_s=_OLD_S)
    link = tmp_path / f"{PREFIX}link"
    link.symlink_to(other)
    held = os.open(used, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        sweep(tmp_path)
    finally:
        os.close(held)
    assert all((folder / "ledger.sqlite").is_file() for folder in (used, new, other, link))


def test_one_in_use_is_left_alone_by_the_next(tmp_path: Path) -> None:
    """A copy that takes an hour is not taken away by another command."""
    with scratch_in(tmp_path) as scratch:
        then = time.time() - _OLD_S
        os.utime(scratch, (then, then))
        sweep(tmp_path)
        assert scratch.is_dir()
    assert not scratch.exists()
