"""How many replies a run takes from workers on a Ray cluster, and what one costs it.

python benchmarks/ray/run.py 5000       in an environment with glan[ray]

It starts a cluster on this machine, and ends it. The workers answer by themselves with filler, so that no server takes
a share of the machine.
"""

import asyncio
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import ray

from glan import Options, Project
from glan.engine_settings import Ray
from glan.records import Stage
from glan.runs import Run
from glan.settings import Limits
from glan.teachers.exchange import read_body, request_of
from glan.teachers.filler import Filler
from glan.teachers.fleet import Fleet
from glan.teachers.http import Http, Patience
from glan.teachers.kinds import Trouble
from glan.teachers.panel import Panel
from glan.teachers.ray import RayMachines
from glan.teachers.ray_cluster import Cluster
from glan.teachers.ray_messages import Answer, Call
from glan.teachers.ray_worker import Asker
from glan.teachers.specs import Endpoint

PAIRS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
IN_FLIGHT = (64, 256, 1_024)
PORT = 6399


class Filling(Asker):
    """A worker that answers by itself."""

    def __init__(self) -> None:
        super().__init__()
        self._filler = Filler()

    async def _answer(self, call: Call) -> Answer:
        reply = await self._filler.reply(request_of(read_body(call.body)))
        return Answer(number=call.number, reply=reply)


def endpoint() -> Endpoint:
    return Endpoint(name="none", base_url="http://192.0.2.1/v1", host="192.0.2.1", key=None, key_variable="")


@asynccontextmanager
async def workers(each: int) -> AsyncIterator[Cluster]:
    cluster = Cluster(Ray(workers_per_node=each), RayMachines(is_encrypted=True, worker=Filling), print)
    following = asyncio.create_task(cluster.follow())
    try:
        await cluster.first_joined()
        await asyncio.sleep(1)
        yield cluster
    finally:
        following.cancel()
        await cluster.close()


async def carry_alone(cluster: Cluster, in_flight: int, body: bytes, n: int) -> None:
    """Ask the workers and do nothing with the replies."""
    line, left = cluster.line(endpoint(), 60.0), iter(range(n))

    async def ask() -> None:
        for _ in left:
            found, _ = await line.ask(body)
            if isinstance(found, Trouble):
                raise TypeError(found.reason)

    await asyncio.gather(*[ask() for _ in range(in_flight)])


async def make(panel: Panel, in_flight: int, folder: Path) -> int:
    """Make a data set, and return how many replies that took."""
    project = Project.create(folder, pairs=PAIRS, taxonomy="builtin")
    run = Run(project, panel, Options(max_in_flight=in_flight, concurrency="fixed"))
    result = await run(lambda _: True)
    if result.pairs != PAIRS:
        raise TypeError(f"{result.pairs} pairs")
    return run.tally.asked


def panel_of(cluster: Cluster) -> Panel:
    fleet = Fleet([endpoint()], Limits(concurrency="fixed"), rng=random.Random(0))
    patience = Patience(timeout_s=60.0, max_retries=0, rng=random.Random(0))
    http = Http(fleet, patience, line_to=cluster.line)
    return Panel(
        teachers=dict.fromkeys(Stage, http),
        models=dict.fromkeys(Stage, "filler"),
        prices=dict.fromkeys(Stage, None),
        fleets=dict.fromkeys(Stage, fleet),
    )


class Stopwatch:
    """Wall and CPU time of this process alone."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def told(self, name: str, in_flight: int, replies: int) -> str:
        wall_s, cpu_s = time.perf_counter() - self._wall, time.process_time() - self._cpu
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return (
            f"| {name} | {in_flight:,} | {replies:,} | {replies / wall_s:,.0f} | {1e3 * cpu_s / replies:.3f} "
            f"| {cpu_s / wall_s:.0%} | {peak_mb:,.0f} |"
        )


async def measure(each: int) -> None:
    body = b'{"model":"filler","max_tokens":900,"messages":[{"role":"user","content":"%s"}]}' % (b"Say it. " * 400)
    async with workers(each) as cluster:
        for in_flight in IN_FLIGHT:
            watch, n = Stopwatch(), 20_000
            await carry_alone(cluster, in_flight, body, n)
            print(watch.told(f"carried, nothing else ({each} workers)", in_flight, n), flush=True)
        for in_flight in IN_FLIGHT:
            with TemporaryDirectory() as folder:
                watch = Stopwatch()
                replies = await make(panel_of(cluster), in_flight, Path(folder) / "p")
                print(watch.told(f"a whole run ({each} workers)", in_flight, replies), flush=True)


async def measure_here() -> None:
    """Make the same without Ray: what the rest of a run costs, filler included."""
    for in_flight in IN_FLIGHT:
        with TemporaryDirectory() as folder:
            watch = Stopwatch()
            replies = await make(Panel.of(Filler(), "filler"), in_flight, Path(folder) / "p")
            print(watch.told("a whole run, filler in the process", in_flight, replies), flush=True)


def main() -> None:
    command = str(Path(sys.executable).parent / "ray")
    folder = tempfile.mkdtemp(prefix="glan-")
    start = [command, "start", "--head", f"--port={PORT}", "--num-cpus=2", "--include-dashboard=false"]
    subprocess.run([*start, "--disable-usage-stats", f"--temp-dir={folder}/ray"], check=True, capture_output=True)
    print("| what | in flight | replies | replies/s | CPU ms a reply | of one core | peak MB |")
    print("|---|---|---|---|---|---|---|")
    try:
        ray.init(address=f"127.0.0.1:{PORT}", log_to_driver=False, configure_logging=False)
        asyncio.run(measure(1))
        asyncio.run(measure_here())
    finally:
        ray.shutdown()
        subprocess.run([command, "stop"], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
