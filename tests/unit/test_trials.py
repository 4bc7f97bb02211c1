"""Trials: the plan over one node alone, with a data set of its own and the project's ledger."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from harness import (
    Counting,
    Dying,
    committed,
    configure,
    edit_prompt,
    manifest,
    plant,
    project,
    published,
    rows,
    run,
    small,
    until_death,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glan.cli import cli
from glan.config import read_config
from glan.errors import GlanError, ProjectError, TaxonomyError, WouldAskAgainError
from glan.places import folder_of, key_of
from glan.project import Project
from glan.reviews import Review, hash_of, line_of
from glan.surprise import Earlier
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Choice

TREE = [
    {"name": "Nature", "children": ["Physics", {"name": "Botany", "weight": 2}]},
    {"name": "Law", "children": ["Tax law", "Sea law"]},
]
SETTINGS = {"pairs": 40, "plan_questions_per_visit": 2, "plan_drafts": 2}


def trial(folder: Path, node: str) -> Path:
    return Project.open(folder).trial(node).made_path


def glan(*arguments: object) -> str:
    """Return what a command prints; its error is raised."""
    result = CliRunner().invoke(cli, [*map(str, arguments)])
    if isinstance(result.exception, GlanError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.long
def test_a_trial_leaves_the_data_set_alone_and_is_paid_once() -> None:
    """It has its own data set; what stands stays byte for byte; a run of all asks for none of it again."""
    with project(TREE, **SETTINGS) as folder:
        teacher = Counting(small())
        run(folder, teacher, pairs=12)
        before, told = published(folder), manifest(folder)
        result = run(folder, teacher, only="Botany", pairs=30)
        assert (result.exit_code, result.pairs, result.is_standing) == (0, 30, True)
        tried = rows(trial(folder, "Botany"))
        assert {row["discipline"] for row in tried} == {"Botany"}
        assert len(tried) == 30
        assert (published(folder), manifest(folder)) == (before, told)
        assert manifest(trial(folder, "Botany"))["only"] == "/Nature/Botany"
        run(folder, teacher, pairs=80)
        assert max(teacher.started.values()) == 1
        whole = [row for row in rows(folder) if row["discipline"] == "Botany"]
        assert whole[:30] == tried[: len(whole)][:30]


@pytest.mark.long
def test_n_is_counted_there_and_is_that_of_the_whole_run_if_not_given() -> None:
    """Without --pairs a trial makes as many pairs as the first N of the plan have of its disciplines."""
    with project(TREE, **SETTINGS) as folder:
        run(folder, Counting(small()))
        of_all = [row["discipline"] for row in rows(folder)]
        for node, names in (("Botany", {"Botany"}), ("Law", {"Tax law", "Sea law"})):
            wanted = sum(name in names for name in of_all)
            assert Project.open(folder).trial(node).config.pairs == wanted
            teacher = Counting(small())
            assert run(folder, teacher, only=node).pairs == wanted
            assert not teacher.started
        assert read_config(folder / "glan.toml").pairs == 40


@pytest.mark.long
def test_trials_stand_side_by_side() -> None:
    """One of a branch, and one of a discipline below it: each in its folder, listed with the project."""
    with project(TREE, **SETTINGS) as folder:
        run(folder, Counting(small()), only="Nature", pairs=8)
        run(folder, Counting(small()), only="Physics", pairs=6)
        assert [path.name for path in Project.open(folder).trials()] == ["nature", "nature--physics"]
        assert (len(rows(trial(folder, "Nature"))), len(rows(trial(folder, "Physics")))) == (8, 6)
        said = glan("status", "--project", folder)
        assert "No data set yet.\n" in said
        assert "Trial of /Nature: 8 rows of 8 wanted.\nTrial of /Nature/Physics: 6 rows of 6 wanted.\n" in said
        assert "Data set: 6 rows of 6 wanted" in glan("status", "--only", "Physics", "--project", folder)
        assert not (folder / "dataset").exists()


@pytest.mark.long
def test_a_trial_that_is_killed_goes_on() -> None:
    """Resumed it has the bytes of one that was never killed, and asks for nothing twice."""
    with project(TREE, **SETTINGS) as whole, project(TREE, **SETTINGS) as folder:
        run(whole, Counting(small()), only="Law", pairs=20)
        counting = Counting(small())
        for after in (9, 17):
            dying = Dying(counting, after, "hang")
            asyncio.run(until_death(folder, Counting(dying), dying, only="Law", pairs=20))
            assert not (trial(folder, "Law") / "manifest.json").exists()
        run(folder, counting, only="Law", pairs=20)
        assert published(trial(folder, "Law")) == published(trial(whole, "Law"))
        assert max(counting.answered.values()) == 1


def test_nodes_that_are_not_there_are_refused() -> None:
    """An unknown node, and a name that is a path: nothing is written."""
    with project(TREE, **SETTINGS) as folder:
        before = sorted(folder.rglob("*"))
        for node in ("Botanics", "../../x", "/Nature/../Law", ""):
            with pytest.raises(TaxonomyError, match="There is no node"):
                run(folder, Counting(small()), only=node)
        assert sorted(folder.rglob("*")) == before


@pytest.mark.long
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=4).map(lambda names: [*map(key_of, names)]),
        min_size=2,
        max_size=6,
    )
)
def test_every_node_has_a_folder_of_its_own(paths: list[list[str]]) -> None:
    """Whatever its name: one plain part of a path, and two nodes never share it."""
    wild = [
        *paths,
        ["..", "..", "x"],
        ["a b"],
        ["a-b"],
        ["a", "b"],
        ["con", "\u202etxt"],
        ["\u6570\u5b66"],
        ["x" * 500],
    ]
    found: dict[str, list[str]] = {}
    for keys in wild:
        name = folder_of(keys)
        assert name.strip("abcdefghijklmnopqrstuvwxyz0123456789-") == ""
        assert 0 < len(name) <= 100
        assert found.setdefault(name, keys) == keys


@pytest.mark.long
def test_a_weight_of_nothing_is_refused() -> None:
    """A node without a weight has no slots, in a trial as anywhere: the tree says so, before anything is written."""
    with project(TREE, **SETTINGS) as folder:
        plant(folder, [*TREE, {"name": "Rare", "weight": 0}])
        with pytest.raises(TaxonomyError, match="weight"):
            run(folder, Counting(small()), only="Rare")
        assert not (folder / "trials").exists()


def test_hostile_names_stay_in_the_folder() -> None:
    """A discipline called ../../x is tried in trials/ like any other."""
    tree = [{"name": "a/..", "children": ["../../x", "C:\\x", "\u6570\u5b66"]}]
    with project(tree, **SETTINGS) as folder:
        for node in ("../../x", "C:\\x", "\u6570\u5b66"):
            run(folder, Counting(small()), only=node, pairs=2)
            assert trial(folder, node).parent == folder / "trials"
        assert len(Project.open(folder).trials()) == 3


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A folder of trials that leads elsewhere is refused before anything is asked."""
    with project(TREE, **SETTINGS) as folder:
        (folder / "trials").symlink_to(tmp_path)
        teacher = Counting(small())
        with pytest.raises(ProjectError, match="is a link"):
            run(folder, teacher, only="Law", pairs=2)
        assert not teacher.started
        assert not [*tmp_path.iterdir()]


