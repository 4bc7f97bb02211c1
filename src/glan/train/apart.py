"""Whether a base keeps the pairs of one sequence apart: it is tried before the first step. It imports torch."""

from typing import Any, Final

import torch

from glan.errors import ConfigError

_SHORT: Final = 16
"""Tokens of each sequence with which packing is tried."""
_SAME: Final = 1e-4
"""Differences of logits, as a share of the greatest, that are rounding."""


def leak_of(trainer: Any) -> float:  # noqa: ANN401 - trl's own
    """Return how much what stands before a pair in its sequence changes the logits of it, as a share of the greatest.

    Two pairs are set in one sequence as training does, twice: the first pair of each is another. The second one's
    logits are the same to the last digit where the model keeps pairs apart.
    """
    sizes = trainer.model.get_input_embeddings().num_embeddings
    generator = torch.Generator().manual_seed(0)
    first, other, second = (torch.randint(sizes, (_SHORT,), generator=generator).tolist() for _ in range(3))
    logits = []
    trainer.model.eval()
    for before in (first, other):
        batch = trainer.data_collator([{"input_ids": before}, {"input_ids": second}])
        batch = {name: value for name, value in trainer._prepare_inputs(batch).items() if name != "labels"}  # noqa: SLF001
        with torch.no_grad(), trainer.compute_loss_context_manager():
            logits.append(trainer.model(**batch, use_cache=False).logits[0, _SHORT:].float())
    trainer.model.train()
    return float((logits[0] - logits[1]).abs().max() / logits[0].abs().max())


def keeps_apart(trainer: Any, base: str) -> bool:  # noqa: ANN401 - trl's own
    """See that no pair sees another in its sequence; where the weights are spread out that cannot be tried.

    Raises:
        ConfigError: it does.

    """
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        return False
    leak = leak_of(trainer)
    if leak > _SAME:
        raise ConfigError(
            f"{base} lets pairs in one sequence see each other (its logits change by {leak:.1%}).",
            hint='Another implementation of attention may keep them apart: --set attention="sdpa".',
        )
    return True
