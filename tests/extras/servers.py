"""Other people's servers, each a process in an environment of its own, for as long as a test needs it."""

import http.client
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "served"
ENVIRONMENTS = Path(__file__).parents[2] / ".venv-extras"
_LONGEST_START_S = 180.0
_TAIL = 4_000
"""Characters of a log that a failed test shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A server that can be started."""

    name: str
    """Of its environment as well."""
    script: str
    folder: str
    """Where its model is, below the server's own folder."""
    model: str = ""
    """What it calls its model; the path of the folder unless given."""
    mark: str
    """What its log says of each reply that it gave."""
    is_pinned: bool = False
    """Whether it is told its model when it starts."""
    counts: bool = True
    """Whether it counts tokens."""


LLAMACPP = Kind(
    name="llamacpp", script="llamacpp_server.py", folder=".", model="nonsense", mark="slot      release: id"
)
_ACCESS = '"POST /v1/chat/completions HTTP/1.1" 200'
TRANSFORMERS = Kind(
    name="transformers", script="transformers_server.py", folder="nonsense", mark=_ACCESS, is_pinned=True
)
OLDER = Kind(name="transformers-older", script="transformers_server.py", folder="nonsense", mark=_ACCESS, counts=False)
KINDS = {kind.name: kind for kind in (LLAMACPP, TRANSFORMERS, OLDER)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server that is up."""

    kind: Kind
    port: int
    model: str
    log: Path
    process: "subprocess.Popen[bytes]"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"http://{self.host}/v1"

    @property
    def spec(self) -> str:
        return f"{self.model}@{self.base_url}"

    def replies(self) -> int:
        """Return how many replies it has given, as its own log says."""
        return self.told().count(self.kind.mark)

    def told(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """End it at once, as a lack of memory does."""
        self.process.kill()
        self.process.wait()

    def get(self, path: str) -> tuple[int, str]:
        """Return the status and the body of something that it shows."""
        return _get(self.port, path)


LOGS: dict[str, Path] = {}
"""The logs of the servers that were started last, for a test that fails."""


@contextmanager
def serving(kind: Kind, home: Path, *arguments: str, port: int | None = None) -> Iterator[Served]:
    """Start a server and wait until it is up; it ends with the block, and also where the tests are killed.

    A server that cannot be started is a failure with its log.
    """
    python = ENVIRONMENTS / kind.name / "bin" / "python"
    if not python.exists():
        pytest.fail(f"{python} is not there: `make test-extras` makes the environment of {kind.name}.")
    home.mkdir(exist_ok=True)
    folder = (home / kind.folder).resolve()
    port = port or _free_port()
    log = LOGS[kind.name] = home / "server.log"
    command = [str(python), str(SCRIPTS / kind.script), str(folder), str(port)]
    with _started([*command, *([str(folder)] if kind.is_pinned else []), *arguments], home, log) as process:
        try:
            _wait(process, port, log)
            yield Served(kind=kind, port=port, model=kind.model or str(folder), log=log, process=process)
        finally:
            process.kill()


def _started(command: Sequence[str], home: Path, log: Path) -> "subprocess.Popen[bytes]":
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    }
    with log.open("ab") as out:
        return subprocess.Popen(
            command, cwd=home, env=environment, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT
        )


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end_s = time.monotonic() + _LONGEST_START_S
    while _health(port) != 200:
        if process.poll() is not None:
            pytest.fail(f"The server ended with {process.returncode} before it was up.\n{tail(log)}")
        if time.monotonic() > end_s:
            pytest.fail(f"The server was not up after {_LONGEST_START_S:g} s.\n{tail(log)}")
        time.sleep(0.1)


def _health(port: int) -> int:
    try:
        return _get(port, "/health")[0]
    except OSError:
        return 0


def _get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]
