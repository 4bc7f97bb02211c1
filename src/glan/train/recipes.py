"""How a student is tuned: the settings of a recipe, the recipes that are shipped, and files of one's own."""

import math
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from glan.config import read_toml, settings_of
from glan.errors import ConfigError
from glan.settings import Settings
from glan.wording import counted

MOST_WARMUP_SHARE = 0.1
"""Of all steps. A warm-up in steps that is longer does not fit the data: the learning rate hardly gets to its peak."""


ALL_LINEAR: Final = "all-linear"


class Lora(Settings, frozen=True):
    rank: Annotated[int, Meta(ge=1, le=4_096, description="Rank of the two matrices beside each frozen one.")] = 16
    alpha: Annotated[int, Meta(ge=1, le=65_536, description="What they add is scaled by alpha / rank.")] = 32
    dropout: Annotated[float, Meta(ge=0, lt=1, description="Share of their inputs that is left out in a step.")] = 0.0
    targets: Annotated[
        str | tuple[str, ...],
        Meta(description='Names of the layers that get one, or "all-linear": all but the embeddings and the head.'),
    ] = ALL_LINEAR


class Recipe(Settings, frozen=True):
    base: Annotated[
        str | None, Meta(description="The model to begin with: a folder, or a name on the hub; --base names another.")
    ] = None
    chat_template: Annotated[
        str,
        Meta(
            description='"base": that of the base, and ours where it has none; "glan": ours; '
            "else the path of a Jinja file."
        ),
    ] = "base"
    epochs: Annotated[int, Meta(ge=1, le=1_000, description="How often each pair is seen (paper: 3).")] = 3
    learning_rate: Annotated[float, Meta(gt=0, le=1, description="The highest learning rate (paper: 3e-6).")] = 3e-6
    schedule: Annotated[
        Literal["cosine", "linear", "constant"],
        Meta(description="How the learning rate falls after the warm-up: the first two to 0 (paper: cosine)."),
    ] = "cosine"
    warmup_steps: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="Steps in which the learning rate rises from 0 (paper: 1,000)."),
    ] = None
    warmup_share: Annotated[
        Annotated[float, Meta(ge=0, lt=1)] | None,
        Meta(description="The same as a share of all steps; one of the two is given."),
    ] = None
    batch_pairs: Annotated[
        int,
        Meta(ge=1, le=1_000_000, description="Pairs of one step, over all devices and accumulations (paper: 512)."),
    ] = 512
    pairs_per_device: Annotated[
        int,
        Meta(ge=1, le=100_000, description="Sequences that a device takes at once; the rest is accumulated."),
    ] = 8
    max_tokens: Annotated[
        int, Meta(ge=8, le=10_000_000, description="Longest sequence; a longer pair is left out and counted.")
    ] = 2_048
    packing: Annotated[
        bool,
        Meta(
            description="Whether several whole pairs make one sequence, none of which sees another; "
            "`batch_pairs` then holds on average."
        ),
    ] = False
    held_out: Annotated[
        int, Meta(ge=0, description="The last pairs of the data, which are not trained on, and whose loss is told.")
    ] = 0
    precision: Annotated[
        Literal["auto", "bfloat16", "float32"],
        Meta(
            description='What is computed in; weights and optimiser are float32. "auto": bfloat16 where the '
            "device has it."
        ),
    ] = "auto"
    attention: Annotated[
        str | None, Meta(description='Implementation of attention, such as "flash_attention_2"; unset: the best there.')
    ] = None
    activation_checkpointing: Annotated[
        bool, Meta(description="Whether activations are computed again in the backward pass, which saves memory.")
    ] = True
    weight_decay: Annotated[float, Meta(ge=0, le=1, description="Of AdamW (the paper gives none).")] = 0.0
    max_grad_norm: Annotated[float, Meta(ge=0, description="Longest gradient; 0: any.")] = 1.0
    seed: Annotated[
        int, Meta(ge=0, lt=2**32, description="The order of the pairs and every dropout follow from it.")
    ] = 0
    log_every_steps: Annotated[int, Meta(ge=1, description="Steps between two points of the loss curve.")] = 1
    checkpoint_every_steps: Annotated[
        int, Meta(ge=1, description="Steps between two checkpoints: what a kill costs at most.")
    ] = 500
    keep_checkpoints: Annotated[int, Meta(ge=1, le=1_000, description="How many complete checkpoints are kept.")] = 2
    lora: Annotated[
        Lora | None, Meta(description="A small adapter beside frozen weights; unset: all weights are tuned.")
    ] = None

    @property
    def scheduler(self) -> str:
        """The schedule by the name that transformers has for it."""
        return "constant_with_warmup" if self.schedule == "constant" else self.schedule


def recipes() -> tuple[str, ...]:
    """Return the names of the shipped recipes."""
    return tuple(sorted(each.name.removesuffix(".toml") for each in _folder().iterdir() if each.name.endswith(".toml")))


