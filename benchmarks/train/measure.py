"""How fast the recipe `paper` trains a Mistral of random weights, beside the matrix multiplications of the same device.

    python benchmarks/train/measure.py [--size tiny|1b] [--steps N] [--tokens N] [--batch N]

Needs the extra `train`. `1b` is for a GPU; `tiny` runs on a processor, where its numbers say nothing of a GPU.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from transformers import MistralConfig, MistralForCausalLM
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

SIZES = {
    "tiny": {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 4},
    "1b": {"hidden_size": 2_048, "intermediate_size": 5_632, "num_hidden_layers": 22, "num_attention_heads": 32},
}
KEY_VALUE_HEADS = {"tiny": 2, "1b": 4}
WARM_UP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was seen."""

    tokens_per_s: float
    flops_per_token: float
    peak_flops: float

    @property
    def utilisation(self) -> float:
        return self.tokens_per_s * self.flops_per_token / self.peak_flops


def timed(work: Callable[[], object], times: int, device: str) -> float:
    """Return the seconds of one of some runs."""
    for _ in range(WARM_UP):
        work()
    if device == "cuda":
        torch.cuda.synchronize()
    begun_s = time.perf_counter()
    for _ in range(times):
        work()
    if device == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - begun_s) / times


def peak_of(device: str, dtype: torch.dtype) -> float:
    """Return the greatest FLOP/s of square matrix multiplications."""
    found = 0.0
    for side in (1_024, 2_048) if device == "cpu" else (4_096, 8_192, 16_384):
        left, right = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
        seconds = timed(partial(torch.matmul, left, right), 5, device)
        found = max(found, 2 * side**3 / seconds)
    return found


def measured(size: str, steps: int, tokens: int, batch: int) -> Measured:
    """Train for some steps on random tokens: forward, backward, AdamW; weights float32, bfloat16 on a GPU."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    config = MistralConfig(
        vocab_size=32_000,
        num_key_value_heads=KEY_VALUE_HEADS[size],
        max_position_embeddings=tokens,
        sliding_window=None,
        **SIZES[size],
    )
    model = MistralForCausalLM(config).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-6, fused=device == "cuda")
    rows = [{"input_ids": torch.randint(32_000, (tokens,)).tolist()} for _ in range(batch)]
    inputs = {name: value.to(device) for name, value in DataCollatorForLanguageModeling(0)(rows).items()}

    def step() -> None:
        with torch.autocast(device, dtype, enabled=dtype is not torch.float32):
            loss = model(**inputs, use_cache=False).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    seconds = timed(step, steps, device)
    return Measured(
        tokens_per_s=tokens * batch / seconds,
        flops_per_token=flops_per_token(model, config, tokens),
        peak_flops=peak_of(device, dtype),
    )


def flops_per_token(model: MistralForCausalLM, config: MistralConfig, tokens: int) -> float:
    """Return 6 for each weight that is multiplied, and attention over half of the sequence on average."""
    weights = model.num_parameters() - model.get_input_embeddings().weight.numel()
    return float(6 * weights + 6 * config.num_hidden_layers * config.hidden_size * tokens)


def main() -> None:
    """Print a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="1b" if torch.cuda.is_available() else "tiny")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--tokens", type=int, default=2_048 if torch.cuda.is_available() else 256)
    parser.add_argument("--batch", type=int, default=8 if torch.cuda.is_available() else 4)
    given = parser.parse_args()
    found = measured(given.size, given.steps, given.tokens, given.batch)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "a processor"
    print(
        f"{given.size} on {device}: {found.tokens_per_s:,.0f} tokens/s, "
        f"{found.flops_per_token / 1e9:.3f} GFLOP a token, "
        f"{found.peak_flops / 1e12:.2f} TFLOP/s of matrix multiplications, utilisation {found.utilisation:.0%}"
    )


if __name__ == "__main__":
    main()
