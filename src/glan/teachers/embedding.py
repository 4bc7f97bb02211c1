"""What stands on the wire of /embeddings: a request as a body, a response as a reply or as a trouble. Pure.

    {"model": "text-embedding-3-small", "input": "Explain ...", "encoding_format": "float"}
    {"data": [{"embedding": [0.01, -0.02, ...]}], "model": "...", "usage": {"prompt_tokens": 9, "total_tokens": 9}}

The text of the reply is the vector in few bytes. One that cannot be used is a reply too, since it is paid for: its text
says what is wrong with it.
"""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from glan.errors import RequestError, UnusableError
from glan.parsing import clean
from glan.records import Reply, Request, Usage
from glan.teachers.kinds import Hide, Kind, Trouble, count_of, read_trouble, told_in_body
from glan.teachers.wire import no_reply, read_json, short
from glan.vectors import VectorError, pack, pack_unusable, rounded

_MOST_SHOWN = 500
"""Characters that are kept of what is no vector."""


def render_input(request: Request) -> bytes:
    """Return the body of a request for the vector of its last message; `extra` may hold `dimensions`."""
    sampling = request.sampling
    body: dict[str, object] = {
        "model": sampling.model,
        "input": request.messages[-1].content,
        "encoding_format": "float",
    }
    try:
        return msgspec.json.encode(body | dict(sampling.extra))
    except UnicodeEncodeError as error:
        raise RequestError("The request holds lone surrogates, which no server can be sent.") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise UnusableError(f"The setting `extra` holds what cannot be sent as JSON: {error}.") from error


def read_vector(status: int, body: bytes, hide: Hide = str) -> Reply | Trouble:
    """Return the reply in a response, or the trouble that it tells of; `hide` takes the key out of every text."""
    found = read_json(body)
    if not 200 <= status < 300:
        return read_trouble(status, found, hide)
    if not isinstance(found, dict):
        return no_reply(status, "with a body that is no JSON object", body, hide)
    if found.get("error"):
        return told_in_body(status, found["error"], hide)
    data = found.get("data")
    first = data[0] if isinstance(data, list) and data else None
    if not isinstance(first, dict) or "embedding" not in first:
        return Trouble(kind=Kind.LATER, status=status, reason=f"status {status} without a vector in its body")
    return Reply(
        text=_text(first["embedding"], hide),
        finish_reason="stop",
        usage=_usage(found.get("usage")),
        model=short(found.get("model"), hide),
    )


def _text(components: object, hide: Hide) -> str:
    if not isinstance(components, list):
        return _unusable("no list of numbers", components, hide)
    try:
        return pack(rounded(components))
    except VectorError as error:
        return _unusable(str(error), components[:_MOST_SHOWN], hide)


def _unusable(why: str, components: object, hide: Hide) -> str:
    raw = hide(clean(json.dumps(components, ensure_ascii=False)))
    return pack_unusable(why, raw[:_MOST_SHOWN])


def _usage(found: Any) -> Usage:  # noqa: ANN401 - whatever the server said
    counts: Mapping[str, object] = found if isinstance(found, dict) else {}
    prompt = count_of(counts.get("prompt_tokens"))
    prompt = count_of(counts.get("total_tokens")) if prompt is None else prompt
    return Usage(prompt_tokens=prompt, completion_tokens=None if prompt is None else 0)
