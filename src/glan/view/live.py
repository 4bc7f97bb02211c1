"""A run that goes on elsewhere, as its status.json tells: how far, how fast, what is in flight, what it has spent."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from glan.project import Project
from glan.teachers.ledger_file import is_held

State: TypeAlias = Literal["none", "running", "ended", "died"]
TOLD: Mapping[State, str] = {
    "none": "No run yet",
    "running": "A run goes on",
    "ended": "The last run has ended",
    "died": "The last run died without an end; run it again to go on",
}
_WINDOW_S = 60.0
"""The rate is that of the last minute."""


@dataclass(slots=True)
class Watch:
    """Looks at the status of a project, and sees how fast it changes."""

    project: Project
    clock: Callable[[], float] = time.monotonic
    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def look(self) -> dict[str, Any]:
        """Return the state of the last run as its page shows it: texts by name, and the share that is done."""
        found = self.project.status() or {}
        state = self._state(found)
        pairs, wanted = _count(found.get("pairs")), _count(found.get("wanted"))
        rate = self._rate(pairs) if state == "running" else 0.0
        return {
            "state": state,
            "share": min(1.0, pairs / wanted) if wanted else 0.0,
            "texts": {
                "state": TOLD[state],
                "pairs": f"{pairs:,} of {wanted:,}",
                "rejects": f"{_count(found.get('rejects')):,}",
                "failures": f"{_count(found.get('failures')):,}",
                "rate": f"{rate:,.1f} pairs/s" if rate else "—",
                "eta": eta_told(wanted - pairs, rate) if state == "running" else "—",
                "in-flight": f"{_count(found.get('in_flight')):,}",
                "calls": f"{_sum(found.get('asked')):,}",
                "hits": f"{_sum(found.get('hits')):,}",
                "tokens": f"{_count(found.get('prompt_tokens')) + _count(found.get('completion_tokens')):,}",
                "spent": _spent(found),
                "away": "; ".join(map(str, _list(found.get("away")))) or "—",
                "batches": str(found.get("batches") or "—"),
            },
            "stages": [
                (stage, _count(asked), _count(_table(found.get("hits")).get(stage)))
                for stage, asked in _table(found.get("asked")).items()
            ],
            "reasons": [each for each in _list(found.get("reasons")) if isinstance(each, dict)],
        }

    def _state(self, found: Mapping[str, Any]) -> State:
        if not found:
            return "none"
        if found.get("state") != "running":
            return "ended"
        return "running" if is_held(self.project.ledger_path) else "died"

    def _rate(self, pairs: int) -> float:
        """Count the pairs of this moment, and return the pairs per second of the last minute."""
        now = self.clock()
        if self._seen and self._seen[-1][1] > pairs:  # another run
            self._seen.clear()
        self._seen.append((now, pairs))
        while len(self._seen) > 2 and now - self._seen[0][0] > _WINDOW_S:
            self._seen.popleft()
        then, before = self._seen[0]
        return (pairs - before) / (now - then) if now > then else 0.0


def eta_told(left: int, rate: float) -> str:
    """Return how long so many pairs take at this rate."""
    if left <= 0:
        return "0:00"
    if rate <= 0:
        return "unknown"
    minutes, seconds = divmod(round(left / rate), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _spent(found: Mapping[str, Any]) -> str:
    cost, server = found.get("cost_usd"), found.get("server_usd")
    known = f"${_money(cost) + _money(server):,.4f}"
    unknown = _count(found.get("unknown_costs"))
    budget = found.get("budget_usd")
    of = f" of ${_money(budget):,.2f}" if isinstance(budget, int | float) else ""
    return f"{known}{of}{f' and {unknown:,} calls at a price unknown' if unknown else ''}"


def _money(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _sum(value: object) -> int:
    return sum(map(_count, _table(value).values()))
