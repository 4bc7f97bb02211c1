"""The textbook as a judge, as far as it can judge honestly: it solves its own exact problems, and knows its own words.

Whether the result of an exact problem is right it reckons from the numbers in the question. Of everything else it has
no opinion, and gives the middle of the scale.
"""

import re
from collections.abc import Iterator

import msgspec

from glan.teachers.offline.answers import parts_of
from glan.teachers.offline.exercises import PROBLEMS
from glan.teachers.offline.phrases import Phrasebook
from glan.teachers.offline.problems import UnsolvableError, read_values
from glan.teachers.offline.reader import ConfusedError

MIDDLE = 5
"""The score of what it cannot judge."""
_GOOD, _BAD = 9, 2
_PROBLEM = "problem/"
_RESULT = re.compile(r"\*\*Result:\*\*([^\n]*)")


def rate(phrases: Phrasebook, question: str) -> str:
    """Return a rating: whether the exact problems in a question have a solution; how hard they are it cannot say."""
    results = list(_results(phrases, question))
    if not results:
        return _told("There is no exact problem in it, and of others I cannot judge.", answerability=MIDDLE)
    if None in results:
        return _told("With these numbers a problem in it has no solution.", answerability=_BAD)
    return _told(f"I have solved {_number(len(results))} from its numbers.", answerability=_GOOD)


def score(phrases: Phrasebook, question: str, answer: str) -> str:
    """Return scores: whether the results of the exact problems in a question stand in its answer."""
    return _scores(*_judged(phrases, question, answer))


def grade(phrases: Phrasebook, question: str, answer: str) -> str:
    """Return one score for an answer."""
    reason, correctness, _ = _judged(phrases, question, answer)
    return msgspec.json.encode({"reason": reason, "score": correctness}).decode()


def compare(phrases: Phrasebook, question: str, first: str, second: str) -> str:
    """Return a score for each of two answers; where it cannot judge them they have the same."""
    one, other = _judged(phrases, question, first), _judged(phrases, question, second)
    reason = one[0] if one[0] == other[0] else f"First: {one[0]} Second: {other[0]}"
    return msgspec.json.encode({"reason": reason, "first": one[1], "second": other[1]}).decode()


def _judged(phrases: Phrasebook, question: str, answer: str) -> tuple[str, int, int]:
    """Return what is said of an answer, how correct it is, and how helpful."""
    results = list(_results(phrases, question))
    if not results:
        return "There is no exact problem in it, and of others I cannot judge.", MIDDLE, MIDDLE
    if None in results:
        return "With these numbers a problem in it has no solution.", _BAD, MIDDLE
    missing = next((result for result in results if result is not None and not _has(answer, result)), None)
    if missing is not None:
        return f"A result should be: {missing}.", _BAD, _BAD + 1
    return f"I have solved {_number(len(results))}, and the answer has the result.", _GOOD, _GOOD - 1


def vouch(own: str, answer: str, *, is_plain: bool) -> str:
    """Say that an answer is safe if it is our own, word for word.

    Raises:
        ConfusedError: it is another.

    """
    if answer.strip() != own.strip():
        raise ConfusedError("I can vouch for the words of the textbook alone.")
    return "safe" if is_plain else msgspec.json.encode({"categories": [], "verdict": "safe"}).decode()


def _results(phrases: Phrasebook, question: str) -> Iterator[str | None]:
    """Give the result of each exact problem in a question; None of one that has none."""
    for _, text in parts_of(question):
        found = list(phrases.recognise(text))
        if found and all(kind.startswith(_PROBLEM) for kind, _ in found):
            solved = (_solved(kind.removeprefix(_PROBLEM), words) for kind, words in found)
            yield next((result for result in solved if result is not None), None)


def _solved(name: str, words: dict[str, str]) -> str | None:
    problem = PROBLEMS[name]
    numbers = read_values(problem, words)
    try:
        return problem.solve(numbers).result if numbers is not None else None
    except UnsolvableError:
        return None


def _has(answer: str, result: str) -> bool:
    """Say whether a result stands in an answer: where it names its results, among these, else anywhere."""
    named = " ; ".join(_RESULT.findall(answer)) or answer
    words = r"\s+".join(re.escape(word) for word in result.split())
    return re.search(rf"(?<![\w.,/]){words}(?![\w/]|[.,]\d)", named, re.IGNORECASE) is not None


def _scores(reason: str, correctness: int, helpfulness: int) -> str:
    return _told(reason, correctness=correctness, helpfulness=helpfulness, clarity=MIDDLE)


def _told(reason: str, **numbers: int) -> str:
    return msgspec.json.encode({"reason": reason, **numbers, "difficulty": MIDDLE}).decode()


def _number(problems: int) -> str:
    return "the problem" if problems == 1 else f"{problems} problems"
