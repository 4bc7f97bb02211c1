"""The HTTP teacher against local servers that misbehave: connections, retries and time-outs."""

import asyncio
import gzip
import inspect
import random
import socket
import subprocess
import sys
from contextlib import AsyncExitStack

import pytest
from misbehaving import KEY, Answer, Call, Pauses, ask, at, failed, failure_from, reply_from, said, serving, words
from pyreqwest import exceptions as foreign

from glan.errors import RequestError, StoppedError, UnusableError
from glan.records import TimedOut, Usage
from glan.settings import Price
from glan.teachers.http import Http, Patience
from glan.teachers.keys import Secret
from glan.teachers.prices import timed_out
from glan.teachers.specs import Endpoint
from glan.teachers.troubles import FOREIGN_KINDS

MIB = 1024 * 1024
PRICE = Price(input=1.0, output=2.0)


async def test_a_reply_comes_with_what_is_known_of_the_call() -> None:
    """A reply has the text, the tokens, the endpoint's name, the latency and the price."""
    async with serving(said()) as server, Http(at(server), Pauses().patience(), price=PRICE) as teacher:
        reply = await teacher.reply(ask())
    assert (reply.text, reply.finish_reason, reply.model) == ("So.", "stop", "m-1")
    assert reply.usage == Usage(prompt_tokens=1_000, completion_tokens=500)
    assert (reply.endpoint, reply.rung, reply.cost_usd) == ("here", None, 0.002)
    assert reply.latency_s is not None
    assert reply.latency_s > 0


async def test_a_request_stands_in_the_body_and_the_key_in_its_header() -> None:
    """The server gets the body at /chat/completions, with the key as a bearer and a name that is ours."""
    async with serving(said()) as server:
        await reply_from(server, ask(content="Wörter"))
    (call,) = server.calls
    assert call.path == "/v1/chat/completions"
    assert call.body == {"model": "m", "messages": [{"role": "user", "content": "Wörter"}], "max_tokens": 9}
    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert call.headers["content-type"] == "application/json"
    assert call.headers["user-agent"].startswith("glan/")


async def test_without_a_key_none_is_sent() -> None:
    """An endpoint without a key sends no such header."""
    async with serving(said()) as server, Http(at(server, key=None), Pauses().patience()) as teacher:
        assert (await teacher.reply(ask())).text == "So."
    assert "authorization" not in server.calls[0].headers


async def test_many_requests_are_in_flight_at_once() -> None:
    """Fifty requests at once get their own replies."""

    def echo(call: Call, _: int) -> Answer:
        messages = call.body["messages"]
        assert isinstance(messages, list)
        return said(messages[0]["content"])

    async with serving(echo) as server, Http(at(server), Pauses().patience()) as teacher:
        replies = await asyncio.gather(*(teacher.reply(ask(content=f"{i}")) for i in range(50)))
    assert [reply.text for reply in replies] == [f"{i}" for i in range(50)]


CUT = said()
PASSING = [
    *[pytest.param(failed(status), id=str(status)) for status in (408, 409, 425, 429, 500, 502, 503, 504, 529)],
    pytest.param(Answer(body=CUT.body, sent=20), id="half a body"),
    pytest.param(
        Answer(body=b"5\r\nab", headers={"Transfer-Encoding": "chunked"}, sent=5), id="half a chunk"
    ),
    pytest.param(Answer(raw=b""), id="closed connection"),
    pytest.param(Answer(raw=b"this is no HTTP\r\n\r\n"), id="no HTTP"),
    pytest.param(Answer(body=b"{}", headers={"Content-Encoding": "gzip"}), id="no gzip"),
    pytest.param(Answer(body=b"<html>Hello</html>"), id="HTML"),
    pytest.param(Answer(body=CUT.body[:-9]), id="half of the JSON"),
    pytest.param(Answer(body=b'{"choices": []}'), id="no choice"),
    pytest.param(Answer(body=b'{"error": {"code": 502, "message": "upstream"}}'), id="error in the body"),
    pytest.param(Answer(body=b"[" * 100_000), id="deep JSON"),
]  # fmt: skip


