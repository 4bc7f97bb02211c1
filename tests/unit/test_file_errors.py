"""What a person reads when a file cannot be read or written: the thing, why, and the way out."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from glan.errors import DatasetError, cause_of, file_error

FULL = Path("/dev/full")
"""Every write to it fails as on a full disk."""


def _python() -> None:
    with FULL.open("wb", buffering=0) as file:
        file.write(b"x")


def _pyarrow() -> None:
    with pa.OSFile(str(FULL), "wb") as file:
        file.write(b"x")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("write", [_python, _pyarrow])
def test_a_full_disk_is_told_alike_whoever_met_it(write: Callable[[], None]) -> None:
    """One sentence without the number of the error, and what to do."""
    with pytest.raises(OSError) as caught:  # noqa: PT011 - which one is what is asked for
        write()
    found = file_error(DatasetError, "out.parquet", "written", caught.value, "Nothing was changed.")
    assert str(found) == f"out.parquet cannot be written: {os.strerror(errno.ENOSPC)}."
    assert found.hint == "Nothing was changed. Make room on that disk, or use another."


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/srv/x"), os.strerror(errno.EACCES)),
        (FileNotFoundError(errno.ENOENT, "Failed to open '/x'. Detail: [errno 2] no"), os.strerror(errno.ENOENT)),
        (UnicodeDecodeError("utf-8", b"ab\xff", 2, 3, "invalid start byte"), "byte 2 is no UTF-8"),
        (pa.ArrowInvalid("It is no parquet file."), "It is no parquet file"),
        (OSError("Not a gzipped file"), "Not a gzipped file"),
    ],
)
def test_a_cause_is_words_alone(error: Exception, told: str) -> None:
    """Neither a number nor the path comes twice, and what has no number is told as it came."""
    assert cause_of(error) == told
