"""Bespoke Curator: one `LLM` over a data set of messages, each reply appended to its response file.

What it took to run it without a network: telemetry is off (see common.py), and tiktoken, with which Curator counts
each prompt for its limit on tokens, finds its vocabulary in the copy that LiteLLM ships instead of loading it. The
limits on requests and tokens a minute are too high to be met. Each run has a folder of its own, so nothing is cached.
It asks once more than it has prompts, since it looks for limits in the head of a reply.
"""

import importlib.util
import os
import tempfile
from pathlib import Path

import common
from bespokelabs.curator import LLM
from datasets import Dataset

_NO_LIMIT = 10**9


class _Answers(LLM):  # type: ignore[misc]  # the library is not installed where types are checked
    def prompt(self, row: dict[str, common.Messages]) -> common.Messages:
        return row["messages"]


def _vocabulary() -> str:
    """Return the folder in which LiteLLM ships what tiktoken would load."""
    found = importlib.util.find_spec("litellm")
    if found is None or found.origin is None:
        raise SystemExit("LiteLLM, which comes with Curator, is not installed.")
    name = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"  # the SHA-1 of the address of cl100k_base
    places = list(Path(found.origin).parent.glob(f"**/{name}"))
    if not places:
        raise SystemExit("This version of LiteLLM does not ship tiktoken's cl100k_base.")
    return str(places[0].parent)


def _run(job: common.Job) -> list[object]:
    llm = _Answers(
        model_name=common.MODEL,
        backend="openai",
        generation_params={"max_tokens": common.MAX_TOKENS},
        backend_params={
            "base_url": job.url,
            "api_key": common.KEY,
            "max_concurrent_requests": job.in_flight,
            "max_requests_per_minute": _NO_LIMIT,
            "max_tokens_per_minute": _NO_LIMIT * 1_000,
            "max_retries": 0,
            "request_timeout": common.TIMEOUT_S,
        },
    )
    with tempfile.TemporaryDirectory() as folder:
        found = llm(Dataset.from_list([{"messages": messages} for messages in job.prompts]), working_dir=folder)
        return list(found.dataset["response"])


if __name__ == "__main__":
    os.environ["TIKTOKEN_CACHE_DIR"] = _vocabulary()
    common.measure("curator", "bespokelabs-curator", _run)
