"""A teacher behind a server that speaks the OpenAI protocol. The one place that knows HTTP.

It sends again what may succeed later, steps down the ladder for structured output where a server cannot follow, and
tells apart what is wrong with a request, with the teacher, and with the way there. It knows neither ledger nor budget.
Whoever imports this module loads the HTTP library with it, so it is imported where a server is asked.
"""

import asyncio
import logging
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import TracebackType
from typing import NoReturn, Self

import msgspec
from pyreqwest import exceptions as foreign
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.http import Url
from pyreqwest.request import RequestBuilder
from pyreqwest.response import Response

from glan import __version__
from glan.config import Price
from glan.errors import GlanError, RequestError, StoppedError, UnusableError
from glan.parsing import clean
from glan.records import Reply, Request
from glan.teachers.manners import Course, Manners
from glan.teachers.prices import cost_usd
from glan.teachers.providers import BEARER
from glan.teachers.specs import Endpoint
from glan.teachers.wire import (
    MAX_BODY_BYTES,
    Kind,
    Rung,
    Trouble,
    read_response,
    read_retry_after,
    render_body,
)

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0
_MAX_TIMEOUT_S = 7 * 86_400.0
"""A longer time-out is this one; the HTTP library knows no infinite one."""
_FIRST_PAUSE_S = 0.5
_MAX_PAUSE_S = 60.0
_MAX_ERROR_BYTES = 1024 * 1024
_MAX_TIMEOUTS = 2
"""A whole time-out is long; a request that met two of them is given up."""
_MAX_KNOCKS = 4
"""So often a server is called that never answered: more likely its address is wrong than that it is starting."""


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

    def pause_s(self, n_tries: int, retry_after_s: float | None) -> float:
        """Return the pause after so many tries: full jitter, on top of what the server asked for."""
        longest = min(_MAX_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(n_tries - 1, 10))
        return (retry_after_s or 0.0) + self.rng.uniform(0.0, longest)


class Http:
    """A server as a teacher.

    A request that is cancelled, or in flight when the teacher is closed, is let go at once on our side; the server may
    see its connection until it answers or the time-out ends, since the HTTP library does not cut it.
    """

    def __init__(self, endpoint: Endpoint, patience: Patience, *, price: Price | None = None) -> None:
        self._endpoint = endpoint
        self._patience = patience
        self._price = price
        self._manners = Manners(endpoint.limit_name, Rung(endpoint.rung))
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
        while True:
            started = time.perf_counter()
            found = await self._ask(course)
            latency_s = time.perf_counter() - started
            if isinstance(found, Reply):
                self._manners.learn(course)
                logger.debug("%s: a reply after %.2f s", request.id, latency_s)
                return self._finished(found, course, latency_s)
            logger.debug("%s: %s after %.2f s; %s", request.id, found.reason, latency_s, found.told)
            if self._goes_on_at_once(course, found):
                continue
            self._count(course, found)
            await self._pause(course, found)

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
        body = render_body(course.request, course.rung, limit_name=course.limit_name)
        try:
            async with self._call(body).build_streamed() as response:
                self._was_reached = True
                return await self._read(response)
        except foreign.PyreqwestError as error:
            return _trouble_of(error)

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
        )

    def _goes_on_at_once(self, course: Course, trouble: Trouble) -> bool:
        """Say whether another form of the request is worth a try now; raise where nothing is."""
        if trouble.kind is Kind.LIMIT_NAME and course.rename_limit():
            return True
        if trouble.kind in {Kind.FORM, Kind.MISSING} and course.step_down():
            return True
        if trouble.kind not in {Kind.LATER, Kind.TIMED_OUT, Kind.UNREACHED}:
            self._give_up(course, trouble)
        return False

    def _count(self, course: Course, trouble: Trouble) -> None:
        """Book a try that may succeed later; raise where it was the last one."""
        course.n_tries += 1
        course.n_timeouts += trouble.kind is Kind.TIMED_OUT
        course.n_crashes = course.n_crashes + 1 if trouble.status == 500 else 0
        if course.n_crashes and course.leave_crashing(self._patience.max_retries):
            return
        is_absent = trouble.kind is Kind.UNREACHED and not self._was_reached and course.n_tries >= _MAX_KNOCKS
        if is_absent or course.n_tries > self._patience.max_retries or course.n_timeouts >= _MAX_TIMEOUTS:
            self._give_up(course, trouble)

    async def _pause(self, course: Course, trouble: Trouble) -> None:
        pause_s = self._patience.pause_s(course.n_tries, trouble.retry_after_s)
        if self._patience.on_retry is not None:
            self._patience.on_retry(trouble.reason, pause_s)
        await self._patience.sleep(pause_s)

    def _give_up(self, course: Course, trouble: Trouble) -> NoReturn:
        error = _REQUEST_ERRORS.get(trouble.kind)
        if error is None:
            raise _unusable(self._endpoint, course.request.sampling.model, trouble) from trouble.cause
        raise error(trouble) from trouble.cause


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


