"""What a model does not take is found out once, from the server's words, and what it is sent instead is remembered."""

import dataclasses
from collections.abc import Callable

import pytest
from misbehaving import Answer, Call, Pauses, ask, at, failed, failure_from, said, serving, words
from msgspec.structs import replace

from glan.errors import RequestError, UnusableError
from glan.records import Request
from glan.teachers.http import Http, Patience
from glan.teachers.manners import Refusal
from glan.teachers.thinking import words_of


def noted(told: list[Refusal]) -> Patience:
    return dataclasses.replace(Pauses().patience(), on_refused=lambda found, _: told.append(found))


def with_sampling(**settings: object) -> Request:
    request = ask()
    return replace(request, sampling=replace(request.sampling, **settings))


def without(name: str, refusal: Answer) -> Callable[[Call, int], Answer]:
    """Answer like a model that does not take a parameter."""
    return lambda call, _: refusal if name in call.body else said()


def coded(name: str) -> Answer:
    return failed(400, f"Unsupported value: '{name}'", code="unsupported_value", param=name)


REFUSALS = {
    "code": coded("temperature"),
    "words": failed(400, "`temperature` is not supported with this model."),
    "two at once": failed(400, "`temperature` and `top_p` cannot both be specified for this model."),
    "validation": Answer(
        status=422, body=b'{"detail": [{"loc": ["body", "temperature"], "msg": "Extra inputs are not permitted"}]}'
    ),
    "names in a set": Answer(status=422, body=b'{"detail": "Unexpected keys in the request: {\'temperature\'}"}'),
    "unknown name": failed(400, 'Invalid JSON payload received. Unknown name "temperature": Cannot find field.'),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
async def test_a_parameter_that_is_refused_is_left_out_from_then_on(refusal: Answer) -> None:
    """One refusal is enough, however it is told; the others stay, and it is said once with model and host."""
    told: list[Refusal] = []
    request = with_sampling(temperature=0.7, top_p=0.9)
    async with serving(without("temperature", refusal)) as server:
        teacher = Http(
            at(server), dataclasses.replace(Pauses().patience(), on_refused=lambda found, _: told.append(found))
        )
        async with teacher:
            for _ in range(3):
                assert (await teacher.reply(request)).text == "So."
    assert ["temperature" in call.body for call in server.calls] == [True, False, False, False]
    assert all(call.body["top_p"] == 0.9 for call in server.calls)
    assert told == [Refusal(model="m", name="temperature")]
    assert told[0].told_of("here") == (
        "The model 'm' at here does not take temperature: it is left out, and the server decides."
    )


async def test_each_model_is_found_out_by_itself() -> None:
    """What one model does not take is sent to another."""
    request = with_sampling(top_p=0.9)
    other = replace(request, sampling=replace(request.sampling, model="other"))
    async with serving(without("top_p", coded("top_p"))) as server, Http(at(server), Pauses().patience()) as teacher:
        for asked in (request, request, other):
            await teacher.reply(asked)
    assert ["top_p" in call.body for call in server.calls] == [True, False, False, True, False]


async def test_what_a_person_put_into_extra_is_never_left_out() -> None:
    """`extra` is sent unread, so a refusal of it is told to whoever wrote it."""
    async with serving(without("temperature", coded("temperature"))) as server:
        error = await failure_from(server, with_sampling(extra={"temperature": 2}))
    assert isinstance(error, UnusableError)
    assert "'temperature'" in words(error)
    assert len(server.calls) == 1


async def test_a_value_out_of_range_is_the_persons_to_mend() -> None:
    """A wrong number is no parameter that the model does not take."""
    async with serving(failed(400, "'temperature' must be between 0 and 2.", param="temperature")) as server:
        error = await failure_from(server, with_sampling(temperature=7.0))
    assert isinstance(error, RequestError)
    assert "between 0 and 2" in error.hint
    assert len(server.calls) == 1


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_the_room_is_given_under_the_name_that_is_taken(name: str) -> None:
    """A model knows one name of the limit or the other; with both refused the request has failed."""
    async with serving(without(name, coded(name))) as server, Http(at(server), Pauses().patience()) as teacher:
        for _ in range(2):
            assert (await teacher.reply(ask())).text == "So."
    assert all(call.body.get(name) is None for call in server.calls[1:])
    async with serving(lambda call, _: coded(next(key for key in call.body if key.startswith("max_")))) as server:
        assert isinstance(await failure_from(server), RequestError)
    assert len(server.calls) == 2


async def test_a_model_that_cannot_but_think_thinks_as_little_as_it_can() -> None:
    """`off` becomes the least effort that the model takes, and that is said."""
    told: list[Refusal] = []

    def answer(call: Call, _: int) -> Answer:
        return said() if call.body.get("reasoning_effort") == "low" else coded("reasoning_effort")

    async with serving(answer) as server:
        teacher = Http(
            at(server), dataclasses.replace(Pauses().patience(), on_refused=lambda found, _: told.append(found))
        )
        async with teacher:
            for _ in range(2):
                await teacher.reply(with_sampling(reasoning="off"))
    assert [call.body["reasoning_effort"] for call in server.calls] == ["none", "minimal", "low", "low"]
    assert [refusal.instead for refusal in told] == ["reasoning_effort = 'low'"]


async def test_a_model_that_knows_no_effort_is_asked_without() -> None:
    """Where no effort is taken, none is sent."""
    answer = without("reasoning_effort", coded("reasoning_effort"))
    async with serving(answer) as server, Http(at(server), Pauses().patience()) as teacher:
        for _ in range(2):
            await teacher.reply(with_sampling(reasoning="high"))
    assert [call.body.get("reasoning_effort") for call in server.calls] == ["high", None, None]


async def test_a_refused_switch_of_a_template_is_left_out() -> None:
    """A server without chat templates refuses their switch and gets the effort alone."""
    answer = without("chat_template_kwargs", failed(400, "Unrecognized request argument: chat_template_kwargs"))
    async with serving(answer) as server, Http(at(server), Pauses().patience(), words=words_of("server")) as teacher:
        await teacher.reply(with_sampling(reasoning="off"))
    assert server.calls[1].body["reasoning_effort"] == "none"
    assert "chat_template_kwargs" not in server.calls[1].body
