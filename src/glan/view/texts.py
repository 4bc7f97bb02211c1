"""Full text: which rows hold some letters. An index of threes leaves a few rows, and their texts are looked through.

    texts.arrow   a record for a chunk of rows: their texts, and the lists of what they have

It finds parts of words and scripts without spaces, in either case; for what has fewer than three bytes no list helps,
and all texts are looked through.
It refuses to know what a row is: it has texts, and numbers in their order.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glan.errors import DatasetError
from glan.view.columns import Mask
from glan.view.threes import LISTS, ROWS, SHORTEST, Keys, keys_of, lists_of, narrowed, packed

Where: TypeAlias = Literal["all", "question", "answer"]
_MOST_PHRASES = 8
MOST_READ = 64_000_000
"""Bytes of texts that one search looks through, some 0.1 s; then it says where it stopped."""
_ROW_COSTS, _FOLDING_COSTS = 1_000, 8
"""A row that is looked at counts as so many bytes more, and a byte as so many where all scripts lose their case."""
_BATCH_ROWS, _BATCH_LENGTH = 1_024, 4_000_000
"""So many rows are taken at once, or fewer as soon as they have so many characters."""
_CHUNK_BYTES = 64_000_000
"""Of texts; more rows begin another chunk."""
_END = b"\xff"
"""Ends a question and an answer: no text has this byte, so nothing is found across."""
_PARTS: tuple[Where, Where] = ("question", "answer")
_PART = re.compile(r'"([^"]*)"?|(\S+)')
_SCHEMA = pa.schema(
    {
        "texts": pa.large_binary(),
        "ends": pa.large_list(pa.int64()),  # of question and answer of each row
        "starts": pa.large_list(pa.uint32()),
        "units": pa.large_list(pa.uint16()),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for: every phrase must be there."""

    phrases: tuple[str, ...]
    where: Where = "all"

    @classmethod
    def of(cls, asked: str, where: str) -> "Search":
        """Return the search that a person typed: words, and phrases between quotation marks; these alone are text.

        Some keyboards write a letter in several characters, where texts have it in one.
        """
        said = [quoted or word for quoted, word in _PART.findall(unicodedata.normalize("NFC", asked))]
        parts = list(dict.fromkeys(part for part in said if part.strip()))[:_MOST_PHRASES] or asked.split()[:1]
        return cls(
            phrases=tuple(parts),
            where="question" if where == "question" else "answer" if where == "answer" else "all",
        )


def _plain(text: str) -> bytes:
    """Return the bytes of a text; what no file can hold becomes what no text has."""
    return text.encode("utf-8", "surrogatepass")


def _folded(text: str) -> bytes:
    """Return the bytes of a text without case."""
    return _plain(text.casefold())


def _said(text: bytes) -> str:
    return text.removesuffix(_END).decode("utf-8", "replace")


def _has_case(phrases: Iterable[str]) -> bool:
    """Whether a letter that is not of ASCII has two cases."""
    return any(not letter.isascii() and letter.lower() != letter.upper() for each in phrases for letter in each)


def _refolded(text: bytes) -> bytes:
    return _folded(text.decode("utf-8", "replace"))


def build(path: Path, texts: Iterable[tuple[str, str]], on_rows: Callable[[int], None]) -> None:
    """Write the index of rows: question and answer of each, in order. `on_rows` is told how many are done.

    It may raise to stop.

    Raises:
        DatasetError: it cannot be written.

    """
    try:
        with pa.ipc.new_file(path, _SCHEMA) as file:
            chunk, done = _Making(), 0
            for batch in _batches(texts):
                chunk.add(batch)
                done += len(batch)
                if chunk.is_full:
                    file.write_batch(chunk.made())
                    chunk = _Making()
                on_rows(done)
            file.write_batch(chunk.made())
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(
            f"The index {path} cannot be written: {str(error).rstrip('.')}.",
            hint="It takes one and a half times the room of the texts or more; `--cache DIR` puts it elsewhere.",
        ) from error


