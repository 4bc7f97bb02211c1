"""Voting in a terminal, and what the count of ballots says, through the commands."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from glan import Project
from glan.cli import cli
from glan.show.ballots import read_ballot
from glan.taxonomy.votes import Vote

TREE = """\
taxonomy:
  - name: Science
    children: [Physics, "../../x"]
  - name: Optics
    subjects: [Lenses, Mirrors]
  - Cooking
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("tree.yaml").write_text(TREE, encoding="utf-8")
    Project.create("mine", taxonomy="tree.yaml")
    monkeypatch.chdir("mine")
    return tmp_path / "mine"


def typed(*arguments: str, keys: str = "") -> Result:
    return CliRunner().invoke(cli, arguments, input="".join(f"{key}\n" for key in keys.split()))


def ballot(name: str, votes: dict[str, str]) -> str:
    saved = [{"id": id_, "vote": vote} for id_, vote in votes.items()]
    path = Path(f"{name}.json")
    path.write_text(json.dumps({"format": "glan ballot 1", "tree": "", "voter": name, "votes": saved}))
    return str(path)


def test_a_ballot_is_filled_in_and_gone_on_with(folder: Path) -> None:
    """Each answer is in the file at once, what goes with a removed branch is not asked, and it goes on from there."""
    first = typed("review", "vote", "--name", "Ann", "--out", "ann.json", keys="r s q")
    assert first.exit_code == 0
    assert "2 of 7" not in first.output  # Physics goes with Science
    assert "1 of 7 voted on" in first.output
    assert read_ballot(folder / "ann.json").votes == {"/science": Vote(choice="remove")}
    second = typed("review", "vote", "--name", "ann", "--out", "ann.json", keys="k c why? k b q")
    assert second.output.startswith("\n4 of 7  Optics")
    assert read_ballot(folder / "ann.json").votes == {
        "/science": Vote(choice="remove"),
        "/optics": Vote(choice="keep"),
        "/optics:lenses": Vote(choice="keep", comment="why?"),
    }
    other = typed("review", "vote", "--name", "Ben", "--out", "ann.json")
    assert "is the ballot of 'ann'" in str(other.exception)


def test_a_terminal_that_goes_away_loses_nothing(folder: Path) -> None:
    """What was said is in the file, also where the input ends in the middle."""
    assert typed("review", "vote", "--name", "Ann", "--out", "ann.json", keys="k r").exit_code != 0
    assert read_ballot(folder / "ann.json").votes == {
        "/science": Vote(choice="keep"),
        "/science/physics": Vote(choice="remove"),
    }


def test_the_last_subjects_of_a_discipline_are_told_to_stay(folder: Path) -> None:
    """They are not listed as removed, nothing is asked, and the file stays as it is."""
    votes = ballot("Ann", {"/optics:lenses": "remove", "/optics:mirrors": "remove"})
    counted = typed("taxonomy", "vote", "--votes", votes)
    assert counted.exit_code == 0
    assert "so they stay" in counted.output
    assert "The votes remove nothing." in counted.output
    assert (folder / "taxonomy.yaml").read_text(encoding="utf-8") == TREE


def test_a_names_dots_and_slashes_are_no_path(folder: Path) -> None:
    """A voter's name and a discipline's become no path: the ballot that is kept stands in ballots/."""
    votes = ballot("x", {"/science/..%2F..%2Fx": "remove"})
    text = Path(votes).read_text(encoding="utf-8").replace('"voter": "x"', '"voter": "../../../evil"')
    Path(votes).write_text(text, encoding="utf-8")
    assert typed("taxonomy", "vote", "--votes", votes, "--yes").exit_code == 0
    [kept] = (folder / "ballots").iterdir()
    assert kept.name.startswith("any-evil-")
    assert not [*folder.parent.rglob("evil*")]
    assert "../../x" not in (folder / "taxonomy.yaml").read_text(encoding="utf-8")


def test_a_linked_folder_of_ballots_is_not_followed(folder: Path) -> None:
    """A project from a stranger writes nowhere else."""
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (folder / "ballots").symlink_to(elsewhere)
    counted = typed("taxonomy", "vote", "--votes", ballot("Ann", {"/cooking": "keep"}))
    assert "no link is followed" in str(counted.exception)
    assert not [*elsewhere.iterdir()]


@pytest.mark.usefixtures("folder")
def test_a_person_counts_once() -> None:
    """Two files by one name are refused with both named; the json of the count is for machines."""
    first, second = ballot("Ann", {"/cooking": "remove"}), ballot("ann", {"/cooking": "keep"})
    assert "both ballots" in str(typed("taxonomy", "vote", "--votes", first, second).exception)
    counted = typed("taxonomy", "vote", "--votes", first, "--dry-run", "--json")
    told = json.loads(counted.output)
    assert [each["id"] for each in told["removed"]] == ["/cooking"]
    assert told["kappa"] is None
