"""A key goes to a host that only a project's files name once a person has said so, and never before."""

import os
import pty
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from commandline import BEGUN, KEY, CommandLine, Ended, set_in

QUESTION = "This project's files send requests with the key in GATEWAY_KEY to gateway.example; allow?"


@dataclass
class Proxy:
    """A proxy that leads nowhere and remembers whither it was asked."""

    port: int = 0
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    found = Proxy()

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            found.asked.append(self.path)
            self.send_error(403)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def command(tmp_path: Path, proxy: Proxy) -> CommandLine:
    """A command line with a key, and with a way out of the machine that is watched."""
    variables = {"GATEWAY_KEY": KEY, "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}
    return CommandLine(home=tmp_path, key=None, variables=variables)


@pytest.fixture
def folder(command: CommandLine) -> Path:
    """A project that names a host of its own and a variable of the user's."""
    folder = command.init("data", pairs=2, disciplines="Astronomy")
    set_in(folder, "spec", '"m@https://gateway.example/v1"')
    set_in(folder, "api_key_env", '"GATEWAY_KEY"')
    set_in(folder, "max_retries", "0")
    return folder


def memory_of(command: CommandLine) -> Path:
    return command.home / ".config" / "glan" / "hosts.toml"


def check_went_on(ended: Ended, proxy: Proxy) -> None:
    """See that a command asked the host, and found that the proxy does not let it through."""
    assert ended.code == 1, ended.words
    assert "No server answers at https://gateway.example/v1" in ended.words
    assert set(proxy.asked) == {"gateway.example:443"}


@pytest.mark.parametrize("name", ["run", "preview", "check"])
def test_without_a_terminal_the_way_out_is_told(command: CommandLine, folder: Path, proxy: Proxy, name: str) -> None:
    """Nobody is asked, no connection is opened, nothing is remembered, and --yes is named."""
    ended = command(name, "--project", folder)
    assert ended.code == 1, ended.words
    assert "only this project's files name the host gateway.example" in ended.err
    assert "--yes" in ended.err
    assert not proxy.asked
    assert not memory_of(command).exists()


@pytest.mark.parametrize("name", ["run", "preview", "check"])
def test_yes_on_the_command_line_is_remembered(command: CommandLine, folder: Path, proxy: Proxy, name: str) -> None:
    """Said once, it holds for every command and every project, for this host and this variable alone."""
    check_went_on(command(name, "--project", folder, "--yes"), proxy)
    memory = memory_of(command).read_text(encoding="utf-8")
    assert 'host = "gateway.example"\nkey = "GATEWAY_KEY"' in memory
    assert KEY not in memory
    check_went_on(command("run", "--project", folder), proxy)
    n_asked = len(proxy.asked)
    set_in(folder, "api_key_env", '"OTHER_KEY"')
    other = command.told(variables={**command.variables, "OTHER_KEY": KEY})
    assert "it is not sent there unconfirmed" in other("run", "--project", folder).err
    set_in(folder, "spec", '"m@https://other.example/v1"')
    assert "it is not sent there unconfirmed" in other("run", "--project", folder).err
    assert len(proxy.asked) == n_asked


@pytest.mark.parametrize(("answer", "goes_on"), [("y", True), ("n", False), ("", False)], ids=["yes", "no", "nothing"])
def test_on_a_terminal_a_person_is_asked_once(
    command: CommandLine, folder: Path, proxy: Proxy, answer: str, *, goes_on: bool
) -> None:
    """The question names the variable and the host; yes is remembered, anything else sends nothing."""
    shown, code = on_a_terminal(command, ["run", "--project", str(folder)], f"{answer}\n")
    assert QUESTION in " ".join(shown.split())
    assert code == 1
    assert bool(proxy.asked) == memory_of(command).exists() == goes_on
    if goes_on:
        shown, _ = on_a_terminal(command, ["run", "--project", str(folder)], "")
        assert "allow?" not in shown


def on_a_terminal(command: CommandLine, arguments: list[str], typed: str) -> tuple[str, int]:
    """Run a command as from a terminal, type something, and return what it showed and its exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "glan", *arguments],
        cwd=command.home,
        env={**command.environment(), "COLUMNS": "200", "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        text=True,
    )
    BEGUN.append(process)
    os.close(theirs)
    os.write(ours, typed.encode())
    shown, end_s = b"", time.monotonic() + 30
    while time.monotonic() < end_s:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                shown += os.read(ours, 4_096)
            except OSError:  # the other side is closed
                break
        elif process.poll() is not None:
            break
    os.close(ours)
    text = shown.decode()
    assert KEY not in text
    return text, process.wait(timeout=40)
