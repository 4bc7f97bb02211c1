"""The weak sandbox, for containers without namespaces, and what is said where nothing is run."""

import errno
import multiprocessing
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from glan.errors import SandboxError
from glan.evaluate.jail import calls
from glan.evaluate.refusals import CONTAINER, refusal, unfit
from glan.evaluate.sandbox import Isolation, Limits, Outcome, Status, probe, run

WEAK = Limits(isolation=Isolation.WEAK, cpu_s=20, wall_s=120.0)
FORBIDDING = """
import platform
from glan.errors import SandboxError
from glan.evaluate.jail import calls, kernel
from glan.evaluate.sandbox import Isolation, Limits, probe, run
kernel.forbid(calls.filter_of(platform.machine(), is_alone=False))
try:
    probe(Limits())
except SandboxError as error:
    print(error, error.hint, sep="\\n")
print(run("import os", Limits(isolation=Isolation.WEAK)).status)
"""
"""A machine as a container is: its filter allows no namespaces, and what is started in it has that filter."""


def failed(program: str, said: str) -> Outcome:
    outcome = run(program, WEAK)
    assert outcome.status is Status.FAILED, outcome
    assert said in outcome.stderr, outcome
    return outcome


def test_programs_run_in_a_weak_sandbox() -> None:
    """A program that computes passes, whatever of the standard library it imports, and so do threads."""
    for program in (
        "import asyncio, ctypes, decimal, hashlib, json, lzma, re, sqlite3, ssl\nasyncio.run(asyncio.sleep(0))",
        "import threading\nthread = threading.Thread(target=print)\nthread.start()\nthread.join()",
        "import os, sys\nprint(open(os.__file__).read())\nassert sys.stdin.read() == ''",
    ):
        assert run(program, WEAK).is_passed, program
    failed("assert 1 == 2", "AssertionError")
    failed("import os\nos._exit(0)", "")


def test_a_weak_sandbox_bounds_time_and_memory() -> None:
    """A loop, a sleep and a hog are ended."""
    short = Limits(isolation=Isolation.WEAK, cpu_s=1, wall_s=5.0, memory_bytes=1 << 28)
    assert run("while True: pass", short).status is Status.TIMED_OUT
    assert run("import time\ntime.sleep(1000)", short).status is Status.TIMED_OUT
    assert run("x = bytearray(1 << 29)", short).status is Status.OUT_OF_MEMORY
    raised = "import resource\ntry: resource.setrlimit(resource.RLIMIT_AS, (-1, -1))\nexcept ValueError: pass\n"
    assert run(raised + "x = bytearray(1 << 29)", short).status is Status.OUT_OF_MEMORY


def test_a_weak_sandbox_holds_one_process(tmp_path: Path) -> None:
    """There is no other process, no signal, no connection, no change of a file, and nothing of the user is read."""
    kept = tmp_path / "kept"
    kept.write_text("a planted secret", encoding="utf-8")
    for program in (
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.execv('/bin/true', ['true'])",
        f"os.kill({os.getpid()}, 0)",
        "os.kill(-1, 9)",
        "os.setsid()",
        f"open({str(kept)!r}, 'a')",
        f"os.truncate({str(kept)!r}, 0)",
        f"os.unlink({str(kept)!r})",
        f"os.rename({str(kept)!r}, {str(kept)!r} + '2')",
        f"os.mkdir({str(tmp_path / 'made')!r})",
        f"os.chmod({str(kept)!r}, 0)",
        f"open({str(kept)!r})",
        "open('/etc/passwd')",
        "open(f'/proc/{os.getppid()}/environ')",
        "os.listdir('/')",
    ):
        failed(f"import os\n{program}", "PermissionError")
    assert kept.read_text(encoding="utf-8") == "a planted secret"
    assert list(tmp_path.iterdir()) == [kept]
    with socket.create_server(("127.0.0.1", 0)) as server:
        failed(f"import socket\nsocket.create_connection({server.getsockname()!r})", "PermissionError")


def test_every_call_that_a_weak_sandbox_forbids_is_refused() -> None:
    """The kernel refuses each call of both tables, by its number on this machine."""
    column = calls.MACHINES.index(platform.machine())
    both = {**calls.FORBIDDEN, **calls.FORBIDDEN_ALONE}
    numbers = {name: found[column] for name, found in both.items() if found[column] is not None}
    program = (
        f"import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nfor name, number in {numbers}.items():\n"
        "    ctypes.set_errno(0)\n"
        "    assert (libc.syscall(number, 0, 0, 0, 0, 0, 0), ctypes.get_errno()) == (-1, 13), name\n"
    )
    outcome = run(program, WEAK)
    assert outcome.is_passed, outcome


