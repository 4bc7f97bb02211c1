"""Every block that README and docs show is run, or says why it is not."""

import ast
import asyncio
import inspect
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from commandline import simulated
from ruamel.yaml import YAML
from scenes import OTHERS, PARSED, SCENES, scene_of
from shown import FEW, PROJECT, ROOT, Block, Shell, blocks_of, play

import glan
from glan.config import Config, settings_of
from glan.taxonomy.tree import Taxonomy
from glan.teachers.offline import Textbook
from glan.teachers.simulate import Server, Simulated

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/**/*.md")])
BLOCKS = [block for path in PAGES for block in blocks_of(path)]
SHELL = ("sh", "bash", "console")
NO_CODE = {"text", "markdown"}
DISCIPLINES = (
    *("Algebra", "Astronomy", "Automotive industry", "Classics", "Geology"),
    *("Law", "Mathematics", "Microbiology", "Physics", "Statistics"),
)
"""What the pages name, each with the branches above it."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Whoever is asked: the textbook behind the protocol of OpenAI."""
    with simulated(Simulated(), Textbook()) as found:
        yield found


@pytest.fixture(scope="module")
def template(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """The project of the pages: new, and with a data set."""
    home = tmp_path_factory.mktemp("shown")
    found = {is_made: home / str(is_made) / PROJECT for is_made in (False, True)}
    for folder in found.values():
        folder.parent.mkdir()
        glan.Project.create(folder, pairs=FEW, disciplines=DISCIPLINES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", server.base_url)
        assert glan.Project.open(found[True]).run_sync(teacher=glan.teachers.openai("gpt-5-mini")).pairs == FEW
    return found


def written_in(*languages: str) -> pytest.MarkDecorator:
    """Give a test every block of some languages."""
    found = [block for block in BLOCKS if block.language in languages]
    return pytest.mark.parametrize("block", found, ids=[block.name for block in found])


@written_in(*SHELL)
def test_every_block_of_shell_runs(
    block: Block, server: Server, template: dict[bool, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Line by line, in the scene that the page has set; each ends well."""
    if block.reason:
        block.parse()
        return
    scene = scene_of(block)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-nobody")
    monkeypatch.setenv("HOME", str(tmp_path))
    shell = Shell(
        folder=tmp_path,
        base_url=server.base_url,
        monkeypatch=monkeypatch,
        others=OTHERS,
        parsed=PARSED,
    )
    is_new = not scene.inside and any(f"glan init {PROJECT}" in line for line in block.lines)
    play(block, scene, shell, None if is_new else template[scene.made])


@written_in("python")
async def test_every_block_of_python_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands, in an empty folder, without a key; it may await."""
    compiled = compile(block.text, block.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if block.reason:
        return
    monkeypatch.chdir(tmp_path)
    found = eval(compiled, {"__name__": block.name})  # noqa: S307 - a coroutine of the documentation's own code
    if inspect.isawaitable(found):
        await asyncio.wait_for(found, 60)


@written_in("toml")
def test_every_block_of_toml_is_settings(block: Block) -> None:
    """A project that has it in its glan.toml, or a recipe with it, can be opened."""
    found = tomllib.loads(block.text)
    if not block.reason:
        if block.page == "docs/configuration.md":  # it has the recipes, which name a tree as well
            found = {name: value for name, value in found.items() if name not in {"disciplines", "recipe", "taxonomy"}}
        settings_of(Config, found, block.name)


@written_in("yaml")
def test_every_block_of_yaml_is_a_tree(block: Block) -> None:
    """A taxonomy that a page shows can be read."""
    if not block.reason:
        assert Taxonomy.parse(block.text, block.name).disciplines


@written_in("json", "jsonl", "yml")
def test_every_block_of_data_can_be_read(block: Block) -> None:
    """As one value, or as one on each line; `yml` is what other programs read, such as a cluster."""
    if block.language == "yml":
        assert list(YAML(typ="safe").load_all(block.text))
        return
    for text in block.text.splitlines() if block.language == "jsonl" else [block.text]:
        json.loads(text)


def test_every_scene_is_of_a_block() -> None:
    """The table has no scene for what no page shows any more."""
    shown = {(block.page, line) for block in BLOCKS if block.language in SHELL for line in block.lines}
    for page, begin in SCENES:
        assert any(page == each and line.startswith(begin) for each, line in shown), (page, begin)


def test_no_block_is_left_out() -> None:
    """Each is in a language that one of the tests above takes, or is plain text, or says why it is not run."""
    known = {*SHELL, *NO_CODE, "python", "toml", "yaml", "yml", "json", "jsonl"}
    assert [block.name for block in BLOCKS if block.language not in known and not block.reason] == []
    texts = [path.read_text(encoding="utf-8") for path in PAGES]
    fences = [line for text in texts for line in text.splitlines() if line.startswith("```")]
    assert len(fences) == 2 * len(BLOCKS), "A fence names no language."


def test_a_block_that_does_not_work_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests rest on: an unknown option, an error and an unknown program fail."""
    shell = Shell(folder=tmp_path, base_url="", monkeypatch=monkeypatch, others=OTHERS, parsed=PARSED)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(click.UsageError):
        shell("glan view --pears 3")
    with pytest.raises(AssertionError, match="is not a project"):
        shell("glan status")
    with pytest.raises(AssertionError, match="no command that"):
        shell("gulp build")
    script = Block(
        page="p", line=1, language="sh", text="#!/bin/sh\nsrun -N 1 glan run --pears 3 &\n", reason="a script"
    )
    with pytest.raises(click.UsageError):
        script.parse()
    with pytest.raises(AssertionError):
        shell("pip install 'glan[everything]'")
