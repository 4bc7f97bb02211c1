"""The pairs as tokens, in one file that a trainer maps into its memory: input ids and labels, a row for each pair."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa

from glan.disk import replace
from glan.errors import DatasetError
from glan.train.conversations import Data
from glan.train.encoding import Encoded, Left, Tokenizer, encode

_SCHEMA: Final = pa.schema({"input_ids": pa.list_(pa.int32()), "labels": pa.list_(pa.int32())})
_BATCH: Final = 1_000
_MOST_NAMED: Final = 20


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows."""

    trained: int
    held_out: int
    tokens: int
    """Of the rows that are trained on."""
    learnt: int
    """Of these the ones that are learnt: those of the responses."""
    longest: int
    left_out: dict[str, int]
    """Rows that are not in the file, by reason."""
    examples: dict[str, list[str]]
    """Of each reason the first rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A file of tokens: first the rows that are trained on, then those that are held out."""

    path: Path
    counts: Counts


def written(data: Data, tokenizer: Tokenizer, max_tokens: int, path: Path) -> Tokens:
    """Write the tokens of some rows, unless they stand there already; a half file is never taken for a whole one.

    Raises:
        ConfigError: the chat template does not do.
        DatasetError: no row is left, or the file cannot be written.

    """
    about = path.with_suffix(".json")
    if path.exists() and about.exists():
        return Tokens(path=path, counts=msgspec.json.decode(about.read_bytes(), type=Counts))
    part = path.with_name(f".{path.name}.part")
    tally = _Tally(data.trained)
    try:
        with pa.OSFile(str(part), "wb") as file, pa.ipc.new_stream(file, _SCHEMA) as stream:
            rows = tally.kept(data, tokenizer, max_tokens)
            while batch := list(islice(rows, _BATCH)):
                stream.write_batch(pa.RecordBatch.from_pylist([row._asdict() for row in batch], _SCHEMA))
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(
            f"The tokens in {path} cannot be written: {error}.",
            hint="Where the disk is full, make room on it; the same command begins anew.",
        ) from error
    counts = tally.counts()
    if not counts.trained:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts.left_out.items())
        raise DatasetError(
            f"No pair of {data.path} can be trained on: {reasons}.",
            hint=f"Pairs have up to {max_tokens:,} tokens; --set max_tokens=N lets longer ones in.",
        )
    part.rename(path)
    replace(about, msgspec.json.encode(counts))
    return Tokens(path=path, counts=counts)


class _Tally:
    """Counts rows as they pass."""

    def __init__(self, trained: int) -> None:
        self._wanted = trained
        self._rows: Counter[str] = Counter()
        self._tokens: Counter[str] = Counter()
        self._longest = 0
        self._left: dict[str, list[str]] = {}

    def kept(self, data: Data, tokenizer: Tokenizer, max_tokens: int) -> Iterator[Encoded]:
        for i, (_, found) in enumerate(encode(data, tokenizer, max_tokens)):
            if isinstance(found, Left):
                self._left.setdefault(found.reason, []).append(found.place)
                continue
            if i < self._wanted:
                self._rows["trained"] += 1
                self._tokens["all"] += len(found.input_ids)
                self._tokens["learnt"] += sum(label >= 0 for label in found.labels)
            else:
                self._rows["held_out"] += 1
            self._longest = max(self._longest, len(found.input_ids))
            yield found

    def counts(self) -> Counts:
        return Counts(
            trained=self._rows["trained"],
            held_out=self._rows["held_out"],
            tokens=self._tokens["all"],
            learnt=self._tokens["learnt"],
            longest=self._longest,
            left_out={reason: len(places) for reason, places in self._left.items()},
            examples={reason: places[:_MOST_NAMED] for reason, places in self._left.items()},
        )
