"""The command that builds a tree: proposals of a model, counted, for people to judge."""

import asyncio
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Unpack

import click
from msgspec import structs

from glan.builds import Build, Tree
from glan.cli.display import lined
from glan.cli.logs import logged_to
from glan.cli.paying import Given, hearing_told, options_of, paying_options, project_here, tell_spent
from glan.cli.running import interruptible, named_for
from glan.cli.screen import (
    complain,
    confirmer,
    json_option,
    ledger_option,
    say,
    say_json,
    yes_option,
)
from glan.cli.taxonomy_edits import put_in
from glan.cli.trusting import confirmed
from glan.config import Config, TreeConfig
from glan.disk import replace
from glan.errors import ProjectError, TaxonomyError, TeacherError
from glan.generate.decompose import WORDINGS, Shape
from glan.options import Options
from glan.project import LEDGER, Project
from glan.sites import Site, site_alone, site_in
from glan.taxonomy import edit
from glan.taxonomy.edit import TOP
from glan.taxonomy.nodes import MAX_DEPTH, MAX_NODES, Branch
from glan.taxonomy.proposals import LeftOut, Reason
from glan.taxonomy.syntax import shown
from glan.taxonomy.tree import read_text
from glan.taxonomy.values import checked_name, checked_notes
from glan.teachers.panel import Named, opened
from glan.wording import counted, few

_MOST_TOLD = 3
_LEAST = 2
"""Proposals that must name a part, if not told otherwise; one where there is only one."""
_WITHOUT_ROOT, _UNDER_ROOT = 3, 2
"""Levels, if not told otherwise."""


class _Given(Given):
    """The options of `glan taxonomy build` as click gives them."""

    root: str | None
    folder: Path | None
    out: Path | None
    under: str
    spec: str | None
    depth: int | None
    breadth: int
    samples: int
    least: int | None
    notes: str
    language: str | None
    dry_run: bool
    ledger: Path | None


@click.command("build")
@click.argument("root", required=False)
@click.option(
    "--project",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder of a project, whose settings, prompts and ledger are used; the current folder, if it is one.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.yaml", help="Where the tree goes."
)
@click.option(
    "--under",
    default=TOP,
    show_default=True,
    metavar="NODE",
    help="Without --out, where in the project's tree it goes.",
)
@click.option("--teacher", "spec", metavar="SPEC", help="As for `glan run`.")
@click.option(
    "--depth", type=click.IntRange(1, MAX_DEPTH), help="Levels below ROOT; 2 if not given, and 3 without a ROOT."
)
@click.option(
    "--breadth",
    type=click.IntRange(2, 1_000),
    default=Shape().breadth,
    show_default=True,
    help="Most parts of a branch.",
)
@click.option(
    "--samples",
    type=click.IntRange(1, 100),
    default=Shape().samples,
    show_default=True,
    help=f"Proposals for each branch; {len(WORDINGS)} wordings take turns.",
)
@click.option("--least", type=click.IntRange(1), help="So many proposals must name a part; 2 if not given.")
@click.option("--notes", default="", help='For whom it is meant: "for nurses in primary care, not researchers".')
@click.option("--language", help='Language of the names, as a code ("de") or a name; that of the project, or English.')
@click.option("--dry-run", is_flag=True, help="Say how many calls it takes at most, and ask nobody.")
@paying_options
@ledger_option
@json_option
@yes_option
@click.pass_context
def build_command(ctx: click.Context, *, as_json: bool, yes: bool, **given: Unpack[_Given]) -> None:
    """Let a model propose a tree: of all that people learn, or of ROOT, such as "maritime law".

    Several proposals, in different words, name the parts of each branch, level by level; `votes: 5/6` in the file says
    that five of six named it. People judge the tree afterwards. What is paid for is in the ledger: run it again after
    an interruption, or with more levels or proposals, and it asks only for what is new.
    """
    shape, options = _shape(given), options_of(given)
    if given["dry_run"]:
        say(_most(shape))
        return
    confirm = confirmer(yes=yes)
    project = project_here(given["folder"], given["ledger"])
    site = _site(project, given, confirm)
    named = Named(spec=given["spec"]) if project is None else named_for(project, given["spec"])
    named = confirmed(site, named, confirm)
    click.echo(_most(shape), err=True)
    build, tree = asyncio.run(_conduct(site, named, shape, options))
    if not as_json:
        _tell(build, tree)
    if tree.text:
        _put(tree, project, given, tells=not as_json)
    if as_json:
        say_json(_as_dict(build, tree))
    ctx.exit(tree.exit_code)


