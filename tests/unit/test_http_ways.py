"""The HTTP teacher on its way: headers, queries, headers of keys, authorities of one's own, and proxies."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from misbehaving import CERTIFICATES, KEY, Answer, Call, Pauses, ask, at, failed, said, serving, words

from glan.config import Config
from glan.environment import Environment
from glan.errors import ConfigError, UnusableError
from glan.records import Reply
from glan.settings import Limits, Network, Teachers, TeacherSettings
from glan.teachers.fingerprints import fingerprint
from glan.teachers.http import Http
from glan.teachers.keys import Secret
from glan.teachers.panel import Named, opened
from glan.teachers.specs import Endpoint

AUTHORITY = (CERTIFICATES / "authority.pem").read_bytes()
FAR = "teacher.test"
"""A host that the server's certificate names and that no name server knows."""


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without the proxies and authorities of whoever runs the tests."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        for spelt in (name, name.lower()):
            monkeypatch.delenv(spelt, raising=False)


async def asked(endpoint: Endpoint) -> Reply:
    async with Http(endpoint, Pauses().patience(timeout_s=5, max_retries=0)) as teacher:
        return await teacher.reply(ask())


async def unreached(endpoint: Endpoint) -> UnusableError:
    with pytest.raises(UnusableError) as caught:
        await asked(endpoint)
    return caught.value


async def test_headers_and_query_of_the_settings_are_sent() -> None:
    """Each request carries them, encoded as they must be; the key stays in its header."""
    async with serving(said()) as server:
        query = {"api-version": "2024-10-21", "a b": "c&d=e"}
        await asked(replace(at(server), headers={"X-Team": "ours"}, query=query))
    (call,) = server.calls
    assert call.path == "/v1/chat/completions?api-version=2024-10-21&a+b=c%26d%3De"
    assert call.headers["x-team"] == "ours"
    assert call.headers["authorization"] == f"Bearer {KEY}"


async def test_headers_and_query_are_shown_by_no_endpoint() -> None:
    """What is sent beside the key does not come into logs by way of a repr."""
    endpoint = replace(at(1), headers={"X-Team": "ours"}, query={"q": "mine"})
    assert "ours" not in repr(endpoint)
    assert "mine" not in repr(endpoint)


async def test_a_key_goes_into_the_header_that_it_has() -> None:
    """A key with a header of its own is sent there as it is, and as no bearer beside it."""
    async with serving(said()) as server:
        await asked(replace(at(server), key_header="api-key"))
    (call,) = server.calls
    assert call.headers["api-key"] == KEY
    assert "authorization" not in call.headers


async def test_a_provider_is_asked_as_it_is_known_to_want() -> None:
    """The first request has the limit's right name and the strictest form that the provider knows."""
    async with serving(said()) as server:
        endpoint = replace(at(server), limit_name="max_completion_tokens", rung="json_object")
        async with Http(endpoint, Pauses().patience()) as teacher:
            await teacher.reply(ask("subjects"))
    (call,) = server.calls
    assert (call.rung, call.body["max_completion_tokens"]) == ("json_object", 9)
    assert "max_tokens" not in call.body


async def test_a_limit_is_renamed_in_either_direction() -> None:
    """A server that does not know the newer name gets the older one, from then on at once."""
    refusal = failed(400, code="unsupported_parameter", param="max_completion_tokens")

    def answer(call: Call, _: int) -> Answer:
        return refusal if "max_completion_tokens" in call.body else said()

    async with serving(answer) as server:
        endpoint = replace(at(server), limit_name="max_completion_tokens")
        async with Http(endpoint, Pauses().patience()) as teacher:
            for _ in range(2):
                assert (await teacher.reply(ask())).text == "So."
    assert [call.body.get("max_tokens") for call in server.calls] == [None, 9, 9]


