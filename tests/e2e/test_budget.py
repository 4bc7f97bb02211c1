"""A cap is never passed: over all runs of a project, whatever the prices, faults, deaths and the order of things.

The witness is what the server itself would bill: every call that reached it, whether or not anybody saw the reply.
"""

import asyncio
import random
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from commandline import CommandLine, check_whole, gone, ids_of, manifest_of, set_in, simulated, until
from harness import Counting, assert_accounts, committed, manifest, project, small
from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec import structs

from glan import Options, Project, Result
from glan.errors import BudgetError, RequestError
from glan.records import Reply, Request, Usage
from glan.runs import Run
from glan.settings import Price
from glan.teachers.base import Teacher
from glan.teachers.ledger import Ledger
from glan.teachers.panel import Panel
from glan.teachers.prices import cost_usd, timed_out, worst_case
from glan.teachers.simulate import Server as Simulating
from glan.teachers.simulate import Simulated

TREE = ["Physics", {"name": "Law", "weight": 2}, "Music"]
PAIRS = 15
TOLERANCE = 1 + 1e-9


@dataclass
class Server:
    """Serves and bills; some calls time out though they were served, some fail, and at last it may hang for ever."""

    price: Price
    rng: random.Random
    late: float = 0.0
    """Share of tries that are served too late."""
    failing: float = 0.0
    greed: float = 0.0
    """Share of tries that take the most that they can."""
    dies_after: int | None = None
    """So many calls; those after them are billed and never answered."""
    filler: Teacher = field(default_factory=small)
    billed_tokens: int = 0
    billed_usd: float = 0.0
    calls: int = 0
    is_dead: asyncio.Event = field(default_factory=asyncio.Event)

    async def reply(self, request: Request) -> Reply:
        self.calls += 1
        n_late = (self.rng.random() < self.late) + (self.rng.random() < self.late)
        for _ in range(n_late):
            await self._served(request)
        if n_late == 2 or self.rng.random() < self.failing:
            error = RequestError("No reply after the last retry.")
            error.timed_out = timed_out(request, self.price, n_late)
            raise error
        reply = await self._served(request)
        if self.dies_after is not None and self.calls > self.dies_after:
            self.is_dead.set()
            await asyncio.Event().wait()
        return structs.replace(reply, timed_out=timed_out(request, self.price, n_late))

    async def _served(self, request: Request) -> Reply:
        """Serve one try, and bill it at once; it may take all that a call can take."""
        reply = await self.filler.reply(request)
        if self.rng.random() < self.greed:
            room = request.sampling.max_tokens
            usage = Usage(prompt_tokens=worst_case(request, None).tokens - room, completion_tokens=room)
            reply = structs.replace(reply, usage=usage)
        cost = cost_usd(self.price, reply.usage)
        assert cost is not None
        self.billed_usd += cost
        self.billed_tokens += (reply.usage.prompt_tokens or 0) + (reply.usage.completion_tokens or 0)
        for _ in range(self.rng.randrange(8)):
            await asyncio.sleep(0)
        return structs.replace(reply, cost_usd=cost)


def a_run(folder: Path, server: Teacher, price: Price, **options: Any) -> Run:  # noqa: ANN401 - options have many types
    return Run(Project.open(folder), Panel.of(server, "filler", price), Options(rebuild=True, **options))


async def until_it_ends(folder: Path, server: Server, **options: Any) -> Result | None:  # noqa: ANN401 - as above
    """Run a project to its end, or until its server hangs; then it is broken off, and there is no result."""
    server.is_dead = asyncio.Event()
    run = asyncio.ensure_future(a_run(folder, server, server.price, **options)(lambda _: True))
    death = asyncio.ensure_future(server.is_dead.wait())
    await asyncio.wait((run, death), return_when=asyncio.FIRST_COMPLETED)
    death.cancel()
    if run.done():
        return run.result()
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    return None


