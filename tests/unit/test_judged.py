"""What follows from a judgement by the settings alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.config import Config, parse_config
from glan.curate.judged import may_drop, objection_to_rating, objection_to_safety, objection_to_scores, told_of_look
from glan.errors import ConfigError
from glan.judgements import Guarded, Rated, Scored
from glan.records import Stage
from glan.settings import Critic, Rating, Safety

scores = st.integers(1, 10).map(float)
scored = st.builds(Scored, correctness=scores, helpfulness=scores, clarity=scores, difficulty=scores)


@pytest.mark.parametrize(
    ("rated", "rating", "reason"),
    [
        (Rated(answerability=5, difficulty=1), Rating(), None),
        (Rated(answerability=4, difficulty=1), Rating(), "not answerable"),
        (Rated(answerability=1, difficulty=1), Rating(least_answerable=1), None),
        (Rated(answerability=9, difficulty=3), Rating(least_difficult=4), "too easy"),
        (Rated(answerability=9, difficulty=4), Rating(least_difficult=4, most_difficult=4), None),
        (Rated(answerability=9, difficulty=5), Rating(least_difficult=4, most_difficult=4), "too hard"),
        (Rated(answerability=2, difficulty=1), Rating(least_difficult=4), "not answerable"),
    ],
    ids=str,
)
def test_a_rating_is_held_to_its_bounds(rated: Rated, rating: Rating, reason: str | None) -> None:
    """A bound itself is within it, and what cannot be answered is told before how hard it is."""
    found = objection_to_rating(rated, rating)
    assert (found.reason if found else None) == reason


def test_the_detail_has_the_numbers_and_the_reason() -> None:
    """Whoever reads rejects/ sees what was said and why."""
    rated = Rated(answerability=2, difficulty=6, reason="The table is missing.")
    found = objection_to_rating(rated, Rating())
    assert found is not None
    assert found.detail == "answerability 2, rated difficulty 6: The table is missing."
    low = objection_to_scores(Scored(correctness=3, helpfulness=8.5, clarity=9, difficulty=2), Critic(at_least=6))
    assert low is not None
    assert (low.reason, low.detail) == ("low score", "correctness 3, helpfulness 8.5, clarity 9")


@given(scored, scores, scores)
def test_a_higher_threshold_drops_what_a_lower_one_drops(found: Scored, one: float, other: float) -> None:
    """Raising it only ever drops more, by the weakest of the three sides and never for the difficulty."""
    low, high = (objection_to_scores(found, Critic(at_least=n)) for n in sorted((one, other)))
    assert low is None or high is not None
    weakest = min(found.correctness, found.helpfulness, found.clarity)
    assert (objection_to_scores(found, Critic(at_least=one)) is None) == (weakest >= one)
    assert objection_to_scores(found, Critic()) is None


def test_an_unsafe_pair_is_kept_unless_it_is_to_be_dropped() -> None:
    """By default the column tells of it; with `reject` the categories stand in the reject."""
    unsafe = Guarded(is_safe=False, categories=("S2", "S9"))
    assert objection_to_safety(unsafe, Safety()) is None
    found = objection_to_safety(unsafe, Safety(unsafe="reject"))
    assert found is not None
    assert (found.reason, found.detail) == ("unsafe", "S2, S9")
    assert objection_to_safety(Guarded(is_safe=True), Safety(unsafe="reject")) is None


@pytest.mark.parametrize(
    ("text", "stage", "drops"),
    [
        ("", Stage.RATINGS, True),
        ("[questions.rating]\nleast_answerable = 1", Stage.RATINGS, False),
        ("[questions.rating]\nleast_answerable = 1\nmost_difficult = 9", Stage.RATINGS, True),
        ("", Stage.SCORES, False),
        ("[curation.critic]\nat_least = 6", Stage.SCORES, True),
        ("", Stage.SAFETY, False),
        ("[curation.safety]\nunsafe = 'reject'", Stage.SAFETY, True),
    ],
)
def test_whether_a_look_drops_hangs_on_its_settings(text: str, stage: Stage, *, drops: bool) -> None:
    """Where nothing can be dropped, what cannot be read drops nothing either, and the card says so."""
    config = parse_config(text, source="test")
    assert may_drop(stage, config) is drops
    told = told_of_look(stage, config, "some-model")
    assert told is not None
    assert "some-model" in told
    assert ("none was dropped" in told) is not drops


def test_what_is_no_look_is_not_told_as_one() -> None:
    """The stages that make a pair are no looks."""
    assert told_of_look(Stage.ANSWERS, Config(), "some-model") is None


@pytest.mark.parametrize(
    "text",
    [
        "[questions.rating]\nleast_difficult = 8\nmost_difficult = 3",
        "[questions.rating]\nleast_answerable = 11",
        "[curation.critic]\nat_least = 0",
        "[curation.safety]\nunsafe = 'drop'",
        "[curation.safety]\nasks = 'guard'",
    ],
)
def test_impossible_bounds_are_refused(text: str) -> None:
    """A setting that would drop everything, or is out of the scale, is an error before anything is asked."""
    with pytest.raises(ConfigError, match=r"rating|critic|safety"):
        parse_config(text, source="test")
