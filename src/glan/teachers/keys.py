"""A key, and what is said where there is none, or where it may not go. Which key goes where is in `specs.py`."""

from glan.errors import ConfigError, UntrustedError

_MIN_HIDDEN_LENGTH = 8
"""Shorter keys are placeholders such as EMPTY; to blot them out would blot out ordinary words."""


class Secret:
    """A key. It is shown by no repr, str or format; `reveal` is for the header alone."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the key itself."""
        return self._value

    def hide(self, text: str) -> str:
        """Return a text without the key in it; a server may echo what it was sent."""
        if len(self._value) < _MIN_HIDDEN_LENGTH or self._value not in text:
            return text
        return text.replace(self._value, "[key]")

    def __repr__(self) -> str:
        return "Secret(...)"


def checked(value: str, variable: str) -> Secret:
    """Return the key that a variable has; what no key has in it is an error, without a word of it."""
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ConfigError(
            f"The key in {variable} has a space, a line break or a letter that no key has; was it pasted whole?"
        )
    return Secret(value)


def missing(variable: str, host: str) -> ConfigError:
    """Say that there is no key for a host."""
    return ConfigError(
        f"There is no key for {host}: {variable} is not set.",
        hint=f"Set {variable} in the environment or in the project's .env, or name another variable with api_key_env.",
    )


def astray(variable: str, host: str) -> ConfigError:
    """Say that a provider's key is asked for by another host."""
    return ConfigError(
        f"The key in {variable} belongs to its provider, and is not sent to {host}.",
        hint=f"Put the key of {host} into a variable of its own, in the environment or in the project's .env, and name "
        "it with api_key_env; or set OPENAI_BASE_URL to that address in the environment, for openai/MODEL; "
        "a server that wants no key is MODEL@URL.",
    )


def readable(variable: str, host: str) -> ConfigError:
    """Say that a key would go where it can be read on the way."""
    return ConfigError(
        f"The key in {variable} is not sent to {host} over plain http, where anyone on the way can read it.",
        hint="Give an https address, reach the server through a tunnel to localhost, or unset api_key_env.",
    )


def untrusted(variable: str, host: str) -> UntrustedError:
    """Say that a stranger's host needs a person's word before it gets a key."""
    return UntrustedError(
        f"The key in {variable} comes from your environment, and only this project's files name the host {host}; "
        "it is not sent there unconfirmed.",
        hint="Say yes where you are asked on a terminal, or with --yes: it is remembered outside the project. Or give "
        "the address on the command line with --teacher MODEL@URL, set OPENAI_BASE_URL in the environment, or put that "
        "host's own key into the project's .env under a name of its own and give the name as api_key_env.",
        variable=variable,
        host=host,
    )
