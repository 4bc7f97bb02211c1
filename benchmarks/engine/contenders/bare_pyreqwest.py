"""The bare client: pyreqwest with a fixed pool of workers, each reply parsed down to its text, and nothing kept."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import common
import msgspec
from pyreqwest.client import Client, ClientBuilder


class _Message(msgspec.Struct):
    content: str


class _Choice(msgspec.Struct):
    message: _Message


class _Completion(msgspec.Struct):
    choices: list[_Choice]


_decode = msgspec.json.Decoder(_Completion).decode
_encode = msgspec.json.Encoder().encode


async def _work(client: Client, url: str, prompts: Iterator[common.Messages]) -> list[str]:
    """Ask one prompt after the other, until no worker finds one."""
    texts = []
    for messages in prompts:
        body = _encode({"model": common.MODEL, "messages": messages, "max_tokens": common.MAX_TOKENS})
        call = client.post(url).header("content-type", "application/json").bearer_auth(common.KEY).body_bytes(body)
        response = await call.build().send()
        texts.append(_decode(await response.bytes()).choices[0].message.content)
    return texts


async def _run(job: common.Job) -> list[str]:
    prompts = iter(job.prompts)
    timeout = timedelta(seconds=common.TIMEOUT_S)
    async with ClientBuilder().timeout(timeout).no_proxy().error_for_status().build() as client:
        workers = [_work(client, f"{job.url}/chat/completions", prompts) for _ in range(job.in_flight)]
        return [text for texts in await asyncio.gather(*workers) for text in texts]


if __name__ == "__main__":
    common.measure("bare pyreqwest", "pyreqwest", lambda job: asyncio.run(_run(job)))
