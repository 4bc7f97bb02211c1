"""Whether a text is in another language than it should be. It objects only where it is sure.

What is looked at is prose: no code, no formula, no address. Below 30 letters (15 of a script of
syllables or Chinese characters) it says nothing, nor about languages that
it does not know, nor where the text or its question names the language that was found, as a translation does.
"""

import tomllib
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from itertools import chain
from typing import TYPE_CHECKING, Final

from glan.curate.markup import prose_of
from glan.language_names import LANGUAGES

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

LEAST_LETTERS: Final = 30
_PART, _WHOLE = 300, 200
"""In characters: of a text that is longer than the second, the beginning and the end are looked at by themselves, and
both must be in the wrong language."""
_SURE, _SURE_IF_LONG, _LONG = 0.9, 0.995, 125
"""Probabilities from which a language counts as found; the second one from so many letters on, where real texts have
it and sentences of made-up words between real ones have not."""
_OWN_SHARE, _OTHER_SHARE = 0.2, 0.7
"""Shares of the letters: so few in the right script and so many in another are enough."""
_PLAIN_SHARE: Final = 0.15
"""Share of common English words from which a text is English, without another look."""
_COMMON_SHARE: Final = 0.1
"""Share of common words that a text in Latin letters has at least: made-up words look like some language too."""
_SCRIPTS: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(("ar", "fa", "ur"), frozenset({"ARABIC"})),
    **dict.fromkeys(("bg", "ru", "uk"), frozenset({"CYRILLIC"})),
    "sr": frozenset({"CYRILLIC", "LATIN"}),
    "bn": frozenset({"BENGALI"}),
    "el": frozenset({"GREEK"}),
    "he": frozenset({"HEBREW"}),
    "hi": frozenset({"DEVANAGARI"}),
    "ja": frozenset({"CJK", "HIRAGANA", "KATAKANA"}),
    "ko": frozenset({"HANGUL", "CJK"}),
    "ta": frozenset({"TAMIL"}),
    "th": frozenset({"THAI"}),
    "zh": frozenset({"CJK"}),
}
"""As the names of their letters begin; all others are written in Latin letters."""
_LATIN: Final = frozenset({"LATIN"})
_SYLLABLES: Final = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL")
"""Scripts of which a letter says as much as two of another: it stands for a syllable, or for a word."""
_RELATED: Final = (
    {"nb", "no", "nn", "da"},
    {"hr", "sr", "bs", "sl"},
    {"cs", "sk"},
    {"id", "ms"},
    {"gl", "pt"},
    {"gl", "es"},
    {"ca", "es"},
    {"ur", "fa"},
)
"""Languages of which one may pass for the other."""
_LABELS: Final = {
    "no": "nb", "nn": "nb", "bs": "hr", "ext": "es", "vec": "it", "lij": "it", "ary": "ar", "arz": "ar", "yue": "zh",
    "wuu": "zh",
}  # fmt: skip
"""Labels of the library that stand for, or are dialects of, a language of ours."""
_NAMED: Final[Mapping[str, tuple[str, ...]]] = {
    "ar": ("العربية",),
    "de": ("deutsch",),
    "el": ("ελληνικ",),
    "en": (
        "anglais", "englisch", "inglés", "inglês", "inglese", "engels", "engelsk", "angielsk", "ingiliz",
        "английск", "англійськ", "αγγλικ", "英語", "英语", "英文", "영어", "الإنجليزية", "अंग्रेज", "अंग्रेज़",
    ),
    "es": ("español", "castellano"),
    "fa": ("فارسی",),
    "fr": ("français",),
    "he": ("עברית",),
    "hi": ("हिन्दी", "हिंदी"),
    "it": ("italiano",),
    "ja": ("日本語", "日语"),
    "ko": ("한국어", "韩语", "韓国語"),
    "nl": ("nederlands",),
    "pl": ("polsk",),
    "pt": ("português",),
    "ru": ("русск",),
    "sv": ("svenska",),
    "tr": ("türkçe",),
    "uk": ("українськ",),
    "zh": ("中文", "汉语", "漢語", "中国語"),
}  # fmt: skip
"""Other names of languages, as they stand in tasks that ask for one."""


