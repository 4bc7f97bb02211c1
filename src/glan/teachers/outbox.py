"""What was handed in and is not answered yet: batches and their requests, as rows beside the replies of the ledger.

    gathering ─► sealed ─► uploaded ─► submitting ─► sent ─► read        a provider's batch
    gathering ─► written ─► read                                        files for an offline runner

A row of a request leads from the `custom_id` of a line back to its place, whatever comes back, when, and in which
order. Rows are written before anything leaves this machine. It knows no HTTP and no stages.
"""

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Final

from glan.records import Record, Request, Sampling, Stage
from glan.teachers.ledger import Ledger
from glan.teachers.prices import Amount

_BATCHES: Final = (
    "CREATE TABLE IF NOT EXISTS batches (number INTEGER PRIMARY KEY, tag TEXT, state TEXT, server TEXT, host TEXT, "
    "model TEXT, time REAL, changed REAL, after_seq INTEGER, requests INTEGER, tokens INTEGER, usd REAL, file_id TEXT, "
    "batch_id TEXT, status TEXT, done INTEGER)"
)
_REQUESTS: Final = (
    "CREATE TABLE IF NOT EXISTS batch_requests (number INTEGER, custom_id TEXT, request TEXT, stage TEXT, "
    "sample INTEGER, attempt INTEGER, fingerprint BLOB, max_tokens INTEGER, rung TEXT, is_done INTEGER, "
    "PRIMARY KEY (number, custom_id)) WITHOUT ROWID"
)
_EXISTS = "SELECT 1 FROM sqlite_master WHERE name = 'batch_requests'"
_PARCELS = (
    "SELECT number, tag, state, server, host, model, time, changed, after_seq, requests, tokens, usd, file_id, "
    "batch_id, status, done FROM batches"
)
_WAITING = (
    "SELECT batches.number, custom_id, request, stage, sample, attempt, fingerprint, max_tokens, rung, model "
    "FROM batch_requests JOIN batches ON batches.number = batch_requests.number"
)


class State(StrEnum):
    """How far a batch is."""

    GATHERING = "gathering"
    """Its file is being written."""
    SEALED = "sealed"
    """Its file is whole; nothing has left this machine."""
    WRITTEN = "written"
    """Its file is a person's, for an offline runner."""
    UPLOADED = "uploaded"
    SUBMITTING = "submitting"
    """The provider was asked to make a batch of the file, and may have done so."""
    SENT = "sent"
    READ = "read"
    DROPPED = "dropped"
    """Its replies are not waited for."""


_OUT: Final = (State.UPLOADED, State.SUBMITTING, State.SENT)
AWAITED: Final = (*_OUT, State.WRITTEN)
"""Those of which somebody else may have the requests, and replies may come."""


class Parcel(Record, frozen=True, kw_only=True):
    """A batch as we know it."""

    number: int
    tag: str
    """Names it at the provider: in the file's name and in the batch's metadata."""
    state: State
    server: str
    """Base URL of the server; the file's path where it was written for an offline runner."""
    host: str
    model: str
    time: float
    """When it was begun, in seconds since 1970."""
    changed: float
    after_seq: int
    """The last entry of the ledger when it was begun; what answers its requests comes later."""
    requests: int = 0
    tokens: int = 0
    """The most that it can take, prompts and replies."""
    usd: float = 0.0
    file_id: str | None = None
    batch_id: str | None = None
    status: str | None = None
    """The provider's own word for how far it is."""
    done: int = 0
    """Requests that the provider says are done."""

    @property
    def worst(self) -> Amount:
        """The most that it can take and cost."""
        return Amount(tokens=self.tokens, usd=self.usd)

    @property
    def told(self) -> str:
        """It in a line."""
        if self.state is State.WRITTEN:
            return f"{self.tag}  {self.requests:,} requests written to {self.server}"
        status = self.status or self.state.value
        return f"{self.tag}  {self.done:,} of {self.requests:,} done at {self.host}  {status}  {self.batch_id or ''}"


class Waiting(Record, frozen=True, kw_only=True):
    """A request that waits for its reply: all that is needed to commit one."""

    custom_id: str
    request: Request
    """Without its messages, which the fingerprint stands for."""
    fingerprint: bytes
    rung: str | None = None
    number: int = 0
    """Of its batch."""


def custom_id_of(request: Request, fingerprint: bytes) -> str:
    """Return the name of a request in a batch, 32 characters: the same whenever it is asked in the same way."""
    parts = (request.id, str(request.sample), str(request.attempt), str(request.sampling.max_tokens))
    digest = blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=16)
    digest.update(fingerprint)
    return digest.hexdigest()


