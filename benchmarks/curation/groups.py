"""How many questions come together in a real run, and what the examiner takes for each of them there.

    python benchmarks/engine/server.py --port 8099 --latency-ms 1000 &
    python benchmarks/curation/groups.py FOLDER --url http://127.0.0.1:8099/v1 --pairs 12000 --in-flight 1000

The examiner is in the run's own process here, so that it can be watched; the rules of a run are all on.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import glan
from glan.curate import examiner
from glan.curate.examiner import Examiner, Finding
from glan.curate.quality import Text

_BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128)


class Watched(Examiner):
    """An examiner that notes what it is given and what that takes."""

    sizes: list[int] = []  # noqa: RUF012 - one for the whole program
    cpu_s = 0.0

    def questions(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Judge questions."""
        begun = time.thread_time()
        found = super().questions(texts)
        Watched.cpu_s += time.thread_time() - begun
        Watched.sizes.append(len(texts))
        return found


def main() -> None:
    """Make a project, run it once, and print how its questions came."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", required=True)
    parser.add_argument("--pairs", type=int, default=12_000)
    parser.add_argument("--in-flight", type=int, default=256)
    given = parser.parse_args()
    examiner.Examiner = Watched  # type: ignore[misc]
    project = glan.Project.create(given.folder, taxonomy="paper", pairs=given.pairs)
    settings = given.folder / "glan.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace('beside = "auto"', 'beside = "never"'), "utf-8")
    options = glan.Options(max_in_flight=given.in_flight, concurrency="fixed")
    asyncio.run(project.run(teacher=f"local/filler@{given.url}", options=options))
    sizes, total = Watched.sizes, sum(Watched.sizes)
    print(f"{total:,} questions in {len(sizes):,} groups, {statistics.mean(sizes):.1f} in one on average")
    for low, high in zip(_BOUNDS, (*_BOUNDS[1:], 1_000), strict=True):
        inside = [size for size in sizes if low <= size < high]
        print(f"groups from {low}: {len(inside) / len(sizes):.0%}, with {sum(inside) / total:.0%} of the questions")
    print(f"{Watched.cpu_s / total * 1e6:.0f} us of CPU for each question")


main()
