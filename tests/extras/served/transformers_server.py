"""`transformers serve` with a tiny model of random weights. Run in an environment that has transformers[serving].

    python transformers_server.py FOLDER PORT [ARGUMENTS OF transformers serve]

This server holds no reply to a schema, so some tokens of the model are a whole line of a listing each. They come among
words, as from a model that was asked for JSON and talks besides; which of them come is as random as the weights.
"""

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from nonsense import CONSTANT, HEADS, INNER, NEVER, SCALE, SEED, TEMPLATE, WIDTH, WORDS, end_with_parent
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.cli.transformers import main

CONTEXT = 2_048
LEVELS = ("introductory", "intermediate", "advanced", "graduate")
UNKNOWN, BEGINNING, END = "<unk>", "<s>", "</s>"
END_BIAS = math.log(6)
LINE_BIAS = math.log(0.7)


def lines() -> Iterator[str]:
    """Yield lines of listings, of subjects and of sessions at once: what a reader does not look for it passes over."""
    threes = zip(WORDS[0::3], WORDS[1::3], WORDS[2::3], strict=True)
    for i, (first, second, third) in enumerate(threes):
        listed = {
            "subject_name": f"{first} and {second}",
            "level": LEVELS[i % 4],
            "subtopics": [third, first],
            "session_name": f"{second} and {third}",
            "key_concepts": [first, third, f"{first} of {third}"],
        }
        yield f"\n{json.dumps(listed)}\n"


def vocabulary() -> dict[str, float]:
    """Return the bias of each token, in the order of their numbers."""
    special = {UNKNOWN: NEVER, BEGINNING: NEVER, END: END_BIAS}
    return {**special, **dict.fromkeys(WORDS, 0.0), **dict.fromkeys(lines(), LINE_BIAS)}


def write_model(folder: Path) -> None:
    """Write the model as `from_pretrained` reads it, tokenizer and chat template included."""
    biases = vocabulary()
    numbers = {token: number for number, token in enumerate(biases)}
    tokenizer = Tokenizer(WordLevel(numbers, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = Whitespace()
    special = {"unk_token": UNKNOWN, "bos_token": BEGINNING, "eos_token": END}
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, chat_template=TEMPLATE, model_max_length=CONTEXT, **special
    ).save_pretrained(folder)
    torch.manual_seed(SEED)
    config = LlamaConfig(
        vocab_size=len(biases),
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=1,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=CONTEXT,
        bos_token_id=numbers[BEGINNING],
        eos_token_id=numbers[END],
    )
    model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(
        do_sample=True,
        top_k=0,
        bos_token_id=numbers[BEGINNING],
        eos_token_id=numbers[END],
        pad_token_id=numbers[END],
    )
    with torch.no_grad():
        bias(model, torch.tensor(list(biases.values())))
    model.save_pretrained(folder)


def bias(model: LlamaForCausalLM, biases: torch.Tensor) -> None:
    """Put the biases into the weights."""
    embeddings = model.model.embed_tokens.weight
    embeddings.normal_()
    embeddings[:, 0] = CONSTANT
    model.lm_head.weight.normal_(0.0, 0.1)
    model.lm_head.weight[:, 0] = biases * SCALE
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight[0] = 0.0
        layer.mlp.down_proj.weight[0] = 0.0


if __name__ == "__main__":
    end_with_parent()
    model, port = Path(sys.argv[1]), sys.argv[2]
    if not model.exists():
        write_model(model)
    torch.set_num_threads(1)
    sys.argv[1:] = ["serve", *sys.argv[3:], "--host", "127.0.0.1", "--port", port, "--device", "cpu"]
    main()
