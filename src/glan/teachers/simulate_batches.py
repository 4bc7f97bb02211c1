"""Files and batches of the simulated server, in OpenAI's form: delay, expiry, partial failure, a full queue, death.

    POST /v1/files    GET /v1/files/ID    GET /v1/files/ID/content
    POST /v1/batches  GET /v1/batches     GET /v1/batches/ID    POST /v1/batches/ID/cancel

A line is *paid* once it is answered, whether or not anybody fetches the answer. What is spoilt follows from the seed
and the line; the lines of an output stand in an order of their own.
"""

import asyncio
import hashlib
import hmac
import itertools
import random
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from glan.errors import ConfigError
from glan.records import Reply, Request
from glan.teachers.batch_lines import ENDPOINT
from glan.teachers.counts import Counts
from glan.teachers.exchange import Body, Connection, TurnedDownError, completion, error_body, request_of
from glan.teachers.filler import CHARACTERS_PER_TOKEN

DEATHS: Final = ("upload", "hand-in", "fetch")
"""After which of its deeds the server may die once: the deed is done, and nobody hears of it."""
_MAX_FILE_BYTES: Final = 200 * 1024 * 1024
_MAX_LINES: Final = 50_000
_LOOKS: Final = 10
"""So often the delay of a batch is cut to see whether it was cancelled."""

Answer = Callable[[bytes], Awaitable[tuple[int, bytes]]]
"""Answers the body of a line with a status and a body, and counts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchBehaviour:
    """How the batches of a simulated server behave."""

    delay_s: float = 0
    """From the hand-in to the end."""
    expire: float = 0
    """Share of the lines that no batch comes to in time."""
    errors: float = 0
    """Share of the lines that meet a fault which passes."""
    refusals: float = 0
    """Share of the lines that are refused for good."""
    enqueued_tokens: int | None = None
    """Tokens of all batches under way at once; what would pass it fails as a whole."""
    deaths: tuple[str, ...] = ()
    """Deeds of `DEATHS` after which the connection is closed without a word, the first time."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.deaths if name not in DEATHS]
        if unknown:
            raise ConfigError(f"Unknown death {unknown[0]!r} of a batch; deaths: {', '.join(DEATHS)}.")
        for name in ("expire", "errors", "refusals"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"The share {name} of batches is {getattr(self, name)}; it lies between 0 and 1.")


class _Input(msgspec.Struct):
    custom_id: str
    method: str
    url: str
    body: msgspec.Raw


@dataclass(slots=True, kw_only=True)
class _Job:
    id: str
    file_id: str
    metadata: Mapping[str, str]
    created_at: int = field(default_factory=lambda: int(time.time()))
    status: str = "validating"
    total: int = 0
    completed: int = 0
    failed: int = 0
    tokens: int = 0
    outputs: dict[str, str] = field(default_factory=dict)
    errors: list[dict[str, object]] = field(default_factory=list)
    is_cancelled: bool = False

    def as_dict(self) -> dict[str, object]:
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": ENDPOINT,
            "completion_window": "24h",
            "input_file_id": self.file_id,
            "status": self.status,
            "created_at": self.created_at,
            "output_file_id": self.outputs.get("output"),
            "error_file_id": self.outputs.get("error"),
            "request_counts": {"total": self.total, "completed": self.completed, "failed": self.failed},
            "metadata": dict(self.metadata),
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
        }


class Settings(Protocol):
    """What is used of the settings of the server."""

    @property
    def seed(self) -> int: ...

    @property
    def api_key(self) -> str | None: ...

    @property
    def batches(self) -> BatchBehaviour: ...


class Chat(Protocol):
    """The endpoint that answers live, as far as a line needs it."""

    @property
    def settings(self) -> Settings: ...

    @property
    def counts(self) -> Counts: ...

    def body_of(self, raw: bytes) -> Body: ...

    async def reply_to(self, body: Body, request: Request) -> Reply: ...


def batches_of(chat: Chat) -> "Batches":
    """Return the files and batches of a server, whose lines its own endpoint answers and counts."""

    async def answer(raw: bytes) -> tuple[int, bytes]:
        arrival = chat.counts.arrive()
        failed: str | None = "broken off"
        try:
            body = chat.body_of(raw)
            request = request_of(body)
            reply = await chat.reply_to(body, request)
            chat.counts.batches["repeats"] += chat.counts.pay(raw, request.stage, reply)
            failed = None
            return 200, completion(reply, body.model, arrival)
        except TurnedDownError as error:
            failed = error.kind
            return error.status, error.body
        finally:
            chat.counts.leave(failed)

    return Batches(chat.settings, answer, chat.counts.batches)


