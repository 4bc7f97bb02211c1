"""A teacher whose replies are looked at for what a wrong setting of the server does to them.

It stands before the ledger, so it sees every reply that a run uses, whoever paid for it; what it refuses is paid for
and stays in the ledger.
"""

import logging
from collections import Counter
from dataclasses import dataclass, field

from glan.errors import ReplyError, UnusableError
from glan.records import Reply, Request, Stage
from glan.teachers.base import Teacher
from glan.teachers.identities import Identities
from glan.teachers.ledgered import FIRST, Tally
from glan.teachers.suspicions import CUT_PROMPT, fewest_tokens, is_cut

_REMEDY = (
    "Raise the context of the server: OLLAMA_CONTEXT_LENGTH or num_ctx with Ollama, --ctx-size with llama.cpp, "
    "--max-model-len with vLLM. Then `glan run --retry-failed` asks again for what was cut."
)

_MOST_ALL_THOUGHT = FIRST // 5
"""With more of the first calls of a stage without a text, a run would pay for thoughts."""

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Cuts:
    """How many replies a run met whose prompt the server had cut."""

    by_stage: Counter[Stage] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.by_stage.total()

    def count(self, request: Request) -> None:
        """Count one, and warn of the first."""
        self.by_stage[request.stage] += 1
        if self.total == 1:
            _log.warning("The server cut the prompt of %s without a word. %s", request.id, _REMEDY)

    def told(self) -> str:
        """Return what a person should know; empty where there was none."""
        return told_of_cuts(self.total)


def told_of_cuts(total: int) -> str:
    """Say how many replies were to a cut prompt, and the way out; empty where there was none."""
    return f"The server cut the prompts of {total:,} replies without a word. {_REMEDY}" if total else ""


def _roomless(tally: Tally, stage: Stage) -> UnusableError:
    """Say which settings give a model the room that it needs."""
    n_first = min(tally.asked_by_stage[stage], FIRST)
    return UnusableError(
        f"Thinking used up the room of {tally.all_thought[stage]} of the first {n_first} replies of {stage} "
        "before a word was written.",
        hint=f'Raise `{stage}` in [max_tokens], or set `reasoning` to "low" or "off" in the teacher\'s settings.',
    )


class Watched:
    """Another teacher, of which no reply to half a prompt is taken, and of which it is noted who it says that it is."""

    def __init__(
        self,
        teacher: Teacher,
        cuts: Cuts,
        tally: Tally | None = None,
        *,
        identities: Identities | None = None,
        keeps_cut: bool = False,
    ) -> None:
        self._teacher = teacher
        self._cuts = cuts
        self._tally = tally
        self._identities = identities
        self._keeps_cut = keeps_cut

    async def reply(self, request: Request) -> Reply:
        """Answer a request.

        Raises:
            ReplyError: the server cut its prompt.
            UnusableError: thinking used up the room of too many of the first replies.

        """
        reply = await self._teacher.reply(request)
        if self._tally is not None and self._tally.all_thought[request.stage] > _MOST_ALL_THOUGHT:
            raise _roomless(self._tally, request.stage)
        if is_cut(request, reply):
            self._cuts.count(request)
            if not self._keeps_cut:
                raise ReplyError(
                    f"The server counted {reply.usage.prompt_tokens or 0:,} tokens of a prompt that has "
                    f"{fewest_tokens(request.messages):,} or more.",
                    text=reply.text,
                    reason=CUT_PROMPT,
                    reply=reply.bare,
                )
        if self._identities is not None:
            self._identities.count(request, reply)
        return reply
