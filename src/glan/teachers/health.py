"""Whether a server answers at all: the breaker of one server. Pure; it is told the time and what came back.

    health = Health(random.Random())
    health.fail(now, HARD)
    if health.is_away and health.may_probe(now): ...

A server that gave nothing many times in a row is away. Then it is asked one request at a time, after longer and longer
pauses, until one comes back with any answer.
"""

import random
from dataclasses import dataclass

SOFT, HARD = 1, 4
"""What a failure counts: one that may lie in the request or in the moment, and one where no connection was made."""
_ENOUGH = 20
"""Failures in a row, counted so, after which a server is away."""
_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.5, 30.0


@dataclass(slots=True)
class Health:
    """What is known of one server."""

    rng: random.Random
    """Spreads the pauses."""
    is_away: bool = False
    since: float | None = None
    """When the first of the failures came after which nothing else did; None while it answers."""
    reason: str = ""
    """What the last failure was."""
    _failures: int = 0
    _n_probes: int = 0
    _is_probed: bool = False
    _due: float = 0.0

    def answer(self) -> None:
        """Hear of any answer that a working server gives, be it an error about one request."""
        self.is_away = self._is_probed = False
        self.since = None
        self._failures = self._n_probes = 0

    def fail(self, now: float, weight: int, *, reason: str = "", counts: bool = True, wait_s: float = 0.0) -> None:
        """Hear that nothing came.

        Args:
            now: the time.
            weight: SOFT or HARD.
            reason: what it was.
            counts: whether it may be what ends in an absence; a refusal is not while others are being served.
            wait_s: how long the server asked to be left alone.

        """
        self.reason = reason
        self.since = now if self.since is None else self.since
        self._failures += weight
        self._is_probed = False
        if counts and self._failures >= _ENOUGH:
            self.is_away = True
            longest = min(_MAX_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(self._n_probes, 10))
            self._n_probes += 1
            self._due = max(self._due, now + wait_s + self.rng.uniform(longest / 2, longest))

    def may_probe(self, now: float) -> bool:
        """Say whether it is time to ask a server that is away again."""
        return not self._is_probed and now >= self._due

    def probe(self) -> None:
        """Note that one request is on its way to see."""
        self._is_probed = True

    def drop(self) -> None:
        """Note that it was given up before anything came."""
        self._is_probed = False

    def due_in_s(self, now: float) -> float:
        """Return the seconds until it may be asked again."""
        return max(0.0, self._due - now)
