"""The words and marks by which a final answer is known, in several languages; `finals.py` reads with them."""

# ruff: noqa: RUF001 - some marks and alphabets look like Latin ones

import re
from typing import Final

EMPHASIS: Final = re.compile(r"\*\*|__|\*(?=\S)|(?<=\S)\*|`")
BOX: Final = re.compile(r"\\(?:boxed|fbox)\s?\{")
HASHES: Final = re.compile(r"^####[ \t]+(?P<said>[^\n]+)$", re.MULTILINE)
STOP: Final = re.compile(r"(?<=[^\d\s])\.\s|\.\s+(?=[A-Z])|\.$|[。！．।۔؟]")
"""Where a statement ends inside its line."""
_BEHIND_CUE: Final = r"(?:\*\*|__)?[ \t]*(?:[:：=][ \t]*(?:\*\*|__)?|\b(?:is|lautet|ist|est|es)\b[ \t:]*|是)"
FINAL_CUE: Final = re.compile(
    r"(?:final (?:answer|result)|endergebnis|réponse finale|respuesta final|resposta final|risposta finale|"
    r"окончательный ответ|最终答案|最終答案|最終的な答え|最終解答|최종 (?:답|정답|답변)|คำตอบสุดท้าย|الإجابة النهائية|"
    r"התשובה הסופית|अंतिम उत्तर)"
    rf"{_BEHIND_CUE}[ \t]*(?P<said>[^\n]+)",
    re.IGNORECASE,
)
CUE: Final = re.compile(
    r"(?:(?:^|(?<=\n))[ \t>*_#-]*(?:answer|result|antwort|ergebnis|réponse|résultat|respuesta|resultado|risposta|"
    r"resposta|ответ|答案|結果|结果|答え|答|정답|답|해답|解答|"
    r"คำตอบ|الجواب|الإجابة|جواب|תשובה|उत्तर|đáp án|"
    r"trả lời|cevap|yanıt|odpowiedź|jawaban)(?:\*\*|__)?[ \t]*[:：][ \t]*"
    r"|\b(?:the|correct|our) (?:correct |right )?(?:answer|result) is[ \t:]*"
    r"|\bdie antwort (?:ist|lautet)[ \t:]*|\bla réponse est[ \t:]*|\bla respuesta es[ \t:]*"
    r"|(?:答案是|答案为|答案為|答えは|답은|"
    r"정답은|คำตอบคือ|الإجابة هي|الجواب هو|התשובה היא)[ \t]*)"
    r"(?P<said>[^\n]+)",
    re.IGNORECASE,
)
CLOSING: Final = re.compile(
    r"(?:(?:so|therefore|thus|hence|in conclusion|∴|daher|folglich|somit|donc|ainsi|por lo tanto)\b"
    r"|因此|所以|よって|したがって|ゆえに|따라서|그러므로|ดังนั้น|לכן|إذن|لذلك)[ ,，、]*"
    r"(?P<rest>.+)",
    re.IGNORECASE,
)
"""A last line that draws the conclusion."""
_ABOUT: Final = (
    r"\s*(?:about|approximately|approx\.?|around|roughly|circa|ca\.|etwa|rund|environ|aproximadamente|около|约|≈|~)\s*"
)
ABOUT: Final = re.compile(_ABOUT, re.IGNORECASE)
BEFORE_VALUE: Final = re.compile(rf"(?:[A-Za-zα-ωΑ-Ω](?:_\w+)?\s?[=≈]\s?)?(?:{_ABOUT}|exactly\s+)?", re.IGNORECASE)
NAMED: Final = re.compile(r"\s*(?P<name>[A-Za-zα-ω](?:_\w+)?)\s?[=≈]\s?")
SEPARATOR: Final = re.compile(r"\s*(?:,\s|;|\b(?:and|or|und|oder|et|ou)\b|\b[yo]\b(?!\s*=))\s*")
AND: Final = re.compile(r"\b(?:and|or|und|oder|et|ou|y|o)\s+(?:about\s+)?")
GOES_ON: Final = re.compile(
    r"\s*(?:$|[,.;:)\]}]|\((?![^)]*[=^])|(?!(?:and|or|to|per|by|mod)\b)[^\W\d_])", re.IGNORECASE
)
"""What may stand behind a number that is the whole answer: nothing, a mark, or a word; no operator."""
ANY_NUMBER: Final = re.compile(
    r"(?:(?<![\w.,])|(?<=[\u0e00-\u0eff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]))[-\u2212]?[$€£¥]?\d(?:[\d.,/'\u2019]*\d)?"
)
"""Behind a letter only where that is of a script that writes no space there."""

