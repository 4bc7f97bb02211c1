r"""Numbers as people and models write them, read exactly: what is said, how precisely, and in which unit.

    "1,000"  "1e3"  "1 \times 10^3"     one thousand
    "1/2"  "0.50"  "50%"                one half; the second to two decimals, the third as it is in percent
    "-3.5 km"  "3500 m"                 the same length, apart from the sign

It reads one number at a place and guesses nothing: what may mean two things is no number to it.
"""

# ruff: noqa: RUF001 - signs of multiplication and minus look like letters and hyphens

import re
from fractions import Fraction
from typing import Final

from glan.records import Record

COMMA_LANGUAGES: Final = frozenset(
    {
        "az", "be", "bg", "bs", "ca", "cs", "da", "de", "el", "es", "et", "eu", "fi", "fr", "gl", "hr", "hu", "id",
        "is", "it", "ka", "kk", "lt", "lv", "mk", "nb", "nl", "nn", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sq",
        "sr", "sv", "tr", "uk", "uz", "vi",
    }
)  # fmt: skip
"""ISO 639-1 codes of languages whose decimal mark is a comma."""
_LONGEST: Final = 60
"""Digits and marks of one figure; what is longer is no answer but an attack, or a table."""
_MOST_EXPONENT: Final = 300


class Number(Record, frozen=True, kw_only=True):
    """A number that somebody gave."""

    said: Fraction
    """As it stands, without its unit."""
    decimals: int | None = None
    """Places to which it is known; None for an exact one, such as a whole number or a fraction."""
    unit: str | None = None
    """What it measures, where that is known: `length`, `time`, `share`, a currency."""
    factor: Fraction = Fraction(1)
    """What it is multiplied by for the unit of that measure in which all are compared."""

    @property
    def value(self) -> Fraction:
        """The number in the unit in which all of its measure are compared."""
        return self.said * self.factor


def _units() -> dict[str, tuple[str, Fraction]]:
    """Return the units that are known: symbols as they are written, words in lower case."""
    found: dict[str, tuple[str, Fraction]] = {}
    for measure, line in _MEASURES.items():
        for part in line.split(";"):
            factor, *names = part.split()
            for name in names:
                found[name] = measure, Fraction(factor)
    return found


_MEASURES: Final = {
    "share": "1/100 % percent percentage prozent pourcent",
    "length": "1/1000 mm millimetre millimetres millimeter millimeters; 1/100 cm centimetre centimetres centimeter "
    "centimeters; 1 m metre metres meter meters; 1000 km kilometre kilometres kilometer kilometers",
    "mass": "1/1000000 mg milligram milligrams; 1/1000 g gram grams; 1 kg kilogram kilograms; 1000 t tonne tonnes",
    "time": "1/1000 ms millisecond milliseconds; 1 s sec second seconds; 60 min minute minutes; 3600 h hr hour hours; "
    "86400 day days",
    "volume": "1/1000 ml mL millilitre millilitres milliliter milliliters; 1 l L litre litres liter liters",
    "speed": "1 m/s; 5/18 km/h",
    "force": "1 N newton newtons; 1000 kN",
    "energy": "1 J joule joules; 1000 kJ",
    "power": "1 W watt watts; 1000 kW",
    "frequency": "1 Hz hertz; 1000 kHz",
    "angle": "1 ° degree degrees",
    "dollars": "1 $ usd USD dollar dollars",
    "euros": "1 € eur EUR euro euros",
    "pounds": "1 £ gbp GBP",
    "yen": "1 ¥ jpy JPY yen",
}
_UNITS: Final = _units()
_MAGNITUDES: Final = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_WORDS: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_SUPERSCRIPTS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_MINUS: Final = str.maketrans({"\u2212": "-", "\uff0d": "-", "\u2010": "-", "\u2011": "-", "\u2013": "-"})
_SPACES: Final = "\u00a0\u2009\u202f"
_FIGURE: Final = rf"\d[\d.,'\u2019{_SPACES}]*(?: \d{{3}}(?!\d)(?:[.,]\d+)?)*"
_NUMBER: Final = re.compile(
    rf"(?P<sign>[-+]?)\s?(?P<currency>[$€£¥]?)\s?(?P<minus>-?)(?:"
    rf"(?P<whole>\d{{1,6}}) (?P<over>\d{{1,6}})/(?P<under>\d{{1,6}})(?![\d/])"
    rf"|(?P<top>\d{{1,18}})\s?/\s?(?P<bottom>\d{{1,18}})(?![\d/])"
    rf"|(?P<figure>{_FIGURE})(?:[eE](?P<e>[-+]?\d{{1,4}})(?!\w)"
    r"|\s?[×x·*]\s?10(?:\s?\^\s?\{?(?P<power>-?\d{1,4})\}?|(?P<raised>[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]{1,4})))?)"
)
_DIGIT: Final = re.compile(r"\d")
_WORD: Final = re.compile(r"[a-z]+", re.IGNORECASE)
_TERM: Final = re.compile(r" ?[\u0370-\u03ff√∞]")
_UNIT: Final = re.compile(r"(?P<gap>[ \u00a0\u202f]?)(?P<unit>%|°|[$€£¥]|[A-Za-zµ]+(?:/[A-Za-z]+)?)")
_GROUPED: Final = re.compile(rf"\d{{1,3}}(?:[ '\u2019{_SPACES}]\d{{3}})+(?:[.,]\d+)?")
_THOUSANDS: Final = {
    mark: re.compile(rf"[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{2,3}})*{re.escape(mark)}\d{{3}}") for mark in ",."
}


