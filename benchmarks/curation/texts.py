"""Made-up questions with planted copies, and items of benchmarks; the same for all that are measured.

Words are used as in a language, few of them often and most seldom (Zipf's law, 1.07, over 200,000 made-up words);
the first of them are the common ones of English, or the rules on languages would look twice at every text. A question
has 40 to 79 words. One in a hundred is an exact copy of an earlier one, five in a hundred are near copies
with one to six words replaced. What is true of each is computed from its words and knows none of the methods.
"""

import bisect
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

EXACT, NEAR = 0.01, 0.05
"""Shares of the questions that are copies."""
MOST_EDITS = 6
WORDS_PER_SHINGLE = 3
_WORDS, _POWER = 200_000, 1.07
_COMMON = ("the", "of", "and", "to", "a", "in", "is", "that", "for", "it", "as", "was", "with", "be")
_QUESTION, _ITEM = (40, 80), (6, 60)
"""Words of a question, and of an item."""
_BLOCK = 10_000


class Question(msgspec.Struct):
    """One question as it stands in a file, a line each."""

    text: str
    of: int = -1
    """Number of the question that it copies; -1 for none."""
    similarity: float = 0.0
    """Jaccard similarity of the word 3-grams of both."""


class Copies(msgspec.Struct):
    """What a contender found, as it prints it."""

    version: str
    dropped: list[int]
    """Numbers of the questions that it drops as copies of earlier ones."""
    cpu_s: float
    before_mb: float
    """Memory when the texts were read and nothing was done yet ..."""
    peak_mb: float
    """... and at its peak."""


@dataclass(frozen=True)
class _Words:
    words: list[str]
    bounds: np.ndarray

    def texts(self, n_texts: int, n_words: tuple[int, int], rng: np.random.Generator) -> Iterator[list[str]]:
        """Yield texts as their words."""
        for _ in range(0, n_texts, _BLOCK):
            counts = rng.integers(*n_words, size=_BLOCK)
            drawn = iter(np.searchsorted(self.bounds, rng.random(int(counts.sum()))).tolist())
            for count in counts.tolist():
                yield [self.words[next(drawn)] for _ in range(count)]


def _words() -> _Words:
    rng = random.Random(0)
    words = ["".join(rng.choices("etaoinshrdlucmfwypvbgk", k=rng.randint(2, 9))) for _ in range(_WORDS)]
    words[: len(_COMMON)] = _COMMON
    weights = np.arange(1, _WORDS + 1) ** -_POWER
    return _Words(words, (weights.cumsum() / weights.sum())[:-1])


def items(n_items: int) -> Iterator[str]:
    """Yield the questions of a benchmark, one in eight too short for a run of 13 words."""
    for words in _take(_words().texts(n_items, _ITEM, np.random.default_rng(1)), n_items):
        yield _said(words)


def questions(n_questions: int, *, seed: int = 2) -> Iterator[Question]:
    """Yield questions, copies among them; of those before, the last ten thousand may be copied."""
    rng = random.Random(seed)
    recent: list[tuple[int, list[str]]] = []
    known = _words()
    fresh = known.texts(n_questions, _QUESTION, np.random.default_rng(seed))
    for number in range(n_questions):
        kind = rng.random()
        if not recent or kind >= EXACT + NEAR:
            words = next(fresh)
            recent.append((number, words))
            del recent[:-_BLOCK]
            yield Question(_said(words))
            continue
        of, words = rng.choice(recent)
        edited = list(words)
        for at in rng.sample(range(len(words)), rng.randint(1, MOST_EDITS) if kind >= EXACT else 0):
            edited[at] = known.words[rng.randrange(_WORDS)]
        yield Question(_said(edited), of, jaccard(words, edited))


def _take(texts: Iterator[list[str]], n_texts: int) -> Iterator[list[str]]:
    for _ in range(n_texts):
        yield next(texts)


def _said(words: list[str]) -> str:
    return " ".join(words).capitalize() + "?"


def jaccard(one: list[str], other: list[str]) -> float:
    """Return the true similarity of two questions."""
    a, b = ({tuple(words[i : i + WORDS_PER_SHINGLE]) for i in range(len(words) - 2)} for words in (one, other))
    return len(a & b) / len(a | b)


def write(path: Path, n_questions: int) -> None:
    """Write questions to a file, a line each."""
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        for question in questions(n_questions):
            file.write(encode(question) + b"\n")


def read(path: Path) -> list[Question]:
    """Read the questions of a file."""
    decode = msgspec.json.Decoder(Question).decode
    return [decode(line) for line in path.read_bytes().splitlines()]


@dataclass(frozen=True)
class Found:
    """How right a contender was."""

    exact: float
    """Share of the exact copies that it dropped."""
    recall: dict[str, float]
    """Share of the near copies that it dropped, by the beginning of each bin of true similarity."""
    counts: dict[str, int]
    false_drops: int
    """Pairs of a similarity below 0.6 of which it dropped one, and questions that are in no pair."""


BINS = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


def compared(known: list[Question], dropped: set[int]) -> Found:
    """Hold what was dropped against what is true; of a pair, it does not matter which one was."""
    inside: dict[str, list[bool]] = {f"{start:.2f}": [] for start in BINS}
    exact: list[bool] = []
    originals = {question.of for question in known}
    false_drops = 0
    for number, question in enumerate(known):
        is_dropped = number in dropped or question.of in dropped
        if question.similarity == 1.0:
            exact.append(is_dropped)
        elif question.similarity >= BINS[0]:
            inside[f"{BINS[bisect.bisect(BINS, question.similarity) - 1]:.2f}"].append(is_dropped)
        else:
            false_drops += is_dropped and number not in originals
    shares = {start: sum(found) / len(found) for start, found in inside.items() if found}
    counts = {start: len(found) for start, found in inside.items()}
    return Found(sum(exact) / max(1, len(exact)), shares, counts, false_drops)
