"""A model behind a server that is examined: through the ledger, the permits and the budget, as everything is asked.

What was paid for is in the ledger, so an examination that was killed goes on where it was.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

import msgspec
from msgspec import structs

from glan.config import StudentConfig
from glan.evaluate.answering import Answer, Prompt, said, up_to
from glan.generate.asking import Asking, asking_of
from glan.generate.judging import mark_of
from glan.hearings import Each, Failed, Hearing
from glan.options import Options
from glan.places import place
from glan.records import Request, Stage
from glan.sites import Site
from glan.teachers.ledger import Ledger
from glan.teachers.panel import Named, opened

Asked: TypeAlias = Awaitable[list[Answer]]


class Served:
    """A model behind a server, asked through the ledger, the permits and the budget."""

    is_chat = True
    longest = None

    def __init__(self, site: Site[StudentConfig], named: Named, name: str, options: Options) -> None:
        self.hearings: list[Hearing] = []
        """One for each benchmark so far."""
        self.conduct: Callable[[Asked], Asked] | None = None
        """What goes on around the asking: how it looks, and how it is stopped."""
        self._site = site
        self._named = named
        self._name = name
        self._options = options
        self._each: Each | None = None
        self._wanted = 0
        self._is_interrupted = False

    @property
    def done(self) -> tuple[int, int]:
        """How many of how many prompts have come to an end."""
        return self._each.done if self._each is not None else 0, self._wanted

    @property
    def is_interrupted(self) -> bool:
        """Say whether it was asked to stop."""
        return self._is_interrupted

    def interrupt(self) -> None:
        """Stop asking; what is in flight is waited for until the grace is over."""
        self._is_interrupted = True
        if self.hearings:
            self.hearings[-1].interrupt()

    def render(self, turns: Sequence[Mapping[str, str]]) -> str:
        return msgspec.json.encode(turns).decode()

    def answer(self, prompts: Sequence[Prompt]) -> list[Answer]:
        """Answer each prompt.

        Raises:
            GlanError: it ended before its time.

        """
        asked = self._asked(prompts)
        return asyncio.run(_awaited(self.conduct(asked) if self.conduct is not None else asked))

    async def _asked(self, prompts: Sequence[Prompt]) -> list[Answer]:
        site = self._site
        async with opened(site.config, site.environment, self._named) as panel:
            with Ledger.open(site.ledger_path) as ledger:
                hearing = Hearing(panel, self._options, site.config.limits, what="The examination")
                self.hearings.append(hearing)
                if self._is_interrupted:  # before there was one
                    hearing.interrupt()
                async with hearing.begun(ledger):
                    teacher, permits = hearing.teacher()
                    asking = asking_of(site.config, site.prompts, panel.teacher, panel.models)
                    asking = structs.replace(asking, teacher=teacher)
                    each = self._each = Each(hearing, permits)
                    self._wanted = len(prompts)
                    found = await each(prompts, lambda prompt: self._one(asking, prompt))
        if hearing.stopped is not None:
            raise hearing.stopped
        return [
            Answer(None, failed=each.reason) if isinstance(each, Failed) else each or Answer(None) for each in found
        ]

    async def _one(self, asking: Asking, prompt: Prompt) -> Answer:
        reply = await asking.teacher.reply(self._request(asking, prompt))
        whole = said(reply.text)
        text = up_to(whole, prompt.until)
        return Answer(text=text, is_cut=reply.finish_reason == "length" and text == whole)

    def _request(self, asking: Asking, prompt: Prompt) -> Request:
        """Return a request whose place follows from the words: what was asked once is asked once for good."""
        turns = prompt.turns
        where = place("student", self._name, mark_of(*[text for turn in turns for text in (turn.role, turn.content)]))
        request = asking.request(Stage.STUDENTS, where, *turns, sample=prompt.sample)
        sampling = structs.replace(
            request.sampling, max_tokens=prompt.max_tokens, temperature=prompt.temperature, top_p=prompt.top_p
        )
        return structs.replace(request, sampling=sampling)


async def _awaited(found: Asked) -> list[Answer]:
    return await found
