"""Workers on a Ray cluster, which ask servers for a run. Only this module knows Ray, and to import it loads Ray.

    async with connected(address, settings, environment, tell) as cluster:
        http = Http(fleet, patience, line_to=cluster.line)

Ray places the workers and carries what is said; what to ask, when, where and how often is decided here, as without it.
A worker starts on every machine that has a CPU to give and joins the crew; one that ends leaves it, and another takes
its place while its machine is there.
"""

import asyncio
import logging
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from glan import __version__
from glan.engine_settings import Ray
from glan.environment import Environment
from glan.errors import ConfigError, GlanError, LostWorkerError
from glan.teachers.ray_cluster import Cluster, Node
from glan.teachers.ray_worker import Asker

_KNOCK_S = 5.0
_CONNECT_S = 60.0
_FOUND = "auto"
"""The cluster that Ray finds on this machine."""
_MOST_CONCURRENT = 100_000
"""Methods of one worker at once; the calls that they begin are counted by the crew."""
_WRONG_TOKEN = b"InvalidAuthToken"
_TRIAL = "import sys, ray; ray.init(address=sys.argv[1], log_to_driver=False, configure_logging=False)"
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}
"""Ray tells nobody of this run."""


@dataclass(frozen=True, slots=True, eq=False)
class _Actor:
    """A worker, as Ray calls it."""

    handle: Any
    node: str

    async def version(self) -> str:
        try:
            return str(await self.handle.version.remote())
        except RayError as error:
            raise _not_started(error, self.node) from error

    def open(self, site: bytes, ca_pem: bytes | None) -> None:
        self.handle.open.remote(site, ca_pem)

    def feed(self, message: bytes) -> None:
        self.handle.feed.remote(message)

    async def take(self) -> bytes:
        try:
            return bytes(await self.handle.take.remote())
        except RayError as error:
            raise LostWorkerError(f"The worker on {self.node} is lost: {_first_line(error)}") from error

    def end(self) -> None:
        with suppress(RayError):  # the cluster is gone, and the worker with it
            ray.kill(self.handle)


class RayMachines:
    """The machines of the cluster that is connected."""

    def __init__(self, *, is_encrypted: bool, worker: type[Asker] = Asker) -> None:
        own = ray.get_runtime_context().get_node_id()
        self.own_address: str = next(node["NodeManagerAddress"] for node in ray.nodes() if node["NodeID"] == own)
        self.is_encrypted = is_encrypted
        self._actor = ray.remote(worker)

    async def nodes(self) -> Sequence[Node]:
        """Return the machines that are there and have a CPU to give: a head that is to do no work has none."""
        try:
            found = await _aside(ray.nodes)
        except RayError as error:
            raise LostWorkerError(_first_line(error)) from error
        return [
            Node(node["NodeID"], node["NodeManagerAddress"])
            for node in found
            if node["Alive"] and node["Resources"].get("CPU", 0) >= 1
        ]

    def start(self, node: Node) -> _Actor:
        # Ray starts none anew and makes no call twice: that is decided here.
        actor = self._actor.options(
            num_cpus=0,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=_MOST_CONCURRENT,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node_id=node.id, soft=False),
        )
        return _Actor(actor.remote(), node.address)


@asynccontextmanager
async def connected(
    address: str | None, settings: Ray, environment: Environment, tell: Callable[[str], None]
) -> AsyncIterator[Cluster]:
    """Connect to a cluster, and have workers on it until the block is left.

    Args:
        address: HOST:PORT of its head; as RAY_ADDRESS says if not given, else the cluster of this machine.
        settings: how many workers, and where they have keys from.
        environment: where RAY_ADDRESS is, and whether Ray encrypts what it sends. What the files of a project say of
            either does not count: whoever has the cluster sees the keys, and what it sends here is unpickled.
        tell: is told, in a sentence, why a machine has no worker.

    Raises:
        ConfigError: there is no such cluster, it does not let us in, or no worker starts on it.

    """
    was_connected = ray.is_initialized()
    if not was_connected:
        environment.preset(_QUIET)
        logging.getLogger("ray").setLevel(logging.ERROR)
        await _connect(address or _of_process(environment, "RAY_ADDRESS") or _FOUND)
    is_encrypted = (_of_process(environment, "RAY_USE_TLS") or "0").lower() in {"1", "true"}
    cluster = Cluster(settings, RayMachines(is_encrypted=is_encrypted), tell)
    try:
        async with _working(cluster):
            yield cluster
    finally:
        if not was_connected and not cluster.is_gone:  # Ray would wait for one that is gone, and end the process
            await asyncio.to_thread(ray.shutdown)


