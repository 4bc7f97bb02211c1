"""Exports of a data set, in the forms that trainers read. It refuses to know what a run is.

    messages           {"id": ..., "messages": [{"role": "user", "content": ...}, {"role": "assistant", ...}]}
    alpaca             {"id": ..., "instruction": ..., "input": "", "output": ..., "system": ""}
    sharegpt           {"id": ..., "conversations": [{"from": "human", "value": ...}, {"from": "gpt", ...}]}
    prompt-completion  {"id": ..., "prompt": [{"role": "user", ...}], "completion": [{"role": "assistant", ...}]}
    openai             {"messages": [{"role": "user", "content": ...}, {"role": "assistant", "content": ...}]}
    preference         {"id": ..., "prompt": [{"role": "user", ...}], "chosen": [...], "rejected": [...]}

`messages`, `prompt-completion` and `preference` are the conversational forms of TRL, which applies the student's chat
template to them; the second is there to train on completions alone, the third for DPO and its kin: it has a row only
where the caller has an answer to reject. A system message comes first, or is alpaca's `system`.

What a teacher thought is left out (`drop`), put before the answer (`think`), or kept apart (`field`): as
`reasoning_content` of the assistant's message, which is the key that chat templates with a place for thinking read;
in alpaca and sharegpt, whose readers know no such key, as a column `reasoning` of its own. The fine-tuning of
`openai` takes nothing but roles and contents, so it has no `field`.
"""

import contextlib
import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from glan.dataset.rows import MESSAGE
from glan.dataset.shards import ROW_GROUP_ROWS, read_rows, shards_of
from glan.errors import DatasetError
from glan.records import Reply

Reasoning = Literal["drop", "think", "field"]
"""What becomes of a teacher's thinking."""

PREFERENCE = "preference"
"""The format whose rows have an answer that is not to be given."""
REASONING: tuple[Reasoning, ...] = get_args(Reasoning)

_LINE_ENDS = {end.encode(): f"\\u{ord(end):04x}".encode() for end in "\u0085\u2028\u2029"}
"""Characters that JSON allows inside a string and that some readers of lines take for the end of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What a format needs of a row."""

    id: str
    system: str | None
    question: str
    answer: str
    """With the thinking before it, if that was asked for."""
    reasoning: str | None
    has_field: bool
    """Whether the thinking, or a null, is to have a field of its own."""
    rejected: str | None = None
    """Another answer, which is not to be given."""
    rejected_reasoning: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A form of export."""

    row: Callable[[Exchange], Mapping[str, object]]
    schema: pa.Schema
    """The columns of the rows as parquet."""
    schema_with_field: pa.Schema | None
    """The same with a field for thinking; None where the readers take none."""
    has_rejected: bool = False
    """Whether a row has an answer that is not to be given; what has none makes no row."""


Row = Mapping[str, Any]
RejectedOf = Callable[[Row], Reply | None]
"""From a row of a data set to another answer to its question, which is not to be given; None where there is none."""


def export(
    folder: Path,
    out: Path,
    *,
    format: str,  # noqa: A002 - the command line calls it a format, and so does everything else
    reasoning: Reasoning = "drop",
    force: bool = False,
) -> int:
    """Write a data set to one `.jsonl` or `.parquet` file, and return how many rows it has.

    The file has its name only when it is whole.

    Raises:
        DatasetError: there is no such format, no data set, or already such a file.

    """
    form = _format(format, reasoning)
    if form.has_rejected:
        raise DatasetError(f"The format {format} needs other answers, which a data set alone does not have.")
    return _exported(folder, out, _Way(form=form, reasoning=reasoning), force=force)


def export_preferences(
    folder: Path, out: Path, rejected: RejectedOf, *, reasoning: Reasoning = "drop", force: bool = False
) -> int:
    """Write the rows of a data set that have an answer which is not to be given, as `export` writes all.

    Raises:
        DatasetError: as `export` does.

    """
    way = _Way(form=_format(PREFERENCE, reasoning), reasoning=reasoning, rejected=rejected)
    return _exported(folder, out, way, force=force)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How rows are exported."""

    form: Format
    reasoning: Reasoning
    rejected: RejectedOf | None = None


