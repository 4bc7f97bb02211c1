"""What follows from a judgement by the settings: pure, so that another threshold needs no other call.

Where a judgement may drop a pair, one that cannot be read drops it as well, since nobody could tell the pair from those
that passed; where nothing is dropped, the pair stays without it.
"""

from collections.abc import Mapping

from glan import settings
from glan.config import Config
from glan.curate.examiner import Finding
from glan.judgements import LEAST, MOST, Guarded, Rated, Scored
from glan.records import Stage

NOT_ANSWERABLE, TOO_EASY, TOO_HARD = "not answerable", "too easy", "too hard"
LOW_SCORE, UNSAFE = "low score", "unsafe"
"""Reasons of rejects: statistics count them."""


def objection_to_rating(rated: Rated, rating: settings.Rating) -> Finding | None:
    """Return what a rating holds against a question."""
    if rated.answerability < rating.least_answerable:
        return Finding(reason=NOT_ANSWERABLE, detail=_told(rated.scores, rated.reason))
    if rated.difficulty < (rating.least_difficult or LEAST):
        return Finding(reason=TOO_EASY, detail=_told(rated.scores, rated.reason))
    if rated.difficulty > (rating.most_difficult or MOST):
        return Finding(reason=TOO_HARD, detail=_told(rated.scores, rated.reason))
    return None


def objection_to_scores(scored: Scored, critic: settings.Critic) -> Finding | None:
    """Return what a critic holds against a pair: its weakest side, since no good style mends a wrong answer."""
    if min(value for _, value in scored.merits) >= (critic.at_least or LEAST):
        return None
    return Finding(reason=LOW_SCORE, detail=_told(scored.merits, scored.reason))


def objection_to_safety(guarded: Guarded, safety: settings.Safety) -> Finding | None:
    """Return what a guard model holds against a pair."""
    if guarded.is_safe or safety.unsafe == "keep":
        return None
    return Finding(reason=UNSAFE, detail=", ".join(guarded.categories))


def may_drop(stage: Stage, config: Config) -> bool:
    """Say whether a slot may end for what is said of it at a stage, by the settings."""
    rating = config.questions.rating
    drops = {
        Stage.RATINGS: rating.least_answerable > LEAST or bool(rating.least_difficult or rating.most_difficult),
        Stage.SCORES: config.curation.critic.at_least is not None,
        Stage.SAFETY: config.curation.safety.unsafe == "reject",
    }
    return drops[stage]


def told_of_look(stage: Stage, config: Config, model: str) -> str | None:
    """Say in a sentence what a model was asked to say of each question or pair, and what followed; None if nothing."""
    bounds = _bounds(config)
    if stage not in bounds:
        return None
    return f"{_WHAT[stage].format(model=model)}; {bounds[stage] if may_drop(stage, config) else 'none was dropped'}."


def _bounds(config: Config) -> Mapping[Stage, str]:
    """Return what is dropped for each look."""
    rating = config.questions.rating
    difficult = [
        f"{word} {value:g}"
        for word, value in (("below", rating.least_difficult), ("above", rating.most_difficult))
        if value is not None
    ]
    hard = f", or a difficulty {' or '.join(difficult)}," if difficult else ""
    return {
        Stage.RATINGS: f"those with an answerability below {rating.least_answerable:g}{hard} were dropped",
        Stage.SCORES: "those with one of the first three below "
        f"{config.curation.critic.at_least or LEAST:g} were dropped",
        Stage.SAFETY: "those that are unsafe were dropped",
    }


_WHAT: Mapping[Stage, str] = {
    Stage.RATINGS: "Questions: rated by {model} for answerability and difficulty before they were answered",
    Stage.SCORES: "Pairs: scored by {model} for correctness, helpfulness and clarity, and for difficulty",
    Stage.SAFETY: "Pairs: looked over by {model} for what is unsafe",
}


def _told(scores: tuple[tuple[str, float], ...], reason: str) -> str:
    numbers = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in scores)
    return f"{numbers}: {reason}" if reason else numbers