@dataclass(frozen=True, kw_only=True)
class Case:
    seed: int
    prices: tuple[float, float]
    late: float
    failing: float
    greed: float
    caps: tuple[tuple[float | None, float | None], ...]
    """Of each run in dollars and tokens, as shares of what a whole data set costs."""
    deaths: tuple[int | None, ...]
    max_in_flight: int


_SHARE, _DEATH = st.floats(0.05, 4), st.none() | st.integers(0, 50)
_CAPS = st.tuples(_SHARE, st.none()) | st.tuples(st.none(), _SHARE) | st.tuples(_SHARE, _SHARE)
CASES = st.builds(
    Case,
    seed=st.integers(0, 2**32),
    prices=st.tuples(st.floats(0.01, 20), st.floats(0.01, 80)),
    late=st.sampled_from([0.0, 0.05, 0.3]),
    failing=st.sampled_from([0.0, 0.1]),
    greed=st.sampled_from([0.0, 0.1, 1.0]),
    caps=st.tuples(_CAPS, _CAPS, _CAPS),
    deaths=st.tuples(_DEATH, _DEATH, st.none()),
    max_in_flight=st.sampled_from([1, 4, 33]),
)
_WHOLE_TOKENS, _WHOLE_USD_AT_ONE = 60_000, 0.06
"""About what the data set of these tests takes, and what it costs at a dollar for a million tokens."""


@pytest.mark.long
@settings(max_examples=34, deadline=None)
@given(CASES)
def test_no_run_of_a_hundred_bills_more_than_its_cap(case: Case) -> None:
    """Three runs of a project, each with caps of its own: after each the server has billed no more than they say."""
    price = Price(input=case.prices[0], output=case.prices[1])
    server = Server(price, random.Random(case.seed), late=case.late, failing=case.failing, greed=case.greed)
    with project(TREE, pairs=PAIRS, maxtokens_subjects=1_200, maxtokens_syllabi=1_200, maxtokens_answers=400) as folder:
        for (usd, tokens), death in zip(case.caps, case.deaths, strict=True):
            caps = {
                "budget_usd": None if usd is None else usd * _WHOLE_USD_AT_ONE * max(case.prices),
                "budget_tokens": None if tokens is None else int(tokens * _WHOLE_TOKENS),
            }
            before = server.billed_usd, server.billed_tokens
            server.dies_after = None if death is None else server.calls + death
            result = asyncio.run(
                until_it_ends(folder, server, max_in_flight=case.max_in_flight, retry_failed=True, **caps)
            )
            for billed, was, cap in zip((server.billed_usd, server.billed_tokens), before, caps.values(), strict=True):
                assert cap is None or billed <= max(was, cap * TOLERANCE)
            check_books(folder, server)
            event("died" if result is None else f"exit code {result.exit_code}")
            if result is not None and result.is_standing:
                assert_accounts(folder, result)


def test_runs_that_all_die_bill_no_more_than_their_cap_together() -> None:
    """Each leaves calls in flight that were billed and are in no row; what was set aside for them ends it in time."""
    server = Server(Price(input=1.0, output=2.0), random.Random(0), greed=1.0)
    cap = 400_000
    results: list[Result | None] = []
    with project(TREE, pairs=PAIRS) as folder:
        while len(results) < 30 and (not results or results[-1] is None):
            server.dies_after = server.calls + 2
            results.append(asyncio.run(until_it_ends(folder, server, max_in_flight=33, budget_tokens=cap)))
            assert server.billed_tokens <= cap
            check_books(folder, server)
    assert len(results) > 3
    assert results[-1] is not None
    assert results[-1].exit_code == 4


def check_books(folder: Path, server: Server) -> None:
    """See that what the ledger says was spent, or may have been, covers what the server billed."""
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        stages, runs = ledger.totals().values(), ledger.run_totals()
    tokens = sum(each.prompt_tokens + each.completion_tokens + each.timed_out_tokens for each in stages) + runs.tokens
    usd = sum(each.cost_usd + each.timed_out_usd for each in stages) + runs.usd
    assert server.billed_tokens <= tokens
    assert server.billed_usd <= usd * TOLERANCE


