"""What a project may have looked at beyond the rules: calls about a question or a pair, each with its verdict.

A look is asked for only where everything before it let the slot pass, so nothing is paid for what is out already.
"""

from collections.abc import Awaitable, Callable

from glan.config import Config
from glan.curate.examiner import Finding
from glan.generate.asking import Asking
from glan.records import Decided, Record, Stage


class Looked(Record, frozen=True, kw_only=True):
    """A slot with what a look added to it, and what stands against it, if anything does."""

    decided: Decided
    finding: Finding | None = None


class Look(Record, frozen=True, kw_only=True):
    """One look at a slot. It raises what a stage raises: an error harms this slot, or stops the run."""

    stage: Stage
    at: Callable[[Asking, Decided], Awaitable[Looked]]


def looks_at_questions(config: Config) -> tuple[Look, ...]:
    """Return the looks at a question before an answer is paid for, in their order."""
    return tuple(look for stage, look in _AT_QUESTIONS.items() if stage in config.stages)


def looks_at_pairs(config: Config) -> tuple[Look, ...]:
    """Return the looks at a pair that the rules let pass, in their order."""
    return tuple(look for stage, look in _AT_PAIRS.items() if stage in config.stages)


_AT_QUESTIONS: dict[Stage, Look] = {}
_AT_PAIRS: dict[Stage, Look] = {}
