"""Where the sandbox begins: namespaces are left, a user of its own is taken on, and the first process is started."""

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from glan.evaluate.jail import kernel, program, root
from glan.evaluate.jail.watch import Watch

_INSIDE = 1000
_OUTSIDE = 2_000_000_000
"""Beyond the users of any machine; the number of the process is added, so that no two sandboxes are one user."""
_USERS = 0x10000000
_FLAGS = {"mount": 0x20000, "process": 0x20000000, "network": 0x40000000, "ipc": 0x8000000, "host name": 0x4000000}


def main() -> None:
    """Read a job from stdin, a line of JSON, and write a line about it to stdout. Stdin stays open: its end is ours."""
    line = sys.stdin.buffer.readline()
    if not line:
        return
    job = json.loads(line)
    try:
        if job["limits"]["isolation"] == program.WEAK:
            _live_with(job["parent"])
            _watch(job, None)
        else:
            _be_first_of(job, _isolate(job["parent"]))
    except OSError as error:
        _tell({"refused": str(error.filename or "a user and a process of its own"), "number": error.errno})


def _tell(what: Mapping[str, object]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def _isolate(parent: int) -> Sequence[root.Source]:
    """Leave the namespaces of the machine, and become a user who owns nothing on it; return what stays in reach."""
    outside = _outside_ids()
    if outside[0] != os.geteuid():
        os.setgroups([])
    _leave_users(outside)
    for name, flag in _FLAGS.items():
        kernel.unshare(flag, name)
    sources = root.opened()
    os.setresgid(_INSIDE, _INSIDE, _INSIDE)
    os.setresuid(_INSIDE, _INSIDE, _INSIDE)
    kernel.set_dumpable(is_dumpable=True)
    _live_with(parent)
    return sources


def _live_with(parent: int) -> None:
    """End when the parent does, also where it has done so already."""
    kernel.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("Who started the sandbox is gone.")


def _leave_users(outside: tuple[int, int]) -> None:
    """Leave the machine's users; a process that stays behind says who we are among them."""
    start, started = os.pipe()
    helper = os.fork()
    if helper == 0:
        os.read(start, 1)
        os._exit(_write_maps(os.getppid(), outside))
    try:
        kernel.unshare(_USERS, "user")
    finally:
        os.write(started, b"1")
        number = os.waitstatus_to_exitcode(os.waitpid(helper, 0)[1])
    if number:
        raise OSError(number, os.strerror(number), "mapping of users")


def _outside_ids() -> tuple[int, int]:
    """Return the user and the group that the machine takes a program for: made-up ones, where we may choose."""
    made_up = _OUTSIDE + os.getpid()
    if os.geteuid() == 0 and all(_holds(kind, made_up) for kind in ("uid", "gid")):
        return made_up, made_up
    return os.geteuid(), os.getegid()


def _holds(kind: str, number: int) -> bool:
    lines = Path(f"/proc/self/{kind}_map").read_text(encoding="ascii").splitlines()
    ranges = [[int(each) for each in line.split()] for line in lines]
    return any(first <= number < first + length for first, _, length in ranges)


def _write_maps(process: int, outside: tuple[int, int]) -> int:
    """Say who a process is outside; return the number of the error that hinders it, or 0."""
    lines = {"setgroups": "deny", "uid_map": f"{_INSIDE} {outside[0]} 1", "gid_map": f"{_INSIDE} {outside[1]} 1"}
    try:
        for name, line in lines.items():
            Path(f"/proc/{process}/{name}").write_text(line, encoding="ascii")
    except OSError as error:
        return error.errno or 1
    return 0


def _be_first_of(job: Mapping[str, Any], sources: Sequence[root.Source]) -> None:
    """Start the first process of the namespace, with which all others end, and wait for it."""
    first = os.fork()
    if first:
        os.waitpid(first, 0)
        return
    kernel.die_with_parent(signal.SIGKILL)
    Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    processes = root.build(sources, disk_bytes=job["limits"]["disk_bytes"])
    kernel.give_up_privileges()
    _watch(job, processes)


def _watch(job: Mapping[str, Any], processes: int | None) -> None:
    """Run the program in a process of its own, and tell how it ended."""
    limits = job["limits"]
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    errors, written = os.pipe()
    watcher, child = os.getpid(), os.fork()
    if child == 0:
        _live_with(watcher)
        program.run(job["program"], its, written, limits)
    its.close()
    os.close(written)
    _tell(Watch(child, ours, errors, limits).run(processes))
    os._exit(0)
