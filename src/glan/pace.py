"""How fast a run makes pairs, and when it will have made them all. It looks at what is asked, not at what was known.

    pace.see(Seen(pairs=120, asked=118, known=0))
    pace.left_s(1_000)

While the ledger answers, pairs come a thousand times as fast as a teacher gives them, and while the first syllabi are
written none come: neither says how long the rest will take.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

_WINDOW_S = 60.0
_WINDOW_SHARE = 0.25
"""Of a long run the rate is that of its last quarter, since servers, disciplines and rejects vary."""
_LEAST_PAIRS = 5
_LEAST_S = 3.0
"""From less nothing is foretold."""
_EVERY_S = 0.2
"""Looks that follow closer are one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Counts at one moment, all since the run began."""

    pairs: int
    asked: int
    """Questions that a teacher was asked for."""
    known: int
    """Questions that the ledger had."""


class Pace:
    """The pace of a run."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun_s = clock()
        self._seen: deque[tuple[float, Seen]] = deque()
        self._is_warm = False

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._begun_s

    def see(self, now: Seen) -> None:
        """Take note of how far the run is; several times a second is often enough."""
        now_s = self._clock()
        if self._seen and now_s - self._seen[-1][0] < _EVERY_S:
            return
        if self._seen and self._begins_anew(self._seen[-1][1], now):
            self._seen.clear()
        self._seen.append((now_s, now))
        window_s = max(_WINDOW_S, _WINDOW_SHARE * (now_s - self._begun_s))
        while len(self._seen) > 2 and now_s - self._seen[1][0] > window_s:
            self._seen.popleft()

    def _begins_anew(self, before: Seen, now: Seen) -> bool:
        """Say whether what was seen so far tells nothing of what comes: the ledger answered, or no pair was there."""
        is_read = now.known - before.known > now.asked - before.asked or now.pairs < before.pairs
        was_warm, self._is_warm = self._is_warm, not is_read and (self._is_warm or now.pairs > before.pairs)
        return not was_warm

    @property
    def pairs_per_s(self) -> float:
        """Pairs a second of late; 0 while none is asked for, or none is there."""
        if len(self._seen) < 2:
            return 0.0
        (then_s, then), (now_s, now) = self._seen[0], self._seen[-1]
        return (now.pairs - then.pairs) / (now_s - then_s)

    def left_s(self, wanted: int) -> float | None:
        """Return how long the rest will take at this pace; None while that cannot be told."""
        if not self._seen:
            return None
        (then_s, then), (now_s, now) = self._seen[0], self._seen[-1]
        if now.pairs >= wanted:
            return 0.0
        if now.pairs - then.pairs < _LEAST_PAIRS or now_s - then_s < _LEAST_S:
            return None
        return (wanted - now.pairs) / self.pairs_per_s
