"""How soon the number of requests in flight is found, and how well it fits: real HTTP, real time, a simulated server.

python benchmarks/concurrency.py             every case, five minutes each, into benchmarks/concurrency.json
python benchmarks/concurrency.py full-64     one of them, only on the screen
"""

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from glan.records import Message, Request, Sampling, Stage
from glan.settings import Limits
from glan.teachers.base import Teacher
from glan.teachers.filler import Filler
from glan.teachers.fleet import Fleet
from glan.teachers.http import Http, Patience
from glan.teachers.permits import Permits
from glan.teachers.simulate import Server, Simulated, running
from glan.teachers.specs import Endpoint

CEILING = 1_024
LATENCY_MS, JITTER_MS = 850, 300
EVERY_S = 0.5
SOON_S = 20
SAVED = Path(__file__).with_suffix(".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A server, and how many it serves at once from which second on."""

    name: str
    queues: bool
    steps: Sequence[tuple[float, int]]
    """Seconds and capacities."""
    seconds: float = 300
    by_chance: float = 0.0
    """Share of the answers that are 429 whatever is in flight."""

    def capacity(self, now: float) -> int:
        return [capacity for since, capacity in self.steps if since <= now][-1]


CASES = (
    *(Case(name=f"full-{number}", queues=False, steps=((0, number),)) for number in (8, 64, 512)),
    *(Case(name=f"queue-{number}", queues=True, steps=((0, number),)) for number in (64, 512)),
    Case(name="full-64-32-64", queues=False, steps=((0, 64), (100, 32), (200, 64))),
    Case(name="queue-64-32-64", queues=True, steps=((0, 64), (100, 32), (200, 64))),
    Case(name="chance-64", queues=False, steps=((0, 64),), by_chance=0.05),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What was counted up to a time."""

    now: float
    paid: int
    refused: int
    size: int


async def measure(case: Case) -> list[Moment]:
    """Keep a server busy, and count twice a second."""
    settings = Simulated(
        latency_ms=LATENCY_MS,
        jitter_ms=JITTER_MS,
        capacity=case.capacity(0),
        queues=case.queues,
        faults={"429": case.by_chance} if case.by_chance else {},
        seed=1,
    )
    limits = Limits(concurrency="adaptive", max_in_flight=CEILING)
    patience = Patience(timeout_s=300, max_retries=100, rng=random.Random(0))
    async with running(settings, Filler(size=200)) as server:
        fleet = Fleet([_endpoint(server)], limits, rng=random.Random(0))
        permits = fleet.regulate(limits)
        teacher = Http(fleet, patience)
        ranks, over = count(), asyncio.Event()
        workers = [asyncio.create_task(_work(teacher, permits, ranks, over)) for _ in range(CEILING)]
        moments = await _count(case, server, permits)
        over.set()
        await asyncio.gather(*workers)
        await teacher.close()
    return moments


async def _work(teacher: Teacher, permits: Permits, ranks: "count[int]", over: asyncio.Event) -> None:
    for rank in ranks:
        if over.is_set():
            break
        async with permits.at(rank):
            await teacher.reply(_request(rank))


async def _count(case: Case, server: Server, permits: Permits) -> list[Moment]:
    loop = asyncio.get_running_loop()
    began, moments = loop.time(), [Moment(now=0, paid=0, refused=0, size=permits.size)]
    while moments[-1].now < case.seconds:
        await asyncio.sleep(EVERY_S)
        now, stats = loop.time() - began, server.stats()
        if case.capacity(now) != case.capacity(moments[-1].now):
            server.change_capacity(case.capacity(now))
        moments.append(Moment(now=now, paid=stats.paid, refused=sum(stats.failed.values()), size=permits.size))
    return moments


def _endpoint(server: Server) -> Endpoint:
    host = server.base_url.removeprefix("http://").removesuffix("/v1")
    return Endpoint(name="simulated", base_url=server.base_url, host=host, key=None, key_variable="NONE")


def _request(rank: int) -> Request:
    return Request(
        id=f"answer/{rank}",
        stage=Stage.ANSWERS,
        messages=(Message(role="user", content=f"Question {rank}?"),),
        sampling=Sampling(model="m", max_tokens=1_000),
        rank=rank,
    )


def best(case: Case, now: float) -> float:
    """Return the most replies a second."""
    return case.capacity(now) / (LATENCY_MS + JITTER_MS / 2) * 1_000


def rows(case: Case, moments: Sequence[Moment]) -> list[str]:
    """Return a line for each capacity."""
    ends = [since for since, _ in case.steps[1:]] + [case.seconds]
    return [
        _row(case, [moment for moment in moments if since <= moment.now <= end], since)
        for (since, _), end in zip(case.steps, ends, strict=True)
    ]


def _row(case: Case, moments: Sequence[Moment], since: float) -> str:
    most = best(case, since)
    reached = next((b.now - since for a, b in _spans(moments, 2.0) if _replies_per_s(a, b) >= 0.9 * most), None)
    later = [moment for moment in moments if moment.now - since >= min(SOON_S, 0.5 * (moments[-1].now - since))]
    first, last = later[0], later[-1]
    used = _replies_per_s(first, last) / most
    refused = last.refused - first.refused
    share = refused / max(1, refused + last.paid - first.paid)
    told = "-" if reached is None else f"{reached:.1f}"
    return f"{case.name:16} {case.capacity(since):>8} {told:>12} {used:>8.1%} {share:>10.2%} {last.size:>8}"


def _spans(moments: Sequence[Moment], seconds: float) -> list[tuple[Moment, Moment]]:
    """Return pairs of moments so far apart."""
    step = round(seconds / EVERY_S)
    return list(zip(moments, moments[step:], strict=False))


def _replies_per_s(first: Moment, last: Moment) -> float:
    return (last.paid - first.paid) / (last.now - first.now)


def main() -> None:
    """Run the cases that are named, or all."""
    print(f"{'case':16} {'capacity':>8} {'s to 90%':>12} {'used':>8} {'429':>10} {'window':>8}")
    found = {}
    for case in CASES:
        if not sys.argv[1:] or case.name in sys.argv[1:]:
            moments = asyncio.run(measure(case))
            found[case.name] = [
                asdict(moment) | {"now": round(moment.now, 2), "best": round(best(case, moment.now), 1)}
                for moment in moments
            ]
            for row in rows(case, moments):
                print(row, flush=True)
    if not sys.argv[1:]:
        lines = [f"{json.dumps(name)}:{json.dumps(moments, separators=(',', ':'))}" for name, moments in found.items()]
        SAVED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
