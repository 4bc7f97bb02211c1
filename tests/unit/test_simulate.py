"""The simulated server: OpenAI's forms, faults by arrival, and counts that add up whatever clients do."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from glan.errors import ConfigError, RequestError, StoppedError, TeacherError, UnusableError
from glan.parsing import SCHEMAS, parse_sessions, parse_subjects
from glan.prompts import Prompts
from glan.records import Message, Reply, Request, Sampling, Stage, Usage
from glan.teachers.faults import Faulty
from glan.teachers.filler import Filler
from glan.teachers.simulate import Server, Simulated, Stats, parse_faults, running, serve

CHAT = "/v1/chat/completions"
PROMPTS = Prompts.shipped()


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


def _port(server: Server) -> int:
    return int(server.base_url.removesuffix("/v1").rpartition(":")[2])


@asynccontextmanager
async def _connected(server: Server) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", _port(server))
    try:
        yield reader, writer
    finally:
        writer.close()


def _head(method: str, path: str, length: int, **headers: str) -> bytes:
    fields = {"Host": "127.0.0.1", "Content-Length": str(length), **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()


async def _read(reader: asyncio.StreamReader) -> Answer:
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


async def _send(server: Server, body: bytes, method: str = "POST", path: str = CHAT, **headers: str) -> Answer:
    async with _connected(server) as (reader, writer):
        writer.write(_head(method, path, len(body), **headers) + body)
        return await _read(reader)


def _body(text: str = "Why?", **fields: object) -> bytes:
    return json.dumps({"model": "any", "messages": [{"role": "user", "content": text}], **fields}).encode()


async def _post(server: Server, text: str = "Why?", **fields: object) -> Answer:
    return await _send(server, _body(text, **fields))


async def _settled(server: Server, *, in_flight: int = 0) -> Stats:
    """Wait until so many are in flight, then return the counts."""
    for _ in range(1_000):
        stats = server.stats()
        if stats.received and stats.in_flight == in_flight:
            break
        await asyncio.sleep(0.005)
    _check(stats)
    return stats


def _check(stats: Stats) -> None:
    assert stats.received == stats.paid + sum(stats.failed.values()) + stats.in_flight
    assert stats.paid == sum(stats.stages.values())
    assert stats.repeats <= stats.paid


def _schema(name: str) -> dict[str, object]:
    return {"type": "json_schema", "json_schema": {"name": name, "schema": SCHEMAS.get(name, {}), "strict": True}}


async def test_a_reply_has_the_form_of_openai() -> None:
    """A chat completion holds the teacher's words, why they ended, and tokens that add up."""
    async with running(Simulated(), Filler()) as server:
        answer = await _post(server, temperature=0.7, top_p=0.9, max_tokens=4_096, n=1, stream=False, user="a")
    messages = (Message(role="user", content="Why?"),)
    sampling = Sampling(model="any", max_tokens=4_096)
    expected = await Filler().reply(Request(id="", stage=Stage.ANSWERS, messages=messages, sampling=sampling))
    choice, usage = answer.json["choices"][0], answer.json["usage"]
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["object"] == "chat.completion"
    assert answer.json["model"] == "filler"
    assert choice["message"] == {"role": "assistant", "content": expected.text}
    assert choice["finish_reason"] == "stop"
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens"] == expected.usage.completion_tokens


