"""Running programs that a model wrote, where they can harm nothing: docs/sandbox.md says what is held back, and how.

Each program has a fresh interpreter (`jail/`), which takes away from itself the network, the files and the processes
of the machine before it runs a line of it. Where that cannot be done nothing is run: there is an error that says why.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from glan.errors import SandboxError
from glan.records import Record

_MIB = 1 << 20
_GRACE_S = 30.0
"""How much longer than a program may take the whole sandbox may, before it is ended from outside."""
_AT_ONCE = 1 << 16
_ANSWER_BYTES = 1 << 24
_PACKAGE = Path(__file__).parents[1]
_START = """
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


class Limits(Record, frozen=True, kw_only=True):
    """What a program may take; each limit holds for one program with all processes that it starts."""

    wall_s: float = 30.0
    cpu_s: int = 10
    """Of processor time, for each process."""
    memory_bytes: int = 1024 * _MIB
    processes: int = 16
    """Threads count as well."""
    disk_bytes: int = 16 * _MIB
    """Of its folder, which is in memory and goes with it."""
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
    job = {"program": program, "limits": msgspec.to_builtins(limits), "parent": os.getpid()}
    answer = _answer(json.dumps(job).encode() + b"\n", time.monotonic() + limits.wall_s + _GRACE_S)
    if answer is None:
        return Outcome(status=Status.TIMED_OUT, exit_code=None, stderr="")
    if "refused" in answer:
        raise _refusal(answer)
    return msgspec.convert(answer, Outcome)


def run_all(programs: Iterable[str], limits: Limits, workers: int) -> list[Outcome]:
    """Run programs, so many at a time, and return what became of each, in their order."""
    with ThreadPoolExecutor(max_workers=workers) as pool:
        futures = [pool.submit(run, program, limits) for program in programs]
        try:
            return [future.result() for future in futures]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def probe(limits: Limits) -> None:
    """Raise a `SandboxError` where programs cannot be run; it costs as much as the shortest of them."""
    outcome = run("", limits)
    if not outcome.is_passed:
        raise SandboxError(f"The sandbox does not run an empty program: {outcome.status}. {outcome.stderr}")


def _answer(job: bytes, end: float) -> Mapping[str, Any] | None:
    """Return what the sandbox says of a job; None where it says nothing in time."""
    command = [sys.executable, "-P", "-s", "-S", "-B", "-X", "utf8", "-c", _START, str(_PACKAGE)]
    variables = {"PYTHONHASHSEED": "0"}
    with subprocess.Popen(  # noqa: S603 - our own program
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=variables,
        cwd="/",
        start_new_session=True,
    ) as process:
        try:
            said = _exchange(process, job, end)
        finally:
            process.kill()
    if said is None:
        return None
    try:
        return dict(json.loads(said))
    except ValueError as error:
        end_of = said[-2000:].decode("utf-8", "replace").strip()
        raise SandboxError(f"The sandbox ended without an outcome: {end_of or process.returncode}") from error


def _exchange(process: "subprocess.Popen[bytes]", job: bytes, end: float) -> bytes | None:
    """Hand in a job, and return all that is said until the other side closes; None where that is too late."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(job)
        process.stdin.flush()
    except BrokenPipeError:
        pass  # what it says tells why
    said = b""
    while len(said) <= _ANSWER_BYTES:
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return None
        data = os.read(process.stdout.fileno(), _AT_ONCE)
        if not data:
            return said
        said += data
    return said


def _refusal(answer: Mapping[str, Any]) -> SandboxError:
    return SandboxError(f"refused: {answer}")
