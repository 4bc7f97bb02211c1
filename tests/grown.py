"""One run with the filler teacher inside, in a process of its own so that its memory is its own; prints JSON.

python tests/grown.py FOLDER PAIRS
"""

import asyncio
import json
import resource
import sys
from pathlib import Path

import glan
from glan.teachers.filler import Filler

LEAVES = ["Physics", "Law", "Music", "History"]
"""Few, so that what grows is questions and not curricula."""


def peak_kb() -> int:
    """Return the most memory that this process had; on Linux what `getrusage` says counts who started it too."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))


def main() -> None:
    """Make a project, or walk it again, and say what that took."""
    folder, pairs = Path(sys.argv[1]), int(sys.argv[2])
    project = glan.Project.open(folder) if folder.exists() else glan.Project.create(folder, disciplines=LEAVES)
    result = asyncio.run(
        project.run(teacher=Filler(), pairs=pairs, options=glan.Options(max_in_flight=64, rebuild=True))
    )
    print(json.dumps({"pairs": result.pairs, "asked": result.asked, "peak_kb": peak_kb()}))  # noqa: T201 - it is a program


if __name__ == "__main__":
    main()
