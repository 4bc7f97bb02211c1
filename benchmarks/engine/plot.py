"""Draws results.json: what each program gets out of the same server.

FOLDER/plot/bin/python benchmarks/engine/plot.py        writes benchmarks/engine/results.svg
"""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

HERE = Path(__file__).parent
OURS, OTHERS, BARE = "#1b6ca8", "#b8b8b8", "#7a7a7a"
_LONG = 10_000
"""Replies of a run that goes on for long enough after its ramp."""
_SLOWEST = 10
"""Replies per second at the left edge."""


def rate(found: dict[str, Any]) -> float:
    """Return replies per second: of a long run with latency those after the ramp, else those of the whole run."""
    wall: float = found["replies"] / found["wall_s"]
    steady: float = found["steady_per_s"]
    return steady if found["case"]["latency_ms"] and found["replies"] >= _LONG else wall


def bars(axes: Any, results: list[dict[str, Any]], *, latency_ms: int, in_flight: int) -> None:  # noqa: ANN401 - of a library without types
    """Draw one bar for each program."""
    chosen = [
        found
        for found in results
        if found["case"]["latency_ms"] == latency_ms
        and found["case"]["in_flight"] == in_flight
        and not found["case"]["is_again"]
        and not found["case"]["stall_rate"]
        and "error" not in found
    ]
    chosen.sort(key=rate)
    names = [found["case"]["contender"] for found in chosen]
    colours = [OURS if name == "glan" else BARE if name == "pyreqwest" else OTHERS for name in names]
    drawn = axes.barh([f"{name} (bare)" if name in {"pyreqwest", "openai"} else name for name in names],
                      [rate(found) for found in chosen], color=colours, left=0)  # fmt: skip
    axes.bar_label(drawn, [f"{rate(found):,.0f}" for found in chosen], padding=3)
    axes.set_xscale("log")
    axes.set_xlim(_SLOWEST, 60_000)
    waits = f"{latency_ms / 1000:g} s" if latency_ms else "no"
    axes.set_title(f"{waits} latency, {in_flight:,} in flight", loc="left")
    axes.set_xlabel("replies per second on one core (logarithmic)")
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Draw both pictures into one file."""
    results = json.loads((HERE / "results.json").read_text())["results"]
    mpl.rcParams.update({"svg.hashsalt": "glan", "font.size": 10})
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), constrained_layout=True)
    bars(left, results, latency_ms=0, in_flight=256)
    bars(right, results, latency_ms=1_000, in_flight=1_000)
    figure.savefig(HERE / "results.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
