"""`glan train` and `glan leakage` where their libraries are not installed, and what they do without them."""

import importlib.util
import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

import glan
from glan.cli import cli
from glan.errors import GlanError, MissingPackageError, TrainingError
from glan.project import Project
from glan.students import Result as Trained
from glan.students import Wanted, finish, job_of, made_of
from glan.train.curve import Point
from glan.train.jobs import Job
from glan.train.recipes import read_recipe, schedule_of
from glan.train.tokens import Counts

HOSTILE = "[x](http://evil) <script>|`\x1b[2J"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set."""
    project = glan.Project.create(
        tmp_path_factory.mktemp("training") / "demo", pairs=12, recipe="demo", disciplines=["Music"]
    )
    project.run_sync()
    return project.folder


def asked(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in arguments])


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="the libraries are installed here")
@pytest.mark.parametrize(
    ("arguments", "expected_line"),
    [
        (("train", "--recipe", "tiny", "--base", "x", "--set", "held_out=2"), "pip install 'glan[train]'"),
        (("leakage", "x"), "pip install 'glan[eval]'"),
        (("eval", "x"), "pip install 'glan[eval]'"),
    ],
)
def test_without_its_libraries_a_command_names_the_install_line(
    folder: Path, arguments: tuple[str, ...], expected_line: str
) -> None:
    """The error holds the line to type, and nothing was made."""
    ended = asked(*arguments, "--project", folder)
    assert isinstance(ended.exception, MissingPackageError)
    assert ended.exception.hint == expected_line
    assert not (folder / "student").exists()


def test_a_dry_run_says_the_steps(folder: Path) -> None:
    """It needs no library and makes nothing; `--pairs` takes the prefix, and what is held out stays the same."""
    given = ("train", "--project", folder, "--recipe", "tiny", "--base", "x", "--dry-run", "--json")
    found = json.loads(asked(*given, "--set", "held_out=4", "--set", "batch_pairs=4", "--pairs", 5).output)
    assert (found["pairs"], found["held_out"], found["schedule"]["steps"]) == (5, 4, 6)
    assert not (folder / "student").exists()


@pytest.mark.parametrize(
    ("arguments", "expected_error"),
    [
        (("--recipe", "paper"), "auto"),
        (("--recipe", "auto"), "names no base"),
        (("--recipe", "auto", "--base", "x", "--pairs", "13"), "has 12 rows"),
        (("--recipe", "auto", "--base", "x", "--set", "epochs"), "NAME=VALUE"),
        (("--recipe", "auto", "--base", "x", "--set", "epochs=0"), "epochs"),
    ],
)
def test_what_does_not_do_is_said_before_anything_is_loaded(
    folder: Path, arguments: tuple[str, ...], expected_error: str
) -> None:
    """A recipe that does not fit the data, a missing base and a wrong setting are told at once."""
    ended = asked("train", "--project", folder, "--dry-run", *arguments)
    error = ended.exception
    told = f"{error} {error.hint}" if isinstance(error, GlanError) else ended.output
    assert ended.exit_code
    assert expected_error in told


@pytest.mark.parametrize("trainer", ["trl", "axolotl", "llama-factory", "chat-template"])
def test_a_configuration_is_printed_without_any_library(folder: Path, trainer: str) -> None:
    """Each has the base and the rows, no number that YAML takes for a text, and nothing else is printed."""
    given = ("train", "--project", folder, "--recipe", "auto", "--base", "some/base", "--pairs", 9)
    ended = asked(*given, "--print-config", trainer)
    assert ended.exit_code == 0
    if trainer == "chat-template":
        assert "<|assistant|>" in ended.output
        return
    assert '"some/base"' in ended.output
    assert "learning_rate: 0.000003" in ended.output
    assert "train[:9]" in ended.output or "max_samples: 9" in ended.output


def job(folder: Path, out: Path, **changes: str) -> Job:
    recipe = read_recipe("auto", changes)
    return job_of(folder, Wanted(recipe=recipe, recipe_name="auto", base=HOSTILE, out=out))


def test_another_student_in_the_folder_is_left_alone(folder: Path, tmp_path: Path) -> None:
    """What differs is named; what only says how it is made may change; a folder of others is not touched."""
    out = tmp_path / "student"
    job(folder, out).begin()
    assert job(folder, out).goes_on()
    assert job(folder, out, pairs_per_device="4", checkpoint_every_steps="7").goes_on()
    with pytest.raises(TrainingError, match="epochs was 3 and is 2"):
        job(folder, out, epochs="2").goes_on()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    mine = job(folder, tmp_path / "mine")
    mine.remove()
    with pytest.raises(TrainingError, match="is not empty"):
        mine.goes_on()
    assert (tmp_path / "mine" / "thesis.tex").exists()


def test_a_file_in_the_way_of_the_folder_is_told(folder: Path, tmp_path: Path) -> None:
    """Where --out stands below a file, the error says so and sends to another folder."""
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match="a file stands in its way") as raised:
        job(folder, tmp_path / "file" / "student").goes_on()
    assert "--restart" not in raised.value.hint


def test_another_chat_template_is_another_student(folder: Path, tmp_path: Path) -> None:
    """A template in a file counts by what is in it, and where it is is written nowhere."""
    template = tmp_path / "secret-folder.jinja"
    template.write_text("one", encoding="utf-8")
    made = job(folder, tmp_path / "student", chat_template=str(template))
    made.begin()
    assert made.goes_on()
    assert "secret-folder" not in made.run_path.read_text(encoding="utf-8")
    template.write_text("two", encoding="utf-8")
    with pytest.raises(TrainingError, match="chat_template was"):
        made.goes_on()


def test_a_card_is_whole_and_harmless(folder: Path, tmp_path: Path) -> None:
    """The card, the manifest and the curve stand beside the weights, and a hostile name does nothing in the card."""
    made = job(folder, tmp_path / "student")
    made.begin()
    (made.out / ".model.part").mkdir()
    (made.out / ".model.part" / "model.safetensors").write_bytes(b"weights")
    counts = Counts(
        trained=10,
        held_out=2,
        tokens=100,
        learnt=60,
        longest=20,
        left_out={"too long": 3},
        examples={"too long": ["x"]},
    )
    points = (Point(0, 0.0, held_out_loss=7.0), Point(1, 1.0, 6.0, 3e-6, 1.0, 6.5))
    schedule = schedule_of(made.recipe, 10)
    said = finish(made, Trained(points=points, counts=counts, schedule=schedule, weights=9, tuned_weights=3))
    assert made_of(made) == said
    assert (said.loss, said.held_out_loss_before, said.held_out_loss) == (6.0, 7.0, 6.5)
    card = (made.model_path / "README.md").read_text(encoding="utf-8")
    for hostile in ("://evil", "<script", "\x1b"):
        assert hostile not in card.partition("\n---\n")[2]
    assert "3 too long" in card
    assert "an adapter of 3 weights" in card
    manifest = Project.open(folder).manifest()
    assert manifest is not None
    told = msgspec.json.decode((made.model_path / "data.json").read_bytes())
    assert told["basis"] == manifest.basis
    assert not {"spent", "possibly_paid", "server_usd"} & set(told)
    assert not made.tokens_folder.exists()
