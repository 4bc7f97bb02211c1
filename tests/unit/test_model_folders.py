"""Models in folders: what they are called, and what tells one from another."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from glan.cli import cli
from glan.errors import MissingPackageError
from glan.evaluate.folders import is_model, mark_of, model_in, model_name_of


def model_in_folder(folder: Path, weights: bytes = b"w" * 10) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def test_a_student_is_called_as_the_folder_that_was_named_for_it(tmp_path: Path) -> None:
    """`glan train --out students/50000` puts it into `model` below; any other folder has its own name."""
    assert model_name_of(model_in_folder(tmp_path / "students/50000/model")) == "50000"
    assert model_name_of(model_in_folder(tmp_path / "mistral")) == "mistral"


def test_a_folder_without_a_configuration_is_no_model(tmp_path: Path) -> None:
    """A folder of questions or answers is none; an adapter is one."""
    assert not is_model(tmp_path)
    assert not is_model(tmp_path / "nothing")
    (tmp_path / "adapter_config.json").write_text("{}")
    assert is_model(tmp_path)


def test_a_student_is_found_in_the_folder_that_was_named_for_it(tmp_path: Path) -> None:
    """Who gives `students/50000` means `students/50000/model`; what holds neither is no model."""
    model = model_in_folder(tmp_path / "students/50000/model")
    assert model_in(tmp_path / "students/50000") == model_in(model) == model
    assert model_in(tmp_path) is None


@pytest.mark.parametrize("name", ["model.safetensors", "chat_template.jinja", "tokenizer.json", "config.json"])
def test_other_weights_or_another_template_have_another_mark(name: str, tmp_path: Path) -> None:
    """What changes the answers changes the mark, also at the end of a long file; what tells of training does not."""
    model = model_in_folder(tmp_path / "model", b"w" * 3_000_000)
    before = mark_of(model)
    (model / "README.md").write_text("A card.")
    (model / "training.json").write_text("{}")
    assert mark_of(model) == before
    (model / name).write_bytes(b"w" * 2_999_999 + b"x")
    assert mark_of(model) != before


def test_without_the_extra_a_local_model_names_the_line_that_installs_it(tmp_path: Path) -> None:
    """`glan judge` with a folder of a model says what is missing, and asks nobody."""
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"id": "1", "question": "Why?"}\n')
    model = model_in_folder(tmp_path / "student/model")
    given = ["judge", str(model), "--questions", str(questions), "--judge", "offline", "--out", str(tmp_path / "out")]
    error = CliRunner().invoke(cli, given).exception
    assert isinstance(error, MissingPackageError)
    assert error.hint == "pip install 'glan[eval]'"
    assert not (tmp_path / "out").exists()
