"""The options of commands that ask a teacher, beside `glan run`: test sets, judges, and the building of trees."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypedDict, TypeVar

import click

from glan.cli.display import STOPPING
from glan.cli.screen import complain, say, tokens_told
from glan.errors import BudgetError
from glan.hearings import Hearing
from glan.options import Options
from glan.project import Project
from glan.spending import told_possibly_paid
from glan.teachers.ledgered import Choice
from glan.telling import calls_of, cost_of

F = TypeVar("F", bound=Callable[..., object])


def project_here(folder: Path | None, ledger: Path | None) -> Project | None:
    """Return the project that is named, or that of the current folder if it is one."""
    here = Project(Path())
    return Project.open(folder or Path(), ledger) if folder is not None or here.config_path.is_file() else None


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


def hearing_told(hearing: Hearing) -> Iterator[str]:
    """Give how a hearing goes on: its calls and its money."""
    tally = hearing.tally
    yield f"{tally.in_flight:,} in flight"
    yield calls_of(tally.asked, tally.hits)
    yield cost_of(tally.cost_usd)
    if hearing.is_interrupted:
        yield STOPPING


def tell_hearing(hearing: Hearing, made: str = "") -> None:
    """Say what a hearing came to, what it took, and how to go on where it ended before its time."""
    for line in hearing.told:
        say(line)
    tell_spent(hearing, made)
    if hearing.is_interrupted:
        say(str(hearing.stopped))
    elif hearing.stopped is not None:
        complain(hearing.stopped)
    if hearing.stopped is not None and not isinstance(hearing.stopped, BudgetError):
        say("To go on, give the same command again: what was paid for is in the ledger.")


def tell_spent(hearing: Hearing, made: str = "") -> None:
    """Say what a hearing took, after what it made."""
    tally = hearing.tally
    tokens = tokens_told(tally.prompt_tokens, tally.completion_tokens, tally.cached_tokens, calls=tally.asked)
    say(f"{made}{calls_of(tally.asked, tally.hits)}, {tokens}, {cost_of(tally.cost_usd)}.")
    if doubtful := told_possibly_paid(hearing.possibly_paid):
        say(doubtful)