def other_language(text: str, expected: str, question: str = "") -> str | None:
    """Return the name of the language that a text is in for sure, if it is not the expected one.

    Args:
        text: a question or an answer
        expected: an ISO 639-1 code; of one that is not known nothing is said
        question: what the text answers

    """
    if expected not in LANGUAGES:
        return None
    found = _found_in(prose_of(text), expected)
    if found is None or _is_named(found, text) or _is_named(found, question):
        return None
    return LANGUAGES[found]


def language_of(text: str) -> str | None:
    """Return the code of the language that a text is in for sure."""
    return _found_in(prose_of(text), "")


def _found_in(prose: str, expected: str) -> str | None:
    """Return the code of the language that all parts are in, where it is another than the expected one."""
    size = min(_PART, len(prose) // 2)
    parts = (prose,) if len(prose) <= _WHOLE else (prose[:size], prose[-size:])
    first = _found(parts[0], expected)
    if first is None or any(_found(part, expected) != first for part in parts[1:]):
        return None
    return first


def _found(part: str, expected: str) -> str | None:
    words = part.lower().split()
    if expected == "en" and _are_common(words, expected, _PLAIN_SHARE):
        return None
    if part.isascii() and not _may_be_another(words, expected):
        return None
    letters = Counter(map(_script, filter(str.isalpha, part)))
    if letters.total() + sum(letters[script] for script in _SYLLABLES) < LEAST_LETTERS:
        return None
    ranked = [(_LABELS.get(label, label), probability) for label, probability in _identifier().rank(part)]
    found = ranked[0][0]
    if found not in LANGUAGES or _are_related(found, expected):
        return None
    if found not in _SCRIPTS and not _are_common(words, found, _COMMON_SHARE):
        return None
    probability = sum(probability for code, probability in ranked if _are_related(code, found))
    sure = _SURE if letters.total() < _LONG else _SURE_IF_LONG
    return found if probability >= sure or _is_other_script(letters, expected, found) else None


def _may_be_another(words: Sequence[str], expected: str) -> bool:
    """Say whether enough words are common in another language: a cheap look before the model's dear one."""
    known = _languages_of_words()
    shared = Counter(chain.from_iterable([known[word] for word in words if word in known]))
    least = max(1, _COMMON_SHARE * len(words))
    return any(number >= least and not _are_related(code, expected) for code, number in shared.items())


def _are_common(words: Sequence[str], code: str, share: float) -> bool:
    """Say whether so many of the words, but at least one, are common in a language."""
    return sum(map(_common_words()[code].__contains__, words)) >= max(1, share * len(words))


def _is_other_script(letters: Counter[str], expected: str, found: str) -> bool:
    """Say whether nearly all letters are of a script that the expected language does not use and the found one does."""
    own, other = _SCRIPTS.get(expected, _LATIN), _SCRIPTS.get(found, _LATIN)
    share = sum(letters[script] for script in own) / letters.total()
    return other != _LATIN and share < _OWN_SHARE and sum(letters[s] for s in other) >= _OTHER_SHARE * letters.total()


def _are_related(one: str, other: str) -> bool:
    return one == other or any(one in group and other in group for group in _RELATED)


def _is_named(code: str, text: str) -> bool:
    lower = text.lower()
    return any(name in lower for name in (LANGUAGES[code].lower(), *_NAMED.get(code, ())))


@cache
def _script(letter: str) -> str:
    return "LATIN" if letter.isascii() else unicodedata.name(letter, "").partition(" ")[0]


@cache
def _common_words() -> Mapping[str, frozenset[str]]:
    text = (resources.files("glan.curate") / "common_words.toml").read_text(encoding="utf-8")
    return {code: frozenset(words.split()) for code, words in tomllib.loads(text).items()}


@cache
def _languages_of_words() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for code, words in _common_words().items():
        for word in words:
            found[word] = (*found.get(word, ()), code)
    return found


@cache
def _identifier() -> "LanguageIdentifier":
    """Return the model; it takes half a second to load and 80 MB, so it is loaded for the first text that needs it."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - loaded when it is needed

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
