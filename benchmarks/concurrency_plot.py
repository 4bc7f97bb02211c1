"""Draws concurrency.json: how the replies per second and the window follow a server.

FOLDER/plot/bin/python benchmarks/concurrency_plot.py        writes benchmarks/concurrency.svg
"""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

HERE = Path(__file__).parent
OURS, BEST, WINDOW = "#1b6ca8", "#b8b8b8", "#c8762b"
SPAN = 8
"""Moments over which replies are counted: four seconds."""


def draw(axes: Any, name: str, moments: list[dict[str, float]]) -> None:  # noqa: ANN401 - of a library without types
    """Draw one case: what comes, the best there is, and the window."""
    pairs = list(zip(moments, moments[SPAN:], strict=False))
    axes.plot([later["now"] for _, later in pairs], [later["best"] for _, later in pairs], color=BEST, linewidth=3)
    rates = [(later["paid"] - before["paid"]) / (later["now"] - before["now"]) for before, later in pairs]
    axes.plot([later["now"] for _, later in pairs], rates, color=OURS, linewidth=1.2)
    beside = axes.twinx()
    beside.plot(
        [moment["now"] for moment in moments], [moment["size"] for moment in moments], color=WINDOW, linewidth=0.8
    )
    beside.set_ylim(0, 1.6 * max(moment["size"] for moment in moments))
    axes.set_ylim(0, 1.3 * max(later["best"] for _, later in pairs))
    refused = moments[-1]["refused"] / max(1.0, moments[-1]["refused"] + moments[-1]["paid"])
    axes.set_title(f"{name}: {refused:.1%} refused", loc="left", fontsize=9)
    axes.spines["top"].set_visible(False)
    beside.spines["top"].set_visible(False)


def main() -> None:
    """Draw all cases into one file."""
    found = json.loads((HERE / "concurrency.json").read_text())
    mpl.rcParams.update({"svg.hashsalt": "glan", "font.size": 8})
    figure, grid = plt.subplots(2, (len(found) + 1) // 2, figsize=(13, 5), constrained_layout=True)
    for axes, (name, moments) in zip(grid.flat, found.items(), strict=False):
        draw(axes, name, moments)
    figure.suptitle(
        "Replies per second (blue), the best there is (grey), requests in flight (orange, right), by seconds"
    )
    figure.savefig(HERE / "concurrency.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
