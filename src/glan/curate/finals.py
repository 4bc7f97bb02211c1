r"""The final answer of an answer, where it has one: a number, a choice, a yes or no, a day.

    "... so \boxed{42}."                 42
    "Let me see ... The answer is (B)."  B, where the question offers choices
    "Thermodynamics is the study of..."  none: most answers have no final one

What is unsure is none. Two answers that say the same in other words have the same one; `votes.py` counts them.
"""

import re
from collections.abc import Iterator

from glan.curate import cues
from glan.curate.markup import without_code
from glan.curate.numbers import COMMA_LANGUAGES, Number, read_number
from glan.records import Record

_LONGEST = 300
"""Characters of a statement that may be a final answer."""
_LONGEST_ANSWER = 50_000
"""Characters of an answer in which one is looked for."""
_MOST_SHOWN = 60
_STOPS = ".!\u3002\u0964\u06d4"
_NARROW = {0xFF00 + code: 0x20 + code for code in range(1, 0x5F)}
"""Letters, digits and marks of ASCII as Chinese and Japanese keyboards may write them, as wide as their own signs."""


class Final(Record, frozen=True, kw_only=True):
    """A final answer: numbers, or a word with one meaning."""

    shown: str
    """As it was written, for people."""
    word: str = ""
    """What it says, where it is no number: `b` of the choices, `yes`, `tuesday`, `2024-03-05`."""
    numbers: tuple[Number, ...] = ()
    """Of `x = 2 or x = 3` both, the lesser first."""


class Options(Record, frozen=True, kw_only=True):
    """The choices that a question offers, by their letters."""

    texts: dict[str, str]

    def letter_of(self, text: str) -> str | None:
        """Return the letter of the choice that a text names, by letter or in full; None where it is unsure."""
        named = cues.LETTER_ALONE.match(text)
        if named is not None and named["letter"] in self.texts:
            return named["letter"]
        plain = _plain(text)
        found = [letter for letter, option in self.texts.items() if option and plain == option]
        return found[0] if len(found) == 1 else None


def final_of(answer: str, *, question: str, language: str | None = "en") -> Final | None:
    """Return the final answer of an answer to a question; None where it has none for sure.

    `language` is the cues.ISO 639-1 code of the answer's language: it says what a comma in a number means.
    """
    if len(answer) > _LONGEST_ANSWER:
        return None
    reading = _Reading(options=_options_of(question), has_comma=language in COMMA_LANGUAGES)
    prose = _without_latex(without_code(answer))
    for statements in (_boxed(answer), _hashed(prose), _cued(prose, cues.FINAL_CUE), _cued(prose, cues.CUE)):
        found = reading.read_all(statements)
        if found:
            return found[0] if _say_the_same(found) else None
    return reading.read_choice(prose) or reading.read_verdict(prose, question) or reading.read_closing(prose)


