"""The simulated server: faults by arrival, counts that add up whatever clients do, and its beginning and end."""

import asyncio
import logging
from typing import Any

import pytest
from loopback import CHAT, Answer, body_of, check, connected, head_of, port_of, post, read, send, settled

from glan.errors import ConfigError
from glan.parsing import SCHEMAS
from glan.prompts import Prompts
from glan.records import Message, Request, Sampling, Stage
from glan.teachers.faults import Faulty
from glan.teachers.filler import Filler
from glan.teachers.simulate import Simulated, app, parse_faults, running, serve

PROMPTS = Prompts.shipped()
SCHEMA = {"type": "json_schema", "json_schema": {"name": "subjects", "schema": SCHEMAS["subjects"]}}


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
            assert (await send(server, body_of(), method, path, Host=host)).status == status


async def test_a_request_without_a_host_is_turned_down() -> None:
    """HTTP/1.0 allows to leave the name out; we do not."""
    async with running(Simulated(), Filler()) as server, connected(server) as (reader, writer):
        writer.write(b"GET /stats HTTP/1.0\r\n\r\n")
        assert (await read(reader)).status == 400


async def test_content_faults_do_not_depend_on_arrival() -> None:
    """In another order and all at once, each question meets the same fault, the one that the wrapper gives it."""
    settings = Simulated(seed=5, faults=parse_faults(["refusal=0.3", "empty@answers=0.3", "cut-off=0.3"]))
    questions = [f"Question {i}?" for i in range(24)]
    async with running(settings, Filler()) as server:
        one_by_one = {question: (await post(server, question)).text for question in questions}
    async with running(settings, Filler()) as server:
        answers = await asyncio.gather(*[post(server, question) for question in reversed(questions)])
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
            statuses.append([(await post(server, f"{word} {i}")).status for i in range(60)])
            stats = server.stats()
            check(stats)
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
        answer = await post(server)
        stats = server.stats()
    assert answer.status == status
    assert answer.json["error"]["type"] == kind
    assert answer.headers.get("retry-after") == ("2" if fault == "429" else None)
    assert (stats.paid, stats.failed) == (0, {fault: 1})


async def test_a_cut_body_is_shorter_than_it_says() -> None:
    """The headers promise the whole, half of it comes, and the connection ends."""
    async with running(Simulated(faults={"cut-body": 1.0}), Filler()) as server:
        answer = await post(server)
        stats = await settled(server)
    assert answer.status == 200
    assert len(answer.body) == int(answer.headers["content-length"]) // 2 > 500
    assert (stats.paid, stats.failed) == (0, {"cut-body": 1})


async def test_a_death_says_nothing() -> None:
    """The connection ends without a byte."""
    async with running(Simulated(faults={"death": 1.0}), Filler()) as server, connected(server) as (reader, writer):
        writer.write(head_of("POST", CHAT, len(body_of())) + body_of())
        assert await reader.read() == b""
        assert (await settled(server)).failed == {"death": 1}


async def test_broken_connections_leave_no_trace_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """What was broken on purpose is no error of the server."""
    with caplog.at_level(logging.WARNING):
        async with running(Simulated(faults={"cut-body": 0.5, "death": 1.0}), Filler()) as server:
            for i in range(10):
                await post(server, str(i))
            stats = await settled(server)
    assert stats.failed.keys() == {"cut-body", "death"}
    assert not caplog.records


async def test_a_stalled_reply_comes_in_the_end() -> None:
    """A stall holds the reply, then gives it whole: it is paid."""
    async with running(Simulated(faults={"stall": 1.0}, stall_s=0.05), Filler()) as server:
        async with asyncio.timeout(10):
            answer = await post(server)
        stats = server.stats()
    assert answer.status == 200
    assert (stats.paid, stats.failed) == (1, {})


@pytest.mark.parametrize(
    ("fault", "schema", "object_", "text"), [("no-schema", 400, 200, 200), ("no-json", 400, 400, 200)]
)
async def test_the_ladder_meets_a_missing_rung(fault: str, schema: int, object_: int, text: int) -> None:
    """A server without a rung turns down what asks for it, names the parameter, and serves the rest."""
    async with running(Simulated(faults={fault: 1.0}), Filler()) as server:
        first = await post(server, response_format=SCHEMA)
        assert (first.status, first.json["error"]["param"]) == (schema, "response_format")
        assert (await post(server, response_format={"type": "json_object"})).status == object_
        assert (await post(server, response_format={"type": "text"})).status == text
        assert (await post(server)).status == text


async def test_a_transport_fault_can_be_kept_to_a_stage() -> None:
    """The stage of a request is seen from its messages."""
    async with running(Simulated(faults={"503@subjects": 1.0}), Filler()) as server:
        prompt = PROMPTS.render("draft_subjects", discipline="Astronomy", notes=[], language="English")
        assert (await post(server, prompt)).status == 503
        assert (await post(server)).status == 200


