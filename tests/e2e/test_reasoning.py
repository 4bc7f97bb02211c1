"""Models that think, and models that refuse parameters: through a whole run against a simulated server."""

from pathlib import Path

import pytest
from commandline import TEACHER, CommandLine, bytes_of, check_whole, manifest_of, replies_in, set_in, simulated
from pyarrow.parquet import read_table

from glan.teachers.simulate import Simulated

PAIRS = 10


def rejects_of(folder: Path) -> list[tuple[str, str]]:
    rows = [row for path in (folder / "rejects").glob("*.parquet") for row in read_table(path).to_pylist()]
    return [(row["stage"], row["reason"]) for row in rows]


def test_thinking_is_kept_apart_from_the_text(tmp_path: Path) -> None:
    """What a model thought before an answer is in a column of its own, and in no text."""
    with simulated(Simulated(reasoning=50)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS)
        assert command.run(folder).code == 0
        checked = command("check", "--project", folder, "--teacher", TEACHER)
    assert "thinking     kept apart, 300 tokens" in checked.out
    (shard,) = (folder / "dataset" / "train").glob("*.parquet")
    for row in read_table(shard).to_pylist():
        assert row["reasoning"].startswith("Let me look at it")
        assert all("Let me look at it" not in message["content"] for message in row["messages"])


def test_thinking_that_leaves_no_room_ends_the_run_early(tmp_path: Path) -> None:
    """Where thinking uses up the room of the first replies, the run stops and names the settings that help."""
    with simulated(Simulated(reasoning=3_000)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=1_000)
        ended = command.run(folder, "--max-in-flight", 4)
        assert ended.code == 1
        assert "Thinking used up the room of 11 of the first " in ended.err
        assert " replies of questions before a word was written." in ended.err
        assert "Raise `questions` in [max_tokens]" in ended.err
        assert server.stats().stages["questions"] <= 11 + 4
        assert server.stats().paid == replies_in(folder)
        set_in(folder, "questions", "8000")
        assert command.run(folder, "--pairs", PAIRS).code == 0
    check_whole(folder, PAIRS)


def test_thinking_that_uses_up_the_room_is_a_reason_of_its_own(tmp_path: Path) -> None:
    """A slot whose question was never written, for all the room there was, says so; it is asked for twice, no more."""
    with simulated(Simulated(reasoning=3_000)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=1, disciplines="Astronomy")
        ended = command.run(folder, "--max-in-flight", 1)
        assert ended.code == 1
    assert set(rejects_of(folder)) <= {("questions", "thinking used up the room")}
    assert "x thinking used up the room (questions)" in ended.out


def test_a_model_that_is_told_not_to_think_does_not(tmp_path: Path) -> None:
    """`reasoning = "off"` reaches the server, so the run that had no room has it; the setting asks anew."""
    with simulated(Simulated(reasoning=3_000)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS)
        set_in(folder, "reasoning", '"off"')
        assert command.run(folder).code == 0
        set_in(folder, "reasoning", '"low"')
        again = command.run(folder)
        assert again.code == 1
        assert "reasoning of questions (off -> low)" in again.err
    check_whole(folder, PAIRS)


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        (("temperature",), "does not take temperature: it is left out, and the server decides."),
        (("max_tokens",), "does not take max_tokens: it is asked with max_completion_tokens."),
        (("temperature", "max_tokens"), "does not take temperature"),
    ],
    ids=["temperature", "max_tokens", "both"],
)
def test_a_refused_parameter_is_found_out_once_and_told(tmp_path: Path, refused: tuple[str, ...], told: str) -> None:
    """The run goes on without it, says so in log and manifest, and makes the very same data set."""
    made = {}
    for name, settings in (("other", Simulated()), ("data", Simulated(refused=refused))):
        with simulated(settings) as server:
            command = CommandLine(home=tmp_path / name, base_url=server.base_url)
            command.home.mkdir()
            folder = command.init("data", pairs=PAIRS)
            set_in(folder, "temperature", "0.7")
            ended = command.run(folder, "--max-in-flight", 1)
            assert ended.code == 0, ended.words
            made[name] = bytes_of(folder / "dataset")
            assert server.stats().failed == ({"parameter": len(refused)} if name == "data" else {})
    assert made["data"] == made["other"]
    assert any(told in line for line in manifest_of(folder)["not_taken"])
    assert len(manifest_of(folder)["not_taken"]) == len(refused)
    assert (folder / "run.log").read_text(encoding="utf-8").count(told) == 1
    assert ("does not take temperature" in ended.out) is ("temperature" in refused)


def test_the_simulated_server_takes_them_from_the_command_line(command_line: CommandLine) -> None:
    """`--reasoning` and `--refuse` are what the settings are in Python."""
    serving = command_line.begin(
        "simulate", "--port", 0, "--replies", "filler", "--reasoning", 20, "--refuse", "temperature,max_tokens"
    )
    assert serving.process.stdout is not None
    base_url = serving.process.stdout.readline().split()[2].rstrip(";")
    command = command_line.told(base_url=base_url, key="their-key")
    ended = command("check", "--project", command.init("data"), "--teacher", TEACHER)
    assert ended.code == 0, ended.words
    assert "thinking     kept apart, 120 tokens" in ended.out
