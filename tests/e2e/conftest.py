"""A simulated server and a command line for each test that asks for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import CommandLine, simulated

from glan.teachers.simulate import Server, Simulated


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
