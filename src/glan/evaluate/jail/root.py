"""A root of its own: the standard library and the libraries under it, all read-only, and one small folder in memory."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from glan.evaluate.jail import kernel

WORK = "/tmp"  # noqa: S108 - inside, where nobody else is
_NEW = "/tmp"  # noqa: S108 - what is mounted there is seen by this process alone
_SYSTEM = (
    "/dev/null",
    "/dev/urandom",
    "/dev/zero",
    "/etc/ld.so.cache",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
)
_STORES = ("/nix/store", "/gnu/store")
_INODES = 4096
_PATH_ONLY = 0o10000000
_KEPT_FLAGS = kernel.NO_SETUID | kernel.NO_DEVICES | kernel.NO_PROGRAMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What of the machine is there inside, at the same path: opened before the rights to reach it are gone."""

    path: str
    handle: int
    is_folder: bool
    link: str = ""
    """Where a path points that is a link; nothing is mounted then."""


def opened() -> list[Source]:
    """Open all that Python needs inside; what another of them holds is left out."""
    found: list[Source] = []
    for path in sorted({*_SYSTEM, *_of_python()}):
        inside = any(path.startswith(f"{source.path}/") for source in found)
        if os.path.exists(path) and not inside:
            found.append(_opened(path))
    return found


def _of_python() -> Iterator[str]:
    yield os.path.join(sys.base_prefix, "lib")
    yield from (os.path.normpath(path) for path in sys.path if path.startswith("/"))
    yield from (store for store in _STORES if sys.base_prefix.startswith(store))


def _opened(path: str) -> Source:
    link = os.readlink(path) if os.path.islink(path) and path in _SYSTEM else ""
    return Source(path=path, handle=os.open(path, _PATH_ONLY), is_folder=os.path.isdir(path), link=link)


def build(sources: Sequence[Source], *, disk_bytes: int) -> int:
    """Make the new root, enter it, and return a handle of its list of processes, which stands nowhere in it."""
    kernel.mount("none", "/", None, kernel.RECURSIVE | kernel.PRIVATE)
    closed = kernel.NO_SETUID | kernel.NO_DEVICES
    kernel.mount("tmpfs", _NEW, "tmpfs", closed, "size=1m,mode=755")
    for source in sources:
        _place(source)
    for point in _mounted([_NEW + source.path for source in sources if not source.link]):
        _make_read_only(point)
    work = _NEW + WORK
    os.makedirs(work)
    kernel.mount("proc", work, "proc", closed | kernel.NO_PROGRAMS)
    processes = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
    kernel.detach(work)
    kernel.mount("tmpfs", work, "tmpfs", closed, f"size={disk_bytes},nr_inodes={_INODES},mode=700")
    os.makedirs(f"{_NEW}/dev", exist_ok=True)
    os.symlink(WORK, f"{_NEW}/dev/shm")
    kernel.enter(_NEW)
    kernel.mount("none", "/", None, kernel.REMOUNT | kernel.BIND | kernel.READ_ONLY | closed)
    os.chdir(WORK)
    return processes


def _place(source: Source) -> None:
    target = _NEW + source.path
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if source.link:
        os.symlink(source.link, target)
        return
    if source.is_folder:
        os.makedirs(target, exist_ok=True)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
    kernel.mount(f"/proc/self/fd/{source.handle}", target, None, kernel.BIND | kernel.RECURSIVE)
    os.close(source.handle)


def _mounted(targets: Sequence[str]) -> list[str]:
    """Return every mount at or under the targets: one that was mounted stays writable when what holds it is not."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        points = [_unescaped(line.split()[4]) for line in lines]
    return [point for point in points if any(f"{point}/".startswith(f"{target}/") for target in targets)]


def _unescaped(point: str) -> str:
    for code in ("040", "011", "012", "134"):
        point = point.replace(f"\\{code}", chr(int(code, 8)))
    return point


def _make_read_only(point: str) -> None:
    """Flags that the machine has set on a mount have to stay."""
    kept = os.statvfs(point).f_flag & _KEPT_FLAGS
    flags = kernel.REMOUNT | kernel.BIND | kernel.READ_ONLY | kernel.NO_SETUID | kept
    kernel.mount("none", point, None, flags)
