"""A clock for what sleeps, in virtual time."""

import asyncio
import heapq
from dataclasses import dataclass, field
from itertools import count


@dataclass(slots=True)
class Time:
    """A clock that goes on when everybody sleeps."""

    now: float = 0.0
    sleepers: list[tuple[float, int, asyncio.Future[None]]] = field(default_factory=list)
    order: "count[int]" = field(default_factory=count)

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self.sleepers, (self.now + seconds, next(self.order), future))
        await future

    async def until(self, end: float) -> None:
        """Let time pass."""
        await self.settle()
        while self.sleepers and self.sleepers[0][0] <= end:
            self.now, _, future = heapq.heappop(self.sleepers)
            if not future.done():
                future.set_result(None)
            await self.settle()
        self.now = end

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
