"""datatrove's inference runner against an endpoint, with its output written as it does by default: gzipped JSONL.

For an address on this machine datatrove speaks HTTP itself, with a new connection for each request, and appends /v1
to the address; for any other it takes the OpenAI client. `datatrove[inference]` would install vLLM and SGLang, which
an endpoint needs not: see environments.py for what the runner imports.
"""

import gzip
import json
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import common
from datatrove.data import Document
from datatrove.pipeline.inference.run_inference import InferenceConfig, InferenceRunner
from datatrove.pipeline.writers import JsonlWriter


async def _rollout(document: Document, generate: Callable[[dict[str, object]], Awaitable[object]]) -> object:
    return await generate({"messages": document.metadata["messages"], "max_tokens": common.MAX_TOKENS})


def _run(job: common.Job) -> Iterator[str]:
    folder = tempfile.TemporaryDirectory()
    config = InferenceConfig(
        server_type="endpoint",
        model_name_or_path=common.MODEL,
        endpoint_url=job.url.removesuffix("/v1"),
        api_key=common.KEY,
        max_concurrent_generations=job.in_flight,
        request_timeout=common.TIMEOUT_S,
        server_ready_max_attempts=3,  # its patience with a server that is not there is 25 minutes
    )
    documents = [
        Document(text=messages[-1]["content"], id=str(number), metadata={"messages": messages})
        for number, messages in enumerate(job.prompts)
    ]
    InferenceRunner(rollout_fn=_rollout, config=config, output_writer=JsonlWriter(folder.name)).run(documents)
    return _written(folder)


def _written(folder: tempfile.TemporaryDirectory[str]) -> Iterator[str]:
    with folder:
        for path in Path(folder.name).glob("*.jsonl.gz"):
            with gzip.open(path, "rt", encoding="utf-8") as file:
                for line in file:
                    yield from [result["text"] for result in json.loads(line)["metadata"]["rollout_results"]]


if __name__ == "__main__":
    common.measure("datatrove", "datatrove", _run)
