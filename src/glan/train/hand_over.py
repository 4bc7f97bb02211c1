"""A recipe as other trainers read it: TRL's command line, axolotl, LLaMA-Factory. Each is one YAML file.

What they have no setting for stands in the comments at the top. Nothing of theirs is imported.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from glan.errors import ConfigError
from glan.train.encoding import template_of
from glan.train.jobs import Job
from glan.train.recipes import ALL_LINEAR, Lora, Recipe, Schedule

Settings = Mapping[str, Any]

TEMPLATE: Final = "chat-template"
"""What is printed instead of a configuration: the chat template of ours."""
_OUT: Final = "student"
_FLASH: Final = {"flash_attention_2": "fa2", "sdpa": "sdpa", "eager": "disabled"}


def printed(name: str, job: Job, schedule: Schedule) -> str:
    """Return the configuration of another trainer, or the chat template that it is told of.

    Raises:
        ConfigError: it has no way to say what the recipe says.

    """
    if name == TEMPLATE:
        return template_of("glan" if job.recipe.chat_template == "base" else job.recipe.chat_template, None)
    settings, remarks = TRAINERS[name](job, schedule)
    lines = [f"# The recipe {job.recipe_name} for {job.data.trained:,} pairs, as {name} reads it."]
    lines += [f"# {remark}" for remark in (*remarks, *_held_out(job))]
    return "\n".join([*lines, *_yaml(settings, "")]) + "\n"


def _held_out(job: Job) -> Iterator[str]:
    if job.data.held_out:
        yield f"Rows are those before the last {job.data.held_out:,}, which `glan train` holds out."


def _of_transformers(job: Job, schedule: Schedule) -> Settings:
    """Return what every trainer takes that reads the arguments of transformers."""
    recipe = job.recipe
    return {
        "num_train_epochs": recipe.epochs,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": recipe.scheduler,
        "warmup_steps": schedule.warmup_steps,
        "per_device_train_batch_size": _at_once(schedule),
        "gradient_accumulation_steps": schedule.accumulation,
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.max_grad_norm,
        "bf16": recipe.precision != "float32",
        "seed": recipe.seed,
        "logging_steps": recipe.log_every_steps,
        "save_steps": recipe.checkpoint_every_steps,
        "save_total_limit": recipe.keep_checkpoints,
        "report_to": "none",
        "output_dir": _OUT,
    }


def _trl(job: Job, schedule: Schedule) -> tuple[Settings, Sequence[str]]:
    """Return what `trl sft --config FILE` reads."""
    recipe = job.recipe
    is_own = recipe.chat_template != "base"
    settings = {
        "model_name_or_path": job.base,
        "attn_implementation": recipe.attention,
        "dtype": "float32",
        "datasets": [_dataset(job)],
        "chat_template_path": "chat.jinja" if is_own else None,
        "assistant_only_loss": True,
        "max_length": recipe.max_tokens,
        "packing": recipe.packing,
        "activation_checkpointing": recipe.activation_checkpointing,
        **_of_transformers(job, schedule),
    }
    if recipe.lora is not None:
        settings |= {"use_peft": True, "lora_r": recipe.lora.rank, **_adapter(recipe.lora)}
        settings["lora_target_modules"] = _targets(recipe.lora)
    remarks = [
        "trl sft --config FILE",
        *_batch(job, schedule, "per_device_train_batch_size x gradient_accumulation_steps"),
        "A pair that is too long is cut here, where `glan train` leaves it out.",
    ]
    if is_own:
        remarks.append("chat.jinja is what `glan train --print-config chat-template` prints.")
    return settings, remarks


def _axolotl(job: Job, schedule: Schedule) -> tuple[Settings, Sequence[str]]:
    """Return what `axolotl train FILE` reads."""
    recipe = job.recipe
    learnt = {"roles_to_train": ["assistant"], "train_on_eos": "turn"}
    settings = {
        "base_model": job.base,
        "attn_implementation": recipe.attention,
        **_template(recipe),
        "datasets": [{**_dataset(job), "type": "chat_template", "field_messages": "messages", **learnt}],
        "train_on_inputs": False,
        "sequence_len": recipe.max_tokens,
        "excess_length_strategy": "drop",
        "sample_packing": recipe.packing,
        "num_epochs": recipe.epochs,
        "optimizer": "adamw_torch",
        "learning_rate": recipe.learning_rate,
        "lr_scheduler": recipe.scheduler,
        "warmup_steps": schedule.warmup_steps,
        "micro_batch_size": _at_once(schedule),
        "gradient_accumulation_steps": schedule.accumulation,
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.max_grad_norm,
        "bf16": "auto" if recipe.precision != "float32" else False,
        "gradient_checkpointing": recipe.activation_checkpointing,
        "seed": recipe.seed,
        "logging_steps": recipe.log_every_steps,
        "save_steps": recipe.checkpoint_every_steps,
        "save_total_limit": recipe.keep_checkpoints,
        "output_dir": _OUT,
    }
    if recipe.lora is not None:
        is_all = recipe.lora.targets == ALL_LINEAR
        targets = {"lora_target_linear": True} if is_all else {"lora_target_modules": _targets(recipe.lora)}
        settings |= {"adapter": "lora", "lora_r": recipe.lora.rank, **_adapter(recipe.lora), **targets}
    return settings, [
        "axolotl train FILE",
        *_batch(job, schedule, "micro_batch_size x gradient_accumulation_steps"),
    ]


def _llama_factory(job: Job, schedule: Schedule) -> tuple[Settings, Sequence[str]]:
    """Return what `llamafactory-cli train FILE` reads."""
    recipe = job.recipe
    settings = {
        "model_name_or_path": job.base,
        "flash_attn": _FLASH.get(recipe.attention or "", "auto"),
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "full" if recipe.lora is None else "lora",
        "dataset": "glan",
        "dataset_dir": ".",
        "max_samples": job.data.trained,
        "cutoff_len": recipe.max_tokens,
        "train_on_prompt": False,
        "packing": recipe.packing,
        "neat_packing": recipe.packing,
        "disable_gradient_checkpointing": not recipe.activation_checkpointing,
        **_of_transformers(job, schedule),
    }
    if recipe.lora is not None:
        targets = ["all"] if recipe.lora.targets == ALL_LINEAR else _targets(recipe.lora)
        settings |= {"lora_rank": recipe.lora.rank, **_adapter(recipe.lora), "lora_target": ",".join(targets)}
    return settings, [
        "llamafactory-cli train FILE, with a dataset_info.json beside it that says:",
        msgspec.json.encode(_dataset_info(job)).decode(),
        *_batch(job, schedule, "per_device_train_batch_size x gradient_accumulation_steps"),
        "Without `template` it reads the chat template of the base; a base that has none needs one in its tokenizer:",
        "`glan train --print-config chat-template` prints ours, which goes there as chat_template.jinja.",
    ]


TRAINERS: Mapping[str, Callable[[Job, Schedule], tuple[Settings, Sequence[str]]]] = {
    "trl": _trl,
    "axolotl": _axolotl,
    "llama-factory": _llama_factory,
}
"""Every trainer that a recipe can be handed over to."""


def _at_once(schedule: Schedule) -> int:
    """Return the sequences of one pass of the one device."""
    return schedule.sequences_per_step // schedule.accumulation


def _adapter(lora: Lora) -> Settings:
    return {"lora_alpha": lora.alpha, "lora_dropout": lora.dropout}


def _targets(lora: Lora) -> list[str]:
    return [lora.targets] if isinstance(lora.targets, str) else list(lora.targets)


def _template(recipe: Recipe) -> Settings:
    """Return how axolotl is told of the chat template."""
    if recipe.chat_template == "base":
        return {"chat_template": "tokenizer_default"}
    return {"chat_template": "jinja", "chat_template_jinja": template_of(recipe.chat_template, None)}


def _batch(job: Job, schedule: Schedule, product: str) -> Iterator[str]:
    yield f"For one device; {product} x devices are the {schedule.sequences_per_step:,} pairs of one step."
    if job.recipe.packing:
        yield "Packed, each counts as many pairs as fit into it: divide by them for the same batch."


def _dataset(job: Job) -> Settings:
    return {"path": _loader(job), "data_files": _files(job), "split": f"train[:{job.data.trained}]"}


def _dataset_info(job: Job) -> Mapping[str, Any]:
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    return {
        "glan": {
            "file_name": str(_rows(job)),
            "formatting": "sharegpt",
            "columns": {"messages": "messages"},
            "tags": {**tags, "system_tag": "system"},
        }
    }


def _rows(job: Job) -> Path:
    train = job.data.path / "train"
    return (train if train.is_dir() else job.data.path).resolve()


def _loader(job: Job) -> str:
    rows = _rows(job)
    kind = "parquet" if rows.is_dir() else rows.suffix.removeprefix(".").casefold()
    known = {"parquet": "parquet", "jsonl": "json", "ndjson": "json", "csv": "csv"}
    if kind not in known:
        raise ConfigError(f"{rows} is no kind of file that other trainers read.")
    return known[kind]


def _files(job: Job) -> str:
    rows = _rows(job)
    return f"{rows}/*.parquet" if rows.is_dir() else str(rows)


def _yaml(settings: Settings, indent: str) -> Iterator[str]:
    for name, value in settings.items():
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield f"{indent}{name}:"
            for each in value:
                first, *others = _yaml(each, f"{indent}    ")
                yield f"{indent}  - {first.lstrip()}"
                yield from others
        elif value is not None:
            yield f"{indent}{name}: {_scalar(value)}"


def _scalar(value: object) -> str:
    """Return a value as YAML. JSON is YAML but for one thing: YAML 1.1 takes `3e-06` for a text."""
    if isinstance(value, float):
        return f"{value:.12f}".rstrip("0") + ("0" if value == int(value) else "")
    return msgspec.json.encode(value).decode()
