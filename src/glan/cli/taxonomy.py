"""Commands that look at the tree: show, check; the group has those that edit and compare it too."""

from collections.abc import Callable
from pathlib import Path
from typing import TypedDict, Unpack

import click

from glan.cli import taxonomy_edits
from glan.cli.building import build_command
from glan.cli.screen import json_option, project_option, say, say_json
from glan.cli.taxonomy_diff import diff_command
from glan.cli.voting import vote_command
from glan.project import Project
from glan.taxonomy.sources import taxonomy_text
from glan.taxonomy.survey import Line, check, coverage, levels, outline
from glan.taxonomy.tree import Taxonomy
from glan.wording import ranged


@click.group("taxonomy")
def taxonomy_command() -> None:
    """Build, show, check, edit and compare the tree of disciplines."""


def _taxonomy_option(function: Callable[..., None]) -> Callable[..., None]:
    return click.option("--taxonomy", "name", metavar="builtin|paper|FILE", help="Another tree than the project's.")(
        function
    )


def _tree(folder: Path, name: str | None) -> Taxonomy:
    if name is not None:
        return Taxonomy.parse(taxonomy_text(name), name)
    return Project.open(folder).taxonomy


class _Shown(TypedDict):
    """The options of `glan taxonomy show` as click gives them."""

    node: str | None
    is_table: bool
    depth: int | None
    name: str | None


@taxonomy_command.command("show")
@click.argument("node", required=False)
@project_option
@json_option
@click.option("--table", "is_table", is_flag=True, help="The levels with their counts, and a line for each branch.")
@click.option("--depth", type=click.IntRange(1), help="So many levels alone.")
@_taxonomy_option
def show_command(*, folder: Path, as_json: bool, **given: Unpack[_Shown]) -> None:
    """Show the tree, or what is under NODE: the disciplines of each branch, and its part of a long run."""
    tree, node, depth = _tree(folder, given["name"]), given["node"], given["depth"]
    lines = outline(tree, None if node is None else tree.named(node))
    seen = [line for line in lines if depth is None or line.depth < depth]
    if as_json:
        say_json(seen)
        return
    if given["is_table"]:
        _show_table(lines, seen)
    else:
        for line in seen:
            count = "" if line.is_leaf else f"  ({line.leaves:,})"
            weight = f"  x{line.weight:g}" if line.is_leaf and line.weight != 1 else ""
            votes = f"  [{line.votes}]" if line.votes is not None else ""
            say(f"{'  ' * line.depth}{line.title}{votes}{count}{weight}  {line.share:.2%}")
    at_each = ", ".join(f"{level.branches + level.leaves:,}" for level in levels(lines))
    say(f"{sum(line.is_leaf for line in lines):,} disciplines. Nodes at each level: {at_each}.")


def _show_table(lines: tuple[Line, ...], seen: list[Line]) -> None:
    say(f"{'level':>5} {'branches':>9} {'disciplines':>12} {'children of a branch':>21}")
    for number, level in enumerate(levels(lines), 1):
        children = ranged(f"{level.least_children}", f"{level.most_children}") if level.branches else ""
        say(f"{number:>5} {level.branches:>9,} {level.leaves:>12,} {children:>21}")
    say(f"\n{'disciplines':>11} {'weight':>10} {'share':>8}  branch")
    for line in seen:
        if not line.is_leaf:
            say(f"{line.leaves:>11,} {line.weight:>10,.6g} {line.share:>8.2%}  {'  ' * line.depth}{line.title}")
    say("")


@taxonomy_command.command("check")
@project_option
@json_option
@_taxonomy_option
def check_command(folder: Path, *, as_json: bool, name: str | None) -> None:
    """Read the tree, and say what is worth a look before money is spent."""
    taxonomy = _tree(folder, name)
    findings, covered = check(taxonomy), coverage(taxonomy)
    if as_json:
        say_json({"disciplines": len(taxonomy.disciplines), "findings": findings, "isced": covered})
        return
    for finding in findings:
        say(f"- {finding}")
    say(covered.told())
    say(f"{len(taxonomy.disciplines):,} disciplines, {len(findings):,} findings.")


taxonomy_command.add_command(build_command)
taxonomy_command.add_command(diff_command)
taxonomy_command.add_command(vote_command)
for edit_command in taxonomy_edits.COMMANDS:
    taxonomy_command.add_command(edit_command)
