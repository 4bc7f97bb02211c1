"""Calls to the Linux kernel for which Python 3.11 has no name; each raises OSError with what was tried."""

import ctypes
import errno
import os
import struct
from collections.abc import Iterable

READ_ONLY, NO_SETUID, NO_DEVICES, NO_PROGRAMS = 1, 2, 4, 8
REMOUNT, BIND, RECURSIVE, PRIVATE = 32, 4096, 16384, 1 << 18
_DETACH = 2
_DEATH_SIGNAL, _DUMPABLE, _SECCOMP, _DROP_BOUND, _NO_NEW_PRIVILEGES = 1, 4, 22, 24, 38
_FILTER = 2
_CAPABILITIES_VERSION = 0x20080522
_LANDLOCK_RULES, _LANDLOCK_ADD, _LANDLOCK_APPLY, _BENEATH = 444, 445, 446, 1
_ALL_ACCESS, _READ_FILE, _READ_FOLDER = 0x1FFF, 4, 8
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, tried: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), tried)


def unshare(flags: int, name: str) -> None:
    """Leave namespaces; `name` says which of them in an error."""
    _check(_libc.unshare(ctypes.c_int(flags)), f"unshare({name})")


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """Mount a file system, or what is at a path once more."""
    arguments = [None if each is None else os.fsencode(each) for each in (source, target, kind)]
    given = os.fsencode(options) if options else None
    _check(_libc.mount(*arguments, ctypes.c_ulong(flags), given), f"mount({kind or target})")


def detach(target: str) -> None:
    """Take a mount out of the tree; what is open in it stays open."""
    _check(_libc.umount2(os.fsencode(target), ctypes.c_int(_DETACH)), f"umount({target})")


def enter(root: str) -> None:
    """Make a mounted folder the root of everything, and let go of the old one."""
    os.chdir(root)
    _check(_libc.syscall(ctypes.c_long(_PIVOT_ROOT[os.uname().machine]), b".", b"."), "pivot_root")
    detach(".")
    os.chdir("/")


def die_with_parent(signal: int) -> None:
    """Be sent a signal when the thread ends that started this process."""
    _check(_libc.prctl(_DEATH_SIGNAL, ctypes.c_ulong(signal), 0, 0, 0), "prctl(death signal)")


def set_dumpable(*, is_dumpable: bool) -> None:
    """Say whether this process may be looked into, and leaves a core when it crashes."""
    _check(_libc.prctl(_DUMPABLE, ctypes.c_ulong(is_dumpable), 0, 0, 0), "prctl(dumpable)")


def give_up_privileges() -> None:
    """Give up every capability, for this process and all that come from it."""
    _check(_libc.prctl(_NO_NEW_PRIVILEGES, ctypes.c_ulong(1), 0, 0, 0), "prctl(no new privileges)")
    capability = 0
    while _libc.prctl(_DROP_BOUND, ctypes.c_ulong(capability), 0, 0, 0) == 0:
        capability += 1
    header = struct.pack("=Ii", _CAPABILITIES_VERSION, 0)
    _check(_libc.capset(header, bytes(24)), "capset")


def forbid(instructions: bytes) -> None:
    """Put a filter before every call to the kernel, for this process and all that come from it."""
    _check(_libc.prctl(_NO_NEW_PRIVILEGES, ctypes.c_ulong(1), 0, 0, 0), "prctl(no new privileges)")
    code = ctypes.create_string_buffer(instructions, len(instructions))
    program = struct.pack("HxxxxxxP", len(instructions) // 8, ctypes.addressof(code))
    _check(_libc.prctl(_SECCOMP, ctypes.c_ulong(_FILTER), program, 0, 0), "prctl(seccomp)")


def read_only_beneath(handles: Iterable[tuple[int, bool]]) -> None:
    """Let this process, and all that come from it, read what is at or under open paths, and open nothing else.

    Each handle comes with whether it is a folder, and is closed. Where a kernel has no Landlock, such as one
    before 5.13, nothing is held back.
    """
    rules = _libc.syscall(ctypes.c_long(_LANDLOCK_RULES), struct.pack("=Q", _ALL_ACCESS), ctypes.c_size_t(8), 0)
    if rules < 0 and ctypes.get_errno() in {errno.ENOSYS, errno.EOPNOTSUPP}:
        return
    _check(min(rules, 0), "landlock(rules)")
    for handle, is_folder in handles:
        allowed = struct.pack("=Qi", _READ_FILE | (_READ_FOLDER if is_folder else 0), handle)
        _check(_libc.syscall(ctypes.c_long(_LANDLOCK_ADD), rules, _BENEATH, allowed, 0), "landlock(rule)")
        os.close(handle)
    _check(_libc.prctl(_NO_NEW_PRIVILEGES, ctypes.c_ulong(1), 0, 0, 0), "prctl(no new privileges)")
    _check(_libc.syscall(ctypes.c_long(_LANDLOCK_APPLY), rules, 0), "landlock(apply)")
    os.close(rules)
