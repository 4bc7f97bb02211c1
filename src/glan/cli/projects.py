"""Commands that make a project: init, demo; and prompts, which shows its words."""

import asyncio
import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from glan.cli.screen import confirmer, json_option, project_option, say, say_json
from glan.config import read_recipe, recipes
from glan.project import Project
from glan.teachers.specs import OFFLINE


def _names(_: click.Context, __: click.Parameter, value: str | None) -> Sequence[str]:
    return [name.strip() for name in value.split(",") if name.strip()] if value else []


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--taxonomy",
    metavar="builtin|paper|example|FILE",
    help="A shipped taxonomy, a YAML file or an outline; the recipe's if not given, which mostly is builtin.",
)
@click.option("--disciplines", callback=_names, metavar="A,B,C", help="Keep only these disciplines.")
@click.option("--pairs", type=click.IntRange(1, 1_000_000_000), help="How many pairs to make.")
@click.option("--recipe", default="default", metavar="NAME", help=f"Settings to begin with: {', '.join(recipes())}.")
def init_command(
    folder: Path, taxonomy: str | None, disciplines: Sequence[str], pairs: int | None, recipe: str
) -> None:
    """Make a project in FOLDER: glan.toml, taxonomy.yaml and prompts/."""
    project = Project.create(folder, taxonomy=taxonomy, disciplines=disciplines, pairs=pairs, recipe=recipe)
    leaves = len(project.taxonomy.disciplines)
    say(f"Made {folder}: {project.config.pairs:,} pairs over {leaves} discipline{'s' if leaves != 1 else ''}.")
    if read_recipe(recipe).files:
        say(f"Next: {folder / 'README.md'} has the steps.")
        return
    begin = f"Next: glan run --project {shlex.quote(str(folder))}"
    is_named = project.config.teachers.default.spec is not None
    say(
        begin if is_named else f"{begin} --teacher openai/MODEL   (MODEL@URL: a server of your own; offline: to try it)"
    )


@click.command("demo")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("glan-demo"))
@click.option(
    "--pairs", type=click.IntRange(1, 1_000_000_000), default=200, show_default=True, help="How many pairs to make."
)
@click.option(
    "--disciplines",
    callback=_names,
    metavar="A,B,C",
    help="Disciplines of the taxonomy `builtin`; the eight that the textbook has chapters on if not given.",
)
@click.pass_context
def demo_command(ctx: click.Context, folder: Path, pairs: int, disciplines: Sequence[str]) -> None:
    """Make a data set in FOLDER with the offline teacher: no key, no network, no model.

    On a discipline that the textbook has no chapter on it writes generic pairs, and says so.
    """
    from glan.cli.reports import write_report  # noqa: PLC0415 - only a run needs what follows
    from glan.cli.running import conduct, show_sample, tell  # noqa: PLC0415 - likewise
    from glan.runs import Options  # noqa: PLC0415 - likewise
    from glan.teachers.offline.book import open_book  # noqa: PLC0415 - likewise
    from glan.teachers.panel import Named  # noqa: PLC0415 - likewise

    chosen = disciplines or open_book().disciplines
    project = Project.create(folder, disciplines=chosen, pairs=pairs, recipe="demo")
    run, result = asyncio.run(conduct(project, Named(spec=OFFLINE), Options(), confirmer(yes=False)))
    show_sample(project, _SHOWN)
    tell(run, result)
    if result.is_standing:
        write_report(project, project.report_path)
        say(f"Its report is {project.report_path}: open it in a browser.")
    say(f"The offline textbook is for trying and testing. Look at {folder}/dataset, then point it at a model:")
    say("  glan init my-data --pairs 1000 && glan run --project my-data --teacher openai/MODEL")
    ctx.exit(result.exit_code)


_SHOWN = 8
"""Disciplines of which the demo prints a pair: all that the textbook has chapters on."""


@click.command("prompts")
@project_option
@json_option
@click.option("--shipped", is_flag=True, help="Show those that come with glan instead of the project's.")
@click.argument("name", required=False)
def prompts_command(folder: Path, *, as_json: bool, shipped: bool, name: str | None) -> None:
    """Show the prompts of a project, or the one of that NAME."""
    from glan.prompts import Prompts  # noqa: PLC0415 - jinja2 is needed here only

    prompts = Prompts.shipped() if shipped else Project.open(folder).prompts
    if name is not None and name not in prompts.sources:
        raise click.BadParameter(f"no prompt {name!r}; there are {', '.join(prompts.sources)}.")
    sources = {name: prompts.sources[name]} if name is not None else prompts.sources
    if as_json:
        say_json(sources)
        return
    for title, source in sources.items():
        say(f"--- {title}.md.j2 ({prompts.hash_of(title)})")
        say(source.rstrip())
