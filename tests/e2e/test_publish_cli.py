"""Publishing and keeping a ledger safe, as a user does: in a folder, killed, interrupted, by a stranger's file."""

import json
import re
import shlex
import signal
from functools import partial
from pathlib import Path

import pytest
from commandline import (
    KEY,
    PAIRS,
    TEACHER,
    Begun,
    CommandLine,
    Ended,
    bytes_of,
    check_whole,
    gone,
    ids_of,
    replies_in,
    set_in,
    simulated,
    until,
)
from stores import seen

from glan.teachers.ledger import Ledger
from glan.teachers.simulate import Server, Simulated


def here(folder: Path) -> dict[str, bytes]:
    return bytes_of(folder / "dataset")


def test_a_run_publishes_what_it_makes_and_a_longer_one_again(command: CommandLine, tmp_path: Path) -> None:
    """`--publish` puts a whole version each time; the same again sends nothing, and no key or cost goes along."""
    folder, place = command.init("data"), tmp_path / "place"
    set_in(folder, "shard_rows", "20")
    ended = command.run(folder, "--publish", place, "--json")
    assert (ended.code, ended.json["exit_code"], ended.json["published"]["rows"]) == (0, 0, PAIRS)
    assert seen(place) == here(folder)
    assert "has all of it already; nothing was sent." in command.run(folder, "--publish", place).out
    ended = command.run(folder, "--pairs", 70, "--publish", f"file://{place}")
    assert (ended.code, seen(place)) == (0, here(folder))
    assert "2 files to copy from the version before" in ended.out
    published = b"".join(bytes_of(place).values())
    assert not any(word in published for word in (KEY.encode(), str(folder).encode(), b"cost_usd"))


def _is_so_far(place: Path, begun: Begun, files: int) -> bool:
    return begun.is_over or len([*place.rglob("*.parquet")]) >= files


def test_a_kill_in_the_middle_of_a_publication_harms_nobody(
    project: Path, tmp_path: Path, command: CommandLine
) -> None:
    """Killed when some files have arrived, readers see what they saw before; the next command puts the rest."""
    set_in(project, "shard_rows", "1")
    assert command.run(project, "--rebuild").code == 0
    place = tmp_path / "place"
    for arrived in (1, 20, PAIRS):
        begun = command.begin("push", f"file://{place}", "--project", project)
        until(partial(_is_so_far, place, begun, arrived))
        gone(begun)
        assert seen(place) in (None, here(project))
    ended = command("push", f"file://{place}", "--project", project)
    assert ended.code == 0, ended.words
    assert seen(place) == here(project)


def told_push(ended: Ended) -> list[str]:
    """Return the arguments of the command that a run says would publish its data set."""
    found = re.search(r"`glan (push .*?)`", ended.out)
    assert found is not None, ended.words
    return shlex.split(found[1])


def test_an_interrupted_run_publishes_nothing_and_one_out_of_budget_does(tmp_path: Path) -> None:
    """Whoever interrupts a run wants it to end; a budget that is reached publishes what there is, as not complete."""
    place = tmp_path / "place"
    with simulated(Simulated(latency_ms=40)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=400)
        begun = command.begin_run(folder, "--publish", place)
        until(lambda: server.stats().paid > 150 or begun.is_over)
        begun.send(signal.SIGTERM)
        ended = begun.end()
        assert ended.code == 130, ended.words
        assert "Nothing was published: `glan push " in ended.out
        assert not place.exists()
        assert command(*told_push(ended)).code == 0
        assert seen(place) == here(folder)
        ended = command.run(folder, "--publish", place, "--budget-tokens", 600_000)
    assert ended.code == 4, ended.words
    assert seen(place) == here(folder)
    assert not json.loads((place / "manifest.json").read_bytes())["complete"]
    assert ", not complete: " in ended.out


def test_a_place_that_breaks_leaves_the_data_set_on_disk(tmp_path: Path) -> None:
    """Where nothing can be put the run's data set stands, the exit code is 1, and the way out is told."""
    place = tmp_path / "a place"
    with simulated(Simulated(latency_ms=40)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=20)
        begun = command.begin_run(folder, "--publish", place)
        until(lambda: server.stats().paid > 1 or begun.is_over)
        place.write_text("a file where the folder should be", encoding="utf-8")
        ended = begun.end()
    assert ended.code == 1, ended.words
    check_whole(folder, 20)
    place.unlink()
    assert command(*told_push(ended)).code == 0
    assert seen(place) == here(folder)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("run", "--publish", "s3://bucket/x"), 1, "pip install 'glan[s3]'"),
        (("run", "--publish", "ftp://host/x"), 1, "no place that glan can put files to"),
        (("run", "--publish", "place", "--until", "questions"), 2, "not with --only or --until"),
        (("run", "--publish", "place", "--only", "Physics"), 2, "not with --only or --until"),
        (("push", "file:///tmp/x", "--public"), 2, "for the hub alone"),
        (("push", "jane/data", "--check"), 2, "for a bucket or a folder"),
        (("ledger", "restore", "none"), 1, "There is no file"),
        (("ledger", "backup", "data/ledger.sqlite", "--force"), 1, "is the ledger itself"),
        (("ledger", "backup", "data", "--force"), 1, "data is a folder"),
        (("ledger", "backup", "none/copy"), 1, "There is no folder"),
    ],
)
def test_what_cannot_be_meant_is_told_before_anything_is_paid_for(
    command: CommandLine, server: Server, arguments: tuple[str, ...], code: int, told: str
) -> None:
    """One sentence, and the teacher is not asked."""
    folder = command.init("data", pairs=5)
    Ledger.open(folder / "ledger.sqlite").close()
    teacher = ("--teacher", TEACHER) if arguments[0] == "run" else ()
    ended = command(*arguments, "--project", folder, *teacher)
    assert (ended.code, told in ended.err) == (code, True), ended.words
    assert server.stats().received == 0
    assert not [*folder.parent.rglob(".*.part")]


