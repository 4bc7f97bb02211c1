"""status.json: what a run tells of itself while it goes on, for whoever looks on from elsewhere.

Everything in it is read from what the run counts anyway; it is replaced whole, once a second, and now and then logged.
"""

import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from glan.against import Against
from glan.config import Config
from glan.errors import ProjectError
from glan.options import Options
from glan.pace import Pace, Seen
from glan.progress import Progress
from glan.project import Project
from glan.records import Stage
from glan.teachers.batch_post import Post
from glan.teachers.ledgered import Tally
from glan.teachers.panel import Panel
from glan.teachers.permits import Pools
from glan.teachers.purse import Purse
from glan.teachers.watched import Cuts

_LOG_EVERY_S = 60.0

_log = logging.getLogger(__name__)


class Reported(Protocol):
    """What of a run is told."""

    project: Project
    config: Config
    options: Options
    progress: Progress
    tally: Tally
    cuts: Cuts
    against: Against
    post: Post | None
    panel: Panel
    purse: Purse
    permits: Pools | None

    @property
    def possibly_paid(self) -> Mapping[str, object]: ...


class Reporter:
    """Tells how far a run is."""

    def __init__(self, run: Reported) -> None:
        self._run = run
        self._pace = Pace()
        self._begun_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._logged_s = 0.0

    def report(self) -> None:
        """Replace status.json, and once a minute write a line into the log."""
        found = self.status()
        self._write(found)
        if self._pace.elapsed_s - self._logged_s >= _LOG_EVERY_S:
            self._logged_s = self._pace.elapsed_s
            _log.info("progress", extra={"facts": found})

    def end(self, exit_code: int) -> None:
        """Say how the run ended."""
        found = {**self.status("ended"), "exit_code": exit_code}
        _log.info("run ended", extra={"facts": found})
        self._write(found)

    def _write(self, found: Mapping[str, object]) -> None:
        """Replace status.json; a preview leaves it to tell of the last run."""
        if not self._run.options.is_preview:
            of_leaves = self._run.progress.by_leaf  # too much for a log
            project = self._run.project
            project.write_status({**found, "process": os.getpid(), "only": project.only, "by_leaf": of_leaves})

    def status(self, state: str = "running") -> dict[str, object]:
        """Return what is known of the run, as JSON can hold it."""
        run = self._run
        progress, tally, budget = run.progress, run.tally, run.purse.budget
        asked, known = (counts[Stage.QUESTIONS] for counts in (tally.asked_by_stage, tally.hits_by_stage))
        self._pace.see(Seen(pairs=progress.pairs, asked=asked, known=known))
        return {
            "state": state,
            "begun_at": self._begun_at,
            "elapsed_s": round(self._pace.elapsed_s, 1),
            "pairs_per_s": round(self._pace.pairs_per_s, 3),
            "eta_s": self._pace.left_s(progress.wanted),
            **progress.as_dict(),
            "stages": [stage.value for stage in run.config.stages],
            "cut_prompts": run.cuts.total,
            "possibly_paid": run.possibly_paid,
            "server_usd": tally.meter.usd,
            "budget": {
                "max_usd": budget.max_usd,
                "max_tokens": budget.max_tokens,
                "spent_usd": budget.spent.usd + budget.meter.usd,
                "spent_tokens": budget.spent.tokens,
            },
            "retries": dict(run.panel.retries.most_common()),
            "max_in_flight": 0 if run.permits is None else run.permits.size,
            "batches": "" if run.post is None else run.post.told(),
            "away": [absence.told() for absence in run.panel.absences],
            **run.against.as_dict(),
            **tally.as_dict(),
        }


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What status.json says, as far as it is shown; what an earlier version did not write has its default."""

    state: str = ""
    only: str | None = None
    """Path of the node, for a trial."""
    begun_at: str | None = None
    elapsed_s: float = 0.0
    pairs_per_s: float = 0.0
    eta_s: float | None = None
    """Seconds; None where it cannot be told."""
    wanted: int = 0
    pairs: int = 0
    rejects: int = 0
    failures: int = 0
    reasons: list[dict[str, str | int]] = []
    last: str = ""
    """The question of the last pair."""
    stages: list[str] = []
    in_flight: int = 0
    max_in_flight: int = 0
    hits: dict[str, int] = {}
    asked: dict[str, int] = {}
    """By stage: from the ledger, and from a teacher."""
    retries: dict[str, int] = {}
    """Tries that were made again, by the reason."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int | None = None
    cost_usd: float = 0.0
    server_usd: float = 0.0
    unknown_costs: int = 0
    budget: dict[str, float | None] = {}
    batches: str = ""
    away: list[str] = []
    possibly_paid: dict[str, float | None] = {}
    exit_code: int | None = None

    @classmethod
    def of(cls, found: Mapping[str, object]) -> "Status":
        """Read it.

        Raises:
            ProjectError: it is none.

        """
        try:
            return msgspec.convert(dict(found), cls)
        except msgspec.ValidationError as error:
            raise ProjectError(f"status.json is not as a run writes it: {error}.") from error