def settled(server_port: int, **settings: object) -> Config:
    default = TeacherSettings(spec=f"m@http://127.0.0.1:{server_port}/v1", **settings)  # type: ignore[arg-type]  # many types
    return Config(teachers=Teachers(default=default), limits=Limits(max_retries=0))


async def test_settings_reach_the_server_and_no_fingerprint() -> None:
    """Headers and query of glan.toml go with each request; how it is sent is in no fingerprint."""
    async with serving(said()) as server:
        config = settled(server.port, headers={"x-team": "ours"}, query={"api-version": "1"})
        async with opened(config, Environment(variables={}), Named(spec=None)) as panel:
            request = ask()
            before = fingerprint(request)
            await panel.teachers[request.stage].reply(request)
    (call,) = server.calls
    assert (call.path, call.headers["x-team"]) == ("/v1/chat/completions?api-version=1", "ours")
    assert fingerprint(request) == before


async def test_what_stands_beside_one_server_goes_to_no_other() -> None:
    """A role at another server gets neither the key nor the headers and the query that stand beside the default's."""
    async with serving(said()) as first, serving(said()) as second:
        config = settled(first.port, headers={"x-team": "ours"}, query={"v": "1"}, api_key_env="MINE")
        answers = TeacherSettings(spec=f"m@http://127.0.0.1:{second.port}/v1")
        default = config.teachers.default
        config = Config(teachers=Teachers(default=default, answers=answers))
        environment = Environment(variables={"MINE": KEY})
        named = Named(spec=None)
        async with opened(config, environment, named) as panel:
            for teacher in panel.teachers.values():
                await teacher.reply(ask())
        typed = Named(spec=f"m@http://127.0.0.1:{second.port}/v1")
        async with opened(Config(teachers=Teachers(default=default)), environment, typed) as panel:
            await panel.teachers[ask().stage].reply(ask())
    assert {call.headers.get("authorization") for call in first.calls} == {f"Bearer {KEY}"}
    assert {call.path for call in second.calls} == {"/v1/chat/completions"}
    assert not any({"authorization", "x-team"} & set(call.headers) for call in second.calls)
    assert len(second.calls) == 2


def behind_tls(port: int, host: str = "127.0.0.1") -> Endpoint:
    at_port = f"{host}:{port}" if port else host
    return Endpoint(
        name=at_port, base_url=f"https://{at_port}/v1", host=at_port, key=Secret(KEY), key_variable="MY_KEY"
    )


async def test_a_certificate_of_nobody_is_refused_with_the_way_out() -> None:
    """A server whose certificate no known authority made gets no request; the error names both ways to trust it."""
    async with serving(said(), is_tls=True) as server:
        error = await unreached(behind_tls(server.port))
    assert "certificate" in str(error)
    assert "ca_file in [network]" in error.hint
    assert "SSL_CERT_FILE" in error.hint
    assert server.calls == []


async def test_an_authority_of_ones_own_is_trusted() -> None:
    """With its authority the server is asked, and gets the key."""
    async with serving(said(), is_tls=True) as server:
        assert (await asked(replace(behind_tls(server.port), ca_pem=AUTHORITY))).text == "So."
    assert server.calls[0].headers["authorization"] == f"Bearer {KEY}"


async def test_an_authority_in_the_settings_is_for_servers_of_ones_own(tmp_path: Path) -> None:
    """`ca_file` is read for a server at an address of one's own, and not for a provider's own address."""
    network = Network(ca_file="ours.pem")
    environment = Environment(tmp_path, variables={"GROQ_API_KEY": KEY})
    (tmp_path / "ours.pem").write_bytes(AUTHORITY)
    async with serving(said(), is_tls=True) as server:
        teachers = Teachers(default=TeacherSettings(spec=f"m@https://127.0.0.1:{server.port}/v1"))
        config = Config(teachers=teachers, network=network, limits=Limits(max_retries=0))
        async with opened(config, environment, Named(spec=None)) as panel:
            assert (await panel.teachers[ask().stage].reply(ask())).text == "So."
    (tmp_path / "ours.pem").write_bytes(b"no certificate")
    async with opened(Config(network=network), environment, Named(spec="groq/m")) as panel:
        assert panel.hosts == ("api.groq.com",)
    with pytest.raises(ConfigError, match="holds no certificate"):
        async with opened(config, environment, Named(spec=None)):
            pass


