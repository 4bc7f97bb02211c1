"""What everything takes that is done on one machine, at growing sizes, with slopes; see README.md beside this file.

    make bench-scale                        10,000, 100,000 and a million pairs: an hour or two, and 8 GB of disk
    make bench-scale SIZES=3000,10000       some minutes

Each step is a process of its own. The run is made twice: once from nothing to the end, and once killed with -9 half-way
and begun again.
"""

import argparse
import hashlib
import json
import math
import platform
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from process_tree import Taken, taken_by

HERE = Path(__file__).parent
GLAN = (sys.executable, "-m", "glan")
PARTS = {
    "ledger": ("ledger.sqlite", "ledger.sqlite-wal"),
    "data set": ("dataset",),
    "rejects": ("rejects",),
    "report": ("report.html",),
    "export": ("train.jsonl",),
}
"""What is on the disk, and where."""


@dataclass(frozen=True, slots=True)
class Size:
    """One size, and what was measured of it so far."""

    pairs: int
    folder: Path
    steps: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def whole(self) -> Path:
        return self.folder / "whole" / "data"

    @property
    def killed(self) -> Path:
        return self.folder / "killed" / "data"

    def note(self, step: str, taken: Taken, **more: float) -> None:
        """Keep what a step took, and say it."""
        if taken.code > 0:
            sys.exit(f"{step} at {self.pairs:,} pairs ended with {taken.code}:\n{taken.out}")
        found = {"wall_s": taken.wall_s, "cpu_s": taken.cpu_s, "peak_mb": taken.peak_mb, **more}
        self.steps[step] = {name: round(value, 2) for name, value in found.items()}
        print(f"{self.pairs:>9,}  {step:24} {self.steps[step]}", flush=True)

    def run(self, step: str, *command: str) -> Taken:
        """Do one step to its end."""
        taken = taken_by(command, self.folder / "out.txt")
        self.note(step, taken)
        return taken


def measured(size: Size) -> Mapping[str, Any]:
    """Do all steps at one size."""
    whole = str(size.whole)
    size.whole.parent.mkdir()
    size.killed.parent.mkdir()
    size.run("init", *_init(size, size.whole))
    made = size.run("run, from nothing", sys.executable, str(HERE / "make.py"), whole)
    told = json.loads(made.out.splitlines()[-1])
    size.run("run, nothing to do", sys.executable, str(HERE / "make.py"), whole)
    size.run("plan", *GLAN, "plan", "--project", whole, "--teacher", "offline")
    size.run("report", *GLAN, "report", "--project", whole)
    size.run("export", *GLAN, "export", str(size.whole / "train.jsonl"), "--project", whole)
    _killed(size)
    return {
        "pairs": size.pairs,
        "made": told["pairs"],
        "asked": told["asked"],
        "is_same": _digest(size.whole) == _digest(size.killed),
        "steps": size.steps,
        "disk_bytes": {part: sum(map(_bytes_of, _paths(size.whole, names))) for part, names in PARTS.items()},
    }


def _init(size: Size, folder: Path) -> Sequence[str]:
    return (*GLAN, "init", str(folder), "--taxonomy", "paper", "--pairs", str(size.pairs))


def _killed(size: Size) -> None:
    """Make the same again, killed half-way and begun once more."""
    taken_by(_init(size, size.killed), size.folder / "out.txt")
    command = [sys.executable, str(HERE / "make.py"), str(size.killed)]
    stood = 0

    def is_half(process: int, _: float) -> bool:
        nonlocal stood
        stood = _pairs_of(size.killed, process)
        return stood >= size.pairs // 2

    size.note("run, killed half-way", taken_by(command, size.folder / "out.txt", is_half))
    begun, reached_s, reached_cpu_s = time.perf_counter(), 0.0, 0.0

    def look(process: int, cpu_s: float) -> bool:
        nonlocal reached_s, reached_cpu_s
        if not reached_s and _pairs_of(size.killed, process) >= stood:
            reached_s, reached_cpu_s = time.perf_counter() - begun, cpu_s
        return False

    taken = taken_by(command, size.folder / "out.txt", look)
    first_s = json.loads(taken.out.splitlines()[-1])["first_s"]
    reached = {"reached_s": reached_s, "reached_cpu_s": reached_cpu_s}
    size.note("run, begun again", taken, stood=stood, first_reply_s=first_s or math.nan, **reached)


