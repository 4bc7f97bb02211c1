"""Several servers for one teacher: the same bytes, whoever answers, dies, comes back, joins or leaves."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from commandline import CommandLine, bytes_of, check_whole, port_of, set_in, simulated, until

from glan.teachers.simulate import Server, Simulated

PAIRS = 120
TEACHER = "vllm/any"


@pytest.fixture(scope="module")
def from_one(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The data set that one server makes."""
    with simulated() as server:
        command = CommandLine(home=tmp_path_factory.mktemp("one"))
        folder = command.init("data", pairs=PAIRS)
        assert command("run", "--project", folder, "--teacher", f"{TEACHER}@{server.base_url}").code == 0
        return bytes_of(folder / "dataset")


@pytest.fixture
def command(tmp_path: Path) -> CommandLine:
    return CommandLine(home=tmp_path)


@pytest.fixture
def servers() -> Iterator[Callable[..., Server]]:
    """Begin servers that end with the test, unless they died before."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(simulated(Simulated(**settings)))


def named(folder: Path, *urls: str) -> None:
    set_in(folder, "spec", f'"{TEACHER}"')
    set_in(folder, "base_urls", str([*urls]).replace("'", '"'))


def test_two_servers_share_the_work(
    from_one: dict[str, bytes], command: CommandLine, servers: Callable[..., Server]
) -> None:
    """Each gets a good part, no request is paid twice, and the bytes are those of one."""
    one, other = servers(latency_ms=2), servers(latency_ms=2)
    folder = command.init("data", pairs=PAIRS)
    named(folder, one.base_url, other.base_url)
    ended = command("run", "--project", folder)
    assert ended.code == 0, ended.words
    check_whole(folder, PAIRS)
    assert bytes_of(folder / "dataset") == from_one
    paid = [server.stats().paid for server in (one, other)]
    assert min(paid) > sum(paid) / 5
    assert sum(server.stats().distinct for server in (one, other)) == sum(paid)


def test_one_dies_and_the_other_goes_on(
    from_one: dict[str, bytes], command: CommandLine, servers: Callable[..., Server]
) -> None:
    """Half-way one server vanishes with what it had in flight: no failure, the same bytes, and the log says who."""
    other = servers(latency_ms=20)
    folder = command.init("data", pairs=PAIRS)
    with simulated(Simulated(latency_ms=20)) as dying:
        named(folder, dying.base_url, other.base_url)
        going = command.begin("run", "--project", folder, "--max-in-flight", 8)
        until(lambda: dying.stats().paid > 40)
    ended = going.end()
    assert ended.code == 0, ended.words
    check_whole(folder, PAIRS)
    assert bytes_of(folder / "dataset") == from_one
    assert "is away: " in (folder / "run.log").read_text()


def test_a_server_that_comes_back_is_waited_for(
    from_one: dict[str, bytes], command: CommandLine, servers: Callable[..., Server]
) -> None:
    """With a single server an outage is a pause: the run goes on by itself once it answers again."""
    del servers
    folder = command.init("data", pairs=PAIRS)
    with simulated(Simulated(latency_ms=20)) as server:
        port = port_of(server)
        named(folder, server.base_url)
        going = command.begin("run", "--project", folder, "--max-in-flight", 8)
        until(lambda: server.stats().paid > 40)
    until(lambda: "has given nothing" in (folder / "status.json").read_text())
    with simulated(Simulated(latency_ms=20), port=port):
        ended = going.end()
    assert ended.code == 0, ended.words
    assert bytes_of(folder / "dataset") == from_one


def test_an_outage_ends_the_run_with_what_is_finished(command: CommandLine) -> None:
    """After `outage_s` the run stops with exit 1, names the server and the setting, and what was paid stays."""
    folder = command.init("data", pairs=PAIRS)
    with simulated(Simulated(latency_ms=20)) as server:
        named(folder, server.base_url)
        set_in(folder, "outage_s", "1")
        going = command.begin("run", "--project", folder, "--max-in-flight", 8)
        until(lambda: server.stats().paid > 60)
    ended = going.end()
    assert ended.code == 1
    assert "No server has answered for" in ended.err
    assert server.base_url.split("/")[2] in ended.err
    assert "outage_s" in ended.err
    with simulated() as again:
        named(folder, again.base_url)
        ended = command("run", "--project", folder)
        assert ended.code == 0, ended.words
        assert again.stats().paid + server.stats().paid - again.stats().repeats < 2.2 * PAIRS + 60


def test_servers_join_and_leave_by_a_file(
    from_one: dict[str, bytes], command: CommandLine, servers: Callable[..., Server]
) -> None:
    """A file that is changed while the run goes on brings a new server in and lets an old one go."""
    first, second = servers(latency_ms=60), servers(latency_ms=2)
    folder = command.init("data", pairs=PAIRS)
    set_in(folder, "spec", f'"{TEACHER}"')
    set_in(folder, "base_urls_file", '"nodes.txt"')
    nodes = folder / "nodes.txt"
    nodes.write_text(f"# tonight\n{first.base_url}\n")
    going = command.begin("run", "--project", folder, "--max-in-flight", 2)
    until(lambda: first.stats().paid > 10)
    nodes.write_text(f"{second.base_url}  # faster\nno address\n")
    until(lambda: "stay as they are" in (folder / "run.log").read_text())
    assert second.stats().received == 0
    nodes.write_text(f"{second.base_url}\n")
    ended = going.end()
    assert ended.code == 0, ended.words
    assert second.stats().paid > first.stats().paid
    assert bytes_of(folder / "dataset") == from_one


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"spec": '"vllm/any@http://127.0.0.1:1/v1"', "base_urls": '["http://127.0.0.1:2/v1"]'},
            "named more than once",
        ),
        ({"spec": '"vllm/any"', "base_urls": '["127.0.0.1"]'}, "base_urls is no base URL"),
        ({"spec": '"vllm/any"', "base_urls": '["http://a:sk-secret@127.0.0.1/v1"]'}, "has a user name or a key in it"),
        ({"spec": '"vllm/any"', "base_urls_file": '"absent.txt"'}, "absent.txt, which base_urls_file"),
        ({"spec": '"vllm/any"', "base_urls_file": '"taxonomy.yaml"'}, "taxonomy.yaml, line "),
        ({"spec": '"openai/any"', "base_urls": '["https://example.org/v1"]'}, "belongs to its provider"),
    ],
    ids=["twice", "no-address", "key-in-url", "no-file", "no-list", "astray"],
)
def test_servers_that_are_named_wrongly(command: CommandLine, settings: dict[str, str], told: str) -> None:
    """Each is one clear sentence before anything is asked, and no key is shown."""
    folder = command.init("data", pairs=5)
    for name, value in settings.items():
        set_in(folder, name, value)
    ended = command("run", "--project", folder)
    assert ended.code == 1
    assert told in ended.err
    assert "sk-secret" not in ended.err


def test_each_server_gets_its_own_key(command: CommandLine, servers: Callable[..., Server]) -> None:
    """`api_key_envs` names a variable by host; nobody sees the key of another."""
    one, other = servers(api_key="key-of-the-first"), servers(api_key="key-of-the-other")
    folder = command.init("data", pairs=20)
    named(folder, one.base_url, other.base_url)
    hosts = [server.base_url.split("/")[2] for server in (one, other)]
    set_in(folder, "api_key_envs", f'{{"{hosts[0]}" = "FIRST_KEY", "{hosts[1]}" = "OTHER_KEY"}}')
    (folder / ".env").write_text("FIRST_KEY=key-of-the-first\nOTHER_KEY=key-of-the-other\n")
    ended = command("run", "--project", folder)
    assert ended.code == 0, ended.words
    assert min(server.stats().paid for server in (one, other)) > 0
    assert not any(server.stats().failed for server in (one, other))
