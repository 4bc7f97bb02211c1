"""Whether a walk still yields pairs, by its last slots in plan order."""

from collections import Counter, deque

from glan.errors import StoppedError
from glan.records import Decided, Outcome

COPIES = frozenset({"exact duplicate", "near duplicate", "copy in meaning"})
"""The reasons of rejects that copy an earlier question."""
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
        reasons = ", ".join(f"{count} x {reason}" for reason, count in verdicts.most_common(3))
        return LowYieldError(
            f"Only {self._pairs} of the last {len(recent)} slots became pairs: {reasons}.",
            hint=self._way_out(),
        )

    def _way_out(self) -> str:
        most = len(self._recent) // 2
        if sum(slot.outcome is Outcome.FAILURE for slot in self._recent) > most:
            return "`glan run --retry-failed` asks again for what failed."
        if sum(slot.verdict is not None and slot.verdict.reason in COPIES for slot in self._recent) > most:
            return (
                "The taxonomy has few new questions left to give: add disciplines or subjects, or ask for fewer pairs; "
                "what counts as a copy is set in [curation]."
            )
        return "Look at rejects/, mend the prompt, the teacher or a threshold, or set `stop_below` in [plan]."
