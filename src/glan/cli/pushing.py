"""The command that puts a data set on the Hugging Face hub."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Generic, TypedDict, TypeVar, Unpack

import click

from glan.cli.screen import complain, confirmer, json_option, on_stop, project_option, say, say_json, yes_option
from glan.errors import ConfigError, HubError, MissingPackageError, UntrustedError
from glan.project import Project
from glan.push.account import Account, account_of
from glan.push.pushing import MAIN, Push, Wanted, checked_name, prepared
from glan.push.repositories import Commit, Hub
from glan.teachers.trust import remember, trusted
from glan.wording import counted

T = TypeVar("T")
_EVERY_S: Final = 10.0
_SHOWN: Final = 10
_INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells have it."""
_UNITS: Final = ("bytes", "kB", "MB", "GB")


class _Given(TypedDict):
    """The options of `glan push` as click gives them."""

    folder: Path
    public: bool
    revision: str | None
    create_pr: bool
    manifest: bool
    is_dry: bool


@click.command("push")
@click.argument("repo")
@project_option
@json_option
@yes_option
@click.option("--public", is_flag=True, help="Let everybody read a repository that is made; private if not given.")
@click.option("--revision", metavar="BRANCH", help="Branch of the repository; main if not given.")
@click.option("--create-pr", is_flag=True, help="Propose the change as a pull request.")
@click.option("--manifest", is_flag=True, help="Let manifest.json go along: it has all that was spent.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Say what would go up, and change nothing.")
def push_command(repo: str, *, as_json: bool, yes: bool, **given: Unpack[_Given]) -> None:
    """Put the data set on the Hugging Face hub, as the dataset REPO: USER/NAME, or NAME of your own.

    Only the card and the files of rows go up, and of those only what is new or changed, in one commit.
    """
    wanted = _wanted(repo, given)
    project = Project.open(given["folder"])
    confirm = confirmer(yes=yes)
    login, opened = _library()
    account = _account(project, login, confirm)
    with (
        opened(account, project.config.network) as hub,
        prepared(project, hub, account, wanted, _Rarely[str]("Looking through {}".format)) as push,
    ):
        tell = (lambda _: None) if as_json else say
        _say_before(push, tell)
        commit = None
        if not given["is_dry"] and not push.is_done:
            _agree(push, confirm)
            with _interruptible(push), _shown(push) as watch:
                commit = push(watch)
        if as_json:
            say_json(_report(push, commit, is_dry=given["is_dry"]))
        else:
            _say_after(push, commit, is_dry=given["is_dry"])


def _wanted(repo: str, given: _Given) -> Wanted:
    if given["create_pr"] and given["revision"]:
        raise click.UsageError("--create-pr and --revision exclude each other.")
    return Wanted(
        name=checked_name(repo),
        public=given["public"],
        revision=given["revision"] or MAIN,
        as_pull_request=given["create_pr"],
        manifest=given["manifest"],
    )


def _library() -> tuple[Callable[[], str | None], Callable[..., AbstractContextManager[Hub]]]:
    """Return what the hub's own library gives: the token of its login, and the hub."""
    try:
        from glan.push.hub import login, opened  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise MissingPackageError(
            "To push, the package `huggingface_hub` is needed, 1.4 or later, and it is not there.",
            hint="pip install 'glan[hub]'",
        ) from error
    return login, opened


def _account(project: Project, login: Callable[[], str | None], confirm: Callable[[str], bool]) -> Account:
    """Return the hub and its token; a hub that only the project's files name is asked about once for ever."""
    environment, network = project.environment, project.config.network
    try:
        return account_of(environment, network, login, trusted(environment))
    except UntrustedError as error:
        if not confirm(f"This project's .env sends your Hugging Face token to {error.host}; allow?"):
            raise
        pairs = frozenset({(error.host, error.variable)})
        try:
            remember(environment, pairs)
        except ConfigError as failure:
            complain(failure)
        return account_of(environment, network, login, pairs)


def _agree(push: Push, confirm: Callable[[str], bool]) -> None:
    """Ask once where something is to be agreed to."""
    asked = sum(remark.asks for remark in push.remarks)
    if asked and not confirm("Push it all the same?"):
        remarks = " ".join(remark.text for remark in push.remarks if remark.asks)
        raise HubError(
            f"Nothing was pushed. {remarks}", hint="Answer yes on a terminal, or give --yes, to push all the same."
        )


