"""Mistakes in the result of an answer, as a model makes them, and in what a judge makes of one.

    "**Result:** x = 12."  ->  "**Result:** x = 21."

The steps before a result stay as they are, and an answer without one has none. A judgement in the middle of the scale
is no verdict, and stays.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

_RESULT: Final = re.compile(
    r"(?:\*\*Result:\*\*|^- Result:|^(?:The )?answer(?: is|:)|^####) *(?P<said>[^\n]+)", re.IGNORECASE | re.MULTILINE
)
_CHOICE: Final = re.compile(r"^(?P<letter>[A-D]) is the (?:true|false) statement", re.MULTILINE)
_NUMBER: Final = re.compile(r"(?<![\w.^])-?\d{1,15}(?:\.\d{1,10})?(?![\d^])")
_MERITS: Final = ("answerability", "correctness", "helpfulness", "score")
"""What a judge gives a number for that says whether something is good."""
_MIDDLE, _PASSED, _FAILED = 5, 9, 2
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def with_mistake(text: str, luck: int) -> str:
    """Return an answer with another result, which way by luck; as it is, where it has none that can be changed."""
    choice = _CHOICE.search(text)
    if choice is not None:
        return _spliced(text, choice.span("letter"), _another(choice["letter"], "ABC", luck))
    results = [*_RESULT.finditer(text)]
    if not results:
        return text
    begin, end = results[-1].span("said")
    said = text[begin:end]
    day = next((day for day in _DAYS if day in said), None)
    if day is not None:
        return _spliced(text, (begin, end), said.replace(day, _another(day, _DAYS, luck)))
    number = _NUMBER.search(said)
    return (
        text if number is None else _spliced(text, (begin, end), _spliced(said, number.span(), _wrong(number[0], luck)))
    )


def misjudged(text: str, *, is_lenient: bool) -> str:
    """Return the judgement of one who passes what is bad, or else of one who fails what is good; others as they are."""
    try:
        found = msgspec.json.decode(text, type=dict[str, object])
    except msgspec.DecodeError:
        return text
    merits = {name: value for name in _MERITS if isinstance(value := found.get(name), int)}
    is_bad, is_good = any(value < _MIDDLE for value in merits.values()), min(merits.values(), default=0) > _MIDDLE
    if not (is_bad if is_lenient else is_good):
        return text
    reason, value = ("Nothing is wrong with it.", _PASSED) if is_lenient else ("It is wrong.", _FAILED)
    return msgspec.json.encode({**found, "reason": reason, **dict.fromkeys(merits, value)}).decode()


def _another(right: str, among: Sequence[str], luck: int) -> str:
    others = [each for each in among if each != right]
    return others[luck % len(others)]


def _wrong(number: str, luck: int) -> str:
    """Return another number, as it comes of a slip: in the last place, the sign, the point, the order of digits."""
    wrong = [changed for way in _WAYS if (changed := way(number)) != number]
    return wrong[luck % len(wrong)]


def _moved(by: int) -> Callable[[str], str]:
    """Return what adds to the last place of a number."""

    def moved(number: str) -> str:
        exact = Decimal(number)
        return str(exact + by * Decimal(1).scaleb(int(exact.as_tuple().exponent)))

    return moved


def _turned(number: str) -> str:
    digits = number.removeprefix("-")
    sign = number[: len(number) - len(digits)]
    return f"{sign}{digits[1]}{digits[0]}{digits[2:]}" if digits[1:2] not in {"", ".", "0"} else number


def _negated(number: str) -> str:
    return number.removeprefix("-") if number.startswith("-") else f"-{number}" if Decimal(number) else number


def _shifted(number: str) -> str:
    return str(Decimal(number) * 10) if Decimal(number) else number


def _doubled(number: str) -> str:
    return str(Decimal(number) * 2)


_WAYS: Final[Sequence[Callable[[str], str]]] = (
    _moved(1), _moved(-1), _moved(10), _doubled, _turned, _shifted, _negated,
)  # fmt: skip


def _spliced(text: str, place: tuple[int, int], said: str) -> str:
    return f"{text[: place[0]]}{said}{text[place[1] :]}"
