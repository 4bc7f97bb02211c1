"""The workers of one run on a cluster: they join, ask servers, and are lost, while machines come and go.

Workers start on every machine that is there and join the crew; one that ends leaves it, and another takes its place
while its machine is there. What to ask, when, where and how often is decided in this process, as without them. It knows
no Ray.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec

from glan import __version__
from glan.engine_settings import Ray
from glan.errors import ConfigError, GlanError, LostWorkerError, UnusableError
from glan.records import Reply
from glan.teachers.fleet import Fleet
from glan.teachers.kinds import Trouble
from glan.teachers.line import CHAT, Line, Route
from glan.teachers.listing import Listing
from glan.teachers.rates import Rates
from glan.teachers.ray_crew import Crew, Hand
from glan.teachers.ray_messages import Answer, Call, Site, pack_site
from glan.teachers.specs import Endpoint

_LOOK_EVERY_S = 2.0
_LOOK_AGAIN_S = 0.1
_REST_S = 30.0
"""A machine on which a worker is being started, or did not start, is left alone for so long."""
_JOIN_S = 120.0
_SILENT_S = 20.0
"""A cluster whose head is silent for so long is gone; after a minute Ray ends the whole process."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of a cluster."""

    id: str
    address: str


class Worker(Hand, Protocol):
    """A worker on a machine, which may be starting still."""

    async def version(self) -> str:
        """Return the version of `glan` there, once it has started.

        Raises:
            ConfigError: it will not start, and a person can mend that.
            LostWorkerError: it ended, or its machine did.

        """
        ...

    def open(self, site: bytes, ca_pem: bytes | None, /) -> None:
        """Have it open connections to a server."""
        ...

    def end(self) -> None:
        """End it, whatever it is doing."""
        ...


class Machines(Protocol):
    """The machines of a cluster."""

    own_address: str
    """That of the machine where the run is."""
    is_encrypted: bool
    """Whether nobody can read on the way what workers are sent."""

    def nodes(self) -> Awaitable[Sequence[Node]]:
        """Return those that are there and may have workers.

        Raises:
            LostWorkerError: the cluster does not say.

        """
        ...

    def start(self, node: Node) -> Worker:
        """Start a worker on one of them."""
        ...


