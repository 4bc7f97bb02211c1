"""A student from a project's data set, or from a file of others: what is asked for, and the card of what came of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import msgspec

import glan
from glan.dataset.markdown import list_of, quoted, table_of, text_of
from glan.dataset.tables import Table
from glan.disk import remove
from glan.errors import ConfigError, DatasetError
from glan.project import Project
from glan.train.conversations import read_data
from glan.train.curve import Point, picture_of
from glan.train.curve import table_of as curve_of
from glan.train.jobs import Job
from glan.train.recipes import Recipe, Schedule
from glan.train.tokens import Counts

_LIBRARIES: Final = ("glan", "trl", "transformers", "torch", "peft", "datasets")
_OF_A_DATASET: Final = (
    "glan_version",
    "made_at",
    "pairs_wanted",
    "complete",
    "prefix_rows",
    "slots",
    "seed",
    "language",
    "models",
    "hashes",
    "checked",
    "not_checked",
    "benchmarks",
    "shards",
    "basis",
)
"""What of a manifest goes with a model: what the pairs are and how they were examined, and nothing that was spent."""
_PRIVATE: Final = "training_args.bin"
"""What a trainer writes beside the weights: a pickle with paths of this machine."""
_TERMS: Final = (
    "The licence of this model follows from that of its base and from the terms of the models that wrote the pairs; "
    "`glan` knows neither for certain and states none."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person asks for."""

    recipe: Recipe
    recipe_name: str
    base: str | None = None
    data: Path | None = None
    """A file or a folder of conversations; without one it is the data set of the project."""
    pairs: int | None = None
    out: Path | None = None


def job_of(folder: Path, wanted: Wanted) -> Job:
    """Return what is to be made.

    Raises:
        ConfigError: no base is named.
        DatasetError: there is no data set, or it has too few rows.

    """
    base = wanted.base or wanted.recipe.base
    if base is None:
        raise ConfigError(
            f"The recipe {wanted.recipe_name} names no base.", hint="Name one: --base MODEL, a folder or a hub's name."
        )
    project = Project.open(folder) if wanted.data is None else None
    if project is not None and not project.train_path.is_dir():
        raise DatasetError(f"{folder} has no data set yet.", hint=f"Make one: glan run --project {folder}")
    path = project.dataset_path if project is not None else wanted.data
    assert path is not None  # noqa: S101 - one of the two is there
    return Job(
        out=wanted.out or (folder / "student" if project is not None else Path("student")),
        base=base,
        recipe=wanted.recipe,
        recipe_name=wanted.recipe_name,
        data=read_data(path, pairs=wanted.pairs, held_out=wanted.recipe.held_out),
        manifest=_manifest_of(project),
    )


def _manifest_of(project: Project | None) -> Mapping[str, Any] | None:
    manifest = project.manifest() if project is not None else None
    if manifest is None:
        return None
    told = msgspec.to_builtins(manifest)
    return {name: told[name] for name in _OF_A_DATASET}


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What `training.json` says of a student."""

    base: str
    recipe: str
    settings: dict[str, Any]
    data: str
    """Name of the file or the folder."""
    sha256: str
    """Of the rows."""
    counts: Counts
    schedule: Schedule
    weights: int
    tuned_weights: int
    loss: float | None
    """Of the last steps that were logged."""
    held_out_loss: float | None
    held_out_loss_before: float | None
    """Of the base, before it was tuned."""
    libraries: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What training came to, as the card needs it."""

    points: tuple[Point, ...]
    counts: Counts
    schedule: Schedule
    weights: int
    tuned_weights: int


def finish(job: Job, result: Result) -> Made:
    """Put card, manifest and loss curve beside the weights, and give the folder of the student its name.

    Raises:
        OSError: the disk is full, or the like.

    """
    part = job.out / ".model.part"
    made = _made(job, result)
    texts = {
        "README.md": render_card(job, made),
        "losses.csv": curve_of(result.points),
        "losses.svg": picture_of(result.points),
        "training.json": msgspec.json.format(msgspec.json.encode(made)).decode(),
    }
    if job.manifest is not None:
        texts["data.json"] = msgspec.json.format(msgspec.json.encode(job.manifest)).decode()
    (part / _PRIVATE).unlink(missing_ok=True)
    for name, text in texts.items():
        (part / name).write_text(text, encoding="utf-8")
    remove(job.model_path)
    part.rename(job.model_path)
    remove(job.tokens_folder)
    return made


def made_of(job: Job) -> Made:
    """Return what a finished student says of itself."""
    return msgspec.json.decode((job.model_path / "training.json").read_bytes(), type=Made)


