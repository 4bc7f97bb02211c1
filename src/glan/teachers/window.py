"""How many requests a server is sent at once, found out while it works. Pure: it is told the time and what came back.

    window = Window(1_024)
    window.replied(now=2.0, begun=1.0, level=8, tokens=300)
    window.refused(now=2.1, level=9)
    window.size

It doubles while that brings more, then holds, and tries a little more from time to time. Throughput is the signal: the
tokens per second of one stream, times the streams. Latency alone never shrinks a window, since a full server may queue
and slow down without a word; more latency without more throughput ends the growth. A refusal says more: that so many
at once were too many, and one fewer perhaps not.
"""

from dataclasses import dataclass
from enum import Enum

from glan.teachers.crowding import CHANCE, Crowding, Review

START = 8
"""A window begins so small that even a small server bears its first doubling."""
_LEAST_REPLIES = 8
"""A round of fewer replies says little, but where the window is tiny we do not wait for more than two turns of it."""
_USED_SHARE = 0.9
"""A window that was not filled so far has not been tried, and does not grow."""
_WORTH = 0.1
"""Growth goes on while throughput rises by this share of what the window rose by."""
_WORTH_OF_PROBE = 0.3
"""A probe is a small step whose gain drowns in noise, so more is asked of it: otherwise noise alone would climb."""
_JUDGED_FROM = 1.2
"""Steps are judged by throughput once they add up to this: less cannot be told from noise."""
_SLOWER = 1.15
"""Latencies that rose by this are waited for during a whole turn before a doubling is judged."""
_CHANGED_FROM = 1.25
"""A server that gives so much more at the same window has changed, and growth begins again."""
_REPLIES_PER_STEP = 120
"""A probe risks a refusal or two for each step beyond the limit, so for each so many replies come before it."""
_CALM_TURNS = 10
"""After so many latencies without a refusal, a window that fell far grows again without further waiting."""
_WORTH_A_REVIEW = 0.05
"""From this share on, refusals that are taken for chance are looked into now and then."""
_FIRST_PATIENCE, _MOST_PATIENCE = 8, 64
"""Rounds between two probes of a server that queues; twice as many after each that brought nothing."""


class Limit(Enum):
    """What ended the last growth."""

    NOTHING = "nothing"
    REFUSALS = "refusals"
    THROUGHPUT = "throughput"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What a window gave per second."""

    size: int
    tokens: float | None
    """None where the server does not count them."""
    replies: float

    def gain_over(self, other: "Rate") -> float:
        """Return how much more this is, as a share: in tokens or in replies, whichever shows more.

        The replies of two rounds may be of different kinds, long and short, and a server may be slow by the token or by
        the reply. Only where neither rose was nothing gained.
        """
        gains = [self.replies / other.replies - 1]
        if self.tokens is not None and other.tokens:
            gains.append(self.tokens / other.tokens - 1)
        return max(gains)

    def surely_exceeds(self, other: "Rate", factor: float) -> bool:
        """Say whether both tokens and replies are so many times more."""
        counted = self.tokens is None or not other.tokens or self.tokens > factor * other.tokens
        return counted and self.replies > factor * other.replies

    def mixed_with(self, newer: "Rate") -> "Rate":
        """Return this, a quarter of the way towards a newer one."""
        tokens = None
        if self.tokens is not None and newer.tokens is not None:
            tokens = 0.75 * self.tokens + 0.25 * newer.tokens
        return Rate(size=self.size, tokens=tokens, replies=0.75 * self.replies + 0.25 * newer.replies)


@dataclass(slots=True)
class _Round:
    """Replies to what was sent under one size of the window."""

    begun: float
    n: int = 0
    tokens: int = 0
    is_counted: bool = True
    latency_s: float = 0.0
    most_level: int = 0

    def add(self, latency_s: float, level: int, tokens: int | None) -> None:
        self.n += 1
        self.latency_s += latency_s
        self.most_level = max(self.most_level, level)
        if tokens is None:
            self.is_counted = False
        else:
            self.tokens += tokens

    def rate(self, size: int) -> Rate:
        """Return the throughput by Little's law: replies come in bursts, so to count them over a while misleads."""
        streams_per_s = size / max(self.latency_s, 1e-9)
        tokens = self.tokens * streams_per_s if self.is_counted and self.tokens else None
        return Rate(size=size, tokens=tokens, replies=self.n * streams_per_s)


