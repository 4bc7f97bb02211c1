"""The job scripts of docs/scale.md, with stand-ins for Slurm's and vLLM's commands: servers that come, go and die."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from commandline import CommandLine, bytes_of, check_whole, set_in, simulated, until

from glan.teachers.ledger import Ledger
from glan.teachers.simulate import Server, Simulated

SCRIPTS = Path(__file__).parents[2] / "docs" / "fleet"
PAIRS = 150
LATENCY_MS = 100
BROKEN = "broken"
STAND_INS = {
    "vllm": f'[ "$2" = {BROKEN} ] && exit 7\n'
    f'exec {sys.executable} -m glan simulate --replies filler --size 400 --latency-ms {LATENCY_MS} --port "$4"',
    "hostname": "echo 127.0.0.1",
    "glan": f'[ "$2" = backup ] && while [ -e "$TMPDIR/held" ]; do touch "$TMPDIR/waits"; sleep 0.1; done\n'
    f'exec {sys.executable} -m glan "$@"',
    "curl": "for url; do :; done\n"
    f'exec {sys.executable} -c "import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=10)" "$url"',
}
"""For `vllm serve MODEL --port PORT`, for a copy of the ledger that takes as long as it is held, and for `curl` where a
machine has none."""

Job = subprocess.Popen[bytes]


@pytest.fixture
def command(tmp_path: Path) -> CommandLine:
    return CommandLine(home=tmp_path)


@pytest.fixture
def begin_job(tmp_path: Path, command: CommandLine) -> Iterator[Callable[..., Job]]:
    """Begin a job of a number as Slurm does; what is left of it is killed at the end."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    for name, line in STAND_INS.items():
        (bin_ / name).write_text(f"#!/bin/sh\n{line}\n")
        (bin_ / name).chmod(0o755)
    jobs: list[Job] = []

    def begin(number: int, script: str, *given: object, node: str = "local", **variables: str) -> Job:
        environment = {**command.environment(), "SLURM_JOB_ID": str(number), "EVERY_S": "0.2", "LEAVE_S": "1"}
        environment |= {"PATH": f"{bin_}:{environment['PATH']}", "TMPDIR": str(tmp_path / node), **variables}
        line = ["bash", str(SCRIPTS / script), *map(str, given)]
        with (tmp_path / f"{number}.log").open("wb") as log:
            jobs.append(
                subprocess.Popen(line, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
            )
        return jobs[-1]

    yield begin
    for job in jobs:
        killed(job)


def killed(job: Job) -> None:
    """Kill a job with its server, as a node that fails does."""
    try:
        os.killpg(job.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        job.wait()


def url_of(number: int) -> str:
    return f"http://127.0.0.1:{20_000 + number % 10_000}/v1"


@pytest.mark.long
def test_servers_of_a_fleet_come_go_and_die(
    command: CommandLine, tmp_path: Path, begin_job: Callable[..., Job]
) -> None:
    """One is killed, one leaves in good order, a third comes: no pair fails, and the bytes are those of one server."""
    with simulated() as server:
        alone = command.init("alone/data", pairs=PAIRS)
        assert command("run", "--project", alone, "--teacher", f"vllm/any@{server.base_url}").code == 0
    servers = tmp_path / "servers.txt"

    def listed() -> set[str]:
        return {*servers.read_text().split()} if servers.exists() else set()

    first = begin_job(7_001, "serve.sh", "any", servers)
    second = begin_job(7_002, "serve.sh", "any", servers)
    until(lambda: listed() == {url_of(7_001), url_of(7_002)})
    folder = command.init("data", pairs=PAIRS)
    set_in(folder, "spec", '"vllm/any"')
    set_in(folder, "base_urls_file", f'"{servers}"')
    going = command.begin("run", "--project", folder, "--max-in-flight", 2)
    status = folder / "status.json"
    until(lambda: status.exists() and json.loads(status.read_bytes())["asked"]["questions"] > 0)
    killed(first)
    second.send_signal(signal.SIGTERM)
    assert second.wait(60) == 0
    assert url_of(7_002) not in listed()
    assert not going.is_over
    begin_job(7_003, "serve.sh", "any", servers)
    until(lambda: url_of(7_003) in listed())
    ended = going.end()
    assert ended.code == 0, ended.words
    check_whole(folder, PAIRS)
    assert bytes_of(folder / "dataset") == bytes_of(alone / "dataset")
    assert url_of(7_003).removesuffix("/v1").removeprefix("http://") in (folder / "run.log").read_text()


def slow_project(command: CommandLine, server: Server, pairs: int) -> Path:
    """Make a project that asks one server, a few requests at a time, so that a job of it can be met half-way."""
    folder = command.init("data", pairs=pairs)
    set_in(folder, "spec", f'"vllm/any@{server.base_url}"')
    set_in(folder, "max_in_flight", "4")
    return folder


def test_a_run_takes_its_ledger_along(command: CommandLine, tmp_path: Path, begin_job: Callable[..., Job]) -> None:
    """A job that is told to end keeps a copy of the ledger; the next one, on another disk, pays for nothing twice."""
    with simulated(Simulated(latency_ms=20)) as server:
        folder, copy = slow_project(command, server, PAIRS), tmp_path / "shared.sqlite"
        job = begin_job(8_001, "run.sh", folder, copy)
        until(lambda: server.stats().paid > PAIRS)
        job.send_signal(signal.SIGTERM)
        assert job.wait(120) == 130, (tmp_path / "8001.log").read_text()
        paid = server.stats().paid
        assert replies_in_copy(copy) == paid
        assert begin_job(8_002, "run.sh", folder, copy).wait(120) == 0, (tmp_path / "8002.log").read_text()
        assert server.stats().repeats == 0
        assert replies_in_copy(copy) == server.stats().paid > paid
    check_whole(folder, PAIRS)


def test_a_job_that_is_begun_again_where_it_was_goes_on_with_its_ledger(
    command: CommandLine, tmp_path: Path, begin_job: Callable[..., Job]
) -> None:
    """The older copy does not take the place of its ledger, so only what was in flight is asked for twice."""
    with simulated(Simulated(latency_ms=20)) as server:
        folder, copy = slow_project(command, server, 5), tmp_path / "shared.sqlite"
        assert begin_job(8_003, "run.sh", folder, copy).wait(120) == 0, (tmp_path / "8003.log").read_text()
        set_in(folder, "pairs", str(PAIRS))
        before = server.stats().paid
        job = begin_job(8_004, "run.sh", folder, copy)
        until(lambda: server.stats().paid > before + PAIRS)
        killed(job)
        assert replies_in_copy(copy) == before
        assert begin_job(8_004, "run.sh", folder, copy).wait(120) == 0, (tmp_path / "8004.log").read_text()
        assert server.stats().repeats <= 4
    check_whole(folder, PAIRS)


def test_a_copy_that_cannot_be_read_ends_the_job_before_anything_is_paid_for(
    command: CommandLine, tmp_path: Path, begin_job: Callable[..., Job]
) -> None:
    """Nothing is asked anew because of it, and it is as it was."""
    with simulated() as server:
        folder, copy = command.init("data", pairs=5), tmp_path / "shared.sqlite"
        set_in(folder, "spec", f'"vllm/any@{server.base_url}"')
        copy.write_bytes(b"")
        assert begin_job(8_005, "run.sh", folder, copy).wait(120) == 1
        assert server.stats().received == 0
    assert copy.read_bytes() == b""


def test_a_server_that_does_not_start_is_no_success(tmp_path: Path, begin_job: Callable[..., Job]) -> None:
    """The job ends as vLLM did, so that Slurm shows it as failed, and its server is in no list."""
    assert begin_job(7_004, "serve.sh", BROKEN, tmp_path / "servers.txt").wait(60) == 7
    assert (tmp_path / "servers.txt").read_text() == ""


@pytest.mark.long
def test_a_job_is_told_to_end_while_a_copy_is_made(
    command: CommandLine, tmp_path: Path, begin_job: Callable[..., Job]
) -> None:
    """The run stops at once, however long the copy takes, and the last copy has all that was paid for."""
    local, copy = tmp_path / "local", tmp_path / "shared.sqlite"
    local.mkdir()
    with simulated(Simulated(latency_ms=20)) as server:
        folder = slow_project(command, server, 100 * PAIRS)
        (local / "held").touch()
        job = begin_job(8_006, "run.sh", folder, copy, KEEP_EVERY_S="0")
        until(lambda: (local / "waits").exists() and server.stats().paid > 0)
        job.send_signal(signal.SIGTERM)
        until(lambda: '"run ended"' in (folder / "run.log").read_text())
        (local / "held").unlink()
        assert job.wait(120) == 130, (tmp_path / "8006.log").read_text()
        assert replies_in_copy(copy) == server.stats().paid
    assert not (local / "glan-8006").exists(), "What is in the copy takes no more room on the node."


@pytest.mark.long
def test_a_job_that_comes_back_to_a_node_takes_what_it_made_elsewhere(
    command: CommandLine, tmp_path: Path, begin_job: Callable[..., Job]
) -> None:
    """Killed on one node before a copy, gone on on another, and begun on the first again: nothing is paid twice."""
    with simulated(Simulated(latency_ms=20)) as server:
        folder, copy = slow_project(command, server, PAIRS), tmp_path / "shared.sqlite"
        job = begin_job(8_007, "run.sh", folder, copy)
        until(lambda: server.stats().paid > PAIRS)
        killed(job)
        assert begin_job(8_007, "run.sh", folder, copy, node="other").wait(120) == 0, (
            tmp_path / "8007.log"
        ).read_text()
        repeats, made = server.stats().repeats, replies_in_copy(copy)
        assert replies_in_copy(tmp_path / "local" / "glan-8007" / "ledger.sqlite") < made
        set_in(folder, "pairs", str(PAIRS + 5))
        assert begin_job(8_007, "run.sh", folder, copy).wait(120) == 0, (tmp_path / "8007.log").read_text()
        assert server.stats().repeats == repeats
        assert replies_in_copy(copy) > made
    check_whole(folder, PAIRS + 5)


@pytest.mark.long
def test_a_run_waits_for_the_first_server_of_the_list(
    command: CommandLine, tmp_path: Path, begin_job: Callable[..., Job]
) -> None:
    """Begun at the same time as the servers, which load their models for minutes, it begins when one answers."""
    servers = tmp_path / "servers.txt"
    folder = command.init("data", pairs=5)
    set_in(folder, "spec", '"vllm/any"')
    set_in(folder, "base_urls_file", f'"{servers}"')
    job = begin_job(8_008, "run.sh", folder, tmp_path / "shared.sqlite", servers)
    until(lambda: [process.name() for process in psutil.Process(job.pid).children()] == ["sleep"])
    with simulated() as server:
        servers.write_text(f"{server.base_url}\n")
        assert job.wait(120) == 0, (tmp_path / "8008.log").read_text()
    check_whole(folder, 5)


def replies_in_copy(path: Path) -> int:
    with Ledger.open(path, readonly=True) as ledger:
        return ledger.count()
