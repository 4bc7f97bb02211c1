"""The process that a program runs in: it gives up what it can, runs the program, and says how that ended."""

import linecache
import os
import resource
import socket
import sys
import traceback
import types
from collections.abc import Mapping
from typing import Any, NoReturn

from glan.evaluate.jail import calls, kernel, root

WEAK = "weak"
READY, CLAIM, MEMORY = b"ready", b"done", b"memory"
NONCE_BYTES = 32
_NAME = "program"
_FILES = 64
_OURS = 2
"""Processes of the sandbox itself that its user has."""


def run(source: str, channel: socket.socket, errors: int, limits: Mapping[str, Any]) -> NoReturn:
    """Run a program to its last line, say so on the channel, and exit."""
    try:
        _give_up(channel, errors, limits)
        channel.send(READY)
    except OSError as error:
        channel.send(f"{error.errno} {error.filename or 'limits'}".encode())
        os._exit(1)
    _execute(source, channel)


def _execute(source: str, channel: socket.socket) -> NoReturn:
    """Run a program; of what is needed afterwards nothing is looked up by a name that it may give to something else."""
    stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115 - until the exit
    leave, say, hear, show = os._exit, channel.send, channel.recv, traceback.print_exception
    number_of, ours = os.getpid, os.getpid()
    file = f"{_NAME}.py"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    module = types.ModuleType(_NAME)
    sys.modules[_NAME] = module
    try:
        exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - what all this is for
        if number_of() != ours:  # what it forked has come here too, and says nothing for it
            leave(0)
        say(CLAIM)
        say(hear(NONCE_BYTES))
    except SystemExit as ended:
        leave(ended.code & 0xFF if isinstance(ended.code, int) else int(ended.code is not None))
    except BaseException as error:  # noqa: BLE001 - whatever it raises, it has failed
        try:
            if isinstance(error, MemoryError):
                say(MEMORY)
            show(error.with_traceback(error.__traceback__ and error.__traceback__.tb_next), file=stderr)
            stderr.flush()
        finally:
            leave(1)
    leave(0)


def _give_up(channel: socket.socket, errors: int, limits: Mapping[str, Any]) -> None:
    """Keep the channel and a stderr, and nothing else; take on the limits."""
    nothing = os.open("/dev/null", os.O_RDWR)
    for place, handle in enumerate((nothing, nothing, errors)):
        os.dup2(handle, place)
    kept = channel.fileno()
    os.closerange(3, kept)
    os.closerange(kept + 1, 1 << 16)
    kernel.set_dumpable(is_dumpable=False)
    is_alone = limits["isolation"] == WEAK
    cpu, memory, file = (limits[name] for name in ("cpu_s", "memory_bytes", "file_bytes"))
    for kind, soft, hard in (
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_FSIZE, file, file),
        (resource.RLIMIT_NOFILE, _FILES, _FILES),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        resource.setrlimit(kind, (soft, hard))
    if is_alone:
        kernel.read_only_beneath((source.handle, source.is_folder) for source in root.opened() if not source.link)
        kernel.give_up_privileges()
    else:  # without a user of its own, all processes of its user would count
        processes = limits["processes"] + _OURS
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    kernel.forbid(calls.filter_of(os.uname().machine, is_alone=is_alone))
