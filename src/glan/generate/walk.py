"""The walk through the subjects of one discipline: which subject and which draw a slot gets.

Round r walks the subjects that the first min(2^r, drafts) drafts name, in order of first appearance. Drafts and syllabi
are asked for when the walk needs them, and ahead of it as far as the slots that have begun will need them for sure.
Given subjects are walked as if drafts had named them, so that one who freezes what was generated moves no row.
The walk is a pure function of the replies: what was asked ahead, and when, changes nothing.
"""

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

import msgspec

from glan.draws import Draws
from glan.errors import ReplyError, RequestError
from glan.generate.asking import Asking
from glan.generate.merging import Names, near_names_of, told_of_near_names
from glan.generate.subjects import draft_subjects
from glan.generate.syllabi import write_syllabus
from glan.packing import compress, decompress
from glan.plan import drafts_of_round, given_in_round, round_size
from glan.records import Discipline, Draw, Record, Session, Stage, Subject, Syllabus, question_id
from glan.settings import Plan
from glan.streams import begin
from glan.wording import counted, few

T = TypeVar("T")

_SESSIONS = msgspec.msgpack.Decoder(tuple[Session, ...])
_MOST_NAMED = 5
_MOST_BYTES = 1 << 30
"""Of the sessions of a syllabus: more than a reply can hold."""


class Drawn(Record, frozen=True, kw_only=True):
    """What a slot is about."""

    syllabus: Syllabus
    draw: Draw

    @property
    def parts(self) -> tuple[Syllabus, Draw]:
        """Both."""
        return self.syllabus, self.draw

    @property
    def id(self) -> str:
        """The id of the question that is written on it."""
        return question_id(self.syllabus, self.draw)


class BlockedError(Exception):
    """The slot met a subject or a discipline that failed; the cause is a `ReplyError` or a `RequestError`."""

    def __init__(self, stage: Stage, subject: Subject | None, cause: ReplyError | RequestError) -> None:
        super().__init__(str(cause))
        self.stage = stage
        self.subject = subject
        self.cause = cause


