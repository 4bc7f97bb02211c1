"""Requests through workers of a cluster: the same replies and errors as without them, while machines come and go.

The machines are made up and the workers run in this process; tests/extras/ray has the same on a real cluster.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from misbehaving import KEY, Pauses, ask, at, failed, said, serving
from misbehaving import Answer as Served

from glan import __version__
from glan.engine_settings import Ray
from glan.errors import ConfigError, GlanError, LostWorkerError, UnusableError
from glan.records import Reply
from glan.settings import Limits
from glan.teachers import ray_cluster
from glan.teachers.fleet import Fleet
from glan.teachers.http import Http
from glan.teachers.kinds import Kind, Trouble
from glan.teachers.line import CHAT
from glan.teachers.ray_cluster import Cluster, Node
from glan.teachers.ray_worker import Asker
from glan.teachers.specs import Endpoint

OWN = "10.0.0.1"


class Worker:
    """A worker in this process."""

    def __init__(self, node: str, version: str) -> None:
        self.node = node
        self.sites: list[bytes] = []
        self.is_lost = asyncio.Event()
        self._version = version
        self._asker = Asker()
        self._tasks: set[asyncio.Task[None]] = set()

    async def version(self) -> str:
        if not self._version:
            raise ConfigError("It does not start.")
        return self._version

    def open(self, site: bytes, ca_pem: bytes | None) -> None:
        self.sites.append(site)
        self._begin(self._asker.open(site, ca_pem))

    def feed(self, message: bytes) -> None:
        self._begin(self._asker.feed(message))

    async def take(self) -> bytes:
        taken, lost = asyncio.ensure_future(self._asker.take()), asyncio.ensure_future(self.is_lost.wait())
        await asyncio.wait([taken, lost], return_when=asyncio.FIRST_COMPLETED)
        lost.cancel()
        if self.is_lost.is_set():
            taken.cancel()
            raise LostWorkerError(f"The worker on {self.node} is lost.")
        return taken.result()

    def end(self) -> None:
        self.is_lost.set()

    def _begin(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]  # a coroutine
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Machines:
    """Machines that come and go as a test says."""

    def __init__(self, *addresses: str, version: str = __version__, is_encrypted: bool = False) -> None:
        self.own_address = OWN
        self.is_encrypted = is_encrypted
        self.addresses = list(addresses)
        self.version = version
        self.started: list[Worker] = []
        self.is_silent = False

    async def nodes(self) -> Sequence[Node]:
        if self.is_silent:
            raise LostWorkerError("It says nothing.")
        return [Node(f"id-{address}", address) for address in self.addresses]

    def start(self, node: Node) -> Worker:
        self.started.append(Worker(node.address, self.version))
        return self.started[-1]


class Yard:
    """A cluster of such machines."""

    def __init__(self, machines: Machines, settings: Ray) -> None:
        self.machines = machines
        self.told: list[str] = []
        self.cluster = Cluster(settings, machines, self.told.append)

    def fleet(self, *endpoints: Endpoint) -> Fleet:
        limits = Limits(outage_s=0.0)
        fleet = Fleet(self.cluster.placed(endpoints), limits, rng=random.Random(0))
        self.cluster.near(fleet).update(endpoints)
        return fleet


@asynccontextmanager
async def clustered(*addresses: str, settings: Ray = Ray(), **machines: object) -> AsyncIterator[Yard]:  # noqa: B008 - frozen
    yard = Yard(Machines(*addresses, **machines), settings)  # type: ignore[arg-type]  # as its fields are
    following = asyncio.create_task(yard.cluster.follow(every_s=0.01))
    try:
        await yard.cluster.first_joined()
        yield yard
    finally:
        following.cancel()
        await yard.cluster.close()
        await asyncio.sleep(0)


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110 - what it waits for comes from several places
            await asyncio.sleep(0.005)


async def asking_on(teacher: Http) -> None:
    while True:
        await teacher.reply(ask())


async def outcome(teacher: Http) -> Reply | GlanError:
    try:
        found = await teacher.reply(ask("sessions"))
    except GlanError as error:
        return error
    return replace_latency(found)


def replace_latency(reply: Reply) -> Reply:
    return Reply(**{**{name: getattr(reply, name) for name in Reply.__struct_fields__}, "latency_s": None})


WAYS = [
    pytest.param((said(),), id="a reply"),
    pytest.param((failed(429), said()), id="429"),
    pytest.param((Served(status=429, body=b"{}", headers={"Retry-After": "7"}), said()), id="429 with Retry-After"),
    pytest.param((failed(400, "response_format is not supported"), said()), id="a rung lower"),
    pytest.param((failed(500),), id="500 for ever"),
    pytest.param((failed(401, "Wrong key."),), id="bad key"),
    pytest.param((failed(404, "The model does not exist.", code="model_not_found"),), id="no such model"),
    pytest.param((failed(402),), id="no credit"),
    pytest.param((failed(400, "This is too long for the context length"),), id="too long"),
    pytest.param((Served(body=said().body, sent=20), said()), id="half a body"),
    pytest.param((Served(status=307, body=b"", headers={"Location": "http://elsewhere/"}),), id="moved"),
]


@pytest.mark.parametrize("answers", WAYS)
async def test_a_request_ends_as_it_does_without_workers(answers: tuple[Served, ...]) -> None:
    """Reply or error, its words, the number of tries and the pauses between them are the same."""
    seen: list[tuple[object, ...]] = []
    async with clustered(OWN) as yard:
        for line_to in (None, yard.cluster.line):
            pauses = Pauses()
            async with serving(*answers) as server:
                endpoint = at(server)
                teacher = Http(endpoint, pauses.patience()) if line_to is None else Http(
                    endpoint, pauses.patience(), line_to=line_to
                )  # fmt: skip
                async with teacher:
                    found = await outcome(teacher)
            words = f"{found} {getattr(found, 'hint', '')}".replace(endpoint.host, "HOST")
            pauses_s = [round(pause_s, 6) for pause_s in pauses.seconds]
            seen.append((type(found), words, len(server.calls), pauses.reasons, pauses_s))
    assert seen[0] == seen[1]


async def test_the_key_reaches_the_server_and_the_worker_on_this_machine() -> None:
    """A worker asks with the key that it was sent."""
    async with clustered(OWN) as yard, serving(said()) as server:
        async with Http(at(server), Pauses().patience(), line_to=yard.cluster.line) as teacher:
            await teacher.reply(ask())
        assert server.calls[0].headers["authorization"] == f"Bearer {KEY}"
        assert any(KEY.encode() in site for site in yard.machines.started[0].sites)


async def test_a_key_is_not_sent_to_another_machine_in_the_clear() -> None:
    """Where Ray does not encrypt, a key for workers elsewhere is an error with the two ways out."""
    async with clustered("10.0.0.2") as yard, serving(said()) as server:
        with pytest.raises(ConfigError, match=r"MY_KEY is not sent to the worker on 10\.0\.0\.2") as raised:
            yard.cluster.line(at(server), 9.0)
        assert "RAY_USE_TLS" in raised.value.hint
        assert yard.machines.started[0].sites == []
    async with (
        clustered("10.0.0.2", is_encrypted=True) as yard,
        serving(said()) as server,
        Http(at(server), Pauses().patience(), line_to=yard.cluster.line) as teacher,
    ):
        await teacher.reply(ask())


async def test_a_machine_that_joins_late_gets_no_key_in_the_clear() -> None:
    """It has no worker, which is told, and the others go on."""
    async with clustered(OWN) as yard, serving(said()) as server:
        fleet = yard.fleet(at(server))
        async with Http(fleet, Pauses().patience(), line_to=yard.cluster.line) as teacher:
            yard.machines.addresses.append("10.0.0.2")
            await until(lambda: yard.told)
            await teacher.reply(ask())
        assert [endpoint.node for endpoint in fleet.endpoints] == [OWN]
    assert len(yard.told) == 1
    assert yard.machines.started[1].sites == []


async def test_workers_may_have_the_key_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `keys = "workers"` a worker takes it from its own environment, and the run sends none."""
    monkeypatch.setenv("MY_KEY", "sk-of-the-worker-1")
    async with clustered("10.0.0.2", settings=Ray(keys="workers")) as yard, serving(said()) as server:
        async with Http(at(server), Pauses().patience(), line_to=yard.cluster.line) as teacher:
            await teacher.reply(ask())
        assert server.calls[0].headers["authorization"] == "Bearer sk-of-the-worker-1"
        assert not any(KEY.encode() in site for site in yard.machines.started[0].sites)
        monkeypatch.delenv("MY_KEY")
        async with Http(at(server), Pauses().patience(), line_to=yard.cluster.line) as teacher:
            with pytest.raises(UnusableError, match="no MY_KEY in its environment"):
                await teacher.reply(ask())


