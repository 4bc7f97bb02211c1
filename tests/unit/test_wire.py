"""What stands on the wire: bodies of requests, and what responses mean."""

import json
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.errors import RequestError, UnusableError
from glan.parsing import SCHEMAS
from glan.records import Message, Reply, Request, Sampling, Stage, Usage
from glan.teachers.kinds import Kind, Trouble
from glan.teachers.wire import (
    LADDER,
    MAX_RETRY_AFTER_S,
    Rung,
    read_response,
    read_retry_after,
    render_body,
    rungs_of,
)


def ask(
    content: str = "Why?",
    *,
    schema: str | None = None,
    extra: dict[str, object] | None = None,
    top_p: float | None = None,
) -> Request:
    sampling = Sampling(model="m", max_tokens=7, temperature=top_p, top_p=top_p, extra=extra or {})
    return Request(
        id="question/a/b/0",
        stage=Stage.QUESTIONS,
        messages=(Message(role="system", content="Be brief."), Message(role="user", content=content)),
        sampling=sampling,
        schema=schema,
    )


def body_of(request: Request, rung: Rung | None = None) -> dict[str, object]:
    found: dict[str, object] = json.loads(render_body(request, rung))
    return found


def respond(message: object, **fields: object) -> Reply | Trouble:
    body = {"choices": [{"message": message, "finish_reason": "stop"}], **fields}
    return read_response(200, json.dumps(body).encode())


def reply_of(message: object, **fields: object) -> Reply:
    found = respond(message, **fields)
    assert isinstance(found, Reply)
    return found


def trouble_of(status: int, body: object) -> Trouble:
    found = read_response(status, body if isinstance(body, bytes) else json.dumps(body).encode())
    assert isinstance(found, Trouble)
    return found


