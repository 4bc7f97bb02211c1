"""Trials and shared curricula on the command line: what the simulated server is asked and paid for."""

import json
from pathlib import Path

import pytest
from commandline import TEACHER, CommandLine, bytes_of, gone, ids_of, simulated, until

from glan.teachers.simulate import Server, Simulated


def trial_of(folder: Path, name: str) -> Path:
    [found] = [path for path in (folder / "trials").iterdir() if path.name.endswith(name)]
    return found


@pytest.mark.long
def test_a_trial_and_the_whole_run_pay_once(server: Server, command: CommandLine) -> None:
    """After a trial the run of all asks for nothing of it again, and the trial's data set stays as it was."""
    folder = command.init("project", pairs=24)
    tried = command.run(folder, "--only", "Astronomy", "--pairs", 12)
    assert tried.code == 0, tried.words
    assert "12 of 12 pairs" in tried.out
    assert "It is a trial" in tried.out
    made = bytes_of(trial_of(folder, "astronomy") / "dataset")
    assert not (folder / "dataset").exists()
    whole = command.run(folder)
    assert whole.code == 0, whole.words
    stats = server.stats()
    assert stats.repeats == 0
    assert bytes_of(trial_of(folder, "astronomy") / "dataset") == made
    ids = ids_of(trial_of(folder, "astronomy"))
    assert len(ids) == 12
    astronomy = [id_ for id_ in ids_of(folder) if id_.startswith("question/astronomy/")]
    assert astronomy == ids[: len(astronomy)]
    status = command("status", "--tree", "--json", "--project", folder).json["tree"]
    assert sum(node["pairs"] for node in status["nodes"] if node["is_leaf"]) == 24


@pytest.mark.long
def test_a_killed_trial_goes_on(command: CommandLine) -> None:
    """Killed and resumed its data set has the bytes of one that was not, and only what was in flight is paid twice."""
    with simulated(Simulated(latency_ms=20)) as server:
        asked = command.told(base_url=server.base_url)
        folder = asked.init("project", pairs=40)
        begun = asked.begin_run(folder, "--only", "Physics", "--pairs", 20, "--max-in-flight", 4)
        until(lambda: server.stats().paid >= 12)
        gone(begun)
        died = asked("status", "--project", folder, "--only", "Physics")
        assert "died without an end" in died.out or "No run yet" in died.out
        assert asked.run(folder, "--only", "Physics", "--pairs", 20).code == 0
        assert server.stats().repeats <= 4
        other = asked.init("other", pairs=40)
        assert asked.run(other, "--only", "Physics", "--pairs", 20).code == 0
        assert bytes_of(trial_of(folder, "physics") / "dataset/train") == bytes_of(
            trial_of(other, "physics") / "dataset/train"
        )


@pytest.mark.long
def test_a_shared_curriculum_is_not_asked_again(server: Server, command: CommandLine) -> None:
    """A second project with a part of the tree asks the server for no draft and no syllabus that the first has paid."""
    first = command.init("first", pairs=40)
    assert command.run(first).code == 0
    paid = dict(server.stats().stages)
    second = command.init("second", pairs=8, disciplines="Astronomy,Physics")
    out = command.home / "curriculum.glan"
    assert command("ledger", "export", out, "--stage", "curriculum", "--project", first).code == 0
    told = command("ledger", "import", out, "--json", "--teacher", TEACHER, "--project", second)
    assert told.code == 0, told.words
    needed = told.json["run"]["requests"]
    assert [needed[stage]["most"] for stage in ("subjects", "syllabi")] == [0, 0]
    assert command.run(second).code == 0
    came = {stage: n - paid.get(stage, 0) for stage, n in server.stats().stages.items()}
    assert (came["subjects"], came["syllabi"]) == (0, 0)
    assert (came["questions"], came["answers"]) == (8, 8)


@pytest.mark.long
def test_a_model_votes_through_the_server(server: Server, command: CommandLine) -> None:
    """Its ballot is a model's; the same command again asks for nothing; the counting names it as a model."""
    folder = command.init("project")
    out = command.home / "ballot.json"
    arguments = ("review", "vote", "--teacher", TEACHER, "--out", out, "--project", folder)
    first = command(*arguments)
    assert first.code == 0, first.words
    ballot, paid = out.read_bytes(), server.stats().paid
    assert json.loads(ballot)["kind"] == "model"
    assert server.stats().stages == {"taxonomy": paid}
    assert command(*arguments).code == 0
    assert (out.read_bytes(), server.stats().paid) == (ballot, paid)
    counted = command("taxonomy", "vote", "--votes", out, "--dry-run", "--project", folder)
    assert counted.out.startswith("1 ballot: any (a model).\n")
