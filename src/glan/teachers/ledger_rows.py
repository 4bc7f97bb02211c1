"""The rows of the ledger: what is in one, and how a reply becomes a row and a row a reply. It refuses to know files.

A text is stored as one byte that says how, and then its UTF-8: as it is (0), or compressed by Zstandard (2).
A ledger of version 1 has texts that were compressed by zlib (1).
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glan.errors import LedgerError
from glan.packing import compress, decompress
from glan.records import Record, Reply, Request, TimedOut, Usage

_PLAIN, _ZLIB, _ZSTD = b"\0", b"\1", b"\2"
_COMPRESS_FROM = 200
"""Below this many bytes compressing saves little: 150 become 120, but 1,500 become 750."""
_MAX_SIZE_BYTES = 64 * 1024 * 1024
"""No reply is so long: a row that unpacks to more was written to do harm."""
_MAX_COUNT = 2**53
"""A server that counts more tokens than this does not count."""

RESTORE = "`glan ledger verify` lists what is damaged; a copy that `glan ledger backup` made can take its place."
"""The way out of damage."""
SCOPE = "scope"
"""Name under which the inputs of a run tell what it was about."""
BUILDING = "building"
"""The choice of a run that made no pairs: it asked about the tree, or for an exam."""
CUT_OFF = "length"
"""The `finish_reason` of a reply that ended for want of room."""
_NO_REPLY = Reply(text="")
_NOTHING = TimedOut()

COLUMNS: Mapping[str, str] = {
    "run": "INTEGER", "request": "TEXT", "stage": "TEXT", "sample": "INTEGER", "attempt": "INTEGER",
    "fingerprint": "BLOB", "max_tokens": "INTEGER", "time": "REAL", "failure": "TEXT",
    "finish_reason": "TEXT", "prompt_tokens": "INTEGER", "completion_tokens": "INTEGER", "cached_tokens": "INTEGER",
    "reasoning_tokens": "INTEGER", "model": "TEXT", "system_fingerprint": "TEXT", "rung": "TEXT", "endpoint": "TEXT",
    "latency_s": "REAL", "cost_usd": "REAL",
    "timed_out": "INTEGER", "timed_out_tokens": "INTEGER", "timed_out_usd": "REAL",
    "text": "BLOB", "reasoning": "BLOB",
}  # fmt: skip
"""In the order of the table. The texts stand last, so that counting does not read their pages."""
RUN_COLUMNS: Mapping[str, str] = {
    "run": "INTEGER PRIMARY KEY", "time": "REAL", "glan_version": "TEXT", "choice": "TEXT", "meaning": "TEXT",
    "files": "TEXT", "aside_calls": "INTEGER", "aside_tokens": "INTEGER", "aside_usd": "REAL", "server_usd": "REAL",
}  # fmt: skip


Row = tuple[str | bytes | int | float | None, ...]


class Failure(Record, frozen=True, kw_only=True):
    """That a request failed for good."""

    text: str
    """What the error says, the same each time."""
    timed_out: TimedOut = TimedOut()


class Entry(Record, frozen=True, kw_only=True):
    """What the ledger holds of one request: a reply, or the error with which it failed for good."""

    seq: int
    """Place in the order of commits; it only grows."""
    run: int
    """Number of the run that asked; 0 where none was begun."""
    request_id: str
    stage: str
    sample: int
    attempt: int
    fingerprint: bytes
    reply: Reply | None
    """None for a failure."""
    failure: str | None
    """Text of the error; None for a reply."""
    max_tokens: int
    """Room that the reply was given."""
    time: float
    """Seconds since 1970."""

    def is_short_of(self, max_tokens: int) -> bool:
        """Say whether the reply was cut off and would now be given more room."""
        return self.reply is not None and self.reply.finish_reason == CUT_OFF and self.max_tokens < max_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run that wrote to the ledger, with its inputs."""

    number: int
    time: float
    glan_version: str
    choice: str
    """`exact`, `keep` or `reask`: what holds for replies under another fingerprint."""
    meaning: Mapping[str, str]
    """What reaches the requests, by name."""
    files: Mapping[str, str]
    """The texts of glan.toml, taxonomy.yaml and the prompts, by path."""

    @property
    def scope(self) -> str:
        """What it was about: the path of a trial's node, `preview`, or nothing for the whole plan."""
        return self.files.get(SCOPE, "")

    @property
    def is_beside(self) -> bool:
        """Say whether it asked for no pairs of a data set."""
        return self.choice == BUILDING


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """What a run may have spent beyond its rows: set aside while it goes on, and what is left of it at its end."""

    calls: int = 0
    """Calls that were in flight and are in no row."""
    tokens: int = 0
    """The most that they can have taken."""
    usd: float | None = 0.0
    """The most that they can have cost; None where a price is unknown."""
    server_usd: float = 0.0
    """What its servers cost by the hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTotals:
    """What the runs add up to, beyond their rows."""

    calls: int
    """Calls that were in flight when a run was cut off or died."""
    tokens: int
    """The most that they can have taken."""
    usd: float
    """The most that they can have cost, as far as prices were known."""
    unpriced_tokens: int
    """Those of the tokens whose price was not."""
    server_usd: float
    """What servers cost by the hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTotals:
    """What the rows of one stage add up to."""

    replies: int
    failures: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost_usd: float
    """Sum of the known costs."""
    unknown_costs: int
    """Replies whose cost is not known."""
    latency_s: float
    """Sum of the times that replies took, as far as they are known."""
    timed_out: int
    """Tries that timed out, each of which may have been paid for."""
    timed_out_tokens: int
    """The most that they can have taken."""
    timed_out_usd: float
    """The most that they can have cost, as far as prices were known."""
    timed_out_unpriced: int
    """Those of the tokens whose price was not."""


