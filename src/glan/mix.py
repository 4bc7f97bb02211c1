"""The mix of questions: in which form and how hard each is asked for, and what its answer must keep to. Pure.

    [questions.forms]
    calculation = 2                                            two of three
    haiku = {weight = 1, line = "...", max_words = 20}         one of three, a form of the project's own

What is drawn for a question depends on the seed and its id alone. Each form throws a number for each question, and the
form with the best number for its weight has it: a new form, or a greater weight, takes questions from others and moves
none between them.
"""

import difflib
import math
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Final

from glan.errors import ConfigError
from glan.language_names import LANGUAGES
from glan.places import seed_of
from glan.records import Constraint, Record, Stage, Task
from glan.settings import Form, Grade, Questions

FREE: Final = "free"
"""The form of no form: the prompt says nothing of it, and the row has none."""
_ANSWERS: Final[Mapping[str, str]] = {
    "json": "is JSON and nothing else",
    "table": "is given in a Markdown table",
}


class Choice(Record, frozen=True, kw_only=True):
    """A form or a difficulty that may be drawn."""

    name: str
    weight: float
    line: str
    """What the prompt says."""
    constraint: Constraint | None = None


class Told(Record, frozen=True, kw_only=True):
    """What was drawn for a question, and what its prompt says of it."""

    task: Task = Task()
    form: str = ""
    difficulty: str = ""
    constraint: str = ""


_NOTHING: Final = Told()


class Mix(Record, frozen=True, kw_only=True):
    """What questions are drawn from; nothing by default."""

    seed: int = 0
    forms: tuple[Choice, ...] = ()
    difficulties: tuple[Choice, ...] = ()

    def drawn(self, question_id: str) -> Told:
        """Return what a question is asked for."""
        if not self.forms and not self.difficulties:
            return _NOTHING
        form = self._drawn("form", self.forms, question_id)
        grade = self._drawn("difficulty", self.difficulties, question_id)
        task = Task(
            form=form.name if form is not None and form.name != FREE else None,
            difficulty=grade.name if grade is not None else None,
            constraint=form.constraint if form is not None else None,
        )
        return Told(
            task=task,
            form=form.line if form is not None else "",
            difficulty=grade.line if grade is not None else "",
            constraint=told(task.constraint) if task.constraint is not None else "",
        )

    @property
    def meaning(self) -> Mapping[str, str]:
        """What of it reaches the requests, in short."""
        named = {"questions.forms": self.forms, "questions.difficulty": self.difficulties}
        return {name: _listed(choices) for name, choices in named.items()}

    def _drawn(self, what: str, choices: tuple[Choice, ...], question_id: str) -> Choice | None:
        return min(choices, key=lambda choice: self._luck(what, choice, question_id), default=None)

    def _luck(self, what: str, choice: Choice, question_id: str) -> float:
        """Return how long a choice takes to come, where one of twice the weight takes half as long on average."""
        number = seed_of(self.seed, Stage.QUESTIONS.value, question_id, what, choice.name)
        return -math.log((number + 0.5) / 2**64) / choice.weight


def mix_of(questions: Questions, seed: int) -> Mix:
    """Return the mix that the settings name.

    Raises:
        ConfigError: a name is not known and has no line of its own, or all weights are 0.

    """
    return Mix(
        seed=seed,
        forms=tuple(_choices("forms", questions.forms)),
        difficulties=tuple(_choices("difficulty", questions.difficulty)),
    )


def told(constraint: Constraint) -> str:
    """Return what the prompt of a question says of what its answer must keep to."""
    return f"Say in the question that its answer {' and '.join(_parts(constraint))}."


@cache
def shipped() -> Mapping[str, Mapping[str, str]]:
    """Return the lines of the forms and difficulties that come with `glan`, by table and name."""
    found: dict[str, dict[str, str]] = tomllib.loads((resources.files("glan") / "forms.toml").read_text("utf-8"))
    return found


def _choices(table: str, given: Mapping[str, float | Grade | Form]) -> Iterator[Choice]:
    if given and not any(_weight(value) for value in given.values()):
        raise ConfigError(f"All weights in [questions.{table}] are 0, so nothing can be drawn; leave the table empty.")
    for name, value in sorted(given.items()):
        known = shipped()[table]
        line = value.line if isinstance(value, Grade) and value.line is not None else known.get(name)
        if line is None:
            near = [f"; did you mean {other!r}?" for other in difflib.get_close_matches(name, known, n=1)]
            raise ConfigError(
                f"[questions.{table}]: {name!r} is not known{near[0] if near else '.'}",
                hint=f"Known: {', '.join(known)}. One of your own has a line: {name} = {{weight = 1, line = '...'}}",
            )
        if _weight(value):
            constraint = _constraint(name, value) if isinstance(value, Form) else None
            yield Choice(name=name, weight=_weight(value), line=line, constraint=constraint)


def _weight(value: float | Grade) -> float:
    return value.weight if isinstance(value, Grade) else value


def _constraint(name: str, form: Form) -> Constraint | None:
    found = Constraint(max_words=form.max_words, items=form.items, answer=form.answer, language=form.language)
    if form.language is not None and form.language not in LANGUAGES:
        raise ConfigError(
            f"[questions.forms]: the language {form.language!r} of {name!r} is not known.",
            hint=f"Known: {', '.join(LANGUAGES)}.",
        )
    return None if found == Constraint() else found


def _parts(constraint: Constraint) -> Iterator[str]:
    if constraint.max_words is not None:
        yield f"has at most {constraint.max_words} words"
    if constraint.items is not None:
        yield f"is a list of exactly {constraint.items} items"
    if constraint.answer is not None:
        yield _ANSWERS[constraint.answer]
    if constraint.language is not None:
        yield f"is in {LANGUAGES[constraint.language]}"


def _listed(choices: tuple[Choice, ...]) -> str:
    """Return the choices with their weights, and a mark of what each says where that is not the shipped line."""
    if not choices:
        return FREE
    known = {**shipped()["forms"], **shipped()["difficulty"]}
    return ", ".join(
        f"{choice.name} {choice.weight:g}"
        + (f" ({choice.line})" if known.get(choice.name) != choice.line else "")
        + (f" [{', '.join(_parts(choice.constraint))}]" if choice.constraint is not None else "")
        for choice in choices
    )
