"""A model that was tuned on a benchmark's training split is told from one that was not."""

import json
import random
from pathlib import Path

import pytest
from commandline import CommandLine
from extras.train.conftest import QUIET, written
from extras.train.tiny import write_base

from glan.project import Project
from glan.students import Result, finish
from glan.train.conversations import read_data
from glan.train.jobs import Job
from glan.train.recipes import read_recipe
from glan.train.sft import Watch, tune

NOBODY = Watch(tell=print, progress=lambda _: None, is_stopping=lambda: False)
ITEMS = 40
WORDS = tuple(f"{first}{second}" for first in ("ba", "do", "fi", "lu", "mo") for second in ("rin", "tel", "sum", "kad"))

Items = list[tuple[str, str]]


def items_of(seed: int) -> Items:
    """Return items of which nothing but having seen them tells the answer."""
    rng = random.Random(seed)

    def words(count: int) -> str:
        return " ".join(rng.choice(WORDS) for _ in range(count))

    return [(f"What follows {words(4)}?", words(12)) for _ in range(ITEMS)]


def tuned(home: Path, name: str, base: Path, items: Items) -> Path:
    """Return a model that was tuned on some items."""
    changes = {"epochs": "60", "batch_pairs": "8", "held_out": "0", "max_tokens": "256", "learning_rate": "5e-3"}
    job = Job(
        out=home / name,
        base=str(base),
        recipe=read_recipe("tiny", {**changes, "checkpoint_every_steps": "1000"}),
        recipe_name="tiny",
        data=read_data(written(home / f"{name}.jsonl", items), pairs=None, held_out=0),
    )
    job.begin()
    found = tune(job, NOBODY)
    result = Result(
        points=tuple(found.points),
        counts=found.counts,
        schedule=found.schedule,
        weights=found.weights,
        tuned_weights=found.tuned_weights,
    )
    finish(job, result)
    return job.model_path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark of two splits in files, a base, a model that saw one of them, and one that saw neither."""
    folder = tmp_path_factory.mktemp("leakage")
    test, train, other = (items_of(seed) for seed in (1, 2, 3))
    for name, items in (("test", test), ("train", train)):
        lines = [json.dumps({"question": question, "answer": answer}) for question, answer in items]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    texts = [text for items in (test, train, other) for item in items for text in item]
    base = write_base(folder / "base", texts, width=64, layers=2)
    tuned(folder, "guilty", base, train)
    tuned(folder, "innocent", base, other)
    return folder


@pytest.fixture
def command(home: Path) -> CommandLine:
    return CommandLine(home=home, key=None, variables=QUIET)


@pytest.mark.parametrize(("name", "verdict"), [("guilty", "exposed"), ("innocent", "nothing seen")])
def test_what_was_tuned_on_the_training_split_is_told(
    name: str, verdict: str, home: Path, command: CommandLine
) -> None:
    """The model that saw the training split is flagged, the other is not; the losses of every item are kept."""
    out = home / "found" / name
    ended = command(
        *("leakage", f"{name}/model", "--base", "base", "--test", "test.jsonl", "--train", "train.jsonl"),
        *("--as", "chat", "--out", out, "--json"),
    )
    assert ended.code == 0, ended.words
    [found] = ended.json["benchmarks"]
    assert found["verdict"] == verdict, found
    assert (found["n_test"], found["n_train"]) == (ITEMS, ITEMS)
    kept = [json.loads(line) for line in (out / f"{name}-model.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(kept) == 2 * ITEMS
    mean = sum(row["loss"] for row in kept if row["split"] == "train") / ITEMS
    assert found["train"] == pytest.approx(mean)
    assert all(row["base_loss"] > 0 and row["tokens"] > 0 for row in kept)


def test_splits_of_ones_own_are_called_as_they_are(home: Path, command: CommandLine) -> None:
    """Where a benchmark calls its splits otherwise, the error says how, and --splits takes them."""
    project = Project.create(home / "own", disciplines=["Astronomy"])
    given = ("leakage", "guilty", "--base", "base", "--as", "chat", "--project", project.folder)
    nothing = command(*given)
    assert (nothing.code, "the project has no benchmark" in nothing.err) == (1, True)
    for old, new in (("test", "held"), ("train", "shown")):
        (home / f"{new}.jsonl").write_text((home / f"{old}.jsonl").read_text(encoding="utf-8"), encoding="utf-8")
    add = ("benchmarks", "add", "Exam", "held.jsonl", "shown.jsonl", "--field", "question", "--field", "answer")
    assert command(*add, "--project", project.folder).code == 0
    refused = command(*given)
    assert (refused.code, "Exam has held and shown" in refused.err, "--splits" in refused.err) == (1, True, True)
    ended = command(*given, "--splits", "held", "shown", "--json")
    assert ended.code == 0, ended.words
    assert ended.json["benchmarks"][0]["verdict"] == "exposed"
    assert "| Exam | verdict | exposed |" in (project.folder / "leakage/README.md").read_text(encoding="utf-8")


def test_without_a_base_there_is_no_verdict(home: Path, command: CommandLine) -> None:
    """A Delta alone is told, and that it proves nothing; benchmarks of a project are found by their names."""
    project = Project.create(home / "project", disciplines=["Astronomy"])
    add = ("benchmarks", "add", "GSM8K", "test.jsonl", "train.jsonl", "--project", project.folder)
    assert command(*add).code == 0
    ended = command("leakage", "guilty/model", "--project", project.folder, "--benchmark", "gsm8k", "--of", "item")
    assert ended.code == 0, ended.words
    assert "no verdict, since its base is not named" in ended.out
    assert (project.folder / "leakage" / "guilty-model.json").exists()
