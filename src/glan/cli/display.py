"""How a run looks while it goes on: a live table on a terminal, a plain line now and then in a log."""

import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Protocol

import click

from glan.cli.screen import printable
from glan.records import Outcome
from glan.runs import Run
from glan.teachers.ledgered import Tally

if TYPE_CHECKING:
    from rich.console import RenderableType

STOPPING = "Stopping: waiting for what is in flight. Once more ends at once; nothing paid is lost."
_REFRESH_S = 0.25
_LAST_LOOK_S = 1.0
"""So long the end waits for a terminal that is held up."""
_LINE_EVERY_S = 10.0
_RATE_WINDOW_S = 60.0


@dataclass(slots=True)
class _Rate:
    """Pairs per second over the last minute."""

    seen: deque[tuple[float, int]] = field(default_factory=deque)

    def update(self, pairs: int) -> float:
        """Count the pairs of this moment, and return the rate."""
        now = time.monotonic()
        self.seen.append((now, pairs))
        while len(self.seen) > 2 and now - self.seen[0][0] > _RATE_WINDOW_S:
            self.seen.popleft()
        then, before = self.seen[0]
        return (pairs - before) / (now - then) if now > then else 0.0


@asynccontextmanager
async def displayed(run: Run) -> AsyncIterator[None]:
    """Show a run until the block is left."""
    show = _live(run) if sys.stderr.isatty() else _lines(run)
    task = asyncio.create_task(show)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def lined(line: Callable[[], str]) -> AsyncIterator[None]:
    """Show one line that changes until the block is left: in its place on a terminal, now and then in a log."""
    task = asyncio.create_task(_live_line(line) if sys.stderr.isatty() else _printed_line(line))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _printed_line(line: Callable[[], str]) -> None:
    while True:
        await asyncio.sleep(_LINE_EVERY_S)
        click.echo(line(), err=True)


async def _live_line(line: Callable[[], str]) -> None:
    from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

    with _drawing() as draw:
        while True:
            draw(Text(printable(line())))
            await asyncio.sleep(_REFRESH_S)


async def _lines(run: Run) -> None:
    rate = _Rate()
    rate.update(run.progress.pairs)
    while True:
        await asyncio.sleep(_LINE_EVERY_S)
        click.echo(line_of(run, rate.update(run.progress.pairs)), err=True)


def line_of(run: Run, per_second: float) -> str:
    """Return the state of a run in one line."""
    outcomes = run.progress.outcomes
    parts = [
        f"{run.progress.pairs:,}/{run.progress.wanted:,} pairs",
        f"{outcomes[Outcome.REJECT]:,} rejects",
        f"{outcomes[Outcome.FAILURE]:,} failures",
        f"{per_second:.1f} pairs/s",
        f"ETA {eta(run, per_second)}",
        f"{run.tally.in_flight:,} in flight",
        calls_of(run.tally),
        f"{run.tally.tokens:,} tokens",
        cost_of(run.tally.cost_usd),
        *filter(None, [run.post.told() if run.post is not None else ""]),
        *run.away,
    ]
    return ", ".join(parts)


def calls_of(tally: Tally) -> str:
    """Return the calls of a run, and what came from the ledger."""
    return f"{tally.asked:,} calls ({tally.hits:,} replies from the ledger)"


def cost_of(cost_usd: float | None) -> str:
    """Return an amount of money; what is unknown is said to be."""
    return "cost unknown" if cost_usd is None else f"${cost_usd:,.4f}"


def eta(run: Run, per_second: float) -> str:
    """Return how long the run will still take at this rate."""
    left = run.progress.wanted - run.progress.pairs
    if left <= 0:
        return "0:00"
    if per_second <= 0:
        return "unknown"
    minutes, seconds = divmod(round(left / per_second), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


async def _live(run: Run) -> None:
    from rich.console import Group  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415 - likewise
    from rich.table import Table  # noqa: PLC0415 - likewise
    from rich.text import Text  # noqa: PLC0415 - likewise

    bar = Progress(TextColumn("pairs"), BarColumn(), MofNCompleteColumn())
    task = bar.add_task("pairs", total=run.progress.wanted)
    rate = _Rate()

    def look() -> Group:
        per_second = rate.update(run.progress.pairs)
        bar.update(task, completed=run.progress.pairs, total=run.progress.wanted)
        table = Table.grid(padding=(0, 2))
        for stage in run.config.stages:
            asked, hits = run.tally.asked_by_stage[stage], run.tally.hits_by_stage[stage]
            table.add_row(stage.value, f"{asked:,} calls", f"{hits:,} from the ledger")
        if run.is_interrupted:
            table.add_row(STOPPING)
        last = Text(printable(run.progress.last.replace("\n", " ")), no_wrap=True, overflow="ellipsis", style="dim")
        return Group(bar, table, Text(line_of(run, per_second)), last)

    with _drawing() as draw:
        try:
            while True:
                draw(look())
                await _pause(run)
        finally:
            draw(look(), is_last=True)


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
