"""What asks about a tree and makes no pairs: a hearing with one piece of work, of many side by side.

An errand knows nothing of what is asked, and its replies are read by whoever sends it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from msgspec import structs

from glan.config import Config
from glan.errors import GlanError
from glan.generate.asking import Asking, asking_of
from glan.hearings import Hearing, Piece
from glan.options import Options, code_of
from glan.sites import Site
from glan.streams import begin
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Choice
from glan.teachers.panel import Panel
from glan.teachers.permits import Pools

T = TypeVar("T")


class Errand(Hearing):
    """One errand. `tally` can be read while it goes on; `interrupt` asks it to stop."""

    def __init__(
        self, site: Site[Config], panel: Panel, options: Options, *, what: str, choice: Choice = Choice.REASK
    ) -> None:
        """Prepare it; `choice` is what is done about other fingerprints where the options say nothing."""
        super().__init__(panel, options, site.config.limits, what=f"The {what}")
        self.on_cut: Callable[[], None] | None = None
        """Is called when what is in flight is given up."""
        self._choice = choice
        self._ledger_path = site.ledger_path
        self._asking = asking_of(site.config, site.prompts, panel.teacher, panel.models)
        self._tasks: Sequence[asyncio.Future[Any]] = ()

    @property
    def exit_code(self) -> int:
        """0 where it came to its end, 1 an error to mend, 4 budget reached, 130 interrupted."""
        return code_of(self.stopped)

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Asking]:
        """Open the ledger, and give how to ask.

        Raises:
            GlanError: before anything was asked: the ledger or a setting stands in the way.

        """
        with Ledger.open(self._ledger_path) as ledger:
            async with self.begun(ledger, self._choice):
                teacher, permits = self.teacher()
                _Together(self, permits)
                yield structs.replace(self._asking, teacher=teacher)

    async def all(self, works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """Do work side by side; what is in flight when the errand ends is waited for, since it is paid for.

        Raises:
            GlanError: what ended the errand; each work handles by itself what concerns it alone.

        """
        self._tasks = tasks = [begin(self._guarded(work)) for work in works]
        found = await asyncio.gather(*tasks, return_exceptions=True)
        results: list[T] = []
        for each in found:
            if isinstance(each, BaseException):
                raise self.stopped or each
            results.append(each)
        return results

    async def _guarded(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await work
        except GlanError as error:
            self.stop(error)
            raise

    def give_up(self) -> None:
        """Give up what is in flight."""
        for task in self._tasks:
            task.cancel()
        if self.on_cut is not None:
            self.on_cut()


class _Together(Piece):
    """The work of an errand."""

    def __init__(self, errand: Errand, permits: Pools) -> None:
        super().__init__(errand, permits)
        self._errand = errand

    def cut(self) -> None:
        self._errand.give_up()
