"""What stands on the wire: a request as a body of /chat/completions, a response as a reply or as a trouble. Pure.

    {"model": "qwen3:8b", "messages": [{"role": "user", "content": "..."}], "max_tokens": 1024}
    {"choices": [{"message": {"content": "..."}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 9, ...}}

It knows neither connections nor retries: `http.py` decides what a trouble leads to.
"""

import json
import re
import time
from collections.abc import Container, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

import msgspec

from glan.errors import RequestError, UnusableError
from glan.parsing import SCHEMAS, clean
from glan.records import Reply, Request, Usage
from glan.teachers.kinds import Hide, Kind, Trouble, count_of, read_trouble, told_in_body

MAX_BODY_BYTES = 32 * 1024 * 1024
"""Longest response that is read."""
MAX_RETRY_AFTER_S = 600.0
"""A server that asks for a longer pause is asked again after this one."""
_MAX_NAME_LENGTH = 200
_NOTHING: Mapping[str, object] = {}


class Rung(StrEnum):
    """How structured output is asked for, the strictest way first."""

    JSON_SCHEMA = "json_schema"
    JSON_OBJECT = "json_object"
    TEXT = "text"


LADDER = tuple(Rung)
LIMIT_NAMES = ("max_tokens", "max_completion_tokens")
"""What servers call the limit on a reply's length."""


def rungs_of(request: Request) -> tuple[Rung, ...]:
    """Return the rungs that a request can be asked at; none where it wants plain text."""
    if request.schema is None:
        return ()
    # A person who sets response_format has chosen the form.
    return (Rung.TEXT,) if "response_format" in request.sampling.extra else LADDER


def render_body(
    request: Request,
    rung: Rung | None = None,
    *,
    limit_name: str = "max_tokens",
    thinking: Mapping[str, object] = _NOTHING,
    left_out: Container[str] = (),
) -> bytes:
    """Return the body of a request.

    Args:
        request: the request.
        rung: how structured output is asked for.
        limit_name: what the server calls the room for the reply.
        thinking: keys that say how much to think.
        left_out: keys that the server does not take; what a person put into `extra` is sent all the same.

    """
    sampling = request.sampling
    body: dict[str, object] = {
        "model": sampling.model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
    }
    if sampling.extra.keys().isdisjoint(LIMIT_NAMES):
        body[limit_name] = sampling.max_tokens
    told = {"temperature": sampling.temperature, "top_p": sampling.top_p, **thinking}
    body |= {name: value for name, value in told.items() if value is not None and name not in left_out}
    if rung is not None and request.schema is not None:
        body |= _format(rung, request.schema)
    if sampling.extra:
        body |= sampling.extra
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError as error:
        raise RequestError("The request holds lone surrogates, which no server can be sent.") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise UnusableError(f"The setting `extra` holds what cannot be sent as JSON: {error}.") from error


def _format(rung: Rung, schema: str) -> Mapping[str, object]:
    if rung is Rung.TEXT:
        return {}
    if rung is Rung.JSON_OBJECT:
        return {"response_format": {"type": "json_object"}}
    asked = {"name": schema, "strict": True, "schema": SCHEMAS[schema]}
    return {"response_format": {"type": "json_schema", "json_schema": asked}}


class _Completion(msgspec.Struct):
    choices: Any = None
    usage: Any = None
    model: Any = None
    system_fingerprint: Any = None
    error: Any = None


_COMPLETION = msgspec.json.Decoder(_Completion)
_JSON = json.JSONDecoder()
_TEXTS = ("content", "refusal", "reasoning_content", "reasoning")
"""Texts of a message that a stream gives in pieces."""


def read_response(status: int, body: bytes, hide: Hide = str) -> Reply | Trouble:
    """Return the reply in a response, or the trouble that it tells of; `hide` takes the key out of every text."""
    if not 200 <= status < 300:
        return read_trouble(status, read_json(body), hide)
    found = _completion(body)
    if found is None:
        return no_reply(status, "with a body that is no JSON object", body, hide)
    choice = _first(found.choices)
    if found.error or choice.get("error") or choice.get("finish_reason") == "error":
        return told_in_body(status, found.error or choice.get("error"), hide)
    message = choice.get("message")
    if not isinstance(message, dict):
        return no_reply(status, "without a reply in its body", body, hide)
    return _reply(found, choice, message, hide)


def no_reply(status: int, what: str, body: bytes, hide: Hide) -> Trouble:
    """Say what a success is worth that holds no reply, with the beginning of what came instead."""
    shown = " ".join(hide(clean(body[:2_000].decode("utf-8", "replace"))).split())[:_MAX_NAME_LENGTH]
    is_foreign = not body.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"{", b"data:"))
    return Trouble(kind=Kind.LATER, status=status, reason=f"status {status} {what}", told=shown, is_foreign=is_foreign)


def _completion(body: bytes) -> _Completion | None:
    try:
        return _COMPLETION.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    # Lone surrogates, NaN, a byte order mark or a broken character: the reply is paid for, so it is read leniently.
    found = read_json(body) or _gathered(body)
    if not isinstance(found, dict):
        return None
    return _Completion(**{name: found.get(name) for name in _Completion.__struct_fields__})


