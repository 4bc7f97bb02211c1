"""A bare caller of an ASGI application: what a server would do for one request, without a server."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came back."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode()


def get(
    app: ASGIApp,
    address: str,
    *,
    host: str | None = "127.0.0.1:8470",
    method: str = "GET",
    headers: Sequence[tuple[str, str]] = (),
) -> Response:
    """Return what an application answers; `address` is a path with a query, as a browser sends it."""
    path, _, query = address.partition("?")
    given = [*([("host", host)] if host is not None else []), *headers]
    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("utf-8")) for name, value in given],
        "server": ("127.0.0.1", 8470),
        "client": ("127.0.0.1", 50_000),
        "scheme": "http",
        "root_path": "",
    }
    return asyncio.run(_asked(app, scope))


async def _asked(app: ASGIApp, scope: dict[str, Any]) -> Response:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    [start, *bodies] = sent
    return Response(
        status=start["status"],
        headers={name.decode().lower(): value.decode() for name, value in start["headers"]},
        body=b"".join(body.get("body", b"") for body in bodies),
    )
