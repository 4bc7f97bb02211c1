"""The commands on the tree, inside the process: what they print, what they change, and what they make of a bad file."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from harness import Counting, plant, project, rows, run, small

from glan.cli import cli
from glan.errors import GlanError
from glan.project import Project
from glan.records import Stage
from glan.show.ballots import saved_ballot
from glan.taxonomy.tree import Taxonomy
from glan.taxonomy.votes import Ballot, Vote, elements_of, tree_hash

TREE = [{"name": "Law", "children": ["Tax law", "Sea law"]}, {"name": "Arts", "children": ["Music", "Dance"]}]


def glan(*arguments: object) -> str:
    """Return what a command prints; its error is raised."""
    result = CliRunner().invoke(cli, ["taxonomy", *map(str, arguments)])
    if isinstance(result.exception, GlanError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def tree_of(folder: Path) -> Taxonomy:
    return Project.open(folder).taxonomy


def test_show_has_the_levels_and_the_branches() -> None:
    """As a tree, as a table, as JSON, of a part, and of so many levels."""
    with project(TREE) as folder:
        assert glan("show", "--project", folder) == (
            "Law  (2)  50.00%\n  Tax law  25.00%\n  Sea law  25.00%\n"
            "Arts  (2)  50.00%\n  Music  25.00%\n  Dance  25.00%\n4 disciplines. Nodes at each level: 2, 4.\n"
        )
        assert glan("show", "--depth", 1, "--project", folder).startswith("Law  (2)  50.00%\nArts  (2)  50.00%\n4 disc")
        assert glan("show", "Arts", "--project", folder).endswith("2 disciplines. Nodes at each level: 1, 2.\n")
        table = glan("show", "--table", "--project", folder)
        assert "    1         2            0                     2\n    2         0            4" in table
        assert "          2          2   50.00%  Law\n" in table
        assert [line["name"] for line in json.loads(glan("show", "Law", "--json", "--project", folder))] == [
            "Law", "Tax law", "Sea law"
        ]  # fmt: skip


def test_edits_say_what_they_do() -> None:
    """Before the first run there are no rows to speak of."""
    with project(TREE) as folder:
        at = ("--project", folder)
        assert glan("add", "Salvage", "Towage", "--under", "Law/At sea", *at) == (
            "The branch /Law/At sea is new.\nAdded Salvage, Towage under Law/At sea: 6 disciplines.\n"
        )
        assert glan("move", "Sea law", "--under", "At sea", *at) == "Moved Sea law under At sea.\n"
        assert glan("rename", "Dance", "Dancing", *at) == "Dance is called Dancing now.\n"
        assert glan("rename", "Arts", "The arts", "--title", *at) == "Arts is shown as The arts now.\n"
        assert glan("set", "Law", "--weight", "3", "--notes", "For clerks.", *at) == (
            "~ /Law (4 disciplines): weight x3\n~ /Law (4 disciplines): other notes reach their prompts\n"
        )
        assert glan("set", "Law", "--notes", "", *at) == "~ /Law (4 disciplines): other notes reach their prompts\n"
        tree = tree_of(folder)
        assert [leaf.name for leaf in tree.disciplines] == [
            "Tax law",
            "Salvage",
            "Towage",
            "Sea law",
            "Music",
            "Dancing",
        ]
        assert {leaf.notes for leaf in tree.disciplines} == {()}


def test_rows_that_leave_are_asked_for_first() -> None:
    """A name that would take rows with it needs a yes; a title, a weight and a place do not."""
    with project(TREE, pairs=20, plan_questions_per_visit=2) as folder:
        run(folder, small())
        at, text = ("--project", folder), (folder / "taxonomy.yaml").read_bytes()
        n_music = sum(row["discipline"] == "Music" for row in rows(folder))
        for edit in (("rename", "Music", "Song"), ("remove", "Music")):
            with pytest.raises(
                GlanError, match=f" {n_music} rows leave with the next run. Nothing was changed"
            ) as caught:
                glan(*edit, *at)
            assert "--yes" in caught.value.hint
        assert (folder / "taxonomy.yaml").read_bytes() == text
        glan("rename", "Music", "Song", "--title", *at)
        told = glan("set", "Law", "--notes", "For clerks.", *at)
        assert "rows are others now: the next run stops and asks" in told
        assert f"{n_music} rows leave" in glan("rename", "Music", "Song", "--yes", *at)


def test_weights_come_from_a_file_and_are_shown_before_they_stand(tmp_path: Path) -> None:
    """Without a yes nothing changes; with it each node has its weight."""
    (tmp_path / "w.csv").write_text("node,weight\nLaw,3\nDance,1/2\n", encoding="utf-8")
    with project(TREE) as folder:
        with pytest.raises(GlanError, match=r"Give 3 disciplines these weights\? Nothing was changed"):
            glan("weights", tmp_path / "w.csv", "--project", folder)
        told = glan("weights", tmp_path / "w.csv", "--project", folder, "--yes")
        assert told.startswith("~ /Law (2 disciplines): weight x3\n~ /Arts/Dance: weight 1 -> 0.5\n")
        assert [float(leaf.weight) for leaf in tree_of(folder).disciplines] == [3, 3, 1, 0.5]
        assert "are these already" in glan("weights", tmp_path / "w.csv", "--project", folder)


def test_scores_become_weights(tmp_path: Path) -> None:
    """The weaker half gets more, and what has no score keeps its own."""
    (tmp_path / "s.json").write_text('{"Music": 0.4, "Dance": 0.8}', encoding="utf-8")
    with project(TREE) as folder:
        told = glan("rebalance", "--from", tmp_path / "s.json", "--project", folder, "--yes")
        assert told.startswith("2 disciplines of 4 have a score.\n~ /Arts/Music: weight 1 -> 1.33\n")
        weights = {leaf.name: float(leaf.weight) for leaf in tree_of(folder).disciplines}
        assert weights == {"Tax law": 1, "Sea law": 1, "Music": 1.33, "Dance": 0.667}


def test_an_outline_is_put_into_the_tree(tmp_path: Path) -> None:
    """Branches that are there get what is new, what is there stays, and a dry run changes nothing."""
    path = tmp_path / "tree.md"
    path.write_text("# Arts\n- Painting\n- Music\n# Crafts\n- Pottery\n", encoding="utf-8")
    with project(TREE) as folder:
        before = (folder / "taxonomy.yaml").read_bytes()
        assert "Arts\n  Painting\n  Music\nCrafts\n  Pottery\n" in glan(
            "import", path, "--dry-run", "--project", folder
        )
        assert (folder / "taxonomy.yaml").read_bytes() == before
        told = glan("import", path, "--project", folder)
        assert "1 are there already and stay where they are: Music." in told
        assert "+ /Arts/Painting\n+ /Crafts/Pottery\n" in told
        assert [leaf.path[-1] for leaf in tree_of(folder).disciplines] == ["Law"] * 2 + ["Arts"] * 3 + ["Crafts"]
        assert glan("import", path, "--project", folder).endswith("nothing was changed.\n")
        out = tmp_path / "own.yaml"
        assert f"Wrote {out}" in glan("import", path, "--out", out)
        assert len(Taxonomy.read(out).disciplines) == 3
        with pytest.raises(GlanError, match="exists already"):
            glan("import", path, "--out", out)
        made = Project.create(tmp_path / "made", taxonomy=str(path))
        assert [leaf.name for leaf in made.taxonomy.disciplines] == ["Painting", "Music", "Pottery"]


def test_a_diff_says_what_changed_since_the_last_run() -> None:
    """The trees, the rows that would leave, and what a run would ask for, in JSON too."""
    with project(TREE, pairs=20, plan_questions_per_visit=2) as folder:
        run(folder, small())
        assert "The trees do not differ." in glan("diff", "--project", folder)
        assert "nothing is asked for" in glan("diff", "--project", folder)
        plant(folder, [TREE[0], {"name": "Arts", "notes": "For all.", "children": ["Music", "Painting"]}])
        told: Any = json.loads(glan("diff", "--json", "--project", folder))
        assert (told["added"], told["removed"]) == (["/Arts/Painting"], ["/Arts/Dance"])
        assert told["asks_anew"] == ["/Arts/Music"]
        assert told["may_be_renamed"] == [{"from": "/Arts/Dance", "to": "/Arts/Painting"}]
        assert {row["discipline"] for row in rows(folder) if row["id"] in told["run"]["leaving"]} == {"Dance"}
        assert told["run"]["stops"] is True
        words = glan("diff", "--project", folder)
        assert "+ /Arts/Painting\n- /Arts/Dance\n" in words
        assert "--reask  besides asks again: subjects" in words
        assert json.loads(glan("diff", "paper", "builtin", "--json", "--trees-only"))["removed"] == []


def test_a_diff_without_a_run_names_the_ways() -> None:
    """There is no tree of a last run; another tree can be named."""
    with project(TREE) as folder:
        with pytest.raises(GlanError, match="has had no run") as caught:
            glan("diff", "--project", folder)
        assert "builtin" in caught.value.hint
        assert "+ " in glan("diff", "paper", "--project", folder)


LAUGHS = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\ntaxonomy: *c\n"
MANY = "taxonomy:\n" + "".join(f"- name: B{i}\n  children: [D{i}]\n" for i in range(50_001))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LAUGHS, "anchors and aliases are not read"),
        pytest.param(MANY, "has more than 100,000 nodes", marks=pytest.mark.long),
        ("taxonomy:\n- A\x1b]0;x\x07\n", "cannot stand in YAML"),
        ('taxonomy:\n- "A\\eB"\n', "has the invisible character"),
        ("taxonomy:\n- A\u202eB\n", "has the invisible character '\\u202e'"),
        ("taxonomy:\n- A\u200fB\n", "has the invisible character"),
        ("taxonomy: " + "[" * 5_000 + "\n", "nested too deep"),
        ("taxonomy:\n" + "".join(f"{' ' * i}- name: A\n{' ' * i}  children:\n" for i in range(0, 60, 2)), "too deep"),
        ("taxonomy:\n- {name: A, weight: 1e9999999}\n", "weight"),
        ("taxonomy:\n- !!python/object/apply:os.abort []\n", "is not read"),
    ],
    ids=["aliases", "many", "escape", "escaped", "right-to-left", "mark", "brackets", "deep", "weight", "tag"],
)
def test_a_hostile_file_gets_a_clear_error(text: str, expected: str, tmp_path: Path) -> None:
    """With its place in the file, at once."""
    path = tmp_path / "tree.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(GlanError) as caught:
        glan("check", "--taxonomy", path)
    assert expected in str(caught.value)


def test_strange_names_are_harmless() -> None:
    """Paths, other scripts, markup and formulas are names like any other: they reach no path and no terminal."""
    names = [
        "../../x",
        "数学",
        "العلوم",
        "Ελλάδα",
        "<script>alert(1)</script>",
        "=1+1",
        "%2e%2e",
        "CON",
        "a/b",
        ".hidden",
    ]
    with project([{"name": "../../etc", "children": names}], pairs=12, plan_questions_per_visit=1) as folder:
        run(folder, small())
        at = ("--project", folder)
        outside = {path.name for path in folder.parent.iterdir()}
        assert "10 disciplines" in glan("show", *at)
        glan("move", "../../x", "--under", "/", *at)
        glan("set", "数学", "--weight", 2, *at)
        glan("rename", "العلوم", "علوم", "--yes", *at)
        assert "数学: weight" in glan("diff", *at)
        assert {path.name for path in folder.parent.iterdir()} == outside
        assert {leaf.name for leaf in tree_of(folder).disciplines} == {*names, "علوم"} - {"العلوم"}


@pytest.mark.long
def test_five_thousand_disciplines_at_depth_six_are_edited_as_any_others(tmp_path: Path) -> None:
    """Loaded, checked, shown, weighed one by one and moved; how long that takes is measured, not tested."""
    lines = ["taxonomy:"]

    def grow(level: int, margin: str, path: str) -> None:
        for i in range(5 if level == 5 else 4):
            if level == 5:
                lines.append(f'{margin}- {{name: "Discipline {path}{i}", weight: 2}}')
            else:
                lines.append(f"{margin}- name: Branch {path}{i}\n{margin}  children:")
                grow(level + 1, margin + "    ", f"{path}{i}")

    grow(0, "  ", "")
    path = tmp_path / "big.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert "5,120 disciplines" in glan("show", "--table", "--taxonomy", path)
    assert "5,120 disciplines, 0 findings." in glan("check", "--taxonomy", path)
    folder = Project.create(tmp_path / "project", taxonomy=str(path)).folder
    weights = "".join(f"{leaf.name},3\n" for leaf in Taxonomy.read(path).disciplines)
    (tmp_path / "w.csv").write_text(weights, encoding="utf-8")
    glan("weights", tmp_path / "w.csv", "--project", folder, "--yes")
    assert {leaf.weight for leaf in tree_of(folder).disciplines} == {3}


def test_a_plan_is_that_of_the_run_that_would_follow() -> None:
    """With a new discipline the run makes more pairs than glan.toml says, and the plan counts what those cost."""
    with project(["Music", "Dance"], pairs=24) as folder:
        run(folder, small())
        glan("add", "Opera", "--under", "/", "--project", folder)
        result = CliRunner().invoke(cli, ["plan", "--json", "--project", str(folder)])
        assert result.exit_code == 0, result.output
        plan = json.loads(result.stdout)
        teacher = Counting(small())
        made = run(folder, teacher, rebuild=False)
        assert plan["pairs"] == made.pairs > 24
        asked = sum(request.stage is Stage.ANSWERS for request in teacher.requests)
        assert [found["calls"] for found in plan["expected"] if found["stage"] == "answers"] == [asked]


def test_votes_that_remove_all_are_told_before_they_are_refused(tmp_path: Path) -> None:
    """Who voted, and on how much, is printed also where nothing would be left; the tree stays."""
    with project(["Music", "Dance"]) as folder:
        elements = elements_of(tree_of(folder))
        votes = {element.id: Vote(choice="remove") for element in elements}
        (tmp_path / "ann.json").write_bytes(saved_ballot(Ballot(voter="Ann", tree=tree_hash(elements), votes=votes)))
        result = CliRunner().invoke(cli, ["taxonomy", "vote", str(tmp_path / "ann.json"), "--project", str(folder)])
        assert "remove every discipline" in str(result.exception)
        assert result.stdout.startswith("1 ballot: Ann.\n2 of 2 elements were voted on.\n")
        assert len(tree_of(folder).disciplines) == 2


def test_a_tree_stays_where_the_ballots_cannot_be_kept(tmp_path: Path) -> None:
    """The votes are kept before the tree is changed, so an error there has changed nothing."""
    with project(["Music", "Dance"]) as folder:
        first, _ = elements_of(tree_of(folder))
        votes = {first.id: Vote(choice="remove")}
        (tmp_path / "ann.json").write_bytes(saved_ballot(Ballot(voter="Ann", tree="", votes=votes)))
        (folder / "ballots").symlink_to(tmp_path)
        with pytest.raises(GlanError, match="is a link"):
            glan("vote", tmp_path / "ann.json", "--yes", "--project", folder)
        assert len(tree_of(folder).disciplines) == 2
