"""From a text to what copies are recognised by: its normal form, and its shingles as 32-bit numbers.

    "**What** is 3 - 5?"  ->  "what is 3 \N{MINUS SIGN} 5"  ->  [what is 3], [is 3 -], [3 - 5]

The normal form is made of tokens: words, and symbols that stand alone. A text is spelled in them once, and what holds
it against copies and benchmarks starts from there. Pure, and the same in every process; it knows nothing of other
texts.
"""

import re
import unicodedata
import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glan.places import key_of

WORDS_PER_SHINGLE: Final = 3
CHARACTERS_PER_SHINGLE: Final = 5
"""For scripts that write no spaces between words."""
_SPACELESS_SHARE: Final = 0.2
"""Share of such letters from which a text is cut into characters: one of them often stands for a whole word."""

_OPERATORS: Final = {
    "-": (re.compile(r"-(?=[^\S\n]?(?:[\d(\\]|[^\W\d_]\b))"), "\N{MINUS SIGN}"),
    "*": (re.compile(r"(?<=[\w)])\*(?=[\w(])|(?<=[\w)] )\*(?= [\w(])"), "\N{MULTIPLICATION SIGN}"),
    "#": (re.compile(r"(?<=\w)#"), "\N{MUSIC SHARP SIGN}"),
}
"""Punctuation that is a symbol in some places: `x - 3` but not `well-known`, `3 * 5` but not `*this*`, `C#` but not a
heading. There it becomes the symbol that it stands for."""
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]+"
)
"""Joiners, marks of direction, soft hyphens and choices between shapes of one character."""
SPACELESS: Final = re.compile(
    "[\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u3040-\u30ff\u31f0-\u31ff"  # Hiragana, Katakana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"  # Chinese characters
)
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
"""Odd, and no pattern in its bits: 2^64 divided by the golden ratio."""
_HALF: Final = np.uint64(32)

_Numbers = NDArray[np.uint64]
_LONG: Final = 2_000
"""In characters. Longer texts are normalised in pieces, since a long run of combining marks takes quadratic time."""
_PIECES: Final = re.compile(r"\S{1,200}")


