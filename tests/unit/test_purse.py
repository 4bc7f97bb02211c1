"""Budgets that are never passed: what a call takes at most, and what is set aside for it in the ledger."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from glan.errors import BudgetError, LedgerError, RequestError, UnusableError
from glan.records import Message, Reply, Request, Sampling, Stage, TimedOut, Usage
from glan.settings import Price
from glan.teachers.ledger import Ledger
from glan.teachers.ledger_rows import Aside, RunTotals
from glan.teachers.ledgered import Ledgered, PossiblyPaid, Tally
from glan.teachers.limits import Budget, Meter
from glan.teachers.permits import Permits
from glan.teachers.prices import MOST_TIMEOUTS, Amount, most_taken, timed_out, used, worst_case
from glan.teachers.purse import Call, Purse

PRICE = Price(input=1.0, output=10.0)
PRICES = {Stage.ANSWERS: PRICE}


async def settled() -> None:
    """Let everything that can run do so."""
    for _ in range(20):
        await asyncio.sleep(0)


def ask(
    content: str = "x" * 200, *, max_tokens: int = 100, extra: dict[str, object] | None = None, number: int = 0
) -> Request:
    return Request(
        id=f"answer/a/b/{number}",
        stage=Stage.ANSWERS,
        messages=(Message(role="user", content=content),),
        sampling=Sampling(model="m", max_tokens=max_tokens, extra=extra or {}),
    )


@dataclass(slots=True)
class Metered:
    """A teacher that uses a given number of tokens, and waits until it is told to answer."""

    usage: Usage = field(default_factory=lambda: Usage(prompt_tokens=50, completion_tokens=10))
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
        return Reply(text=request.id, usage=self.usage)


@dataclass(slots=True)
class Kept:
    """What a purse has set aside, in the order in which it was written."""

    asides: list[Aside] = field(default_factory=list)

    def __call__(self, aside: Aside) -> None:
        self.asides.append(aside)


def begun(purse: Purse) -> Call:
    """Return a call that was set aside at once."""
    call = purse.begin(ask())
    assert call is not None
    return call


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


@pytest.mark.parametrize("tries", [0, 1, 2])
def test_all_tries_of_a_request_fit_into_what_is_set_aside(tries: int) -> None:
    """As many tries as may time out, and a reply after all but the last of them, are no more than the most."""
    most, worst = most_taken(ask(), PRICE), worst_case(ask(), PRICE)
    full = Usage(prompt_tokens=worst.tokens - 100, completion_tokens=100)
    found = timed_out(ask(), PRICE, tries)
    assert found == TimedOut(tries=tries, tokens=tries * worst.tokens, cost_usd=tries * worst.usd)
    if tries == MOST_TIMEOUTS:
        error = RequestError("no whole reply in time")
        error.timed_out = found
        taken = used(ask(), error, PRICE)
    else:
        taken = used(ask(), Reply(text="x", usage=full, timed_out=found), PRICE)
    assert taken.tokens <= most.tokens
    assert taken.usd <= most.usd + 1e-12


def test_what_timed_out_at_an_unknown_price_has_no_cost() -> None:
    """Its tokens are known at the most, its cost is not."""
    assert timed_out(ask(), None, 1).cost_usd is None
    assert timed_out(ask(), None, 1).tokens > 0


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(
            Reply(text="x", usage=Usage(prompt_tokens=50, completion_tokens=10)),
            Amount(tokens=60, usd=(50 * 1.0 + 10 * 10.0) / 1e6),
            id="counted",
        ),
        pytest.param(
            Reply(text="x", usage=Usage(prompt_tokens=50, completion_tokens=10), cost_usd=0.25),
            Amount(tokens=60, usd=0.25),
            id="the cost on the reply goes first",
        ),
        pytest.param(Reply(text="x"), worst_case(ask(), PRICE), id="not counted"),
        pytest.param(Reply(text="x", usage=Usage(prompt_tokens=5)), worst_case(ask(), PRICE), id="half counted"),
    ],
)
async def test_what_was_used_is_booked(reply: Reply, expected: Amount) -> None:
    """After a call its real tokens and cost are booked, or the worst case, and nothing stays set aside."""
    budget = Budget(max_usd=1.0, spent=Amount(tokens=1_000, usd=0.5))
    with begun(Purse(budget, PRICES)) as call:
        assert budget.reserved == most_taken(ask(), PRICE)
        call.settle(reply)
    assert budget.spent == Amount(tokens=1_000, usd=0.5).plus(expected)
    assert (budget.reserved, budget.lost) == (Amount(), Amount())


async def test_a_failed_call_books_what_timed_out() -> None:
    """A failure after a time-out may have been paid for; one without frees all that was set aside."""
    budget = Budget(max_usd=1.0)
    for tries in (0, 2):
        error = RequestError("no")
        error.timed_out = timed_out(ask(), PRICE, tries)
        with begun(Purse(budget, PRICES)) as call:
            call.settle(error)
        assert budget.spent == Amount(tokens=tries * worst_case(ask(), None).tokens, usd=error.timed_out.cost_usd or 0)
    assert budget.reserved == Amount()


async def test_a_call_that_is_given_up_stays_set_aside() -> None:
    """Of a call that was cancelled in flight nobody knows whether it was paid for; it keeps nobody waiting."""
    kept, worst = Kept(), most_taken(ask(), PRICE)
    purse = Purse(Budget(max_tokens=10_000), PRICES, kept)

    async def hang() -> None:
        with begun(purse):
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await settled()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (purse.budget.open_calls, purse.budget.reserved, purse.budget.lost) == (0, Amount(), worst)
    assert purse.lost == TimedOut(tries=1, tokens=worst.tokens, cost_usd=worst.usd)
    purse.close()
    assert kept.asides[-1] == Aside(calls=1, tokens=worst.tokens, usd=worst.usd)


async def test_the_ledger_knows_at_any_time_of_all_that_is_in_flight() -> None:
    """What is written before a call is sent covers it, in few writes, and at the end nothing is left of it."""
    kept = Kept()
    budget = Budget(max_usd=1.0)
    purse = Purse(budget, PRICES, kept)
    most = most_taken(ask(), PRICE)
    calls = []
    for number in range(1, 201):
        calls.append(begun(purse))
        last = kept.asides[-1]
        assert last.tokens >= number * most.tokens
        assert (last.usd or 0.0) >= number * most.usd - 1e-9
        assert last.calls >= number
    assert len(kept.asides) < 20
    for call in calls:
        with call:
            call.settle(Reply(text="x", usage=Usage(prompt_tokens=1, completion_tokens=1)))
    purse.close()
    assert kept.asides[-1] == Aside()


async def test_what_is_written_ahead_stays_within_the_cap() -> None:
    """A run that dies near its cap does not book more than the cap."""
    kept = Kept()
    most = most_taken(ask(), PRICE)
    budget = Budget(max_tokens=most.tokens + 5, max_usd=most.usd + 1e-6)
    with begun(Purse(budget, PRICES, kept)) as call:
        (aside,) = kept.asides
        assert (aside.calls, aside.tokens) == (1, most.tokens + 5)
        assert aside.usd == pytest.approx(most.usd + 1e-6)
        call.settle(RequestError("no"))


async def test_without_a_price_what_is_set_aside_has_no_cost() -> None:
    """An unknown price is None and never 0."""
    kept = Kept()
    with begun(Purse(Budget(), {Stage.ANSWERS: None}, kept)) as call:
        call.settle(RequestError("no"))
    assert [aside.usd for aside in kept.asides] == [None]


async def test_a_call_that_cannot_be_set_aside_is_not_sent() -> None:
    """Where the ledger takes nothing, nothing is asked, and nobody waits for the call for ever."""

    def fail(_: Aside) -> None:
        raise LedgerError("The disk is full.")

    purse = Purse(Budget(max_tokens=1_000), PRICES, fail)
    for _ in range(2):
        with pytest.raises(LedgerError):
            purse.begin(ask())
    assert purse.budget.open_calls == 0


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        pytest.param(Budget(max_tokens=400), "400 tokens", id="tokens"),
        pytest.param(Budget(max_usd=0.002), r"0\.002 US dollars", id="dollars"),
        pytest.param(Budget(max_usd=0.0), "US dollars", id="nothing"),
        pytest.param(Budget(max_usd=9.0, spent=Amount(usd=9.0)), "9.0000", id="spent before"),
    ],
)
async def test_what_could_pass_the_cap_is_not_sent(budget: Budget, told: str) -> None:
    """A call whose worst case passes the cap raises, with the way out."""
    with pytest.raises(BudgetError, match=told) as caught:
        Purse(budget, PRICES).begin(ask())
    assert "--budget-" in caught.value.hint


def test_without_a_cap_everything_fits() -> None:
    """A budget without caps only counts."""
    budget = Budget()
    assert budget.reserve(Amount(tokens=10**12, usd=1e9))
    budget.settle(Amount(tokens=10**12, usd=1e9), Amount(tokens=7, usd=0.5))
    assert budget.spent == Amount(tokens=7, usd=0.5)
    assert budget.left_s == float("inf")


async def ask_all(purse: Purse, teacher: Metered, n_calls: int) -> list[Reply | BaseException]:
    async def one(number: int) -> Reply:
        while (call := purse.begin(ask(number=number))) is None:
            await purse.budget.changed()
        with call:
            reply = await teacher.reply(ask(number=number))
            call.settle(reply)
        return reply

    return await asyncio.gather(*(one(number) for number in range(n_calls)), return_exceptions=True)


async def test_a_call_waits_for_what_is_in_flight() -> None:
    """While calls in flight may turn out cheaper than their worst case, the next one waits for them."""
    budget = Budget(max_tokens=2 * most_taken(ask(), None).tokens)
    replies = await ask_all(Purse(budget), Metered(), 4)
    assert [type(reply) for reply in replies] == [Reply] * 4
    assert budget.spent.tokens == 240


async def test_nobody_of_a_later_rank_passes_one_who_waits_for_room() -> None:
    """What becomes free goes to the lowest rank, also where a smaller call of a later one would fit before it."""
    budget = Budget(max_tokens=100)
    assert budget.reserve(Amount(tokens=60), rank=0)
    assert not budget.reserve(Amount(tokens=50), rank=1)
    told: list[int] = []

    async def wait(rank: int) -> None:
        await budget.changed(rank)
        told.append(rank)

    async with asyncio.TaskGroup() as tasks:
        for rank in (2, 1):
            tasks.create_task(wait(rank))
        await asyncio.sleep(0)
        assert not budget.reserve(Amount(tokens=10), rank=2)
        assert budget.reserve(Amount(tokens=10), rank=1)
        budget.settle(Amount(tokens=60), Amount(tokens=5))
    assert told == [1, 2]
    assert budget.reserve(Amount(tokens=10), rank=2)


async def test_who_no_longer_waits_for_room_holds_nobody_up() -> None:
    """One that was cancelled while it waited is passed."""
    budget = Budget(max_tokens=100)
    assert budget.reserve(Amount(tokens=60))
    waiting = asyncio.create_task(budget.changed(1))
    await asyncio.sleep(0)
    assert not budget.reserve(Amount(tokens=10), rank=2)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert budget.reserve(Amount(tokens=10), rank=2)


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
    budget, kept = Budget(max_tokens=max_tokens), Kept()
    purse = Purse(budget, store=kept)
    permits, rng = Permits(max_in_flight), random.Random(0)

    def check() -> None:
        assert budget.spent.tokens + budget.reserved.tokens <= max_tokens
        assert budget.reserved.tokens <= kept.asides[-1].tokens <= max_tokens

    async def wait() -> None:
        for _ in range(rng.randrange(5)):
            await asyncio.sleep(0)

    async def one(prompt: int, reply: int) -> Reply:
        usage = Usage(prompt_tokens=prompt, completion_tokens=reply)
        request = structs.replace(ask(), rank=rng.randrange(4))
        while True:
            async with permits.at(request.rank):
                call = purse.begin(request)
                if call is not None:
                    with call:
                        found = await Metered(usage=usage, check=check, wait=wait).reply(request)
                        call.settle(found)
                    return found
            await budget.changed(request.rank)

    async with asyncio.timeout(10):
        found = await asyncio.gather(*(one(*usage) for usage in usages), return_exceptions=True)
    answered = [sum(usage) for usage, reply in zip(usages, found, strict=True) if isinstance(reply, Reply)]
    assert all(isinstance(reply, Reply | BudgetError) for reply in found)
    assert budget.spent.tokens == sum(answered) <= max_tokens
    assert budget.reserved == Amount()
    if len(answered) < len(usages):
        assert budget.spent.tokens + most_taken(ask(), None).tokens > max_tokens


@dataclass(slots=True)
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


async def test_time_of_a_server_is_spent_whether_it_is_asked_or_not() -> None:
    """At 36 dollars an hour a second costs a cent; a call is sent only if it will have ended within the cap."""
    clock = Clock()
    budget = Budget(max_usd=1.0, meter=Meter(36.0, clock))
    purse = Purse(budget, {Stage.ANSWERS: Price(input=0.0, output=0.0)})
    with begun(purse) as call:
        call.settle(Reply(text="x", latency_s=30.0))
    clock.now = 69.0
    assert budget.meter.usd == pytest.approx(0.69)
    with begun(purse) as call:
        call.settle(Reply(text="x", latency_s=10.0))
    clock.now = 71.0
    with pytest.raises(BudgetError, match=r"0\.7100 US dollars for the servers' time"):
        purse.begin(ask())
    assert budget.left_s == pytest.approx(29.0)
    clock.now = 100.0
    assert budget.left_s == pytest.approx(0.0)
    purse.close()
    assert budget.meter.usd == pytest.approx(0.69)


async def test_time_of_a_server_is_booked_before_it_has_passed() -> None:
    """A run that dies has booked its servers' time, never more than the cap; one that ends, to its last call."""
    clock, kept = Clock(), Kept()
    purse = Purse(Budget(max_usd=1.0, meter=Meter(36.0, clock)), PRICES, kept)
    with begun(purse) as call:
        for clock.now in range(99):
            purse.beat()
            assert clock.now * 0.01 <= kept.asides[-1].server_usd <= 1.0 + 1e-9
        assert len(kept.asides) < 20
        call.settle(Reply(text="x"))
    clock.now = 150
    purse.close()
    assert kept.asides[-1].server_usd == pytest.approx(0.98)


