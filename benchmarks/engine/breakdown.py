r"""Where the time of a reply goes, layer by layer, from a profile that py-spy took.

    FOLDER/profile/bin/py-spy record --rate 300 --format raw --output profile.txt -- \
        FOLDER/glan/bin/python benchmarks/engine/contenders/glan_run.py --url URL --pairs 20000 --in-flight 256 PROJECT
    python benchmarks/engine/breakdown.py profile.txt 340        340 us of processor time a reply, as run.py tells it

A sample counts for the innermost frame that is ours; what lies below it (jinja, numpy, SQLite, Zstandard) was called
for it. Frames of the event loop alone are the event loop's.
"""

import argparse
import re
from collections import Counter
from pathlib import Path

LAYERS: dict[str, str] = {
    "HTTP": r"teachers/(http|wire|kinds|troubles|manners|rates|traffic|panel)\.py",
    "ledger: asked, committed": r"teachers/(ledger\w*|fingerprints)\.py|packing\.py",
    "prompts": r"generate/(asking|questions|answers|syllabi|subjects)\.py|prompts/",
    "walk, draws, listings": r"generate/walk\.py|draws\.py|sets\.py|parsing\.py|plan\.py",
    "curation": r"curate/",
    "rows, statistics, parquet": r"dataset/|outputs\.py",
    "pipeline and streams": r"pipeline\.py|streams\.py|progress\.py|teachers/(limits|window|watched|suspicions)\.py",
}
_FRAME = re.compile(r"\(([^()]*?):?\d*\)$")
_IDLE = ("_next_group (glan/teachers/ledger_writer", "_worker (concurrent/futures/thread", "_do_waitpid")
"""Threads that wait, which a sampler cannot always tell from threads that work."""


def layer_of(stack: str) -> str:
    """Return the layer that a sample counts for."""
    for frame in reversed(stack.split(";")):
        found = _FRAME.search(frame)
        path = found.group(1) if found else ""
        for layer, pattern in LAYERS.items():
            if "glan/" in path and re.search(pattern, path):
                return layer
    if "asyncio/" in stack:
        return "event loop"
    return "threads of the HTTP client" if "(" not in stack else "everything else, with start and end"


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("profile", type=Path)
    parser.add_argument("cpu_us", type=float, help="processor time of a reply, in microseconds")
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    for line in given.profile.read_text(encoding="utf-8").splitlines():
        stack, _, count = line.rpartition(" ")
        if not any(idle in stack for idle in _IDLE):
            counts[layer_of(stack)] += int(count)
    total = counts.total()
    print("| layer | share | us a reply |\n|---|---|---|")
    for layer, count in counts.most_common():
        print(f"| {layer} | {count / total:.0%} | {given.cpu_us * count / total:.0f} |")


if __name__ == "__main__":
    main()
