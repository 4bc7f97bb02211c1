"""What may be sent where: the hosts that are allowed, headers and queries without keys, authorities of one's own.

    [network] allow = ["api.openai.com", "localhost:8000"]

It opens no connection; what it refuses is refused before there is one.
"""

import re
import ssl
from collections.abc import Mapping
from pathlib import Path

from glan.environment import Environment
from glan.errors import ConfigError, file_error
from glan.settings import Network, TeacherSettings

_PORTS = {"http": "80", "https": "443"}
_HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?", re.ASCII)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_KEY_NAME = re.compile(
    r"(^|[-_.])(api-?)?(key|token|secret|auth|authorization|cookie|password|passwd|credentials?|signature|sig)s?([-_.]|$)",
    re.IGNORECASE,
)
_KEY_VALUE = re.compile(r"\b(bearer|basic)\s|\b(sk-|gsk_|hf_|AIza)\w{8}", re.IGNORECASE)
_OURS = frozenset({
    "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host", "te",
    "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip
"""Headers on which the meaning of a request hangs; the HTTP library sets them."""
_WAY_OUT = "Put it into a variable of the environment or of the project's .env, and name that with api_key_env"
_MAX_CA_BYTES = 4 * 1024 * 1024


def is_allowed(base_url: str, network: Network) -> bool:
    """Say whether a base URL may be asked; an entry without a port stands for every port.

    Raises:
        ConfigError: an entry of the list is no host.

    """
    if network.allow is None:
        return True
    scheme, _, rest = base_url.partition("://")
    host = _HOST.fullmatch(rest.partition("/")[0].lower())
    entries = [_entry(text) for text in network.allow]
    return host is not None and any(
        name == host["name"] and port in {None, host["port"] or _PORTS[scheme]} for name, port in entries
    )


def _entry(text: str) -> tuple[str, str | None]:
    found = _HOST.fullmatch(text.strip().lower())
    if found is None:
        raise ConfigError(
            f"{text!r} in allow of [network] is no host.",
            hint="In glan.toml it is a name, perhaps with a port, and nothing else: api.openai.com or localhost:8000.",
        )
    return found["name"], found["port"]


def check_allowed(base_url: str, host: str, network: Network) -> None:
    """Refuse a host that is not in the project's list.

    Raises:
        ConfigError: it is not allowed, or the list cannot be read.

    """
    if not is_allowed(base_url, network):
        raise ConfigError(
            f"The host {host} is not in allow of [network], so nothing is sent to it.",
            hint=f'Add "{host}" to allow in glan.toml if it is meant, or name another teacher.',
        )


def check_settings(settings: TeacherSettings) -> None:
    """Refuse headers and a query that cannot be sent, or that would keep a key in a file; no value is ever shown.

    Raises:
        ConfigError: one of them may not stand there.

    """
    if settings.api_key_header is not None:
        _check_header_name(settings.api_key_header, "api_key_header")
    for name in settings.headers:
        _check_header_name(name, "headers")
    _check_no_keys(settings.headers, "headers")
    _check_no_keys(settings.query, "query")


def _check_header_name(name: str, setting: str) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise ConfigError(f"{name[:60]!r} in {setting} of the teacher is no name of a header.")
    if name.lower() in _OURS:
        raise ConfigError(f"The header {name.lower()!r} in {setting} of the teacher is set by glan; leave it out.")


def _check_no_keys(found: Mapping[str, str], setting: str) -> None:
    for name, value in found.items():
        told = f"{name[:60]!r} in {setting} of the teacher"
        if _KEY_NAME.search(name) or _KEY_VALUE.search(value):
            header = "; api_key_header names its header." if setting == "headers" else "."
            raise ConfigError(f"{told} would keep a key in glan.toml.", hint=_WAY_OUT + header)
        if not (name.isascii() and name.isprintable() and value.isascii() and value.isprintable()):
            raise ConfigError(f"{told} has a line break or a letter that cannot be sent.")


def read_ca(network: Network, environment: Environment) -> bytes | None:
    """Return the certificates of the project's own authorities.

    Raises:
        ConfigError: the file cannot be read, or holds no certificate.

    """
    if network.ca_file is None:
        return None
    path = environment.path(network.ca_file)
    text = _certificates(path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"{path}, which ca_file in glan.toml names, holds no certificate that can be read.",
            hint="It is a PEM file, with lines such as -----BEGIN CERTIFICATE-----.",
        ) from error
    return text.encode()


def _certificates(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_CA_BYTES).decode(
                "ascii", "ignore"
            )  # names in other letters may stand between certificates
    except OSError as error:
        raise file_error(ConfigError, f"{path}, which ca_file in glan.toml names,", "read", error) from error