def test_a_budget_that_is_reached_leaves_a_whole_data_set() -> None:
    """What is in flight is finished, nothing is lost or paid twice, exit code 4, and a greater budget goes on."""
    price = Price(input=1.0, output=2.0)
    with project(TREE, pairs=40) as folder:
        teacher = Counting(small())
        budget = 15_000
        codes: list[int] = []
        while not codes or codes[-1] != 0:
            result = asyncio.run(a_run(folder, teacher, price, budget_tokens=budget, max_in_flight=9)(lambda _: True))
            codes.append(result.exit_code)
            assert teacher.started == teacher.answered == committed(folder)
            assert (result.exit_code == 4) == isinstance(result.stopped, BudgetError)
            if result.is_standing:
                assert_accounts(folder, result)
                assert manifest(folder)["possibly_paid"]["cut_off"] == 0
            budget += 10_000
        assert set(codes) == {0, 4}
        assert len(codes) > 2
        assert max(teacher.started.values()) == 1


def _has_paid(server: Simulating, least: int) -> bool:
    return server.stats().paid >= least


def test_a_run_that_is_killed_leaves_what_was_in_flight_to_the_budget_of_the_next(tmp_path: Path) -> None:
    """Killed as by a power cut and started again, the processes together never use more tokens than the cap."""
    cap = 300_000
    with simulated(Simulated(latency_ms=15)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=200)
        for name in ("subjects", "syllabi"):
            set_in(folder, name, "1500")
        told = ("--max-in-flight", 4, "--budget-tokens", cap)
        for kills in range(1, 4):
            begun = command.begin_run(folder, *told)
            until(partial(_has_paid, server, 20 * kills))
            gone(begun)
        died = command("status", "--project", folder)
        assert "died without an end" in died.out
        ended = command.run(folder, *told)
        assert ended.code == 4, ended.words
        stats = server.stats()
        assert 0 < stats.prompt_tokens + stats.completion_tokens <= cap
        check_whole(folder, len(ids_of(folder)))
        assert "calls were cut off in flight" in command("status", "--project", folder).out
        with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
            assert ledger.run_totals().calls >= 3


def test_calls_that_time_out_are_told_and_booked(tmp_path: Path) -> None:
    """They are counted apart in the summary, the status and the manifest, and the next run's budget knows of them."""
    with simulated(Simulated(faults={"stall@answers": 0.3}, stall_s=30)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=12, disciplines="Astronomy")
        set_in(folder, "timeout_s", "1.0")
        set_in(folder, "price", "{input = 1.0, output = 10.0}")
        ended = command.run(folder, "--json")
        found = ended.json["possibly_paid"]
        assert found["timed_out"] > 0
        assert (found["cut_off"], found["tokens"] > 0, found["cost_usd"] > 0) == (0, True, True)
        told = command("status", "--project", folder).out
        assert f"Possibly paid: {found['timed_out']:,} calls timed out; they may have been served and billed" in told
        assert f"at most {found['tokens']:,} tokens, ${found['cost_usd']:,.4f}." in told
        with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
            answers = ledger.totals()["answers"]
        assert (answers.timed_out, answers.timed_out_tokens) == (found["timed_out"], found["tokens"])
        spent = sum(
            each["prompt_tokens"] + each["completion_tokens"]
            for each in command("status", "--project", folder, "--json").json["manifest"]["spent"].values()
        )
        told = command.run(folder, "--pairs", 30, "--budget-tokens", spent + found["tokens"]).err
        assert (
            f"{spent + found['tokens']:,} tokens (" in told or f"{spent + found['tokens']:,} tokens are spent" in told
        )