class Window:
    """The number of requests that may be in flight, up to a ceiling."""

    def __init__(self, ceiling: int, *, start: int = START) -> None:
        self.ceiling = ceiling
        self.size = min(start, ceiling)
        self.limit = Limit.NOTHING
        self._step = self.size
        self._is_growing = self.size < ceiling
        self._proven: Rate | None = None
        """What the last size gave that was worth it."""
        self._round = _Round(0.0)
        self._latency_s = 1.0
        """Mean of the last round; before there is one, a guess."""
        self._n_held = 0
        self._patience = _FIRST_PATIENCE
        self._n_since_limit = 0
        """Replies since the last step or shrink."""
        self._refused_at = float("-inf")
        self._crowding = Crowding()
        self._review: Review | None = None
        self._review_patience = _FIRST_PATIENCE
        self._n_unreviewed = 0
        """Rounds since the last review."""
        self._floor = 1
        self._floor_until = float("-inf")
        self._lasting = 0.0
        """The size that held for long, slowly forgotten."""

    def sent(self, *, now: float, level: int) -> None:
        """Hear of a request that is sent: `level` are in flight then, itself included."""
        self._crowding.send(now, level)
        self._heed(now)

    def replied(self, *, now: float, begun: float, level: int, tokens: int | None) -> None:
        """Hear of a reply.

        Args:
            now: the time.
            begun: when it was sent.
            level: how many were in flight when it was sent, itself included.
            tokens: its length, None where it is unknown.

        """
        self._n_since_limit += 1
        self._crowding.reply()
        self._heed(now)
        if self._review is not None:
            self._go_on_with(self._review, now)
        found = self._round
        if begun < found.begun:
            return  # it says how the size before was
        found.add(now - begun, level, tokens)
        if found.n >= self._enough and not self._is_filling:
            self._end_round(now)

    def refused(self, *, now: float, begun: float, level: int) -> None:
        """Hear that a server had enough, of a request that was sent as one of so many."""
        self._crowding.refuse(now, begun, level)
        self._heed(now)

    def _heed(self, now: float) -> None:
        """Do what the refusals ask for.

        In one turn the window is not more than halved: a server that refuses whatever comes would otherwise close it.
        """
        verdict = self._crowding.verdict(now)
        if verdict is None:
            return
        if verdict != CHANCE:
            self._shrink(now, verdict)
        elif self.limit is Limit.REFUSALS:
            self._begin_again(now)

    def _go_on_with(self, review: Review, now: float) -> None:
        """Have fewer in flight for a while, and stay there if that is as good."""
        is_as_good = review.reply(now)
        if is_as_good is None:
            self.size = review.fewer if review.has_measured(now) else self.size
            return
        self._review = None
        if is_as_good:
            self._crowding.forget()
            self.limit = Limit.REFUSALS
            self._review_patience = _FIRST_PATIENCE
        else:
            self.size = review.size
            self._review_patience = min(2 * self._review_patience, _MOST_PATIENCE)
        self._proven = None
        self._stop_growing()
        self._begin_round(now)

    def _begin_again(self, now: float) -> None:
        """Grow from a size that was left for no reason, gently at first."""
        self.limit = Limit.NOTHING
        self._proven = None
        self._grow(max(1, self.size // 8))
        self._begin_round(now)

    def timed_out(self, *, now: float) -> None:
        """Hear that a reply never came. It was sent long ago, so it does not say how many are too many."""
        if now >= self._floor_until:
            self._shrink(now, self.size * 3 // 4)

    def _shrink(self, now: float, size: int) -> None:
        self._review = None
        if now >= self._floor_until:
            self._floor = max(1, self.size // 2)
            self._floor_until = now + self._latency_s
        self._n_since_limit = 0
        self._refused_at = now
        self.limit = Limit.REFUSALS
        self._is_growing = False
        self.size = min(self.size, max(size, self._floor))
        if self._proven is not None and self._proven.size > self.size:
            self._proven = None
        self._begin_round(now)

    @property
    def _enough(self) -> int:
        """Replies that a round needs: one turn of the window, and half of one while it doubles."""
        turn = self.size // 2 if self._is_growing and 3 * self._step > self.size else self.size
        return max(turn, min(_LEAST_REPLIES, 2 * self.size))

    @property
    def _is_filling(self) -> bool:
        """Say whether a queue may still be growing: then the first replies after a doubling flatter the new size."""
        found = self._round
        if not self._is_growing or self._proven is None or found.n >= self.size:
            return False
        return found.latency_s > _SLOWER * self._latency_s * found.n

    def _begin_round(self, now: float) -> None:
        self._round = _Round(now)

    def _end_round(self, now: float) -> None:
        found = self._round
        self._latency_s = found.latency_s / found.n
        rate = found.rate(self.size)
        self._begin_round(now)
        is_filled = found.most_level >= _USED_SHARE * self.size
        if not (self._is_growing and is_filled) and self._is_under_review(now):
            return
        if not is_filled:
            return
        if self._is_growing:
            self._judge(rate)
        else:
            self._hold(rate, now)

    def _is_under_review(self, now: float) -> bool:
        """Say whether refusals that are borne are being looked into, and begin to where it is time."""
        self._n_unreviewed += 1
        is_due = self._crowding.expected > _WORTH_A_REVIEW and self._n_unreviewed >= self._review_patience
        if is_due and self._review is None:
            self._n_unreviewed = 0
            self._review = Review(now, self.size, self._latency_s)
        return self._review is not None

    def _judge(self, rate: Rate) -> None:
        """Grow on, or end the growth where it brought nothing."""
        before = self._proven
        if before is not None and rate.size >= _JUDGED_FROM * before.size:
            wanted = (rate.size / before.size - 1) * (_WORTH if self.limit is Limit.NOTHING else _WORTH_OF_PROBE)
            if rate.gain_over(before) < wanted:
                self._settle(before, rate)
                return
            self._patience = _FIRST_PATIENCE
        if before is None or rate.size >= _JUDGED_FROM * before.size:
            self._proven = rate
        self._grow(2 * self._step)

    def _settle(self, before: Rate, rate: Rate) -> None:
        """Go back to what was as good; after a doubling a little above it: never is work short."""
        had_doubled = rate.size > 1.5 * before.size
        is_worse = rate.gain_over(before) < -0.05
        self.size = before.size if is_worse or not had_doubled else before.size * 5 // 4
        self._patience = min(2 * self._patience, _MOST_PATIENCE) if self.limit is Limit.THROUGHPUT else self._patience
        self.limit = Limit.THROUGHPUT
        self._stop_growing()

    def _grow(self, step: int) -> None:
        self._review = None
        self._step = min(step, self.size, self.ceiling - self.size)
        self._is_growing = self._step > 0
        self.size += self._step
        if not self._is_growing:
            self._stop_growing()

    def _stop_growing(self) -> None:
        self._is_growing = False
        self._n_held = 0

    def _hold(self, rate: Rate, now: float) -> None:
        """Learn what this size gives, and try more when it is time."""
        self._n_held += 1
        self._lasting = max(self.size, 0.99 * self._lasting)
        before = self._proven
        if before is None or before.size != rate.size:
            self._proven = rate
        elif rate.surely_exceeds(before, _CHANGED_FROM):
            self._proven = rate
            self._patience = _FIRST_PATIENCE
            self._grow(max(1, self.size // 4))
            return
        else:
            self._proven = before.mixed_with(rate)
        if self._has_fallen(now):
            self._lasting = 0.0  # once: if it is refused again, the server has become smaller
            self._probe()
        elif self._may_probe:
            self._probe()

    def _probe(self) -> None:
        if self.limit is Limit.REFUSALS:
            self._crowding.probe()
        self._n_since_limit = 0
        self._grow(self._first_step)

    @property
    def _first_step(self) -> int:
        return max(1, self.size // (64 if self.limit is Limit.REFUSALS else 4))

    @property
    def _may_probe(self) -> bool:
        if self.size >= self.ceiling:
            return False
        if self.limit is Limit.REFUSALS:
            return self._n_since_limit >= _REPLIES_PER_STEP * self._first_step
        return self._n_held >= self._patience

    def _has_fallen(self, now: float) -> bool:
        """Say whether the window fell far below what held before, and all has been calm since."""
        return 2 * self.size <= self._lasting and now - self._refused_at >= _CALM_TURNS * self._latency_s
