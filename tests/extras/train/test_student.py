"""A student from end to end, as a user makes one: tuned, killed, stopped, and the same in the end."""

import csv
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import CommandLine
from extras.train.conftest import written
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from glan.project import Project
from glan.train.checkpoints import checkpoints_of, is_complete

MARGIN = 0.5
"""In nats: what tuning must take off the held-out loss."""


def arguments(project: Project, base: Path, out: Path, *more: object) -> list[object]:
    return ["train", "--project", project.folder, "--recipe", "tiny", "--base", base, "--out", out, *more]


def losses(out: Path) -> list[dict[str, str]]:
    with (out / "model" / "losses.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def made(project: Project, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student that was tuned without a break."""
    from extras.train.conftest import QUIET  # noqa: PLC0415 - a fixture of the module cannot have that of a function

    home = tmp_path_factory.mktemp("whole")
    command = CommandLine(home=home, key=None, variables=QUIET)
    ended = command.begin(*arguments(project, base, home / "student")).end(240)
    assert ended.code == 0, ended.words
    return home / "student"


def test_a_student_learns_what_it_was_not_shown(made: Path) -> None:
    """The loss on held-out pairs falls well below that of the untrained model."""
    found = json.loads((made / "model" / "training.json").read_bytes())
    assert found["counts"]["held_out"] == 20
    assert found["held_out_loss"] < found["held_out_loss_before"] - MARGIN
    assert 1_000_000 < found["weights"] < 10_000_000


def test_a_student_is_loaded_as_any_model(made: Path) -> None:
    """It has a chat template, and stops where its answers stop."""
    tokenizer = AutoTokenizer.from_pretrained(made / "model")
    model = AutoModelForCausalLM.from_pretrained(made / "model")
    asked = tokenizer.apply_chat_template([{"role": "user", "content": "What is a star?"}], add_generation_prompt=True)
    assert tokenizer.decode(asked["input_ids"]) == "<s><|user|>\nWhat is a star?</s><|assistant|>\n"
    end = model.generation_config.eos_token_id
    assert tokenizer.eos_token_id in (end if isinstance(end, list) else [end])


def test_the_card_tells_of_the_data(made: Path, project: Project) -> None:
    """The card and the manifest beside it say what the pairs are, and nothing of what was spent or of this machine."""
    card = (made / "model" / "README.md").read_text(encoding="utf-8")
    manifest = project.manifest()
    assert manifest is not None
    told = json.loads((made / "model" / "data.json").read_bytes())
    assert told["basis"] == manifest.basis
    assert manifest.basis in card
    assert "spent" not in told
    everything = card + json.dumps(told) + (made / "model" / "training.json").read_text(encoding="utf-8")
    assert str(project.folder.parent) not in everything
    assert (made / "model" / "losses.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_finished_student_is_left_as_it_is(made: Path, command: CommandLine, project: Project, base: Path) -> None:
    """The same command again makes nothing anew, and another one is refused and says what differs."""
    before = (made / "model" / "losses.csv").stat().st_mtime_ns
    again = command(*arguments(project, base, made))
    assert again.code == 0
    assert "finished already" in again.out
    other = command(*arguments(project, base, made, "--set", "epochs=1"))
    assert other.code == 1
    assert "epochs was 3 and is 1" in other.err
    assert (made / "model" / "losses.csv").stat().st_mtime_ns == before


def test_a_base_that_is_not_there_leaves_nothing(command: CommandLine, project: Project, tmp_path: Path) -> None:
    """The error names it, and the folder is free for another try."""
    ended = command(*arguments(project, Path("no/such-base"), tmp_path / "student"))
    assert ended.code == 1
    assert "The base no/such-base cannot be loaded" in ended.err
    assert not (tmp_path / "student").exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("lora.targets=nolayer", ("The adapter does not fit", "q_proj")),
        ("attention=nothing", ("cannot be loaded", "without `attention`")),
        ("chat_template=none.jinja", ("none.jinja cannot be read", "base, glan or a Jinja file")),
    ],
)
def test_a_setting_that_does_not_fit_the_base_is_told(
    change: str, told: tuple[str, ...], command: CommandLine, project: Project, small: Path
) -> None:
    """The error says what does not fit and what does, and leaves the folder free."""
    ended = command(*arguments(project, small, command.home / "student", "--set", change))
    assert ended.code == 1
    assert all(each in ended.err for each in told), ended.err
    assert not (command.home / "student").exists()


def test_a_full_disk_is_told(command: CommandLine, project: Project, small: Path, tmp_path: Path) -> None:
    """Where a file is not taken whole, the error says so and what to do; with room the same command goes through."""
    given = arguments(project, small, tmp_path / "student", "--set", "epochs=1")
    full = command.told(max_file_bytes=100 * 1024)(*given)
    assert full.code == 1
    assert ("cannot be written" in full.err, "use another disk" in full.err) == (True, True), full.err
    assert not (tmp_path / "student" / "model").exists()
    assert command(*given).code == 0


def test_one_pair_is_learnt(command: CommandLine, small: Path, tmp_path: Path) -> None:
    """A single pair makes a single step, which changes the weights, and its loss is told however rare the log is."""
    data = written(tmp_path / "one.jsonl", [("What is a star?", "A ball of gas.")])
    given = ("train", "--data", data, "--recipe", "tiny", "--base", small, "--set", "held_out=0", "--set", "epochs=1")
    ended = command(*given, "--set", "log_every_steps=100", "--out", tmp_path / "student")
    assert (ended.code, "Loss " in ended.out) == (0, True), ended.words
    before, after = (load_file(folder / "model.safetensors") for folder in (small, tmp_path / "student" / "model"))
    assert any(not before[name].equal(after[name]) for name in before)


def test_killed_and_stopped_it_comes_to_the_same(
    made: Path, command: CommandLine, project: Project, base: Path, tmp_path: Path
) -> None:
    """After a kill, a half-written checkpoint and a SIGTERM every loss is that of the run without a break."""
    out = tmp_path / "student"
    given = arguments(project, base, out, "--set", "checkpoint_every_steps=1")
    killed = command.begin(*given)
    wait(lambda: len(whole(out)) > 1)
    killed.send(signal.SIGKILL)
    killed.process.communicate()
    newest = checkpoints_of(out / "checkpoints")[-1][1]
    with (newest / "model.safetensors").open("r+b") as file:
        file.truncate(1_000)
    (out / "checkpoints" / "checkpoint-999999").mkdir()
    step = max(whole(out))

    stopped = command.begin(*given)
    wait(lambda: max(whole(out), default=0) > step)
    stopped.send(signal.SIGTERM)
    ended = stopped.end(120)
    assert ended.code == 130, ended.words
    assert "the same command goes on" in ended.err

    finished = command.begin(*given).end(240)
    assert finished.code == 0, finished.words
    columns = ("step", "loss", "learning_rate", "held_out_loss")
    assert [[row[name] for name in columns] for row in losses(out)] == [
        [row[name] for name in columns] for row in losses(made)
    ]


def whole(out: Path) -> list[int]:
    return [step for step, path in checkpoints_of(out / "checkpoints") if is_complete(path)]


def wait(until: Callable[[], bool]) -> None:
    begun_s = time.monotonic()
    while not until():
        assert time.monotonic() - begun_s < 180, "It did not get so far."
        time.sleep(0.05)
