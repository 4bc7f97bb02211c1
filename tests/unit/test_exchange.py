"""What goes over the wire of the simulated server: OpenAI's forms, in both directions."""

import json

import pytest
from loopback import CHAT, body_of, post, send, settled

from glan.errors import RequestError, StoppedError, TeacherError, UnusableError
from glan.parsing import SCHEMAS, parse_sessions, parse_subjects
from glan.prompts import Prompts
from glan.records import Message, Reply, Request, Sampling, Stage, Usage
from glan.teachers.filler import Filler
from glan.teachers.simulate import Simulated, running

PROMPTS = Prompts.shipped()


def _schema(name: str) -> dict[str, object]:
    return {"type": "json_schema", "json_schema": {"name": name, "schema": SCHEMAS.get(name, {}), "strict": True}}


async def test_a_reply_has_the_form_of_openai() -> None:
    """A chat completion holds the teacher's words, why they ended, and tokens that add up."""
    async with running(Simulated(), Filler()) as server:
        answer = await post(server, temperature=0.7, top_p=0.9, max_tokens=4_096, n=1, stream=False, user="a")
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
        answers = [await send(server, json.dumps({"model": "m", "messages": each}).encode()) for each in (turns, same)]
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
        answer = await post(server, PROMPTS.render(name, language="English"), response_format=form)
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
        (body_of(stream=True), "'stream' is not supported"),
        (body_of(n=2), "'n' is 2"),
        (body_of(max_tokens=0), "'max_tokens' is 0"),
        (body_of(max_completion_tokens=-1), "'max_tokens' is -1"),
        (body_of(response_format={"type": "json_schema"}), "'json_schema'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_bad_request_is_told_what_is_wrong(body: bytes, words: str) -> None:
    """The error has OpenAI's form and names what is wrong; it is counted and not paid."""
    async with running(Simulated(), Filler()) as server:
        answer = await send(server, body)
        stats = server.stats()
    assert answer.status == 400
    assert words in answer.json["error"]["message"]
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert (stats.paid, stats.failed) == (0, {"bad-request": 1})


async def test_a_body_that_is_too_long_is_turned_down() -> None:
    """More than 32 MiB are not kept."""
    async with running(Simulated(), Filler()) as server:
        answer = await send(server, bytes((32 << 20) + 1))
        assert answer.status == 413
        assert server.stats().failed == {"too-long": 1}


@pytest.mark.parametrize("given", [None, "Bearer wrong", "Bearer ", "open sesame", "Basic open sesame", "Bearer é"])
async def test_a_wrong_key_is_turned_down(given: str | None) -> None:
    """Without the key there is no reply, and no error and no settings show it."""
    settings = Simulated(api_key="open sesame")
    headers = {} if given is None else {"Authorization": given}
    async with running(settings, Filler()) as server:
        answer = await send(server, body_of(), **headers)
        right = await send(server, body_of(), Authorization="Bearer open sesame")
    assert (answer.status, answer.json["error"]["code"]) == (401, "invalid_api_key")
    assert "sesame" not in answer.body.decode() + repr(settings)
    assert right.status == 200


async def test_only_named_models_answer() -> None:
    """With models named, another one is not found, and the list has exactly these."""
    async with running(Simulated(models=("small", "large")), Filler()) as server:
        wrong = await post(server)
        right = await post(server, model="large")
        models = await send(server, b"", "GET", "/v1/models")
    assert (wrong.status, wrong.json["error"]["code"]) == (404, "model_not_found")
    assert right.status == 200
    assert [model["id"] for model in models.json["data"]] == ["small", "large"]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/", 404), ("GET", CHAT, 405), ("POST", "/stats", 405)])
async def test_other_paths_say_so_in_the_same_form(method: str, path: str, status: int) -> None:
    """What is not there is an error in OpenAI's form."""
    async with running(Simulated(), Filler()) as server:
        answer = await send(server, b"", method, path)
    assert answer.status == status
    assert answer.json["error"]["message"] == f"There is no {method} {path} here."


async def test_a_reply_keeps_to_its_room() -> None:
    """A reply longer than `max_tokens` is cut off and says so; a greater room gives the same reply, whole."""
    async with running(Simulated(), Filler()) as server:
        short = await post(server, max_tokens=10)
        renamed = await post(server, max_completion_tokens=10, max_tokens=5_000)
        whole = await post(server, max_tokens=5_000)
    assert short.json["choices"] == renamed.json["choices"]
    assert short.text == whole.text[:40]
    assert short.json["choices"][0]["finish_reason"] == "length"
    assert short.json["usage"]["completion_tokens"] == 10
    assert whole.json["choices"][0]["finish_reason"] == "stop"


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
        answer = await post(server)
        stats = server.stats()
    assert answer.status == status
    assert str(error) in answer.json["error"]["message"]
    assert stats.failed == {kind: 1}


async def test_a_teacher_that_breaks_is_an_error_of_the_server(caplog: pytest.LogCaptureFixture) -> None:
    """An error that nobody foresaw is logged, counted, and does not end the server."""
    async with running(Simulated(), _Failing(KeyError("page"))) as server:
        answer = await post(server)
        stats = await settled(server)
        assert (await send(server, b"", "GET", "/healthz")).json == {"status": "ok"}
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
        said = (await post(server)).json
    assert said["choices"][0]["message"]["reasoning_content"] == "answers, hm"
    assert said["choices"][0]["finish_reason"] == "stop"
    assert (said["model"], said["system_fingerprint"]) == ("any", "fp_1")
    assert said["usage"]["prompt_tokens_details"] == {"cached_tokens": 2}
    assert said["usage"]["completion_tokens_details"] == {"reasoning_tokens": 1}
