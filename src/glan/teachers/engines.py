"""Who asks the servers of a run: this process, or workers elsewhere.

Whoever imports this module loads the HTTP library with it, so it is imported where a server is asked.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Protocol

from glan.config import Config
from glan.environment import Environment
from glan.errors import MissingPackageError
from glan.teachers.fleet import Fleet
from glan.teachers.http import Asked
from glan.teachers.joining import Servers
from glan.teachers.line import Line
from glan.teachers.specs import Endpoint

_QUIET = {"RAY_DEDUP_LOGS_SKIP_REGEX": "^"}
"""Ray's news of lost workers would stand in what is printed; `run.log` has them. Ray reads this when it is loaded."""


class Engine(Protocol):
    """Who asks servers."""

    def line(self, endpoint: Endpoint, timeout_s: float, /) -> Asked:
        """Return a server as it is asked."""
        ...

    def placed(self, endpoints: Sequence[Endpoint], /) -> list[Endpoint]:
        """Return the servers that can be asked just now."""
        ...

    def near(self, fleet: Fleet, /) -> Servers:
        """Return what keeps a fleet to them."""
        ...


class Here:
    """The process itself asks."""

    def line(self, endpoint: Endpoint, timeout_s: float) -> Line:
        return Line(endpoint, timeout_s)

    def placed(self, endpoints: Sequence[Endpoint]) -> list[Endpoint]:
        return list(endpoints)

    def near(self, fleet: Fleet) -> Fleet:
        return fleet


async def engine_of(
    config: Config,
    environment: Environment,
    cluster: str | None,
    *,
    stack: AsyncExitStack,
    tell: Callable[[str], None],
) -> Engine:
    """Return the engine that the settings name; it is closed with the stack.

    Args:
        config: which engine, and how it is set.
        environment: where a cluster's address and keys may be.
        cluster: the address that the user typed.
        stack: what is closed at the end.
        tell: is told, in a sentence, what goes without.

    Raises:
        MissingPackageError: its package is not installed.
        ConfigError: there is no cluster that can be joined.

    """
    if config.engine == "local":
        return Here()
    environment.preset(_QUIET)
    try:
        from glan.teachers.ray import connected  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise MissingPackageError(
            f'With engine = "ray" the package ray is needed: {error}.', hint="pip install 'glan[ray]'"
        ) from error
    return await stack.enter_async_context(connected(cluster, config.ray, environment, tell))
