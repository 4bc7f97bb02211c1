"""The endpoint of the simulated server that answers: which fault is due, when a reply is ready, and what is counted."""

import asyncio
import hashlib
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
from msgspec.structs import replace
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from glan.errors import RequestError, StoppedError, TeacherError
from glan.records import Reply, Request
from glan.teachers.base import Teacher
from glan.teachers.counts import Counts, Stats
from glan.teachers.doors import Doors
from glan.teachers.exchange import (
    ERRORS,
    Body,
    Connection,
    TurnedDownError,
    completion,
    fitted,
    read_body,
    refuse_parameters,
    request_of,
)
from glan.teachers.exchange_embeddings import embeddings, read_input
from glan.teachers.faults import CONTENT_FAULTS, TRANSPORT_FAULTS, Faulty, Odds, thoughtful
from glan.teachers.filler import digest_of
from glan.teachers.prefixes import Prefixes
from glan.teachers.simulate_settings import Simulated
from glan.teachers.steps import Batch, Steps

EMBEDDINGS = "/v1/embeddings"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What a request asks for, and how it is given."""

    raw: bytes
    request: Request
    spared: Sequence[str]
    """Faults that it does not meet."""
    reply: Callable[[], Awaitable[Reply]]
    written: Callable[[Reply, int], bytes]
    """The body of the response with a reply and a number."""


class Chat:
    """The endpoint that answers, and what it has counted."""

    def __init__(self, settings: Simulated, teacher: Teacher) -> None:
        content = {key: rate for key, rate in settings.faults.items() if key.partition("@")[0] in CONTENT_FAULTS}
        self.settings = settings
        self.counts = Counts()
        self.doors = Doors(capacity=settings.capacity, queues=settings.queues, rpm=settings.rpm, tpm=settings.tpm)
        self._teacher = Faulty(teacher, seed=settings.seed, rates=content) if content else teacher
        self._odds = Odds(settings.faults, TRANSPORT_FAULTS)
        self._is_fickle = any(key.partition("@")[0] == "mistake" and rate for key, rate in settings.faults.items())
        self._times: Counter[bytes] = Counter()
        """How often each conversation came, where the teacher may answer it in another way each time."""
        self._steps = _steps(settings)
        self._prefixes = Prefixes(settings.prefix_cache) if settings.prefix_cache else None
        self.died = asyncio.Event()
        """Set while it is dead: it has paid for as many replies as it lives for."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrival = self.counts.arrive()
        failed: str | None = "broken off"
        try:
            failed = await self._outcome(Connection(scope, receive, send), arrival)
        finally:
            self.counts.leave(failed)

    async def stats(self) -> Stats:
        """Return what was counted, between two steps of the loop: a reply that came was also counted."""
        return self.counts.stats()

    async def give_stats(self, _request: HttpRequest) -> Response:
        return json_response(200, msgspec.json.encode(self.counts.stats()))

    async def give_models(self, _request: HttpRequest) -> Response:
        names = self.settings.models or ("simulated",)
        models = [{"id": name, "object": "model", "created": 0, "owned_by": "glan"} for name in names]
        return json_response(200, msgspec.json.encode({"object": "list", "data": models}))

    async def _outcome(self, connection: Connection, arrival: int) -> str | None:
        """Return how a request failed; None when it was paid."""
        try:
            raw = await connection.body()
            if raw is None:
                return "client gone"
            return await self._answered(connection, self._wanted(connection, raw), arrival)
        except TurnedDownError as error:
            await connection.give(error.status, error.body, *self._headers_of(error))
            return error.kind

    def _wanted(self, connection: Connection, raw: bytes) -> _Wanted:
        """Return what a request asks for, if it may be answered."""
        if self.settings.api_key is not None and not connection.bears(self.settings.api_key):
            raise TurnedDownError("unauthorized")
        if connection.scope["path"].endswith(EMBEDDINGS):
            self.counts.see(raw)
            asked = read_input(raw)
            self._check(raw, asked.sampling.model)
            return _Wanted(
                raw=raw,
                request=asked,
                spared=_NOT_FOR_TEXT,
                reply=partial(self._reply, asked),
                written=lambda reply, _: embeddings(reply, asked.sampling.model),
            )
        body = self.body_of(raw)
        request = request_of(body)
        return _Wanted(
            raw=raw,
            request=request,
            spared=_SPARED.get(body.form, _NOT_FOR_TEXT),
            reply=partial(self.reply_to, body, request),
            written=lambda reply, number: completion(reply, body.model, number),
        )

    async def _answered(self, connection: Connection, wanted: _Wanted, arrival: int) -> str | None:
        luck = hashlib.blake2b(b"%d:%d" % (self.settings.seed, arrival)).digest()
        fault = self._odds.drawn(wanted.request.stage, luck, spared=wanted.spared)
        if fault is not None and fault in ERRORS:
            raise TurnedDownError(fault)
        self.doors.knock()
        async with self.doors.place():  # left before the reply is sent: who has it may ask again at once
            if not await connection.holds(self._latency_s(luck)):
                return "client gone"
            if fault == "death":
                await connection.die()
                return fault
            reply = await wanted.reply()
            if not await self._written(connection, reply, stalls=fault == "stall"):
                return "client gone"
        self.doors.count_tokens((reply.usage.prompt_tokens or 0) + (reply.usage.completion_tokens or 0))
        failed = await self._sent(connection, wanted.written(reply, arrival), is_cut=fault == "cut-body")
        if failed is None:
            self.counts.pay(wanted.raw, wanted.request.stage, reply)
            if self.counts.paid == self.settings.dies_after:
                self.died.set()
        return failed

    async def _sent(self, connection: Connection, given: bytes, *, is_cut: bool) -> str | None:
        """Send a reply, and return why not all of it left; None when it did."""
        if is_cut:
            await connection.cut(given)
            return "cut-body"
        if self.died.is_set():
            await connection.die()
            return "dead"
        return None if await connection.give(200, given, *self.doors.headers()) else "client gone"

    async def _written(self, connection: Connection, reply: Reply, *, stalls: bool) -> bool:
        """Wait until a reply would be written, and say whether the client is still there."""
        if self._steps is not None:
            ready = self._steps.begin(reply.usage.completion_tokens or 0)
            try:
                is_there = await connection.holds_until(ready)
            finally:
                ready.cancel()
            if not is_there:
                return False
        return not stalls or await connection.holds(self.settings.stall_s)

    def _headers_of(self, error: TurnedDownError) -> list[tuple[bytes, bytes]]:
        if error.status != 429:
            return []
        wait_s = self.settings.retry_after_s if error.wait_s is None else math.ceil(error.wait_s)
        return [(b"retry-after", f"{wait_s:g}".encode()), *self.doors.headers()]

    def body_of(self, raw: bytes) -> Body:
        """Return the body of a request that may be answered."""
        self.counts.see(raw)
        body = read_body(raw)
        self._check(raw, body.model)
        return body

    def _check(self, raw: bytes, model: str) -> None:
        if self.settings.refused:
            refuse_parameters(raw, self.settings.refused)
        if self.settings.models and model not in self.settings.models:
            raise TurnedDownError("unknown-model", f"{model!r}.")

    async def reply_to(self, body: Body, request: Request) -> Reply:
        """Return what the teacher says, as this server gives it."""
        room = request.sampling.max_tokens
        reply = await self._reply(self._counted(request) if self._is_fickle else request)
        if self.settings.reasoning and body.wants_thought:
            reply = thoughtful(reply, self.settings.reasoning, room)
        reply = fitted(reply, room)
        if self._prefixes is not None:
            cached = min(self._prefixes.cached_tokens(request), reply.usage.prompt_tokens or 0)
            reply = replace(reply, usage=replace(reply.usage, cached_tokens=cached))
        if self.settings.changes_after is None:
            return reply
        has_changed = self.counts.paid >= self.settings.changes_after
        model = reply.model or request.sampling.model
        return replace(
            reply,
            model=f"{model}-changed" if has_changed else model,
            system_fingerprint="fp_2" if has_changed else "fp_1",
        )

    def _counted(self, request: Request) -> Request:
        """Return a request as the sample that it is: a body does not say how often it was sent before."""
        conversation = digest_of(0, request.messages)
        self._times[conversation] += 1
        return replace(request, sample=self._times[conversation] - 1)

    async def _reply(self, request: Request) -> Reply:
        try:
            return await self._teacher.reply(request)
        except RequestError as error:
            raise TurnedDownError("refused", f"{error}") from error
        except (TeacherError, StoppedError) as error:
            raise TurnedDownError("unusable", f"{error}") from error

    def _latency_s(self, luck: bytes) -> float:
        jitter = self.settings.jitter_ms * int.from_bytes(luck[-4:], "big") / 2**32
        return (self.settings.latency_ms + jitter) / 1_000


_SPARED: Mapping[str, Sequence[str]] = {"json_schema": (), "json_object": ("no-schema",)}
_NOT_FOR_TEXT = ("no-schema", "no-json")
"""Faults of structured output, which other requests do not meet."""


def json_response(status: int, body: bytes) -> Response:
    """Return a response that holds JSON."""
    return Response(body, status, media_type="application/json")


def _steps(settings: Simulated) -> Steps | None:
    step_s, more_s = settings.step_ms / 1_000, settings.step_ms_per_request / 1_000
    return Steps(Batch(step_s=step_s, step_s_per_request=more_s)) if step_s or more_s else None