def text_of(name: str) -> str:
    """Return the file of a shipped recipe, or one that ends in .toml.

    Raises:
        ConfigError: there is none.

    """
    if name in recipes():
        return (_folder() / f"{name}.toml").read_text(encoding="utf-8")
    path = Path(name)
    if path.suffix != ".toml":
        raise ConfigError(
            f"There is no recipe {name!r} to train by; the recipes are {', '.join(recipes())}.",
            hint="Name one of them, or a file of your own that ends in .toml.",
        )
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(
            f"The recipe {path} cannot be read: {why}.",
            hint=f"The recipes that are shipped are {', '.join(recipes())}; a file of your own is TOML.",
        ) from error


def read_recipe(name: str, changes: Mapping[str, str] | None = None) -> Recipe:
    """Return a recipe, with some of its settings changed; `lora.rank` is the setting `rank` in the table `lora`.

    Raises:
        ConfigError: there is no such recipe, or a setting is unknown, of the wrong kind or out of its range.

    """
    source = f"recipe {name}"
    found = read_toml(text_of(name), source)
    for setting, value in (changes or {}).items():
        _change(found, setting, value)
    recipe = settings_of(Recipe, found, source)
    if (recipe.warmup_steps is None) == (recipe.warmup_share is None):
        raise ConfigError(f"{source}: give one of `warmup_steps` and `warmup_share`, and not both.")
    return recipe


def _change(found: dict[str, object], setting: str, value: str) -> None:
    """Put one setting, given as TOML or as a plain word, into what was read."""
    *tables, name = setting.split(".")
    into = found
    for table in tables:
        below = into.setdefault(table, {})
        if not isinstance(below, dict):
            raise ConfigError(f"--set {setting}: {table} is no table.")
        into = below
    try:
        into[name] = read_toml(f"value = {value}", f"--set {setting}")["value"]
    except ConfigError:
        into[name] = value
    other = {"warmup_steps": "warmup_share", "warmup_share": "warmup_steps"}.get(setting)
    if other is not None:
        found.pop(other, None)


def _folder() -> Traversable:
    return resources.files("glan") / "recipes" / "train"


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """How many steps a recipe takes on some pairs."""

    steps_per_epoch: int
    steps: int
    warmup_steps: int
    accumulation: int
    """Passes of a device before a step."""
    sequences_per_step: int
    """Over all devices: pairs, or packs of them."""


def schedule_of(recipe: Recipe, pairs: int, *, sequences: int | None = None, devices: int = 1) -> Schedule:
    """Return the steps of a recipe on some pairs, which may be packed into fewer sequences.

    Raises:
        ConfigError: the batch does not divide among the devices, or the warm-up does not fit.

    """
    n_sequences = pairs if sequences is None else sequences
    wanted = recipe.batch_pairs if sequences is None else max(1, round(recipe.batch_pairs * n_sequences / pairs))
    at_once = min(recipe.pairs_per_device, wanted) * devices
    accumulation = max(1, round(wanted / at_once))
    per_step = accumulation * at_once
    if sequences is None and per_step != recipe.batch_pairs:
        raise ConfigError(
            f"A batch of {recipe.batch_pairs:,} pairs does not divide into {recipe.pairs_per_device:,} at once on "
            f"{counted(devices, 'device')}.",
            hint=_way_out(recipe, devices),
        )
    steps_per_epoch = math.ceil(n_sequences / per_step)
    steps = steps_per_epoch * recipe.epochs
    share = min(math.ceil((recipe.warmup_share or 0) * steps), steps - 1)  # the first step of a warm-up learns nothing
    warmup = recipe.warmup_steps if recipe.warmup_steps is not None else share
    if recipe.warmup_steps is not None and warmup > MOST_WARMUP_SHARE * steps:
        raise ConfigError(
            f"{warmup:,} steps of warm-up are more than {MOST_WARMUP_SHARE:.0%} of the {steps:,} steps that "
            f"{pairs:,} pairs make: the learning rate would hardly reach its peak.",
            hint="Warm up for a share of all steps: --set warmup_share=0.03, or --recipe auto --base MODEL.",
        )
    return Schedule(
        steps_per_epoch=steps_per_epoch,
        steps=steps,
        warmup_steps=warmup,
        accumulation=accumulation,
        sequences_per_step=per_step,
    )


def _way_out(recipe: Recipe, devices: int) -> str:
    """Say what divides the batch: the greatest number of pairs at once, or another batch where none does."""
    if recipe.batch_pairs % devices:
        return f"A batch is a whole multiple of the devices: --set batch_pairs={devices * recipe.pairs_per_device}."
    most = recipe.batch_pairs // devices
    fits = next(n for n in range(min(recipe.pairs_per_device, most), 0, -1) if most % n == 0)
    return f"With --set pairs_per_device={fits} it does."
