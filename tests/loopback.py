"""A bare HTTP client for tests of the simulated server: it sees what other clients hide, such as half a body."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from glan.teachers.simulate import Server, Stats

CHAT = "/v1/chat/completions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response as it came; status 0 where none did."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:  # noqa: ANN401 - a body is whatever the server said
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return str(self.json["choices"][0]["message"]["content"])


def port_of(server: Server) -> int:
    return int(server.base_url.removesuffix("/v1").rpartition(":")[2])


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
    try:
        yield reader, writer
    finally:
        writer.close()


def head_of(method: str, path: str, length: int, **headers: str) -> bytes:
    fields = {"Host": "127.0.0.1", "Content-Length": str(length), **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()


async def read(reader: asyncio.StreamReader) -> Answer:
    """Read a response until the length that it names, or until the connection ends."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return Answer()
    first, *lines = head.decode().split("\r\n")[:-2]
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    try:
        body = await reader.readexactly(int(headers["content-length"]))
    except asyncio.IncompleteReadError as error:
        body = error.partial
    return Answer(status=int(first.split()[1]), headers=headers, body=body)


async def send(server: Server, body: bytes, method: str = "POST", path: str = CHAT, **headers: str) -> Answer:
    async with connected(server) as (reader, writer):
        writer.write(head_of(method, path, len(body), **headers) + body)
        return await read(reader)


def body_of(text: str = "Why?", **fields: object) -> bytes:
    return json.dumps({"model": "any", "messages": [{"role": "user", "content": text}], **fields}).encode()


async def post(server: Server, text: str = "Why?", **fields: object) -> Answer:
    return await send(server, body_of(text, **fields))


async def settled(server: Server, *, in_flight: int = 0) -> Stats:
    """Wait until so many are in flight, then return the counts."""
    for _ in range(1_000):
        stats = server.stats()
        if stats.received and stats.in_flight == in_flight:
            break
        await asyncio.sleep(0.005)
    check(stats)
    return stats


def check(stats: Stats) -> None:
    assert stats.received == stats.paid + sum(stats.failed.values()) + stats.in_flight
    assert stats.paid == sum(stats.stages.values())
    assert stats.repeats <= stats.paid