@pytest.mark.long
def test_a_change_that_a_trial_met_is_told_to_the_whole_run() -> None:
    """A trial of what nobody asked stops for no change, and takes nothing of the warning away."""
    with project(TREE, **SETTINGS) as folder:
        teacher = Counting(small())
        run(folder, teacher)
        plant(folder, [*TREE, "Music"])
        edit_prompt(folder, "draft_subjects")
        assert run(folder, teacher, only="Music", pairs=4).exit_code == 0
        with pytest.raises(WouldAskAgainError, match="prompt draft_subjects"):
            run(folder, teacher)
        with pytest.raises(WouldAskAgainError, match="prompt draft_subjects"):
            run(folder, teacher, only="Botany", pairs=4)
        assert run(folder, teacher, only="Botany", pairs=4, choice=Choice.REASK).exit_code == 0
        assert run(folder, teacher, only="Botany", pairs=4).asked == 0
        with pytest.raises(WouldAskAgainError, match="prompt draft_subjects"):
            run(folder, teacher)
        assert run(folder, teacher, choice=Choice.KEEP).exit_code == 0
        assert run(folder, teacher, only="Botany", pairs=4).exit_code == 0
        assert run(folder, teacher).asked == 0


@pytest.mark.long
def test_another_model_in_a_trial_is_a_change_for_the_whole_run() -> None:
    """What was tried with one model is not asked again with another before a person has said so."""
    with project(TREE, **SETTINGS) as folder:
        run(folder, Counting(small()), only="Botany", pairs=4)
        with pytest.raises(WouldAskAgainError, match="model of subjects \\(filler -> other\\)"):
            run(folder, Counting(small(), model="other"))
    with project(TREE, **SETTINGS) as folder:
        run(folder, Counting(small()), pairs=12)
        plant(folder, [*TREE, "Music"])
        run(folder, Counting(small(), model="other"), only="Music", pairs=4)
        with pytest.raises(WouldAskAgainError, match="model of subjects \\(other -> filler\\)"):
            run(folder, Counting(small()))


