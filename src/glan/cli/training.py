"""The command that tunes a student."""

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, TypedDict, Unpack

import click
import msgspec

from glan.cli.screen import json_option, on_stop, project_option, say, say_json
from glan.errors import INTERRUPTED, GlanError, MissingPackageError
from glan.students import Made, Result, Wanted, finish, job_of, made_of
from glan.telling import eta
from glan.train.checkpoints import newest_complete
from glan.train.hand_over import TEMPLATE, TRAINERS, printed
from glan.train.jobs import Job
from glan.train.recipes import Schedule, read_recipe, schedule_of
from glan.wording import counted

_EVERY_S = 10.0


def _settings(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> Mapping[str, str]:
    pairs = [value.partition("=") for value in values]
    for value, (name, equals, _value) in zip(values, pairs, strict=True):
        if not name or not equals:
            raise click.BadParameter(f"{value!r} is not NAME=VALUE.")
    return {name.strip(): value.strip() for name, _, value in pairs}


class _Given(TypedDict):
    """The options of `glan train` as click gives them."""

    folder: Path
    data: Path | None
    recipe: str
    base: str | None
    settings: Mapping[str, str]
    pairs: int | None
    out: Path | None
    restart: bool
    print_config: str | None
    is_dry: bool
    as_json: bool


@click.command("train")
@project_option
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True),
    help="A .jsonl or .parquet file with `messages`, or a folder of them; the data set of the project if not given.",
)
@click.option(
    "--recipe",
    default="auto",
    show_default=True,
    metavar="NAME|FILE",
    help="auto, paper, lora, tiny, or a .toml file of your own.",
)
@click.option("--base", metavar="MODEL", help="The model to begin with: a folder, or a name on the Hugging Face hub.")
@click.option("--pairs", type=click.IntRange(1), help="Train on the first pairs only; all if not given.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    callback=_settings,
    metavar="NAME=VALUE",
    help="Change a setting of the recipe, as often as wanted; lora.rank is `rank` in the table `lora`.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the student; `student` in the project's if not given.",
)
@click.option("--restart", is_flag=True, help="Remove the student that is in the folder, and begin anew.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Say how many steps it would take, and train nothing.")
@click.option(
    "--print-config",
    type=click.Choice([*TRAINERS, TEMPLATE]),
    help="Print the recipe as another trainer reads it, or our chat template, and train nothing.",
)
@json_option
def train_command(**given: Unpack[_Given]) -> int | None:
    """Tune a student on the pairs, on their responses alone, or go on tuning it.

    What was interrupted goes on from the newest whole checkpoint: type the same command again. Needs the extra
    `train`. With several devices: torchrun --nproc-per-node N -m glan train ...
    """
    recipe = read_recipe(given["recipe"], given["settings"])
    wanted = Wanted(
        recipe=recipe,
        recipe_name=given["recipe"],
        base=given["base"],
        data=given["data"],
        pairs=given["pairs"],
        out=given["out"],
    )
    job = job_of(given["folder"], wanted)
    schedule = schedule_of(recipe, job.data.trained)
    if given["print_config"]:
        click.echo(printed(given["print_config"], job, schedule), nl=False)
        return None
    if given["is_dry"]:
        _say_before(job, schedule, given)
        return None
    return _tuned(job, schedule, given)


def _library() -> ModuleType:
    """Return the one module that imports torch."""
    try:
        from glan.train import sft  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise MissingPackageError(
            f"To train, the packages torch, transformers, trl, peft and datasets are needed: {error}.",
            hint="pip install 'glan[train]'",
        ) from error
    return sft


def _say_before(job: Job, schedule: Schedule, given: _Given) -> None:
    if given["as_json"]:
        if given["is_dry"]:
            say_json({"pairs": job.data.trained, "held_out": job.data.held_out, "schedule": schedule})
        return
    held_out = f", {job.data.held_out:,} held out" if job.data.held_out else ""
    say(
        f"{counted(job.data.trained, 'pair')}{held_out}, {counted(job.recipe.epochs, 'epoch')} of "
        f"{counted(schedule.steps_per_epoch, 'step')}: {counted(schedule.steps, 'step')}, {schedule.warmup_steps:,} to "
        f"warm up, {counted(job.recipe.batch_pairs, 'pair')} each."
    )


