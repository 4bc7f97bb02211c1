"""The fingerprint of a request: 16 bytes that change when what the request meant changes.

It holds the model, the messages, the schema's name, temperature, top-p and `extra`, `reasoning` where it is set, and
the sample and attempt number.
It refuses to know how and where a request is sent: `max_tokens`, rank, id and stage are no part of it.
Changing anything here asks every ledger's replies anew.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Protocol

from glan.errors import ConfigError
from glan.records import Request, Sampling

SIZE_BYTES = 16

_MAX_PREPARED = 256
"""A run has one sampling a stage and a few with more room; whoever makes one a request must not fill the memory."""


class _Hash(Protocol):
    def copy(self) -> "_Hash": ...

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


_prepared: dict[tuple[int, str | None], tuple[Sampling, _Hash]] = {}
"""What depends on the sampling alone, by the identity of the sampling, which stands beside it to stay alive."""


def fingerprint(request: Request) -> bytes:
    """Return the fingerprint of a request; a sampling must not change once it was used.

    Raises:
        ConfigError: `extra` holds what JSON cannot.

    """
    sampling, schema = request.sampling, request.schema
    found = _prepared.get((id(sampling), schema))
    if found is None:
        found = _prepare(sampling, schema)
    digest = found[1].copy()
    parts = [b"%d %d %d" % (request.sample, request.attempt, len(request.messages))]
    for message in request.messages:
        role = message.role.encode("utf-8", "surrogatepass")
        content = message.content.encode("utf-8", "surrogatepass")
        parts += (b"\n%d %d\n" % (len(role), len(content)), role, content)
    digest.update(b"".join(parts))
    return digest.digest()


def _prepare(sampling: Sampling, schema: str | None) -> tuple[Sampling, _Hash]:
    head: list[object] = [
        sampling.model,
        schema,
        _number(sampling.temperature),
        _number(sampling.top_p),
        sampling.extra,
    ]
    if sampling.reasoning is not None:
        head.append(sampling.reasoning)
    try:
        text = json.dumps(head, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"The extra settings of the model {sampling.model!r} cannot be sent as JSON: {error}.",
            hint="Use text, numbers, true and false, lists and tables only.",
        ) from error
    data = text.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(b"%d\n" % len(data) + data + b"\n", digest_size=SIZE_BYTES, person=b"glan request 1")
    if len(_prepared) >= _MAX_PREPARED:
        _prepared.clear()
    return _prepared.setdefault((id(sampling), schema), (sampling, digest))


def _number(value: float | None) -> float | None:
    """Return 1 as 1.0 and -0.0 as 0.0: they mean the same."""
    return None if value is None else float(value) + 0.0


def _plain(value: object) -> dict[object, object]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} is a {type(value).__name__}")
