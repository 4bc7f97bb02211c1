"""Who may look: the viewer's own pages in a browser on this machine, and with a token others. Nothing is changed.

A page of another site can make a browser send requests to this machine, or give this machine a name of its own and so
read the replies. So a request must call the viewer by a name that is no site's; nothing but GET is answered; and what
comes back tells the browser to run no script and fetch nothing that is not the viewer's.
"""

import ipaddress
import secrets
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN = "token"  # noqa: S105 - the name of a parameter
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_LONGEST_QUERY = 8_000
"""Bytes of a query that is read."""


class Guard:
    """Lets through what may be answered; with a token, only who knows it."""

    def __init__(self, app: ASGIApp, *, names: Iterable[str], token: str | None) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in (*LOOPBACK, *names))
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        if scope["method"] not in {"GET", "HEAD"}:
            return _said(405, "The viewer only shows: it answers GET and HEAD.")
        if not self._is_ours(_header(scope, b"host")):
            return _said(421, "The viewer does not go by that name.")
        if _is_of_another_site(scope):
            return _said(403, "Another site asked for this in the background; the viewer answers its own pages.")
        if len(scope["query_string"]) > _LONGEST_QUERY:
            return _said(414, f"The address has more than {_LONGEST_QUERY:,} bytes after its question mark.")
        return None if self._token is None else self._without_token(scope, self._token)

    def _is_ours(self, host: str) -> bool:
        """Say whether a name is one that no other site can have: ours, or with a token any number."""
        name, _, port = host.lower().rpartition(":")
        name = name if name and port.isdecimal() else host.lower()
        return name in self._names or (self._token is not None and _is_address(name))

    def _without_token(self, scope: Scope, token: str) -> Response | None:
        """Refuse who does not know the token; who brings it in the address gets a cookie, and the address without."""
        asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        brought = [value for name, value in asked if name == TOKEN]
        cookie = f"glan-view-{scope['server'][1] if scope.get('server') else 0}"
        if brought and _is_same(brought[-1], token):
            left = urlencode([(name, value) for name, value in asked if name != TOKEN])
            response = RedirectResponse(f"/{scope['path'].lstrip('/')}{'?' if left else ''}{left}", status_code=303)
            response.set_cookie(cookie, token, httponly=True, samesite="strict", path="/")
            return response
        if _is_same(_cookie(scope, cookie), token):
            return None
        return _said(403, "This viewer needs the token that it printed: open the address that it printed, whole.")


def _is_of_another_site(scope: Scope) -> bool:
    """Say whether a page of another site asked for it without showing it: that could make an index be built."""
    if _header(scope, b"sec-fetch-site") not in {"cross-site", "same-site"}:
        return False
    return (_header(scope, b"sec-fetch-mode"), _header(scope, b"sec-fetch-dest")) != ("navigate", "document")


def _is_same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _cookie(scope: Scope, name: str) -> str:
    try:
        found = SimpleCookie(_header(scope, b"cookie")).get(name)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _header(scope: Scope, name: bytes) -> str:
    found = [value for key, value in scope["headers"] if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else ""


def _said(status: int, text: str) -> Response:
    return PlainTextResponse(f"{text}\n", status_code=status)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
        await send(message)

    return sending
