"""Prices, and what a call costs."""

import socket
from datetime import UTC, datetime

import genai_prices
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.records import Usage
from glan.settings import Price
from glan.teachers.prices import cost_usd, price_of

PRICE = Price(input=2.0, output=10.0, cached=0.5)
COUNTS = st.integers(0, 10**9)


def test_the_given_price_goes_first() -> None:
    """What the settings say holds for any model and provider."""
    for provider in ("openai", "offline", "localhost:8000"):
        assert price_of("gpt-4", provider, PRICE) is PRICE


def test_the_list_knows_hosted_models() -> None:
    """A model of a provider has its list price, with a price for cached tokens where there is one."""
    assert price_of("gpt-4", "openai", None) == Price(input=30.0, output=60.0)
    mini = price_of("gpt-4o-mini", "openai", None)
    assert mini is not None
    assert mini.cached is not None
    assert 0 < mini.cached < mini.input < mini.output


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        pytest.param("no-such-model", "openai", id="unknown model"),
        pytest.param("", "openai", id="no model"),
        pytest.param("whisper-large-v3", "groq", id="priced by the hour"),
        pytest.param("gpt-4", "localhost:8000", id="this machine"),
        pytest.param("gpt-4", "my-openai-proxy.example", id="another address"),
        pytest.param("llama3", "ollama", id="local server"),
        pytest.param("gpt-4", "server", id="any server"),
        pytest.param("gpt-4", "", id="no provider"),
    ],
)
def test_an_unknown_price_is_none(model: str, provider: str) -> None:
    """Where neither settings nor list know a price, there is none; it is not 0."""
    assert price_of(model, provider, None) is None


def test_the_offline_teacher_costs_nothing() -> None:
    """The one price that is known to be 0."""
    price = price_of("offline-textbook", "offline", None)
    assert price == Price(input=0.0, output=0.0)
    assert cost_usd(price, Usage()) == 0.0


def test_a_price_by_the_hour_of_the_day_is_the_dearest() -> None:
    """A provider that is cheaper by night is reckoned at its price by day."""
    hours = [datetime.now(UTC).replace(hour=hour, minute=0) for hour in range(24)]
    usage = genai_prices.Usage(input_tokens=0, output_tokens=1_000_000)
    by_hour = {
        float(
            genai_prices.calc_price(
                usage, "deepseek-chat", provider_id="deepseek", genai_request_timestamp=hour
            ).total_price
        )
        for hour in hours
    }
    price = price_of("deepseek-chat", "deepseek", None)
    assert price is not None
    assert price.output == max(by_hour)


def test_the_list_is_never_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A price is looked up without a socket."""

    def refuse(*_: object, **__: object) -> socket.socket:
        pytest.fail("A price was fetched.")

    monkeypatch.setattr(socket, "socket", refuse)
    assert price_of("gpt-4o", "openai", None) is not None
    assert price_of("no-such-model", "openai", None) is None


def test_a_call_costs_its_tokens() -> None:
    """Prompt, cached prompt and reply have their own prices, for a million tokens each."""
    usage = Usage(prompt_tokens=3_000, completion_tokens=1_000, cached_tokens=1_000)
    assert cost_usd(PRICE, usage) == pytest.approx((2_000 * 2.0 + 1_000 * 0.5 + 1_000 * 10.0) / 1e6)
    assert cost_usd(Price(input=2.0, output=10.0), usage) == pytest.approx((3_000 * 2.0 + 1_000 * 10.0) / 1e6)


@pytest.mark.parametrize(
    ("price", "usage"),
    [
        (None, Usage(prompt_tokens=1, completion_tokens=1)),
        (PRICE, Usage(prompt_tokens=1)),
        (PRICE, Usage(completion_tokens=1)),
        (PRICE, Usage()),
    ],
)
def test_an_unknown_cost_is_none(price: Price | None, usage: Usage) -> None:
    """Without a price or a count of tokens, the cost is unknown."""
    assert cost_usd(price, usage) is None


@given(COUNTS, COUNTS, st.none() | COUNTS)
@settings(max_examples=200, deadline=None)
def test_a_cache_makes_nothing_dearer(prompt: int, reply: int, cached: int | None) -> None:
    """However many tokens are said to be cached, a call costs at least 0 and at most its uncached price."""
    full = cost_usd(PRICE, Usage(prompt_tokens=prompt, completion_tokens=reply))
    found = cost_usd(PRICE, Usage(prompt_tokens=prompt, completion_tokens=reply, cached_tokens=cached))
    assert full is not None
    assert found is not None
    assert 0 <= found <= full
