"""Questions as a task of inspect-ai, for those who examine models with that: a file of Python and one of questions."""

from collections import Counter
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import msgspec

from glan.disk import replace
from glan.errors import ConfigError
from glan.evaluate.questions import Asked
from glan.prompts import Prompts

_MOST_GROUPS = 50
"""Values of a column by which the task groups; one with more is left to the log."""


def export(file: Path, questions: Sequence[Asked], prompts: Prompts, *, by: Sequence[str], language: str) -> Path:
    """Write the task and, beside it, its questions; return where these are.

    Raises:
        ConfigError: the file has no name of a module, or a question is a conversation.

    """
    if file.suffix != ".py" or not file.stem.isidentifier():
        raise ConfigError(f"{file.name} is no name for a task.", hint="Name it as a module of Python: glan_test.py.")
    if any(len(asked.turns) > 1 for asked in questions):
        raise ConfigError("A question is a conversation of several turns, which the task cannot ask.")
    beside = file.with_suffix(".jsonl")
    # What is put in comes from nobody but the task, after the template was rendered.
    prompt = prompts.render("grade_answer", question="@QUESTION@", answer="@ANSWER@", mark="@MARK@", language=language)
    text = (resources.files("glan.evaluate") / "inspect_task.py.txt").read_text(encoding="utf-8")
    groups = [name for name in by if 0 < len(Counter(asked.groups.get(name) for asked in questions)) <= _MOST_GROUPS]
    groups = [name for name in groups if all(asked.groups.get(name) for asked in questions)]
    task = text.format(file=file.name, questions=beside.name, prompt=prompt, groups=groups)
    encode = msgspec.json.Encoder().encode
    rows = [
        {"id": asked.id, "question": asked.text, "columns": {name: asked.groups.get(name, "") for name in by}}
        for asked in questions
    ]
    replace(beside, b"".join(encode(row) + b"\n" for row in rows))
    replace(file, task.encode())
    return beside
