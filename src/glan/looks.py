"""What a project may have looked at beyond the rules: calls about a question or a pair, each with its verdict.

A look is asked for only where everything before it let the slot pass, so nothing is paid for what is out already.
What a look says is written down, and what follows from it is decided by the settings alone (`curate/judged.py`), so a
threshold can be changed without a call.
"""

from collections.abc import Awaitable, Callable, Mapping

from msgspec.structs import replace

from glan.config import Config
from glan.curate.examiner import Finding
from glan.curate.judged import may_drop, objection_to_rating, objection_to_safety, objection_to_scores
from glan.errors import ReplyError, RequestError, StoppedError
from glan.generate.asking import Asking
from glan.generate.judging import guard_pair, rate_question, score_pair
from glan.records import Decided, Question, Record, Reply, Stage


class Looked(Record, frozen=True, kw_only=True):
    """A slot with what a look added to it, and what stands against it, if anything does."""

    decided: Decided
    finding: Finding | None = None


At = Callable[[Asking, Decided], Awaitable[Looked]]


class Look(Record, frozen=True, kw_only=True):
    """One look at a slot. It raises what a stage raises: an error harms this slot, or stops the run."""

    stage: Stage
    at: At


def looks_at_questions(config: Config, *, is_audit: bool = False) -> tuple[Look, ...]:
    """Return the looks at a question before an answer is paid for, in their order."""
    return _looks(_AT_QUESTIONS, config, is_audit=is_audit)


def looks_at_pairs(config: Config, *, is_audit: bool = False) -> tuple[Look, ...]:
    """Return the looks at a pair that the rules let pass, in their order."""
    return _looks(_AT_PAIRS, config, is_audit=is_audit)


def _looks(table: Mapping[Stage, Callable[[Config], At]], config: Config, *, is_audit: bool) -> tuple[Look, ...]:
    looks = []
    for stage, look_by in table.items():
        if stage in config.stages:
            at = look_by(config) if may_drop(stage, config) else _noted(stage, look_by(config))
            looks.append(Look(stage=stage, at=_passed_over(at) if is_audit else at))
    return tuple(looks)


def _rating(config: Config) -> At:
    async def rate(asking: Asking, decided: Decided) -> Looked:
        reply, rated = await rate_question(asking, _question(decided))
        seen = _with(decided, Stage.RATINGS, reply, rated.scores)
        return Looked(decided=seen, finding=objection_to_rating(rated, config.questions.rating))

    return rate


def _critic(config: Config) -> At:
    async def score(asking: Asking, decided: Decided) -> Looked:
        reply, scored = await score_pair(asking, *_pair(decided), sample=decided.sample)
        seen = _with(decided, Stage.SCORES, reply, scored.scores)
        return Looked(decided=seen, finding=objection_to_scores(scored, config.curation.critic))

    return score


def _safety(config: Config) -> At:
    settings = config.curation.safety

    async def guard(asking: Asking, decided: Decided) -> Looked:
        is_alone = settings.asks == "conversation"
        reply, guarded = await guard_pair(asking, *_pair(decided), as_conversation=is_alone, sample=decided.sample)
        seen = replace(_with(decided, Stage.SAFETY, reply), safety=guarded.told)
        return Looked(decided=seen, finding=objection_to_safety(guarded, settings))

    return guard


_AT_QUESTIONS: Mapping[Stage, Callable[[Config], At]] = {Stage.RATINGS: _rating}
_AT_PAIRS: Mapping[Stage, Callable[[Config], At]] = {Stage.SCORES: _critic, Stage.SAFETY: _safety}


def _noted(stage: Stage, at: At) -> At:
    """Return a look on which nothing hangs: where it cannot be had, the slot goes on, and says so."""

    async def note(asking: Asking, decided: Decided) -> Looked:
        try:
            return await at(asking, decided)
        except (ReplyError, RequestError) as error:
            seen = decided.resting_on(stage, error.reply if isinstance(error, ReplyError) else None)
            return Looked(decided=replace(seen, unread=(*decided.unread, stage)))

    return note


def _passed_over(at: At) -> At:
    """Return a look that an audit goes past where the ledger has nothing of it: what comes after is audited too."""

    async def pass_over(asking: Asking, decided: Decided) -> Looked:
        try:
            return await at(asking, decided)
        except StoppedError:
            return Looked(decided=decided)

    return pass_over


def _with(decided: Decided, stage: Stage, reply: Reply, scores: tuple[tuple[str, float], ...] = ()) -> Decided:
    """Return a slot with what was said of it; of the reply only what statistics count."""
    return replace(decided.resting_on(stage, reply), scores=(*decided.scores, *scores))


def _question(decided: Decided) -> Question:
    if decided.question is None:
        raise AssertionError
    return decided.question


def _pair(decided: Decided) -> tuple[Question, Reply]:
    if decided.pair is None:
        raise AssertionError
    return decided.pair
