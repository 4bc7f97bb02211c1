"""`transformers serve` with a tiny model of random weights. Run in the environment that has transformers[serving].

    python transformers_server.py FOLDER PORT [ARGUMENTS OF transformers serve]

This server holds no reply to a schema, so some tokens of the model are a whole line of a listing each. They come among
words, as from a model that was asked for JSON and chats besides; which of them come is as random as the weights.
"""

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.cli.transformers import main

CONTEXT = 2_048
SEED = 20_240_213
WIDTH, INNER = 64, 128
CONSTANT = 8.0
"""The first number of every embedding: with it the biases reach the logits."""

WORDS = """
    tide moon river stone light number theory proof market price cell energy force wave field group music chord
    history treaty empire law court right duty value risk claim policy harbour vessel net catch season feed signal
    sensor motor path plan map graph tree root leaf seed soil rain cloud storm heat cold metal acid salt bond
    orbit planet star comet lens mirror angle circle line point set limit series sum product ratio rate change
""".split()
LEVELS = ("introductory", "intermediate", "advanced", "graduate")
NEVER = -20.0
END = math.log(4)
LINE = math.log(0.5)
"""Of a word, 0: it comes twice as often as one of the lines."""

TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


def lines() -> Iterator[str]:
    """Yield lines of listings, of subjects and of sessions at once: what a reader does not look for it passes over."""
    for i, (first, second, third) in enumerate(zip(WORDS[0::3], WORDS[1::3], WORDS[2::3], strict=False)):
        listed = {
            "subject_name": f"{first} and {second}",
            "level": LEVELS[i % 4],
            "subtopics": [third, first],
            "session_name": f"{second} and {third}",
            "key_concepts": [first, third, f"{first} of {third}"],
        }
        yield f"\n{json.dumps(listed)}\n"


def vocabulary() -> dict[str, float]:
    """Return the bias of each token."""
    special = {"<unk>": NEVER, "<s>": NEVER, "</s>": END}
    return {**special, **dict.fromkeys(WORDS, 0.0), **dict.fromkeys(lines(), LINE)}


def write_model(folder: Path) -> None:
    biases = vocabulary()
    tokenizer = Tokenizer(WordLevel({token: i for i, token in enumerate(biases)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        chat_template=TEMPLATE,
        model_max_length=CONTEXT,
    ).save_pretrained(folder)
    torch.manual_seed(SEED)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(biases),
            hidden_size=WIDTH,
            intermediate_size=INNER,
            num_hidden_layers=1,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=CONTEXT,
            bos_token_id=1,
            eos_token_id=2,
        )
    )
    model.generation_config = GenerationConfig(do_sample=True, bos_token_id=1, eos_token_id=2, pad_token_id=2)
    bias(model, torch.tensor(list(biases.values())))
    model.save_pretrained(folder)


@torch.no_grad()
def bias(model: LlamaForCausalLM, biases: torch.Tensor) -> None:
    """Put the biases into the weights; no layer touches the first number of a state, which carries them."""
    embeddings = model.model.embed_tokens.weight
    embeddings.normal_()
    embeddings[:, 0] = CONSTANT
    model.lm_head.weight.normal_(0.0, 0.1)
    model.lm_head.weight[:, 0] = biases / (CONSTANT / math.sqrt((CONSTANT**2 + WIDTH) / WIDTH))
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight[0] = 0.0
        layer.mlp.down_proj.weight[0] = 0.0


if __name__ == "__main__":
    model, port = Path(sys.argv[1]), sys.argv[2]
    if not model.exists():
        write_model(model)
    torch.set_num_threads(1)
    sys.argv[1:] = ["serve", *sys.argv[3:], "--host", "127.0.0.1", "--port", port, "--device", "cpu"]
    main()
