"""How many requests are in flight at once, in which order they go, and what they may cost. It knows no HTTP.

async with permits.at(request.rank):
    reply = await Budgeted(teacher, budget, price=price).reply(request)
"""

import asyncio
import copy
import heapq
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from glan.config import Price
from glan.errors import BudgetError, ConfigError, StoppedError
from glan.records import Reply, Request, Usage
from glan.teachers.base import Teacher
from glan.teachers.prices import cost_usd
from glan.teachers.window import Window

_Future = asyncio.Future[None]
_log = logging.getLogger(__name__)


class Permits:
    """So many permits, given to the lowest rank first, and among equals to the one that asked first.

    While a permit is free nobody waits: whoever gives one back passes it on. With a window their number follows what
    the servers bear; where it falls, nobody who holds a permit loses it, and fewer are passed on.
    """

    def __init__(self, max_in_flight: int, window: Window | None = None) -> None:
        self.ceiling = max_in_flight
        self._size = max_in_flight if window is None else window.size
        self._window = window
        self._in_flight = 0
        self.resting = 0
        """How many who hold a permit pause and ask nothing meanwhile."""
        self._heap: list[tuple[int, int, _Future]] = []
        self._order = count()
        self._idlers: list[_Future] = []
        self._error: StoppedError | None = None

    def at(self, rank: int) -> "_Permit":
        """Hold a permit; to enter may take a while, and raises once the permits are closed."""
        return _Permit(self, rank)

    def close(self, error: StoppedError) -> None:
        """Give no further permit: who waits or comes later gets the error; who holds one goes on."""
        self._error = error
        for _, _, future in self._heap:
            if not future.done():
                future.set_exception(copy.copy(error))
        self._heap.clear()
        _wake(self._idlers)

    @property
    def in_flight(self) -> int:
        """How many permits are held."""
        return self._in_flight

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return sum(not future.done() for _, _, future in self._heap)

    @property
    def size(self) -> int:
        """How many permits there are just now."""
        return self._size

    @property
    def n_free(self) -> int:
        """How many permits are free."""
        return max(0, self._size - self._in_flight)

    @property
    def level(self) -> int:
        """How many requests are with a server."""
        return self._in_flight - self.resting

    def see_reply(self, *, now: float, begun: float, level: int, tokens: int | None) -> None:
        """Tell the window of a reply."""
        if self._window is not None:
            self._window.replied(now=now, begun=begun, level=level, tokens=tokens)
            self._follow(self._window.size)

    def see_refusal(self, *, now: float, begun: float, level: int) -> None:
        """Tell the window that a server had enough."""
        if self._window is not None:
            self._window.refused(now=now, begun=begun, level=level)
            self._follow(self._window.size)

    def see_time_out(self, *, now: float) -> None:
        """Tell the window that a reply never came."""
        if self._window is not None:
            self._window.timed_out(now=now)
            self._follow(self._window.size)

    def _follow(self, size: int) -> None:
        """Have so many permits from now on, and give those that are new to who waits."""
        if size == self._size:
            return
        _log.debug("%d requests in flight at most, %d before", size, self._size)
        self._size = size
        while self._heap and self._in_flight < size:
            _, _, future = heapq.heappop(self._heap)
            if not future.done():
                self._in_flight += 1
                future.set_result(None)
        if self.is_idle:
            _wake(self._idlers)

    @property
    def is_idle(self) -> bool:
        """Say whether a permit is free and nobody waits for one."""
        return self._in_flight < self._size

    async def wait_idle(self) -> None:
        """Return when a permit is free and nobody waits for one, or when there will be none any more."""
        while not self.is_idle and self._error is None:
            future: _Future = asyncio.get_running_loop().create_future()
            self._idlers.append(future)
            await future

    async def take(self, rank: int) -> None:
        """Wait for a permit, and hold it until it is given back."""
        if self._error is not None:
            # A copy each, since an error that is raised in many tasks would gather all their tracebacks.
            raise copy.copy(self._error)
        if self.is_idle:
            self._in_flight += 1
            return
        future: _Future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._heap, (rank, next(self._order), future))
        try:
            await future
        except asyncio.CancelledError:
            # The permit may have come in the very moment in which the waiter was cancelled.
            if not future.cancelled() and future.exception() is None:
                self.give_back()
            raise

    def give_back(self) -> None:
        """Pass a permit on to the first who still waits, or free it."""
        while self._heap and self._in_flight <= self._size:
            _, _, future = heapq.heappop(self._heap)
            if not future.done():
                future.set_result(None)
                return
        self._in_flight -= 1
        if self.is_idle:
            _wake(self._idlers)


class _Permit:
    """A permit while it is held. A generator would take three times as long, for each call."""

    __slots__ = ("_permits", "_rank")

    def __init__(self, permits: Permits, rank: int) -> None:
        self._permits = permits
        self._rank = rank

    async def __aenter__(self) -> None:
        await self._permits.take(self._rank)

    async def __aexit__(self, *error: object) -> None:
        self._permits.give_back()


