"""lm-evaluation-harness as the one who asks. It imports lm-eval, and is imported only when it is called for.

The tasks are in `tasks/`, and whoever can answer a list of prompts is a model to it. What is said is scored elsewhere.
"""

import io
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, Final, NamedTuple, TextIO

import lm_eval
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager

from glan.evaluate.answering import Answer, Answered, How, Prompt, Respondent
from glan.evaluate.suite import suite, tasks_folder
from glan.evaluate.tasks.functions import problem_of

_GROUP: Final = "glan_"


def answers_to(how: How, respondent: Respondent) -> list[Answered]:
    """Return what came of every problem, in the order of the problems.

    Raises:
        GlanError: what the respondent or the data raise.

    """
    metadata: dict[str, Any] = {"limit": how.limit} if how.limit is not None else {}
    if how.data is not None:
        metadata["data"] = str(how.data)
    with hushed() as screen:
        manager = TaskManager(include_path=str(tasks_folder()), include_defaults=False, metadata=metadata)
        loaded = manager.load([_GROUP + how.name])
        task = loaded["tasks"][_GROUP + how.name]
        task.override_metric("bypass")
        for name, value in _changed(how).items():
            task.set_config(name, value)
        model = _Model(respondent, screen)
        found = lm_eval.evaluate(
            lm=model,
            task_dict=loaded,
            bootstrap_iters=0,
            apply_chat_template=respondent.is_chat,
            confirm_run_unsafe_code=True,  # it runs none: what would score is by-passed
        )
    samples = found["samples"][_GROUP + how.name]
    return [
        Answered(problem_of(each["doc"]), each["arguments"][0][0], tuple(model.answers[each["doc_id"]]))
        for each in samples
    ]


def _changed(how: How) -> dict[str, Any]:
    """Return what is other than in the task's file: what is said is scored by nobody there."""
    sampling: dict[str, Any] = {"do_sample": how.temperature > 0, "temperature": how.temperature}
    if how.top_p is not None:
        sampling["top_p"] = how.top_p
    room = {"max_gen_toks": how.max_tokens, "until": list(suite()[how.name].until)}
    return {"generation_kwargs": {**sampling, **room}, "repeats": how.samples, "process_results": None}


class Screen(NamedTuple):
    """Where output goes when nothing is hushed."""

    out: TextIO
    err: TextIO


@contextmanager
def hushed() -> Iterator[Screen]:
    """Keep the bars and hints of a library from the screen until the block is left; its errors are raised anyway."""
    screen = Screen(sys.stdout, sys.stderr)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield screen


class _Model(LM):  # type: ignore[misc]  # the library ships no types
    """A respondent as lm-evaluation-harness knows models."""

    tokenizer_name = "glan"

    def __init__(self, respondent: Respondent, screen: Screen) -> None:
        super().__init__()
        self._respondent = respondent
        self._screen = screen
        self.answers: dict[int, list[Answer]] = {}
        """By the number of the problem."""

    def apply_chat_template(self, chat_history: list[dict[str, str]], **_: object) -> str:
        return self._respondent.render(chat_history)

    def generate_until(self, requests: list[Instance]) -> list[str]:
        with redirect_stdout(self._screen.out), redirect_stderr(self._screen.err):
            found = self._respondent.answer(list(_prompts(requests)))
        for request, answer in zip(requests, found, strict=True):
            self.answers.setdefault(request.doc_id, []).append(answer)
        return [answer.text or "" for answer in found]

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        raise NotImplementedError

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        raise NotImplementedError


def _prompts(requests: Sequence[Instance]) -> Iterator[Prompt]:
    """Yield what is asked; several copies of a request are several samples."""
    seen: Counter[int] = Counter()
    for request in requests:
        text, told = request.args
        yield Prompt(
            text=text,
            sample=seen[request.doc_id],
            max_tokens=int(told["max_gen_toks"]),
            until=tuple(told["until"]),
            temperature=float(told["temperature"]),
            top_p=told.get("top_p"),
        )
        seen[request.doc_id] += 1
