"""How commands publish a data set to a bucket or a folder: `glan run --publish URL`, `glan push URL`."""

import asyncio
import secrets
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

from glan.cli.screen import complain, printable, say, say_json
from glan.cli.sending import Rarely, added, ending_at_once, sending, size_told
from glan.cli.stores import store_at
from glan.environment import Environment
from glan.errors import ConfigError, GlanError, UntrustedError
from glan.project import Project
from glan.push.publishing import Publication, held, look_at, told_of
from glan.runs import Result
from glan.storage.checking import Finding, findings
from glan.storage.opening import opened
from glan.storage.stores import Store, address_of, is_url
from glan.teachers.trust import remember, trusted
from glan.wording import counted

_STOPPED: Final = (
    "Stopped: readers see what they saw before; `glan push URL` goes on, and does not send anew what is there."
)
_SETTING: Final = "[publish] url"
_INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Where a run publishes what it makes."""

    project: Project
    store: Store

    def after(self, result: Result, tell: Callable[[str], object]) -> tuple[dict[str, object] | None, int]:
        """Publish what stands after a run; return what came of it, and the exit code of all.

        A run that was interrupted publishes nothing: whoever stops it wants it to end. Any other publishes what it
        has made, also where it is not complete; the manifest says so.
        """
        if result.exit_code == _INTERRUPTED or not result.is_standing:
            tell(f"Nothing was published: `{self._command}` does it.")
            return None, result.exit_code
        try:
            return publish(self.project, self.store, tell), result.exit_code
        except GlanError as error:
            complain(error)
            tell(
                f"The data set is in {self.project.dataset_path}, and not at {self.store.url}; "
                f"`{self._command}` puts it there, and does not send anew what is there."
            )
            return None, result.exit_code if result.exit_code not in {0, 3} else 1

    @property
    def _command(self) -> str:
        """What publishes the same data set to the same place, as it can be typed."""
        url = self.store.url if is_url(self.store.url) else Path(self.store.url).as_uri()
        folder = self.project.folder
        return shlex.join(["glan", "push", url, *([] if folder == Path() else ["--project", str(folder)])])


def goal_of(project: Project, url: str | None, confirm: Callable[[str], bool], *, is_part: bool) -> Goal | None:
    """Return where a run publishes; None if nowhere. The place is looked at before anything is paid for.

    Args:
        project: its settings name the place where nobody has typed one.
        url: what was typed.
        confirm: asks whether a place that only the settings name is meant.
        is_part: the run makes no data set of the whole plan, so that nothing is published.

    Raises:
        UntrustedError: the settings name a place that nobody has confirmed.
        StorageError: the place cannot be used as it is.

    """
    if url is not None and is_part:
        raise click.UsageError("--publish goes with a run of all pairs: not with --only or --until.")
    named = url or project.config.publish.url
    if named is None or is_part:
        return None
    address = address_of(named)
    if url is None:
        _confirmed(address.url, project.environment, confirm)
    goal = Goal(project=project, store=opened(address, project.environment, project.config.network))
    asyncio.run(look_at(goal.store))
    return goal


def _confirmed(url: str, environment: Environment, confirm: Callable[[str], bool]) -> None:
    """See that a place which the project's files name is meant: a project may come from a stranger."""
    if (url, _SETTING) in trusted(environment):
        return
    if not confirm(f"This project's glan.toml publishes the data set to {url}; allow?"):
        raise UntrustedError(
            f"Only the project's glan.toml names {url} as the place to publish to, and nobody has confirmed it.",
            hint="Say yes on a terminal, or with --yes: it is remembered. Or type the place: --publish URL.",
            variable=_SETTING,
            host=url,
        )
    try:
        remember(environment, frozenset({(url, _SETTING)}))
    except ConfigError as error:
        click.echo(f"{printable(str(error))} You will be asked again.", err=True)


def publish(
    project: Project, store: Store, tell: Callable[[str], object], *, is_dry: bool = False
) -> dict[str, object]:
    """Put the data set of a project to a place, and return what came of it.

    Raises:
        GlanError: it is not there; readers see what they saw before.

    """
    with (
        held(project, Rarely[str]("Looking through {}".format)) as prepared,
        ending_at_once(prepared.contents.let_go, _STOPPED),
    ):
        publication = asyncio.run(prepared.to(store, keep=project.config.publish.keep))
        _say_before(publication, tell)
        left = [] if is_dry else _sent(publication)
        _say_after(publication, left, tell, is_dry=is_dry)
        return _report(publication, is_dry=is_dry)


def _sent(publication: Publication) -> list[str]:
    if publication.is_done:
        return [*asyncio.run(publication.tidy())]
    with sending(publication.size_bytes) as watch:
        return [*asyncio.run(publication(added(watch)))]


def _say_before(publication: Publication, tell: Callable[[str], object]) -> None:
    if publication.is_done:
        return
    for note in publication.notes:
        tell(f"Note: {note}")
    tell(f"{publication.store.url}: {told_of(publication)} ({size_told(publication.size_bytes)} to send).")


def _say_after(publication: Publication, left: list[str], tell: Callable[[str], object], *, is_dry: bool) -> None:
    for line in left:
        tell(line)
    if publication.is_done:
        tell(f"{publication.store.url} has all of it already; nothing was sent.")
    elif is_dry:
        tell("Nothing was sent: this was a dry run.")
    else:
        complete = "" if publication.new.complete else ", not complete"
        tell(f"Published {publication.new.rows:,} pairs{complete}: {publication.url}")


def _report(publication: Publication, *, is_dry: bool) -> dict[str, object]:
    new = publication.new
    return {
        "url": publication.store.url,
        "version": new.version,
        "rows": new.rows,
        "complete": new.complete,
        "is_dry_run": is_dry,
        "sent": [*publication.sent],
        "sent_bytes": publication.size_bytes,
        "copied": [*publication.copied],
        "same": len(new.files) - len(publication.missing),
        "kept": new.kept,
        "notes": [*publication.notes],
    }


def push_to(url: str, folder: Path, *, as_json: bool, is_dry: bool) -> None:
    """Publish the data set that stands."""
    project = Project.open(folder)
    store = opened(address_of(url), project.environment, project.config.network)
    report = publish(project, store, (lambda _: None) if as_json else say, is_dry=is_dry)
    if as_json:
        say_json(report)


def check_place(url: str, folder: Path, *, as_json: bool) -> int:
    """Try whether a place keeps what is built on it; return the exit code."""
    found = asyncio.run(_tried(store_at(address_of(url), folder), as_json=as_json))
    wrong = [finding for finding in found if not finding.holds and finding.is_needed]
    if as_json:
        say_json({"url": url, "holds": not wrong, "findings": found})
    elif wrong:
        say(f"{counted(len(wrong), 'thing')} that glan needs {'does' if len(wrong) == 1 else 'do'} not hold there.")
    else:
        say("All that glan needs holds there. What was put for it is gone again.")
    return 1 if wrong else 0


async def _tried(store: Store, *, as_json: bool) -> list[Finding]:
    found: list[Finding] = []
    with TemporaryDirectory() as scratch:
        folder = f"glan-check-{secrets.token_hex(6)}"
        async for finding in findings(store, folder, Path(scratch) / "long"):
            found.append(finding)
            if not as_json:
                state = "holds" if finding.holds else "FAILS" if finding.is_needed else "no"
                say(f"  {state:<6} {finding.name}" + (f": {finding.told}" if finding.told else ""))
    return found