async def test_a_certificate_for_another_name_is_refused() -> None:
    """An authority of one's own is no way around the name in the certificate."""
    async with serving(said(), is_tls=True) as server:
        error = await unreached(replace(behind_tls(server.port, "127.0.0.2"), ca_pem=AUTHORITY))
    assert server.calls == []
    assert isinstance(error, UnusableError)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system's own store decides")
async def test_an_authority_of_the_environment_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """`SSL_CERT_FILE` of the environment is honoured on Linux."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "authority.pem"))
    async with serving(said(), is_tls=True) as server:
        assert (await asked(behind_tls(server.port))).text == "So."


@dataclass
class Proxy:
    """A proxy that leads every tunnel to one server, and remembers what was asked of it."""

    target: int
    status: str
    port: int = 0
    heads: list[str] = field(default_factory=list)
    tasks: set[asyncio.Task[None] | None] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.add(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(f"HTTP/1.1 {self.status}\r\n\r\n".encode())
            await writer.drain()
            if self.target:
                await self._tunnel(reader, writer)
        await closed(writer)

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", self.target)
        try:
            await asyncio.gather(pump(reader, outer), pump(inner, writer))
        finally:
            await closed(outer)

    async def end(self) -> None:
        for task in self.tasks:
            if task is not None:
                task.cancel()
                await asyncio.wait([task])


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError, asyncio.CancelledError):  # it may be cancelled when all is over but this
        await writer.wait_closed()


@asynccontextmanager
async def proxied(target: int = 0, status: str = "200 OK") -> AsyncIterator[Proxy]:
    proxy = Proxy(target, status)
    listening = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = listening.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listening.close()
        await proxy.end()


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
async def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """What goes to another machine goes through the proxy, which sees the host and neither key nor request."""
    async with serving(said(), is_tls=True) as server, proxied(server.port) as proxy:
        monkeypatch.setenv(variable, f"http://user:word@127.0.0.1:{proxy.port}")
        assert (await asked(replace(behind_tls(0, FAR), ca_pem=AUTHORITY))).text == "So."
    (head,) = proxy.heads
    assert head.startswith(f"CONNECT {FAR}:443 ")
    assert KEY not in head
    assert len(server.calls) == 1


async def test_a_proxy_of_the_project_is_not_used(tmp_path: Path) -> None:
    """What a project's `.env` says of a proxy is not believed: the project may come from a stranger."""
    async with proxied() as proxy:
        (tmp_path / ".env").write_text(f"HTTPS_PROXY=http://127.0.0.1:{proxy.port}\n", encoding="utf-8")
        teachers = Teachers(default=TeacherSettings(spec=f"m@https://{FAR}/v1", timeout_s=5))
        config = Config(teachers=teachers, limits=Limits(max_retries=0))
        async with opened(config, Environment(tmp_path), Named(spec=None)) as panel:
            with pytest.raises(UnusableError, match="No server answers"):
                await panel.teachers[ask().stage].reply(ask())
    assert proxy.heads == []


async def test_no_proxy_lists_what_goes_past_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host in `NO_PROXY` is not asked through the proxy."""
    async with proxied() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", FAR)
        await unreached(behind_tls(0, FAR))
    assert proxy.heads == []


async def test_a_proxy_that_refuses_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that lets nothing through is named by its variable, never with what stands in it."""
    async with proxied(status="403 Forbidden") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:password@127.0.0.1:{proxy.port}")
        error = await unreached(behind_tls(0, FAR))
    assert "HTTPS_PROXY" in error.hint
    assert "password" not in words(error)
    assert "password" not in repr(error.__cause__)