def test_unset_sampling_is_not_sent() -> None:
    """A body holds the model, the messages and the room for the reply; temperature and top-p only when set."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    assert body_of(ask()) == {"model": "m", "messages": messages, "max_tokens": 7}
    assert body_of(ask(top_p=0.5)) == {
        "model": "m", "messages": messages, "max_tokens": 7, "temperature": 0.5, "top_p": 0.5,
    }  # fmt: skip


def test_extra_goes_before_everything() -> None:
    """Keys of `extra` are merged last."""
    body = body_of(ask(extra={"max_tokens": 9, "seed": 1, "chat_template_kwargs": {"thinking": False}}))
    assert (body["max_tokens"], body["seed"]) == (9, 1)
    assert body["chat_template_kwargs"] == {"thinking": False}


def test_the_limit_can_have_its_other_name() -> None:
    """Models that want `max_completion_tokens` get it instead."""
    body = json.loads(render_body(ask(), limit_name="max_completion_tokens"))
    assert body["max_completion_tokens"] == 7
    assert "max_tokens" not in body


def test_each_rung_asks_for_json_in_its_way() -> None:
    """The ladder goes from a strict schema over any JSON to plain text."""
    formats = [body_of(ask(schema="subjects"), rung).get("response_format") for rung in LADDER]
    strict = {"name": "subjects", "strict": True, "schema": SCHEMAS["subjects"]}
    assert formats == [{"type": "json_schema", "json_schema": strict}, {"type": "json_object"}, None]


def test_only_a_schema_needs_the_ladder() -> None:
    """Without a schema there is no rung; a form that a person chose is left as it is."""
    assert rungs_of(ask()) == ()
    assert rungs_of(ask(schema="subjects")) == LADDER
    chosen = ask(schema="subjects", extra={"response_format": {"type": "json_object"}})
    assert rungs_of(chosen) == (Rung.TEXT,)
    assert body_of(chosen, Rung.TEXT)["response_format"] == {"type": "json_object"}


def test_what_cannot_be_sent_is_told() -> None:
    """A lone surrogate condemns the request, an object in `extra` the settings."""
    with pytest.raises(RequestError, match="surrogates"):
        render_body(ask("\ud800"))
    with pytest.raises(UnusableError, match="extra"):
        render_body(ask(extra={"seed": object()}))


def test_a_reply_has_all_that_the_server_said() -> None:
    """Text, reasoning, tokens, model and fingerprint come from their places."""
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    message = {"content": "So.", "reasoning_content": "Hm."}
    assert reply_of(message, usage=usage, model="m-1", system_fingerprint="fp") == Reply(
        text="So.",
        reasoning="Hm.",
        finish_reason="stop",
        usage=Usage(prompt_tokens=10, completion_tokens=5, cached_tokens=4, reasoning_tokens=3),
        model="m-1",
        system_fingerprint="fp",
    )


@pytest.mark.parametrize(
    ("message", "text", "reasoning"),
    [
        pytest.param({"content": None}, "", None, id="null"),
        pytest.param({}, "", None, id="absent"),
        pytest.param({"content": 7}, "", None, id="number"),
        pytest.param({"content": {"a": 1}}, "", None, id="object"),
        pytest.param({"content": None, "refusal": "No."}, "No.", None, id="refusal"),
        pytest.param({"content": ["a", {"type": "text", "text": "b"}, 7, {}]}, "ab", None, id="parts"),
        pytest.param(
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"text": "so"}]},
            "so", "hm", id="thoughts as a part",
        ),
        pytest.param({"content": [{"thinking": "hm"}, {"text": None}]}, "", "hm", id="thoughts as text"),
        pytest.param({"content": "so", "reasoning": "hm"}, "so", "hm", id="reasoning"),
        pytest.param({"content": "so", "reasoning": {"a": 1}}, "so", None, id="reasoning as an object"),
        pytest.param({"content": "<think>\nhm\n</think>\n\nso"}, "so", "hm", id="leading thoughts"),
        pytest.param({"content": "\n <think>hm</think>so <think>x</think>"}, "so <think>x</think>", "hm", id="two"),
        pytest.param({"content": "<think></think>so"}, "so", None, id="empty thoughts"),
        pytest.param({"content": "<think>hm, cut o"}, "", "hm, cut o", id="thoughts cut off"),
        pytest.param({"content": "hm\n</think>\n\nso"}, "so", "hm", id="thoughts begun in the prompt"),
        pytest.param({"content": "Write </think> to end it."}, "Write </think> to end it.", None, id="tag"),
        pytest.param({"content": "so", "reasoning_content": ""}, "so", None, id="empty reasoning"),
        pytest.param({"content": "<think>b</think>so", "reasoning": "a"}, "so", "a\n\nb", id="both"),
        pytest.param({"content": "a\r\nb\x00\u0085"}, "a\nb\ufffd\ufffd", None, id="control characters"),
    ],
)  # fmt: skip
def test_thoughts_are_kept_apart(message: object, text: str, reasoning: str | None) -> None:
    """Whatever form a message has, text and thoughts are told apart and cleaned."""
    found = reply_of(message)
    assert (found.text, found.reasoning) == (text, reasoning)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        pytest.param(None, Usage(), id="null"),
        pytest.param([1], Usage(), id="list"),
        pytest.param({"prompt_tokens": None, "completion_tokens": "5"}, Usage(completion_tokens=5), id="null and text"),
        pytest.param({"prompt_tokens": 5.0, "completion_tokens": 5.5}, Usage(prompt_tokens=5), id="floats"),
        pytest.param({"prompt_tokens": True, "completion_tokens": -1}, Usage(), id="truth and debt"),
        pytest.param({"prompt_tokens": 10**30, "completion_tokens": "9" * 30}, Usage(), id="astronomical"),
        pytest.param({"prompt_tokens_details": None, "completion_tokens_details": 3}, Usage(), id="no details"),
        pytest.param({"prompt_cache_hit_tokens": 2}, Usage(cached_tokens=2), id="another name of cached tokens"),
    ],
)
def test_odd_usage_is_unknown(usage: object, expected: Usage) -> None:
    """What is no count of tokens is None, never 0."""
    assert reply_of({"content": "so"}, usage=usage).usage == expected


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param(b'\xef\xbb\xbf{"choices":[{"message":{"content":"so"}}]}', "so", id="byte order mark"),
        pytest.param(b'{"choices":[{"message":{"content":"so\\ud800"}}]}', "so\ufffd", id="lone surrogate"),
        pytest.param(b'{"choices":[{"message":{"content":"so\xe2\x82"}}]}', "so\ufffd", id="half a character"),
        pytest.param(b'{"choices":[{"message":{"content":"so"},"logprobs":NaN}]}', "so", id="NaN"),
        pytest.param(b'{"choices":[{"message":{"content":"so"}}],"usage":{"total_tokens":1e999}}', "so", id="1e999"),
    ],
)
def test_a_paid_reply_is_read_leniently(body: bytes, text: str) -> None:
    """JSON that is a little broken still gives the reply that was paid for."""
    found = read_response(200, body)
    assert isinstance(found, Reply)
    assert found.text == text


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html><body>Welcome</body></html>", id="HTML"),
        pytest.param(b'{"choices":[{"message":{"content":"so', id="cut"),
        pytest.param(b'["choices"]', id="list"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{}", id="no choices"),
        pytest.param(b'{"choices":[]}', id="empty choices"),
        pytest.param(b'{"choices":{"0":1}}', id="choices as an object"),
        pytest.param(b'{"choices":[null]}', id="null choice"),
        pytest.param(b'{"choices":[{"message":"so"}]}', id="message as text"),
        pytest.param(b'{"choices":[{"finish_reason":"error","message":{"content":"so"}}]}', id="broken off"),
        pytest.param(b"[" * 200_000, id="deep list"),
        pytest.param(b'{"choices":' * 100_000, id="deep object"),
        pytest.param(b'{"choices":[' + b"9" * 9_000 + b"]}", id="endless number"),
        pytest.param(b"\xff\xfe\x00", id="no text"),
    ],
)
def test_a_response_without_a_reply_may_pass(body: bytes) -> None:
    """A success without a reply in it is worth another try, and its reason does not quote it."""
    found = read_response(200, body)
    assert isinstance(found, Trouble)
    assert found.kind is Kind.LATER
    assert found.reason.startswith("status 200 with")


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["choices", "message", "content", "usage", "error", "code", "model", "finish_reason", "type"]),
        inner, max_size=4,
    ),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode()), st.integers(200, 599))  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_reading_is_total(body: bytes, status: int) -> None:
    """Any bytes at any status give a reply or a trouble."""
    assert isinstance(read_response(status, body), Reply | Trouble)


def test_long_names_are_cut() -> None:
    """A model's name of a megabyte does not reach the ledger."""
    found = reply_of({"content": "so"}, model="x" * 1_000_000, system_fingerprint=["x"])
    assert found.model is not None
    assert len(found.model) == 200
    assert found.system_fingerprint is None


