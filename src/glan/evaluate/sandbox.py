"""Running programs that a model wrote, where they can harm nothing: docs/sandbox.md says what is held back, and how.

Each program has a fresh interpreter (`jail/`), which takes away from itself the network, the files and the processes
of the machine before it runs a line of it. Where that cannot be done nothing is run: there is an error that says why.
"""

import json
import os
import platform
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import IO, cast

import msgspec

from glan.errors import SandboxError
from glan.evaluate.refusals import refusal, unfit
from glan.records import Record

_MIB = 1 << 20
_GRACE_S = 30.0
"""How much longer than a program may take the whole sandbox may, before it is ended from outside."""
_AT_ONCE = 1 << 16
_BETWEEN_S = 0.5
_SHOWN_BYTES = 2000
_PACKAGE = Path(__file__).parents[1]
START = """
import sys, types
for name in ("glan", "glan.evaluate"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [sys.argv[1] + name.removeprefix("glan").replace(".", "/")]
from glan.evaluate.jail.start import main
main()
"""
"""The packages are not run, since they need more than the standard library; only what `jail` imports of them is."""


class Status(StrEnum):
    """How a program ended."""

    PASSED = "passed"
    """It ran to its last line."""
    FAILED = "failed"
    """It raised, crashed, or ended itself before its last line."""
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"


class Isolation(StrEnum):
    """How a program is held."""

    FULL = "full"
    """Namespaces, limits and a filter: it reaches nothing of this machine but the standard library."""
    WEAK = "weak"
    """Limits and a filter, for a container that is thrown away: it may read what its user may read."""


class Limits(Record, frozen=True, kw_only=True):
    """What a program may take; each limit holds for one program with all processes that it starts."""

    isolation: Isolation = Isolation.FULL
    wall_s: float = 30.0
    cpu_s: int = 10
    """Of processor time, for each process."""
    memory_bytes: int = 1024 * _MIB
    processes: int = 16
    """Threads count as well. In a weak sandbox there is one process, and its memory bounds its threads."""
    disk_bytes: int = 16 * _MIB
    """Of its folder, which is in memory and goes with it; a weak sandbox has none, and writes nothing."""
    file_bytes: int = 8 * _MIB
    stderr_bytes: int = 4096
    """How much of the end of its stderr is kept."""


class Outcome(Record, frozen=True, kw_only=True):
    """What became of a program."""

    status: Status
    exit_code: int | None
    """Minus the number of a signal that ended it; None where the sandbox did."""
    stderr: str
    """The end of what it wrote there. A program wrote it: it may hold anything."""

    @property
    def is_passed(self) -> bool:
        return self.status is Status.PASSED


def run(program: str, limits: Limits) -> Outcome:
    """Run a Python program. A `SandboxError` says that this machine cannot hold it, and then nothing was run."""
    return _run(program, limits, threading.Event())


def run_all(programs: Iterable[str], limits: Limits, workers: int) -> list[Outcome]:
    """Run programs, so many at a time, and return what became of each, in their order."""
    stop = threading.Event()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        futures = [pool.submit(_run, program, limits, stop) for program in programs]
        try:
            return [future.result() for future in futures]
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)


def probe(limits: Limits) -> None:
    """Raise a `SandboxError` where programs cannot be run; it costs as much as the shortest of them."""
    outcome = run("", limits)
    if not outcome.is_passed:
        raise SandboxError(f"The sandbox does not run an empty program: {outcome.status}. {outcome.stderr}")


def _run(program: str, limits: Limits, stop: threading.Event) -> Outcome:
    if problem := unfit(sys.platform, platform.machine()):
        raise problem
    job = {"program": program, "limits": msgspec.to_builtins(limits), "parent": os.getpid()}
    with _started() as process:
        try:
            said = _exchange(process, job, time.monotonic() + limits.wall_s + _GRACE_S, stop)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if said is None:
        return Outcome(status=Status.TIMED_OUT, exit_code=None, stderr="")
    try:
        answer = json.loads(said.strip().rpartition(b"\n")[2])  # an interpreter may warn before
    except ValueError as error:
        shown = said[-_SHOWN_BYTES:].decode("utf-8", "replace").strip()
        raise SandboxError(f"The sandbox ended without an outcome: {shown or 'it said nothing'}") from error
    if "refused" in answer:
        raise refusal(answer["refused"], answer["number"])
    return msgspec.convert(answer, Outcome)


def _started() -> "subprocess.Popen[bytes]":
    """Start an interpreter that knows the standard library alone, and none of our variables."""
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-P", "-s", "-S", "-B", "-X", "utf8", "-c", START, str(_PACKAGE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PYTHONHASHSEED": "0"},
        cwd="/",
        start_new_session=True,
    )


def _exchange(
    process: "subprocess.Popen[bytes]", job: Mapping[str, object], end: float, stop: threading.Event
) -> bytes | None:
    """Hand in a job, and return all that is said until the other side closes; None where that is too late."""
    to, of = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    with suppress(BrokenPipeError):  # what it says tells why
        to.write(json.dumps(job).encode() + b"\n")
        to.flush()
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(of, selectors.EVENT_READ)
        while not stop.is_set() and time.monotonic() < end:
            if selector.select(_BETWEEN_S):
                data = os.read(of.fileno(), _AT_ONCE)
                if not data:
                    return said
                said += data
    return None
