"""Which calls to the kernel a program may not make, as a filter that the kernel itself applies.

A program that solves an exercise needs none of them. In a full sandbox the namespaces hold back what they would do, and
the filter stands before faults of the kernel. In a weak one, without namespaces, the filter is what there is: a program
stays one process there, signals to nobody and changes no file.
"""

import errno
import struct
from collections.abc import Iterator, Sequence

MACHINES = ("x86_64", "aarch64")
FORBIDDEN = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "kcmp": (312, 272),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "request_key": (249, 218),
    "semget": (64, 190),
    "setns": (308, 268),
    "shmat": (30, 196),
    "shmget": (29, 194),
    "socket": (41, 198),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}
"""Numbers for each of MACHINES: sockets, looking into others, memory that no limit counts, mounts, namespaces."""
FORBIDDEN_ALONE = {
    "chmod": (90, None),
    "chown": (92, None),
    "creat": (85, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "fork": (57, None),
    "fremovexattr": (199, 16),
    "fsetxattr": (190, 7),
    "futimesat": (261, None),
    "kill": (62, 129),
    "lchown": (94, None),
    "link": (86, None),
    "linkat": (265, 37),
    "lremovexattr": (198, 15),
    "lsetxattr": (189, 6),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "pidfd_send_signal": (424, 424),
    "removexattr": (197, 14),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "rmdir": (84, None),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "setpgid": (109, 154),
    "setsid": (112, 157),
    "setxattr": (188, 5),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "tgkill": (234, 131),
    "tkill": (200, 130),
    "truncate": (76, 45),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "utime": (132, None),
    "utimensat": (280, 88),
    "utimes": (235, None),
    "vfork": (58, None),
}
"""Forbidden in a weak sandbox as well: other programs, signals, and every change of a file."""

_ARCHITECTURES = (0xC000003E, 0xC00000B7)
_CLONE, _CLONE3, _PRCTL, _PRLIMIT = (56, 220), 435, (157, 167), (302, 261)
_OPEN, _OPENAT, _OPENAT2, _IOCTL = (2, None), (257, 56), 437, (16, 29)
_NAMESPACES, _THREAD, _WRITES, _DEATH_SIGNAL = 0x7E020000, 0x10000, 0o1103, 1
_ASKED_OF_DEVICES = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""What Python asks of open files: is it a terminal, how wide, how much is there to read, do not wait, close on exec."""
_OTHER_CALLS = 0x40000000
"""From here on stand the calls of programs with 32-bit pointers on x86_64."""
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_KILL, _ALLOW, _ERROR = 0x80000000, 0x7FFF0000, 0x00050000
_NOT_PERMITTED, _NOT_THERE = _ERROR | errno.EACCES, _ERROR | errno.ENOSYS

_Instruction = tuple[int, int, int, int]
"""An operation, how many instructions to leave out where it holds and where it does not, and its value."""


def filter_of(machine: str, *, is_alone: bool) -> bytes:
    """Return the filter for a machine of MACHINES, as instructions of eight bytes each."""
    column = MACHINES.index(machine)
    found = [*_common(column), *(_alone(column) if is_alone else _clone(column, []))]
    found.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *each) for each in found)


def _common(column: int) -> Iterator[_Instruction]:
    yield _LOAD, 0, 0, _ARCHITECTURE
    yield from _answer_unless(_EQUAL, _ARCHITECTURES[column], _KILL)
    yield _LOAD, 0, 0, _NUMBER
    yield from _answer_if(_AT_LEAST, _OTHER_CALLS, _NOT_PERMITTED)
    for numbers in FORBIDDEN.values():
        yield from _answer_if(_EQUAL, numbers[column], _NOT_PERMITTED)
    yield from _answer_if(_EQUAL, _CLONE3, _NOT_THERE)  # the C library then takes `clone`, of which the flags are seen
    ours = [(_LOAD, 0, 0, _argument(0)), *_answer_unless(_EQUAL, 0, _NOT_PERMITTED)]
    yield from _where(_PRLIMIT[column], [*ours, (_LOAD, 0, 0, _argument(0) + 4), *ours[1:]])


def _clone(column: int, more: Sequence[_Instruction]) -> Iterator[_Instruction]:
    none = _answer_if(_ANY_BIT, _NAMESPACES, _NOT_PERMITTED)
    yield from _where(_CLONE[column], [(_LOAD, 0, 0, _argument(0)), *none, *more])


def _alone(column: int) -> Iterator[_Instruction]:
    for numbers in FORBIDDEN_ALONE.values():
        if (number := numbers[column]) is not None:
            yield from _answer_if(_EQUAL, number, _NOT_PERMITTED)
    yield from _answer_if(_EQUAL, _OPENAT2, _NOT_THERE)
    for place, number in ((1, _OPEN[column]), (2, _OPENAT[column])):
        if number is not None:
            yield from _where(number, [(_LOAD, 0, 0, _argument(place)), *_answer_if(_ANY_BIT, _WRITES, _NOT_PERMITTED)])
    asked = [each for code in _ASKED_OF_DEVICES for each in _answer_if(_EQUAL, code, _ALLOW)]
    yield from _where(_IOCTL[column], [(_LOAD, 0, 0, _argument(1)), *asked, (_RETURN, 0, 0, _NOT_PERMITTED)])
    still = _answer_if(_EQUAL, _DEATH_SIGNAL, _NOT_PERMITTED)  # it ends with who started it
    yield from _where(_PRCTL[column], [(_LOAD, 0, 0, _argument(0)), *still])
    yield from _clone(column, list(_answer_unless(_ANY_BIT, _THREAD, _NOT_PERMITTED)))


def _argument(place: int) -> int:
    """Return where the lower half of an argument stands."""
    return _ARGUMENTS + 8 * place


def _where(number: int, then: Sequence[_Instruction]) -> Iterator[_Instruction]:
    """Look closer at one call, and allow it if nothing speaks against it."""
    yield _EQUAL, 0, len(then) + 1, number
    yield from then
    yield _RETURN, 0, 0, _ALLOW


def _answer_if(test: int, value: int, answer: int) -> Iterator[_Instruction]:
    yield test, 0, 1, value
    yield _RETURN, 0, 0, answer


def _answer_unless(test: int, value: int, answer: int) -> Iterator[_Instruction]:
    yield test, 1, 0, value
    yield _RETURN, 0, 0, answer
