"""The HTTP teacher against local servers that refuse: what is wrong with all, with one, or with the form."""

import json
from collections.abc import Callable

import pytest
from misbehaving import (
    EMBED,
    KEY,
    Answer,
    Call,
    Pauses,
    ask,
    at,
    failed,
    failure_from,
    reply_from,
    said,
    serving,
    words,
)

from glan.errors import RequestError, TeacherError, UnusableError
from glan.records import Request
from glan.teachers.http import Http

UNUSABLE = [
    pytest.param(failed(401, code="invalid_api_key"), "MY_KEY", id="bad key"),
    pytest.param(failed(403), "MY_KEY", id="forbidden"),
    pytest.param(failed(402), "credit", id="no credit"),
    pytest.param(failed(429, code="insufficient_quota"), "credit", id="no quota"),
    pytest.param(failed(404, code="model_not_found"), "does not know the model 'm'", id="unknown model"),
    pytest.param(failed(404), "/v1/chat/completions does not exist", id="unknown address"),
    pytest.param(failed(400, code="unsupported_value", param="temperature"), "'temperature'", id="unknown parameter"),
    pytest.param(Answer(status=404, body=b"<html>"), "does not exist", id="404 in HTML"),
    pytest.param(Answer(status=404, body=b"x" * 2_000_000), "does not exist", id="endless 404"),
]


@pytest.mark.parametrize("schema", [None, "subjects"])
@pytest.mark.parametrize(("answer", "told"), UNUSABLE)
async def test_what_is_wrong_for_all_stops_all(answer: Answer, told: str, schema: str | None) -> None:
    """A bad key, no credit or an unknown model is about every request; it is told with the cause, and not retried."""
    async with serving(answer) as server:
        error = await failure_from(server, ask(schema))
    assert isinstance(error, UnusableError)
    assert told in words(error)
    assert len(server.calls) == (3 if schema and "not exist" in told else 1)


@pytest.mark.parametrize("status", [200, 400, 401, 404, 429, 500])
async def test_an_echoed_key_is_shown_nowhere(status: int) -> None:
    """A server that repeats the key, in an error or in a reply, gets it into nothing that we keep."""
    echo = json.dumps({
        "error": {"message": f"key {KEY}", "code": KEY, "type": KEY, "param": KEY} if status > 200 else None,
        "choices": [{"message": {"content": f"key {KEY}", "reasoning": KEY}, "finish_reason": KEY}],
        "model": KEY, "system_fingerprint": KEY,
    })  # fmt: skip
    pauses = Pauses()
    async with serving(Answer(status=status, body=echo.encode())) as server:
        async with Http(at(server), pauses.patience()) as teacher:
            try:
                shown = repr(await teacher.reply(ask()))
            except TeacherError as error:
                shown = f"{error!r} {error.hint} {error.__cause__!r}"
        shown += repr(teacher) + repr(pauses.reasons)
    assert len(server.calls) >= 1
    assert KEY not in shown


async def test_a_key_that_was_not_sent_is_missed() -> None:
    """Where the server wants a key and none was sent, the variable is named."""
    async with serving(failed(401)) as server, Http(at(server, key=None), Pauses().patience()) as teacher:
        with pytest.raises(UnusableError, match="none was sent") as caught:
            await teacher.reply(ask())
    assert "MY_KEY" in caught.value.hint


REFUSED = [
    pytest.param(failed(400, "This model's maximum context length is 8."), 1, id="context"),
    pytest.param(failed(400, code="content_filter"), 1, id="filter"),
    pytest.param(failed(413), 1, id="too large"),
    pytest.param(failed(451), 1, id="other 4xx"),
    pytest.param(failed(400), 3, id="400"),
    pytest.param(failed(422), 3, id="422"),
    pytest.param(failed(501), 3, id="501"),
]


