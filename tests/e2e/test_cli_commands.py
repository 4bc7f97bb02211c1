"""Commands that read, show, serve and try out, for people and for machines, also while a run goes on elsewhere."""

import os
import pty
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from commandline import (
    PAIRS,
    TEACHER,
    CommandLine,
    bytes_of,
    check_whole,
    gone,
    ids_of,
    replies_in,
    simulated,
    until,
)

from glan.cli import cli
from glan.teachers.ledger import Ledger
from glan.teachers.offline.book import open_book
from glan.teachers.simulate import Server, Simulated


def names_of(command: click.Command, way: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Give the words that name every command and every group."""
    yield way
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from names_of(below, (*way, name))


@pytest.mark.parametrize("way", list(names_of(cli)), ids=lambda way: " ".join(way) or "glan")
def test_every_command_explains_itself(command_line: CommandLine, way: tuple[str, ...]) -> None:
    """`--help` works everywhere, names the program, and asks nobody."""
    told = command_line(*way, "--help")
    assert told.code == 0, told.words
    assert told.out.startswith(f"Usage: {' '.join(('glan', *way))} ")
    assert not told.err


PLAIN = {
    "plan": ("50 pairs over 3 disciplines", "Disk: ", "Hosts: 127.0.0.1:", " (subjects, syllabi, questions, answers)."),
    "plan --teacher offline": ("Hosts: none.",),
    "plan --teacher groq/m": ("Hosts: api.groq.com (subjects, syllabi, questions, answers).",),
    "status": ("The last run has ended: 50 of 50 pairs", "50 rows of 50 wanted, complete", "the first 50 rows stay"),
    "status --tree": ("Astronomy",),
    "status --failures": ("No failures.",),
    "status --statistics": ("Level  ", "Key concepts  ", "Answers  ", "Words were counted in 50 of 50 pairs."),
    "taxonomy show": ("Astronomy  33.33%", "3 disciplines."),
    "taxonomy check": ("3 disciplines, ",),
    "prompts": ("--- draft_subjects.md.j2 (", "--- mend_reply.md.j2 ("),
    "prompts write_question": ("--- write_question.md.j2 (",),
    "prompts --shipped": ("--- write_question.md.j2 (",),
    "ledger list --limit 5": (" replies and failures in all.",),
    "ledger list --prefix draft/": ("draft/astronomy/1",),
    "ledger show 1": ("draft/", "--- text"),
    "ledger verify": (" rows, whole.",),
}


def own_bytes_of(folder: Path) -> dict[str, bytes]:
    """Return every file but those that SQLite keeps beside its own, also for who reads."""
    return {name: data for name, data in bytes_of(folder).items() if not name.startswith("ledger.sqlite-")}


@pytest.mark.parametrize(("line", "words"), PLAIN.items(), ids=PLAIN)
def test_commands_that_read_say_what_there_is(
    done: Path, command_line: CommandLine, line: str, words: tuple[str, ...]
) -> None:
    """Commands that read ask nobody, change nothing and end with 0."""
    before = own_bytes_of(done)
    told = command_line(*line.split(), "--project", done)
    assert told.code == 0, told.words
    for word in words:
        assert word in told.out
    assert own_bytes_of(done) == before


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        ("plan", {"pairs", "disciplines", "hosts", "low", "expected", "high"}),
        ("status", {"run", "manifest", "failures"}),
        ("prompts", {"write_question", "answer_question"}),
        ("ledger show 1", {"seq", "request_id", "reply"}),
        ("run", {"exit_code", "pairs", "asked", "hits"}),
    ],
)
def test_json_is_one_document(project: Path, command: CommandLine, line: str, keys: set[str]) -> None:
    """With --json a machine finds one document on the standard output, whatever is said to people beside it."""
    told = command(*line.split(), "--json", "--project", project)
    assert told.code == 0, told.words
    assert keys <= set(told.json)


def test_the_tree_is_json_too(done: Path, command_line: CommandLine) -> None:
    """`taxonomy show --json` lists every node with its share."""
    lines = command_line("taxonomy", "show", "--json", "--project", done).json
    assert [line["name"] for line in lines if line["is_leaf"]] == ["History", "Astronomy", "Physics"]


@pytest.mark.parametrize(
    ("given", "disciplines"),
    [
        ((), 397),
        (("--taxonomy", "builtin"), 397),
        (("--taxonomy", "paper"), 126),
        (("--recipe", "demo"), 397),
        (("--recipe", "paper"), 126),
        (("--recipe", "paper", "--taxonomy", "builtin"), 397),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_a_project_begins_with_a_shipped_tree(
    command_line: CommandLine, given: tuple[str, ...], disciplines: int
) -> None:
    """`glan init` takes the built-in tree, the recipe `paper` the paper's, and a tree that is named goes first."""
    made = command_line("init", "new", *given)
    assert made.code == 0, made.words
    assert f"over {disciplines} disciplines" in made.out
    assert f"{disciplines} disciplines, 0 findings." in command_line("taxonomy", "check", "--project", "new").out


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--taxonomy", "biultin"), "There is no taxonomy and no file 'biultin'.\nGive `builtin`, `paper`"),
        (("--taxonomy", "paper", "--disciplines", "Algebra"), "lists what a project has, and with --taxonomy NAME"),
        (("--recipe", "nope"), "There is no recipe 'nope'"),
    ],
    ids=["taxonomy", "discipline", "recipe"],
)
def test_a_project_of_what_is_not_there_is_refused(
    command_line: CommandLine, given: tuple[str, ...], told: str
) -> None:
    """An unknown name ends with 1, what there is instead, and no folder."""
    refused = command_line("init", "new", *given)
    assert refused.code == 1
    assert told in refused.err
    assert not (command_line.home / "new").exists()