def test_a_place_that_only_the_settings_name_is_confirmed_once(
    command: CommandLine, server: Server, tmp_path: Path
) -> None:
    """A stranger's glan.toml sends no data set anywhere unasked; a yes is remembered, outside the project."""
    folder, place = command.init("data", pairs=5), tmp_path / "place"
    set_in(folder, "url", f'"{place}"')
    ended = command.run(folder)
    assert (ended.code, "nobody has confirmed it" in ended.err, server.stats().received) == (1, True, 0)
    assert not place.exists()
    assert command.run(folder, "--yes").code == 0
    assert seen(place) == here(folder)
    ended = command.run(folder, "--pairs", 10)
    assert (ended.code, seen(place)) == (0, here(folder))


def test_a_folder_is_checked_without_a_project(command_line: CommandLine, tmp_path: Path) -> None:
    """`glan push --check` tries a place by itself, prints what holds, and leaves what is there."""
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "mine").write_text("mine", encoding="utf-8")
    ended = command_line("push", f"file://{tmp_path}/place", "--check")
    assert ended.code == 0, ended.words
    assert ended.out.count("  holds  ") == 10
    found = command_line("push", f"file://{tmp_path}/place", "--check", "--json").json
    assert (found["holds"], len(found["findings"])) == (True, 10)
    assert (tmp_path / "place" / "mine").read_text(encoding="utf-8") == "mine"


def test_a_ledger_is_lost_and_comes_back_from_its_copy(tmp_path: Path) -> None:
    """Copied while a run goes on, lost with its disk and restored: the run asks anew only what came after the copy."""
    copy = tmp_path / "copies" / "ledger"
    copy.parent.mkdir()
    with simulated(Simulated(latency_ms=40)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=60)
        begun = command.begin_run(folder)
        until(lambda: server.stats().paid > 60 or begun.is_over)
        assert command("ledger", "backup", copy, "--project", folder).code == 0
        assert begun.end().code == 0
        wanted, paid = ids_of(folder), server.stats().paid
        with Ledger.open(copy, readonly=True) as ledger:
            kept = ledger.count()
        assert 60 <= kept <= paid
        refused = command("ledger", "restore", copy, "--project", folder)
        if kept < paid:
            assert (refused.code, f"has {paid - kept:,} repl" in refused.err) == (1, True), refused.words
        for name in ("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"):
            (folder / name).unlink(missing_ok=True)
        assert command("ledger", "restore", copy, "--project", folder).code == 0
        assert replies_in(folder) == kept
        assert command.run(folder, "--rebuild").code == 0
        assert server.stats().paid - paid == paid - kept
    assert ids_of(folder) == wanted


def test_a_torn_copy_is_named_as_it_was_typed(command: CommandLine) -> None:
    """The error names the file that was given, and not where the copy lies meanwhile; the ledger is as it was."""
    folder = command.init("data", pairs=5)
    assert command.run(folder).code == 0
    assert command("ledger", "backup", "copy", "--project", folder).code == 0
    torn = folder.parent / "torn"
    torn.write_bytes((folder.parent / "copy").read_bytes()[:20_000])
    before = replies_in(folder)
    ended = command("ledger", "restore", "torn", "--project", folder, "--force")
    assert (ended.code, f"{torn} is damaged" in ended.err) == (1, True), ended.words
    assert "-copy-" not in ended.words
    assert replies_in(folder) == before


def test_an_export_goes_to_a_url(project: Path, command_line: CommandLine, tmp_path: Path) -> None:
    """A file:// URL is the path that it names."""
    out = tmp_path / "out.jsonl"
    ended = command_line("export", f"file://{out}", "--project", project)
    assert ended.out == f"Wrote {PAIRS} rows to file://{out}.\n"
    assert len(out.read_text(encoding="utf-8").splitlines()) == PAIRS
