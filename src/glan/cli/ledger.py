"""Commands on the ledger: list, show, verify; the group has those that copy and share it too."""

from pathlib import Path

import click

from glan.cli.backups import backup_command, restore_command
from glan.cli.screen import json_option, ledger_option, project_option, say, say_json
from glan.cli.sharing import export_command, import_command
from glan.errors import LedgerError
from glan.project import Project
from glan.teachers.ledger import Entry, Ledger


@click.group("ledger")
def ledger_command() -> None:
    """Look at every reply that was paid for, and share it between projects."""


@ledger_command.command("list")
@project_option
@ledger_option
@click.option("--prefix", default="", help="Only ids that begin so, such as question/astronomy/.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many, the newest first.")
def list_command(folder: Path, ledger: Path | None, prefix: str, limit: int) -> None:
    """List replies, the newest first."""
    with _opened(folder, ledger) as opened:
        for entry in opened.entries(prefix=prefix, newest_first=True, limit=limit):
            say(_line(entry))
        say(f"{opened.count():,} replies and failures in all.")


@ledger_command.command("show")
@click.argument("seq", type=int)
@project_option
@ledger_option
@json_option
def show_command(seq: int, folder: Path, ledger: Path | None, *, as_json: bool) -> None:
    """Show the reply with the number SEQ whole."""
    with _opened(folder, ledger) as opened:
        entry = opened.get(seq)
    if entry is None:
        raise LedgerError(f"The ledger has no reply number {seq}.", hint="`glan ledger list` shows the numbers.")
    if as_json:
        say_json(entry)
        return
    say(_line(entry))
    if entry.failure is not None:
        say(entry.failure)
    if entry.reply is not None:
        if entry.reply.reasoning:
            say(f"--- reasoning\n{entry.reply.reasoning}")
        say(f"--- text\n{entry.reply.text}")


@ledger_command.command("verify")
@project_option
@ledger_option
@click.pass_context
def verify_command(ctx: click.Context, folder: Path, ledger: Path | None) -> None:
    """Check that every row of the ledger can be read."""
    with _opened(folder, ledger) as opened:
        findings = opened.verify()
        for finding in findings:
            say(finding)
        say(
            f"{len(findings):,} findings in {opened.count():,} rows."
            if findings
            else f"{opened.count():,} rows, whole."
        )
    ctx.exit(1 if findings else 0)


ledger_command.add_command(backup_command)
ledger_command.add_command(restore_command)
ledger_command.add_command(import_command)
ledger_command.add_command(export_command)


def _opened(folder: Path, ledger: Path | None) -> Ledger:
    return Ledger.open(_path(folder, ledger), readonly=True)


def _path(folder: Path, ledger: Path | None) -> Path:
    """Return the ledger that is named, which needs no project, or that of the project."""
    return Project.open(folder).ledger_path if ledger is None else ledger


def _line(entry: Entry) -> str:
    reply = entry.reply
    if reply is None:
        return f"{entry.seq:>8}  failure  {entry.request_id}  {entry.failure}"
    usage = reply.usage
    known = usage.prompt_tokens is not None and usage.completion_tokens is not None
    tokens = f"{usage.prompt_tokens}+{usage.completion_tokens} tokens" if known else "tokens unknown"
    ended, model = reply.finish_reason or "no reason", reply.model or "model unknown"
    return f"{entry.seq:>8}  {ended}  {entry.request_id}  {model}  {tokens}"