def read_json(body: bytes) -> object:
    """Read JSON leniently: also with NaN, a byte order mark, a broken character, something behind it; None if none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return _JSON.raw_decode(body.decode("utf-8-sig", "replace").lstrip())[0]
    except (ValueError, RecursionError):
        return None


def _gathered(body: bytes) -> Mapping[str, Any] | None:
    """Put a reply together that came as a stream of events, which nobody has asked for; None unless it is whole."""
    events = [read_json(line.removeprefix(b"data:")) for line in body.splitlines() if line.startswith(b"data:")]
    pieces = [event for event in events if isinstance(event, dict)]
    found = {name: value for piece in pieces for name, value in piece.items() if value}
    choices = [_first(piece.get("choices")) for piece in pieces]
    endings = [ending for choice in choices if (ending := choice.get("finish_reason"))]
    if not endings:
        return found if "error" in found else None
    deltas = [delta for choice in choices if isinstance(delta := choice.get("delta"), dict)]
    message = {name: "".join(text for delta in deltas if isinstance(text := delta.get(name), str)) for name in _TEXTS}
    return {**found, "choices": [{"message": message, "finish_reason": endings[-1]}]}


def _first(choices: object) -> Mapping[str, Any]:
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, dict) else {}


def _reply(found: _Completion, choice: Mapping[str, Any], message: Mapping[str, Any], hide: Hide) -> Reply:
    content, thoughts = _parts(message.get("content"))
    if not content and isinstance(message.get("refusal"), str):
        content = message["refusal"]
    text, thought = split_thoughts(clean(content))
    apart = message.get("reasoning_content") or message.get("reasoning")
    reasoning = "\n\n".join(
        part for part in (clean(apart) if isinstance(apart, str) else "", clean(thoughts), thought) if part
    )
    return Reply(
        text=hide(text),
        reasoning=hide(reasoning) or None,
        finish_reason=short(choice.get("finish_reason"), hide),
        usage=_usage(found.usage),
        model=short(found.model, hide),
        system_fingerprint=short(found.system_fingerprint, hide),
    )


def _parts(content: object) -> tuple[str, str]:
    """Return text and thoughts of a message's content: a text, nothing, or a list of parts."""
    if isinstance(content, str):
        return content, ""
    if not isinstance(content, list):
        return "", ""
    texts: list[str] = []
    thoughts: list[str] = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            thinking = part.get("thinking")
            thoughts.append(thinking if isinstance(thinking, str) else _joined(thinking))
            texts.append(_joined([part]))
    return "".join(texts), "".join(thoughts)


def _joined(parts: object) -> str:
    if not isinstance(parts, list):
        return ""
    found = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in found if isinstance(text, str))


_OPEN = "<think>"
_CLOSE = "</think>"
# Some chat templates open the block in the prompt; then its end stands in the reply alone, on a line of its own.
_LONE_CLOSE = re.compile(r"^[ \t]*</think>[ \t]*$", re.MULTILINE)


def split_thoughts(text: str) -> tuple[str, str]:
    """Return the text without a leading block of thoughts, and the thoughts."""
    if _CLOSE not in text and _OPEN not in text:
        return text, ""
    if text.lstrip().startswith(_OPEN):
        thought, _, rest = text.lstrip().removeprefix(_OPEN).partition(_CLOSE)
        return rest.lstrip(), thought.strip()
    if _OPEN not in text and text.count(_CLOSE) == 1 and (found := _LONE_CLOSE.search(text)):
        return text[found.end() :].lstrip(), text[: found.start()].strip()
    return text, ""


def _usage(found: object) -> Usage:
    if not isinstance(found, dict):
        return Usage()
    cached = _nested(found, "prompt_tokens_details", "cached_tokens")
    return Usage(
        prompt_tokens=count_of(found.get("prompt_tokens")),
        completion_tokens=count_of(found.get("completion_tokens")),
        cached_tokens=count_of(found.get("prompt_cache_hit_tokens") if cached is None else cached),
        reasoning_tokens=count_of(_nested(found, "completion_tokens_details", "reasoning_tokens")),
    )


def _nested(found: Mapping[str, Any], above: str, name: str) -> object:
    details = found.get(above)
    return details.get(name) if isinstance(details, dict) else None


def short(found: object, hide: Hide) -> str | None:
    """Return the beginning of a name that a server tells; None where it tells none."""
    if not isinstance(found, str) or not found:
        return None
    return hide(clean(found))[:_MAX_NAME_LENGTH]


def read_retry_after(header: str | None, *, date: str | None = None) -> float | None:
    """Return the pause that a `Retry-After` asks for, in seconds or as a date, bounded; None where it asks for none.

    Args:
        header: the header.
        date: the response's own `Date`, so that a clock that is wrong on either side does no harm.

    """
    text = (header or "").strip()
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", text, re.ASCII):
        return min(float(text), MAX_RETRY_AFTER_S)
    until = _moment(text)
    return None if until is None else min(max(until - (_moment(date) or time.time()), 0.0), MAX_RETRY_AFTER_S)


def _moment(text: str | None) -> float | None:
    try:
        found = parsedate_to_datetime(text or "")
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
