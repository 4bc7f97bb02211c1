"""`glan status --tree`: what became of the slots at every node."""

import json

import pytest
from click.testing import CliRunner
from harness import Counting, Failing, plant, project, run, small
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trees import files

from glan.cli import cli
from glan.errors import ProjectError
from glan.places import quoted
from glan.progress import Progress
from glan.project import Project
from glan.taxonomy.filled import elsewhere, filled, levels_filled
from glan.taxonomy.tree import Taxonomy
from glan.teachers.ledger_file import Lock, is_held

TREE = [{"name": "Nature", "children": ["Physics", "Botany"]}, "Law"]
SETTINGS = {"pairs": 20, "plan_questions_per_visit": 2, "plan_drafts": 1}


def status(*arguments: object) -> str:
    result = CliRunner().invoke(cli, ["status", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.long
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_branch_has_what_is_below_it(data: st.DataObject) -> None:
    """At every level the numbers add up to those of all leaves, whatever the tree."""
    taxonomy = Taxonomy.parse(f"taxonomy:\n{data.draw(files('  '))}", "t")
    counts = st.tuples(*[st.integers(0, 9)] * 3)
    by_leaf = {leaf.leaf: data.draw(counts) for leaf in taxonomy.disciplines}
    lines = filled(taxonomy, {**by_leaf, "gone": (1, 2, 3)})
    leaves = [line for line in lines if line.is_leaf]
    assert {quoted(line.name.lower()): (line.pairs, line.rejects, line.failures) for line in leaves} == by_leaf
    tops = [line for line in lines if line.depth == 0]
    for name in ("pairs", "rejects", "failures", "slots", "leaves"):
        assert sum(getattr(line, name) for line in tops) == sum(getattr(line, name) for line in leaves)
    assert sum(nodes for _, nodes in levels_filled(lines)) == len(lines)
    assert elsewhere(taxonomy, {**by_leaf, "gone": (1, 2, 3)}) == {"gone": (1, 2, 3)}


@pytest.mark.long
def test_the_tree_of_a_data_set() -> None:
    """Slots, pairs, rejects and failures of each node; so many levels; what left the tree; and as JSON."""
    with project(TREE, **SETTINGS) as folder:
        assert "Nothing is decided yet:\n" in status("--tree", "--project", folder)
        run(folder, Failing(Counting(small()), 0.2, ["answers"]))
        told = Project.open(folder).manifest()
        assert told is not None
        said = status("--tree", "--project", folder)
        assert "In the data set:\n     slots      pairs  rejects failures\n" in said
        for leaf, title in (("physics", "    Physics"), ("law", "  Law")):
            pairs, rejects, failures = told.by_leaf[leaf]
            assert f"{pairs + rejects + failures:>10} {pairs:>10} {rejects:>8} {failures:>8}{title}\n" in said
        assert said.endswith("Nodes with pairs at each level: 2 of 2, 2 of 2.\n")
        assert "Physics" not in status("--tree", "--depth", 1, "--project", folder)
        found = json.loads(status("--tree", "--json", "--project", folder))["tree"]
        assert found["source"] == "data set"
        assert [node["name"] for node in found["nodes"]] == ["Nature", "Physics", "Botany", "Law"]
        assert found["nodes"][0]["pairs"] + found["nodes"][3]["pairs"] == told.slots["pairs"]
        plant(folder, ["Physics"])
        assert "law, which is not in the tree any more\n" in status("--tree", "--project", folder)


def test_a_run_that_goes_on_is_shown() -> None:
    """While a run holds the ledger the counts are its own; those of another process that died are not."""
    with project(TREE, **SETTINGS) as folder:
        run(folder, Counting(small()))
        opened = Project.open(folder)
        lock = Lock(opened.ledger_path)
        holder = int((folder / "ledger.sqlite.lock").read_bytes())
        try:
            opened.write_status({"state": "running", "process": holder, "by_leaf": {"law": [3, 1, 0]}})
            assert is_held(opened.ledger_path, holder)
            said = status("--tree", "--project", folder)
            assert "A run goes on" in said
            assert "So far, by the run that goes on:\n" in said
            assert "         4          3        1        0  Law\n" in said
            opened.write_status({"state": "running", "process": holder + 1, "by_leaf": {"law": [3, 1, 0]}})
            said = status("--tree", "--project", folder)
            assert "The last run died without an end" in said
            assert "In the data set:\n" in said
            opened.trial("Law").write_status(
                {"state": "running", "process": holder, "only": "/Law", "pairs": 3, "wanted": 9}
            )
            said = status("--project", folder)
            assert "Trial of /Law: a run goes on, 3 of 9 pairs so far.\n" in said
            opened.write_status({"state": "running", "process": holder, "by_leaf": {"law": "<b>"}})
            result = CliRunner().invoke(cli, ["status", "--tree", "--project", str(folder)])
            assert isinstance(result.exception, ProjectError)
        finally:
            lock.release()


def test_progress_begins_again() -> None:
    """A walk that is made once more counts its leaves anew."""
    progress = Progress(wanted=1)
    progress.by_leaf["law"] = [1, 0, 0]
    progress.forget()
    assert progress.by_leaf == {}
