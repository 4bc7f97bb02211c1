"""What stands on the wire: a request as a body of /chat/completions, a response as a reply or as a trouble. Pure.

    {"model": "qwen3:8b", "messages": [{"role": "user", "content": "..."}], "max_tokens": 1024}
    {"choices": [{"message": {"content": "..."}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 9, ...}}

It knows neither connections nor retries: `http.py` decides what a trouble leads to.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

import msgspec

from glan.errors import RequestError, UnusableError
from glan.parsing import SCHEMAS, clean
from glan.records import Reply, Request, Usage

MAX_BODY_BYTES = 32 * 1024 * 1024
"""Longest response that is read."""
MAX_RETRY_AFTER_S = 600.0
"""A server that asks for a longer pause is asked again after this one."""
_MAX_NAME_LENGTH = 200
_MAX_TOLD_LENGTH = 300
_MAX_TOKENS = 2**40
"""A count of tokens above this is no count."""

Hide = Callable[[str], str]
"""Takes the key out of a text."""


class Rung(StrEnum):
    """How structured output is asked for, the strictest way first."""

    JSON_SCHEMA = "json_schema"
    JSON_OBJECT = "json_object"
    TEXT = "text"


LADDER = tuple(Rung)
LIMIT_NAMES = ("max_tokens", "max_completion_tokens")
"""What servers call the limit on a reply's length."""


class Kind(StrEnum):
    """What it means that there is no reply."""

    KEY = "key"
    MODEL = "model"
    CREDIT = "credit"
    SETTING = "setting"
    """A parameter that this model never takes."""
    MOVED = "moved"
    MISSING = "missing"
    """A plain 404: the address, the model, or a feature of the request."""
    LIMIT_NAME = "limit name"
    """The model wants the other name of the limit."""
    FORM = "form"
    """A bad request, which may be for the way structured output is asked for."""
    REFUSED = "refused"
    """A bad request in itself, such as one longer than the context."""
    LATER = "later"
    """It may succeed when it is sent again."""
    TIMED_OUT = "timed out"
    UNREACHED = "unreached"
    UNSENDABLE = "unsendable"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why there is no reply."""

    kind: Kind
    reason: str
    """Short and the same each time: it may be recorded."""
    status: int | None = None
    told: str = ""
    """The server's own words; they vary, so they are shown and never recorded."""
    param: str = ""
    retry_after_s: float | None = None
    cause: Exception | None = None


def rungs_of(request: Request) -> tuple[Rung, ...]:
    """Return the rungs that a request can be asked at; none where it wants plain text."""
    if request.schema is None:
        return ()
    # A person who sets response_format has chosen the form.
    return (Rung.TEXT,) if "response_format" in request.sampling.extra else LADDER


def render_body(request: Request, rung: Rung | None = None, *, limit_name: str = "max_tokens") -> bytes:
    """Return the body of a request."""
    sampling = request.sampling
    body: dict[str, object] = {
        "model": sampling.model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
    }
    if sampling.extra.keys().isdisjoint(LIMIT_NAMES):
        body[limit_name] = sampling.max_tokens
    if sampling.temperature is not None:
        body["temperature"] = sampling.temperature
    if sampling.top_p is not None:
        body["top_p"] = sampling.top_p
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


def read_response(status: int, body: bytes, hide: Hide = str) -> Reply | Trouble:
    """Return the reply in a response, or the trouble that it tells of; `hide` takes the key out of every text."""
    if not 200 <= status < 300:
        return _trouble(status, _json(body), hide)
    found = _completion(body)
    if found is None:
        return Trouble(kind=Kind.LATER, status=status, reason=f"status {status} with a body that is no JSON object")
    choice = found.choices[0] if isinstance(found.choices, list) and found.choices else None
    if not isinstance(choice, dict):
        choice = {}
    if found.error or choice.get("error") or choice.get("finish_reason") == "error":
        return _told_in_body(status, found.error or choice.get("error"), hide)
    message = choice.get("message")
    if not isinstance(message, dict):
        return Trouble(kind=Kind.LATER, status=status, reason=f"status {status} without a reply in its body")
    return _reply(found, choice, message, hide)


