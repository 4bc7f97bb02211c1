"""What a call costs. An unknown price is None, never 0.

The price list is the one inside `genai-prices`; nothing is ever fetched.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from glan.config import Price
from glan.records import Usage
from glan.teachers.providers import Provider, providers
from glan.teachers.specs import OFFLINE

_PER = 1_000_000
"""Prices are for so many tokens."""


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
    return None if prompt is None or reply is None else Price(input=prompt, output=reply, cached=cached)


def _dollars(found: object) -> float | None:
    """Return a price; of one with tiers that of the first, since no request here comes near the second."""
    found = getattr(found, "base", found)
    return float(found) if isinstance(found, Decimal) else None