LETTER_ALONE: Final = re.compile(
    r"(?:option |choice )?\(?(?P<letter>[A-Ja-j])"
    r"(?:[).:,、](?:\s|$)|$|\s*\)|\s+[-–—]|\s?(?:です|である|だ(?!\w)|입니다|이다|ครับ|ค่ะ))",
    re.IGNORECASE,
)
OPTION: Final = re.compile(
    r"^[ \t>*-]*\(?(?P<letter>[A-Ja-j])(?:[).:](?:\*\*)?[ \t]+|[．、）：]\s*)(?P<text>[^\n]+)$", re.MULTILINE
)
CHOICES: Final = (
    re.compile(
        r"^(?:\*\*)?\(?(?P<letter>[A-J])\)?(?:\*\*)? is (?:the |a )?(?:\w+ )?(?:true|false|correct|right|best|odd)\b",
        re.MULTILINE,
    ),
    re.compile(
        r"\b(?:option|choice|statement|answer) \(?(?:\*\*)?(?P<letter>[A-J])(?:\*\*)?\)? is (?:the )?"
        r"(?:correct|right|best)\b"
    ),
    re.compile(r"^[ \t]*\*\*\(?(?P<letter>[A-J])(?:[).:][^*\n]*|\))?\*\*[^\n]*$", re.MULTILINE),
)
"""Sentences in which a choice is made."""

ASKS_WHETHER: Final = re.compile(
    r"(?:^|[.!\n][ \t]*)(?:is|are|was|were|does|do|did|can|could|will|would|has|have|should)\b[^.?!\n]*\?\s*$",
    re.IGNORECASE,
)
VERDICT: Final = re.compile(r"(?:\*\*)?(?P<word>yes|no|true|false)(?:\*\*)?[,.:;!]", re.IGNORECASE)
MEANINGS: Final = {
    **dict.fromkeys(("yes", "ja", "oui", "sí", "да", "是", "はい"), "yes"),
    **dict.fromkeys(("no", "nein", "non", "нет", "否", "いいえ"), "no"),
    **dict.fromkeys(("true", "wahr", "vrai", "verdadero"), "true"),
    **dict.fromkeys(("false", "falsch", "faux", "falso"), "false"),
}
MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
NAMES: Final = frozenset(
    ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "none", "infinity", *MONTHS)
)
"""Words that may be a whole answer."""
ISO: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
DATES: Final = (
    re.compile(r"(?P<day>\d{1,2})(?:st|nd|rd|th)? (?:of )?(?P<month>[a-z]+),? (?P<year>\d{3,4})"),
    re.compile(r"(?P<month>[a-z]+) (?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?P<year>\d{3,4})"),
)

PLAIN_LATEX: Final = tuple(
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"\\[dt]?frac\s?\{\s?(-?\d+)\s?\}\s?\{\s?(\d+)\s?\}", r"\1/\2"),
        (r"\\[dt]?frac\s?(\d)\s?(\d)", r"\1/\2"),
        (r"\\(?:text|mathrm|mathbf|textbf|operatorname)\s?\{([^{}]*)\}", r"\1"),
        (r"\{,\}", ","),
        (r"\^\s?\{?\\circ\}?", "°"),
        (r"\\times|\\cdot", "×"),
        (r"\\approx", "≈"),
        (r"\\(?:left|right|displaystyle|[,;:!])", ""),
        (r"(?<!\\)\$\$?(?=\S)([^$\n]*[^$\s\\])\$\$?(?!\d)", r"\1"),
        (r"\\[()\[\]]", ""),
        (r"\\([%$])", r"\1"),
    )
)
"""What of a formula can be written plainly, and how."""
