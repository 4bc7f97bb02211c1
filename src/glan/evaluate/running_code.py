"""What replies to problems of HumanEval and MBPP are worth: their programs run in the sandbox, many at once."""

import os
from collections.abc import Sequence
from typing import Final

from glan.evaluate.coding import code_of, humaneval_program, mbpp_program, pass_at_k
from glan.evaluate.problems import Problem
from glan.evaluate.sandbox import Limits, run_all
from glan.evaluate.scoring import Part, Scored

_KS: Final = (1, 10, 100)


def scored_code(
    problems: Sequence[Problem], replies: Sequence[Sequence[str]], limits: Limits | None = None
) -> list[Scored]:
    """Return what the replies to each problem come to: pass@1, and pass@10 and pass@100 where there are as many.

    Raises:
        SandboxError: this machine cannot hold what a model wrote, and nothing was run.

    """
    programs = [
        _PROGRAMS[problem.benchmark](problem.data, reply)
        for problem, each in zip(problems, replies, strict=True)
        for reply in each
    ]
    outcomes = iter(run_all(programs, limits or Limits(), workers=os.cpu_count() or 1))
    return [_scored(each, sum(next(outcomes).is_passed for _ in each)) for each in replies]


_PROGRAMS: Final = {"humaneval": humaneval_program, "mbpp": mbpp_program}


def _scored(replies: Sequence[str], passed: int) -> Scored:
    n = len(replies)
    parts = {f"pass@{k}": Part(right=pass_at_k(n, passed, k)) for k in _KS if k <= n}
    return Scored(extracted=code_of(replies[0]) or None, parts=parts)
