"""Answers that are not to be given, for the rows of a data set: those that voted otherwise than the row's.

    row ─► its question asked once more, of the ledger alone ─► the vote ─► of what lost, the answer with most votes

Nobody is asked. A row whose answers are not all in the ledger, as what `glan.toml` says now, has none.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from glan.against import Against
from glan.batched import OnlyLedger
from glan.curate.examiner import Here
from glan.curate.quality import text_of
from glan.errors import DatasetError, GlanError, StoppedError
from glan.generate.asking import Asking, asking_of
from glan.manifests import Manifest
from glan.polls import SHARE, Poll, Polls, Result, vote_of
from glan.project import Project
from glan.records import Decided, Discipline, Draw, Level, Outcome, Question, Reply, Slot, Strategy, Subject, Task
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Choice, Ledgered
from glan.teachers.permits import Permits
from glan.teachers.watched import Cuts, Watched

_HINT = (
    "With `samples = 3` or more in [curation.agreement] of glan.toml, `glan run` asks for more answers to the "
    "questions that have a final one."
)


class Preferences:
    """What loses the votes of a project's rows; it counts what it met."""

    def __init__(self, project: Project, asking: Asking, runner: asyncio.Runner) -> None:
        self.rows = 0
        self.voted = 0
        self.contested = 0
        """Votes in which an answer said otherwise."""
        self.missing = 0
        """Those of them whose answers the ledger does not have."""
        self._project = project
        self._asking = asking
        self._runner = runner
        self._polls = Polls.of(project.config)
        self._examiner = Here(project.config.curation, Against(project.benchmarks).benchmarks)

    def rejected(self, row: Mapping[str, Any]) -> Reply | None:
        """Return the answer with most votes among those that voted otherwise than a row's; of several the first."""
        scores = {score["name"]: score["value"] for score in row["scores"] or ()}
        self.rows += 1
        self.voted += SHARE in scores
        if scores.get(SHARE, 1.0) >= 1.0:
            return None
        self.contested += 1
        found = self._runner.run(self._loser(row))
        self.missing += found is None
        return found

    @property
    def told(self) -> str:
        """What became of the rows, in a sentence or two."""
        told = (
            f"Of {self.rows:,} rows {self.voted:,} were voted on, and in {self.contested:,} votes one said otherwise."
        )
        if self.missing:
            told += f" Of {self.missing:,} the ledger has not all answers to what glan.toml asks for now."
        return told

    async def _loser(self, row: Mapping[str, Any]) -> Reply | None:
        try:
            result = await self._polled(self._question(row))
        except GlanError:
            return None
        answer = row["messages"][-1]["content"]
        replies = {sample.number: sample.reply for sample in result.samples if sample.reply is not None}
        camps = vote_of(result.samples).camps
        chosen = [camp for camp in camps if any(replies[sample].text == answer for sample in camp.samples)]
        lost = [camp for camp in camps if camp not in chosen]
        return replies[lost[0].samples[0]] if len(chosen) == 1 and lost else None

    async def _polled(self, question: Question) -> Result:
        found: Poll | Result = Poll(
            decided=Decided(slot=question.slot, outcome=Outcome.OPEN, question=question), question=question, rank=0
        )
        while isinstance(found, Poll):
            found = await self._polls.ask(self._asking, found)
            texts = [text_of(question, reply, config=self._project.config) for reply in found.replies]
            found = self._polls.after(found, iter(await self._examiner.answers(texts)))
        return found

    def _question(self, row: Mapping[str, Any]) -> Question:
        """Return the question of a row as far as its answers know it."""
        leaf, subject, index = [unquote(part) for part in row["id"].split("/")[1:]]
        task = self._asking.mix.drawn(row["id"]).task
        return Question(
            id=row["id"],
            slot=Slot(discipline=Discipline(name=leaf, key=leaf, path=(), title=leaf), ordinal=row["slot"]),
            subject=Subject(name=subject, key=subject, level=Level.INTRODUCTORY),
            draw=Draw(index=int(index), strategy=Strategy.SINGLE, sessions=(), concepts=()),
            session_names=(),
            concept_names=(),
            places=(),
            text=next(message["content"] for message in row["messages"] if message["role"] == "user"),
            reply=Reply(text=""),
            # A question that was kept from before there was a mix was asked in no form.
            task=task if row["task"] == task.form else Task(),
            language=row["language"],
        )


@contextmanager
def preferences_of(project: Project) -> Iterator[Preferences]:
    """Give what loses the votes of a project, while its ledger is open for reading.

    Raises:
        DatasetError: no question of the project got several answers.

    """
    manifest, agreement = project.manifest(), project.config.curation.agreement
    if manifest is None or agreement.samples == 1:
        raise DatasetError("There are no votes in this data set, so no answer lost one.", hint=_HINT)
    with Ledger.open(project.ledger_path, readonly=True) as ledger, asyncio.Runner() as runner:
        yield Preferences(project, _asking(project, manifest, ledger), runner)


def _asking(project: Project, manifest: Manifest, ledger: Ledger) -> Asking:
    """Return how the answers of a data set were asked for, of the ledger alone."""
    config = project.config
    permits = Permits(1)
    permits.close(StoppedError("an export asks nobody"))
    ledgered = Ledgered(OnlyLedger(), ledger, permits, choice=Choice(manifest.choice))
    teacher = Watched(ledgered, Cuts(), keeps_cut=config.curation.cut_prompts == "keep")
    models = {stage: manifest.models.get(stage.value, "") for stage in config.stages}
    return asking_of(config, project.prompts, teacher, models)
