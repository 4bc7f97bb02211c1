"""The languages that are known by name."""

import re
from collections.abc import Mapping
from typing import Final

LANGUAGES: Mapping[str, str] = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "da": "Danish",
    "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "eu": "Basque",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "gl": "Galician", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean",
    "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay", "nb": "Norwegian", "nl": "Dutch", "pl": "Polish",
    "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian",
    "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian",
    "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""English names of ISO 639-1 codes; any other code or name is given to the teacher as it is."""
_CODES: Mapping[str, str] = {name.casefold(): code for code, name in LANGUAGES.items()}
"""And back; the names are case-folded."""


def code_of(language: str) -> str | None:
    """Return the code of a language, given as a code, a code with a region, or a name; None if it is not known."""
    code = language.casefold().partition("-")[0]
    return code if code in LANGUAGES else _CODES.get(language.casefold())


def name_of(language: str) -> str:
    """Return a language as the prompts name it: by its English name, or else as it was given."""
    return LANGUAGES.get(language.casefold(), language)


def request_in(language: str) -> str:
    """Return the sentence that asks for a language in that language itself, for the end of a prompt.

    Nothing for English, in which prompts are written, nor for a name that is not known; a tag that is not known is
    said to be one.
    """
    code = code_of(language)
    if code == "en":
        return ""
    tag = language.replace("_", "-").casefold()
    variant = next((found for found in (tag, tag.rpartition("-")[0]) if found in _VARIANTS), None)
    if variant is not None:
        return _VARIANTS[variant]
    if code is not None:
        return f"{_REQUESTS[code]} ({language})" if "-" in tag else _REQUESTS[code]
    return f"(This is the language with the tag {language}.)" if _TAG.fullmatch(language) else ""


_TAG: Final = re.compile(r"[a-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
"""A tag of BCP 47."""
_REQUESTS: Final[Mapping[str, str]] = {
    "ar": "اكتب باللغة العربية.", "bg": "Пиши на български език.", "bn": "বাংলায় লিখুন।", "ca": "Escriu en català.",
    "cs": "Piš česky.", "da": "Skriv på dansk.", "de": "Schreibe auf Deutsch.", "el": "Γράψε στα ελληνικά.",
    "es": "Escribe en español.", "et": "Kirjuta eesti keeles.", "eu": "Idatzi euskaraz.", "fa": "به فارسی بنویسید.",
    "fi": "Kirjoita suomeksi.", "fr": "Écris en français.", "gl": "Escribe en galego.", "he": "יש לכתוב בעברית.",
    "hi": "हिन्दी में लिखिए।", "hr": "Piši na hrvatskom jeziku.", "hu": "Írj magyarul.",
    "id": "Tulislah dalam bahasa Indonesia.", "it": "Scrivi in italiano.", "ja": "日本語で書いてください。",
    "ko": "한국어로 쓰세요.", "lt": "Rašyk lietuviškai.", "lv": "Raksti latviešu valodā.",
    "ms": "Tulislah dalam bahasa Melayu.", "nb": "Skriv på norsk bokmål.", "nl": "Schrijf in het Nederlands.",
    "pl": "Pisz po polsku.", "pt": "Escreve em português.", "ro": "Scrie în limba română.",
    "ru": "Пиши на русском языке.", "sk": "Píš po slovensky.", "sl": "Piši v slovenščini.",
    "sr": "Пиши на српском језику.", "sv": "Skriv på svenska.", "sw": "Andika kwa Kiswahili.", "ta": "தமிழில் எழுதுங்கள்.",
    "th": "โปรดเขียนเป็นภาษาไทย", "tr": "Türkçe yaz.", "uk": "Пиши українською мовою.", "ur": "اردو میں لکھیں۔",
    "vi": "Hãy viết bằng tiếng Việt.", "zh": "请用中文书写。",
}  # fmt: skip
"""Of every language but English."""
_VARIANTS: Final[Mapping[str, str]] = {
    "pt-br": "Escreva em português do Brasil.",
    "pt-pt": "Escreve em português europeu.",
    "sr-latn": "Piši na srpskom jeziku, latinicom.",
    "zh-cn": "请用简体中文书写。",
    "zh-hans": "请用简体中文书写。",
    "zh-hant": "請用繁體中文書寫。",
    "zh-hk": "請用繁體中文書寫。",
    "zh-tw": "請用繁體中文書寫。",
}
"""Of tags whose region or script is written in a way of its own."""
