"""Shards: what is written, what is read back, and who can read it."""

import hashlib
import resource
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from decided_slots import ended, pair, reply
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from glan.dataset.card import Card, render_card
from glan.dataset.rows import REJECT_SCHEMA, ROW_SCHEMA, Check, Row, Score, Storable, reject_of, row_of
from glan.dataset.shards import Shard, ShardWriter, find_row, ids, read_rows, shards_of
from glan.dataset.statistics import Statistics
from glan.errors import DatasetError
from glan.records import Stage


def rows(count: int) -> list[Row]:
    return [row_of(pair(ordinal), language="en") for ordinal in range(count)]


def write(folder: Path, found: Iterable[Storable], shard_rows: int = 10, schema: pa.Schema = ROW_SCHEMA) -> list[Shard]:
    with ShardWriter(folder, schema, shard_rows) as writer:
        for row in found:
            writer.add(row)
        return list(writer.close())


def card(split: str) -> Card:
    return Card(
        name="orbits",
        languages={"en": 1.0},
        statistics=Statistics().result(),
        seed=0,
        version="0.1.0",
        prompts={},
        models={Stage.QUESTIONS: "model", Stage.ANSWERS: "model"},
        license="Our own, 2026",
        citation="@misc{orbits, title = {```}}",
        split=split,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    """Every column survives, those of features that are seldom used too."""
    plain, rich = rows(2)
    rich = replace(
        rich,
        reasoning="Hm.",
        task="proof",
        sources=("a", "b"),
        scores=(Score(name="clear", value=0.5), Score(name="right", value=1.0)),
        checks=(Check(name="units", verdict="agree"),),
        pii=("e-mail",),
    )
    write(tmp_path, [plain, rich])
    first, second = read_rows(tmp_path)
    assert first["messages"] == [
        {"role": "user", "content": "What is orbit 0?"},
        {"role": "assistant", "content": "Orbit 0 is an ellipse."},
    ]
    assert (first["slot"], first["sessions"], first["key_concepts"]) == (
        0,
        ["Session 1"],
        ["Concept 1.0", "Concept 1.1"],
    )
    assert (first["reasoning"], first["sources"], first["scores"], first["checks"]) == (None, None, None, None)
    assert (second["reasoning"], second["task"], second["sources"]) == ("Hm.", "proof", ["a", "b"])
    assert second["scores"] == [{"name": "clear", "value": 0.5}, {"name": "right", "value": 1.0}]
    assert second["checks"] == [{"name": "units", "verdict": "agree"}]
    assert (first["pii"], second["pii"]) == (None, ["e-mail"])


def test_rejects_come_back_as_far_as_they_came(tmp_path: Path) -> None:
    """A reject without a question has no messages, and one with an answer has both."""
    found = [reject_of(ended(0, stage), language="en") for stage in (Stage.SUBJECTS, Stage.ANSWERS)]
    write(tmp_path, found, schema=REJECT_SCHEMA)
    first, second = read_rows(tmp_path)
    assert (first["messages"], first["subject"], first["reason"]) == ([], None, "empty")
    assert [message["role"] for message in second["messages"]] == ["user", "assistant"]


@given(
    text=st.text(st.characters(exclude_categories=["Cs"])), thought=st.text(st.characters(exclude_categories=["Cs"]))
)
@settings(max_examples=30, deadline=None)
def test_any_text_survives(text: str, thought: str) -> None:
    """NULs, quotes, line ends of every script and emoji come back as they were."""
    with TemporaryDirectory() as folder:
        write(Path(folder), [row_of(pair(0, text, reply(text, reasoning=thought)), language="en")])
        (row,) = read_rows(Path(folder))
    assert [message["content"] for message in row["messages"]] == [text, text]
    assert row["reasoning"] == (thought or None)


def test_a_lone_surrogate_is_replaced_and_harms_no_other_row(tmp_path: Path) -> None:
    """It has no UTF-8; one bad text becomes U+FFFD there, and the texts beside it stay as they are."""
    write(tmp_path, [row_of(pair(i, text), language="en") for i, text in enumerate(["a\ud800b", "c\r\x00d"])])
    assert [row["messages"][0]["content"] for row in read_rows(tmp_path)] == ["a\ufffdb", "c\r\x00d"]


@given(shorter=st.integers(0, 12), more=st.integers(0, 12), shard_rows=st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_a_longer_data_set_leaves_full_shards_as_they_are(shorter: int, more: int, shard_rows: int) -> None:
    """The full shards of N rows are those of M > N rows byte for byte, and N rows are the first of M."""
    found = rows(shorter + more)
    with TemporaryDirectory() as folder:
        few, many = Path(folder, "few"), Path(folder, "many")
        shards = write(few, found[:shorter], shard_rows)
        write(many, found, shard_rows)
        for shard in shards:
            assert shard.rows < shard_rows or files(few)[shard.name] == files(many)[shard.name]
        assert list(read_rows(few)) == list(read_rows(many))[:shorter]


@given(count=st.integers(0, 20), shard_rows=st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_shards_are_full_but_the_last_and_named_without_a_total(count: int, shard_rows: int) -> None:
    """A data set of N rows has as many shards as N needs, at least one, and their hashes are told."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        shards = write(folder, rows(count), shard_rows)
        found = files(folder)
    assert [shard.name for shard in shards] == sorted(found) == [f"{i:05}.parquet" for i in range(len(shards))]
    assert len(shards) == max(1, -(-count // shard_rows))
    assert [shard.rows for shard in shards[:-1]] == [shard_rows] * (len(shards) - 1)
    assert sum(shard.rows for shard in shards) == count
    assert [shard.sha256 for shard in shards] == [hashlib.sha256(found[shard.name]).hexdigest() for shard in shards]


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    """Neither the time nor the folder is in a shard, across row groups too."""
    found = rows(1_500)
    write(tmp_path / "one", found, 10_000)
    write(tmp_path / "two", found, 10_000)
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert pq.read_metadata(tmp_path / "one" / "00000.parquet").num_row_groups == 2


def test_long_replies_close_a_row_group_early(tmp_path: Path) -> None:
    """Rows of 6 million letters are not held a thousand at a time."""
    write(tmp_path, [row_of(pair(i, "x" * 6_000_000), language="en") for i in range(4)])
    metadata = pq.read_metadata(tmp_path / "00000.parquet")
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [3, 1]


def test_a_folder_with_shards_is_refused(tmp_path: Path) -> None:
    """Two data sets never mix in one folder, and the one that stands stays as it is."""
    write(tmp_path, rows(1))
    before = files(tmp_path)
    with pytest.raises(DatasetError, match="holds shards already"):
        ShardWriter(tmp_path, ROW_SCHEMA, 10)
    assert files(tmp_path) == before


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    """A loader takes every file of the folder, so no half one may stay."""
    (tmp_path / ".00003.parquet.part").write_bytes(b"half")
    write(tmp_path, rows(1))
    assert sorted(files(tmp_path)) == ["00000.parquet"]


def test_a_writer_that_fails_leaves_whole_shards_only(tmp_path: Path) -> None:
    """When something goes wrong in the block, the shard that was begun vanishes."""

    def fail_after(found: list[Row]) -> Iterator[Row]:
        yield from found
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write(tmp_path, fail_after(rows(2_600)), 1_500)
    assert sorted(files(tmp_path)) == ["00000.parquet"]
    assert len(list(ids(tmp_path))) == 1_500


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Let no file grow over 20 KB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_is_told_and_nothing_half_stays(tmp_path: Path) -> None:
    """The error names the shard, and the folder holds no part of it."""
    found = [
        row_of(pair(i, "".join(chr(65 + i * k * k % 57) for k in range(700))), language="en") for i in range(2_000)
    ]
    with pytest.raises(DatasetError, match=r"00000\.parquet cannot be written"):
        write(tmp_path, found, 10_000)
    assert files(tmp_path) == {}


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "train").write_text("")
    with pytest.raises(DatasetError, match="train cannot be written"):
        ShardWriter(tmp_path / "train", ROW_SCHEMA, 10)


def test_a_shard_has_a_row_or_more(tmp_path: Path) -> None:
    """Zero rows in a shard would never end."""
    with pytest.raises(DatasetError, match="A shard of 0 rows"):
        ShardWriter(tmp_path, ROW_SCHEMA, 0)


def test_rows_are_listed_and_found(tmp_path: Path) -> None:
    """A row is found by its id in whichever shard it stands."""
    found = rows(25)
    write(tmp_path / "train", found)
    assert list(ids(tmp_path / "train")) == [row.id for row in found]
    row = find_row(tmp_path / "train", found[23].id)
    assert row is not None
    assert (row["slot"], row["messages"][0]["content"]) == (23, "What is orbit 23?")
    assert find_row(tmp_path / "train", "question/astronomy/orbits/99") is None


def test_a_data_set_is_read_by_its_own_folder_too(tmp_path: Path) -> None:
    """Who names the data set means its training rows."""
    write(tmp_path / "train", rows(3))
    pq.write_table(pa.table({"text": ["an export"]}), tmp_path / "out.parquet")
    assert len(list(ids(tmp_path))) == 3


def test_columns_can_be_chosen(tmp_path: Path) -> None:
    """What is not asked for is not read."""
    write(tmp_path, rows(1))
    assert list(read_rows(tmp_path, ["slot", "id"])) == [{"slot": 0, "id": "question/astronomy/orbits/0"}]


def test_shards_stand_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """The hundred-thousandth shard does not slip in front."""
    for name in ("100000", "99999", "00000"):
        (tmp_path / f"{name}.parquet").touch()
    assert [path.stem for path in shards_of(tmp_path)] == ["00000", "99999", "100000"]


@pytest.mark.parametrize("name", ["absent", "empty"])
def test_no_data_set_is_told(tmp_path: Path, name: str) -> None:
    """The message names the folder, and the way out is the command that makes one."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=f"There is no data set in .*{name}") as caught:
        list(ids(tmp_path / name))
    assert "glan run" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"PAR1 and then nothing", b"\x00" * 100], ids=["empty", "cut", "zeros"])
def test_a_damaged_shard_is_named(tmp_path: Path, content: bytes) -> None:
    """A file that is no parquet is told by its name, whoever reads it."""
    (tmp_path / "00000.parquet").write_bytes(content)
    with pytest.raises(DatasetError, match=r"00000\.parquet cannot be read"):
        list(read_rows(tmp_path))
    with pytest.raises(DatasetError, match=r"00000\.parquet cannot be read"):
        find_row(tmp_path, "x")


def test_a_foreign_shard_is_told(tmp_path: Path) -> None:
    """A parquet file without our columns is no data set of ours."""
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "00000.parquet")
    with pytest.raises(DatasetError, match="it has no column 'id'"):
        list(ids(tmp_path))
    with pytest.raises(DatasetError, match="it has no column 'id'"):
        find_row(tmp_path, "x")


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    """A stranger's file may say that bytes are UTF-8 when they are not."""
    broken = pa.array([b"\xff\xfe"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"id": broken}), tmp_path / "00000.parquet")
    with pytest.raises(DatasetError, match=r"00000\.parquet cannot be read"):
        list(ids(tmp_path))


