"""What is learnt is the responses alone, and no pair sees another: looked at inside the trainer."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import MistralForCausalLM, TrainerCallback

from glan.errors import ConfigError
from glan.train import sft
from glan.train.apart import leak_of
from glan.train.conversations import conversations
from glan.train.encoding import IGNORED
from glan.train.jobs import Job
from glan.train.recipes import schedule_of
from glan.train.sft import Trainer, Watch, datasets_of, tokenizer_of, trainer_of, tune
from glan.train.tokens import written

Make = Callable[..., Job]
NOBODY = Watch(tell=print, progress=lambda _: None, is_stopping=lambda: False)


def opened(job: Job) -> tuple[Trainer, Any, Any]:
    """Return the trainer of a job, what it is trained on, and the tokenizer."""
    job.begin()
    tokenizer = tokenizer_of(job)
    tokens = written(job.data, tokenizer, job.recipe.max_tokens, job.tokens_path("any"))
    rows = datasets_of(job, tokens)
    sequences = len(rows[0]) if job.recipe.packing else None
    schedule = schedule_of(job.recipe, tokens.counts.trained, sequences=sequences)
    return trainer_of(job, schedule, rows, tokenizer, TrainerCallback()), rows[0], tokenizer


def batch_of(trainer: Trainer, rows: list[Any]) -> dict[str, Any]:
    return dict(trainer.data_collator([dict(row) for row in rows]))


def by_hand(trainer: Trainer, row: Any) -> torch.Tensor:  # noqa: ANN401
    """Return the loss of each learnt token of a pair that stands alone, from the logits."""
    ids = torch.tensor([row["input_ids"]])
    logits = trainer.model(input_ids=ids, use_cache=False).logits[0, :-1]
    return cross_entropy(logits, torch.tensor(row["labels"])[1:], ignore_index=IGNORED, reduction="none")


def learnt(row: Any) -> int:  # noqa: ANN401
    return sum(label != IGNORED for label in row["labels"])


def test_the_labels_are_the_answers(job: Make) -> None:
    """What is learnt of a pair is its answer and the token that ends it, and nothing of its question."""
    made = job()
    _, rows, tokenizer = opened(made)
    for row, conversation in zip(rows, conversations(made.data.path), strict=False):
        labels = [label for label in row["labels"] if label != IGNORED]
        assert tokenizer.decode(labels) == conversation.messages[-1].content + tokenizer.eos_token


def test_the_loss_is_of_the_responses_alone(job: Make) -> None:
    """The trainer's loss is the mean over the response tokens, and no other position has any part in its gradient."""
    trainer, rows, _ = opened(job())
    pairs = [rows[0], rows[1]]
    states: list[torch.Tensor] = []

    def keep(_: object, __: object, output: torch.Tensor) -> None:
        output.retain_grad()
        states.append(output)

    trainer.model.model.norm.register_forward_hook(keep)
    trainer.model.eval()
    loss = trainer.compute_loss(trainer.model, batch_of(trainer, pairs))
    loss.backward()
    alone = torch.cat([by_hand(trainer, row) for row in pairs])
    assert loss.item() == pytest.approx(alone.sum().item() / sum(map(learnt, pairs)), rel=1e-5)
    gradient = states[0].grad
    assert gradient is not None
    has_part = gradient.abs().sum(dim=-1) > 0
    for place, row in enumerate(pairs):
        wanted = [label != IGNORED for label in row["labels"][1:]]
        assert has_part[place, : len(wanted)].tolist() == wanted
        assert not has_part[place, len(wanted) :].any()


def test_other_labels_of_the_question_change_nothing(job: Make) -> None:
    """Whatever the tokens of the question are expected to be, the loss stays the same; those of the answer matter."""
    trainer, rows, _ = opened(job())
    row = rows[0]
    trainer.model.eval()

    def loss_with(question: int, answer: int) -> float:
        ids = torch.tensor([row["input_ids"]])
        targets = torch.tensor([[question if label == IGNORED else label + answer for label in row["labels"]]])
        labels = targets.masked_fill(torch.tensor([row["labels"]]) == IGNORED, IGNORED)
        batch = {"input_ids": ids, "labels": labels, "attention_mask": torch.ones_like(ids)}
        return float(trainer.compute_loss(trainer.model, batch).item())

    assert loss_with(7, 0) == loss_with(1_000, 0)
    assert loss_with(7, 0) != loss_with(7, 1)


def test_a_packed_pair_has_the_loss_that_it_has_alone(job: Make) -> None:
    """Every token of every pair in a pack has the loss that it has when its pair stands alone."""
    trainer, packs, _ = opened(job(packing=True, pairs_per_device=1))
    assert any(len(pack["seq_lengths"]) > 2 for pack in packs)
    pack = max(packs, key=lambda pack: len(pack["seq_lengths"]))
    trainer.model.eval()
    with torch.no_grad():
        packed = trainer.compute_loss(trainer.model, batch_of(trainer, [pack])).item()
        batch = {name: value for name, value in batch_of(trainer, [pack]).items() if name != "labels"}
        logits = trainer.model(**batch, use_cache=False).logits[0]
        begin, total = 0, 0.0
        for length in pack["seq_lengths"]:
            row = {name: pack[name][begin : begin + length] for name in ("input_ids", "labels")}
            alone = by_hand(trainer, row)
            targets = torch.tensor(row["labels"])[1:]
            there = cross_entropy(logits[begin : begin + length - 1], targets, reduction="none")
            assert torch.allclose(there, alone, atol=1e-4)
            total += alone.sum().item()
            begin += length
    assert packed == pytest.approx(total / learnt(pack), rel=1e-5)


def test_every_pair_is_packed_once_and_whole(job: Make) -> None:
    """The packs hold every pair, none of them cut."""
    _, packs, _ = opened(job(packing=True, pairs_per_device=1))
    _, rows, _ = opened(job())
    found = []
    for pack in packs:
        begin = 0
        for length in pack["seq_lengths"]:
            found.append(pack["input_ids"][begin : begin + length])
            begin += length
    assert sorted(found) == sorted(row["input_ids"] for row in rows)


class Forgetful(MistralForCausalLM):  # type: ignore[misc]  # transformers ships no types that are strict
    """A model that does not look at where its sequences begin."""

    def forward(self, *given: Any, position_ids: object = None, **named: Any) -> Any:  # noqa: ANN401
        del position_ids
        return super().forward(*given, **named)


def test_a_base_that_lets_pairs_see_each_other_is_refused(job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the attention of a base leaks between packed pairs, training does not begin."""
    trainer, _, _ = opened(job(packing=True, pairs_per_device=1))
    assert leak_of(trainer) == 0
    monkeypatch.setattr(sft, "AutoModelForCausalLM", Forgetful)
    with pytest.raises(ConfigError, match="see each other"):
        tune(job(packing=True, pairs_per_device=1), NOBODY)


def test_an_adapter_is_tuned_beside_frozen_weights(job: Make) -> None:
    """The recipe `lora` tunes a small share of the weights, packs, and takes as many steps as it says."""
    made = job("lora", epochs=1, batch_pairs=16, max_tokens=2_048, precision="float32")
    made.begin()
    tuned = tune(made, NOBODY)
    assert tuned.is_complete
    assert tuned.tuned_weights < tuned.weights / 2
    assert [point.step for point in tuned.points] == list(range(1, tuned.schedule.steps + 1))
    assert (made.out / ".model.part" / "adapter_model.safetensors").exists()
