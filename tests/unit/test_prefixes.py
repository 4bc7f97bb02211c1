"""The cache of beginnings of prompts that a simulated server keeps."""

from loopback import post

from glan.records import Message, Request, Sampling, Stage
from glan.teachers.filler import Filler
from glan.teachers.prefixes import Prefixes
from glan.teachers.simulate import Simulated, running

BLOCK = 64
"""Tokens of a block."""


def asking(text: str, model: str = "any") -> Request:
    return Request(
        id="",
        stage=Stage.QUESTIONS,
        messages=(Message(role="user", content=text),),
        sampling=Sampling(model=model, max_tokens=100),
    )


def test_what_came_before_is_known_as_far_as_it_is_the_same() -> None:
    """Whole blocks of the same beginning count; the rest, another beginning and another model do not."""
    prefixes = Prefixes(100_000)
    syllabus = "A session on moons. " * 100
    assert prefixes.cached_tokens(asking(f"{syllabus}First.")) == 0
    assert prefixes.cached_tokens(asking(f"{syllabus}Second.")) == len(syllabus) // 256 * BLOCK
    assert prefixes.cached_tokens(asking(f"X{syllabus}First.")) == 0
    assert prefixes.cached_tokens(asking(f"{syllabus}First.", model="another")) == 0
    assert prefixes.cached_tokens(asking("short")) == prefixes.cached_tokens(asking("short")) == 0


def test_what_was_used_last_stays() -> None:
    """A third prompt drives out the one that was used longest ago, its end before its beginning."""
    texts = [letter * 256 * 4 for letter in "abc"]
    prefixes = Prefixes(10 * BLOCK)
    prefixes.cached_tokens(asking(texts[0]))
    prefixes.cached_tokens(asking(texts[1]))
    assert prefixes.cached_tokens(asking(texts[0])) == 4 * BLOCK
    assert prefixes.cached_tokens(asking(texts[2])) == 0
    assert prefixes.cached_tokens(asking(texts[0])) == 4 * BLOCK
    assert prefixes.cached_tokens(asking(texts[1])) == 2 * BLOCK


async def test_the_usage_tells_what_was_cached() -> None:
    """The second prompt with the same beginning has cached tokens, and the server counts them; without a cache none."""
    texts = [f"{'A session on moons. ' * 100}{i}" for i in range(2)]
    async with running(Simulated(prefix_cache=10_000), Filler()) as server:
        usages = [(await post(server, text)).json["usage"] for text in texts]
        stats = server.stats()
    cached = [usage["prompt_tokens_details"]["cached_tokens"] for usage in usages]
    assert cached == [0, 7 * BLOCK]
    assert stats.cached_tokens == sum(cached) < usages[1]["prompt_tokens"]
    async with running(Simulated(), Filler()) as server:
        assert "prompt_tokens_details" not in (await post(server, texts[0])).json["usage"]
