"""Vectors of what a question is about, without a model: for trying and testing copies in meaning.

    "Explain the method of images."  and  "What is the method of images, and why does it matter?"  are one vector

A text is the bag of its words without those of every question; each word adds to two components that its hash names.
It knows words and no meanings: a synonym is another word, and a text that says the opposite in the same words is the
same. A vector is a pure function of the text.
"""

import hashlib
import re
from functools import lru_cache

import numpy as np

from glan.places import key_of
from glan.records import Reply, Request, Usage
from glan.vectors import pack, rounded

DIMENSIONS = 256
_CHARACTERS_PER_TOKEN = 4
_MARKS = 2
"""Components that a word adds to: two words that share one still differ in the other."""
_WORD = re.compile(r"\w+(?:[-.,]\d+)*[+#]*")
_PHRASES = """
a about an and any are as at be been being between by can cannot compare consider could define derive describe did
discuss do does each either example examples explain explains for from give given gives has have how i if important
importance in into is it its let make makes matter matters me meant might must name of on one or other our outline
please question say shall should show sketch so some state such summarise summarize tell than that the their them then
there these they this those through to two under use used uses was we were what when where whether which while who
whose why will with words would write you your
"""
_PHRASING = frozenset(_PHRASES.split())
"""Words of every question, which say nothing of what it is about."""


def embedded(request: Request, model: str) -> Reply:
    """Return the vector of the last message of a request, under a model's name; `extra` may hold `dimensions`."""
    text = request.messages[-1].content if request.messages else ""
    wanted = request.sampling.extra.get("dimensions")
    components = np.zeros(wanted if isinstance(wanted, int) else DIMENSIONS)
    words = _content(text)
    for word in words:
        for place, sign in _marks(word):
            components[place % components.size] += sign
    return Reply(
        text=pack(rounded(components.tolist() if components.any() else [1.0, *components[1:].tolist()])),
        finish_reason="stop",
        usage=Usage(prompt_tokens=-(-len(text) // _CHARACTERS_PER_TOKEN), completion_tokens=0),
        model=model,
        cost_usd=0.0,
    )


def _content(text: str) -> list[str]:
    """Return the words that a text is about, without plural; all its words where it has no others."""
    words = _WORD.findall(key_of(text))
    return [_singular(word) for word in words if word not in _PHRASING] or words


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


@lru_cache(maxsize=65_536)
def _marks(word: str) -> tuple[tuple[int, int], ...]:
    digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=4 * _MARKS).digest()
    found = [int.from_bytes(digest[4 * i : 4 * i + 4], "big") for i in range(_MARKS)]
    return tuple((number >> 1, 1 if number & 1 else -1) for number in found)