def _exported(folder: Path, out: Path, way: _Way, *, force: bool) -> int:
    write = WRITERS.get(out.suffix.casefold())
    if write is None:
        raise DatasetError(
            f"{out.name} does not say what kind of file to write; its name ends in {' or '.join(WRITERS)}."
        )
    with _told(out):
        if out.is_dir() or (out.exists() and not force):
            raise DatasetError(f"{out} exists already.", hint="Give another name, or --force to replace a file.")
    if out.resolve().parent == shards_of(folder)[0].resolve().parent:
        raise DatasetError(f"{out} would stand among the shards of the data set; export to another folder.")
    schema = way.form.schema_with_field if way.reasoning == "field" else way.form.schema
    rows = (way.form.row(exchange) for exchange in _exchanges(folder, way))
    part = out.with_name(f".{out.name}.part")
    try:
        with _told(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            count = write(rows, part, schema)
            part.rename(out)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return count


def _format(name: str, reasoning: str) -> Format:
    if name not in FORMATS:
        near = difflib.get_close_matches(name, FORMATS, n=1)
        way_out = f"; did you mean {near[0]!r}?" if near else "."
        raise DatasetError(f"Unknown export format {name!r}{way_out} The formats are {', '.join(FORMATS)}.")
    form = FORMATS[name]
    known = [way for way in REASONING if way != "field" or form.schema_with_field is not None]
    if reasoning not in known:
        raise DatasetError(f"The format {name} knows no reasoning {reasoning!r}; it takes {' or '.join(known)}.")
    return form


def _exchanges(folder: Path, way: _Way) -> Iterator[Exchange]:
    columns = [
        "id",
        "messages",
        "reasoning",
        *(["scores", "task", "slot", "language"] if way.rejected is not None else []),
    ]
    for row in read_rows(folder, columns):
        other = way.rejected(row) if way.rejected is not None else None
        if way.rejected is None or other is not None:
            yield _exchange(row, way.reasoning, other)


def _exchange(row: Row, reasoning: Reasoning, other: Reply | None) -> Exchange:
    messages: list[dict[str, str]] = row["messages"] or []
    roles = [message["role"] for message in messages]
    if roles not in (["user", "assistant"], ["system", "user", "assistant"]):
        raise DatasetError(f"{row['id']} cannot be exported: it is not a question and its answer, but {roles}.")
    answer, thought = messages[-1]["content"], row["reasoning"]
    return Exchange(
        id=row["id"],
        system=messages[0]["content"] if len(messages) > 2 else None,
        question=messages[-2]["content"],
        answer=_thought_first(answer, thought) if reasoning == "think" else answer,
        reasoning=thought,
        has_field=reasoning == "field",
        rejected=None
        if other is None
        else _thought_first(other.text, other.reasoning if reasoning == "think" else None),
        rejected_reasoning=None if other is None else other.reasoning,
    )


def _thought_first(answer: str, thought: str | None) -> str:
    return f"<think>\n{thought}\n</think>\n\n{answer}" if thought else answer


def _messages_row(exchange: Exchange) -> Mapping[str, object]:
    return {"id": exchange.id, "messages": [*_prompt(exchange), _reply(exchange)]}


def _alpaca_row(exchange: Exchange) -> Mapping[str, object]:
    row = {
        "id": exchange.id,
        "instruction": exchange.question,
        "input": "",
        "output": exchange.answer,
        "system": exchange.system or "",
    }
    return {**row, **_apart(exchange)}


def _sharegpt_row(exchange: Exchange) -> Mapping[str, object]:
    turns = [{"from": "human", "value": exchange.question}, {"from": "gpt", "value": exchange.answer}]
    if exchange.system is not None:
        turns.insert(0, {"from": "system", "value": exchange.system})
    return {"id": exchange.id, "conversations": turns, **_apart(exchange)}


def _prompt_completion_row(exchange: Exchange) -> Mapping[str, object]:
    return {"id": exchange.id, "prompt": _prompt(exchange), "completion": [_reply(exchange)]}


def _openai_row(exchange: Exchange) -> Mapping[str, object]:
    return {"messages": [*_prompt(exchange), _reply(exchange)]}


def _prompt(exchange: Exchange) -> list[Mapping[str, object]]:
    question = {"role": "user", "content": exchange.question}
    if exchange.system is None:
        return [question]
    return [{"role": "system", "content": exchange.system}, question]


def _preference_row(exchange: Exchange) -> Mapping[str, object]:
    row = {"id": exchange.id, "prompt": _prompt(exchange), "chosen": [_reply(exchange)]}
    return {**row, "rejected": [_said(exchange, exchange.rejected or "", exchange.rejected_reasoning)]}


def _reply(exchange: Exchange) -> Mapping[str, object]:
    return _said(exchange, exchange.answer, exchange.reasoning)


def _said(exchange: Exchange, text: str, reasoning: str | None) -> Mapping[str, object]:
    message = {"role": "assistant", "content": text}
    return {**message, "reasoning_content": reasoning} if exchange.has_field else message


def _apart(exchange: Exchange) -> Mapping[str, object]:
    return {"reasoning": exchange.reasoning} if exchange.has_field else {}


def _table(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(columns)


_TEXT = pa.string()
_TURNS = pa.list_(MESSAGE)
_TURNS_WITH_FIELD = pa.list_(pa.struct([*MESSAGE, ("reasoning_content", _TEXT)]))
_ALPACA = dict.fromkeys(("id", "instruction", "input", "output", "system"), _TEXT)
_SHAREGPT = {"id": _TEXT, "conversations": pa.list_(pa.struct({"from": _TEXT, "value": _TEXT}))}

FORMATS: Mapping[str, Format] = {
    "messages": Format(
        row=_messages_row,
        schema=_table(id=_TEXT, messages=_TURNS),
        schema_with_field=_table(id=_TEXT, messages=_TURNS_WITH_FIELD),
    ),
    "alpaca": Format(
        row=_alpaca_row,
        schema=_table(**_ALPACA),
        schema_with_field=_table(**_ALPACA, reasoning=_TEXT),
    ),
    "sharegpt": Format(
        row=_sharegpt_row,
        schema=_table(**_SHAREGPT),
        schema_with_field=_table(**_SHAREGPT, reasoning=_TEXT),
    ),
    "prompt-completion": Format(
        row=_prompt_completion_row,
        schema=_table(id=_TEXT, prompt=_TURNS, completion=_TURNS),
        schema_with_field=_table(id=_TEXT, prompt=_TURNS, completion=_TURNS_WITH_FIELD),
    ),
    "openai": Format(row=_openai_row, schema=_table(messages=_TURNS), schema_with_field=None),
    PREFERENCE: Format(
        row=_preference_row,
        schema=_table(id=_TEXT, prompt=_TURNS, chosen=_TURNS, rejected=_TURNS),
        schema_with_field=_table(id=_TEXT, prompt=_TURNS, chosen=_TURNS_WITH_FIELD, rejected=_TURNS_WITH_FIELD),
        has_rejected=True,
    ),
}
"""Every form of export by its name."""


def _write_jsonl(rows: Iterable[Mapping[str, object]], out: Path, schema: pa.Schema) -> int:
    """Write a line for each row; the schema is for files that need one."""
    del schema
    encode = msgspec.json.Encoder().encode
    count = 0
    with out.open("wb") as file:
        for row in rows:
            line = encode(row)
            for end, escape in _LINE_ENDS.items():
                line = line.replace(end, escape)
            file.write(line + b"\n")
            count += 1
        file.flush()
        os.fsync(file.fileno())
    return count


def _write_parquet(rows: Iterable[Mapping[str, object]], out: Path, schema: pa.Schema) -> int:
    count = 0
    with out.open("wb") as file, pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=False) as writer:
        remaining = iter(rows)
        while batch := list(islice(remaining, ROW_GROUP_ROWS)):
            writer.write_batch(pa.RecordBatch.from_pylist(batch, schema))
            count += len(batch)
        writer.close()
        file.flush()
        os.fsync(file.fileno())
    return count


WRITERS: Mapping[str, Callable[[Iterable[Mapping[str, object]], Path, pa.Schema], int]] = {
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
}
"""The kinds of file by the end of their names."""


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path} cannot be written: {str(error).rstrip('.')}.") from error
