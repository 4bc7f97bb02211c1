"""The command that builds a tree, inside the process: where the tree goes, what is said, and what is refused."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from harness import project

from glan.cli import cli
from glan.errors import ConfigError, GlanError, ProjectError, TaxonomyError, UntrustedError
from glan.project import Project
from glan.show.forms import vote_form, vote_sheet
from glan.taxonomy.tree import Taxonomy
from glan.taxonomy.votes import elements_of

TREE = [{"name": "Law", "children": ["Tax law", "Sea law"]}, {"name": "Arts", "children": ["Music", "Dance"]}]
SMALL = ("--samples", 3, "--breadth", 3, "--depth", 1)


def build(*arguments: object, teacher: str = "offline", code: int = 0) -> Result:
    """Run the command; its error is raised."""
    given = ["taxonomy", "build", *map(str, arguments), *(["--teacher", teacher] if teacher else [])]
    result = CliRunner().invoke(cli, given, standalone_mode=False)
    if isinstance(result.exception, GlanError | click.ClickException):
        raise result.exception
    assert result.exception is None, result.output
    assert (result.return_value or 0) == code, result.output
    return result


def test_without_a_project_the_ledger_lies_beside_the_file(tmp_path: Path) -> None:
    """What is said at the end is true: the file is there, a project can be made of it, and its ledger resumes it."""
    out = tmp_path / "maritime.yaml"
    said = build("maritime law", "--out", out, *SMALL)
    assert said.stderr.startswith("At most 6 calls: 3 proposals in two turns each for 1 branch at most")
    assert "1 branch, 3 disciplines; 6 calls (0 replies from the ledger)" in said.stdout
    assert "Left out where --breadth leaves no room (" in said.stdout
    assert f"glan init DIR --taxonomy {out}" in said.stdout
    assert (tmp_path / "maritime.ledger.sqlite").exists()
    before = out.read_bytes()
    out.unlink()
    assert "0 calls (6 replies from the ledger)" in build("maritime law", "--out", out, *SMALL).stdout
    assert out.read_bytes() == before
    made = Project.create(tmp_path / "made", taxonomy=str(out))
    assert len(made.taxonomy.disciplines) == 3


def test_a_file_that_is_there_is_replaced_only_with_a_yes(tmp_path: Path) -> None:
    """Somebody may have edited it: it is asked before anything is paid for."""
    out = tmp_path / "maritime.yaml"
    out.write_text("mine")
    with pytest.raises(ProjectError, match="exists; nothing was asked"):
        build("maritime law", "--out", out, *SMALL)
    assert (out.read_text(), [path.name for path in tmp_path.iterdir()]) == ("mine", ["maritime.yaml"])
    build("maritime law", "--out", out, *SMALL, "--yes")
    assert Taxonomy.read(out).disciplines


def test_in_a_project_the_tree_grows_by_what_is_new() -> None:
    """Settings, prompts and ledger are the project's, and what stands stays; a second time nothing is asked or new."""
    with project(TREE, language="en") as folder:
        at = ("--project", folder, "--under", "Law", *SMALL)
        assert "+ /Law/Maritime law (3 disciplines)" in build("maritime law", *at).stdout
        tree = Project.open(folder).taxonomy
        assert [leaf.name for leaf in tree.disciplines][:2] == ["Tax law", "Sea law"]
        assert {leaf.votes for leaf in tree.leaves_under(tree.named("Maritime law"))} <= {"2/3", "3/3"}
        assert "Nothing of it is new; nothing was changed." in build("maritime law", *at).stdout
        found = json.loads(build("falconry", "--project", folder, "--json", *SMALL).stdout)
        assert (found["branches"], found["exit_code"], found["asked"]["taxonomy"]) == (1, 0, 6)
        assert len(Project.open(folder).taxonomy.roots) == 3
        assert not (folder / "maritime.ledger.sqlite").exists()
        with pytest.raises(TaxonomyError, match="There is no node 'Nowhere'"):
            build("maritime law", "--project", folder, "--under", "Nowhere", *SMALL)
        with pytest.raises(TaxonomyError, match="'Music' is a discipline, and nothing can stand under it"):
            build("maritime law", "--project", folder, "--under", "Music", *SMALL)