def test_init_says_what_to_type_next(command_line: CommandLine) -> None:
    """The next command names a teacher where the recipe does not, and can be typed as it stands."""
    assert "--project 'my data' --teacher openai/MODEL" in command_line("init", "my data").out
    assert command_line("init", "tried", "--recipe", "demo").out.endswith("Next: glan run --project tried\n")


@pytest.mark.parametrize(
    ("given", "way_on"),
    [
        ((), ""),
        (("--pairs", PAIRS), ""),
        (("--pairs", 7, "--until", "syllabi"), " --pairs 7 --until syllabi"),
        (("--budget-tokens", 100_000), " --budget-tokens 100000"),
    ],
    ids=["nothing", "as in glan.toml", "pairs", "budget"],
)
def test_a_run_that_was_stopped_says_the_whole_command_to_go_on(
    command_line: CommandLine, given: tuple[object, ...], way_on: str
) -> None:
    """What neither glan.toml nor the ledger knows stands in the command: a lost --pairs or cap would be a surprise."""
    folder = command_line.init("data")
    stopped = command_line("run", "--project", folder, "--teacher", "vllm/x@http://127.0.0.1:1/v1", *given)
    assert stopped.code == 1, stopped.words
    assert stopped.out.endswith(f"To go on: glan run --project {folder}{way_on}\n")


def test_the_codes_of_the_shipped_tree_are_shown(command_line: CommandLine) -> None:
    """`taxonomy show --json` gives a discipline its detailed field of ISCED-F, and a branch none."""
    lines = command_line("taxonomy", "show", "--json", "--taxonomy", "builtin").json
    codes = {line["name"]: line["isced"] for line in lines}
    assert (codes["Mathematics"], codes["Baking"], codes["Formal sciences"]) == ("0541", "0721", None)


def test_a_pair_can_be_followed_to_its_replies(done: Path, command_line: CommandLine) -> None:
    """`show` leads from a row to the replies in the ledger, and `ledger show` from there to the text."""
    id_ = ids_of(done)[7]
    told = command_line("show", id_, "--project", done)
    assert told.code == 0, told.words
    numbers = [line.split()[0] for line in told.out.splitlines() if line.strip().endswith("filler")]
    assert len(numbers) == 6  # draft and listing of the subjects, syllabus and its sessions, question, answer
    assert told.out.count("prompt proven") == 6
    row = command_line("show", id_, "--json", "--project", done).json
    answer = command_line("ledger", "show", numbers[-1], "--json", "--project", done).json
    assert answer["request_id"] == id_.replace("question/", "answer/", 1)
    assert answer["reply"]["text"].strip() == row["messages"][1]["content"].strip()
    assert [str(step["seq"]) for step in row["way"]] == numbers
    whole = command_line("show", id_, "--prompts", "--project", done).out
    assert all(message["content"] in whole for step in row["way"] for message in step["messages"])


