"""Supervised fine-tuning with TRL's trainer. It prints nothing; only this and `apart` import torch in training."""

import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from datasets import Dataset, disable_progress_bars
from peft import LoraConfig
from safetensors import SafetensorError
from torch.nn import Linear
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from transformers.utils import is_flash_attn_2_available, logging
from trl import SFTConfig, SFTTrainer, pack_dataset

from glan.errors import ConfigError, TrainingError
from glan.train.apart import keeps_apart
from glan.train.checkpoints import mark_complete, newest_complete, thin_out
from glan.train.curve import Point, points_of
from glan.train.encoding import IGNORED, check_tokenizer, refuse_longer, template_of
from glan.train.jobs import Job
from glan.train.recipes import Schedule, schedule_of
from glan.train.tokens import Counts, Tokens, written
from glan.wording import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far training is."""

    step: int
    steps: int
    point: Point | None
    """What was logged at this step."""
    saved: bool = False
    """Whether a checkpoint has just become whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Who looks on, and may stop it."""

    tell: Callable[[str], object]
    progress: Callable[[Progress], object]
    is_stopping: Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What came of it."""

    points: Sequence[Point]
    counts: Counts
    schedule: Schedule
    is_complete: bool
    is_first: bool
    """Whether this is the process that tells and writes, where there are several."""
    resumed_at: int
    """The step of the checkpoint that it went on from; 0 without one."""
    weights: int
    """Of the model."""
    tuned_weights: int
    """Of these, and of an adapter, those that were tuned."""


class Trainer(SFTTrainer):  # type: ignore[misc]  # trl ships no types
    """TRL's trainer, which leaves the card to us."""

    def create_model_card(self, *_: object, **__: object) -> None:
        """Write nothing."""

    def _save_checkpoint(self, *arguments: object, **named: object) -> None:
        with _on_disk(Path(self.args.output_dir)):
            super()._save_checkpoint(*arguments, **named)


