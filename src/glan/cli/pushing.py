"""The command that puts a data set on the Hugging Face hub, or to a bucket."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, TypedDict, Unpack

import click

from glan.cli.publishing import check_place, push_to
from glan.cli.screen import complain, confirmer, json_option, project_option, say, say_json, yes_option
from glan.cli.sending import Rarely, ending_at_once, sending, size_told
from glan.errors import ConfigError, HubError, MissingPackageError, UntrustedError
from glan.project import Project
from glan.push.account import Account, account_of
from glan.push.pushing import MAIN, Push, Wanted, checked_name, prepared
from glan.push.repositories import Commit, Hub
from glan.storage.stores import is_url
from glan.teachers.trust import remember, trusted
from glan.wording import counted

_SHOWN: Final = 10
_STOPPED: Final = "Stopped: nothing half-made is to be seen; the same command sends what is missing."


class _Given(TypedDict):
    """The options of `glan push` as click gives them."""

    folder: Path
    public: bool
    revision: str | None
    create_pr: bool
    manifest: bool
    is_dry: bool
    is_check: bool


@click.command("push")
@click.argument("where")
@project_option
@json_option
@yes_option
@click.option("--public", is_flag=True, help="Let everybody read a repository that is made; private if not given.")
@click.option("--revision", metavar="BRANCH", help="Branch of the repository; main if not given.")
@click.option("--create-pr", is_flag=True, help="Propose the change as a pull request.")
@click.option("--manifest", is_flag=True, help="Let manifest.json go along: it has all that was spent.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Say what would go up, and change nothing.")
@click.option(
    "--check", "is_check", is_flag=True, help="Only try whether a bucket or folder keeps what glan builds on."
)
@click.pass_context
def push_command(ctx: click.Context, *, where: str, as_json: bool, yes: bool, **given: Unpack[_Given]) -> None:
    """Put the data set on the Hugging Face hub, or publish it to a bucket.

    WHERE is a dataset of the hub, USER/NAME, or NAME of your own; or s3://BUCKET/PREFIX, gs://, az:// or
    file:///FOLDER. Only the card and the files of rows go up, and of those only what is new or changed. Readers see
    all of it or what they saw before.
    """
    if is_url(where):
        _push_to_url(ctx, where, given, as_json=as_json)
    else:
        _push_to_hub(where, given, as_json=as_json, yes=yes)


def _push_to_url(ctx: click.Context, url: str, given: _Given, *, as_json: bool) -> None:
    if given["public"] or given["create_pr"] or given["manifest"] or given["revision"]:
        raise click.UsageError("--public, --revision, --create-pr and --manifest are for the hub alone.")
    if given["is_check"]:
        ctx.exit(check_place(url, given["folder"], as_json=as_json))
    push_to(url, given["folder"], as_json=as_json, is_dry=given["is_dry"])


def _push_to_hub(repo: str, given: _Given, *, as_json: bool, yes: bool) -> None:
    wanted = _wanted(repo, given)
    project = Project.open(given["folder"])
    confirm = confirmer(yes=yes)
    login, opened = _library()
    account = _account(project, login, confirm)
    with (
        opened(account, project.config.network) as hub,
        prepared(project, hub, account, wanted, Rarely[str]("Looking through {}".format)) as push,
    ):
        tell = (lambda _: None) if as_json else say
        _say_before(push, tell)
        commit = None
        if not given["is_dry"] and not push.is_done:
            _agree(push, confirm)
            with ending_at_once(push.contents.let_go, _STOPPED), sending(push.size_bytes) as watch:
                commit = push(watch)
        if as_json:
            say_json(_report(push, commit, is_dry=given["is_dry"]))
        else:
            _say_after(push, commit, is_dry=given["is_dry"])


def _wanted(repo: str, given: _Given) -> Wanted:
    if given["is_check"]:
        raise click.UsageError("--check is for a bucket or a folder: s3://BUCKET/PREFIX, ... or file:///FOLDER.")
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
        f"{counted(len(push.files), 'file')} to send ({size_told(push.size_bytes)}), "
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
