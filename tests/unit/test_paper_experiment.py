"""The recipe `paper-experiment`: what it lays out, and that every step is a command that glan has."""

import os
import shlex
import shutil
import subprocess
from importlib import resources
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from glan.cli import cli
from glan.config import read_recipe
from glan.errors import ProjectError
from glan.project import Project

STEPS = {
    "plan": 1,
    "check": 1,
    "benchmarks": 1,
    "test-set": 1,
    "run": 1,
    "train": 4,
    "eval": 5,
    "leakage": 4,
    "judge": 1,
    "tables": 1,
    "rebalance": 1,
    "next": 1,
}
"""Each with how many commands it has at the paper's four sizes."""
MAKE = shutil.which("make") or "make"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `glan init --recipe paper-experiment` makes."""
    folder = tmp_path_factory.mktemp("experiment") / "paper"
    made = CliRunner().invoke(cli, ["init", str(folder), "--recipe", "paper-experiment"])
    assert made.exit_code == 0, made.output
    assert f"{folder}/README.md has the steps" in made.output
    return folder


def commands(folder: Path, step: str, **changes: str) -> list[list[str]]:
    """Return the words of every command of a step, which is not run."""
    ended = subprocess.run(
        [MAKE, "-n", step, *(f"{name}={value}" for name, value in changes.items())],
        cwd=folder,
        env={"PATH": os.defpath},  # nothing of the make that runs the tests
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [shlex.split(line) for line in ended.stdout.splitlines()]


def refuse_unknown(words: list[str]) -> None:
    """Let click read a command as it would be typed, and run nothing."""
    name, *rest = words
    assert name == "glan"
    found: click.Command = cli
    while isinstance(found, click.Group):
        below = found.get_command(click.Context(found), rest[0])
        assert below is not None, rest
        found, rest = below, rest[1:]
    found.make_context(name, rest, parent=click.Context(cli, info_name="glan", **cli.context_settings))


def test_it_is_the_paper_as_far_as_that_says(folder: Path) -> None:
    """The settings of the recipe `paper`, its taxonomy of 126 disciplines, and its four sizes in settings.mk alone.

    A run that names no number of pairs must not make ten million.
    """
    project = Project.open(folder)
    assert len(project.taxonomy.disciplines) == 126
    assert project.config == read_recipe("paper").config
    assert project.config.pairs < 50_000
    assert "SIZES = 50000 200000 1000000 10000000\n" in (folder / "settings.mk").read_text()


@pytest.mark.parametrize("step", STEPS)
def test_every_step_is_a_command_of_glan(step: str, folder: Path) -> None:
    """Each line is one command with options that it has."""
    found = commands(folder, step)
    assert len(found) == STEPS[step]
    for words in found:
        refuse_unknown(words)


def test_sizes_are_variables(folder: Path) -> None:
    """The same files make other students: prefixes of one data set, each in a folder of its own, and a next round."""
    small = commands(folder, "train", SIZES="50 200", HELD_OUT="20", ROUND="-2", RECIPE="tiny")
    assert [words[words.index("--pairs") + 1] for words in small] == ["50", "200"]
    assert [words[words.index("--out") + 1] for words in small] == ["students-2/50", "students-2/200"]
    [run] = commands(folder, "run", SIZES="50 200", HELD_OUT="20")
    assert run[run.index("--pairs") + 1] == "220"
    recipes = [words[words.index("--recipe") + 1] for words in commands(folder, "train")]
    assert recipes == ["auto", "auto", "auto", "paper"]


def test_an_opponent_is_named_once(folder: Path) -> None:
    """Its name is that of its results, and SPEC_NAME says where it is."""
    found = commands(folder, "judge", OTHERS="reference orca", SPEC_orca="vllm/orca@http://localhost:8001/v1")
    assert [words[3] for words in found] == ["reference=reference", "orca=vllm/orca@http://localhost:8001/v1"]
    assert [words[words.index("--out") + 1] for words in found] == ["judge/reference", "judge/orca"]


def test_make_alone_begins_nothing(folder: Path) -> None:
    """It names the steps: no step begins another one, and nothing is paid for that was not typed."""
    ended = subprocess.run([MAKE], cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    assert all(step in ended.stdout for step in STEPS)
    assert not (folder / "ledger.sqlite").exists()


@pytest.mark.parametrize("name", ["Makefile", "README.md", "settings.mk"])
def test_files_of_ones_own_are_left_alone(name: str, tmp_path: Path) -> None:
    """A folder that has a file of that name is refused, and stays as it is."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(ProjectError, match=name):
        Project.create(tmp_path, recipe="paper-experiment")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "mine"}


def test_the_steps_of_the_readme_are_those_of_the_makefile() -> None:
    """Every step is told, with what it costs, and every setting that is named there exists."""
    texts = read_recipe("paper-experiment").files
    told = [line.split("`")[1] for line in texts["README.md"].splitlines() if line.startswith("| ") and "`" in line[:8]]
    assert told == [step for step in STEPS if step not in {"rebalance", "next"}]
    folder = resources.files("glan") / "recipes" / "paper-experiment"
    assert {file.name for file in folder.iterdir()} == texts.keys()
