"""One exchange with the simulated server: the connection, what came over it, and what goes back.

Bare ASGI, since only the connection itself knows whether a reply has left. It refuses to know when a fault is due.
"""

import asyncio
import hmac
import time
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from starlette.types import Receive, Scope, Send

from glan.parsing import SCHEMAS
from glan.records import Message, Reply, Request, Sampling
from glan.teachers.faults import shortened
from glan.teachers.filler import CHARACTERS_PER_TOKEN, asked_of, tokens_of

T = TypeVar("T")

_MAX_BODY_BYTES = 32 << 20
_NO_LIMIT = 1 << 31
"""Tokens of room for a reply where the client sets no limit."""

ERRORS: Mapping[str, tuple[int, str, str]] = {
    "429": (429, "rate_limit_exceeded", "Rate limit reached. Ask again later."),
    "full": (429, "rate_limit_exceeded", "Too many requests at once. Ask again later."),
    "rate": (429, "rate_limit_exceeded", "Rate limit reached: "),
    "500": (500, "server_error", "The server had an error while it processed your request."),
    "503": (503, "overloaded", "The server is overloaded. Ask again later."),
    "no-schema": (400, "unsupported_value", "'response_format' of type 'json_schema' is not supported."),
    "no-json": (400, "unsupported_value", "'response_format' is not supported."),
    "unauthorized": (401, "invalid_api_key", "Incorrect API key provided."),
    "no-credit": (429, "insufficient_quota", "You exceeded your current quota."),
    "unknown-model": (404, "model_not_found", "This model does not exist: "),
    "parameter": (400, "unsupported_parameter", "This model does not support the parameter "),
    "too-long": (413, "request_too_large", f"The body is longer than {_MAX_BODY_BYTES} bytes."),
    "bad-request": (400, "invalid_request", "Invalid request: "),
    "refused": (400, "refused", "The teacher refuses: "),
    "unusable": (503, "unusable", "The teacher cannot be used: "),
}
"""How a request is turned down, by kind: status, code and message."""


class TurnedDownError(Exception):
    """A request that is answered with an error."""

    def __init__(self, kind: str, detail: str = "", *, param: str | None = None, wait_s: float | None = None) -> None:
        self.status, code, message = ERRORS[kind]
        super().__init__(message + detail)
        self.kind = kind
        self.wait_s = wait_s
        """How long the client should wait, where that is known."""
        param = "response_format" if kind in {"no-schema", "no-json"} else param
        self.body = error_body(self.status, message + detail, code=code, param=param)


class _Part(msgspec.Struct):
    text: str = ""


