"""The Python interface: a project that can be run.

project = glan.Project.create("my-data", pairs=1_000, disciplines=["Astronomy"])
result = await project.run(teacher=glan.teachers.openai("gpt-5-mini"))
"""

import asyncio
import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from glan import project, runs
from glan.runs import Options, Result
from glan.teachers.base import Teacher
from glan.teachers.panel import Named, Panel, opened
from glan.teachers.specs import Spec

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset


class Project(project.Project):
    """A project folder that can be run, and whose data set can be read."""

    async def run(
        self,
        *,
        teacher: "Spec | str | Teacher | None" = None,
        pairs: int | None = None,
        options: Options | None = None,
    ) -> Result:
        """Make the data set, or go on making it.

        Args:
            teacher: what `glan.teachers` names, a spec as on the command line, or any object with `async reply` and
                a `model`; the one in glan.toml if not given.
            pairs: how many; as many as on the command line if not given.
            options: everything else that the command line can say.

        Raises:
            GlanError: what the command line would end with before anything was asked.

        """
        chosen = options or Options()
        chosen = dataclasses.replace(chosen, pairs=pairs) if pairs is not None else chosen
        fresh = dataclasses.replace(self)
        if teacher is None or isinstance(teacher, Spec | str):
            named = Named(spec=teacher, cluster=chosen.address)
            async with opened(chosen.asked_by(fresh.config), fresh.environment, named) as panel:
                return await runs.Run(fresh, panel, chosen)(_refuse)
        panel = Panel.of(teacher, str(getattr(teacher, "model", type(teacher).__name__)))
        return await runs.Run(fresh, panel, chosen)(_refuse)

    def run_sync(
        self,
        *,
        teacher: "Spec | str | Teacher | None" = None,
        pairs: int | None = None,
        options: Options | None = None,
    ) -> Result:
        """Do the same in a thread of its own, so that it also works where an event loop runs already."""
        with ThreadPoolExecutor(1, "glan-run") as thread:
            return thread.submit(asyncio.run, self.run(teacher=teacher, pairs=pairs, options=options)).result()

    def dataset(self) -> "Dataset":
        """Return the rows as a pyarrow Dataset."""
        from pyarrow.dataset import dataset  # noqa: PLC0415 - pyarrow is loaded when it is needed

        return dataset(self.train_path, format="parquet")


def _refuse(_: str) -> bool:
    """Say no to what cannot be undone: nobody is there to ask."""
    return False
