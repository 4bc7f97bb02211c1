"""A simulated server and a command line for each test that asks for them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import PAIRS, CommandLine, check_whole, ended_processes, replies_in, simulated

from glan.teachers.simulate import Server, Simulated


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """Leave no process behind, also where a test fails in the middle."""
    with ended_processes():
        yield


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has run to its end, undisturbed."""
    with simulated() as server:
        command = CommandLine(home=tmp_path_factory.mktemp("done"), base_url=server.base_url)
        folder = command.init("data")
        ended = command.run(folder)
        assert ended.code == 0, ended.words
        assert server.stats().paid == server.stats().received == replies_in(folder)
    check_whole(folder, PAIRS)
    return folder


@pytest.fixture
def project(done: Path, tmp_path: Path) -> Path:
    """A copy of it, to do something to."""
    return Path(shutil.copytree(done, tmp_path / "data"))


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that answers everything at once, with filler."""
    with simulated(Simulated()) as found:
        yield found


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    """A command line that knows no server."""
    return CommandLine(home=tmp_path, key=None)


@pytest.fixture
def command(tmp_path: Path, server: Server) -> CommandLine:
    """A command line that knows the server."""
    return CommandLine(home=tmp_path, base_url=server.base_url)
