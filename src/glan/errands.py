"""What asks about a tree and makes no pairs: its ledger, its budget, its permits, and an end in good order.

Every call goes through the ledger and the budget of the project, as those of a run do; an errand knows nothing of what
is asked, and its replies are read by whoever sends it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from msgspec import structs

import glan
from glan.config import TreeConfig
from glan.environment import Environment
from glan.errors import GlanError, StoppedError
from glan.generate.asking import Asking, asking_of
from glan.options import InterruptedRunError, Options, code_of
from glan.project import Project
from glan.prompts import Prompts
from glan.spending import possibly_paid, purse_of
from glan.streams import begin
from glan.teachers.identities import Identities
from glan.teachers.ledger import BUILDING, Ledger
from glan.teachers.ledgered import Choice, Ledgered, Tally
from glan.teachers.panel import Panel
from glan.teachers.purse import Purse
from glan.teachers.watched import Cuts, Watched

T = TypeVar("T")

_log = logging.getLogger(__name__)
_BEAT_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a tree is built: in a project, or with a ledger of its own."""

    config: TreeConfig
    prompts: Prompts
    environment: Environment
    ledger_path: Path
    log_path: Path | None = None

    @classmethod
    def in_project(cls, project: Project) -> "Site":
        """Return the site with settings, prompts and ledger of a project."""
        return cls(
            config=TreeConfig.of(project.config),
            prompts=project.prompts,
            environment=project.environment,
            ledger_path=project.ledger_path,
            log_path=project.log_path,
        )

    @classmethod
    def alone(cls, ledger_path: Path) -> "Site":
        """Return a site with the default settings and the shipped prompts."""
        return cls(config=TreeConfig(), prompts=Prompts.shipped(), environment=Environment(), ledger_path=ledger_path)

    def speaking(self, language: str | None) -> "Site":
        """Return the same in another language, where one is named."""
        return self if language is None else replace(self, config=structs.replace(self.config, language=language))


class Errand:
    """One errand. `tally` can be read while it goes on; `interrupt` asks it to stop."""

    def __init__(self, site: Site, panel: Panel, options: Options, *, what: str, choice: Choice = Choice.REASK) -> None:
        """Prepare it; `what` names it, and `choice` says what is done about replies under another fingerprint."""
        self.on_cut: Callable[[], None] | None = None
        """Is called when what is in flight is given up."""
        self.tally = Tally(by_hour=frozenset(panel.hourly))
        self.stopped: GlanError | None = None
        """Why it ended before its time, if it did."""
        self._what, self._choice = what, choice
        self._ledger_path = site.ledger_path
        self._panel = panel
        self._options = options
        self._permits = panel.permits(options.over(site.config.limits))
        self._purse = Purse()
        self._cuts, self._identities = Cuts(), Identities()
        self._asking = asking_of(site.config, site.prompts, panel.teacher, panel.models)
        self._tasks: Sequence[asyncio.Future[Any]] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """What a person should know of the teacher."""
        lost = [refusal.told_of(host) for refusal, host in self._panel.refusals if refusal.is_loss]
        return (*lost, *filter(None, [self._cuts.told()]), *self._identities.told())

    @property
    def possibly_paid(self) -> dict[str, object]:
        """Calls that may have been paid for without a reply, and the most that they cost."""
        return possibly_paid(self.tally, self._purse)

    @property
    def is_interrupted(self) -> bool:
        """Say whether it was asked to stop."""
        return isinstance(self.stopped, InterruptedRunError)

    @property
    def exit_code(self) -> int:
        """0 where it came to its end, 1 an error to mend, 4 budget reached, 130 interrupted."""
        return code_of(self.stopped)

    def interrupt(self) -> None:
        """Stop asking; what is in flight is waited for until the grace is over."""
        self.stop(InterruptedRunError(f"The {self._what} was interrupted."))

    def stop(self, cause: GlanError) -> None:
        """Ask for nothing more; what is in flight goes on for a while. The first cause stands."""
        if self.stopped is None:
            self.stopped = cause
            _log.info("stopping: %s", cause)
            self._permits.close(StoppedError(str(cause)))
            asyncio.get_running_loop().call_later(self._options.grace_s, self._cut)

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Asking]:
        """Open the ledger, and give how to ask.

        Raises:
            GlanError: before anything was asked: the ledger or a setting stands in the way.

        """
        with Ledger.open(self._ledger_path) as ledger:
            self._purse = purse_of(self._panel, self._options, ledger)
            self.tally.meter = self._purse.budget.meter
            files = {"teacher": self._panel.spec}
            ledger.begin_run(glan_version=glan.__version__, meaning={}, choice=BUILDING, files=files)
            beating = asyncio.create_task(self._beat())
            try:
                yield structs.replace(self._asking, teacher=self._teacher(ledger))
            finally:
                beating.cancel()
                self._purse.close()

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

    def _teacher(self, ledger: Ledger) -> Watched:
        ledgered = Ledgered(
            self._panel.teacher,
            ledger,
            self._permits,
            choice=self._choice,
            retry_failed_before=ledger.last_seq() if self._options.retry_failed else None,
            tally=self.tally,
            purse=self._purse,
        )
        return Watched(ledgered, self._cuts, self.tally, identities=self._identities)

    def _cut(self) -> None:
        """Give up what is in flight."""
        for task in self._tasks:
            task.cancel()
        if self.on_cut is not None:
            self.on_cut()

    async def _beat(self) -> None:
        """Book the time of servers that are paid by the hour, and end the errand when it is paid up."""
        while True:
            left_s = self._purse.beat()
            if left_s <= 0 and self.stopped is None:
                self.stop(self._purse.budget.refusal())
                self._cut()
            await asyncio.sleep(min(_BEAT_EVERY_S, left_s) if left_s > 0 else _BEAT_EVERY_S)
