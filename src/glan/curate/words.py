"""From a text to the words by which it is held against benchmarks, and to numbers for runs of them.

    "**What** is 3 - 5, Anna?"  ->  [what, is, 3, 5, anna]
    "東京は"                    ->  [東, 京, は]

Letters, digits and combining marks make words, in NFKC and without case; punctuation, symbols and markup stand between
them like spaces. A character of a script that writes no spaces is a word. Pure, and the same in every process.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glan.curate.postings import Integers
from glan.curate.shingles import ASCII_WORDS, SPACELESS, Spelled, folded, hashed

LONG: Final = 13
"""Words of a run that two texts must not share."""
SHORT: Final = 6
"""Words from which a shorter text is looked for inside others."""

_CHARACTER: Final = (3, 4)
"""Bytes of a character of these scripts."""
_FIRST_IDEOGRAPH: Final = "\u3000"

Hashes = NDArray[np.uint64]
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
_HALF: Final = np.uint64(32)


class _Spacing(dict[int, str]):
    """What each character becomes; it fills itself with the characters that are met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        spaced = character if unicodedata.category(character)[0] in "LMN" else " "
        self[code] = f" {character} " if SPACELESS.match(character) else spaced
        return self[code]


_SPACING: Final = _Spacing()


def words_of(text: str) -> list[bytes]:
    """Return the words of a text, each in UTF-8."""
    if text.isascii():
        return text.encode().translate(ASCII_WORDS).split()
    return folded(text).translate(_SPACING).encode("utf-8", "surrogatepass").split()


def extent(words: Sequence[bytes]) -> float:
    """Return how many words of a script with spaces some words are worth.

    Where each character is a word, two of Chinese and Japanese say about as much as one, and four of Thai, Lao, Burmese
    and Khmer, of which vowels and tones are characters too.
    """
    if b"".join(words).isascii():
        return len(words)
    return sum([_worth(word) for word in words])


def _worth(word: bytes) -> float:
    if len(word) not in _CHARACTER or not SPACELESS.fullmatch(character := word.decode("utf-8", "replace")):
        return 1.0
    return 0.25 if character < _FIRST_IDEOGRAPH else 0.5


class Words(NamedTuple):
    """The words of a text, and 32 bits for each."""

    words: list[bytes]
    hashes: Hashes

    @classmethod
    def of(cls, text: str) -> "Words":
        words = words_of(text)
        return cls(words, hashed(words))

    @classmethod
    def spelled(cls, text: Spelled) -> "Words":
        """Return the words of a text that is spelled already: most of them are what they are here."""
        return cls(text.tokens, text.hashes) if text.is_plain else cls.of(text.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The runs of one length in some texts: a hash of each, and where it begins among all their words."""

    hashes: Hashes
    starts: Integers
    places: Integers
    """Of each run the place of its text."""


def runs_of(texts: Sequence[Hashes]) -> tuple[Runs, Runs]:
    """Return the short and the long runs of texts that are given as the hashes of their words."""
    ones = np.concatenate(texts) if texts else np.empty(0, dtype=np.uint64)
    owners = np.arange(len(texts)).repeat([text.size for text in texts])
    threes = _joined(_joined(ones, ones, 1), ones, 2)
    sixes = _joined(threes, threes, 3)
    thirteens = _joined(_joined(sixes, sixes, 6), ones, 12)
    return _inside(sixes, owners, SHORT), _inside(thirteens, owners, LONG)


def _joined(left: Hashes, right: Hashes, after: int) -> Hashes:
    """Return a hash for each of the runs at the left with the run that begins so many words later."""
    n_runs = max(0, min(left.size, right.size - after))
    mixed = left[:n_runs] ^ (left[:n_runs] >> _HALF)
    mixed *= _MULTIPLIER
    mixed += right[after : after + n_runs]
    return mixed


def _inside(hashes: Hashes, owners: Integers, length: int) -> Runs:
    """Leave out the runs that begin in one text and end in another."""
    n_runs = hashes.size
    starts = (owners[:n_runs] == owners[length - 1 : length - 1 + n_runs]).nonzero()[0]
    mixed = hashes[starts]
    mixed ^= mixed >> _HALF
    mixed *= _MULTIPLIER
    return Runs(hashes=mixed, starts=starts, places=owners[starts])
