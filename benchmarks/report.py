"""How long the report of a finished project takes, how much memory, and how large its page is; printed as a line.

python benchmarks/report.py FOLDER            a project of yours, such as one that `make bench` has made
python benchmarks/report.py FOLDER --subjects 25000    and how large the page is with so many subjects in its tree
"""

import argparse
import asyncio
import resource
import time
from pathlib import Path

import msgspec

from glan.project import Project
from glan.report.counting import Tally
from glan.report.gathering import gathered
from glan.report.page import page_of
from glan.report.tree import as_data, tree_of

PAIRS_EACH = 53
"""Of a subject, where a million pairs have 18,900 of them."""


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--subjects", type=int, default=0)
    given = parser.parse_args()
    begun, begun_cpu = time.perf_counter(), time.process_time()
    found = asyncio.run(gathered(Project.open(given.folder)))
    page = page_of(found)
    wall, cpu = time.perf_counter() - begun, time.process_time() - begun_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{found.summary.pairs:,} pairs: {wall:.1f} s, {cpu:.1f} s CPU, {peak:.0f} MB, page of {len(page) / 1e6:.2f} MB"
    )
    if given.subjects:
        small = len(msgspec.json.encode(as_data(found.tree)))
        large = len(msgspec.json.encode(_tree(given.subjects)))
        print(f"with {given.subjects:,} subjects: page of {(len(page) + large - small) / 1e6:.2f} MB")


def _tree(subjects: int) -> dict[str, object]:
    """Return a tree with so many subjects in 126 disciplines, with titles of 40 characters."""
    tallies = {
        (f"leaf {i % 126}", f"subject {i}"): Tally(
            f"Introduction to the subject number {i:06}", f"Leaf {i % 126}", ("Field",), PAIRS_EACH, 3, 1, drawn=95
        )
        for i in range(subjects)
    }
    return as_data(tree_of([], tallies, dict.fromkeys(tallies, 100)))


main()
