"""What is put aside for a batch, what is asked live all the same, and the money of both."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import Desk
from harness import Counting, small

from glan.errors import BudgetError, DeferredError
from glan.records import Message, Request, Sampling, Stage
from glan.settings import Batch, Price
from glan.teachers.base import Teacher
from glan.teachers.deferring import Deferring, Known, Urgent
from glan.teachers.fingerprints import fingerprint
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Ledgered
from glan.teachers.limits import Budget
from glan.teachers.outbox import Outbox, custom_id_of
from glan.teachers.permits import Permits, Pools
from glan.teachers.prices import Amount, most_taken, worst_case
from glan.teachers.purse import Purse
from glan.teachers.spool import Spool

PRICE = Price(input=1.0, output=10.0)


def ask(number: int = 0) -> Request:
    return Request(
        id=f"question/law/torts/{number}",
        stage=Stage.QUESTIONS,
        messages=(Message(role="user", content=f"Question {number:3}, please"),),
        sampling=Sampling(model="m", max_tokens=90),
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite") as opened:
        opened.begin_run(glan_version="0", meaning={}, choice="exact", files={})
        yield opened


@pytest.fixture
def spool(ledger: Ledger, tmp_path: Path) -> Iterator[Spool]:
    found = Spool(Outbox(ledger), tmp_path / "files", Batch())
    yield found
    found.discard_all()


def behind(ledger: Ledger, teacher: Teacher, purse: Purse | None = None) -> Ledgered:
    return Ledgered(teacher, ledger, Pools(dict.fromkeys(Stage, Permits(9))), purse=purse or Purse())


async def test_what_is_deferred_leaves_nothing_set_aside(ledger: Ledger, spool: Spool) -> None:
    """A request that its teacher put aside was not sent: not in flight, not lost, and not set aside in the ledger."""
    purse = Purse(Budget(max_usd=1.0), {Stage.QUESTIONS: PRICE}, ledger.set_aside)
    budget = purse.budget
    deferring = Deferring(spool, dict.fromkeys(Stage, Desk(small())), Budget())
    for number in range(3):
        with pytest.raises(DeferredError):
            await behind(ledger, deferring, purse).reply(ask(number))
        assert (budget.open_calls, budget.lost_calls) == (0, 0)
        assert budget.spent == budget.reserved == budget.lost == Amount()
    purse.close()
    totals = ledger.run_totals()
    assert (totals.calls, totals.tokens, totals.usd) == (0, 0, 0.0)


async def test_no_more_is_put_aside_than_the_budget_bears(ledger: Ledger, spool: Spool) -> None:
    """What would not fit beside what waits stays open; where nothing waits and nothing fits, the budget is reached."""
    worst = worst_case(ask(), None)
    budget = Budget(max_tokens=2 * worst.tokens + 1)
    teacher = behind(ledger, Deferring(spool, dict.fromkeys(Stage, Desk(small())), budget))
    for number in range(5):
        with pytest.raises(DeferredError):
            await teacher.reply(ask(number))
    assert (spool.requests, spool.worst.tokens) == (2, 2 * worst.tokens)
    budget.reserve_batch(worst)
    budget.reserve_batch(worst)
    empty = Spool(Outbox(ledger), ledger.path.parent / "files", Batch())
    with pytest.raises(BudgetError, match=rf"{2 * worst.tokens:,} tokens are set aside"):
        await behind(ledger, Deferring(empty, dict.fromkeys(Stage, Desk(small())), budget)).reply(ask())
    budget.settle_batch(worst, Amount(tokens=7))
    assert (budget.spent.tokens, budget.out) == (7, worst)


async def test_the_first_of_a_kind_and_what_failed_are_asked_live_with_money_of_their_own(
    ledger: Ledger, spool: Spool
) -> None:
    """They are asked once, within the run's purse; the rest waits, though the purse has no room for a live call."""
    live, known = Counting(small()), Known()
    purse = Purse(Budget(max_tokens=most_taken(ask(), None).tokens))
    deferring = Deferring(spool, dict.fromkeys(Stage, Desk(small())), purse.budget, known=known)
    teacher = Urgent(behind(ledger, deferring), behind(ledger, live, purse), known)
    await teacher.reply(ask(0))
    assert (live.started.total(), purse.budget.open_calls) == (1, 0)
    assert purse.budget.spent.tokens > 0
    with pytest.raises(DeferredError):
        await teacher.reply(ask(1))
    assert spool.requests == 1
    known.fail(custom_id_of(ask(2), fingerprint(ask(2))), is_for_form=True)
    with pytest.raises(BudgetError):
        await teacher.reply(ask(2))
    await teacher.reply(ask(0))
    assert live.started.total() == 1
