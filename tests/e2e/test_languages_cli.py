"""`glan` with several languages, as a user has it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import CommandLine, ended_processes, manifest_of, simulated
from pyarrow.parquet import read_table

from glan.languages import Languages
from glan.teachers.filler import Filler

PAIRS = 40


@pytest.fixture(name="glan")
def command_line(tmp_path: Path) -> Iterator[CommandLine]:
    """A command line beside a simulated server."""
    with simulated(teacher=Filler(size=200)) as server, ended_processes():
        yield CommandLine(home=tmp_path, base_url=server.base_url)


def speaking(folder: Path, line: str) -> Path:
    """Write other languages into glan.toml."""
    path = folder / "glan.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines = [line if each.startswith("language") else each for each in lines]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def languages_of(folder: Path, name: str) -> dict[str, str]:
    paths = sorted((folder / name).glob("**/*.parquet"))
    return {row["id"]: row["language"] for path in paths for row in read_table(path).to_pylist()}


def test_languages_are_planned_made_and_changed(glan: CommandLine) -> None:
    """Plan tells the languages, rows have them, another share asks only for what moved, and a test set follows."""
    folder = speaking(glan.init("p", pairs=PAIRS), "languages = {en = 0.6, ja = 0.4}")
    planned = glan("plan", "--project", folder)
    assert f"{PAIRS} pairs over 3 disciplines in English 0.6, Japanese 0.4, with " in planned.out
    assert glan.run(folder).code == 0
    before = languages_of(folder, "dataset/train")
    expected = Languages.of({"en": 0.6, "ja": 0.4}, 0)
    assert before == {id_: expected.of_question(id_) for id_ in before}
    assert 8 <= Counter(before.values())["ja"] <= 24
    assert manifest_of(folder)["language"] == "en 0.6, ja 0.4"
    stopped = glan.run(speaking(folder, "languages = {en = 0.7, ja = 0.3}"))
    assert stopped.code == 1
    assert "language (English 0.6, Japanese 0.4 -> English 0.7, Japanese 0.3)" in stopped.err
    assert glan.run(folder, "--reask").code == 0
    after = languages_of(folder, "dataset/train")
    moved = {id_: (language, after[id_]) for id_, language in before.items() if language != after.get(id_, language)}
    assert moved
    assert set(moved.values()) == {("ja", "en")}
    tested = glan("test-set", "--project", folder, "--teacher", "openai/any", "--per-discipline", "4", "--yes")
    assert tested.code in {0, 3}, tested.words
    held = languages_of(folder, "test-set/test")
    assert set(held.values()) == {"en", "ja"}


def test_the_older_setting_goes_on(glan: CommandLine) -> None:
    """A project with `language = "de"` runs, and the newer name of the setting asks for nothing again."""
    folder = speaking(glan.init("p", pairs=8), 'language = "de"')
    assert glan.run(folder).code == 0
    calls = glan("ledger", "list", "--project", folder, "--json").out.count("request_id")
    assert glan.run(speaking(folder, "languages = {German = 1}")).code == 0
    assert glan("ledger", "list", "--project", folder, "--json").out.count("request_id") == calls
    assert set(languages_of(folder, "dataset/train").values()) == {"German"}