class Cluster:
    """The workers of one run on a cluster that is connected."""

    def __init__(self, settings: Ray, machines: Machines, tell: Callable[[str], None]) -> None:
        """Begin without workers.

        Args:
            settings: how many, and where they have keys from.
            machines: where they are started.
            tell: is told, in a sentence, why a machine has none.

        """
        self._settings = settings
        self._machines = machines
        self._tell = tell
        self.is_gone = False
        """Whether nobody answers any more who could say where workers may be."""
        self._crew = Crew(settings.max_in_flight, on_change=self._changed)
        self._sites: list[Site] = []
        self._endpoints: list[Endpoint] = []
        """Those of the sites, in their order."""
        self._workers: list[Worker] = []
        self._near: list[Near] = []
        self._serving: dict[asyncio.Task[None], str] = {}
        """Of each worker the machine that it is on, from its start to its end."""
        self._rest_until: dict[str, float] = {}
        self._failed: GlanError | None = None
        """Why the last worker that did not start did not."""

    def line(self, endpoint: Endpoint, timeout_s: float) -> "CarriedLine":
        """Return a server as it is asked by the workers.

        Raises:
            ConfigError: its key would go to another machine in the clear.
            UnusableError: it cannot be asked with this key.

        """
        Line(endpoint, timeout_s)  # what is wrong with it is told here and now
        site = self._site(endpoint, timeout_s)
        asking = [worker for worker in self._workers if site.node in {"", worker.node}]
        for worker in asking:
            self._check_way(endpoint, worker.node)
        self._sites.append(site)
        self._endpoints.append(endpoint)
        for worker in asking:
            _open(worker, site)
        return CarriedLine(self._crew, site, endpoint)

    def near(self, fleet: Fleet) -> "Near":
        """Return what keeps a fleet to the servers that the workers reach."""
        found = Near(fleet, self._crew)
        self._near.append(found)
        return found

    def placed(self, endpoints: Sequence[Endpoint]) -> list[Endpoint]:
        """Return the servers that the workers reach just now."""
        return _placed(endpoints, self._crew.nodes)

    async def follow(self, *, every_s: float = _LOOK_EVERY_S) -> None:
        """Keep a worker, or as many as the settings say, on each machine that comes, until this is cancelled."""
        heard = asyncio.get_running_loop().time()
        while True:
            try:
                async with asyncio.timeout(_SILENT_S):
                    nodes = await self._machines.nodes()
            except (LostWorkerError, TimeoutError) as error:
                _log.warning("the cluster does not say which machines it has: %s", str(error) or "no answer in time")
                if asyncio.get_running_loop().time() - heard >= _SILENT_S:
                    self._end(_gone())
                    return
            else:
                heard = asyncio.get_running_loop().time()
                self._start(nodes)
            await asyncio.sleep(every_s)

    async def first_joined(self) -> None:
        """Return once there is a worker.

        Raises:
            ConfigError: none started; it says why.

        """
        deadline = asyncio.get_running_loop().time() + _JOIN_S
        while not self._workers:
            if self._failed is not None and not self._serving:
                raise self._failed
            if asyncio.get_running_loop().time() > deadline:
                raise ConfigError(
                    f"No worker started on the Ray cluster within {_JOIN_S:.0f} s.",
                    hint="Workers start on machines with a CPU to give: `ray status` shows what the cluster has, and "
                    "`ray start --num-cpus 1` joins a machine that gives one.",
                )
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def close(self) -> None:
        """End the workers."""
        self._near.clear()  # those who go now leave no fleet
        tasks = list(self._serving)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, cause: UnusableError) -> None:
        """Let nothing wait for workers any more."""
        self.is_gone = True
        self._crew.end(cause)
        for near in self._near:
            near.fleet.end(cause)

    def _start(self, nodes: Sequence[Node]) -> None:
        """Start the workers that are missing."""
        now = asyncio.get_running_loop().time()
        there = Counter(self._serving.values())
        for node in nodes:
            missing = self._settings.workers_per_node - there[node.id]
            if missing <= 0 or self._rest_until.get(node.id, 0.0) > now:
                continue
            self._rest_until[node.id] = now + _REST_S
            for _ in range(missing):
                task = asyncio.create_task(self._serve(node))
                self._serving[task] = node.id
                task.add_done_callback(self._serving.pop)

    async def _serve(self, node: Node) -> None:
        """Start a worker and have it serve until it ends."""
        worker = self._machines.start(node)
        try:
            await self._see(worker)
            self._rest_until.pop(node.id, None)
            self._workers.append(worker)
            try:
                await self._crew.serve(worker)
            finally:
                self._workers.remove(worker)
        except GlanError as error:
            self._failed = error
            _log.warning("no worker on %s: %s", node.address, error)
            if not isinstance(error, LostWorkerError):  # its machine may have gone, which is nobody's to mend
                self._tell(f"{error} The others did without it.")
        finally:
            worker.end()

    async def _see(self, worker: Worker) -> None:
        """Wait until a worker has started, see that it may join, and have it open connections.

        Raises:
            ConfigError: it does not start, is another version, or a key would go to it in the clear.

        """
        try:
            async with asyncio.timeout(_JOIN_S):
                version = await worker.version()
        except TimeoutError as error:
            raise ConfigError(f"A worker on {worker.node} did not start within {_JOIN_S:.0f} s.") from error
        if version != __version__:
            raise ConfigError(
                f"The Ray cluster's machine {worker.node} has glan {version}, and this is {__version__}.",
                hint="Install the same version on all machines of the cluster.",
            )
        on_it = [endpoint for near in self._near for endpoint in near.on(worker.node)]
        for endpoint in (*on_it, *[each for each in self._endpoints if not each.node]):
            self._check_way(endpoint, worker.node)
        for site in self._sites:
            if site.node in {"", worker.node}:
                _open(worker, site)

    def _check_way(self, endpoint: Endpoint, address: str) -> None:
        """Refuse to send a key where it can be read on the way."""
        machines = self._machines
        stays = endpoint.key is None or self._settings.keys == "workers"
        if stays or machines.is_encrypted or address == machines.own_address:
            return
        raise ConfigError(
            f"The key in {endpoint.key_variable} is not sent to the worker on {address}: Ray sends it in the clear.",
            hint='Let the machines of the cluster have the key in their own environment, with `keys = "workers"` in '
            "[ray]; or encrypt what Ray sends, with RAY_USE_TLS=1 on all of them. docs/ray.md says how.",
        )

    def _site(self, endpoint: Endpoint, timeout_s: float) -> Site:
        key = endpoint.key
        is_theirs = key is not None and self._settings.keys == "workers"
        return Site(
            number=len(self._sites),
            base_url=endpoint.base_url,
            host=endpoint.host,
            node=endpoint.node,
            timeout_s=timeout_s,
            key=None if key is None or is_theirs else key.reveal(),
            key_variable=endpoint.key_variable if is_theirs else "",
            key_header=endpoint.key_header,
            headers=endpoint.headers,
            query=endpoint.query,
            ca_pem=endpoint.ca_pem,
        )

    def _changed(self) -> None:
        for near in self._near:
            near.place()


