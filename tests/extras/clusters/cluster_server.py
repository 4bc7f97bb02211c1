"""A simulated server on every address of this machine, for workers in other networks. It reads its key, or nothing."""

import asyncio
import sys

from glan.teachers.filler import Filler
from glan.teachers.simulate import Simulated, serve

HOSTS = ("127.0.0.1", "10.77.0.1")
LATENCY_MS = 60.0


def _say(url: str) -> None:
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()


def main() -> None:
    key = sys.stdin.readline().strip() or None
    settings = Simulated(latency_ms=LATENCY_MS, jitter_ms=LATENCY_MS, hosts=HOSTS, api_key=key)
    everywhere = "0.0.0.0"  # noqa: S104 - the networks of the workers are made on this machine
    asyncio.run(serve(settings, Filler(size=300), host=everywhere, port=0, on_ready=_say))


if __name__ == "__main__":
    main()
