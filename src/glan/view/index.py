"""The index of a data set: made from its files, kept in a folder of its own, and made anew for another data set.

    .view/<hash of the manifest>/   columns.arrow  values.arrow  texts.arrow

Everything in it is derived. A file has its name only when it is whole, so two viewers may make the same at once.
"""

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pyarrow as pa

from glan.dataset.rows import REJECT_SCHEMA, ROW_SCHEMA
from glan.dataset.shards import Group, groups_of
from glan.errors import DatasetError, GlanError
from glan.view import texts
from glan.view.columns import COLUMNS, VALUES, Columns, Writer, ours, said

_VERSION = b"glan view 2"
_TEXTS = "texts.arrow"


class _ClosedError(GlanError):
    """The viewer ends, and nobody waits for the index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Where a data set is."""

    train: Path
    rejects: Path
    manifest: Path

    def signature(self) -> tuple[int, ...] | None:
        """Return what changes when the data set is exchanged; None where there is none."""
        try:
            found = self.manifest.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def key(self) -> str:
        """Return the hash of the manifest, which names every file of the data set."""
        return hashlib.sha256(_VERSION + self.manifest.read_bytes()).hexdigest()[:24]

    def groups(self) -> "Groups":
        """Return the row groups of pairs, then of rejects, counted through both."""
        pairs = groups_of(self.train)
        others = groups_of(self.rejects) if self.rejects.is_dir() else ()
        n_pairs = sum(group.rows for group in pairs)
        moved = [Group(path=g.path, number=g.number, first=g.first + n_pairs, rows=g.rows) for g in others]
        return Groups(all=(*pairs, *moved), n_pairs=n_pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """The row groups of a data set and of its rejects."""

    all: tuple[Group, ...]
    n_pairs: int

    @property
    def rows(self) -> int:
        return sum(group.rows for group in self.all)

    def said(self, group: Group) -> list[tuple[str, str]]:
        """Return questions and answers of a group; of a reject without an answer what it keeps of the reply."""
        is_rejects = group.first >= self.n_pairs
        rows = group.read(["messages", *(["raw"] if is_rejects else [])])
        messages = rows["messages"].combine_chunks()
        questions, answers = said(messages, "user").to_pylist(), said(messages, "assistant").to_pylist()
        raw = rows["raw"].to_pylist() if is_rejects else answers
        return [(q or "", a or r or "") for q, a, r in zip(questions, answers, raw, strict=True)]


@dataclass(frozen=True)
class Index:
    """A finished index, and the files that it is of."""

    folder: Path
    columns: Columns
    groups: Groups

    @property
    def has_texts(self) -> bool:
        """Whether full text can be searched."""
        return self.texts.exists()

    @property
    def texts(self) -> Path:
        return self.folder / _TEXTS

    def row(self, number: int) -> dict[str, Any]:
        """Return a row with everything that it has.

        Raises:
            DatasetError: the data set was exchanged meanwhile, and the index is not yet that of the new one.

        """
        group = next(g for g in self.groups.all if g.first <= number < g.first + g.rows)
        schema = ROW_SCHEMA if number < self.groups.n_pairs else REJECT_SCHEMA
        rows = ours(group.read().slice(number - group.first, 1), schema)
        found: list[dict[str, Any]] = rows.to_pylist()
        self._check(number, found[0]["id"] if found else None)
        return found[0]

    def _check(self, number: int, id_: str | None) -> None:
        if id_ != self.columns.table["id"][number].as_py():
            raise DatasetError(
                "The data set has just been exchanged for another.", hint="Its index is being made; try again."
            )


@dataclass(slots=True)
class Work:
    """What is being made, and how far it is."""

    what: str
    done: int = 0
    all: int = 0

    @property
    def told(self) -> str:
        return f"{self.what}: {self.done:,} of {self.all:,} rows" if self.all else self.what


@dataclass(eq=False)
class Shelf:
    """Keeps the index of a data set; `index` is the newest that is whole, also while the next one is made."""

    data: Data
    folder: Path
    """Where indexes are kept."""
    index: Index | None = None
    work: Work | None = None
    """What is being made just now."""
    error: GlanError | None = None
    """Why the index could not be made."""
    _signature: tuple[int, ...] | None = None
    _thread: threading.Thread | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_closed: bool = False

    def refresh(self) -> None:
        """Begin to make the index, if the data set is another than the one that it is of."""
        with self._lock:
            signature = self.data.signature()
            if self._is_busy or signature in {None, self._signature}:
                return
            self._signature, self.error = signature, None
            self._begin(self._make_columns, "Reading the rows")

    def want_texts(self) -> None:
        """Begin to make the index of full text, unless it is there."""
        with self._lock:
            if not self._is_busy and self.index is not None and not self.index.has_texts and self.error is None:
                self._begin(self._make_texts, "Indexing the texts")

    def close(self) -> None:
        """Give up what is being made."""
        self._is_closed = True
        if self._thread is not None:
            self._thread.join()

    def wait(self) -> None:
        """Wait until nothing is being made."""
        if self._thread is not None:
            self._thread.join()

    @property
    def _is_busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _begin(self, make: Callable[[], None], what: str) -> None:
        self.work = Work(what)
        self._thread = threading.Thread(target=self._made, args=(make,), name="index", daemon=True)
        self._thread.start()

    def _made(self, make: Callable[[], None]) -> None:
        try:
            make()
        except _ClosedError:
            pass
        except GlanError as error:
            self.error = error
        except (OSError, pa.ArrowException) as error:
            self.error = DatasetError(f"The index of {self.data.train.parent} cannot be made: {error}.")
        finally:
            self.work = None

    def _make_columns(self) -> None:
        key, groups = self.data.key(), self.data.groups()
        place = self.folder / key
        if not (place / COLUMNS).exists():
            self._prepare()
            place.mkdir(exist_ok=True)
            with _half_made(place) as half:
                writer = Writer(half)
                for group in self._counted(groups):
                    writer.add(group.read())
                writer.close()
                for name in (VALUES, COLUMNS):  # the columns last: where they are the values are too
                    (half / name).replace(place / name)
        columns = Columns.open(place)
        columns.warm()
        self.index = Index(place, columns, groups)
        self._forget_others(key)

    def _make_texts(self) -> None:
        index = self.index
        assert index is not None  # noqa: S101 - who begins this has looked
        with _half_made(index.folder) as half:
            texts.build(half / _TEXTS, self._texts(index.groups), self._count)
            (half / _TEXTS).replace(index.texts)

    def _texts(self, groups: Groups) -> Iterator[tuple[str, str]]:
        self._expect(groups.rows)
        for group in groups.all:
            yield from groups.said(group)

    def _counted(self, groups: Groups) -> Iterator[Group]:
        self._expect(groups.rows)
        for group in groups.all:
            yield group
            self._count(group.first + group.rows)

    def _expect(self, rows: int) -> None:
        if self.work is not None:
            self.work.all = rows

    def _count(self, done: int) -> None:
        if self.work is not None:
            self.work.done = done
        if self._is_closed:
            raise _ClosedError("")

    def _prepare(self) -> None:
        """Make the folder of indexes. No link is followed: a project may come from a stranger."""
        if self.folder.is_symlink():
            raise DatasetError(f"{self.folder} is a link, and no link is followed.", hint="Name another: --cache DIR.")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / ".gitignore").write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise DatasetError(
                f"The index cannot be kept in {self.folder}: {error.strerror}.", hint="Name another: --cache DIR."
            ) from error

    def _forget_others(self, key: str) -> None:
        with suppress(OSError):
            for place in self.folder.iterdir():
                if place.is_dir() and place.name != key:
                    shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _half_made(place: Path) -> Iterator[Path]:
    """Give a folder for files on their way to their names; it is gone at the end."""
    folder = Path(mkdtemp(prefix=".half-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
