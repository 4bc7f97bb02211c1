"""Parquet files of a stranger in the place of a data set: one sentence each, and what others wrote alike is read."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from decided_slots import pair

from glan.dataset.rows import ROW_SCHEMA, row_of
from glan.dataset.shards import ShardWriter, find_row, groups_of, ids, read_rows, rows_with
from glan.errors import DatasetError

COLUMNS = ["id", "messages", "sessions", "slot"]
MESSAGES = [[{"role": "user", "content": "a"}]]


def told(folder: Path, columns: Sequence[str]) -> set[str]:
    """Return what every reader of rows says of a folder."""

    def read_group() -> object:
        return [group.read(columns) for group in groups_of(folder)]

    found = set()
    for read in (
        lambda: [*read_rows(folder, columns)],
        lambda: rows_with(folder, ["x"], columns),
        read_group,
    ):
        with pytest.raises(DatasetError) as caught:
            read()
        found.add(str(caught.value))
    return found


@pytest.mark.parametrize("column", [pa.array(["x", None]), pa.nulls(2, pa.string()), pa.nulls(2)])
def test_a_row_without_an_id_is_told(tmp_path: Path, column: pa.Array) -> None:
    """Whoever reads ids says which file has such a row."""
    path = tmp_path / "00000.parquet"
    pq.write_table(pa.table({"id": column}), path)
    assert told(tmp_path, ["id"]) == {f"{path} is no shard of a data set of ours: it has a row without an id."}
    with pytest.raises(DatasetError, match="without an id"):
        list(ids(tmp_path))


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"id": [1]}, "its column 'id' holds int64"),
        ({"id": ["x"], "messages": ["a"]}, "its column 'messages' holds string"),
        ({"id": ["x"], "messages": [[{"role": "user"}]]}, "its column 'messages' holds list<"),
        ({"id": ["x"], "messages": MESSAGES, "sessions": [[1]]}, "its column 'sessions' holds list<"),
        ({"id": ["x"], "messages": MESSAGES, "sessions": [["s"]], "slot": ["1"]}, "its column 'slot' holds string"),
    ],
)
def test_a_column_that_holds_something_else_is_told(tmp_path: Path, columns: dict[str, object], what: str) -> None:
    """The file, the column and what it holds are named."""
    pq.write_table(pa.table(columns), tmp_path / "00000.parquet")
    (sentence,) = told(tmp_path, [*columns])
    assert f"is no shard of a data set of ours: {what}" in sentence


def test_a_row_that_lacks_what_is_asked_for_is_told(tmp_path: Path) -> None:
    """Who looks for one row names the columns that it must have."""
    pq.write_table(pa.table({"id": ["x"]}), tmp_path / "00000.parquet")
    assert find_row(tmp_path, "x") == {"id": "x"}
    with pytest.raises(DatasetError, match="it has no column 'messages'"):
        find_row(tmp_path, "x", ["messages"])


def test_what_another_program_has_written_again_is_read(tmp_path: Path) -> None:
    """The same rows through polars, which has other widths, and without a single value in some columns."""
    with ShardWriter(tmp_path / "ours", ROW_SCHEMA, 10) as writer:
        for ordinal in range(3):
            writer.add(row_of(pair(ordinal), language="en"))
        writer.close()
    (tmp_path / "theirs").mkdir()
    table = pl.read_parquet(tmp_path / "ours" / "00000.parquet").with_columns(pl.col("discipline").cast(pl.Categorical))
    table.write_parquet(tmp_path / "theirs" / "00000.parquet")
    ours, theirs = (list(read_rows(tmp_path / name, ROW_SCHEMA.names)) for name in ("ours", "theirs"))
    assert theirs == ours
    assert find_row(tmp_path / "theirs", ours[0]["id"], COLUMNS) == ours[0]