@dataclass
class _Screen:
    """Tells of progress, and remembers whether somebody wants it to stop."""

    is_quiet: bool
    is_stopping: bool = False
    began_s: float = field(default_factory=time.monotonic)
    first_step: int | None = None
    told_s: float = 0.0

    def tell(self, line: str) -> None:
        if not self.is_quiet:
            say(line)

    def progress(self, found: Any) -> None:  # noqa: ANN401 - its class is in a module that imports torch
        now_s = time.monotonic()
        if self.first_step is None:
            self.first_step, self.began_s = found.step, now_s
        is_last = found.step == found.steps
        if found.point is None or (now_s - self.told_s < _EVERY_S and not is_last):
            return
        self.told_s = now_s
        done = found.step - self.first_step
        known = done > 0 or is_last
        left = (now_s - self.began_s) / max(done, 1) * (found.steps - found.step) if known else None
        values = [f"{found.step:,}/{found.steps:,} steps"]
        values += [f"loss {found.point.loss:.4f}"] if found.point.loss is not None else []
        values += [f"held-out {found.point.held_out_loss:.4f}"] if found.point.held_out_loss is not None else []
        if not self.is_quiet:
            click.echo(", ".join([*values, f"ETA {eta(left)}"]), err=True)


def _tuned(job: Job, schedule: Schedule, given: _Given) -> int | None:
    if not given["restart"] and job.goes_on() and job.is_done:
        _say_after(job, made_of(job), given, "is finished already; --restart makes it anew.")
        return None
    sft = _library()
    with sft.first() as is_first:
        if is_first:
            _begin(job, schedule, given)
    screen = _Screen(is_quiet=given["as_json"])
    with _stoppable(screen):
        watch = sft.Watch(tell=screen.tell, progress=screen.progress, is_stopping=lambda: screen.is_stopping)
        try:
            tuned = sft.tune(job, watch)
        except GlanError:
            if newest_complete(job.checkpoints_path) is None:  # nothing was learnt: another try begins anew
                job.remove()
            raise
    if not tuned.is_complete:
        click.echo("Stopped, with a checkpoint: the same command goes on from it.", err=True)
        return INTERRUPTED
    if not tuned.is_first:
        return None
    result = Result(
        points=tuple(tuned.points),
        counts=tuned.counts,
        schedule=tuned.schedule,
        weights=tuned.weights,
        tuned_weights=tuned.tuned_weights,
    )
    _say_after(job, finish(job, result), given, "is made.")
    return None


def _begin(job: Job, schedule: Schedule, given: _Given) -> None:
    """Take the folder, in one process only."""
    if given["restart"]:
        job.remove()
        job.goes_on()
    job.begin()
    _say_before(job, schedule, given)


@contextmanager
def _stoppable(screen: _Screen) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end training after the step with a checkpoint; the second ends it at once."""

    def stop(number: int, _: object) -> None:
        screen.is_stopping = True
        signal.signal(number, signal.SIG_DFL)
        click.echo("Stopping after this step; once more stops at once.", err=True)

    with on_stop(stop):
        yield


def _say_after(job: Job, made: Made, given: _Given, what: str) -> None:
    if given["as_json"]:
        say_json({"model": str(job.model_path), **msgspec.to_builtins(made)})
        return
    say(f"The student {job.model_path} {what}")
    for reason, count in made.counts.left_out.items():
        say(f"  Left out: {counted(count, 'row')}, {reason}.")
    if made.loss is not None:
        say(f"  Loss {made.loss:.4f}; {made.counts.learnt:,} of {made.counts.tokens:,} tokens are learnt.")
    if made.held_out_loss is not None:
        before = f", {made.held_out_loss_before:.4f} before" if made.held_out_loss_before is not None else ""
        say(f"  On {made.counts.held_out:,} held-out pairs: {made.held_out_loss:.4f}{before}.")
    say("  README.md is its card, losses.svg and losses.csv the curve.")
