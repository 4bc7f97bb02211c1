"""Several devices come to what one comes to: two processes on this machine's processor."""

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import CommandLine

from glan.project import Project
from glan.train.jobs import Job
from glan.train.sft import Watch, tune

CHANGES = {"epochs": 1, "packing": True, "pairs_per_device": 1, "held_out": 0}
QUIET = Watch(tell=print, progress=lambda _: None, is_stopping=lambda: False)


def test_two_devices_have_the_losses_of_one(
    job: Callable[..., Job], command: CommandLine, project: Project, small: Path, tmp_path: Path
) -> None:
    """Every step has the same pairs, so its loss is the same but for the order in which numbers are added.

    The last step of an epoch is no whole batch; for two devices it is filled up from the beginning.
    """
    alone = job(**CHANGES)
    alone.begin()
    wanted = [point.loss for point in tune(alone, QUIET).points]
    assert len(wanted) > 2

    changes = [f"{name}={str(value).lower()}" for name, value in CHANGES.items()]
    given = ["train", "--project", str(project.folder), "--recipe", "tiny", "--base", str(small), "--out", "two"]
    launched = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "glan", *given]
    ended = subprocess.run(
        [*launched, *(word for change in changes for word in ("--set", change))],
        cwd=tmp_path,
        env=command.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert ended.returncode == 0, ended.stderr
    assert "on 2 devices" in ended.stdout
    assert ended.stdout.count("is made") == 1
    with (tmp_path / "two" / "model" / "losses.csv").open(encoding="utf-8") as file:
        found = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(found) == len(wanted)
    assert found[:-1] == pytest.approx(wanted[:-1], abs=1e-3)
