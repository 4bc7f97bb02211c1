"""A server that cuts prompts without a word: what it wrote is no row, the run says so, and it can be asked again."""

import json
from pathlib import Path

import pytest
from commandline import TEACHER, CommandLine, Ended, check_whole, manifest_of, port_of, set_in, simulated
from pyarrow.parquet import read_table

from glan.teachers.filler import Filler
from glan.teachers.simulate import Simulated

PAIRS = 8
CUTTING = Simulated(faults={"cut-prompt@questions": 0.3})


def reasons_of(folder: Path) -> set[tuple[str, str]]:
    rows = [row for path in (folder / "rejects").glob("*.parquet") for row in read_table(path).to_pylist()]
    return {(row["stage"], row["reason"]) for row in rows}


def a_project(command: CommandLine) -> Path:
    folder = command.init("data", pairs=PAIRS)
    set_in(folder, "near_duplicates", "0.0")
    return folder


def test_a_question_without_its_syllabus_is_no_row(tmp_path: Path) -> None:
    """Replies to a cut prompt are rejects with a reason of their own; result, log and manifest say how many, once."""
    with simulated(CUTTING, Filler()) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = a_project(command)
        ended = command.run(folder)
        check_told(ended, folder)
        again = command.run(folder)
    check_whole(folder, PAIRS)
    assert reasons_of(folder) == {("questions", "prompt cut")}
    assert again.code == 0
    assert "OLLAMA_CONTEXT_LENGTH" in again.out
    assert manifest_of(folder)["cut_prompts"] == manifest_of(folder)["slots"]["rejects"]


def check_told(ended: Ended, folder: Path) -> None:
    assert ended.code == 0, ended.words
    count = manifest_of(folder)["cut_prompts"]
    assert count > 0
    assert ended.out.count(f"The server cut the prompts of {count:,} replies") == 1
    logged = [json.loads(line) for line in (folder / "run.log").read_text(encoding="utf-8").splitlines()]
    assert sum("cut the prompt" in line["event"] for line in logged) == 1


def test_what_was_cut_is_asked_again_once_the_server_is_mended(tmp_path: Path) -> None:
    """With more context `--retry-failed` asks for the cut ones alone, and the rejects become pairs."""
    with simulated(CUTTING, Filler()) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = a_project(command)
        assert command.run(folder).code == 0
        cut, port = manifest_of(folder)["cut_prompts"], port_of(server)
    with simulated(Simulated(), Filler(), port=port) as mended:
        assert command.run(folder, "--retry-failed").code == 0
        # Each question again, and the answers to those that now are among the first.
        assert cut <= mended.stats().paid <= 2 * cut
    check_whole(folder, PAIRS)
    assert manifest_of(folder)["cut_prompts"] == 0
    assert manifest_of(folder)["slots"]["rejects"] == 0


def test_a_person_can_keep_them(tmp_path: Path) -> None:
    """Where the server's count is known to be wrong, `cut_prompts = "keep"` makes rows of them and still warns."""
    with simulated(CUTTING, Filler()) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = a_project(command)
        set_in(folder, "cut_prompts", '"keep"')
        check_told(command.run(folder), folder)
    check_whole(folder, PAIRS)
    assert not reasons_of(folder)


@pytest.mark.parametrize("fault", ["cut-prompt", "cut-prompt@questions"])
def test_a_check_finds_it(tmp_path: Path, fault: str) -> None:
    """A check of a server that cuts every prompt, or those of questions, gets no pair and names the remedy."""
    with simulated(Simulated(faults={fault: 1.0}), Filler()) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        ended = command("check", "--project", command.init("data"), "--teacher", TEACHER)
    assert ended.code == 1
    assert "The server cut the prompts of " in ended.out
    assert "OLLAMA_CONTEXT_LENGTH" in ended.out
