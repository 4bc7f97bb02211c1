"""The way of a pair, from a slot of the plan to a row: read this first.

    slots ──► question, many at once ──► examine, in plan order ──► answer, many at once ──► examine, in plan order

Where a project looks for copies in meaning (`meaning.py`), questions that passed are embedded, many at once, and judged
once more in plan order. Where a question may get several answers (`polls.py`), the second half comes again for each
round of them. Where a project wants more looks (`looks.py`), those at a question come before its answer, and those at a
pair at the end; both many at once.

Each arrow is an ordered stream, so no stage waits for the one before it to end, and what comes out is the same at one
request in flight and at a thousand. N credits are out at most: a slot that comes to nothing gives its credit back, so
nothing more is asked than is still needed, and the slots that are begun are the same in every run.

It knows no files, prices, environment or CLI: `runs.py` gives it a project's inputs and writes what comes out.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, TypeAlias, TypeVar

from msgspec.structs import replace

from glan.benchmarks.items import Item
from glan.config import Config
from glan.course import Course
from glan.curate.examiner import Examining, Finding, Here
from glan.curate.own import OwnRules
from glan.curate.quality import text_of
from glan.errors import CurationError, GlanError, StoppedError
from glan.fates import Asked, Fates, OnItsWay
from glan.generate.asking import Asking
from glan.generate.questions import write_question
from glan.generate.walk import Drawn
from glan.looks import Look, Looked, looks_at_pairs, looks_at_questions
from glan.meaning import InMeaning
from glan.polls import Poll, Polls
from glan.progress import Progress
from glan.records import Decided, Discipline, Outcome, Question, Record, Slot, Stage, Subject
from glan.reviews import NO_REVIEWS, Reviews
from glan.streams import Credits, InOrder, as_items, in_one
from glan.teachers.permits import Permits, Pools
from glan.yields import LowYieldError, Yields

MOST_BEGUN_AT_ONCE = 128
"""Slots are begun in groups of so many at most: what is judged together costs less."""
_EXAMINED_AHEAD = 2
"""Groups that are with the examiner at once: while it looks at one, the next is on its way."""
_WAITING_PER_PERMIT, _LEAST_WAITING = 4, 1_024
"""Slots that wait for a syllabus or a question, each 15 KB: enough of them to keep every permit busy, and no more."""

A = TypeVar("A")
B = TypeVar("B")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be made."""

    disciplines: Sequence[Discipline]
    config: Config
    pairs: int
    asking: Asking
    until: Stage = Stage.ANSWERS
    """The last stage that is done."""
    grace_s: float = 60.0
    """Seconds that a stopping walk waits for what is in flight."""
    own: OwnRules | None = None
    """The project's own rules, where the user lets them run."""
    is_audit: bool = False
    """Walk on past slots that cannot be decided, to see what the ledger holds."""
    items: Iterable[Item] = ()
    """Of the benchmarks that no pair may hold."""
    reviews: Reviews = NO_REVIEWS
    """What people decided about pairs."""


