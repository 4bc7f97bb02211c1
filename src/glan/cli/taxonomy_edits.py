"""Commands that edit the tree: add, remove, move, rename, set, weights, import, rebalance."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypedDict, Unpack

import click
import msgspec

from glan.cli.screen import project_option, say, yes_option
from glan.cli.tree_changes import Changed
from glan.disk import read_json, replace, write_new
from glan.project import Project
from glan.taxonomy import edit
from glan.taxonomy.outlines import FORMATS, count_of, read_outline
from glan.taxonomy.rebalance import LEAST, MOST, Rebalanced, parse_scores, proposed, scored, weights_of
from glan.taxonomy.survey import outline
from glan.taxonomy.tables import read_numbers
from glan.taxonomy.tree import Taxonomy, read_text
from glan.taxonomy.writing import New, document

_MOST_NAMED = 5
_REBALANCED = "rebalanced.json"
"""What the weights rest on, in the project's folder."""


def _new_branch_option(function: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--new-branch", is_flag=True, help="Make the branch also where its name is near to one that is there."
    )(function)


class _Added(TypedDict):
    """The options of `glan taxonomy add` as click gives them."""

    under: str
    weight: str | None
    notes: str
    new_branch: bool


@click.command("add")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--under",
    required=True,
    metavar="NODE",
    help="The branch that gets the disciplines; `/` is the top, and what a path lacks at its end is made.",
)
@click.option("--weight", type=str, help="Their weight: 2 gets twice the slots of their neighbours.")
@click.option("--notes", default="", help="Reach the prompts, such as 'for nurses in primary care'.")
@_new_branch_option
@project_option
def add_command(names: Sequence[str], *, folder: Path, **given: Unpack[_Added]) -> None:
    """Add disciplines to the tree; nothing of the others is asked anew."""
    project, under = Project.open(folder), given["under"]
    new = [edit.new_discipline(name, weight=given["weight"], notes=given["notes"]) for name in names]
    text = edit.graft(_text(project), new, under=under, makes_branches=given["new_branch"])
    changed = Changed.of(project, text)
    for branch in changed.new_branches:
        say(f"The branch {branch} is new.")
    changed.write()
    say(f"Added {', '.join(names)} under {under}: {len(changed.after.disciplines):,} disciplines.")
    changed.say_effect()


@click.command("remove")
@click.argument("node")
@project_option
@yes_option
def remove_command(node: str, *, folder: Path, yes: bool) -> None:
    """Remove NODE and everything under it from the tree; its replies stay in the ledger."""
    project = Project.open(folder)
    changed = Changed.of(project, edit.remove(_text(project), node))
    changed.confirm(f"Remove {node} with {_disciplines(len(changed.found.removed))}?", yes=yes, always=True)
    changed.write()
    say(f"Removed {node}: {len(changed.after.disciplines):,} disciplines are left.")
    changed.say_effect()


@click.command("move")
@click.argument("node")
@click.option("--under", required=True, metavar="NODE", help="The branch that it moves to; `/` is the top.")
@project_option
def move_command(node: str, *, under: str, folder: Path) -> None:
    """Move NODE, and everything under it, to another branch, where it inherits other weights and notes.

    No row leaves by it; where other notes reach the prompts, the next run asks what is to be done.
    """
    project = Project.open(folder)
    changed = Changed.of(project, edit.move(_text(project), node, under=under))
    changed.write()
    say(f"Moved {node} under {under}.")
    changed.say_effect()


@click.command("rename")
@click.argument("node")
@click.argument("name")
@click.option("--title", "is_title", is_flag=True, help="Change what people see alone: nothing is asked anew.")
@project_option
@yes_option
def rename_command(node: str, name: str, *, is_title: bool, folder: Path, yes: bool) -> None:
    """Give NODE another name; to the teacher a discipline with another name is another discipline.

    Its rows leave, and it is asked anew; the name of a branch reaches no prompt. With --title the name stays what it is
    in prompts and ids, and people see another one.
    """
    project = Project.open(folder)
    changed = Changed.of(project, edit.change(_text(project), {node: {"title" if is_title else "name": name}}))
    changed.confirm(f"Rename {node} to {name}? --title changes what people see alone.", yes=yes)
    changed.write()
    say(f"{node} is {'shown as' if is_title else 'called'} {name} now.")
    changed.say_effect()


@click.command("set")
@click.argument("node")
@click.option("--weight", type=str, help="2 gets twice the slots; of a branch it holds for all below it.")
@click.option("--notes", type=str, help="Reach the prompts of all below it; '' removes them.")
@click.option("--isced", type=str, help="The code of a discipline in ISCED-F 2013, four digits; '' removes it.")
@project_option
def set_command(node: str, *, folder: Path, **given: str | None) -> None:
    """Set the weight or the notes of NODE, a discipline or a branch; no row leaves by it."""
    settings = {key: value or None for key, value in given.items() if value is not None}
    if not settings:
        raise click.UsageError("Give --weight, --notes or --isced.")
    project = Project.open(folder)
    changed = Changed.of(project, edit.change(_text(project), {node: settings}))
    changed.write()
    changed.say_difference()
    changed.say_effect()


@click.command("weights")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@project_option
@yes_option
def weights_command(file: Path, *, folder: Path, yes: bool) -> None:
    """Set the weights of many nodes from FILE: a CSV of node and weight, or JSON.

    The weights are those that stand in the tree: a branch's counts for all below it.
    """
    project = Project.open(folder)
    found = read_numbers(read_text(file, hint=""), str(file), ("weight",))
    _weigh(project, found, yes=yes)


class _Rebalanced(TypedDict):
    """The options of `glan taxonomy rebalance` as click gives them."""

    least: float
    most: float
    again: bool