def _say_before(push: Push, tell: Callable[[str], object]) -> None:
    for remark in () if push.is_done else push.remarks:
        tell(f"Note: {remark.text}")
    for kind, times in push.hidden.items():
        tell(f"Blotted out of the card{' and the manifest' if push.wanted.manifest else ''}: {kind}, {times:,} times.")
    state = "new, " if push.is_new else ""
    tell(f"{push.url} ({state}{'private' if push.is_private else 'public'}), {push.rows:,} pairs:")
    for mark, names in (("+", [*push.files]), ("-", [*push.removed])):
        for name in names[:_SHOWN]:
            tell(f"  {mark} {name}")
        if len(names) > _SHOWN:
            tell(f"  {mark} ... {len(names) - _SHOWN:,} more")
    tell(
        f"{counted(len(push.files), 'file')} to send ({_size(push.size_bytes)}), "
        f"{counted(push.same, 'file')} there already, {counted(len(push.removed), 'file')} to remove."
    )


def _say_after(push: Push, commit: Commit | None, *, is_dry: bool) -> None:
    if push.is_done:
        say("The hub has all of it already; nothing was pushed.")
    elif is_dry:
        say("Nothing was pushed: this was a dry run.")
    elif commit is not None and commit.pull_request is not None:
        say(f"Proposed: {commit.pull_request}")
    elif commit is not None:
        say(f"Pushed in one commit, {commit.id[:12]}.")
        at = f", revision={push.wanted.revision!r}" if push.wanted.revision != MAIN else ""
        say(f"Load it with datasets.load_dataset({push.repository!r}{at}).")


def _report(push: Push, commit: Commit | None, *, is_dry: bool) -> dict[str, object]:
    return {
        "repository": push.repository,
        "url": push.url,
        "revision": push.wanted.revision,
        "is_new": push.is_new,
        "is_private": push.is_private,
        "is_dry_run": is_dry,
        "rows": push.rows,
        "sent": [*push.files] if commit is not None or is_dry else [],
        "sent_bytes": push.size_bytes if commit is not None or is_dry else 0,
        "same": push.same,
        "removed": [*push.removed] if commit is not None or is_dry else [],
        "hidden": dict(push.hidden),
        "notes": [remark.text for remark in push.remarks],
        "commit": commit.id if commit is not None else None,
        "pull_request": commit.pull_request if commit is not None else None,
    }


@contextmanager
def _interruptible(push: Push) -> Iterator[None]:
    """End at once on Ctrl-C or SIGTERM: the library would wait for what is on its way."""

    def end(*_: object) -> None:
        push.contents.let_go()
        sys.stderr.write("\x1b[?25h" if sys.stderr.isatty() else "")
        click.echo("Stopped: nothing half-made is to be seen; the same command sends what is missing.", err=True)
        os._exit(_INTERRUPTED)

    with on_stop(end):
        yield


@contextmanager
def _shown(push: Push) -> Iterator[Callable[[int], None]]:
    """Show how far an upload is: beside a spinner on a terminal, as a plain line now and then in a log."""
    begun_s = time.monotonic()

    def line(size_bytes: int) -> str:
        per_second = size_bytes / max(time.monotonic() - begun_s, 0.001)
        return f"{_size(size_bytes)} of {_size(push.size_bytes)} sent, {_size(round(per_second))}/s"

    if not sys.stderr.isatty():
        yield _Rarely(line)
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

    with Console(stderr=True).status("Sending") as status:
        yield lambda size_bytes: status.update(line(size_bytes))


class _Rarely(Generic[T]):
    """Prints a line about what it is given, not more often than a log wants it."""

    def __init__(self, line: Callable[[T], str]) -> None:
        self._line, self._told_s = line, time.monotonic()

    def __call__(self, found: T) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s >= _EVERY_S:
            self._told_s = now_s
            click.echo(self._line(found), err=True)


def _size(size_bytes: int) -> str:
    size, unit = float(size_bytes), 0
    while size >= 1000 and unit + 1 < len(_UNITS):
        size, unit = size / 1000, unit + 1
    return f"{size:,.0f} {_UNITS[unit]}" if unit == 0 else f"{size:,.1f} {_UNITS[unit]}"
