"""The HTTP teacher asked for vectors: another address and another body, and the same patience."""

import math

import pytest
from misbehaving import (
    EMBED,
    KEY,
    Answer,
    Pauses,
    at,
    failed,
    failure_from,
    given,
    reply_from,
    said,
    serving,
    words,
)
from msgspec.structs import replace

from glan.errors import RequestError, UnusableError
from glan.records import Message, Sampling, Usage
from glan.settings import Price
from glan.teachers.http import Http
from glan.vectors import VectorError, rounded, unpack


async def test_a_vector_comes_with_its_tokens_and_its_price() -> None:
    """The server is asked at /embeddings for floats; the reply has the vector as a text, and what it cost."""
    price = Price(input=2.0, output=0.0)
    async with (
        serving(given([0.5, -1.0, 0.25])) as server,
        Http(at(server), Pauses().patience(), price=price) as teacher,
    ):
        reply = await teacher.reply(EMBED)
    assert unpack(reply.text).tolist() == rounded([0.5, -1.0, 0.25]).tolist() == [64, -127, 32]
    assert (reply.usage, reply.model, reply.finish_reason) == (
        Usage(prompt_tokens=5, completion_tokens=0),
        "m-1",
        "stop",
    )
    assert reply.cost_usd == pytest.approx(5 * 2.0 / 1e6)
    (call,) = server.calls
    assert call.path == "/v1/embeddings"
    assert call.body == {"model": "m", "input": "Explain Wörter.", "encoding_format": "float"}
    assert call.headers["authorization"] == f"Bearer {KEY}"


async def test_a_length_is_sent_where_it_is_set() -> None:
    """`dimensions` and other keys of `extra` stand in the body."""
    request = replace(EMBED, sampling=Sampling(model="m", max_tokens=0, extra={"dimensions": 2, "user": "me"}))
    async with serving(given([1, 2])) as server:
        await reply_from(server, request)
    assert server.calls[0].body["dimensions"] == 2
    assert server.calls[0].body["user"] == "me"


@pytest.mark.parametrize(
    ("components", "told"),
    [
        ([0, 0], "zeros"),
        ([1.0, math.nan], "not finite"),
        ([1.0, math.inf], "not finite"),
        ([], "0 dimensions"),
        (["a"], "no numbers"),
        ("AACAPw==", "no list of numbers"),
        (None, "no list of numbers"),
        ({"a": 1}, "no list of numbers"),
        ([f"{KEY}"] * 3, "no numbers"),
        (KEY * 30, "no list of numbers"),
    ],
)
async def test_what_is_no_vector_is_a_reply_that_says_so(components: object, told: str) -> None:
    """It is paid for, so it is not asked for again; its text says what is wrong, and holds no key."""
    async with serving(given(components)) as server:
        reply = await reply_from(server, EMBED)
    assert len(server.calls) == 1
    with pytest.raises(VectorError, match=told):
        unpack(reply.text)
    assert KEY[:8] not in reply.text


PASSING = [
    pytest.param(failed(500), id="500"),
    pytest.param(failed(429), id="429"),
    pytest.param(Answer(body=b"<html>"), id="HTML"),
    pytest.param(Answer(body=b"[1]"), id="a list"),
    pytest.param(said(), id="a chat"),
    pytest.param(Answer(body=b'{"data": []}'), id="no data"),
    pytest.param(Answer(body=b'{"data": [1]}'), id="no object"),
    pytest.param(Answer(body=b'{"error": {"code": 502, "message": "upstream"}}'), id="error in the body"),
    pytest.param(Answer(body=given([1.0]).body, sent=9), id="half a body"),
    pytest.param(Answer(body=b'{"data":' + b"[" * 100_000), id="deep JSON"),
]


@pytest.mark.parametrize("answer", PASSING)
async def test_what_may_pass_is_tried_again(answer: Answer) -> None:
    """As of a chat: after a failure that may pass the second try gives the vector, and the last one is the end."""
    async with serving(answer, given([1.0, 2.0])) as server:
        assert unpack((await reply_from(server, EMBED)).text).size == 2
    async with serving(answer) as server:
        assert isinstance(await failure_from(server, EMBED, max_retries=2), RequestError)
    assert len(server.calls) == 3


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (failed(404), "/v1/embeddings does not exist for the model 'm'"),
        (failed(405), "/v1/embeddings does not exist"),
        (failed(501, "This server does not support embeddings. Start it with `--embeddings`"), "Start it with"),
        (failed(400, "The model does not support Embeddings API"), "[teachers.embeddings]"),
        (failed(404, "model 'm' not found, try pulling it first"), "does not know the model 'm'"),
        (failed(400, code="unsupported_parameter", param="dimensions"), "'dimensions'"),
        (failed(401), "MY_KEY"),
        (Answer(status=307, headers={"Location": "https://elsewhere.example/v1"}), "/v1/embeddings redirects"),
    ],
)
async def test_what_is_wrong_for_all_stops_all(answer: Answer, told: str) -> None:
    """A server without the route, a model that only writes or a wrong key is told with the way out, and not retried."""
    async with serving(answer) as server:
        error = await failure_from(server, EMBED)
    assert isinstance(error, UnusableError)
    assert told in words(error)
    assert len(server.calls) == 1


async def test_a_text_that_is_too_long_fails_alone() -> None:
    """A question longer than the model's context is the failure of one request."""
    long = failed(400, "This model's maximum context length is 512 tokens, however you requested 700.")
    async with serving(long) as server:
        assert isinstance(await failure_from(server, EMBED), RequestError)


async def test_a_text_that_cannot_be_sent_fails_alone() -> None:
    """A lone surrogate is an error of its request, and nothing is sent."""
    async with serving(given([1.0])) as server:
        request = replace(EMBED, messages=(Message(role="user", content="\ud800"),))
        assert isinstance(await failure_from(server, request), RequestError)
    assert not server.calls
