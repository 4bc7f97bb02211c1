"""The viewer on a data set that somebody else wrote: shown as far as it has our columns, and otherwise told."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from glan.view.index import Data, Shelf
from glan.view.listing import PAIRS, Asked, Lists

SAID = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]


def shelf_of(folder: Path, **columns: Any) -> Shelf:  # noqa: ANN401 - whatever a file may hold
    """Return the shelf of a data set with some columns, its index made as far as that goes."""
    data = Data(train=folder / "train", rejects=folder / "rejects", manifest=folder / "manifest.json")
    data.train.mkdir(parents=True)
    pq.write_table(pa.table(columns), data.train / "00000.parquet")
    data.manifest.write_text("{}", encoding="utf-8")
    shelf = Shelf(data, folder / ".view")
    shelf.refresh()
    shelf.wait()
    return shelf


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"instruction": ["Why?"], "output": ["So."]}, "no column 'id'"),
        ({"id": ["a"], "output": ["So."]}, "no column 'messages'"),
        ({"id": ["a"], "messages": ["[]"]}, "'messages'"),
        ({"id": ["a", None], "messages": [SAID, SAID]}, "without an id"),
        ({"id": ["a"], "messages": [SAID], "sources": ["one text"]}, "'sources'"),
        ({"id": ["a"], "messages": [SAID], "slot": ["first"]}, "'slot'"),
        ({"id": ["a"], "messages": [SAID], "scores": [[1.0]]}, "'scores'"),
    ],
)
def test_columns_that_are_not_ours_are_told(tmp_path: Path, columns: dict[str, Any], told: str) -> None:
    """What lists cannot rest on is an error that names the column, and nobody waits for an index for ever."""
    shelf = shelf_of(tmp_path, **columns)
    assert shelf.index is None
    assert "cannot be made" in str(shelf.error)
    assert told in str(shelf.error)


def test_what_a_foreign_row_lacks_is_none(tmp_path: Path) -> None:
    """Rows of a conversation and an id are listed, searched and given with every column that a page shows."""
    shelf = shelf_of(
        tmp_path,
        id=pa.array([1, 2]),
        messages=pa.array([SAID, None], pa.large_list(pa.struct({"role": pa.string(), "content": pa.large_string()}))),
        level=pa.array([None, None]),
    )
    shelf.want_texts()
    shelf.wait()
    assert shelf.error is None
    assert shelf.index is not None
    assert [each["head"] for each in Lists(shelf.index).page(Asked(), PAIRS).rows] == ["Why?", None]
    assert [each["id"] for each in Lists(shelf.index).page(Asked(typed="why"), PAIRS).rows] == ["1"]
    found = shelf.index.row(0)
    assert (found["id"], found["subject"], found["scores"]) == ("1", None, None)
    assert "outcome" not in found