@contextmanager
def _on_disk(folder: Path) -> Iterator[None]:
    """Tell of a disk that takes no more, which each library that writes weights says in its own way.

    Raises:
        TrainingError: what the block writes cannot be written.

    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        raise TrainingError(
            f"The weights in {folder} cannot be written: {str(error).rstrip('.')}.",
            hint="Where the disk is full, make room on it; the same command goes on from the newest whole checkpoint.",
        ) from error


class _Hooks(TrainerCallback):  # type: ignore[misc]  # transformers ships no types that are strict
    """Marks whole checkpoints, tells how far it is, and stops where that is wanted."""

    def __init__(self, job: Job, watch: Watch) -> None:
        self._job, self._watch = job, watch

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401 - as they call it
        del args
        if _any(is_so=self._watch.is_stopping()) and state.global_step < state.max_steps:
            control.should_save = control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
        del args, control
        point = next(iter(points_of(state.log_history[-1:])), None)
        if point is None:
            return
        if point.loss is not None and not math.isfinite(point.loss):
            raise TrainingError(
                f"The loss is {point.loss} at step {state.global_step:,}.",
                hint="A lower learning rate may help: --set learning_rate=X --restart.",
            )
        if state.is_world_process_zero:
            self._watch.progress(Progress(step=state.global_step, steps=state.max_steps, point=point))

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
        del args, control
        _state().wait_for_everyone()
        if state.is_world_process_zero:
            folder = self._job.checkpoints_path
            mark_complete(folder / f"checkpoint-{state.global_step}")
            thin_out(folder, self._job.recipe.keep_checkpoints)
            self._watch.progress(Progress(step=state.global_step, steps=state.max_steps, point=None, saved=True))


def _state() -> PartialState:
    """Return what the processes know of each other; on processors they find each other only when told so."""
    return PartialState(cpu=not torch.accelerator.is_available())


def _any(*, is_so: bool) -> bool:
    """Tell whether something is so in any of the processes, which must all do the same."""
    state = _state()
    if state.num_processes == 1:
        return is_so
    found = torch.tensor(int(is_so), device=state.device)
    torch.distributed.all_reduce(found, torch.distributed.ReduceOp.MAX)
    return bool(found.item())


@contextmanager
def first() -> Iterator[bool]:
    """Let the first of several processes go first, and tell each whether it is that one."""
    state = _state()
    with state.main_process_first():
        yield state.is_main_process


def tune(job: Job, watch: Watch) -> Tuned:
    """Tune a student, from its newest whole checkpoint on, and leave it in `model/`.

    Raises:
        ConfigError: the base, its template or the batch does not do.
        DatasetError: there is nothing to train on.
        TrainingError: the loss is no number.

    """
    disable_progress_bars()
    logging.disable_progress_bar()
    state = _state()
    tokenizer = tokenizer_of(job)
    with state.main_process_first():
        tokens = _tokens_of(job, tokenizer)
    trained, held_out = datasets_of(job, tokens)
    sequences = len(trained) if job.recipe.packing else None
    devices = state.num_processes
    schedule = schedule_of(job.recipe, tokens.counts.trained, sequences=sequences, devices=devices)
    if state.is_main_process and (tokens.counts.left_out or job.recipe.packing or devices > 1):
        watch.tell(_told(tokens.counts, schedule, devices))
    trainer = trainer_of(job, schedule, (trained, held_out), tokenizer, _Hooks(job, watch))
    refuse_longer(tokens.counts.longest, trainer.model.config.get_text_config(), job.base)
    if trainer.padding_free and not keeps_apart(trainer, job.base) and state.is_main_process:
        watch.tell("That pairs in one sequence do not see each other was not tried, since the weights are spread out.")
    with state.main_process_first():
        checkpoint = newest_complete(job.checkpoints_path)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint is not None else None)
    is_complete = trainer.state.global_step >= trainer.state.max_steps
    if is_complete:
        _save(trainer, job)
    return Tuned(
        points=points_of(trainer.state.log_history),
        counts=tokens.counts,
        schedule=schedule,
        is_complete=is_complete,
        is_first=state.is_main_process,
        resumed_at=int(checkpoint.name.rpartition("-")[2]) if checkpoint is not None else 0,
        weights=trainer.model.num_parameters(),
        tuned_weights=trainer.model.num_parameters(only_trainable=True),
    )


def _told(counts: Counts, schedule: Schedule, devices: int) -> str:
    """Say what the tokens make of the steps that were foretold."""
    left = "".join(f"Left out: {counted(count, 'row')}, {reason}. " for reason, count in counts.left_out.items())
    return (
        f"{left}Trained on: {counted(counts.trained, 'pair')}, {counted(schedule.steps, 'step')} of "
        f"{counted(schedule.sequences_per_step, 'sequence')} on {counted(devices, 'device')}."
    )


def tokenizer_of(job: Job) -> Any:  # noqa: ANN401 - transformers' own
    """Return the tokenizer of the base, with the chat template that the student will have.

    Raises:
        ConfigError: there is none, or it does not do.

    """
    tokenizer = _loaded(AutoTokenizer, job.base)
    check_tokenizer(tokenizer, job.base)
    tokenizer.chat_template = template_of(job.recipe.chat_template, tokenizer.chat_template)
    return tokenizer


def _loaded(kind: Any, base: str, **options: Any) -> Any:  # noqa: ANN401 - transformers' own
    """Load something of the base; its own code is never run."""
    try:
        return kind.from_pretrained(base, **options)
    except (OSError, ValueError, ImportError) as error:
        hint = "A base is a folder with config.json, or a name on the hub that you may read."
        if (attention := options.get("attn_implementation")) is not None:
            hint = f"If the attention {attention!r} is the cause: without `attention` it takes the best that there is."
        raise ConfigError(f"The base {base} cannot be loaded: {_first_line(error)}.", hint=hint) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "").rstrip(".")


def _tokens_of(job: Job, tokenizer: Any) -> Tokens:  # noqa: ANN401
    backend = getattr(tokenizer, "backend_tokenizer", None)
    identity = backend.to_str() if backend is not None else tokenizer.name_or_path
    path = job.tokens_path(identity, str(tokenizer.chat_template))
    return written(job.data, tokenizer, job.recipe.max_tokens, path)


def datasets_of(job: Job, tokens: Tokens) -> tuple[Dataset, Dataset | None]:
    """Return what is trained on, packed where the recipe packs, and what is held out, if anything: never packed.

    The pairs are shuffled before they are packed, since neighbours are of one subject; a pack holds whole pairs.
    """
    rows = Dataset.from_file(str(tokens.path))
    trained = rows.select(range(tokens.counts.trained))
    held_out = rows.select(range(tokens.counts.trained, len(rows))) if tokens.counts.held_out else None
    if job.recipe.packing:
        trained = pack_dataset(trained.shuffle(seed=job.recipe.seed), job.recipe.max_tokens, "bfd")
    return trained, held_out


def trainer_of(
    job: Job,
    schedule: Schedule,
    rows: tuple[Dataset, Dataset | None],
    tokenizer: Any,  # noqa: ANN401
    hooks: TrainerCallback,
) -> Trainer:
    """Return the trainer, which gets tokens and labels and makes none of its own."""
    recipe = job.recipe
    trained, held_out = rows
    is_half = _is_half(recipe.precision)
    # Steps of 3e-6 vanish in bfloat16 weights: they stay float32, unless they are frozen beside an adapter.
    dtype = torch.bfloat16 if is_half and recipe.lora is not None else torch.float32
    attention = recipe.attention or ("flash_attention_2" if is_half and _has_flash() else None)
    model = _loaded(AutoModelForCausalLM, job.base, dtype=dtype, attn_implementation=attention)
    _end_as_answers_do(model, trained)
    # Other attention takes time and memory by the square of a whole batch where nothing is padded.
    flat = recipe.packing or (attention or "").startswith("flash")
    own = {"padding_free": flat, "bf16": is_half, **_evaluation(job, schedule, evaluates=held_out is not None)}
    arguments = _checked(**_arguments(job, schedule), **own)
    try:
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=trained,
            eval_dataset=held_out,
            processing_class=tokenizer,
            peft_config=_adapter(job),
            callbacks=[hooks],
        )
    except ValueError as error:
        if recipe.lora is None:
            raise
        names = sorted({name.rpartition(".")[2] for name, layer in model.named_modules() if isinstance(layer, Linear)})
        raise ConfigError(
            f"The adapter does not fit {job.base}: {_first_line(error)}.",
            hint=f"The linear layers of the base are {', '.join(names)}; without lora.targets all get one.",
        ) from error
    trainer.remove_callback(PrinterCallback)
    return trainer


def _checked(**settings: Any) -> SFTConfig:  # noqa: ANN401 - as they take them
    """Return the settings as TRL has them.

    Raises:
        ConfigError: they do not do on this machine.

    """
    try:
        return SFTConfig(**settings)
    except ValueError as error:
        raise ConfigError(
            f"The trainer refuses these settings: {error}", hint="The precision `auto` is what the device has."
        ) from error


def _is_half(precision: str) -> bool:
    if precision == "auto":
        return bool(torch.cuda.is_available() and torch.cuda.is_bf16_supported())
    return precision == "bfloat16"


def _has_flash() -> bool:
    return bool(torch.cuda.is_available() and is_flash_attn_2_available())


def _end_as_answers_do(model: Any, rows: Dataset) -> None:  # noqa: ANN401
    """Let the student's answers end with the token that ends those of the pairs, beside those of its base."""
    end = next(label for label in reversed(rows[0]["labels"]) if label != IGNORED)
    own = model.generation_config.eos_token_id
    known = [own] if isinstance(own, int) else list(own or [])
    if end not in known:
        model.generation_config.eos_token_id = [end, *known] if known else end


