"""Files and batches of a server over HTTP: the connection, the key and the manners are those of its teacher.

What may succeed later is sent again after a pause. Only to hand a batch in is never sent again blindly, since the
server may have made the batch although nobody heard of it.
"""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from pyreqwest import exceptions as foreign
from pyreqwest.multipart import FormBuilder, PartBuilder
from pyreqwest.request import RequestBuilder

from glan.errors import ConfigError, GlanError, UnusableError
from glan.parsing import clean
from glan.records import Reply, Request
from glan.teachers.batch import TAG, Batch, Terms, UnsureError, is_about_full, read_batch, read_json, read_list
from glan.teachers.batch_lines import ENDPOINT, Output, read_line
from glan.teachers.http import Patience
from glan.teachers.kinds import Kind, Trouble, read_trouble
from glan.teachers.line import Line, read_body
from glan.teachers.manners import Manners
from glan.teachers.prices import cost_usd
from glan.teachers.troubles import error_of, trouble_of

_PAGE: Final = "100"
_MOST_PAGES: Final = 1_000
_MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
_READ_BYTES: Final = 1 << 18
_ABSENT: Final = frozenset({404, 410})
_AGAIN: Final = frozenset({Kind.LATER, Kind.TIMED_OUT, Kind.UNREACHED})
_ID: Final = re.compile(r"[\w.:-]{1,200}", re.ASCII)
"""What an id may look like: it becomes a part of an address."""
_STAYS: Final = "What was handed in stays with the provider: run again, and it is found."


