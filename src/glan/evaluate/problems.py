"""From a published row to a problem: what a model is asked, and what is right.

Every shot and every word of a prompt is here or in `tasks/`, so the same row gives the same prompt on every machine.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from glan.errors import BenchmarkError
from glan.evaluate.choices import letters_of
from glan.evaluate.figures import figure_of
from glan.evaluate.statements import boxed
from glan.evaluate.suite import Benchmark, bbh_shots, group_of, mbpp_shots, suite
from glan.records import Record

T = TypeVar("T")
_CHOICE: Final = """{question}

{options}

Which option is right? You may think first; end with "The answer is X.", where X is the letter of the option."""
_FIGURE: Final = """{question}

Think step by step, and end with "The answer is N.", where N is a number."""
_MATHS: Final = """{problem}

Think step by step, and put the final answer into \\boxed{{}}."""
_HUMANEVAL: Final = """Complete this Python function. Reply with the whole function and the imports that it needs, in \
one code block.

```python
{prompt}
```"""
_MBPP: Final = """You are an expert Python programmer, and here is your task: {text} Your code should pass these tests:

{tests}
[BEGIN]
"""


class Problem(Record, frozen=True, kw_only=True):
    """One item of a benchmark."""

    benchmark: str
    id: str
    """Unique within the benchmark."""
    prompt: str
    answer: str
    """What is right, as people read it: a letter, a number, an expression; empty where only tests tell."""
    group: str = ""
    """The subject, task or kind that it belongs to."""
    options: tuple[str, ...] = ()
    """Of a question of multiple choice, in the order of their letters."""
    data: Mapping[str, Any] = {}
    """What scoring needs beyond this."""


class Published(Record, frozen=True, kw_only=True):
    """A row as it is published, and where it stands."""

    place: str
    """For errors: a file and a line, or the hub's name and a number."""
    part: str
    """The configuration that it is from."""
    number: int
    """Within the part, from 1."""
    fields: Mapping[str, Any]

    def text(self, name: str) -> str:
        """Return a field that must be a text.

        Raises:
            BenchmarkError: it is none.

        """
        found = self.fields[name]
        if isinstance(found, str):
            return found
        raise self.wrong(name, "a text")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a field that must be a list of texts."""
        return self.as_texts(self.fields[name], name)

    def as_texts(self, found: object, name: str) -> tuple[str, ...]:
        """Return what must be a list of texts, and is called so.

        Raises:
            BenchmarkError: it is none.

        """
        if isinstance(found, Sequence) and not isinstance(found, str) and all(isinstance(each, str) for each in found):
            return tuple(found)
        raise self.wrong(name, "a list of texts")

    def has_objects(self, name: str) -> bool:
        """Say whether a field is a list of objects."""
        found = self.fields[name]
        return isinstance(found, Sequence) and all(isinstance(each, Mapping) for each in found)

    def wrong(self, name: str, wanted: str) -> BenchmarkError:
        """Return the error of a field that is not what it must be."""
        return BenchmarkError(f"{self.place}: the field {name!r} is not {wanted}.", hint=COLUMNS)


COLUMNS: Final = "docs/eval.md lists the columns of each benchmark, as they are published."


def problems_of(name: str, rows: Iterable[Published]) -> list[Problem]:
    """Return the problems of a benchmark.

    Raises:
        BenchmarkError: a row lacks a column, has something else in it, or two have the same id; or there is none.

    """
    benchmark = suite()[name]
    found: dict[str, Problem] = {}
    for row in rows:
        _refuse_lacking(benchmark, row)
        problem = _MAKE[name](row)
        if problem.id in found:
            raise BenchmarkError(
                f"{row.place}: the id {problem.id!r} stands there already.", hint="An id names one row."
            )
        found[problem.id] = msgspec.structs.replace(problem, benchmark=name)
    if not found:
        raise BenchmarkError(f"There are no rows of {benchmark.title}.", hint=COLUMNS)
    return list(found.values())


def spread(all_of: Sequence[T], limit: int | None) -> list[T]:
    """Return so many of all, spread evenly, so that no subject is left out for its place in a file."""
    wanted = min(limit or len(all_of), len(all_of))
    return [all_of[i * len(all_of) // wanted] for i in range(wanted)]


def hash_of(problems: Sequence[Problem]) -> str:
    """Return the SHA-256 of problems: what is asked, with every shot, and what is right."""
    told = hashlib.sha256()
    for problem in problems:
        told.update(msgspec.json.encode(problem, order="sorted"))
        told.update(b"\n")
    return told.hexdigest()


def _refuse_lacking(benchmark: Benchmark, row: Published) -> None:
    lacking = [column for column in benchmark.columns if column not in row.fields]
    if lacking:
        raise BenchmarkError(
            f"{row.place} has no field {lacking[0]!r}; {benchmark.title} is published with "
            f"{', '.join(benchmark.columns)}.",
            hint=f"Its fields are {', '.join(str(name)[:60] for name in list(row.fields)[:12])}.",
        )


def _choice(row: Published, question: str, options: Sequence[str], right: int) -> Problem:
    if not 2 <= len(options) <= 26 or not 0 <= right < len(options):
        raise BenchmarkError(f"{row.place}: the right answer is none of its {len(options)} options.", hint=COLUMNS)
    letters = letters_of(len(options))
    shown = "\n".join(f"{letter}. {option}" for letter, option in zip(letters, options, strict=True))
    return Problem(
        benchmark="",
        id=str(row.number),
        prompt=_CHOICE.format(question=question.strip(), options=shown),
        answer=letters[right],
        options=tuple(options),
    )


def _arc(row: Published) -> Problem:
    choices = row.fields["choices"]
    if not isinstance(choices, Mapping) or {"label", "text"} - choices.keys():
        raise row.wrong("choices", "an object with `label` and `text`")
    labels = row.as_texts(choices["label"], "choices.label")
    options = row.as_texts(choices["text"], "choices.text")
    key = row.text("answerKey")
    if key not in labels or len(labels) != len(options):
        raise row.wrong("answerKey", "one of its labels")
    found = _choice(row, row.text("question"), options, labels.index(key))
    return msgspec.structs.replace(found, id=row.text("id"))


def _mmlu(row: Published) -> Problem:
    options, right, subject = row.texts("choices"), row.fields["answer"], row.text("subject")
    if isinstance(right, str) and right in tuple(letters_of(len(options))):
        right = letters_of(len(options)).index(right)
    elif isinstance(right, str) and right.isascii() and right.isdecimal():
        right = int(right)
    if not isinstance(right, int):
        raise row.wrong("answer", "the number of an option, from 0, or its letter")
    if subject not in group_of():
        raise row.wrong("subject", "one of the 57 subjects of MMLU, such as high_school_physics")
    found = _choice(row, row.text("question"), options, right)
    return msgspec.structs.replace(found, id=f"{subject}/{row.number}", group=subject)


def _gsm8k(row: Published) -> Problem:
    _, mark, right = row.text("answer").rpartition("####")
    if not mark or figure_of(right) is None:
        raise row.wrong("answer", "a solution that ends with '#### ' and a number")
    prompt = _FIGURE.format(question=row.text("question").strip())
    return Problem(benchmark="", id=str(row.number), prompt=prompt, answer=right.strip())


def _math(row: Published) -> Problem:
    right = boxed(row.text("solution"))
    if right is None:
        raise row.wrong("solution", "a solution with its answer in \\boxed{}")
    part = f"{row.part}/" if row.part else ""
    return Problem(
        benchmark="",
        id=f"{part}{row.number}",
        prompt=_MATHS.format(problem=row.text("problem").strip()),
        answer=right,
        group=row.text("type"),
        data={"level": row.text("level")},
    )


def _bbh(row: Published) -> Problem:
    shots = bbh_shots()[row.part]
    before = [f"Q: {asked}\nA: Let's think step by step.\n{thought}" for asked, thought in shots["shots"]]
    asked = f"Q: {row.text('input')}\nA: Let's think step by step."
    return Problem(
        benchmark="",
        id=f"{row.part}/{row.number}",
        prompt="\n\n".join([shots["description"], *before, asked]),
        answer=row.text("target").strip(),
        group=row.part,
    )


def _humaneval(row: Published) -> Problem:
    data = {name: row.text(name) for name in ("prompt", "test", "entry_point")}
    prompt = _HUMANEVAL.format(prompt=data["prompt"].rstrip())
    return Problem(benchmark="", id=row.text("task_id"), prompt=prompt, answer="", data=data)


def _mbpp(row: Published) -> Problem:
    def asked(text: str, tests: Iterable[str]) -> str:
        return _MBPP.format(text=text, tests="\n".join(tests))

    shots = "".join(f"{asked(shot['text'], shot['test_list'])}{shot['code']}\n[DONE]\n\n" for shot in mbpp_shots())
    tests = row.texts("test_list")
    setup = row.fields.get("test_setup_code") or ""
    return Problem(
        benchmark="",
        id=str(row.fields["task_id"]),
        prompt=f"{shots}{asked(row.text('text'), tests)}",
        answer="",
        data={"test_list": list(tests), "test_setup_code": str(setup)},
    )


def _ifeval(row: Published) -> Problem:
    wanted, kwargs = row.texts("instruction_id_list"), row.fields["kwargs"]
    if not row.has_objects("kwargs") or len(kwargs) != len(wanted):
        raise row.wrong("kwargs", "a list with an object for each instruction")
    given = [{name: value for name, value in dict(each).items() if value is not None} for each in kwargs]
    data = {"instruction_id_list": list(wanted), "kwargs": given}
    return Problem(benchmark="", id=str(row.fields["key"]), prompt=row.text("prompt"), answer="", data=data)


_MAKE: Final[Mapping[str, Callable[[Published], Problem]]] = {
    "arc_easy": _arc,
    "arc_challenge": _arc,
    "mmlu": _mmlu,
    "gsm8k": _gsm8k,
    "math": _math,
    "bbh": _bbh,
    "humaneval": _humaneval,
    "mbpp": _mbpp,
    "ifeval": _ifeval,
}
