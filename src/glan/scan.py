"""Whether a data set that others made holds items of benchmarks: row by row, in as much memory as the items take.

    scan = Scan(Contamination(items))
    for found in scan.matches_in(path):
        ...

The columns that trainers read are recognised: `messages`, `conversations`, `prompt` and `completion`, `instruction` and
`output`, `question` and `answer`. Of others the fields are named.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from glan.benchmarks.tables import Fields, Row, files_of, rows_of, text_of, value_of
from glan.curate.contamination import Contamination, Match
from glan.errors import DatasetError
from glan.records import Record

_BATCH: Final = 256
_ASKS: Final = frozenset({"user", "human", "system"})
"""Who asks, as the formats name them; whoever else speaks answers."""


class Found(Record, frozen=True, kw_only=True):
    """A match in a row."""

    file: str
    row: int
    """The line of a file of lines, the row of any other; counted from 1."""
    place: str
    """`question` or `answer`."""
    benchmark: str
    item: str
    text: str


class Said(NamedTuple):
    """One text of a row."""

    row: Row
    text: str
    is_question: bool


@dataclass(slots=True)
class Scan:
    """Goes through the files of a data set; what it counts can be read while it goes on."""

    contamination: Contamination
    fields: Sequence[str] = ()
    """Fields to look at, if they are not to be recognised; each is looked at as a question and as an answer."""
    rows: int = 0
    texts: int = 0
    rows_matched: int = 0
    matches: Counter[str] = field(default_factory=Counter)
    """By benchmark."""
    watch: Callable[[], object] = lambda: None
    """Is called after every few rows."""

    def matches_in(self, dataset: Path) -> Iterator[Found]:
        """Yield the matches in a file or a folder, in the order of the rows.

        Raises:
            DatasetError: a file cannot be read, or its columns are not recognised.

        """
        last: Row | None = None
        for path in files_of(dataset):
            for said, match in self._judged(self._said(path)):
                self.matches[match.benchmark] += 1
                self.rows_matched += said.row is not last
                last = said.row
                yield Found(
                    file=str(path),
                    row=said.row.number,
                    place="question" if said.is_question else "answer",
                    benchmark=match.benchmark,
                    item=match.item,
                    text=match.text,
                )

    def _judged(self, texts: Iterator[Said]) -> Iterator[tuple[Said, Match]]:
        while batch := list(islice(texts, _BATCH)):
            self.texts += len(batch)
            self.watch()
            kinds = (True, self.contamination.questions), (False, self.contamination.answers)
            found: dict[int, Match | None] = {}
            for is_question, judge in kinds:
                places = [place for place, said in enumerate(batch) if said.is_question is is_question]
                found.update(zip(places, judge([batch[place].text for place in places]), strict=True))
            for place, said in enumerate(batch):
                if (match := found[place]) is not None:
                    yield said, match

    def _said(self, path: Path) -> Iterator[Said]:
        """Yield the texts of a file, each row's in their order."""
        read: _Read | None = self._named if self.fields else None
        for row in rows_of(path):
            if read is None:
                read = _recognised(row)
            self.rows += 1
            yield from (Said(row, text, is_question) for text, is_question in read(row) if text)

    def _named(self, row: Row) -> Iterator[tuple[str, bool]]:
        for name in self.fields:
            yield text_of(row, name), True


_Read = Callable[[Row], Iterator[tuple[str, bool]]]


def _recognised(row: Row) -> "_Read":
    """Return how the rows of a file are read, by the columns of its first."""
    for columns, read in _FORMS.items():
        if all(column in row.fields for column in columns):
            return read
    raise DatasetError(
        f"{row.path} has no columns that are known: {', '.join(map(str, row.fields))[:300]}.",
        hint=f"--field NAME says what to look at; known are {'; '.join(' and '.join(columns) for columns in _FORMS)}.",
    )


def _turns(column: str, role: str, content: str) -> "_Read":
    """Return how conversations are read: a list of turns."""

    def read(row: Row) -> Iterator[tuple[str, bool]]:
        turns = value_of(row, column)
        for turn in turns if isinstance(turns, Sequence) and not isinstance(turns, str) else [turns]:
            if not isinstance(turn, Mapping) or role not in turn or content not in turn:
                raise DatasetError(f"{row.place} has in {column!r} no list of turns with {role!r} and {content!r}.")
            yield _content(row, turn, content), str(turn[role]) in _ASKS

    return read


def _content(row: Row, turn: Fields, name: str) -> str:
    """Return what a turn says: a text, or parts of which some are texts."""
    parts = turn[name]
    if isinstance(parts, Sequence) and not isinstance(parts, str):
        return "\n".join(str(part["text"]) for part in parts if isinstance(part, Mapping) and "text" in part)
    return text_of(row._replace(fields=turn), name)


def _columns(*questions: str, answer: str) -> "_Read":
    """Return how rows are read that have a question in one or two columns and its answer in another."""

    def read(row: Row) -> Iterator[tuple[str, bool]]:
        asked = [text_of(row, name) for name in questions if name in row.fields]
        yield "\n".join(filter(None, asked)), True
        yield text_of(row, answer), False

    return read


def _prompted(row: Row) -> Iterator[tuple[str, bool]]:
    for column, is_question in (("prompt", True), ("completion", False)):
        if isinstance(value_of(row, column), str):
            yield text_of(row, column), is_question
        else:
            yield from _turns(column, "role", "content")(row)


_FORMS: Final[Mapping[tuple[str, ...], _Read]] = {
    ("messages",): _turns("messages", "role", "content"),
    ("conversations",): _turns("conversations", "from", "value"),
    ("prompt", "completion"): _prompted,
    ("instruction", "output"): _columns("instruction", "input", answer="output"),
    ("question", "answer"): _columns("question", answer="answer"),
}
"""How rows are read, by the columns that they have."""
