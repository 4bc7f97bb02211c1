"""A model as one voter on the tree: `glan review vote --teacher`."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from glan import disk
from glan.cli.display import lined
from glan.cli.logs import logged_to
from glan.cli.paying import hearing_told, tell_spent
from glan.cli.running import interruptible
from glan.cli.screen import complain, confirmer, say
from glan.cli.trusting import confirmed
from glan.config import TreeConfig
from glan.errands import Errand
from glan.errors import BudgetError, DatasetError, GlanError
from glan.model_votes import NO_REPLY, ModelVotes
from glan.options import Options
from glan.places import slug
from glan.project import Project
from glan.records import Stage
from glan.settings import TeacherSettings
from glan.show.ballots import checked_name, read_ballot, saved_ballot
from glan.sites import Site, site_in
from glan.taxonomy.votes import Ballot
from glan.teachers.panel import Named, opened
from glan.wording import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which ballots are wanted."""

    spec: str
    name: str | None
    """Of the voter; the model's if not given."""
    out: Path | None
    samples: int
    options: Options
    yes: bool


def vote(project: Project, wanted: Wanted) -> int:
    """Let a model fill in a ballot, or several, and say what came of it; return the exit code.

    0 where every group was voted on, 3 where some could not be read, 4 budget reached, 130 interrupted, 1 an error.
    """
    site = _site(project)
    named = confirmed(site, Named(spec=wanted.spec), confirmer(yes=wanted.yes))
    voting = ModelVotes(project.taxonomy, wanted.samples)
    with logged_to(project.log_path):
        errand, ballots = asyncio.run(_conduct(site, named, voting, wanted))
    _tell(errand, voting)
    for path, ballot in ballots.items():
        disk.replace(path, saved_ballot(ballot))
        choices = [each.choice for each in ballot.votes.values()]
        say(f"{ballot.voter} (model): {choices.count('keep'):,} keep, {choices.count('remove'):,} remove; in {path}.")
    if ballots:
        say("Count it with those of people: glan taxonomy vote --votes FILE FILE ...")
    return errand.exit_code or (3 if voting.failed else 0)


def _site(project: Project) -> Site[TreeConfig]:
    """Return where is asked: by the teacher that was named just now, whatever glan.toml has for other stages."""
    config = TreeConfig.of(project.config)
    teachers = structs.replace(config.teachers, curriculum=TeacherSettings())
    return site_in(project, structs.replace(config, teachers=teachers))


async def _conduct(
    site: Site[TreeConfig], named: Named, voting: ModelVotes, wanted: Wanted
) -> tuple[Errand, Mapping[Path, Ballot]]:
    async with opened(site.config, site.environment, named) as panel:
        voter = checked_name(wanted.name or panel.models[Stage.TAXONOMY], "--name")
        paths = _paths(voter, wanted)
        errand = Errand(site, panel, wanted.options, what="voting")
        with interruptible(errand):
            async with lined(lambda: _line(errand, voting)):
                try:
                    return errand, dict(zip(paths, await voting(errand, voter), strict=True))
                except (GlanError, asyncio.CancelledError):
                    if errand.stopped is None:
                        raise
                    return errand, {}


def _line(errand: Errand, voting: ModelVotes) -> str:
    return ", ".join([f"{voting.done:,} groups", f"{voting.failed.total():,} failed", *hearing_told(errand)])


def _paths(voter: str, wanted: Wanted) -> Sequence[Path]:
    """Return the files of the ballots.

    Raises:
        DatasetError: one is the ballot of a person, or what is there is no ballot.

    """
    out = wanted.out or Path(f"ballot-{slug(voter)}.json")
    numbers = range(1, wanted.samples + 1)
    paths = [out] if wanted.samples == 1 else [out.with_stem(f"{out.stem}-{number}") for number in numbers]
    for path in paths:
        if path.exists() and read_ballot(path).kind != "model":
            raise DatasetError(f"{path} is the ballot of a person.", hint="Name another file with --out.")
    return paths


def _tell(errand: Errand, voting: ModelVotes) -> None:
    """Say what it took, and what was left out."""
    for line in errand.told:
        say(line)
    for reason, groups in voting.failed.most_common():
        say(f"{counted(groups, 'group')} without votes: {reason}.")
    if voting.abstained:
        again = " `--retry-failed` asks again for what got no reply." if voting.failed[NO_REPLY] else ""
        say(f"They have {counted(voting.abstained, 'element')}, on which there is no vote.{again}")
    tell_spent(errand, f"{counted(voting.done, 'group')}; ")
    if errand.stopped is not None:
        say(str(errand.stopped)) if errand.is_interrupted else complain(errand.stopped)
    if errand.stopped is not None and not isinstance(errand.stopped, BudgetError):
        say("No ballot was written. To go on, give the same command again: what was paid for is in the ledger.")