def _evaluation(job: Job, schedule: Schedule, *, evaluates: bool) -> Mapping[str, Any]:
    """Return when the loss on the held-out pairs is taken: before, and after each epoch.

    After so many steps, since a trainer takes that of an epoch only once its last checkpoint is written: a stop there
    would lose it.
    """
    is_new = newest_complete(job.checkpoints_path) is None
    return {
        "per_device_eval_batch_size": 1,  # so that the loss is the mean over the pairs
        "eval_packing": False,
        "eval_strategy": "steps" if evaluates else "no",
        "eval_steps": schedule.steps_per_epoch,
        "eval_on_start": evaluates and is_new,
    }


def _arguments(job: Job, schedule: Schedule) -> Mapping[str, Any]:
    recipe = job.recipe
    at_once = schedule.sequences_per_step // schedule.accumulation // _state().num_processes
    return {
        "output_dir": str(job.checkpoints_path),
        "num_train_epochs": recipe.epochs,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": recipe.scheduler,
        "warmup_steps": schedule.warmup_steps,
        "per_device_train_batch_size": at_once,
        "gradient_accumulation_steps": schedule.accumulation,
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.max_grad_norm,
        "activation_checkpointing": recipe.activation_checkpointing,
        "seed": recipe.seed,
        "max_length": recipe.max_tokens if recipe.packing else None,
        "packing": recipe.packing,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "logging_steps": min(recipe.log_every_steps, schedule.steps),
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": recipe.checkpoint_every_steps,
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": torch.cuda.is_available(),
        "ddp_find_unused_parameters": False,
        "use_cpu": not torch.accelerator.is_available(),
    }


def _adapter(job: Job) -> LoraConfig | None:
    lora = job.recipe.lora
    if lora is None:
        return None
    targets = lora.targets if isinstance(lora.targets, str) else list(lora.targets)
    return LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=targets, task_type="CAUSAL_LM"
    )


def _save(trainer: Trainer, job: Job) -> None:
    """Leave the finished student; the folder has its name only when the weights in it are whole."""
    part = job.out / ".model.part"
    if trainer.is_world_process_zero() and part.exists():
        shutil.rmtree(part)
    with _on_disk(part):
        trainer.save_model(str(part))
    _state().wait_for_everyone()
