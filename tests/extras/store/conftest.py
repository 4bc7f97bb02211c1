"""A bucket for each test, and a project that has run to its end."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import KEY, CommandLine, set_in, simulated
from extras.store.buckets import S3, s3_server


@pytest.fixture
def s3() -> Iterator[S3]:
    """A server with one empty bucket."""
    with s3_server() as found:
        yield found


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with 60 pairs in twelve files of rows."""
    with simulated() as server:
        command = CommandLine(home=tmp_path_factory.mktemp("done"), base_url=server.base_url)
        folder = command.init("data", pairs=60)
        set_in(folder, "shard_rows", "5")
        ended = command.run(folder)
        assert ended.code == 0, ended.words
    return folder


@pytest.fixture
def made(done: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(done, tmp_path / "data"))


@pytest.fixture
def glan(tmp_path: Path, s3: S3) -> CommandLine:
    """A command line that knows the server's keys, of which no output may show the secret one."""
    return CommandLine(home=tmp_path, key=None, variables=s3.variables(KEY))