@click.command("rebalance")
@click.option(
    "--from",
    "file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="SCORES",
    help="A CSV or JSON of discipline and score, such as the judge's; more is better.",
)
@click.option(
    "--least", type=click.FloatRange(0.01, 1), default=LEAST, show_default=True, help="No weight falls below so much."
)
@click.option(
    "--most", type=click.FloatRange(1, 100), default=MOST, show_default=True, help="No weight grows beyond so much."
)
@click.option("--again", is_flag=True, help="Multiply weights that rest on the same scores already once more.")
@project_option
@yes_option
def rebalance_command(file: Path, *, folder: Path, yes: bool, **given: Unpack[_Rebalanced]) -> None:
    """Propose weights from scores: what is weak gets more, in all what it was, and nothing changes unasked.

    A weight is multiplied by about the mean score over the discipline's own, between --least and --most. Given again
    with the same scores it changes nothing.
    """
    project = Project.open(folder)
    tree = project.taxonomy
    scores = scored(tree, parse_scores(read_numbers(read_text(file, hint=""), str(file), ("score",)), str(file)))
    say(f"{_disciplines(len(scores))} of {len(tree.disciplines):,} have a score.")
    path = project.folder / _REBALANCED
    before = read_json(path, Rebalanced, hint="Remove it, and look at the weights in taxonomy.yaml.")
    if before is not None and before.stands_in(tree, scores) and not given["again"]:
        say("The weights rest on these scores already; nothing was changed. --again multiplies them once more.")
        return
    weights = proposed(tree, scores, least=given["least"], most=given["most"])
    after = {**weights_of(tree, scores), **weights}
    kept = msgspec.json.format(msgspec.json.encode(Rebalanced(scores=scores, weights=after))) + b"\n"
    _weigh(project, weights, yes=yes, before_it_is_written=lambda: replace(path, kept))


class _Imported(TypedDict):
    """The options of `glan taxonomy import` as click gives them."""

    under: str
    format_: Literal["markdown", "outline", "paths", "contents"] | None
    qualify: bool
    out: Path | None
    dry_run: bool
    new_branch: bool


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--under", default=edit.TOP, show_default=True, metavar="NODE", help="The branch that gets the tree.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="Headings and lists, indented lines, a CSV of paths, or a table of contents; found by itself if not given.",
)
@click.option("--qualify", is_flag=True, help="Put the branch's name behind a discipline that stands more than once.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write a taxonomy file of its own.")
@click.option("--dry-run", is_flag=True, help="Show the tree, and change nothing.")
@_new_branch_option
@project_option
def import_command(file: Path, *, folder: Path, **given: Unpack[_Imported]) -> None:
    """Put the tree of FILE into the project's: a Markdown or indented outline, a CSV of paths, a table of contents.

    Branches that are there get what is new below them; disciplines that are there stay where they are.
    """
    read = read_outline(read_text(file, hint=""), str(file), given["format_"], qualifies=given["qualify"])
    branches, leaves = count_of(read.nodes)
    say(f"{file}, read as {read.format}: {branches:,} branches, {_disciplines(leaves)}.")
    if read.skipped:
        say(f"Neither headings nor items, and left out: {len(read.skipped):,} lines, line {read.skipped[0]} first.")
    if given["dry_run"]:
        for line in outline(Taxonomy.parse(document(read.nodes), str(file))):
            say(f"{'  ' * line.depth}{line.title}")
    elif given["out"] is not None:
        _write_new(given["out"], document(read.nodes))
    else:
        put_in(Project.open(folder), read.nodes, under=given["under"], makes_branches=given["new_branch"])


def put_in(project: Project, nodes: Sequence[New], *, under: str, makes_branches: bool = False) -> None:
    """Add what is new of some nodes to the tree of a project, and say what that changes."""
    fresh, known = edit.without_known(project.taxonomy, nodes)
    if known:
        more = ", ..." if len(known) > _MOST_NAMED else ""
        say(f"{len(known):,} are there already and stay where they are: {', '.join(known[:_MOST_NAMED])}{more}.")
    if not fresh:
        say("Nothing of it is new; nothing was changed.")
        return
    changed = Changed.of(project, edit.graft(_text(project), fresh, under=under, makes_branches=makes_branches))
    changed.write()
    changed.say_difference()
    changed.say_effect()


def _write_new(out: Path, text: str) -> None:
    Taxonomy.parse(text, str(out))
    write_new(out, text)
    say(f"Wrote {out}; `glan init DIR --taxonomy {out}` makes a project of it.")


def _weigh(
    project: Project,
    weights: Mapping[str, str],
    *,
    yes: bool,
    before_it_is_written: Callable[[], object] = lambda: None,
) -> None:
    """Show what new weights change, ask, and write them."""
    changed = Changed.of(project, edit.change(_text(project), {node: {"weight": w} for node, w in weights.items()}))
    if not changed.found.weighed:
        say("The weights are these already; nothing was changed.")
        return
    changed.say_difference()
    changed.confirm(f"Give {_disciplines(len(changed.found.weighed))} these weights?", yes=yes, always=True)
    before_it_is_written()
    changed.write()
    say("The weights are in taxonomy.yaml.")
    changed.say_effect()


def _text(project: Project) -> str:
    return read_text(project.taxonomy_path)


def _disciplines(number: int) -> str:
    return f"{number:,} discipline{'s' if number != 1 else ''}"


COMMANDS: Sequence[click.Command] = (
    add_command,
    remove_command,
    move_command,
    rename_command,
    set_command,
    weights_command,
    import_command,
    rebalance_command,
)
"""Those of the group `glan taxonomy`."""
