"""What requests may cost. It knows no HTTP.

reply = await Budgeted(teacher, budget, price=price).reply(request)
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from glan.config import Price
from glan.errors import BudgetError, ConfigError
from glan.records import Reply, Request, Usage
from glan.teachers.base import Teacher
from glan.teachers.prices import cost_usd

_Future = asyncio.Future[None]


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


def _wake(futures: list[_Future]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
    futures.clear()


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