async def test_content_may_come_in_parts() -> None:
    """Text parts are joined, what is no text is left out, and a turn may be empty."""
    parts = [{"type": "text", "text": "Wh"}, {"type": "image_url", "image_url": {"url": "x"}}, {"text": "y?"}]
    turns = [{"role": "user", "content": parts}, {"role": "assistant", "content": None, "tool_calls": []}]
    same = [{"role": "user", "content": "Why?"}, {"role": "assistant"}]
    async with running(Simulated(), Filler()) as server:
        answers = [await _send(server, json.dumps({"model": "m", "messages": each}).encode()) for each in (turns, same)]
    assert answers[0].text == answers[1].text


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("list_subjects", _schema("subjects")),
        ("list_subjects", {"type": "json_object"}),
        ("list_subjects", None),
        ("list_sessions", _schema("sessions")),
        ("list_sessions", _schema("named otherwise")),
        ("list_sessions", {"type": "text"}),
    ],
    ids=["schema", "object", "nothing", "schema of sessions", "schema of another name", "text"],
)
async def test_listings_parse_at_every_rung(name: str, form: object) -> None:
    """However structured output is asked for, a listing is one, and it is counted in its stage."""
    async with running(Simulated(), Filler()) as server:
        answer = await _post(server, PROMPTS.render(name, language="English"), response_format=form)
        stages = server.stats().stages
    parsed = parse_subjects(answer.text) if name == "list_subjects" else parse_sessions(answer.text)
    assert len(parsed) == (40 if name == "list_subjects" else 20)
    assert stages == ({"subjects": 1} if name == "list_subjects" else {"syllabi": 1})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b'{"messages": []}', "model"),
        (b'{"model": "m", "messages": []}', "'messages' is empty"),
        (b'{"model": "m", "messages": [{"role": "user", "content": 5}]}', "content"),
        (b'{"model": "\xff", "messages": []}', "utf-8"),
        (b'{"model": "m", "messages": [{"role": "user", "content": "\\ud800"}]}', "truncated"),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "recursion"),
        (_body(stream=True), "'stream' is not supported"),
        (_body(n=2), "'n' is 2"),
        (_body(max_tokens=0), "'max_tokens' is 0"),
        (_body(max_completion_tokens=-1), "'max_tokens' is -1"),
        (_body(response_format={"type": "json_schema"}), "'json_schema'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_bad_request_is_told_what_is_wrong(body: bytes, words: str) -> None:
    """The error has OpenAI's form and names what is wrong; it is counted and not paid."""
    async with running(Simulated(), Filler()) as server:
        answer = await _send(server, body)
        stats = server.stats()
    assert answer.status == 400
    assert words in answer.json["error"]["message"]
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert (stats.paid, stats.failed) == (0, {"bad-request": 1})


async def test_a_body_that_is_too_long_is_turned_down() -> None:
    """More than 32 MiB are not kept."""
    async with running(Simulated(), Filler()) as server:
        answer = await _send(server, bytes((32 << 20) + 1))
        assert answer.status == 413
        assert server.stats().failed == {"too-long": 1}


@pytest.mark.parametrize("given", [None, "Bearer wrong", "Bearer ", "open sesame", "Basic open sesame", "Bearer é"])
async def test_a_wrong_key_is_turned_down(given: str | None) -> None:
    """Without the key there is no reply, and no error and no settings show it."""
    settings = Simulated(api_key="open sesame")
    headers = {} if given is None else {"Authorization": given}
    async with running(settings, Filler()) as server:
        answer = await _send(server, _body(), **headers)
        right = await _send(server, _body(), Authorization="Bearer open sesame")
    assert (answer.status, answer.json["error"]["code"]) == (401, "invalid_api_key")
    assert "sesame" not in answer.body.decode() + repr(settings)
    assert right.status == 200


async def test_only_named_models_answer() -> None:
    """With models named, another one is not found, and the list has exactly these."""
    async with running(Simulated(models=("small", "large")), Filler()) as server:
        wrong = await _post(server)
        right = await _post(server, model="large")
        models = await _send(server, b"", "GET", "/v1/models")
    assert (wrong.status, wrong.json["error"]["code"]) == (404, "model_not_found")
    assert right.status == 200
    assert [model["id"] for model in models.json["data"]] == ["small", "large"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:80", 200),
        ("LOCALHOST", 200),
        ("[::1]:8000", 200),
        ("evil.example", 421),
        ("evil.example:80", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1:evil", 421),
        ("127.0.0.1:80@evil.example", 421),
    ],
)
async def test_only_loopback_names_are_served(host: str, status: int) -> None:
    """A page that gives our address a name of its own gets nothing, neither replies nor counts."""
    async with running(Simulated(), Filler()) as server:
        for method, path in (("POST", CHAT), ("GET", "/stats"), ("GET", "/v1/models"), ("GET", "/healthz")):
            assert (await _send(server, _body(), method, path, Host=host)).status == status


async def test_a_request_without_a_host_is_turned_down() -> None:
    """HTTP/1.0 allows to leave the name out; we do not."""
    async with running(Simulated(), Filler()) as server, _connected(server) as (reader, writer):
        writer.write(b"GET /stats HTTP/1.0\r\n\r\n")
        assert (await _read(reader)).status == 400


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/", 404), ("GET", CHAT, 405), ("POST", "/stats", 405)])
async def test_other_paths_say_so_in_the_same_form(method: str, path: str, status: int) -> None:
    """What is not there is an error in OpenAI's form."""
    async with running(Simulated(), Filler()) as server:
        answer = await _send(server, b"", method, path)
    assert answer.status == status
    assert answer.json["error"]["message"] == f"There is no {method} {path} here."


async def test_a_reply_keeps_to_its_room() -> None:
    """A reply longer than `max_tokens` is cut off and says so; a greater room gives the same reply, whole."""
    async with running(Simulated(), Filler()) as server:
        short = await _post(server, max_tokens=10)
        renamed = await _post(server, max_completion_tokens=10, max_tokens=5_000)
        whole = await _post(server, max_tokens=5_000)
    assert short.json["choices"] == renamed.json["choices"]
    assert short.text == whole.text[:40]
    assert short.json["choices"][0]["finish_reason"] == "length"
    assert short.json["usage"]["completion_tokens"] == 10
    assert whole.json["choices"][0]["finish_reason"] == "stop"


async def test_content_faults_do_not_depend_on_arrival() -> None:
    """In another order and all at once, each question meets the same fault, the one that the wrapper gives it."""
    settings = Simulated(seed=5, faults=parse_faults(["refusal=0.3", "empty@answers=0.3", "cut-off=0.3"]))
    questions = [f"Question {i}?" for i in range(24)]
    async with running(settings, Filler()) as server:
        one_by_one = {question: (await _post(server, question)).text for question in questions}
    async with running(settings, Filler()) as server:
        answers = await asyncio.gather(*[_post(server, question) for question in reversed(questions)])
    assert {question: answer.text for question, answer in zip(reversed(questions), answers, strict=True)} == one_by_one
    faulty = Faulty(Filler(), seed=5, rates=settings.faults)
    request = Request(
        id="",
        stage=Stage.QUESTIONS,
        messages=(Message(role="user", content=questions[0]),),
        sampling=Sampling(model="any", max_tokens=9_999),
    )
    assert (await faulty.reply(request)).text == one_by_one[questions[0]]


async def test_transport_faults_come_by_seed_and_arrival() -> None:
    """The same seed fails the same arrivals whatever is asked; another seed fails others."""
    statuses = []
    for seed, word in ((1, "a"), (1, "b"), (2, "a")):
        settings = Simulated(seed=seed, faults={"429": 0.2, "500": 0.2, "503": 0.2})
        async with running(settings, Filler()) as server:
            statuses.append([(await _post(server, f"{word} {i}")).status for i in range(60)])
            stats = server.stats()
            _check(stats)
        for status in (429, 500, 503):
            assert stats.failed[str(status)] == statuses[-1].count(status) > 0
        assert stats.paid == statuses[-1].count(200) > 0
    assert statuses[0] == statuses[1] != statuses[2]


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [("429", 429, "invalid_request_error"), ("500", 500, "server_error"), ("503", 503, "server_error")],
)
async def test_an_error_status_is_an_error_of_openai(fault: str, status: int, kind: str) -> None:
    """The faults that are a status have a body in OpenAI's form; 429 says when to come back."""
    async with running(Simulated(faults={fault: 1.0}, retry_after_s=2), Filler()) as server:
        answer = await _post(server)
        stats = server.stats()
    assert answer.status == status
    assert answer.json["error"]["type"] == kind
    assert answer.headers.get("retry-after") == ("2" if fault == "429" else None)
    assert (stats.paid, stats.failed) == (0, {fault: 1})