def read_number(text: str, at: int = 0, *, has_comma: bool = False) -> tuple[Number, int] | None:
    """Return the number that begins at a place of a text, and where it ends; None where none does for sure.

    `has_comma` says that the decimal mark of the text's language is a comma.
    """
    text = text.translate(_MINUS)
    found = _NUMBER.match(text, at)
    if found is None:
        return _spelled(text, at)
    value = _value(found, has_comma=has_comma)
    if value is None:
        return None
    said, decimals = value
    if found["sign"] == "-" or found["minus"]:
        said = -said
    end = _end_of(found)
    said, decimals, end = _magnified(text, end, said, decimals)
    unit, end = _measured(text, end, found["currency"])
    if end < 0:
        return None
    measure, factor = unit or (None, Fraction(1))
    return Number(said=said, decimals=decimals, unit=measure, factor=factor), end


def _spelled(text: str, at: int) -> tuple[Number, int] | None:
    """Read a number that is written as a word; beside digits such a word is often no number, as in `one of 3`."""
    word = _WORD.match(text, at)
    if word is None or word[0].casefold() not in _WORDS or _DIGIT.search(text):
        return None
    unit, end = _measured(text, word.end(), "")
    measure, factor = unit or (None, Fraction(1))
    return Number(said=Fraction(_WORDS.index(word[0].casefold())), unit=measure, factor=factor), max(end, word.end())


def _value(found: re.Match[str], *, has_comma: bool) -> tuple[Fraction, int | None] | None:
    if found["under"] is not None:
        under = int(found["under"])
        return (int(found["whole"]) + Fraction(int(found["over"]), under), None) if under else None
    if found["bottom"] is not None:
        bottom = int(found["bottom"])
        return (Fraction(int(found["top"]), bottom), None) if bottom else None
    plain = _figure(found["figure"].rstrip(f".,'\u2019{_SPACES}"), has_comma=has_comma)
    if plain is None:
        return None
    raised = found["e"] or found["power"] or (found["raised"] or "").translate(_SUPERSCRIPTS)
    return plain if not raised else _raised(plain, raised)


def _raised(plain: tuple[Fraction, int | None], raised: str) -> tuple[Fraction, int | None] | None:
    """Multiply by a power of ten."""
    if not re.fullmatch(r"[-+]?\d+", raised) or abs(int(raised)) > _MOST_EXPONENT:
        return None
    power = int(raised)
    decimals = None if plain[1] is None else plain[1] - power
    return plain[0] * Fraction(10) ** power, decimals if decimals is None or decimals > 0 else None


def _figure(token: str, *, has_comma: bool) -> tuple[Fraction, int | None] | None:
    """Read digits with marks between them."""
    if len(token) > _LONGEST:
        return None
    if _GROUPED.fullmatch(token):
        token = re.sub(rf"[ '\u2019{_SPACES}]", "", token)
    plain = _pointed(token, "," if has_comma else ".")
    if plain is None or not re.fullmatch(r"\d+(?:\.\d+)?", plain):
        return None
    decimals = len(plain.partition(".")[2])
    return Fraction(plain), decimals or None


def _pointed(token: str, mark: str) -> str | None:
    """Return a figure with a point before its decimals and no other marks; `mark` is what its language has there."""
    other = "," if mark == "." else "."
    if "," in token and "." in token:
        mark, other = ("." if token.rfind(".") > token.rfind(",") else ","), ""
        whole, _, rest = token.rpartition(mark)
        group = "," if mark == "." else "."
        return f"{whole.replace(group, '')}.{rest}" if _THOUSANDS[group].fullmatch(whole) else None
    if token.count(mark) == 1:
        return token.replace(mark, ".")
    if mark in token or other in token:
        group = mark if mark in token else other
        if _THOUSANDS[group].fullmatch(token):
            return token.replace(group, "")
        # A decimal point in a language of commas is common where models write formulas; the reverse means two numbers.
        return token if group == "." and token.count(".") == 1 else None
    return token


def _end_of(found: re.Match[str]) -> int:
    """Return where a number ends, without the full stop behind it."""
    end, text = found.end(), found[0]
    return end - (len(text) - len(text.rstrip(f".,'\u2019 {_SPACES}")))


def _magnified(text: str, end: int, said: Fraction, decimals: int | None) -> tuple[Fraction, int | None, int]:
    """Multiply by a word such as `million` behind a number."""
    word = _WORD.match(text, end + 1) if text[end : end + 1] in {" ", "\u00a0"} else None
    power = _MAGNITUDES.get(word[0].casefold()) if word is not None else None
    if word is None or power is None:
        return said, decimals, end
    left = None if decimals is None or decimals <= power else decimals - power
    return said * 10**power, left, word.end()


def _measured(text: str, end: int, currency: str) -> tuple[tuple[str, Fraction] | None, int]:
    """Return the unit behind a number, or before it, and where that ends; -1 where the number is part of a term."""
    found = _UNIT.match(text, end)
    unit = _UNITS.get(found["unit"], _UNITS.get(found["unit"].casefold())) if found is not None else None
    if currency:
        return _UNITS[currency], end
    if found is not None and unit is not None:
        return unit, found.end()
    # `22x`, `2π` and `3rd` are no numbers; `22 apples` is one, of which the question says what it counts.
    is_term = _TERM.match(text, end) if found is None else not found["gap"]
    return None, -1 if is_term else end
