"""What a server says of a model in its list, `GET /models`: whether it is there, and how long its context is. Pure.

    {"data": [{"id": "qwen3:8b", "max_model_len": 32768}]}

To ask for the list costs nothing. What the list does not say is None, and never guessed.
"""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from glan.records import Record

_LENGTHS = ("max_model_len", "context_length", "context_window", "max_context_length", "loaded_context_length", "n_ctx")
"""Names of the context's length: of vLLM and SGLang, OpenRouter and Together, Groq, Mistral, LM Studio, llama.cpp."""
_WITHIN = ("top_provider", "meta")
"""Tables of a model in which such a name may stand too."""
_MAX_TOKENS = 2**40
_MOST_NAMES = 1_000
_LONGEST_NAME = 80
_NEAREST = 3


class Listing(Record, frozen=True, kw_only=True):
    """What the list of a server says of one model."""

    host: str
    has_key: bool
    """Whether a key was sent."""
    is_given: bool = False
    """Whether the server has such a list, and shows it."""
    has_model: bool | None = None
    """Whether the model is in it; servers may answer for others too."""
    nearest: tuple[str, ...] = ()
    """Names in the list that are most like that of a model which is not."""
    context_tokens: int | None = None
    """The longest context; where several are named, the shortest of them."""


@runtime_checkable
class Listed(Protocol):
    """A teacher that can say what its server lists."""

    async def listed(self, model: str) -> Listing:
        """Return what the server lists of a model.

        Raises:
            UnusableError: no server answers, or it does not accept the key.

        """
        ...


def read_listing(body: bytes, model: str, *, host: str, has_key: bool) -> Listing:
    """Return what a list says of a model; a body that is no list says nothing."""
    try:
        found = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        found = None
    listed = found.get("data") if isinstance(found, dict) else found
    if not isinstance(listed, list):
        return Listing(host=host, has_key=has_key)
    models = [each for each in listed if isinstance(each, dict)]
    ours = next((each for each in models if _is_named(each, model)), None)
    return Listing(
        host=host,
        has_key=has_key,
        is_given=True,
        has_model=ours is not None,
        nearest=_nearest(models, model) if ours is None else (),
        context_tokens=None if ours is None else min(_lengths(ours), default=None),
    )


def together(found: Sequence[Listing]) -> Listing:
    """Return what holds for all servers of a teacher: a model is there where each has it, and the shortest context."""
    has_model = [listing.has_model for listing in found]
    return Listing(
        host=", ".join(listing.host for listing in found),
        has_key=all(listing.has_key for listing in found),
        is_given=all(listing.is_given for listing in found),
        nearest=next((listing.nearest for listing in found if listing.nearest), ()),
        has_model=False if False in has_model else None if None in has_model else True,
        context_tokens=min((each.context_tokens for each in found if each.context_tokens is not None), default=None),
    )


def _is_named(found: Mapping[str, Any], model: str) -> bool:
    """Say whether an entry is of a model; some servers add a folder or the tag `latest` to its name."""
    name = str(found.get("id") or "").casefold().removeprefix("models/").removesuffix(":latest")
    return name == model.casefold().removeprefix("models/").removesuffix(":latest")


def _nearest(models: Sequence[Mapping[str, Any]], model: str) -> tuple[str, ...]:
    """Return the names that are most like a model's, the nearest first, each on one line and not too long."""
    texts = [found["id"] for found in models[:_MOST_NAMES] if isinstance(found.get("id"), str)]
    names = {" ".join(text[:_LONGEST_NAME].split()): None for text in texts}
    return tuple(difflib.get_close_matches(model[:_LONGEST_NAME], filter(None, names), n=_NEAREST, cutoff=0.0))


def _lengths(found: Mapping[str, Any]) -> Iterator[int]:
    for table in (found, *(found.get(name) for name in _WITHIN)):
        if isinstance(table, dict):
            for name in _LENGTHS:
                length = table.get(name)
                if isinstance(length, int) and not isinstance(length, bool) and 0 < length < _MAX_TOKENS:
                    yield length
