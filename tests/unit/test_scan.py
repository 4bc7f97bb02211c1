"""A data set of others, row by row: every form that trainers read, and no row too many or too few."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from glan.benchmarks.items import Item
from glan.curate.contamination import Contamination
from glan.errors import DatasetError
from glan.scan import Found, Scan

ASKED = "A ferry leaves the island at noon with forty goats and returns with thirty; where did the other ten get off?"
SOLVED = "The ten that are missing left at the second pier, since the first one was closed for repairs all summer."
KNOWN = Contamination([Item(benchmark="Goats", id="test/1", question=ASKED, others=(SOLVED,))])

FORMS: dict[str, dict[str, object]] = {
    "messages": {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": ASKED},
            {"role": "assistant", "content": SOLVED},
        ]
    },
    "parts": {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": ASKED}, {"type": "image"}]},
            {"role": "assistant", "content": SOLVED},
        ]
    },
    "sharegpt": {"conversations": [{"from": "human", "value": ASKED}, {"from": "gpt", "value": SOLVED}]},
    "alpaca": {"instruction": ASKED[:50], "input": ASKED[50:], "output": SOLVED},
    "alpaca without input": {"instruction": ASKED, "output": SOLVED},
    "prompt and completion": {"prompt": ASKED, "completion": SOLVED},
    "turns of both": {
        "prompt": [{"role": "user", "content": ASKED}],
        "completion": [{"role": "assistant", "content": SOLVED}],
    },
    "question and answer": {"id": 7, "question": ASKED, "answer": SOLVED},
}


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    """Write rows to a file of the kind that its name says."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", FORMS)
def test_the_forms_of_trainers_are_recognised(name: str, tmp_path: Path) -> None:
    """What the user says is a question, and what the assistant says an answer."""
    scan = Scan(KNOWN)
    found = [*scan.matches_in(written(tmp_path / "rows.jsonl", [FORMS[name]]))]
    assert [(each.place, each.row, each.item) for each in found] == [("question", 1, "test/1"), ("answer", 1, "test/1")]
    assert (scan.rows, scan.rows_matched, scan.matches) == (1, 1, {"Goats": 2})


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_every_row_of_every_file_is_looked_at(suffix: str, tmp_path: Path) -> None:
    """Two files of a folder, with more rows than are judged at once; matches come in the order of the rows."""
    clean = {"question": "Where do goats go?", "answer": "Up."}
    rows = [FORMS["question and answer"] if i % 250 == 0 else {"id": i, **clean} for i in range(1_001)]
    paths = [written(tmp_path / f"{name}{suffix}", rows) for name in ("a", "b")]
    scan = Scan(KNOWN)
    found = [*scan.matches_in(tmp_path)]
    expected = [(str(path), i + 1, place) for path in paths for i in range(0, 1_001, 250) for place in _PLACES]
    assert [(each.file, each.row, each.place) for each in found] == expected
    assert (scan.rows, scan.texts, scan.rows_matched) == (2_002, 4_004, 10)


_PLACES = ("question", "answer")


def test_other_fields_are_named(tmp_path: Path) -> None:
    """Columns that nobody knows are an error with the way out, and `--field` is it."""
    path = written(tmp_path / "rows.jsonl", [{"text": SOLVED, "meta": {"ours": ASKED}}])
    with pytest.raises(DatasetError, match="no columns that are known: text, meta") as caught:
        list(Scan(KNOWN).matches_in(path))
    assert "--field NAME" in caught.value.hint
    found = [*Scan(KNOWN, fields=["text", "meta.ours"]).matches_in(path)]
    assert [each.text.split()[0] for each in found] == ["the", "a"]
    assert all(isinstance(each, Found) for each in found)


@pytest.mark.parametrize("turns", ["hello", [{"role": "user"}], [["user", "hello"]], None, {"role": "user"}])
def test_a_conversation_that_is_none_names_its_row(turns: object, tmp_path: Path) -> None:
    """One sentence with file, row and column."""
    path = written(tmp_path / "rows.jsonl", [FORMS["messages"], {"messages": turns}])
    with pytest.raises(DatasetError, match=r"rows\.jsonl:2 has in 'messages' no list of turns"):
        list(Scan(KNOWN).matches_in(path))


def test_a_later_row_without_its_columns_names_itself(tmp_path: Path) -> None:
    """The form is that of the first row of a file; one that differs is told, not passed over."""
    path = written(tmp_path / "rows.jsonl", [FORMS["messages"], FORMS["alpaca"]])
    with pytest.raises(DatasetError, match=r"rows\.jsonl:2"):
        list(Scan(KNOWN).matches_in(path))
