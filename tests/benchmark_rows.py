"""Rows in the form of each known benchmark, with content of our own: two for every split of every configuration."""

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from glan.benchmarks.recipes import Recipe, recipes

Fields = Mapping[str, object]


def rows(name: str, where: str) -> list[Fields]:
    """Return two rows of a benchmark; `where` stands in each, so that no two texts are the same."""
    return [{**_ROWS[name], **_told(_ROWS[name], f"{where} number {i}"), **_own_id(name, where, i)} for i in range(2)]


def _told(row: Fields, where: str) -> Fields:
    """Return the texts of a row that hold a place for a name."""
    return {name: text.replace("@", where) for name, text in row.items() if isinstance(text, str)}


def _own_id(name: str, where: str, i: int) -> Fields:
    kind = {"HumanEval": ("task_id", f"Ours/{i}"), "MBPP": ("task_id", i), "IFEval": ("key", 1_000 + i)}
    more = {"ARC-E": ("id", f"Ours_{where}_{i}"), "ARC-C": ("id", f"Ours_{where}_{i}"), "Evol-Instruct": ("idx", i)}
    found = {**kind, **more}.get(name)
    return {found[0]: found[1]} if found is not None else {}


_CHOICES = ["the heavier one sinks at once", "both of them float", "neither moves at all", "they turn blue"]
_ROWS: dict[str, dict[str, object]] = {
    "HumanEval": {
        "prompt": 'def ours(words):\n    """Join the words of @ with a plus sign, leave out every second one."""\n',
        "canonical_solution": "    return '+'.join(words[::2])\n",
        "test": "def check(candidate):\n    assert candidate(['a', 'b']) == 'a'\n",
        "entry_point": "ours",
    },
    "MBPP": {
        "text": "Write a function that counts how many boats of @ have more oars than people in them.",
        "code": "def boats(found):\r\n  return sum(oars > people for oars, people in found)",
        "test_list": ["assert boats([(2, 1)]) == 1", "assert boats([]) == 0"],
        "test_setup_code": "",
        "challenge_test_list": [],
    },
    "GSM8K": {
        "question": "In @ a gardener plants 3 rows of 14 tulips and the hare eats 5 of them. How many are left?",
        "answer": "There are 3*14=<<3*14=42>>42 tulips.\nOf these 42-5=<<42-5=37>>37 are left.\n#### 37",
    },
    "MATH": {
        "problem": "In @, find all real $x$ for which $\\frac{x}{3} + \\sqrt{x} = 6$, and say which is the least.",
        "level": "Level 2",
        "type": "Algebra",
        "solution": "We put $y = \\sqrt{x}$ and find $y^2 + 3y - 18 = 0$, so that $y = 3$ and $\\boxed{x = 9}$.",
    },
    "BBH": {
        "input": "Five boxes of @ stand in a row. The red one is left of the blue one. Which is the first of all?",
        "target": "(A)",
    },
    "ARC-E": {
        "question": "Two stones of @ fall into a pond. What do we see?",
        "choices": {"text": _CHOICES, "label": ["A", "B", "C", "D"]},
        "answerKey": "A",
    },
    "MMLU": {
        "question": "Two stones of @ fall into a pond. What do we see?",
        "subject": "ponds",
        "choices": _CHOICES,
        "answer": 0,
    },
    "IFEval": {
        "prompt": "Write about the harbour of @ in exactly four sentences, and do not use the letter k in any of them.",
        "instruction_id_list": ["length_constraints:number_sentences"],
        "kwargs": [{"num_sentences": 4}],
    },
    "Evol-Instruct": {
        "Skill": "Writing",
        "Difficulty": 3,
        "Instruction": "Take the timetable of @ and turn it into a talk between two late trains and a signal.",
    },
}
_ROWS["ARC-C"] = _ROWS["ARC-E"]


def mirror(folder: Path) -> Path:
    """Write a copy of each repository as the hub has it, a card that names the files and the files; return where."""
    for name, recipe in recipes().items():
        repository = folder / recipe.hub
        if recipe.files:
            for split, file in recipe.files.items():
                _write_lines(repository / file, rows(name, split))
            continue
        for config in recipe.configs or ("default",):
            for split in recipe.splits:
                _write_parquet(repository / config / f"{split}-00000-of-00001.parquet", rows(name, f"{config} {split}"))
    for recipe in recipes().values():
        if not recipe.files:
            _write_card(folder / recipe.hub)
    return folder


def _write_card(repository: Path) -> None:
    """Write the card of a repository, with the files of each of its configurations."""
    configs = [
        {
            "config_name": config.name,
            "data_files": [
                {"split": path.name.partition("-")[0], "path": f"{config.name}/{path.name}"}
                for path in sorted(config.glob("*.parquet"))
            ],
        }
        for config in sorted(repository.iterdir())
        if config.is_dir()
    ]
    (repository / "README.md").write_text(f"---\nconfigs: {json.dumps(configs)}\n---\n", encoding="utf-8")


def _write_lines(path: Path, found: list[Fields]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")


def _write_parquet(path: Path, found: list[Fields]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([dict(row) for row in found]), path)


def n_items(recipe: Recipe) -> int:
    """Return how many items a fetch from the mirror gives."""
    return 2 * len(recipe.splits) * max(1, len(recipe.configs))