class Batches:
    """The files and batches of one server."""

    def __init__(self, settings: Settings, answer: Answer, counts: Counter[str]) -> None:
        """Answer lines as `answer` does, and count files, batches, and lines by what became of them."""
        self._counts = counts
        self._behaviour = settings.batches
        self._answer = answer
        self._seed = settings.seed
        self._api_key = settings.api_key
        self._files: dict[str, tuple[str, bytes]] = {}
        self._jobs: dict[str, _Job] = {}
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._deaths = list(settings.batches.deaths)

    def routes(self) -> list[Route]:
        """Return what the server answers."""
        return [
            Route("/v1/files", self._checked(self._take_file), methods=["POST"]),
            Route("/v1/files/{id}", self._checked(self._give_file)),
            Route("/v1/files/{id}/content", self._checked(self._give_content)),
            Route("/v1/batches", self._checked(self._take_batch), methods=["POST"]),
            Route("/v1/batches", self._checked(self._give_list)),
            Route("/v1/batches/{id}", self._checked(self._give_batch)),
            Route("/v1/batches/{id}/cancel", self._checked(self._cancel), methods=["POST"]),
        ]

    def _checked(self, give: Callable[[HttpRequest], Awaitable[Response]]) -> Callable[[HttpRequest], Any]:
        async def checked(request: HttpRequest) -> Response:
            shown = request.headers.get("authorization", "")
            if self._api_key is not None and not hmac.compare_digest(shown, f"Bearer {self._api_key}"):
                return _refused(401, "Incorrect API key provided.", "invalid_api_key")
            return await give(request)

        return checked

    async def _take_file(self, request: HttpRequest) -> Response:
        raw = await request.body()
        found = _parts(raw, request.headers.get("content-type", ""))
        if len(raw) > _MAX_FILE_BYTES or found.get("purpose", ("", b""))[1] != b"batch" or "file" not in found:
            return _refused(400, "A file of at most 200 MB and the purpose 'batch' are wanted.", "invalid_request")
        name, content = found["file"]
        file_id = f"file-{next(self._numbers)}"
        self._files[file_id] = (name, content)
        self._counts["files"] += 1
        return self._after("upload", self._file(file_id))

    async def _give_file(self, request: HttpRequest) -> Response:
        file_id = request.path_params["id"]
        return _absent("file", file_id) if file_id not in self._files else _given(self._file(file_id))

    async def _give_content(self, request: HttpRequest) -> Response:
        file_id = request.path_params["id"]
        if file_id not in self._files:
            return _absent("file", file_id)
        return self._after("fetch", self._files[file_id][1])

    async def _take_batch(self, request: HttpRequest) -> Response:
        found = msgspec.json.decode(await request.body(), type=dict[str, Any])
        file_id = str(found.get("input_file_id"))
        if file_id not in self._files or found.get("endpoint") != ENDPOINT or found.get("completion_window") != "24h":
            return _refused(400, f"A file, the endpoint {ENDPOINT} and the window 24h are wanted.", "invalid_request")
        job = _Job(id=f"batch_{next(self._numbers)}", file_id=file_id, metadata=found.get("metadata") or {})
        self._jobs[job.id] = job
        self._counts["batches"] += 1
        task = asyncio.create_task(self._work(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return self._after("hand-in", job.as_dict())

    async def _give_batch(self, request: HttpRequest) -> Response:
        job = self._jobs.get(request.path_params["id"])
        return _absent("batch", request.path_params["id"]) if job is None else _given(job.as_dict())

    async def _give_list(self, request: HttpRequest) -> Response:
        """Give the newest first, as many as are wanted, from the one after which the page begins."""
        jobs = list(reversed(self._jobs.values()))
        after = request.query_params.get("after")
        if after is not None:
            jobs = jobs[[job.id for job in jobs].index(after) + 1 :] if after in self._jobs else []
        limit = int(request.query_params.get("limit", 20))
        page = [job.as_dict() for job in jobs[:limit]]
        return _given({"object": "list", "data": page, "has_more": len(jobs) > limit})

    async def _cancel(self, request: HttpRequest) -> Response:
        job = self._jobs.get(request.path_params["id"])
        if job is None:
            return _absent("batch", request.path_params["id"])
        job.is_cancelled, job.status = True, "cancelling"
        return _given(job.as_dict())

    async def _work(self, job: _Job) -> None:
        """Take a batch from its file to its output."""
        lines = _lines(self._files[job.file_id][1])
        if isinstance(lines, str):
            self._fail(job, "invalid_json_line", lines)
            return
        job.total = len(lines)
        job.tokens = sum(len(line.body) for line in lines) // CHARACTERS_PER_TOKEN
        most = self._behaviour.enqueued_tokens
        under_way = sum(each.tokens for each in self._jobs.values() if each.status in {"in_progress", "finalizing"})
        if most is not None and under_way + job.tokens > most:
            said = f"Enqueued token limit reached. Limit: {most:,} enqueued tokens. Please try again later."
            self._fail(job, "token_limit_exceeded", said)
            return
        job.status = "in_progress"
        for _ in range(_LOOKS):
            await asyncio.sleep(self._behaviour.delay_s / _LOOKS)
            if job.is_cancelled:
                break
        await self._answer_all(job, lines)

    def _fail(self, job: _Job, code: str, message: str) -> None:
        job.status = "failed"
        job.errors = [{"code": code, "message": message, "line": None, "param": None}]
        self._counts["failed batches"] += 1

    async def _answer_all(self, job: _Job, lines: list[_Input]) -> None:
        random.Random(f"{self._seed} {job.id}").shuffle(lines)
        given: list[bytes] = []
        wrong: list[bytes] = []
        for line in lines:
            spoilt = "cancelled" if job.is_cancelled else self._spoilt(line, job)
            (given if spoilt is None else wrong).append(await self._answered(line, spoilt))
            job.completed, job.failed = len(given), len(wrong)
            self._counts[spoilt or "answered"] += 1
            await asyncio.sleep(0)
        for kind, found in (("output", given), ("error", wrong)):
            if found:
                job.outputs[kind] = f"file-{next(self._numbers)}"
                self._files[job.outputs[kind]] = (f"{job.id}_{kind}.jsonl", b"".join(found))
        job.status = "cancelled" if job.is_cancelled else "expired" if _has_expired(wrong) else "completed"

    def _spoilt(self, line: _Input, job: _Job) -> str | None:
        """Return what becomes of a line instead of an answer. What passes is drawn anew in each batch."""
        behaviour = self._behaviour
        for name, share, part in (
            ("expired", behaviour.expire, job.id),
            ("error", behaviour.errors, job.id),
            ("refusal", behaviour.refusals, ""),
        ):
            luck = hashlib.blake2b(f"{self._seed} {name} {part} {line.custom_id}".encode(), digest_size=4).digest()
            if int.from_bytes(luck, "big") < share * 2**32:
                return name
        return None

    async def _answered(self, line: _Input, spoilt: str | None) -> bytes:
        if spoilt in {"expired", "cancelled"}:
            error = {"code": f"batch_{spoilt}", "message": "This request could not be executed in time."}
            return _output(line, None, error)
        if spoilt is not None:
            status, code = (500, "server_error") if spoilt == "error" else (400, "content_filter")
            return _output(line, (status, error_body(status, "The line was not answered.", code=code)), None)
        return _output(line, await self._answer(bytes(line.body)), None)

    def _file(self, file_id: str) -> dict[str, object]:
        name, content = self._files[file_id]
        return {"id": file_id, "object": "file", "bytes": len(content), "filename": name, "purpose": "batch"}

    def _after(self, deed: str, found: dict[str, object] | bytes) -> Response:
        if deed in self._deaths:
            self._deaths.remove(deed)
            return _Death()
        return Response(found, media_type="application/jsonl") if isinstance(found, bytes) else _given(found)


def _has_expired(lines: list[bytes]) -> bool:
    return any(b'"batch_expired"' in line for line in lines)


class _Death(Response):
    """Closes the connection without a word."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Connection(scope, receive, send).die()


def _given(found: dict[str, object]) -> Response:
    return Response(msgspec.json.encode(found), media_type="application/json")


def _refused(status: int, message: str, code: str) -> Response:
    return Response(error_body(status, message, code=code), status, media_type="application/json")


def _absent(kind: str, name: str) -> Response:
    return _refused(404, f"There is no {kind} {name!r}.", "not_found")


def _output(line: _Input, response: tuple[int, bytes] | None, error: dict[str, str] | None) -> bytes:
    told = None
    if response is not None:
        told = {"status_code": response[0], "request_id": "req", "body": msgspec.Raw(response[1])}
    found = {"id": f"line-{line.custom_id}", "custom_id": line.custom_id, "response": told, "error": error}
    return msgspec.json.encode(found) + b"\n"


def _lines(content: bytes) -> list[_Input] | str:
    """Return the lines of an input file, or what is wrong with it."""
    try:
        lines = [msgspec.json.decode(raw, type=_Input) for raw in content.splitlines()]
    except msgspec.DecodeError as error:
        return f"A line cannot be read: {error}."
    if not 0 < len(lines) <= _MAX_LINES:
        return f"The file has {len(lines):,} lines; 1 to {_MAX_LINES:,} are taken."
    if len({line.custom_id for line in lines}) < len(lines):
        return "A custom_id stands there twice."
    if any((line.method, line.url) != ("POST", ENDPOINT) for line in lines):
        return f"A line is not for POST {ENDPOINT}."
    models = {msgspec.json.decode(line.body)["model"] for line in lines}
    return lines if len(models) == 1 else "The lines are for several models."


def _parts(raw: bytes, content_type: str) -> dict[str, tuple[str, bytes]]:
    """Return the parts of a form by their names, each with its file's name and its content."""
    boundary = re.search(r"boundary=\"?([^\";]+)", content_type)
    if boundary is None:
        return {}
    found: dict[str, tuple[str, bytes]] = {}
    for part in raw.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'[; ]name="([^"]*)"', head)
        file_name = re.search(rb'filename="([^"]*)"', head)
        if name is not None:
            found[name[1].decode()] = (file_name[1].decode() if file_name else "", content.removesuffix(b"\r\n"))
    return found