def _shape(given: _Given) -> Shape:
    """Return what is to be built, or say which options do not go together."""
    root, samples, least = given["root"], given["samples"], given["least"]
    if root is not None:
        root = checked_name(root, "root", "ROOT")
        root = root[0].upper() + root[1:]
    shape = Shape(
        root=root,
        notes=" ".join(checked_notes(given["notes"], "--notes").split()),
        depth=given["depth"] or (_WITHOUT_ROOT if root is None else _UNDER_ROOT),
        breadth=given["breadth"],
        samples=samples,
        least=min(_LEAST, samples) if least is None else least,
    )
    if shape.least > samples:
        raise click.UsageError(f"--least {shape.least} cannot be had of {samples} proposals.")
    if shape.depth + (root is not None) > MAX_DEPTH:
        raise click.UsageError(
            f"--depth {shape.depth} is too deep: a tree has at most {MAX_DEPTH} levels, ROOT counted."
        )
    if shape.most_nodes >= MAX_NODES:
        raise click.UsageError(
            f"--depth {shape.depth} with --breadth {shape.breadth} is a tree of up to {shape.most_nodes:,} nodes, and "
            f"{MAX_NODES:,} are read."
        )
    return shape


def _most(shape: Shape) -> str:
    """Say what it takes at most."""
    return (
        f"At most {shape.most_calls:,} calls: {counted(shape.samples, 'proposal')} in two turns each for "
        f"{counted(shape.most_divided, 'branch', 'branches')} at most, more where a reply is of no use. "
        "What the ledger has is not asked."
    )


def _site(project: Project | None, given: _Given, confirm: Callable[[str], bool]) -> Site[TreeConfig]:
    """Return where the tree is built, once it is known that it can be put where it goes.

    Raises:
        ProjectError: there is no place for it.
        TaxonomyError: the project's tree has no such node.

    """
    out = given["out"]
    if out is not None:
        if not out.parent.is_dir():
            raise ProjectError(f"There is no folder {out.parent}.", hint="Make it, or name another file with --out.")
        if out.exists() and not confirm(f"{out} exists; may it be replaced?"):
            raise ProjectError(f"{out} exists; nothing was asked.", hint="--yes replaces it, or name another file.")
    if project is not None:
        if out is None and given["under"] != TOP:
            _check_branch(project, given["under"])
        return site_in(project, _config(project.config, given["language"]))
    if out is None:
        raise ProjectError(
            "The tree has nowhere to go.",
            hint="--out FILE.yaml writes it into a file; --project DIR adds it to the tree of a project.",
        )
    ledger = given["ledger"] or out.with_suffix(f".{LEDGER}")
    return site_alone(ledger, _config(Config(), given["language"]))


def _config(config: Config, language: str | None) -> TreeConfig:
    """Return the settings for a tree, in another language where one is named."""
    found = TreeConfig.of(config)
    return found if language is None else structs.replace(found, languages={language: 1.0})


def _check_branch(project: Project, under: str) -> None:
    if not isinstance(project.taxonomy.named(under), Branch):
        raise TaxonomyError(
            f"{shown(under)} is a discipline, and nothing can stand under it; nothing was asked.",
            hint="Name a branch with --under, or write the tree into a file with --out.",
        )


async def _conduct(site: Site[TreeConfig], named: Named, shape: Shape, options: Options) -> tuple[Build, Tree]:
    """Build with the progress on the screen, Ctrl-C handled, and in a project its log."""
    with logged_to(site.log_path) if site.log_path is not None else nullcontext():
        async with opened(site.config, site.environment, named) as panel:
            build = Build(site, panel, shape, options)
            with interruptible(build.errand):
                async with lined(lambda: _line(build)):
                    return build, await build()


