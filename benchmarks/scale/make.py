"""Make a project's data set with the filler teacher inside the process, and print when the first reply was asked for.

python benchmarks/scale/make.py FOLDER
"""

import asyncio
import json
import sys
import time

import glan
from glan.records import Reply, Request
from glan.teachers.filler import Filler

_IN_FLIGHT = 256


class Timed:
    """The filler, and how long after the start it was asked first."""

    model = "filler"

    def __init__(self) -> None:
        self.first_s: float | None = None
        self._filler = Filler()
        self._begun = time.perf_counter()

    async def reply(self, request: Request) -> Reply:
        if self.first_s is None:
            self.first_s = time.perf_counter() - self._begun
        return await self._filler.reply(request)


def main() -> None:
    """Run it."""
    teacher = Timed()
    project = glan.Project.open(sys.argv[1])
    result = asyncio.run(project.run(teacher=teacher, options=glan.Options(max_in_flight=_IN_FLIGHT)))
    print(json.dumps({"pairs": result.pairs, "asked": result.asked, "first_s": teacher.first_s}))


main()
