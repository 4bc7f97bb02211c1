"""The workers of a run, and which of them gets a call. It knows neither Ray nor HTTP.

    crew = Crew(most_each=1_024)
    serving = asyncio.create_task(crew.serve(hand))
    answer = await crew.ask(call, timeout_s=600)

Calls that are ready at the same moment go to a worker in one message, and so do answers come back.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from msgspec.structs import replace

from glan.errors import LostWorkerError, UnusableError
from glan.teachers.kinds import Kind
from glan.teachers.ray_messages import Answer, Call, Told, packed, read_answers

_LOST = Told(kind=Kind.LOST, reason="a worker that was lost")
_NOBODY = Told(kind=Kind.UNREACHED, reason="no worker", told="the Ray cluster has no worker that could ask it")
_LATE = Told(kind=Kind.TIMED_OUT, reason="no whole reply in time")
_SLACK_S = 30.0
"""A worker gives up by itself when a call's time is over. After so much longer it will never answer."""

_log = logging.getLogger(__name__)


class Hand(Protocol):
    """A worker, from here."""

    @property
    def node(self) -> str:
        """The machine where it is."""
        ...

    def feed(self, message: bytes, /) -> None:
        """Send it calls."""
        ...

    async def take(self) -> bytes:
        """Return answers as soon as it has some.

        Raises:
            LostWorkerError: it will give none any more.

        """
        ...


@dataclass(slots=True, eq=False)
class _Load:
    """A worker and what it is asking."""

    hand: Hand
    waited_for: dict[int, asyncio.Future[Answer]] = field(default_factory=dict)
    unsent: list[Call] = field(default_factory=list)


class Crew:
    """Workers that come and go."""

    def __init__(self, most_each: int, *, on_change: Callable[[], None] = lambda: None) -> None:
        """Begin without any.

        Args:
            most_each: how many calls one has at once; more wait here.
            on_change: called whenever one has come or gone.

        """
        self._most_each = most_each
        self._on_change = on_change
        self._loads: list[_Load] = []
        self._numbers = count()
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()
        self._over: UnusableError | None = None

    @property
    def nodes(self) -> tuple[str, ...]:
        """The machines with a worker."""
        return tuple(dict.fromkeys(load.hand.node for load in self._loads))

    def end(self, cause: UnusableError) -> None:
        """Have no call done any more: there is nobody who could send workers."""
        self._over = cause
        self._wake_all()

    async def serve(self, hand: Hand) -> None:
        """Give a worker its share of the calls until it is lost; what it was asking then comes to nothing."""
        load = _Load(hand)
        self._loads.append(load)
        _log.info("a worker on %s joined", hand.node)
        self._on_change()
        self._wake_all()
        try:
            while True:
                for answer in read_answers(await hand.take()):
                    self._hear(load, answer)
        except LostWorkerError as error:
            _log.warning("%s; %d calls were in flight there", error, len(load.waited_for))
        finally:
            self._loads.remove(load)
            for number, answered in load.waited_for.items():
                _settle(answered, Answer(number=number, trouble=_LOST))
            self._on_change()
            self._wake_all()

    async def ask(self, call: Call, timeout_s: float, node: str = "") -> Answer:
        """Have one worker do a call.

        Args:
            call: the call; its number is given here.
            timeout_s: how long the worker waits for a reply.
            node: the machine whose workers alone may do it; any if empty.

        Raises:
            UnusableError: there will never be a worker again.

        """
        load = await self._free(node)
        if self._over is not None:
            raise self._over
        number = next(self._numbers)
        if load is None:
            return Answer(number=number, trouble=_NOBODY)
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        load.waited_for[number] = answered
        if not load.unsent:
            asyncio.get_running_loop().call_soon(self._send, load)
        load.unsent.append(replace(call, number=number))
        try:
            async with asyncio.timeout(timeout_s + _SLACK_S):
                return await answered
        except TimeoutError:
            return Answer(number=number, trouble=_LATE)
        finally:
            load.waited_for.pop(number, None)
            self._wake_one(load.hand.node)

    def _send(self, load: _Load) -> None:
        """Send what became ready in this turn of the loop."""
        calls, load.unsent = [call for call in load.unsent if call.number in load.waited_for], []
        if load not in self._loads:
            return
        for _, message in packed(calls):
            load.hand.feed(message)

    @staticmethod
    def _hear(load: _Load, answer: Answer) -> None:
        answered = load.waited_for.get(answer.number)
        if answered is not None:  # nobody waits for what was given up
            _settle(answered, answer)

    async def _free(self, node: str) -> _Load | None:
        """Return the worker with the least to do, once it may have one call more; None where there is none at all."""
        while self._over is None and (fit := [load for load in self._loads if not node or load.hand.node == node]):
            least = min(fit, key=lambda load: len(load.waited_for))
            if len(least.waited_for) < self._most_each:
                return least
            woken = asyncio.get_running_loop().create_future()
            self._waiting.append((node, woken))
            try:
                await woken
            except asyncio.CancelledError:
                if not woken.cancelled():
                    self._wake_one(least.hand.node)
                raise
        return None

    def _wake_one(self, node: str) -> None:
        """Let the first go on that a call's end on this machine makes room for."""
        for place, (wanted, woken) in enumerate(self._waiting):
            if wanted in {"", node} and not woken.done():
                del self._waiting[place]
                woken.set_result(None)
                return

    def _wake_all(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for _, woken in waiting:
            if not woken.done():
                woken.set_result(None)


def _settle(answered: asyncio.Future[Answer], answer: Answer) -> None:
    if not answered.done():
        answered.set_result(answer)