async def test_a_cut_body_is_shorter_than_it_says() -> None:
    """The headers promise the whole, half of it comes, and the connection ends."""
    async with running(Simulated(faults={"cut-body": 1.0}), Filler()) as server:
        answer = await _post(server)
        stats = await _settled(server)
    assert answer.status == 200
    assert len(answer.body) == int(answer.headers["content-length"]) // 2 > 500
    assert (stats.paid, stats.failed) == (0, {"cut-body": 1})


async def test_a_death_says_nothing() -> None:
    """The connection ends without a byte."""
    async with running(Simulated(faults={"death": 1.0}), Filler()) as server, _connected(server) as (reader, writer):
        writer.write(_head("POST", CHAT, len(_body())) + _body())
        assert await reader.read() == b""
        assert (await _settled(server)).failed == {"death": 1}


async def test_broken_connections_leave_no_trace_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """What was broken on purpose is no error of the server."""
    with caplog.at_level(logging.WARNING):
        async with running(Simulated(faults={"cut-body": 0.5, "death": 1.0}), Filler()) as server:
            for i in range(10):
                await _post(server, str(i))
            stats = await _settled(server)
    assert stats.failed.keys() == {"cut-body", "death"}
    assert not caplog.records


async def test_a_stalled_reply_comes_in_the_end() -> None:
    """A stall holds the reply, then gives it whole: it is paid."""
    async with running(Simulated(faults={"stall": 1.0}, stall_s=0.05), Filler()) as server:
        async with asyncio.timeout(10):
            answer = await _post(server)
        stats = server.stats()
    assert answer.status == 200
    assert (stats.paid, stats.failed) == (1, {})