@asynccontextmanager
async def _working(cluster: Cluster) -> AsyncIterator[None]:
    """Have workers until the block is left."""
    following = asyncio.create_task(cluster.follow())
    try:
        await cluster.first_joined()
        yield
    finally:
        following.cancel()
        await cluster.close()


async def _aside(work: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the work gives
    """Do something in a thread that nobody has to wait for, not even the end of the process: Ray may wait for ever."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def settle(found: Any, error: RayError | None) -> None:  # noqa: ANN401
        if not done.done():
            done.set_result(found) if error is None else done.set_exception(error)

    def run() -> None:
        found, error = None, None
        try:
            found = work()
        except RayError as raised:
            error = raised
        with suppress(RuntimeError):  # the loop is closed when nobody waits any more
            loop.call_soon_threadsafe(settle, found, error)

    Thread(target=run, daemon=True).start()
    return await done


def _of_process(environment: Environment, name: str) -> str | None:
    return None if environment.is_from_file(name) else environment.get(name)


async def _connect(address: str) -> None:
    if address.startswith("ray://"):
        raise ConfigError(
            f"{address} is Ray's address for clients outside of a cluster, and a run is a part of it.",
            hint="Run `glan` on a machine of the cluster: its head, or one that has joined with `ray start --num-cpus "
            "0 --address HOST:6379`; then --address HOST:6379, or none.",
        )
    if address != _FOUND:
        await _knock(address)
    await _try(address)
    try:
        # Outside of the main thread Ray leaves the signals to us.
        await asyncio.to_thread(ray.init, address=address, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, RayError) as error:
        raise _not_connected(address, str(error)) from error


async def _knock(address: str) -> None:
    """See that anything answers at an address: Ray itself would try for minutes, and say so on the terminal."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(_KNOCK_S):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, TimeoutError, ValueError) as error:
        raise ConfigError(
            f"No Ray cluster answers at {address}.",
            hint="The address is HOST:PORT of its head, mostly port 6379; `ray start --head` begins a cluster, and "
            "prints the address of it.",
        ) from error
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def _try(address: str) -> None:
    """See in a process of its own that the cluster lets us in.

    Where it does not, Ray tries for minutes, in a way that nothing can give up, and writes to the terminal all the
    while.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _TRIAL, address, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
    )
    told = b""
    try:
        async with asyncio.timeout(_CONNECT_S):
            while process.stderr is not None and (chunk := await process.stderr.read(4_096)):
                told += chunk
                if _WRONG_TOKEN in told:  # it would try again for twenty seconds
                    break
            else:
                await process.wait()
    except TimeoutError as error:
        raise _not_connected(address, f"It gave no answer that Ray understands within {_CONNECT_S:.0f} s.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise _not_connected(address, told.decode(errors="replace"))


def _not_connected(address: str, told: str) -> ConfigError:
    """Return what keeps us out, from all that Ray has said."""
    where = "on this machine" if address == _FOUND else f"at {address}"
    if _WRONG_TOKEN.decode() in told or "AuthenticationError" in told:
        return ConfigError(
            f"The Ray cluster {where} does not let us in: it has a token, and this process not the same.",
            hint="Set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to the token or RAY_AUTH_TOKEN_PATH to its file, as on "
            "the machines of the cluster.",
        )
    _, is_mismatch, versions = told.rpartition("RuntimeError: Version mismatch: ")
    if is_mismatch:
        return ConfigError(
            f"This process and the Ray cluster {where} do not fit. {' '.join(versions.split())}",
            hint="Run `glan` with the versions of Ray and Python that the cluster has.",
        )
    last = next((line.strip() for line in reversed(told.splitlines()) if line.strip()), "no reason is given")
    return ConfigError(
        f"There is no Ray cluster {where} that can be joined: {last}",
        hint="`ray start --head` begins one on this machine; that of others is --address HOST:PORT, or RAY_ADDRESS. A "
        "run is a part of its cluster: on a machine that is none of it, `ray start --num-cpus 0 --address HOST:PORT` "
        "joins first.",
    )


def _not_started(error: RayError, address: str) -> GlanError:
    if "No module named" in str(error):
        missing = str(error).rpartition("No module named")[2].split("\n")[0].strip()
        return ConfigError(
            f"The Ray cluster's machine {address} has no module {missing}, so no worker starts there.",
            hint=f"Install glan on it, in the Python that runs `ray start`: pip install 'glan[ray]=={__version__}'",
        )
    return LostWorkerError(f"A worker on {address} was lost before it began: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
