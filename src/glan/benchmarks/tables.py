"""Rows of files that others made: JSON lines, parquet, CSV, one row at a time. What is in them is data, and no code.

Every error tells the file, the row and what is wrong with it in one sentence.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from glan.errors import DatasetError, file_error
from glan.parsing import clean

LONGEST_LINE: Final = 1 << 26
"""In bytes: 64 MB. What is longer is no row, and is never read whole."""
_BATCH: Final = 1_000
_BUFFER: Final = 1 << 20
"""Bytes of a column that are read at once."""
_SHOWN: Final = 12
_LONGEST_NAME: Final = 60

Fields = Mapping[str, object]


class Row(NamedTuple):
    """A row and where it stands."""

    path: Path
    number: int
    """Counted from 1: the line of a file of lines, the row of any other."""
    fields: Fields

    @property
    def place(self) -> str:
        return f"{self.path}:{self.number}"


def files_of(path: Path) -> tuple[Path, ...]:
    """Return a file, or the files with rows in a folder and below it, in the order of their names.

    Raises:
        DatasetError: there is nothing, or nothing that can be read.

    """
    if path.is_file() or not path.exists():
        _reader_of(path)
        if not path.exists():
            raise DatasetError(f"{path} is not there.")
        return (path,)
    found = [each for each in sorted(path.rglob("*")) if each.suffix.casefold() in READERS and each.is_file()]
    visible = tuple(each for each in found if not any(part[0] == "." for part in each.relative_to(path).parts))
    if not visible:
        raise DatasetError(f"{path} has no file that ends in {_kinds()}.")
    return visible


def rows_of(path: Path) -> Iterator[Row]:
    """Yield the rows of one file.

    Raises:
        DatasetError: it cannot be read, or a row is no object with named fields.

    """
    read = _reader_of(path)
    with _told(path):
        for number, fields in read(path):
            yield Row(path, number, fields)


def text_of(row: Row, field: str) -> str:
    """Return what a field of a row says: a text, a number, or a list of them, a line each; nothing for a null.

    `a.b` is the field `b` inside `a`, and `a+b` are the texts of two.

    Raises:
        DatasetError: the row has no such field, or what it holds is no text.

    """
    return "\n".join(clean(_text(value_of(row, part), row, part)) for part in field.split("+"))


def value_of(row: Row, field: str) -> object:
    """Return what a field of a row holds; `a.b` is the field `b` inside `a`.

    Raises:
        DatasetError: the row has no such field.

    """
    found: object = row.fields
    for name in [field] if field in row.fields else field.split("."):
        if not isinstance(found, Mapping) or name not in found:
            known = [str(each)[:_LONGEST_NAME] for each in found] if isinstance(found, Mapping) else []
            more = ", ..." if len(known) > _SHOWN else ""
            raise DatasetError(
                f"{row.place} has no field {field!r}.",
                hint=f"Its fields are {', '.join(known[:_SHOWN])}{more}." if known else "",
            )
        found = found[name]
    return found


def _text(value: object, row: Row, field: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return "\n".join(_text(each, row, field) for each in value)
    inside = f" It holds {', '.join(map(str, value))}: name one as {field}.NAME." if isinstance(value, Mapping) else ""
    raise DatasetError(f"{row.place} has no text in its field {field!r}, but a {type(value).__name__}.", hint=inside)


def _lines(path: Path) -> Iterator[tuple[int, Fields]]:
    decode = msgspec.json.Decoder().decode
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise DatasetError(f"{path}:{number} is longer than {LONGEST_LINE >> 20} MB; that is no row.")
            line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not line.strip():
                continue
            try:
                found = decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise DatasetError(f"{path}:{number} is not JSON: {error}.") from error
            yield number, _object(found, f"{path}:{number}")


def _object(found: object, place: str) -> Fields:
    if not isinstance(found, dict):
        raise DatasetError(f"{place} is no object with named fields, but a {type(found).__name__}.")
    return found


def _parquet(path: Path) -> Iterator[tuple[int, Fields]]:
    import pyarrow as pa  # noqa: PLC0415 - loaded when it is needed
    import pyarrow.parquet as pq  # noqa: PLC0415 - likewise

    number = 0
    try:
        # Otherwise a group of rows, which may be the whole file, is read at once.
        with pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file:
            for batch in file.iter_batches(_BATCH):
                for fields in batch.to_pylist():
                    number += 1
                    yield number, fields
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise file_error(DatasetError, path, "read as parquet", error) from error


def _csv(path: Path) -> Iterator[tuple[int, Fields]]:
    csv.field_size_limit(LONGEST_LINE)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader: Iterator[dict[Any, Any]] = iter(csv.DictReader(file))
        number = 0
        while True:
            try:
                fields = next(reader)
            except StopIteration:
                return
            except (csv.Error, UnicodeDecodeError) as error:
                raise DatasetError(f"{path} cannot be read as CSV after row {number}: {error}.") from error
            number += 1
            yield number, {str(name): value for name, value in fields.items() if name is not None}


READERS: Mapping[str, Callable[[Path], Iterator[tuple[int, Fields]]]] = {
    ".jsonl": _lines,
    ".ndjson": _lines,
    ".parquet": _parquet,
    ".csv": _csv,
}
"""The kinds of file by the end of their names."""


def _kinds() -> str:
    return f"{', '.join([*READERS][:-1])} or {[*READERS][-1]}"


def _reader_of(path: Path) -> Callable[[Path], Iterator[tuple[int, Fields]]]:
    found = READERS.get(path.suffix.casefold())
    if found is None:
        raise DatasetError(f"{path} cannot be read: its name does not end in {_kinds()}.")
    return found


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise file_error(DatasetError, path, "read", error) from error
