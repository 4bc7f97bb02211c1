"""A teacher behind a server that speaks the OpenAI protocol. The one place that knows HTTP.

It sends again what may succeed later, steps down the ladder for structured output where a server cannot follow, and
tells apart what is wrong with a request, with the teacher, and with the way there (troubles.py). It knows neither
ledger nor budget nor permits: whoever decides how much is asked at once is told of every try and may let it wait.
Whoever imports this module loads the HTTP library with it, so it is imported where a server is asked.
"""

import asyncio
import logging
import random
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from types import TracebackType
from typing import NoReturn, Protocol, Self

import msgspec
from pyreqwest import exceptions as foreign
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.http import Url
from pyreqwest.request import RequestBuilder
from pyreqwest.response import Response

from glan import __version__
from glan.config import Price
from glan.errors import TeacherError, UnusableError
from glan.parsing import clean
from glan.records import Reply, Request, TimedOut
from glan.teachers.kinds import Kind, Trouble
from glan.teachers.listing import Listing, read_listing
from glan.teachers.manners import Course, Manners, Refusal
from glan.teachers.prices import MOST_TIMEOUTS, cost_usd, timed_out
from glan.teachers.providers import BEARER
from glan.teachers.rates import Rates, read_rates
from glan.teachers.specs import Endpoint
from glan.teachers.thinking import Words, effort_words
from glan.teachers.troubles import error_of, trouble_of
from glan.teachers.wire import (
    MAX_BODY_BYTES,
    Rung,
    read_response,
    read_retry_after,
)

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0
_LIST_TIMEOUT_S = 30.0
_MAX_TIMEOUT_S = 7 * 86_400.0
"""A longer time-out is this one; the HTTP library knows no infinite one."""
_FIRST_PAUSE_S = 0.5
_MAX_PAUSE_S = 60.0
_MAX_ERROR_BYTES = 1024 * 1024
_MAX_KNOCKS = 4
"""So often a server is called that never answered: more likely its address is wrong than that it is starting."""
_REFUSED_PER_RETRY = 4
"""So many 429 are as bad as another failure where the number in flight adapts: with the pauses a quarter of an hour."""


_NOTHING = TimedOut()
_REFUSALS = frozenset({429, 503, 529})
"""Statuses of a server that has enough to do."""


class Watching(Protocol):
    """Who paces what goes to a server, and learns from what comes back. It knows no HTTP."""

    @property
    def probes(self) -> bool:
        """Whether refusals are provoked to find out how many may be in flight."""
        ...

    async def admit(self, request: Request, /) -> object:
        """Wait until the request may be sent; what is returned stands for this try."""
        ...

    def see_reply(self, sent: object, reply: Reply, /) -> None: ...
    def see_refusal(self, sent: object, status: int, /) -> None: ...
    def see_time_out(self, /) -> None: ...
    def see_rates(self, rates: Rates, /) -> None: ...
    async def rest(self, pause_s: float, /) -> None:
        """Sleep, as a request that is not in flight."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one reply is waited for, and how often a request is sent again."""

    timeout_s: float
    max_retries: int
    rng: random.Random
    """Spreads the pauses, so that many requests do not come back at once."""
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    on_retry: Callable[[str, float], None] | None = None
    """Told the reason and the pause in seconds before each retry."""
    watching: Watching | None = None

    def pause_s(self, n_tries: int, retry_after_s: float | None) -> float:
        """Return the pause after so many tries: full jitter, on top of what the server asked for."""
        longest = min(_MAX_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(n_tries - 1, 10))
        return (retry_after_s or 0.0) + self.rng.uniform(0.0, longest)


