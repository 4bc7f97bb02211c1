"""A small data set, a base of random weights, and the command line in this environment."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from commandline import CommandLine
from extras.train.tiny import write_base

import glan
from glan.dataset.shards import read_rows
from glan.project import Project
from glan.train.conversations import read_data
from glan.train.jobs import Job
from glan.train.recipes import read_recipe

PAIRS = 60
QUIET = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A data set of the offline textbook."""
    made = glan.Project.create(
        tmp_path_factory.mktemp("project") / "demo", pairs=PAIRS, recipe="demo", disciplines=["Astronomy", "Music"]
    )
    made.run_sync()
    return made


@pytest.fixture(scope="session")
def texts(project: Project) -> list[str]:
    rows = read_rows(project.train_path, ["messages"])
    return [message["content"] for row in rows for message in row["messages"]]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> Path:
    """A model of some three million random weights."""
    return write_base(tmp_path_factory.mktemp("base") / "base", texts)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> Path:
    """A much smaller one, for what is looked at in one step."""
    return write_base(tmp_path_factory.mktemp("small") / "base", texts, width=32, layers=2)


@pytest.fixture
def command(tmp_path: Path) -> CommandLine:
    """A command line without a key and without a network."""
    return CommandLine(home=tmp_path, key=None, variables=QUIET)


@pytest.fixture
def job(project: Project, small: Path, tmp_path: Path) -> Callable[..., Job]:
    """Return what makes a job of the recipe `tiny`, with some settings changed."""

    def make(recipe: str = "tiny", data: Path | None = None, **settings: Any) -> Job:  # noqa: ANN401
        found = read_recipe(recipe, {name: json.dumps(value) for name, value in settings.items()})
        return Job(
            out=tmp_path / "student",
            base=str(small),
            recipe=found,
            recipe_name=recipe,
            data=read_data(data or project.dataset_path, pairs=None, held_out=found.held_out),
        )

    return make


def written(path: Path, pairs: list[tuple[str, str]]) -> Path:
    """Write pairs as a file of messages."""
    lines = []
    for question, answer in pairs:
        messages: list[Mapping[str, str]] = [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
        lines.append(json.dumps({"messages": messages}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the libraries of others warn of what will change in them; here they are used as they are."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("default"))
