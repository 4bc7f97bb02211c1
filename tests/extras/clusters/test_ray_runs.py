"""Runs on a real Ray cluster: keys, refusals, machines that are lost and join, and a run that is killed and goes on.

The tests stand in the order in which machines join: the first ones want the head alone.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from commandline import KEY, Begun, CommandLine, bytes_of, check_whole, gone, replies_in, until
from extras.clusters.conftest import Served, served
from extras.clusters.machines import Machines

PAIRS = 5_000
IN_FLIGHT = 64
LONG_S = 300.0
DISCIPLINES = "Astronomy,Physics,History,Music,Law,Economics,Biology,Chemistry,Psychology,Linguistics"


def engine(machines: Machines) -> tuple[str, ...]:
    return "--engine", "ray", "--address", machines.address


def joined(folder: Path) -> int:
    """Return how many workers have joined the runs of a project."""
    return (folder / "run.log").read_text().count(' joined"')


def test_a_key_reaches_the_server_and_no_disk(machines: Machines, tmp_path: Path) -> None:
    """The server is asked with the key, and it is in no file of Ray's, no shared memory and no process's arguments."""
    with served(KEY) as server:
        command = CommandLine(
            home=tmp_path, base_url=f"http://127.0.0.1:{server.port}/v1", variables=machines.variables
        )
        folder = command.init("demo", pairs=20)
        begun = command.begin_run(folder, *engine(machines))
        until(lambda: begun.is_over or server.stats["paid"] > 10)
        arguments = [word for process in psutil.process_iter() for word in _arguments(process)]
        ended = begun.end()
    assert ended.code == 0, ended.words
    check_whole(folder, 20)
    assert ended.err == ""  # Ray's own news stay off the terminal
    assert not [word for word in arguments if KEY in word]
    files = [path for place in (machines.folder, Path("/dev/shm"), folder) for path in place.rglob("*")]  # noqa: S108
    assert len(files) > 20
    assert not [path for path in files if path.is_file() and KEY.encode() in path.read_bytes()]


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def test_a_run_goes_on_with_ray_and_without(machines: Machines, command: CommandLine) -> None:
    """Begun here, grown on the cluster and grown here again, it asks for nothing twice and is what one run makes."""
    with served() as server:
        command = command.told(base_url=f"http://{machines.host}:{server.port}/v1")
        folder, whole = command.init("demo"), command.told(home=command.home / "whole")
        whole.home.mkdir()
        for pairs, where in ((40, ()), (120, engine(machines)), (160, ())):
            ended = command.run(folder, "--pairs", pairs, *where)
            assert ended.code == 0, ended.words
        paid = server.stats["paid"]
        assert server.stats["repeats"] == 0
        other = whole.init("demo")
        assert whole.run(other, "--pairs", 160).code == 0
        assert server.stats["paid"] == 2 * paid
    assert bytes_of(folder / "dataset") == bytes_of(other / "dataset")


def test_a_worker_that_is_killed_leaves_what_is_printed_to_glan(machines: Machines, command: CommandLine) -> None:
    """Another takes its place; what Ray says of it is not among the JSON that `glan run` prints."""
    with served() as server:
        command = command.told(base_url=f"http://{machines.host}:{server.port}/v1")
        folder = command.init("demo", pairs=200)
        begun = command.begin_run(folder, "--json", *engine(machines))
        paid(server, 40, begun)
        head = psutil.Process(machines.machines[0].process.pid)
        workers = [each for each in head.children(recursive=True) if "".join(_arguments(each)).startswith("ray::Asker")]
        assert workers
        with held(server):
            for worker in workers:
                worker.kill()
            until(lambda: joined(folder) >= 2, LONG_S)
        ended = begun.end()
    assert ended.code == 0, ended.words
    assert ended.json["pairs"] == 200
    check_whole(folder, 200)


@pytest.mark.parametrize(
    ("address", "variables", "words"),
    [
        pytest.param("127.0.0.1:1", {}, "No Ray cluster answers at 127.0.0.1:1", id="nobody there"),
        pytest.param("ray://127.0.0.1:10001", {}, "Ray's address for clients outside", id="client"),
        pytest.param("", {"RAY_AUTH_TOKEN": "another"}, "does not let us in", id="another token"),
        pytest.param("", {"RAY_AUTH_MODE": "disabled"}, "does not let us in", id="no token"),
    ],
)
def test_what_keeps_a_run_from_the_cluster_is_told(
    machines: Machines, command: CommandLine, address: str, variables: dict[str, str], words: str
) -> None:
    """One clear sentence with the way out, and nothing of Ray's own."""
    folder = command.told(variables={**machines.variables, **variables}).init("demo")
    ended = command.told(variables={**machines.variables, **variables}, base_url="http://127.0.0.1:9/v1").run(
        folder, "--engine", "ray", "--address", address or machines.address
    )
    assert ended.code == 1
    assert words in ended.err
    assert len(ended.err.splitlines()) <= 3, ended.err


