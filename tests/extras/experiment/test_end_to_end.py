"""The experiment of the paper by its own steps, everything real but small: from a taxonomy to tables and a curve."""

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from commandline import CommandLine, Ended, ids_of, replies_in, set_in, simulated
from extras.train.conftest import QUIET
from extras.train.tiny import write_base
from miniatures import write_all

from glan.dataset.shards import read_rows
from glan.project import Project
from glan.teachers.filler import Filler

SIZES = (50, 200)
HELD_OUT = 20
DISCIPLINES = "Astronomy,Mathematics,Psychology"
PER = 4
MAKE = shutil.which("make") or "make"
pytestmark = pytest.mark.timeout(900)
MARGIN = 0.5
"""In nats: what tuning must take off the held-out loss."""
TASKS = ("arc_easy", "arc_challenge", "mmlu", "gsm8k", "ifeval")
ITEMS = 4
"""Of each benchmark."""
REPLY_TOKENS = 24
"""What a student of random weights says is cut there."""
POSITIONS = 640
"""Tokens that the base takes."""


@dataclass(frozen=True)
class Experiment:
    """A folder that the recipe laid out, and how its steps are typed."""

    folder: Path
    command: CommandLine

    def make(self, *steps: str, **changes: str) -> Ended:
        """Type steps, and wait for their end."""
        process = self.begin(*steps, **changes)
        try:
            out, err = process.communicate(timeout=500)
        finally:
            if process.poll() is None:
                gone(process)
        return Ended(code=process.returncode, out=out, err=err)

    def done(self, *steps: str, **changes: str) -> str:
        """Return what steps print that end well."""
        ended = self.make(*steps, **changes)
        assert ended.code == 0, ended.words
        return ended.out

    def begin(self, *steps: str, **changes: str) -> "subprocess.Popen[str]":
        """Start steps in a group of processes of their own."""
        return subprocess.Popen(
            [MAKE, *steps, *(f"{name}={value}" for name, value in changes.items())],
            cwd=self.folder,
            env=self.command.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def json(self, name: str) -> Any:  # noqa: ANN401 - a document
        return json.loads((self.folder / name).read_bytes())

    def text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


def settings(home: Path, **changes: object) -> str:
    """Return what stands in settings.mk in place of the paper's."""
    found: Mapping[str, object] = {
        "SIZES": " ".join(map(str, SIZES)),
        "HELD_OUT": HELD_OUT,
        "PER_DISCIPLINE": PER,
        "BASE": home / "base",
        "RECIPE": "tiny",
        "TRAIN": f"--set max_tokens={POSITIONS} --set epochs=1 --set batch_pairs=8",
        "EVAL": f"--data {home / 'miniatures'} --tasks {','.join(TASKS)} --limit {ITEMS}",
        "EXPOSURE": "GSM8K",
        "JUDGE": "--judge openai/judge",
        "GLAN": f"{sys.executable} -m glan",
        **changes,
    }
    return "".join(f"{name} = {value}\n" for name, value in found.items())


def splits_in(home: Path) -> list[Path]:
    """Write two splits of GSM8K that no student of ours has seen."""
    paths = []
    for name, first in (("test", 100), ("train", 101)):
        rows = [
            {"question": f"Ann has {i} apples and gets {i % 7} more. How many has she?", "answer": f"#### {i + i % 7}"}
            for i in range(first, first + 60, 2)
        ]
        paths.append(home / f"{name}.jsonl")
        paths[-1].write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return paths


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Experiment]:
    """All steps up to the data set, with the textbook as the teacher, and a server that judges by luck."""
    home = tmp_path_factory.mktemp("experiment")
    with simulated(teacher=Filler(size=200)) as server:
        command = CommandLine(home=home, base_url=server.base_url, variables=QUIET)
        ended = command("init", "paper", "--recipe", "paper-experiment", "--disciplines", DISCIPLINES)
        assert ended.code == 0, ended.words
        made = Experiment(home / "paper", command)
        with (made.folder / "settings.mk").open("a", encoding="utf-8") as file:
            file.write(settings(home))
        set_in(made.folder, "spec", '"offline"')
        set_in(made.folder, "students", str(REPLY_TOKENS))
        add = command("benchmarks", "add", "GSM8K", *splits_in(home), "--project", made.folder)
        assert add.code == 0, add.words
        made.done("plan", "check", "test-set")
        killed = made.begin("run")
        wait(lambda: replies_in(made.folder) > 150 or killed.poll() is not None)
        gone(killed)
        made.done("run")
        texts = [
            turn["content"]
            for row in read_rows(made.folder / "dataset/train", ["messages"])
            for turn in row["messages"]
        ]
        write_base(home / "base", texts, width=192, positions=POSITIONS)
        write_all(home / "miniatures")
        yield made


@pytest.fixture(scope="module")
def trained(experiment: Experiment) -> Experiment:
    """The students."""
    experiment.done("train")
    return experiment


@pytest.fixture(scope="module")
def examined(trained: Experiment) -> Experiment:
    """Their examinations, and the tables."""
    trained.done("eval", "leakage", "tables")
    return trained


