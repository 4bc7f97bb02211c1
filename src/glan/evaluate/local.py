"""A local model that answers, by transformers inside lm-evaluation-harness. It imports torch, when it is called for.

Every reply is written down as soon as its batch is done, so an examination that was killed goes on where it was.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers.utils import logging

from glan.errors import ConfigError
from glan.evaluate.answering import Answer, Prompt, said, up_to
from glan.evaluate.folders import identity_of
from glan.evaluate.harness import hushed
from glan.evaluate.kept import Kept
from glan.evaluate.opened import device_and_type

_ADAPTER: Final = "adapter_config.json"
_BATCHES_AT_ONCE: Final = 4
"""Between two writes."""


class LocalModel:
    """A model in a folder or on the hub, an adapter too; no code of its own is run."""

    def __init__(self, name: str, *, batch_size: int, kept: Path, tell: Callable[[int, int], object]) -> None:
        """Load it onto the accelerator where there is one; `kept` is the file of its replies.

        `tell` is told how many of how many prompts are answered, and may raise to stop.

        Raises:
            ConfigError: it cannot be loaded.

        """
        logging.disable_progress_bar()
        self.identity = identity_of(name)
        self._name = name
        self._tell = tell
        self._kept = Kept[Answer](kept, Answer)
        self._at_once = batch_size * _BATCHES_AT_ONCE
        device, dtype = device_and_type()
        try:
            with hushed():
                self._model = HFLM(**_arguments(name), device=device, dtype=dtype, batch_size=batch_size)
        except (OSError, ValueError, ImportError, KeyError) as error:
            first = next(iter(str(error).splitlines()), "")
            raise ConfigError(
                f"The model {name} cannot be loaded: {first.rstrip('.')}.",
                hint="A model is a folder with config.json, a name on the hub that you may read, or for a server a "
                "SPEC such as vllm/MODEL@URL.",
            ) from error

    @property
    def is_chat(self) -> bool:
        return bool(self._model.tokenizer.chat_template)

    @property
    def longest(self) -> int:
        return int(self._model.max_length)

    def render(self, turns: Sequence[Mapping[str, str]]) -> str:
        return str(self._model.apply_chat_template([dict(turn) for turn in turns]))

    def answer(self, prompts: Sequence[Prompt]) -> list[Answer]:
        """Answer each prompt that has not been answered, the longest first, so that memory runs out early or never."""
        known = self._kept.known()
        keys = [self._key(prompt) for prompt in prompts]
        left = [i for i, key in enumerate(keys) if key not in known]
        left.sort(key=lambda i: -len(prompts[i].text))
        for start in range(0, len(left), self._at_once):
            self._tell(len(prompts) - len(left) + start, len(prompts))
            places = left[start : start + self._at_once]
            for i, answer in zip(places, self._said([prompts[i] for i in places]), strict=True):
                known[keys[i]] = answer
            self._kept.add({keys[i]: known[keys[i]] for i in places})
        self._tell(len(prompts), len(prompts))
        return [known[key] for key in keys]

    def _said(self, prompts: Sequence[Prompt]) -> list[Answer]:
        requests = [
            Instance(request_type="generate_until", doc={}, arguments=(prompt.text, _how(prompt)), idx=i)
            for i, prompt in enumerate(prompts)
        ]
        with hushed():
            if prompts[0].temperature > 0:
                torch.manual_seed(int(self._key(prompts[0])[:8], 16))
            texts = self._model.generate_until(requests, disable_tqdm=True)
            return [self._answer(prompt, text) for prompt, text in zip(prompts, texts, strict=True)]

    def _answer(self, prompt: Prompt, text: str) -> Answer:
        whole = said(text)
        shown = up_to(whole, prompt.until)
        return Answer(
            text=shown,
            is_cut=shown == whole and self._tokens(text) >= prompt.max_tokens - 1,
            is_prompt_cut=self._tokens(prompt.text) + prompt.max_tokens > self.longest,
        )

    def _tokens(self, text: str) -> int:
        return len(self._model.tok_encode(text, add_special_tokens=False))

    def _key(self, prompt: Prompt) -> str:
        return hashlib.sha256(f"{self.identity} {prompt.key}".encode()).hexdigest()


def _how(prompt: Prompt) -> dict[str, Any]:
    found: dict[str, Any] = {
        "do_sample": prompt.temperature > 0,
        "temperature": prompt.temperature,
        "max_gen_toks": prompt.max_tokens,
        "until": list(prompt.until),
    }
    return found if prompt.top_p is None else {**found, "top_p": prompt.top_p}


def _arguments(name: str) -> dict[str, Any]:
    """Return how a model is loaded; of an adapter its base is loaded with it."""
    path = Path(name) / _ADAPTER
    if not path.is_file():
        return {"pretrained": name}
    base = json.loads(path.read_bytes()).get("base_model_name_or_path")
    if not isinstance(base, str):
        raise ConfigError(f"{path} names no base, so the adapter cannot be loaded.")
    return {"pretrained": base, "peft": name, "tokenizer": name}
