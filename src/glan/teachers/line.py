"""One server as it is asked: its address, its key, its connections. With http.py the one place that knows HTTP."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from pyreqwest import exceptions as foreign
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.http import Url
from pyreqwest.request import RequestBuilder
from pyreqwest.response import Response

from glan import __version__
from glan.errors import UnusableError
from glan.parsing import clean
from glan.records import Reply, Stage
from glan.teachers.embedding import read_vector
from glan.teachers.kinds import Hide, Kind, Trouble
from glan.teachers.listing import Listing, read_listing
from glan.teachers.providers import BEARER
from glan.teachers.rates import Rates, read_rates
from glan.teachers.specs import Endpoint
from glan.teachers.troubles import error_of, trouble_of
from glan.teachers.wire import MAX_BODY_BYTES, read_response, read_retry_after

_CONNECT_TIMEOUT_S = 10.0
_LIST_TIMEOUT_S = 30.0
_MAX_TIMEOUT_S = 7 * 86_400.0
"""A longer time-out is this one; the HTTP library knows no infinite one."""
_MAX_ERROR_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What a server is asked for, and how its answer is read."""

    path: str
    """Below the base URL."""
    read: Callable[[int, bytes, Hide], Reply | Trouble]

    @classmethod
    def of(cls, stage: Stage) -> "Route":
        """Return the route by which a stage is asked."""
        return EMBEDDINGS if stage is Stage.EMBEDDINGS else CHAT


CHAT = Route(path="/chat/completions", read=read_response)
EMBEDDINGS = Route(path="/embeddings", read=read_vector)


class Line:
    """The connections to one server.

    A request that is cancelled, or in flight when the line is closed, is let go at once on our side; the server may see
    its connection until it answers or the time-out ends, since the HTTP library does not cut it.
    """

    def __init__(self, endpoint: Endpoint, timeout_s: float) -> None:
        """Open connections to a server.

        Raises:
            UnusableError: it cannot be asked with this key.

        """
        self.endpoint = endpoint
        self.was_reached = False
        self._client = _client(endpoint, timeout_s)
        try:
            self._urls = {route.path: self._url_to(f"{endpoint.base_url}{route.path}") for route in (CHAT, EMBEDDINGS)}
            self._call(b"", CHAT)
        except ValueError as error:
            raise UnusableError(f"{endpoint.base_url} cannot be asked with this key: {error}.") from error

    async def ask(self, body: bytes, route: Route = CHAT) -> tuple[Reply | Trouble, Rates | None]:
        """Send a request once, and return what came of it and what the headers say of the server's rates."""
        try:
            async with self._call(body, route).build_streamed() as response:
                self.was_reached = True
                return await self._read(response, route), read_rates(partial(_header, response))
        except foreign.PyreqwestError as error:
            return trouble_of(error), None

    async def listed(self, model: str) -> Listing:
        """Return what the server lists of a model; it is asked once, and the call costs nothing.

        Raises:
            UnusableError: no server answers, or it does not accept the key.

        """
        endpoint = self.endpoint
        call = self.get("/models").timeout(timedelta(seconds=_LIST_TIMEOUT_S))
        try:
            async with call.build_streamed() as response:
                status, body = response.status, await read_body(response, MAX_BODY_BYTES) or b""
        except foreign.PyreqwestError as error:
            trouble = trouble_of(error)
            if trouble.kind is Kind.UNREACHED:
                raise error_of(trouble, endpoint, model) from error
            status, body = 0, b""
        if status == 401:  # not 403: a key may lack the right to see the list alone
            raise error_of(Trouble(kind=Kind.KEY, status=status, reason=""), endpoint, model)
        shown = body if 200 <= status < 300 else b""
        return read_listing(shown, model, host=endpoint.host, has_key=endpoint.key is not None)

    def get(self, path: str, **query: str) -> RequestBuilder:
        """Return a call that reads what is below the base URL, with the key."""
        return self._with_key(self._client.get(self._url_to(f"{self.endpoint.base_url}{path}", **query)))

    def post(self, path: str) -> RequestBuilder:
        """Return a call that sends something below the base URL, with the key."""
        return self._with_key(self._client.post(self._url_to(f"{self.endpoint.base_url}{path}")))

    def hide(self, text: str) -> str:
        """Return a text without the key in it."""
        return text if self.endpoint.key is None else self.endpoint.key.hide(text)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    def _url_to(self, url: str, **query: str) -> Url:
        """Return a URL of the server with the query that the settings ask for, and a further one."""
        return Url(url).with_query({**self.endpoint.query, **query} or None)

    def _call(self, body: bytes, route: Route) -> RequestBuilder:
        call = self._client.post(self._urls[route.path])
        return self._with_key(call.header("content-type", "application/json").body_bytes(body))

    def _with_key(self, call: RequestBuilder) -> RequestBuilder:
        key, header = self.endpoint.key, self.endpoint.key_header
        if key is None:
            return call
        return call.bearer_auth(key.reveal()) if header == BEARER else call.header(header, key.reveal())

    async def _read(self, response: Response, route: Route) -> Reply | Trouble:
        status = response.status
        is_reply = 200 <= status < 300
        body = await read_body(response, MAX_BODY_BYTES if is_reply else _MAX_ERROR_BYTES)
        if body is None and is_reply:
            return Trouble(kind=Kind.REFUSED, status=status, reason="a reply of more than 32 MiB")
        found = route.read(status, body or b"", self.hide)
        if isinstance(found, Reply):
            return found
        if found.kind is Kind.MOVED:
            return replace(found, told=self.hide(_target(response)))
        pause_s = read_retry_after(_header(response, "retry-after"), date=_header(response, "date"))
        return replace(found, retry_after_s=pause_s)


def _client(endpoint: Endpoint, timeout_s: float) -> Client:
    timeout_s = min(timeout_s, _MAX_TIMEOUT_S)
    builder = (
        ClientBuilder()
        .user_agent(f"glan/{__version__}")
        .follow_redirects(enable=False)
        .referer(enable=False)
        .default_headers(endpoint.headers)
        .timeout(timedelta(seconds=timeout_s))
        .connect_timeout(timedelta(seconds=min(_CONNECT_TIMEOUT_S, timeout_s / 2)))
    )
    if endpoint.ca_pem is not None:
        builder = builder.add_root_certificate_pem(endpoint.ca_pem)
    # What goes to this machine goes through no proxy: it could not find the server, and it would see the key.
    return (builder.no_proxy() if endpoint.is_loopback else builder).build()


async def read_body(response: Response, max_bytes: int) -> bytes | None:
    """Return a body; None, as soon as it is known, where it is longer."""
    chunks: list[bytes] = []
    size_bytes = 0
    while (chunk := await response.body_reader.read_chunk()) is not None:
        size_bytes += len(chunk)
        if size_bytes > max_bytes:
            return None
        chunks.append(bytes(chunk))
    return b"".join(chunks)


def _header(response: Response, name: str) -> str | None:
    """Return a header; None where there is none, or one with other characters than those of ASCII."""
    try:
        return response.get_header(name)
    except ValueError:
        return None


def _target(response: Response) -> str:
    """Return where a redirect leads, without what may hold a key."""
    return re.split(r"[?#]", clean(_header(response, "location") or ""), maxsplit=1)[0][:200]
