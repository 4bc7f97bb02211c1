"""Whoever looks for a leak and is killed goes on where he was, and comes to the same numbers."""

import json
from collections import Counter
from pathlib import Path

import pytest
import torch
from commandline import CommandLine, gone, until
from extras.train.conftest import QUIET
from extras.train.tiny import write_base

from glan.evaluate.losses import Model
from glan.evaluate.texts import Text

ITEMS = 60
LOOK = ("leakage", "student", "--base", "base", "--test", "test.jsonl", "--train", "train.jsonl")
SMALL = ("--tokens-at-once", "64")
"""So that there are many batches."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two models of random weights, and two splits of items of many lengths."""
    texts = []
    for split, offset in (("test", 0), ("train", 7)):
        rows = [(f"What is {i} plus {offset}?", f"It is {i + offset}. " * (1 + i % 9)) for i in range(ITEMS)]
        texts += [text for row in rows for text in row]
        lines = [json.dumps({"question": question, "answer": answer}) for question, answer in rows]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_base(tmp_path / "base", texts, width=32, layers=2)
    write_base(tmp_path / "student", texts, width=64, layers=2)
    return tmp_path


@pytest.fixture
def command(home: Path) -> CommandLine:
    return CommandLine(home=home, key=None, variables=QUIET)


def lines_of(out: Path) -> list[bytes]:
    """Return every line that was kept, of all models."""
    return [line for path in sorted((out / "kept").glob("*.jsonl")) for line in path.read_bytes().splitlines()]


def results_of(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir()) if path.is_file()}


def test_a_kill_costs_one_batch_and_changes_no_digit(home: Path, command: CommandLine) -> None:
    """Killed with -9 in the middle and typed again, it takes no loss twice, and every file is that of a clean run."""
    clean, broken = home / "clean", home / "broken"
    assert command(*LOOK, *SMALL, "--out", clean).code == 0
    whole = len(lines_of(clean))
    begun = command.begin(*LOOK, *SMALL, "--out", broken)
    until(lambda: begun.is_over or len(lines_of(broken)) > whole // 4)
    gone(begun)
    before = lines_of(broken)
    assert whole // 4 < len(before) < whole
    assert not results_of(broken)
    torn = next((broken / "kept").glob("*.jsonl"))
    torn.write_bytes(torn.read_bytes() + b'["a line that a kill has torn", [[0.1')
    assert command(*LOOK, *SMALL, "--out", broken).code == 0
    after = [line for line in lines_of(broken) if line != b'["a line that a kill has torn", [[0.1']
    assert set(before) < set(after)
    assert max(Counter(json.loads(line)[0] for line in after).values()) == 1
    assert len(after) == whole
    assert results_of(broken) == results_of(clean)


def test_what_was_kept_with_something_else_is_not_used(home: Path) -> None:
    """Another model in the same folder, another text, another part of it or other batches are looked at anew."""
    texts = [Text("What is 1 plus 7?\nIt is 8.", 18), Text("What is 2 plus 7?\nIt is 9. It is 9.", 18)]

    def taken(folder: str, texts: list[Text], tokens_at_once: int = 64) -> int:
        before = len(lines_of(home))
        found = Model(str(home / folder), tokens_at_once=tokens_at_once).losses(texts, home / "kept", lambda _: None)
        assert all(found)
        return len(lines_of(home)) - before

    assert taken("base", texts) == 1
    assert taken("base", texts) == 0
    assert taken("student", texts) == 1
    assert taken("base", [texts[0]._replace(begins=0), texts[1]]) == 1
    assert taken("base", [texts[0]._replace(whole="What is 1 plus 7?\nIt is 9."), texts[1]]) == 1
    assert taken("base", texts, tokens_at_once=1) == len(texts)
    weights = home / "base" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert taken("base", texts) == 1


def test_the_base_of_an_adapter_is_a_part_of_what_it_is(home: Path) -> None:
    """The losses of an adapter are taken anew where its base is another, though its own files are as they were."""
    peft = pytest.importorskip("peft")
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415 - slow to load

    adapter, texts = home / "adapter", [Text("What is 1 plus 7?\nIt is 8.", 18)]
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(home / "base")
    lora = peft.LoraConfig(target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    peft.get_peft_model(base, lora).save_pretrained(adapter)
    AutoTokenizer.from_pretrained(home / "base").save_pretrained(adapter)

    def look() -> object:
        return Model(str(adapter), tokens_at_once=64).losses(texts, home / "kept", lambda _: None)

    first = look()
    assert look() == first
    assert len(lines_of(home)) == 1
    other = AutoModelForCausalLM.from_pretrained(home / "base")
    with torch.no_grad():
        other.lm_head.weight.mul_(2)
    other.save_pretrained(home / "base")
    assert look() != first
    assert len(lines_of(home)) == 2
