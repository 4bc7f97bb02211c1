"""What it costs to hold questions against benchmarks and against each other, on one core; see README.md beside this.

python benchmarks/curation/run.py                    20,000 questions against 60,000 items
python benchmarks/curation/run.py 100000 60000

Each row is a process of its own, so that its memory is its own. Both checks see the same questions in the same run.
"""

import itertools
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from glan.benchmarks.items import Item
from glan.curate.contamination import Contamination
from glan.curate.duplicates import Duplicates
from glan.curate.words import LONG, words_of

GROUPS = (1, 8, 32, 128)
"""Questions that are judged in one call: few come at a time where a server is slow, and 128 in bulk."""
_VOCABULARY, _QUESTION, _ITEM = 30_000, (40, 80), (20, 60)
"""Words there are, of a question, and of an item."""


def texts(n_texts: int, n_words: tuple[int, int], seed: int) -> Iterator[str]:
    """Yield texts in words that are used as in a language: few often, most seldom."""
    rng = random.Random(seed)
    letters = random.Random(0)
    vocabulary = ["".join(letters.choices("etaoinshrdlu", k=letters.randint(2, 9))) for _ in range(_VOCABULARY)]
    weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(_VOCABULARY)))
    for _ in range(n_texts):
        yield " ".join(rng.choices(vocabulary, cum_weights=weights, k=rng.randint(*n_words))).capitalize() + "?"


def items(n_items: int) -> Iterator[Item]:
    for i, text in enumerate(texts(n_items, _ITEM, seed=1)):
        yield Item(benchmark="Words", id=str(i), question=text)


def memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class PythonSet:
    """The plain way, to compare with: a set of the hashes of all runs, as Python makes them."""

    def __init__(self, known: Iterable[Item]) -> None:
        self._runs = {hash(run) for item in known for run in _runs(words_of(item.question))}

    def judge(self, questions: Sequence[str]) -> list[bool]:
        return [not self._runs.isdisjoint(map(hash, _runs(words_of(text)))) for text in questions]


def _runs(words: list[bytes]) -> Iterator[tuple[bytes, ...]]:
    return zip(*(words[i:] for i in range(LONG)), strict=False)


def measure(what: str, n_questions: int, n_items: int, group: int) -> dict[str, float]:
    """Return what one check took."""
    known = list(items(n_items))
    before = memory_mb()
    begun = time.process_time()
    judge: Callable[[Sequence[str]], Sequence[object]]
    if what == "contamination":
        judge = Contamination(known).questions
    elif what == "python set":
        judge = PythonSet(known).judge
    else:
        judge = Duplicates(0.7).judge
    built_s = time.process_time() - begun
    built_mb = memory_mb() - before
    took_s, found = 0.0, 0
    questions = texts(n_questions, _QUESTION, seed=2)
    while some := list(itertools.islice(questions, group)):
        begun = time.process_time()
        verdicts = judge(some)
        took_s += time.process_time() - begun
        found += sum(bool(verdict) for verdict in verdicts)
    return {"built_s": built_s, "built_mb": built_mb, "us": took_s / n_questions * 1e6, "found": found}


def main() -> None:
    """Measure each in a process of its own, or one of them as told."""
    if len(sys.argv) > 3:
        what, *numbers = sys.argv[1:]
        print(json.dumps(measure(what, *map(int, numbers))))
        return
    n_questions, n_items = map(int, sys.argv[1:]) if len(sys.argv) == 3 else (20_000, 60_000)
    print(f"{n_questions:,} questions of {_QUESTION[0]} to {_QUESTION[1]} words, {n_items:,} items; one core\n")
    print(f"{'check':>14} {'at once':>8} {'us/question':>12} {'questions/s':>12} {'built s':>8} {'MB':>6} {'found':>6}")
    for what, groups in (("contamination", GROUPS), ("python set", (128,)), ("duplicates", GROUPS)):
        for group in groups:
            command = [sys.executable, __file__, what, str(n_questions), str(n_items), str(group)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout)
            print(
                f"{what:>14} {group:>8} {found['us']:>12.1f} {1e6 / found['us']:>12,.0f} "
                f"{found['built_s']:>8.2f} {found['built_mb']:>6.0f} {found['found']:>6}"
            )


main()