class Outbox:
    """The batches of one ledger, which must be open for writing to change them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._has_tables = False

    def begin(self, *, server: str, host: str, model: str) -> Parcel:
        """Begin a batch, with a tag that no other has."""
        self._make_tables()
        now = time.time()
        tag = f"glan-{secrets.token_hex(8)}"
        after = self._ledger.last_seq()
        with self._ledger.transaction() as connection:
            added = connection.execute(
                "INSERT INTO batches (tag, state, server, host, model, time, changed, after_seq, requests, tokens, usd,"
                " done) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0)",
                (tag, State.GATHERING.value, server, host, model, now, now, after),
            )
        return self._parcels("WHERE number = ?", added.lastrowid or 0)[0]

    def add(self, parcel: Parcel, waiting: Sequence[Waiting]) -> None:
        """Add requests to a batch that is being gathered."""
        rows = [
            (
                parcel.number, found.custom_id, found.request.id, found.request.stage.value, found.request.sample,
                found.request.attempt, found.fingerprint, found.request.sampling.max_tokens, found.rung,
            )
            for found in waiting
        ]  # fmt: skip
        with self._ledger.transaction() as connection:
            connection.executemany("INSERT INTO batch_requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)", rows)

    def note(self, parcel: Parcel, **changes: Any) -> Parcel:  # noqa: ANN401 - the columns have many types
        """Change what is known of a batch, and return it as it is then."""
        now = time.time() if "state" in changes else parcel.changed
        columns = {**changes, "changed": now}
        assigned = ", ".join(f"{name} = ?" for name in columns)
        with self._ledger.transaction() as connection:
            connection.execute(
                f"UPDATE batches SET {assigned} WHERE number = ?",  # noqa: S608 - names of our own
                (*columns.values(), parcel.number),
            )
        return self._parcels("WHERE number = ?", parcel.number)[0]

    def close(self, parcel: Parcel, state: State) -> None:
        """End a batch: its requests wait no longer."""
        with self._ledger.transaction() as connection:
            connection.execute("DELETE FROM batch_requests WHERE number = ?", (parcel.number,))
            connection.execute(
                "UPDATE batches SET state = ?, changed = ? WHERE number = ?", (state.value, time.time(), parcel.number)
            )

    def done_with(self, parcel: Parcel, custom_ids: Iterable[str]) -> None:
        """Note that requests of a batch wait no longer, while others may."""
        with self._ledger.transaction() as connection:
            connection.executemany(
                "UPDATE batch_requests SET is_done = 1 WHERE number = ? AND custom_id = ?",
                [(parcel.number, custom_id) for custom_id in custom_ids],
            )

    def out(self) -> list[Parcel]:
        """Return the batches that a provider may have, the oldest first."""
        return self._in(*_OUT)

    def unsent(self) -> list[Parcel]:
        """Return the batches of which nothing has left this machine."""
        return self._in(State.GATHERING, State.SEALED)

    def written(self) -> list[Parcel]:
        """Return the files that were written for an offline runner and not read back."""
        return self._in(State.WRITTEN)

    def named(self, tag: str) -> Parcel | None:
        """Return the batch with a tag, whatever became of it."""
        return next(iter(self._parcels("WHERE tag = ?", tag)), None)

    def n_waiting(self, parcel: Parcel) -> int:
        """Return how many requests of a batch have no reply yet."""
        found = self._ledger.query(
            "SELECT count(*) FROM batch_requests WHERE number = ? AND is_done = 0", parcel.number
        )
        return int(found[0][0])

    def find(self, parcel: Parcel, custom_id: str) -> Waiting | None:
        """Return the request of a batch that a line is about; None where it belongs to nothing."""
        where = f"{_WAITING} WHERE batch_requests.number = ? AND custom_id = ?"
        return next(self._waiting(where, parcel.number, custom_id), None)

    def waiting(self, parcel: Parcel) -> Iterator[Waiting]:
        """Give the requests of a batch."""
        return self._waiting(f"{_WAITING} WHERE batch_requests.number = ? ORDER BY custom_id", parcel.number)

    def _waiting(self, statement: str, *values: str | int) -> Iterator[Waiting]:
        for number, custom_id, request, stage, sample, attempt, fingerprint, room, rung, model in self._ledger.query(
            statement, *values
        ):
            yield Waiting(
                custom_id=custom_id,
                request=Request(
                    id=request,
                    stage=Stage(stage),
                    messages=(),
                    sampling=Sampling(model=model, max_tokens=room),
                    sample=sample,
                    attempt=attempt,
                ),
                fingerprint=fingerprint,
                rung=rung,
                number=number,
            )

    def _in(self, *states: State) -> list[Parcel]:
        marks = ", ".join("?" * len(states))
        return self._parcels(f"WHERE state IN ({marks}) ORDER BY number", *(state.value for state in states))

    def _parcels(self, where: str, *values: str | int) -> list[Parcel]:
        if not self._has_tables and not self._ledger.query(_EXISTS):
            return []
        names = Parcel.__struct_fields__
        found = [dict(zip(names, row, strict=True)) for row in self._ledger.query(f"{_PARCELS} {where}", *values)]
        return [Parcel(**{**each, "state": State(each["state"])}) for each in found]

    def _make_tables(self) -> None:
        if not self._has_tables:
            with self._ledger.transaction() as connection:
                connection.execute(_BATCHES)
                connection.execute(_REQUESTS)
            self._has_tables = True
