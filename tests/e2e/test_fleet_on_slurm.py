"""The job scripts of docs/scale.md, with stand-ins for Slurm's and vLLM's commands: servers that come, go and die."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commandline import CommandLine, bytes_of, check_whole, set_in, simulated, until

from glan.teachers.ledger import Ledger
from glan.teachers.simulate import Simulated

SCRIPTS = Path(__file__).parents[2] / "docs" / "fleet"
PAIRS = 150
LATENCY_MS = 100
STAND_INS = {
    "vllm": f'exec {sys.executable} -m glan simulate --replies filler --size 400 --latency-ms {LATENCY_MS} --port "$4"',
    "hostname": "echo 127.0.0.1",
    "glan": f'exec {sys.executable} -m glan "$@"',
    "curl": f'exec {sys.executable} -c "import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=10)" "$5"',
}
"""For `vllm serve MODEL --port PORT`, and for `curl` where a machine has none."""

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

    def begin(number: int, script: str, *given: object) -> Job:
        environment = {**command.environment(), "SLURM_JOB_ID": str(number), "EVERY_S": "0.2", "LEAVE_S": "1"}
        environment |= {"PATH": f"{bin_}:{environment['PATH']}", "TMPDIR": str(tmp_path / "local")}
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


def test_a_run_takes_its_ledger_along(command: CommandLine, tmp_path: Path, begin_job: Callable[..., Job]) -> None:
    """A job that is told to end keeps a copy of the ledger; the next one, on another disk, pays for nothing twice."""
    with simulated(Simulated(latency_ms=20)) as server:
        folder, copy = command.init("data", pairs=PAIRS), tmp_path / "shared.sqlite"
        set_in(folder, "spec", f'"vllm/any@{server.base_url}"')
        set_in(folder, "max_in_flight", "4")
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
        folder, copy = command.init("data", pairs=5), tmp_path / "shared.sqlite"
        set_in(folder, "spec", f'"vllm/any@{server.base_url}"')
        set_in(folder, "max_in_flight", "4")
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


def replies_in_copy(path: Path) -> int:
    with Ledger.open(path, readonly=True) as ledger:
        return ledger.count()
