"""The options of commands that ask a teacher, beside `glan run`: test sets, judges, and the building of trees."""

from collections.abc import Callable
from typing import TypedDict, TypeVar

import click

from glan.options import Options
from glan.teachers.ledgered import Choice

F = TypeVar("F", bound=Callable[..., object])


class Given(TypedDict):
    """The options of every command that asks, beside `glan run`, as click gives them."""

    budget_usd: float | None
    budget_tokens: int | None
    max_in_flight: int | None
    retry_failed: bool
    reask: bool
    keep: bool
    grace_s: float


def paying_options(function: F) -> F:
    """Add the options of a command that asks: what it may cost, what was asked before, and how it stops."""
    for add in reversed(
        (
            click.option("--budget-usd", type=click.FloatRange(min=0), help="As for `glan run`."),
            click.option("--budget-tokens", type=click.IntRange(min=0), help="As for `glan run`."),
            click.option(
                "--max-in-flight",
                type=click.IntRange(1, 100_000),
                help="Most requests in flight at once to each server.",
            ),
            click.option("--retry-failed", is_flag=True, help="Ask again for what failed."),
            click.option("--reask", is_flag=True, help="Ask anew for what changed."),
            click.option("--keep", is_flag=True, help="Keep the replies that are there for what changed."),
            click.option(
                "--grace-s",
                type=click.FloatRange(min=0),
                default=60.0,
                show_default=True,
                help="Seconds that it waits for what is in flight when it is stopped.",
            ),
        )
    ):
        function = add(function)
    return function


def options_of(given: Given, *, rules: bool = False, rebuild: bool = False) -> Options:
    """Return what is asked for with these options."""
    if given["reask"] and given["keep"]:
        raise click.UsageError("--reask and --keep exclude each other.")
    return Options(
        max_in_flight=given["max_in_flight"],
        budget_usd=given["budget_usd"],
        budget_tokens=given["budget_tokens"],
        choice=Choice.REASK if given["reask"] else Choice.KEEP if given["keep"] else None,
        retry_failed=given["retry_failed"],
        grace_s=given["grace_s"],
        rules=rules,
        rebuild=rebuild,
    )
