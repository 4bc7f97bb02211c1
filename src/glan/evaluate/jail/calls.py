"""Which calls to the kernel a program may not make, as a filter that the kernel itself applies.

A program that solves an exercise needs none of them. What they would do is held back by the namespaces as well; the
filter holds where the kernel has a fault, and where there are no namespaces.
"""

import struct
from collections.abc import Iterator

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
"""Numbers on x86_64 and on aarch64: looking into others, memory that no limit counts, sockets, mounts, namespaces."""
FORBIDDEN_ALONE = {
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "kill": (62, 129),
    "pidfd_send_signal": (424, 424),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "tgkill": (234, 131),
    "tkill": (200, 130),
    "vfork": (58, None),
}
"""Forbidden as well where no namespace of processes holds a program: it stays one process and signals to nobody."""
MACHINES = ("x86_64", "aarch64")

_ARCHITECTURES = (0xC000003E, 0xC00000B7)
_CLONE, _CLONE3, _PRLIMIT = (56, 220), 435, (302, 261)
_NAMESPACES, _THREAD = 0x7E020000, 0x10000
_OTHER_CALLS = 0x40000000
"""From here on stand the calls of programs with 32-bit pointers on x86_64."""
_NUMBER, _ARCHITECTURE, _FIRST_LOW, _FIRST_HIGH = 0, 4, 16, 20
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_KILL, _ALLOW, _ERROR = 0x80000000, 0x7FFF0000, 0x00050000
_NOT_PERMITTED, _NOT_THERE = _ERROR | 1, _ERROR | 38


def filter_of(machine: str, *, is_alone: bool) -> bytes:
    """Return the filter for a machine of MACHINES, as instructions of eight bytes each."""
    return b"".join(struct.pack("=HBBI", *each) for each in _instructions(MACHINES.index(machine), is_alone=is_alone))


def _instructions(column: int, *, is_alone: bool) -> Iterator[tuple[int, int, int, int]]:
    yield _LOAD, 0, 0, _ARCHITECTURE
    yield from _answer_unless(_EQUAL, _ARCHITECTURES[column], _KILL)
    yield _LOAD, 0, 0, _NUMBER
    yield from _answer_if(_AT_LEAST, _OTHER_CALLS, _NOT_PERMITTED)
    for numbers in [*FORBIDDEN.values(), *(FORBIDDEN_ALONE.values() if is_alone else ())]:
        number = numbers[column]
        if number is not None:
            yield from _answer_if(_EQUAL, number, _NOT_PERMITTED)
    yield from _answer_if(_EQUAL, _CLONE3, _NOT_THERE)  # the C library then takes `clone`, of which the flags are seen
    yield _EQUAL, 0, 4 + 2 * is_alone, _CLONE[column]
    yield _LOAD, 0, 0, _FIRST_LOW
    yield from _answer_if(_ANY_BIT, _NAMESPACES, _NOT_PERMITTED)
    if is_alone:
        yield from _answer_unless(_ANY_BIT, _THREAD, _NOT_PERMITTED)
    yield _RETURN, 0, 0, _ALLOW
    yield _EQUAL, 0, 6, _PRLIMIT[column]
    for half in (_FIRST_LOW, _FIRST_HIGH):  # the limits of another process
        yield _LOAD, 0, 0, half
        yield from _answer_unless(_EQUAL, 0, _NOT_PERMITTED)
    yield _RETURN, 0, 0, _ALLOW


def _answer_if(test: int, value: int, answer: int) -> Iterator[tuple[int, int, int, int]]:
    yield test, 0, 1, value
    yield _RETURN, 0, 0, answer


def _answer_unless(test: int, value: int, answer: int) -> Iterator[tuple[int, int, int, int]]:
    yield test, 1, 0, value
    yield _RETURN, 0, 0, answer