@pytest.mark.parametrize(
    ("fault", "schema", "object_", "text"), [("no-schema", 400, 200, 200), ("no-json", 400, 400, 200)]
)
async def test_the_ladder_meets_a_missing_rung(fault: str, schema: int, object_: int, text: int) -> None:
    """A server without a rung turns down what asks for it, names the parameter, and serves the rest."""
    async with running(Simulated(faults={fault: 1.0}), Filler()) as server:
        first = await _post(server, response_format=_schema("subjects"))
        assert (first.status, first.json["error"]["param"]) == (schema, "response_format")
        assert (await _post(server, response_format={"type": "json_object"})).status == object_
        assert (await _post(server, response_format={"type": "text"})).status == text
        assert (await _post(server)).status == text


async def test_a_transport_fault_can_be_kept_to_a_stage() -> None:
    """The stage of a request is seen from its messages."""
    async with running(Simulated(faults={"503@subjects": 1.0}), Filler()) as server:
        prompt = PROMPTS.render("draft_subjects", discipline="Astronomy", notes=[], language="English")
        assert (await _post(server, prompt)).status == 503
        assert (await _post(server)).status == 200


async def test_stats_count_tokens_repeats_and_the_most_in_flight() -> None:
    """Ten requests of five kinds, all at once: five repeats, five distinct bodies, the tokens of all ten."""
    async with running(Simulated(latency_ms=100), Filler()) as server:
        answers = await asyncio.gather(*[_post(server, f"Question {i % 5}?") for i in range(10)])
        told = (await _send(server, b"", "GET", "/stats")).json
        stats = server.stats()
    _check(stats)
    assert (stats.received, stats.paid, stats.distinct, stats.repeats) == (10, 10, 5, 5)
    assert stats.max_in_flight == 10
    assert stats.prompt_tokens == sum(answer.json["usage"]["prompt_tokens"] for answer in answers)
    assert stats.completion_tokens == sum(answer.json["usage"]["completion_tokens"] for answer in answers)
    assert told["paid"] == 10
    assert told["stages"] == {"answers": 10}
    assert server.stats() == stats


async def test_a_reply_is_counted_when_it_is_there() -> None:
    """Whoever has a whole reply finds it counted, also on a connection that closes after it."""
    async with running(Simulated(), Filler()) as server:
        for i in range(30):
            headers = {"Connection": "close"} if i % 2 else {}
            assert (await _send(server, _body(str(i)), **headers)).status == 200
            assert server.stats().paid == i + 1


