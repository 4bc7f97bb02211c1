"""Commands that share paid replies between projects: import, export."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack
from urllib.parse import unquote

import click

from glan.cli.running import named_for
from glan.cli.screen import json_option, ledger_option, project_option, say, say_json
from glan.errors import LedgerError
from glan.project import LEDGER, Project
from glan.records import Stage
from glan.teachers.ledger import Ledger
from glan.teachers.panel import models_of
from glan.teachers.sharing import Taken, Wanted, give, take
from glan.wording import counted, few

if TYPE_CHECKING:
    from glan.forecast import Forecast

F = TypeVar("F", bound=Callable[..., Any])

_CURRICULUM = "curriculum"
_STAGES: Mapping[str, tuple[Stage, ...]] = {
    _CURRICULUM: (Stage.SUBJECTS, Stage.SYLLABI),
    **{stage.value: (stage,) for stage in Stage if stage is not Stage.TAXONOMY},
}
_MOST_NAMED = 5


class _Chosen(TypedDict):
    """What is taken, as click gives it."""

    stages: Sequence[str]
    under: str | None


def _choosing(function: F) -> F:
    """Add --stage and --under."""
    under = click.option("--under", metavar="NODE", help="Only replies below this node of the project's taxonomy.")
    stages = click.option(
        "--stage",
        "stages",
        multiple=True,
        type=click.Choice([*_STAGES]),
        help="Only replies of this stage, several by several --stage; `curriculum` is subjects and syllabi.",
    )
    return stages(under(function))


class _Given(_Chosen):
    """The options of `glan ledger import` as click gives them."""

    spec: str | None
    as_json: bool


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@project_option
@ledger_option
@_choosing
@click.option(
    "--teacher", "spec", metavar="SPEC", help="The teacher of the next run; that of the last run if not given."
)
@json_option
def import_command(source: Path, folder: Path, ledger: Path | None, **given: Unpack[_Given]) -> None:
    """Take what another project paid for: SOURCE is its folder, its ledger, or a file of `glan ledger export`.

    A request that means exactly the same, to the same model with the same words, is then never asked. What was asked
    otherwise waits on a shelf and answers nothing. SOURCE is only read, and no budget counts what is taken.
    """
    project = Project.open(folder, ledger)
    path = _ledger_of(source)
    if project.ledger_path.exists() and path.samefile(project.ledger_path):
        raise LedgerError(f"{source} is the ledger of this project.", hint="Name that of another.")
    taxonomy = project.taxonomy if given["under"] is None else project.taxonomy.under(given["under"])
    wanted = Wanted(stages=_stages(given["stages"]), leaves={leaf.leaf for leaf in taxonomy.disciplines})
    models = _models(project, given["spec"])
    with Ledger.open(path, readonly=True) as other, Ledger.open(project.ledger_path) as own:
        found = take(other, own, wanted)
    foreseen = _foreseen(project, models)
    if given["as_json"]:
        say_json({**_as_dict(found), "run": None if foreseen is None else _of_run(foreseen)})
        return
    say(f"Took {counted(found.taken, 'reply', 'replies')} from {path}; no budget of this project counts them.")
    _say_left(found)
    _say_effect(foreseen)


@click.command("export")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@project_option
@ledger_option
@_choosing
def export_command(out: Path, folder: Path, ledger: Path | None, **given: Unpack[_Chosen]) -> None:
    """Write replies into a file of their own, for `glan ledger import` of another project.

    It has the replies and what they were to; no key, no settings, no prompt, and no name of a server.
    """
    project = Project.open(folder, ledger)
    leaves = None
    if given["under"] is not None:
        leaves = {leaf.leaf for leaf in project.taxonomy.under(given["under"]).disciplines}
    with Ledger.open(project.ledger_path, readonly=True) as opened:
        found = give(opened, out, Wanted(stages=_stages(given["stages"]), leaves=leaves))
    say(f"Wrote {counted(found.taken, 'reply', 'replies')} to {out}.")
    _say_left(found)


def _ledger_of(source: Path) -> Path:
    path = source / LEDGER if source.is_dir() else source
    if not path.is_file():
        what = f"{source} has no {LEDGER}" if source.is_dir() else f"There is no file {source}"
        raise LedgerError(
            f"{what}.",
            hint="Name a project's folder, its ledger, or what `glan ledger export` wrote.",
        )
    return path


def _stages(names: Sequence[str]) -> frozenset[Stage]:
    return frozenset(stage for name in names or _STAGES for stage in _STAGES[name])


def _models(project: Project, spec: str | None) -> Mapping[Stage, str] | None:
    """Return the models that the next run asks; None where no teacher is named."""
    models = models_of(project.config, project.environment, named_for(project, spec))
    return models if all(models.values()) else None


def _foreseen(project: Project, models: Mapping[Stage, str] | None) -> "Forecast | None":
    """Return what the next run would ask for; None where its models are not known."""
    from glan.forecast import forecast  # noqa: PLC0415 - pyarrow is loaded when it is needed

    return None if models is None else asyncio.run(forecast(project, project.taxonomy.disciplines, models))


def _say_left(found: Taken) -> None:
    left = {
        "that are there already": found.there,
        "of other stages": found.other_stages,
        f"of {counted(len(found.other_leaves), 'other discipline')} "
        f"({few([unquote(leaf) for leaf in sorted(found.other_leaves)], _MOST_NAMED)})": found.of_other_leaves,
        "that are failures": found.failures,
        "that are damaged or no replies of glan": found.damaged,
    }
    for what, rows in left.items():
        if rows:
            say(f"  Left {rows:,} {what}.")


def _say_effect(found: "Forecast | None") -> None:
    """Say how far the next run needs what is on the shelf."""
    if found is None:
        say("How many of them fit is told by --teacher SPEC, and found out by any run: no teacher is named.")
        return
    fitting = ", ".join([f"{stage} {n:,}" for stage, n in found.from_shelf.items()])
    if fitting:
        say(f"The next run needs of what is on the shelf: {fitting}.")
    else:
        say("The next run needs nothing of what is on the shelf.")
    say("What was asked of another model, or in other words, answers nothing here; the rest waits for a greater N.")
    left = ", ".join([f"{stage} {span.expected:,}" for stage, span in found.new.items() if span.most])
    say(f"It still asks for about: {left}." if left else "It has everything that it needs: nothing is asked for.")


def _of_run(found: "Forecast") -> dict[str, object]:
    return {"from_shelf": found.from_shelf, "requests": found.new}


def _as_dict(found: Taken) -> dict[str, object]:
    return {
        "taken": found.taken,
        "there": found.there,
        "other_stages": found.other_stages,
        "other_disciplines": sorted(unquote(leaf) for leaf in found.other_leaves),
        "of_other_disciplines": found.of_other_leaves,
        "failures": found.failures,
        "damaged": found.damaged,
    }
