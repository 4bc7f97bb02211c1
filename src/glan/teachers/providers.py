"""What is known of the servers that speak the OpenAI protocol: `providers.toml`, read once."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

BEARER = "authorization"
"""The header that carries a key as a bearer; any other carries it as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A server's entry in `providers.toml`; the defaults are what a server is taken for of which nothing is known."""

    base_url: str | None = None
    """None where each customer has an address of their own."""
    base_url_env: str | None = None
    """Name of the environment variable with another address."""
    key: str | None = None
    """Name of the environment variable with the key."""
    key_header: str = BEARER
    limit: str = "max_tokens"
    rung: str = "json_schema"
    """How structured output is asked for first."""
    batch: bool = False
    batch_share: float = 1.0
    """What a reply in a batch costs of the price of a live one."""
    page: str = ""
    """The documentation that this rests on."""

    def knows(self, base_url: str) -> bool:
        """Say whether what stands here holds at an address: its own, or any where everyone has one of their own."""
        return self.base_url in {None, base_url} or self.key is None


UNKNOWN = Provider()


@cache
def providers() -> Mapping[str, Provider]:
    """Return the servers of `providers.toml` by name."""
    text = (resources.files("glan.teachers") / "providers.toml").read_text(encoding="utf-8")
    return {name: Provider(**found) for name, found in tomllib.loads(text).items()}