@pytest.mark.long
def test_runs_remember_what_they_were_about() -> None:
    """The ledger knows a trial from a preview and from a run of all."""
    with project(TREE, **SETTINGS) as folder:
        run(folder, Counting(small()), only="Botany", pairs=4)
        run(folder, Counting(small()), only="Law", pairs=1, is_preview=True)
        run(folder, Counting(small()), pairs=4)
        with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
            assert [found.scope for found in ledger.runs()] == ["/Nature/Botany", "preview", ""]
            assert len(Earlier.of(ledger, "").runs) == 1
            assert len(Earlier.of(ledger, "/Nature/Botany").runs) == 1


def test_a_preview_of_a_node_leaves_nothing() -> None:
    """Its replies are in the ledger, and there is no folder of a trial."""
    with project(TREE, **SETTINGS) as folder:
        run(folder, Counting(small()), only="Law", pairs=1, is_preview=True)
        assert committed(folder)
        assert not (folder / "trials").exists()
        assert not (folder / ".next").exists()


def test_the_budget_is_the_projects() -> None:
    """What a run of all has spent, a trial cannot spend again."""
    with project(TREE, **SETTINGS) as folder:
        run(folder, Counting(small()), pairs=12)
        result = run(folder, Counting(small()), only="Sea law", pairs=30, budget_tokens=1_000)
        assert (result.exit_code, result.asked) == (4, 0)


@pytest.mark.long
def test_reviews_of_others_are_no_trial_of_them() -> None:
    """What people decided about its pairs holds in a trial; of all others it says nothing."""
    with project(TREE, **SETTINGS) as folder:
        run(folder, Counting(small()), pairs=20)
        said = [
            Review(
                id=row["id"], sha256=hash_of(*[m["content"] for m in row["messages"]]), verdict="drop", reviewer="Al"
            )
            for name in ("Botany", "Sea law")
            for row in [next(row for row in rows(folder) if row["discipline"] == name)]
        ]
        (folder / "reviews.jsonl").write_bytes(b"".join(map(line_of, said)))
        result = run(folder, Counting(small()), only="Botany", pairs=6)
        assert not [notice for notice in result.notices if "reviewed pairs" in notice]
        told = manifest(trial(folder, "Botany"))["reviews"]
        assert (told["dropped"], told["not_applied"]) == (1, 0)
        assert said[0].id not in {row["id"] for row in rows(trial(folder, "Botany"))}


@pytest.mark.long
def test_plan_diff_and_export_of_a_trial() -> None:
    """Each is about the trial alone."""
    with project(TREE, **SETTINGS) as folder:
        at = ("--project", folder, "--only", "Law")
        planned = json.loads(glan("plan", "--json", "--pairs", 10, *at))
        assert (planned["pairs"], planned["disciplines"]) == (10, 2)
        run(folder, Counting(small()), only="Law", pairs=10)
        told = json.loads(glan("taxonomy", "diff", "project", "project", "--json", "--pairs", 10, *at))["run"]
        assert (told["rows"], told["pairs"], told["leaving"]) == (10, 10, [])
        assert not any(span["most"] for span in told["requests"].values())
        out = folder / "law.jsonl"
        assert glan("export", out, *at) == f"Wrote 10 rows to {out}.\n"
        assert glan("show", rows(trial(folder, "Law"))[0]["id"], *at).startswith("id ")
        with pytest.raises(GlanError, match="has no data set yet") as error:
            glan("export", folder / "x.jsonl", "--project", folder, "--only", "Nature")
        assert "--only /Nature" in error.value.hint


def test_a_trial_of_little_weight_makes_a_visit() -> None:
    """Where the whole run has no slot for a node yet, a trial without --pairs makes one visit."""
    with project([*TREE, {"name": "Rare", "weight": 0.001}], **SETTINGS) as folder:
        configure(folder, **{**SETTINGS, "pairs": 4})
        assert run(folder, Counting(small()), only="Rare").pairs == 2


def test_pairs_of_a_trial_are_judged(tmp_path: Path) -> None:
    """A sample of a trial comes back and counts there, and in the run of all that has the same pairs."""
    with project(TREE, **SETTINGS) as folder:
        run(folder, Counting(small()), only="Law", pairs=8)
        out = tmp_path / "pairs.csv"
        sampled = ("review", "sample", "--n", 3, "--format", "csv", "--only", "Law", "--out", out, "--project", folder)
        assert glan(*sampled).startswith("Wrote 3 pairs to judge")
        row = rows(trial(folder, "Law"))[0]
        sha256 = hash_of(*[message["content"] for message in row["messages"]])
        saved = {
            "format": "glan judgements 1",
            "reviewer": "Al",
            "judgements": [{"id": row["id"], "sha256": sha256, "verdict": "drop"}],
        }
        (tmp_path / "al.json").write_text(json.dumps(saved), encoding="utf-8")
        said = glan("review", "read", tmp_path / "al.json", "--project", folder)
        assert "without effect" not in said
        assert run(folder, Counting(small()), only="Law", pairs=8).rejects == 1
        assert row["id"] not in {each["id"] for each in rows(trial(folder, "Law"))}