@pytest.mark.parametrize(("version", "words"), [("0.0.1", r"has glan 0\.0\.1, and this is"), ("", "does not start")])
async def test_a_cluster_on_which_no_worker_starts_is_an_error(version: str, words: str) -> None:
    """Another version of glan, and a worker that ends at once, are told before anything is asked."""
    with pytest.raises(ConfigError, match=words):
        async with clustered(OWN, version=version):
            pass


async def test_a_server_on_each_machine_is_one_for_each() -> None:
    """What the workers call this machine is a server on each of theirs, and they come and go with the machines."""
    async with clustered(OWN) as yard, serving(said()) as server:
        fleet = yard.fleet(replace(at(server), key=None), Endpoint(**FAR))  # type: ignore[arg-type]  # as they are
        assert [endpoint.node for endpoint in fleet.endpoints] == [OWN, ""]
        yard.machines.addresses.append("10.0.0.2")
        await until(lambda: len(fleet.endpoints) == 3)
        assert [endpoint.node for endpoint in fleet.endpoints] == [OWN, "10.0.0.2", ""]
        assert len({endpoint.place for endpoint in fleet.endpoints}) == 3
        yard.machines.addresses.remove(OWN)
        yard.machines.started[0].is_lost.set()
        await until(lambda: len(fleet.endpoints) == 2)
        assert [endpoint.node for endpoint in fleet.endpoints] == ["10.0.0.2", ""]


