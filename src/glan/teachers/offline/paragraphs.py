"""Paragraphs of an answer, and how they are fitted into its length."""

from collections.abc import Sequence
from dataclasses import dataclass

_RANKS = (1, 2, 3)
"""Ranks of what may be left out, the most important first; what has rank 0 always stands."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Sentences with their ranks, in the order in which they are read."""

    pieces: tuple[tuple[int, str], ...]
    is_close: bool = False
    """It follows without an empty line, as the items of a list do."""

    @property
    def length(self) -> int:
        """Characters of what always stands."""
        return sum(len(text) + 1 for rank, text in self.pieces if rank == 0) + 1


def paragraph(*pieces: tuple[int, str], is_close: bool = False) -> Paragraph:
    """Return a paragraph of the pieces that are not empty."""
    return Paragraph(tuple(piece for piece in pieces if piece[1]), is_close)


def fit(paragraphs: Sequence[Paragraph], room: int, further: int = 0) -> str:
    """Return the paragraphs as a text, with as much of what may be left out as there is room for.

    Args:
        paragraphs: in the order in which they are read.
        room: most characters.
        further: characters on top for what has rank 1.

    """
    left = room + further - sum(each.length for each in paragraphs)
    kept: set[tuple[int, int]] = set()
    for rank in _RANKS:
        left -= further if rank == _RANKS[1] else 0
        for i, each in enumerate(paragraphs):
            for k, (own, text) in enumerate(each.pieces):
                if own == rank and len(text) + 2 <= left:
                    left -= len(text) + 2
                    kept.add((i, k))
    lines: list[str] = []
    for i, each in enumerate(paragraphs):
        text = " ".join(text for k, (own, text) in enumerate(each.pieces) if own == 0 or (i, k) in kept)
        if text:
            lines += [("\n" if each.is_close else "\n\n") if lines else "", text]
    return "".join(lines)