class HttpBatches:
    """The batches of one endpoint."""

    def __init__(
        self,
        line: Line,
        patience: Patience,
        manners: Manners,
        terms: Terms,
    ) -> None:
        """Ask for batches where a teacher is asked.

        Args:
            line: the connections to the server, with its key.
            patience: how long, and how often.
            manners: how the teacher's model wants to be asked.
            terms: what is known of its batches.

        """
        self._line = line
        self._endpoint = line.endpoint
        self._patience = patience
        self._manners = manners
        self._is_known = terms.is_known
        self.price = terms.price

    @property
    def base_url(self) -> str:
        return self._endpoint.base_url

    @property
    def host(self) -> str:
        return self._endpoint.host

    def unpriced(self) -> "HttpBatches":
        terms = Terms(is_known=self._is_known, price=None)
        return HttpBatches(self._line, self._patience, self._manners, terms)

    async def check(self) -> None:
        if self._is_known is None:
            status, raw = await self._asked(lambda: self._line.get("/batches", limit="1"))
            self._is_known = 200 <= status < 300 and read_list(raw) is not None
            if status in {401, 403}:
                raise self._refusal(status, raw)
        if not self._is_known:
            raise ConfigError(
                f"{self._endpoint.name} takes no batches in the form of OpenAI's.",
                hint='Run it live: mode = "live", or --mode live. Files for an offline runner such as '
                "`vllm run-batch` are written by `glan batch write`.",
            )

    async def upload(self, path: Path, tag: str) -> str:
        status, raw = await self._asked(lambda: self._line.post("/files").multipart(_form(path, tag)))
        found = read_json(raw)
        file_id = found.get("id") if isinstance(found, dict) else None
        if not 200 <= status < 300 or not isinstance(file_id, str):
            raise self._refusal(status, raw)
        return _checked(file_id)

    async def hand_in(self, file_id: str, tag: str) -> Batch | None:
        body = {
            "input_file_id": file_id,
            "endpoint": ENDPOINT,
            "completion_window": "24h",
            "metadata": {TAG: tag},
        }
        call = (
            self._line.post("/batches").header("content-type", "application/json").body_bytes(msgspec.json.encode(body))
        )
        try:
            status, raw = await self._once(call)
        except foreign.PyreqwestError as error:
            raise UnsureError from error
        if 200 <= status < 300:
            batch = read_batch(read_json(raw))
            if batch is None:
                raise UnsureError
            return batch
        trouble = read_trouble(status, read_json(raw), self._line.hide)
        if status == 429 or is_about_full(trouble.reason.rpartition(", ")[2], trouble.told):
            return None
        if trouble.kind in _AGAIN:
            raise UnsureError
        raise self._refusal(status, raw)

    async def look(self, batch_id: str) -> Batch | None:
        status, raw = await self._asked(lambda: self._line.get(f"/batches/{_checked(batch_id)}"))
        if status in _ABSENT:
            return None
        batch = read_batch(read_json(raw)) if 200 <= status < 300 else None
        if batch is None:
            raise self._refusal(status, raw)
        return batch

    async def find(self, tag: str, file_id: str | None) -> Batch | None:
        failed: Batch | None = None
        after: str | None = None
        for _ in range(_MOST_PAGES):
            query = {"limit": _PAGE, **({"after": after} if after else {})}
            status, raw = await self._asked(partial(self._line.get, "/batches", **query))
            page = read_list(raw) if 200 <= status < 300 else None
            if page is None:
                raise self._refusal(status, raw)
            for batch in page[0]:
                if batch.tag == tag or (file_id is not None and batch.input_file_id == file_id):
                    if batch.status != "failed":
                        return batch
                    failed = failed or batch
            after = page[1]
            if after is None:
                break
        return failed

    async def fetch(self, file_id: str, path: Path) -> bool:
        for n_tries in range(1, self._patience.max_retries + 2):
            trouble = await self._fetched(f"/files/{_checked(file_id)}/content", path)
            if trouble is None:
                return True
            if trouble.status in _ABSENT:
                return False
            await self._pause_or_give_up(trouble, n_tries)
        raise AssertionError

    def render(self, request: Request) -> tuple[bytes, str | None]:
        course = self._manners.begin(request)
        return course.body, None if course.rung is None else course.rung.value

    def read(self, raw: bytes) -> Output | None:
        line = read_line(raw, self._line.hide)
        if line is None or not isinstance(line.found, Reply):
            return line
        reply = msgspec.structs.replace(
            line.found, endpoint=self._endpoint.name, cost_usd=cost_usd(self.price, line.found.usage)
        )
        return replace(line, found=reply)

    def error_of(self, trouble: Trouble, model: str) -> GlanError:
        return error_of(trouble, self._endpoint, model)

    async def _asked(self, build: Callable[[], RequestBuilder]) -> tuple[int, bytes]:
        """Return the status and the body of an answer; what may succeed later is sent again."""
        n_tries = 0
        while True:
            n_tries += 1
            try:
                status, raw = await self._once(build())
            except foreign.PyreqwestError as error:
                trouble = trouble_of(error)
            else:
                if 200 <= status < 300:
                    return status, raw
                trouble = read_trouble(status, read_json(raw), self._line.hide)
                if trouble.kind not in _AGAIN:
                    return status, raw
            await self._pause_or_give_up(trouble, n_tries)

    async def _once(self, call: RequestBuilder) -> tuple[int, bytes]:
        async with call.build_streamed() as response:
            return response.status, await read_body(response, _MAX_ANSWER_BYTES) or b""

    async def _fetched(self, path: str, to: Path) -> Trouble | None:
        """Write what a server sends to a file; return what went wrong, if anything did."""
        try:
            async with self._line.get(path).build_streamed() as response:
                if not 200 <= response.status < 300:
                    raw = await read_body(response, _MAX_ANSWER_BYTES) or b""
                    return read_trouble(response.status, read_json(raw), self._line.hide)
                with to.open("wb") as file:
                    while (chunk := await response.body_reader.read_chunk()) is not None:
                        file.write(chunk)
        except foreign.PyreqwestError as error:
            return trouble_of(error)
        return None

    async def _pause_or_give_up(self, trouble: Trouble, n_tries: int) -> None:
        if trouble.kind not in _AGAIN or n_tries > self._patience.max_retries:
            raise self._gone(trouble) from trouble.cause
        pause_s = self._patience.pause_s(n_tries, trouble.retry_after_s)
        if self._patience.on_retry is not None:
            self._patience.on_retry(trouble.reason, pause_s)
        await self._patience.sleep(pause_s)

    def _gone(self, trouble: Trouble) -> GlanError:
        if trouble.kind in {Kind.KEY, Kind.CREDIT, Kind.UNREACHED}:
            return error_of(trouble, self._endpoint, "")
        said = f" The server said: {trouble.told}" if trouble.told else ""
        return UnusableError(f"The batches at {self.host} cannot be reached: {trouble.reason}.{said}", hint=_STAYS)

    def _refusal(self, status: int, raw: bytes) -> GlanError:
        """Return the error where a server turns down what is asked of its files and batches."""
        trouble = read_trouble(status, read_json(raw), self._line.hide)
        if trouble.kind in {Kind.KEY, Kind.CREDIT, Kind.MOVED}:
            return error_of(trouble, self._endpoint, "")
        said = f" The server said: {trouble.told}" if trouble.told else ""
        return UnusableError(f"{self.host} refused what was asked of its batches: status {status}.{said}")


def _form(path: Path, tag: str) -> FormBuilder:
    """Return a form with a file that is read as it is sent."""
    part = PartBuilder.from_stream_with_length(_chunks(path), path.stat().st_size)
    return FormBuilder().text("purpose", "batch").part("file", part.file_name(f"{tag}.jsonl").mime("application/jsonl"))


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_READ_BYTES):
            yield chunk


def _checked(found: str) -> str:
    """Return an id of a server that may become a part of an address."""
    if _ID.fullmatch(found) is None:
        raise UnusableError(f"The server named a file or a batch {clean(found)[:100]!r}, which is no name.")
    return found
