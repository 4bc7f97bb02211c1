"""Commands on the tree of disciplines: show, check, add, remove; voting.py has vote."""

from collections.abc import Callable
from pathlib import Path

import click

from glan.cli.growing import say_growth
from glan.cli.screen import confirmer, json_option, project_option, say, say_json, yes_option
from glan.cli.voting import vote_command
from glan.errors import ProjectError
from glan.project import Project, taxonomy_text
from glan.taxonomy.edit import add, remove
from glan.taxonomy.survey import check, outline
from glan.taxonomy.tree import Taxonomy, read_text


@click.group("taxonomy")
def taxonomy_command() -> None:
    """Show, check and edit the tree of disciplines."""


def _taxonomy_option(function: Callable[..., None]) -> Callable[..., None]:
    return click.option("--taxonomy", "name", metavar="builtin|paper|FILE", help="Another tree than the project's.")(
        function
    )


def _tree(folder: Path, name: str | None) -> Taxonomy:
    if name is not None:
        return Taxonomy.parse(taxonomy_text(name), name)
    return Project.open(folder).taxonomy


@taxonomy_command.command("show")
@project_option
@json_option
@_taxonomy_option
def show_command(folder: Path, *, as_json: bool, name: str | None) -> None:
    """Show the tree, with how many disciplines each branch has and its part of a long run."""
    lines = outline(_tree(folder, name))
    if as_json:
        say_json(lines)
        return
    for line in lines:
        count = "" if line.is_leaf else f"  ({line.leaves:,})"
        weight = f"  x{line.weight:g}" if line.is_leaf and line.weight != 1 else ""
        say(f"{'  ' * line.depth}{line.title}{count}{weight}  {line.share:.2%}")
    say(f"{sum(line.is_leaf for line in lines):,} disciplines.")


@taxonomy_command.command("check")
@project_option
@_taxonomy_option
def check_command(folder: Path, *, name: str | None) -> None:
    """Read the tree, and say what is worth a look before money is spent."""
    taxonomy = _tree(folder, name)
    findings = check(taxonomy)
    for finding in findings:
        say(f"- {finding}")
    say(f"{len(taxonomy.disciplines):,} disciplines, {len(findings):,} findings.")


@taxonomy_command.command("add")
@click.argument("name")
@click.option("--under", required=True, metavar="NODE", help="The branch that gets the discipline.")
@click.option("--weight", type=str, help="Its weight: 2 gets twice the slots of its neighbours.")
@click.option("--notes", default="", help="Reach the prompts, such as 'for nurses in primary care'.")
@project_option
def add_command(name: str, *, under: str, weight: str | None, notes: str, folder: Path) -> None:
    """Add the discipline NAME to the tree; nothing of the others is asked anew."""
    project = Project.open(folder)
    text = add(_text(project), name, under=under, weight=weight, notes=notes)
    project.write_taxonomy(text)
    say(f"Added {name} under {under}: {len(project.taxonomy.disciplines):,} disciplines.")
    say_growth(Project.open(folder))


@taxonomy_command.command("remove")
@click.argument("node")
@project_option
@yes_option
def remove_command(node: str, *, folder: Path, yes: bool) -> None:
    """Remove NODE and everything under it from the tree; its replies stay in the ledger."""
    project = Project.open(folder)
    taxonomy = project.taxonomy
    leaves = taxonomy.leaves_under(taxonomy.named(node))
    text = remove(_text(project), node)
    question = f"Remove {node} with {len(leaves):,} discipline{'s' if len(leaves) != 1 else ''}?"
    if not confirmer(yes=yes)(question):
        raise ProjectError(f"{question} Nothing was changed.", hint="--yes removes it.")
    project.write_taxonomy(text)
    fresh = Project.open(folder)
    say(f"Removed {node}: {len(fresh.taxonomy.disciplines):,} disciplines are left.")
    say_growth(fresh)


def _text(project: Project) -> str:
    return read_text(project.taxonomy_path)


taxonomy_command.add_command(vote_command)
