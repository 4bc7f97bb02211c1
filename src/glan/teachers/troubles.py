"""What can go wrong on the way to a server: the HTTP library's exceptions, and what a person is told."""

import re
from collections.abc import Callable, Mapping

from pyreqwest import exceptions as foreign

from glan.errors import GlanError, RequestError, StoppedError, UnusableError
from glan.parsing import clean
from glan.teachers.kinds import Kind, Trouble
from glan.teachers.specs import Endpoint

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


def trouble_of(error: foreign.PyreqwestError) -> Trouble:
    kind, reason = next(FOREIGN_KINDS[base] for base in type(error).__mro__ if base in FOREIGN_KINDS)
    causes = [cause["message"] for cause in _causes(error)]
    if _NOT_CONNECTED in causes:
        return Trouble(kind=Kind.UNREACHED, reason="no connection", told=clean(causes[-1])[:200], cause=error)
    return Trouble(kind=kind, reason=reason, cause=error)


def _causes(error: foreign.PyreqwestError) -> list[foreign.Cause]:
    return (error.details["causes"] or []) if isinstance(error, foreign.DetailedPyreqwestError) else []


_REQUEST_ERRORS: Mapping[Kind, Callable[[Trouble], GlanError]] = {
    Kind.LATER: lambda trouble: RequestError(f"No reply after the last retry: {trouble.reason}.", hint=_said(trouble)),
    Kind.LOST: lambda trouble: RequestError(f"No reply after the last retry: {trouble.reason}."),
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


def error_of(trouble: Trouble, endpoint: Endpoint, model: str, *, path: str = "/chat/completions") -> GlanError:
    """Return the error that a trouble ends in, once nothing more is tried; `path` was asked below the base URL."""
    error = _REQUEST_ERRORS.get(trouble.kind)
    return _unusable(endpoint, model, trouble, path) if error is None else error(trouble)


def stranger(trouble: Trouble, endpoint: Endpoint, *, path: str) -> UnusableError:
    """Return the error that what is no server of this protocol ends in; nothing else was ever heard from it."""
    return UnusableError(
        f"{endpoint.base_url}{path} answers, and not as a server of the OpenAI protocol does: {trouble.reason}.",
        hint=" ".join(part for part in (_NO_SUCH_PLACE, _said(trouble)) if part),
    )


def _said(trouble: Trouble) -> str:
    return f"The server said: {trouble.told}" if trouble.told else ""


def _unusable(endpoint: Endpoint, model: str, trouble: Trouble, path: str) -> UnusableError:
    """Say what keeps the teacher from answering anybody, and the way out."""
    host, status, url = endpoint.host, f"status {trouble.status}", f"{endpoint.base_url}{path}"
    message, hint = {
        Kind.KEY: _about_key(endpoint, status),
        Kind.CREDIT: (f"There is no credit left at {host} for the key in {endpoint.key_variable} ({status}).", ""),
        Kind.MODEL: (
            f"{host} does not know the model {model!r} ({status}).",
            f"The models that it knows are listed at {endpoint.base_url}/models.",
        ),
        Kind.MISSING: (
            f"{url} does not exist for the model {model!r} ({status}).",
            _NO_EMBEDDINGS if path.endswith("/embeddings") else _NO_SUCH_PLACE,
        ),
        Kind.SETTING: (
            f"The model {model!r} at {host} does not take the parameter {trouble.param!r} as it is set ({status}).",
            "Change or remove it in the teacher's settings.",
        ),
        Kind.MOVED: (
            f"{url} redirects to {trouble.told or 'nowhere'} ({status}), and redirects are not followed.",
            "They could carry the key to another host. If you trust that address, give it in the teacher's spec.",
        ),
        Kind.UNREACHED: (
            f"No server answers at {endpoint.base_url} ({_NUMBER.sub('', trouble.told)}).",
            _way_to_server(trouble.told),
        ),
    }.get(trouble.kind, (f"The request to {endpoint.base_url} cannot be built.", "Check the address and the key."))
    said = _said(trouble) if trouble.kind not in {Kind.MOVED, Kind.UNREACHED} else ""
    return UnusableError(message, hint=" ".join(part for part in (hint, said) if part))


_NUMBER = re.compile(r" \(os error \d+\)")
_NO_SUCH_PLACE = "Check the address, which usually ends in /v1, and the name of the model."
_NO_EMBEDDINGS = (
    "A server has that only for a model that makes embeddings: name such a model and its server as `spec` in "
    "[teachers.embeddings]."
)


def _way_to_server(told: str) -> str:
    if "certificate" in told:
        return (
            "If an authority of your own made its certificate, give that one's as ca_file in [network], or, for a "
            "provider's own address, as SSL_CERT_FILE in the environment."
        )
    if "tunnel" in told:
        return "The proxy that HTTPS_PROXY names did not let it through; NO_PROXY lists what goes past it."
    return "Is it running? Start it, or give the address where it is: --teacher MODEL@URL, or `spec` in glan.toml."


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
