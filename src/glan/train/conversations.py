"""What a student is tuned on: conversations from a data set, or from any file that has `messages`."""

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

import msgspec

from glan.benchmarks.tables import Row, files_of, rows_of
from glan.errors import DatasetError
from glan.wording import counted

ASSISTANT: Final = "assistant"
_ROLES: Final = ("system", "user", ASSISTANT)
_COLUMN: Final = "messages"
_WAY_OUT: Final = (
    'A row is {"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}, all of it '
    "text. Leave rows with tools or pictures out, and write those of another form so."
)
_MOST_NAMED: Final = 12
_LONGEST_NAME: Final = 60


class Message(NamedTuple):
    role: str
    content: str


class Conversation(NamedTuple):
    """One row of the data; the student learns what the assistant says in it."""

    place: str
    """Its id, or the file and line of a row that has none."""
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Rows that a student is tuned on, and some at the end that it is not."""

    path: Path
    rows: int
    """Of the whole file or data set."""
    trained: int
    """The first ones, which are trained on."""
    held_out: int
    """The last ones, which are not."""
    sha256: str
    """Of the texts of both, in order."""

    def __iter__(self) -> Iterator[Conversation]:
        """Yield the rows that are trained on, and then those that are held out."""
        for i, conversation in enumerate(islice(conversations(self.path), self.rows)):
            if i < self.trained or i >= self.rows - self.held_out:
                yield conversation


def conversations(path: Path) -> Iterator[Conversation]:
    """Yield the rows of a data set, or of a .jsonl or .parquet file with a column `messages`, in order.

    Raises:
        DatasetError: a row cannot be read, or is no conversation that an assistant ends.

    """
    train = path / "train"
    for file in files_of(train if train.is_dir() else path):
        for row in rows_of(file):
            yield _conversation(row)


def read_data(path: Path, *, pairs: int | None, held_out: int) -> Data:
    """Count the rows of a file, and hash those that are used.

    `pairs` takes the first ones; the last `held_out` rows of the file are never among them, so that they are the same
    ones for every prefix.

    Raises:
        DatasetError: there are too few rows, or one of them cannot be read.

    """
    digest = hashlib.sha256()
    last: deque[bytes] = deque()
    rows = hashed = 0
    encode = msgspec.json.Encoder().encode
    for conversation in conversations(path):
        rows += 1
        last.append(encode(conversation.messages) + b"\n")
        if len(last) > held_out and (first := last.popleft()) and (pairs is None or hashed < pairs):
            digest.update(first)
            hashed += 1
    if not hashed or (pairs is not None and hashed < pairs):
        _refuse(path, rows, pairs, held_out)
    for line in last:
        digest.update(line)
    return Data(path=path, rows=rows, trained=hashed, held_out=held_out, sha256=digest.hexdigest())


def _refuse(path: Path, rows: int, pairs: int | None, held_out: int) -> NoReturn:
    held = f", of which {held_out:,} are held out" if held_out else ""
    most = rows - held_out
    raise DatasetError(
        f"{path} has {counted(rows, 'row')}{held}: too few to train on {'any' if pairs is None else f'{pairs:,}'}.",
        hint=f"Give --pairs {most} or fewer."
        if most > 0
        else f"Give {'--set held_out=0, or ' if held_out else ''}more rows.",
    )


def _conversation(row: Row) -> Conversation:
    if _COLUMN not in row.fields:
        known = ", ".join(str(name)[:_LONGEST_NAME] for name in list(row.fields)[:_MOST_NAMED])
        raise DatasetError(f"{row.place} has no field {_COLUMN!r}, but {known or 'none'}.", hint=_WAY_OUT)
    found = row.fields[_COLUMN]
    if not isinstance(found, Sequence) or isinstance(found, str):
        raise DatasetError(
            f"{row.place} has no list of messages in `{_COLUMN}`, but a {type(found).__name__}.", hint=_WAY_OUT
        )
    messages = tuple(_message(each, row) for each in found)
    roles = [message.role for message in messages]
    if not roles or roles[-1] != ASSISTANT or "user" not in roles[: roles.index(ASSISTANT)]:
        raise DatasetError(
            f"{row.place} is no conversation that begins with a question and ends with an answer, but {roles[:6]}.",
            hint=_WAY_OUT,
        )
    id_ = row.fields.get("id")
    return Conversation(id_ if isinstance(id_, str) else row.place, messages)


def _message(found: object, row: Row) -> Message:
    if isinstance(found, Mapping):
        role, content = found.get("role"), found.get("content")
        if role in _ROLES and isinstance(content, str):
            return Message(str(role), content)
        raise DatasetError(
            f"{row.place} has a message of the role {str(role)[:40]!r} with "
            f"{'a text' if isinstance(content, str) else f'a {type(content).__name__}'}; it takes texts of "
            f"{', '.join(_ROLES)}.",
            hint=_WAY_OUT,
        )
    raise DatasetError(f"{row.place} has a message that is no object, but a {type(found).__name__}.", hint=_WAY_OUT)
