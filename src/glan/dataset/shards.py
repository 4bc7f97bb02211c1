"""A data set on disk: parquet shards, written and read as streams. It refuses to know what the columns mean.

    train/00000.parquet  train/00001.parquet  ...

Every shard but the last has the same number of rows, and the bytes of a shard follow from its rows alone: a longer
data set leaves the full shards of a shorter one as they are, byte for byte (with one version of pyarrow).
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, chain
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from glan.dataset.rows import REJECT_SCHEMA, ROW_SCHEMA, Storable
from glan.disk import sync
from glan.errors import DatasetError, file_error

ROW_GROUP_ROWS = 1_000
"""Rows that are held in memory, compressed together and read together."""
ROW_GROUP_LENGTH = 16_000_000
"""Characters from which a row group closes early: 10 MB replies must not fill the memory."""

_LONG_TEXTS = {"id", "messages", "reasoning", "detail", "raw"}
"""Columns whose values hardly repeat: looking for repetitions costs time and saves nothing."""
_KINDS = {field.name: field.type for schema in (ROW_SCHEMA, REJECT_SCHEMA) for field in schema}
"""What each column of ours holds."""
Rows = TypeVar("Rows", pa.RecordBatch, pa.Table)
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A finished file."""

    name: str
    rows: int
    sha256: str


class ShardWriter:
    """Writes rows into an empty folder; a shard has its name only when it is whole and on the disk.

    Used in a `with` block, it leaves no half shard behind when something fails in it.
    """

    def __init__(self, folder: Path, schema: pa.Schema, shard_rows: int) -> None:
        """Make the folder where it is missing.

        Raises:
            DatasetError: the folder cannot be made, or holds shards already.

        """
        if shard_rows < 1:
            raise DatasetError(f"A shard of {shard_rows} rows is not possible; it has one row or more.")
        self._folder, self._schema, self._shard_rows = folder, schema, shard_rows
        self._options = _options(schema)
        self._buffer: list[tuple[object, ...]] = []
        self._length = 0
        self._rows = 0
        self._file: pq.ParquetWriter | None = None
        # pyarrow compresses without holding the interpreter: beside it the next rows are made.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="parquet")
        self._writing: Future[None] | None = None
        self._shards: list[Shard] = []
        with _told(folder, "written"):
            folder.mkdir(parents=True, exist_ok=True)
            if _shards_in(folder):
                raise DatasetError(f"{folder} holds shards already; a data set is written into an empty folder.")
            for part in folder.glob(".*.parquet.part"):  # of a writer that was killed
                part.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def add(self, row: Storable) -> None:
        """Take the next row."""
        self._buffer.append(row.values())
        self._length += row.length
        is_full = self._rows + len(self._buffer) == self._shard_rows
        if is_full or len(self._buffer) == ROW_GROUP_ROWS or self._length >= ROW_GROUP_LENGTH:
            self._flush()
        if is_full:
            self._finish()

    def close(self) -> tuple[Shard, ...]:
        """Finish the last shard, and return all; without rows it is one empty shard, which loaders can read."""
        self._flush()
        if self._file is not None or not self._shards:
            self._finish()
        self._thread.shutdown()
        with _told(self._folder, "written"):
            sync(self._folder)
        return tuple(self._shards)

    @property
    def _path(self) -> Path:
        return self._folder / f"{len(self._shards):05}.parquet"

    @property
    def _part(self) -> Path:
        return self._path.with_name(f".{self._path.name}.part")

    def _open(self) -> pq.ParquetWriter:
        if self._file is None:
            self._file = pq.ParquetWriter(self._part, self._schema, **self._options)
        return self._file

    def _flush(self) -> None:
        """Write what is held as one row group, as soon as the one before is written."""
        if not self._buffer:
            return
        with _told(self._path, "written"):
            batch = _batch(self._buffer, self._schema)
        self._wait()
        with _told(self._path, "written"):
            self._writing = self._thread.submit(self._open().write_batch, batch)
        self._rows += len(self._buffer)
        self._buffer = []
        self._length = 0

    def _wait(self) -> None:
        """Let the row group that is being written be written."""
        writing, self._writing = self._writing, None
        if writing is not None:
            with _told(self._path, "written"):
                writing.result()

    def _finish(self) -> None:
        self._wait()
        path, part = self._path, self._part
        with _told(path, "written"):
            self._open().close()
            with part.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                os.fsync(file.fileno())
            part.rename(path)
        self._shards.append(Shard(name=path.name, rows=self._rows, sha256=sha256))
        self._file = None
        self._rows = 0

    def discard(self) -> None:
        """Drop what is not finished; the shards that have their names stay. After `close` there is nothing to drop."""
        self._buffer = []
        self._thread.shutdown()  # waits for what is being written
        self._writing = None
        if self._file is not None:
            with contextlib.suppress(OSError, pa.ArrowException):  # closing writes a footer: a full disk refuses it
                self._file.close()
            self._file = None
        self._part.unlink(missing_ok=True)