COUNTS = pytest.mark.parametrize("count", [0, 25], ids=["empty", "three shards"])


@COUNTS
def test_polars_reads_the_folder(tmp_path: Path, count: int) -> None:
    """Polars finds the rows in order and the messages as lists of structs."""
    write(tmp_path, rows(count))
    frame = pl.read_parquet(tmp_path / "*.parquet")
    assert frame["slot"].to_list() == list(range(count))
    assert frame.schema["messages"] == pl.List(pl.Struct({"role": pl.String, "content": pl.String}))


@COUNTS
def test_duckdb_reads_the_folder(tmp_path: Path, count: int) -> None:
    """DuckDB counts the rows and reaches into the messages."""
    write(tmp_path, rows(count))
    with duckdb.connect() as connection:
        shards = f"read_parquet('{tmp_path}/*.parquet')"
        assert connection.execute(f"SELECT count(*) FROM {shards}").fetchone() == (count,)  # noqa: S608 - our own path
        found = connection.execute(f"SELECT messages[1].content FROM {shards} WHERE slot = 24").fetchone()  # noqa: S608 - our own path
    assert found == (("What is orbit 24?",) if count else None)


@COUNTS
def test_pyarrow_reads_the_folder(tmp_path: Path, count: int) -> None:
    """A pyarrow dataset takes every file of the folder and has our schema."""
    write(tmp_path, rows(count))
    found = pyarrow.dataset.dataset(tmp_path)
    assert found.schema.names == ROW_SCHEMA.names
    assert found.to_table()["slot"].to_pylist() == list(range(count))