@pytest.mark.parametrize("schema", [None, "subjects"])
@pytest.mark.parametrize(("answer", "n_calls"), REFUSED)
async def test_a_bad_request_is_final(answer: Answer, n_calls: int, schema: str | None) -> None:
    """A refused request is asked once, or once at each rung where the rung may be the reason."""
    async with serving(answer) as server:
        error = await failure_from(server, ask(schema))
    assert isinstance(error, RequestError)
    assert str(error).startswith("The server refused the request: status ")
    assert "No." in error.hint or "maximum" in error.hint
    assert len(server.calls) == (n_calls if schema else 1)


def up_to(rung: str, otherwise: Answer) -> Callable[[Call, int], Answer]:
    """Answer like a server that knows only a rung and those below it."""
    order = ["text", "json_object", "json_schema"]
    return lambda call, _: said() if order.index(call.rung) <= order.index(rung) else otherwise


@pytest.mark.parametrize("status", [400, 404, 415, 422, 501])
@pytest.mark.parametrize(
    ("rung", "rungs"),
    [
        ("json_schema", ["json_schema"]),
        ("json_object", ["json_schema", "json_object"]),
        ("text", ["json_schema", "json_object", "text"]),
    ],
)
async def test_the_ladder_is_stepped_down_once_per_model(status: int, rung: str, rungs: list[str]) -> None:
    """A server that cannot follow a schema is asked on a lower rung, and from then on at once."""
    pauses = Pauses()
    async with serving(up_to(rung, failed(status))) as server, Http(at(server), pauses.patience()) as teacher:
        replies = [await teacher.reply(ask("subjects")) for _ in range(3)]
        await teacher.reply(ask("sessions"))
        assert server.rungs == [*rungs, rung, rung, rung]
        await teacher.reply(ask("subjects", model="other"))
    assert [reply.rung for reply in replies] == [rung] * 3
    assert server.rungs[len(rungs) + 3 :] == rungs
    assert pauses.seconds == []


async def test_a_request_without_a_schema_knows_no_ladder() -> None:
    """A plain request is sent once without a format, whatever the ladder has learnt."""
    async with serving(up_to("text", failed(400))) as server, Http(at(server), Pauses().patience()) as teacher:
        await teacher.reply(ask("subjects"))
        reply = await teacher.reply(ask())
    assert reply.rung is None
    assert server.rungs[3:] == ["text"]


async def test_a_bad_request_teaches_the_ladder_nothing() -> None:
    """A request that fails on every rung leaves the ladder where it was."""

    def answer(call: Call, _: int) -> Answer:
        return failed(400) if "bad" in str(call.body["messages"]) else said()

    async with serving(answer) as server, Http(at(server), Pauses().patience()) as teacher:
        with pytest.raises(RequestError):
            await teacher.reply(ask("subjects", content="bad"))
        assert (await teacher.reply(ask("subjects"))).rung == "json_schema"


@pytest.mark.parametrize("max_retries", [0, 1, 8])
async def test_a_server_that_crashes_on_a_schema_is_asked_without(max_retries: int) -> None:
    """Repeated status 500 with a schema is a step down, which is remembered."""
    pauses = Pauses()
    patience = pauses.patience(max_retries=max_retries)
    async with serving(up_to("json_object", failed(500))) as server, Http(at(server), patience) as teacher:
        assert (await teacher.reply(ask("subjects"))).rung == "json_object"
        n_before = len(server.calls)
        assert (await teacher.reply(ask("subjects"))).rung == "json_object"
    assert n_before == min(max_retries, 1) + 2
    assert len(server.calls) == n_before + 1
    assert len(pauses.seconds) == n_before - 1


async def test_a_rung_that_worked_is_not_left_for_a_crash() -> None:
    """A server that falls ill later is asked without a schema this once, and with it again."""
    answers = [said(), failed(500), failed(500), said()]
    async with serving(*answers) as server, Http(at(server), Pauses().patience()) as teacher:
        rungs = [(await teacher.reply(ask("subjects"))).rung for _ in range(3)]
    assert rungs == ["json_schema", "json_object", "json_schema"]


@pytest.mark.parametrize("status", [429, 502, 503])
async def test_a_busy_server_is_no_step_down(status: int) -> None:
    """Only status 500 casts doubt on the schema."""
    async with serving(failed(status), failed(status), failed(status), said()) as server:
        assert (await reply_from(server, ask("subjects"))).rung == "json_schema"