@pytest.mark.parametrize("settings", [Simulated(latency_ms=60_000), Simulated(faults={"stall": 1.0})], ids=str)
async def test_a_client_that_dies_while_it_waits_pays_nothing(settings: Simulated) -> None:
    """A connection that ends before the reply is noticed at once, and its request is not paid."""
    async with running(settings, Filler()) as server:
        async with _connected(server) as (_, writer):
            writer.write(_head("POST", CHAT, len(_body())) + _body())
            await _settled(server, in_flight=1)
        stats = await _settled(server)
    assert (stats.paid, stats.failed) == (0, {"client gone": 1})


async def test_a_client_that_dies_while_it_asks_pays_nothing() -> None:
    """Half of a request is a request received, and failed."""
    async with running(Simulated(), Filler()) as server:
        async with _connected(server) as (_, writer):
            writer.write(_head("POST", CHAT, 1_000) + b'{"model"')
            await _settled(server, in_flight=1)
        stats = await _settled(server)
    assert (stats.received, stats.failed) == (1, {"client gone": 1})


@pytest.mark.parametrize("reads", [True, False], ids=["reads it late", "never reads it"])
async def test_a_reply_that_was_not_taken_is_not_paid(*, reads: bool) -> None:
    """A reply of 20 MB waits for a slow client: it is paid once all of it left, and not if the client dies."""
    async with running(Simulated(), Filler(size=20_000_000)) as server:
        async with _connected(server) as (reader, writer):
            writer.write(_head("POST", CHAT, len(_body())) + _body())
            head = await reader.readuntil(b"\r\n\r\n")
            assert server.stats().in_flight == 1
            if reads:
                await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        stats = await _settled(server)
    assert (stats.paid, stats.failed) == ((1, {}) if reads else (0, {"client gone": 1}))


async def test_a_connection_serves_many_requests() -> None:
    """A connection is kept, also after an error."""
    async with running(Simulated(faults={"500": 0.5}), Filler()) as server, _connected(server) as (reader, writer):
        statuses = []
        for i in range(12):
            body = _body(str(i))
            writer.write(_head("POST", CHAT, len(body)) + body)
            statuses.append((await _read(reader)).status)
    assert set(statuses) == {200, 500}


async def test_jitter_is_a_function_of_seed_and_arrival() -> None:
    """Replies wait between the latency and the latency with its jitter."""
    async with running(Simulated(latency_ms=20, jitter_ms=40), Filler()) as server:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for i in range(3):
            await _post(server, str(i))
        assert loop.time() - start >= 3 * 0.02


class _Failing:
    """A teacher that raises."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def reply(self, request: Request) -> Reply:
        assert not request.id  # the wire has none
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (RequestError("No page on that."), 400, "refused"),
        (UnusableError("No book."), 503, "unusable"),
        (TeacherError("No chalk."), 503, "unusable"),
        (StoppedError("We close."), 503, "unusable"),
    ],
    ids=["request", "unusable", "teacher", "stopped"],
)
async def test_what_a_teacher_says_is_passed_on(error: Exception, status: int, kind: str) -> None:
    """A teacher's own error becomes a status, with its words."""
    async with running(Simulated(), _Failing(error)) as server:
        answer = await _post(server)
        stats = server.stats()
    assert answer.status == status
    assert str(error) in answer.json["error"]["message"]
    assert stats.failed == {kind: 1}


async def test_a_teacher_that_breaks_is_an_error_of_the_server(caplog: pytest.LogCaptureFixture) -> None:
    """An error that nobody foresaw is logged, counted, and does not end the server."""
    async with running(Simulated(), _Failing(KeyError("page"))) as server:
        answer = await _post(server)
        stats = await _settled(server)
        assert (await _send(server, b"", "GET", "/healthz")).json == {"status": "ok"}
    assert (answer.status, answer.json["error"]["type"]) == (500, "server_error")
    assert stats.failed == {"broken off": 1}
    assert "KeyError" in caplog.text


class _Thinking:
    """A teacher that fills in all that a server can say."""

    async def reply(self, request: Request) -> Reply:
        usage = Usage(prompt_tokens=4, completion_tokens=3, cached_tokens=2, reasoning_tokens=1)
        return Reply(text="Yes.", reasoning=f"{request.stage}, hm", system_fingerprint="fp_1", usage=usage)


