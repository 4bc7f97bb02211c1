"""A server that answers a batch at once, as one with a graphics card does.

In each step every reply in the batch grows by one token, and the more there are in it, the longer a step takes:

    seconds of a step = step_s + step_s_per_request x requests in the batch

No token has a timer of its own: the batch counts the steps that it has made, and a reply is ready at a number of them.
"""

import asyncio
import heapq


class Batch:
    """Replies that grow together. It is told the time, in seconds, which never runs back."""

    def __init__(self, *, step_s: float, step_s_per_request: float) -> None:
        self._step_s = step_s
        self._step_s_per_request = step_s_per_request
        self._steps = 0.0
        """Made so far."""
        self._now = 0.0
        self._growing: set[int] = set()
        self._ends: list[tuple[float, int]] = []
        """Steps at which each reply is ready; those that left are still in it."""
        self._entered = 0

    def __len__(self) -> int:
        return len(self._growing)

    def enter(self, tokens: int) -> int:
        """Let a reply of so many tokens grow from the time that was told last; return its ticket."""
        ticket = self._entered
        self._entered += 1
        self._growing.add(ticket)
        heapq.heappush(self._ends, (self._steps + tokens, ticket))
        return ticket

    def leave(self, ticket: int) -> None:
        """Give a reply up; the others grow faster from the time that was told last."""
        self._growing.discard(ticket)

    def ready(self, now: float) -> list[int]:
        """Return the tickets of the replies that have become ready since, the first first; they leave."""
        found = []
        while (at := self.next_s()) is not None and at <= now:
            self._now, (self._steps, ticket) = at, heapq.heappop(self._ends)
            self._growing.remove(ticket)
            found.append(ticket)
        if self._growing:
            self._steps += (now - self._now) / self._one_step_s
        self._now = now
        return found

    def next_s(self) -> float | None:
        """Return when the next reply is ready, if none comes or leaves before; None where there is none."""
        while self._ends and self._ends[0][1] not in self._growing:
            heapq.heappop(self._ends)
        if not self._ends:
            return None
        return self._now + max(0.0, self._ends[0][0] - self._steps) * self._one_step_s

    @property
    def _one_step_s(self) -> float:
        return self._step_s + self._step_s_per_request * len(self._growing)


class Steps:
    """A batch in the time of the event loop."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, tokens: int) -> asyncio.Future[None]:
        """Return what is done when a reply of so many tokens is ready; whoever gives it up cancels that."""
        loop = asyncio.get_running_loop()
        self._catch_up(loop)
        ticket = self._batch.enter(tokens)
        ready = self._waiting[ticket] = loop.create_future()
        ready.add_done_callback(lambda _: self._forget(loop, ticket))
        self._wind(loop)
        return ready

    def _forget(self, loop: asyncio.AbstractEventLoop, ticket: int) -> None:
        if ticket in self._waiting:  # it was given up
            self._catch_up(loop)  # which may find it ready in this moment
            self._waiting.pop(ticket, None)
            self._batch.leave(ticket)
            self._wind(loop)

    def _strike(self, loop: asyncio.AbstractEventLoop) -> None:
        self._catch_up(loop)
        self._wind(loop)

    def _catch_up(self, loop: asyncio.AbstractEventLoop) -> None:
        for ticket in self._batch.ready(loop.time()):
            ready = self._waiting.pop(ticket)
            if not ready.done():
                ready.set_result(None)

    def _wind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Set the timer to the next reply that is ready."""
        if self._timer is not None:
            self._timer.cancel()
        at = self._batch.next_s()
        self._timer = None if at is None else loop.call_at(at, self._strike, loop)