async def test_a_model_can_want_the_other_name_of_the_limit() -> None:
    """A model that refuses `max_tokens` gets `max_completion_tokens`, from then on at once."""
    refusal = failed(400, code="unsupported_parameter", param="max_tokens")

    def answer(call: Call, _: int) -> Answer:
        return refusal if "max_tokens" in call.body else said()

    async with serving(answer) as server, Http(at(server), Pauses().patience()) as teacher:
        for schema in ("subjects", None):
            assert (await teacher.reply(ask(schema))).text == "So."
    assert [call.body.get("max_completion_tokens") for call in server.calls] == [None, 9, 9]


async def test_a_model_that_takes_no_limit_is_not_asked_for_ever() -> None:
    """Where neither name of the limit is taken, the request has failed."""
    async with serving(failed(400, code="unsupported_parameter", param="max_tokens")) as server:
        assert isinstance(await failure_from(server), RequestError)
    assert len(server.calls) == 2


async def test_the_list_of_models_is_asked_with_the_key() -> None:
    """What the server lists costs nothing, and is asked where its models are."""
    listed = Answer(body=b'{"data": [{"id": "m", "max_model_len": 4096}]}')
    async with serving(listed) as server, Http(at(server), Pauses().patience()) as teacher:
        found = await teacher.listed("m")
    assert (found.is_given, found.has_model, found.context_tokens, found.has_key) == (True, True, 4_096, True)
    assert server.calls[0].path == "/v1/models"
    assert server.calls[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("answer", [failed(403), failed(404), failed(500), Answer(raw=b""), Answer(body=b"<html>")])
async def test_a_list_that_is_not_shown_says_nothing(answer: Answer) -> None:
    """Not every server shows its models, and a key may lack the right to see them: that is no fault of the teacher."""
    async with serving(answer) as server, Http(at(server), Pauses().patience()) as teacher:
        found = await teacher.listed("m")
    assert (found.is_given, found.has_model, found.context_tokens) == (False, None, None)


async def test_a_wrong_key_is_seen_from_the_list() -> None:
    """A key that is not accepted there is told before a call is made."""
    async with serving(failed(401)) as server, Http(at(server), Pauses().patience()) as teacher:
        with pytest.raises(UnusableError, match="does not accept the key in MY_KEY"):
            await teacher.listed("m")


@pytest.mark.parametrize(
    ("status", "header"),
    [(429, "Retry-After"), (503, "Date"), (200, "x-ratelimit-remaining-tokens"), (308, "Location")],
)
async def test_a_header_that_cannot_be_read_does_no_harm(status: int, header: str) -> None:
    """A header with other characters than those of ASCII says nothing, and the run goes on without it."""
    odd = Answer(status=status, headers={header: "soon, très bientôt ٣"}, body=said().body)
    async with serving(odd, said()) as server:
        if status == 308:
            assert "redirects to nowhere" in str(await failure_from(server))
        else:
            assert (await reply_from(server)).text == "So."


LOGIN = Answer(body=b"<html><b>Log in</b></html>")


@pytest.mark.parametrize("request_", [ask(), EMBED], ids=["chat", "embeddings"])
async def test_what_is_no_server_of_a_model_is_told_at_once(request_: Request) -> None:
    """An address that has only ever answered with a page is wrong, which says nothing of the request."""
    async with serving(LOGIN) as server:
        error = await failure_from(server, request_, max_retries=8)
    assert isinstance(error, UnusableError)
    assert len(server.calls) == 4
    assert "Log in" in error.hint
    assert "Check the address" in error.hint


async def test_a_page_from_a_server_that_has_replied_is_a_bad_moment() -> None:
    """Where replies have come, a page in the place of one is about that request alone."""
    async with serving(said(), LOGIN) as server, Http(at(server), Pauses().patience(max_retries=5)) as teacher:
        await teacher.reply(ask())
        with pytest.raises(RequestError, match="after the last retry"):
            await teacher.reply(ask())
    assert len(server.calls) == 7