def hourly(command: CommandLine, name: str, usd: float) -> Path:
    """Make a project whose server has a price by the hour."""
    folder = command.init(name, pairs=4_000)
    set_in(folder, "spec", f'"m@{command.base_url}"')
    set_in(folder, "gpu_hour_usd", f"{usd}")
    return folder


def test_a_server_by_the_hour_is_paid_until_the_money_is_gone(tmp_path: Path) -> None:
    """The run ends in good order at the cap, its time is told, and the next run has nothing left to spend."""
    with simulated(Simulated(latency_ms=20)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url, key=None)
        folder = hourly(command, "data", 360.0)
        told = ("run", "--project", folder, "--budget-usd", 0.2, "--max-in-flight", 4)
        ended = command(*told)
        assert ended.code == 4, ended.words
        assert "The budget of 0.2 US dollars is reached" in ended.err
        assert "for the servers' time" in ended.err
        assert "Servers by the hour: " in ended.out
        assert "cost unknown" not in ended.out
        found = manifest_of(folder)
        assert 0.1 < found["server_usd"] < 0.22  # a busy machine sees the end of its last call a moment late
        assert found["possibly_paid"]["cut_off"] <= 4  # those in flight that took longer than any before them
        check_whole(folder, len(ids_of(folder)))
        paid = server.stats().paid
        again = command(*told)
        assert again.code == 4
        assert server.stats().paid - paid < paid
        plan = command("plan", "--project", folder, "--json").json
        assert plan["usd_per_hour"] == 360.0
        assert plan["expected"][3]["cost_usd"] > 0


def test_a_server_by_the_hour_that_hangs_is_left_when_the_money_is_gone(tmp_path: Path) -> None:
    """What does not come in time is given up at the cap, and told; the exit code is 4."""
    with simulated(Simulated(latency_ms=100_000)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url, key=None)
        folder = hourly(command, "data", 360.0)
        ended = command("run", "--project", folder, "--budget-usd", 0.1, "--grace-s", 600)
        assert ended.code == 4, ended.words
        assert "were cut off in flight" in ended.out
        with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
            totals = ledger.run_totals()
        assert (totals.usd, totals.calls > 0) == (0.0, True)
        assert totals.server_usd == pytest.approx(0.1, abs=0.02)


def test_an_unknown_price_and_two_prices_are_refused_with_the_settings(tmp_path: Path) -> None:
    """A cap in dollars names both settings that give a price; a teacher has one of them."""
    with simulated() as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url, key=None)
        folder = hourly(command, "data", 2.0)
        set_in(folder, "price", "{input = 1.0, output = 2.0}")
        both = command("run", "--project", folder)
        assert both.code == 1
        assert "Leave out `price` or `gpu_hour_usd`" in both.err
        for name in ("price", "gpu_hour_usd"):
            unset_in(folder, name)
        unpriced = command("run", "--project", folder, "--budget-usd", 1)
        assert unpriced.code == 1
        assert "the price of 'm' is unknown" in unpriced.err
        assert "`price`" in unpriced.err
        assert "`gpu_hour_usd`" in unpriced.err
        assert server.stats().received == 0


def unset_in(folder: Path, name: str) -> None:
    path = folder / "glan.toml"
    path.write_text(re.sub(rf"(?m)^{name} =.*$", f"# {name} =", path.read_text(encoding="utf-8")), encoding="utf-8")


def test_a_budget_is_reached_in_good_order_while_many_pause(tmp_path: Path) -> None:
    """Calls that wait for the budget hold up none that pauses after a refusal, and none of either is taken for paid."""
    with simulated(Simulated(latency_ms=20, faults={"503": 0.25})) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=500)
        ended = command.run(folder, "--budget-tokens", 900_000, "--max-in-flight", 32)
        assert ended.code == 4, ended.words
        stats = server.stats()
        assert 0 < stats.prompt_tokens + stats.completion_tokens <= 900_000
        assert "Possibly paid" not in ended.out
        with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
            assert ledger.run_totals().calls == 0
        check_whole(folder, len(ids_of(folder)))