@COUNTS
def test_a_loader_of_every_file_finds_shards_alone(tmp_path: Path, count: int) -> None:
    """Folder loaders of trainers take whatever is there, hidden files too: all of it is parquet of one schema."""
    write(tmp_path, rows(count))
    tables = [pq.read_table(path) for path in sorted(tmp_path.iterdir())]
    assert pa.concat_tables(tables).num_rows == count


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Keep `datasets` from asking the hub, and return a cache for it."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hub")))
    return str(tmp_path_factory.mktemp("cache"))


@pytest.mark.parametrize("split", ["train", "test"])
def test_datasets_loads_the_folder(tmp_path: Path, offline: str, split: str) -> None:
    """With its card in place the folder of a data set or of a test set loads without a script, as what it is."""
    datasets = pytest.importorskip("datasets")
    write(tmp_path / split, rows(25))
    write(tmp_path / "rejects", [])
    (tmp_path / "README.md").write_text(render_card(card(split)), encoding="utf-8")
    loaded = datasets.load_dataset(str(tmp_path), cache_dir=offline)
    assert {name: found.num_rows for name, found in loaded.items()} == {split: 25}
    assert loaded[split].column_names == ROW_SCHEMA.names
    assert [row["slot"] for row in loaded[split]] == list(range(25))


def test_datasets_streams_an_empty_data_set(tmp_path: Path, offline: str) -> None:
    """A split without rows is nothing that `datasets` can hold, and as a stream it has the columns and no row."""
    datasets = pytest.importorskip("datasets")
    write(tmp_path / "train", [])
    loaded = datasets.load_dataset(str(tmp_path), split="train", streaming=True, cache_dir=offline)
    assert loaded.features is not None
    assert list(loaded.features) == ROW_SCHEMA.names
    assert list(loaded) == []


def test_datasets_loads_the_shards_without_a_card(tmp_path: Path, offline: str) -> None:
    """A trainer's loader that is pointed to `train` takes every file there."""
    datasets = pytest.importorskip("datasets")
    write(tmp_path / "train", rows(25))
    loaded = datasets.load_dataset("parquet", data_dir=str(tmp_path / "train"), split="train", cache_dir=offline)
    assert loaded[24]["messages"][0] == {"role": "user", "content": "What is orbit 24?"}
