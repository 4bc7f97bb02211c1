"""Servers and their client in virtual time: what a window does in two minutes is seen in a moment."""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from glan.teachers.window import Window

Event = Callable[[], None]


@dataclass(slots=True)
class Clock:
    """A time that jumps to the next event."""

    now: float = 0.0
    events: list[tuple[float, int, Event]] = field(default_factory=list)
    order: "count[int]" = field(default_factory=count)

    def after(self, seconds: float, event: Event) -> None:
        heapq.heappush(self.events, (self.now + seconds, next(self.order), event))

    def run_until(self, end: float) -> None:
        while self.events and self.events[0][0] <= end:
            self.now, _, event = heapq.heappop(self.events)
            event()
        self.now = end


class Served(Protocol):
    """Who calls back once a request has its outcome: the tokens of its reply, or None where it was refused."""

    def __call__(self, tokens: int | None) -> None: ...


class Serving(Protocol):
    """A server."""

    def ask(self, served: Served) -> None: ...


def constant(value: float) -> Callable[[float], float]:
    """Return a quantity that does not change."""
    return lambda _: value


@dataclass(slots=True)
class Refusing:
    """Serves so many at once and refuses the rest at once."""

    clock: Clock
    rng: random.Random
    capacity: Callable[[float], float]
    latency_s: float = 1.0
    jitter: float = 0.3
    way_s: float = 0.002
    by_chance: float = 0.0
    """Share of requests that it refuses for no reason."""
    running: int = 0

    def ask(self, served: Served) -> None:
        if self.running >= self.capacity(self.clock.now) or self.rng.random() < self.by_chance:
            self.clock.after(self.way_s, lambda: served(None))
            return
        self.running += 1
        tokens = self.rng.randint(50, 500)
        self.clock.after(
            self.latency_s * self.rng.uniform(1 - self.jitter, 1 + self.jitter), lambda: self.end(served, tokens)
        )

    def end(self, served: Served, tokens: int) -> None:
        self.running -= 1
        served(tokens)


@dataclass(slots=True)
class Queueing:
    """Serves so many at once; the rest waits, however many they are."""

    clock: Clock
    rng: random.Random
    capacity: Callable[[float], float]
    latency_s: float = 1.0
    jitter: float = 0.3
    running: int = 0
    queue: list[Served] = field(default_factory=list)

    def ask(self, served: Served) -> None:
        self.queue.append(served)
        self.begin()

    def begin(self) -> None:
        while self.queue and self.running < self.capacity(self.clock.now):
            served = self.queue.pop(0)
            self.running += 1
            self.clock.after(self.latency_s * self.rng.uniform(1 - self.jitter, 1 + self.jitter), self.ending(served))

    def ending(self, served: Served) -> Event:
        def end() -> None:
            self.running -= 1
            served(self.rng.randint(50, 500))
            self.begin()

        return end


@dataclass(slots=True)
class Batching:
    """Gives every request one token in each step, and a step takes a + b x batch seconds."""

    clock: Clock
    rng: random.Random
    a: float = 0.02
    b: float = 0.0001
    steps: int = 0
    running: list[tuple[int, int, int, Served]] = field(default_factory=list)
    order: "count[int]" = field(default_factory=count)

    def ask(self, served: Served) -> None:
        tokens = self.rng.randint(10, 90)
        heapq.heappush(self.running, (self.steps + tokens, next(self.order), tokens, served))
        if len(self.running) == 1:
            self.step()

    def step(self) -> None:
        if self.running:
            self.clock.after(self.a + self.b * len(self.running), self.end_step)

    def end_step(self) -> None:
        self.steps += 1
        done = []
        while self.running and self.running[0][0] <= self.steps:
            done.append(heapq.heappop(self.running))
        was_left = bool(self.running)
        if was_left:
            self.step()
        for _, _, tokens, served in done:
            served(tokens)


@dataclass(slots=True)
class Client:
    """Keeps a window full. After a refusal the place is kept for as long as a reply takes, and lent for the rest."""

    clock: Clock
    rng: random.Random
    server: Serving
    window: Window
    level: int = 0
    """How many are with the server."""
    kept: int = 0
    """How many places are kept by requests that pause."""
    back: deque[int] = field(default_factory=deque)
    """Requests whose pause is over, each with its tries so far; they go before new ones."""
    latency_s: float = 0.0
    replies: list[tuple[float, int]] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)

    def fill(self) -> None:
        while self.level + self.kept < self.window.size:
            self.send(self.back.popleft() if self.back else 1)

    def send(self, n_tries: int) -> None:
        self.level += 1
        begun, level = self.clock.now, self.level
        self.window.sent(now=begun, level=level)

        def served(tokens: int | None) -> None:
            self.level -= 1
            if tokens is None:
                self.refuse(begun, level, n_tries)
            else:
                took_s = self.clock.now - begun
                self.latency_s += 0.05 * (took_s - self.latency_s) if self.latency_s else took_s
                self.replies.append((self.clock.now, tokens))
                self.window.replied(now=self.clock.now, begun=begun, level=level, tokens=tokens)
            self.fill()

        self.server.ask(served)

    def refuse(self, begun: float, level: int, n_tries: int) -> None:
        self.refusals.append(self.clock.now)
        self.window.refused(now=self.clock.now, begun=begun, level=level)
        pause_s = self.rng.uniform(0, min(60.0, 0.5 * 2.0 ** min(n_tries - 1, 10)))
        self.kept += 1

        def lend() -> None:
            self.kept -= 1
            self.fill()

        def again() -> None:
            self.back.append(n_tries + 1)
            self.fill()

        self.clock.after(min(pause_s, self.latency_s), lend)
        self.clock.after(pause_s, again)

    def replies_per_s(self, since: float, until: float) -> float:
        return sum(since <= at < until for at, _ in self.replies) / (until - since)

    def tokens_per_s(self, since: float, until: float) -> float:
        return sum(tokens for at, tokens in self.replies if since <= at < until) / (until - since)

    def refused_share(self, since: float, until: float) -> float:
        refused = sum(since <= at < until for at in self.refusals)
        return refused / max(1, refused + sum(since <= at < until for at, _ in self.replies))

    def time_to(self, replies_per_s: float, *, over_s: float = 2.0) -> float:
        """Return the end of the first while in which so many replies came per second."""
        times = [at for at, _ in self.replies]
        first = 0
        for i, at in enumerate(times):
            while times[first] < at - over_s:
                first += 1
            if at >= over_s and (i - first + 1) / over_s >= replies_per_s:
                return at
        return float("inf")
