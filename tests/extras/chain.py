"""The chain as a user runs it against a server: a small project, its commands, and what stands in its files."""

from collections import Counter
from pathlib import Path

from commandline import CommandLine, Ended, check_whole, manifest_of, set_in
from extras.servers import Served

from glan.teachers.ledger import Ledger
from glan.teachers.ledger_rows import Entry

ROOM = {"subjects": 400, "syllabi": 400, "questions": 120, "answers": 120}
"""Tokens for a reply: enough for most, so that some are cut off."""
IN_FLIGHT = 4


DISCIPLINES = "Astronomy,Physics,History,Law,Music,Mathematics"
"""The curricula of nonsense are short: two disciplines may end after a hundred pairs."""


def made(command: CommandLine, *, pairs: int, **room: int) -> Path:
    """Make a project with `glan init`."""
    folder = command.home / "data"
    ended = command("init", folder, "--taxonomy", "paper", "--disciplines", DISCIPLINES, "--pairs", pairs)
    assert ended.code == 0, ended.words
    for stage, tokens in {**ROOM, **room}.items():
        set_in(folder, stage, str(tokens))
    set_in(folder, "max_in_flight", str(IN_FLIGHT))
    return folder


def checked(command: CommandLine, folder: Path, spec: str, *arguments: str) -> Ended:
    return command("check", "--project", folder, "--teacher", spec, *arguments)


def run(command: CommandLine, folder: Path, served: Served, *arguments: object) -> Ended:
    return command("run", "--project", folder, "--teacher", served.spec, *arguments)


def entries_of(folder: Path) -> list[Entry]:
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        return list(ledger.entries())


def accounted(folder: Path) -> Counter[tuple[str, str, str]]:
    """See that a project's counts add up, and return its slots that are no pairs by outcome, stage and reason."""
    manifest = manifest_of(folder)
    check_whole(folder, manifest["slots"]["pairs"])
    return Counter({(each["outcome"], each["stage"], each["reason"]): each["slots"] for each in manifest["reasons"]})
