"""vLLM inside the process of a run, as a teacher: python in_process.py FOLDER MODEL."""

import asyncio
import sys
from itertools import count

from transformers import AutoTokenizer
from vllm import AsyncEngineArgs, AsyncLLMEngine, SamplingParams
from vllm.sampling_params import RequestOutputKind

import glan
from glan.errors import RequestError
from glan.records import Reply, Request, Usage


class InProcess:
    """An engine of vLLM that answers requests, many at once; a long beginning that they share is read once."""

    def __init__(self, model: str) -> None:
        self.model = model
        self._tokenizer = AutoTokenizer.from_pretrained(model)
        self.engine = AsyncLLMEngine.from_engine_args(AsyncEngineArgs(model=model, enable_prefix_caching=True))
        self._numbers = count()

    async def reply(self, request: Request) -> Reply:
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        prompt = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        asked = request.sampling
        given = {"temperature": asked.temperature, "top_p": asked.top_p, "max_tokens": asked.max_tokens}
        set_ = {name: value for name, value in given.items() if value is not None}
        params = SamplingParams(output_kind=RequestOutputKind.FINAL_ONLY, **set_)
        try:
            (found,) = [each async for each in self.engine.generate(prompt, params, str(next(self._numbers)))]
        except ValueError as error:  # such as a prompt that is longer than the model's context
            raise RequestError(str(error)) from error
        said = found.outputs[0]
        usage = Usage(prompt_tokens=len(found.prompt_token_ids), completion_tokens=len(said.token_ids))
        return Reply(text=said.text, finish_reason=said.finish_reason, model=self.model, usage=usage)


async def main() -> None:
    """Make the data set of the project in FOLDER, or go on making it."""
    folder, model = sys.argv[1:]
    options = glan.Options(max_in_flight=256)
    result = await glan.Project.open(folder).run(teacher=InProcess(model), options=options)
    print(f"{result.pairs:,} pairs, {result.rejects:,} rejects, {result.failures:,} failures")


if __name__ == "__main__":
    asyncio.run(main())
