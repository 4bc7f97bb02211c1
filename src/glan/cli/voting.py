"""Votes on the tree: counting the ballots of several people, and voting in a terminal."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

import click

from glan.cli.screen import json_option, project_option, say, say_json, yes_option
from glan.cli.tree_changes import Changed
from glan.disk import replace
from glan.errors import ProjectError
from glan.places import slug
from glan.project import Project
from glan.reviews import named
from glan.show.ballots import read_ballot, saved_ballot
from glan.taxonomy.prune import pruned
from glan.taxonomy.tree import read_text
from glan.taxonomy.votes import Ballot, Element, Outcome, Tally, elements_of, outcome
from glan.wording import counted, few

_FILE = click.Path(path_type=Path, dir_okay=False)
_HASH = re.compile("[0-9a-f]{64}")
_MOST_LISTED = 20


class _Given(TypedDict):
    """The flags of `glan taxonomy vote` as click gives them."""

    as_json: bool
    yes: bool
    dry_run: bool


@click.command("vote")
@click.option(
    "--votes", "first", multiple=True, type=_FILE, metavar="FILE...", help="The ballots, one file for each person."
)
@click.argument("others", nargs=-1, type=_FILE, metavar="")
@project_option
@json_option
@yes_option
@click.option("--dry-run", is_flag=True, help="Say what the votes come to, and change nothing.")
def vote_command(first: Sequence[Path], others: Sequence[Path], folder: Path, **given: Unpack[_Given]) -> None:
    """Count the ballots of several people, and take out of the tree what the majority removes.

    `glan review sample --taxonomy` writes the form that people fill in. A tie keeps an element; removing one removes
    what is below it. The diff is shown before anything is changed, and the replies stay in the ledger.
    """
    paths = [*first, *others]
    if not paths:
        raise click.UsageError("Name the ballots: glan taxonomy vote --votes anna.json ben.csv")
    project = Project.open(folder)
    text = read_text(project.taxonomy_path)
    ballots = [read_ballot(path) for path in paths]
    found = outcome(elements_of(project.taxonomy), ballots)
    if not given["as_json"]:
        _say(_told(found, ballots))  # also where what follows is refused
    new, staying = pruned(text, found) if found.going else (text, ())
    removed = [tally for tally in found.removed if tally.element not in staying]
    if given["as_json"]:
        say_json({**_as_dict(found, ballots, removed), "staying": [element.id for element in staying]})
    else:
        _say((*_told_removed(found, removed, staying), *_diff(text, new)))
    if given["dry_run"]:
        return
    changed = Changed.of(project, new) if new != text else None
    if changed is not None:
        changed.confirm(_question(found, len(removed)), yes=given["yes"], always=True)
    _keep(project, ballots)
    if changed is None:
        return
    changed.write()
    if not given["as_json"]:
        say(f"{len(changed.after.disciplines):,} disciplines are left.")
        changed.say_effect()


def _question(found: Outcome, n_removed: int) -> str:
    leaves = sum(element.kind == "discipline" and element.id in found.going for element in found.elements)
    return f"Remove {counted(n_removed, 'element')} with {counted(leaves, 'discipline')}?"


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        say(line)


def _told(found: Outcome, ballots: Sequence[Ballot]) -> Iterator[str]:
    voters = ", ".join(named(ballot.voter, ballot.kind) for ballot in ballots)
    yield f"{counted(len(ballots), 'ballot')}: {voters}."
    yield f"{found.voted:,} of {len(found.elements):,} elements were voted on."
    yield f"Agreement, as Fleiss' kappa: {found.agreement().told}."
    yield from _told_unfit(found)
    if found.ties:
        yield "\nTies, which stay:"
        yield from (line for tally in found.ties for line in _lines(tally))
    if found.commented:
        yield "\nComments on what stays:"
        yield from (line for tally in found.commented for line in _lines(tally))


def _told_removed(found: Outcome, removed: Sequence[Tally], staying: Sequence[Element]) -> Iterator[str]:
    if staying:
        yield "\nVoted out, but all subjects of their discipline, which would be asked for others, so they stay:"
        yield from (f"  {element.shown}" for element in staying)
    if not removed:
        yield "\nThe votes remove nothing."
        return
    yield "\nRemoved:"
    for tally in removed:
        yield from _lines(tally)
        yield from _told_below(found, tally)


def _told_unfit(found: Outcome) -> Iterator[str]:
    if found.other_trees:
        trees = few(found.other_trees, _MOST_LISTED)
        yield f"Made for another tree, and counted as far as its elements are still there: {trees}."
    if found.unfit:
        yield f"{counted(len(found.unfit), 'vote')} on what is not in this tree, not counted:"
        yield from (f"  {voter}: {id_}" for voter, id_ in found.unfit[:_MOST_LISTED])
        if len(found.unfit) > _MOST_LISTED:
            yield f"  and {len(found.unfit) - _MOST_LISTED:,} more"


def _lines(tally: Tally) -> Iterator[str]:
    yield f"  {tally.element.shown}  ({tally.remove:,} remove, {tally.keep:,} keep)"
    for voter, comment in tally.comments:
        yield f"    {voter}: {' '.join(comment.split())}"


def _told_below(found: Outcome, tally: Tally) -> Iterator[str]:
    below = found.below(tally)
    if not below:
        return
    leaves = sum(each.element.kind == "discipline" for each in below)
    yield f"    with all below it: {counted(leaves, 'discipline')}, {counted(len(below), 'element')} in all"
    kept = [each.element.title for each in below if each.keep > each.remove]
    if kept:
        yield f"    {len(kept):,} of these had been voted to keep: {few(kept, _MOST_LISTED)}"


def _diff(old: str, new: str) -> Iterator[str]:
    lines = [*difflib.unified_diff(old.splitlines(), new.splitlines(), "taxonomy.yaml", "taxonomy.yaml", "", "", 1, "")]
    yield from ["", *lines] if lines else []


def _as_dict(found: Outcome, ballots: Sequence[Ballot], removed: Sequence[Tally]) -> dict[str, Any]:
    agreement = found.agreement()
    return {
        "voters": [{"name": ballot.voter, "kind": ballot.kind, "votes": len(ballot.votes)} for ballot in ballots],
        "elements": len(found.elements),
        "voted": found.voted,
        "kappa": agreement.kappa,
        "agreement": agreement.told,
        "other_trees": list(found.other_trees),
        "not_counted": [{"voter": voter, "id": id_} for voter, id_ in found.unfit],
        "ties": [_tally_dict(tally) for tally in found.ties],
        "removed": [
            {**_tally_dict(tally), "below": [each.element.id for each in found.below(tally)]} for tally in removed
        ],
        "commented": [_tally_dict(tally) for tally in found.commented],
    }


def _tally_dict(tally: Tally) -> Mapping[str, Any]:
    return {
        "id": tally.element.id,
        "path": tally.element.shown,
        "keep": tally.keep,
        "remove": tally.remove,
        "comments": [{"voter": voter, "comment": comment} for voter, comment in tally.comments],
    }


def _keep(project: Project, ballots: Sequence[Ballot]) -> None:
    """Keep what was read in the project; a person's later ballot on the same tree takes the place of the earlier."""
    folder = project.folder / "ballots"
    if folder.is_symlink():
        raise ProjectError(f"{folder} is a link, and no link is followed.", hint="Make it a folder.")
    folder.mkdir(exist_ok=True)
    for ballot in ballots:
        tree = ballot.tree[:8] if _HASH.fullmatch(ballot.tree) else "any"
        replace(folder / f"{tree}-{slug(ballot.voter)}.json", saved_ballot(ballot))
