"""Small benchmarks in the columns in which the real ones are published, and what a model that knows them would say.

Every question has a mark such as `[gsm8k-3]`, by which a reply is found.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from glan.evaluate.suite import suite

MARK = re.compile(r"\[([a-z0-9_]+-\d+)\]")
ITEMS = 10
"""Of most benchmarks."""
SUBJECTS = ("astronomy", "philosophy", "sociology", "virology")

RIGHT: dict[str, str] = {}
"""By mark what is right to say."""


def write_all(data: Path) -> Path:
    """Write every benchmark into a folder, as `--data` takes it."""
    for name, rows in _SINGLE.items():
        split = suite()[name].split
        _write(data / name / f"{split}.jsonl", [_known(f"{name}-{i}", rows) for i in range(ITEMS)])
    for name, rows in _PARTED.items():
        for i, config in enumerate(suite()[name].configs):
            _write(data / name / f"{config}.jsonl", [_known(f"{name}-{i}", rows, config)])
    return data


def mark_of(prompt: str) -> str:
    """Return the mark of the question that a prompt ends with."""
    return str(MARK.findall(prompt)[-1])


Made = tuple[Mapping[str, Any], str]
"""A row, and what is right to say."""


def _known(mark: str, rows: Callable[..., Made], *more: str) -> Mapping[str, Any]:
    row, RIGHT[mark] = rows(mark, int(mark.rpartition("-")[2]), *more)
    return row


def _arc(mark: str, i: int) -> Made:
    labels = ["A", "B", "C", "D"] if i % 2 else ["1", "2", "3", "4"]
    choices = {"text": [f"{place} of {i}" for place in ("north", "east", "south", "west")], "label": labels}
    row = {"id": f"Mercury_{i}", "question": f"Where? [{mark}]", "choices": choices, "answerKey": labels[i % 4]}
    return row, f"Let me see. The answer is ({'ABCD'[i % 4]})."


def _mmlu(mark: str, i: int) -> Made:
    choices = [f"{word} {i}" for word in ("one", "two", "three", "four")]
    row = {"question": f"How many? [{mark}]", "subject": SUBJECTS[i % 4], "choices": choices, "answer": (i + 1) % 4}
    return row, f"**{'ABCD'[(i + 1) % 4]}**"


def _gsm8k(mark: str, i: int) -> Made:
    total = 1_000 * i
    row = {"question": f"{i} boxes of 1,000? [{mark}]", "answer": f"They are {i}*1000 = {total}.\n#### {total:,}"}
    return row, f"That makes {i} * 1000 = ${total:,}.\nThe answer is ${total:,}."


def _math(mark: str, i: int, config: str) -> Made:
    row = {
        "problem": f"Half of {i}? [{mark}]",
        "level": "Level 1",
        "type": config.replace("_", " ").title(),
        "solution": f"It is $\\boxed{{\\frac{{{i}}}{{2}}}}$.",
    }
    return row, f"So \\boxed{{{i / 2}}}."


def _bbh(mark: str, i: int, config: str) -> Made:
    target = "(B)" if i % 2 else "True"
    return {"input": f"{config}? [{mark}]", "target": target}, f"We think. So the answer is {target}."


def _humaneval(mark: str, i: int) -> Made:
    row = {
        "task_id": f"HumanEval/{i}",
        "prompt": f'def add(a, b):\n    """Return a + b + {i}. [{mark}]"""\n',
        "canonical_solution": f"    return a + b + {i}\n",
        "test": f"def check(candidate):\n    assert candidate(1, 2) == {3 + i}\n",
        "entry_point": "add",
    }
    return row, f"Here it is.\n\n```python\ndef add(a, b):\n    return a + b + {i}\n```\n"


def _mbpp(mark: str, i: int) -> Made:
    row = {
        "task_id": 11 + i,
        "text": f"Write a function that adds {i}. [{mark}]",
        "code": "",
        "test_list": [f"assert add(1) == {1 + i}"],
        "test_setup_code": "",
        "challenge_test_list": [],
    }
    return row, f"def add(n):\n    return n + {i}\n[DONE]\nMore that nobody asked for."


def _ifeval(mark: str, i: int) -> Made:
    row = {
        "key": 1000 + i,
        "prompt": f"Write three words without commas. [{mark}]",
        "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
        "kwargs": [
            {"relation": None, "num_words": None},
            {"relation": "at least", "num_words": 3},
        ],
    }
    return row, "one two three"


_SINGLE: Mapping[str, Callable[..., Made]] = {
    "arc_easy": _arc,
    "arc_challenge": _arc,
    "mmlu": _mmlu,
    "gsm8k": _gsm8k,
    "humaneval": _humaneval,
    "mbpp": _mbpp,
    "ifeval": _ifeval,
}
_PARTED: Mapping[str, Callable[..., Made]] = {"math": _math, "bbh": _bbh}


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
