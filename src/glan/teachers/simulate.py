"""An OpenAI-compatible server with any teacher behind it, and faults on request. It listens on this machine alone.

It counts what it was asked and what it gave: a request is *paid* once its whole reply has left. It refuses to know
projects and ledgers.

    POST /v1/chat/completions    GET /v1/models    GET /stats    GET /healthz    and the files and batches of
    simulate_batches.py
"""

import asyncio
import hashlib
import ipaddress
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from threading import Thread

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from glan.errors import ConfigError, RequestError, StoppedError, TeacherError
from glan.records import Reply, Request
from glan.teachers.base import Teacher
from glan.teachers.doors import Doors
from glan.teachers.exchange import (
    ERRORS,
    Body,
    Connection,
    Counts,
    Stats,
    TurnedDownError,
    completion,
    error_body,
    fitted,
    header,
    read_body,
    refuse_parameters,
    request_of,
)
from glan.teachers.faults import CONTENT_FAULTS, TRANSPORT_FAULTS, Faulty, Odds, check_rates, parse_faults, thoughtful
from glan.teachers.simulate_batches import BatchBehaviour, batches_of

__all__ = ["BatchBehaviour", "Server", "Simulated", "Stats", "app", "parse_faults", "running", "serve"]

_KEEP_ALIVE_S = 75
"""Longer than clients keep an idle connection: if we closed first, a request could cross with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """How a simulated server behaves."""

    seed: int = 0
    latency_ms: float = 0
    """Time before each reply."""
    jitter_ms: float = 0
    """Up to this much more, by seed and arrival."""
    faults: Mapping[str, float] = field(default_factory=dict)
    """Rates by fault, as `parse_faults` gives them."""
    stall_s: float = 60
    """How long a stalled reply is held."""
    retry_after_s: float = 0
    """How long a 429 asks the client to wait."""
    capacity: int | None = None
    """So many requests are served at once."""
    queues: bool = False
    """What comes beyond them waits for its turn; otherwise it gets a 429."""
    rpm: int | None = None
    """Requests a minute; headers tell what is left."""
    tpm: int | None = None
    """Tokens a minute, of prompts and replies."""
    api_key: str | None = field(default=None, repr=False)
    """The key that requests must bear; where there is none, none is asked for."""
    reasoning: int = 0
    """Tokens that the models think before each reply, unless they are told not to."""
    refused: tuple[str, ...] = ()
    """Keys of the body that the models do not take."""
    models: tuple[str, ...] = ()
    """The models there are; where none is named, every name is one."""
    batches: BatchBehaviour = field(default_factory=BatchBehaviour)
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    """Names by which the server may be called, so that no web page reaches it by a name of its own."""

    def __post_init__(self) -> None:
        check_rates(self.faults, [*CONTENT_FAULTS, *TRANSPORT_FAULTS])
        for name in ("latency_ms", "jitter_ms", "stall_s", "retry_after_s", "reasoning"):
            value = getattr(self, name)
            if not (value >= 0 and math.isfinite(value)):
                raise ConfigError(f"The setting {name} of the simulated server is {value}; it is 0 or more.")
        for name in ("capacity", "rpm", "tpm"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise ConfigError(f"The setting {name} of the simulated server is {number}; it is 1 or more.")


class Server:
    """A simulated server that runs in a thread of its own."""

    def __init__(self, base_url: str, chat: "_Chat", loop: asyncio.AbstractEventLoop) -> None:
        self.base_url = base_url
        self._chat = chat
        self._loop = loop

    def stats(self) -> Stats:
        """Return what it has counted, also once it has stopped."""
        if self._loop.is_closed():
            return self._chat.counts.stats()
        return asyncio.run_coroutine_threadsafe(self._chat.stats(), self._loop).result()

    def change_capacity(self, capacity: int | None) -> None:
        """Serve so many at once from now on."""
        self._loop.call_soon_threadsafe(self._chat.doors.change, capacity)


def app(settings: Simulated, teacher: Teacher) -> Starlette:
    """Return the server as an ASGI application. Faults that break a connection need the server of `serve`."""
    return _app(_Chat(settings, teacher))


async def serve(
    settings: Simulated, teacher: Teacher, *, host: str, port: int, on_ready: Callable[[str], None]
) -> None:
    """Serve until cancelled; `on_ready` gets the base URL. Port 0 takes a free one.

    Raises:
        ConfigError: the port is taken, or there is no such host.

    """
    chat = _Chat(replace(settings, hosts=(*settings.hosts, _in_url(host))), teacher)
    async with _listening(chat, host, port) as base_url:
        on_ready(base_url)
        await asyncio.Event().wait()


@asynccontextmanager
async def running(settings: Simulated, teacher: Teacher, *, port: int = 0) -> AsyncIterator[Server]:
    """Run a server in a thread of its own. At the end it drops what is in flight, as a killed one does."""
    chat = _Chat(settings, teacher)
    ready: _Ready = Future()
    thread = Thread(target=lambda: asyncio.run(_run_until_stopped(chat, port, ready)), daemon=True)
    thread.start()
    base_url, loop, stop = await asyncio.wrap_future(ready)
    try:
        yield Server(base_url, chat, loop)
    finally:
        loop.call_soon_threadsafe(stop.set)
        await asyncio.to_thread(thread.join)


_Ready = Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]]


async def _run_until_stopped(chat: "_Chat", port: int, ready: _Ready) -> None:
    stop = asyncio.Event()
    try:
        async with _listening(chat, "127.0.0.1", port) as base_url:
            ready.set_result((base_url, asyncio.get_running_loop(), stop))
            await stop.wait()
    except ConfigError as error:
        ready.set_exception(error)
    finally:
        if not ready.done():
            ready.set_exception(ConfigError("The simulated server did not start; its thread says why."))


@asynccontextmanager
async def _listening(chat: "_Chat", host: str, port: int) -> AsyncIterator[str]:
    """Serve in this loop; signals and logs are the caller's."""
    config = uvicorn.Config(
        _app(chat),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    try:
        listener = await loop.create_server(
            lambda: _Protocol(config=config, server_state=state, app_state={}), host, port, backlog=2048
        )
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"Nothing can listen on port {port} of {host}: {error}.", hint="Choose another port; 0 takes a free one."
        ) from error
    try:
        yield _base_url(*listener.sockets[0].getsockname()[:2])
    finally:
        listener.close()
        await _drop(state)


