"""The lines of batches: a request as a line, a line of output as a reply or as a trouble. Pure.

    {"custom_id": "9f3a...", "method": "POST", "url": "/v1/chat/completions", "body": {...}}
    {"custom_id": "9f3a...", "response": {"status_code": 200, "body": {...}}, "error": null}

The form is OpenAI's, which `vllm run-batch` reads and writes as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from glan.records import Reply
from glan.teachers.kinds import Hide, Kind, Trouble, told_in_body
from glan.teachers.wire import read_response

ENDPOINT = "/v1/chat/completions"
EXPIRED = "batch_expired"
"""Code of a line that the provider did not come to in time."""
_NOT_DONE = frozenset({EXPIRED, "batch_cancelled"})
_FAILED_FROM = 400


def render_line(custom_id: str, body: bytes) -> bytes:
    """Return a request as a line of a batch's file; the body stands in it byte for byte."""
    return b'{"custom_id":"%b","method":"POST","url":"%b","body":%b}\n' % (
        custom_id.encode("ascii"),
        ENDPOINT.encode("ascii"),
        body,
    )


class _Response(msgspec.Struct):
    status_code: int = 200
    body: msgspec.Raw = msgspec.Raw(b"null")


class _Line(msgspec.Struct):
    custom_id: str
    response: _Response | None = None
    error: msgspec.Raw = msgspec.Raw(b"null")


_LINE = msgspec.json.Decoder(_Line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A line of output."""

    custom_id: str
    found: Reply | Trouble


def read_line(raw: bytes, hide: Hide = str) -> Output | None:
    """Return what a line of output says; None where it is no line of a batch."""
    try:
        line = _LINE.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return Output(custom_id=line.custom_id, found=_found(line, hide))


def _found(line: _Line, hide: Hide) -> Reply | Trouble:
    response = line.response
    if response is not None:
        body = bytes(response.body)
        if body == b"null" and response.status_code >= _FAILED_FROM:
            body = bytes(line.error)  # vllm puts there what its server answered
        return read_response(response.status_code, body, hide)
    error = _object(line.error)
    if error.get("code") in _NOT_DONE:
        return Trouble(kind=Kind.LATER, reason="the batch ended before its turn")
    return told_in_body(200, error or "no response", hide)


def _object(raw: msgspec.Raw) -> Mapping[str, object]:
    found = msgspec.json.decode(raw)
    return found if isinstance(found, dict) else {}