def test_the_data_set_is_one_for_all_sizes(experiment: Experiment) -> None:
    """It has the pairs of the greatest size and those that no student learns; typed again nothing is asked."""
    assert len(ids_of(experiment.folder)) == max(SIZES) + HELD_OUT
    assert Project.open(experiment.folder).manifest() is not None
    assert "0 calls" in experiment.done("run")
    assert experiment.json("test-set/manifest.json")["slots"]["pairs"] == 3 * PER


def test_each_student_learns_what_it_was_not_shown(trained: Experiment) -> None:
    """The loss on the same held-out pairs falls below the untrained model's by a margin, and more pairs are better."""
    made = [trained.json(f"students/{size}/model/training.json") for size in SIZES]
    counts = [each["counts"] for each in made]
    whole = [each["trained"] + each["held_out"] + sum(each["left_out"].values()) for each in counts]
    assert whole == [size + HELD_OUT for size in SIZES]
    assert len({each["held_out"] for each in counts}) == 1
    assert len({round(each["held_out_loss_before"], 3) for each in made}) == 1
    few, many = (each["held_out_loss"] for each in made)
    assert many < made[1]["held_out_loss_before"] - MARGIN
    assert many < few < made[0]["held_out_loss_before"]


def test_a_finished_step_is_left_as_it_is(trained: Experiment) -> None:
    """Typed again, training makes nothing anew."""
    before = (trained.folder / "students/200/model/losses.csv").stat().st_mtime_ns
    assert trained.done("train").count("finished already") == len(SIZES)
    assert (trained.folder / "students/200/model/losses.csv").stat().st_mtime_ns == before


@pytest.mark.parametrize("name", ["base", "50", "200"])
def test_tables_1_2_and_4_have_every_model(name: str, examined: Experiment) -> None:
    """Of each model a page sets its numbers above the paper's, from every item of the benchmarks that were there."""
    results = examined.json(f"eval/{name}/results.json")
    for task in TASKS:
        found = results["tasks"][task]
        assert (found["there"], found["asked"], found["answered"]) == (10, ITEMS, ITEMS), task
    own = "base" if name == "base" else f"glan-{name}"
    for page in (examined.text(f"eval/{name}/README.md"), examined.text("tables/README.md")):
        tables = [part.partition("\n## ")[0] for part in page.split("\n## Table ")[1:]]
        assert [part[0] for part in tables] == ["1", "2", "4"]
        assert all(f"\n| {own} |" in part for part in tables)
        assert "| 80.8 |" in page  # GLAN on GSM8K


def test_table_3_sets_every_student_beside_the_paper(examined: Experiment) -> None:
    """Of each the losses, what they come to and a verdict, beside the paper's numbers."""
    page = examined.text("leakage/README.md")
    rows = {cells[2]: cells[3:] for line in page.splitlines() if line.startswith("| GSM8K") for cells in [split(line)]}
    assert rows["L test"][2:7] == ["1.38", "1.14", "1.26", "1.14", "2.17"]
    assert all(0 < float(loss) < 12 for loss in rows["L test"][:2])
    for test, train, delta in zip(rows["L test"][:2], rows["L train"][:2], rows["Delta"][:2], strict=True):
        assert float(delta) == pytest.approx(float(test) - float(train), abs=0.002)
    assert {"nothing seen", "exposed"} >= set(rows["verdict"][:2])


def test_the_curve_is_drawn_over_the_pairs(examined: Experiment) -> None:
    """A picture, and a table with each student's number of pairs."""
    assert examined.text("tables/scaling.svg").startswith("<svg")
    rows = list(csv.DictReader(examined.text("tables/scaling.csv").splitlines()))
    counts = [examined.json(f"students/{size}/model/training.json")["counts"]["trained"] for size in SIZES]
    assert sorted({int(row["pairs"]) for row in rows}) == counts
    assert {row["benchmark"] for row in rows} >= {"ARC-E", "MMLU", "GSM8K"}


def test_the_judge_closes_the_loop(examined: Experiment) -> None:
    """The student in its folder is judged without a server of its own, and its scores give the weak more pairs."""
    told = examined.done("judge")
    summary = examined.json("judge/reference/summary.json")
    assert (summary["contestants"], summary["judged"]) == (["glan-200", "reference"], 3 * PER)
    assert len(summary["tables"]["discipline"]) == 3
    assert "glan taxonomy rebalance" in told
    assert "0 calls" in examined.done("judge")
    refused = examined.make("rebalance")
    assert (refused.code, "--yes" in refused.err) == (2, True), refused.words
    before = ids_of(examined.folder)
    examined.done("rebalance", "next", YES="--yes")
    assert "already; nothing was changed" in examined.done("rebalance", YES="--yes")
    assert set(before) <= set(ids_of(examined.folder))
    assert len(ids_of(examined.folder)) > len(before)


def gone(process: "subprocess.Popen[str]") -> None:
    """Kill a step with all that it has begun."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def split(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")][:-1]


def wait(until: Callable[[], bool]) -> None:
    begun_s = time.monotonic()
    while not until():
        assert time.monotonic() - begun_s < 240, "It did not get so far."
        time.sleep(0.05)