def test_a_run_without_servers_of_ones_own_books_no_time() -> None:
    """Nothing is written where nothing is paid by the hour."""
    kept = Kept()
    purse = Purse(store=kept)
    purse.beat()
    purse.close()
    assert not kept.asides


async def test_the_next_run_counts_what_the_last_one_left(tmp_path: Path) -> None:
    """What a run set aside is in the ledger before its calls are sent, and stays there if the run dies."""
    path = tmp_path / "ledger.sqlite"
    worst = most_taken(ask(), PRICE)
    for n_deaths in (1, 2):
        with Ledger.open(path) as ledger:
            ledger.begin_run(glan_version="1", meaning={}, choice="exact", files={})
            Purse(Budget(), PRICES, ledger.set_aside).begin(ask())
        with Ledger.open(path, readonly=True) as ledger:
            found = ledger.run_totals()
        assert (found.calls, found.unpriced_tokens) == (n_deaths, 0)
        assert n_deaths * worst.tokens <= found.tokens <= n_deaths * 1.5 * worst.tokens
        assert n_deaths * worst.usd <= found.usd
    with Ledger.open(path) as ledger:
        ledger.begin_run(glan_version="1", meaning={}, choice="exact", files={})
        ledger.set_aside(Aside(calls=2, tokens=7, usd=None, server_usd=0.5))
        assert ledger.run_totals() == RunTotals(
            calls=found.calls + 2, tokens=found.tokens + 7, usd=found.usd, unpriced_tokens=7, server_usd=0.5
        )


