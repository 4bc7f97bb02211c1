"""What the documentation shows in fences, and a small shell that does it in a folder of a test.

A block runs as it stands, but for its stand-ins: every server is a simulated one without a price, many pairs are a
few, and a person who is asked says yes. A block that cannot run here has its reason on the line before its fence,
`<!-- not run: a GPU is needed -->`; its commands are then parsed, so that each of them and each option exists. A script
with a first line such as `#!/bin/bash` is for another machine, and is parsed likewise.
"""

import contextlib
import re
import shlex
import shutil
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from glan.cli import cli

ROOT = Path(__file__).parents[1]
FEW = 40
"""As many pairs as a block makes, however many it names."""
PROJECT = "my-data"
"""The project of every page, which is made before a block unless the block makes it."""

_FENCE = re.compile(
    r"(?:^<!-- not run: (?P<reason>.+?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_COMMAND = re.compile(r"(?:^|\s)(glan [a-z].*?)(?: &)?$")
_ASSIGNED = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)", re.DOTALL)
_AT_URL = re.compile(r"@https?://\S+")
_URL = re.compile(r"https?://(?:localhost|127\.0\.0\.1|[\w-]+):\d+/v1")
_PROVIDERS = "anthropic|azure|gemini|mistral|openrouter|groq|together|deepseek|ollama|lmstudio|vllm|sglang|llamacpp"
_BARE_SPEC = re.compile(rf"(?:[\w-]+=)?(?:{_PROVIDERS})/[^@\s]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    text: str
    reason: str
    """Why it is not run, as the page says; empty where it is."""

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def lines(self) -> list[str]:
        """The command lines of a block of shell, without comments, prompts and the output that a console shows."""
        text = self.text
        if self.language == "console":
            text = "\n".join(line[2:] for line in text.splitlines() if line.startswith("$ "))
        joined = text.replace("\\\n", " ").splitlines()
        return [line.strip() for line in joined if line.strip() and not line.strip().startswith("#")]

    def parse(self) -> None:
        """Let click read every command line of `glan` in a block that is not run."""
        for line in self.lines:
            if (found := _COMMAND.search(line)) is not None:
                parse(found[1])


def blocks_of(path: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page that name a language."""
    text = path.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        yield Block(
            page=str(path.relative_to(ROOT)),
            line=text.count("\n", 0, found.start("language")) + 1,
            language=found["language"],
            text=found["text"],
            reason=found["reason"] or ("a script" if found["text"].startswith("#!") else ""),
        )


def parse(line: str) -> None:
    """Let click read a command line as it would, without doing anything."""
    words = shlex.split(line, comments=True)
    name, *rest = words[next(i for i, word in enumerate(words) if "=" not in word) :]
    command: click.Command | None = cli
    context = click.Context(cli, info_name=name, **cli.context_settings)
    while isinstance(command, click.Group):
        name, *rest = rest
        command = command.get_command(context, name)
        assert command is not None, f"There is no {name} in {line!r}."
        context = click.Context(command, parent=context, info_name=name)
    assert command is not None
    command.make_context(name, rest, parent=context.parent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What stands in the folder of a block before it begins."""

    made: bool = True
    """Whether the project has a data set; else it is new."""
    inside: bool = False
    """Whether the block is typed in the project's folder."""
    files: Mapping[str, str | Callable[[Path], str | bytes]] = field(default_factory=dict)
    """Files that the reader has, with their texts or what makes them of the project."""
    before: tuple[str, ...] = ()
    """Command lines that the page has told of earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Runs the lines of blocks in a folder, `glan` in this process, since that is ten times as fast."""

    folder: Path
    base_url: str
    monkeypatch: pytest.MonkeyPatch
    others: Mapping[str, str | Callable[["Shell", list[str]], None]]
    """Commands of others: a reason why one is not run, or what stands in for it."""
    parsed: Mapping[str, str]
    """Why a command of `glan` is parsed and not run, by its first words."""

    def __call__(self, line: str) -> None:
        """Run one line."""
        words = shlex.split(line, comments=True)
        assigned = {}
        while words and (found := _ASSIGNED.fullmatch(words[0])) is not None:
            assigned[found[1]] = self.stood_in(found[2])
            words.pop(0)
        if words[:1] == ["export"]:
            assigned = dict(word.split("=", 1) for word in words[1:])
            words = []
        if not words:
            for name, value in assigned.items():
                self.monkeypatch.setenv(name, self.stood_in(value))
        elif words[0] == "glan":
            self._glan(line, words[1:], assigned)
        else:
            self._other(line, words)

    def _glan(self, line: str, words: list[str], assigned: Mapping[str, str]) -> None:
        parse(line)
        if any(words[: len(name.split())] == name.split() for name in self.parsed):
            return
        arguments = _with_yes([self.stood_in(each) for word in _few(words) for each in _globbed(word)])
        with contextlib.ExitStack() as stack:
            patch = stack.enter_context(self.monkeypatch.context())
            for name, value in assigned.items():
                patch.setenv(name, value)
            result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 0, f"{line}\n{arguments}\n{result.output}\n{result.exception!r}"

    def _other(self, line: str, words: list[str]) -> None:
        assert words[0] in self.others, f"{line!r} is no command that tests/scenes.py knows; say there what it is."
        stand_in = self.others[words[0]]
        if not isinstance(stand_in, str):
            stand_in(self, words)

    def stood_in(self, word: str) -> str:
        """Return a word in which every server is the simulated one, and a pair is one that is there."""
        if word.startswith("question/"):
            return first_id(self.folder / PROJECT)
        word = _AT_URL.sub(f"@{self.base_url}", word)
        word = _URL.sub(self.base_url, word)
        return f"{word}@{self.base_url}" if _BARE_SPEC.fullmatch(word) else word


def first_id(project: Path) -> str:
    """Return the id of the first row of a project."""
    from pyarrow.parquet import read_table  # noqa: PLC0415 - few blocks want it

    return str(read_table(project / "dataset" / "train" / "00000.parquet")["id"][0].as_py())


def _globbed(word: str) -> list[str]:
    """Return the files that a word stands for, as a shell does; itself where there are none."""
    return sorted(str(path) for path in Path().glob(word)) or [word] if "*" in word else [word]


def _few(words: list[str]) -> list[str]:
    """Return a command line that makes a few pairs, opens no browser, and caps tokens, which need no price."""
    found = []
    for before, word in zip(["", *words], words, strict=False):
        if before == "--pairs" and word.isdecimal():
            found.append(str(min(FEW, int(word))))
        elif before == "--budget-usd":
            found.append(f"{float(word) * 1_000_000:.0f}")
        elif word != "--open":
            found.append("--budget-tokens" if word == "--budget-usd" else word)
    if words[0] == "init" and "--pairs" not in words:
        found += ["--pairs", str(FEW)]
    return [*found, "--per-discipline", "2"] if words[0] == "test-set" else found


def _with_yes(words: list[str]) -> list[str]:
    """Return a command line to which a person has said yes, where it may ask."""
    command: click.Command | None = cli
    for word in words:
        if not isinstance(command, click.Group):
            break
        command = command.get_command(click.Context(command), word)
    asks = command is not None and any("--yes" in parameter.opts for parameter in command.params)
    return [*words, "--yes"] if asks and "--yes" not in words and "--dry-run" not in words else words


def play(block: Block, scene: Scene, shell: Shell, project: Path | None) -> None:
    """Run a block of shell in its scene; `project` is copied where it does not make one itself."""
    if project is not None:
        shutil.copytree(project, shell.folder / PROJECT)
    here = shell.folder / PROJECT if scene.inside else shell.folder
    for name, made in scene.files.items():
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = made if isinstance(made, str) else made(shell.folder / PROJECT)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    shell.monkeypatch.chdir(here)
    for line in [*scene.before, *block.lines]:
        shell(line)


def known_targets() -> frozenset[str]:
    """Return the targets of the Makefile."""
    return frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def known_extras() -> frozenset[str]:
    """Return the extras of the package."""
    found = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return frozenset(found["project"]["optional-dependencies"])
