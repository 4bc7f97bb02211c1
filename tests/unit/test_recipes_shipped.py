"""The recipes that are shipped: a project begins with each, and the next run of it can be planned."""

import json
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner

from glan.cli import cli
from glan.config import Config, read_recipe, recipes
from glan.project import Project


@pytest.mark.parametrize("name", recipes())
def test_a_project_begins_with_each_recipe_and_can_be_planned(name: str, tmp_path: Path) -> None:
    """Init with a recipe makes a project whose settings are the recipe's and whose plan comes to all its pairs."""
    folder = tmp_path / "made"
    made = CliRunner().invoke(cli, ["init", str(folder), "--recipe", name])
    assert made.exit_code == 0, made.output
    project = Project.open(folder)
    assert project.config == read_recipe(name).config
    (folder / "servers.txt").write_text("http://127.0.0.1:1/v1\n")
    planned = CliRunner().invoke(cli, ["plan", "--project", str(folder), "--json"])
    assert planned.exit_code == 0, planned.output
    assert json.loads(planned.output)["pairs"] == project.config.pairs


@pytest.mark.parametrize("name", sorted(set(recipes()) - {"default"}))
def test_a_recipe_differs_from_the_defaults_and_says_what_it_is_for(name: str) -> None:
    """A recipe sets something, and its file begins with a sentence that the reference shows."""
    found = read_recipe(name)
    assert (found.config, found.taxonomy) != (Config(), "builtin")
    text = (resources.files("glan") / "recipes" / f"{name}.toml").read_text(encoding="utf-8")
    assert text.startswith("# ")


def test_a_recipes_disciplines_give_way_to_those_that_are_named(tmp_path: Path) -> None:
    """Disciplines or a taxonomy on the command line go before the recipe's own."""
    assert len(Project.create(tmp_path / "a", recipe="code").taxonomy.disciplines) == 11
    named = Project.create(tmp_path / "b", recipe="code", disciplines=["Music"])
    assert [each.name for each in named.taxonomy.disciplines] == ["Music"]
    assert len(Project.create(tmp_path / "c", recipe="code", taxonomy="paper").taxonomy.disciplines) == 126
