"""`glan run --rules` as a user has it: what a project's own rules.py does, and that nothing else runs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import CommandLine, bytes_of, check_whole, ended_processes, manifest_of, replies_in, set_in, simulated
from pyarrow.parquet import read_table

from glan.teachers.filler import Filler

PAIRS = 40
RULES = """
from pathlib import Path

def begins_with_the(record):
    return "begins with the" if record.question.startswith("The ") else None

def ends_in_t(record):
    return "ends in t" if record.answer.endswith("t.") else None

question_rules = [begins_with_the]
answer_rules = [ends_in_t]
"""
TOUCHES = "from pathlib import Path\nPath('touched').touch()\nquestion_rules = [lambda record: None]\n"


@pytest.fixture(name="glan")
def command_line(tmp_path: Path) -> Iterator[CommandLine]:
    """A command line beside a simulated server."""
    with simulated(teacher=Filler(size=400)) as server, ended_processes():
        yield CommandLine(home=tmp_path, base_url=server.base_url)


def reasons_of(folder: Path) -> list[tuple[str, str]]:
    """Return the reasons of the rejects, with what was found, in plan order."""
    return [
        (reason, detail)
        for path in sorted((folder / "rejects").glob("*.parquet"))
        for reason, detail in zip(*(read_table(path)[name].to_pylist() for name in ("reason", "detail")), strict=True)
    ]


def test_rules_count_like_ours(glan: CommandLine) -> None:
    """Each reason stands in summary, manifest and rejects; in another process and at one in flight alike."""
    found = []
    for name, beside, most in (("a", "never", 1), ("b", "never", 64), ("c", "always", 64)):
        folder = glan.init(name, pairs=PAIRS)
        set_in(folder, "beside", f'"{beside}"')
        (folder / "rules.py").write_text(RULES)
        ended = glan.run(folder, "--rules", "--max-in-flight", most)
        assert ended.code == 0, ended.words
        assert " x begins with the (questions)" in ended.out
        assert " x ends in t (answers)" in ended.out
        check_whole(folder, PAIRS)
        assert {reason for reason, _ in reasons_of(folder)} == {"begins with the", "ends in t"}
        manifest = manifest_of(folder)
        assert {reason["reason"] for reason in manifest["reasons"]} == {"begins with the", "ends in t"}
        assert "The project's own rules.py: 1 rules on questions, 1 on answers." in manifest["checked"]
        assert len(manifest["hashes"]["rules.py"]) == 64
        assert "rules.py: 1 rules" in (folder / "dataset" / "README.md").read_text()
        found.append({**bytes_of(folder / "dataset" / "train"), **bytes_of(folder / "rejects")})
    assert found[0] == found[1] == found[2]


def test_without_the_option_nothing_of_it_runs(glan: CommandLine) -> None:
    """A rules.py that is there runs in no command by itself; summary, manifest and card say that it did not."""
    folder = glan.init("p", pairs=10)
    (folder / "rules.py").write_text(TOUCHES)
    ended = glan.run(folder)
    assert ended.code == 0
    assert "rules.py did not run" in ended.out
    for command in ("check", "preview"):
        glan(command, "--project", folder)
    assert not [*glan.home.rglob("touched")]
    manifest = manifest_of(folder)
    assert any("rules.py did not run" in line for line in manifest["not_checked"])
    assert "rules.py did not run" in (folder / "dataset" / "README.md").read_text()
    assert glan.run(folder, "--rules").code == 0
    assert [*glan.home.rglob("touched")]


def test_a_finished_data_set_knows_its_rules(glan: CommandLine) -> None:
    """The same rules change nothing, other ones walk again; where they did not run, they may change as they like."""
    folder = glan.init("p", pairs=10)
    (folder / "rules.py").write_text(RULES)
    settled = "Nothing has changed"
    assert settled not in glan.run(folder, "--rules").out
    assert settled in glan.run(folder, "--rules").out
    (folder / "rules.py").write_text(RULES.replace('"The "', '"A "').replace("with the", "with a"))
    changed = glan.run(folder, "--rules")
    assert settled not in changed.out
    assert "begins with a" in changed.out
    assert settled not in glan.run(folder).out
    (folder / "rules.py").write_text("another")
    told = glan.run(folder)
    assert settled in told.out
    assert "rules.py did not run" in told.out


def test_a_rule_that_fails_stops_the_run(glan: CommandLine) -> None:
    """The run ends with 1 and names the rule and the row; what was paid for is there when the rule is mended."""
    for beside in ("never", "always"):
        folder = glan.init(beside, pairs=PAIRS)
        set_in(folder, "beside", f'"{beside}"')
        (folder / "rules.py").write_text(
            RULES.replace("return", "assert not record.question.startswith('When ')\n    return", 1)
        )
        ended = glan.run(folder, "--rules")
        assert ended.code == 1
        assert "The rule begins_with_the of rules.py failed on question/" in ended.err
        assert "AssertionError (line 5)" in ended.err
        assert "--rules" in ended.out.splitlines()[-1]
        before = replies_in(folder)
        assert before > 0
        (folder / "rules.py").write_text(RULES)
        assert glan.run(folder, "--rules").code == 0
        check_whole(folder, PAIRS)


@pytest.mark.parametrize(
    ("rules", "message"),
    [(None, "has no rules.py"), ("question_rules = [", "SyntaxError"), ("x = 1", "so it has no rules")],
)
def test_rules_that_cannot_be_read(glan: CommandLine, rules: str | None, message: str) -> None:
    """Before anything is asked the command ends with 1 and says what is wrong."""
    folder = glan.init("p", pairs=10)
    if rules is not None:
        (folder / "rules.py").write_text(rules)
    ended = glan.run(folder, "--rules")
    assert ended.code == 1
    assert message in ended.err
    assert not (folder / "ledger.sqlite").exists()
