"""The whole program against a server: plan, prompts, ledger, rules, duplicates, parquet. Prints one JSON object.

    python benchmarks/engine/contenders/glan_run.py --url http://127.0.0.1:8099/v1 --pairs 10000 --in-flight 256 FOLDER

With `--prompts FILE` it writes what it asked, one list of messages a line, for the other contenders to ask.
"""

import argparse
import asyncio
import json
import resource
import time
from pathlib import Path

import glan
from glan.records import Reply, Request


def main() -> None:
    """Make a project and run it once; with `--again`, walk it once more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", required=True)
    parser.add_argument("--pairs", type=int, required=True)
    parser.add_argument("--in-flight", type=int, required=True)
    parser.add_argument("--prompts", type=Path)
    parser.add_argument("--again", action="store_true", help="measure walking the finished project again")
    given = parser.parse_args()
    if not given.folder.exists():
        glan.Project.create(given.folder, taxonomy="paper", pairs=given.pairs)
    project = glan.Project.open(given.folder)
    asked: list[str] = []

    def note(request: Request, _: Reply) -> None:
        if len(request.messages) == 1:
            asked.append(json.dumps([{"role": turn.role, "content": turn.content} for turn in request.messages]))

    options = glan.Options(
        max_in_flight=given.in_flight,
        concurrency="fixed",
        rebuild=given.again,
        watch=note if given.prompts is not None else None,
    )
    started, cpu = time.perf_counter(), time.process_time()
    result = asyncio.run(project.run(teacher=f"local/filler@{given.url}", options=options))
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    if given.prompts is not None:
        given.prompts.write_text("\n".join(asked) + "\n", encoding="utf-8")
    replies = json.loads(project.status_path.read_bytes())
    print(
        json.dumps(
            {
                "name": "glan",
                "version": glan.__version__,
                "pairs": result.pairs,
                "replies": sum(replies["hits" if given.again else "asked"].values()),
                "wall_s": round(wall_s, 3),
                "cpu_s": round(cpu_s, 3),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            }
        )
    )


main()
