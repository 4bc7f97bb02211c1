"""What becomes of a slot whose way ends: its credit, its outcome, and the verdict that says why.

It knows no stage's work: it is given the work, and an error of it harms one slot or stops the run.
"""

import asyncio
from array import array
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

from msgspec.structs import replace

from glan.curate.examiner import Finding
from glan.curate.people import ruled
from glan.curate.spoken import as_spoken
from glan.errors import DeferredError, GlanError, ReplyError, RequestError
from glan.generate.walk import BlockedError
from glan.languages import Languages
from glan.records import Decided, Outcome, Question, Record, Reply, Stage, Verdict
from glan.reviews import Reviews
from glan.streams import Credits

T = TypeVar("T")

_SHARED = (Stage.SUBJECTS, Stage.SYLLABI)


class Asked(Record, frozen=True, kw_only=True):
    """A question that may go on."""

    question: Question
    rank: int
    looked: tuple[tuple[Stage, Reply], ...] = ()
    """The replies of those who looked at it."""

    @classmethod
    def on(cls, question: Question, rank: int, languages: Languages) -> "Asked":
        """Return a question of a slot; one that was kept from before a change is in the language that it is in."""
        return cls(question=as_spoken(question, languages), rank=rank)

    @property
    def decided(self) -> Decided:
        """The slot as far as it came."""
        question = self.question
        return Decided(
            slot=question.slot,
            outcome=Outcome.OPEN,
            subject=question.subject,
            question=question,
            language=question.language,
            looked=self.looked,
        )


OnItsWay: TypeAlias = Asked | Decided | None
"""A question that may go on, a slot whose way has ended, or nothing where a discipline has left the walk."""


class Ids:
    """Ids that end in a number: eight bytes each, and their beginnings once."""

    def __init__(self) -> None:
        self._beginnings: list[str] = []
        self._places: dict[str, int] = {}
        self._which = array("I")
        self._numbers = array("I")

    def add(self, id_: str) -> None:
        beginning, _, number = id_.rpartition("/")
        if beginning not in self._places:
            self._places[beginning] = len(self._beginnings)
            self._beginnings.append(beginning)
        self._which.append(self._places[beginning])
        self._numbers.append(int(number))

    def __getitem__(self, i: int) -> str:
        return f"{self._beginnings[self._which[i]]}/{self._numbers[i]}"


class Fates:
    """The fates of the slots of one walk."""

    def __init__(
        self, credits_: Credits, *, is_audit: bool, stop: Callable[[GlanError], None], questions: Ids | None = None
    ) -> None:
        self.questions = Ids() if questions is None else questions
        """Of those that were held against earlier ones, in the order in which the examiner counts them."""
        self.is_cut = False
        """Set when what is in flight is given up: its slots stay open."""
        self._credits = credits_
        self._is_audit = is_audit
        self._stop = stop

    def left_open(self, so_far: Decided) -> Decided:
        """Leave a slot undecided. It may become a pair, so nothing is begun in its place."""
        self._credits.spend()
        return so_far

    def refused(self, so_far: Decided, stage: Stage, finding: Finding, raw: str) -> Decided:
        """Reject a slot for what was found against it; `raw` is the text that it was found in."""
        detail = finding.detail
        if finding.original is not None:
            detail = f"{self.questions[finding.original]} ({finding.similarity:.2f})"
        return self._rejected(so_far, stage, finding.reason, detail=detail, raw=raw)

    def as_people_say(self, reviews: Reviews, pair: Decided) -> Decided:
        """Close the way of a pair: people have the last word, and what they drop gives its credit back."""
        decided, finding = ruled(reviews, pair)
        if finding is not None and decided.answer is not None:
            return self.refused(decided, Stage.ANSWERS, finding, decided.answer.text)
        self._credits.spend()
        return decided

    async def kept(self, so_far: Decided, stage: Stage, work: Awaitable[T]) -> T | Decided:
        """Do one stage of a slot, or say what became of the slot: an error harms this slot or stops the run."""
        try:
            return await work
        except BlockedError as error:
            return self.failed(replace(so_far, subject=error.subject), error.stage, error.cause)
        except (ReplyError, RequestError) as error:
            return self.failed(so_far, stage, error)
        except GlanError as error:
            return self._undecided(so_far, error)
        except asyncio.CancelledError:
            if not self.is_cut:
                raise
            return so_far

    def _undecided(self, so_far: Decided, error: GlanError) -> Decided:
        if self._is_audit or isinstance(error, DeferredError):
            self._credits.spend()  # it may become a pair: nothing is begun in its place
        else:
            self._stop(error)
        return so_far

    def failed(self, so_far: Decided, stage: Stage, error: ReplyError | RequestError) -> Decided:
        """Reject a slot for a reply that cannot be used, or say that it failed, since there is no reply."""
        if isinstance(error, ReplyError):
            # Drafts and syllabi are shared by many slots, and are counted by themselves.
            rests = so_far if stage in _SHARED else so_far.resting_on(stage, error.reply)
            return self._rejected(rests, stage, error.reason, detail=str(error), raw=error.text)
        self._credits.give_back()
        verdict = Verdict(stage=stage, reason=str(error))
        return replace(so_far, outcome=Outcome.FAILURE, verdict=verdict)

    def _rejected(self, so_far: Decided, stage: Stage, reason: str, *, detail: str = "", raw: str = "") -> Decided:
        self._credits.give_back()
        verdict = Verdict(stage=stage, reason=reason, detail=detail, raw=raw)
        return replace(so_far, outcome=Outcome.REJECT, verdict=verdict)
