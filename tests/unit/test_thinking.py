"""How a model is told how much to think, in the words of each kind of server."""

import json
import random

import pytest
from msgspec.structs import replace

from glan.config import Config, parse_config
from glan.records import Message, Reply, Request, Sampling, Stage, Usage
from glan.surprise import changed
from glan.teachers.faults import thoughtful
from glan.teachers.fingerprints import fingerprint
from glan.teachers.manners import Manners
from glan.teachers.providers import providers
from glan.teachers.thinking import words_of

_REQUEST = Request(
    id="question/a/b/0",
    stage=Stage.QUESTIONS,
    messages=(Message(role="user", content="Why?"),),
    sampling=Sampling(model="m", max_tokens=9),
)


def sent(provider: str, reasoning: str | None, **settings: object) -> dict[str, object]:
    """Return the keys of a body beyond those that each has."""
    request = replace(_REQUEST, sampling=replace(_REQUEST.sampling, reasoning=reasoning, **settings))
    body: dict[str, object] = json.loads(Manners(words=words_of(provider)).begin(request).body)
    return {name: value for name, value in body.items() if name not in {"model", "messages", "max_tokens"}}


WORDS = [
    ("openai", "off", {"reasoning_effort": "none"}),
    ("openai", "high", {"reasoning_effort": "high"}),
    ("ollama", "off", {"reasoning_effort": "none"}),
    ("vllm", "off", {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}}),
    (
        "vllm",
        "low",
        {
            "chat_template_kwargs": {"enable_thinking": True, "thinking": True, "reasoning_effort": "low"},
            "reasoning_effort": "low",
        },
    ),
    (
        "server",
        "off",
        {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}, "reasoning_effort": "none"},
    ),
    ("openrouter", "off", {"reasoning": {"enabled": False}}),
    ("openrouter", "medium", {"reasoning": {"effort": "medium"}}),
    ("deepseek", "off", {"thinking": {"type": "disabled"}}),
    ("deepseek", "high", {"thinking": {"type": "enabled"}}),
]


@pytest.mark.parametrize(("provider", "reasoning", "expected"), WORDS, ids=lambda found: str(found)[:12])
def test_each_server_is_told_in_its_own_words(provider: str, reasoning: str, expected: dict[str, object]) -> None:
    """The setting becomes the keys that the server knows."""
    assert sent(provider, reasoning) == expected


@pytest.mark.parametrize("provider", [*providers(), "server"])
def test_nothing_is_sent_unless_it_is_set(provider: str) -> None:
    """By default the server decides."""
    assert sent(provider, None) == {}


def test_extra_goes_before_the_setting() -> None:
    """Who knows the server's words better writes them into `extra`."""
    assert sent("openai", "off", extra={"reasoning_effort": "minimal"}) == {"reasoning_effort": "minimal"}


def test_the_setting_is_of_a_role() -> None:
    """A role can think more than the default, and "server" is the default of all."""
    text = '[teachers.default]\nreasoning = "off"\n[teachers.answers]\nreasoning = "high"\n'
    config = parse_config(text, source="glan.toml")
    assert config.teacher_of(Stage.QUESTIONS).reasoning == "off"
    assert config.teacher_of(Stage.ANSWERS).reasoning == "high"
    assert Config().teacher_of(Stage.ANSWERS).reasoning == "server"


def test_only_a_setting_that_is_set_is_part_of_the_fingerprint() -> None:
    """Ledgers from before the setting stay valid, and each value of it is another request."""
    found = {
        fingerprint(replace(_REQUEST, sampling=replace(_REQUEST.sampling, reasoning=reasoning)))
        for reasoning in (None, "off", "low", "medium", "high")
    }
    assert len(found) == 5
    assert fingerprint(_REQUEST).hex() == "39f8af52b06265dae93bc493cd6b8971"


def test_a_ledger_that_knew_no_such_setting_left_it_to_the_server() -> None:
    """A run before the setting there was meant "server": to set it now is a change, and to leave it is none."""
    assert changed({"seed": "0"}, {"seed": "0", "reasoning of answers": "server"}) == []
    assert changed({"seed": "0"}, {"seed": "0", "reasoning of answers": "low"}) == [
        "reasoning of answers (server -> low)"
    ]


@pytest.mark.parametrize("room", [1, 10, 100, 1_000])
def test_a_simulated_model_thinks_within_its_room(room: int) -> None:
    """Thinking comes first and takes its tokens from the room of the reply, down to no text at all."""
    size = random.Random(room).randrange(400, 800)
    reply = thoughtful(Reply(text="x" * size, finish_reason="stop", usage=Usage(prompt_tokens=3)), 100, room)
    assert reply.usage.reasoning_tokens == min(room, 100)
    assert (reply.usage.completion_tokens or 0) <= room
    assert len(reply.reasoning or "") == 4 * min(room, 100)
    assert (reply.text == "") is (room <= 100)
    assert reply.finish_reason == ("stop" if room == 1_000 else "length")
