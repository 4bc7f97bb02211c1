"""The batches of a provider: what it says of one, and what a server of batches can be asked. It knows no HTTP.

    file ─► upload ─► hand in ─► validating ─► in_progress ─► finalizing ─► completed
                                     └► failed       └► expired, cancelled

The protocol is OpenAI's of files and batches; whoever sends and waits is in `batch_post.py`.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from glan.errors import GlanError
from glan.records import Record, Request
from glan.settings import Price
from glan.teachers.batch_lines import Output
from glan.teachers.kinds import Trouble

TAG: Final = "glan"
"""Key of our tag in a batch's metadata."""
FULL: Final = "token_limit_exceeded"
"""Code of a batch that was turned away because too many tokens wait already."""


class Status(StrEnum):
    """How far a batch is, in the provider's words."""

    VALIDATING = "validating"
    FAILED = "failed"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


_OVER: Final = frozenset({Status.FAILED, Status.COMPLETED, Status.EXPIRED, Status.CANCELLED})


class Batch(Record, frozen=True, kw_only=True):
    """What a provider says of a batch."""

    id: str
    status: str
    """One of `Status`; a provider may have further words for one that is under way."""
    input_file_id: str = ""
    output_file_id: str | None = None
    error_file_id: str | None = None
    tag: str | None = None
    done: int = 0
    """Requests that are answered, or failed."""
    errors: tuple[tuple[str, str], ...] = ()
    """Code and message of each error that concerns the whole."""

    @property
    def is_over(self) -> bool:
        return self.status in _OVER

    @property
    def is_full(self) -> bool:
        """Whether it was turned away because too many tokens wait already."""
        return self.status == Status.FAILED and any(is_about_full(code, message) for code, message in self.errors)


def is_about_full(code: str, message: str) -> bool:
    """Say whether an error is about too many tokens that wait, which passes."""
    return code == FULL or "enqueued token" in message.lower()


class Terms(Record, frozen=True, kw_only=True):
    """What is known of the batches of a server."""

    is_known: bool | None
    """Whether it takes any; None where it must be asked."""
    price: Price | None
    """What the tokens of a batch cost."""


class BatchServer(Protocol):
    """A server that takes batches, for one teacher."""

    @property
    def base_url(self) -> str: ...

    @property
    def host(self) -> str: ...

    @property
    def price(self) -> Price | None:
        """What the tokens of a batch cost."""
        ...

    def unpriced(self) -> "BatchServer":
        """Return the same server for another model, whose price nobody has named."""
        ...

    async def check(self) -> None:
        """See that the server takes batches; a known one is not asked.

        Raises:
            GlanError: it does not, or does not accept the key.

        """
        ...

    async def upload(self, path: Path, tag: str) -> str:
        """Send a file, and return the id that the server gives it."""
        ...

    async def hand_in(self, file_id: str, tag: str) -> Batch | None:
        """Make a batch of a file. None where the server has enough for now.

        Raises:
            UnsureError: it may have been made all the same.

        """
        ...

    async def look(self, batch_id: str) -> Batch | None:
        """Return how far a batch is; None where the server has none of that name."""
        ...

    async def find(self, tag: str, file_id: str | None) -> Batch | None:
        """Return the batch with a tag, or of a file, from the server's list; of several one that has not failed."""
        ...

    async def fetch(self, file_id: str, path: Path) -> bool:
        """Write a file of the server to a path; False where it has none of that name."""
        ...

    def render(self, request: Request) -> tuple[bytes, str | None]:
        """Return the body of a request as it is sent now, and the rung of its structured output."""
        ...

    def read(self, raw: bytes) -> Output | None:
        """Return what a line of output says, its reply as one of this server's."""
        ...

    def error_of(self, trouble: Trouble, model: str) -> GlanError:
        """Return the error that a trouble ends in."""
        ...


class UnsureError(Exception):
    """Nobody knows whether a batch was made: the list of the server will tell."""


def read_batch(found: object) -> Batch | None:
    """Return the batch in a provider's words; None where there is none in them."""
    if not isinstance(found, dict) or not isinstance(found.get("id"), str) or not isinstance(found.get("status"), str):
        return None
    metadata, counts = _table(found.get("metadata")), _table(found.get("request_counts"))
    tag = metadata.get(TAG)
    return Batch(
        id=found["id"],
        status=found["status"],
        input_file_id=_text(found.get("input_file_id")) or "",
        output_file_id=_text(found.get("output_file_id")),
        error_file_id=_text(found.get("error_file_id")),
        tag=_text(tag),
        done=_count(counts.get("completed")) + _count(counts.get("failed")),
        errors=tuple(_errors(_table(found.get("errors")).get("data"))),
    )


def read_list(raw: bytes) -> tuple[Sequence[Batch], str | None] | None:
    """Return the batches of a page of the list, and where the next page begins; None where it is no such page."""
    found = read_json(raw)
    data = found.get("data") if isinstance(found, dict) else None
    if not isinstance(data, list):
        return None
    batches = [batch for each in data if (batch := read_batch(each)) is not None]
    goes_on = bool(batches) and isinstance(found, dict) and bool(found.get("has_more"))
    return batches, batches[-1].id if goes_on else None


def read_json(raw: bytes) -> object:
    """Return what JSON says; None where it is none."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _errors(found: object) -> list[tuple[str, str]]:
    tables = [_table(each) for each in found] if isinstance(found, list) else []
    return [(_text(each.get("code")) or "", _text(each.get("message")) or "") for each in tables]


def _table(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _text(found: object) -> str | None:
    return found if isinstance(found, str) and found else None


def _count(found: object) -> int:
    return found if isinstance(found, int) and found >= 0 else 0