async def test_stats_count_tokens_repeats_and_the_most_in_flight() -> None:
    """Ten requests of five kinds, all at once: five repeats, five distinct bodies, the tokens of all ten."""
    async with running(Simulated(latency_ms=100), Filler()) as server:
        answers = await asyncio.gather(*[post(server, f"Question {i % 5}?") for i in range(10)])
        told = (await send(server, b"", "GET", "/stats")).json
        stats = server.stats()
    check(stats)
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
            assert (await send(server, body_of(str(i)), **headers)).status == 200
            assert server.stats().paid == i + 1


@pytest.mark.parametrize("settings", [Simulated(latency_ms=60_000), Simulated(faults={"stall": 1.0})], ids=str)
async def test_a_client_that_dies_while_it_waits_pays_nothing(settings: Simulated) -> None:
    """A connection that ends before the reply is noticed at once, and its request is not paid."""
    async with running(settings, Filler()) as server:
        async with connected(server) as (_, writer):
            writer.write(head_of("POST", CHAT, len(body_of())) + body_of())
            await settled(server, in_flight=1)
        stats = await settled(server)
    assert (stats.paid, stats.failed) == (0, {"client gone": 1})


async def test_a_client_that_dies_while_it_asks_pays_nothing() -> None:
    """Half of a request is a request received, and failed."""
    async with running(Simulated(), Filler()) as server:
        async with connected(server) as (_, writer):
            writer.write(head_of("POST", CHAT, 1_000) + b'{"model"')
            await settled(server, in_flight=1)
        stats = await settled(server)
    assert (stats.received, stats.failed) == (1, {"client gone": 1})


@pytest.mark.parametrize("reads", [True, False], ids=["reads it late", "never reads it"])
async def test_a_reply_that_was_not_taken_is_not_paid(*, reads: bool) -> None:
    """A reply of 20 MB waits for a slow client: it is paid once all of it left, and not if the client dies."""
    async with running(Simulated(), Filler(size=20_000_000)) as server:
        async with connected(server) as (reader, writer):
            writer.write(head_of("POST", CHAT, len(body_of())) + body_of())
            head = await reader.readuntil(b"\r\n\r\n")
            assert server.stats().in_flight == 1
            if reads:
                await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        stats = await settled(server)
    assert (stats.paid, stats.failed) == ((1, {}) if reads else (0, {"client gone": 1}))


async def test_a_connection_serves_many_requests() -> None:
    """A connection is kept, also after an error."""
    async with running(Simulated(faults={"500": 0.5}), Filler()) as server, connected(server) as (reader, writer):
        statuses = []
        for i in range(12):
            body = body_of(str(i))
            writer.write(head_of("POST", CHAT, len(body)) + body)
            statuses.append((await read(reader)).status)
    assert set(statuses) == {200, 500}


async def test_replies_wait_for_the_latency() -> None:
    """Each reply takes the latency, and what jitter adds to it."""
    async with running(Simulated(latency_ms=20, jitter_ms=10), Filler()) as server:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for i in range(3):
            await post(server, str(i))
        assert loop.time() - start >= 3 * 0.02


async def test_the_end_drops_what_is_in_flight() -> None:
    """A server that ends does not wait for its replies, and a new one can take its port at once."""
    async with running(Simulated(faults={"stall": 1.0}), Filler()) as server:
        asked = asyncio.create_task(post(server))
        await settled(server, in_flight=1)
        port = port_of(server)
    async with asyncio.timeout(5):
        assert (await asked).status == 0
    assert server.stats().failed == {"client gone": 1}
    async with running(Simulated(), Filler(), port=port) as again:
        assert again.base_url == server.base_url
        assert (await post(again)).status == 200


@pytest.mark.parametrize("port", [-1, 70_000])
async def test_a_port_that_there_is_not_is_told(port: int) -> None:
    """The error names the port and the host."""
    with pytest.raises(ConfigError, match=f"port {port} of 127.0.0.1"):
        async with running(Simulated(), Filler(), port=port):
            pass


async def test_a_taken_port_is_told() -> None:
    """Two servers cannot share a port; the hint knows a way out."""
    async with running(Simulated(), Filler()) as server:
        port = port_of(server)
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
    writer.write(head_of("POST", CHAT, len(body_of())) + body_of())
    await asyncio.sleep(0.02)
    serving.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert await read(reader) == Answer()
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
    writer.write(head_of("GET", "/healthz", 0, Host=f"{address}:{port}"))
    assert (await read(reader)).status == 200
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


async def test_the_application_answers_under_any_server() -> None:
    """Where the server hides its connections, replies are given and counted; only breaking one is an error."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body_of(), "more_body": False}

    async def keep(message: Any) -> None:  # noqa: ANN401 - whatever the application says
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": CHAT, "headers": [(b"host", b"localhost")]}
    await app(Simulated(), Filler())(dict(scope), receive, keep)
    assert sent[0]["status"] == 200
    assert sum(len(message["body"]) for message in sent[1:]) > 1_000
    assert [message.get("more_body", False) for message in sent[1:]] == [True, False]
    with pytest.raises(ConnectionAbortedError, match="running"):
        await app(Simulated(faults={"death": 1.0}), Filler())(dict(scope), receive, keep)