def _batches(texts: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    batch: list[tuple[str, str]] = []
    size = 0
    for each in texts:
        batch.append(each)
        size += sum(map(len, each))
        if len(batch) == _BATCH_ROWS or size >= _BATCH_LENGTH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Making:
    """A chunk that rows are added to."""

    def __init__(self) -> None:
        self._texts: list[bytes] = []
        self._keys: list[Keys] = []

    @property
    def is_full(self) -> bool:
        """Whether the next rows belong to another one."""
        return len(self._texts) > 2 * (ROWS - _BATCH_ROWS) or sum(map(len, self._texts)) >= _CHUNK_BYTES

    def add(self, batch: list[tuple[str, str]]) -> None:
        folded = [_END.join((*map(_folded, each), b"")) for each in batch]
        lengths = np.fromiter(map(len, folded), np.int64)
        self._keys.append(keys_of(b"".join(folded), lengths, first=len(self._texts) // 2))
        self._texts += [_plain(text) for each in batch for text in each]

    def made(self) -> pa.RecordBatch:
        starts, units = packed(self._keys)
        ends = np.cumsum([len(text) + len(_END) for text in self._texts], dtype=np.int64)
        lists = [pa.array(each) for each in (ends, starts, units)]
        columns = [pa.LargeListArray.from_arrays(pa.array([0, len(each)], pa.int64()), each) for each in lists]
        texts = pa.array([_END.join((*self._texts, b""))], pa.large_binary())
        return pa.RecordBatch.from_arrays([texts, *columns], schema=_SCHEMA)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """Some rows that follow each other."""

    texts: memoryview
    ends: npt.NDArray[np.int64]
    starts: npt.NDArray[np.uint32]
    units: npt.NDArray[np.uint16]

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> "_Chunk":
        """Return what a record holds; its arrays stay where they are."""
        batch.validate(full=True)  # a folder may come from a stranger
        ends, starts, units = (batch[name].flatten().to_numpy() for name in ("ends", "starts", "units"))
        is_full = batch.num_rows == 1 and not any(column.null_count for column in batch.columns)
        if not is_full or len(ends) > 2 * ROWS or len(starts) != LISTS + 1:
            raise pa.ArrowInvalid("it has other chunks than ours")
        _, offsets, data = batch["texts"].buffers()  # a scalar would be a copy
        begin, end = np.frombuffer(offsets, np.int64)[batch["texts"].offset :][:2].tolist()
        return cls(texts=memoryview(data or b"")[begin:end], ends=ends, starts=starts, units=units)

    @property
    def rows(self) -> int:
        return len(self.ends) // 2

    def parts(self, rows: npt.NDArray[np.int64], where: Where) -> Iterator[bytes]:
        """Give what some rows say: question and answer, or one of them."""
        edges = np.concatenate([[0], self.ends])
        begins = edges[2 * rows + (where == "answer")]
        ends = edges[2 * rows + 2 - (where == "question")]
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            yield bytes(self.texts[begin:end])


class Look(Iterator[int]):
    """The numbers of the rows that are found, one after the other; it gives up when it has read too much."""

    def __init__(self, rows: Iterator[tuple[int, bytes]], phrases: Sequence[str], most_read: int) -> None:
        # The case of ASCII alone is taken in a tenth of the time, and is all that most phrases need.
        has_case = _has_case(phrases)
        self._fold: Callable[[bytes], bytes] = _refolded if has_case else bytes.lower
        self._costs = _FOLDING_COSTS if has_case else 1
        folded = [self._fold(_plain(phrase)) for phrase in phrases]
        self._first, *self._others = sorted(folded, key=len, reverse=True)
        self._rows, self._last = rows, 0
        self.left = most_read
        """Bytes that it may still read."""
        self.stopped: int | None = None
        """Where it was given up: the last row that was looked at."""

    def __next__(self) -> int:
        while self.left > 0:
            self._last, text = next(self._rows)
            self.left -= len(text) * self._costs + _ROW_COSTS
            text = self._fold(text)
            if self._first in text and all(phrase in text for phrase in self._others):
                return self._last
        self.stopped = self._last
        raise StopIteration


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of all rows, mapped into memory, and their index."""

    chunks: tuple[_Chunk, ...]

    @classmethod
    def open(cls, path: Path) -> "Texts":
        """Map a file into memory.

        Raises:
            DatasetError: it is not as `build` writes it.

        """
        try:
            file = pa.ipc.open_file(pa.memory_map(str(path)))
            if not file.schema.equals(_SCHEMA) or not file.num_record_batches:
                raise pa.ArrowInvalid("it is of another version")
            return cls(tuple(_Chunk.of(file.get_batch(i)) for i in range(file.num_record_batches)))
        except (OSError, pa.ArrowException) as error:
            raise DatasetError(
                f"The index {path} cannot be read: {str(error).rstrip('.')}.", hint="Remove it; it is made anew."
            ) from error

    def look(self, search: Search, mask: Mask, *, newest: bool = False, most_read: int = MOST_READ) -> Look:
        """Look for what has all phrases among the rows of a mask, the first of them first, or the last."""
        return Look(self._candidates(search, mask, newest=newest), search.phrases, most_read)

    def said(self, row: int) -> tuple[str, str]:
        """Return question and answer of a row."""
        place = bisect_right(self._firsts, row) - 1
        here = np.array([row - self._firsts[place]])
        question, answer = (next(self.chunks[place].parts(here, where)) for where in _PARTS)
        return _said(question), _said(answer)

    @property
    def _firsts(self) -> list[int]:
        """Number of the first row of each chunk."""
        return list(accumulate((chunk.rows for chunk in self.chunks[:-1]), initial=0))

    def _candidates(self, search: Search, mask: Mask, *, newest: bool) -> Iterator[tuple[int, bytes]]:
        lists = lists_of(each for each in map(_folded, search.phrases) if len(each) >= SHORTEST)
        step = -1 if newest else 1
        for first, chunk in list(zip(self._firsts, self.chunks, strict=True))[::step]:
            here = mask[first : first + chunk.rows]
            if here.any():
                rows = narrowed(here, lists, chunk.starts, chunk.units)[::step]
                yield from zip((rows + first).tolist(), chunk.parts(rows, search.where), strict=True)


def snippet(text: str, phrases: Sequence[str], length: int) -> tuple[tuple[str, bool], ...]:
    """Return a part of a text around the first phrase that it holds, in pieces, each with whether it was looked for."""
    places = [re.escape(phrase) for phrase in phrases]
    pattern = re.compile("|".join(places), re.IGNORECASE) if places else None
    first = pattern.search(text) if pattern else None
    begin = max(0, first.start() - length // 4) if first else 0
    part = text[begin : begin + length]
    pieces: list[tuple[str, bool]] = [("…", False)] if begin else []
    end = 0
    for each in pattern.finditer(part) if pattern else ():
        pieces += [(part[end : each.start()], False), (each.group(), True)]
        end = each.end()
    pieces += [(part[end:], False), *([("…", False)] if begin + length < len(text) else [])]
    return tuple(piece for piece in pieces if piece[0])