def test_a_project_that_cannot_be_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is none, and no place for the tree to go."""
    with pytest.raises(ProjectError, match="is not a project"):
        build("maritime law", "--project", "/nonexistent")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProjectError, match="The tree has nowhere to go"):
        build("maritime law")
    with pytest.raises(ProjectError, match="There is no folder nowhere"):
        build("maritime law", "--out", "nowhere/t.yaml")
    with pytest.raises(ConfigError, match="No teacher is named"):
        build("maritime law", "--out", "t.yaml", teacher="")


def test_the_names_may_be_in_another_language(tmp_path: Path) -> None:
    """It stands in the prompts; and the ledger that lies beside the file can be looked at without a project."""
    out = tmp_path / "meer.yaml"
    build("Seerecht", "--out", out, "--language", "de", *SMALL)
    ledger = tmp_path / "meer.ledger.sqlite"
    listed = CliRunner().invoke(cli, ["ledger", "list", "--ledger", str(ledger)]).stdout
    assert "parts/seerecht/2" in listed
    assert listed.endswith("6 replies and failures in all.\n")
    shown = CliRunner().invoke(cli, ["ledger", "show", "1", "--ledger", str(ledger)]).stdout
    assert "The offline textbook knows only English." in shown


def test_a_dry_run_says_what_it_takes_and_asks_nobody(tmp_path: Path) -> None:
    """From nothing three levels, under a root two."""
    assert "At most 2,892 calls: 6 proposals in two turns each for 241 branches" in build("--dry-run").stdout
    said = build("law", "--dry-run", "--out", tmp_path / "t.yaml", "--samples", 1).stdout
    assert said.startswith("At most 32 calls: 1 proposal in two turns each for 16 branches at most")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--least", 7], "--least 7 cannot be had of 6 proposals"),
        (["law", "--depth", 8], "a tree has at most 8 levels, ROOT counted"),
        (["--depth", 6], "12,204,240 nodes, and 100,000 are read"),
        (["--breadth", 1], "not in the range 2<=x<=1000"),
        (["--keep", "--reask"], "exclude each other"),
    ],
)
def test_what_cannot_be_built_is_refused_at_once(tmp_path: Path, given: list[object], words: str) -> None:
    """A command line that makes no sense costs nothing."""
    with pytest.raises(click.UsageError, match=words):
        build(*given, "--out", tmp_path / "t.yaml")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("root", ["", "\x1b[31mred", "\u202elaw", "x" * 201])
def test_a_root_is_a_name(root: str) -> None:
    """Nothing that nobody can read is asked about; ../../x is a name like any other, and no path."""
    with pytest.raises(TaxonomyError, match="ROOT: the root"):
        build(root, "--dry-run")
    build("../../x", "--dry-run")


def test_a_key_goes_nowhere_that_only_a_file_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a run, a person is asked first."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef")
    with project(TREE) as folder:
        (folder / ".env").write_text("OPENAI_BASE_URL=https://elsewhere.example/v1\n")
        with pytest.raises(UntrustedError, match=r"elsewhere\.example"):
            build("law", "--project", folder, "--out", tmp_path / "t.yaml", teacher="openai/any")


def test_people_see_how_many_proposals_named_what_they_vote_on(tmp_path: Path) -> None:
    """In the form, in the table and in `show`; a tree that nobody built says nothing of it."""
    text = "taxonomy:\n- name: Law\n  votes: 3/6\n  children:\n  - {name: Tax law, votes: 1/1}\n  - Sea law\n"
    elements = elements_of(Taxonomy.parse(text, "t"))
    assert [element.named for element in elements] == ["3 of 6 proposals", "1 of 1 proposal", ""]
    assert b'"named": "3 of 6 proposals"' in vote_form(elements, name="mine")
    assert "3 of 6 proposals" in vote_sheet(elements).decode("utf-8-sig").splitlines()[3]
    (tmp_path / "t.yaml").write_text(text)
    shown = CliRunner().invoke(cli, ["taxonomy", "show", "--taxonomy", str(tmp_path / "t.yaml")]).stdout
    assert shown.startswith("Law  [3/6]  (2)  100.00%\n  Tax law  [1/1]  50.00%\n  Sea law  50.00%\n")
