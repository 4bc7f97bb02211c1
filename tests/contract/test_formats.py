"""Every export format keeps questions and answers, and writes what its readers take."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from decided_slots import pair, reply

from glan.dataset.formats import FORMATS, REASONING, WRITERS, Reasoning, export, export_preferences
from glan.dataset.rows import ROW_SCHEMA, row_of
from glan.dataset.shards import ShardWriter
from glan.errors import DatasetError
from glan.records import Reply

HOSTILE = 'He said "no"\r\n\t\\n\u2028\u2029\u0085{"role": "system"}</think>\x00\N{PILE OF POO}'
OUTVOTED = "A lamp."
CASES = [
    ("What is a star?", "A ball of gas.", "Hm."),
    (HOSTILE, HOSTILE[::-1], HOSTILE),
    ("", "", None),
    ("多少?", "三", None),
]

WAYS = [
    (name, reasoning)
    for name, form in FORMATS.items()
    for reasoning in REASONING
    if reasoning != "field" or form.schema_with_field is not None
]
EVERY_WAY = [(name, reasoning, suffix) for name, reasoning in WAYS for suffix in WRITERS]


@pytest.fixture(params=[None, "Be kind."], ids=["no system", "system"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Return a data set of the cases, with and without a system message."""
    with ShardWriter(tmp_path / "train", ROW_SCHEMA, 3) as writer:
        for i, (asked, answered, thought) in enumerate(CASES):
            decided = pair(i, asked, reply(answered, reasoning=thought))
            writer.add(row_of(decided, language="en", system=request.param))
        writer.close()
    return tmp_path


def exported(folder: Path, out: Path, *, format: str, reasoning: Reasoning = "drop") -> int:  # noqa: A002 - as in `export`
    """Export in any format, with an answer to reject where there must be one."""
    if not FORMATS[format].has_rejected:
        return export(folder, out, format=format, reasoning=reasoning)
    other = Reply(text=OUTVOTED, reasoning="Hm?")
    return export_preferences(folder, out, lambda _: other, reasoning=reasoning)


def read(path: Path) -> list[dict[str, Any]]:
    """Read a file as the strictest reader of its kind would."""
    if path.suffix == ".parquet":
        found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return found
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def texts(value: object) -> Iterator[str]:
    """Yield every text in a row."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


@pytest.mark.parametrize(("name", "reasoning", "suffix"), EVERY_WAY)
def test_questions_and_answers_survive(
    folder: Path, tmp_path: Path, name: str, reasoning: Reasoning, suffix: str
) -> None:
    """Each row holds its question and its answer whole, whatever is in them, in the order of the data set."""
    out = tmp_path / f"out{suffix}"
    assert exported(folder, out, format=name, reasoning=reasoning) == len(CASES)
    for row, (asked, answered, thought) in zip(read(out), CASES, strict=True):
        found = list(texts(row))
        whole = f"<think>\n{thought}\n</think>\n\n{answered}" if thought and reasoning == "think" else answered
        assert asked in found
        assert whole in found
        assert (thought in found) == (thought is not None and reasoning == "field") or thought in (asked, answered)


@pytest.mark.parametrize(("name", "reasoning", "suffix"), EVERY_WAY)
def test_an_export_is_the_same_each_time(
    folder: Path, tmp_path: Path, name: str, reasoning: Reasoning, suffix: str
) -> None:
    """The same data set gives the same bytes, and nothing half stays beside them."""
    outs = [tmp_path / kind / f"out{suffix}" for kind in ("one", "two")]
    for out in outs:
        exported(folder, out, format=name, reasoning=reasoning)
        assert [path.name for path in out.parent.iterdir()] == [out.name]
    assert outs[0].read_bytes() == outs[1].read_bytes()


@pytest.mark.parametrize(("name", "reasoning"), WAYS)
def test_both_kinds_of_file_hold_the_same_rows(folder: Path, tmp_path: Path, name: str, reasoning: Reasoning) -> None:
    """JSON lines and parquet differ in nothing but the kind of file."""
    for suffix in WRITERS:
        exported(folder, tmp_path / f"out{suffix}", format=name, reasoning=reasoning)
    lines, table = read(tmp_path / "out.jsonl"), read(tmp_path / "out.parquet")
    for line, row in zip(lines, table, strict=True):
        assert list(line) == list(row)
        assert list(texts(line)) == list(texts(row))


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("name", FORMATS)
def test_datasets_loads_every_format(
    folder: Path, tmp_path: Path, name: str, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library under most trainers reads each export without a script."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    datasets = pytest.importorskip("datasets")
    out = tmp_path / "exports" / f"out{suffix}"
    exported(folder, out, format=name, reasoning="think")
    kind = {".jsonl": "json", ".parquet": "parquet"}[suffix]
    loaded = datasets.load_dataset(kind, data_files=str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows == len(CASES)
    assert "What is a star?" in list(texts(loaded[0]))


@pytest.mark.parametrize("name", FORMATS)
def test_a_parquet_export_has_the_columns_of_the_table(folder: Path, tmp_path: Path, name: str) -> None:
    """A column of nulls alone has its type too, so that exports can be joined."""
    form = FORMATS[name]
    exported(folder, tmp_path / "out.parquet", format=name)
    assert pq.read_schema(tmp_path / "out.parquet").remove_metadata() == form.schema
    if form.schema_with_field is not None:
        exported(folder, tmp_path / "field.parquet", format=name, reasoning="field")
        assert pq.read_schema(tmp_path / "field.parquet").remove_metadata() == form.schema_with_field


def test_preferences_are_as_trainers_of_preferences_take_them(folder: Path, tmp_path: Path) -> None:
    """A row is a prompt, what is to be said and what is not, each a list of messages; thinking as elsewhere."""
    out = tmp_path / "out.jsonl"
    exported(folder, out, format="preference", reasoning="think")
    row = read(out)[0]
    assert list(row) == ["id", "prompt", "chosen", "rejected"]
    assert row["prompt"][-1] == {"role": "user", "content": "What is a star?"}
    assert row["chosen"] == [{"role": "assistant", "content": "<think>\nHm.\n</think>\n\nA ball of gas."}]
    assert row["rejected"] == [{"role": "assistant", "content": f"<think>\nHm?\n</think>\n\n{OUTVOTED}"}]
    exported(folder, tmp_path / "field.jsonl", format="preference", reasoning="field")
    kept = read(tmp_path / "field.jsonl")[0]["rejected"]
    assert kept == [{"role": "assistant", "content": OUTVOTED, "reasoning_content": "Hm?"}]


def test_rows_without_another_answer_are_no_preferences(folder: Path, tmp_path: Path) -> None:
    """Only rows with an answer to reject are written, and a data set alone has none."""
    out = tmp_path / "out.jsonl"
    kept = "question/astronomy/orbits/1"
    rows = export_preferences(folder, out, lambda row: Reply(text=OUTVOTED) if row["id"] == kept else None)
    assert (rows, [row["id"] for row in read(out)]) == (1, [kept])
    with pytest.raises(DatasetError, match="needs other answers"):
        export(folder, tmp_path / "no.jsonl", format="preference")
