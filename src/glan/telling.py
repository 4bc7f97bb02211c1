"""What a run tells of itself, in words: for its own terminal, for a log, and for whoever watches from elsewhere."""

from collections.abc import Iterator

from glan.reporting import Status

_LEAST_TOLD_S = 60


def line_of(status: Status) -> str:
    """Return the state of a run in one line."""
    return ", ".join(
        [
            f"{status.pairs:,}/{status.wanted:,} pairs",
            f"{status.rejects:,} rejects",
            f"{status.failures:,} failures",
            f"{status.pairs_per_s:.1f} pairs/s",
            f"ETA {eta(status.eta_s)}",
            *calls_told(status),
            *money_told(status),
            *filter(None, [status.batches]),
            *status.away,
        ]
    )


def calls_told(status: Status) -> Iterator[str]:
    """Give what was asked, and how it goes."""
    yield f"{status.in_flight:,} in flight{f' of {status.max_in_flight:,}' if status.max_in_flight else ''}"
    yield calls_of(sum(status.asked.values()), sum(status.hits.values()))
    if status.retries:
        reason = max(status.retries, key=status.retries.__getitem__)
        yield f"{sum(status.retries.values()):,} tried again (most: {reason})"


def money_told(status: Status) -> Iterator[str]:
    """Give what the run took, and how much of the budget of the project is gone."""
    cost_usd = None if status.unknown_costs else status.cost_usd + status.server_usd
    yield f"{status.prompt_tokens + status.completion_tokens:,} tokens"
    yield cost_of(cost_usd)
    for name, unit in (("usd", "$"), ("tokens", "")):
        most, spent = status.budget.get(f"max_{name}"), status.budget.get(f"spent_{name}") or 0
        if most is not None:
            share = f" ({spent / most:.0%})" if most else ""
            told = f"{unit}{spent:,.2f} of {unit}{most:,.2f}" if unit else f"{spent:,.0f} of {most:,.0f} tokens"
            yield f"budget {told}{share}"


def calls_of(asked: int, hits: int) -> str:
    """Return the calls of a run, and what came from the ledger."""
    return f"{asked:,} calls ({hits:,} replies from the ledger)"


def cost_of(cost_usd: float | None) -> str:
    """Return an amount of money; what is unknown is said to be."""
    return "cost unknown" if cost_usd is None else f"${cost_usd:,.4f}"


def eta(left_s: float | None) -> str:
    """Return how long a run will still take, as exact as can be known: nobody foretells an hour to the second."""
    if left_s is None:
        return "not known yet"
    if left_s < _LEAST_TOLD_S:
        return f"{left_s:.0f} s"
    minutes = round(left_s / 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 24:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