class Near:
    """Keeps a fleet to the servers that workers reach: one that is called by a name of this machine is one on each."""

    def __init__(self, fleet: Fleet, crew: Crew) -> None:
        self.fleet = fleet
        self._crew = crew
        self._endpoints: Sequence[Endpoint] = ()
        self._placed: Sequence[str] = ()

    def update(self, endpoints: Sequence[Endpoint]) -> None:
        """Ask these servers from now on."""
        self._endpoints = endpoints
        self.place()

    def on(self, node: str) -> list[Endpoint]:
        """Return the servers that a machine calls itself."""
        return [endpoint for endpoint in _placed(self._endpoints, [node]) if endpoint.node]

    def place(self) -> None:
        """Follow the machines that there are."""
        placed = _placed(self._endpoints, self._crew.nodes)
        before, self._placed = self._placed, [endpoint.place for endpoint in placed]
        if self._placed != before:
            self.fleet.update(placed)


class CarriedLine:
    """One server as the workers ask it."""

    def __init__(self, crew: Crew, site: Site, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.was_reached = False
        self._crew = crew
        self._site = site

    async def ask(self, body: bytes, route: Route = CHAT) -> tuple[Reply | Trouble, Rates | None]:
        """Have a request sent once, and return what came of it and what the server says of its rates."""
        answer = await self._answered(Call(number=0, site=self._site.number, path=route.path, body=body))
        found: Reply | Trouble | None = answer.reply
        if answer.trouble is not None:
            found = answer.trouble.trouble
        if found is None:
            raise TypeError("a worker answered with nothing")
        self.was_reached = self.was_reached or isinstance(found, Reply) or found.status is not None
        return found, answer.rates

    async def listed(self, model: str) -> Listing:
        """Return what the server lists of a model.

        Raises:
            UnusableError: no server answers, or it does not accept the key.

        """
        answer = await self._answered(Call(number=0, site=self._site.number, path="", model=model))
        if answer.listing is None:
            told = answer.trouble.told if answer.trouble is not None else ""
            raise UnusableError(f"No worker asked {self.endpoint.host} what it lists: {told or 'it was lost'}.")
        return answer.listing

    async def close(self) -> None:
        """Do nothing: the connections end with the workers."""

    async def _answered(self, call: Call) -> Answer:
        answer = await self._crew.ask(call, self._site.timeout_s, self.endpoint.node)
        if answer.unusable is not None:
            message, hint = answer.unusable
            raise UnusableError(message, hint=hint)
        return answer


def _gone() -> UnusableError:
    return UnusableError(
        "The head of the Ray cluster, or what Ray runs on this machine, is gone.",
        hint="What is finished is written, and a run goes on from there once the cluster is back, or without it: "
        "--engine local.",
    )


def _open(worker: Worker, site: Site) -> None:
    """Have a worker open connections. The key is in a message of its own, too short to lie in shared memory."""
    worker.open(pack_site(msgspec.structs.replace(site, ca_pem=None)), site.ca_pem)


def _placed(endpoints: Sequence[Endpoint], nodes: Sequence[str]) -> list[Endpoint]:
    """Return servers as the machines see them: what each calls itself is another server on each."""
    found: list[Endpoint] = []
    for endpoint in endpoints:
        if endpoint.is_loopback:
            found += [replace(endpoint, host=f"{endpoint.host} on {node}", node=node) for node in sorted(nodes)]
        else:
            found.append(endpoint)
    return found
