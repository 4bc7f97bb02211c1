"""Several answers to one question: which are asked for next, and which of them the row holds.

    the first ─► has it a final answer? ─► as many as can settle the vote ─► the others, if it is not settled

An answer that the rules refuse, or that never came, has no vote. Where nothing can be voted on, the first answer that
stands is taken, as it is where just one is asked for. The rounds are fixed, so what is asked hangs on no order.
"""

import asyncio
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from glan.config import Config
from glan.curate.constraints import held
from glan.curate.examiner import Finding
from glan.curate.finals import Final, final_of
from glan.curate.votes import NO_VOTE, Vote, count, is_settled
from glan.errors import ReplyError, RequestError
from glan.generate.answers import write_answer
from glan.generate.asking import Asking
from glan.language_names import code_of
from glan.records import Decided, Outcome, Question, Record, Reply, Stage
from glan.settings import Agreement

NO_AGREEMENT = "no agreement"
"""The reason where answers were voted on and none has enough votes."""
SHARE, VOTES = "agreement", "votes"
"""The names of the scores of a row: share of the votes that its answer has, and how many voted."""
_FEWEST_VOTES = 2
"""One voice agrees with nobody."""


class Sample(Record, frozen=True, kw_only=True):
    """One answer to a question, or why there is none."""

    number: int
    reply: Reply | None = None
    error: ReplyError | RequestError | None = None
    finding: Finding | None = None
    """What the rules have against it."""
    checks: tuple[tuple[str, str], ...] = ()
    final: Final | None = None
    """What it votes for, if it stands."""

    @property
    def stands(self) -> bool:
        """Say whether it came and nothing is held against it."""
        return self.reply is not None and self.finding is None

    @property
    def paid(self) -> Reply | None:
        """The reply, also one that cannot be used."""
        return self.error.reply if isinstance(self.error, ReplyError) else self.reply


class Poll(Record, frozen=True, kw_only=True):
    """The answers to a question so far; those of the last round are not examined yet."""

    decided: Decided
    """The slot, with its question."""
    question: Question
    rank: int
    examined: tuple[Sample, ...] = ()
    fresh: tuple[Sample, ...] = ()

    @property
    def replies(self) -> list[Reply]:
        """What came in the last round."""
        return [sample.reply for sample in self.fresh if sample.reply is not None]


class Result(Record, frozen=True, kw_only=True):
    """What a poll came to: a slot with an answer and what stands against it, if anything does."""

    decided: Decided
    finding: Finding | None = None
    error: ReplyError | RequestError | None = None
    samples: tuple[Sample, ...] = ()
    """All that were asked for."""


