"""What a reply shows of a server that is set up wrong: a prompt that was cut, room that thinking used up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.records import Message, Reply, Request, Sampling, Stage, Usage
from glan.teachers.faults import Faulty
from glan.teachers.filler import Filler, tokens_of
from glan.teachers.suspicions import fewest_tokens, is_all_thought, is_cut

PROSE = "The river rises in the hills to the north and is slow by the time it meets the sea. " * 60
CODE = "for i in range(10):\n    if counts[i] != other.counts[i]:\n        return self._found(i, counts[i])\n" * 40
CHINESE = "这条河发源于北方的山丘, 流到边海时已经很缓慢了。早在有人记载之前, 那里的人们就把房子建在木桩上。" * 40
RUSSIAN = "Река начинается в северных холмах и медленно приходит к морю, где люди строили дома на сваях. " * 40
THAI = "แม่น้ำสายนี้มีต้นกำเนิดจากเนินเขาทางทิศเหนือ" * 60
TABLE = "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 200

TOKENS = {"prose": (PROSE, 1_200), "code": (CODE, 1_400), "Chinese": (CHINESE, 1_300), "Russian": (RUSSIAN, 1_100),
          "Thai": (THAI, 1_000), "table": (TABLE, 1_200)}  # fmt: skip
"""Texts with about as few tokens as the most thrifty tokenizers make of them."""


def ask(*texts: str) -> Request:
    return Request(
        id="question/a/b/0",
        stage=Stage.QUESTIONS,
        messages=tuple(Message(role="user", content=text) for text in texts),
        sampling=Sampling(model="m", max_tokens=9),
    )


def counted(prompt_tokens: int | None, cached_tokens: int | None = None) -> Reply:
    return Reply(text="So.", usage=Usage(prompt_tokens=prompt_tokens, cached_tokens=cached_tokens))


@pytest.mark.parametrize(("text", "tokens"), TOKENS.values(), ids=TOKENS)
def test_a_whole_prompt_is_never_suspected(text: str, tokens: int) -> None:
    """What a thrifty tokenizer counts of prose, code and scripts without spaces is enough, in one message or many."""
    assert not is_cut(ask(text), counted(tokens))
    assert not is_cut(ask(PROSE, text), counted(tokens + 1_200))


@pytest.mark.parametrize(("text", "tokens"), TOKENS.values(), ids=TOKENS)
def test_a_prompt_of_which_a_third_is_left_is_found(text: str, tokens: int) -> None:
    """A server that counts a third of the tokens has not seen the prompt, whatever stands in it."""
    assert is_cut(ask(text), counted(tokens // 3))


def test_half_of_a_prompt_of_prose_is_found() -> None:
    """Words set the bound where there are spaces: each is a token or more."""
    assert fewest_tokens(ask(PROSE).messages) == len(PROSE.split())
    assert is_cut(ask(PROSE), counted(600))


@pytest.mark.parametrize("tokens", [None, 0, 10, 255])
def test_a_server_that_does_not_count_is_not_suspected(tokens: int | None) -> None:
    """No count is no evidence, and neither is one that no context is as small as."""
    assert not is_cut(ask(PROSE), counted(tokens))


def test_what_came_from_a_cache_was_sent() -> None:
    """Servers that count only what was new say how much was cached."""
    assert not is_cut(ask(PROSE), counted(200, 1_000))


def test_a_short_prompt_is_not_suspected() -> None:
    """A prompt that may have fewer than a hundred tokens is cut by no server."""
    assert not is_cut(ask("Why is the sky blue? " * 19), counted(1))


@given(st.lists(st.text(max_size=300), max_size=4))
def test_no_text_has_fewer_tokens_than_its_bound(texts: list[str]) -> None:
    """The bound is at most a token for each visible character, for any text, and a count of so many passes."""
    request = ask(*texts)
    characters = sum(not character.isspace() for text in texts for character in text)
    assert fewest_tokens(request.messages) <= characters
    assert not is_cut(request, counted(max(characters, 1)))


async def test_the_simulated_cut_is_found() -> None:
    """A simulated server that cuts its prompts counts what it saw, and is found out."""
    request = ask(PROSE)
    whole = await Filler().reply(request)
    cut = await Faulty(Filler(), seed=0, rates={"cut-prompt": 1.0}).reply(request)
    assert not is_cut(request, whole)
    assert is_cut(request, cut)
    assert cut.usage.prompt_tokens == tokens_of(PROSE) // 2


@pytest.mark.parametrize(
    ("reply", "is_it"),
    [
        (Reply(text="", reasoning="Hm.", finish_reason="length"), True),
        (Reply(text=" \n", finish_reason="length", usage=Usage(reasoning_tokens=9)), True),
        (Reply(text="So", reasoning="Hm.", finish_reason="length"), False),
        (Reply(text="", reasoning="Hm.", finish_reason="stop"), False),
        (Reply(text="", finish_reason="length", usage=Usage(reasoning_tokens=0)), False),
    ],
    ids=["thoughts", "tokens", "text", "stop", "no thoughts"],
)
def test_thinking_without_a_text_is_told_apart(reply: Reply, *, is_it: bool) -> None:
    """Only where a model thought, said nothing and ran out of room was the room the reason."""
    assert is_all_thought(reply) is is_it
