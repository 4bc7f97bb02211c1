"""What a copy of the ledger costs a run: replies committed a second, alone and beside `glan ledger backup`.

python benchmarks/backup.py [ROWS]
"""

import asyncio
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from glan.records import Message, Reply, Request, Sampling, Stage, Usage
from glan.teachers.fingerprints import fingerprint
from glan.teachers.ledger import Ledger

AT_ONCE = 256
SECONDS = 10.0
WORDS = [f"word{number}" for number in range(4_000)]


async def _commit(ledger: Ledger, number: int) -> None:
    asked = Request(
        id=f"question/physics/optics/{number}",
        stage=Stage.ANSWERS,
        messages=(Message(role="user", content=f"Question {number}?"),),
        sampling=Sampling(model="any", max_tokens=100),
    )
    text = " ".join(random.Random(number).choices(WORDS, k=350))
    await ledger.commit(asked, fingerprint(asked), Reply(text=text, usage=Usage(prompt_tokens=1, completion_tokens=1)))


async def _fill(ledger: Ledger, begin: int, *, until: float = float("inf"), rows: int = 10**9) -> int:
    """Commit so many rows, or until a time; return the number after the last."""
    number = begin
    while number - begin < rows and time.monotonic() < until:
        await asyncio.gather(*[_commit(ledger, number + i) for i in range(AT_ONCE)])
        number += AT_ONCE
    return number


def _measured(runner: asyncio.Runner, ledger: Ledger, begin: int, copy: Path) -> None:
    alone = runner.run(_fill(ledger, begin, until=time.monotonic() + SECONDS))
    print(f"{'alone':<24}{(alone - begin) / SECONDS:>8,.0f} replies/s")
    command = [sys.executable, "-m", "glan", "ledger", "backup", str(copy), "--ledger", str(ledger.path)]
    begun_s, number, log_bytes = time.monotonic(), alone, 0
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            number = runner.run(_fill(ledger, number, rows=AT_ONCE))
            log_bytes = max(log_bytes, Path(f"{ledger.path}-wal").stat().st_size)
    took_s = time.monotonic() - begun_s
    print(f"{'beside a copy':<24}{(number - alone) / took_s:>8,.0f} replies/s")
    print(f"A copy of {copy.stat().st_size / 1e6:,.0f} MB took {took_s:.1f} s; the log: {log_bytes / 1e6:,.0f} MB")


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner() as runner,
        Ledger.open(Path(folder) / "ledger.sqlite") as ledger,
    ):
        number = runner.run(_fill(ledger, 0, rows=rows))
        _measured(runner, ledger, number, Path(folder) / "copy")


if __name__ == "__main__":
    main()