@pytest.mark.parametrize("answer", PASSING)
async def test_what_may_pass_is_tried_again(answer: Answer) -> None:
    """After one failure that may pass, the second try gives the reply."""
    pauses = Pauses()
    async with serving(answer, said()) as server, Http(at(server), pauses.patience()) as teacher:
        assert (await teacher.reply(ask())).text == "So."
    assert len(server.calls) == 2
    assert len(pauses.seconds) == len(pauses.reasons) == 1
    assert 0 <= pauses.seconds[0] <= 0.5


@pytest.mark.parametrize("answer", PASSING)
async def test_the_last_retry_is_the_end_of_the_request(answer: Answer) -> None:
    """When it never passes, this request has failed, and no other."""
    async with serving(answer) as server:
        error = await failure_from(server, max_retries=2)
    assert isinstance(error, RequestError)
    assert "after the last retry" in str(error)
    assert len(server.calls) == 3


async def test_the_text_of_a_failure_is_the_same_each_time() -> None:
    """A failure is recorded, so it quotes nothing that varies; the server's words are its hint, which is not."""
    errors = []
    for number in (1, 2):
        async with serving(failed(503, f"Busy; request {number}.", code="busy")) as server:
            errors.append(await failure_from(server))
    assert [str(error) for error in errors] == ["No reply after the last retry: status 503, busy."] * 2
    assert [error.hint for error in errors] == [f"The server said: Busy; request {number}." for number in (1, 2)]


@pytest.mark.parametrize("status", [400, 500])
async def test_the_words_of_a_server_are_logged_once_for_each_reason(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has what a server said of the first request that failed so, without the key; the rest say no more."""
    answers = [failed(status, f"Try --jinja, {KEY}; request {number}.") for number in range(3)]
    patience = Pauses().patience(max_retries=0)
    async with serving(*answers, failed(status, "No.", code="bad")) as server, Http(at(server), patience) as teacher:
        for _ in range(4):
            with pytest.raises(RequestError):
                await teacher.reply(ask())
    first, second = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert first == f"question/a/b/0: status {status} from {at(server).host}: Try --jinja, [key]; request 0."
    assert f"status {status}, bad" in second


def test_pauses_grow_and_are_spread() -> None:
    """The n-th pause is anywhere up to twice the one before, at most a minute, on top of what the server asks for."""
    patience = Pauses().patience()
    for n_tries, longest in [(1, 0.5), (2, 1.0), (5, 8.0), (8, 60.0), (100, 60.0)]:
        drawn = [patience.pause_s(n_tries, None) for _ in range(200)]
        assert 0 <= min(drawn) < longest / 4
        assert longest * 3 / 4 < max(drawn) <= longest
        assert min(patience.pause_s(n_tries, 7.0) for _ in range(50)) >= 7.0


@pytest.mark.parametrize(
    ("headers", "least"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 30.0),
        ({"Retry-After": "86400"}, 600.0),
        ({"Retry-After": "never"}, 0.0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_honoured(status: int, headers: dict[str, str], least: float) -> None:
    """The pause is at least what the server asks for, and at most ten minutes more than our own."""
    pauses = Pauses()
    answer = Answer(status=status, headers=headers)
    async with serving(answer, said()) as server, Http(at(server), pauses.patience()) as teacher:
        await teacher.reply(ask())
    (pause_s,) = pauses.seconds
    assert least <= pause_s <= least + 0.5


def free_port() -> int:
    """Return a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


async def test_a_server_that_is_not_there_makes_the_teacher_unusable() -> None:
    """A refused connection says nothing about the request: after the retries, the teacher is unusable."""
    pauses, port = Pauses(), free_port()
    async with Http(at(port), pauses.patience()) as teacher:
        with pytest.raises(UnusableError, match=rf"No server answers at http://127\.0\.0\.1:{port}/v1") as caught:
            await teacher.reply(ask())
    assert "running" in caught.value.hint
    assert len(pauses.seconds) == 3
    assert isinstance(caught.value.__cause__, foreign.ConnectError)


async def test_a_server_that_comes_up_is_waited_for() -> None:
    """While retries are left, a server may still start."""
    port = free_port()
    async with AsyncExitStack() as stack:

        async def start(_: float) -> None:
            await stack.enter_async_context(serving(said(), port=port))

        patience = Patience(timeout_s=20, max_retries=3, rng=random.Random(0), sleep=start)
        teacher = await stack.enter_async_context(Http(at(port), patience))
        assert (await teacher.reply(ask())).text == "So."


async def test_a_request_that_kills_the_server_has_failed_alone() -> None:
    """A connection that ends before the response is no missing server."""
    async with serving(Answer(raw=b"")) as server:
        error = await failure_from(server)
    assert isinstance(error, RequestError)
    assert "broken connection" in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(is_hung=True), id="no response"),
        pytest.param(Answer(body=CUT.body, sent=20, is_hung=True), id="half a response"),
    ],
)
async def test_a_timed_out_request_is_tried_once_more(answer: Answer) -> None:
    """A whole time-out is met twice at most, however many retries there are."""
    async with serving(answer) as server:
        error = await failure_from(server, timeout_s=0.08, max_retries=9)
    assert isinstance(error, RequestError)
    assert str(error) == "No reply after the last retry: no whole reply in time."
    assert len(server.calls) == 2
    assert error.timed_out == timed_out(ask(), None, 2)
    async with (
        serving(answer, said()) as server,
        Http(at(server), Pauses().patience(timeout_s=0.3), price=PRICE) as teacher,
    ):
        reply = await teacher.reply(ask())
    assert (reply.text, reply.timed_out) == ("So.", timed_out(ask(), PRICE, 1))
    assert reply.timed_out.cost_usd


