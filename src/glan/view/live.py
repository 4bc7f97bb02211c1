"""A run that goes on elsewhere, as its status.json tells: how far, how fast, what is in flight, what it has spent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from glan.errors import ProjectError
from glan.project import Project
from glan.reporting import Status
from glan.teachers.ledger_file import is_held
from glan.telling import eta, money_told

State: TypeAlias = Literal["none", "running", "ended", "died"]
TOLD: Mapping[State, str] = {
    "none": "No run yet",
    "running": "A run goes on",
    "ended": "The last run has ended",
    "died": "The last run died without an end; run it again to go on",
}
_LONGEST_LAST = 300
"""Characters of the last question that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The last run of a project at one moment."""

    state: State
    status: Status

    @classmethod
    def of(cls, project: Project) -> "Live":
        """Look at the status of a project; one that nobody can read is none."""
        found = project.status()
        try:
            status = Status.of(found or {})
        except ProjectError:
            found, status = None, Status()
        if found is None:
            return cls(state="none", status=status)
        if status.state != "running":
            return cls(state="ended", status=status)
        return cls(state="running" if is_held(project.ledger_path) else "died", status=status)

    @property
    def share(self) -> float:
        """How much of what is wanted is there."""
        return min(1.0, self.status.pairs / self.status.wanted) if self.status.wanted > 0 else 0.0

    @property
    def texts(self) -> Mapping[str, str]:
        """What its page shows, by name."""
        status = self.status
        most = f" of {status.max_in_flight:,}" if status.max_in_flight else ""
        tokens, cost, *budget = money_told(status)
        return {
            "state": TOLD[self.state],
            "pairs": f"{status.pairs:,} of {status.wanted:,}",
            "rate": f"{status.pairs_per_s:,.1f} pairs/s",
            "eta": eta(status.eta_s),
            "in-flight": f"{status.in_flight:,}{most}",
            "spent": cost,
            "budget": "; ".join(budget).replace("budget ", "") or "none",
            "rejects": f"{status.rejects:,}",
            "failures": f"{status.failures:,}",
            "calls": f"{sum(status.asked.values()):,}",
            "hits": f"{sum(status.hits.values()):,}",
            "retries": f"{sum(status.retries.values()):,}",
            "tokens": tokens.removesuffix(" tokens"),
            "stages": ", ".join(f"{stage} {count:,}" for stage, count in status.asked.items()) or "—",
            "away": "; ".join(status.away) or "none",
            "batches": status.batches or "none",
            "last": status.last[:_LONGEST_LAST],
        }
