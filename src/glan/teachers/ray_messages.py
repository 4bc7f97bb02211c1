"""What a run and its workers on a Ray cluster say to each other, as bytes. It knows neither Ray nor HTTP.

A message has many calls or answers, since one costs Ray a thousand times what it costs to pack them; each answer is
committed by itself all the same.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from glan.records import Record, Reply
from glan.teachers.kinds import Kind, Trouble
from glan.teachers.listing import Listing
from glan.teachers.rates import Rates

MOST_BYTES = 64 * 1024
"""Of one message, unless one call or answer alone is longer: below 100 KB Ray sends it from process to process, and
keeps nothing of it in the memory that machines share, which may be written to disk."""

R = TypeVar("R", bound=Record)


class Site(Record, frozen=True, kw_only=True):
    """A server as a worker asks it."""

    number: int
    base_url: str
    host: str
    node: str = ""
    """The machine that knows it as itself; empty where any may ask it."""
    timeout_s: float
    key: str | None = None
    key_variable: str = ""
    """Where the worker finds the key in its own environment; empty where it is sent or none is needed."""
    key_header: str
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    ca_pem: bytes | None = None

    def __repr__(self) -> str:
        return f"Site({self.number}, {self.host})"


class Call(Record, frozen=True, kw_only=True, array_like=True):
    """One request, to be sent once."""

    number: int
    site: int
    path: str
    """Below the base URL."""
    body: bytes = b""
    model: str = ""
    """Where it asks what the server lists of a model, the model."""


class Told(Record, frozen=True, kw_only=True, array_like=True):
    """A trouble, without the exception behind it."""

    kind: Kind
    reason: str
    status: int | None = None
    told: str = ""
    param: str = ""
    refused: str = ""
    retry_after_s: float | None = None
    is_foreign: bool = False

    @classmethod
    def of(cls, trouble: Trouble) -> "Told":
        return cls(**{name: getattr(trouble, name) for name in cls.__struct_fields__})

    @property
    def trouble(self) -> Trouble:
        return Trouble(**{name: getattr(self, name) for name in self.__struct_fields__})


class Answer(Record, frozen=True, kw_only=True, array_like=True):
    """What came of a call: a reply, a trouble, a listing, or that the teacher cannot be asked at all."""

    number: int
    reply: Reply | None = None
    trouble: Told | None = None
    rates: Rates | None = None
    listing: Listing | None = None
    unusable: tuple[str, str] | None = None
    """A message and the way out."""


_ENCODER = msgspec.msgpack.Encoder()
_CALLS = msgspec.msgpack.Decoder(list[Call])
_ANSWERS = msgspec.msgpack.Decoder(list[Answer])
_SITE = msgspec.msgpack.Decoder(Site)


def packed(records: Iterable[Call] | Iterable[Answer]) -> Iterator[tuple[int, bytes]]:
    """Give messages with all the records in their order, each with how many are in it."""
    parts: list[bytes] = []
    size_bytes = 0
    for part in map(_ENCODER.encode, records):
        if parts and size_bytes + len(part) > MOST_BYTES:
            yield len(parts), _joined(parts)
            parts, size_bytes = [], 0
        parts.append(part)
        size_bytes += len(part)
    if parts:
        yield len(parts), _joined(parts)


def _joined(parts: list[bytes]) -> bytes:
    """Return a msgpack array of what is packed already."""
    return b"\xdd" + len(parts).to_bytes(4, "big") + b"".join(parts)


def pack_site(site: Site) -> bytes:
    return _ENCODER.encode(site)


def read_site(message: bytes) -> Site:
    return _SITE.decode(message)


def read_calls(message: bytes) -> list[Call]:
    return _CALLS.decode(message)


def read_answers(message: bytes) -> list[Answer]:
    return _ANSWERS.decode(message)