def _line(build: Build) -> str:
    """Return how far it is, in one line."""
    grown = build.grown
    parts = [
        f"level {grown.level} of {build.shape.depth}",
        f"{grown.done:,}/{grown.wanted:,} proposals",
        f"{grown.failed.total():,} failed",
        f"{grown.nodes:,} nodes so far",
        *hearing_told(build.errand),
    ]
    return ", ".join(parts)


def _put(tree: Tree, project: Project | None, given: _Given, *, tells: bool) -> None:
    """Put a tree into its file, or into that of the project."""
    out = given["out"]
    if out is not None:
        replace(out, tree.text.encode())
        if tells:
            said = shlex.quote(str(out))
            say(f"Wrote {out}. Look at it, then make a project of it: glan init DIR --taxonomy {said}")
            say("Others vote on it with `glan review sample --taxonomy` and `glan taxonomy vote`.")
    elif project is not None and tells:
        put_in(project, tree.nodes, under=given["under"])
    elif project is not None:
        fresh, _ = edit.without_known(project.taxonomy, tree.nodes)
        if fresh:
            project.write_taxonomy(edit.graft(read_text(project.taxonomy_path), fresh, under=given["under"]))


def _tell(build: Build, tree: Tree) -> None:
    """Say what came of it."""
    for line in (*build.errand.told, *_told(tree)):
        say(line)
    made = f"{counted(tree.branches, 'branch', 'branches')}, {counted(tree.disciplines, 'discipline')}; "
    tell_spent(build.errand, made if tree.text else "")
    if build.errand.is_interrupted:
        say(str(tree.stopped))
    elif tree.stopped is not None:
        complain(tree.stopped)
    if build.errand.is_interrupted or isinstance(tree.stopped, TeacherError):
        say("Nothing was written. To go on, give the same command again: what was paid for is in the ledger.")


def _told(tree: Tree) -> Iterator[str]:
    """Say what was left out, merged or failed."""
    if tree.failed:
        lost = [f"{counted(count, 'proposal')} for {path} ({reason})" for path, reason, count in tree.failed]
        yield f"Came to nothing: {few(lost, _MOST_TOLD)}."
    if tree.undivided:
        yield (
            f"Every proposal failed for {few(tree.undivided, _MOST_TOLD)}: they stand as disciplines. "
            "`--retry-failed` asks again for calls that failed."
        )
    for reason, words in _LEFT_OUT.items():
        found = [left for left in tree.left_out if left.reason == reason]
        if found:
            yield f"{words} ({len(found):,}): {few([_shown(left) for left in found], _MOST_TOLD)}."
    if tree.merged:
        yield f"Counted as one: {few([f'{name!r} and {into!r}' for name, into in tree.merged], _MOST_TOLD)}."
    if tree.unfit:
        yield f"{counted(tree.unfit, 'name')} could not be read, and were left out."


_LEFT_OUT: Mapping[Reason, str] = {
    "few votes": "Left out with fewer votes than --least",
    "no room": "Left out where --breadth leaves no room",
    "stands above it": "Left out below themselves",
    "stands elsewhere": "Left out since they stand elsewhere",
    "alone": "Left out as the only part of a branch, which stands for it",
}


def _shown(left: LeftOut) -> str:
    where = f", which stands at {left.stands}" if left.reason == "stands elsewhere" else ""
    return f"{left.name!r} under {left.under} ({left.votes} of {left.proposals}{where})"


def _as_dict(build: Build, tree: Tree) -> Mapping[str, object]:
    """Return what came of it, for machines."""
    return {
        "branches": tree.branches,
        "disciplines": tree.disciplines,
        "left_out": tree.left_out,
        "merged": [{"name": name, "into": into} for name, into in tree.merged],
        "lost": [{"branch": path, "reason": reason, "proposals": count} for path, reason, count in tree.failed],
        "undivided": tree.undivided,
        "unfit": tree.unfit,
        **build.errand.tally.as_dict(),
        "possibly_paid": build.errand.possibly_paid,
        "notices": build.errand.told,
        "stopped": None if tree.stopped is None else str(tree.stopped),
        "exit_code": tree.exit_code,
    }
