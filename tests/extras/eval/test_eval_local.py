"""A local model, the group as lm-evaluation-harness alone takes it, and answers of mathematics."""

import json
import signal
from collections.abc import Sequence
from pathlib import Path

import lm_eval
import pytest
from commandline import CommandLine, gone, until
from extras.eval.conftest import known_below
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager
from miniatures import RIGHT, mark_of

from glan.errors import BenchmarkError
from glan.evaluate.instructions import refuse_unready
from glan.evaluate.local import LocalModel
from glan.evaluate.maths import is_same
from glan.evaluate.opened import device_and_type, open_model
from glan.evaluate.problems import Problem
from glan.evaluate.suite import tasks_folder


def test_a_local_model_is_examined(command: CommandLine, local_model: Path, data: Path, tmp_path: Path) -> None:
    """A model of random weights answers; its replies are kept, and the same command again takes none anew."""
    given = ("eval", local_model, "--data", data, "--out", tmp_path / "out", "--tasks", "arc_easy,gsm8k", "--limit", 3)
    ended = command(*given, "--json")
    assert ended.code == 0, ended.words
    found = ended.json
    assert (found["way"], found["chat"], set(found["tasks"])) == ("local", False, {"arc_easy", "gsm8k"})
    assert found["tasks"]["gsm8k"]["answered"] == found["tasks"]["gsm8k"]["asked"] == 3
    kept = (tmp_path / "out" / "replies.jsonl").read_bytes()
    assert len(kept.splitlines()) == 6
    assert command(*given, "--json").json == found
    assert (tmp_path / "out" / "replies.jsonl").read_bytes() == kept


def test_a_killed_local_model_goes_on(command: CommandLine, local_model: Path, data: Path, tmp_path: Path) -> None:
    """Killed once some replies are kept, it goes on with the others, and comes to what it would have come to."""
    given = ("eval", local_model, "--data", data, "--tasks", "gsm8k", "--batch-size", 1, "--out")
    kept = tmp_path / "killed" / "replies.jsonl"
    begun = command.begin(*given, tmp_path / "killed")
    until(lambda: begun.is_over or (kept.exists() and kept.stat().st_size > 0))
    gone(begun)
    before = kept.read_bytes()
    assert 0 < len(before.splitlines()) <= 10
    with kept.open("ab") as file:
        file.write(b'["half a li')
    assert command(*given, tmp_path / "killed").code == 0
    assert kept.read_bytes().startswith(before)
    assert command(*given, tmp_path / "whole").code == 0
    names = ("items/gsm8k.jsonl.gz", "results.json")
    assert [(tmp_path / "killed" / name).read_bytes() for name in names] == [
        (tmp_path / "whole" / name).read_bytes() for name in names
    ]


def test_a_local_model_stops_in_good_order(command: CommandLine, local_model: Path, data: Path, tmp_path: Path) -> None:
    """SIGTERM ends it after the replies that are being written, with the way to go on and exit code 130."""
    given = ("eval", local_model, "--data", data, "--tasks", "bbh", "--batch-size", 1, "--out", tmp_path / "out")
    begun = command.begin(*given)
    until(lambda: (tmp_path / "out" / "replies.jsonl").exists() or begun.is_over)
    begun.send(signal.SIGTERM)
    ended = begun.end()
    assert (ended.code, "give the same command again" in ended.out) == (130, True), ended.words


def test_a_model_that_is_none_is_told(command: CommandLine, data: Path, tmp_path: Path) -> None:
    """An empty folder is no model, and the error says what one is."""
    (tmp_path / "empty").mkdir()
    ended = command("eval", tmp_path / "empty", "--data", data, "--out", tmp_path / "out", "--tasks", "gsm8k")
    assert (ended.code, "cannot be loaded" in ended.err) == (1, True), ended.words


def test_every_way_of_opening_a_model_chooses_the_same_device(local_model: Path, tmp_path: Path) -> None:
    """A model that is examined stands where one that teaches, or whose losses are taken, does, in the same numbers."""
    examined = LocalModel(str(local_model), batch_size=1, kept=tmp_path / "kept", tell=lambda *_: None)
    opened = open_model(str(local_model))
    weights = next(examined._model.model.parameters())  # noqa: SLF001 - nothing else tells
    assert (weights.device.type, weights.dtype) == (opened.device, opened.model.dtype) == device_and_type()


