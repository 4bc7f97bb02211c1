"""The load server: OpenAI's chat completions with the filler behind them, as fast as one core allows.

    python benchmarks/engine/server.py --port 8099 --latency-ms 1000

It answers in the right form, so that the whole program can be run against it, and each reply is a function of its
prompt. It exists to be no bottleneck and checks nothing: `glan simulate` is the server for everything else.

    POST anything    a completion        GET /stats    what was asked, and what left whole, as JSON
"""

import argparse
import asyncio
import contextlib
import random
import socket
import time
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from glan.records import Message, Request, Sampling, Stage
from glan.teachers.filler import Filler

_HEAD_END = b"\r\n\r\n"


class _Turn(msgspec.Struct):
    role: str
    content: str | list[Mapping[str, Any]]


class _Asked(msgspec.Struct):
    messages: list[_Turn]
    model: str = "filler"
    response_format: Mapping[str, Any] | None = None


class _Counts(msgspec.Struct):
    asked: int = 0
    given: int = 0
    """Replies that were written to their connection whole."""
    stalled: int = 0
    most_in_flight: int = 0
    in_flight: int = 0


class Load:
    """What every connection shares."""

    def __init__(self, settings: argparse.Namespace) -> None:
        self.latency_s: float = settings.latency_ms / 1e3
        self.stall_rate: float = settings.stall_rate
        self.stall_at_s: float = settings.stall_at_s
        self.stall_s: float = settings.stall_s
        self._began_at: float | None = None
        self.counts = _Counts()
        self._filler = Filler(size=settings.size)
        self._random = random.Random(settings.seed)
        self._decode = msgspec.json.Decoder(_Asked).decode
        self._encode = msgspec.json.Encoder().encode

    async def completion(self, body: bytes) -> bytes:
        """Return the body of a response."""
        asked = self._decode(body)
        messages = tuple([Message(role=turn.role, content=_text(turn.content)) for turn in asked.messages])
        sampling = Sampling(model=asked.model, max_tokens=100_000)
        wanted = asked.response_format or {}
        schema = wanted.get("json_schema", {}).get("name")
        request = Request(id="", stage=Stage.ANSWERS, messages=messages, sampling=sampling, schema=schema)
        reply = await self._filler.reply(request)
        usage = reply.usage
        return self._encode(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1_700_000_000,
                "model": asked.model,
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": reply.text},
                        "finish_reason": "stop",
                    }
                ],
                "usage": {
                    "prompt_tokens": usage.prompt_tokens,
                    "completion_tokens": usage.completion_tokens,
                    "total_tokens": (usage.prompt_tokens or 0) + (usage.completion_tokens or 0),
                },
            }
        )

    def wait_s(self) -> float:
        """Return how long the next reply is held: some of those asked for within one second are held very long."""
        if self.stall_rate:
            now = time.monotonic()
            self._began_at = self._began_at or now
            is_moment = 0 <= now - self._began_at - self.stall_at_s < 1
            if is_moment and self._random.random() < self.stall_rate:
                self.counts.stalled += 1
                return self.stall_s
        return self.latency_s

    def stats(self) -> bytes:
        """Return the counts as JSON."""
        return self._encode(self.counts)


class Connection(asyncio.Protocol):
    """One connection, with one request after the other."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._body_at = self._end = -1
        self._is_last = False
        """The client wants the connection closed after its reply, and may wait for that."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self._transport = cast(asyncio.Transport, transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, _: Exception | None) -> None:
        """Let it go."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Gather a request, and answer it when it is whole."""
        self._buffer += data
        while self._is_whole():
            head, body = self._buffer[: self._body_at], self._buffer[self._body_at : self._end]
            self._buffer, self._end = self._buffer[self._end :], -1
            self._answer(head, body)

    def _is_whole(self) -> bool:
        if self._end < 0:
            end = self._buffer.find(_HEAD_END)
            if end < 0:
                return False
            self._body_at = end + len(_HEAD_END)
            head = self._buffer[:end].lower()
            self._is_last = b"\r\nconnection: close" in head
            _, found, rest = head.partition(b"content-length:")
            self._end = self._body_at + (int(rest.split(b"\r\n", 1)[0]) if found else 0)
        return len(self._buffer) >= self._end

    def _answer(self, head: bytes, body: bytes) -> None:
        load = self._load
        if not head.startswith(b"POST"):
            self._write(load.stats())
            return
        counts = load.counts
        counts.asked += 1
        counts.in_flight += 1
        counts.most_in_flight = max(counts.most_in_flight, counts.in_flight)
        work = load.completion(body)
        try:
            work.send(None)  # the filler never waits
        except StopIteration as done:
            wait_s = load.wait_s()
            if wait_s:
                asyncio.get_running_loop().call_later(wait_s, self._give, done.value)
            else:
                self._give(done.value)

    def _give(self, body: bytes) -> None:
        self._load.counts.in_flight -= 1
        if self._transport is not None:
            self._load.counts.given += 1
            self._write(body)

    def _write(self, body: bytes) -> None:
        if self._transport is not None:
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
            self._transport.write(head + body)
            if self._is_last:
                self._transport.close()


def _text(content: str | list[Mapping[str, Any]]) -> str:
    """Return the text of a turn, which some clients send in parts."""
    return content if isinstance(content, str) else "".join([str(part.get("text", "")) for part in content])


async def serve(settings: argparse.Namespace) -> None:
    """Serve until the process is ended."""
    load = Load(settings)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(load), "127.0.0.1", settings.port, backlog=8_192)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


def main() -> None:
    """Read the arguments, then serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=0, help="how long each reply is held")
    parser.add_argument("--stall-rate", type=float, default=0, help="share that is held of the replies of one second")
    parser.add_argument("--stall-at-s", type=float, default=20, help="which second, from the first request on")
    parser.add_argument("--stall-s", type=float, default=60, help="how long they are held")
    parser.add_argument("--size", type=int, default=1_500, help="characters of an answer, about")
    parser.add_argument("--seed", type=int, default=0)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