def _made(job: Job, result: Result) -> Made:
    losses = [point.loss for point in result.points if point.loss is not None]
    held_out = [point.held_out_loss for point in result.points if point.held_out_loss is not None]
    return Made(
        base=_shown_base(job),
        recipe=Path(job.recipe_name).name,
        settings={**job.settings, "base": _shown_base(job)},
        data=job.data.path.name,
        sha256=job.data.sha256,
        counts=msgspec.structs.replace(result.counts, examples={}),
        schedule=result.schedule,
        weights=result.weights,
        tuned_weights=result.tuned_weights,
        loss=losses[-1] if losses else None,
        held_out_loss=held_out[-1] if held_out else None,
        held_out_loss_before=held_out[0] if len(held_out) > 1 else None,
        libraries=dict(_libraries()),
    )


def _shown_base(job: Job) -> str:
    """Return the name of the base; of one on this machine only that of its folder."""
    return Path(job.base).resolve().name if Path(job.base).exists() else job.base


def _libraries() -> Iterator[tuple[str, str]]:
    for name in _LIBRARIES:
        try:
            yield name, glan.__version__ if name == "glan" else version(name)
        except PackageNotFoundError:
            continue


def render_card(job: Job, made: Made) -> str:
    """Return the README of a student. Names are data: none of them can end a table, draw a link or open a tag."""
    parts = [
        _front_matter(job),
        f"# {text_of(made.base)}, tuned on {made.counts.trained:,} pairs",
        *_how(made),
        *_losses(made),
        *_data(job, made),
        "## Terms",
        _TERMS,
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(job: Job) -> str:
    lines = ["---", "library_name: " + ("transformers" if job.recipe.lora is None else "peft")]
    if not Path(job.base).exists():
        lines.append(f"base_model: {quoted(job.base)}")
    lines += ["pipeline_tag: text-generation", "tags:", "- glan", "- sft", "- trl"]
    return "\n".join([*lines, "---"])


def _how(made: Made) -> Iterator[str]:
    what = f"all {made.weights:,} weights"
    if made.tuned_weights != made.weights:
        what = f"an adapter of {made.tuned_weights:,} weights beside the frozen ones of the base"
    yield (
        f"Supervised fine-tuning of {what} on the responses alone: {made.counts.learnt:,} of the "
        f"{made.counts.tokens:,} tokens of the pairs are learnt, the others are read."
    )
    yield "## How it was tuned"
    schedule = made.schedule
    rows = [
        ("recipe", made.recipe),
        ("steps", f"{schedule.steps:,}, of which {schedule.warmup_steps:,} warm up"),
        ("sequences of a step", f"{schedule.sequences_per_step:,}"),
    ]
    rows += [(name, _told(value)) for name, value in made.settings.items() if value is not None and name != "base"]
    yield table_of(Table(("Setting", "Value"), tuple(rows), names=2))
    yield f"Made with {', '.join(f'{name} {number}' for name, number in made.libraries.items())}."
    if made.counts.left_out:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in made.counts.left_out.items())
        yield f"Rows that were left out: {reasons}."


def _told(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _losses(made: Made) -> Iterator[str]:
    yield "## Loss"
    yield "![The loss over the steps](losses.svg)"
    told = [f"At the end {made.loss:.4f} on the training pairs"] if made.loss is not None else []
    if made.held_out_loss is not None:
        before = f", {made.held_out_loss_before:.4f} before" if made.held_out_loss_before is not None else ""
        told.append(f"{made.held_out_loss:.4f} on {made.counts.held_out:,} held-out pairs{before}")
    yield f"{'; '.join(told)}. Every point stands in `losses.csv`."


def _data(job: Job, made: Made) -> Iterator[str]:
    yield "## What it was tuned on"
    yield f"The first {job.data.trained:,} rows of `{text_of(made.data)}`; SHA-256 of all rows used: `{made.sha256}`."
    manifest = job.manifest
    if manifest is None:
        yield "It is no data set of a project of `glan`, so nothing more is known of it."
        return
    models = manifest["models"]
    rows = [(str(stage), str(model)) for stage, model in models.items()]
    yield (
        f"Made by version {text_of(str(manifest['glan_version']))} of `glan` with seed {manifest['seed']}, language "
        f"{text_of(str(manifest['language']))}; what it rests on has the hash `{text_of(str(manifest['basis']))}`. "
        "What its manifest says of the pairs is in `data.json`."
    )
    yield table_of(Table(("Stage", "Model that was asked"), tuple(rows), names=2))
    for title, name in (("Checked", "checked"), ("Not checked", "not_checked")):
        if manifest[name]:
            yield f"{title}:\n\n{list_of(map(str, manifest[name]))}"
