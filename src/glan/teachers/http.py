"""A teacher behind one server or several that speak the OpenAI protocol.

It sends again what may succeed later, steps down the ladder for structured output where a server cannot follow, and
tells apart what is wrong with a request, with the teacher, and with the way there (troubles.py). It knows neither
ledger nor budget nor permits: whoever decides where each try goes, and when, is told what came of it.
Whoever imports this module loads the HTTP library with it, so it is imported where a server is asked.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import msgspec

from glan.errors import GlanError, StoppedError, TeacherError
from glan.records import Reply, Request, TimedOut
from glan.settings import Price
from glan.teachers.batch import BatchServer, Terms
from glan.teachers.kinds import Kind, Trouble
from glan.teachers.line import Line, Route
from glan.teachers.listing import Listing, together
from glan.teachers.manners import Course, Manners, Refusal
from glan.teachers.prices import MOST_TIMEOUTS, cost_usd, timed_out
from glan.teachers.rates import Rates
from glan.teachers.specs import Endpoint
from glan.teachers.thinking import Words, effort_words
from glan.teachers.troubles import error_of, stranger
from glan.teachers.wire import Rung

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.5
_MAX_PAUSE_S = 60.0
_MAX_KNOCKS = 4
"""So often a server is called that never answered, or not as one does: more likely its address is wrong than that it is
starting."""
_REFUSED_PER_RETRY = 4
"""So many refusals are as bad as another failure, where they are waited out: with the pauses a quarter of an hour."""


_PASSING = frozenset({Kind.LATER, Kind.LOST, Kind.TIMED_OUT, Kind.UNREACHED})
"""Troubles that the same request may not meet again."""
_NOTHING = TimedOut()


class Try(Protocol):
    """One try of a request."""

    @property
    def endpoint(self) -> Endpoint:
        """The server that is asked."""
        ...


T = TypeVar("T", bound=Try)


class Asked(Protocol):
    """A server as it is asked: over connections of this process, or by a worker elsewhere."""

    was_reached: bool

    async def ask(self, body: bytes, route: Route, /) -> tuple[Reply | Trouble, Rates | None]:
        """Send a request once, and return what came of it and what the server says of its rates."""
        ...

    async def listed(self, model: str) -> Listing:
        """Return what the server lists of a model."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


class Way(Protocol[T]):
    """Who says where each try goes, and when, and learns what came of it. It knows no HTTP."""

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The servers there are just now."""
        ...

    @property
    def waits(self) -> bool:
        """Whether a server that is absent or full is waited for here; otherwise that counts as a failed try."""
        ...

    async def admit(self, request: Request, last: T | None, /) -> T:
        """Wait until the request may be sent, and say where; `last` is its try that came to nothing."""
        ...

    def hear(self, sent: T, found: Reply | Trouble | None, rates: Rates | None, /) -> None:
        """Hear what came back; None where the request was given up."""
        ...

    async def rest(self, sent: T, request: Request, pause_s: float, /) -> None:
        """Sleep before another try, as a request that is not in flight."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one reply is waited for, how often a request is sent again, and who hears of it."""

    timeout_s: float
    max_retries: int
    rng: random.Random
    """Spreads the pauses, so that many requests do not come back at once."""
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    on_retry: Callable[[str, float], None] | None = None
    """Told the reason and the pause in seconds before each retry."""
    on_refused: Callable[[Refusal, str], None] | None = None
    """Told once, with the host, what a model does not take."""

    def pause_s(self, n_tries: int, retry_after_s: float | None) -> float:
        """Return the pause after so many tries: full jitter, on top of what the server asked for."""
        longest = min(_MAX_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(n_tries - 1, 10))
        return (retry_after_s or 0.0) + self.rng.uniform(0.0, longest)


@dataclass(frozen=True, slots=True)
class Straight:
    """The way to one server that nobody watches."""

    endpoint: Endpoint
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    waits: bool = False

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        return (self.endpoint,)

    async def admit(self, _request: Request, _last: "Straight | None") -> "Straight":
        return self

    def hear(self, sent: "Straight", found: Reply | Trouble | None, rates: Rates | None) -> None:
        """Learn nothing: each request is alone."""

    async def rest(self, _sent: "Straight", _request: Request, pause_s: float) -> None:
        await self.sleep(pause_s)