def _completion(body: bytes) -> _Completion | None:
    try:
        return _COMPLETION.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    # Lone surrogates, NaN, a byte order mark or a broken character: the reply is paid for, so it is read leniently.
    found = _json(body)
    if not isinstance(found, dict):
        return None
    return _Completion(**{name: found.get(name) for name in _Completion.__struct_fields__})


def _json(body: bytes) -> object:
    """Read JSON leniently; None where it is none."""
    try:
        return json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None


def _reply(found: _Completion, choice: Mapping[str, Any], message: Mapping[str, Any], hide: Hide) -> Reply:
    content, thoughts = _parts(message.get("content"))
    if not content and isinstance(message.get("refusal"), str):
        content = message["refusal"]
    text, thought = _split_thoughts(clean(content))
    apart = message.get("reasoning_content") or message.get("reasoning")
    reasoning = "\n\n".join(
        part for part in (clean(apart) if isinstance(apart, str) else "", clean(thoughts), thought) if part
    )
    return Reply(
        text=hide(text),
        reasoning=hide(reasoning) or None,
        finish_reason=_short(choice.get("finish_reason"), hide),
        usage=_usage(found.usage),
        model=_short(found.model, hide),
        system_fingerprint=_short(found.system_fingerprint, hide),
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


def _split_thoughts(text: str) -> tuple[str, str]:
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
        prompt_tokens=_count(found.get("prompt_tokens")),
        completion_tokens=_count(found.get("completion_tokens")),
        cached_tokens=_count(found.get("prompt_cache_hit_tokens") if cached is None else cached),
        reasoning_tokens=_count(_nested(found, "completion_tokens_details", "reasoning_tokens")),
    )


def _nested(found: Mapping[str, Any], above: str, name: str) -> object:
    details = found.get(above)
    return details.get(name) if isinstance(details, dict) else None


def _count(found: object) -> int | None:
    """Return a count of tokens, also from 12.0 or "12"; None for anything else."""
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 14:
        found = int(found)
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < _MAX_TOKENS:
        return None
    return found


def _short(found: object, hide: Hide) -> str | None:
    if not isinstance(found, str) or not found:
        return None
    return hide(clean(found))[:_MAX_NAME_LENGTH]


@dataclass(frozen=True, slots=True)
class _Fault:
    """What a server says about a request that it did not serve."""

    status: int
    codes: frozenset[str] = frozenset()
    words: str = ""
    param: str = ""


_CONTEXT = re.compile(r"context.?length|maximum context|context window|context size|too many tokens|prompt is too long")
_FILTER = re.compile(r"content.?(filter|policy|management)|flagged|data.?inspection")
_CREDIT = re.compile(r"credit balance|insufficient (balance|credits?|funds)|out of credits")
_KEY = re.compile(r"(invalid|incorrect|missing|no|valid) api.?key|api.?key (is )?(not valid|invalid|missing)")
_MODEL = re.compile(
    r"model\b.{0,160}(not exist|not found|not a valid|not available|unknown model)"
    r"|(invalid|unknown|no such) model\b|not a valid model|model.?not.?found"
)
_FORM = re.compile(r"response.?format|json.?schema|json.?object|structured|guided|grammar")
_LIMIT_NAME = re.compile(r"max_tokens.{0,80}not supported.{0,80}max_completion_tokens", re.DOTALL)

_CONTEXT_CODES = frozenset({"context_length_exceeded", "string_above_max_length"})
_FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "responsibleaipolicyviolation"})
_CREDIT_CODES = frozenset({"insufficient_quota", "insufficient_balance", "billing_hard_limit_reached"})
_KEY_CODES = frozenset({"invalid_api_key", "authentication_error", "permission_denied"})
_MODEL_CODES = frozenset({"model_not_found", "invalid_model", "model_not_available"})
_SETTING_CODES = frozenset({"unsupported_parameter", "unsupported_value", "unknown_parameter"})
_LATER_STATUSES = frozenset({408, 409, 425, 429})

