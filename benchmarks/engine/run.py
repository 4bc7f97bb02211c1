"""All contenders, one after the other, against the load server; prints a table and writes results.json.

    python benchmarks/engine/run.py FOLDER            FOLDER has the environments that environments.py made
    python benchmarks/engine/run.py FOLDER --only glan,pyreqwest --quick

The server has the first core and the contender the last one, so that neither takes from the other. The prompts of all
contenders are those that `glan` asks in the first run; what it asks itself follows from its own pipeline.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from environments import ENVIRONMENTS

HERE = Path(__file__).parent
CORES = sorted(os.sched_getaffinity(0))
_STEADY = (0.25, 0.85)
"""Between these shares of all replies the rate counts as the one after the ramp."""
_LIMIT_S = 1_800
_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Case:
    """One measurement."""

    contender: str
    in_flight: int
    latency_ms: int
    replies: int
    """As many as are asked for; for `glan` the replies that its pairs need are about 2.2 times as many as the pairs."""
    stall_rate: float = 0.0
    is_again: bool = False
    """Walk the finished project of the case before once more."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are during the measurements."""

    environments: Path
    scratch: Path

    @property
    def prompts(self) -> Path:
        return self.scratch / "prompts.jsonl"

    def python(self, contender: str) -> str:
        """Return the interpreter of a contender."""
        return str(self.environments / contender / "bin" / "python")


