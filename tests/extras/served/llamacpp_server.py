"""llama.cpp's own server with a tiny model of random weights. Run in the environment that has xllamacpp and gguf.

    python llamacpp_server.py FOLDER PORT [--key KEY] [--no-jinja]

The weights are random but for a bias of each token, so that words, quotes and ends come about as often as in a text:
what it says is nonsense of a few words, and what a schema holds it to comes to its end.
"""

import argparse
import math
import threading
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt
import xllamacpp
from nonsense import CONSTANT, HEADS, INNER, NEVER, SCALE, SEED, TEMPLATE, WIDTH, WORDS, end_with_parent

Matrix = npt.NDArray[np.float32]

NAME = "nonsense"
CONTEXT = 8_192
"""Tokens that one request may have, prompt and reply together."""
SLOTS = 4
"""Requests that are served at once."""

SELDOM = -6.0
BIASES = {
    "</s>": math.log(6),
    '"': math.log(60),
    "{": math.log(40),
    ",": math.log(5),
    "]": math.log(5),
    ".": math.log(3),
    "?": math.log(3),
}
"""Of a token; words have 0, all other characters `SELDOM`, and single bytes `NEVER`."""


def vocabulary() -> Iterator[tuple[str, gguf.TokenType, float]]:
    """Yield the text, kind and bias of each token, in the order of their numbers."""
    yield "<unk>", gguf.TokenType.UNKNOWN, NEVER
    yield "<s>", gguf.TokenType.CONTROL, NEVER
    yield "</s>", gguf.TokenType.CONTROL, BIASES["</s>"]
    for byte in range(256):
        yield f"<0x{byte:02X}>", gguf.TokenType.BYTE, NEVER
    for code in range(33, 127):
        yield chr(code), gguf.TokenType.NORMAL, BIASES.get(chr(code), SELDOM)
    yield "\u2581", gguf.TokenType.NORMAL, SELDOM
    for word in WORDS:
        yield f"\u2581{word}", gguf.TokenType.NORMAL, 0.0


def weights(biases: Matrix) -> Iterator[tuple[str, Matrix]]:
    """Yield the tensors of a model with one layer."""
    rng = np.random.default_rng(SEED)

    def some(rows: int, columns: int, size: float = 0.1) -> Matrix:
        return (rng.standard_normal((rows, columns)) * size).astype(np.float32)

    embeddings, output = some(len(biases), WIDTH, 1.0), some(len(biases), WIDTH)
    embeddings[:, 0] = CONSTANT
    output[:, 0] = biases * SCALE
    yield "token_embd.weight", embeddings
    yield "output.weight", output
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        yield f"{name}.weight", np.ones(WIDTH, np.float32)
    for name in ("attn_q", "attn_k", "attn_v"):
        yield f"blk.0.{name}.weight", some(WIDTH, WIDTH)
    for name in ("ffn_gate", "ffn_up"):
        yield f"blk.0.{name}.weight", some(INNER, WIDTH)
    for name, columns in (("attn_output", WIDTH), ("ffn_down", INNER)):
        matrix = some(WIDTH, columns)
        matrix[0] = 0.0
        yield f"blk.0.{name}.weight", matrix


def write_model(path: Path) -> None:
    """Write the model as a GGUF file, tokenizer and chat template included."""
    texts, kinds, biases = zip(*vocabulary(), strict=True)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(NAME)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(texts))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(texts)
    writer.add_token_types(kinds)
    writer.add_token_scores([float(-number) for number in range(len(texts))])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(TEMPLATE)
    for name, tensor in weights(np.array(biases, np.float32)):
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def serve(path: Path, given: argparse.Namespace) -> None:
    """Serve the model until the process ends; one thread, since two on a busy machine are seventy times as slow."""
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = [NAME]
    params.hostnames = ["127.0.0.1"]
    params.port = given.port
    params.api_keys = given.key
    params.use_jinja = given.jinja
    params.n_ctx = CONTEXT * SLOTS
    params.n_parallel = SLOTS
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.endpoint_metrics = True
    params.sampling.top_k = 0
    params.sampling.top_p = 1.0
    params.sampling.min_p = 0.0
    params.sampling.temp = 1.0
    server = xllamacpp.Server(params)
    print(f"serving at {server.listening_address}", flush=True)
    threading.Event().wait()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--key", action="append", default=[])
    parser.add_argument("--no-jinja", dest="jinja", action="store_false")
    return parser.parse_args()


if __name__ == "__main__":
    end_with_parent()
    given = arguments()
    model = given.folder / f"{NAME}.gguf"
    if not model.exists():
        write_model(model)
    serve(model, given)