FAR = {"name": "far", "base_url": "http://far:1/v1", "host": "far:1", "key": None, "key_variable": ""}


async def test_what_a_lost_worker_was_asking_is_asked_again_elsewhere() -> None:
    """The call in flight is made once more, by another worker, and nothing else is."""
    hangs = Served(is_hung=True)
    async with clustered(OWN, "10.0.0.2") as yard, serving(hangs, said()) as server:
        await until(lambda: len(yard.machines.started) == 2)
        endpoint = replace(at(server), key=None, node="")
        pauses = Pauses()
        async with Http(endpoint, pauses.patience(), line_to=yard.cluster.line) as teacher:
            asked = asyncio.create_task(teacher.reply(ask()))
            await server.called.wait()
            lost = [worker for worker in yard.machines.started if worker.sites]
            yard.machines.addresses.clear()
            lost[0].is_lost.set()
            assert (await asked).text == "So."
    assert len(server.calls) == 2
    assert pauses.reasons == ["a worker that was lost"]


async def test_a_worker_that_is_lost_is_replaced_while_its_machine_is_there() -> None:
    """Another one starts, and knows the servers."""
    async with (
        clustered(OWN) as yard,
        serving(said()) as server,
        Http(at(server), Pauses().patience(), line_to=yard.cluster.line) as teacher,
    ):
        await teacher.reply(ask())
        yard.machines.started[0].is_lost.set()
        await until(lambda: len(yard.machines.started) == 2 and yard.machines.started[1].sites)
        assert (await teacher.reply(ask())).text == "So."


async def test_a_cluster_that_falls_silent_ends_the_run_in_good_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests end with the way out, and are not waited for as those to a server that is away."""
    monkeypatch.setattr(ray_cluster, "_SILENT_S", 0.05)
    async with (
        clustered(OWN) as yard,
        serving(said()) as server,
        Http(at(server), Pauses().patience(), line_to=yard.cluster.line) as teacher,
    ):
        await teacher.reply(ask())
        yard.machines.is_silent = True
        with pytest.raises(UnusableError, match="The head of the Ray cluster"):
            await asking_on(teacher)


async def test_as_many_workers_as_wanted_start_on_each_machine() -> None:
    """`workers_per_node` of them, and no more while they live."""
    async with clustered(OWN, "10.0.0.2", settings=Ray(workers_per_node=3)) as yard:
        await asyncio.sleep(0.1)
        assert sorted(worker.node for worker in yard.machines.started) == [OWN] * 3 + ["10.0.0.2"] * 3


async def test_a_list_is_asked_for_by_a_worker() -> None:
    """What a server lists of a model is seen from where it is asked, and a server that is not there is told."""
    listed = Served(body=b'{"data": [{"id": "m", "max_model_len": 9}]}')
    async with clustered(OWN) as yard:
        async with serving(listed) as server, Http(at(server), Pauses().patience(), line_to=yard.cluster.line) as http:
            assert (await http.listed("m")).context_tokens == 9
            port = server.port
        async with Http(at(port), Pauses().patience(), line_to=yard.cluster.line) as http:
            with pytest.raises(UnusableError, match="No server answers"):
                await http.listed("m")


async def test_a_fault_of_a_worker_is_heard_of() -> None:
    """A worker that fails in a way that nobody foresaw fails that request, and leaves nobody waiting."""
    site = Endpoint(**FAR)  # type: ignore[arg-type]  # as they are
    async with clustered(OWN) as yard:
        line = yard.cluster.line(site, 9.0)
        found, _ = await line.ask(b"", replace(CHAT, path="/nowhere"))
    assert isinstance(found, Trouble)
    assert (found.kind, found.reason) == (Kind.LATER, "a fault of the worker")
