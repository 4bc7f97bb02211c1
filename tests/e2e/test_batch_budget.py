"""A cap holds in batch mode too: over all runs of a project, whatever expires and wherever it is killed.

The witness is the server's own bill: every line and every live call that it answered, whether or not anybody saw it.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from desk import Desk
from harness import DiedError, assert_accounts, manifest, project, small
from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec import structs

from glan import Options, Project, Result
from glan.errors import BudgetError
from glan.records import Reply, Request, Stage, Usage
from glan.runs import Run
from glan.settings import Price
from glan.teachers.base import Teacher
from glan.teachers.batch_lines import Output
from glan.teachers.ledger import Ledger
from glan.teachers.outbox import Outbox
from glan.teachers.panel import Panel
from glan.teachers.prices import Amount, cost_usd, worst_case
from glan.teachers.wire import read_response

LEAVES = ["Physics", "Law"]
PAIRS = 24
SETTINGS = {
    "pairs": PAIRS,
    "batch_minimum": 3,
    "batch_max_requests": 8,
    "batch_poll_s": 0.001,
    "batch_settle_s": 0,
    "maxtokens_subjects": 1_200,
    "maxtokens_syllabi": 1_200,
    "maxtokens_answers": 400,
}
LIVE, BATCH = Price(input=2.0, output=8.0), Price(input=1.0, output=4.0)
TOLERANCE = 1 + 1e-9


@dataclass
class Greedy:
    """A teacher some of whose replies take the most that they can."""

    share: float
    rng: random.Random
    teacher: Teacher = field(default_factory=small)

    async def reply(self, request: Request) -> Reply:
        reply = await self.teacher.reply(request)
        if self.rng.random() >= self.share:
            return reply
        # On the wire nobody sees the schema's tokens, which are set aside as well.
        prompt = worst_case(structs.replace(request, schema=None), None).tokens - request.sampling.max_tokens
        return structs.replace(reply, usage=Usage(prompt_tokens=prompt, completion_tokens=request.sampling.max_tokens))


@dataclass(eq=False)
class Till(Desk):
    """A server of batches that bills: half the price in a batch."""

    price: Price | None = BATCH
    billed: Amount = field(default_factory=Amount)

    @property
    def panel(self) -> Panel:
        return replace(super().panel, prices=dict.fromkeys(Stage, LIVE))

    async def reply(self, request: Request) -> Reply:
        self.on_step("before live call")
        reply = await super().reply(request)
        cost = _cost(reply, LIVE)
        self.billed = self.billed.plus(Amount(usd=cost - _cost(reply, BATCH)))
        self.on_step("after live call")
        return structs.replace(reply, cost_usd=cost)

    def read(self, raw: bytes) -> Output | None:
        line = super().read(raw)
        if line is None or not isinstance(line.found, Reply):
            return line
        return replace(line, found=structs.replace(line.found, cost_usd=_cost(line.found, BATCH)))

    async def _answer(self, raw: bytes) -> bytes:
        answered = await super()._answer(raw)
        reply = read_response(200, answered)
        assert isinstance(reply, Reply)
        usage = reply.usage
        tokens = (usage.prompt_tokens or 0) + (usage.completion_tokens or 0)
        self.billed = self.billed.plus(Amount(tokens=tokens, usd=_cost(reply, BATCH)))
        return answered


def _cost(reply: Reply, price: Price) -> float:
    cost = cost_usd(price, reply.usage)
    assert cost is not None
    return cost


def a_run(folder: Path, till: Till, **options: Any) -> Run:  # noqa: ANN401 - options have many types
    return Run(Project.open(folder), till.panel, Options(**{"mode": "batch", "rebuild": True, **options}))


def run(folder: Path, till: Till, **options: Any) -> Result:  # noqa: ANN401 - as above
    return asyncio.run(a_run(folder, till, **options)(lambda _: True))


def booked(folder: Path) -> tuple[Amount, Amount, Amount]:
    """Return what the ledger says was spent, what was set aside for calls, and what is out in batches."""
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        stages, runs, out = ledger.totals().values(), ledger.run_totals(), Outbox(ledger).out()
    spent = Amount(
        tokens=sum(each.prompt_tokens + each.completion_tokens for each in stages),
        usd=sum(each.cost_usd for each in stages),
    )
    waiting = Amount(tokens=sum(each.tokens for each in out), usd=sum(each.usd for each in out))
    return spent, Amount(tokens=runs.tokens, usd=runs.usd), waiting


class Killer:
    """Breaks a run at a step, as a kill does."""

    def __init__(self, at: int | None) -> None:
        self.left = at or 0

    def __call__(self, _: str) -> None:
        self.left -= 1
        if self.left == 0:
            raise DiedError


def spoiling(expired: float, errors: float, seed: int) -> Callable[[str, int], tuple[int, str] | None]:
    """Return what lets lines expire or fail for now."""

    def spoil(custom_id: str, number: int) -> tuple[int, str] | None:
        drawn = random.Random(f"{seed} {number} {custom_id}").random()
        return (0, "batch_expired") if drawn < expired else (500, "server_error") if drawn < expired + errors else None

    return spoil


@dataclass(frozen=True, kw_only=True)
class Case:
    seed: int
    greed: float
    expired: float
    errors: float
    caps: tuple[tuple[float | None, float | None], ...]
    """Of each run in dollars and tokens, as shares of what a whole data set costs."""
    deaths: tuple[int | None, ...]
    """At which step of the server each run is killed."""
    settings: dict[str, Any]


_SHARE, _DEATH = st.floats(0.05, 4), st.none() | st.integers(1, 150)
_CAPS = st.tuples(_SHARE, st.none()) | st.tuples(st.none(), _SHARE) | st.tuples(_SHARE, _SHARE)
CASES = st.builds(
    Case,
    seed=st.integers(0, 2**32),
    greed=st.sampled_from([0.0, 0.1, 1.0]),
    expired=st.sampled_from([0.0, 0.2]),
    errors=st.sampled_from([0.0, 0.2]),
    caps=st.tuples(_CAPS, _CAPS, _CAPS, _CAPS),
    deaths=st.tuples(_DEATH, _DEATH, _DEATH, st.none()),
    settings=st.fixed_dictionaries(
        {
            "batch_minimum": st.integers(1, 12),
            "batch_max_requests": st.integers(1, 20),
            "batch_tail": st.sampled_from(["live", "batch"]),
            "batch_first": st.sampled_from(["live", "batch"]),
        }
    ),
)
_WHOLE = Amount(tokens=60_000, usd=0.15)
"""About what the data set of these tests takes and costs."""


@pytest.mark.long
@settings(max_examples=30, deadline=None)
@given(CASES)
def test_no_run_in_batches_bills_more_than_its_cap(case: Case) -> None:
    """Four runs of a project, killed at any step: after each the server has billed no more than its caps say."""
    till = Till(
        Greedy(case.greed, random.Random(case.seed)),
        spoil=spoiling(case.expired, case.errors, case.seed),
        status=lambda number: "expired" if case.expired and number % 2 else "completed",
    )
    with project(LEAVES, **{**SETTINGS, **case.settings}) as folder:
        for (usd, tokens), death in zip(case.caps, case.deaths, strict=True):
            max_usd = None if usd is None else usd * _WHOLE.usd
            max_tokens = None if tokens is None else int(tokens * _WHOLE.tokens)
            before = till.billed
            till.on_step = Killer(death)
            try:
                result = run(folder, till, budget_usd=max_usd, budget_tokens=max_tokens)
            except DiedError:
                event("killed")
            else:
                event(f"exit code {result.exit_code}")
                if result.is_standing:
                    assert_accounts(folder, result)
            assert max_tokens is None or till.billed.tokens <= max(before.tokens, max_tokens)
            assert max_usd is None or till.billed.usd <= max(before.usd, max_usd * TOLERANCE)
            spent, aside, out = booked(folder)
            held = spent.plus(aside).plus(out)
            assert till.billed.tokens <= held.tokens
            assert till.billed.usd <= held.usd * TOLERANCE


def test_what_is_out_is_booked_once_by_the_run_that_reads_it() -> None:
    """Stopped while a batch is out, a run leaves it in its own row alone; the next one books what it really took."""
    till = Till(small())
    with project(LEAVES, **SETTINGS) as folder:
        stopping = a_run(folder, till, budget_tokens=200_000)
        till.on_step = lambda name: stopping.interrupt() if name == "after hand-in" else None
        assert asyncio.run(stopping(lambda _: True)).exit_code == 130
        _, aside, out = booked(folder)
        assert (aside, out.tokens > 0) == (Amount(), True)
        till.on_step = lambda _: None
        result = run(folder, till, budget_tokens=200_000)
        assert result.exit_code == 0, result
        spent, aside, out = booked(folder)
        assert (aside, out, spent.tokens) == (Amount(), Amount(), till.billed.tokens)
        assert abs(spent.usd - till.billed.usd) < 1e-9
        assert manifest(folder)["possibly_paid"]["cut_off"] == 0


def test_a_batch_that_was_read_back_leaves_less_for_the_run_that_reads_it() -> None:
    """Killed after each hand-in and started again with the same cap, the runs together bill no more than the cap."""
    till = Till(Greedy(1.0, random.Random(0)))
    cap, killed, codes = 300_000, 0, [0]
    seen: set[int] = set()

    def kill(name: str) -> None:
        if name == "after hand-in" and len(till.batches) not in seen:
            seen.add(len(till.batches))
            raise DiedError

    till.on_step = kill
    with project(LEAVES, **{**SETTINGS, "pairs": 200}) as folder:
        for _ in range(60):
            try:
                result = run(folder, till, budget_tokens=cap)
            except DiedError:
                killed += 1
                assert till.billed.tokens <= cap
                continue
            codes.append(result.exit_code)
            assert isinstance(result.stopped, BudgetError)
            break
        assert killed > 3
        assert codes[-1] == 4
        assert cap // 2 < till.billed.tokens <= cap


def test_a_budget_is_used_up_though_files_do_not_fit_once_others_were_asked_live() -> None:
    """A file that was gathered while the first of other kinds were asked live is gathered anew and not the end."""
    leaves = ["Physics", "Law", "Music", "C++", "Fine arts", "C", "Chess", "Logic"]
    for cap in range(22_000, 22_700, 111):
        till = Till(small())
        with project(leaves, **{**SETTINGS, "pairs": 900, "batch_minimum": 10, "batch_max_requests": 500}) as folder:
            assert run(folder, till, budget_tokens=cap).exit_code == 4
            assert cap - 6_000 < till.billed.tokens <= cap  # less is left than a call may take
