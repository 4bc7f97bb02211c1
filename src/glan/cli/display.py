"""How a run looks while it goes on: a live table on a terminal, a plain line now and then in a log."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Protocol

import click

from glan.cli.screen import printable
from glan.reporting import Status
from glan.runs import Run
from glan.telling import calls_told, eta, line_of, money_told

if TYPE_CHECKING:
    from rich.console import RenderableType

STOPPING = "Stopping: waiting for what is in flight. Once more ends at once; nothing paid is lost."
_REFRESH_S = 0.25
_LAST_LOOK_S = 1.0
"""So long the end waits for a terminal that is held up."""
_LINE_EVERY_S = 10.0


def displayed(run: Run) -> AbstractAsyncContextManager[None]:
    """Show a run until the block is left."""
    return _beside(_live(run) if sys.stderr.isatty() else _printed_line(lambda: line_of(_status(run))))


def lined(line: Callable[[], str]) -> AbstractAsyncContextManager[None]:
    """Show one line that changes until the block is left: in its place on a terminal, now and then in a log."""
    return _beside(_live_line(line) if sys.stderr.isatty() else _printed_line(line))


@asynccontextmanager
async def _beside(show: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Show something until the block is left."""
    task = asyncio.create_task(show)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _printed_line(line: Callable[[], str]) -> None:
    while True:
        await asyncio.sleep(_LINE_EVERY_S)
        click.echo(printable(line()), err=True)


async def _live_line(line: Callable[[], str]) -> None:
    from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

    with _drawing() as draw:
        while True:
            draw(Text(printable(line())))
            await asyncio.sleep(_REFRESH_S)


def _status(run: Run) -> Status:
    return Status.of(run.reporter.status())


def watched(look: Callable[[], Status | None]) -> None:
    """Show a run that goes on elsewhere until it has ended: nothing to look at any more."""
    if not sys.stderr.isatty():
        due_s = time.monotonic()
        while (status := look()) is not None:
            if time.monotonic() >= due_s:
                due_s += _LINE_EVERY_S
                click.echo(printable(line_of(status)), err=True)
            time.sleep(_REFRESH_S)
        return
    with _drawing() as draw:
        while (status := look()) is not None:
            draw(look_of(status))
            time.sleep(_REFRESH_S)


async def _live(run: Run) -> None:
    with _drawing() as draw:
        try:
            while True:
                draw(look_of(_status(run), STOPPING if run.is_interrupted else ""))
                await _pause(run)
        finally:
            draw(look_of(_status(run)), is_last=True)


def look_of(status: Status, note: str = "") -> "RenderableType":
    """Return what a terminal shows of a run: how far it is, its stages, its calls, its money, and its last question."""
    from rich.console import Group  # noqa: PLC0415 - only a terminal needs it
    from rich.table import Table  # noqa: PLC0415 - likewise
    from rich.text import Text  # noqa: PLC0415 - likewise

    stages = Table.grid(padding=(0, 2))
    for stage in status.stages:
        asked, known = status.asked.get(stage, 0), status.hits.get(stage, 0)
        stages.add_row(stage, f"{asked:,} calls", f"{known:,} from the ledger")
    fates = f"{status.rejects:,} rejects, {status.failures:,} failures"
    lines = [
        ", ".join([fates, *calls_told(status)]),
        ", ".join(money_told(status)),
        *filter(None, [", ".join(status.away), status.batches, note]),
    ]
    last = Text(printable(status.last.replace("\n", " ")), no_wrap=True, overflow="ellipsis", style="dim")
    return Group(_bar(status), stages, *(Text(printable(line)) for line in lines), last)


def _bar(status: Status) -> "RenderableType":
    from rich.progress_bar import ProgressBar  # noqa: PLC0415 - only a terminal needs it
    from rich.table import Table  # noqa: PLC0415 - likewise

    table = Table.grid(padding=(0, 1))
    table.add_row(
        "pairs",
        ProgressBar(total=max(1, status.wanted), completed=status.pairs, width=40),
        f"{status.pairs:,}/{status.wanted:,}",
        f"{status.pairs_per_s:.1f} pairs/s",
        f"ETA {eta(status.eta_s)}",
    )
    return table


async def _pause(run: Run) -> None:
    """Wait until the screen is due again: after a moment, or at once when the run was asked to stop."""
    if run.is_interrupted:
        await asyncio.sleep(_REFRESH_S)
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(_REFRESH_S):
            await run.interrupting.wait()


class _Draw(Protocol):
    def __call__(self, look: "RenderableType", *, is_last: bool = False) -> None: ...


@contextmanager
def _drawing() -> Iterator["_Draw"]:
    """Give a function that draws in a thread of its own: a terminal that is held up must not hold up the run."""
    latest: Queue[RenderableType | None] = Queue()
    thread = Thread(target=_draw, args=(latest,), name="screen", daemon=True)
    thread.start()

    def draw(look: "RenderableType", *, is_last: bool = False) -> None:
        if is_last or latest.empty():  # what was not drawn in time is left out
            latest.put(look)

    try:
        yield draw
    finally:
        latest.put(None)
        thread.join(_LAST_LOOK_S)


def _draw(latest: "Queue[RenderableType | None]") -> None:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.live import Live  # noqa: PLC0415 - likewise

    with Live(console=Console(stderr=True), auto_refresh=False, transient=True) as live:
        while (look := latest.get()) is not None:
            live.update(look, refresh=True)
