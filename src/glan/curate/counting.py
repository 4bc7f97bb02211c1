"""How many words a text has, by the rules of Unicode (UAX 29) as far as they need no dictionary.

"It's 3.14, isn't it?"  ->  4
"""

import re
import unicodedata
from typing import Final

_IDEOGRAPHS: Final = "\u3041-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese characters and Hiragana, each of which counts as a word."""
_WITHOUT_SPACES: Final = re.compile("[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff]")
"""Thai, Lao, Burmese, Khmer: where a word ends there, only a dictionary knows."""
_WORD: Final = re.compile(
    rf"[{_IDEOGRAPHS}]"
    rf"|[^\W{_IDEOGRAPHS}]+"
    rf"(?:(?:['\u2019.\u2024\uff07\uff0e](?=[^\W_{_IDEOGRAPHS}])"
    r"|(?<=[^\W\d_])[:\u00b7\u0387\u2027](?=[^\W\d_])|(?<=\d)[,;\u066c](?=\d))"
    rf"[^\W{_IDEOGRAPHS}]+)*"
)


def count_words(text: str) -> int | None:
    """Return the number of words; None where the script writes none apart and has no sign for each."""
    if not text.isascii():
        if _WITHOUT_SPACES.search(text):
            return None
        text = "".join([character for character in text if unicodedata.category(character) not in _JOINED])
    return sum(any(map(str.isalnum, found.group())) for found in _WORD.finditer(text))


_JOINED: Final = frozenset({"Mn", "Mc", "Me", "Cf"})
"""Marks on a letter, and what joins letters: they never end a word."""
