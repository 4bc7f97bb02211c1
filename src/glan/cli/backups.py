"""Commands that keep the ledger safe: backup, restore."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from glan.cli.screen import ledger_option, project_option, say
from glan.cli.sending import Rarely, sending, size_told
from glan.cli.stores import put_at, scratch_in, store_at
from glan.disk import sync
from glan.errors import LedgerError
from glan.project import Project
from glan.storage.stores import Address, address_of
from glan.teachers.ledger_backup import Restored, copy_file, copy_ledger, restore_ledger
from glan.wording import counted

_PAGE_BYTES: Final = 4096


@click.command("backup")
@click.argument("out")
@project_option
@ledger_option
@click.option("--force", is_flag=True, help="Replace a file that exists.")
def backup_command(out: str, folder: Path, ledger: Path | None, *, force: bool) -> None:
    """Copy the ledger to OUT, also while a run goes on: a file, or s3://BUCKET/NAME, gs://, az:// or file:///FILE.

    The copy is of one moment, and every row of it is read before it has its name.
    """
    source = _path(folder, ledger)
    address = address_of(out)
    if not address.is_remote:
        rows = _backup_to_file(source, Path(address.path), force=force)
    else:
        rows = _backup_to_store(source, address, folder, force=force)
    say(f"Wrote {address.url}: {counted(rows, 'reply or failure', 'replies and failures')}, every one read again.")


def _backup_to_file(source: Path, out: Path, *, force: bool) -> int:
    if out.exists() and not force:
        raise LedgerError(f"{out} exists already.", hint="Give another name, or --force.")
    if out.exists() and source.exists() and out.samefile(source):
        raise LedgerError(f"{out} is the ledger itself.", hint="Give another name.")
    if out.is_dir():
        raise LedgerError(f"{out} is a folder.", hint="Give the name of a file in it.")
    if not out.parent.is_dir():
        raise LedgerError(f"There is no folder {out.parent}.", hint="Make it first, or give another name.")
    part = out.with_name(f".{out.name}.part")
    with _copying(source) as watch:
        rows = copy_ledger(source, part, watch)
    part.replace(out)
    sync(out.parent)
    return rows


def _backup_to_store(source: Path, address: Address, folder: Path, *, force: bool) -> int:
    with put_at(address, folder, source.resolve().parent, force=force) as part, _copying(source) as watch:
        return copy_ledger(source, part, watch)


@click.command("restore")
@click.argument("source")
@project_option
@ledger_option
@click.option("--force", is_flag=True, help="Also over a ledger with replies that SOURCE lacks; it is kept aside.")
def restore_command(source: str, folder: Path, ledger: Path | None, *, force: bool) -> None:
    """Put a copy of `glan ledger backup` in the place of the ledger: SOURCE is a file or a URL.

    A ledger that has replies which the copy lacks stays, unless --force is given: then it gets another name.
    """
    target = _path(folder, ledger)
    address = address_of(source)
    with scratch_in(target.resolve().parent) as scratch:
        new = scratch / "copy"
        if address.is_remote:
            _fetch(address, folder, new)
        elif not Path(address.path).is_file():
            raise LedgerError(f"There is no file {address.url}.", hint="Name what `glan ledger backup` wrote.")
        else:
            copy_file(Path(address.path), new)
        found = _restored(new, target, address.url, force=force)
    say(f"{target} is {address.url} now: {counted(found.rows, 'reply or failure', 'replies and failures')}.")
    if found.kept is not None:
        what = f"has {found.lost.told} that it lacks" if found.lost else "could not be read"
        say(f"The ledger before {what}: it is {found.kept}; `glan ledger import` takes what can be read from there.")


def _restored(new: Path, target: Path, source: str, *, force: bool) -> Restored:
    """Restore, and have an error about the copy name what was typed, and not where it lies for the moment."""
    try:
        return restore_ledger(new, target, force=force)
    except LedgerError as error:
        if str(new.resolve()) not in str(error):
            raise
        told = str(error).replace(str(new.resolve()), source)
        raise LedgerError(f"{told} Nothing was changed.", hint="Name another copy of `glan ledger backup`.") from error


def _fetch(address: Address, folder: Path, new: Path) -> None:
    def watch(_: int) -> None:
        told(new.stat().st_size)

    told = Rarely[int](lambda size: f"{size_told(size)} fetched")
    place, name = address.split()
    if not asyncio.run(store_at(place, folder).fetch(name, new, watch)):
        raise LedgerError(f"There is no {address.url}.", hint="Name what `glan ledger backup` wrote.")


@contextmanager
def _copying(ledger: Path) -> Iterator[Callable[[int, int], object]]:
    """Show how far the copying is."""
    total = ledger.stat().st_size if ledger.exists() else 0
    with sending(total, "copied") as watch:
        yield lambda left, pages: watch(_PAGE_BYTES * (pages - left))


def _path(folder: Path, ledger: Path | None) -> Path:
    return Project.open(folder).ledger_path if ledger is None else ledger