def test_ten_megabytes_are_a_reply() -> None:
    """A long reply is a reply."""
    assert len(reply_of({"content": "ab cd " * 1_700_000}).text) == 10_200_000


OPENAI = {"message": "Bad.", "type": "invalid_request_error", "param": None, "code": None}


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        pytest.param(401, OPENAI | {"code": "invalid_api_key"}, Kind.KEY, id="bad key"),
        pytest.param(403, {}, Kind.KEY, id="forbidden"),
        pytest.param(400, {"message": "API key not valid. Please pass a valid API key."}, Kind.KEY, id="key as 400"),
        pytest.param(403, {"message": "Your input was flagged by moderation."}, Kind.REFUSED, id="flagged"),
        pytest.param(402, {"message": "Insufficient Balance"}, Kind.CREDIT, id="no balance"),
        pytest.param(429, OPENAI | {"code": "insufficient_quota"}, Kind.CREDIT, id="no quota"),
        pytest.param(400, {"message": "Your credit balance is too low."}, Kind.CREDIT, id="no credit as 400"),
        pytest.param(429, OPENAI | {"code": "rate_limit_exceeded"}, Kind.LATER, id="rate limit"),
        pytest.param(404, OPENAI | {"code": "model_not_found"}, Kind.MODEL, id="model by code"),
        pytest.param(404, {"message": "The model `json_schema-7b` does not exist."}, Kind.MODEL, id="model by words"),
        pytest.param(404, {"message": 'model "x" not found, try pulling it first'}, Kind.MODEL, id="model to pull"),
        pytest.param(400, {"message": "Model Not Exist"}, Kind.MODEL, id="model as 400"),
        pytest.param(400, {"message": "x/y is not a valid model ID"}, Kind.MODEL, id="model id"),
        pytest.param(400, {"message": "Invalid model: x", "type": "invalid_model"}, Kind.MODEL, id="invalid model"),
        pytest.param(
            400,
            {"detail": "Server is pinned to '/models/json_schema-7b'; requested 'x'."},
            Kind.MODEL, id="model of transformers serve",
        ),
        pytest.param(404, {}, Kind.MISSING, id="plain 404"),
        pytest.param(405, {}, Kind.MISSING, id="wrong method"),
        pytest.param(400, OPENAI | {"code": "context_length_exceeded"}, Kind.REFUSED, id="context by code"),
        pytest.param(400, {"message": "This model's maximum context length is 8 tokens."}, Kind.REFUSED, id="context"),
        pytest.param(413, {}, Kind.REFUSED, id="too large"),
        pytest.param(400, OPENAI | {"code": "content_filter"}, Kind.REFUSED, id="filter"),
        pytest.param(
            400,
            OPENAI | {"code": "unsupported_parameter", "param": "max_tokens"},
            Kind.LIMIT_NAME, id="name of the limit by code",
        ),
        pytest.param(
            400,
            {"message": "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."},
            Kind.LIMIT_NAME, id="name of the limit by words",
        ),
        pytest.param(422, {"message": "Use max_completion_tokens here."}, Kind.LIMIT_NAME, id="limit to use"),
        pytest.param(
            400, {"message": "'max_tokens' or 'max_completion_tokens' is too large: 9."}, Kind.FORM, id="large limit"
        ),
        pytest.param(
            400, OPENAI | {"code": "unsupported_value", "param": "temperature"}, Kind.SETTING, id="temperature"
        ),
        pytest.param(
            400, OPENAI | {"code": "unsupported_value", "param": "response_format.type"}, Kind.FORM, id="format"
        ),
        pytest.param(400, {"message": "This response_format type is unavailable now"}, Kind.FORM, id="format by words"),
        pytest.param(400, OPENAI, Kind.FORM, id="plain 400"),
        pytest.param(415, {}, Kind.FORM, id="415"),
        pytest.param(422, {}, Kind.FORM, id="422"),
        pytest.param(501, {}, Kind.FORM, id="501"),
        pytest.param(451, {}, Kind.REFUSED, id="other 4xx"),
        *[pytest.param(status, {}, Kind.LATER, id=str(status)) for status in (408, 409, 425, 500, 502, 503, 504, 529)],
        *[pytest.param(status, {}, Kind.MOVED, id=str(status)) for status in (301, 302, 304, 307, 308)],
    ],
)  # fmt: skip
def test_failures_are_told_apart(status: int, error: dict[str, object], kind: Kind) -> None:
    """Each failure that servers are known for is recognised, in each wrapping that they use."""
    for body in ({"error": error}, error, [{"error": error}]):
        assert trouble_of(status, body).kind is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param({"code": 429, "message": "slow down"}, Kind.LATER, id="429"),
        pytest.param({"code": "401", "message": "No auth"}, Kind.KEY, id="401 as text"),
        pytest.param({"code": 400, "message": "context length"}, Kind.REFUSED, id="context"),
        pytest.param({"code": "insufficient_quota"}, Kind.CREDIT, id="quota"),
        pytest.param({"code": 7, "message": "?"}, Kind.LATER, id="unknown number"),
        pytest.param("the engine crashed", Kind.LATER, id="text"),
        pytest.param([1], Kind.LATER, id="list"),
    ],
)
def test_an_error_with_a_status_of_success_is_an_error(error: object, kind: Kind) -> None:
    """An `error` in the body counts, whatever the status says, also beside a choice."""
    assert trouble_of(200, {"error": error}).kind is kind
    beside = respond({"content": "par"}, error=error)
    assert isinstance(beside, Trouble)
    assert beside.kind is kind


