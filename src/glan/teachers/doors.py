"""How much a simulated server takes: so many requests at once, so many requests and tokens a minute.

Beyond so many at once it refuses, or lets wait. A minute begins with the first request after the end of the last one,
and headers tell what is left of it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType

from glan.teachers.exchange import TurnedDownError

_MINUTE_S = 60.0


class Doors:
    """Lets requests in, refuses them, or lets them wait."""

    def __init__(
        self,
        *,
        capacity: int | None = None,
        queues: bool = False,
        rpm: int | None = None,
        tpm: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._capacity = capacity
        self._queues = queues
        self._inside = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._clock = clock
        self._meters = {
            kind: _Meter(limit) for kind, limit in (("requests", rpm), ("tokens", tpm)) if limit is not None
        }

    def change(self, capacity: int | None) -> None:
        """Serve so many at once from now on; who is inside stays."""
        self._capacity = capacity
        self._call_in()

    def knock(self) -> None:
        """Count a request against its minute.

        Raises:
            TurnedDownError: the minute is used up.

        """
        now = self._clock()
        for kind, meter in self._meters.items():
            if meter.left(now) < 1:
                raise TurnedDownError("rate", f"{kind} per minute.", wait_s=meter.reset_s(now))
        if "requests" in self._meters:
            self._meters["requests"].use(now, 1)

    def count_tokens(self, tokens: int) -> None:
        """Count what a request took."""
        if "tokens" in self._meters:
            self._meters["tokens"].use(self._clock(), tokens)

    def place(self) -> "_Place":
        """Be inside; to enter may take a while, or is refused.

        Raises:
            TurnedDownError: the server is full and has no queue.

        """
        return _Place(self)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return what the minute still allows, as providers tell it."""
        now = self._clock()
        return [
            (f"x-ratelimit-{name}-{kind}".encode(), text.encode())
            for kind, meter in self._meters.items()
            for name, text in meter.told(now)
        ]

    async def enter(self) -> None:
        if self._capacity is None or self._inside < self._capacity:
            self._inside += 1
            return
        if not self._queues:
            raise TurnedDownError("full")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        self._inside -= 1
        self._call_in()

    def _call_in(self) -> None:
        while self._queue and (self._capacity is None or self._inside < self._capacity):
            turn = self._queue.popleft()
            if not turn.done():
                self._inside += 1
                turn.set_result(None)


class _Place:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def __aenter__(self) -> None:
        await self._doors.enter()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._doors.leave()


class _Meter:
    """What is used of one minute."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._end = float("-inf")

    def left(self, now: float) -> int:
        return self._limit if now >= self._end else max(0, self._limit - self._used)

    def reset_s(self, now: float) -> float:
        return max(0.0, self._end - now)

    def use(self, now: float, amount: int) -> None:
        if now >= self._end:
            self._used, self._end = 0, now + _MINUTE_S
        self._used += amount

    def told(self, now: float) -> list[tuple[str, str]]:
        return [
            ("limit", f"{self._limit}"),
            ("remaining", f"{self.left(now)}"),
            ("reset", f"{round(self.reset_s(now) * 1_000)}ms"),
        ]