@pytest.mark.parametrize("answer", [failed(503), Answer(raw=b"")], ids=["refused", "broken connection"])
async def test_what_did_not_time_out_is_not_counted_as_such(answer: Answer) -> None:
    """A refusal, and a connection that broke, are tried again and taken for unpaid."""
    async with serving(answer, said()) as server:
        assert (await reply_from(server)).timed_out == TimedOut()


async def test_a_time_out_before_a_bad_key_is_not_forgotten() -> None:
    """The error that ends the run carries what may have been paid for before it."""
    async with serving(Answer(is_hung=True), failed(401)) as server:
        error = await failure_from(server, timeout_s=0.1)
    assert isinstance(error, UnusableError)
    assert error.timed_out.tries == 1


async def test_an_infinite_time_out_is_a_long_one() -> None:
    """A time-out that the HTTP library could not hold is no error."""
    async with serving(said()) as server:
        assert (await reply_from(server, timeout_s=float("inf"))).text == "So."


async def test_a_connection_that_is_not_made_in_time_is_a_missing_server() -> None:
    """A host that accepts nothing is told as a server that does not answer."""
    async with serving(said()) as server:
        endpoint = Endpoint(
            name="tls", base_url=f"https://127.0.0.1:{server.port}/v1", host="h", key=None, key_variable="MY_KEY"
        )
        async with Http(endpoint, Pauses().patience(timeout_s=0.2, max_retries=1)) as teacher:
            with pytest.raises(UnusableError, match="No server answers at https"):
                await teacher.reply(ask())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_refused(status: int) -> None:
    """A redirect is not followed, since it could carry the key away; the error names where it leads, without a key."""
    async with serving(said()) as other:
        location = f"http://127.0.0.1:{other.port}/v1?key={KEY}&session=abc"
        async with serving(Answer(status=status, headers={"Location": location})) as server:
            error = await failure_from(server)
    assert isinstance(error, UnusableError)
    assert f"127.0.0.1:{other.port}" in str(error)
    assert KEY not in words(error)
    assert "session" not in words(error)
    assert (len(server.calls), other.calls) == (1, [])


