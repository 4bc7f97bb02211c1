"""Budgets that are never passed."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.config import Price
from glan.errors import BudgetError, ConfigError, RequestError
from glan.records import Message, Reply, Request, Sampling, Stage, Usage
from glan.teachers.limits import Amount, Budget, Budgeted, worst_case
from glan.teachers.permits import Permits

PRICE = Price(input=1.0, output=10.0)


async def settled() -> None:
    """Let everything that can run do so."""
    for _ in range(20):
        await asyncio.sleep(0)


def ask(content: str = "x" * 200, *, max_tokens: int = 100, extra: dict[str, object] | None = None) -> Request:
    return Request(
        id="answer/a/b/0",
        stage=Stage.ANSWERS,
        messages=(Message(role="user", content=content),),
        sampling=Sampling(model="m", max_tokens=max_tokens, extra=extra or {}),
    )


@dataclass(slots=True)
class Metered:
    """A teacher that uses a given number of tokens, and waits until it is told to answer."""

    usage: Usage = field(default_factory=lambda: Usage(prompt_tokens=50, completion_tokens=10))
    cost: float | None = None
    error: Exception | None = None
    wait: Callable[[], Coroutine[object, object, object]] = settled
    n_calls: int = 0
    check: Callable[[], None] = lambda: None

    async def reply(self, request: Request) -> Reply:
        self.n_calls += 1
        self.check()
        await self.wait()
        if self.error is not None:
            raise self.error
        return Reply(text=request.id, usage=self.usage, cost_usd=self.cost)


def test_the_worst_case_is_a_prompt_not_cached_and_a_full_reply() -> None:
    """A token is reckoned for two bytes of the prompt, and the whole room for the reply, at list price."""
    found = worst_case(ask(), PRICE)
    assert 200 <= found.tokens <= 250
    assert found.usd == pytest.approx(((found.tokens - 100) * 1.0 + 100 * 10.0) / 1e6)
    assert worst_case(ask(), None).usd == 0.0
    assert worst_case(ask("ü" * 200), PRICE).tokens > found.tokens
    assert worst_case(ask("\ud800" * 200), PRICE).tokens >= found.tokens


def test_the_worst_case_knows_a_dearer_cache() -> None:
    """Where cached tokens cost more than others, they are the worst case."""
    assert worst_case(ask(), Price(input=1.0, output=10.0, cached=5.0)).usd > worst_case(ask(), PRICE).usd


@pytest.mark.parametrize(
    ("extra", "room"),
    [
        ({"max_tokens": 300}, 300),
        ({"max_completion_tokens": 300}, 300),
        ({"max_tokens": 3}, 100),
        ({"max_tokens": "300"}, 100),
        ({"n": 4}, 400),
        ({"n": -4, "max_tokens": -1}, 100),
    ],
)
def test_the_worst_case_reads_extra(extra: dict[str, object], room: int) -> None:
    """What `extra` asks for beyond the setting is reckoned with."""
    assert worst_case(ask(extra=extra), PRICE).tokens - worst_case(ask(), PRICE).tokens == room - 100


async def test_what_was_used_is_booked() -> None:
    """After a call its real tokens and cost are booked, and nothing stays reserved."""
    budget = Budget(max_usd=1.0, spent=Amount(tokens=1_000, usd=0.5))
    await Budgeted(Metered(), budget, price=PRICE).reply(ask())
    assert budget.spent == Amount(tokens=1_060, usd=0.5 + (50 * 1.0 + 10 * 10.0) / 1e6)
    assert budget.reserved == Amount()


async def test_the_cost_on_the_reply_goes_first() -> None:
    """A cost that came with the reply is booked as it is."""
    budget = Budget(max_usd=1.0)
    await Budgeted(Metered(cost=0.25), budget, price=PRICE).reply(ask())
    assert budget.spent == Amount(tokens=60, usd=0.25)


@pytest.mark.parametrize("usage", [Usage(), Usage(prompt_tokens=5), Usage(completion_tokens=5)])
async def test_an_unknown_usage_is_booked_at_its_worst(usage: Usage) -> None:
    """Where the server does not count, the worst case is booked."""
    budget = Budget(max_usd=1.0)
    await Budgeted(Metered(usage=usage), budget, price=PRICE).reply(ask())
    assert budget.spent == worst_case(ask(), PRICE)


async def test_a_failed_call_books_nothing() -> None:
    """A call without a reply frees what was set aside, also when it is cancelled."""
    budget = Budget(max_tokens=1_000)
    with pytest.raises(RequestError):
        await Budgeted(Metered(error=RequestError("no")), budget).reply(ask())
    task = asyncio.create_task(Budgeted(Metered(wait=asyncio.Event().wait), budget).reply(ask()))
    await settled()
    assert budget.reserved.tokens > 0
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (budget.spent, budget.reserved) == (Amount(), Amount())


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        pytest.param(Budget(max_tokens=200), "200 tokens", id="tokens"),
        pytest.param(Budget(max_usd=0.001), r"0\.001 US dollars", id="dollars"),
        pytest.param(Budget(max_usd=0.0), "US dollars", id="nothing"),
        pytest.param(Budget(max_usd=9.0, spent=Amount(usd=9.0)), "9.0000", id="spent before"),
    ],
)
async def test_what_could_pass_the_cap_is_not_sent(budget: Budget, told: str) -> None:
    """A call whose worst case passes the cap raises, and the teacher is not asked."""
    teacher = Metered()
    with pytest.raises(BudgetError, match=told) as caught:
        await Budgeted(teacher, budget, price=PRICE).reply(ask())
    assert teacher.n_calls == 0
    assert "--budget-" in caught.value.hint


async def test_a_call_waits_for_what_is_in_flight() -> None:
    """While calls in flight may turn out cheaper than their worst case, the next one waits for them."""
    worst = worst_case(ask(), None).tokens
    budget = Budget(max_tokens=2 * worst)
    teacher = Budgeted(Metered(), budget)
    replies = await asyncio.gather(*(teacher.reply(ask()) for _ in range(4)), return_exceptions=True)
    assert [type(reply) for reply in replies] == [Reply] * 4
    assert budget.spent.tokens == 240


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=30),
    st.integers(0, 6_000),
    st.integers(1, 8),
)
@settings(max_examples=100, deadline=None)
def test_the_cap_is_never_passed(usages: list[tuple[int, int]], max_tokens: int, max_in_flight: int) -> None:
    """However the calls go, what is spent and set aside stays within the cap, and each call is answered or refused."""
    asyncio.run(stay_within(usages, max_tokens, max_in_flight))


async def stay_within(usages: list[tuple[int, int]], max_tokens: int, max_in_flight: int) -> None:
    budget = Budget(max_tokens=max_tokens)
    permits, rng = Permits(max_in_flight), random.Random(0)

    def check() -> None:
        assert budget.spent.tokens + budget.reserved.tokens <= max_tokens

    async def wait() -> None:
        for _ in range(rng.randrange(5)):
            await asyncio.sleep(0)

    async def one(prompt: int, reply: int) -> Reply:
        usage = Usage(prompt_tokens=prompt, completion_tokens=reply)
        async with permits.at(0):
            return await Budgeted(Metered(usage=usage, check=check, wait=wait), budget).reply(ask())

    async with asyncio.timeout(10):
        found = await asyncio.gather(*(one(*usage) for usage in usages), return_exceptions=True)
    answered = [sum(usage) for usage, reply in zip(usages, found, strict=True) if isinstance(reply, Reply)]
    assert all(isinstance(reply, Reply | BudgetError) for reply in found)
    assert budget.spent.tokens == sum(answered) <= max_tokens
    assert budget.reserved == Amount()
    if len(answered) < len(usages):
        assert budget.spent.tokens + worst_case(ask(), None).tokens > max_tokens


def test_a_cap_in_dollars_needs_a_price() -> None:
    """Without a price, a cap in dollars is an error that names the setting; one in tokens is none."""
    with pytest.raises(ConfigError, match="price") as caught:
        Budgeted(Metered(), Budget(max_usd=1.0))
    assert "`price`" in caught.value.hint
    Budgeted(Metered(), Budget(max_tokens=1))


def test_without_a_cap_everything_fits() -> None:
    """A budget without caps only counts."""
    budget = Budget()
    budget.reserve(Amount(tokens=10**12, usd=1e9))
    budget.settle(Amount(tokens=10**12, usd=1e9), Amount(tokens=7, usd=0.5))
    assert budget.spent == Amount(tokens=7, usd=0.5)
