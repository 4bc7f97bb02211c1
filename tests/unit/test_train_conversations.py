"""What is trained on: rows of a data set or of files, a prefix of them, and the last ones held out."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.errors import DatasetError
from glan.train.conversations import conversations, read_data


def write(path: Path, rows: list[object]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def pair(i: int) -> dict[str, object]:
    return {
        "id": f"pair/{i}",
        "messages": [{"role": "user", "content": f"Q{i}"}, {"role": "assistant", "content": f"A{i}"}],
    }


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(0, 10), st.none() | st.integers(1, 30))
def test_a_prefix_never_reaches_what_is_held_out(
    tmp_path_factory: pytest.TempPathFactory, rows: int, held_out: int, pairs: int | None
) -> None:
    """The first rows are trained on, the last are held out whatever the prefix, and too few are refused."""
    path = write(tmp_path_factory.mktemp("rows") / "rows.jsonl", [pair(i) for i in range(rows)])
    if rows - held_out < (pairs or 1):
        with pytest.raises(DatasetError, match=f"has {rows} row"):
            read_data(path, pairs=pairs, held_out=held_out)
        return
    data = read_data(path, pairs=pairs, held_out=held_out)
    trained = pairs or rows - held_out
    assert (data.trained, data.held_out, data.rows) == (trained, held_out, rows)
    wanted = [f"pair/{i}" for i in (*range(trained), *range(rows - held_out, rows))]
    assert [row.place for row in data] == wanted


def test_the_hash_is_of_the_rows_that_are_used(tmp_path: Path) -> None:
    """Rows beyond the prefix change nothing, and another text does."""
    short = write(tmp_path / "a.jsonl", [pair(i) for i in range(5)])
    long = write(tmp_path / "b.jsonl", [pair(i) for i in range(9)])
    other = write(tmp_path / "c.jsonl", [pair(i + 1) for i in range(9)])
    hashes = [read_data(path, pairs=5, held_out=0).sha256 for path in (short, long, other)]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(
    ("messages", "expected_error"),
    [
        (None, "no list of messages"),
        ("text", "no list of messages"),
        ([], "no conversation"),
        ([{"role": "user", "content": "Q"}], "no conversation"),
        ([{"role": "assistant", "content": "A"}], "no conversation"),
        ([{"role": "system", "content": "S"}, {"role": "assistant", "content": "A"}], "no conversation"),
        ([{"role": "tool", "content": "5"}, {"role": "assistant", "content": "A"}], "tool"),
        ([{"role": "user", "content": "Q"}, {"role": "robot\x1b[2J", "content": "A"}], "robot"),
        ([{"role": "user", "content": None}, {"role": "assistant", "content": "A"}], "NoneType"),
        (["Q", "A"], "no object"),
    ],
)
def test_what_is_no_conversation_is_refused(tmp_path: Path, messages: object, expected_error: str) -> None:
    """A row that nothing can be learnt from is an error that names the file and the line."""
    path = write(tmp_path / "rows.jsonl", [pair(0), {"messages": messages}])
    with pytest.raises(DatasetError, match=r"rows\.jsonl:2") as raised:
        list(conversations(path))
    assert expected_error in str(raised.value)
    assert '"role": "user"' in raised.value.hint


def test_a_file_without_messages_is_refused(tmp_path: Path) -> None:
    """The error says which fields there are."""
    path = write(tmp_path / "rows.jsonl", [{"question": "Q"}])
    with pytest.raises(DatasetError, match="no field 'messages', but question") as raised:
        list(conversations(path))
    assert '"role": "user"' in raised.value.hint