def test_a_chat_template_is_used(local_model: Path, tmp_path: Path) -> None:
    """A model that has a template is asked with it, and one that has none as plain text."""
    plain = LocalModel(str(local_model), batch_size=1, kept=tmp_path / "kept", tell=lambda *_: None)
    assert not plain.is_chat
    chat = tmp_path / "chat"
    chat.mkdir()
    for path in local_model.iterdir():
        (chat / path.name).write_bytes(path.read_bytes())
    template = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]"
    (chat / "chat_template.jinja").write_text(template)
    found = LocalModel(str(chat), batch_size=1, kept=tmp_path / "kept", tell=lambda *_: None)
    assert found.is_chat
    assert found.render([{"role": "user", "content": "Hello?"}]) == "[user]Hello?[assistant]"
    assert found.identity != plain.identity


class _Knows(LM):  # type: ignore[misc]  # the library ships no types
    """A model that knows the first seven items of each benchmark."""

    def generate_until(self, requests: Sequence[Instance]) -> list[str]:
        marks = [mark_of(request.args[0]) for request in requests]
        return [RIGHT[mark] if known_below(7)(mark, 0) else "No idea." for mark in marks]

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        raise NotImplementedError

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        raise NotImplementedError


def test_the_group_gives_the_same_without_us(data: Path) -> None:
    """lm-evaluation-harness alone, with our folder included, has the scores that `glan eval` has."""
    manager = TaskManager(
        include_path=str(tasks_folder()), include_defaults=False, metadata={"data": str(data), "limit": 10}
    )
    found = lm_eval.evaluate(
        lm=_Knows(), task_dict=manager.load(["glan"]), bootstrap_iters=0, confirm_run_unsafe_code=True
    )
    scores = {name: each.get("score,none") for name, each in found["results"].items()}
    plain = ("arc_easy", "arc_challenge", "mmlu", "gsm8k", "humaneval", "mbpp")
    assert {name: scores[f"glan_{name}"] for name in plain} == dict.fromkeys(plain, 0.7)
    assert scores["glan_math"] == 1.0
    told = found["results"]["glan_ifeval"]
    assert told["prompt_strict,none"] == pytest.approx(0.7)
    assert told["instruction_strict,none"] == pytest.approx(0.85)


@pytest.mark.parametrize(
    ("given", "right", "is_right"),
    [
        (r"\frac12", "0.5", True),
        ("x+1", "1+x", True),
        (r"2\sqrt{3}", r"\sqrt{12}", True),
        (r"\{1,2\}", r"\{2,1\}", True),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", True),
        ("3.0", "3", True),
        (r"\text{(A)}", "A", True),
        ("5", "6", False),
        ("2,3", "3,2", True),
        ("(2,3)", "(3,2)", False),
        (r"\pi", "3.14159", False),
        ("", "3", False),
        ("(" * 5_000, "3", False),
    ],
)
def test_what_means_the_same_is_the_same(given: str, right: str, *, is_right: bool) -> None:
    """Fractions, roots, sets, lists and matrices are compared by what they mean; order counts in brackets alone."""
    assert is_same(given, right) == is_right


def test_instructions_that_cannot_be_checked_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where sentences must be counted and the table for it is lacking, nobody is asked, and the way out is named."""
    import nltk  # noqa: PLC0415 - a part of the extra

    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    data = {"instruction_id_list": ["length_constraints:number_sentences"], "kwargs": [{}]}
    problem = Problem(benchmark="ifeval", id="1", prompt="?", answer="", data=data)
    with pytest.raises(BenchmarkError, match="punkt_tab"):
        refuse_unready([problem])
    unknown = Problem(benchmark="ifeval", id="1", prompt="?", answer="", data={**data, "instruction_id_list": ["a:b"]})
    with pytest.raises(BenchmarkError, match="'a:b'"):
        refuse_unready([unknown])
    unfit = {"instruction_id_list": ["length_constraints:number_words"], "kwargs": [{"bogus": 3}]}
    with pytest.raises(BenchmarkError, match="item '1' of IFEval cannot be made"):
        refuse_unready([Problem(benchmark="ifeval", id="1", prompt="?", answer="", data=unfit)])


def test_items_are_written_for_machines(command: CommandLine, local_model: Path, data: Path, tmp_path: Path) -> None:
    """A student's pairs are read from what its training wrote beside its weights."""
    student = tmp_path / "student"
    student.mkdir()
    for path in local_model.iterdir():
        (student / path.name).write_bytes(path.read_bytes())
    (student / "training.json").write_text(json.dumps({"counts": {"trained": 50_000}}))
    given = ("--data", data, "--tasks", "gsm8k", "--limit", 1, "--out", tmp_path / "out")
    assert command("eval", student, *given, "--json").json["pairs"] == 50_000
    curve = tmp_path / "curve.svg"
    assert command("eval", "--compare", tmp_path / "out", "--curve", curve).code == 0
    assert "50000" in curve.with_suffix(".csv").read_text()
