"""Which hub a data set goes to, and the rules on where its token may go. It knows no HTTP.

The token is `HF_TOKEN` of the environment or of the project's `.env`, else that of the library's own login.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from glan.environment import Environment
from glan.errors import ConfigError, UntrustedError
from glan.settings import Network
from glan.teachers.keys import Secret
from glan.teachers.network import is_allowed
from glan.teachers.specs import is_loopback, parse_base_url

TOKEN: Final = "HF_TOKEN"  # noqa: S105 - the name of a variable
_ENDPOINT: Final = "HF_ENDPOINT"
_HUB: Final = "huggingface.co"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A hub and the token for it."""

    base_url: str
    host: str
    """The host, with its port where the address has one."""
    token: Secret


def account_of(
    environment: Environment,
    network: Network,
    logged_in: Callable[[], str | None],
    trusted: frozenset[tuple[str, str]] = frozenset(),
) -> Account:
    """Return the hub that the environment names, and the token for it.

    `logged_in` gives the token of the library's login; `trusted` has the hosts that the user has confirmed, each with
    the variable whose key may go there.

    Raises:
        UntrustedError: only the project's files name the host, and the token is not theirs.
        ConfigError: the host is not allowed, there is no token, or it could be read on its way.

    """
    base_url = parse_base_url(environment.get(_ENDPOINT) or f"https://{_HUB}", source=_ENDPOINT)
    scheme, _, rest = base_url.partition("://")
    host = rest.partition("/")[0].removesuffix(":443" if scheme == "https" else ":80")
    if not is_allowed(base_url, network):
        raise ConfigError(
            f"The hub {host} is not in allow of [network], so nothing is sent to it.",
            hint=f'Add "{host}" to allow in glan.toml if it is meant, and the hosts of its storage, which errors name.',
        )
    if scheme == "http" and not is_loopback(host):
        raise ConfigError(
            f"The token is not sent to {host} over plain http, where anyone on the way can read it.",
            hint=f"Give {_ENDPOINT} an https address.",
        )
    token = environment.get(TOKEN) or logged_in()
    if token is None:
        raise ConfigError(
            f"There is no token for {host}: {TOKEN} is not set, and nobody is logged in.",
            hint=f"Make a token that may write at https://{_HUB}/settings/tokens, and set {TOKEN} in the environment "
            "or in the project's .env, or run `hf auth login`.",
        )
    is_strangers = environment.is_from_file(_ENDPOINT) and host != _HUB
    if is_strangers and not environment.is_from_file(TOKEN) and (host, TOKEN) not in trusted:
        raise _untrusted(host)
    return Account(base_url=base_url, host=host, token=_checked(token.strip()))


def _checked(token: str) -> Secret:
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ConfigError(f"The token in {TOKEN} has a space, a line break or a letter that no token has.")
    return Secret(token)


def _untrusted(host: str) -> UntrustedError:
    return UntrustedError(
        f"Your token is not the project's, and only its .env names the hub {host}; it is not sent there unconfirmed.",
        hint="Say yes where you are asked on a terminal, or with --yes: it is remembered outside the project. Or set "
        f"{_ENDPOINT} in the environment, or put that hub's own token into the project's .env as {TOKEN}.",
        variable=TOKEN,
        host=host,
    )
