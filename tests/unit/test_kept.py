"""What is written down as it comes: found again whole, whatever a kill has torn."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.errors import ProjectError
from glan.evaluate.kept import Kept
from glan.evaluate.texts import Loss

Losses = list[Loss | None]
LOSSES = st.lists(st.none() | st.builds(Loss, st.floats(0, 1e9), st.integers(0, 10_000)), max_size=4)


def kept_in(folder: Path) -> Kept[Losses]:
    return Kept(folder / "not" / "there" / "yet.jsonl", Losses)


@given(st.dictionaries(st.text(max_size=8), LOSSES, max_size=8), st.data())
def test_a_kill_tears_the_last_line_alone(
    tmp_path_factory: pytest.TempPathFactory, found: dict[str, Losses], data: st.DataObject
) -> None:
    """Every number is found again to the last digit; cut off at any byte, the lines before the cut are."""
    folder = tmp_path_factory.mktemp("kept")
    there = kept_in(folder)
    assert there.known() == {}
    for key, losses in found.items():
        there.add({key: losses})
    assert there.known() == found
    if not found:
        return
    path = folder / "not" / "there" / "yet.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 2))])
    left, whole_lines = there.known(), path.read_bytes().count(b"\n")
    assert len(left) >= whole_lines
    assert list(left.items()) == list(found.items())[: len(left)]
    there.add({"more": [None]})
    assert there.known()["more"] == [None]


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """What is no file is told by its name, and nothing is taken for it."""
    with pytest.raises(ProjectError, match="cannot be read"):
        Kept(tmp_path, int).known()
