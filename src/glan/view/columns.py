"""What can be looked through at once: the short columns of every row, in files that are mapped into memory.

    columns.arrow   a record for each row, pairs first, then rejects and failures: codes in place of texts
    values.arrow    the texts that the codes stand for, a list for each column

A million rows are 0.3 GB on disk and a few megabytes of memory for each column that a filter asks for. It refuses to
know where the rows come from and what is shown of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from glan.dataset.rows import REJECT_SCHEMA
from glan.errors import DatasetError

T = TypeVar("T")
Codes: TypeAlias = NDArray[np.int32]
Mask: TypeAlias = NDArray[np.bool_]
Numbers: TypeAlias = NDArray[np.float64]

CATEGORIES = (
    "outcome", "stage", "reason", "field", "sub_field", "discipline", "subject", "level", "strategy", "task",
    "difficulty", "language", "question_model", "answer_model", "finish_reason", "safety", "detail", "system",
    "leaf", "subject_key",
)  # fmt: skip
"""Columns with one text a row; the last two are the parts of its id."""
LISTS = ("sessions", "key_concepts", "pii", "sources", "checks", "scores")
"""Columns with any number of texts a row. Of scores and checks these are the names."""
NUMBERS = ("question_tokens", "answer_tokens", "question_length", "answer_length", "slot")
HEAD_LENGTH = 200
"""Characters of a question that lists show."""
_WALKED = ("outcome", "leaf", "subject_key", "subject", "level", "sessions", "key_concepts")
NO_CODE = -1
"""Stands for no text."""

_ID_PARTS = r"^(?P<kind>[a-z]+)/(?P<leaf>[^/]*)/(?P<rest>.*)$"
_SUBJECT = r"^(?:question|test)/[^/]*/(?P<subject>[^/]*)/[0-9]+$"
_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("head", pa.string()),
        *(pa.field(name, pa.int32()) for name in CATEGORIES),
        *(pa.field(name, pa.list_(pa.int32())) for name in LISTS),
        *(pa.field(name, pa.float64()) for name in NUMBERS),
        pa.field("score_values", pa.list_(pa.float64())),
    ]
)
_VALUES_SCHEMA = pa.schema({"name": pa.string(), "values": pa.list_(pa.string())})
COLUMNS, VALUES = "columns.arrow", "values.arrow"


class Writer:
    """Writes the columns of rows, a table at a time; the files are whole after `close`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._codes: dict[str, dict[str, int]] = {name: {} for name in (*CATEGORIES, *LISTS)}
        self._file = pa.ipc.new_file(folder / COLUMNS, _SCHEMA)

    def add(self, rows: pa.Table) -> None:
        """Add rows, as a data set or its rejects hold them.

        Raises:
            pa.ArrowException: they are none of ours.

        """
        rows = ours(rows, REJECT_SCHEMA).combine_chunks()
        if rows["id"].null_count:
            raise pa.ArrowInvalid("a row stands without an id")
        found = {name: _column(rows, name) for name in ("id", "messages", *CATEGORIES, *LISTS, *NUMBERS)}
        ids = found["id"]
        parts = pc.extract_regex(ids, _ID_PARTS)
        found["leaf"] = pc.struct_field(parts, "leaf")
        found["subject_key"] = pc.struct_field(pc.extract_regex(ids, _SUBJECT), "subject")
        if found["outcome"].null_count == len(ids):
            found["outcome"] = pa.array(["pair"] * len(ids), pa.string())
        question, answer = (said(found["messages"], role) for role in ("user", "assistant"))
        found["head"] = pc.utf8_slice_codeunits(question, 0, HEAD_LENGTH)
        found["question_length"], found["answer_length"] = pc.utf8_length(question), pc.utf8_length(answer)
        found["score_values"] = _part_of(found["scores"], "value")
        for name in ("scores", "checks"):
            found[name] = _named(found[name])
        self._write(found)

    def _write(self, found: Mapping[str, Any]) -> None:
        columns = dict(found)
        for name in CATEGORIES:
            columns[name] = self._coded(name, found[name].cast(pa.string()))
        for name in LISTS:
            lists = found[name]
            flat = self._coded(name, lists.flatten().cast(pa.string()))
            columns[name] = pa.ListArray.from_arrays(_offsets(lists), flat)
        for name in NUMBERS:
            columns[name] = found[name].cast(pa.float64())
        self._file.write_batch(pa.RecordBatch.from_arrays([columns[name] for name in _SCHEMA.names], schema=_SCHEMA))

    def _coded(self, name: str, texts: pa.Array) -> pa.Array:
        """Return the codes of texts, new ones for those that were not met before."""
        known = self._codes[name]
        encoded = texts.dictionary_encode()
        here = [known.setdefault(text, len(known)) for text in encoded.dictionary.to_pylist()]
        table = np.array([*here, NO_CODE], np.int32)
        return pa.array(table[encoded.indices.fill_null(len(here)).to_numpy(zero_copy_only=False)])

    def close(self) -> None:
        self._file.close()
        values = [list(codes) for codes in self._codes.values()]
        batch = pa.RecordBatch.from_arrays(
            [pa.array(list(self._codes)), pa.array(values, pa.list_(pa.string()))], schema=_VALUES_SCHEMA
        )
        with pa.ipc.new_file(self._folder / VALUES, _VALUES_SCHEMA) as file:
            file.write_batch(batch)