class Http:
    """A server as a teacher.

    A request that is cancelled, or in flight when the teacher is closed, is let go at once on our side; the server may
    see its connection until it answers or the time-out ends, since the HTTP library does not cut it.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        patience: Patience,
        *,
        price: Price | None = None,
        words: Words = effort_words,
        on_refused: Callable[[Refusal, str], None] | None = None,
    ) -> None:
        """Open connections to a server.

        Args:
            endpoint: where it is asked, and with which key.
            patience: how long, and how often.
            price: what its tokens cost.
            words: how it is told how much to think.
            on_refused: told once, with the host, what a model does not take.

        Raises:
            UnusableError: it cannot be asked with this key.

        """
        self._endpoint = endpoint
        self._patience = patience
        self._price = price
        self._manners = Manners(endpoint.limit_name, Rung(endpoint.rung), words)
        self._on_refused = on_refused
        self._was_reached = False
        self._client = _client(endpoint, patience.timeout_s)
        try:
            self._url = self._url_to(endpoint.url)
            self._call(b"")
        except ValueError as error:
            raise UnusableError(f"{endpoint.base_url} cannot be asked with this key: {error}.") from error

    async def reply(self, request: Request) -> Reply:
        """Answer a request; what may succeed later is sent again after a pause."""
        course = self._manners.begin(request)
        watching = self._patience.watching
        while True:
            sent = None if watching is None else await watching.admit(request)
            started = time.perf_counter()
            found = await self._ask(course)
            latency_s = time.perf_counter() - started
            if watching is not None:
                _tell(watching, sent, found)
            if isinstance(found, Reply):
                self._learn(course)
                logger.debug("%s: a reply after %.2f s", request.id, latency_s)
                return self._finished(found, course, latency_s)
            logger.debug("%s: %s after %.2f s; %s", request.id, found.reason, latency_s, found.told)
            if self._goes_on_at_once(course, found):
                continue
            self._count(course, found)
            await self._pause(course, found)

    def _learn(self, course: Course) -> None:
        for refusal in self._manners.learn(course):
            logger.info("%s", refusal.told_of(self._endpoint.host))
            if self._on_refused is not None:
                self._on_refused(refusal, self._endpoint.host)

    async def listed(self, model: str) -> Listing:
        """Return what the server lists of a model; it is asked once, and the call costs nothing.

        Raises:
            UnusableError: no server answers, or it does not accept the key.

        """
        endpoint = self._endpoint
        call = self._client.get(self._url_to(f"{endpoint.base_url}/models")).timeout(timedelta(seconds=_LIST_TIMEOUT_S))
        try:
            async with self._with_key(call).build_streamed() as response:
                status, body = response.status, await _read_body(response, MAX_BODY_BYTES) or b""
        except foreign.PyreqwestError as error:
            trouble = trouble_of(error)
            if trouble.kind is Kind.UNREACHED:
                raise error_of(trouble, endpoint, model) from error
            status, body = 0, b""
        if status == 401:  # not 403: a key may lack the right to see the list alone
            raise error_of(Trouble(kind=Kind.KEY, status=status, reason=""), endpoint, model)
        shown = body if 200 <= status < 300 else b""
        return read_listing(shown, model, host=endpoint.host, has_key=endpoint.key is not None)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _ask(self, course: Course) -> Reply | Trouble:
        try:
            async with self._call(course.body).build_streamed() as response:
                self._was_reached = True
                return await self._read(response)
        except foreign.PyreqwestError as error:
            return trouble_of(error)

    def _url_to(self, url: str) -> Url:
        """Return a URL of the server with the query that the settings ask for."""
        return Url(url).with_query(self._endpoint.query or None)

    def _call(self, body: bytes) -> RequestBuilder:
        return self._with_key(self._client.post(self._url).header("content-type", "application/json").body_bytes(body))

    def _with_key(self, call: RequestBuilder) -> RequestBuilder:
        key, header = self._endpoint.key, self._endpoint.key_header
        if key is None:
            return call
        return call.bearer_auth(key.reveal()) if header == BEARER else call.header(header, key.reveal())

    async def _read(self, response: Response) -> Reply | Trouble:
        status = response.status
        is_reply = 200 <= status < 300
        body = await _read_body(response, MAX_BODY_BYTES if is_reply else _MAX_ERROR_BYTES)
        if body is None and is_reply:
            return Trouble(kind=Kind.REFUSED, status=status, reason="a reply of more than 32 MiB")
        found = read_response(status, body or b"", self._hide)
        watching = self._patience.watching
        if watching is not None and (rates := read_rates(response.get_header)) is not None:
            watching.see_rates(rates)
        if isinstance(found, Reply):
            return found
        if found.kind is Kind.MOVED:
            return replace(found, told=self._hide(_target(response)))
        pause_s = read_retry_after(response.get_header("retry-after"), date=response.get_header("date"))
        return replace(found, retry_after_s=pause_s)

    def _hide(self, text: str) -> str:
        return text if self._endpoint.key is None else self._endpoint.key.hide(text)

    def _finished(self, reply: Reply, course: Course, latency_s: float) -> Reply:
        return msgspec.structs.replace(
            reply,
            rung=None if course.rung is None else course.rung.value,
            endpoint=self._endpoint.name,
            latency_s=latency_s,
            cost_usd=cost_usd(self._price, reply.usage),
            timed_out=self._timed_out(course),
        )

    def _timed_out(self, course: Course) -> TimedOut:
        return timed_out(course.request, self._price, course.n_timeouts) if course.n_timeouts else _NOTHING

    def _goes_on_at_once(self, course: Course, trouble: Trouble) -> bool:
        """Say whether another form of the request is worth a try now; raise where nothing is."""
        if trouble.kind is Kind.LIMIT_NAME and course.rename_limit():
            return True
        if trouble.kind in {Kind.FORM, Kind.SETTING} and course.leave_out(trouble.refused):
            return True
        if trouble.kind in {Kind.FORM, Kind.MISSING} and course.step_down():
            return True
        if trouble.kind not in {Kind.LATER, Kind.TIMED_OUT, Kind.UNREACHED}:
            self._give_up(course, trouble)
        return False

    def _count(self, course: Course, trouble: Trouble) -> None:
        """Book a try that may succeed later; raise where it was the last one."""
        watching = self._patience.watching
        if trouble.status == 429 and watching is not None and watching.probes:
            # Some request has to bear it that more are tried now and then.
            course.n_refused += 1
            if course.n_refused > _REFUSED_PER_RETRY * self._patience.max_retries:
                self._give_up(course, trouble)
            return
        course.n_tries += 1
        course.n_timeouts += trouble.kind is Kind.TIMED_OUT
        course.n_crashes = course.n_crashes + 1 if trouble.status == 500 else 0
        if course.n_crashes and course.leave_crashing(self._patience.max_retries):
            return
        is_absent = trouble.kind is Kind.UNREACHED and not self._was_reached and course.n_tries >= _MAX_KNOCKS
        if is_absent or course.n_tries > self._patience.max_retries or course.n_timeouts >= MOST_TIMEOUTS:
            self._give_up(course, trouble)

    async def _pause(self, course: Course, trouble: Trouble) -> None:
        pause_s = self._patience.pause_s(course.n_tries + course.n_refused, trouble.retry_after_s)
        if self._patience.on_retry is not None:
            self._patience.on_retry(trouble.reason, pause_s)
        watching = self._patience.watching
        await (self._patience.sleep(pause_s) if watching is None else watching.rest(pause_s))

    def _give_up(self, course: Course, trouble: Trouble) -> NoReturn:
        error = error_of(trouble, self._endpoint, course.request.sampling.model)
        if isinstance(error, TeacherError):
            error.timed_out = self._timed_out(course)
        raise error from trouble.cause


def _tell(watching: Watching, sent: object, found: Reply | Trouble) -> None:
    if isinstance(found, Reply):
        watching.see_reply(sent, found)
    elif found.status in _REFUSALS:
        watching.see_refusal(sent, found.status)
    elif found.kind is Kind.TIMED_OUT:
        watching.see_time_out()


def _client(endpoint: Endpoint, timeout_s: float) -> Client:
    timeout_s = min(timeout_s, _MAX_TIMEOUT_S)
    builder = (
        ClientBuilder()
        .user_agent(f"glan/{__version__}")
        .follow_redirects(enable=False)
        .referer(enable=False)
        .default_headers(endpoint.headers)
        .timeout(timedelta(seconds=timeout_s))
        .connect_timeout(timedelta(seconds=min(CONNECT_TIMEOUT_S, timeout_s / 2)))
    )
    if endpoint.ca_pem is not None:
        builder = builder.add_root_certificate_pem(endpoint.ca_pem)
    # What goes to this machine goes through no proxy: it could not find the server, and it would see the key.
    return (builder.no_proxy() if endpoint.is_loopback else builder).build()


async def _read_body(response: Response, max_bytes: int) -> bytes | None:
    """Return a body; None, as soon as it is known, where it is longer."""
    chunks: list[bytes] = []
    size_bytes = 0
    while (chunk := await response.body_reader.read_chunk()) is not None:
        size_bytes += len(chunk)
        if size_bytes > max_bytes:
            return None
        chunks.append(bytes(chunk))
    return b"".join(chunks)


def _target(response: Response) -> str:
    """Return where a redirect leads, without what may hold a key."""
    return re.split(r"[?#]", clean(response.get_header("location") or ""), maxsplit=1)[0][:200]