async def test_reasoning_and_details_are_passed_on() -> None:
    """Thoughts come apart from the text, with their tokens; a teacher without a name answers by the one asked for."""
    async with running(Simulated(), _Thinking()) as server:
        said = (await _post(server)).json
    assert said["choices"][0]["message"]["reasoning_content"] == "answers, hm"
    assert said["choices"][0]["finish_reason"] == "stop"
    assert (said["model"], said["system_fingerprint"]) == ("any", "fp_1")
    assert said["usage"]["prompt_tokens_details"] == {"cached_tokens": 2}
    assert said["usage"]["completion_tokens_details"] == {"reasoning_tokens": 1}


async def test_the_end_drops_what_is_in_flight() -> None:
    """A server that ends does not wait for its replies, and a new one can take its port at once."""
    async with running(Simulated(faults={"stall": 1.0}), Filler()) as server:
        asked = asyncio.create_task(_post(server))
        await _settled(server, in_flight=1)
        port = _port(server)
    async with asyncio.timeout(5):
        assert (await asked).status == 0
    assert server.stats().failed == {"client gone": 1}
    async with running(Simulated(), Filler(), port=port) as again:
        assert again.base_url == server.base_url
        assert (await _post(again)).status == 200


@pytest.mark.parametrize("port", [-1, 70_000])
async def test_a_port_that_there_is_not_is_told(port: int) -> None:
    """The error names the port and the host."""
    with pytest.raises(ConfigError, match=f"port {port} of 127.0.0.1"):
        async with running(Simulated(), Filler(), port=port):
            pass


async def test_a_taken_port_is_told() -> None:
    """Two servers cannot share a port; the hint knows a way out."""
    async with running(Simulated(), Filler()) as server:
        port = _port(server)
        with pytest.raises(ConfigError, match=f"port {port}") as told:
            await serve(Simulated(), Filler(), host="127.0.0.1", port=port, on_ready=lambda _: None)
    assert "0 takes a free one" in told.value.hint


async def test_serve_serves_until_it_is_cancelled() -> None:
    """The base URL is told once requests are served; cancelled, the server ends at once with what it holds."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    settings = Simulated(faults={"stall@answers": 1.0})
    serving = asyncio.create_task(serve(settings, Filler(), host="127.0.0.1", port=0, on_ready=ready.set_result))
    base_url = await ready
    port = int(base_url.removesuffix("/v1").rpartition(":")[2])
    assert base_url == f"http://127.0.0.1:{port}/v1"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_head("POST", CHAT, len(_body())) + _body())
    await asyncio.sleep(0.02)
    serving.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert await _read(reader) == Answer()
    writer.close()


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:"), ("::1", "http://[::1]:"), ("::", "http://[::1]:")],  # noqa: S104 - what a person may ask for
)
async def test_the_base_url_can_be_asked(host: str, url: str) -> None:
    """Wherever the server listens, its base URL leads to it by a name that it goes by."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(Simulated(), Filler(), host=host, port=0, on_ready=ready.set_result))
    base_url = await ready
    assert base_url.startswith(url)
    address, _, port = base_url.removeprefix("http://").removesuffix("/v1").rpartition(":")
    reader, writer = await asyncio.open_connection(address.strip("[]"), int(port))
    writer.write(_head("GET", "/healthz", 0, Host=f"{address}:{port}"))
    assert (await _read(reader)).status == 200
    writer.close()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"faults": {"typo": 1.0}}, "Unknown fault 'typo'; faults: malformed, .*death"),
        ({"latency_ms": -1}, "latency_ms .* is -1"),
        ({"stall_s": float("inf")}, "stall_s .* is inf"),
    ],
    ids=["fault", "latency", "stall"],
)
def test_settings_out_of_their_range_are_told(settings: dict[str, Any], words: str) -> None:
    """A wrong setting is found before anything listens."""
    with pytest.raises(ConfigError, match=words):
        Simulated(**settings)