def test_a_weak_program_cannot_outlive_who_started_it() -> None:
    """A program ends with who runs it, who may be killed, and may not take that back."""
    program = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nassert libc.prctl(1, 0, 0, 0, 0) == -1"
    assert run(program, WEAK).is_passed
    process = multiprocessing.get_context("spawn").Process(target=run, args=("while True: pass", WEAK))
    process.start()
    below: list[psutil.Process] = []
    while len(below) < 2:
        assert process.is_alive()
        below = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    _, alive = psutil.wait_procs(below, timeout=60)
    assert alive == []


def test_where_no_namespaces_are_allowed_nothing_is_run() -> None:
    """In a container whose filter forbids namespaces the sandbox refuses, says why, and the weak one works."""
    done = subprocess.run([sys.executable, "-c", FORBIDDING], capture_output=True, text=True, check=False, timeout=300)
    said, hint, status = done.stdout.splitlines()
    assert said.startswith(
        "The sandbox cannot be made on this machine, so no program of a model is run: unshare(user): "
    )
    assert said.endswith(f"{os.strerror(errno.EACCES)}.")
    assert CONTAINER in hint
    assert "--sandbox weak" in hint
    assert status == "passed"


@pytest.mark.parametrize(
    ("tried", "number", "expected"),
    [
        ("unshare(user)", errno.ENOSPC, "allow none"),
        ("unshare(user)", errno.EPERM, "max_user_namespaces"),
        ("mapping of users", errno.EPERM, "apparmor_restrict_unprivileged_userns"),
        ("mount(proc)", errno.EPERM, "systempaths=unconfined"),
        ("pivot_root", errno.EPERM, "seccomp=unconfined"),
        ("/home/ann/python/lib", errno.EACCES, "a Python that every user may read"),
        ("a user and a process of its own", errno.EPERM, "run it as an ordinary user"),
    ],
)
def test_a_refusal_names_what_was_tried_and_the_way_out(tried: str, number: int, expected: str) -> None:
    """The sentence has what the kernel refused, and its hint what a person can do."""
    error = refusal(tried, number)
    assert isinstance(error, SandboxError)
    assert f": {tried}: " in str(error)
    assert expected in f"{error} {error.hint}"


@pytest.mark.skipif(os.geteuid() != 0, reason="who runs the tests cannot make such containers")
@pytest.mark.parametrize(
    ("before", "tried"),
    [
        ("echo 0 > /proc/sys/user/max_user_namespaces", "unshare(user): the kernel has been told to allow none."),
        ("mount -t tmpfs none /proc/sys", "mount(proc): Operation not permitted."),
    ],
    ids=["no namespaces", "a masked /proc"],
)
def test_containers_that_allow_too_little(before: str, tried: str) -> None:
    """In a container that may make no namespaces, or whose `/proc` is masked as Docker's is, nothing is run."""
    command = ["unshare", "--mount", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "sh", "-c"]
    program = "from glan.evaluate.sandbox import Limits, probe; probe(Limits())"
    line = f'{before} && exec "{sys.executable}" -c "{program}"'
    done = subprocess.run([*command, line], capture_output=True, text=True, check=False, timeout=300)
    assert done.stderr.splitlines()[-1].endswith(tried), done.stderr


def test_machines_that_the_sandbox_does_not_know() -> None:
    """On another system, or another processor, nothing is run in either sandbox."""
    assert "darwin" in str(unfit("darwin", "arm64"))
    assert "riscv64" in str(unfit("linux", "riscv64"))
    assert [unfit("linux", machine) for machine in calls.MACHINES] == [None, None]


def test_the_probe_passes_here() -> None:
    """Where programs can be run the probe says nothing."""
    probe(Limits())
    probe(WEAK)


def test_filters_are_whole() -> None:
    """Each filter is instructions of eight bytes, within what the kernel takes, and no jump leaves it."""
    for machine in calls.MACHINES:
        for is_alone in (False, True):
            code = calls.filter_of(machine, is_alone=is_alone)
            assert len(code) % 8 == 0
            count = len(code) // 8
            assert count < 4096
            jumps = [max(code[8 * i + 2], code[8 * i + 3]) for i in range(count - 1)]
            assert all(i + 1 + jump < count for i, jump in enumerate(jumps))
    assert platform.machine() in calls.MACHINES
