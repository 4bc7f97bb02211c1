"""Miniatures of benchmarks, in the columns in which they are published, with right answers that anybody knows."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Rows = Sequence[Mapping[str, Any]]
OPTIONS = ("red", "green", "blue", "black")
SUBJECTS = ("high_school_physics", "philosophy", "sociology", "nutrition")
"""Of MMLU, one of each of its four groups."""


def _arc(kind: str) -> Rows:
    choices = {"label": ["A", "B", "C", "D"], "text": list(OPTIONS)}
    return [
        {"id": f"{kind}-{i}", "question": f"Which colour is {colour}?", "choices": choices, "answerKey": "ABCD"[i]}
        for i, colour in enumerate(OPTIONS)
    ]


def _mmlu() -> Rows:
    return [
        {"question": f"Which colour is {OPTIONS[i]}?", "subject": subject, "choices": list(OPTIONS), "answer": i}
        for i, subject in enumerate(SUBJECTS)
    ]


def _sums(first: int, count: int) -> Rows:
    return [
        {
            "question": f"Ann has {i} apples and gets {i % 7} more. How many has she?",
            "answer": f"{i} + {i % 7} = {i + i % 7}\n#### {i + i % 7}",
        }
        for i in range(first, first + count)
    ]


def _instructions() -> Rows:
    wanted = [
        ("punctuation:no_comma", {}),
        ("length_constraints:number_words", {"relation": "less than", "num_words": 50}),
    ]
    return [
        {"key": i, "prompt": f"Say something about stars ({name}).", "instruction_id_list": [name], "kwargs": [kwargs]}
        for i, (name, kwargs) in enumerate(wanted)
    ]


def write_miniatures(folder: Path) -> Mapping[str, int]:
    """Write them where `glan eval --data` looks for them; return how many items each has."""
    found = {
        "arc_easy/test": _arc("easy"),
        "arc_challenge/test": _arc("hard"),
        "mmlu/test": _mmlu(),
        "gsm8k/test": _sums(1, 4),
        "ifeval/train": _instructions(),
    }
    for name, rows in found.items():
        written(folder / f"{name}.jsonl", rows)
    return {name.partition("/")[0]: len(rows) for name, rows in found.items()}


def write_splits(folder: Path) -> tuple[Path, Path]:
    """Write two splits of GSM8K that no student of ours has seen."""
    return written(folder / "test.jsonl", _sums(100, 30)), written(folder / "train.jsonl", _sums(200, 30))


def written(path: Path, rows: Rows) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
