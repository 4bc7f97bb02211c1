"""Where the sandbox begins: namespaces are left, a user of its own is taken on, and the first process is started."""

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

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
        sources = _isolate(job["parent"])
    except OSError as error:
        _tell(_refused(error))
        return
    first = os.fork()
    if first == 0:
        _be_first(job, sources)
    os.waitpid(first, 0)


def _refused(error: OSError) -> Mapping[str, object]:
    return {"refused": str(error.filename or "fork"), "number": error.errno}


def _tell(what: Mapping[str, object]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def _isolate(parent: int) -> list[root.Source]:
    """Leave the namespaces of the machine, and become a user who owns nothing on it; return what stays in reach."""
    outside = _outside_ids()
    if os.geteuid() == 0:
        os.setgroups([])
    _leave_users(outside)
    for name, flag in _FLAGS.items():
        kernel.unshare(flag, name)
    sources = root.opened()
    os.setresgid(_INSIDE, _INSIDE, _INSIDE)
    os.setresuid(_INSIDE, _INSIDE, _INSIDE)
    kernel.set_dumpable(is_dumpable=True)
    kernel.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("Who started the sandbox is gone.")
    return sources


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
    with open(f"/proc/self/{kind}_map", encoding="ascii") as lines:
        ranges = [[int(each) for each in line.split()] for line in lines]
    return any(first <= number < first + length for first, _, length in ranges)


def _write_maps(process: int, outside: tuple[int, int]) -> int:
    """Say who a process is outside; return the number of the error that hinders it, or 0."""
    lines = {"setgroups": "deny", "uid_map": f"{_INSIDE} {outside[0]} 1", "gid_map": f"{_INSIDE} {outside[1]} 1"}
    try:
        for name, line in lines.items():
            with open(f"/proc/{process}/{name}", "w", encoding="ascii") as file:
                file.write(line)
    except OSError as error:
        return error.errno or 1
    return 0


def _be_first(job: Mapping[str, Any], sources: list[root.Source]) -> NoReturn:
    """Be the first process of the namespace; with it all others end."""
    limits = job["limits"]
    try:
        kernel.die_with_parent(signal.SIGKILL)
        processes = root.build(sources, disk_bytes=limits["disk_bytes"])
        kernel.give_up_privileges()
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        errors, written = os.pipe()
        child = os.fork()
    except OSError as error:
        _tell(_refused(error))
        os._exit(1)
    if child == 0:
        program.run(job["program"], its, written, limits)
    its.close()
    os.close(written)
    _tell(Watch(child, ours, errors, limits).run(processes))
    os._exit(0)
