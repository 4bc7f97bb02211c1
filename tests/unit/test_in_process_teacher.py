"""The documented teacher with vLLM inside the process, held to the shape of vLLM's interface: vLLM is not here."""

import importlib.util
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import glan
from glan.errors import RequestError
from glan.records import Message, Request, Sampling, Stage
from glan.teachers.filler import Filler

FILE = Path(__file__).parents[2] / "docs" / "fleet" / "in_process.py"
LONGEST = 40_000
"""Characters of a prompt that the stand-in takes."""


class RequestOutputKind(Enum):
    FINAL_ONLY = 2


@dataclass(frozen=True)
class SamplingParams:
    """What the teacher may set: any other name is an error, as with vLLM."""

    output_kind: RequestOutputKind
    max_tokens: int
    temperature: float | None = None
    top_p: float | None = None


@dataclass(frozen=True)
class AsyncEngineArgs:
    model: str
    enable_prefix_caching: bool


@dataclass(frozen=True)
class Said:
    text: str
    token_ids: list[int]
    finish_reason: str


@dataclass(frozen=True)
class Output:
    prompt_token_ids: list[int]
    outputs: list[Said]


class AutoTokenizer:
    """Renders a conversation as JSON, which the engine reads again."""

    @classmethod
    def from_pretrained(cls, _: str) -> "AutoTokenizer":
        return cls()

    def apply_chat_template(
        self, messages: list[dict[str, str]], *, tokenize: bool, add_generation_prompt: bool
    ) -> str:
        assert (tokenize, add_generation_prompt) == (False, True)
        return json.dumps(messages)


class AsyncLLMEngine:
    """The filler behind vLLM's `generate`."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.asked: list[SamplingParams] = []

    @classmethod
    def from_engine_args(cls, _: AsyncEngineArgs) -> "AsyncLLMEngine":
        return cls()

    async def generate(self, prompt: str, sampling_params: SamplingParams, request_id: str) -> AsyncIterator[Output]:
        assert request_id not in self.ids
        self.ids.add(request_id)
        self.asked.append(sampling_params)
        if len(prompt) > LONGEST:
            raise ValueError("The decoder prompt is longer than the maximum model length.")
        messages = tuple(Message(**message) for message in json.loads(prompt))
        sampling = Sampling(model="any", max_tokens=sampling_params.max_tokens)
        reply = await Filler().reply(Request(id="x", stage=Stage.ANSWERS, messages=messages, sampling=sampling))
        said = Said(text=reply.text, token_ids=[0] * (reply.usage.completion_tokens or 0), finish_reason="stop")
        yield Output(prompt_token_ids=[0] * (reply.usage.prompt_tokens or 0), outputs=[said])


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a module that no checker knows
    """The file of the documentation, loaded over the stand-ins."""
    modules: dict[str, list[Any]] = {
        "vllm": [AsyncEngineArgs, AsyncLLMEngine, SamplingParams],
        "vllm.sampling_params": [RequestOutputKind],
        "transformers": [AutoTokenizer],
    }
    for name, held in modules.items():
        module = ModuleType(name)
        for each in held:
            setattr(module, each.__name__, each)
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location("in_process", FILE)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


async def test_it_makes_a_data_set(in_process: Any, tmp_path: Path) -> None:  # noqa: ANN401
    """Every reply is in the ledger with the tokens that the engine counted, and no two requests share a number."""
    teacher = in_process.InProcess("my-model")
    project = glan.Project.create(tmp_path / "data", pairs=20, disciplines=["Astronomy", "Physics"])
    result = await project.run(teacher=teacher)
    assert (result.pairs, result.failures) == (20, 0)
    assert len(teacher.engine.ids) == result.asked
    row = project.dataset().to_table().to_pylist()[0]
    assert row["answer_model"] == "my-model"
    assert row["answer_tokens"] > 0
    assert all(asked.temperature is None for asked in teacher.engine.asked)


async def test_a_prompt_that_is_too_long_harms_one_request(in_process: Any) -> None:  # noqa: ANN401
    """What vLLM refuses as a value is a request that will not be answered, and no reason to end a run."""
    teacher = in_process.InProcess("my-model")
    long = Message(role="user", content="x" * (LONGEST + 1))
    sampling = Sampling(model="my-model", max_tokens=10)
    with pytest.raises(RequestError, match="longer than the maximum"):
        await teacher.reply(Request(id="x", stage=Stage.ANSWERS, messages=(long,), sampling=sampling))
