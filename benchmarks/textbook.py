"""How many slots over the textbook's own disciplines become pairs, and why the others do not; printed as tables.

python benchmarks/textbook.py          2,000 slots under the default rules
python benchmarks/textbook.py 8000     another number
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from glan.config import Config
from glan.generate.asking import Asking
from glan.pipeline import Job, Pipeline
from glan.progress import Progress
from glan.prompts import Prompts
from glan.records import Decided, Outcome, Reply, Request, Sampling, Stage
from glan.taxonomy.edit import select
from glan.taxonomy.sources import taxonomy_text
from glan.taxonomy.tree import Taxonomy
from glan.teachers.offline import MODEL, Textbook
from glan.teachers.offline.book import open_book
from glan.teachers.permits import Permits

IN_FLIGHT = 64


@dataclass(frozen=True)
class Permitted:
    """The textbook under permits: without a ledger, since nothing is paid for."""

    textbook: Textbook
    permits: Permits

    async def reply(self, request: Request) -> Reply:
        async with self.permits.at(request.rank):
            return await self.textbook.reply(request)


def decided(count: int) -> list[Decided]:
    """Return the first slots of a project over the textbook's disciplines, decided as a run decides them."""
    return asyncio.run(_decided(count))


async def _decided(count: int) -> list[Decided]:
    permits = Permits(IN_FLIGHT)
    asking = Asking(
        teacher=Permitted(Textbook(), permits),
        prompts=Prompts.shipped(),
        language="English",
        sampling=dict.fromkeys(Stage, Sampling(model=MODEL, max_tokens=4_096)),
        system={},
    )
    taxonomy = select(taxonomy_text("builtin"), list(open_book().disciplines))
    job = Job(disciplines=Taxonomy.parse(taxonomy, "builtin").disciplines, config=Config(), pairs=count, asking=asking)
    found: list[Decided] = []
    async with aclosing(Pipeline(job, permits=permits, progress=Progress(wanted=count)).decided()) as groups:
        async for group in groups:
            found += group
            if len(found) >= count:
                break
    return found[:count]


def main(slots: Sequence[Decided]) -> None:
    """Print the yield by discipline and by level, and the reasons."""
    show("discipline", [(slot.slot.discipline.name, slot.outcome) for slot in slots])
    show("level", [(slot.subject.level.value if slot.subject else "none", slot.outcome) for slot in slots])
    reasons = Counter(f"{slot.verdict.stage}: {slot.verdict.reason}" for slot in slots if slot.verdict is not None)
    for reason, n in reasons.most_common():
        print(f"{n:>7,} {reason}")


def show(name: str, ends: Sequence[tuple[str, Outcome]]) -> None:
    """Print how many slots there are under each key, and how many of them became pairs."""
    slots = Counter(key for key, _ in ends)
    pairs = Counter(key for key, outcome in ends if outcome is Outcome.PAIR)
    print(f"{name:<30} {'slots':>7} {'pairs':>7} {'yield':>7}")
    for key, n in slots.items():
        print(f"{key:<30} {n:>7,} {pairs[key]:>7,} {pairs[key] / n:>7.1%}")
    print(f"{'all':<30} {len(ends):>7,} {pairs.total():>7,} {pairs.total() / len(ends):>7.1%}\n")


if __name__ == "__main__":
    main(decided(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000))
