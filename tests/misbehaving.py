"""A small server that misbehaves as it is told, and what asks it."""

import asyncio
import json
import random
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from glan.errors import GlanError, TeacherError
from glan.records import Message, Reply, Request, Sampling, Stage
from glan.teachers.http import Http, Patience
from glan.teachers.keys import Secret
from glan.teachers.specs import Endpoint

KEY = "sk-0123456789abcdef"
CERTIFICATES = Path(__file__).parent / "certificates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as the server saw it."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, object]

    @property
    def rung(self) -> str:
        wanted = self.body.get("response_format")
        return str(wanted["type"]) if isinstance(wanted, dict) else "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server does with a request."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: int | None = None
    """Bytes of the body that are sent before the connection ends."""
    is_hung: bool = False
    """Nothing more is sent after that, and the connection stays."""
    raw: bytes | None = None
    """Sent instead of a response, before the connection ends."""


GONE = -1
"""What a closed socket has as its number."""


class Server:
    """A server that answers each call as a function says, and remembers the calls."""

    def __init__(self, answer: Callable[[Call, int], Answer]) -> None:
        self.calls: list[Call] = []
        self.called = asyncio.Event()
        self.port = 0
        self._answer = answer
        self._tasks: set[asyncio.Task[None] | None] = set()
        self._transports: list[asyncio.WriteTransport] = []

    @property
    def rungs(self) -> list[str]:
        return [call.rung for call in self.calls]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())
        self._transports.append(writer.transport)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._answered(reader, writer):
                pass
        writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one call; False when the connection is to end."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.calls.append(Call(path=head[0].split()[1], headers=headers, body=json.loads(body or b"{}")))
        self.called.set()
        answer = self._answer(self.calls[-1], len(self.calls))
        if answer.raw is not None:
            writer.write(answer.raw)
            await writer.drain()
            return False
        lines = {"Content-Length": str(len(answer.body)), **answer.headers}
        if not (answer.is_hung and answer.sent is None):
            told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            writer.write(f"HTTP/1.1 {answer.status} X\r\n{told}\r\n".encode() + answer.body[: answer.sent])
        await writer.drain()
        if answer.is_hung:
            await reader.read(1)
        return answer.sent is None and not answer.is_hung

    async def end(self) -> None:
        for task in self._tasks:
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        for transport in self._transports:
            socket = transport.get_extra_info("socket")  # TLS that has ended has none
            if socket is not None and socket.fileno() != GONE:  # asyncio fails to abort what has ended
                transport.abort()  # TLS takes its leave of the client, which may be gone: that would outlive the loop
        await asyncio.sleep(0)


@asynccontextmanager
async def serving(
    *answers: Answer | Callable[[Call, int], Answer], port: int = 0, is_tls: bool = False
) -> AsyncIterator[Server]:
    """Serve answers in turn, the last one for ever; a function is asked for each."""

    def choose(call: Call, number: int) -> Answer:
        found = answers[min(number, len(answers)) - 1]
        return found if isinstance(found, Answer) else found(call, number)

    server = Server(choose)
    context = None
    if is_tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    listening = await asyncio.start_server(server.serve, "127.0.0.1", port, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await server.end()


def said(text: str = "So.", **fields: object) -> Answer:
    """Return a good answer."""
    usage = {"prompt_tokens": 1_000, "completion_tokens": 500}
    choice = {"message": {"content": text}, "finish_reason": "stop"}
    return Answer(body=json.dumps({"choices": [choice], "usage": usage, "model": "m-1", **fields}).encode())


def given(components: object, **fields: object) -> Answer:
    """Return a good answer, or one that holds something else in a vector's place."""
    usage = {"prompt_tokens": 5, "total_tokens": 5}
    data = [{"object": "embedding", "index": 0, "embedding": components}]
    return Answer(body=json.dumps({"object": "list", "data": data, "model": "m-1", "usage": usage, **fields}).encode())


def failed(status: int, message: str = "No.", **fields: object) -> Answer:
    return Answer(status=status, body=json.dumps({"error": {"message": message, **fields}}).encode())


def at(server: Server | int, *, key: str | None = KEY, path: str = "/v1") -> Endpoint:
    host = f"127.0.0.1:{server if isinstance(server, int) else server.port}"
    return Endpoint(
        name="here", base_url=f"http://{host}{path}", host=host, key=None if key is None else Secret(key),
        key_variable="MY_KEY",
    )  # fmt: skip


@dataclass(slots=True)
class Pauses:
    """A clock that only writes down how long it was to sleep."""

    seconds: list[float] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)

    def note(self, reason: str, _: float) -> None:
        self.reasons.append(reason)

    def patience(self, *, max_retries: int = 3, timeout_s: float = 20.0) -> Patience:
        return Patience(
            timeout_s=timeout_s, max_retries=max_retries, rng=random.Random(0), sleep=self.sleep, on_retry=self.note
        )


def ask(schema: str | None = None, *, model: str = "m", content: str = "Why?") -> Request:
    return Request(
        id="question/a/b/0",
        stage=Stage.QUESTIONS,
        messages=(Message(role="user", content=content),),
        sampling=Sampling(model=model, max_tokens=9),
        schema=schema,
    )


EMBED = Request(
    id="embedding/a/b/0",
    stage=Stage.EMBEDDINGS,
    messages=(Message(role="user", content="Explain Wörter."),),
    sampling=Sampling(model="m", max_tokens=0),
)
"""A request for a vector."""


async def reply_from(server: Server, request: Request | None = None, **patience: float) -> Reply:
    """Ask once."""
    async with Http(at(server), Pauses().patience(**patience)) as teacher:  # type: ignore[arg-type]  # int or float
        return await teacher.reply(request or ask())


async def failure_from(server: Server, request: Request | None = None, **patience: float) -> TeacherError:
    with pytest.raises(TeacherError) as caught:
        await reply_from(server, request, **patience)
    return caught.value


def words(error: GlanError) -> str:
    return f"{error} {error.hint}"
