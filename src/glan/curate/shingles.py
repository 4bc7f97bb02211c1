"""From a text to what copies are recognised by: its normal form, and its shingles as 32-bit numbers.

    "**What** is 3 - 5?"  ->  "what is 3 \N{MINUS SIGN} 5"  ->  [what is 3], [is 3 -], [3 - 5]

Pure, and the same in every process. It knows nothing of other texts.
"""

import re
import unicodedata
import zlib
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from glan.records import key_of

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
_Read = Callable[[Sequence[str]], tuple[_Numbers, list[int]]]
_LONG: Final = 2_000
"""In characters. Longer texts are normalised in pieces, since a long run of combining marks takes quadratic time."""
_PIECES: Final = re.compile(r"\S{1,200}")


class _Spacing(dict[int, str]):
    """What each character becomes. It fills itself with the characters that are met, since there are over a million.

    Letters, digits and combining marks stay: Hindi would lose its vowels without the last.
    Symbols become words, so that C and C++, or a sum and a product, are two questions.
    Punctuation, also that of Markdown and LaTeX, becomes a space.
    """

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        if category[0] in "LMN":
            spaced = character
        elif (category[0] == "S" and character not in "`$") or category in {"Cn", "Co"} or character in "%&/":
            spaced = f" {character} "
        else:
            spaced = " "
        self[code] = spaced
        return spaced


_SPACING: Final = _Spacing()


def normalise(text: str) -> str:
    """Return the text case-folded, its words one space apart, without punctuation and markup; idempotent."""
    for character, (pattern, symbol) in _OPERATORS.items():
        if character in text:
            text = pattern.sub(symbol, text)
    return " ".join(folded(text).translate(_SPACING).split())


def folded(text: str) -> str:
    """Return the text in NFKC and case-folded, without invisible characters, its words one space apart."""
    if not text.isascii():
        text = _INVISIBLE.sub("", text)
    pieces = [text] if len(text) <= _LONG else _PIECES.findall(text)
    return " ".join(map(key_of, pieces))


def shingles(normals: Sequence[str]) -> _Numbers:
    """Return `place * 2^32 + hash` for the shingles of the normal form at each place, ascending, each once.

    What is too short for a shingle has none.
    """
    spaceless = [place for place, normal in enumerate(normals) if _is_spaceless(normal)]
    spaced = sorted(set(range(len(normals))) - set(spaceless))
    parts = [_packed(_words, [normals[place] for place in spaced], spaced, WORDS_PER_SHINGLE)]
    if spaceless:
        texts = [normals[place].replace(" ", "") for place in spaceless]
        parts.append(_packed(_characters, texts, spaceless, CHARACTERS_PER_SHINGLE))
    return distinct(np.concatenate(parts))


def distinct(packed: _Numbers) -> _Numbers:
    """Return the numbers ascending, each once."""
    packed.sort()
    is_new = np.ones(packed.size, dtype=bool)
    np.not_equal(packed[1:], packed[:-1], out=is_new[1:])
    return packed[is_new]


def _is_spaceless(normal: str) -> bool:
    if normal.isascii():
        return False
    return len(SPACELESS.findall(normal)) >= _SPACELESS_SHARE * (len(normal) - normal.count(" "))


def _words(normals: Sequence[str]) -> tuple[_Numbers, list[int]]:
    """Return a number for each word, and how many words each text has."""
    words = " ".join(normals).encode().split()
    hashes = np.fromiter(map(zlib.crc32, words), dtype=np.uint64, count=len(words))
    return hashes, [normal.count(" ") + 1 if normal else 0 for normal in normals]


def _characters(texts: Sequence[str]) -> tuple[_Numbers, list[int]]:
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4")
    return codes.astype(np.uint64), [len(text) for text in texts]


def _packed(read: _Read, normals: Sequence[str], places: Sequence[int], length: int) -> _Numbers:
    units, counts = read(normals)
    n_windows = max(0, units.size - length + 1)
    mixed = np.zeros(n_windows, dtype=np.uint64)
    for i in range(length):
        mixed += units[i : i + n_windows]
        mixed *= _MULTIPLIER
        mixed ^= mixed >> _HALF
    owners = np.repeat(np.array(places, dtype=np.uint64), counts)
    packed: _Numbers = (owners[:n_windows] << _HALF) | (mixed * _MULTIPLIER >> _HALF)
    is_in_one: NDArray[np.bool_] = owners[:n_windows] == owners[units.size - n_windows :]
    return packed[is_in_one]
