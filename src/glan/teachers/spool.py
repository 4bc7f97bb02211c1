"""Requests that wait for a batch, on disk: one file and one row each, and nothing of them in memory.

Every group, one model at one server, has files of its own, since a provider takes no batch of two models. A file that
is full is sealed and the next one begun.
"""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from glan.records import Request
from glan.settings import Batch as Settings
from glan.teachers.batch import BatchServer
from glan.teachers.batch_lines import render_line
from glan.teachers.fingerprints import fingerprint
from glan.teachers.outbox import Outbox, Parcel, State, Waiting, custom_id_of
from glan.teachers.prices import Amount

_log = logging.getLogger(__name__)

_ROWS = 512
"""Rows that are written in one transaction."""


@dataclass(slots=True, kw_only=True)
class _File:
    parcel: Parcel
    path: Path
    file: BinaryIO
    rows: list[Waiting] = field(default_factory=list)
    requests: int = 0
    size_bytes: int = 0
    worst: Amount = field(default_factory=Amount)


@dataclass(slots=True, kw_only=True)
class Group:
    """The requests of one model at one server."""

    server: BatchServer
    model: str
    few: list[Request] = field(default_factory=list)
    """The first ones whole, as many as may turn out to be all and be asked live."""
    requests: int = 0
    seen: set[str] = field(default_factory=set)
    """The names of all that are in it: 100 bytes each."""
    sealed: list[tuple[Parcel, Path]] = field(default_factory=list)
    open: _File | None = None


class Spool:
    """What one walk puts aside."""

    def __init__(self, outbox: Outbox, folder: Path, settings: Settings) -> None:
        """Put files into a folder, which is made when it is needed."""
        self._outbox = outbox
        self._folder = folder
        self._settings = settings
        self.groups: dict[tuple[str, str], Group] = {}
        self.worst = Amount()
        """The most that all of it can take."""

    @property
    def requests(self) -> int:
        """How many requests are in it."""
        return sum(group.requests for group in self.groups.values())

    def put(self, request: Request, server: BatchServer, worst: Amount) -> None:
        """Put a request aside; one that is there already is left.

        Args:
            request: the request.
            server: where its batch is handed in.
            worst: the most that it can take.

        """
        group = self.groups.setdefault(
            (server.base_url, request.sampling.model), Group(server=server, model=request.sampling.model)
        )
        wanted = fingerprint(request)
        custom_id = custom_id_of(request, wanted)
        if custom_id in group.seen:
            return
        body, rung = server.render(request)
        line = render_line(custom_id, body)
        waiting = Waiting(custom_id=custom_id, request=request, fingerprint=wanted, rung=rung)
        self._write(group, line, waiting, worst)
        group.seen.add(custom_id)
        group.requests += 1
        if len(group.few) < self._settings.minimum:
            group.few.append(request)
        self.worst = self.worst.plus(worst)

    def seal(self, group: Group) -> list[tuple[Parcel, Path]]:
        """End a group: its files are whole and its rows are in the ledger. Return them."""
        if group.open is not None:
            self._end(group, group.open)
            group.open = None
        return group.sealed

    def discard(self, group: Group) -> None:
        """Forget a group: nothing of it is sent."""
        for parcel, path in self.seal(group):
            self._outbox.close(parcel, State.DROPPED)
            path.unlink(missing_ok=True)
        group.sealed = []

    def discard_all(self) -> None:
        """Forget everything that was not handed over."""
        for group in self.groups.values():
            self.discard(group)

    def _write(self, group: Group, line: bytes, waiting: Waiting, worst: Amount) -> None:
        found = group.open
        if found is not None and self._is_full(found, line):
            self._end(group, found)
            found = None
        if found is None:
            found = group.open = self._begin(group)
        found.file.write(line)
        found.rows.append(waiting)
        found.requests += 1
        found.size_bytes += len(line)
        found.worst = found.worst.plus(worst)
        if len(found.rows) >= _ROWS:
            self._flush(found)

    def _is_full(self, found: _File, line: bytes) -> bool:
        most_bytes = self._settings.max_mb * 1_000_000
        return found.requests >= self._settings.max_requests or found.size_bytes + len(line) > most_bytes

    def _begin(self, group: Group) -> _File:
        parcel = self._outbox.begin(server=group.server.base_url, host=group.server.host, model=group.model)
        self._folder.mkdir(exist_ok=True)
        path = self._folder / f"{parcel.tag}.jsonl"
        return _File(parcel=parcel, path=path, file=path.open("wb"))

    def _end(self, group: Group, found: _File) -> None:
        self._flush(found)
        found.file.close()
        parcel = self._outbox.note(
            found.parcel,
            state=State.SEALED.value,
            requests=found.requests,
            tokens=found.worst.tokens,
            usd=found.worst.usd,
        )
        group.sealed.append((parcel, found.path))
        _log.info("%s: %d requests to %s, %d bytes", parcel.tag, found.requests, parcel.host, found.size_bytes)

    def _flush(self, found: _File) -> None:
        self._outbox.add(found.parcel, found.rows)
        found.rows.clear()
