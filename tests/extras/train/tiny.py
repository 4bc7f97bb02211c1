"""A base made on the spot: a tokenizer that has learnt the texts at hand, and a Mistral of random weights."""

from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

SEED = 20_240_213
UNKNOWN, BEGINNING, END = "<unk>", "<s>", "</s>"
VOCABULARY = 4_096


def write_tokenizer(folder: Path, texts: Iterable[str], vocabulary: int = VOCABULARY) -> PreTrainedTokenizerFast:
    """Write a tokenizer without a chat template, as bases have it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[UNKNOWN, BEGINNING, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    found = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token=UNKNOWN, bos_token=BEGINNING, eos_token=END)
    found.save_pretrained(folder)
    return found


def write_base(
    folder: Path, texts: Iterable[str], *, width: int = 256, layers: int = 2, positions: int = 2_048
) -> Path:
    """Write a base that has seen nothing; at the usual width it has some three million weights."""
    tokenizer = write_tokenizer(folder, texts)
    torch.manual_seed(SEED)
    config = MistralConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=positions,
        sliding_window=None,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    MistralForCausalLM(config).save_pretrained(folder)
    return folder
