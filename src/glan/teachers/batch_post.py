"""Sends batches, waits for them, finds them again after a kill, and has what comes back committed.

    upload ─► hand in ─► look, with longer and longer pauses ─► fetch ─► commit each reply to the ledger

Before anything leaves, the ledger knows the batch's tag; before a batch is handed in a second time, the provider's list
is searched for the tag. So a kill at any instant leads back to the same batch, and nothing is paid twice.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from glan.errors import GlanError, ProjectError, UnusableError
from glan.settings import Batch as Settings
from glan.teachers.batch import Batch, BatchServer, Status, UnsureError
from glan.teachers.batch_reading import Read, Reading
from glan.teachers.deferring import Known
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Tally
from glan.teachers.limits import Budget
from glan.teachers.outbox import Outbox, Parcel, State, Waiting
from glan.teachers.prices import Amount

_log = logging.getLogger(__name__)

_GROWTH: Final = 1.5
"""Of the pause between two looks at batches in which nothing changes."""
_MOST_REFUSED: Final = 3
"""So often a batch waits for room that nothing of ours takes up; then it is cut in halves."""
_MOST_UNSURE: Final = 8
"""So often a batch is handed in again of which the server neither said that it took it, nor listed it."""


class Post:
    """The batches of one ledger."""

    def __init__(
        self,
        ledger: Ledger,
        servers: Mapping[tuple[str, str], BatchServer],
        settings: Settings,
        folder: Path,
        *,
        tally: Tally | None = None,
    ) -> None:
        """Send to servers and read from them.

        Args:
            ledger: open for writing.
            servers: by their base URLs and the models that they are asked for.
            settings: how long is waited.
            folder: where files lie for a moment; it is made when it is needed.
            tally: what counts the replies.

        """
        self.outbox = Outbox(ledger)
        self.known = Known(probes=settings.first == "live")
        self.shown: list[Parcel] = []
        """The batches that are out, as they were seen last."""
        self.stopping = asyncio.Event()
        self.most_requests = settings.max_requests
        """Of one batch: as the settings say, or fewer where a server takes no more."""
        self.budget = Budget()
        """What the run may spend; batches of earlier runs are read before it is known."""
        self._ledger = ledger
        self._servers = servers
        self._settings = settings
        self.folder = folder
        self._tally = tally or Tally()
        self._files: dict[str, Path] = {}
        self._reserved: dict[str, Amount] = {}
        self._unsure: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    async def recover(self) -> None:
        """Find out what became of the batches that were on their way when the last run ended.

        Raises:
            GlanError: a batch is out at a server that this run does not ask, or that does not answer.

        """
        for parcel in self.outbox.unsent():
            self.outbox.close(parcel, State.DROPPED)
        for parcel in self.outbox.out():
            server = self._server_of(parcel)
            if parcel.state is State.SENT:
                continue
            found = await self._found(parcel, server)
            if self.stopping.is_set():
                break  # perhaps too early to tell; the next run looks again
            if found is None:
                self.outbox.close(parcel, State.DROPPED)  # it never was, so its requests are gathered again
            else:
                self.outbox.note(parcel, state=State.SENT.value, batch_id=found.id, status=found.status)
        self._show()

    def take(self, parcel: Parcel, path: Path) -> None:
        """Take a sealed file to be sent, and set its worst case aside.

        Raises:
            BudgetError: it could pass the cap.

        """
        self.budget.reserve_batch(parcel.worst)
        self._reserved[parcel.tag] = parcel.worst
        self._files[parcel.tag] = path

    async def settle(self) -> None:
        """Send what was taken, and return when every batch has been read, or when it is time to stop.

        Raises:
            GlanError: a server turns batches away, or somebody has ended one; what came before is committed.

        """
        pause_s = self._settings.poll_s
        while not self.stopping.is_set():
            changed = [await self._advance(parcel) for parcel in self._pending() if not self.stopping.is_set()]
            self._show()
            if not self._pending() or self.stopping.is_set():
                return
            pause_s = self._settings.poll_s if any(changed) else min(pause_s * _GROWTH, self._settings.max_poll_s)
            await self._rest(pause_s)

    async def _rest(self, pause_s: float) -> None:
        """Sleep, or until it is time to stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), pause_s)

    def told(self) -> str:
        """Return in a few words what is out; empty where nothing is."""
        return told_of(self.shown)

    def told_left(self) -> str:
        """Return what a person should know when a run ends while something is out."""
        return f"{self.told()}. It stays there, and the next run finds it." if self.shown else ""

    def _show(self) -> None:
        self.shown = self.outbox.out()

    def _pending(self) -> list[Parcel]:
        return [*self.outbox.out(), *[parcel for parcel in self.outbox.unsent() if parcel.tag in self._files]]

    async def _advance(self, parcel: Parcel) -> bool:
        """Take a batch one step further; say whether anything changed."""
        server = self._server_of(parcel)
        if parcel.state is State.SENT:
            return await self._look(parcel, server)
        if parcel.state is State.SEALED:
            file_id = await server.upload(self._files[parcel.tag], parcel.tag)
            parcel = self.outbox.note(parcel, state=State.UPLOADED.value, file_id=file_id)
            self._files.pop(parcel.tag).unlink(missing_ok=True)
        if parcel.state is State.SUBMITTING:
            found = await self._found(parcel, server)
            if found is not None:
                self._note_sent(parcel, found)
                return True
            if self.stopping.is_set():
                return False  # perhaps too early to tell
        return await self._hand_in(parcel, server)

    async def _hand_in(self, parcel: Parcel, server: BatchServer) -> bool:
        parcel = self.outbox.note(parcel, state=State.SUBMITTING.value)
        try:
            batch = await server.hand_in(parcel.file_id or "", parcel.tag)
        except UnsureError as error:
            self._unsure[parcel.tag] += 1
            if self._unsure[parcel.tag] > _MOST_UNSURE:
                raise _unsure(parcel) from error
            _log.warning("%s: nobody knows whether %s took it; its list will tell", parcel.tag, parcel.host)
            return False
        if batch is None:
            self._wait_for_room(parcel)
            return False
        self._note_sent(parcel, batch)
        return True

    def _note_sent(self, parcel: Parcel, batch: Batch) -> None:
        _log.info("%s: %d requests are out as %s at %s", parcel.tag, parcel.requests, batch.id, parcel.host)
        self.outbox.note(parcel, state=State.SENT.value, batch_id=batch.id, status=batch.status)

    def _wait_for_room(self, parcel: Parcel) -> None:
        """Hand a batch in later. One that is turned away again and again while no other is out is too large."""
        self._refused[parcel.tag] += 1
        is_alone = all(other.state is not State.SENT or other.tag == parcel.tag for other in self.outbox.out())
        if is_alone and parcel.requests > 1 and self._refused[parcel.tag] > _MOST_REFUSED:
            self.most_requests = min(self.most_requests, parcel.requests // 2)
            _log.info(
                "%s: too large for %s; %d requests a batch from now on", parcel.tag, parcel.host, self.most_requests
            )
            self.outbox.close(parcel, State.DROPPED)
            self._book(parcel, Read())
            return
        _log.info("%s: %s has enough for now; it is handed in later", parcel.tag, parcel.host)
        self.outbox.note(parcel, state=State.UPLOADED.value, batch_id=None, status="waiting for room")

    async def _found(self, parcel: Parcel, server: BatchServer) -> Batch | None:
        """Search the list of the server for a batch that may have been made; one that failed counts as none."""
        left_s = parcel.changed + self._settings.settle_s - time.time()
        if left_s > 0 and parcel.state is State.SUBMITTING:
            await self._rest(min(left_s, self._settings.settle_s))
        found = await server.find(parcel.tag, parcel.file_id)
        return None if found is None or found.status == Status.FAILED else found

    async def _look(self, parcel: Parcel, server: BatchServer) -> bool:
        batch = await server.look(parcel.batch_id or "")
        if batch is None:
            raise _lost(parcel, "the batch")
        if (batch.status, batch.done) != (parcel.status, parcel.done):
            _log.info("%s: %s, %d of %d done", parcel.tag, batch.status, batch.done, parcel.requests)
            parcel = self.outbox.note(parcel, status=batch.status, done=batch.done)
            self._show()
            if not batch.is_over:
                return True
        if not batch.is_over:
            return False
        if batch.is_full:
            self._wait_for_room(parcel)
            return False
        await self._read(parcel, batch, server)
        return True

    async def _read(self, parcel: Parcel, batch: Batch, server: BatchServer) -> None:
        """Commit what a batch gave; what it did not give is asked again."""
        reading = Reading(self._ledger, server, tally=self._tally, known=self.known)
        self.folder.mkdir(exist_ok=True)
        path = self.folder / f"{parcel.tag}.out.jsonl"
        for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):
            if not await server.fetch(file_id, path):
                raise _lost(parcel, "its output")
            await reading.read(path, lambda custom_id: self._whose(parcel, custom_id))
            path.unlink()
        if not reading.ended and (reading.found.n_strange or batch.status == Status.COMPLETED):
            raise _unreadable(parcel, reading.found)
        if batch.status == Status.COMPLETED:
            self._miss(parcel, {custom_id for _, custom_id in reading.ended})
        self.outbox.close(parcel, State.READ)
        self._book(parcel, reading.found)
        _tell(parcel, batch, reading.found)
        error = reading.found.error or _ended_wrong(parcel, batch)
        if error is not None:
            raise error

    def _whose(self, parcel: Parcel, custom_id: str) -> tuple[Parcel, Waiting] | None:
        waiting = self.outbox.find(parcel, custom_id)
        return None if waiting is None else (parcel, waiting)

    def _miss(self, parcel: Parcel, answered: set[str]) -> None:
        """Note the requests of which a whole batch says nothing."""
        for waiting in self.outbox.waiting(parcel):
            if waiting.custom_id not in answered:
                self.known.fail(waiting.custom_id, is_for_form=False)

    def _book(self, parcel: Parcel, found: Read) -> None:
        worst = self._reserved.pop(parcel.tag, None)
        if worst is not None:
            self.budget.settle_batch(worst, found.used)

    def _server_of(self, parcel: Parcel) -> BatchServer:
        server = self._servers.get((parcel.server, parcel.model))
        if server is not None:
            return server
        others = [found for (base_url, _), found in self._servers.items() if base_url == parcel.server]
        if not others:
            raise ProjectError(
                f"A batch with {parcel.requests:,} requests is out at {parcel.host}, and this run asks no teacher "
                "there.",
                hint=f"Name that teacher, --teacher MODEL@{parcel.server}, and it is read. `glan batch drop "
                f"{parcel.tag}` gives it up: its requests are asked again then.",
            )
        return others[0].unpriced()