def paid(server: Served, calls: int, run: Begun) -> None:
    """Wait until a server has been paid for so many calls."""
    until(lambda: run.is_over or server.stats["paid"] >= calls, LONG_S)
    assert not run.is_over, run.end().words


@contextmanager
def held(server: Served) -> Iterator[None]:
    """Have a server wait for as long as something else takes on a busy machine."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


def lost(machines: Machines, server: Served, run: Begun, folder: Path) -> None:
    """Kill the second machine of a run while it goes on, have a third one join, and kill the run."""
    paid(server, 1_500, run)
    with held(server):
        until(lambda: joined(folder) >= 2, LONG_S)
    paid(server, 5_000, run)
    machines.machines[1].kill()
    third = machines.start()
    paid(server, 6_000, run)
    with held(server):
        third.wait()
        until(lambda: joined(folder) >= 3, LONG_S)
    paid(server, 8_000, run)
    gone(run)


@pytest.mark.timeout(1_200)
def test_lost_machines_and_a_lost_run_cost_what_was_in_flight(machines: Machines, command: CommandLine) -> None:
    """Exactly 5,000 rows with the bytes of a local run; a machine is killed, one joins, the run is killed and goes on.

    The server's count is the witness: paid twice was at most what was in flight at each of the two kills.
    """
    machines.start().wait()
    given = ("--max-in-flight", IN_FLIGHT, "--concurrency", "fixed")
    with served() as server:
        command = command.told(base_url=f"http://{machines.host}:{server.port}/v1")
        folder = command.init("demo", pairs=PAIRS, disciplines=DISCIPLINES)
        lost(machines, server, command.begin_run(folder, *given, *engine(machines)), folder)
        ended = command.run(folder, *given, *engine(machines))
        assert ended.code == 0, ended.words
        calls = server.stats["paid"]
    check_whole(folder, PAIRS)
    with served() as server:
        here = command.told(home=command.home / "here", base_url=f"http://{machines.host}:{server.port}/v1")
        here.home.mkdir()
        local = here.init("demo", pairs=PAIRS, disciplines=DISCIPLINES)
        assert here.run(local, *given).code == 0
        assert 0 <= calls - server.stats["paid"] <= 2 * IN_FLIGHT
    assert replies_in(folder) == replies_in(local)
    assert bytes_of(folder / "dataset") == bytes_of(local / "dataset")
    assert bytes_of(folder / "rejects") == bytes_of(local / "rejects")


def test_a_machine_without_glan_is_told_and_the_others_work(machines: Machines, command: CommandLine) -> None:
    """It has no worker, a notice says what to install there, and the run does without it."""
    hidden = machines.folder / "hidden" / "glan"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'glan'\", name='glan')\n")
    machines.start(PYTHONPATH=str(hidden.parent)).wait()
    with served() as server:
        command = command.told(base_url=f"http://{machines.host}:{server.port}/v1")
        folder = command.init("demo", pairs=60)
        begun = command.begin_run(folder, *engine(machines))
        paid(server, 5, begun)
        with held(server):
            until(lambda: "has no module" in (folder / "run.log").read_text(), LONG_S)
        ended = begun.end()
    assert ended.code == 0, ended.words
    assert "has no module 'glan'" in ended.out
    check_whole(folder, 60)
