"""A root of its own: the standard library and the libraries under it, all read-only, and one small folder in memory."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from glan.evaluate.jail import kernel

WORK = Path("/tmp")  # noqa: S108 - inside, where nobody else is
_NEW = Path("/tmp")  # noqa: S108 - what is mounted there is seen by this process alone
_SYSTEM = (
    Path("/dev/null"),
    Path("/dev/urandom"),
    Path("/dev/zero"),
    Path("/etc/ld.so.cache"),
    Path("/lib"),
    Path("/lib64"),
    Path("/usr/lib"),
    Path("/usr/lib64"),
    Path("/usr/local/lib"),
)
_STORES = (Path("/nix/store"), Path("/gnu/store"))
_INODES = 4096
_CLOSED = kernel.NO_SETUID | kernel.NO_DEVICES
_PATH_ONLY = 0o10000000
_NO_HANDLE = -1


class Source(NamedTuple):
    """What of the machine is there inside, at the same path: opened before the rights to reach it are gone."""

    path: Path
    handle: int
    is_folder: bool
    link: str = ""
    """Where a path points that is a link; nothing is mounted then."""

    @property
    def target(self) -> Path:
        return _NEW / self.path.relative_to("/")


def opened() -> list[Source]:
    """Open all that Python needs inside; what another of them holds is left out."""
    found: list[Source] = []
    for path in sorted({*_SYSTEM, *_of_python()}):
        is_held = any(source.path in path.parents and not source.link for source in found)
        if path.exists() and not is_held:
            found.append(_opened(path))
    return found


def _of_python() -> Iterator[Path]:
    base = Path(sys.base_prefix)
    yield base / "lib"
    yield from (Path(os.path.normpath(path)) for path in sys.path if path.startswith("/"))
    yield from (store for store in _STORES if base.is_relative_to(store))


def _opened(path: Path) -> Source:
    if path.is_symlink() and path in _SYSTEM:
        return Source(path=path, handle=_NO_HANDLE, is_folder=True, link=str(path.readlink()))
    return Source(path=path, handle=os.open(path, _PATH_ONLY), is_folder=path.is_dir())


def build(sources: Sequence[Source], *, disk_bytes: int) -> int:
    """Make the new root, enter it, and return a handle of its list of processes, which stands nowhere in it."""
    kernel.mount("none", "/", None, kernel.RECURSIVE | kernel.PRIVATE)
    kernel.mount("tmpfs", str(_NEW), "tmpfs", _CLOSED, "size=1m,mode=755")
    processes = _make_work(_NEW / WORK.relative_to("/"), disk_bytes)  # first: a Python may live below it
    for source in sources:
        _place(source)
    for point in _mounted([source.target for source in sources if not source.link]):
        _make_read_only(point)
    kernel.enter(str(_NEW))
    kernel.mount("none", "/", None, kernel.REMOUNT | kernel.BIND | kernel.READ_ONLY | _CLOSED)
    os.chdir(WORK)
    return processes


def _place(source: Source) -> None:
    target = source.target
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.link:
        target.symlink_to(source.link)
        return
    if source.is_folder:
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    kernel.mount(f"/proc/self/fd/{source.handle}", str(target), None, kernel.BIND | kernel.RECURSIVE)
    os.close(source.handle)


def _mounted(targets: Sequence[Path]) -> list[Path]:
    """Return every mount at or under the targets: one that was mounted stays writable when what holds it is not."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    points = [Path(_unescaped(line.split(" ")[4])) for line in lines]
    return [point for point in points if any(point.is_relative_to(target) for target in targets)]


def _unescaped(point: str) -> str:
    for code in ("040", "011", "012", "134"):
        point = point.replace(f"\\{code}", chr(int(code, 8)))
    return point


def _make_read_only(point: Path) -> None:
    """Mount once more what is mounted, read-only; flags that the machine has set have to stay."""
    kept = os.statvfs(point).f_flag & (_CLOSED | kernel.NO_PROGRAMS)
    flags = kernel.REMOUNT | kernel.BIND | kernel.READ_ONLY | kernel.NO_SETUID | kept
    kernel.mount("none", str(point), None, flags)


def _make_work(work: Path, disk_bytes: int) -> int:
    """Make the folder that is written to, and return a handle of the processes, which are mounted there before it."""
    work.mkdir()
    kernel.mount("proc", str(work), "proc", _CLOSED | kernel.NO_PROGRAMS)
    processes = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
    kernel.detach(str(work))
    kernel.mount("tmpfs", str(work), "tmpfs", _CLOSED, f"size={disk_bytes},nr_inodes={_INODES},mode=700")
    shared = _NEW / "dev" / "shm"
    shared.parent.mkdir(exist_ok=True)
    shared.symlink_to(WORK)
    return processes
