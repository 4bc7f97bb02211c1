"""Responses in forms that nobody has asked for, which are paid for all the same."""

import json

import pytest

from glan.records import Reply, Usage
from glan.teachers.kinds import Kind, Trouble
from glan.teachers.wire import read_response


def piece(delta: object, **fields: object) -> str:
    return json.dumps({"model": "m-1", "choices": [{"index": 0, "delta": delta, "finish_reason": None, **fields}]})


def stream(*events: str) -> bytes:
    return "".join(f"data: {event}\n\n" for event in events).encode()


LAST = piece({}, finish_reason="stop")
USAGE = json.dumps({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}})


def test_a_stream_that_nobody_asked_for_is_a_reply() -> None:
    """A server that sends its reply in pieces is paid for the whole, so they are put together."""
    first = piece({"role": "assistant", "content": "So", "reasoning_content": "Hm"})
    body = b": ping\n\n" + stream(first, piece({"content": " it \u2028is."}), LAST, USAGE, "[DONE]")
    found = read_response(200, body.replace(b"\n", b"\r\n"))
    assert isinstance(found, Reply)
    assert (found.text, found.reasoning, found.finish_reason) == ("So it \u2028is.", "Hm", "stop")
    assert (found.model, found.usage) == ("m-1", Usage(prompt_tokens=9, completion_tokens=3))


@pytest.mark.parametrize(
    "body",
    [
        stream(piece({"content": "So"})),
        stream(piece({"content": "So"}), LAST[:40]),
        stream("[DONE]"),
        stream('{"choices": [7]}', '{"choices": 7}', "[]"),
        b"data:\n\ndata: So.\n\n",
    ],
    ids=["no end", "broken end", "nothing", "odd pieces", "no JSON"],
)
def test_a_stream_without_its_end_is_no_reply(body: bytes) -> None:
    """What was cut off on its way may succeed when it is asked for again."""
    found = read_response(200, body)
    assert isinstance(found, Trouble)
    assert found.kind is Kind.LATER


def test_an_error_in_a_stream_is_an_error() -> None:
    """A stream that ends in an error is one, whatever came before it."""
    found = read_response(200, stream(piece({"content": "So"}), '{"error": {"message": "No.", "code": 402}}'))
    assert isinstance(found, Trouble)
    assert found.kind is Kind.CREDIT


@pytest.mark.parametrize("after", ["\n\n<!-- served by a proxy -->", "\0", "{}", "\n]"])
def test_what_stands_behind_a_reply_does_no_harm(after: str) -> None:
    """A reply that is whole is taken, whatever a server or a proxy has put behind it."""
    whole = json.dumps({"choices": [{"message": {"content": "So."}, "finish_reason": "stop"}]})
    found = read_response(200, f"\ufeff\n{whole}{after}".encode())
    assert isinstance(found, Reply)
    assert found.text == "So."


@pytest.mark.parametrize("body", [b"<html>\n<b>Log in</b>\x1b[2J</html>", b'{"choices": [], "note": "<html> sk-1"}'])
def test_what_came_in_place_of_a_reply_is_shown(body: bytes) -> None:
    """A page in a reply's place says what it is, on one line, without the key and without control characters."""
    found = read_response(200, body, lambda text: text.replace("sk-1", "***"))
    assert isinstance(found, Trouble)
    assert "<html>" in found.told
    assert not {"\n", "\x1b"} & set(found.told)
    assert "sk-1" not in found.told
    assert "html" not in found.reason