class _Spacing(dict[int, str]):
    """What each character becomes. It fills itself with the characters that are met, since there are over a million.

    Letters, digits and combining marks stay: Hindi would lose its vowels without the last.
    Symbols become words, so that C and C++, or a sum and a product, are two questions.
    Punctuation, also that of Markdown and LaTeX, becomes a space.
    """

    def __init__(self) -> None:
        self.symbols: set[bytes] = set()
        """Those that were met, as tokens."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        if category[0] in "LMN":
            spaced = character
        elif (category[0] == "S" and character not in "`$") or category in {"Cn", "Co"} or character in "%&/":
            spaced = f" {character} "
            self.symbols.add(character.encode())
        else:
            spaced = " "
        self[code] = spaced
        return spaced


_SPACING: Final = _Spacing()
_ASCII_SYMBOLS: Final = bytes(code for code in range(128) if _SPACING[code] == f" {chr(code)} ")
ASCII_WORDS: Final = bytes(ord(chr(code).lower()) if chr(code).isalnum() and code < 128 else 32 for code in range(256))
"""What each character of a text in ASCII becomes, but for symbols."""


class Spelled(NamedTuple):
    """A text in its tokens, read once for all that hold it against others."""

    text: str
    tokens: list[bytes]
    """The words and symbols of its normal form, in UTF-8."""
    hashes: _Numbers
    """32 bits for each token."""
    is_plain: bool
    """Whether the tokens are words alone, of scripts that write spaces between them."""

    @property
    def normal(self) -> bytes:
        """Its normal form in UTF-8."""
        return b" ".join(self.tokens)


def spell(text: str) -> Spelled:
    """Return a text in its tokens."""
    tokens, is_plain = _tokens(text)
    return Spelled(text, tokens, hashed(tokens), is_plain)


def hashed(tokens: Sequence[bytes]) -> _Numbers:
    """Return 32 bits for each of some tokens."""
    return np.fromiter(map(zlib.crc32, tokens), dtype=np.uint64, count=len(tokens))


def normalise(text: str) -> str:
    """Return the text case-folded, its words one space apart, without punctuation and markup; idempotent."""
    tokens, _ = _tokens(text)
    return b" ".join(tokens).decode()


def _tokens(text: str) -> tuple[list[bytes], bool]:
    """Return the tokens of a text, and whether they are plain words; most texts are ASCII without a symbol."""
    for character, (pattern, symbol) in _OPERATORS.items():
        if character in text:
            text = pattern.sub(symbol, text)
    if text.isascii() and len(text) <= _LONG:
        line = text.encode()
        if len(line.translate(None, _ASCII_SYMBOLS)) == len(line):
            return line.translate(ASCII_WORDS).split(), True
    spaced = folded(text).translate(_SPACING)
    tokens = spaced.encode().split()
    is_plain = len(text) <= _LONG and _SPACING.symbols.isdisjoint(tokens) and not SPACELESS.search(spaced)
    return tokens, is_plain


def folded(text: str) -> str:
    """Return the text in NFKC and case-folded, without invisible characters, its words one space apart."""
    if not text.isascii():
        text = _INVISIBLE.sub("", text)
    pieces = [text] if len(text) <= _LONG else _PIECES.findall(text)
    return " ".join(map(key_of, pieces))


def shingles(texts: Sequence[Spelled]) -> _Numbers:
    """Return `place * 2^32 + hash` for the shingles of the text at each place, ascending, each once.

    What is too short for a shingle has none.
    """
    spaceless = [place for place, text in enumerate(texts) if not text.is_plain and _is_spaceless(text)]
    spaced = sorted({*range(len(texts))}.difference(spaceless)) if spaceless else range(len(texts))
    parts = [_packed([texts[place].hashes for place in spaced], spaced, WORDS_PER_SHINGLE)]
    if spaceless:
        parts.append(_packed([_characters(texts[place]) for place in spaceless], spaceless, CHARACTERS_PER_SHINGLE))
    return distinct(np.concatenate(parts))


def distinct(packed: _Numbers) -> _Numbers:
    """Return the numbers ascending, each once."""
    packed.sort()
    is_new = np.ones(packed.size, dtype=bool)
    np.not_equal(packed[1:], packed[:-1], out=is_new[1:])
    return packed[is_new]


def _is_spaceless(text: Spelled) -> bool:
    letters = b"".join(text.tokens).decode()
    return not letters.isascii() and len(SPACELESS.findall(letters)) >= _SPACELESS_SHARE * len(letters)


def _characters(text: Spelled) -> _Numbers:
    """Return a number for each character of a normal form, but for spaces."""
    codes = np.frombuffer(b"".join(text.tokens).decode().encode("utf-32-le"), dtype="<u4")
    return codes.astype(np.uint64)


def _packed(units: Sequence[_Numbers], places: Sequence[int], length: int) -> _Numbers:
    """Return place and hash for each of the windows in texts that are given as numbers."""
    flat = np.concatenate(units) if units else np.empty(0, dtype=np.uint64)
    n_windows = max(0, flat.size - length + 1)
    mixed = np.zeros(n_windows, dtype=np.uint64)
    for i in range(length):
        mixed += flat[i : i + n_windows]
        mixed *= _MULTIPLIER
        mixed ^= mixed >> _HALF
    owners = np.repeat(np.array(places, dtype=np.uint64), [each.size for each in units])
    packed: _Numbers = (owners[:n_windows] << _HALF) | (mixed * _MULTIPLIER >> _HALF)
    is_in_one: NDArray[np.bool_] = owners[:n_windows] == owners[flat.size - n_windows :]
    return packed[is_in_one]
