"""The small forms of what `make bench` measures at scale: calls and memory, and no time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "grown.py"
SMALL, LARGE = 2_000, 20_000
WALKS = 3
"""The least of their peaks is what a walk needs: how much garbage waits at the worst moment is chance."""
BYTES_PER_PAIR = 1_024 + 16
"""What a question and its draw may take; 300 MB are for everything else."""


def measured(folder: Path, pairs: int) -> dict[str, int]:
    ended = subprocess.run(
        [sys.executable, str(PROGRAM), str(folder), str(pairs)], check=True, capture_output=True, text=True
    )
    found: dict[str, int] = json.loads(ended.stdout)
    assert found["pairs"] == pairs
    return found


@pytest.fixture(scope="module", name="runs")
def made_and_walked(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, str], dict[str, int]]:
    """Projects of both sizes, made from nothing and walked again."""
    folder = tmp_path_factory.mktemp("scale")
    found = {}
    for pairs in (SMALL, LARGE):
        found[pairs, "made"] = measured(folder / str(pairs), pairs)
        walks = [measured(folder / str(pairs), pairs) for _ in range(WALKS)]
        found[pairs, "walked"] = min(walks, key=lambda walk: walk["peak_kb"])
    return found


@pytest.mark.long
def test_a_finished_project_is_walked_again_without_a_call(runs: dict[tuple[int, str], dict[str, int]]) -> None:
    """Everything is in the ledger, so nobody is asked."""
    for pairs in (SMALL, LARGE):
        assert runs[pairs, "made"]["asked"] >= 2 * pairs
        assert runs[pairs, "walked"]["asked"] == 0


@pytest.mark.long
@pytest.mark.parametrize("what", ["made", "walked"])
def test_memory_grows_with_the_questions_and_little_else(
    runs: dict[tuple[int, str], dict[str, int]], what: str
) -> None:
    """From 2,000 to 20,000 pairs it grows by less than twice what their questions and draws may take."""
    grown = (runs[LARGE, what]["peak_kb"] - runs[SMALL, what]["peak_kb"]) * 1024
    assert grown < 2 * BYTES_PER_PAIR * (LARGE - SMALL)
    assert runs[LARGE, what]["peak_kb"] * 1024 < 300 * 2**20 + BYTES_PER_PAIR * LARGE
