"""What is asked for an exam: through the ledger, the permits and the budget, as in a run, and in several pieces.

    async with hearing.begun(ledger):
        teacher, permits = hearing.teacher()
        hearing.work = ...

It refuses to know what is asked for. What was paid is in the ledger, so the same hearing asks only for what is new.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import glan
from glan.errors import GlanError, ReplyError, RequestError, StoppedError
from glan.options import InterruptedRunError, Options, code_of
from glan.settings import Limits
from glan.spending import possibly_paid, purse_of
from glan.streams import InOrder
from glan.teachers.identities import Identities
from glan.teachers.ledger import BUILDING, Ledger
from glan.teachers.ledgered import Choice, Ledgered, Tally
from glan.teachers.panel import Panel
from glan.teachers.permits import Pools
from glan.teachers.purse import Purse
from glan.teachers.watched import Cuts, Watched

A = TypeVar("A")
B = TypeVar("B")

_BEAT_EVERY_S = 1.0
_MOST_OPEN = 4_096
"""Pieces of work that are begun and wait: each holds its prompt in memory."""
_GROUP = 64

_log = logging.getLogger(__name__)


class Work(Protocol):
    """What goes on and can be stopped."""

    def stop(self, cause: GlanError) -> None:
        """Ask for nothing more; what is in flight goes on for a while."""
        ...

    def cut(self) -> None:
        """Give up what is in flight."""
        ...


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no result."""

    reason: str


class Hearing:
    """One use of a panel. `tally` can be read while it goes on; `interrupt` asks it to stop."""

    def __init__(self, panel: Panel, options: Options, limits: Limits, *, what: str = "It") -> None:
        """Prepare it; `what` names it where it was interrupted."""
        self.tally = Tally(by_hour=frozenset(panel.hourly))
        self.cuts = Cuts()
        self.identities = Identities()
        self.stopped: GlanError | None = None
        """Why it ends before its time, if it does. The first cause stands."""
        self.work: Work | None = None
        self.options = options
        self._what = what
        self._panel = panel
        self._limits = options.over(limits)
        self._purse = Purse()
        self._ledgered: Ledgered | None = None

    @property
    def told(self) -> tuple[str, ...]:
        """What a person should know of the teachers."""
        lost = [refusal.told_of(host) for refusal, host in self._panel.refusals if refusal.is_loss]
        return (*lost, *filter(None, [self.cuts.told()]), *self.identities.told())

    @property
    def possibly_paid(self) -> dict[str, object]:
        """Calls that may have been paid for without a reply, and the most that they cost."""
        return possibly_paid(self.tally, self._purse)

    @property
    def is_interrupted(self) -> bool:
        """Say whether it was asked to stop."""
        return isinstance(self.stopped, InterruptedRunError)

    def interrupt(self) -> None:
        """Stop asking; what is in flight is waited for until the grace is over."""
        self.stop(InterruptedRunError(f"{self._what} was interrupted."))

    def stop(self, cause: GlanError) -> None:
        """Ask for nothing more; what is in flight goes on."""
        if self.stopped is None:
            self.stopped = cause
            _log.info("stopping: %s", cause)
            if self.work is not None:
                self.work.stop(cause)

    @asynccontextmanager
    async def begun(self, ledger: Ledger, choice: Choice = Choice.EXACT) -> AsyncIterator[None]:
        """Store that it begins, and book the time of servers that are paid by the hour until the block is left.

        `choice` is what is done about replies under another fingerprint where the options say nothing.

        Raises:
            ConfigError: there is a budget in dollars, and a price is unknown.

        """
        self._purse = purse_of(self._panel, self.options, ledger)
        self.tally.meter = self._purse.budget.meter
        ledger.begin_run(glan_version=glan.__version__, meaning={}, choice=BUILDING, files=self._panel.files)
        self._ledgered = Ledgered(
            self._panel.teacher,
            ledger,
            self._panel.permits(self._limits),
            choice=self.options.choice or choice,
            retry_failed_before=ledger.last_seq() if self.options.retry_failed else None,
            tally=self.tally,
            purse=self._purse,
        )
        beating = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beating.cancel()
            self._purse.close()

    def teacher(self, *, keeps_cut: bool = False) -> tuple[Watched, Pools]:
        """Return who is asked, and new permits: those of an earlier piece of work are closed."""
        if self._ledgered is None:
            raise AssertionError
        permits = self._panel.permits(self._limits)
        behind = replace(self._ledgered, permits=permits)
        return Watched(behind, self.cuts, self.tally, identities=self.identities, keeps_cut=keeps_cut), permits

    async def _beat(self) -> None:
        while True:
            left_s = self._purse.beat()
            if left_s <= 0 and self.stopped is None:
                self.stop(self._purse.budget.refusal())
                if self.work is not None:
                    self.work.cut()
            await asyncio.sleep(min(_BEAT_EVERY_S, left_s) if left_s > 0 else _BEAT_EVERY_S)


class Piece(ABC):
    """Work of a hearing behind permits: stopped, it asks for nothing more, and gives up once the grace is over."""

    def __init__(self, hearing: Hearing, permits: Pools) -> None:
        self._hearing = hearing
        self._permits = permits
        hearing.work = self
        if hearing.stopped is not None:
            self.stop(hearing.stopped)

    def stop(self, cause: GlanError) -> None:
        """Ask for nothing more; what is in flight goes on until the grace is over."""
        self._permits.close(StoppedError(str(cause)))
        asyncio.get_running_loop().call_later(self._hearing.options.grace_s, self.cut)

    @abstractmethod
    def cut(self) -> None:
        """Give up what is in flight."""


class Each(Piece):
    """Asks about each of some things, many at once; what comes of one harms none of the others."""

    def __init__(self, hearing: Hearing, permits: Pools) -> None:
        super().__init__(hearing, permits)
        self.done = 0
        self._stream: InOrder[Any, Any] | None = None
        self._is_cut = False

    def cut(self) -> None:
        """Give up what is in flight."""
        self._is_cut = True
        if self._stream is not None:
            self._stream.cut()

    async def __call__(self, things: Sequence[A], ask: Callable[[A], Awaitable[B]]) -> list[B | Failed | None]:
        """Return in the order of the things what came of each; None where it was not asked for any more."""

        async def asked(thing: A) -> B | Failed | None:
            try:
                found: B | Failed | None = await ask(thing)
            except (ReplyError, RequestError) as error:
                found = Failed(str(error))
            except GlanError as error:
                self._hearing.stop(error)
                return None
            except asyncio.CancelledError:
                if not self._is_cut:
                    raise
                return None
            self.done += 1
            return found

        stream: InOrder[A, B | Failed | None] = InOrder(_grouped(things), asked, most_open=_MOST_OPEN)
        self._stream = stream
        found: list[B | Failed | None] = []
        async with aclosing(aiter(stream)) as groups:
            async for group in groups:
                found += group
        return found


async def _grouped(things: Sequence[A]) -> AsyncGenerator[list[A], None]:
    for start in range(0, len(things), _GROUP):
        yield list(things[start : start + _GROUP])


def exit_code_of(stopped: GlanError | None, *, is_whole: bool) -> int:
    """Return 0 all there, 1 an error to mend, 3 fewer than wanted, 4 budget reached, 130 interrupted."""
    return code_of(stopped) if stopped is not None else 0 if is_whole else 3
