"""A model in a folder as a teacher. It imports torch, and is imported only when it is called for.

    requests that wait ─► as many at once as fit ─► one pass ─► their replies

It is loaded for the first request, so a model whose answers are all in the ledger is never loaded.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from jinja2 import TemplateError
from transformers import StoppingCriteriaList

from glan.errors import ConfigError, GlanError, RequestError, UnusableError
from glan.evaluate.opened import Opened, open_model
from glan.parsing import clean
from glan.places import seed_of
from glan.records import Reply, Request, Sampling, Usage
from glan.teachers.wire import split_thoughts

AT_ONCE: Final = 16
"""Requests of one pass."""


class _Waiting(NamedTuple):
    request: Request
    reply: "asyncio.Future[Reply]"


class _Prompt(NamedTuple):
    place: int
    text: str
    tokens: int


def _unless_nobody_waits(waiting: Sequence[_Waiting]) -> Callable[..., torch.Tensor]:
    """Return what ends a pass whose replies nobody waits for any more."""

    def is_over(ids: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        return torch.full((ids.shape[0],), all(each.reply.cancelled() for each in waiting), device=ids.device)

    return is_over


class LocalTeacher:
    """Answers from a model on this machine, many requests in one pass; no code of the folder is run.

    Without a temperature in the settings it takes the likeliest token each time.
    """

    def __init__(self, folder: Path, *, at_once: int = AT_ONCE) -> None:
        self._folder = folder
        self._at_once = at_once
        self._opened: Opened | None = None
        self._waiting: list[_Waiting] = []
        self._work: asyncio.Task[None] | None = None

    async def reply(self, request: Request) -> Reply:
        """Answer a request.

        Raises:
            RequestError: it is longer than the model takes, or its chat template refuses it.
            ConfigError: the model cannot be loaded.
            UnusableError: there is no memory for a single answer.

        """
        waiting = _Waiting(request, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._answer_all())
        try:
            await asyncio.wait((waiting.reply, self._work), return_when=asyncio.FIRST_COMPLETED)
            if not waiting.reply.done():
                self._work.result()  # raises what ended it
            return waiting.reply.result()
        finally:
            waiting.reply.cancel()  # nothing, where it is there

    async def _answer_all(self) -> None:
        while self._waiting:
            sampling = self._waiting[0].request.sampling
            batch = [each for each in self._waiting if each.request.sampling == sampling][: self._at_once]
            self._waiting = [each for each in self._waiting if each not in batch]
            try:
                found: Sequence[Reply | GlanError] = await asyncio.to_thread(self._answers, batch)
            except ConfigError as error:
                found = [error] * len(batch)
            except torch.OutOfMemoryError:
                torch.cuda.empty_cache()
                if len(batch) > 1:
                    self._at_once = len(batch) // 2
                    self._waiting = [*batch, *self._waiting]
                    continue
                found = [UnusableError(f"There is no memory for one answer of the model in {self._folder}.")]
            for each, came in zip(batch, found, strict=True):
                if each.reply.done():
                    continue
                if isinstance(came, Reply):
                    each.reply.set_result(came)
                else:
                    each.reply.set_exception(came)

    def _answers(self, batch: Sequence[_Waiting]) -> list[Reply | GlanError]:
        """Return what comes of some requests with the same settings."""
        if self._opened is None:
            self._opened = open_model(str(self._folder))
            self._opened.tokenizer.padding_side = "left"
            if self._opened.tokenizer.pad_token is None:
                self._opened.tokenizer.pad_token = self._opened.tokenizer.eos_token
        opened = self._opened
        found: list[Reply | GlanError] = []
        prompts = []
        for place, each in enumerate(batch):
            try:
                prompts.append(_prompt_of(opened, place, each.request))
                found.append(RequestError(_too_long(prompts[-1].tokens, opened.longest)))
            except TemplateError as error:
                found.append(RequestError(f"The chat template of the model refuses the question: {error}."))
        for those in _passes(opened, prompts, batch[0].request.sampling.max_tokens):
            for prompt, reply in zip(those, _generated(opened, those, batch), strict=True):
                found[prompt.place] = reply
        return found


def _too_long(tokens: int, longest: int) -> str:
    return f"The question has {tokens:,} tokens, and the model takes {longest:,} in all."


def _prompt_of(opened: Opened, place: int, request: Request) -> _Prompt:
    """Return a conversation as the chat template writes it; a model without one gets the words alone."""
    tokenizer = opened.tokenizer
    if tokenizer.chat_template:
        turns = [{"role": each.role, "content": each.content} for each in request.messages]
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    else:
        text = (tokenizer.bos_token or "") + "\n\n".join(each.content for each in request.messages) + "\n\n"
    return _Prompt(place, text, len(tokenizer(text, add_special_tokens=False)["input_ids"]))


def _passes(opened: Opened, prompts: Sequence[_Prompt], max_tokens: int) -> Iterator[list[_Prompt]]:
    """Yield the prompts that fit, so that none loses more than half the room for its answer to a longer one."""

    def room(prompt: _Prompt) -> int:
        return min(max_tokens, opened.longest - prompt.tokens)

    those: list[_Prompt] = []
    for prompt in sorted(prompts, key=lambda each: each.tokens):
        if room(prompt) <= 0:
            break
        if those and 2 * room(prompt) < room(those[0]):
            yield those
            those = []
        those.append(prompt)
    if those:
        yield those


def _generated(opened: Opened, prompts: Sequence[_Prompt], batch: Sequence[_Waiting]) -> list[Reply]:
    tokenizer, request = opened.tokenizer, batch[0].request
    asked = tokenizer([each.text for each in prompts], add_special_tokens=False, padding=True, return_tensors="pt")
    width = asked["input_ids"].shape[1]
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(seed_of(request.id))
        whole = opened.model.generate(
            input_ids=asked["input_ids"].to(opened.device),
            attention_mask=asked["attention_mask"].to(opened.device),
            max_new_tokens=min(request.sampling.max_tokens, opened.longest - width),
            pad_token_id=tokenizer.pad_token_id,
            stopping_criteria=StoppingCriteriaList([_unless_nobody_waits(batch)]),
            **_drawn(request.sampling),
        )
    ends = _ends_of(opened)
    return [
        _reply_of(opened, prompt, new, ends) for prompt, new in zip(prompts, whole[:, width:].tolist(), strict=True)
    ]


def _drawn(sampling: Sampling) -> dict[str, Any]:
    """Return how a token is chosen."""
    if not sampling.temperature:
        return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    return {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p or 1.0, "top_k": 0}


def _ends_of(opened: Opened) -> frozenset[int]:
    found = opened.model.generation_config.eos_token_id
    return frozenset(found if isinstance(found, list) else [found])


def _reply_of(opened: Opened, prompt: _Prompt, new: Sequence[int], ends: frozenset[int]) -> Reply:
    """Return what was written up to the token that ends it."""
    stop = next((i for i, token in enumerate(new) if token in ends), None)
    said = new if stop is None else new[:stop]
    text, thoughts = split_thoughts(clean(opened.tokenizer.decode(said, skip_special_tokens=True)))
    return Reply(
        text=text.strip(),
        reasoning=thoughts or None,
        finish_reason="length" if stop is None else "stop",
        usage=Usage(prompt_tokens=prompt.tokens, completion_tokens=len(said)),
        cost_usd=0.0,
    )