class _Protocol(H11Protocol):
    """HTTP/1.1 that lets the endpoint see its connection: to break it, and to know what has left."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent has it
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # then a send waits for the one before it to leave
        self.app_state = {"transport": transport}


async def _drop(state: ServerState) -> None:
    """Close every connection. A request ends by itself when it sees that, unless its teacher hangs."""
    for connection in list(state.connections):
        connection.transport.abort()
    if state.tasks:
        _, hanging = await asyncio.wait(list(state.tasks), timeout=1)
        for task in hanging:
            task.cancel()
    await asyncio.sleep(0)


def _base_url(host: str, port: int) -> str:
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://{_in_url(host)}:{port}/v1"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _app(chat: "_Chat") -> Starlette:
    return Starlette(
        routes=[
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/v1/models", chat.give_models),
            *batches_of(chat).routes(),
            Route("/stats", chat.give_stats),
            Route("/healthz", _give_health),
        ],
        middleware=[Middleware(_HostChecked, hosts=chat.settings.hosts)],
        exception_handlers={HTTPException: _give_http_error, Exception: _give_server_error},
    )


class _HostChecked:
    """Turns away whoever calls the server by a name that is not its own."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower().encode() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = header(scope, b"host").lower()
        name, _, port = host.rpartition(b":")
        if not host:
            await _json(400, error_body(400, "The request has no Host header."))(scope, receive, send)
        elif host in self._hosts or (name in self._hosts and port.isdigit()):
            await self._app(scope, receive, send)
        else:
            await _json(421, error_body(421, "This server does not go by that name."))(scope, receive, send)


