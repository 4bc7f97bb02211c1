"""Any prompts through a teacher and a ledger, without a taxonomy: what a run does for its own requests, for yours.

asked = await glan.ask(["Name a river in Peru."], ledger="rivers.sqlite", teacher="openai/gpt-5-mini")
print(asked.replies[0].text)
"""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from msgspec import structs

from glan.config import AskConfig, Config, settings_of
from glan.environment import Environment
from glan.errors import ConfigError, GlanError
from glan.generate.asking import Asking, asking_of
from glan.generate.examining import answer_as_student
from glan.hearings import Each, Failed, Hearing
from glan.options import Options
from glan.prompts import Prompts
from glan.records import Message, Reply
from glan.teachers.base import Teacher
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Choice
from glan.teachers.panel import Named, Panel, opened
from glan.teachers.specs import Spec

Prompt: TypeAlias = str | Sequence[Mapping[str, str]]
"""A user's message, or a conversation of `{"role": ..., "content": ...}`."""

_NAME = "prompt"
"""What stands in the ledger for the model's name where models are examined: the model is in the fingerprint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of some prompts."""

    replies: tuple[Reply | None, ...]
    """In the order of the prompts; None where none came."""
    failures: Mapping[int, str]
    """Why there is no reply, by the number of the prompt: of those that the teacher refused for good."""
    asked: int
    """Calls that were made now."""
    hits: int
    """Replies and failures that the ledger had."""
    cost_usd: float | None
    """What the calls cost; None where a price is unknown."""
    stopped: GlanError | None
    """Why it ended before its time, such as a `BudgetError`; the next call with the same ledger goes on."""
    notices: tuple[str, ...] = ()
    """What a person should know of the teacher, such as a setting that it did not take, a sentence each."""


async def ask(
    prompts: Sequence[Prompt],
    *,
    ledger: str | Path,
    teacher: "Spec | str | Teacher",
    options: Options | None = None,
    settings: Mapping[str, object] | None = None,
) -> Asked:
    """Ask a teacher each prompt, many at once, and keep every reply in a ledger before it is returned.

    What the ledger has is not asked again: a script that died is started again, and pays for what is missing. The
    same prompt twice is one call. A reply that is cut off is asked for once more with twice the room.

    Args:
        prompts: texts, or conversations as lists of `{"role": ..., "content": ...}`.
        ledger: the file, which is made if it is not there; one process uses it at a time.
        teacher: what `glan.teachers` names, a spec as on the command line, or any object with `async reply`.
        options: `budget_usd` and `budget_tokens` for all that the ledger has paid for, `max_in_flight`,
            `retry_failed`, `grace_s`; the others are about projects.
        settings: what could stand in a glan.toml, such as `{"teachers": {"default": {"temperature": 0.2}}}`;
            `{"max_tokens": {"students": 500}}` is the room of a reply.

    Raises:
        GlanError: a setting, the key, the price or the ledger stands in the way; nothing was asked.

    """
    config = AskConfig.of(settings_of(Config, settings or {}, "settings"))
    conversations = [_messages(prompt) for prompt in prompts]
    async with AsyncExitStack() as stack:
        if isinstance(teacher, Spec | str):
            panel = await stack.enter_async_context(opened(config, Environment(), Named(spec=teacher)))
        else:
            panel = Panel.of(teacher, str(getattr(teacher, "model", type(teacher).__name__)))
        hearing = Hearing(panel, options or Options(), config.limits)
        with Ledger.open(Path(ledger)) as found:
            async with hearing.begun(found, Choice.REASK):
                asking = asking_of(config, Prompts.shipped(), panel.teacher, panel.models)
                return await _asked(hearing, asking, conversations)


def ask_sync(
    prompts: Sequence[Prompt],
    *,
    ledger: str | Path,
    teacher: "Spec | str | Teacher",
    options: Options | None = None,
    settings: Mapping[str, object] | None = None,
) -> Asked:
    """Do what `ask` does in a thread of its own, so that it also works where an event loop runs already."""
    work = ask(prompts, ledger=ledger, teacher=teacher, options=options, settings=settings)
    with ThreadPoolExecutor(1, "glan-ask") as thread:
        return thread.submit(asyncio.run, work).result()


async def _asked(hearing: Hearing, asking: Asking, conversations: Sequence[tuple[Message, ...]]) -> Asked:
    teacher, permits = hearing.teacher()
    behind = structs.replace(asking, teacher=teacher)
    found = await Each(hearing, permits)(conversations, lambda turns: answer_as_student(behind, _NAME, turns))
    tally = hearing.tally
    return Asked(
        replies=tuple(each if isinstance(each, Reply) else None for each in found),
        failures={i: each.reason for i, each in enumerate(found) if isinstance(each, Failed)},
        asked=tally.asked,
        hits=tally.hits,
        cost_usd=tally.cost_usd,
        stopped=hearing.stopped,
        notices=hearing.told,
    )


def _messages(prompt: Prompt) -> tuple[Message, ...]:
    """Return a prompt as messages.

    Raises:
        ConfigError: it has another form.

    """
    if isinstance(prompt, str):
        return (Message(role="user", content=prompt),)
    try:
        turns = tuple(Message(role=turn["role"], content=turn["content"]) for turn in prompt)
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"A prompt is a text, or a list of messages with role and content; found {prompt!r}."
        ) from error
    if not turns:
        raise ConfigError("A prompt has no messages.", hint="Leave it out, or give it a text.")
    return turns
