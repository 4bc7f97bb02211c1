"""What a reply shows of a server that is set up wrong: its prompt was cut, or thinking took all the room. Pure.

A server with a small context may cut a prompt without a word, and answers what is left: a question is then written
without its syllabus. Only its count of the prompt's tokens tells. It is held against the fewest tokens that a prompt of
these words can have with any tokenizer, so that what is found was cut, and a cut of less than a quarter is not found.
"""

import re
from collections.abc import Iterable

from glan.records import Message, Reply, Request

CUT_PROMPT = "prompt cut"
ALL_THOUGHT = "thinking used up the room"
"""Reasons of rejects: statistics count them."""

_LEAST_TOKENS = 100
"""A prompt that may have fewer is cut by no server, and an odd count of it would prove nothing."""
_LEAST_CONTEXT = 256
"""No server has a smaller context: one that says it saw fewer tokens of a long prompt does not count them."""
_CHARACTERS_PER_TOKEN = 6
"""Most characters of a token that are no spaces, on average over a prompt: English has 4, code 3."""
_WIDE_PER_TOKEN = 3
"""The same of Chinese and Japanese, which have 1 to 2."""
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def is_cut(request: Request, reply: Reply) -> bool:
    """Say whether the server counted fewer tokens than the prompt can have; what it served from a cache counts too."""
    usage = reply.usage
    if not usage.prompt_tokens:
        return False
    counted = usage.prompt_tokens + (usage.cached_tokens or 0)
    if counted < _LEAST_CONTEXT:
        return False
    # Nearly every prompt passes here, at a tenth of what it takes to look at its words.
    if counted >= sum([_about(message.content) for message in request.messages]):
        return False
    return counted < fewest_tokens(request.messages) >= _LEAST_TOKENS


def _about(text: str) -> float:
    """Return a number that is not below the fewest tokens of a text with ordinary spaces."""
    words = text.count(" ") + text.count("\n") + 1
    n_beyond = 0 if text.isascii() else len(text.encode("utf-8", "replace")) - len(text)
    return max(words, len(text) / _CHARACTERS_PER_TOKEN) + n_beyond / 2 / _WIDE_PER_TOKEN


def fewest_tokens(messages: Iterable[Message]) -> int:
    """Return the fewest tokens that a prompt can have: no token spans two words, and none is long on average."""
    return sum(_fewest(message.content) for message in messages)


def _fewest(text: str) -> int:
    rest, n_wide = (text, 0) if text.isascii() else _WIDE.subn("", text)
    words = rest.split()
    return max(len(words), sum(map(len, words)) // _CHARACTERS_PER_TOKEN) + n_wide // _WIDE_PER_TOKEN


def is_all_thought(reply: Reply) -> bool:
    """Say whether a reply ended for want of room before its text began, and the model had thought."""
    has_thought = bool(reply.reasoning) or bool(reply.usage.reasoning_tokens)
    return reply.finish_reason == "length" and has_thought and not reply.text.strip()