def test_the_reason_is_the_same_each_time() -> None:
    """The reason has the status and the code; the server's words, which vary, stand apart."""
    first = trouble_of(400, {"error": {"message": "Request 17 is bad.", "code": "bad_request"}})
    second = trouble_of(400, {"error": {"message": "Request 18 is bad.", "code": "bad_request"}})
    assert first.reason == second.reason == "status 400, bad_request"
    assert first.told == "Request 17 is bad."
    prose = trouble_of(400, {"error": {"code": "request 17 is bad", "type": 7}})
    assert prose.reason == "status 400"


def test_a_long_error_is_cut() -> None:
    """The server's words are one line of bounded length."""
    told = trouble_of(400, {"error": {"message": "no\x00\n" * 10_000}}).told
    assert len(told) == 300
    assert told.isprintable()


def test_the_key_is_hidden_in_every_text() -> None:
    """A server that echoes the key gets it into no field of a reply or a trouble, escaped or not."""
    key = "sk-0123456789"

    def hide(text: str) -> str:
        return text.replace(key, "[key]")

    echo = b"\\u0073k-0123456789"
    message = b'{"content":"%b","reasoning":"%b"}' % (echo, echo)
    body = b'{"choices":[{"message":%b,"finish_reason":"%b"}],"model":"%b","system_fingerprint":"%b"}'
    reply = read_response(200, body % (message, echo, echo, echo), hide)
    error = b'{"error":{"message":"%b","code":"%b","param":"%b","type":"%b"}}' % (echo, echo, echo, echo)
    for found in (reply, read_response(401, error, hide), read_response(200, error, hide)):
        assert key not in repr(found)
        assert "[key]" in repr(found)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None), ("", None), ("soon", None), ("-3", None), ("nan", None), ("1e9", None), ("0", 0.0), ("7", 7.0),
        (" 0.5 ", 0.5), ("999999", MAX_RETRY_AFTER_S), ("9" * 40, None), ("٣", None),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0), ("Wed, 21 Oct 2015 07:28:30 -0000", 30.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0), ("Wed, 21 Oct 2999 07:28:00 GMT", MAX_RETRY_AFTER_S),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(header: str | None, expected: float | None) -> None:
    """A pause is read in either form and bounded; whatever else stands there asks for none."""
    assert read_retry_after(header, date="Wed, 21 Oct 2015 07:28:00 GMT") == expected


def test_a_date_without_the_servers_clock_is_read_by_ours() -> None:
    """Where a response has no `Date`, our own clock stands in."""
    past = format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)
    assert read_retry_after(past) == 0.0
    assert read_retry_after(past, date="yesterday") == 0.0
