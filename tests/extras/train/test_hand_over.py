"""What is printed for other trainers, held against their own schemas."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axolotl.utils.schemas.config import AxolotlInputConfig
from datasets import load_dataset
from ruamel.yaml import YAML
from trl import DatasetMixtureConfig, ModelConfig, ScriptArguments, SFTConfig, TrlParser

from glan.train.hand_over import printed
from glan.train.jobs import Job
from glan.train.recipes import schedule_of

Make = Callable[..., Job]
RECIPES = ("auto", "lora", "tiny")


def text_of(name: str, job: Job) -> str:
    return printed(name, job, schedule_of(job.recipe, job.data.trained))


def settings_of(text: str) -> dict[str, Any]:
    """Read it as those trainers do, as YAML 1.1."""
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    found: dict[str, Any] = yaml.load(text)
    return found


@pytest.fixture(params=RECIPES)
def asked(request: pytest.FixtureRequest, job: Make) -> Job:
    """A job of each recipe, on a device without bfloat16."""
    return job(request.param, precision="float32")


def test_trl_reads_it(asked: Job, tmp_path: Path) -> None:
    """TRL's own parser takes every setting, and the batch, the schedule and the rows are the recipe's."""
    path = tmp_path / "trl.yaml"
    path.write_text(text_of("trl", asked), encoding="utf-8")
    parser = TrlParser((ScriptArguments, SFTConfig, ModelConfig, DatasetMixtureConfig))
    _, arguments, model, mixture = parser.parse_args_and_config(["--config", str(path)], fail_with_unknown_args=True)
    schedule = schedule_of(asked.recipe, asked.data.trained)
    batch = arguments.per_device_train_batch_size * arguments.gradient_accumulation_steps
    assert (batch, arguments.warmup_steps) == (schedule.sequences_per_step, schedule.warmup_steps)
    assert arguments.learning_rate == pytest.approx(asked.recipe.learning_rate)
    assert arguments.assistant_only_loss
    assert model.use_peft == (asked.recipe.lora is not None)
    [rows] = mixture.datasets
    found = load_dataset(rows.path, data_files=rows.data_files, split=rows.split, cache_dir=str(tmp_path / "cache"))
    assert len(found) == asked.data.trained


def test_axolotl_reads_it(asked: Job) -> None:
    """Axolotl's schema takes it and knows every setting."""
    settings = settings_of(text_of("axolotl", asked))
    assert set(settings) <= set(AxolotlInputConfig.model_fields)
    found = AxolotlInputConfig(**settings)
    assert found.learning_rate == pytest.approx(asked.recipe.learning_rate)
    assert found.datasets[0].roles_to_train == ["assistant"]


_FIELDS = """
import dataclasses, json
from llamafactory.hparams import DataArguments, FinetuningArguments, ModelArguments
from transformers import Seq2SeqTrainingArguments
kinds = (DataArguments, FinetuningArguments, ModelArguments, Seq2SeqTrainingArguments)
print("FIELDS", json.dumps({field.name: str(field.type) for kind in kinds for field in dataclasses.fields(kind)}))
"""


@pytest.fixture(scope="module")
def fields() -> dict[str, str]:
    """The settings of LLaMA-Factory, read in a process of its own, since it wants other versions of its libraries."""
    environment = {**os.environ, "DISABLE_VERSION_CHECK": "1"}  # noqa: TID251 - of a process of others
    ended = subprocess.run(
        [sys.executable, "-c", _FIELDS], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    line = next(line for line in ended.stdout.splitlines() if line.startswith("FIELDS "))
    found: dict[str, str] = json.loads(line.removeprefix("FIELDS "))
    return found


def test_llama_factory_knows_every_setting(asked: Job, fields: dict[str, str]) -> None:
    """Every setting is one of LLaMA-Factory's, and every number is a number where it wants one."""
    settings = settings_of(text_of("llama-factory", asked))
    assert set(settings) <= set(fields)
    assert isinstance(settings["learning_rate"], float)
    assert settings["max_samples"] == asked.data.trained


def test_what_is_no_setting_of_a_trainer_is_noticed(asked: Job) -> None:
    """What the tests above rest on: a setting that axolotl does not have is not among its fields."""
    assert not {*settings_of(text_of("llama-factory", asked))} <= set(AxolotlInputConfig.model_fields)
