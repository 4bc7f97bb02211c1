"""Times, memory and slopes of the whole program, printed as tables; see README.md beside this file.

make bench                     10,000 and 20,000 pairs: some minutes
make bench PAIRS=10000,200000  what the README quotes
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
BOUND_MB = 300
BOUND_BYTES_PER_PAIR = 1024 + 16
"""What the memory may be: 300 MB, and for each question 1 KB and for each draw 16 bytes."""


def measured(*arguments: str) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    command = [sys.executable, str(HERE / "measure.py"), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def started_s(*arguments: str) -> float:
    """Return the median time of a command over seven runs."""
    times = []
    for _ in range(7):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "glan", *arguments], check=True, capture_output=True)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def main() -> None:
    """Measure, and print."""
    sizes = [int(size) for size in (sys.argv[1] if len(sys.argv) > 1 else "10000,20000").split(",")]
    print(f"glan --help: {started_s('--help'):.3f} s, glan --version: {started_s('--version'):.3f} s (median of 7)\n")
    print(
        f"{'pairs':>9} {'what':>11} {'calls':>9} {'wall s':>8} {'cpu s':>8} "
        f"{'replies/s':>10} {'peak MB':>8} {'bound MB':>9}"
    )
    peaks: dict[str, list[float]] = {"make": [], "walk again": []}
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            place = str(Path(folder) / str(size))
            made = measured("make", place, str(size))
            again = measured("walk", place)
            for what, found in (("make", made), ("walk again", again)):
                peaks[what].append(found["peak_mb"])
                bound = BOUND_MB + size * BOUND_BYTES_PER_PAIR / 2**20
                print(
                    f"{size:>9,} {what:>11} {found['asked']:>9,} {found['wall_s']:>8.1f} {found['cpu_s']:>8.1f} "
                    f"{made['asked'] / found['wall_s']:>10,.0f} {found['peak_mb']:>8.0f} {bound:>9.0f}"
                )
    for what, found_mb in peaks.items():
        slope = (found_mb[-1] - found_mb[0]) * 2**20 / (sizes[-1] - sizes[0])
        print(f"memory, {what}: {slope:,.0f} bytes a pair from {sizes[0]:,} to {sizes[-1]:,}")


main()
