"""What the tasks of the group `glan` call; lm-evaluation-harness loads this file by its path.

With lm-evaluation-harness alone, `--metadata '{"data": "DIR", "limit": 100}'` names local files and spreads a limit.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import msgspec

from glan.evaluate.problems import Problem, spread
from glan.evaluate.published import problems_in
from glan.evaluate.running_code import scored_code
from glan.evaluate.scoring import scored
from glan.evaluate.suite import suite


def problems(benchmark: str, data: str | None = None, limit: int | None = None, **_: object) -> Mapping[str, Any]:
    """Return the problems of a benchmark as a data set of one split; each row has its problem as JSON."""
    found = spread(problems_in(benchmark, Path(data) if data else None), limit)
    return {"test": datasets.Dataset.from_list([{"problem": msgspec.json.encode(each).decode()} for each in found])}


def problem_of(doc: Mapping[str, str]) -> Problem:
    """Return the problem of a row."""
    return msgspec.json.decode(doc["problem"], type=Problem)


def prompt(doc: Mapping[str, str]) -> str:
    """Return what a model is asked."""
    return problem_of(doc).prompt


def answer(doc: Mapping[str, str]) -> str:
    """Return what is right."""
    return problem_of(doc).answer


def scores(doc: Mapping[str, str], replies: Sequence[str]) -> Mapping[str, Any]:
    """Return the scores of a reply; of instructions how many were kept to, and of how many."""
    problem = problem_of(doc)
    if suite()[problem.benchmark].kind == "code":
        (found,) = scored_code([problem], [[replies[0]]])
        return {"score": next(iter(found.parts.values())).right}
    parts = scored(problem, replies[0]).parts
    return {
        name: (part.right, part.of) if name.startswith("instruction") else part.right for name, part in parts.items()
    }


def ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """Return how much was right of all that there was."""
    return sum(right for right, _ in pairs) / sum(of for _, of in pairs)
