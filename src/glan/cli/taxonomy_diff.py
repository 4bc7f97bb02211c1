"""The command that compares two trees and says what a run would make of the second: diff. It asks nobody."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from glan.cli.planning import known_of
from glan.cli.running import named_for
from glan.cli.screen import json_option, ledger_option, project_option, say, say_json
from glan.config import Config
from glan.errors import ProjectError
from glan.estimate import Known, costs_of
from glan.project import Project
from glan.records import Discipline, Stage
from glan.taxonomy.compare import Both, Difference, compare, told
from glan.taxonomy.pieces import SOURCE
from glan.taxonomy.sources import taxonomy_text
from glan.taxonomy.tree import Taxonomy
from glan.teachers.ledger import Ledger
from glan.teachers.panel import models_of

_PROJECT, _LAST = "project", "last"


@click.command("diff")
@click.argument("trees", nargs=-1, metavar="[A] [B]")
@project_option
@ledger_option
@json_option
@click.option("--teacher", "spec", metavar="SPEC", help="The teacher of the run; that of the last run if not given.")
@click.option("--pairs", type=click.IntRange(1, 1_000_000_000), help="How many pairs; as for a run if not given.")
@click.option("--trees-only", is_flag=True, help="Compare the trees, and leave out what a run would do.")
@click.option("--only", metavar="NODE", help="What the trial of this node would do, in place of a whole run.")
def diff_command(
    trees: Sequence[str], *, folder: Path, ledger: Path | None, as_json: bool, trees_only: bool, **given: object
) -> None:
    """Compare two trees, and say what a run with the second would ask for and which rows would leave.

    A tree is builtin, paper, a file, `project` for the project's own, or `last` for that of the last run. Without A
    and B it is what changed since the last run; with A alone, what would change if the project had that tree.
    """
    if len(trees) > 2:
        raise click.UsageError("Two trees are compared, no more.")
    first, second = ((_LAST, _PROJECT), (_PROJECT, *trees), trees)[len(trees)]
    found = compare(_tree(first, folder, ledger), _tree(second, folder, ledger))
    is_project = (folder / "glan.toml").is_file()
    foreseen = None
    if is_project and not trees_only:
        foreseen = _Foreseen(Project.open(folder, ledger), found.after, **given)
    if as_json:
        say_json({**_as_dict(found), "run": None if foreseen is None else foreseen.as_dict()})
        return
    for line in told(found):
        say(line)
    if found.is_empty:
        say("The trees do not differ.")
    if foreseen is not None:
        foreseen.say()


def _tree(name: str, folder: Path, ledger: Path | None) -> Taxonomy:
    if name == _PROJECT:
        return Project.open(folder, ledger).taxonomy
    if name != _LAST:
        return Taxonomy.parse(taxonomy_text(name), name)
    path = Project.open(folder, ledger).ledger_path
    last = None
    if path.exists():
        with Ledger.open(path, readonly=True) as opened:
            last = opened.last_run()
    if last is None or SOURCE not in last.files:
        raise ProjectError(
            f"{folder} has had no run, so there is no tree of its last one.",
            hint="Name the trees to compare: builtin, paper, a file, or `project` for the project's own.",
        )
    return Taxonomy.parse(last.files[SOURCE], f"the {SOURCE} of the last run")


def _as_dict(found: Difference) -> dict[str, object]:
    return {
        "added": [_path(leaf) for leaf in found.added],
        "removed": [_path(leaf) for leaf in found.removed],
        "moved": [{"from": _path(old), "to": _path(new)} for old, new in found.moved],
        "weights": [{"node": _path(new), "from": str(old.weight), "to": str(new.weight)} for old, new in found.weighed],
        "notes": _texts(found.noted),
        "given_subjects": [_path(new) for _, new in found.given],
        "spelled": [{"from": old.name, "to": new.name} for old, new in found.spelled],
        "titles": [{"node": _path(new), "from": old.title, "to": new.title} for old, new in found.titled],
        "isced": [{"node": _path(new), "from": old.isced, "to": new.isced} for old, new in found.coded],
        "may_be_renamed": [{"from": _path(old), "to": _path(new)} for old, new in found.renamed],
        "asks_anew": [_path(leaf) for leaf in found.asks_anew],
    }


def _texts(pairs: Sequence[Both]) -> list[dict[str, object]]:
    return [{"node": _path(new), "from": old.notes, "to": new.notes} for old, new in pairs]


def _path(leaf: Discipline) -> str:
    return "/".join(["", *leaf.path, leaf.name])


class _Foreseen:
    """What a run would do, with what it would cost."""

    def __init__(self, project: Project, tree: Taxonomy, **given: object) -> None:
        from glan.forecast import forecast  # noqa: PLC0415 - pyarrow is loaded when it is needed

        spec, pairs, only = given["spec"], given["pairs"], given["only"]
        if isinstance(only, str):
            project, tree = project.trial(only), tree.under(only)
        named = named_for(project, str(spec) if spec is not None else None)
        models = models_of(project.config, project.environment, named)
        number = pairs if isinstance(pairs, int) else None
        self._found = asyncio.run(forecast(project, tree.disciplines, models, pairs=number))
        self._config: Config = project.config
        self._known: Known = known_of(project, project.config, named)

    def as_dict(self) -> dict[str, object]:
        found = self._found
        return {
            "pairs": found.pairs,
            "rows": found.standing,
            "keeps_all": found.growth.keeps_all,
            "displaced_at_pairs_of_settings": found.growth.displaced,
            "leaving": found.leaving,
            "rewritten_with_reask": found.rewritten,
            "changed": found.changed,
            "stops": found.stops,
            "requests": found.new,
            "requests_with_reask": found.again,
            "from_shelf": found.from_shelf,
            "slots": found.slots,
            "cost_usd": {
                "least": self._cost({stage: span.least for stage, span in found.new.items()}),
                "expected": self._cost({stage: span.expected for stage, span in found.new.items()}),
                "most": self._cost({stage: span.most for stage, span in found.new.items()}),
                "with_reask": self._cost({stage: span.expected for stage, span in found.again.items()}),
            },
        }

    def say(self) -> None:
        """Print it."""
        found = self._found
        say(f"{found.standing:,} rows stand. A run makes {found.pairs:,} pairs, and {self._leaving()}.")
        if found.growth.displaced:
            say(
                f"At the {self._config.pairs:,} pairs of glan.toml {found.growth.displaced:,} rows would leave; "
                f"{found.growth.keeps_all:,} keep all whose disciplines are there."
            )
        if not any(span.most for span in found.new.values()):
            say("The ledger has everything that it needs: nothing is asked for.")
        else:
            say(f"{'It asks for':14} {'at least':>10} {'expected':>10} {'at most':>10} {'cost':>12}")
            for stage, span in found.new.items():
                cost = _usd(self._cost({stage: span.expected}))
                say(f"  {stage:12} {span.least:>10,} {span.expected:>10,} {span.most:>10,} {cost:>12}")
            say("Questions and answers are exact if every reply passes; each that is rejected asks for another.")
        if found.again:
            self._say_again()

    def _leaving(self) -> str:
        gone = len(self._found.leaving)
        return "all of them stay" if not gone else f"{gone:,} of the rows leave ({self._found.leaving[0]} first)"

    def _say_again(self) -> None:
        found = self._found
        calls = {stage: span.expected for stage, span in found.again.items()}
        counts = ", ".join(f"{stage} {n:,}" for stage, n in calls.items())
        if not found.stops:
            say(f"Besides, the earlier --reask goes on: {counts}, for {_usd(self._cost(calls))}.")
            return
        say(f"It stops before it asks, since this changed: {'; '.join(found.changed)}.")
        say("  --keep   the replies that are there stand, and nothing is asked for again.")
        say(
            f"  --reask  besides asks again: {counts}, for {_usd(self._cost(calls))}, "
            f"and {len(found.rewritten):,} rows are written anew."
        )

    def _cost(self, calls: Mapping[Stage, int]) -> float | None:
        costs = [found.cost_usd for found in costs_of(calls, self._config, self._known) if found.calls]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if len(known) == len(costs) else None


def _usd(cost: float | None) -> str:
    return "unknown" if cost is None else f"${cost:,.2f}"