async def test_a_call_is_booked_when_its_row_is_durable(tmp_path: Path) -> None:
    """A reply that the ledger did not take stays set aside, and so does what timed out before a bad key."""
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        purse = Purse(Budget(max_usd=1.0), PRICES)
        late = UnusableError("The key is not accepted.")
        late.timed_out = timed_out(ask(), PRICE, 1)
        await Ledgered(Metered(), ledger, Permits(1), purse=purse).reply(ask())
        assert purse.budget.spent.tokens == 60
        for error, lost in ((UnusableError("The key is not accepted."), 0), (late, 1)):
            with pytest.raises(UnusableError):
                await Ledgered(Metered(error=error), ledger, Permits(1), purse=purse).reply(ask(number=1))
            assert purse.budget.lost_calls == lost
    with Ledger.open(tmp_path / "ledger.sqlite", readonly=True) as ledger, pytest.raises(LedgerError):
        await Ledgered(Metered(), ledger, Permits(1), purse=purse).reply(ask(number=2))
    assert purse.budget.lost_calls == 2


async def test_nobody_is_asked_after_a_teacher_has_given_up(tmp_path: Path) -> None:
    """Of many who wait for a permit none asks once one of those who had it was told that nobody is answered."""
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        teacher = Metered(error=UnusableError("The key is not accepted."))
        ledgered = Ledgered(teacher, ledger, Permits(3))
        found = await asyncio.gather(*(ledgered.reply(ask(number=i)) for i in range(50)), return_exceptions=True)
    assert {type(error) for error in found} == {UnusableError}
    assert teacher.n_calls == 3