class _Turn(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None


class _Schema(msgspec.Struct):
    name: str


class _Format(msgspec.Struct):
    type: str
    json_schema: _Schema | None = None


class Body(msgspec.Struct):
    """What we read of the body of a request."""

    model: str
    messages: list[_Turn]
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    response_format: _Format | None = None
    stream: bool | None = None
    n: int | None = None
    reasoning_effort: str | None = None
    chat_template_kwargs: dict[str, object] | None = None

    @property
    def wants_thought(self) -> bool:
        """Whether a model that thinks is to do so."""
        return self.reasoning_effort != "none" and (self.chat_template_kwargs or {}).get("enable_thinking") is not False

    @property
    def form(self) -> str:
        """The type of its response format: `text`, `json_object` or `json_schema`."""
        return "text" if self.response_format is None else self.response_format.type


_BODY = msgspec.json.Decoder(Body)


def read_body(raw: bytes) -> Body:
    """Return the body of a request.

    Raises:
        TurnedDownError: it is not JSON, lacks something, or asks for what a simulated server does not do.

    """
    body = decoded(raw, _BODY)
    refuse(
        (body.stream, "'stream' is not supported; ask without it."),
        (body.n not in {None, 1}, f"'n' is {body.n}; only 1 is supported."),
        (not body.messages, "'messages' is empty."),
        (_limit(body) < 1, f"'max_tokens' is {_limit(body)}; it is at least 1."),
        (body.form == "json_schema" and _schema(body) is None, "'response_format' has no 'json_schema'."),
    )
    return body


def decoded(raw: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Return what a body holds.

    Raises:
        TurnedDownError: it is not JSON, or lacks something.

    """
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TurnedDownError("bad-request", f"{error}.") from error


def refuse(*faults: tuple[object, str]) -> None:
    """Turn down a body of which one of these is true, each with what is said of it.

    Raises:
        TurnedDownError: says it of the first.

    """
    for is_wrong, why in faults:
        if is_wrong:
            raise TurnedDownError("bad-request", why)


def refuse_parameters(raw: bytes, names: Container[str]) -> None:
    """Turn down a body that has one of these keys.

    Raises:
        TurnedDownError: names the first.

    """
    found = next((name for name in msgspec.json.decode(raw) if name in names), None)
    if found is not None:
        raise TurnedDownError("parameter", f"{found!r}.", param=found)


def request_of(body: Body) -> Request:
    """Return the request that a body stands for; what no field says is seen from the prompt."""
    messages = tuple(Message(role=turn.role, content=_text(turn)) for turn in body.messages)
    name = _schema(body)
    asked = asked_of(messages, name)
    return Request(
        id="",
        stage=asked.stage,
        messages=messages,
        sampling=Sampling(model=body.model, max_tokens=_limit(body), temperature=body.temperature, top_p=body.top_p),
        schema=name if name in SCHEMAS else asked.schema,
    )


def fitted(reply: Reply, max_tokens: int) -> Reply:
    """Return a reply with its tokens counted, cut off where it is longer than there is room for."""
    if tokens_of(reply.text) > max_tokens:
        return shortened(reply, max_tokens * CHARACTERS_PER_TOKEN)
    return reply


def completion(reply: Reply, model: str, number: int) -> bytes:
    """Return the body of a response that holds a reply."""
    message = {"role": "assistant", "content": reply.text}
    if reply.reasoning is not None:
        message["reasoning_content"] = reply.reasoning
    return msgspec.json.encode(
        {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": reply.model or model,
            "system_fingerprint": reply.system_fingerprint,
            "choices": [{"index": 0, "message": message, "finish_reason": reply.finish_reason or "stop"}],
            "usage": _usage(reply),
        }
    )


def error_body(status: int, message: str, *, code: str | None = None, param: str | None = None) -> bytes:
    """Return an error as OpenAI's servers write it."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": param, "code": code}})


def header(scope: Scope, name: bytes) -> bytes:
    """Return a header of a request, empty where it is not there."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection on which a request came in."""

    scope: Scope
    receive: Receive
    send: Send

    def bears(self, key: str) -> bool:
        """Say whether the request shows this key."""
        return hmac.compare_digest(header(self.scope, b"authorization"), f"Bearer {key}".encode())

    async def body(self) -> bytes | None:
        """Return the whole body of the request; None when the client went away.

        Raises:
            TurnedDownError: it is too long.

        """
        body = bytearray()
        more = True
        while more:
            message = await self.receive()
            if message["type"] != "http.request":
                return None
            body += message["body"]
            more = message["more_body"]
            if len(body) > _MAX_BODY_BYTES:
                raise TurnedDownError("too-long")
        return bytes(body)

    async def holds(self, seconds: float) -> bool:
        """Wait, and say whether the client is still there."""
        if seconds <= 0:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._until_gone()
        except TimeoutError:
            return True
        return False

    async def holds_until(self, ready: asyncio.Future[None]) -> bool:
        """Wait until something is ready, and say whether the client is still there then."""
        gone = asyncio.ensure_future(self._until_gone())
        try:
            await asyncio.wait((ready, gone), return_when=asyncio.FIRST_COMPLETED)
            return not gone.done()
        finally:
            gone.cancel()

    async def give(self, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> bool:
        """Send a whole response, and say whether it left.

        The end is sent apart: after it the connection may be closed on purpose, before it only by a client that left.
        """
        await self._begin(status, body, *headers)
        await self.send({"type": "http.response.body", "body": body, "more_body": True})
        transport = self._transport
        if transport is not None and transport.get_write_buffer_size():
            await self.send({"type": "http.response.body", "body": b"", "more_body": True})  # waits for a slow client
        left = transport is None or not transport.is_closing()
        await self.send({"type": "http.response.body", "body": b""})
        return left

    async def cut(self, body: bytes) -> None:
        """Send the first half of a response and close the connection."""
        await self._begin(200, body)
        await self.send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await self._end(abruptly=False)

    async def die(self) -> None:
        """Close the connection without a word."""
        await self._end(abruptly=True)

    async def _end(self, *, abruptly: bool) -> None:
        transport = self._transport
        if transport is None:
            raise ConnectionAbortedError("Only the server of `serve` and `running` can break a connection.")
        if abruptly:
            transport.abort()
        else:
            transport.close()
        await self._until_gone()

    @property
    def _transport(self) -> asyncio.Transport | None:
        """The connection itself, where the server shows it."""
        transport: asyncio.Transport | None = self.scope.get("state", {}).get("transport")
        return transport

    async def _begin(self, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
        length = (b"content-length", str(len(body)).encode())
        kind = (b"content-type", b"application/json")
        await self.send({"type": "http.response.start", "status": status, "headers": [kind, length, *headers]})

    async def _until_gone(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass


def _limit(body: Body) -> int:
    limits = (body.max_completion_tokens, body.max_tokens)
    return next((limit for limit in limits if limit is not None), _NO_LIMIT)


def _schema(body: Body) -> str | None:
    """Return the name of the schema that a body asks for, known or not."""
    if body.response_format is None or body.response_format.json_schema is None:
        return None
    return body.response_format.json_schema.name


def _text(turn: _Turn) -> str:
    if isinstance(turn.content, list):
        return "".join([part.text for part in turn.content])
    return turn.content or ""


def _usage(reply: Reply) -> Mapping[str, object]:
    usage = reply.usage
    prompt, text = usage.prompt_tokens or 0, usage.completion_tokens or 0
    counts: dict[str, object] = {
        "prompt_tokens": prompt,
        "completion_tokens": text,
        "total_tokens": prompt + text,
    }
    if usage.cached_tokens is not None:
        counts["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    if usage.reasoning_tokens is not None:
        counts["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return counts
