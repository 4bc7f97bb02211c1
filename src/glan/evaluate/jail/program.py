"""The process that a program runs in: it gives up what it can, runs the program, and says how that ended."""

import linecache
import os
import resource
import socket
import sys
import traceback
import types
from collections.abc import Mapping
from typing import NoReturn

from glan.evaluate.jail import calls, kernel

CLAIM, MEMORY = b"done", b"memory"
NONCE_BYTES = 32
_NAME = "program"
_FILES = 64


def run(source: str, channel: socket.socket, errors: int, limits: Mapping[str, int]) -> NoReturn:
    """Run a program to its last line, and exit."""
    _give_up(channel, errors, limits)
    stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115 - until the exit
    leave, say, hear = os._exit, channel.send, channel.recv  # the program may put others in their places
    show = traceback.print_exception
    file = f"{_NAME}.py"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    module = types.ModuleType(_NAME)
    sys.modules[_NAME] = module
    try:
        exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - what all this is for
        say(CLAIM)
        say(hear(NONCE_BYTES))
    except SystemExit as ended:
        leave(ended.code if isinstance(ended.code, int) else int(ended.code is not None))
    except BaseException as error:  # noqa: BLE001 - whatever it raises, it has failed
        try:
            if isinstance(error, MemoryError):
                say(MEMORY)
            show(error.with_traceback(error.__traceback__ and error.__traceback__.tb_next), file=stderr)
            stderr.flush()
        finally:
            leave(1)
    leave(0)


def _give_up(channel: socket.socket, errors: int, limits: Mapping[str, int]) -> None:
    """Keep the channel and a stderr, and nothing else; take on the limits."""
    os.setsid()
    nothing = os.open("/dev/null", os.O_RDWR)
    for place, handle in enumerate((nothing, nothing, errors)):
        os.dup2(handle, place)
    kept = channel.fileno()
    os.closerange(3, kept)
    os.closerange(kept + 1, 1 << 16)
    kernel.set_dumpable(is_dumpable=False)
    for name, (soft, hard) in _limits(limits).items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (soft, hard))
    kernel.forbid(calls.filter_of(os.uname().machine, is_alone=False))


def _limits(limits: Mapping[str, int]) -> Mapping[str, tuple[int, int]]:
    cpu, others = limits["cpu_s"], ("memory_bytes", "file_bytes", "processes")
    memory, file, processes = (limits[name] for name in others)
    return {
        "CPU": (cpu, cpu + 1),
        "AS": (memory, memory),
        "FSIZE": (file, file),
        "NPROC": (processes, processes),
        "NOFILE": (_FILES, _FILES),
        "CORE": (0, 0),
    }
