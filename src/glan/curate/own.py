"""A project's own rules: `rules.py` in its folder, which runs only when the user has said so on the command line.

    def no_dates(record):
        return "names a year" if "2024" in record.question else None

    question_rules = [no_dates]
    answer_rules = []

A rule is given a record that it cannot change, and returns a reason, a short fixed text that statistics count, or None.
Rules on questions see no answer. They come after the rules of `glan`, in plan order, so they see what those let pass.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Final

from glan.errors import CurationError
from glan.records import Record

NAME: Final = "rules.py"
"""As messages name it, whatever folder it stands in."""
QUESTIONS, ANSWERS = "question_rules", "answer_rules"
"""The names of the lists in the file."""
_LONGEST_REASON: Final = 100
_HINT: Final = "Mend it and run again: what is paid for is in the ledger."


class About(Record, frozen=True, kw_only=True):
    """Where a question comes from, as its row tells it."""

    id: str
    discipline: str
    subject: str
    level: str
    sessions: tuple[str, ...]
    key_concepts: tuple[str, ...]
    strategy: str
    language: str
    task: str | None = None
    difficulty: str | None = None


class RowSoFar(About, frozen=True, kw_only=True):
    """What a rule of a project is given: the row as far as it has come. Nothing in it can be changed."""

    question: str
    answer: str | None = None
    """None where it is the question that is judged."""
    finish_reason: str | None = None
    """Of the reply that is judged."""


OwnRule = Callable[[RowSoFar], object]


@dataclass(frozen=True, slots=True)
class OwnRules:
    """The rules of a project, read."""

    source: str
    question_rules: tuple[OwnRule, ...]
    answer_rules: tuple[OwnRule, ...]

    @classmethod
    def read(cls, source: str) -> "OwnRules":
        """Run the text of a rules.py, and return what it defines.

        Raises:
            CurationError: it fails, or has not the form above.

        """
        module = ModuleType("rules")
        try:
            # The user has said with --rules that this code may run; whatever it raises is told as its own.
            exec(compile(source, NAME, "exec"), module.__dict__)  # noqa: S102
        except (Exception, SystemExit) as error:
            raise CurationError(f"{NAME} cannot be read: {_told(error)}.", hint=_HINT) from error
        found = [_listed(module, name) for name in (QUESTIONS, ANSWERS)]
        if not any(found):
            raise CurationError(
                f"{NAME} has neither {QUESTIONS} nor {ANSWERS}, so it has no rules.",
                hint=f"Each is a list of functions: `{QUESTIONS} = [too_easy]`. docs/quality.md has an example.",
            )
        return cls(source, *found)

    @property
    def counts(self) -> tuple[int, int]:
        """How many rules there are, on questions and on answers."""
        return len(self.question_rules), len(self.answer_rules)

    def objection(self, row: RowSoFar) -> str | None:
        """Return the reason of the first rule that objects to the answer of a row, or to its question.

        Raises:
            CurationError: a rule fails, or returns what is no reason.

        """
        rules = self.question_rules if row.answer is None else self.answer_rules
        return next((reason for rule in rules if (reason := self._reason(rule, row)) is not None), None)

    def _reason(self, rule: OwnRule, row: RowSoFar) -> str | None:
        try:
            found = rule(row)
        except (Exception, SystemExit) as error:
            raise CurationError(
                f"The rule {_name(rule)} of {NAME} failed on {row.id}: {_told(error)}.", hint=_HINT
            ) from error
        if found is None:
            return None
        reason = " ".join(found.split()) if isinstance(found, str) else ""
        if not reason.isprintable() or not 0 < len(reason) <= _LONGEST_REASON:
            raise CurationError(
                f"The rule {_name(rule)} of {NAME} returned {found!r:.200} on {row.id}.",
                hint=f"A rule returns None, or a reason: a text in one line, of at most {_LONGEST_REASON} characters.",
            )
        return reason


def _listed(module: ModuleType, name: str) -> tuple[OwnRule, ...]:
    found = getattr(module, name, ())
    rules = tuple(found) if isinstance(found, Iterable) else (None,)
    if not all(map(callable, rules)):
        raise CurationError(f"{name} in {NAME} is no list of functions.", hint=_HINT)
    return rules


def _name(rule: OwnRule) -> str:
    return str(getattr(rule, "__name__", type(rule).__name__))


def _told(error: BaseException) -> str:
    """Return an error in one line, with the line of the file."""
    lines = [*_lines(error), *([error.lineno] if isinstance(error, SyntaxError) else [])]
    said = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())[:500]
    said = said.encode("utf-8", "replace").decode()
    where = f" (line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}{': ' if said else ''}{said}{where}"


def _lines(error: BaseException) -> Sequence[int]:
    """Return the lines of the file that the error came through, the innermost last."""
    found, trace = [], error.__traceback__
    while trace is not None:
        frame: FrameType = trace.tb_frame
        if frame.f_code.co_filename == NAME:
            found.append(trace.tb_lineno)
        trace = trace.tb_next
    return found