def test_what_is_possibly_paid_adds_up() -> None:
    """Calls and tokens are added, and the cost as long as all of it is known."""
    found = PossiblyPaid()
    found.add(TimedOut(tries=2, tokens=10, cost_usd=0.5))
    found.add(TimedOut(tries=1, tokens=5, cost_usd=0.25))
    assert found == PossiblyPaid(calls=3, tokens=15, cost_usd=0.75)
    found.add(TimedOut(tries=1, tokens=5, cost_usd=None))
    found.add(TimedOut(tries=1, tokens=5, cost_usd=1.0))
    assert (found.calls, found.cost_usd) == (5, None)


@pytest.mark.parametrize("is_failure", [False, True])
async def test_what_timed_out_at_a_server_by_the_hour_costs_nothing_more(tmp_path: Path, *, is_failure: bool) -> None:
    """Its tokens are counted, and its cost is none and not unknown."""
    late = TimedOut(tries=1, tokens=300, cost_usd=None)
    error = RequestError("no whole reply in time")
    error.timed_out = late

    class Late:
        async def reply(self, request: Request) -> Reply:
            if is_failure:
                raise error
            return Reply(text=request.id, timed_out=late)

    tally = Tally(by_hour=frozenset({Stage.ANSWERS}))
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        with contextlib.suppress(RequestError):
            await Ledgered(Late(), ledger, Permits(1), tally=tally).reply(ask())
        totals = ledger.totals()["answers"]
    assert (totals.timed_out, totals.timed_out_tokens, totals.timed_out_unpriced) == (1, 300, 0)
    assert (tally.timed_out.calls, tally.timed_out.cost_usd, tally.unknown_costs) == (1, 0.0, 0)