def _wake(futures: list[_Future]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
    futures.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """Tokens of prompt and reply, and what they cost as far as the price is known."""

    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(tokens=self.tokens + other.tokens, usd=self.usd + other.usd)


class Budget:
    """What a run may spend. A call is reserved at its worst case before it is sent, and booked at its real cost."""

    def __init__(
        self, *, max_usd: float | None = None, max_tokens: int | None = None, spent: Amount | None = None
    ) -> None:
        self.max_usd = max_usd
        self.max_tokens = max_tokens
        self._spent = Amount() if spent is None else spent
        self._reserved = Amount()
        self._n_open = 0
        self._waiters: list[_Future] = []

    @property
    def spent(self) -> Amount:
        """What is booked, with what was spent before."""
        return self._spent

    @property
    def reserved(self) -> Amount:
        """The worst case of the calls in flight."""
        return self._reserved

    def reserve(self, worst: Amount) -> None:
        """Set an amount aside.

        Raises:
            BudgetError: the cap could be passed.

        """
        if not self.fits(worst):
            raise self._refusal(worst)
        self._n_open += 1
        self._reserved = Amount(tokens=self._reserved.tokens + worst.tokens, usd=self._reserved.usd + worst.usd)

    async def admit(self, worst: Amount) -> None:
        """Set an amount aside as soon as it fits: calls in flight mostly cost less than their worst case.

        Raises:
            BudgetError: it does not fit, and nothing in flight could make room.

        """
        while self._n_open and not self.fits(worst):
            future: _Future = asyncio.get_running_loop().create_future()
            self._waiters.append(future)
            await future
        self.reserve(worst)

    def settle(self, worst: Amount, used: Amount) -> None:
        """Book what a reserved call really used."""
        self._n_open -= 1
        self._spent = Amount(tokens=self._spent.tokens + used.tokens, usd=self._spent.usd + used.usd)
        self._reserved = Amount(tokens=self._reserved.tokens - worst.tokens, usd=self._reserved.usd - worst.usd)
        if not self._n_open:
            self._reserved = Amount()  # the rounding errors of many sums and differences end here
        _wake(self._waiters)

    def fits(self, worst: Amount) -> bool:
        """Say whether an amount could be set aside now."""
        held = (self._spent.tokens + self._reserved.tokens, self._spent.usd + self._reserved.usd)
        return (self.max_tokens is None or held[0] + worst.tokens <= self.max_tokens) and (
            self.max_usd is None or held[1] + worst.usd <= self.max_usd
        )

    def _refusal(self, worst: Amount) -> BudgetError:
        caps = [
            f"{self.max_tokens:,} tokens" if self.max_tokens is not None else "",
            f"{self.max_usd:,} US dollars" if self.max_usd is not None else "",
        ]
        return BudgetError(
            f"The budget of {' and '.join(cap for cap in caps if cap)} is reached: "
            f"{self._shown(self._spent)} are spent, {self._shown(self._reserved)} are set aside, "
            f"and the next call could take {self._shown(worst)}.",
            hint="To go on, run again with a greater --budget-usd or --budget-tokens.",
        )

    def _shown(self, amount: Amount) -> str:
        # Without a cap in dollars the price may be unknown, and is then counted as nothing.
        dollars = "" if self.max_usd is None else f" ({amount.usd:.4f} US dollars)"
        return f"{amount.tokens:,} tokens{dollars}"


class Budgeted:
    """A teacher that is asked only what the budget can bear."""

    def __init__(self, teacher: Teacher, budget: Budget, *, price: Price | None = None) -> None:
        if budget.max_usd is not None and price is None:
            raise ConfigError(
                "A budget in US dollars needs a price, and the price of this teacher's model is unknown.",
                hint="Set `price` in the teacher's settings, such as price = {input = 0.25, output = 2.0} "
                "for a million tokens, or give the budget in tokens.",
            )
        self._teacher = teacher
        self._budget = budget
        self._price = price

    async def reply(self, request: Request) -> Reply:
        """Answer a request.

        Raises:
            BudgetError: it could pass the cap; nothing was sent.

        """
        worst = worst_case(request, self._price)
        await self._budget.admit(worst)
        used = Amount()
        try:
            reply = await self._teacher.reply(request)
            used = _used(reply, worst, self._price)
            return reply
        finally:
            self._budget.settle(worst, used)


_BYTES_PER_TOKEN = 2
"""Fewest UTF-8 bytes of a token, on average over a prompt; English has about 4."""
_MESSAGE_TOKENS = 16
_SCHEMA_TOKENS = 400
_LIMIT_NAMES = ("max_tokens", "max_completion_tokens")


def worst_case(request: Request, price: Price | None) -> Amount:
    """Return the most that a request can take, at list price: a prompt not cached and a reply that fills its room."""
    length_bytes = sum(len(message.content.encode("utf-8", "replace")) for message in request.messages)
    prompt = -(-length_bytes // _BYTES_PER_TOKEN) + _MESSAGE_TOKENS * len(request.messages)
    if request.schema is not None:
        prompt += _SCHEMA_TOKENS
    extra = request.sampling.extra
    room = max(request.sampling.max_tokens, *(_positive(extra, name) for name in _LIMIT_NAMES))
    reply = room * max(1, _positive(extra, "n"))
    cost = cost_usd(_dearest(price), Usage(prompt_tokens=prompt, completion_tokens=reply))
    return Amount(tokens=prompt + reply, usd=cost or 0.0)


def _dearest(price: Price | None) -> Price | None:
    return None if price is None else Price(input=max(price.input, price.cached or 0.0), output=price.output)


def _positive(extra: Mapping[str, object], name: str) -> int:
    found = extra.get(name)
    return max(found, 0) if isinstance(found, int) else 0


def _used(reply: Reply, worst: Amount, price: Price | None) -> Amount:
    """Return what a call took; where the server did not say, the worst case stands."""
    usage = reply.usage
    cost = cost_usd(price, usage) if reply.cost_usd is None else reply.cost_usd
    counted = usage.prompt_tokens is not None and usage.completion_tokens is not None
    tokens = (usage.prompt_tokens or 0) + (usage.completion_tokens or 0) if counted else worst.tokens
    return Amount(tokens=tokens, usd=worst.usd if cost is None else cost)
