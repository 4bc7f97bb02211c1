"""Every command of the command line does what it says, with the exit code it promises, for people and for machines."""

import asyncio
import os
import pty
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from commandline import (
    TEACHER,
    CommandLine,
    bytes_of,
    check_whole,
    gone,
    ids_of,
    manifest_of,
    replies_in,
    simulated,
    until,
)
from pyarrow.parquet import read_table

from glan.cli import cli
from glan.teachers.ledger import Ledger
from glan.teachers.simulate import Server, Simulated

PAIRS = 30


def names_of(command: click.Command, way: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Give the words that name every command and every group."""
    yield way
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from names_of(below, (*way, name))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a complete data set."""
    with simulated() as server:
        command = CommandLine(home=tmp_path_factory.mktemp("done"), base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS)
        ended = command.run(folder)
        assert ended.code == 0, ended.words
    return folder


@pytest.fixture
def project(done: Path, tmp_path: Path) -> Path:
    """A copy of it, to do something to."""
    return Path(shutil.copytree(done, tmp_path / "data"))


@pytest.mark.parametrize("way", list(names_of(cli)), ids=lambda way: " ".join(way) or "glan")
def test_every_command_explains_itself(command_line: CommandLine, way: tuple[str, ...]) -> None:
    """`--help` works everywhere, names the program, and asks nobody."""
    told = command_line(*way, "--help")
    assert told.code == 0, told.words
    assert told.out.startswith(f"Usage: {' '.join(('glan', *way))} ")
    assert not told.err


PLAIN = {
    "plan": ("30 pairs over 3 disciplines", "Disk: "),
    "status": ("The last run has ended: 30 of 30 pairs", "30 rows of 30 wanted, complete", "the first 30 rows stay"),
    "status --tree": ("Astronomy",),
    "status --failures": ("No failures.",),
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


@pytest.mark.parametrize(("line", "words"), PLAIN.items(), ids=PLAIN)
def test_commands_that_read_say_what_there_is(
    done: Path, command_line: CommandLine, line: str, words: tuple[str, ...]
) -> None:
    """Commands that read ask nobody, change nothing and end with 0."""
    before = bytes_of(done)
    told = command_line(*line.split(), "--project", done)
    assert told.code == 0, told.words
    for word in words:
        assert word in told.out
    beside = {"ledger.sqlite-shm", "ledger.sqlite-wal"}  # SQLite's own, also for who reads
    assert {name: data for name, data in bytes_of(done).items() if name not in beside} == before


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        ("plan", {"pairs", "disciplines", "low", "expected", "high"}),
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


def test_a_pair_can_be_followed_to_its_replies(done: Path, command_line: CommandLine) -> None:
    """`show` leads from a row to the replies in the ledger, and `ledger show` from there to the text."""
    id_ = ids_of(done)[7]
    told = command_line("show", id_, "--project", done)
    assert told.code == 0, told.words
    numbers = [line.split()[0] for line in told.out.splitlines() if line.strip().endswith("filler")]
    assert len(numbers) == 4
    row = command_line("show", id_, "--json", "--project", done).json
    answer = command_line("ledger", "show", numbers[3], "--json", "--project", done).json
    assert answer["request_id"] == id_.replace("question/", "answer/", 1)
    assert answer["reply"]["text"].strip() == row["messages"][1]["content"].strip()


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


def test_stages_can_be_done_one_after_the_other(server: Server, command: CommandLine, done: Path) -> None:
    """`--until` does a part, makes no data set, and pays for nothing that the whole run would pay for again."""
    folder = command.init("data", pairs=PAIRS)
    for stage, unit in (
        ("subjects", "slots with a subject"), ("syllabi", "slots with a syllabus"), ("questions", "questions")
    ):  # fmt: skip
        ended = command.run(folder, "--until", stage)
        assert ended.code == 0, ended.words
        assert f"{PAIRS} of {PAIRS} {unit}" in ended.out
        assert list(server.stats().stages)[-1] == stage
        assert not (folder / "dataset").exists()
    assert "answers" not in server.stats().stages
    assert command.run(folder).code == 0
    assert server.stats().repeats == 0
    assert bytes_of(folder / "dataset") == bytes_of(done / "dataset")


def test_a_second_run_asks_nobody_and_knows_its_teacher(server: Server, command: CommandLine, project: Path) -> None:
    """A complete project is walked again without a call, with the teacher of the last run, to the same bytes."""
    before = bytes_of(project / "dataset")
    ended = command("run", "--project", project)
    assert ended.code == 0
    assert f"The teacher is {TEACHER}, as in the last run." in ended.err
    assert "0 calls (" in ended.out
    assert server.stats().received == 0
    assert bytes_of(project / "dataset") == before


def test_a_preview_shows_the_prompts_and_touches_no_data_set(
    server: Server, command: CommandLine, project: Path
) -> None:
    """`preview` shows every prompt and reply on the way of some pairs; what it pays, a run never pays again."""
    before = bytes_of(project / "dataset")
    shown = command("preview", "--project", project, "--teacher", TEACHER)
    assert shown.code == 0
    assert "=== question/" in shown.out
    assert "--- user\n" in shown.out
    assert "--- reply (stop)\n" in shown.out
    assert server.stats().received == 0
    assert bytes_of(project / "dataset") == before
    fresh = command.init("fresh", pairs=PAIRS)
    assert command("preview", "--project", fresh, "--teacher", TEACHER, "--pairs", 1, "--node", "Physics").code == 0
    assert not (fresh / "dataset").exists()
    assert command.run(fresh).code == 0
    assert server.stats().repeats == 0


def change_prompt(folder: Path, name: str = "answer_question") -> None:
    path = folder / "prompts" / f"{name}.md.j2"
    path.write_text(path.read_text(encoding="utf-8") + "\nBe brief.\n", encoding="utf-8")


def test_a_changed_prompt_stops_the_run_before_it_pays_again(
    server: Server, command: CommandLine, project: Path
) -> None:
    """Nothing is asked again by surprise: the run says what changed and how many replies that concerns, and stops."""
    change_prompt(project)
    before = bytes_of(project / "dataset")
    for arguments in ((), ("--yes",), ("--pairs", PAIRS + 5)):
        ended = command.run(project, *arguments)
        assert ended.code == 1
        assert f"ask again for {PAIRS} replies" in ended.err
        assert "prompt answer_question" in ended.err
        assert "--keep" in ended.err
        assert "--reask" in ended.err
    assert server.stats().received == 0
    assert bytes_of(project / "dataset") == before


def test_keep_uses_what_is_there_and_holds(server: Server, command: CommandLine, project: Path) -> None:
    """`--keep` pays for nothing and changes no row; further runs need not say it again, and growth asks the new way."""
    change_prompt(project)
    before = bytes_of(project / "dataset" / "train")
    assert command.run(project, "--keep").code == 0
    assert command.run(project).code == 0
    assert server.stats().received == 0
    assert bytes_of(project / "dataset" / "train") == before
    assert manifest_of(project)["choice"] == "keep"
    rows = ids_of(project)
    assert command.run(project, "--pairs", PAIRS + 5).code == 0
    assert server.stats().stages["answers"] == 5
    assert ids_of(project)[:PAIRS] == rows


def test_reask_asks_for_what_changed_and_keeps_the_old_replies(
    server: Server, command: CommandLine, project: Path
) -> None:
    """`--reask` asks again for the answers alone, once, and the ledger still has the old ones."""
    change_prompt(project)
    rows, kept = ids_of(project), replies_in(project)
    ended = command.run(project, "--reask")
    assert ended.code == 0, ended.words
    assert dict(server.stats().stages) == {"answers": PAIRS}
    assert ids_of(project) == rows
    assert replies_in(project) == kept + PAIRS
    assert manifest_of(project)["choice"] == "reask"
    assert command.run(project).code == 0
    assert server.stats().received == PAIRS


def test_a_budget_of_tokens_is_never_passed(server: Server, command: CommandLine) -> None:
    """At the cap the run ends with 4 and a whole data set; a greater cap goes on from there."""
    folder = command.init("data", pairs=PAIRS)
    assert command.run(folder, "--budget-tokens", 0).code == 4
    assert server.stats().received == 0
    for budget in (60_000, 75_000):
        ended = command.run(folder, "--budget-tokens", budget)
        assert ended.code == 4, ended.words
        assert f"The budget of {budget:,} tokens is reached" in ended.err
        stats = server.stats()
        assert 0 < stats.prompt_tokens + stats.completion_tokens <= budget
    rows = len(ids_of(folder))
    assert 0 < rows < PAIRS
    check_whole(folder, rows)
    assert command.run(folder, "--json", "--budget-tokens", budget).json["exit_code"] == 4
    assert command.run(folder).code == 0
    check_whole(folder, PAIRS)
    assert server.stats().repeats == 0


def test_a_budget_of_dollars_needs_a_price(server: Server, command: CommandLine) -> None:
    """Where the price of a model is unknown the run says how to give it; with it, the cap holds."""
    folder = command.init("data", pairs=PAIRS)
    ended = command.run(folder, "--budget-usd", 1)
    assert ended.code == 1
    assert "Set `price`" in ended.err
    assert server.stats().received == 0
    path = folder / "glan.toml"
    text = path.read_text(encoding="utf-8")
    assert "# price =" in text
    path.write_text(text.replace("# price =", "price = {input = 1.0, output = 4.0}", 1), encoding="utf-8")
    ended = command.run(folder, "--budget-usd", 0.15)
    assert ended.code == 4, ended.words
    stats = server.stats()
    assert 0 < stats.prompt_tokens * 1e-6 + stats.completion_tokens * 4e-6 <= 0.15
    ended = command.run(folder, "--budget-usd", 5)
    assert ended.code == 0, ended.words
    check_whole(folder, PAIRS)


def test_fewer_pairs_than_stand_need_a_yes(server: Server, command: CommandLine, project: Path) -> None:
    """A data set is shortened only when that was confirmed, and grows back without a call."""
    before = bytes_of(project / "dataset")
    rows = ids_of(project)
    refused = command.run(project, "--pairs", 7)
    assert refused.code == 1
    assert "--pairs 7 is less than the 30 rows that stand" in refused.err
    assert "--yes" in refused.err
    assert bytes_of(project / "dataset") == before
    assert command.run(project, "--pairs", 7, "--yes").code == 0
    assert ids_of(project) == rows[:7]
    check_whole(project, 7)
    assert command.run(project).code == 0
    assert bytes_of(project / "dataset") == before
    assert server.stats().received == 0


def rows_of(folder: Path) -> dict[str, dict[str, object]]:
    """Return the rows of a project by their ids."""
    return {
        row["id"]: row
        for path in sorted((folder / "dataset" / "train").glob("*.parquet"))
        for row in read_table(path).to_pylist()
    }


def test_a_new_discipline_costs_no_row_and_no_reply_of_the_others(
    server: Server, command: CommandLine, project: Path
) -> None:
    """After `taxonomy add`, the run grows so far that all paid rows stay, and asks about the new discipline alone."""
    before = rows_of(project)
    added = command("taxonomy", "add", "Botany", "--under", "Natural science", "--project", project)
    assert added.code == 0, added.words
    assert "all of them stay" in added.out
    ended = command.run(project)
    assert ended.code == 0, ended.words
    after = rows_of(project)
    assert {id_: after.get(id_) for id_ in before} == before
    new = set(after) - set(before)
    assert new
    assert any(id_.startswith("question/botany/") for id_ in new)
    check_whole(project, len(after))
    with Ledger.open(project / "ledger.sqlite", readonly=True) as ledger:
        asked = [entry.request_id.split("/")[1] for entry in ledger.entries() if entry.run == ledger.runs()[-1].number]
    assert set(asked) == {"botany"} == {id_.split("/")[1] for id_ in new}
    assert len(asked) == server.stats().paid
    assert command.run(project).code == 0
    assert server.stats().paid == len(asked)


def test_a_removed_discipline_leaves_and_comes_back_unpaid(
    server: Server, command: CommandLine, project: Path
) -> None:
    """`taxonomy remove` asks first; the rows leave with the next run, and its replies wait in the ledger."""
    before = rows_of(project)
    text = (project / "taxonomy.yaml").read_bytes()
    refused = command("taxonomy", "remove", "Physics", "--project", project)
    assert refused.code == 1
    assert "--yes" in refused.err
    assert (project / "taxonomy.yaml").read_bytes() == text
    removed = command("taxonomy", "remove", "Physics", "--project", project, "--yes")
    assert removed.code == 0, removed.words
    assert "8 rows leave" in removed.out
    assert "0 of the other 22 rows that stand would leave" in removed.out
    ended = command.run(project)
    assert ended.code == 0, ended.words
    assert not any(id_.startswith("question/physics/") for id_ in rows_of(project))
    check_whole(project, PAIRS)
    paid = server.stats().paid
    (project / "taxonomy.yaml").write_bytes(text)
    assert command.run(project).code == 0
    after = rows_of(project)
    assert {id_: after.get(id_) for id_ in before} == before
    with Ledger.open(project / "ledger.sqlite", readonly=True) as ledger:
        physics = [entry for entry in ledger.entries(prefix="question/physics/") if entry.run > 1]
    assert server.stats().paid - paid == 2 * len(physics)


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
            assert f"Another run uses the ledger {folder / 'ledger.sqlite'} (process {begun.process.pid})" in refused.err
        assert command("status", "--json", "--project", folder).json["run"]["state"] == "running"
        assert command("ledger", "verify", "--project", folder).code == 0
        backup = tmp_path / "backup.sqlite"
        assert command("ledger", "backup", backup, "--project", folder).code == 0
        assert command("export", tmp_path / "out.jsonl", "--project", folder).code == 1
        assert not begun.is_over
        gone(begun)
        died = command("status", "--project", folder)
        assert died.code == 0
        assert "The last run died without an end" in died.out
        assert "Nothing paid is lost" in died.out
        assert command("status", "--json", "--project", folder).json["run"]["state"] == "died"
        with Ledger.open(backup, readonly=True) as ledger:
            assert not ledger.verify()
            assert 20 <= ledger.count() <= replies_in(folder)


def test_a_ledger_may_lie_elsewhere(server: Server, command: CommandLine, done: Path, tmp_path: Path) -> None:
    """With --ledger the replies are kept at another place, and the data set is the same."""
    folder = command.init("data", pairs=PAIRS)
    elsewhere = tmp_path / "elsewhere.sqlite"
    assert command.run(folder, "--ledger", elsewhere).code == 0
    assert not (folder / "ledger.sqlite").exists()
    assert bytes_of(folder / "dataset") == bytes_of(done / "dataset")
    assert command.run(folder, "--ledger", elsewhere).code == 0
    assert server.stats().repeats == 0


def test_the_demo_needs_nothing(command_line: CommandLine, tmp_path: Path) -> None:
    """One command makes a data set with the teacher inside, without a key, a network or a model."""
    ended = command_line("demo", "shown", "--pairs", 20)
    assert ended.code == 0, ended.words
    assert "USER: " in ended.out
    assert "ASSISTANT: " in ended.out
    assert "20 of 20 pairs" in ended.out
    check_whole(tmp_path / "shown", 20)
    assert command_line("demo", "shown").code == 1


def test_the_simulated_server_is_a_program_of_its_own(command_line: CommandLine) -> None:
    """`glan simulate` says where it serves, serves a run, counts, and ends with Ctrl-C."""
    serving = command_line.begin(
        "simulate", "--port", 0, "--replies", "filler", "--api-key", "their-key", "--fault", "429=0.2", "--jitter-ms", 5
    )
    assert serving.process.stdout is not None
    base_url = serving.process.stdout.readline().split()[2].rstrip(";")
    command = command_line.told(base_url=base_url, key="their-key")
    folder = command.init("data", pairs=5)
    assert command.run(folder).code == 0
    with urllib.request.urlopen(f"{base_url.removesuffix('/v1')}/stats", timeout=10) as response:  # noqa: S310 - it is ours
        assert b'"answers":5' in response.read()
    serving.send(signal.SIGINT)
    ended = serving.end(timeout_s=10)
    assert ended.code in {0, 130}
    listed = command_line("simulate", "--fault", "list")
    assert "cut-body" in listed.out


def test_output_that_nobody_reads_to_its_end_is_no_error(done: Path, command_line: CommandLine) -> None:
    """A reader such as `head` may leave early: no complaint."""
    line = f"{sys.executable} -m glan prompts --project {done} | true"
    found = subprocess.run(  # noqa: S603 - our own program
        ["/bin/sh", "-c", line], capture_output=True, text=True, check=False, env=command_line.environment(), timeout=30
    )
    assert found.stderr == ""


def test_a_terminal_gets_a_display_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    """On a terminal the progress is drawn, and Ctrl-C there is the first signal like any other."""
    with simulated(Simulated(latency_ms=20)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=1_000)
        ours, theirs = pty.openpty()
        arguments = [sys.executable, "-m", "glan", "run", "--project", folder, "--teacher", TEACHER]
        with subprocess.Popen(  # noqa: S603 - our own program
            arguments, cwd=tmp_path, env={**command.environment(), "TERM": "xterm"}, stdin=theirs, stdout=theirs,
            stderr=theirs, start_new_session=True, preexec_fn=_own_terminal,
        ) as process:  # fmt: skip
            os.close(theirs)
            until(lambda: server.stats().stages.get("answers", 0) > 100)
            os.write(ours, b"\x03")
            shown = read_all(ours)
            assert process.wait(timeout=30) == 130
    assert b"\x1b[" in shown
    assert b"in flight" in shown
    assert b"Stopping" in shown
    assert b"To go on: glan run" in shown
    assert b"Traceback" not in shown
    check_whole(folder, len(ids_of(folder)))


def _own_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


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
