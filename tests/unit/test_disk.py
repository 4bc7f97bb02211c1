"""Lines that are added to a file: all of them or none, and never through a link."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from glan.disk import append
from glan.errors import ProjectError


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Let no file grow above so many bytes, as a disk that is nearly full does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_lines_come_after_those_that_are_there(tmp_path: Path) -> None:
    """A file that is not there is made; what is there stays."""
    path = tmp_path / "reviews.jsonl"
    append(path, b"one\n")
    append(path, b"two\nthree\n")
    assert path.read_bytes() == b"one\ntwo\nthree\n"


def test_a_last_line_that_an_editor_left_without_an_end_gets_one(tmp_path: Path) -> None:
    """What is added begins on a line of its own, so that both can be read."""
    path = tmp_path / "reviews.jsonl"
    path.write_bytes(b"one\ntwo")
    append(path, b"three\n")
    assert path.read_bytes() == b"one\ntwo\nthree\n"


def test_a_full_disk_takes_no_part_of_a_line(tmp_path: Path) -> None:
    """What did not fit whole is taken back, and the error says that nothing was added."""
    path = tmp_path / "reviews.jsonl"
    append(path, b"one\n")
    with no_file_above(50), pytest.raises(ProjectError, match="cannot be written") as caught:
        append(path, b"x" * 100 + b"\n")
    assert path.read_bytes() == b"one\n"
    assert caught.value.hint.startswith("Nothing was added. ")


def test_no_link_is_followed(tmp_path: Path) -> None:
    """A project from a stranger cannot have lines added to another file of the user."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"mine\n")
    (tmp_path / "reviews.jsonl").symlink_to(elsewhere)
    with pytest.raises(ProjectError, match="cannot be written"):
        append(tmp_path / "reviews.jsonl", b"x\n")
    assert elsewhere.read_bytes() == b"mine\n"