# The first rule that holds says what it is.
_RULES: tuple[tuple[Kind, Callable[[_Fault], object]], ...] = (
    (Kind.MOVED, lambda fault: fault.status < 400),
    (Kind.CREDIT, lambda fault: fault.status == 402 or fault.codes & _CREDIT_CODES),
    (Kind.CREDIT, lambda fault: fault.status < 500 and _CREDIT.search(fault.words)),
    (Kind.REFUSED, lambda fault: fault.status < 500 and (fault.codes & _FILTER_CODES or _FILTER.search(fault.words))),
    (Kind.KEY, lambda fault: fault.status in {401, 403} or fault.codes & _KEY_CODES),
    (Kind.KEY, lambda fault: fault.status == 400 and _KEY.search(fault.words)),
    (Kind.MODEL, lambda fault: fault.codes & _MODEL_CODES),
    (Kind.LATER, lambda fault: fault.status in _LATER_STATUSES or (fault.status >= 500 and fault.status != 501)),
    (Kind.REFUSED, lambda fault: fault.codes & _CONTEXT_CODES or _CONTEXT.search(fault.words)),
    (Kind.MODEL, lambda fault: fault.status == 404 and _MODEL.search(fault.words)),
    (Kind.FORM, lambda fault: fault.param.startswith("response_format") or _FORM.search(fault.words)),
    (Kind.LIMIT_NAME, lambda fault: fault.param in LIMIT_NAMES and fault.codes & _SETTING_CODES),
    (Kind.LIMIT_NAME, lambda fault: _LIMIT_NAME.search(fault.words)),
    (Kind.SETTING, lambda fault: fault.param and fault.codes & _SETTING_CODES),
    (Kind.MODEL, lambda fault: fault.status == 400 and _MODEL.search(fault.words)),
    (Kind.MISSING, lambda fault: fault.status in {404, 405, 410}),
    (Kind.FORM, lambda fault: fault.status in {400, 415, 422, 501}),
)


def _trouble(status: int, found: object, hide: Hide) -> Trouble:
    if isinstance(found, list) and found:
        found = found[0]
    error = found.get("error", found) if isinstance(found, dict) else found
    return _judged(status, f"status {status}", error, hide)


def _told_in_body(status: int, error: object, hide: Hide) -> Trouble:
    """Judge an error that came with a status of success: by the status that it names, else as one that may pass."""
    code = _count(error.get("code")) if isinstance(error, dict) else None
    if code is None or not 400 <= code < 600:
        return _judged(502, f"status {status} with an error in its body", error, hide)
    return _judged(code, f"status {status} with error {code} in its body", error, hide)


def _judged(status: int, reason: str, error: object, hide: Hide) -> Trouble:
    fields = error if isinstance(error, dict) else {"message": error}
    told = next((text for name in ("message", "detail", "error") if isinstance(text := fields.get(name), str)), "")
    codes = [code for name in ("code", "type") if (code := _code(fields.get(name)))]
    param = _code(fields.get("param"))
    fault = _Fault(status, frozenset(code.lower() for code in codes), told[:2_000].lower(), param)
    kind = next((kind for kind, holds in _RULES if holds(fault)), Kind.REFUSED)
    return Trouble(
        kind=kind,
        status=status,
        reason=hide(", ".join([reason, *codes[:1]])),
        told=" ".join(hide(clean(told)).split())[:_MAX_TOLD_LENGTH],
        param=hide(param),
    )


def _code(found: object) -> str:
    """Return a code, which is one plain word; whatever else stands there varies or is prose."""
    return found if isinstance(found, str) and re.fullmatch(r"[A-Za-z][\w.\-\[\]]{1,59}", found) else ""


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