class Walk:
    """The state of one discipline's walk. `left` tells why it has ended: `failed`, `exhausted`, or not yet."""

    def __init__(
        self, discipline: Discipline, *, plan: Plan, seed: int, merges_names: bool = False, reserved: bool = False
    ) -> None:
        """Begin; `reserved` gives the draws that are kept for test sets, and no others."""
        self.discipline = discipline
        self.left: str | None = None
        self.subjects: dict[str, Subject] = {}
        """Every subject that the walk has met, by key, in order of first appearance."""
        self.rounds: list[int] = []
        """The ordinal of the slot for which each round began."""
        self.sizes: dict[str, tuple[int, ...]] = {}
        """By the key of a subject, the number of key concepts of each class session of its syllabus."""
        self._named: list[int] = []
        """How many subjects there were when each round had its drafts."""
        self.failed_drafts: set[int] = set()
        """Numbers of the drafts that no reply was to be had for; what was malformed is not among them."""
        self.names = Names(is_merging=merges_names)
        """Of subjects and key concepts, and which of them count as earlier ones."""
        self._plan = plan
        self._seed = seed
        self._is_reserved = reserved
        self._with_syllabi = True
        self._lock = asyncio.Lock()
        self._wanted, self._placed, self._round = 0, 0, -1
        self._turns: deque[Subject] = deque()
        self._turn_left = 0
        self._gone: set[str] = set()
        self._drafts: dict[int, asyncio.Future[tuple[Subject, ...]]] = {}
        self._syllabi: dict[str, asyncio.Future[Syllabus]] = {}
        self._draws: dict[str, Draws] = {}
        self._parked: dict[str, bytes] = {}
        self._error: BaseException | None = None

    def ready(self) -> Drawn | None:
        """Return what the next slot is about where nothing has to be waited for; None sends the slot to `next`."""
        if self._wanted != self._placed or not self._turns or self._error is not None:
            return None
        task = self._syllabi.get(self._turns[0].key)
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        draw = self._draws_of(task.result()).next()
        if draw is None:
            return None
        self._wanted += 1
        self._take()
        return Drawn(syllabus=task.result(), draw=draw)

    async def next(self, asking: Asking) -> Drawn | None:
        """Return what the next slot is about, or None when the discipline has left the walk.

        Callers are served in the order in which they came.

        Raises:
            BlockedError: the slot met a failure; the next slot goes on behind it.
            StoppedError: the run is stopping; every later slot of the discipline gets the same.

        """
        return await self._serve(asking, self._next)

    async def next_subject(self, asking: Asking) -> Subject | None:
        """Return the subject of the next slot if no syllabus fails and no subject is exhausted; asks for drafts only.

        A walk is asked either for its subjects or for its draws, never for both.

        Raises:
            BlockedError: the discipline failed.
            StoppedError: as for `next`.

        """
        self._with_syllabi = False
        return await self._serve(asking, self._next_subject)

    def named_by(self, ordinal: int) -> int:
        """Return how many subjects were named when the slot of an ordinal was placed."""
        begun = bisect_right(self.rounds, ordinal)
        return max(self._named[:begun], default=0)

    @property
    def under_way(self) -> list[asyncio.Future[Any]]:
        """What was asked ahead and is not there yet; after a stop no slot waits for it."""
        begun: tuple[asyncio.Future[Any], ...] = (*self._drafts.values(), *self._syllabi.values())
        return [task for task in begun if not task.done()]

    async def _serve(self, asking: Asking, work: Callable[[Asking], Awaitable[T]]) -> T:
        self._wanted += 1
        self._ask_ahead(asking)
        async with self._lock:
            if self._error is not None:
                # Without its traceback: where many slots wait for a batch it would grow by a few frames for each.
                raise self._error.with_traceback(None)
            try:
                return await work(asking)
            except BlockedError:
                raise
            except BaseException as error:
                self._error = error
                raise

    async def _next_subject(self, asking: Asking) -> Subject | None:
        if not await self._has_turn(asking):
            return None
        subject = self._turns[0]
        self._take()
        return subject

    async def _next(self, asking: Asking) -> Drawn | None:
        while await self._has_turn(asking):
            subject = self._turns[0]
            try:
                syllabus = await self._begin_syllabus(asking, subject)
            except (ReplyError, RequestError) as error:
                self._drop(subject)
                self._placed += 1
                raise BlockedError(Stage.SYLLABI, subject, error) from error
            draw = self._draws_of(syllabus).next()
            if draw is None:
                self._drop(subject)
                continue
            self._take()
            return Drawn(syllabus=syllabus, draw=draw)
        return None

    async def _has_turn(self, asking: Asking) -> bool:
        """Begin rounds until one has a subject; say whether there is one."""
        while not self._turns and self.left is None:
            await self._begin_round(asking)
        return bool(self._turns)

    async def _begin_round(self, asking: Asking) -> None:
        begun = self._round + 1
        self.rounds.append(self._placed)
        errors: list[ReplyError | RequestError | None] = []
        if self.discipline.subjects:
            is_last = self._take_given(begun)
        else:
            n_drafts = drafts_of_round(begun, self._plan.drafts)
            errors = [await self._take_draft(asking, number) for number in range(1, n_drafts + 1)]
            is_last = n_drafts == self._plan.drafts
        self._named.append(len(self.subjects))
        self._round = begun  # only now: what is asked ahead meanwhile belongs to this round, not to the one after
        self._turns.extend(subject for key, subject in self.subjects.items() if key not in self._gone)
        self._turn_left = round_size(self._round, self._plan.questions_per_visit)
        if self._turns:
            self._ask_ahead(asking)
        elif is_last:
            self._leave([error for error in errors if error is not None])

    def _take_given(self, number: int) -> bool:
        """Put the given subjects of a round behind those that are there; say whether no later round has more."""
        for subject in given_in_round(self.discipline, number):
            self.subjects.setdefault(subject.key, subject)
        return len(self.subjects) == len(self.discipline.subjects)

    async def _take_draft(self, asking: Asking, number: int) -> ReplyError | RequestError | None:
        """Put the subjects of a draft behind those that are there, or return why it names none."""
        try:
            for subject in await self._begin_draft(asking, number):
                if self.names.is_new(subject, self.discipline):
                    self.subjects.setdefault(subject.key, subject)
        except (ReplyError, RequestError) as error:
            if isinstance(error, RequestError):
                self.failed_drafts.add(number)
            return error
        return None

    def _leave(self, errors: list[ReplyError | RequestError]) -> None:
        if self.subjects:
            self.left = "exhausted"
            return
        self.left = "failed"
        self._placed += 1
        raise BlockedError(Stage.SUBJECTS, None, errors[-1])

    def _take(self) -> None:
        """Count one slot of the subject whose turn it is."""
        self._placed += 1
        self._turn_left -= 1
        if self._turn_left == 0:
            self._end_turn()

    def _drop(self, subject: Subject) -> None:
        self._gone.add(subject.key)
        self._draws.pop(subject.key, None)
        self._end_turn()

    def _end_turn(self) -> None:
        subject = self._turns.popleft()
        # The ledger has the text: the next round reads it again. Sessions are parked, and memory holds what is in turn.
        self._syllabi.pop(subject.key, None)
        if subject.key in self._draws:
            self._draws[subject.key].park()
        self._turn_left = round_size(self._round, self._plan.questions_per_visit)

    def _ask_ahead(self, asking: Asking) -> None:
        """Ask for what the slots that have begun need if nothing fails; a failure makes them need more, not less."""
        needed = self._wanted - self._placed
        size = self._turn_left
        for subject in self._turns:
            if needed <= 0:
                return
            if self._with_syllabi:
                self._begin_syllabus(asking, subject)
            needed -= size
            size = round_size(self._round, self._plan.questions_per_visit)
        if needed > 0 and not self.discipline.subjects and self.left is None:
            for number in range(1, drafts_of_round(self._round + 1, self._plan.drafts) + 1):
                self._begin_draft(asking, number)

    def _begin_draft(self, asking: Asking, number: int) -> asyncio.Future[tuple[Subject, ...]]:
        if number not in self._drafts:
            self._drafts[number] = _begin(draft_subjects(asking, self.discipline, number))
        return self._drafts[number]

    def _begin_syllabus(self, asking: Asking, subject: Subject) -> asyncio.Future[Syllabus]:
        if subject.key not in self._syllabi:
            self._syllabi[subject.key] = _begin(self._syllabus(asking, subject))
        return self._syllabi[subject.key]

    async def _syllabus(self, asking: Asking, subject: Subject) -> Syllabus:
        parked = _unpacked(self._parked.get(subject.key))
        syllabus = await write_syllabus(asking, self.discipline, subject, parked)
        return syllabus if parked or subject.sessions else self.names.distinct(syllabus)

    def _draws_of(self, syllabus: Syllabus) -> Draws:
        key = syllabus.subject.key
        if key not in self._draws:
            self.names.draw_from(syllabus.subject)
            self._parked[key] = _packed(syllabus.sessions)
            self.sizes[key] = tuple([len(session.key_concepts) for session in syllabus.sessions])
            self._draws[key] = Draws(syllabus, settings=self._plan, seed=self._seed, reserved=self._is_reserved)
        self._draws[key].resume(syllabus.sessions)
        return self._draws[key]


