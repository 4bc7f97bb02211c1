"""What every contender does around its work: read the texts, measure, and print one JSON object."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

THRESHOLD = 0.7
PERMUTATIONS = 128
WORDS_PER_SHINGLE = 3


def words_of(text: str) -> list[str]:
    """Return the words of a text: all of them are letters, with spaces between, and one mark at the end."""
    return text.lower().rstrip("?").split()


def shingles_of(text: str) -> list[str]:
    words = words_of(text)
    return [" ".join(words[i : i + WORDS_PER_SHINGLE]) for i in range(len(words) - WORDS_PER_SHINGLE + 1)]


def jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)


def memory_mb(what: str) -> float:
    """Return the memory of this process alone, now (VmRSS) or at its peak (VmHWM); `getrusage` counts its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{what}:")[2].split()[0]) / 1024


def measure(package: str, find: Callable[[list[str]], Iterator[int]]) -> None:
    """Read the file that is named, let the contender find the copies in it, and print what that took."""
    with Path(sys.argv[1]).open(encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    before_mb, begun = memory_mb("VmRSS"), time.process_time()
    dropped = list(find(texts))
    cpu_s = time.process_time() - begun
    found = {"version": version(package), "dropped": dropped, "cpu_s": cpu_s}
    print(json.dumps({**found, "before_mb": before_mb, "peak_mb": memory_mb("VmHWM")}))
