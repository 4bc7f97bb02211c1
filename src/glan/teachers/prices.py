"""What a call costs, and what it can cost at most. An unknown price is None, never 0.

The price list is the one inside `genai-prices`; nothing is ever fetched.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from glan.errors import StoppedError, TeacherError
from glan.records import Record, Reply, Request, TimedOut, Usage
from glan.settings import Price
from glan.teachers.providers import Provider, providers
from glan.teachers.specs import OFFLINE

MOST_TIMEOUTS = 2
"""A whole time-out is long, and what met one may be billed: a request that met two of them is given up."""
_PER = 1_000_000
"""Prices are for so many tokens."""


class Amount(Record, frozen=True, kw_only=True):
    """Tokens of prompt and reply, and what they cost as far as the price is known."""

    tokens: int = 0
    usd: float = 0.0

    def plus(self, other: "Amount") -> "Amount":
        """Return both together."""
        return Amount(tokens=self.tokens + other.tokens, usd=self.usd + other.usd)

    def minus(self, other: "Amount") -> "Amount":
        """Return what is left of it without the other."""
        return Amount(tokens=self.tokens - other.tokens, usd=self.usd - other.usd)


def price_of(model: str, provider: str, given: Price | None) -> Price | None:
    """Return the price of a model: the given one, else the list's; None where neither says.

    Args:
        model: the model's name at the provider.
        provider: the endpoint's name; a server at another address has a price of its own, which no list knows.
        given: the price in the settings.

    """
    if given is not None:
        return given
    if provider == OFFLINE:
        return Price(input=0.0, output=0.0)
    known = providers().get(provider)
    return _listed(model, provider) if known is not None and known.key is not None else None


def cost_usd(price: Price | None, usage: Usage) -> float | None:
    """Return what a call cost; None where the price or the count of tokens is unknown."""
    if price is None:
        return None
    if price.input == price.output == 0:
        return 0.0
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    cached = min(usage.cached_tokens or 0, usage.prompt_tokens)
    cached_price = price.input if price.cached is None else price.cached
    return (
        (usage.prompt_tokens - cached) * price.input + cached * cached_price + usage.completion_tokens * price.output
    ) / _PER


def batch_price(price: Price | None, provider: Provider | None, share: float | None) -> Price | None:
    """Return what tokens cost in a batch; what is unknown live stays unknown.

    Args:
        price: what they cost live.
        provider: who takes the batch, as far as it is known.
        share: what the settings say that a batch costs of it.

    """
    if share is None:
        share = 1.0 if provider is None else provider.batch_share
    if price is None:
        return None
    cached = None if price.cached is None else price.cached * share
    return Price(input=price.input * share, output=price.output * share, cached=cached)


_BYTES_PER_TOKEN = 2
"""Fewest UTF-8 bytes of a token, on average over a prompt; English has about 4."""
_MESSAGE_TOKENS = 16
_SCHEMA_TOKENS = 400
_LIMIT_NAMES = ("max_tokens", "max_completion_tokens")


def worst_case(request: Request, price: Price | None) -> Amount:
    """Return the most that a request can take, at list price: a prompt not cached and a reply that fills its room."""
    length_bytes = sum([_size(message.content) for message in request.messages])
    prompt = -(-length_bytes // _BYTES_PER_TOKEN) + _MESSAGE_TOKENS * len(request.messages)
    if request.schema is not None:
        prompt += _SCHEMA_TOKENS
    reply, extra = request.sampling.max_tokens, request.sampling.extra
    if extra:
        room = max(reply, *(_positive(extra, name) for name in _LIMIT_NAMES))
        reply = room * max(1, _positive(extra, "n"))
    cost = cost_usd(_dearest(price), Usage(prompt_tokens=prompt, completion_tokens=reply))
    return Amount(tokens=prompt + reply, usd=cost or 0.0)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def most_taken(request: Request, price: Price | None) -> Amount:
    """Return the most that a request can take with all its tries: each that timed out may have been billed."""
    worst = worst_case(request, price)
    return Amount(tokens=MOST_TIMEOUTS * worst.tokens, usd=MOST_TIMEOUTS * worst.usd)


def timed_out(request: Request, price: Price | None, tries: int) -> TimedOut:
    """Return what so many tries that timed out can have taken at most."""
    worst = worst_case(request, price)
    return TimedOut(tries=tries, tokens=tries * worst.tokens, cost_usd=None if price is None else tries * worst.usd)


def _dearest(price: Price | None) -> Price | None:
    return None if price is None else Price(input=max(price.input, price.cached or 0.0), output=price.output)


def _positive(extra: Mapping[str, object], name: str) -> int:
    found = extra.get(name)
    return max(found, 0) if isinstance(found, int) else 0


def used(request: Request, outcome: Reply | TeacherError | StoppedError, price: Price | None) -> Amount:
    """Return what a call took, with what timed out before it; where the server did not count, the worst case."""
    lost = Amount(tokens=outcome.timed_out.tokens, usd=outcome.timed_out.cost_usd or 0.0)
    if not isinstance(outcome, Reply):
        return lost
    usage = outcome.usage
    cost = cost_usd(price, usage) if outcome.cost_usd is None else outcome.cost_usd
    if usage.prompt_tokens is not None and usage.completion_tokens is not None and cost is not None:
        return lost.plus(Amount(tokens=usage.prompt_tokens + usage.completion_tokens, usd=cost))
    worst = worst_case(request, price)
    counted = usage.prompt_tokens is not None and usage.completion_tokens is not None
    tokens = (usage.prompt_tokens or 0) + (usage.completion_tokens or 0) if counted else worst.tokens
    return lost.plus(Amount(tokens=tokens, usd=worst.usd if cost is None else cost))


def _listed(model: str, provider: str) -> Price | None:
    """Return the dearest price of today: some providers are cheaper by night."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    found = [_listed_at(model, provider, midnight + timedelta(hours=hour)) for hour in range(24)]
    return max(
        (price for price in found if price is not None), key=lambda price: (price.output, price.input), default=None
    )


def _listed_at(model: str, provider: str, moment: datetime) -> Price | None:
    import genai_prices  # noqa: PLC0415 - it takes 0.4 s to load, and only a listed provider needs it

    try:
        found = genai_prices.calc_price(
            genai_prices.Usage(input_tokens=1, output_tokens=1),
            model,
            provider_id=provider,
            genai_request_timestamp=moment,
        ).model_price
    except (LookupError, ValueError):
        return None
    prompt, reply, cached = _dollars(found.input_mtok), _dollars(found.output_mtok), _dollars(found.cache_read_mtok)
    if prompt is None:
        return None
    return Price(input=prompt, output=reply or 0.0, cached=cached)  # a model that makes embeddings writes nothing


def _dollars(found: object) -> float | None:
    """Return a price; of one with tiers that of the first, since no request here comes near the second."""
    found = getattr(found, "base", found)
    return float(found) if isinstance(found, Decimal) else None
