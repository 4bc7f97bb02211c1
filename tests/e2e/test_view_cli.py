"""`glan view` as a person has it: it prints its address, shows the project, changes nothing, and ends with Ctrl-C."""

import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from commandline import PAIRS, Begun, CommandLine, bytes_of, until


def address_of(begun: Begun) -> str:
    assert begun.process.stdout is not None
    return begun.process.stdout.readline().split(" on ")[-1].strip()


def page(address: str) -> str:
    """Return a page, once what it needs is made."""
    texts: list[str] = []

    def is_there() -> bool:
        with urllib.request.urlopen(address, timeout=60) as response:  # noqa: S310 - it is ours
            texts.append(response.read().decode())
            return int(response.status) == 200

    until(is_there)
    return texts[-1]


def test_a_project_is_shown_until_ctrl_c(project: Path, command_line: CommandLine) -> None:
    """The pages have what the project has; nothing but the index is written; the end is quick and quiet."""
    before = bytes_of(project)
    begun = command_line.begin("view", "--project", project, "--port", 0)
    address = address_of(begun)
    assert address.startswith("http://127.0.0.1:")
    assert f"of {PAIRS}" in page(f"{address}pairs")
    assert "prompt proven" in page(address + page(f"{address}pairs").split('class="head" href="/')[1].split('"')[0])
    begun.send(signal.SIGINT)
    ended = begun.end(timeout_s=60)
    assert ended.code in {0, 130}, ended.words
    assert "Stopped." in ended.out
    after = bytes_of(project)
    assert {name: after[name] for name in before if not name.startswith("ledger.sqlite-")} == {
        name: data for name, data in before.items() if not name.startswith("ledger.sqlite-")
    }
    assert all(name.startswith((".view/", "ledger.sqlite-")) for name in after.keys() - before.keys())


def test_elsewhere_it_needs_its_token_and_a_cache_of_its_own_is_used(
    project: Path, command_line: CommandLine, tmp_path: Path
) -> None:
    """Asked to listen on every address, it prints a token without which nothing is seen."""
    everywhere = ("--host", "0.0.0.0", "--port", 0)  # noqa: S104 - what is tested
    begun = command_line.begin("view", "--project", project, *everywhere, "--cache", tmp_path / "c")
    address = address_of(begun)
    port, _, token = address.rpartition(":")[2].partition("/?token=")
    assert len(token) >= 32
    with pytest.raises(urllib.error.HTTPError, match="403"):
        page(f"http://127.0.0.1:{port}/")
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with opener.open(f"http://127.0.0.1:{port}/?token={token}", timeout=60) as response:
        assert token not in response.url
        assert "The data set" in response.read().decode()
    until(lambda: bool(list((tmp_path / "c").glob("*/*/columns.arrow"))))
    assert not (project / ".view").exists()
    begun.send(signal.SIGTERM)
    assert begun.end(timeout_s=60).code in {0, 143, -signal.SIGTERM}


def test_what_cannot_be_shown_is_told(project: Path, command_line: CommandLine, tmp_path: Path) -> None:
    """A port that is taken, and a folder that is no project, are errors with a way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = command_line("view", "--project", project, "--port", taken.getsockname()[1])
    assert ended.code == 1
    assert "choose another port" in ended.words.lower()
    assert command_line("view", "--project", tmp_path / "nowhere").code == 1
