"""What curation costs: prints the tables of README.md and writes results.json beside it.

    python benchmarks/curation/peers.py build/curation        rensa, datasketch and datatrove: a minute
    python benchmarks/curation/costs.py build/curation                 all tables but ten million: about ten minutes
    python benchmarks/curation/costs.py --only checks
    python benchmarks/curation/costs.py --only slope --most 10000000   some 20 minutes and 7 GB

Each measurement is a process of its own, so that its memory is its own; all in one run, one after the other.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import msgspec
import peers
import texts

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PARTS = ("checks", "slope", "beside")
CHECKS = ("duplicates", "contamination", "both", "all")
GROUPS = (1, 8, 32, 128, 1_024)
N_ITEMS = 60_000


def told(command: Sequence[str | Path]) -> str:
    """Run one measurement and return what it prints."""
    done = subprocess.run([*map(str, command)], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def checks(n_questions: int) -> Iterator[dict[str, object]]:
    """Measure each check in groups of each size."""
    print(f"\nCPU microseconds a question in the quietest chunk (in half of them); {N_ITEMS:,} items\n")
    print("| check | " + " | ".join(f"groups of {size:,}" for size in GROUPS) + " |\n|---" + "|---" * len(GROUPS) + "|")
    for what in CHECKS:
        row = []
        for size in GROUPS:
            number = min(n_questions, size * 4_096)
            numbers = map(str, (size, number, N_ITEMS))
            found = json.loads(told([sys.executable, HERE / "measure.py", "checks", what, *numbers]))
            row.append(f"{found['least_us']:.0f} ({found['us']:.0f})")
            yield {"check": what, "group": size, "questions": number, **found}
        print(f"| {what} | " + " | ".join(row) + " |", flush=True)


def slope(most: int) -> Iterator[dict[str, object]]:
    """Measure duplicates as they get more."""
    print("\nDuplicates, groups of 128, as the index grows\n")
    print(
        "| questions | us a question there | us on average | bytes a question | MB at the peak |\n|---|---|---|---|---|"
    )
    for line in told([sys.executable, HERE / "measure.py", "slope", str(most + 1_024)]).splitlines():
        found = json.loads(line)
        each = found["filled_mb"] * 1e6 / found["questions"]
        print(
            f"| {found['questions']:,} | {found['us']:.1f} | {found['mean_us']:.1f} | {each:.0f} "
            f"| {found['peak_mb']:,.0f} |",
            flush=True,
        )
        yield found


def beside(folder: Path, n_questions: int) -> Iterator[dict[str, object]]:
    """Let each contender look for the copies in the same texts."""
    print(f"\nThe same {n_questions:,} questions for all; share of the planted copies that was found, by similarity\n")
    bins = [f"{start:.2f}" for start in texts.BINS]
    print(
        f"| program | us | MB | exact | {' | '.join(bins)} | false drops |\n|---|---|---|---{'|---' * len(bins)}|---|"
    )
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "questions.jsonl"
        texts.write(path, n_questions)
        known = texts.read(path)
        for name in ("glan", *peers.PEERS):
            python = Path(sys.executable) if name == "glan" else folder / name / "bin" / "python"
            if not python.exists():
                print(f"| {name}: {python} is not there; peers.py makes it |")
                continue
            output = told([python, HERE / "contenders" / f"{name}_copies.py", path])
            copies = msgspec.json.decode(output, type=texts.Copies)
            found = texts.compared(known, set(copies.dropped))
            us, more_mb = copies.cpu_s / n_questions * 1e6, copies.peak_mb - copies.before_mb
            shares = " | ".join(f"{found.recall[start]:.3f}" if start in found.recall else "" for start in bins)
            print(
                f"| {name} {copies.version} | {us:.0f} | {more_mb:.0f} | {found.exact:.3f} | {shares} "
                f"| {found.false_drops} |",
                flush=True,
            )
            yield {"program": name, "version": copies.version, "us": us, "mb": more_mb, **asdict(found)}
    print("\nNear copies there are: " + ", ".join(f"{start}: {n}" for start, n in found.counts.items()))


def main() -> None:
    """Read the arguments and measure; what was not measured stays in the file as it was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/curation"), help="of the environments")
    parser.add_argument("--only", choices=PARTS, help="measure this part alone")
    parser.add_argument("--questions", type=int, default=100_000, help="for checks and beside")
    parser.add_argument("--most", type=int, default=1_000_000, help="questions up to which the slope is measured")
    given = parser.parse_args()
    results = json.loads(RESULTS.read_bytes()) if RESULTS.exists() else {}
    for part in [given.only] if given.only else PARTS:
        if part == "checks":
            results[part] = list(checks(given.questions))
        elif part == "slope":
            results[part] = list(slope(given.most))
        else:
            results[part] = list(beside(given.folder, given.questions))
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


main()