class _Chat:
    """The endpoint that answers, and what it has counted."""

    def __init__(self, settings: Simulated, teacher: Teacher) -> None:
        content = {key: rate for key, rate in settings.faults.items() if key.partition("@")[0] in CONTENT_FAULTS}
        self.settings = settings
        self.counts = Counts()
        self.doors = Doors(capacity=settings.capacity, queues=settings.queues, rpm=settings.rpm, tpm=settings.tpm)
        self._teacher = Faulty(teacher, seed=settings.seed, rates=content) if content else teacher
        self._odds = Odds(settings.faults, TRANSPORT_FAULTS)

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
        return _json(200, msgspec.json.encode(self.counts.stats()))

    async def give_models(self, _request: HttpRequest) -> Response:
        names = self.settings.models or ("simulated",)
        models = [{"id": name, "object": "model", "created": 0, "owned_by": "glan"} for name in names]
        return _json(200, msgspec.json.encode({"object": "list", "data": models}))

    async def _outcome(self, connection: Connection, arrival: int) -> str | None:
        """Return how a request failed; None when it was paid."""
        try:
            raw = await connection.body()
            if raw is None:
                return "client gone"
            return await self._answered(connection, raw, arrival)
        except TurnedDownError as error:
            await connection.give(error.status, error.body, *self._headers_of(error))
            return error.kind

    async def _answered(self, connection: Connection, raw: bytes, arrival: int) -> str | None:
        body = self._read(connection, raw)
        request = request_of(body)
        luck = hashlib.blake2b(b"%d:%d" % (self.settings.seed, arrival)).digest()
        fault = self._odds.drawn(request.stage, luck, spared=_SPARED.get(body.form, _NOT_FOR_TEXT))
        if fault is not None and fault in ERRORS:
            raise TurnedDownError(fault)
        self.doors.knock()
        async with self.doors.place():  # left before the reply is sent: who has it may ask again at once
            if not await connection.holds(self._latency_s(luck)):
                return "client gone"
            if fault == "death":
                await connection.die()
                return fault
            reply = await self.reply_to(body, request)
            if fault == "stall" and not await connection.holds(self.settings.stall_s):
                return "client gone"
        self.doors.count_tokens((reply.usage.prompt_tokens or 0) + (reply.usage.completion_tokens or 0))
        given = completion(reply, body.model, arrival)
        if fault == "cut-body":
            await connection.cut(given)
            return fault
        if not await connection.give(200, given, *self.doors.headers()):
            return "client gone"
        self.counts.pay(raw, request.stage, reply)
        return None

    def _headers_of(self, error: TurnedDownError) -> list[tuple[bytes, bytes]]:
        if error.status != 429:
            return []
        wait_s = self.settings.retry_after_s if error.wait_s is None else math.ceil(error.wait_s)
        return [(b"retry-after", f"{wait_s:g}".encode()), *self.doors.headers()]

    def _read(self, connection: Connection, raw: bytes) -> Body:
        if self.settings.api_key is not None and not connection.bears(self.settings.api_key):
            raise TurnedDownError("unauthorized")
        return self.body_of(raw)

    def body_of(self, raw: bytes) -> Body:
        """Return the body of a request that may be answered."""
        self.counts.see(raw)
        body = read_body(raw)
        if self.settings.refused:
            refuse_parameters(raw, self.settings.refused)
        if self.settings.models and body.model not in self.settings.models:
            raise TurnedDownError("unknown-model", f"{body.model!r}.")
        return body

    async def reply_to(self, body: Body, request: Request) -> Reply:
        """Return what the teacher says, as this server gives it."""
        reply = await self._reply(request)
        if self.settings.reasoning and body.wants_thought:
            reply = thoughtful(reply, self.settings.reasoning, request.sampling.max_tokens)
        return fitted(reply, request.sampling.max_tokens)

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


def _json(status: int, body: bytes) -> Response:
    return Response(body, status, media_type="application/json")


async def _give_health(_request: HttpRequest) -> Response:
    return _json(200, b'{"status":"ok"}')


async def _give_http_error(request: HttpRequest, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _json(status, error_body(status, f"There is no {request.method} {request.url.path} here."))


async def _give_server_error(_request: HttpRequest, _error: Exception) -> Response:
    return _json(500, error_body(500, "The simulated server failed; its log says why."))
