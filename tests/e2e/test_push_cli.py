"""`glan push` as a user has it, against a hub on this machine."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import harness
import pytest
from commandline import CommandLine, until
from harness import Counting, project, small
from hub import TOKEN, Hub, running_hub

PAIRS = 45
SHARDS = 5


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A project with five files of rows; a push changes nothing in it."""
    settings = {"dataset_shard_rows": 10, "dataset_license": "apache-2.0"}
    with project(["Physics", "Law"], pairs=PAIRS, **settings) as found:
        assert harness.run(found, Counting(small())).exit_code == 0
        yield found


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub without repositories."""
    with running_hub() as found:
        yield found


def knowing(hub: Hub, command_line: CommandLine, **variables: str) -> CommandLine:
    """Return a command line that knows the hub."""
    return command_line.told(variables={"HF_ENDPOINT": hub.base_url, "HF_TOKEN": TOKEN, **variables})


def test_a_pushed_data_set_loads_from_the_hub(folder: Path, hub: Hub, command_line: CommandLine) -> None:
    """What was pushed, private and with a note on what it lacks, is what `datasets` gets; again there is no more."""
    glan = knowing(hub, command_line)
    first = glan("push", "data", "--project", folder)
    assert first.code == 0, first.words
    assert "held against no benchmark" in first.out
    assert "(new, private)" in first.out
    assert f"{SHARDS + 1} files to send" in first.out
    assert "Pushed in one commit" in first.out
    assert TOKEN not in first.words
    again = glan("push", "jane/data", "--project", folder, "--json")
    assert (again.code, again.json["sent"], again.json["same"]) == (0, [], SHARDS + 1)
    script = "import datasets; print(*datasets.load_dataset('jane/data', split='train')['id'])"
    loaded = subprocess.run(
        [sys.executable, "-c", script], env=glan.environment(), capture_output=True, text=True, check=True, timeout=120
    )
    assert loaded.stdout.split() == [row["id"] for row in harness.rows(folder)]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_push_that_is_ended_shows_nothing_and_the_next_sends_only_what_is_missing(
    folder: Path, hub: Hub, command_line: CommandLine, how: signal.Signals
) -> None:
    """Ended with two files on the hub's storage: no commit, then three files more and one commit."""
    hub.fault = lambda number: "stall" if number >= 3 else None
    glan = knowing(hub, command_line)
    begun = glan.begin("push", "data", "--project", folder)
    until(lambda: len(hub.puts) == 2 and sum(line.startswith("PUT ") for line in hub.asked) >= 3, 120)
    begun.send(how)
    ended = begun.end()
    assert ended.code == (130 if how == signal.SIGINT else -how)
    assert ("Stopped" in ended.err) == (not (folder / ".push").exists()) == (how == signal.SIGINT)
    assert [*hub.repositories["jane/data"].files] == [".gitattributes"]
    hub.fault = lambda _: None
    ended = glan("push", "data", "--project", folder)
    assert ended.code == 0, ended.words
    assert len(hub.puts) == len({*hub.puts}) == SHARDS
    assert len(hub.repositories["jane/data"].commits) == 2
    assert not (folder / ".push").exists()


def test_a_question_without_a_terminal_is_a_no(folder: Path, hub: Hub, command_line: CommandLine) -> None:
    """A public repository is not made without --yes; a dry run says what would go up, and asks nothing."""
    glan = knowing(hub, command_line)
    refused = glan("push", "data", "--project", folder, "--public")
    assert refused.code == 1
    assert "Nothing was pushed" in refused.err
    assert "--yes" in refused.err
    dry = glan("push", "data", "--project", folder, "--public", "--dry-run", "--json")
    assert (dry.code, len(dry.json["sent"]), dry.json["commit"], dry.json["is_private"]) == (0, SHARDS + 1, None, False)
    assert not hub.repositories


def test_a_token_does_not_follow_a_strangers_project(
    folder: Path, hub: Hub, command_line: CommandLine, tmp_path: Path
) -> None:
    """A hub that only the .env names gets no token unconfirmed; what --yes allowed is remembered outside of it."""
    dotenv = folder / ".env"
    dotenv.write_text(f"HF_ENDPOINT={hub.base_url}\n")
    try:
        glan = command_line.told(variables={"HF_TOKEN": TOKEN})
        refused = glan("push", "data", "--project", folder)
        assert refused.code == 1
        assert "not sent there unconfirmed" in refused.err
        assert not hub.asked
        assert glan("push", "data", "--project", folder, "--yes").code == 0
        remembered = (tmp_path / ".config" / "glan" / "hosts.toml").read_text()
        assert hub.base_url.removeprefix("http://") in remembered
        assert TOKEN not in remembered
    finally:
        dotenv.unlink()


def test_what_is_missing_is_told(folder: Path, hub: Hub, command_line: CommandLine, tmp_path: Path) -> None:
    """Without a token, and without the hub's library, one sentence says so and how to go on."""
    none = command_line.told(variables={"HF_ENDPOINT": hub.base_url})("push", "data", "--project", folder)
    assert none.code == 1
    assert "There is no token" in none.err
    assert "HF_TOKEN" in none.err
    (tmp_path / "absent").mkdir()
    (tmp_path / "absent" / "huggingface_hub.py").write_text("raise ImportError('no module', name='huggingface_hub')\n")
    path = f"{tmp_path / 'absent'}:{command_line.environment()['PYTHONPATH']}"
    missing = knowing(hub, command_line, PYTHONPATH=path)("push", "data", "--project", folder)
    assert missing.code == 1
    assert "pip install 'glan[hub]'" in missing.err
