"""`glan run` with a mix of forms and difficulties, as a user has it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import CommandLine, ended_processes, manifest_of, simulated
from pyarrow.parquet import read_table

from glan.teachers.filler import Filler

PAIRS = 40
MIX = """
[questions.forms]
essay = 1
brief = {weight = 1, line = "A question that needs few words.", max_words = 63}

[questions.difficulty]
easy = 1
hard = 3
"""


@pytest.fixture(name="glan")
def command_line(tmp_path: Path) -> Iterator[CommandLine]:
    """A command line beside a simulated server whose answers have 60 to 67 words."""
    with simulated(teacher=Filler(size=400)) as server, ended_processes():
        yield CommandLine(home=tmp_path, base_url=server.base_url)


def mixed(folder: Path, mix: str = MIX) -> Path:
    """Write another mix into glan.toml."""
    path = folder / "glan.toml"
    text = path.read_text(encoding="utf-8")
    begin, end = text.index("[questions.forms]"), text.index("[curation]")
    path.write_text(text[:begin] + mix.strip() + "\n\n" + text[end:], encoding="utf-8")
    return folder


def rows_of(folder: Path, name: str) -> list[dict[str, object]]:
    return [row for path in sorted((folder / name).glob("**/*.parquet")) for row in read_table(path).to_pylist()]


def test_a_mix_stands_in_the_rows(glan: CommandLine) -> None:
    """Rows have their task, difficulty and checks; what misses its constraint is a reject that says so."""
    folder = mixed(glan.init("p", pairs=PAIRS))
    ended = glan.run(folder)
    assert ended.code == 0, ended.words
    assert " x constraint missed (answers)" in ended.out
    rows, rejects = rows_of(folder, "dataset/train"), rows_of(folder, "rejects")
    found = Counter(row["task"] for row in (*rows, *rejects))
    assert found.keys() == {"essay", "brief"}
    assert Counter(row["difficulty"] for row in rows).keys() == {"easy", "hard"}
    for row in rows:
        kept = [{"name": "at most 63 words", "verdict": "met"}]
        assert row["checks"] == (kept if row["task"] == "brief" else None)
    missed = [row for row in rejects if row["reason"] == "constraint missed"]
    assert missed
    for row in missed:
        assert row["checks"] == [{"name": "at most 63 words", "verdict": "missed"}]
        assert (row["task"], row["stage"], row["detail"]) == ("brief", "answers", "at most 63 words")
    assert {reason["reason"] for reason in manifest_of(folder)["reasons"]} == {"constraint missed"}
    alone = mixed(glan.init("q", pairs=PAIRS))
    assert glan.run(alone, "--max-in-flight", 1).code == 0
    assert (rows_of(alone, "dataset/train"), rows_of(alone, "rejects")) == (rows, rejects)


def test_another_mix_asks_anew_and_says_so(glan: CommandLine) -> None:
    """A run with another mix stops, names what changed, and asks again only for what got another form."""
    folder = glan.init("p", pairs=PAIRS)
    assert glan.run(folder).code == 0
    stopped = glan.run(mixed(folder, "[questions.forms]\nfree = 3\nessay = 1\n[questions.difficulty]"))
    assert stopped.code == 1
    assert "questions.forms (free -> essay 1, free 3)" in stopped.err
    again = int(stopped.err.partition("ask again for ")[2].partition(" replies")[0])
    assert 0 < again < PAIRS  # a question and its answer for one slot in four
    assert glan.run(folder, "--reask").code == 0
    found = Counter(row["task"] for row in rows_of(folder, "dataset/train"))
    assert 2 * found["essay"] == again
    assert found[None] + found["essay"] == PAIRS


def test_what_is_kept_claims_no_form(glan: CommandLine) -> None:
    """With --keep the questions that were asked without a mix stand as they are; new ones have their form."""
    folder = glan.init("p", pairs=PAIRS)
    assert glan.run(folder).code == 0
    before = rows_of(folder, "dataset/train")
    mixed(folder, "[questions.forms]\nbrief = {weight = 1, line = 'Brief.', max_words = 10}\n[questions.difficulty]")
    assert glan.run(folder, "--keep").code == 0
    assert rows_of(folder, "dataset/train") == before
    mixed(folder, "[questions.forms]\nessay = 1\n[questions.difficulty]")
    assert glan.run(folder, "--keep", "--pairs", PAIRS + 20).code == 0
    rows = rows_of(folder, "dataset/train")
    assert rows[:PAIRS] == before
    assert {row["task"] for row in rows[PAIRS:]} == {"essay"}


def test_the_offline_textbook_reads_the_prompts_of_a_mix(glan: CommandLine) -> None:
    """What stands behind the key concepts changes nothing for a teacher that does not care."""
    folder = mixed(glan.init("p", pairs=20, disciplines="Astronomy,Music"), MIX.replace("63", "10000"))
    ended = glan("run", "--project", folder, "--teacher", "offline")
    assert ended.code == 0, ended.words
    assert {row["task"] for row in rows_of(folder, "dataset/train")} == {"essay", "brief"}


def test_a_mistake_in_a_mix_is_told_before_anything_is_asked(glan: CommandLine) -> None:
    """The command ends with 1, names the nearest form, and leaves no ledger."""
    ended = glan.run(mixed(glan.init("p", pairs=10), "[questions.forms]\nesay = 1\n[questions.difficulty]"))
    assert ended.code == 1
    assert "did you mean 'essay'?" in ended.err
    assert not (glan.home / "p" / "ledger.sqlite").exists()
