"""One measurement in a process of its own, so that its memory and its time are its own; prints one JSON object.

python benchmarks/measure.py make FOLDER PAIRS      make a project with the filler teacher inside the process
python benchmarks/measure.py walk FOLDER            walk a finished project again
"""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

import glan
from glan.teachers.filler import Filler

IN_FLIGHT = 256


def run(project: glan.Project, pairs: int | None) -> dict[str, float]:
    """Run a project and return what it took."""
    started, cpu = time.perf_counter(), time.process_time()
    options = glan.Options(max_in_flight=IN_FLIGHT, rebuild=True)
    result = asyncio.run(project.run(teacher=Filler(), pairs=pairs, options=options))
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    beside = resource.getrusage(resource.RUSAGE_CHILDREN)  # the process that examines texts, if there is one
    ledger = sum(path.stat().st_size for path in project.folder.glob("ledger.sqlite*"))
    return {
        "pairs": result.pairs,
        "asked": result.asked,
        "wall_s": round(wall_s, 2),
        "cpu_s": round(cpu_s + beside.ru_utime + beside.ru_stime, 2),
        "peak_mb": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + beside.ru_maxrss) / 1024, 1),
        "ledger_mb": round(ledger / 1e6, 1),
    }


def main() -> None:
    """Do what the arguments say."""
    what, folder = sys.argv[1], Path(sys.argv[2])
    if what == "make":
        project = glan.Project.create(folder, taxonomy="paper") if not folder.exists() else glan.Project.open(folder)
        found = run(project, int(sys.argv[3]))
    else:
        found = run(glan.Project.open(folder), None)
    print(json.dumps(found))


main()
