"""What a batch costs: the share that the settings or the provider say, and never a guess."""

import pytest

from glan.config import Config
from glan.environment import Environment
from glan.records import OF_A_PAIR, Stage
from glan.settings import Batch, Price, Teachers, TeacherSettings
from glan.teachers.panel import Named, opened
from glan.teachers.prices import batch_price
from glan.teachers.providers import UNKNOWN, Provider, providers

LIVE = Price(input=2.0, output=8.0, cached=0.5)


@pytest.mark.parametrize(
    ("provider", "share", "expected"),
    [
        (None, None, LIVE),
        (UNKNOWN, None, LIVE),
        (Provider(batch=True, batch_share=0.5), None, Price(input=1.0, output=4.0, cached=0.25)),
        (Provider(batch=True, batch_share=0.5), 0.25, Price(input=0.5, output=2.0, cached=0.125)),
        (None, 0.5, Price(input=1.0, output=4.0, cached=0.25)),
    ],
)
def test_a_batch_costs_the_share_that_is_known(provider: Provider | None, share: float | None, expected: Price) -> None:
    """The settings go before the provider, and where neither says a batch costs what a live reply does."""
    assert batch_price(LIVE, provider, share) == expected
    assert batch_price(None, provider, share) is None


def test_who_takes_batches_says_what_they_cost() -> None:
    """Every provider with batches asks less for them, and one without says nothing."""
    for provider in providers().values():
        assert (provider.batch_share < 1) == provider.batch


@pytest.mark.parametrize(
    ("spec", "variable", "share"),
    [("openai/gpt-5-mini", "OPENAI_API_KEY", 0.5), ("any@http://127.0.0.1:9/v1", None, 1.0)],
)
async def test_a_panel_hands_batches_in_at_the_price_of_the_provider(
    spec: str, variable: str | None, share: float
) -> None:
    """At a provider's own address its share holds, and at any other the price of the settings does."""
    settings = TeacherSettings(spec=spec, price=LIVE)
    environment = Environment(variables={variable: "sk-0123456789"} if variable else {})
    async with opened(Config(teachers=Teachers(default=settings)), environment, Named(spec=spec)) as panel:
        assert set(panel.batches) == set(OF_A_PAIR)
        assert panel.batches[Stage.ANSWERS].price == Price(input=2.0 * share, output=8.0 * share, cached=0.5 * share)


async def test_the_settings_may_say_what_a_gateway_asks() -> None:
    """`price_share` holds for a server of which nothing is known."""
    settings = TeacherSettings(spec="any@http://127.0.0.1:9/v1", price=LIVE)
    config = Config(teachers=Teachers(default=settings), batch=Batch(price_share=0.5))
    async with opened(config, Environment(variables={}), Named(spec=settings.spec)) as panel:
        assert panel.batches[Stage.ANSWERS].price == Price(input=1.0, output=4.0, cached=0.25)