def told_of_walks(walks: Collection[Walk]) -> Iterator[str]:
    """Say what a person should know of how the subjects came about."""
    yield from told_of_failed_drafts(walks)
    yield from told_of_near_names(near_names_of(walk.names for walk in walks))


def told_of_failed_drafts(walks: Iterable[Walk]) -> Iterator[str]:
    """Say which disciplines have fewer subjects than they might, since no slot waits for a draft and fails with it."""
    found = {walk.discipline.title: len(walk.failed_drafts) for walk in walks if walk.subjects and walk.failed_drafts}
    if found:
        total = sum(found.values())
        yield (
            f"{counted(total, 'draft')} of subjects failed, so {few(found, _MOST_NAMED)} may have fewer of "
            "them. `glan run --retry-failed` asks again."
        )


def _packed(sessions: tuple[Session, ...]) -> bytes:
    """Return the sessions of a syllabus in 2 KB instead of 13."""
    return compress(msgspec.msgpack.encode(sessions))


def _unpacked(parked: bytes | None) -> tuple[Session, ...]:
    return () if parked is None else _SESSIONS.decode(decompress(parked, _MOST_BYTES))


def _begin(work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
    task = begin(work)
    task.add_done_callback(_retrieve)
    return task


def _retrieve(task: asyncio.Future[Any]) -> None:
    """Mark the error as seen: who needs the result gets it, and a run that stops needs none."""
    if not task.cancelled():
        task.exception()
