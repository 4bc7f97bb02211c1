"""What replies to problems of HumanEval and MBPP are worth: their programs run in the sandbox, many at once."""

import os
from collections.abc import Sequence
from typing import Final

from glan.evaluate.coding import code_of, humaneval_program, mbpp_program, pass_at_k
from glan.evaluate.problems import Problem
from glan.evaluate.sandbox import Limits, run_all
from glan.evaluate.scoring import Part, Scored

_KS: Final = (1, 10, 100)


def scored_code(problems: Sequence[Problem], replies: Sequence[Sequence[str]]) -> list[Scored]:
    """Return what the replies to each problem come to: pass@1, and pass@10 and pass@100 where there are as many.

    Raises:
        SandboxError: this machine cannot hold what a model wrote, and nothing was run.

    """
    codes = [[code_of(reply) for reply in each] for each in replies]
    programs = [_program(problem, code) for problem, each in zip(problems, codes, strict=True) for code in each]
    outcomes = iter(run_all(programs, Limits(), workers=os.cpu_count() or 1))
    return [_scored(each, sum(next(outcomes).is_passed for _ in each)) for each in codes]


def numbers_of(samples: int) -> tuple[str, ...]:
    """Return the names of the numbers that so many samples have."""
    return tuple(f"pass@{k}" for k in _KS if k <= samples)


def _program(problem: Problem, code: str) -> str:
    data = problem.data
    if problem.benchmark == "humaneval":
        return humaneval_program(data["prompt"], code, data["test"], data["entry_point"])
    return mbpp_program(code, data["test_list"], data["test_setup_code"])


def _scored(codes: Sequence[str], passed: int) -> Scored:
    n = len(codes)
    parts = {f"pass@{k}": Part(right=pass_at_k(n, passed, k)) for k in _KS if k <= n}
    return Scored(extracted=codes[0], parts=parts)
