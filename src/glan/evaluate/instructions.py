"""Whether a reply keeps to the instructions of a problem of IFEval: the checks of lm-evaluation-harness, made certain.

Those checks guess a language with a random seed and fetch a table of sentence ends when they are loaded. Here the seed
is fixed, and what is lacking is told before anybody is asked.
"""

import io
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from types import ModuleType
from typing import Any, Final

from glan.errors import BenchmarkError, MissingPackageError
from glan.evaluate.problems import Problem

_NEEDS_SENTENCES: Final = {"length_constraints:number_sentences", "change_case:capital_word_frequency"}
_TABLE: Final = "punkt_tab"


def kept_of(problem: Problem, reply: str, *, is_loose: bool) -> list[bool]:
    """Return of each instruction whether a reply keeps to it.

    Raises:
        MissingPackageError: the library is not installed.

    """
    library = checks()
    asked = library.InputExample(
        key=0,
        instruction_id_list=list(problem.data["instruction_id_list"]),
        prompt=problem.prompt,
        kwargs=[dict(each) for each in problem.data["kwargs"]],
    )
    judge: Any = library.test_instruction_following_loose if is_loose else library.test_instruction_following_strict
    return [bool(each) for each in judge(asked, reply).follow_instruction_list]


def refuse_unready(problems: Iterable[Problem]) -> None:
    """Refuse instructions that cannot be checked on this machine.

    Raises:
        BenchmarkError: one is not known or has settings that are not its own, or the table of sentence ends is lacking
            and cannot be fetched.
        MissingPackageError: the library is not installed.

    """
    problems = list(problems)
    wanted = {each for problem in problems for each in problem.data["instruction_id_list"]}
    library = checks()
    unknown = sorted(wanted - set(library.instructions_registry.INSTRUCTION_DICT))
    if unknown:
        raise BenchmarkError(
            f"IFEval has no instruction called {unknown[0]!r}.", hint="Is the file what was published?"
        )
    if wanted & _NEEDS_SENTENCES and not _has_table():
        raise BenchmarkError(
            f"IFEval counts sentences with the table {_TABLE} of nltk, which is not there and cannot be fetched.",
            hint=f"Where there is a network: python -m nltk.downloader {_TABLE}. Copied folders are found by the "
            "variable NLTK_DATA.",
        )
    for problem in problems:
        _refuse_unfit(problem)


def _refuse_unfit(problem: Problem) -> None:
    """Refuse settings with which an instruction cannot be made; of an empty reply no more than that is tried."""
    try:
        kept_of(problem, "", is_loose=False)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise BenchmarkError(
            f"The instructions of item {problem.id!r} of IFEval cannot be made from its kwargs: {error}.",
            hint="Is the file what was published?",
        ) from error


@cache
def checks() -> ModuleType:
    """Return the module of the checks.

    Raises:
        MissingPackageError: it is not installed.

    """
    try:
        from langdetect import DetectorFactory  # noqa: PLC0415 - an extra, and slow to load

        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # it tries to fetch, and prints so
            from lm_eval.tasks.ifeval import utils  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise MissingPackageError(
            f"To check the instructions of IFEval, lm-evaluation-harness is needed: {error}.",
            hint="pip install 'glan[eval]'",
        ) from error
    DetectorFactory.seed = 0
    found: ModuleType = utils
    return found


def _has_table() -> bool:
    import nltk  # noqa: PLC0415 - a part of the extra

    try:
        nltk.data.find(f"tokenizers/{_TABLE}")
    except LookupError:
        return False
    return True
