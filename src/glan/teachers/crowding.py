"""What a server's refusals mean: that so many at once were too many, or nothing, since they come by chance. Pure.

    crowding = Crowding()
    crowding.send(now, level)
    crowding.refuse(now, begun, level)
    crowding.verdict(now)       None, CHANCE, or the number that the server bears

A server that bears so many refuses what is sent beyond that, and no other; one that refuses by chance does so at every
level. So the levels of what was refused are held against the levels of what was not: the one-sided distance of
Kolmogorov and Smirnov. Few refusals mean nothing at all, whatever they are.
"""

import math
from collections import Counter, deque
from dataclasses import dataclass, field

CHANCE = 0
"""The verdict that refusals do not depend on how many are in flight."""
_BORNE = 0.01
"""Share of refusals that is borne without a thought; to provoke some is how a limit is found."""
_SLACK = 1.25
"""So many times the expected share is within the expectation."""
_ROOM, _ROOM_PER_SHARE = 3.0, 40.0
"""So many refusals beyond the expectation are borne before one is judged, and more where many are expected."""
_ROOM_OF_PROBE = 0.5
_SURELY_APART = 0.9
"""Distance of the two distributions from which refusals depend on the level, however few they are."""
_APART = 1.4
"""The same where it is weighted by their numbers: by chance it comes about once in fifty times."""
_MANY, _APART_OF_MANY = 0.25, 0.5
"""The same distance where more than this share is refused, which few servers do by chance."""
_LATEST = 4
"""A server that refuses so many in a row is not refusing by chance."""
_MOST_CHANCE = 0.5
"""A greater share of refusals is never taken for chance."""
_MEMORY = 0.998
_SETTLE_S = 0.01
"""What was sent at one moment comes back refused within such a while, beside the time that a refusal takes."""
_MOST_SENDS = 2_048
_LEAST_COUNTED = 64
_AS_GOOD = 0.9


@dataclass(slots=True)
class Crowding:
    """Recent requests, and which of them were refused."""

    expected: float = 0.0
    """Share of refusals that come by chance, as far as is known; it only falls, until it is found anew."""
    _seen: float = 0.0
    """Share of refusals among the last outcomes."""
    _room: float = _ROOM
    _sends: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_MOST_SENDS))
    _refused: list[tuple[float, int]] = field(default_factory=list)
    _since: float = float("-inf")
    """Only what was sent from then on counts."""
    _judge_at: float | None = None
    _took_s: float = 0.0
    """How long the last refusal took."""

    @property
    def _most_room(self) -> float:
        return _ROOM + _ROOM_PER_SHARE * self.expected

    def send(self, now: float, level: int) -> None:
        """Hear that a request was sent, as one of so many."""
        tolerated = _SLACK * self.expected + _BORNE
        self._room = min(self._most_room, self._room + tolerated)
        if self._room >= self._most_room and self._judge_at is None and self._refused:
            self._refused.clear()
            self._sends.clear()
        self._sends.append((now, level))

    def probe(self) -> None:
        """Hear that more are sent to see whether they are borne: then a single refusal is worth a judgement."""
        self._room = min(self._room, _ROOM_OF_PROBE)

    def reply(self) -> None:
        """Hear that one was answered."""
        self._seen *= _MEMORY
        self.expected = min(self.expected, _SLACK * self._seen)

    def refuse(self, now: float, begun: float, level: int) -> None:
        """Hear that one was refused."""
        self._seen = 1 - _MEMORY * (1 - self._seen)
        if begun < self._since:
            return
        self._room -= 1
        self._refused.append((begun, level))
        self._took_s = now - begun
        if self._room < 0 and self._judge_at is None:
            self._judge_at = now + 2 * self._took_s + _SETTLE_S

    def verdict(self, now: float) -> int | None:
        """Return what the refusals mean, once: CHANCE or how many are borne; None while there is nothing to say."""
        if self._judge_at is None or now < self._judge_at:
            return None
        outcomes = [send for send in self._sends if send[0] <= now - self._took_s]
        refused = Counter(self._refused)
        accepted = Counter(outcomes) - refused
        is_closed = refused.total() > _MOST_CHANCE * len(outcomes)
        if is_closed or all(send in refused for send in outcomes[-_LATEST:]):
            found, by_chance = max(1, min(level for _, level in self._refused) - 1), None
        else:
            found, by_chance = _judged(_levels(accepted), _levels(refused))
        if by_chance is not None:
            self.expected = self._seen = min(_MOST_CHANCE, by_chance)
        self._begin(now)
        return found

    def forget(self) -> None:
        """Expect no refusals by chance any more."""
        self.expected = self._seen = 0.0

    def _begin(self, now: float) -> None:
        self._since = now
        self._judge_at = None
        self._room = self._most_room
        self._refused.clear()
        self._sends.clear()


@dataclass(slots=True)
class Review:
    """A trial whether refusals that were taken for chance come from too many in flight after all.

    Replies are counted for a while, then again with a quarter fewer in flight. If as many come, the rest was in vain.
    """

    begun: float
    size: int
    """How many may be in flight before."""
    turn_s: float
    """How long a reply takes."""
    n_before: int = 0
    n_after: int = 0

    @property
    def _span_s(self) -> float:
        return self.turn_s * max(2, -(-_LEAST_COUNTED // self.size))

    @property
    def fewer(self) -> int:
        """How many are tried."""
        return max(1, self.size * 3 // 4)

    def has_measured(self, now: float) -> bool:
        """Say whether it is time to have fewer in flight."""
        return now - self.begun >= self._span_s

    def reply(self, now: float) -> bool | None:
        """Count a reply; say in the end whether fewer are as good."""
        passed_s = now - self.begun
        if passed_s < self._span_s:
            self.n_before += 1
        elif passed_s >= 2 * self._span_s + self.turn_s:
            return self.n_after >= _AS_GOOD * self.n_before
        elif passed_s >= self._span_s + self.turn_s:
            self.n_after += 1
        return None


def _levels(requests: Counter[tuple[float, int]]) -> Counter[int]:
    found: Counter[int] = Counter()
    for (_, level), number in requests.items():
        found[level] += number
    return found


def _judged(accepted: Counter[int], refused: Counter[int]) -> tuple[int, float | None]:
    """Return up to which level requests are accepted, and which share of them is refused all the same.

    CHANCE is the level where there is none, and None the share where too few say anything of it.
    """
    n_accepted, n_refused = accepted.total(), refused.total()
    best, at, below = 0.0, CHANCE, (0, 0)
    n_below = [0, 0]
    for level in sorted({*accepted, *refused}):
        n_below[0] += accepted[level]
        n_below[1] += refused[level]
        distance = n_below[0] / n_accepted - n_below[1] / n_refused
        if distance > best:
            best, at, below = distance, level, (n_below[0], n_below[1])
    weight, share = math.sqrt(n_accepted * n_refused / (n_accepted + n_refused)), n_refused / (n_accepted + n_refused)
    if best < (_APART_OF_MANY if share > _MANY else _SURELY_APART) and best * weight < _APART:
        return CHANCE, share
    return max(1, at), below[1] / sum(below) if below[1] > 1 else None