FOREIGN_KINDS: Mapping[type[Exception], tuple[Kind, str]] = {
    foreign.PyreqwestError: (Kind.LATER, "a broken connection"),
    foreign.DetailedPyreqwestError: (Kind.LATER, "a broken connection"),
    foreign.RequestError: (Kind.LATER, "a broken connection"),
    foreign.RequestPanicError: (Kind.LATER, "a fault of the HTTP library"),
    foreign.TransportError: (Kind.LATER, "a broken connection"),
    foreign.NetworkError: (Kind.LATER, "a broken connection"),
    foreign.ConnectError: (Kind.LATER, "a broken connection"),
    foreign.ReadError: (Kind.LATER, "a broken connection"),
    foreign.WriteError: (Kind.LATER, "a broken connection"),
    foreign.DecodeError: (Kind.LATER, "a response that was cut off or garbled"),
    foreign.BodyDecodeError: (Kind.LATER, "a response that was cut off or garbled"),
    foreign.JSONDecodeError: (Kind.LATER, "a response that was cut off or garbled"),
    foreign.StatusError: (Kind.LATER, "a status of failure"),
    foreign.PoolTimeoutError: (Kind.LATER, "no free connection"),
    foreign.RequestTimeoutError: (Kind.TIMED_OUT, "no whole reply in time"),
    foreign.ConnectTimeoutError: (Kind.TIMED_OUT, "no whole reply in time"),
    foreign.ReadTimeoutError: (Kind.TIMED_OUT, "no whole reply in time"),
    foreign.WriteTimeoutError: (Kind.TIMED_OUT, "no whole reply in time"),
    foreign.RedirectError: (Kind.MOVED, "a redirect"),
    foreign.BuilderError: (Kind.UNSENDABLE, "a request that cannot be built"),
    foreign.ClientClosedError: (Kind.CLOSED, "a closed client"),
}
"""What each exception of the HTTP library means."""

# The library says ConnectError also when a connection breaks before the response, and ConnectTimeoutError when the
# whole time-out ends before it; only this cause says that no connection was made.
_NOT_CONNECTED = "client error (Connect)"


def _trouble_of(error: foreign.PyreqwestError) -> Trouble:
    kind, reason = next(FOREIGN_KINDS[base] for base in type(error).__mro__ if base in FOREIGN_KINDS)
    causes = [cause["message"] for cause in _causes(error)]
    if _NOT_CONNECTED in causes:
        return Trouble(kind=Kind.UNREACHED, reason="no connection", told=clean(causes[-1])[:200], cause=error)
    return Trouble(kind=kind, reason=reason, cause=error)


def _causes(error: foreign.PyreqwestError) -> list[foreign.Cause]:
    return (error.details["causes"] or []) if isinstance(error, foreign.DetailedPyreqwestError) else []


