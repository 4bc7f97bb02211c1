"""The client that most programs are written with: `openai.AsyncOpenAI` as it comes, and a fixed pool of workers."""

import asyncio
from collections.abc import Iterator

import common
from openai import AsyncOpenAI


async def _work(client: AsyncOpenAI, prompts: Iterator[common.Messages]) -> list[str]:
    """Ask one prompt after the other, until no worker finds one."""
    texts = []
    for messages in prompts:
        completion = await client.chat.completions.create(
            model=common.MODEL, messages=messages, max_tokens=common.MAX_TOKENS
        )
        texts.append(completion.choices[0].message.content)
    return texts


async def _run(job: common.Job) -> list[str]:
    prompts = iter(job.prompts)
    async with AsyncOpenAI(base_url=job.url, api_key=common.KEY, max_retries=0, timeout=common.TIMEOUT_S) as client:
        workers = [_work(client, prompts) for _ in range(job.in_flight)]
        return [text for texts in await asyncio.gather(*workers) for text in texts]


if __name__ == "__main__":
    common.measure("openai", "openai", lambda job: asyncio.run(_run(job)))
