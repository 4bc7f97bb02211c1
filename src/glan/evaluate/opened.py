"""A model of this machine, loaded. It imports torch, and is imported only when it is called for."""

from typing import Any, Final, NamedTuple

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from glan.errors import ConfigError

_LONGEST: Final = 4_096
"""Tokens of a text where a model does not say how many it takes."""


class Opened(NamedTuple):
    """A model with its tokenizer, on the accelerator where there is one."""

    tokenizer: Any
    model: Any
    device: str
    longest: int
    """Tokens that it takes."""


def open_model(name: str) -> Opened:
    """Load a model in a folder or on the hub, an adapter too; no code of its own is run.

    Raises:
        ConfigError: it cannot be loaded.

    """
    logging.disable_progress_bar()
    device, dtype = device_and_type()
    tokenizer = _loaded(AutoTokenizer, name)
    model = _loaded(AutoModelForCausalLM, name, dtype=dtype).to(device).eval()
    longest = int(getattr(model.config.get_text_config(), "max_position_embeddings", None) or _LONGEST)
    return Opened(tokenizer, model, device, longest)


def device_and_type() -> tuple[str, torch.dtype]:
    """Return where every model of this machine is, and the type of its numbers: bfloat16 where a CUDA device has it."""
    if torch.cuda.is_available():
        return "cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return "mps" if torch.backends.mps.is_available() else "cpu", torch.float32


def _loaded(kind: Any, name: str, **options: Any) -> Any:  # noqa: ANN401 - transformers' own
    try:
        return kind.from_pretrained(name, **options)
    except (OSError, ValueError, ImportError) as error:
        first = next(iter(str(error).splitlines()), "")
        raise ConfigError(
            f"The model {name} cannot be loaded: {first.rstrip('.')}.",
            hint="A model is a folder with config.json, or a name on the hub that you may read.",
        ) from error