def test_a_report_is_written(done: Path, command_line: CommandLine, tmp_path: Path) -> None:
    """`report` writes one page in one step, into the project or where it is told, and says how large it is."""
    told = command_line("report", "--project", done)
    assert told.code == 0, told.words
    page = done / "report.html"
    assert f"Wrote {page}: {PAIRS} pairs, " in told.out
    out = tmp_path / "elsewhere.html"
    found = command_line("report", "--out", out, "--json", "--project", done).json
    assert found == {"path": str(out), "size_bytes": out.stat().st_size, "pairs": PAIRS}
    assert out.read_bytes() == page.read_bytes()
    page.unlink()


@pytest.mark.parametrize("kind", ["messages", "alpaca", "sharegpt", "prompt-completion", "openai"])
def test_every_format_is_written(done: Path, command_line: CommandLine, tmp_path: Path, kind: str) -> None:
    """`export` writes every row in each format; --force alone replaces a file."""
    out = tmp_path / "out.jsonl"
    told = command_line("export", out, "--format", kind, "--project", done)
    assert told.out == f"Wrote {PAIRS} rows to {out}.\n"
    assert len(out.read_text(encoding="utf-8").splitlines()) == PAIRS
    if kind == "messages":
        assert command_line("export", out, "--project", done).code == 1
        assert command_line("export", out, "--project", done, "--force").code == 0


def test_a_run_is_seen_from_elsewhere_and_keeps_others_out(tmp_path: Path) -> None:
    """While a run goes on others may look, copy and wait, but not write; after a power cut the status says it died."""
    with simulated(Simulated(latency_ms=40)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=1_000)
        begun = command.begin_run(folder, "--max-in-flight", 4)
        until(lambda: server.stats().paid > 20 and (folder / "status.json").exists())
        assert "A run goes on: " in command("status", "--project", folder).out
        for elsewhere in ((), ("--ledger", tmp_path / "other.sqlite")):
            refused = command.run(folder, *elsewhere)
            assert refused.code == 1
            assert (
                f"Another run uses the ledger {folder / 'ledger.sqlite'} (process {begun.process.pid})" in refused.err
            )
        assert command("status", "--json", "--project", folder).json["run"]["state"] == "running"
        assert command("ledger", "verify", "--project", folder).code == 0
        backup = tmp_path / "backup.sqlite"
        assert command("ledger", "backup", backup, "--project", folder).code == 0
        assert command("export", tmp_path / "out.jsonl", "--project", folder).code == 1
        watching = command.begin("status", "--watch", "--project", folder)
        assert watching.process.stderr is not None
        assert "in flight of " in watching.process.stderr.readline()
        assert not begun.is_over
        gone(begun)
        assert "The last run died without an end" in watching.end().out
        died = command("status", "--project", folder)
        assert died.code == 0
        assert "The last run died without an end" in died.out
        assert "Nothing paid is lost" in died.out
        assert command("status", "--json", "--project", folder).json["run"]["state"] == "died"
        with Ledger.open(backup, readonly=True) as ledger:
            assert not ledger.verify()
            assert 20 <= ledger.count() <= replies_in(folder)


def test_the_demo_needs_nothing(command_line: CommandLine, tmp_path: Path) -> None:
    """One command makes a data set with the teacher inside, without a key, a network or a model."""
    ended = command_line("demo", "shown", "--pairs", 40)
    assert ended.code == 0, ended.words
    assert "USER: " in ended.out
    assert "ASSISTANT: " in ended.out
    assert "40 of 40 pairs" in ended.out
    shown = re.findall(r"^\[(.+?) > ", ended.out, re.MULTILINE)
    assert sorted(shown) == sorted(open_book().disciplines)
    check_whole(tmp_path / "shown", 40)
    assert command_line("demo", "shown").code == 1


