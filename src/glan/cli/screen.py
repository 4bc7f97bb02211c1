"""What every command needs of the terminal: options, errors, questions, JSON."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import click
import msgspec

from glan.errors import GlanError

F = TypeVar("F", bound=Callable[..., Any])


def project_option(function: F) -> F:
    """Add --project, the folder of the project."""
    return click.option(
        "--project",
        "folder",
        type=click.Path(path_type=Path),
        default=Path(),
        help="Folder of the project; the current one if not given.",
    )(function)


def ledger_option(function: F) -> F:
    """Add --ledger, for a ledger outside the project."""
    return click.option(
        "--ledger",
        type=click.Path(path_type=Path, dir_okay=False),
        help="The ledger, if it is not in the project: a path on a local disk.",
    )(function)


def json_option(function: F) -> F:
    """Add --json, for machines."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def yes_option(function: F) -> F:
    """Add --yes, which answers every question."""
    return click.option("--yes", is_flag=True, help="Answer yes to every question.")(function)


def say(text: str) -> None:
    """Print a line of plain text; control characters of a model or a file are made visible."""
    click.echo(printable(text))


def say_json(found: object) -> None:
    """Print one JSON document."""
    click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())


def tokens_told(prompt_tokens: int, completion_tokens: int, cached_tokens: int | None, *, calls: int) -> str:
    """Return how many tokens the calls took, with the share of prompts that a server had read before, if one told it.

    A server that counts none is not one that took none.
    """
    if calls and not prompt_tokens and not completion_tokens:
        return "tokens unknown"
    cached = ""
    if cached_tokens is not None and prompt_tokens:
        cached = f" ({cached_tokens / prompt_tokens:.0%} cached)"
    return f"{prompt_tokens:,} prompt tokens{cached}, {completion_tokens:,} reply tokens"


def complain(error: GlanError) -> None:
    """Print an error and its way out."""
    click.echo(f"Error: {printable(str(error))}", err=True)
    if error.hint:
        click.echo(printable(error.hint), err=True)


def confirmer(*, yes: bool) -> Callable[[str], bool]:
    """Return how a question is answered: by --yes, by a person at a terminal, and otherwise by no."""

    def confirm(question: str) -> bool:
        if yes:
            return True
        return sys.stdin.isatty() and sys.stderr.isatty() and click.confirm(printable(question), err=True)

    return confirm


@contextmanager
def on_stop(handle: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Have Ctrl-C and SIGTERM handled, where no event loop runs, until the block is left."""
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, usual in before.items():
            signal.signal(number, usual)


def printable(text: str) -> str:
    """Return text in which no control character or escape sequence reaches the terminal."""
    return "\n".join(line if line.isprintable() else _escaped(line) for line in text.split("\n"))


def _escaped(line: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else f"\\x{ord(c):02x}" for c in line)
