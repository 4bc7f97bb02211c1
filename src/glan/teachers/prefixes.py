"""A cache of the beginnings of prompts, as servers keep it: a beginning that came before need not be read again.

Prompts are cut into blocks, and a block is known together with all that stands before it.
"""

from collections import OrderedDict

from glan.records import Request
from glan.teachers.filler import CHARACTERS_PER_TOKEN

_BLOCK_SIZE = 256
"""Characters of a block; what is shorter at the end of a prompt is never kept."""


class Prefixes:
    """Keeps the blocks that were used last."""

    def __init__(self, tokens: int) -> None:
        """Keep blocks of about so many tokens together."""
        self._most = tokens * CHARACTERS_PER_TOKEN // _BLOCK_SIZE
        self._blocks: OrderedDict[int, None] = OrderedDict()

    def cached_tokens(self, request: Request) -> int:
        """Return how many tokens at the beginning of a prompt are known, and keep all of it."""
        blocks = _blocks_of(request)
        n_known = next((i for i, block in enumerate(blocks) if block not in self._blocks), len(blocks))
        for block in reversed(blocks):  # the end of a prompt is dropped before its beginning
            self._blocks[block] = None
            self._blocks.move_to_end(block)
        while len(self._blocks) > self._most:
            self._blocks.popitem(last=False)
        return n_known * _BLOCK_SIZE // CHARACTERS_PER_TOKEN


def _blocks_of(request: Request) -> list[int]:
    """Return a hash of each whole block of a prompt, with all that stands before it."""
    text = "\n".join([f"{turn.role}\n{turn.content}" for turn in request.messages])
    found, last = [], hash(request.sampling.model)
    for i in range(len(text) // _BLOCK_SIZE):
        last = hash((last, text[i * _BLOCK_SIZE : (i + 1) * _BLOCK_SIZE]))
        found.append(last)
    return found
