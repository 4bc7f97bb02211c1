"""What a project may spend and has spent: over all its runs, as its ledger and the prices say. It asks nobody."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from glan.errors import ConfigError
from glan.options import Options
from glan.records import Stage, TimedOut
from glan.settings import Price
from glan.teachers.ledger import Ledger
from glan.teachers.ledger_rows import RunTotals, StageTotals
from glan.teachers.ledgered import PossiblyPaid, Tally
from glan.teachers.limits import Budget, Meter
from glan.teachers.panel import Panel
from glan.teachers.prices import Amount
from glan.teachers.purse import Purse

_PER = 1_000_000


def purse_of(panel: Panel, options: Options, ledger: Ledger) -> Purse:
    """Return what a run may still spend: the caps are for the project, over all its runs.

    Raises:
        ConfigError: there is a cap in dollars, and a price is unknown.

    """
    meter = Meter(panel.usd_per_hour)
    prices = {stage: _FREE if stage in panel.hourly else price for stage, price in panel.prices.items()}
    if options.budget_usd is None and options.budget_tokens is None:
        return Purse(Budget(meter=meter), prices, ledger.set_aside)  # to add up a large ledger takes seconds
    if options.budget_usd is not None:
        _refuse_unpriced(panel, prices)
    budget = Budget(
        max_usd=options.budget_usd, max_tokens=options.budget_tokens, spent=_spent(ledger, panel.prices), meter=meter
    )
    return Purse(budget, prices, ledger.set_aside)


_FREE = Price(input=0.0, output=0.0)
"""What a token costs more where the hour is paid."""


def _refuse_unpriced(panel: Panel, prices: Mapping[Stage, Price | None]) -> None:
    """Refuse a cap in dollars where nobody knows what a call costs."""
    unpriced = {panel.models[stage]: None for stage, price in prices.items() if price is None}
    if unpriced:
        raise ConfigError(
            f"A budget in US dollars needs a price, and the price of {', '.join(map(repr, unpriced))} is unknown.",
            hint="Set `price` in the teacher's settings, such as price = {input = 0.25, output = 2.0} for a million "
            "tokens, or for a server of your own `gpu_hour_usd`, what it costs an hour; or give the budget in tokens.",
        )


def _spent(ledger: Ledger, prices: Mapping[Stage, Price | None]) -> Amount:
    """Return what the ledger has paid for, and what it may have paid for, at the most.

    What is of unknown cost in a stage that this run does not ask is counted at the dearest price of those that it does.
    """
    stages, runs = ledger.totals(), ledger.run_totals()
    dearest = max((price for price in prices.values() if price is not None), key=_most_of, default=None)
    costs = [_cost(found, prices.get(Stage(stage), dearest)) for stage, found in stages.items()]
    return Amount(
        tokens=sum(_tokens(found) for found in stages.values()) + runs.tokens,
        usd=sum(costs) + _cost_of_runs(runs, prices),
    )


def _tokens(found: StageTotals) -> int:
    return found.prompt_tokens + found.completion_tokens + found.timed_out_tokens


def _cost(found: StageTotals, price: Price | None) -> float:
    """Return what a stage has cost; what is of unknown cost is counted at today's price."""
    cost = found.cost_usd
    if found.unknown_costs and price is not None:
        cost = max(cost, (found.prompt_tokens * price.input + found.completion_tokens * price.output) / _PER)
    return cost + found.timed_out_usd + found.timed_out_unpriced * _dearest([price]) / _PER


def _cost_of_runs(found: RunTotals, prices: Mapping[Stage, Price | None]) -> float:
    return found.usd + found.unpriced_tokens * _dearest(prices.values()) / _PER + found.server_usd


def _dearest(prices: Iterable[Price | None]) -> float:
    return max((_most_of(price) for price in prices if price is not None), default=0.0)


def _most_of(price: Price) -> float:
    return max(price.input, price.output)


def possibly_paid(tally: Tally, purse: Purse) -> dict[str, object]:
    """Return how many calls of a run may have been paid for without a reply, and the most that they cost."""
    found, lost = replace(tally.timed_out), purse.lost
    found.add(lost)
    return _as_dict(tally.timed_out.calls, lost.tries, found)


def possibly_paid_so_far(ledger: Ledger, stages: Mapping[str, StageTotals]) -> dict[str, object]:
    """Return the same of all runs; what one of them that goes on has set aside counts as cut off."""
    runs = ledger.run_totals()
    found = PossiblyPaid()
    for each in stages.values():
        usd = None if each.timed_out_unpriced else each.timed_out_usd
        found.add(TimedOut(tries=each.timed_out, tokens=each.timed_out_tokens, cost_usd=usd))
    timed_out = found.calls
    found.add(TimedOut(tries=runs.calls, tokens=runs.tokens, cost_usd=None if runs.unpriced_tokens else runs.usd))
    return _as_dict(timed_out, runs.calls, found)


def _as_dict(timed_out: int, cut_off: int, found: PossiblyPaid) -> dict[str, object]:
    return {"timed_out": timed_out, "cut_off": cut_off, "tokens": found.tokens, "cost_usd": found.cost_usd}


def told_possibly_paid(found: Mapping[str, Any]) -> str:
    """Say which calls may have been paid for without a reply; empty where there are none."""
    parts = [
        words.format(found[name])
        for name, words in (
            ("timed_out", "{:,} calls timed out"),
            ("cut_off", "up to {:,} calls were cut off in flight"),
        )
        if found.get(name)
    ]
    if not parts:
        return ""
    cost = found.get("cost_usd")
    most = f"{found.get('tokens', 0):,} tokens, {'cost unknown' if cost is None else f'${cost:,.4f}'}"
    return f"Possibly paid: {' and '.join(parts)}; they may have been served and billed: at most {most}."


def told_server_time(tally: Tally) -> str:
    """Say what the servers' time cost, and what that makes for the tokens that came of it."""
    meter = tally.meter
    hours = meter.elapsed_s / 3_600
    each = ""
    if tally.completion_tokens:
        price = meter.usd / tally.completion_tokens * _PER
        each = f"; {tally.completion_tokens / meter.elapsed_s:,.0f} reply tokens a second, ${price:,.2f} for a million"
    return f"Servers by the hour: {hours:,.2f} hours, ${meter.usd:,.4f}{each}."