@dataclass(eq=False)
class Columns:
    """The columns of all rows; each is brought into memory when it is asked for first, and stays."""

    table: pa.Table
    _texts: Mapping[str, pa.Array]
    _kept: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path) -> "Columns":
        """Map the files of a folder into memory.

        Raises:
            DatasetError: they are not as we write them.

        """
        try:
            table, values = _mapped(folder / COLUMNS), _mapped(folder / VALUES)
            if not table.schema.equals(_SCHEMA) or not values.schema.equals(_VALUES_SCHEMA):
                raise DatasetError(f"The index in {folder} is of another version.")
            table.validate(full=True)  # a folder may come from a stranger
            values.validate(full=True)
            names = values["name"].to_pylist()
            texts = {name: values["values"][i].values for i, name in enumerate(names)}
        except (OSError, pa.ArrowException) as error:
            raise DatasetError(f"The index in {folder} cannot be read: {error}.") from error
        return cls(table, texts)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def warm(self) -> None:
        """Bring into memory what the walk from the tree to a question needs: the first page is as fast as the next."""
        for name in _WALKED:
            if name in LISTS:
                self.lists(name)
            else:
                self.codes(name)

    def codes(self, name: str) -> Codes:
        """Return the code of each row; `NO_CODE` where it has no text."""
        return self._keep(name, lambda: _within(self.table[name].to_numpy(), len(self._texts[name])))

    def lists(self, name: str) -> tuple[Codes, NDArray[np.int64]]:
        """Return the codes of all items, and beside each the number of its row."""
        return self._keep(f"{name}[]", lambda: self._flat(name))

    def numbers(self, name: str) -> Numbers:
        """Return the number of each row; NaN where it has none."""
        found: Numbers = self._keep(name, self.table[name].to_numpy)
        return found

    def scores(self, code: int) -> Numbers:
        """Return the score of each row by the code of its name; NaN where it has none."""
        codes, rows = self.lists("scores")
        values = self._keep("score_values", lambda: self.table["score_values"].combine_chunks().flatten().to_numpy())
        found = np.full(len(self), np.nan)
        found[rows[codes == code]] = values[codes == code]
        return found

    def texts(self, name: str) -> pa.Array:
        """Return the texts that the codes of a column stand for."""
        return self._texts[name]

    def text(self, name: str, code: int) -> str | None:
        """Return the text of one code."""
        return None if code == NO_CODE else str(self._texts[name][int(code)].as_py())

    def code_of(self, name: str, text: str) -> int:
        """Return the code of a text; `NO_CODE` where no row has it."""
        return int(pc.index(self._texts[name], text).as_py())

    def firsts(self, name: str) -> Codes:
        """Return the number of the first row with each text of a column."""
        codes = self.codes(name)[::-1]
        found = np.full(len(self._texts[name]) + 1, NO_CODE, np.int32)  # what has no text falls on the last place
        found[codes] = np.arange(len(codes) - 1, -1, -1, dtype=np.int32)
        return found[:-1]

    def find(self, id_: str) -> int | None:
        """Return the number of the row with an id."""
        place = int(pc.index(self.table["id"], id_).as_py())
        return place if place >= 0 else None

    def shown(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Return what lists show of some rows."""
        ids, heads = self.table["id"], self.table["head"]  # `take` would join all chunks first
        found: list[dict[str, Any]] = [{"id": ids[row].as_py(), "head": heads[row].as_py()} for row in rows]
        for row, each in zip(rows, found, strict=True):
            each.update({name: self.text(name, self.codes(name)[row]) for name in CATEGORIES})
        return found

    def _flat(self, name: str) -> tuple[Codes, NDArray[np.int64]]:
        lists = self.table[name].combine_chunks()
        codes = _within(lists.flatten().to_numpy(), len(self._texts[name]))
        return codes, pc.list_parent_indices(lists).to_numpy().astype(np.int64)

    def _keep(self, name: str, make: Callable[[], T]) -> T:
        if name not in self._kept:
            self._kept[name] = make()
        found: T = self._kept[name]
        return found


def ours(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the columns of a schema; those that rows from somewhere else lack are nulls.

    Raises:
        pa.ArrowException: one is of another type, or they have no id or no messages.

    """
    for name in ("id", "messages"):
        if name not in rows.schema.names:
            raise pa.ArrowInvalid(f"the rows have no column {name!r}")
    return rows if rows.schema == schema else pa.table([_as_ours(rows, field) for field in schema], schema=schema)


def _as_ours(rows: pa.Table, field_: pa.Field) -> pa.ChunkedArray | pa.Array:
    if field_.name not in rows.schema.names:
        return pa.nulls(rows.num_rows, field_.type)
    try:
        return rows[field_.name].cast(field_.type)
    except pa.ArrowException as error:
        raise pa.ArrowInvalid(f"the column {field_.name!r} is no {field_.type} ({error})") from error


def said(messages: pa.Array, role: str) -> pa.Array:
    """Return of each conversation what the first message of a role says; null where there is none."""
    flat = messages.flatten()
    rows = pc.list_parent_indices(messages).to_numpy()
    of_role = np.flatnonzero(
        pc.equal(flat.field("role"), role).fill_null(fill_value=False).to_numpy(zero_copy_only=False)
    )
    places = np.full(len(messages), NO_CODE, np.int64)
    places[rows[of_role][::-1]] = of_role[::-1]
    return flat.field("content").take(pa.array(places, mask=places == NO_CODE))


def _column(rows: pa.Table, name: str) -> pa.Array:
    """Return a column; nulls where the rows have none of that name."""
    if name in rows.schema.names:
        column = rows[name]
        return column.chunk(0) if column.num_chunks else pa.array([], column.type)
    return pa.nulls(rows.num_rows, pa.string())


def _named(lists: pa.Array) -> pa.Array:
    """Return lists of structs as lists of names, for checks with what they came to."""
    flat = lists.flatten()
    names = flat.field("name")
    if "verdict" in [each.name for each in flat.type]:
        names = pc.binary_join_element_wise(names, flat.field("verdict"), ": ")
    return pa.ListArray.from_arrays(_offsets(lists), names)


def _part_of(lists: pa.Array, name: str) -> pa.Array:
    return pa.ListArray.from_arrays(_offsets(lists), lists.flatten().field(name))


def _offsets(lists: pa.Array) -> pa.Array:
    """Return where each list begins among the flat items of all; a null is an empty list."""
    lengths = pc.list_value_length(lists).fill_null(0).to_numpy()
    return pa.array(np.concatenate(([0], np.cumsum(lengths))), pa.int32())


def _within(codes: NDArray[Any], most: int) -> Codes:
    """Return codes that stand for something, whatever the file says."""
    return np.where((codes >= 0) & (codes < most), codes, NO_CODE).astype(np.int32)


def _mapped(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def matching(texts: pa.Array, part: str) -> Iterable[int]:
    """Return the codes of the texts that hold a part, whatever its case."""
    found: list[int] = np.flatnonzero(
        pc.match_substring(texts, part, ignore_case=True).fill_null(fill_value=False).to_numpy(zero_copy_only=False)
    ).tolist()
    return found
