"""A cluster, a simulated server that its machines reach, and a command line that joins them."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from commandline import CommandLine, ended_processes
from extras.clusters.machines import Machines, clustered

_SERVER = Path(__file__).parent / "cluster_server.py"


@dataclass(frozen=True, slots=True)
class Served:
    """A server in a process of its own, which can be made to wait."""

    process: subprocess.Popen[str]
    port: int

    @property
    def stats(self) -> Any:  # noqa: ANN401 - a document
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/stats")
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


@contextmanager
def served(key: str = "") -> Iterator[Served]:
    """Serve until the block is left."""
    process = subprocess.Popen([sys.executable, str(_SERVER)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdin.write(f"{key}\n")
        process.stdin.flush()
        url = process.stdout.readline()
        yield Served(process, int(url.strip().removesuffix("/v1").rpartition(":")[2]))
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """Leave no command behind, also where a test fails in the middle."""
    with ended_processes():
        yield


@pytest.fixture(scope="session")
def machines() -> Iterator[Machines]:
    """A cluster with a head, which has one CPU to give."""
    with clustered() as found:
        found.start().wait()
        yield found


@pytest.fixture
def command(tmp_path: Path, machines: Machines) -> CommandLine:
    """A command line without a key that may join the cluster."""
    return CommandLine(home=tmp_path, key=None, variables=machines.variables)