def _pairs_of(folder: Path, process: int) -> int:
    """Return how many pairs a run has, as it says once a second; 0 where it has not said anything yet."""
    try:
        told = json.loads((folder / "status.json").read_bytes())
    except FileNotFoundError:
        return 0
    return int(told["pairs"]) if told["process"] == process else 0


def _digest(folder: Path) -> str:
    """Return a hash of a data set and its rejects."""
    digest = hashlib.sha256()
    for path in sorted(_paths(folder, ("dataset", "rejects"))):
        digest.update(str(path.relative_to(folder)).encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _paths(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    for name in names:
        path = folder / name
        yield from (found for found in path.rglob("*") if found.is_file()) if path.is_dir() else (path,)


def _bytes_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def told(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Give the tables as Markdown."""
    sizes = [found["pairs"] for found in results]
    yield from _row("Step", *[f"{pairs:,} pairs" for pairs in sizes], "Slope of CPU")
    yield from _row(*["---"] * (len(sizes) + 2))
    for step in results[-1]["steps"]:
        taken = [found["steps"][step] for found in results]
        cells = [
            f"{found['wall_s']:,.1f} s, {found['cpu_s']:,.1f} s CPU, {found['peak_mb']:,.0f} MB" for found in taken
        ]
        yield from _row(step, *cells, _slope(sizes, [found["cpu_s"] for found in taken]))
    again = [found["steps"]["run, begun again"] for found in results]
    yield from _row("until the first new reply", *[f"{found['first_reply_s']:,.1f} s" for found in again], "")
    reached = [found["reached_cpu_s"] for found in again]
    cells = [f"{found['reached_s']:,.1f} s, {found['reached_cpu_s']:,.1f} s CPU" for found in again]
    yield from _row("until what stood is reached", *cells, _slope(sizes, reached))
    for part in PARTS:
        each = [found["disk_bytes"][part] / found["pairs"] for found in results]
        yield from _row(f"disk, {part}", *[f"{size:,.0f} bytes a pair" for size in each], "")
    asked = [f"{found['asked'] / found['pairs']:.2f}" for found in results]
    yield from _row("calls a pair", *asked, "")
    yield from _row("the same bytes", *["yes" if found["is_same"] else "NO" for found in results], "")
    peaks = [found["steps"]["run, from nothing"]["peak_mb"] * 2**20 for found in results]
    for (low, first), (high, second) in pairwise(zip(sizes, peaks, strict=True)):
        yield f"Memory of a run from {low:,} to {high:,} pairs: {(second - first) / (high - low):,.0f} bytes a pair."


def _row(*cells: str) -> Iterator[str]:
    yield f"| {' | '.join(cells)} |"


def _slope(sizes: Sequence[int], values: Sequence[float]) -> str:
    """Say with which power of the size something grows between two sizes: 1 is in proportion to it."""
    found = [
        f"{math.log(after / before) / math.log(high / low):.2f}"
        for (low, before), (high, after) in pairwise(zip(sizes, values, strict=True))
        if before > 0 and after > 0
    ]
    return ", ".join(found)


def main() -> None:
    """Measure each size, print the tables and write results.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", type=lambda text: [int(size) for size in text.split(",")])
    parser.add_argument("folder", type=Path, help="for the projects; what it holds from before is removed")
    parser.add_argument("--keep", action="store_true", help="leave the projects there")
    given = parser.parse_args()
    results = []
    for pairs in given.sizes:
        size = Size(pairs, given.folder / str(pairs))
        shutil.rmtree(size.folder, ignore_errors=True)
        size.folder.mkdir(parents=True)
        results.append(measured(size))
        (given.folder / "results.json").write_text(
            json.dumps({"machine": platform.platform(), "sizes": results}, indent=2) + "\n"
        )
        if not given.keep:
            shutil.rmtree(size.folder)
    print("\n".join(told(results)))


main()
