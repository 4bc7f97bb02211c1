"""One measurement of `glan` in a process of its own, so that its memory and its time are its own; prints JSON.

    python benchmarks/curation/measure.py checks WHAT GROUP QUESTIONS ITEMS     CPU for each question
    python benchmarks/curation/measure.py slope QUESTIONS                       the same of duplicates, as they get more

WHAT is `duplicates`, `contamination`, `both`, or `all`: the two with the rules on one text before them.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import texts

from glan.benchmarks.items import Item
from glan.curate.contamination import Contamination
from glan.curate.duplicates import Duplicates
from glan.curate.examiner import Examiner
from glan.curate.quality import Text
from glan.curate.shingles import spell
from glan.settings import Curation

_CHUNK = 1_024
"""Questions that are timed together; the quietest chunk and the median are told, since others use the machine too."""
_STEPS = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
_GROUP = 128

Judge = Callable[[Sequence[str]], object]


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def judge_of(what: str, n_items: int) -> Judge:
    """Return what judges a group of questions."""
    items = [Item(benchmark="Words", id=str(i), question=text) for i, text in enumerate(texts.items(n_items))]
    if what == "duplicates":
        return Duplicates(0.7).judge
    if what == "contamination":
        return Contamination(items).questions
    if what == "all":
        examiner = Examiner(Curation(), items)
        return lambda group: examiner.questions([Text(text=text, max_length=8_000, language="en") for text in group])
    contamination, duplicates = Contamination(items), Duplicates(0.7)

    def judge(group: Sequence[str]) -> object:
        spelled = [spell(text) for text in group]
        return contamination.questions_spelled(spelled), duplicates.judge_spelled(spelled)

    return judge


def groups(judge: Judge, questions: Iterator[str], size: int) -> Iterator[float]:
    """Yield the CPU microseconds for each question, chunk by chunk."""
    while chunk := list(islice(questions, max(_CHUNK, size))):
        begun = time.process_time()
        for start in range(0, len(chunk), size):
            judge(chunk[start : start + size])
        yield (time.process_time() - begun) / len(chunk) * 1e6


def checks(what: str, size: int, n_questions: int, n_items: int) -> dict[str, float]:
    """Return what one check takes in groups of one size."""
    before_mb, begun = peak_mb(), time.process_time()
    judge = judge_of(what, n_items)
    built_s, built_mb = time.process_time() - begun, peak_mb() - before_mb
    questions = (question.text for question in texts.questions(n_questions))
    took = sorted(groups(judge, questions, size))
    return {"us": took[len(took) // 2], "least_us": took[0], "built_s": built_s, "built_mb": built_mb}


def slope(n_questions: int) -> Iterator[dict[str, float]]:
    """Yield what duplicates take at each size of the index."""
    duplicates = Duplicates(0.7)
    before_mb, begun = peak_mb(), time.monotonic()
    questions = (question.text for question in texts.questions(n_questions))
    done, took = 0, [0.0]
    for us in groups(duplicates.judge, questions, _GROUP):
        took.append(us)
        done += _CHUNK
        if any(done - _CHUNK < step <= done for step in _STEPS):
            last = sorted(took[-97:])
            yield {
                "questions": done,
                "us": last[len(last) // 2],
                "mean_us": sum(took) / (len(took) - 1),
                "filled_mb": duplicates.size_bytes / 1e6,
                "peak_mb": peak_mb() - before_mb,
                "wall_s": time.monotonic() - begun,
            }


def main() -> None:
    """Do what the arguments say."""
    if sys.argv[1] == "slope":
        for step in slope(int(sys.argv[2])):
            print(json.dumps(step), flush=True)
    else:
        what, *numbers = sys.argv[2:]
        print(json.dumps(checks(what, *map(int, numbers))))


main()