def test_the_simulated_server_is_a_program_of_its_own(command_line: CommandLine) -> None:
    """`glan simulate` says where it serves, serves a run, counts, and ends with Ctrl-C."""
    serving = command_line.begin(
        "simulate", "--port", 0, "--replies", "filler", "--api-key", "their-key", "--fault", "429=0.2",
        "--jitter-ms", 5, "--capacity", 30, "--queue", "--rpm", 100_000, "--tpm", 1_000_000_000,
    )  # fmt: skip
    assert serving.process.stdout is not None
    base_url = serving.process.stdout.readline().split()[2].rstrip(";")
    command = command_line.told(base_url=base_url, key="their-key")
    folder = command.init("data", pairs=5)
    assert command.run(folder).code == 0
    with urllib.request.urlopen(f"{base_url.removesuffix('/v1')}/stats", timeout=10) as response:  # noqa: S310 - it is ours
        assert b'"answers":5' in response.read()
    serving.send(signal.SIGINT)
    ended = serving.end(timeout_s=40)
    assert ended.code in {0, 130}
    assert command_line("simulate", "--queue").code == 2
    listed = command_line("simulate", "--fault", "list")
    assert "cut-body" in listed.out


def test_output_that_nobody_reads_to_its_end_is_no_error(done: Path, command_line: CommandLine) -> None:
    """A reader such as `head` may leave early: no complaint."""
    line = f"{sys.executable} -m glan prompts --project {done} | true"
    found = subprocess.run(
        ["/bin/sh", "-c", line], capture_output=True, text=True, check=False, env=command_line.environment(), timeout=30
    )
    assert found.stderr == ""


_WITH_A_TERMINAL_OF_ITS_OWN = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_a_terminal_gets_a_display_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    """On a terminal the progress is drawn, and Ctrl-C there is the first signal like any other."""
    with simulated(Simulated(latency_ms=600)) as server, on_a_terminal(tmp_path, server) as terminal:
        until(lambda: server.stats().stages.get("answers", 0) > 0)
        os.write(terminal.descriptor, b"\x03")
        shown = read_all(terminal.descriptor)
        assert terminal.process.wait(timeout=60) == 130
    assert b"\x1b[" in shown
    assert b"in flight" in shown
    assert b"Stopping" in shown
    assert b"To go on: glan run" in shown
    assert b"Traceback" not in shown
    check_whole(terminal.folder, len(ids_of(terminal.folder)))


def test_a_terminal_that_is_held_up_holds_up_nothing(tmp_path: Path) -> None:
    """Where nobody reads what a terminal is given, as after Ctrl-S, the run goes on to its end all the same."""
    with simulated(Simulated(latency_ms=600)) as server, on_a_terminal(tmp_path, server, pairs=200) as terminal:
        until((terminal.folder / "manifest.json").exists)
        shown = read_all(terminal.descriptor)
        assert terminal.process.wait(timeout=60) == 0
    assert b"200 of 200 pairs" in shown
    check_whole(terminal.folder, 200)


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """A run on a terminal, and this end of it."""

    process: subprocess.Popen[bytes]
    descriptor: int
    folder: Path


@contextmanager
def on_a_terminal(home: Path, server: Server, pairs: int = 1_000) -> Iterator[Terminal]:
    """Begin a run on a terminal of its own, from which nothing is read yet."""
    command = CommandLine(home=home, base_url=server.base_url)
    folder = command.init("data", pairs=pairs)
    ours, theirs = pty.openpty()
    given = [sys.executable, "-m", "glan", "run", "--project", str(folder), "--teacher", TEACHER]
    arguments = [sys.executable, "-c", _WITH_A_TERMINAL_OF_ITS_OWN, *given]
    with subprocess.Popen(
        arguments, cwd=home, env={**command.environment(), "TERM": "xterm"}, stdin=theirs, stdout=theirs,
        stderr=theirs, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        yield Terminal(process=process, descriptor=ours, folder=folder)


def read_all(descriptor: int) -> bytes:
    """Return what comes until the other side is closed."""
    found = b""
    while True:
        try:
            part = os.read(descriptor, 65_536)
        except OSError:
            part = b""
        if not part:
            os.close(descriptor)
            return found
        found += part


@pytest.mark.parametrize("there", [None, "", "*.tmp", "*.tmp\n.env\n"])
def test_a_new_project_keeps_its_keys_out_of_git(command_line: CommandLine, tmp_path: Path, there: str | None) -> None:
    """`glan init` has git ignore `.env`, also where a .gitignore is there already, and leaves what stands in it."""
    path = tmp_path / "new" / ".gitignore"
    if there is not None:
        path.parent.mkdir()
        path.write_text(there, encoding="utf-8")
    assert command_line("init", "new", "--disciplines", "Physics").code == 0
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[: len((there or "").splitlines())] == (there or "").splitlines()
    assert lines.count(".env") == 1
    assert "status.json" in lines