class _Reading(Record, frozen=True, kw_only=True):
    """How the statements of an answer to one question are read."""

    options: Options | None
    has_comma: bool

    def read_all(self, statements: Iterator[str]) -> list[Final]:
        """Return what the statements say that can be read."""
        return [found for text in statements if (found := self.read(text)) is not None]

    def read(self, text: str) -> Final | None:
        """Return what a statement says: a choice, a word, a number, or several of them."""
        text = _tidy(text)
        if not text or len(text) > _LONGEST:
            return None
        if self.options is not None:
            letter = self.options.letter_of(text)
            return Final(shown=letter, word=letter.casefold()) if letter is not None else None
        word = _word_of(text)
        if word is not None:
            return Final(shown=text, word=word)
        numbers = self._numbers(text)
        return Final(shown=_shown(text), numbers=numbers) if numbers else None

    def read_choice(self, prose: str) -> Final | None:
        """Return the choice that an answer makes in a sentence, if it makes just one."""
        if self.options is None:
            return None
        letters = {found["letter"] for pattern in cues.CHOICES for found in pattern.finditer(prose)}
        letters &= self.options.texts.keys()
        return Final(shown=(letter := letters.pop()), word=letter.casefold()) if len(letters) == 1 else None

    def read_verdict(self, prose: str, question: str) -> Final | None:
        """Return a yes or a no with which an answer begins, where the question asks for just that."""
        if self.options is not None or question.count("?") != 1 or not cues.ASKS_WHETHER.search(question):
            return None
        first = cues.VERDICT.match(prose.strip())
        return Final(shown=first["word"], word=cues.MEANINGS[first["word"].casefold()]) if first is not None else None

    def read_closing(self, prose: str) -> Final | None:
        """Return the one number of a last line that draws the conclusion."""
        if self.options is not None:
            return None
        lines = [line for line in prose.split("\n") if line.strip()]
        found = cues.CLOSING.match(_tidy(lines[-1])) if lines else None
        if found is None or len(found["rest"]) > _LONGEST:
            return None
        numbers = self._only(found["rest"].rpartition("=")[2])
        return Final(shown=_shown(found["rest"]), numbers=numbers) if numbers else None

    def _numbers(self, text: str) -> tuple[Number, ...]:
        """Return the numbers that a statement consists of, or the one that it begins with or has alone."""
        listed = self._listed(text)
        if listed:
            return listed
        leading = self._value(text)
        if leading is not None:
            rest = text[leading[1] :]
            return (leading[0],) if cues.GOES_ON.match(rest) and not self._adds(rest) else ()
        return self._only(text)

    def _listed(self, text: str) -> tuple[Number, ...]:
        """Return the values of a list: by name or else by size; in brackets as they stand."""
        first, *others = cues.SEPARATOR.split(text.strip("[](){} "))
        # What is said again less exactly is no second value: `1/3, about 0.33`.
        parts = [self._part(part) for part in (first, *[part for part in others if not cues.ABOUT.match(part)])]
        values = [part for part in parts if part is not None]
        if len(values) < len(parts):
            return ()
        is_ordered = text.startswith(("[", "(")) and not any(name for name, _ in values)
        ordered = values if is_ordered else sorted(values, key=lambda found: (found[0], found[1].value))
        return tuple([number for _, number in ordered])

    def _part(self, part: str) -> tuple[str, Number] | None:
        """Return a value of a list with its name, which may be empty."""
        name = cues.NAMED.match(part)
        start = name.end() if name is not None else 0
        value = self._value(part[start:])
        if value is None or part[start + value[1] :].strip(" )]}"):
            return None
        return (name["name"] if name is not None else ""), value[0]

    def _adds(self, rest: str) -> bool:
        """Say whether what follows a value gives a second one."""
        return any(read_number(rest, found.end(), has_comma=self.has_comma) for found in cues.AND.finditer(rest))

    def _value(self, text: str) -> tuple[Number, int] | None:
        """Return the number that a text begins with, behind words such as `about` or `x =`."""
        start = cues.BEFORE_VALUE.match(text)
        return read_number(text, start.end() if start is not None else 0, has_comma=self.has_comma)

    def _only(self, text: str) -> tuple[Number, ...]:
        """Return the number of a text that has one alone."""
        places = [found.start() for found in cues.ANY_NUMBER.finditer(text)]
        if len(places) != 1:
            return ()
        found = read_number(text, places[0], has_comma=self.has_comma)
        return (found[0],) if found is not None and cues.GOES_ON.match(text[found[1] :]) else ()


def _say_the_same(found: list[Final]) -> bool:
    return all((each.word, each.numbers) == (found[0].word, found[0].numbers) for each in found)


def _options_of(question: str) -> Options | None:
    """Return the choices of a question: at least two lines that begin with A, B, ... in order."""
    found = [(line["letter"].upper(), _plain(line["text"])) for line in cues.OPTION.finditer(question)]
    letters = [letter for letter, _ in found]
    if len(found) < 2 or letters != [chr(ord("A") + i) for i in range(len(found))]:
        return None
    return Options(texts=dict(found))


def _boxed(text: str) -> Iterator[str]:
    r"""Give what stands in `\boxed{...}`, with braces inside it."""
    for begin in cues.BOX.finditer(text):
        depth, at = 1, begin.end()
        while at < len(text) and depth and at - begin.end() <= _LONGEST:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        if not depth:
            yield _without_latex(text[begin.end() : at - 1])


def _hashed(prose: str) -> Iterator[str]:
    return (found["said"] for found in cues.HASHES.finditer(prose))


def _cued(prose: str, cue: re.Pattern[str]) -> Iterator[str]:
    return (cues.STOP.split(found["said"], maxsplit=1)[0] for found in cue.finditer(prose))


def _word_of(text: str) -> str | None:
    """Return the meaning of a statement that is one known word, or a date."""
    plain = _plain(text)
    if plain in cues.MEANINGS or plain in cues.NAMES:
        return cues.MEANINGS.get(plain, plain)
    return _date_of(plain)


def _date_of(plain: str) -> str | None:
    """Return a date as `2024-03-05`; None where it is none, or where day and month may be confused."""
    if (iso := cues.ISO.fullmatch(plain)) is not None:
        return f"{int(iso[1]):04d}-{int(iso[2]):02d}-{int(iso[3]):02d}"
    for pattern in cues.DATES:
        found = pattern.fullmatch(plain)
        if found is not None and found["month"] in cues.MONTHS:
            return f"{int(found['year']):04d}-{cues.MONTHS.index(found['month']) + 1:02d}-{int(found['day']):02d}"
    return None


def _without_latex(text: str) -> str:
    """Return a text whose formulas are written as plain text, as far as that is easy."""
    if "\\" not in text and "$" not in text:
        return text
    for pattern, plain in cues.PLAIN_LATEX:
        text = pattern.sub(plain, text)
    return text


def _tidy(text: str) -> str:
    """Return a statement without emphasis, in letters of plain width, and without the full stop at its end."""
    return cues.EMPHASIS.sub("", text.translate(_NARROW)).strip().rstrip(_STOPS).strip(" :\u00a0\u3000")


def _plain(text: str) -> str:
    return " ".join(cues.EMPHASIS.sub("", text).casefold().split()).strip(" .:;,!")


def _shown(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
