"""An OpenAI-compatible server with any teacher behind it, and faults on request. It listens on this machine alone.

It counts what it was asked and what it gave: a request is *paid* once its whole reply has left. It refuses to know
projects and ledgers.

    POST /v1/chat/completions    POST /v1/embeddings    GET /v1/models    GET /stats    GET /healthz    and the files
    and batches of simulate_batches.py
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from threading import Thread

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

from glan.errors import ConfigError, cause_of
from glan.teachers.base import Teacher
from glan.teachers.counts import Stats
from glan.teachers.exchange import error_body, header
from glan.teachers.faults import parse_faults
from glan.teachers.simulate_batches import BatchBehaviour, batches_of
from glan.teachers.simulate_chat import EMBEDDINGS, Chat, json_response
from glan.teachers.simulate_settings import Simulated

__all__ = ["BatchBehaviour", "Server", "Simulated", "Stats", "app", "parse_faults", "running", "serve"]

_KEEP_ALIVE_S = 75
"""Longer than clients keep an idle connection: if we closed first, a request could cross with it."""


class Server:
    """A simulated server that runs in a thread of its own."""

    def __init__(self, base_url: str, chat: Chat, loop: asyncio.AbstractEventLoop) -> None:
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
    return _app(Chat(settings, teacher))


async def serve(
    settings: Simulated, teacher: Teacher, *, host: str, port: int, on_ready: Callable[[str], None]
) -> Stats:
    """Serve until cancelled, or until it dies for good; return what it has counted by then.

    Args:
        settings: how it behaves.
        teacher: who answers.
        host: where it listens.
        port: 0 takes a free one.
        on_ready: gets the base URL.

    Raises:
        ConfigError: the port is taken, or there is no such host.

    """
    chat = Chat(replace(settings, hosts=(*settings.hosts, _in_url(host))), teacher)
    async with _listening(chat, host, port) as listening:
        on_ready(listening.base_url)
        await listening.life
    return chat.counts.stats()


@asynccontextmanager
async def running(settings: Simulated, teacher: Teacher, *, port: int = 0) -> AsyncIterator[Server]:
    """Run a server in a thread of its own. At the end it drops what is in flight, as a killed one does."""
    chat = Chat(settings, teacher)
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


async def _run_until_stopped(chat: Chat, port: int, ready: _Ready) -> None:
    stop = asyncio.Event()
    try:
        async with _listening(chat, "127.0.0.1", port) as listening:
            ready.set_result((listening.base_url, asyncio.get_running_loop(), stop))
            await stop.wait()
    except ConfigError as error:
        if ready.done():
            raise
        ready.set_exception(error)
    finally:
        if not ready.done():
            ready.set_exception(ConfigError("The simulated server did not start; its thread says why."))


@asynccontextmanager
async def _listening(chat: Chat, host: str, port: int) -> AsyncIterator["_Listening"]:
    """Serve in this loop; signals and logs are the caller's."""
    listening = _Listening(chat, host, port)
    await listening.open()
    listening.life = asyncio.create_task(listening.live())
    try:
        yield listening
    finally:
        listening.life.cancel()
        with suppress(asyncio.CancelledError):
            await listening.life
        await listening.close()


class _Listening:
    """The socket of a server, and the connections that came in by it."""

    life: asyncio.Task[None]
    """Ends when the server has died and does not return."""

    def __init__(self, chat: Chat, host: str, port: int) -> None:
        self._chat = chat
        self._host, self._port = host, port
        self._state = ServerState()
        self._listener: asyncio.Server | None = None
        self._config = uvicorn.Config(
            _app(chat),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
        )
        self._config.load()
        self.base_url = ""

    async def open(self) -> None:
        try:
            self._listener = await asyncio.get_running_loop().create_server(
                lambda: _Protocol(config=self._config, server_state=self._state, app_state={}),
                self._host,
                self._port,
                backlog=2048,
            )
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"Nothing can listen on port {self._port} of {self._host}: {cause_of(error)}.",
                hint="Choose another port; 0 takes a free one.",
            ) from error
        host, self._port, *_ = self._listener.sockets[0].getsockname()
        self.base_url = _base_url(host, self._port)

    async def live(self) -> None:
        """Die when it is time, and return once if the settings say so."""
        settings = self._chat.settings
        await self._chat.died.wait()
        await self.close()
        if settings.returns_after_s is not None:
            await asyncio.sleep(settings.returns_after_s)
            self._chat.died.clear()
            await self.open()
            await asyncio.Event().wait()

    async def close(self) -> None:
        """Close the socket and every connection. A request ends when it sees that, unless its teacher hangs."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._state.connections):
            connection.transport.abort()
        if self._state.tasks:
            _, hanging = await asyncio.wait(list(self._state.tasks), timeout=1)
            for task in hanging:
                task.cancel()
        await asyncio.sleep(0)


class _Protocol(H11Protocol):
    """HTTP/1.1 that lets the endpoint see its connection: to break it, and to know what has left."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent has it
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # then a send waits for the one before it to leave
        self.app_state = {"transport": transport}


def _base_url(host: str, port: int) -> str:
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://{_in_url(host)}:{port}/v1"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _app(chat: Chat) -> Starlette:
    return Starlette(
        routes=[
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route(EMBEDDINGS, chat, methods=["POST"]),
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
            await json_response(400, error_body(400, "The request has no Host header."))(scope, receive, send)
        elif host in self._hosts or (name in self._hosts and port.isdigit()):
            await self._app(scope, receive, send)
        else:
            await json_response(421, error_body(421, "This server does not go by that name."))(scope, receive, send)


async def _give_health(_request: HttpRequest) -> Response:
    return json_response(200, b'{"status":"ok"}')


async def _give_http_error(request: HttpRequest, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return json_response(status, error_body(status, f"There is no {request.method} {request.url.path} here."))


async def _give_server_error(_request: HttpRequest, _error: Exception) -> Response:
    return json_response(500, error_body(500, "The simulated server failed; its log says why."))
