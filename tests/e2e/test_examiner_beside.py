"""Runs whose texts are examined in a process of its own: the same bytes, and nothing lost when that process dies."""

import asyncio

import psutil
import pytest
from harness import Counting, assert_accounts, configure, project, published, run, small

from glan.errors import CurationError
from glan.options import Options
from glan.project import Project
from glan.runs import Run
from glan.teachers.faults import Faulty
from glan.teachers.panel import Panel

LEAVES = ["Physics", "Law", {"name": "C++", "weight": 2}]
FAULTS = {"refusal": 0.05, "cut-off": 0.05, "malformed": 0.1}


@pytest.mark.parametrize("max_in_flight", [1, 500])
def test_where_texts_are_examined_changes_no_byte(max_in_flight: int) -> None:
    """Rows, rejects and their reasons are the same in one process and in two, also where there are copies."""
    found = []
    for beside in ("never", "always"):
        with project(LEAVES, curation_beside=beside) as folder:
            teacher = Faulty(small(near_copies=0.2), seed=1, rates=FAULTS)
            assert_accounts(folder, run(folder, teacher, pairs=120, max_in_flight=max_in_flight))
            found.append(published(folder))
    assert found[0] == found[1]
    assert any(name.startswith("rejects") for name in found[0])


def test_a_killed_examiner_stops_the_run_and_loses_nothing() -> None:
    """The run ends with the cause, and the next one asks only for what the first one had in flight."""

    def kill_the_examiner(_: int) -> None:
        if begun.progress.pairs > 0:  # by its number a call may come before the examiner has let any pair pass
            for child in psutil.Process().children():
                child.kill()

    with project(LEAVES, curation_beside="always") as folder:
        first = Counting(small(), on_call=kill_the_examiner)
        options = Options(rebuild=True, pairs=200, max_in_flight=8)
        begun = Run(Project.open(folder), Panel.of(first, first.model), options)
        stopped = asyncio.run(begun(lambda _: False))
        assert (stopped.exit_code, type(stopped.stopped)) == (1, CurationError)
        assert_accounts(folder, stopped)
        assert 0 < stopped.pairs < 200
        second = Counting(small())
        assert run(folder, second, pairs=200, max_in_flight=8).exit_code == 0
        killed = published(folder)
        assert not (first.answered & second.answered).total()
        configure(folder, curation_beside="never")
        run(folder, small(), pairs=200)
        assert published(folder) == killed
