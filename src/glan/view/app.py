"""The viewer as a server: addresses to pages, who may ask, and how it begins and ends."""

import asyncio
import ipaddress
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from glan.errors import ConfigError, GlanError, cause_of
from glan.view import pages
from glan.view.guard import LOOPBACK, TOKEN, Guard
from glan.view.html import STATIC, static
from glan.view.viewer import Viewer


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC:
        raise HTTPException(404)
    return Response(static(name), media_type=STATIC[name])


_PAGES = {
    "/": pages.overview,
    "/live": pages.live,
    "/tree": pages.tree,
    "/discipline": pages.leaf,
    "/subject": pages.subject,
    "/pairs": pages.rows,
    "/rejects": pages.rejects,
    "/pair": pages.pair,
    "/failures": pages.failures,
    "/reviews": pages.reviews,
    "/static/{name}": _static,
}
_GRACE_S = 1


def app_of(viewer: Viewer, *, names: tuple[str, ...] = (), token: str | None = None) -> Starlette:
    """Return the viewer as an ASGI application.

    Args:
        viewer: what is looked at.
        names: how it may be called besides the names of this machine's loopback.
        token: who does not bring it sees nothing; None lets in whoever reaches it.

    """
    app = Starlette(
        routes=[Route(path, page, methods=["GET"]) for path, page in _PAGES.items()],
        middleware=[Middleware(Guard, names=names, token=token)],
        exception_handlers={GlanError: pages.told_error, HTTPException: _no_page},
    )
    app.state.viewer = viewer
    return app


async def serve(viewer: Viewer, *, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve until interrupted; `on_ready` gets the address to open.

    Away from this machine's loopback the address holds a token, and without it nothing is seen.

    Raises:
        ConfigError: the port is taken, or there is no such host.

    """
    listener = _listen(host, port)
    token = None if _is_loopback(host) else secrets.token_urlsafe(24)
    names = (host.lower(), socket.gethostname().lower()) if token is not None else ()
    config = uvicorn.Config(
        app_of(viewer, names=names, token=token),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = uvicorn.Server(config)
    address = f"http://{_name_in_url(host)}:{listener.getsockname()[1]}/"
    on_ready(address if token is None else f"{address}?{TOKEN}={token}")
    viewer.shelf.refresh()
    try:
        with suppress(asyncio.CancelledError):
            await server.serve(sockets=[listener])
    finally:
        listener.close()
        viewer.shelf.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        kind, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()  # who reads the address may come before the server runs
    except (OSError, OverflowError, UnicodeError) as error:
        raise ConfigError(
            f"Nothing can listen on port {port} of {host}: {cause_of(error)}.",
            hint="Choose another port; 0 takes a free one.",
        ) from error
    return listener


def _is_loopback(host: str) -> bool:
    if host == "localhost" or f"[{host}]" in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name_in_url(host: str) -> str:
    """Return what stands in the address: for all of a machine's addresses its name."""
    with suppress(ValueError):
        if ipaddress.ip_address(host).is_unspecified:
            return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _no_page(request: Request, error: Exception) -> Response:
    del error
    return pages.missing(request, "page", request.url.path)