def cases(*, quick: bool) -> list[Case]:
    """Return what is measured. The slow ones get fewer requests: their rate does not depend on it."""
    share = 10 if quick else 1
    found: list[Case] = []
    for in_flight in (64, 256, 1_000, 4_000):
        found += [Case("glan", in_flight, 0, 60_000 // share), Case("pyreqwest", in_flight, 0, 40_000 // share)]
    found.insert(3, Case("glan", 256, 0, 60_000 // share, is_again=True))
    for in_flight, replies in ((64, 3_000), (256, 12_000), (1_000, 45_000), (4_000, 90_000)):
        found += [Case("glan", in_flight, 1_000, replies // share)]
        found += [Case("pyreqwest", in_flight, 1_000, min(replies, 30_000) // share)]
    # So many that there is something left to ask for while the stalled ones are waited for.
    found.append(Case("glan", 1_000, 1_000, 170_000 // share, stall_rate=0.03))
    for slow in ("openai", "datatrove", "curator", "designer", "distilabel"):
        found += [Case(slow, 256, 0, 2_000 // share), Case(slow, 1_000, 1_000, 2_000 // share)]
    return found


@contextlib.contextmanager
def serving(place: Place, case: Case) -> Iterator[str]:
    """Serve on the first core; give the base URL."""
    words = [str(HERE / "server.py"), "--latency-ms", str(case.latency_ms), "--stall-rate", str(case.stall_rate)]
    server = subprocess.Popen(_on(CORES[0], [place.python("glan"), *words]), stdout=subprocess.PIPE, text=True)
    try:
        yield server.stdout.readline().strip() if server.stdout is not None else ""
    finally:
        server.kill()
        server.wait()


class Watch:
    """Asks the server what it has given, so that the rate after the ramp is known of every contender."""

    def __init__(self, url: str) -> None:
        self._url = url.removesuffix("/v1") + "/stats"
        self._seen: list[tuple[float, int]] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._is_over.wait(_EVERY_S):
            with urllib.request.urlopen(self._url) as response:  # noqa: S310 - the address of our own server
                self._seen.append((time.perf_counter(), json.load(response)["given"]))

    def steady(self) -> float:
        """Return replies per second after the ramp and before the end; 0 where the run was too short to say."""
        total = self._seen[-1][1] if self._seen else 0
        inside = [(at, given) for at, given in self._seen if _STEADY[0] * total <= given <= _STEADY[1] * total]
        if len(inside) < 4:
            return 0.0
        (first, before), (last, after) = inside[0], inside[-1]
        return (after - before) / (last - first)


def measure(place: Place, case: Case) -> dict[str, Any]:
    """Run one contender once and return what it and the server say."""
    with serving(place, case) as url, Watch(url) as watch:
        program = HERE / "contenders" / ENVIRONMENTS[case.contender].script
        words = [place.python(case.contender), str(program), "--url", url, "--in-flight", str(case.in_flight)]
        words += _own_words(place, case)
        ended = subprocess.run(
            _on(CORES[-1], words), capture_output=True, text=True, timeout=_LIMIT_S, check=False, cwd=place.scratch
        )
    lines = ended.stdout.strip().splitlines()
    if ended.returncode or not lines:
        return {"error": (ended.stderr.strip().splitlines() or ["it said nothing"])[-1][:300]}
    told: dict[str, Any] = json.loads(lines[-1])
    return {**told, "steady_per_s": round(watch.steady())}


def _own_words(place: Place, case: Case) -> list[str]:
    if case.contender != "glan":
        return ["--prompts", str(place.prompts), "--replies", str(case.replies)]
    folder = place.scratch / "project"
    if case.is_again:
        return [str(folder), "--pairs", "1", "--again"]
    shutil.rmtree(folder, ignore_errors=True)
    first = [] if place.prompts.exists() else ["--prompts", str(place.prompts)]
    return [str(folder), "--pairs", str(round(case.replies / 2.25)), *first]


def _on(core: int, words: Sequence[str]) -> list[str]:
    return ["taskset", "-c", str(core), *words]


def row(case: Case, found: dict[str, Any]) -> str:
    """Return a line of the table."""
    what = case.contender + (" again" if case.is_again else "") + (", stalls" if case.stall_rate else "")
    head = f"| {what} | {case.latency_ms} | {case.in_flight:,} |"
    if "error" in found:
        return f"{head} failed: {found['error']} | | | | |"
    rate = found["replies"] / found["wall_s"]
    steady = f"{found['steady_per_s']:,}" if found["steady_per_s"] else ""
    cpu_us = 1e6 * found["cpu_s"] / found["replies"]
    return f"{head} {found['replies']:,} | {rate:,.0f} | {steady} | {cpu_us:,.0f} | {found['peak_mb']:,.0f} |"


HEAD = """| contender | latency ms | in flight | replies | replies/s | after the ramp | CPU us a reply | peak MB |
|---|---|---|---|---|---|---|---|"""


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environments", type=Path)
    parser.add_argument("--only", help="contenders, with commas between")
    parser.add_argument("--latency-ms", type=int, help="only the cases with this latency")
    parser.add_argument("--in-flight", type=int, help="only the cases with so many in flight")
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests")
    parser.add_argument("--repeats", type=int, default=1, help="the median by replies per second stands")
    given = parser.parse_args()
    scratch = given.environments.resolve() / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    place = Place(given.environments.resolve(), scratch)
    chosen = [case for case in cases(quick=given.quick) if _is_wanted(case, given)]
    measure(place, Case("glan", 256, 0, 6_000))  # for its prompts alone: to gather them takes time and memory
    print(HEAD, flush=True)
    results = []
    for case in chosen:
        tries = [measure(place, case) for _ in range(given.repeats)]
        found = _median(tries)
        print(row(case, found), flush=True)
        results.append({"case": {name: getattr(case, name) for name in case.__slots__}, **found})
    machine = {"python": platform.python_version(), "cores": len(CORES), "system": platform.platform()}
    written = {"machine": machine, "results": results}
    (HERE / "results.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def _is_wanted(case: Case, given: argparse.Namespace) -> bool:
    return (
        (given.only is None or case.contender in given.only.split(","))
        and given.latency_ms in {None, case.latency_ms}
        and given.in_flight in {None, case.in_flight}
    )


def _median(tries: list[dict[str, Any]]) -> dict[str, Any]:
    done = [one for one in tries if "error" not in one]
    if not done:
        return tries[-1]
    rates = [one["replies"] / one["wall_s"] for one in done]
    return done[rates.index(statistics.median_low(rates))]


if __name__ == "__main__":
    main()
