"""What the pages are made of: the project as its files are now, the index of its data set, its ledger, its run."""

import hashlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from glan.errors import GlanError
from glan.project import Project
from glan.reviews import NAME as REVIEWS
from glan.teachers.ledger import Entry, Ledger
from glan.view.index import Data, Index, Shelf, Work
from glan.view.listing import Lists
from glan.ways import Sources, Ways

CACHE = ".view"
"""The folder of indexes, beside the data set."""


class WaitingError(GlanError):
    """A page cannot be shown yet: what it needs is being made."""

    def __init__(self, work: Work | None) -> None:
        super().__init__(work.told if work is not None else "Looking at the data set")
        self.work = work


class NoDataError(GlanError):
    """There is no data set yet."""


@dataclass(eq=False)
class Viewer:
    """A project that is looked at."""

    opened: Project
    shelf: Shelf
    _project: tuple[tuple[object, ...], Project] | None = None
    _lists: Lists | None = None
    _sources: tuple[int, Sources] | None = None
    _failures: tuple[int, int, list[Entry]] = field(default_factory=lambda: (-1, 0, []))

    @classmethod
    def of(cls, project: Project, cache: Path | None = None) -> "Viewer":
        """Return the viewer of a project; `cache` is where its indexes are kept, if not in the project."""
        data = Data(train=project.train_path, rejects=project.rejects_path, manifest=project.manifest_path)
        here = project.manifest_path.parent
        folder = here / CACHE if cache is None else cache / _name_of(here)
        return cls(opened=project, shelf=Shelf(data, folder))

    @property
    def project(self) -> Project:
        """The project, read again where one of its files has changed."""
        opened = self.opened
        files = (opened.config_path, opened.taxonomy_path, opened.folder / REVIEWS, opened.manifest_path)
        signature = tuple(_signature(path) for path in files)
        if self._project is None or self._project[0] != signature:
            self._project = signature, replace(opened)
        return self._project[1]

    @property
    def name(self) -> str:
        """What the project is called."""
        try:
            named = self.project.config.dataset.name
        except GlanError:
            named = None
        return named or self.opened.folder.resolve().name

    @property
    def index(self) -> Index:
        """The index of the data set.

        Raises:
            WaitingError: it is being made.
            NoDataError: there is no data set.

        """
        self.shelf.refresh()
        if self.shelf.index is not None:
            return self.shelf.index
        if self.shelf.error is not None:
            raise self.shelf.error
        if self.shelf.data.signature() is None:
            raise NoDataError("There is no data set yet.", hint=f"glan run --project {self.opened.folder}")
        raise WaitingError(self.shelf.work)

    @property
    def lists(self) -> Lists:
        """The lists of its rows; it raises what `index` does."""
        index = self.index
        if self._lists is None or self._lists.index is not index:
            self._lists = Lists(index)
        return self._lists

    @property
    def searched(self) -> Lists:
        """The same, once full text can be searched; the first search begins to make its index."""
        lists = self.lists
        if not lists.index.has_texts:
            error, self.shelf.error = self.shelf.error, None  # told once; the next search tries again
            if error is not None:
                raise error
            self.shelf.want_texts()
            raise WaitingError(self.shelf.work)
        return lists

    @contextmanager
    def ways(self) -> Iterator[Ways | None]:
        """Give what finds the ways of pairs in the ledger; None where there is none."""
        with self.ledger() as ledger:
            if ledger is None:
                yield None
                return
            last = ledger.last_run()
            number = last.number if last is not None else 0
            if self._sources is None or self._sources[0] != number:
                self._sources = number, Sources(ledger.runs())
            yield Ways(ledger, self._sources[1])

    @contextmanager
    def ledger(self) -> Iterator[Ledger | None]:
        """Give the ledger, open for reading; None where there is none."""
        if not self.opened.ledger_path.exists():
            yield None
            return
        with Ledger.open(self.opened.ledger_path, readonly=True) as ledger:
            yield ledger

    def failures(self, most: int) -> tuple[int, list[Entry]]:
        """Return how many requests failed for good, and the last of them; read again once the ledger has grown."""
        with self.ledger() as ledger:
            if ledger is None:
                return 0, []
            last = ledger.last_seq()
            if self._failures[0] != last:
                n, kept = 0, deque[Entry](maxlen=most)
                for entry in ledger.failures():
                    n += 1
                    kept.append(entry)
                self._failures = last, n, list(kept)
        return self._failures[1:]


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _name_of(folder: Path) -> str:
    """Return a name of a project's own in a folder that many may share."""
    path = folder.resolve()
    return f"{path.name[:40]}-{hashlib.sha256(bytes(path)).hexdigest()[:8]}"
