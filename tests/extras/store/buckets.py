"""An S3 server on this machine, moto's, with a wire to it that can be cut, and a reader who follows the manifest."""

import asyncio
import hashlib
import json
import logging
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import obstore
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from obstore.store import S3Store
from werkzeug.serving import make_server

from glan.storage.objects import Bucket
from glan.storage.stores import address_of

BUCKET = "bucket"
KEY_ID = "AKIATESTTESTTEST"
_BUSY = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"


@dataclass
class Busy:
    """The server, which is too busy for every n-th request where n is not 0."""

    app: Any
    every: int = 0
    requests: int = 0
    puts: int = 0
    busy: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            self.requests += 1
            self.puts += environ["REQUEST_METHOD"] == "PUT"
            is_busy = self.every > 0 and self.requests % self.every == 0
            self.busy += is_busy
        if is_busy:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response("503 Slow Down", [("Content-Type", "application/xml")])
            return [_BUSY]
        answer: Iterable[bytes] = self.app(environ, start_response)
        return answer


@dataclass
class Wire:
    """Passes bytes on to the server, and is cut as it is told to."""

    target: int
    port: int = 0
    cuts: int = 0
    """So many requests still are cut off once `after_bytes` of them have passed."""
    after_bytes: int = 0
    lost_answers: int = 0
    """So many answers to a put still are lost after the server has done what it was asked."""
    lost_to: bytes = b"PUT "
    """What a request begins with of which the answer is lost."""
    n_cut: int = 0
    n_lost: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            other, to = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        up = asyncio.create_task(self._up(reader, to))
        down = asyncio.create_task(self._down(other, writer, up))
        try:
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
            if not up.cancelled() and up.done() and up.exception() is None and up.result() == "over":
                await asyncio.wait((down,), timeout=20)
        except asyncio.CancelledError:
            return  # the test is over
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
            for end in (to, writer):
                end.transport.abort()
            await asyncio.sleep(0)

    async def _up(self, reader: asyncio.StreamReader, to: asyncio.StreamWriter) -> str:
        """Pass requests on."""
        passed = 0
        while data := await reader.read(65536):
            if data[:4] in {b"PUT ", b"GET ", b"HEAD", b"POST", b"DELE"}:
                passed, self._head = 0, data[:200]
            passed += len(data)
            if self.cuts > 0 and passed > self.after_bytes:
                self.cuts -= 1
                self.n_cut += 1
                to.write(data[: len(data) // 2])
                await to.drain()
                return "cut"
            to.write(data)
            await to.drain()
        return "over"

    async def _down(self, other: asyncio.StreamReader, writer: asyncio.StreamWriter, up: asyncio.Task[str]) -> None:
        """Pass answers back."""
        while data := await other.read(65536):
            if self.lost_answers > 0 and getattr(self, "_head", b"").startswith(self.lost_to):
                self.lost_answers -= 1
                self.n_lost += 1
                up.cancel()
                return
            writer.write(data)
            await writer.drain()


@dataclass(frozen=True)
class S3:
    """A server with one empty bucket."""

    busy: Busy
    wire: Wire

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.wire.port}"

    def variables(self, secret: str) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    def store(self, prefix: str = "") -> Bucket:
        settings = {name.lower().removesuffix("_url"): value for name, value in self.variables("secret").items()}
        return Bucket(address_of(f"s3://{BUCKET}/{prefix}"), settings, http=True)

    def raw(self) -> S3Store:
        """Return a way to the server that nothing disturbs."""
        return S3Store(
            BUCKET,
            config={"endpoint": f"http://127.0.0.1:{self.wire.target}", "region": "us-east-1"},
            access_key_id=KEY_ID,
            secret_access_key="secret",  # noqa: S106 - moto takes any
            client_options={"allow_http": True},
        )

    def names(self, prefix: str) -> list[str]:
        return sorted(one["path"] for page in obstore.list(self.raw(), prefix) for one in page)

    def data(self, name: str) -> bytes:
        return bytes(obstore.get(self.raw(), name).bytes())

    def seen(self, prefix: str) -> dict[str, bytes] | None:
        """Return what a reader finds who follows the manifest, each file as it says; None where there is none."""
        if f"{prefix}/manifest.json" not in self.names(prefix):
            return None
        manifest = json.loads(self.data(f"{prefix}/manifest.json"))
        found = {name: self.data(f"{prefix}/{manifest['version']}/{name}") for name in manifest["files"]}
        for name, file in manifest["files"].items():
            assert hashlib.sha256(found[name]).hexdigest() == file["sha256"]
        return found


@contextmanager
def s3_server() -> Iterator[S3]:
    """Run a server with a bucket, and a wire to it, until the block is left."""
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    busy = Busy(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, busy, threaded=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    wire = Wire(target=server.server_port)
    with wired(wire):
        found = S3(busy, wire)
        _make_bucket(found)
        try:
            yield found
        finally:
            server.shutdown()
            serving.join()
            server.server_close()


@contextmanager
def wired(wire: Wire) -> Iterator[None]:
    """Let the wire take connections until the block is left."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(wire.serve, "127.0.0.1", wire.port))
    wire.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(_ended(loop))
        loop.close()


async def _ended(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0.05)  # a transport that was aborted closes its socket in the next turn


def _make_bucket(server: S3) -> None:
    """Forget what an earlier server of this process had, and make the bucket, as its owner does with any other tool."""
    signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20260101/us-east-1/s3/aws4_request"}
    for method, path in (("POST", "moto-api/reset"), ("PUT", BUCKET)):
        url = f"http://127.0.0.1:{server.wire.target}/{path}"
        with urllib.request.urlopen(urllib.request.Request(url, method=method, headers=signed)):
            pass
