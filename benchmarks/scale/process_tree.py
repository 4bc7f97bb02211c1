"""What a command takes, with all processes that it begins: time, processor time and memory. Linux, from /proc."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_EVERY_S = 0.1
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one command took."""

    wall_s: float
    cpu_s: float
    """Of the command and of every process that it waited for; of what was killed, as last looked at."""
    peak_mb: float
    """Most memory of all its processes at one moment, looked at ten times a second; what they share counts twice."""
    code: int
    out: str


def taken_by(
    command: Sequence[str], log: Path, look: Callable[[int, float], bool] = lambda _process, _cpu_s: False
) -> Taken:
    """Run a command to its end, or until `look`, which is given its process and processor time, has it killed."""
    begun = time.perf_counter()
    peak, cpu_s = 0, 0.0
    with log.open("w+b") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            tree = list(_tree(process.pid))
            peak = max(peak, sum(map(_resident, tree)))
            cpu_s = sum(map(_cpu_s, tree))
            if look(process.pid, cpu_s):
                process.kill()
                ended = os.wait4(process.pid, 0)
                break
            time.sleep(_EVERY_S)
        file.seek(0)
        out = file.read().decode(errors="replace")
    code = process.returncode = os.waitstatus_to_exitcode(ended[1])
    used = ended[2]
    return Taken(
        wall_s=time.perf_counter() - begun,
        cpu_s=cpu_s if code < 0 else used.ru_utime + used.ru_stime,
        peak_mb=peak / 2**20,
        code=code,
        out=out,
    )


def _tree(process: int) -> Iterator[int]:
    """Give a process and all that it began."""
    yield process
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        for child in _read(path).split():
            yield from _tree(int(child))


def _resident(process: int) -> int:
    """Return the memory of a process in bytes; 0 where it has ended."""
    return int((_read(Path(f"/proc/{process}/statm")).split() or ["0", "0"])[1]) * _PAGE


def _cpu_s(process: int) -> float:
    """Return the processor time of a process and of those that it waited for; 0 where it has ended."""
    fields = _read(Path(f"/proc/{process}/stat")).rpartition(") ")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS_PER_S


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # a process may end while we look
        return ""