def read_rows(folder: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows in order.

    Here and below, the folder is one of shards, or a data set, whose `train` is read.

    Raises:
        DatasetError: there is no data set, or a shard cannot be read.

    """
    for path in shards_of(folder):
        with _opened(path, columns or ()) as file:
            for batch in file.iter_batches(ROW_GROUP_ROWS, columns=columns):
                yield from _with_ids(batch, path).to_pylist()


def ids(folder: Path) -> Iterator[str]:
    """Yield the ids in order, reading no other column."""
    for row in read_rows(folder, ["id"]):
        yield row["id"]


def find_row(folder: Path, id: str, columns: Iterable[str] = ()) -> dict[str, Any] | None:  # noqa: A002 - it is called an id everywhere
    """Return the row with an id, which has some columns and maybe others, or None; one row group is read whole."""
    for path in shards_of(folder):
        with _opened(path, ["id", *columns]) as file:
            for group in range(file.num_row_groups):
                place = file.read_row_group(group, columns=["id"])["id"].index(id).as_py()
                if place >= 0:
                    found: dict[str, Any] = file.read_row_group(group).slice(place, 1).to_pylist()[0]
                    return found
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows that are read together: a row group of a shard."""

    path: Path
    number: int
    """Of the group in its shard."""
    first: int
    """Number of its first row, counted through all shards."""
    rows: int

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return some columns of it, or all.

        Raises:
            DatasetError: the shard cannot be read, or is another one by now, with fewer groups.

        """
        with _opened(self.path, columns or ()) as file:
            if self.number >= file.num_row_groups:
                raise DatasetError(f"{self.path} is not what it was: it has fewer rows.")
            return _with_ids(file.read_row_group(self.number, columns=columns), self.path)


def groups_of(folder: Path) -> tuple[Group, ...]:
    """Return the row groups of all shards in order, from the footers alone."""
    found: list[Group] = []
    first = 0
    for path in shards_of(folder):
        with _told(path, "read"):
            footer = pq.read_metadata(path)
        for number in range(footer.num_row_groups):
            rows = footer.row_group(number).num_rows
            found.append(Group(path=path, number=number, first=first, rows=rows))
            first += rows
    return tuple(found)


def rows_with(folder: Path, ids: Iterable[str], columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows with some ids, in order; the others are not built."""
    wanted = pa.array(sorted(set(ids)), pa.string())
    found: list[dict[str, Any]] = []
    for path in shards_of(folder):
        with _opened(path, columns) as file:
            for batch in file.iter_batches(ROW_GROUP_ROWS, columns=list(columns)):
                found += _with_ids(batch, path).filter(pc.is_in(batch["id"], value_set=wanted)).to_pylist()
    return found


def shards_of(folder: Path) -> tuple[Path, ...]:
    """Return the shards in order."""
    with _told(folder, "read"):
        found = _shards_in(folder / "train") or _shards_in(folder)
    if not found:
        raise DatasetError(f"There is no data set in {folder}: it has no *.parquet.", hint="`glan run` makes one.")
    return found


def _shards_in(folder: Path) -> tuple[Path, ...]:
    # The length goes first, so that 100000 stands after 99999.
    found = (path for path in folder.glob("*.parquet") if not path.name.startswith("."))
    return tuple(sorted(found, key=lambda path: (len(path.name), path.name)))


@contextlib.contextmanager
def _opened(path: Path, columns: Sequence[str]) -> Iterator[pq.ParquetFile]:
    """Open a shard that has some columns; pyarrow itself leaves out what is missing without a word."""
    with _told(path, "read"), pq.ParquetFile(path) as file:
        for name in columns:
            if name not in file.schema_arrow.names:
                raise DatasetError(f"{path} is no shard of a data set of ours: it has no column {name!r}.")
            found = file.schema_arrow.field(name).type
            if name in _KINDS and not _is_like(found, _KINDS[name]):
                raise DatasetError(
                    f"{path} is no shard of a data set of ours: its column {name!r} holds {str(found)[:80]}."
                )
        yield file


def _is_like(found: pa.DataType, kind: pa.DataType) -> bool:
    """Say whether a column can be read as one of ours; other programs write the same with other widths and names."""
    if pa.types.is_null(found):
        return True
    if pa.types.is_list(kind):
        return _is_list(found) and _is_like(found.value_type, kind.value_type)
    if pa.types.is_struct(kind):
        names = [field.name for field in found] if pa.types.is_struct(found) else []
        return all(field.name in names and _is_like(found.field(field.name).type, field.type) for field in kind)
    if pa.types.is_dictionary(found):
        return _is_like(found.value_type, kind)
    return next(is_of(found) for is_of in (_is_text, pa.types.is_integer, pa.types.is_floating) if is_of(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _with_ids(rows: Rows, path: Path) -> Rows:
    """Return rows, each of which has an id, if they have any."""
    if "id" in rows.schema.names and rows.column("id").null_count:
        raise DatasetError(f"{path} is no shard of a data set of ours: it has a row without an id.")
    return rows


@contextlib.contextmanager
def _told(path: Path, done: str) -> Iterator[None]:
    """Turn what pyarrow and the disk raise into one sentence."""
    try:
        yield
    except (OSError, pa.ArrowException, ValueError) as error:
        raise file_error(DatasetError, path, done, error) from error


def _options(schema: pa.Schema) -> dict[str, Any]:
    leaves = [f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name for field in schema]
    return {
        "compression": "zstd",
        "use_dictionary": [leaf for leaf in leaves if leaf.partition(".")[0] not in _LONG_TEXTS],
        "write_statistics": ["slot"],
    }


def _batch(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [_array(column, field.type) for column, field in zip(zip(*rows, strict=True), schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(column: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if column.count(None) == len(column):  # most features are not used, and nothing is to be built for them
        return pa.nulls(len(column), kind)
    if pa.types.is_list(kind):
        return _lists(column, kind)
    try:
        return pa.array(column, kind)
    except UnicodeEncodeError:  # a lone surrogate has no UTF-8, and one bad text must not stop a run
        return pa.array(
            [text if text is None else _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text) for text in column]
        )


def _lists(column: Sequence[Sequence[Any] | None], kind: pa.ListType) -> pa.Array:
    """Build lists from offsets and flat values, three times as fast as from a list of lists of dicts."""
    present = [items or () for items in column]
    ends = list(accumulate(map(len, present), initial=0))
    mask = pa.array([items is None for items in column]) if None in column else None
    values = _values(list(chain.from_iterable(present)), kind.value_type)
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values, type=kind, mask=mask)


def _values(flat: list[Any], kind: pa.DataType) -> pa.Array:
    if not pa.types.is_struct(kind):
        return _array(flat, kind)
    columns = [_array(list(map(attrgetter(field.name), flat)), field.type) for field in kind]
    return pa.StructArray.from_arrays(columns, fields=list(kind))
