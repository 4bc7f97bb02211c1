"""What a shell offers when somebody presses the tab key."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

_ASKED = """set -e
PATH={folder}:$PATH
eval "$(glan completion bash)"
COMP_WORDS=({words}); COMP_CWORD={at}
_glan_completion glan
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def offered(tmp_path: Path) -> Callable[[str], set[str]]:
    """Return what bash offers for words of a command line of which the last is not finished."""
    bash = shutil.which("bash")
    assert bash is not None
    program = tmp_path / "glan"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m glan "$@"\n')
    program.chmod(0o755)

    def offered(words: str) -> set[str]:
        script = _ASKED.format(folder=tmp_path, words=words, at=len(words.split()) - 1)
        command = [bash, "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=150)
        assert done.returncode == 0, done.stderr
        return set(done.stdout.split())

    return offered


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("glan tax", {"taxonomy"}),
        ("glan taxonomy reb", {"rebalance"}),
        ("glan run --max-in", {"--max-in-flight"}),
        ("glan run --mode b", {"batch"}),
    ],
)
def test_bash_finishes_commands_options_and_values(
    offered: Callable[[str], set[str]], words: str, expected: set[str]
) -> None:
    """The script that is printed makes bash finish what was begun, at every place of a command line."""
    assert offered(words) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell: str, tmp_path: Path) -> None:
    """Each script is for its own shell, names the program and is valid where the shell is here to say so."""
    command = [sys.executable, "-m", "glan", "completion", shell]
    script = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert "_GLAN_COMPLETE" in script
    assert f"{shell}_complete" in script
    if (there := shutil.which(shell)) is not None:
        file = tmp_path / "script"
        file.write_text(script)
        subprocess.run([there, "-n", str(file)], check=True, timeout=60)
