"""What stands in an exchange over /v1/embeddings with the simulated server: one text in, one vector out."""

import msgspec

from glan.records import Message, Reply, Request, Sampling, Stage
from glan.teachers.exchange import decoded, refuse
from glan.vectors import VectorError, unit, unpack


class _Input(msgspec.Struct):
    model: str
    input: str | list[str]
    dimensions: int | None = None
    encoding_format: str = "float"


_INPUT = msgspec.json.Decoder(_Input)


def read_input(raw: bytes) -> Request:
    """Return the request that a body stands for.

    Raises:
        TurnedDownError: it is not JSON, lacks something, or asks for what a simulated server does not do.

    """
    body = decoded(raw, _INPUT)
    texts = [body.input] if isinstance(body.input, str) else body.input
    refuse(
        (len(texts) != 1, f"'input' has {len(texts)} texts; one at a time is supported."),
        (not all(texts), "'input' is empty."),
        (body.encoding_format != "float", f"'encoding_format' is {body.encoding_format!r}; only 'float' is supported."),
        (body.dimensions is not None and not 1 <= body.dimensions <= 4_096, "'dimensions' is not 1 to 4096."),
    )
    return Request(
        id="",
        stage=Stage.EMBEDDINGS,
        messages=(Message(role="user", content=texts[0]),),
        sampling=Sampling(
            model=body.model,
            max_tokens=0,
            extra={} if body.dimensions is None else {"dimensions": body.dimensions},
        ),
    )


def embeddings(reply: Reply, model: str) -> bytes:
    """Return the body of a response that holds a vector; zeros, where the reply is spoilt."""
    try:
        components = unit(unpack(reply.text))
    except VectorError:
        components = [0.0, 0.0, 0.0]
    tokens = reply.usage.prompt_tokens or 0
    return msgspec.json.encode(
        {
            "object": "list",
            "model": reply.model or model,
            "data": [{"object": "embedding", "index": 0, "embedding": components}],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )
