"""The losses of a local model on texts. It imports torch, and is imported only when it is called for.

The losses of a batch are written down as soon as they are there. Texts are cut into the same batches each time, and a
batch is done or not: so whoever was killed goes on, and every loss is that of a run without a break, to the last digit.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import torch
from torch.nn.functional import cross_entropy

from glan.errors import ConfigError
from glan.evaluate.folders import identity_of
from glan.evaluate.kept import Kept
from glan.evaluate.opened import open_model
from glan.evaluate.texts import Loss, Part, Text

IGNORED: Final = -100


class _Tokens(NamedTuple):
    place: int
    ids: list[int]
    labels: list[int]


class Model:
    """A model in a folder or on the hub, an adapter too; no code of its own is run."""

    def __init__(self, name: str, *, tokens_at_once: int) -> None:
        """Load it onto the accelerator where there is one.

        Raises:
            ConfigError: it cannot be loaded.

        """
        self.name = name
        self._at_once = tokens_at_once
        self._tokenizer, self._model, self._device, self._longest = open_model(name)
        if not self._tokenizer.is_fast:
            raise ConfigError(f"The tokenizer of {name} does not tell where its tokens stand; a fast one is needed.")

    def as_chat(self, question: str, answer: str, part: Part) -> Text:
        """Return a question and its answer as the model's chat template writes them.

        Raises:
            ConfigError: it has none, or does not show where an answer begins.

        """
        asked = [{"role": "user", "content": question}]
        if not self._tokenizer.chat_template:
            raise ConfigError(f"{self.name} has no chat template.", hint="--as plain takes the items as they are.")
        before = self._tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        answered = [*asked, {"role": "assistant", "content": answer}]
        whole = self._tokenizer.apply_chat_template(answered, tokenize=False)
        if not whole.startswith(before):
            raise ConfigError(
                f"The chat template of {self.name} does not show where an answer begins.",
                hint="--as plain takes the items as they are.",
            )
        return Text(whole, len(before) if answer and part == "answer" else 0, is_rendered=True)

    def losses(self, texts: Sequence[Text], kept: Path, tell: Callable[[int], object]) -> list[Loss | None]:
        """Return the loss of each text; None where none of its tokens is left once it is cut to what the model takes.

        `kept` is a folder for the losses of this and of other models. `tell` is told how many texts are done.
        """
        identity = self._identity()
        there = Kept[list[Loss | None]](kept / f"{_digest(identity)[:16]}.jsonl", list[Loss | None])
        known = there.known()
        found: list[Loss | None] = [None] * len(texts)
        done = 0
        for batch in self._batches(texts):
            key = _digest([identity, [(row.ids, row.labels) for row in batch]])
            if key not in known:
                known[key] = list(self._of(batch))
                there.add({key: known[key]})
            for row, loss in zip(batch, known[key], strict=True):
                found[row.place] = loss
            done += len(batch)
            tell(done)
        return found

    def _identity(self) -> list[str]:
        """Return what makes losses of the same tokens other ones: the model, the base of an adapter, the numbers."""
        names = dict.fromkeys((self.name, self._model.name_or_path))
        revision = getattr(self._model.config, "_commit_hash", None)
        return [*map(identity_of, names), str(revision), self._device, str(self._model.dtype), str(torch.__version__)]

    def _batches(self, texts: Sequence[Text]) -> Iterator[list[_Tokens]]:
        """Yield texts of nearly the same length together, the longest first, so that memory runs out early or never."""
        rows = sorted(map(self._encoded, range(len(texts)), texts), key=lambda row: -len(row.ids))
        batch: list[_Tokens] = []
        for row in rows:
            if batch and len(batch[0].ids) * (len(batch) + 1) > self._at_once:
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch

    def _encoded(self, place: int, text: Text) -> _Tokens:
        found = self._tokenizer(
            text.whole,
            add_special_tokens=not text.is_rendered,
            return_offsets_mapping=True,
            truncation=True,
            max_length=self._longest,
        )
        ids: list[int] = found["input_ids"]
        spans = found["offset_mapping"]
        labels = [
            token if start >= text.begins and start < stop else IGNORED
            for token, (start, stop) in zip(ids, spans, strict=True)
        ]
        return _Tokens(place, ids, labels)

    def _of(self, batch: Sequence[_Tokens]) -> Iterator[Loss | None]:
        width = max(len(row.ids) for row in batch)
        if not width:
            yield from [None] * len(batch)
            return
        ids = torch.tensor([row.ids + [0] * (width - len(row.ids)) for row in batch], device=self._device)
        labels = torch.tensor([row.labels + [IGNORED] * (width - len(row.labels)) for row in batch])
        mask = torch.tensor([[1] * len(row.ids) + [0] * (width - len(row.ids)) for row in batch], device=self._device)
        with torch.no_grad():
            logits = self._model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1].float()
        targets = labels[:, 1:].to(self._device)
        each = cross_entropy(logits.transpose(1, 2), targets, ignore_index=IGNORED, reduction="none")
        counts = (targets != IGNORED).sum(dim=1).tolist()
        for total, count in zip(each.sum(dim=1).tolist(), counts, strict=True):
            yield Loss(total / count, count) if count else None


def _digest(told: object) -> str:
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()