CHUNKED = {"Transfer-Encoding": "chunked"}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(body=b" " * (33 * MIB)), id="with its length"),
        pytest.param(
            Answer(
                body=(b"100000\r\n" + b" " * MIB + b"\r\n") * 33 + b"0\r\n\r\n",
                headers={"Transfer-Encoding": "chunked", "Connection": "close"}, sent=34 * MIB,
            ),
            id="in chunks",
        ),
        pytest.param(Answer(body=gzip.compress(b" " * (40 * MIB), 1), headers={"Content-Encoding": "gzip"}), id="gzip"),
    ],
)  # fmt: skip
async def test_an_endless_reply_is_refused_for_good(answer: Answer) -> None:
    """A reply of more than 32 MiB is not read to its end, and not paid for again."""
    async with serving(answer) as server:
        error = await failure_from(server)
    assert isinstance(error, RequestError)
    assert "more than 32 MiB" in str(error)
    assert len(server.calls) == 1


async def test_a_reply_of_ten_megabytes_is_read() -> None:
    """A long reply comes through whole."""
    async with serving(said("abcd " * 2_000_000)) as server:
        assert len((await reply_from(server)).text) == 10_000_000


async def test_a_cancelled_request_ends_at_once() -> None:
    """Who is cancelled waits no longer, and the teacher goes on answering others."""
    async with serving(Answer(is_hung=True), said()) as server, Http(at(server), Pauses().patience()) as teacher:
        task = asyncio.create_task(teacher.reply(ask()))
        await server.called.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await teacher.reply(ask())).text == "So."


async def test_a_closed_client_stops_what_is_in_flight() -> None:
    """To close the teacher stops its requests, those in flight and those to come; to close it twice does no harm."""
    async with serving(Answer(is_hung=True)) as server:
        teacher = Http(at(server), Pauses().patience())
        task = asyncio.create_task(teacher.reply(ask()))
        await server.called.wait()
        await teacher.close()
        for asking in (task, teacher.reply(ask())):
            with pytest.raises(StoppedError):
                await asking
        await teacher.close()


async def test_a_proxy_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes to this machine goes through no proxy, whatever the environment says."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    async with serving(said()) as server:
        assert (await reply_from(server)).text == "So."


@pytest.mark.parametrize(
    ("base_url", "key"), [("http://[::1", KEY), ("localhost", KEY), ("http://h:99999", KEY), ("http://h", "a\nb")]
)
def test_what_cannot_be_asked_is_told_at_once(base_url: str, key: str) -> None:
    """An address or a key that fits into no request is an error before the first one."""
    endpoint = Endpoint(name="x", base_url=base_url, host="h", key=Secret(key), key_variable="MY_KEY")
    with pytest.raises(UnusableError, match="cannot be asked") as caught:
        Http(endpoint, Pauses().patience())
    assert key not in words(caught.value)


async def test_a_scheme_that_is_not_http_is_told() -> None:
    """A request that the HTTP library refuses to build makes the teacher unusable."""
    endpoint = Endpoint(name="x", base_url="ftp://h", host="h", key=None, key_variable="MY_KEY")
    async with Http(endpoint, Pauses().patience()) as teacher:
        with pytest.raises(UnusableError, match="cannot be built"):
            await teacher.reply(ask())


def test_every_exception_of_the_library_is_mapped() -> None:
    """Each exception that the HTTP library has stands in the table; a new one is a decision."""
    theirs = {
        kind for _, kind in inspect.getmembers(foreign, inspect.isclass) if issubclass(kind, foreign.PyreqwestError)
    }
    assert theirs == set(FOREIGN_KINDS)


def test_the_library_is_loaded_late() -> None:
    """To import the package and what names teachers loads no HTTP client and no price list."""
    code = (
        "import sys, glan, glan.teachers, glan.teachers.specs, glan.teachers.wire, glan.teachers.limits\n"
        "print([name for name in ('pyreqwest', 'genai_prices', 'glan.teachers.http') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
