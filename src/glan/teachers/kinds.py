"""What it means that a server gave no reply: from a status and its words to a kind of trouble. Pure.

It knows neither bodies of requests nor retries: `http.py` decides what a trouble leads to.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from glan.parsing import clean

_MAX_TOLD_LENGTH = 300
_REFUSALS = frozenset({429, 503, 529})
_MAX_TOKENS = 2**40
"""A count of tokens above this is no count."""

Hide = Callable[[str], str]
"""Takes the key out of a text."""


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
    LOST = "lost"
    """Whoever asked was lost, and took the reply along: it may succeed again, and says nothing of the server."""
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
    """What the server says the trouble is about."""
    refused: str = ""
    """The parameter that the model never takes, whatever its value."""
    is_foreign: bool = False
    """It is nothing that a server of this protocol says, such as a page to log in."""
    retry_after_s: float | None = None
    cause: Exception | None = None

    @property
    def is_refusal(self) -> bool:
        """Say whether the server has enough to do just now, which says nothing of the request."""
        return self.status in _REFUSALS


def count_of(found: object) -> int | None:
    """Return a count of tokens, also from 12.0 or "12"; None for anything else."""
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 14:
        found = int(found)
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < _MAX_TOKENS:
        return None
    return found


@dataclass(frozen=True, slots=True)
class _Fault:
    """What a server says about a request that it did not serve."""

    status: int
    codes: frozenset[str] = frozenset()
    words: str = ""
    param: str = ""

    @property
    def refused(self) -> str:
        """The parameter that the model does not take, as a code or plain words say."""
        if self.status not in {400, 422}:
            return ""
        if self.param and self.codes & _SETTING_CODES:
            return self.param
        named = _PARAMETER.search(self.words) if _NOT_TAKEN.search(self.words) else None
        return "" if named is None else named[1]


_CONTEXT = re.compile(r"context.?length|maximum context|context window|context size|too many tokens|prompt is too long")
_FILTER = re.compile(r"content.?(filter|policy|management)|flagged|data.?inspection")
_CREDIT = re.compile(r"credit balance|insufficient (balance|credits?|funds)|out of credits")
_KEY = re.compile(r"(invalid|incorrect|missing|no|valid) api.?key|api.?key (is )?(not valid|invalid|missing)")
_MODEL = re.compile(
    r"model\b.{0,160}(not exist|not found|not a valid|not available|unknown model)"
    r"|(invalid|unknown|no such) model\b|not a valid model|model.?not.?found"
)
_PINNED = re.compile(r"server is pinned to .*; requested ")
"""Of `transformers serve`. The names of the models stand within, which may have any word."""
_NO_VECTORS = re.compile(r"not support.{0,30}embedding|embedding.{0,30}not (supported|enabled|available)")
"""Of a server whose model only writes."""
_FORM = re.compile(r"response.?format|json.?schema|json.?object|structured|guided|grammar")

_NOT_TAKEN = re.compile(
    r"not (supported|permitted|allowed|recognized|available)|unsupported|unrecognized|unknown|unexpected"
    r"|isn't supported|does not support|only the default|extra (inputs|fields)|cannot (find field|both be specified)"
    r"|use \W?max_(completion_)?tokens"
)
_PARAMETER = re.compile(
    r"\b(max_completion_tokens|max_tokens|temperature|top_p|reasoning_effort|chat_template_kwargs|reasoning|thinking)\b"
)
"""Parameters that some models do not take."""
_LIMIT_NAMES = frozenset({"max_tokens", "max_completion_tokens"})

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
    (Kind.MODEL, lambda fault: fault.codes & _MODEL_CODES or _PINNED.match(fault.words)),
    (Kind.MISSING, lambda fault: _NO_VECTORS.search(fault.words)),
    (Kind.LATER, lambda fault: fault.status in _LATER_STATUSES or (fault.status >= 500 and fault.status != 501)),
    (Kind.REFUSED, lambda fault: fault.codes & _CONTEXT_CODES or _CONTEXT.search(fault.words)),
    (Kind.MODEL, lambda fault: fault.status == 404 and _MODEL.search(fault.words)),
    (Kind.FORM, lambda fault: fault.param.startswith("response_format") or _FORM.search(fault.words)),
    (Kind.LIMIT_NAME, lambda fault: fault.refused in _LIMIT_NAMES),
    (Kind.SETTING, lambda fault: fault.param and fault.codes & _SETTING_CODES),
    (Kind.MODEL, lambda fault: fault.status == 400 and _MODEL.search(fault.words)),
    (Kind.MISSING, lambda fault: fault.status in {404, 405, 410}),
    (Kind.FORM, lambda fault: fault.status in {400, 415, 422, 501}),
)


def read_trouble(status: int, found: object, hide: Hide) -> Trouble:
    if isinstance(found, list) and found:
        found = found[0]
    error = found.get("error", found) if isinstance(found, dict) else found
    return _judged(status, f"status {status}", error, hide)


def told_in_body(status: int, error: object, hide: Hide) -> Trouble:
    """Judge an error that came with a status of success: by the status that it names, else as one that may pass."""
    code = count_of(error.get("code")) if isinstance(error, dict) else None
    if code is None or not 400 <= code < 600:
        return _judged(502, f"status {status} with an error in its body", error, hide)
    return _judged(code, f"status {status} with error {code} in its body", error, hide)


def _judged(status: int, reason: str, error: object, hide: Hide) -> Trouble:
    fields = error if isinstance(error, dict) else {"message": error}
    told = next((text for name in ("message", "detail", "error") if (text := _words(fields.get(name)))), "")
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
        refused=hide(fault.refused),
    )


def _words(found: object) -> str:
    """Return what a server says in a text, or in a list of what is wrong where: `body.temperature: Not permitted`."""
    if isinstance(found, dict):
        found = found.get("detail")
    if not isinstance(found, list):
        return found if isinstance(found, str) else ""
    faults = [each for each in found[:10] if isinstance(each, dict)]
    places = [each["loc"] if isinstance(each.get("loc"), list) else [] for each in faults]
    return "; ".join(
        f"{'.'.join(map(str, place))}: {each.get('msg')}" for place, each in zip(places, faults, strict=True)
    )


def _code(found: object) -> str:
    """Return a code, which is one plain word; whatever else stands there varies or is prose."""
    return found if isinstance(found, str) and re.fullmatch(r"[A-Za-z][\w.\-\[\]]{1,59}", found) else ""
