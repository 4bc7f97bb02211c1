"""A server of batches inside the process: it takes files, answers them, and dies where it is told."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import json

from glan.errors import GlanError, RequestError
from glan.records import Reply, Request, Stage
from glan.settings import Price
from glan.teachers.base import Teacher
from glan.teachers.batch import Batch
from glan.teachers.batch_lines import Output, read_line
from glan.teachers.exchange import completion, error_body, fitted, read_body, request_of
from glan.teachers.kinds import Trouble
from glan.teachers.panel import Panel
from glan.teachers.wire import read_response, render_body, rungs_of


def _nothing(_: str) -> None:
    pass


@dataclass(slots=True, eq=False)
class Desk:
    """The server. What it does with a line, with a hand-in and at each step is told it by functions."""

    teacher: Teacher
    on_step: Callable[[str], None] = _nothing
    """Is told each step, before and after the deed; it may raise."""
    spoil: Callable[[str, int], tuple[int, str] | None] = lambda _id, _batch: None
    """Of a line and the number of its batch: the status and the code of an error, 0 where it never came to it."""
    refuse: Callable[[int], tuple[str, str] | None] = lambda _: None
    """Of the number of a hand-in: the code and the message with which the batch fails as a whole."""
    status: Callable[[int], str] = lambda _: "completed"
    """Of the number of a batch: how it ends."""
    price: Price | None = None
    base_url: str = "http://desk.test/v1"
    host: str = "desk.test"
    paid: Counter[bytes] = field(default_factory=Counter)
    """Every body that was answered, live or in a batch."""
    uploads: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)
    done: dict[str, Batch] = field(default_factory=dict)
    """Batches as they are from the next look on."""
    is_busy: bool = False
    """Whether it has enough for now."""

    @property
    def panel(self) -> Panel:
        """A panel that asks it live and in batches."""
        return Panel(
            teachers=dict.fromkeys(Stage, self),
            models=dict.fromkeys(Stage, "filler"),
            prices=dict.fromkeys(Stage, self.price),
            batches=dict.fromkeys(Stage, self),
        )

    async def reply(self, request: Request) -> Reply:
        """Answer live, over the same bytes as a batch would."""
        found = read_response(200, await self._answer(self.render(request)[0]))
        assert isinstance(found, Reply)
        return found

    def unpriced(self) -> "Desk":
        return self

    async def check(self) -> None:
        pass

    async def upload(self, path: Path, tag: str) -> str:
        del tag
        self.on_step("before upload")
        self.uploads += 1
        file_id = f"file-{self.uploads}"
        self.files[file_id] = path.read_bytes()  # noqa: ASYNC240 - nothing else goes on
        self.on_step("after upload")
        return file_id

    async def hand_in(self, file_id: str, tag: str) -> Batch | None:
        self.on_step("before hand-in")
        if self.is_busy:
            return None
        number = len(self.batches) + 1
        refused = self.refuse(number)
        self.batches[f"batch-{number}"] = Batch(
            id=f"batch-{number}",
            status="in_progress" if refused is None else "failed",
            input_file_id=file_id,
            tag=tag,
            errors=() if refused is None else (refused,),
        )
        batch = self.batches[f"batch-{number}"]
        if refused is None:
            self.done[batch.id] = await self._finished(batch)  # paid from here on, whoever looks at it
        self.on_step("after hand-in")
        return batch

    async def look(self, batch_id: str) -> Batch | None:
        self.on_step("before look")
        if batch_id in self.done:
            self.batches[batch_id] = self.done.pop(batch_id)
        return self.batches.get(batch_id)

    async def find(self, tag: str, file_id: str | None) -> Batch | None:
        self.on_step("before find")
        found = [batch for batch in self.batches.values() if batch.tag == tag or batch.input_file_id == file_id]
        return next((batch for batch in found if batch.status != "failed"), found[-1] if found else None)

    async def fetch(self, file_id: str, path: Path) -> bool:
        self.on_step("before fetch")
        if file_id not in self.files:
            return False
        path.write_bytes(self.files[file_id])  # noqa: ASYNC240 - nothing else goes on
        return True

    def render(self, request: Request) -> tuple[bytes, str | None]:
        rung = next(iter(rungs_of(request)), None)
        return render_body(request, rung), rung

    def read(self, raw: bytes) -> Output | None:
        self.on_step("before line")
        return read_line(raw)

    def error_of(self, trouble: Trouble, model: str) -> GlanError:
        del model
        return RequestError(f"The server refused the request: {trouble.reason}.")

    async def _finished(self, batch: Batch) -> Batch:
        """Answer every line, the last one first, and return the batch as it is then."""
        number = int(batch.id.removeprefix("batch-"))
        given, wrong = [], []
        for raw in reversed(self.files[batch.input_file_id].splitlines()):
            custom_id, body = _parts(raw)
            spoilt = self.spoil(custom_id, number)
            if spoilt is None:
                given.append(_line(custom_id, await self._answer(body)))
            else:
                wrong.append(_wrong(custom_id, *spoilt))
        outputs: Mapping[str, str] = {
            kind: f"{kind}-{batch.id}" for kind, lines in (("output", given), ("error", wrong)) if lines
        }
        self.files |= {f"output-{batch.id}": b"\n".join(given), f"error-{batch.id}": b"\n".join(wrong)}
        return Batch(
            id=batch.id,
            status=self.status(number),
            input_file_id=batch.input_file_id,
            output_file_id=outputs.get("output"),
            error_file_id=outputs.get("error"),
            tag=batch.tag,
            done=len(given) + len(wrong),
        )

    async def _answer(self, raw: bytes) -> bytes:
        self.paid[raw] += 1
        body = read_body(raw)
        request = request_of(body)
        return completion(fitted(await self.teacher.reply(request), request.sampling.max_tokens), body.model, 1)


def _parts(raw: bytes) -> tuple[str, bytes]:
    head, _, rest = raw.partition(b'"body":')
    return str(json.decode(head.rstrip(b",") + b"}")["custom_id"]), rest[:-1]


def _line(custom_id: str, body: bytes) -> bytes:
    return b'{"custom_id":"%b","response":{"status_code":200,"body":%b},"error":null}' % (custom_id.encode(), body)


def _wrong(custom_id: str, status: int, code: str) -> bytes:
    if not status:
        error = {"code": code, "message": "It was not come to."}
        return json.encode({"custom_id": custom_id, "response": None, "error": error})
    body = json.decode(error_body(status, "No.", code=code))
    return json.encode({"custom_id": custom_id, "response": {"status_code": status, "body": body}, "error": None})
