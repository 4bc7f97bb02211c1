"""The command line as a user has it: a process of its own, in a home of its own, told where a simulated server is."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pyarrow.parquet import read_table

import glan
from glan.project import Project
from glan.teachers.base import Teacher
from glan.teachers.filler import Filler
from glan.teachers.ledger import Ledger
from glan.teachers.simulate import Server, Simulated, running

TEACHER = "openai/any"
KEY = "sk-e2e-0123456789abcdef"
"""What no output and no file may hold."""
PAIRS = 50
DISCIPLINES = "Astronomy,Physics,History"
_LONGEST_S = 150.0
_SOURCE = Path(glan.__file__).parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A command that has ended. No command ever shows a traceback, the key, or escape codes without a terminal."""

    code: int
    out: str
    err: str
    took_s: float = 0.0

    def __post_init__(self) -> None:
        for wrong in ("Traceback", KEY, "\x1b"):
            assert wrong not in self.words, self.words

    @property
    def words(self) -> str:
        return f"{self.out}\n{self.err}"

    @property
    def json(self) -> Any:  # noqa: ANN401 - a document is whatever the command printed
        return json.loads(self.out)


BEGUN: list[subprocess.Popen[str]] = []
"""Every process that a test has started; what still runs at its end is killed."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A command that goes on."""

    process: subprocess.Popen[str]
    begun_s: float = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        return self.process.poll() is not None

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, timeout_s: float = _LONGEST_S) -> Ended:
        """Wait until it has ended by itself; one that does not is killed, and the test with it."""
        try:
            out, err = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            raise AssertionError(f"It still ran after {timeout_s:g} s.\n{out}\n{err}") from None
        took_s = time.monotonic() - self.begun_s
        return Ended(code=self.process.returncode, out=out, err=err, took_s=took_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """`glan` with an environment of which nothing is the user's."""

    home: Path
    base_url: str | None = None
    key: str | None = KEY
    max_file_bytes: int | None = None
    """The longest file that the command may write, as on a disk that is nearly full."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Further variables of its environment."""

    def __call__(self, *arguments: object) -> Ended:
        """Run a command to its end."""
        return self.begin(*arguments).end()

    def begin(self, *arguments: object) -> Begun:
        """Start a command."""
        given = [str(argument) for argument in arguments]
        process = subprocess.Popen(
            self._limited([sys.executable, "-m", "glan", *given]),
            cwd=self.home,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        BEGUN.append(process)
        return Begun(process)

    def told(self, **changes: Any) -> "CommandLine":  # noqa: ANN401 - as `replace` takes them
        return replace(self, **changes)

    def init(self, name: str, *, pairs: int = PAIRS, disciplines: str = DISCIPLINES) -> Path:
        """Make a project, as `glan init` does; in this process, since that is ten times as fast."""
        return Project.create(
            self.home / name, taxonomy="paper", pairs=pairs, disciplines=disciplines.split(",")
        ).folder

    def run(self, folder: Path, *arguments: object) -> Ended:
        return self("run", "--project", folder, "--teacher", TEACHER, *arguments)

    def begin_run(self, folder: Path, *arguments: object) -> Begun:
        return self.begin("run", "--project", folder, "--teacher", TEACHER, *arguments)

    def environment(self) -> dict[str, str]:
        found = {"PATH": os.defpath, "HOME": str(self.home), "LANG": "C.UTF-8", "PYTHONPATH": str(_SOURCE)}
        if self.max_file_bytes is not None:
            found["PYTHONDONTWRITEBYTECODE"] = "1"  # Python would leave the first half of what it compiles
        if self.base_url is not None:
            found["OPENAI_BASE_URL"] = self.base_url
        if self.key is not None:
            found["OPENAI_API_KEY"] = self.key
        return {**found, **self.variables}

    def _limited(self, command: Sequence[str]) -> list[str]:
        if self.max_file_bytes is None:
            return list(command)
        # `ulimit -f` counts blocks of 512 bytes in a POSIX shell; what is longer fails to be written.
        script = f'trap "" XFSZ; ulimit -f {self.max_file_bytes // 512}; exec "$@"'
        return ["/bin/sh", "-c", script, "sh", *command]


@contextmanager
def simulated(settings: Simulated | None = None, teacher: Teacher | None = None, *, port: int = 0) -> Iterator[Server]:
    """Run a simulated server in a thread until the block is left."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        server = runner.run(
            stack.enter_async_context(running(settings or Simulated(), teacher or Filler(size=400), port=port))
        )
        try:
            yield server
        finally:
            runner.run(stack.aclose())


def port_of(server: Server) -> int:
    return int(server.base_url.removesuffix("/v1").rpartition(":")[2])


def until(is_so: Callable[[], bool], timeout_s: float = 120.0) -> None:
    """Wait until something is so; a machine with other work may take its time."""
    end_s = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end_s, "It never came to that."
        time.sleep(0.001)


def ids_of(folder: Path) -> list[str]:
    """Return the ids of the rows of a project, in their order."""
    train = folder / "dataset" / "train"
    return [row for path in sorted(train.glob("*.parquet")) for row in read_table(path)["id"].to_pylist()]


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def set_in(folder: Path, name: str, value: str) -> None:
    """Set something in glan.toml that stands there with its default."""
    path = folder / "glan.toml"
    text, changed = re.subn(rf"(?m)^(# )?{name} =.*$", f"{name} = {value}", path.read_text(encoding="utf-8"), count=1)
    assert changed
    path.write_text(text, encoding="utf-8")


def manifest_of(folder: Path) -> Any:  # noqa: ANN401 - a document
    return json.loads((folder / "manifest.json").read_bytes())


def replies_in(folder: Path) -> int:
    """Return how many replies and failures the ledger of a project has."""
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        return ledger.count()


def check_whole(folder: Path, rows: int) -> None:
    """See that a project has so many rows, that its manifest adds up, and that nothing half-made lies about."""
    manifest = manifest_of(folder)
    slots = manifest["slots"]
    ids = ids_of(folder)
    assert len(ids) == len(set(ids)) == rows == slots["pairs"]
    assert slots["decided"] == slots["pairs"] + slots["rejects"] + slots["failures"]
    assert sum(found["slots"] for found in manifest["reasons"]) == slots["rejects"] + slots["failures"]
    assert sum(shard["rows"] for shard in manifest["shards"]) == rows
    rejected = sum(read_table(path).num_rows for path in (folder / "rejects").glob("*.parquet"))
    assert rejected == slots["rejects"] + slots["failures"]
    left = [path.name for path in folder.iterdir() if path.suffix in {".tmp", ".part"} or path.name == ".old"]
    assert not left


@contextmanager
def ended_processes() -> Iterator[None]:
    """Kill what the block has begun and left running."""
    yield
    for process in BEGUN:
        if process.returncode is None:
            process.kill()
            process.communicate()
    BEGUN.clear()


def gone(begun: Begun) -> None:
    """Kill a process at once, as a power cut does."""
    with contextlib.suppress(ProcessLookupError):
        begun.send(signal.SIGKILL)
    begun.process.communicate()
