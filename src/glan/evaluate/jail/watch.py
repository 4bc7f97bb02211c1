"""The first process of a sandbox: it watches a program until it ends or is over a limit; all others end with it."""

import os
import selectors
import signal
import socket
import time
from collections.abc import Mapping

from glan.evaluate.jail.program import CLAIM, MEMORY, NONCE_BYTES, READY

PASSED, FAILED, TIMED_OUT, OUT_OF_MEMORY = "passed", "failed", "timed out", "out of memory"
_BETWEEN_S = 0.05
_AT_ONCE = 1 << 16
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LIFELINE = 0


class Watch:
    """One program from its start to its end: `child` is its process, `errors` the other end of its stderr."""

    def __init__(self, child: int, channel: socket.socket, errors: int, limits: Mapping[str, float]) -> None:
        self._child = child
        self._channel = channel
        self._errors = errors
        self._limits = limits
        self._tail = b""
        self._said = b""
        self._is_ready = False
        self._nonce = b""
        """Made only once the program says that it is done: until then it is nowhere."""
        self._selector = selectors.DefaultSelector()
        for handle in (channel, errors, _LIFELINE):
            os.set_blocking(handle if isinstance(handle, int) else handle.fileno(), False)
            self._selector.register(handle, selectors.EVENT_READ)

    def run(self, processes: int | None) -> Mapping[str, object]:
        """Return how the program ended: `status`, `exit_code` and the end of its `stderr`.

        `processes` is the folder of all processes that there are in the sandbox; None where it has none of its own.
        """
        end = time.monotonic() + self._limits["wall_s"]
        status, code = "", None
        while not status:
            self._hear()
            code = self._exit_code()
            if code is not None:
                self._hear()
                status = self._status_of(code)
            elif time.monotonic() >= end:
                status = TIMED_OUT
            elif processes is not None:
                status = self._beyond(processes)
        if code is None:
            os.kill(self._child, signal.SIGKILL)
        if not self._is_ready and status == FAILED and self._said:
            number, _, tried = self._said.decode("utf-8", "replace").partition(" ")
            return {"refused": tried, "number": int(number or 0)}
        return {"status": status, "exit_code": code, "stderr": self._tail.decode("utf-8", "replace")}

    def _beyond(self, processes: int) -> str:
        """Return how the program has to be ended for what all its processes take; empty if they may go on.

        The kernel counts processes as well, before one is made, but not those of a real root.
        """
        sizes = _sizes_bytes(processes)
        if sum(sizes) > self._limits["memory_bytes"]:
            return OUT_OF_MEMORY
        return FAILED if len(sizes) > self._limits["processes"] + 1 else ""

    def _hear(self) -> None:
        for key, _ in self._selector.select(_BETWEEN_S):
            if key.fileobj is self._channel:
                self._answer()
            elif key.fileobj == self._errors:
                self._read_errors()
            elif not os.read(_LIFELINE, 1):
                os._exit(1)  # who started the sandbox is gone

    def _read_errors(self) -> None:
        said = os.read(self._errors, _AT_ONCE)
        self._tail = (self._tail + said)[-int(self._limits["stderr_bytes"]) :]
        if not said:
            self._selector.unregister(self._errors)

    def _answer(self) -> None:
        """Hear what the program's process says: that it is done, and then what it was given for that."""
        try:
            said = self._channel.recv(_AT_ONCE)
        except (BlockingIOError, ConnectionError):
            said = b""
        if said == READY and not self._is_ready:
            self._is_ready = True
        elif said == CLAIM and not self._nonce:
            self._nonce = os.urandom(NONCE_BYTES)
            self._channel.send(self._nonce)
        elif said:
            self._said = said
        else:
            self._selector.unregister(self._channel)

    def _exit_code(self) -> int | None:
        """Bury all that have ended; return the code of the program's process if it is among them."""
        found = None
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._child:
                    found = os.waitstatus_to_exitcode(ended[1])
        except ChildProcessError:
            pass
        return found

    def _status_of(self, code: int) -> str:
        if code == 0 and self._nonce and self._said == self._nonce:
            return PASSED
        if self._said == MEMORY:
            return OUT_OF_MEMORY
        is_over = code == -signal.SIGXCPU or (code == -signal.SIGKILL and self._has_used_all_time())
        return TIMED_OUT if is_over else FAILED

    def _has_used_all_time(self) -> bool:
        used = os.times()
        return used.children_user + used.children_system >= self._limits["cpu_s"]


def _sizes_bytes(processes: int) -> list[int]:
    """Return how much memory each process of the sandbox holds, this one left out; what they share counts for each."""
    found = []
    for name in os.listdir(processes):
        if name.isdigit() and name != "1":
            try:
                with open(f"{name}/statm", opener=lambda path, flags: os.open(path, flags, dir_fd=processes)) as file:
                    found.append(int(file.read().split()[1]) * _PAGE)
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended since
    return found
