"""Whether a walk still yields pairs, by its last slots in plan order."""

from collections import Counter, deque

from glan.errors import StoppedError
from glan.records import Decided, Outcome

WINDOW = 200
"""So many slots are looked at."""


class LowYieldError(StoppedError):
    """Too few of the last slots became pairs."""


class Yields:
    """The last slots of a walk."""

    def __init__(self, share: float) -> None:
        """Begin; `share` is that of the pairs from which a walk goes on."""
        self._least = share * WINDOW
        self._recent: deque[Decided] = deque(maxlen=WINDOW)
        self._pairs = 0

    def after(self, slot: Decided) -> LowYieldError | None:
        """Take the next slot, and return why the walk is to end with it, if so."""
        if len(self._recent) == WINDOW:
            self._pairs -= self._recent[0].outcome is Outcome.PAIR
        self._recent.append(slot)
        self._pairs += slot.outcome is Outcome.PAIR
        return self._error() if len(self._recent) == WINDOW and self._pairs < self._least else None

    def _error(self) -> LowYieldError:
        """Say which reasons stood in the way."""
        recent = self._recent
        verdicts = Counter(
            f"{slot.verdict.reason} ({slot.verdict.stage})" for slot in recent if slot.verdict is not None
        )
        failures = sum(slot.outcome is Outcome.FAILURE for slot in recent)
        reasons = ", ".join(f"{count} x {reason}" for reason, count in verdicts.most_common(3))
        retry = "`glan run --retry-failed` asks again for what failed." if failures > len(recent) // 2 else ""
        return LowYieldError(
            f"Only {self._pairs} of the last {len(recent)} slots became pairs: {reasons}.",
            hint=retry or "Look at rejects/, mend the prompt or the teacher, or set `stop_below` in [plan].",
        )
