"""What every command that sends files shows, and how it ends on Ctrl-C."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

import click

from glan.cli.screen import on_stop
from glan.errors import INTERRUPTED

T = TypeVar("T")
_EVERY_S: Final = 10.0
_UNITS: Final = ("bytes", "kB", "MB", "GB")


@contextmanager
def ending_at_once(let_go: Callable[[], object], told: str) -> Iterator[None]:
    """End at once on Ctrl-C or SIGTERM: a library would wait for what is on its way. `let_go` tidies up before."""

    def end(*_: object) -> None:
        let_go()
        sys.stderr.write("\x1b[?25h" if sys.stderr.isatty() else "")
        click.echo(told, err=True)
        os._exit(INTERRUPTED)

    with on_stop(end):
        yield


@contextmanager
def sending(total_bytes: int, done: str = "sent") -> Iterator[Callable[[int], None]]:
    """Give what shows how many bytes have gone: beside a spinner on a terminal, as a line now and then in a log."""
    begun_s = time.monotonic()

    def line(size_bytes: int) -> str:
        per_second = size_bytes / max(time.monotonic() - begun_s, 0.001)
        return f"{size_told(size_bytes)} of {size_told(total_bytes)} {done}, {size_told(round(per_second))}/s"

    if not sys.stderr.isatty():
        yield Rarely(line)
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

    with Console(stderr=True).status("Sending" if done == "sent" else "Working") as status:
        yield lambda size_bytes: status.update(line(size_bytes))


def added(watch: Callable[[int], object]) -> Callable[[int], None]:
    """Return what is told of single amounts and tells of their sum."""
    total = 0

    def add(size_bytes: int) -> None:
        nonlocal total
        total += size_bytes
        watch(total)

    return add


class Rarely(Generic[T]):
    """Prints a line about what it is given, not more often than a log wants it."""

    def __init__(self, line: Callable[[T], str]) -> None:
        self._line, self._told_s = line, time.monotonic()

    def __call__(self, found: T) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s >= _EVERY_S:
            self._told_s = now_s
            click.echo(self._line(found), err=True)


def size_told(size_bytes: int) -> str:
    """Return a size in words: `3.4 MB`."""
    size, unit = float(size_bytes), 0
    while size >= 1000 and unit + 1 < len(_UNITS):
        size, unit = size / 1000, unit + 1
    return f"{size:,.0f} {_UNITS[unit]}" if unit == 0 else f"{size:,.1f} {_UNITS[unit]}"
