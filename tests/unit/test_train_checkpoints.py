"""Which checkpoints are whole: one that a kill has left behind is never gone on from."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.train.checkpoints import checkpoints_of, is_complete, mark_complete, newest_complete, thin_out


def made(folder: Path, step: int, *, whole: bool = True) -> Path:
    path = folder / f"checkpoint-{step}"
    (path / "more").mkdir(parents=True)
    (path / "weights").write_bytes(b"w" * 100)
    (path / "more" / "state").write_bytes(b"s" * 10)
    if whole:
        mark_complete(path)
    return path


def test_the_newest_whole_one_is_taken(tmp_path: Path) -> None:
    """Newer ones without a mark are passed over, and 10 is newer than 9."""
    made(tmp_path, 9)
    wanted = made(tmp_path, 10)
    made(tmp_path, 11, whole=False)
    (tmp_path / "checkpoint-12").mkdir()
    (tmp_path / "checkpoint-x").mkdir()
    assert newest_complete(tmp_path) == wanted
    assert [step for step, _ in checkpoints_of(tmp_path)] == [9, 10, 11, 12]


@given(st.sampled_from(["weights", "more/state", "complete.json"]), st.integers(0, 9))
def test_any_lost_byte_is_noticed(tmp_path_factory: pytest.TempPathFactory, name: str, left: int) -> None:
    """A file that is shorter than it was, or gone, makes a checkpoint no checkpoint."""
    path = made(tmp_path_factory.mktemp("run"), 1)
    assert is_complete(path)
    with (path / name).open("r+b") as file:
        file.truncate(left)
    assert not is_complete(path)
    (path / name).unlink()
    assert not is_complete(path)


def test_thinning_keeps_the_newest_whole_ones(tmp_path: Path) -> None:
    """What is not whole goes, however new it is; nothing whole goes while it is among the newest."""
    for step in (1, 2, 3):
        made(tmp_path, step)
    made(tmp_path, 4, whole=False)
    thin_out(tmp_path, 2)
    assert [step for step, _ in checkpoints_of(tmp_path)] == [2, 3]


def test_without_a_checkpoint_there_is_none(tmp_path: Path) -> None:
    """An empty folder, or none, has none."""
    assert newest_complete(tmp_path) is newest_complete(tmp_path / "none") is None
