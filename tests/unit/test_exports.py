"""What each format looks like, and what an export refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from decided_slots import pair, reply

from glan.dataset.formats import REASONING, Reasoning, export
from glan.dataset.rows import ROW_SCHEMA, row_of
from glan.dataset.shards import ShardWriter
from glan.errors import DatasetError

ID = "question/astronomy/orbits/0"
ASKED = {"role": "user", "content": "Why?"}
ANSWERED = {"role": "assistant", "content": "So."}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a data set of one pair with thinking."""
    return make(tmp_path / "data")


def make(folder: Path, *, system: str | None = None, reasoning: str | None = "Hm.") -> Path:
    with ShardWriter(folder / "train", ROW_SCHEMA, 10) as writer:
        writer.add(row_of(pair(0, "Why?", reply("So.", reasoning=reasoning)), language="en", system=system))
        writer.close()
    return folder


def exported(folder: Path, name: str, reasoning: Reasoning = "drop") -> dict[str, Any]:
    out = folder / "out.jsonl"
    export(folder, out, format=name, reasoning=reasoning, force=True)
    (line,) = out.read_text(encoding="utf-8").splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("messages", {"id": ID, "messages": [ASKED, ANSWERED]}),
        ("alpaca", {"id": ID, "instruction": "Why?", "input": "", "output": "So.", "system": ""}),
        (
            "sharegpt",
            {"id": ID, "conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}]},
        ),
        ("prompt-completion", {"id": ID, "prompt": [ASKED], "completion": [ANSWERED]}),
        ("openai", {"messages": [ASKED, ANSWERED]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_format_looks_as_its_readers_expect(folder: Path, name: str, row: dict[str, object]) -> None:
    """Keys, roles and order are those of the format, and nothing else is in the row."""
    assert exported(folder, name) == row


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("messages", lambda row: row["messages"][0] == {"role": "system", "content": "Be kind."}),
        ("alpaca", lambda row: row["system"] == "Be kind."),
        ("sharegpt", lambda row: row["conversations"][0] == {"from": "system", "value": "Be kind."}),
        ("prompt-completion", lambda row: row["prompt"][0] == {"role": "system", "content": "Be kind."}),
        ("openai", lambda row: row["messages"][0] == {"role": "system", "content": "Be kind."}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_system_message_has_its_place(tmp_path: Path, name: str, said: Callable[[dict[str, Any]], bool]) -> None:
    """It is the first turn, or a column of its own where the format has one."""
    assert said(exported(make(tmp_path, system="Be kind."), name))


@pytest.mark.parametrize(
    ("name", "thought"),
    [
        ("messages", lambda row: row["messages"][-1]["reasoning_content"]),
        ("prompt-completion", lambda row: row["completion"][0]["reasoning_content"]),
        ("alpaca", lambda row: row["reasoning"]),
        ("sharegpt", lambda row: row["reasoning"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_thinking_can_have_a_field(tmp_path: Path, name: str, thought: Callable[[dict[str, Any]], object]) -> None:
    """Chat templates find it in the message; without thinking the field is there and null."""
    assert thought(exported(make(tmp_path / "with"), name, "field")) == "Hm."
    assert thought(exported(make(tmp_path / "without", reasoning=None), name, "field")) is None


def test_thinking_stands_before_the_answer_on_request(tmp_path: Path) -> None:
    """The marks are those that thinking models write, and an answer without thinking gets none."""
    with_thinking = exported(make(tmp_path / "with"), "alpaca", "think")
    without = exported(make(tmp_path / "without", reasoning=None), "alpaca", "think")
    assert with_thinking["output"] == "<think>\nHm.\n</think>\n\nSo."
    assert without["output"] == "So."


def test_the_ways_of_thinking_are_one_list() -> None:
    """The command line offers what the type allows."""
    assert get_args(Reasoning) == REASONING


@pytest.mark.parametrize(
    ("name", "reasoning", "expected_error"),
    [
        ("aplaca", "drop", r"Unknown export format 'aplaca'; did you mean 'alpaca'\? The formats are messages, alpaca"),
        ("xml", "drop", r"Unknown export format 'xml'\. The formats are messages, alpaca, sharegpt"),
        ("openai", "field", r"The format openai knows no reasoning 'field'; it takes drop or think\."),
        ("alpaca", "keep", r"The format alpaca knows no reasoning 'keep'; it takes drop or think or field\."),
    ],
    ids=["near", "far", "no field", "unknown reasoning"],
)
def test_what_cannot_be_exported_is_told(folder: Path, name: str, reasoning: Reasoning, expected_error: str) -> None:
    """The message names the value and what there is instead, and no file is made."""
    with pytest.raises(DatasetError, match=expected_error):
        export(folder, folder / "out.jsonl", format=name, reasoning=reasoning)
    assert not (folder / "out.jsonl").exists()


@pytest.mark.parametrize("name", ["out.csv", "out", "out.json"])
def test_a_name_that_says_no_kind_is_told(folder: Path, name: str) -> None:
    """The end of the name chooses the kind of file."""
    with pytest.raises(DatasetError, match=r"its name ends in \.jsonl or \.parquet"):
        export(folder, folder / name, format="alpaca")


def test_a_file_is_replaced_only_by_force(folder: Path) -> None:
    """What stands is not lost by a slip, and --force replaces it whole."""
    out = folder / "out.jsonl"
    out.write_text("mine")
    with pytest.raises(DatasetError, match="exists already") as caught:
        export(folder, out, format="alpaca")
    assert "--force" in caught.value.hint
    assert out.read_text() == "mine"
    assert export(folder, out, format="alpaca", force=True) == 1
    assert "Why?" in out.read_text()


def test_a_folder_is_never_replaced(folder: Path) -> None:
    """Not even by force."""
    (folder / "out.jsonl").mkdir()
    with pytest.raises(DatasetError, match="exists already"):
        export(folder, folder / "out.jsonl", format="alpaca", force=True)


def test_an_export_never_stands_among_the_shards(folder: Path) -> None:
    """A loader of the data set would take it for one of them."""
    with pytest.raises(DatasetError, match="among the shards"):
        export(folder, folder / "train" / "out.parquet", format="alpaca")
    assert [path.name for path in (folder / "train").iterdir()] == ["00000.parquet"]


def test_without_a_data_set_nothing_is_made(tmp_path: Path) -> None:
    """Not even the folder of the export."""
    with pytest.raises(DatasetError, match="There is no data set"):
        export(tmp_path / "data", tmp_path / "new" / "out.jsonl", format="alpaca")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(folder: Path) -> None:
    """A file stands where the folder should be."""
    (folder / "exports").write_text("")
    with pytest.raises(DatasetError, match=r"out\.jsonl cannot be written"):
        export(folder, folder / "exports" / "out.jsonl", format="alpaca")


def test_an_export_that_fails_half_way_leaves_what_stood(folder: Path) -> None:
    """A damaged second shard is told, the old file stays whole, and no half one stays beside it."""
    out = folder / "exports" / "out.jsonl"
    export(folder, out, format="alpaca")
    before = out.read_bytes()
    (folder / "train" / "00001.parquet").write_bytes(b"damaged")
    with pytest.raises(DatasetError, match=r"00001\.parquet cannot be read"):
        export(folder, out, format="openai", force=True)
    assert out.read_bytes() == before
    assert [path.name for path in out.parent.iterdir()] == ["out.jsonl"]


def test_a_conversation_of_another_form_is_named(tmp_path: Path) -> None:
    """A row that is no question with its answer is told by its id, and no turn is lost in silence."""
    turns = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]
    shard = pa.table({"id": ["row-1"], "messages": [turns], "reasoning": pa.nulls(1, pa.string())})
    (tmp_path / "train").mkdir()
    pq.write_table(shard, tmp_path / "train" / "00000.parquet")
    with pytest.raises(DatasetError, match="row-1 cannot be exported"):
        export(tmp_path, tmp_path / "out.jsonl", format="alpaca")


def test_an_empty_data_set_is_an_empty_export(tmp_path: Path) -> None:
    """Both kinds of file are there, with no row."""
    ShardWriter(tmp_path / "train", ROW_SCHEMA, 10).close()
    for suffix in (".jsonl", ".parquet"):
        assert export(tmp_path, tmp_path / f"out{suffix}", format="alpaca") == 0
    assert (tmp_path / "out.jsonl").read_bytes() == b""
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 0
