"""Where Ray is asked for and cannot be had, a sentence says so before anything is asked; nothing else wants it."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from commandline import CommandLine, check_whole, ended_processes, set_in


@pytest.fixture
def command(tmp_path: Path) -> CommandLine:
    return CommandLine(home=tmp_path, base_url="http://127.0.0.1:9/v1")


@pytest.mark.skipif(find_spec("ray") is not None, reason="here is Ray")
def test_without_its_package_the_engine_is_an_error_with_the_install_line(command: CommandLine) -> None:
    """Also where glan.toml asks for it; nothing is asked, and there is no traceback."""
    folder = command.init("demo", pairs=5)
    set_in(folder, "engine", '"ray"')
    with ended_processes():
        ended = command.run(folder)
    assert ended.code == 1
    assert "the package ray is needed" in ended.err
    assert "pip install 'glan[ray]'" in ended.err


def test_a_teacher_in_the_process_wants_no_cluster(command: CommandLine) -> None:
    """The offline textbook answers where it is, whatever the engine."""
    folder = command.init("demo", pairs=5)
    set_in(folder, "engine", '"ray"')
    with ended_processes():
        ended = command("run", "--project", folder, "--teacher", "offline")
    assert ended.code == 0, ended.words
    check_whole(folder, 5)


def test_an_address_without_the_engine_is_a_wrong_use(command: CommandLine) -> None:
    """It would be passed over in silence otherwise."""
    folder = command.init("demo", pairs=5)
    with ended_processes():
        ended = command.run(folder, "--address", "head:6379")
    assert ended.code == 2
    assert "--engine ray" in ended.err
