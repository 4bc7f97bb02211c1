"""The servers, started once for all tests, and a command line for each test."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from commandline import CommandLine, ended_processes
from extras.servers import KINDS, LOGS, Served, serving, tail


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """Leave no process behind, also where a test fails in the middle."""
    with ended_processes():
        yield


class _Servers(Mapping[str, Served]):
    """Each server from its first use on."""

    def __init__(self, stack: ExitStack, home: Path) -> None:
        self._stack = stack
        self._home = home
        self._served: dict[str, Served] = {}

    def __getitem__(self, name: str) -> Served:
        if name not in self._served:
            self._served[name] = self._stack.enter_context(serving(KINDS[name], self._home / name))
        return self._served[name]

    def __iter__(self) -> Iterator[str]:
        return iter(KINDS)

    def __len__(self) -> int:
        return len(KINDS)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Served]]:
    """Every server by its name; the first test that wants one waits for it."""
    with ExitStack() as stack:
        yield _Servers(stack, tmp_path_factory.mktemp("servers"))


@pytest.fixture(params=sorted(KINDS))
def served(request: pytest.FixtureRequest, servers: Mapping[str, Served]) -> Served:
    """Each server in turn."""
    return servers[request.param]


@pytest.fixture
def llamacpp(servers: Mapping[str, Served]) -> Served:
    return servers["llamacpp"]


@pytest.fixture
def transformers(servers: Mapping[str, Served]) -> Served:
    return servers["transformers"]


@pytest.fixture
def older(servers: Mapping[str, Served]) -> Served:
    return servers["transformers-older"]


@pytest.fixture
def command(tmp_path: Path) -> CommandLine:
    """A command line without a key."""
    return CommandLine(home=tmp_path, key=None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of each server's log beside a failure."""
    report = yield
    if report.failed:
        report.sections += [(f"Log of {name}", tail(log)) for name, log in LOGS.items() if log.exists()]
    return report