class Polls(Record, frozen=True, kw_only=True):
    """How many answers questions get, and how they vote."""

    agreement: Agreement
    language: str
    """The language of the answers to questions that have none of their own."""

    @classmethod
    def of(cls, config: Config) -> "Polls":
        """Return the polls that a project's settings ask for."""
        return cls(agreement=config.curation.agreement, language=config.language)

    async def ask(self, asking: Asking, poll: Poll) -> Poll:
        """Ask for the answers of the next round. One that fails harms none of the others.

        Raises:
            GlanError: one cannot be asked for now, so nothing can be said of the slot.

        """
        wanted = next(each for each in self.agreement.rounds if each.start == len(poll.examined))
        fresh = [_sampled(asking, poll.question, sample) for sample in wanted]
        # All are waited for: what is in flight is paid for, and in a batch all of a round are gathered at once.
        found = [await fresh[0]] if len(fresh) == 1 else await asyncio.gather(*fresh, return_exceptions=True)
        return replace(poll, fresh=tuple(_without_errors(found)))

    def after(self, poll: Poll, findings: Iterator[Finding | None]) -> Poll | Result:
        """Take what was found against the replies of a round; return what the poll came to, or that it goes on."""
        fresh = [self._examined(poll, sample, findings) for sample in poll.fresh]
        poll = replace(poll, examined=(*poll.examined, *fresh), fresh=())
        vote = vote_of(poll.examined) if self.agreement.samples > 1 else NO_VOTE
        if not self._is_over(poll, vote):
            return poll
        return replace(_result(poll, vote, self.agreement), samples=poll.examined)

    def _examined(self, poll: Poll, sample: Sample, findings: Iterator[Finding | None]) -> Sample:
        if sample.reply is None:
            return sample
        decided, finding = held(replace(poll.decided, answer=sample.reply), next(findings))
        checks = decided.checks if decided is not None else ()
        votes = finding is None and self.agreement.samples > 1
        final = self._final(poll.question, sample.reply) if votes else None
        return replace(sample, finding=finding, checks=checks, final=final)

    def _final(self, question: Question, reply: Reply) -> Final | None:
        constraint = question.task.constraint
        own = constraint.language if constraint is not None else None
        language = code_of(own or question.language or self.language)
        return final_of(reply.text, question=question.text, language=language)

    def _is_over(self, poll: Poll, vote: Vote) -> bool:
        """Say whether nothing more is asked: nothing to vote on, a vote that is settled, or no further answer."""
        left = self.agreement.samples - len(poll.examined)
        has_nothing_to_vote_on = not vote.voted and any(sample.stands for sample in poll.examined)
        return not left or has_nothing_to_vote_on or is_settled(vote, self.agreement, left=left)


def vote_of(samples: Sequence[Sample]) -> Vote:
    """Count the votes of answers."""
    return count({sample.number: sample.final for sample in samples if sample.final is not None})


async def _sampled(asking: Asking, question: Question, number: int) -> Sample:
    try:
        return Sample(number=number, reply=await write_answer(asking, question, sample=number))
    except (ReplyError, RequestError) as error:
        return Sample(number=number, error=error)


def _without_errors(found: Sequence[Sample | BaseException]) -> Iterator[Sample]:
    """Give the samples; an error that is not of one of them alone is raised."""
    for each in found:
        if isinstance(each, BaseException):
            raise each
        yield each


def _result(poll: Poll, vote: Vote, agreement: Agreement) -> Result:
    standing = [sample for sample in poll.examined if sample.stands]
    if not standing:
        return _fallen(poll)
    if agreement.samples == 1:
        return Result(decided=_with_answer(poll, standing[0]))
    if vote.voted < _FEWEST_VOTES:
        return Result(decided=_with_answer(poll, standing[0], (VOTES, float(vote.voted))))
    scores = (SHARE, vote.share), (VOTES, float(vote.voted))
    winner = next(sample for sample in standing if sample.number in vote.camps[0].samples)
    decided = _with_answer(poll, winner, *scores)
    is_agreed = not vote.is_tied and vote.share >= agreement.least_share
    return Result(decided=decided, finding=None if is_agreed else Finding(reason=NO_AGREEMENT, detail=vote.told))


def _fallen(poll: Poll) -> Result:
    """Return what became of a slot none of whose answers stands: what became of the first one."""
    first = poll.examined[0]
    if first.reply is None:
        return Result(decided=replace(poll.decided, looked=_beside(poll, first)), error=first.error)
    return Result(decided=_with_answer(poll, first), finding=first.finding)


def _with_answer(poll: Poll, sample: Sample, *scores: tuple[str, float]) -> Decided:
    decided = poll.decided
    return replace(
        decided,
        outcome=Outcome.PAIR,
        answer=sample.reply,
        sample=sample.number,
        checks=sample.checks,
        scores=(*decided.scores, *scores),
        looked=_beside(poll, sample),
    )


def _beside(poll: Poll, sample: Sample) -> tuple[tuple[Stage, Reply], ...]:
    """Return the replies that the slot rests on beside its answer, without their texts."""
    others = [each.paid for each in poll.examined if each is not sample]
    return (*poll.decided.looked, *[(Stage.ANSWERS, reply.bare) for reply in others if reply is not None])
