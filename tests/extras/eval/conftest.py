"""Miniature benchmarks, a server that knows the right answers to a share of them, and the command line."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from commandline import CommandLine, simulated
from extras.train.tiny import write_base
from miniatures import RIGHT, mark_of, write_all

from glan.errors import RequestError
from glan.records import Reply, Request, Usage
from glan.teachers.simulate import Server

QUIET = {
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
WRONG = "I cannot say, really."


@dataclass
class Knowing:
    """A model that knows what is right to say, as far as `knows` lets it; it finds a question by its mark."""

    knows: Callable[[str, int], bool] = lambda _mark, _time: True
    """By the question's mark, and how often it was asked before."""
    model: str = "knowing"
    asked: Counter[str] = field(default_factory=Counter)
    refused: frozenset[str] = frozenset()
    """Marks of questions that it turns down."""
    holds_after: int | None = None
    """From so many replies on it says nothing."""

    async def reply(self, request: Request) -> Reply:
        asked = request.messages[-1].content
        mark = mark_of(asked)
        if mark in self.refused:
            raise RequestError("The server turns this request down.")
        if self.holds_after is not None and self.asked.total() >= self.holds_after:
            await asyncio.Event().wait()
        time = self.asked[mark]
        self.asked[mark] += 1
        text = RIGHT[mark] if self.knows(mark, time) else WRONG
        usage = Usage(prompt_tokens=len(asked.split()) + len(asked) // 3, completion_tokens=len(text))
        return Reply(text=text, finish_reason="stop", model=self.model, usage=usage)


def known_below(share: int) -> Callable[[str, int], bool]:
    """Return what knows of each benchmark the items with a number below this one."""
    return lambda mark, _time: int(mark.rpartition("-")[2]) < share


@dataclass(frozen=True)
class Exam:
    """The command line, the data, and the server that answers."""

    command: CommandLine
    data: Path
    knowing: Knowing
    server: Server

    @property
    def model(self) -> str:
        return f"knowing@{self.server.base_url}"


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every benchmark of the suite, small."""
    return write_all(tmp_path_factory.mktemp("data"))


@pytest.fixture
def command(tmp_path: Path) -> CommandLine:
    """A command line without a key and without a network."""
    return CommandLine(home=tmp_path, key=None, variables=QUIET)


@pytest.fixture
def exam(command: CommandLine, data: Path) -> Iterator[Exam]:
    """A server that knows everything; a test may change that."""
    knowing = Knowing()
    with simulated(teacher=knowing) as server:
        yield Exam(command, data, knowing, server)


@pytest.fixture(scope="session")
def local_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Mistral of random weights, that takes 64 tokens: what it says is short."""
    texts = ["The answer is A, B, C or D; the answer is 1, 2, 3, 4, 5, 6, 7, 8, 9 or 0."] * 20
    folder = write_base(tmp_path_factory.mktemp("model") / "tiny", texts, width=32, layers=1)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 64}))
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the libraries of others warn of what will change in them; here they are used as they are."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("default"))