class Http:
    """Servers as a teacher."""

    def __init__(
        self,
        way: Way[Any] | Endpoint,
        patience: Patience,
        *,
        price: Price | None = None,
        words: Words = effort_words,
        line_to: Callable[[Endpoint, float], Asked] = Line,
    ) -> None:
        """Open connections.

        Args:
            way: which servers are asked, and when; or one server.
            patience: how long, and how often.
            price: what their tokens cost.
            words: how they are told how much to think.
            line_to: reaches a server, with seconds that one reply is waited for.

        Raises:
            UnusableError: one of them cannot be asked with its key.

        """
        self._way: Way[Any] = Straight(way, patience.sleep) if isinstance(way, Endpoint) else way
        self._patience = patience
        self._price = price
        first = self._way.endpoints[0]
        self._manners = Manners(first.limit_name, Rung(first.rung), words)
        self._has_replied = False
        """Whether any reply has ever come."""
        self._told: set[str] = set()
        """Reasons of which the server's words were logged."""
        self._line_to = line_to
        self._lines: dict[str, Asked] = {}
        for endpoint in self._way.endpoints:
            self._line(endpoint)

    async def reply(self, request: Request) -> Reply:
        """Answer a request; what may succeed later is sent again after a pause."""
        course = self._manners.begin(request)
        try:
            return await self._replied(request, course)
        except (TeacherError, StoppedError) as error:
            error.timed_out = self._timed_out(course)
            raise

    async def _replied(self, request: Request, course: Course) -> Reply:
        sent: Try | None = None
        while True:
            sent = await self._way.admit(request, sent)
            started = time.perf_counter()
            found = await self._asked(sent, course)
            latency_s = time.perf_counter() - started
            if isinstance(found, Reply):
                self._has_replied = True
                self._learn(course, sent.endpoint)
                logger.debug("%s: a reply after %.2f s", request.id, latency_s)
                return self._finished(found, course, sent.endpoint, latency_s)
            logger.debug("%s: %s after %.2f s; %s", request.id, found.reason, latency_s, found.told)
            if self._goes_on_at_once(course, found, sent.endpoint):
                continue
            self._count(course, found, sent.endpoint)
            await self._pause(course, found, sent)

    async def _asked(self, sent: Try, course: Course) -> Reply | Trouble:
        found, rates = None, None
        try:
            found, rates = await self._line(sent.endpoint).ask(course.body, Route.of(course.request.stage))
            return found
        finally:
            self._way.hear(sent, found, rates)

    def _line(self, endpoint: Endpoint) -> Asked:
        """Return the line to a server; one that joined later is opened when it is first asked."""
        line = self._lines.get(endpoint.place)
        if line is None:
            line = self._lines[endpoint.place] = self._line_to(endpoint, self._patience.timeout_s)
        return line

    def _learn(self, course: Course, endpoint: Endpoint) -> None:
        for refusal in self._manners.learn(course):
            logger.info("%s", refusal.told_of(endpoint.host))
            if self._patience.on_refused is not None:
                self._patience.on_refused(refusal, endpoint.host)

    async def listed(self, model: str) -> Listing:
        """Return what the servers list of a model; each is asked once, and the calls cost nothing.

        Raises:
            UnusableError: one of them does not answer, or does not accept the key.

        """
        return together(await asyncio.gather(*[line.listed(model) for line in self._lines.values()]))

    def batches(self, terms: Terms) -> BatchServer:
        """Return the first server as one of batches: its connections, and how its models want to be asked."""
        from glan.teachers.batch_http import HttpBatches  # noqa: PLC0415 - it imports this module

        endpoint = self._way.endpoints[0]
        first = self._lines[endpoint.place]
        if not isinstance(first, Line):  # workers ask for replies; files are handed in from here
            first = self._lines["batches"] = Line(endpoint, self._patience.timeout_s)
        return HttpBatches(first, self._patience, self._manners, terms)

    async def close(self) -> None:
        """Close all connections."""
        for line in self._lines.values():
            await line.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def _finished(self, reply: Reply, course: Course, endpoint: Endpoint, latency_s: float) -> Reply:
        return msgspec.structs.replace(
            reply,
            rung=None if course.rung is None else course.rung.value,
            endpoint=endpoint.name,
            latency_s=latency_s,
            cost_usd=cost_usd(self._price, reply.usage),
            timed_out=self._timed_out(course),
        )

    def _timed_out(self, course: Course) -> TimedOut:
        return timed_out(course.request, self._price, course.n_timeouts) if course.n_timeouts else _NOTHING

    def _goes_on_at_once(self, course: Course, trouble: Trouble, endpoint: Endpoint) -> bool:
        """Say whether another form of the request is worth a try now; raise where nothing is."""
        if trouble.kind is Kind.LIMIT_NAME and course.rename_limit():
            return True
        if trouble.kind in {Kind.FORM, Kind.SETTING} and course.leave_out(trouble.refused):
            return True
        if trouble.kind in {Kind.FORM, Kind.MISSING} and course.step_down():
            return True
        if trouble.kind not in _PASSING:
            raise self._error(course, trouble, endpoint) from trouble.cause
        return False

    def _count(self, course: Course, trouble: Trouble, endpoint: Endpoint) -> None:
        """Book a try that may succeed later; raise where it was the last one."""
        most = self._patience.max_retries
        if self._way.waits and trouble.is_refusal:
            # Some request has to bear it that more are tried now and then.
            course.n_refused += 1
            if course.n_refused > _REFUSED_PER_RETRY * most:
                raise self._error(course, trouble, endpoint) from trouble.cause
            return
        if self._way.waits and trouble.kind is Kind.UNREACHED and self._was_reached:
            return  # its server is away, and is waited for
        course.n_tries += 1
        course.n_timeouts += trouble.kind is Kind.TIMED_OUT
        course.n_crashes = course.n_crashes + 1 if trouble.status == 500 else 0
        if course.n_crashes and course.leave_crashing(most):
            return
        if self._is_elsewhere(course, trouble) or course.n_tries > most or course.n_timeouts >= MOST_TIMEOUTS:
            raise self._error(course, trouble, endpoint) from trouble.cause

    def _is_elsewhere(self, course: Course, trouble: Trouble) -> bool:
        """Say whether it is more likely that the address is wrong than that its server has a bad moment."""
        is_absent = trouble.kind is Kind.UNREACHED and not self._was_reached
        is_stranger = trouble.is_foreign and not self._has_replied
        return (is_absent or is_stranger) and course.n_tries >= _MAX_KNOCKS

    @property
    def _was_reached(self) -> bool:
        return any(line.was_reached for line in self._lines.values())

    async def _pause(self, course: Course, trouble: Trouble, sent: Try) -> None:
        is_refused = self._way.waits and trouble.is_refusal
        n_tries = max(1, course.n_refused if is_refused else course.n_tries)  # one kind makes the other no longer
        pause_s = self._patience.pause_s(n_tries, trouble.retry_after_s)
        if self._patience.on_retry is not None:
            self._patience.on_retry(trouble.reason, pause_s)
        await self._way.rest(sent, course.request, pause_s)

    def _error(self, course: Course, trouble: Trouble, endpoint: Endpoint) -> GlanError:
        if trouble.told and trouble.reason not in self._told:
            # Failures are recorded without the server's words, which vary; the first of each kind has them here.
            self._told.add(trouble.reason)
            logger.warning("%s: %s from %s: %s", course.request.id, trouble.reason, endpoint.host, trouble.told)
        path = Route.of(course.request.stage).path
        if trouble.is_foreign and self._is_elsewhere(course, trouble):
            return stranger(trouble, endpoint, path=path)
        return error_of(trouble, endpoint, course.request.sampling.model, path=path)
