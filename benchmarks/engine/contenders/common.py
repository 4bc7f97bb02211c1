"""What the contenders share: arguments, prompts, clocks, and the one line of JSON that each of them prints.

    python NAME.py --url http://127.0.0.1:8099/v1 --prompts prompts.jsonl --replies 1000 --in-flight 256

A contender imports this module before its library: the clock of the imports starts here, and the library finds in the
environment that it must not call home. `wall_s` and `cpu_s` are those of the run call with all its processes, without
the imports. `peak_mb` is the most that the process ever held, and the most of its largest child added.
"""

import argparse
import json
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path

MODEL = "filler"
KEY = "none"
TIMEOUT_S = 600
MAX_TOKENS = 4_096

_BEGUN = time.perf_counter()

os.environ.update(
    HF_HUB_OFFLINE="1",
    NEMO_TELEMETRY_ENABLED="false",
    NO_PROXY="127.0.0.1,localhost",
    OPENAI_API_KEY=KEY,
    TELEMETRY_ENABLED="0",  # that of Curator
)

Messages = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Job:
    """What is wanted of a contender."""

    url: str
    """The base address, with its /v1."""
    prompts: list[Messages]
    in_flight: int

    @property
    def texts(self) -> list[str]:
        """The prompts for a library that takes one text instead of messages."""
        return ["\n\n".join([message["content"] for message in messages]) for messages in self.prompts]


def measure(name: str, package: str, run: Callable[[Job], Iterable[object]], *, has_children: bool = False) -> None:
    """Run a contender, which returns its replies, and print what it took. The replies are read after the clock."""
    import_s = time.perf_counter() - _BEGUN
    job = _job()
    started, cpu = time.perf_counter(), _cpu_s()
    replies = run(job)
    wall_s = time.perf_counter() - started
    multiprocessing.active_children()  # waits for what has ended, so that its seconds count
    cpu_s, peak_mb = _cpu_s() - cpu, _peak_mb(has_children=has_children)
    came = sum([isinstance(reply, str) and bool(reply.strip()) for reply in replies])
    if came != len(job.prompts):
        raise SystemExit(f"{name}: {came:,} replies with text came back for {len(job.prompts):,} prompts.")
    found = {
        "name": name,
        "version": version(package),
        "replies": came,
        "wall_s": round(wall_s, 3),
        "cpu_s": round(cpu_s, 3),
        "peak_mb": round(peak_mb, 1),
        "import_s": round(import_s, 2),
    }
    print(json.dumps(found), flush=True)


def _job() -> Job:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True, help="the base address, which ends in /v1")
    parser.add_argument("--prompts", type=Path, required=True, help="JSONL, one list of messages a line")
    parser.add_argument("--replies", type=int, default=1_000)
    parser.add_argument("--in-flight", type=int, default=256)
    asked = parser.parse_args()
    with asked.prompts.open(encoding="utf-8") as file:
        prompts = [json.loads(line) for line in islice(file, asked.replies)]
    if not prompts:
        parser.error(f"{asked.prompts} holds no prompts.")
    return Job(url=asked.url.rstrip("/"), prompts=_as_many(prompts, asked.replies), in_flight=asked.in_flight)


def _as_many(prompts: list[Messages], count: int) -> list[Messages]:
    """Return so many prompts, all different: from the second time on, each ends in a number."""
    more = [
        [*messages[:-1], messages[-1] | {"content": f"{messages[-1]['content']} [{number}]"}]
        for number, messages in enumerate(islice(cycle(prompts), count - len(prompts)))
    ]
    return prompts + more


def _cpu_s() -> float:
    taken = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum([usage.ru_utime + usage.ru_stime for usage in taken])


def _peak_mb(*, has_children: bool) -> float:
    """Return the peaks added up, which counts twice what a child shares. Elsewhere a child is a mere `uname`."""
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss if has_children else 0
    # Of the process itself not `ru_maxrss`, which begins with the memory of the process that started it.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    own = int(status.partition("VmHWM:")[2].split(maxsplit=1)[0])
    return (own + child) / 1024