_REQUEST_ERRORS: Mapping[Kind, Callable[[Trouble], GlanError]] = {
    Kind.LATER: lambda trouble: RequestError(f"No reply after the last retry: {trouble.reason}."),
    Kind.TIMED_OUT: lambda trouble: RequestError(f"No reply after the last retry: {trouble.reason}."),
    Kind.FORM: lambda trouble: RequestError(f"The server refused the request: {trouble.reason}.", hint=_said(trouble)),
    Kind.REFUSED: lambda trouble: RequestError(
        f"The server refused the request: {trouble.reason}.", hint=_said(trouble)
    ),
    Kind.LIMIT_NAME: lambda trouble: RequestError(
        f"The server refused the request: {trouble.reason}.", hint=_said(trouble)
    ),
    Kind.CLOSED: lambda _: StoppedError("The connection to the teacher was closed; the run is stopping."),
}
"""What is wrong with one request, in words that may be recorded: the same each time. Other kinds are about all."""


def _said(trouble: Trouble) -> str:
    return f"The server said: {trouble.told}" if trouble.told else ""


def _unusable(endpoint: Endpoint, model: str, trouble: Trouble) -> UnusableError:
    """Say what keeps the teacher from answering anybody, and the way out."""
    host, status = endpoint.host, f"status {trouble.status}"
    message, hint = {
        Kind.KEY: _about_key(endpoint, status),
        Kind.CREDIT: (f"There is no credit left at {host} for the key in {endpoint.key_variable} ({status}).", ""),
        Kind.MODEL: (
            f"{host} does not know the model {model!r} ({status}).",
            f"The models that it knows are listed at {endpoint.base_url}/models.",
        ),
        Kind.MISSING: (
            f"{endpoint.url} does not exist for the model {model!r} ({status}).",
            "Check the address, which usually ends in /v1, and the name of the model.",
        ),
        Kind.SETTING: (
            f"The model {model!r} at {host} does not take the parameter {trouble.param!r} as it is set ({status}).",
            "Change or remove it in the teacher's settings.",
        ),
        Kind.MOVED: (
            f"{endpoint.url} redirects to {trouble.told or 'nowhere'} ({status}), and redirects are not followed.",
            "They could carry the key to another host. If you trust that address, give it in the teacher's spec.",
        ),
        Kind.UNREACHED: (f"No server answers at {endpoint.base_url} ({trouble.told}).", _way_to_server(trouble.told)),
    }.get(trouble.kind, (f"The request to {endpoint.base_url} cannot be built.", "Check the address and the key."))
    said = _said(trouble) if trouble.kind not in {Kind.MOVED, Kind.UNREACHED} else ""
    return UnusableError(message, hint=" ".join(part for part in (hint, said) if part))


def _way_to_server(told: str) -> str:
    if "certificate" in told:
        return (
            "If an authority of your own made its certificate, give that one's as ca_file in [network], or, for a "
            "provider's own address, as SSL_CERT_FILE in the environment."
        )
    if "tunnel" in told:
        return "The proxy that HTTPS_PROXY names did not let it through; NO_PROXY lists what goes past it."
    return "Is it running?"


def _about_key(endpoint: Endpoint, status: str) -> tuple[str, str]:
    if endpoint.key is not None:
        told = f"{endpoint.host} does not accept the key in {endpoint.key_variable} ({status})."
        return told, "Check the key and its rights."
    if endpoint.base_url.startswith("http://") and not endpoint.is_loopback:
        return (
            f"{endpoint.host} wants a key ({status}), and none is sent over plain http.",
            "Give an https address, or reach the server through a tunnel to localhost.",
        )
    variable = endpoint.key_variable or "a variable of the environment"
    way_out = f"Put its key into {variable}, and name that with api_key_env in the teacher's settings."
    return f"{endpoint.host} wants a key ({status}), and none was sent.", way_out
