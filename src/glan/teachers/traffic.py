"""What goes to one server and comes back: paces it by RPM, TPM and the server's own headers, and tells the window.

    traffic = Traffic(rpm=500)
    traffic.regulate(Window(1_024))
    sent = await traffic.admit(request)
    traffic.hear(sent, reply, rates)

To wait is never to fail: whatever the rates are, a request is sent in the end. It knows no HTTP.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from glan.records import Reply, Request
from glan.teachers.kinds import Kind, Trouble
from glan.teachers.rates import Allowance, Rates
from glan.teachers.window import Window

_BYTES_PER_TOKEN = 4
_FIRST_REPLY_TOKENS = 500
"""What a reply is taken for until there is one; then the mean of those that came."""
_BURST_S = 1.0
"""So much of a rate may go at once. In any minute there is so much more than the rate, which is lowered for it."""
_LATE_S = 0.02
"""A server's clock is not ours: what is sent in the very moment of a reset may still be too early."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One try of a request."""

    at: float
    level: int
    """How many were in flight with it."""
    tokens: float
    """What it was taken for, prompt and reply."""


class Pace:
    """So much a minute, evenly: whoever comes gets the next place in time."""

    def __init__(self, per_minute: float) -> None:
        self._per_s = per_minute / (60 + _BURST_S)
        self._next = float("-inf")

    def reserve(self, now: float, amount: float) -> float:
        """Take a place, and return how many seconds it is away."""
        begin = max(self._next, now - _BURST_S)
        self._next = begin + amount / self._per_s
        return max(0.0, begin - now)

    def correct(self, more: float) -> None:
        """Say that so much more was used than was reserved, or less."""
        self._next += more / self._per_s


class Quota:
    """What a server said is left, counted down until it says something newer."""

    def __init__(self) -> None:
        self._left = float("inf")
        self._limit = float("inf")
        self._reset_s = 0.0
        self._until = float("-inf")

    def hear(self, now: float, said: Allowance) -> None:
        self._left = said.remaining
        self._limit = float("inf") if said.limit is None else max(said.limit, 1.0)
        self._reset_s = said.reset_s or 0.0
        self._until = now + self._reset_s

    def wait_s(self, now: float, amount: float) -> float:
        """Return how long there is not enough left; what is more than the limit waits only for a full one."""
        if self._left >= min(amount, self._limit):
            return 0.0
        if now < self._until:
            return self._until - now + _LATE_S
        self._left, self._until = self._limit, now + self._reset_s
        return 0.0

    def take(self, amount: float) -> None:
        self._left -= amount

    def is_empty(self, now: float) -> bool:
        """Say whether what was refused now was refused for this."""
        return self._left < 1 and now < self._until


class Traffic:
    """All tries of requests to one server."""

    def __init__(
        self,
        *,
        rpm: float | None = None,
        tpm: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._window: Window | None = None
        self._number = 1
        self.level = 0
        """How many requests are with the server."""
        self.n_waiting = 0
        """How many wait for their place in its rates."""
        self.latency_s = 0.0
        """Mean time of the last replies."""
        self._rpm = None if rpm is None else Pace(rpm)
        self._tpm = None if tpm is None else Pace(tpm)
        self._requests = Quota()
        self._tokens = Quota()
        self._counts_tokens = tpm is not None
        self._reply_tokens = float(_FIRST_REPLY_TOKENS)
        self._is_bounded = False
        """Whether the server has said what is left."""

    def regulate(self, by: Window | int) -> None:
        """Have a window, which is told what comes back, or always the same number."""
        self._window, self._number = (by, by.size) if isinstance(by, Window) else (None, by)

    @property
    def size(self) -> int:
        """How many requests the server is to have at once."""
        return self._number if self._window is None else self._window.size

    @property
    def load(self) -> int:
        """How many requests are with the server or on the way to it."""
        return self.level + self.n_waiting

    async def admit(self, request: Request) -> Sent:
        """Return when the request may be sent; from then on it is with the server."""
        self.n_waiting += 1
        try:
            tokens = await self._in_time(request)
        finally:
            self.n_waiting -= 1
        self.level += 1
        now = self._clock()
        if self._window is not None:
            self._window.sent(now=now, level=self.level)
        return Sent(now, self.level, tokens)

    async def _in_time(self, request: Request) -> float:
        """Wait for a place in the rates, and return what the request is taken for."""
        tokens = self._reckoned(request) if self._counts_tokens else 0.0
        now = self._clock()
        pause_s = 0.0 if self._rpm is None else self._rpm.reserve(now, 1.0)
        if self._tpm is not None:
            pause_s = max(pause_s, self._tpm.reserve(now, tokens))
        if pause_s:
            await self._sleep(pause_s)
        if self._is_bounded:
            await self._within_quota(tokens)
        return tokens

    def hear(self, sent: Sent, found: Reply | Trouble | None, rates: Rates | None) -> None:
        """Learn from what came back: a reply, a trouble, or nothing because the request was given up."""
        self.level -= 1
        now = self._clock()
        if rates is not None:
            self._see_rates(now, rates)  # first, so that a refusal is known to be about them
        if isinstance(found, Reply):
            self._see_reply(now, sent, found)
        elif found is not None and found.is_refusal:
            self._see_refusal(now, sent, found)
        elif found is not None and found.kind is Kind.TIMED_OUT and self._window is not None:
            self._window.timed_out(now=now)

    def _see_reply(self, now: float, sent: Sent, reply: Reply) -> None:
        """Learn from a reply what it took."""
        usage, took_s = reply.usage, now - sent.at
        self.latency_s += 0.05 * (took_s - self.latency_s) if self.latency_s else took_s
        if self._counts_tokens and usage.completion_tokens is not None:
            if usage.completion_tokens:  # a vector has none, and says nothing of the replies that have
                self._reply_tokens += 0.05 * (usage.completion_tokens - self._reply_tokens)
            if self._tpm is not None and usage.prompt_tokens is not None:
                self._tpm.correct(usage.prompt_tokens + usage.completion_tokens - sent.tokens)
        if self._window is not None:
            self._window.replied(now=now, begun=sent.at, level=sent.level, tokens=usage.completion_tokens)

    def _see_refusal(self, now: float, sent: Sent, trouble: Trouble) -> None:
        """Learn from a refusal. One for want of requests or tokens says nothing of how many may be in flight."""
        is_of_rate = trouble.status == 429 and (self._requests.is_empty(now) or self._tokens.is_empty(now))
        if self._window is not None and not is_of_rate:
            self._window.refused(now=now, begun=sent.at, level=sent.level)

    def _see_rates(self, now: float, rates: Rates) -> None:
        """Keep to what the server says is left."""
        self._is_bounded = True
        if rates.requests is not None:
            self._requests.hear(now, rates.requests)
        if rates.tokens is not None:
            self._counts_tokens = True
            self._tokens.hear(now, rates.tokens)

    async def _within_quota(self, tokens: float) -> None:
        while True:
            now = self._clock()
            pause_s = max(self._requests.wait_s(now, 1.0), self._tokens.wait_s(now, tokens))
            if not pause_s:
                break
            await self._sleep(pause_s)
        self._requests.take(1.0)
        self._tokens.take(tokens)

    def _reckoned(self, request: Request) -> float:
        """Return about how many tokens a request and its reply have: most replies do not fill their room."""
        length = sum(len(message.content) for message in request.messages)
        return length / _BYTES_PER_TOKEN + min(self._reply_tokens, request.sampling.max_tokens)