def pack_row(request: Request, fingerprint: bytes, outcome: Reply | Failure | str, *, run: int, time: float) -> Row:
    """Return a row in the order of `COLUMNS`; an outcome that is a text is the error of a failure."""
    outcome = Failure(text=outcome) if isinstance(outcome, str) else outcome
    reply, failure = (outcome, None) if isinstance(outcome, Reply) else (_NO_REPLY, storable(outcome.text))
    usage, timed_out = reply.usage, outcome.timed_out
    return (
        run,
        storable(request.id),
        request.stage.value,
        request.sample,
        request.attempt,
        fingerprint,
        min(request.sampling.max_tokens, _MAX_COUNT),
        time,
        failure,
        _optional(reply.finish_reason),
        _count(usage.prompt_tokens),
        _count(usage.completion_tokens),
        _count(usage.cached_tokens),
        _count(usage.reasoning_tokens),
        _optional(reply.model),
        _optional(reply.system_fingerprint),
        _optional(reply.rung),
        _optional(reply.endpoint),
        None if reply.latency_s is None else float(reply.latency_s),
        None if reply.cost_usd is None else float(reply.cost_usd),
        timed_out.tries,
        _count(timed_out.tokens),
        timed_out.cost_usd,
        pack(reply.text) if failure is None else None,
        None if reply.reasoning is None else pack(reply.reasoning),
    )


def unpack_row(row: Sequence[Any]) -> Entry:
    """Return the entry in a row of `seq` and `COLUMNS`.

    Raises:
        LedgerError: the row is damaged.

    """
    seq, run, request_id, stage, sample, attempt, fingerprint, max_tokens, time, failure, *reply = row
    try:
        return Entry(
            seq=seq,
            run=run,
            request_id=request_id,
            stage=stage,
            sample=sample,
            attempt=attempt,
            fingerprint=fingerprint,
            reply=_unpack_reply(reply) if failure is None else None,
            failure=failure,
            max_tokens=max_tokens,
            time=time,
        )
    except (ValueError, TypeError, zlib.error) as error:
        raise LedgerError(f"Row {seq} of the ledger, for {request_id!r}, is damaged: {error}.", hint=RESTORE) from error


def _unpack_reply(values: Sequence[Any]) -> Reply:
    finish_reason, prompt, completion, cached, thinking, model, system_fingerprint, rung, endpoint, *rest = values
    latency_s, cost_usd, tries, tokens, timed_out_usd, text, reasoning = rest
    return Reply(
        text=unpack(text),
        reasoning=None if reasoning is None else unpack(reasoning),
        finish_reason=finish_reason,
        usage=Usage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            cached_tokens=cached,
            reasoning_tokens=thinking,
        ),
        model=model,
        system_fingerprint=system_fingerprint,
        rung=rung,
        endpoint=endpoint,
        latency_s=latency_s,
        cost_usd=cost_usd,
        timed_out=TimedOut(tries=tries, tokens=tokens or 0, cost_usd=timed_out_usd) if tries else _NOTHING,
    )


def pack(text: str) -> bytes:
    """Return a text as it is stored; lone surrogates survive."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > _MAX_SIZE_BYTES:
        raise ValueError(f"it has {len(data)} bytes, the most is {_MAX_SIZE_BYTES}")
    if len(data) >= _COMPRESS_FROM:
        small = compress(data)
        if len(small) < len(data):
            return _ZSTD + small
    return _PLAIN + data


def unpack(stored: bytes) -> str:
    """Return a text that was packed; `ValueError`, `TypeError` or `zlib.error` if it was not."""
    kind, data = stored[:1], stored[1:]
    if kind == _ZSTD:
        data = decompress(data, _MAX_SIZE_BYTES)
    elif kind == _ZLIB:
        data = _inflate(data)
    elif kind != _PLAIN:
        raise ValueError(f"a text begins with {kind!r}")
    return data.decode("utf-8", "surrogatepass")


def _inflate(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    found = unpacker.decompress(data, _MAX_SIZE_BYTES)
    if not unpacker.eof:
        raise ValueError(f"a text is cut off or longer than {_MAX_SIZE_BYTES} bytes")
    return found


def storable(text: str) -> str:
    """Return a text for a column that SQLite must be able to compare: lone surrogates become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _optional(text: str | None) -> str | None:
    return None if text is None else storable(text)


def _count(value: int | None) -> int | None:
    return int(value) if value is not None and abs(value) <= _MAX_COUNT else None