def told_of(parcels: list[Parcel]) -> str:
    """Say in a few words which batches are out; empty where none is."""
    if not parcels:
        return ""
    requests, done = sum(parcel.requests for parcel in parcels), sum(parcel.done for parcel in parcels)
    hosts = ", ".join(dict.fromkeys(parcel.host for parcel in parcels))
    batches = f"{len(parcels):,} {'batch' if len(parcels) == 1 else 'batches'}"
    return f"{batches} out at {hosts}: {done:,} of {requests:,} requests done"


def _unsure(parcel: Parcel) -> GlanError:
    return UnusableError(
        f"{parcel.host} was asked {_MOST_UNSURE + 1} times to make a batch of {parcel.tag}, and gave no clear answer.",
        hint="Look at its state, and run again: what was made meanwhile is found by its tag.",
    )


def _lost(parcel: Parcel, what: str) -> GlanError:
    return UnusableError(
        f"{parcel.host} does not know {what} of {parcel.tag} any more ({parcel.batch_id}).",
        hint=f"`glan batch drop {parcel.tag}` gives it up: its {parcel.requests:,} requests are asked again then.",
    )


def _unreadable(parcel: Parcel, found: Read) -> GlanError:
    return UnusableError(
        f"None of the {found.n_strange:,} lines that {parcel.host} gave for {parcel.tag} belongs to a request of it"
        f"{f'; the first is {found.strange[0]!r}' if found.strange else ''}.",
        hint=f"It is paid for, so nothing is asked again; `glan batch drop {parcel.tag}` gives it up.",
    )


def _tell(parcel: Parcel, batch: Batch, found: Read) -> None:
    _log.info(
        "%s: %s; %d replies, %d failures, %d to be asked again, %d known before",
        parcel.tag, batch.status, found.replies, found.failures, found.again, found.there,
    )  # fmt: skip
    if found.n_strange:
        _log.warning("%s: %d lines belong to nothing: %s", parcel.tag, found.n_strange, ", ".join(found.strange))


def _ended_wrong(parcel: Parcel, batch: Batch) -> GlanError | None:
    """Return what a person must see to before the rest is asked again."""
    if batch.status == Status.CANCELLED:
        return UnusableError(
            f"Somebody has cancelled the batch {batch.id} at {parcel.host}; what it had answered is in the ledger.",
            hint="Run again, and the rest is asked again.",
        )
    if batch.status == Status.FAILED:
        said = "; ".join(" ".join(filter(None, error)) for error in batch.errors[:3])
        return UnusableError(f"{parcel.host} turned the batch {batch.id} down as a whole: {said or 'without a word'}.")
    return None