class Pipeline:
    """One walk along the sequence."""

    def __init__(
        self,
        job: Job,
        *,
        permits: Permits | Pools,
        progress: Progress,
        examiner: Examining | None = None,
        course: Course | None = None,
    ) -> None:
        course = course or Course.of(job.disciplines, job.config)
        self.walks = course.walks
        self.stopped: GlanError | None = None
        """Why the walk ended before its time, if it did."""
        self._job = job
        self._permits = permits
        self._progress = progress
        self._course = course
        self._credits = Credits(job.pairs)
        self._examiner = examiner or Here(job.config.curation, job.items, job.own)
        self._as_text = partial(text_of, config=job.config, with_place=job.own is not None)
        self._at_questions = looks_at_questions(job.config, is_audit=job.is_audit)
        self._at_pairs = looks_at_pairs(job.config, is_audit=job.is_audit)
        self._polls = Polls.of(job.config)
        self._n_looked = 0
        self._fates = Fates(self._credits, is_audit=job.is_audit, stop=self.stop, questions=course.questions)
        embeddings = job.config.curation.embeddings
        self._in_meaning = (
            InMeaning(embeddings, job.asking, self._fates, is_audit=job.is_audit) if embeddings.enabled else None
        )
        self._is_order_open = False
        self._yields = Yields(job.config.plan.stop_below)
        self._begun = 0
        self._passed = 0
        self._n_waiting = 0
        self._room = asyncio.Event()
        self._streams: tuple[InOrder[Any, Any], ...] = ()

    def stop(self, cause: GlanError) -> None:
        """Ask for nothing more; what is in flight goes on. The first cause stands."""
        if self.stopped is None:
            self.stopped = cause
            _log.info("stopping: %s", cause)
            self._permits.close(StoppedError(str(cause)))
            self._credits.close()
            self._room.set()
            asyncio.get_running_loop().call_later(self._job.grace_s, self.cut)

    def cut(self) -> None:
        """Give up what is in flight."""
        self._fates.is_cut = True
        for stream in self._streams:
            stream.cut()
        for task in self._asked_ahead:
            task.cancel()

    async def decided(self) -> AsyncGenerator[list[Decided], None]:
        """Give every slot of the walk in plan order, in groups, until N became pairs or the walk has ended."""
        ended = self._examined(self._judged(), self._answer)
        for _ in self._polls.agreement.rounds[1:]:
            ended = self._examined(ended, self._ask_answers)
        if self._at_pairs:
            ended = aiter(self._many(ended, self._look_at_pair))
        is_over = False
        async with aclosing(ended) as groups:
            try:
                async for group in groups:
                    self._passed += len(group)
                    self._room.set()
                    if is_over:
                        continue  # what is in flight after the end is waited for, since it is paid for
                    passed = self._until_low_yield([item for item in group if isinstance(item, Decided)])
                    is_over = isinstance(self.stopped, LowYieldError)
                    self._progress.decide(passed)
                    yield passed
                if self._asked_ahead:
                    await asyncio.wait(self._asked_ahead)  # it is paid for too, and after a stop no slot waits for it
            finally:
                await self._end()

    def _judged(self) -> AsyncGenerator[list[OnItsWay], None]:
        """Give the slots with their questions judged, in plan order."""
        questions = InOrder(self._slots(), self._question)
        judged = in_one(InOrder(as_items(questions), self._examine_questions, most=_EXAMINED_AHEAD))
        self._streams = (questions,)
        if self._in_meaning is None:
            return judged
        embedded = self._many(judged, self._in_meaning.embed)
        return in_one(InOrder(as_items(embedded), self._in_meaning.judge, most=_EXAMINED_AHEAD))

    def _many(self, items: AsyncGenerator[list[A], None], work: Callable[[A], Coroutine[Any, Any, B]]) -> InOrder[A, B]:
        """Return a stream of calls, many at once, which ends with the walk."""
        most_open = max(_LEAST_WAITING, _WAITING_PER_PERMIT * self._permits.ceiling)
        # What is cancelled first would pass its permits on to what has not been yet, and that would ask once more.
        stream = InOrder(items, work, most_open=most_open, on_break=self._ask_no_more)
        self._streams = (*self._streams, stream)
        return stream

    def _examined(
        self, items: AsyncGenerator[list[A], None], ask: Callable[[A], Coroutine[Any, Any, "_Answered"]]
    ) -> AsyncGenerator[list["_Answered"], None]:
        """Ask for answers, many at once, and examine them in plan order."""
        answers = self._many(items, ask)
        return in_one(
            InOrder(as_items(answers), self._examine_answers, most=_EXAMINED_AHEAD, on_break=self._ask_no_more)
        )

    @property
    def _asked_ahead(self) -> list[asyncio.Future[Any]]:
        return [task for walk in self.walks.values() for task in walk.under_way]

    async def _end(self) -> None:
        """Leave no work behind where the walk was broken off, and let nothing more be asked meanwhile."""
        self._ask_no_more()
        left = self._asked_ahead
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _ask_no_more(self) -> None:
        self._permits.close(StoppedError("The run is over."))

    async def _slots(self) -> AsyncGenerator[list["_Begun"], None]:
        """Begin slots in plan order, as credits, permits and memory allow."""
        while await self._credits.is_free():
            while self._is_full and self.stopped is None:
                self._room.clear()
                await self._room.wait()
            if not self._job.is_audit:
                await self._permits.wait_idle()
            taken = self._credits.take(min(self._permits.n_free or 1, MOST_BEGUN_AT_ONCE))
            slots = list(islice(self._course.slots, taken))
            self._credits.give_back(taken - len(slots))
            if not slots:
                return
            yield [_Begun(slot=slot, rank=self._begun + i) for i, slot in enumerate(slots)]
            self._begun += len(slots)

    @property
    def _most_waiting(self) -> int:
        return max(_LEAST_WAITING, _WAITING_PER_PERMIT * self._permits.size)

    @property
    def _is_full(self) -> bool:
        is_far_ahead = self._begun - self._passed >= self._job.config.limits.look_ahead
        return is_far_ahead or self._n_waiting >= self._most_waiting

    async def _question(self, begun: "_Begun") -> OnItsWay:
        """Do the first half of a slot, and count it as waiting as long as that takes."""
        self._n_waiting += 1
        try:
            return await self._written(begun)
        finally:
            self._n_waiting -= 1
            if self._n_waiting < self._most_waiting:
                self._room.set()

    async def _written(self, begun: "_Begun") -> OnItsWay:
        """Draw what a slot is about and ask for its question; None when its discipline has left the walk."""
        slot, until = begun.slot, self._job.until
        walk = self.walks[slot.discipline.leaf]
        asking = self._job.asking.at(begun.rank)
        drawn = walk.ready() if until is not Stage.SUBJECTS else None
        if drawn is None:
            so_far = Decided(slot=slot, outcome=Outcome.OPEN)
            if until is Stage.SUBJECTS:
                return self._without_question(so_far, await self._fates.kept(so_far, until, walk.next_subject(asking)))
            found = await self._fates.kept(so_far, Stage.SYLLABI, walk.next(asking))
            if not isinstance(found, Drawn):
                return self._without_question(so_far, found)
            drawn = found
        subject = drawn.syllabus.subject
        if until is Stage.SYLLABI:
            return self._without_question(Decided(slot=slot, outcome=Outcome.OPEN), subject)
        language = asking.languages.of_question(drawn.id)
        so_far = Decided(slot=slot, outcome=Outcome.OPEN, subject=subject, language=language)
        question = await self._fates.kept(so_far, Stage.QUESTIONS, write_question(asking, slot, *drawn.parts))
        return Asked.on(question, begun.rank, asking.languages) if isinstance(question, Question) else question

    def _without_question(self, so_far: Decided, found: Subject | Decided | None) -> Decided | None:
        """Pass on a slot that ends before its question: nothing there, undecided, or as far as was wanted."""
        if found is None:
            self._course.slots.leave(so_far.slot.discipline.leaf)
            self._credits.give_back()
            return None
        if isinstance(found, Decided):
            return found
        self._credits.spend()
        return replace(so_far, outcome=Outcome.PAIR, subject=found)

    async def _examine_questions(self, group: list[OnItsWay]) -> list[OnItsWay]:
        """Refuse what the examiner objects to. A verdict rests on all earlier ones, so none stands behind a gap."""
        items = [self._closed(item) for item in group]
        judged = iter(await self._judge_questions([item for item in items if isinstance(item, Asked)]))
        return [next(judged) if isinstance(item, Asked) else item for item in items]

    def _closed(self, item: OnItsWay) -> OnItsWay:
        if self._job.is_audit or item is None:
            return item
        decided = item.decided if isinstance(item, Asked) else item
        if self._is_order_open:
            if isinstance(item, Asked):
                self._credits.spend()
            return replace(decided, outcome=Outcome.OPEN, verdict=None)
        self._is_order_open = not isinstance(item, Asked) and item.outcome is Outcome.OPEN
        return item

    async def _judge_questions(self, asked: list[Asked]) -> list[OnItsWay]:
        texts = [self._as_text(item.question) for item in asked]
        found = await self._findings(self._examiner.questions(texts)) if texts else []
        if found is None:
            self._is_order_open = True
            return [item.decided for item in asked]
        judged: list[OnItsWay] = []
        for item, finding in zip(asked, found, strict=True):
            if finding is None or finding.original is not None:
                self._fates.questions.add(item.question.id)
            text = item.question.text
            judged.append(
                item if finding is None else self._fates.refused(item.decided, Stage.QUESTIONS, finding, text)
            )
        return judged

    async def _answer(self, item: OnItsWay) -> "_Answered":
        """Ask for the answer to a question that passed."""
        if not isinstance(item, Asked):
            return item
        asking = self._job.asking.at(item.rank)
        seen = await self._looked(self._at_questions, asking, item.decided, item.question.text)
        if isinstance(seen, Decided):
            return seen
        so_far = seen.decided
        if self._job.until is Stage.QUESTIONS:
            self._credits.spend()
            return replace(so_far, outcome=Outcome.PAIR)
        return await self._ask_answers(Poll(decided=so_far, question=item.question, rank=item.rank))

    async def _ask_answers(self, item: "_Answered") -> "_Answered":
        """Ask for the next answers to a question, where its poll goes on."""
        if not isinstance(item, Poll):
            return item
        asked = self._polls.ask(self._job.asking.at(item.rank), item)
        return await self._fates.kept(item.decided, Stage.ANSWERS, asked)

    async def _examine_answers(self, group: list["_Answered"]) -> list["_Answered"]:
        """Refuse the answers that the examiner objects to; a slot whose poll is over is a pair, or a reject."""
        polls = [item for item in group if isinstance(item, Poll)]
        texts = [self._as_text(poll.question, reply) for poll in polls for reply in poll.replies]
        found = await self._findings(self._examiner.answers(texts)) if texts else []
        if found is None:
            return [item.decided if isinstance(item, Poll) else item for item in group]
        findings = iter(found)
        return [self._polled(item, findings) if isinstance(item, Poll) else item for item in group]

    async def _findings(self, work: Coroutine[Any, Any, list[Finding | None]]) -> list[Finding | None] | None:
        """Return what the examiner found; None, and the run stops, if there is no examiner any more."""
        try:
            return await work
        except CurationError as error:
            self.stop(error)
            return None

    def _polled(self, poll: Poll, findings: Iterator[Finding | None]) -> "_Answered":
        result = self._polls.after(poll, findings)
        if isinstance(result, Poll):
            return result
        decided = result.decided
        if result.error is not None:
            return self._fates.failed(decided, Stage.ANSWERS, result.error)
        if result.finding is not None and decided.answer is not None:
            return self._fates.refused(decided, Stage.ANSWERS, result.finding, decided.answer.text)
        return decided if self._at_pairs else self._fates.as_people_say(self._job.reviews, decided)

    async def _look_at_pair(self, item: "_Answered") -> "_Answered":
        """Look at a pair that the rules let pass; what is no pair by now goes by."""
        rank, self._n_looked = self._n_looked, self._n_looked + 1
        if not isinstance(item, Decided) or item.outcome is not Outcome.PAIR or item.answer is None:
            return item
        so_far = replace(item, outcome=Outcome.OPEN)
        seen = await self._looked(self._at_pairs, self._job.asking.at(rank), so_far, item.answer.text)
        if isinstance(seen, Decided):
            return seen
        return self._fates.as_people_say(self._job.reviews, replace(seen.decided, outcome=Outcome.PAIR))

    async def _looked(self, looks: Iterable[Look], asking: Asking, so_far: Decided, raw: str) -> Looked | Decided:
        """Let each look at a slot in its turn, or say what became of the slot: the first objection ends its way."""
        for look in looks:
            seen = await self._fates.kept(so_far, look.stage, look.at(asking, so_far))
            if isinstance(seen, Decided):
                return seen
            so_far = seen.decided
            if seen.finding is not None:
                return self._fates.refused(so_far, look.stage, seen.finding, raw)
        return Looked(decided=so_far)

    def _until_low_yield(self, group: list[Decided]) -> list[Decided]:
        """Return the slots up to the one with which too few of the last ones became pairs."""
        for i, item in enumerate(group):
            if item.outcome is Outcome.OPEN:
                return group
            error = self._yields.after(item)
            if error is not None and self.stopped is None:
                self.stop(error)
                return group[: i + 1]
        return group


class _Begun(Record, frozen=True, kw_only=True):
    slot: Slot
    rank: int


_Answered: TypeAlias = Poll | Decided | None
"""A poll that may go on, a slot whose way has ended, or nothing where a discipline has left the walk."""
