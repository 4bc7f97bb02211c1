"""What a run will still take: the plan, the ledger's averages, prices by the token and by the hour."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from strategies import a_discipline

from glan.config import Config
from glan.estimate import (
    DEFAULTS,
    DISK_BYTES_PER_CALL,
    DISK_BYTES_PER_TOKEN,
    EXPECTED,
    HIGH,
    LOW,
    Average,
    Known,
    Prices,
    StageEstimate,
    disk_bytes,
    estimate,
    estimates_of,
    memory_bytes,
)
from glan.records import Level, Session, Stage, Subject
from glan.settings import Agreement, Critic, Curation, Embeddings, Limits, Questions, Rating, Safety

LEAVES = [a_discipline(name) for name in ("Physics", "Law", "Music")]
PRICES = dict.fromkeys(Stage, Prices(input=1.0, output=10.0))


def calls_of(found: tuple[StageEstimate, ...]) -> list[int]:
    return [each.calls for each in found]


def cost_of(found: tuple[StageEstimate, ...]) -> float:
    costs = [each.cost_usd for each in found if each.cost_usd is not None]
    assert len(costs) == len(found)
    return sum(costs)


def hours_of(found: tuple[StageEstimate, ...]) -> float:
    return sum(each.hours for each in found)


def test_a_small_run_is_counted_call_by_call() -> None:
    """Twelve slots of three disciplines: a draft and a syllabus of two turns for each, a question and an answer."""
    assert calls_of(estimate(LEAVES, Config(pairs=12), LOW, Known())) == [6, 6, 12, 12]


@given(st.integers(1, 3_000), st.lists(st.integers(1, 9), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_more_pairs_are_never_cheaper_and_the_range_holds(pairs: int, weights: list[int]) -> None:
    """The expected case lies within the range, and each case grows with the number of pairs."""
    leaves = [a_discipline(f"d{i}", weight=Fraction(weight)) for i, weight in enumerate(weights)]
    cases = [estimates_of(leaves, Config(pairs=n), Known(prices=PRICES)) for n in (pairs, pairs + 50)]
    for case in cases:
        assert cost_of(case["low"]) <= cost_of(case["expected"]) <= cost_of(case["high"])
    for fewer, more in pairwise(cases):
        for name, found in fewer.items():
            assert cost_of(found) <= cost_of(more[name])


@given(st.integers(1, 500), st.integers(0, 500), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_what_the_ledger_has_is_not_counted(pairs: int, questions: int, drafts: int) -> None:
    """Places that are there are taken off, of each leaf and stage apart, and never more than are needed."""
    whole = estimate(LEAVES[:1], Config(pairs=pairs), EXPECTED, Known())
    leaf = LEAVES[0].leaf
    done = {(leaf, Stage.QUESTIONS): questions, (leaf, Stage.SUBJECTS): drafts, ("other", Stage.ANSWERS): 1_000}
    left = estimate(LEAVES[:1], Config(pairs=pairs), EXPECTED, Known(done=done))
    assert calls_of(left) == [
        max(0, whole[0].calls - drafts),
        whole[1].calls,
        max(0, whole[2].calls - questions),
        whole[3].calls,
    ]


def test_a_finished_data_set_takes_nothing_more() -> None:
    """At its N nothing is left, whatever share of slots is reckoned to come to nothing; for more only that is."""
    known = Known(pairs=100, slots=130, done={(leaf.leaf, Stage.QUESTIONS): 50 for leaf in LEAVES})
    for found in estimates_of(LEAVES, Config(pairs=100), known).values():
        assert calls_of(found) == [0, 0, 0, 0]
    more = estimate(LEAVES, Config(pairs=400), LOW, known)
    assert more[2].calls == 130 + 300 - 150


def test_several_answers_are_counted() -> None:
    """At the most every question gets all its answers; those that the ledger has are taken off, also at its N."""
    config = Config(pairs=75, curation=Curation(agreement=Agreement(samples=5)))
    assert estimate(LEAVES, config, HIGH, Known())[3].calls == 5 * 100
    assert estimate(LEAVES, config, LOW, Known())[3].calls == 75 + round(75 * 0.1 * 2)
    done = {(leaf.leaf, stage): 50 for leaf in LEAVES for stage in (Stage.QUESTIONS, Stage.ANSWERS)}
    stands = Known(pairs=75, slots=100, done=done, further_answers=150)
    assert [found.calls for found in estimate(LEAVES, config, HIGH, stands)] == [0, 0, 0, 4 * 100 - 150]


def test_looks_are_counted_also_where_all_pairs_are_there() -> None:
    """A rating for each slot and scores for each pair; turned on later, they are all that is still asked."""
    looks = structs.replace(
        Config(pairs=100),
        questions=Questions(rating=Rating(enabled=True)),
        curation=Curation(critic=Critic(enabled=True), safety=Safety(enabled=True)),
    )
    assert {found.stage: found.calls for found in estimate(LEAVES, looks, LOW, Known())} == {
        Stage.SUBJECTS: 6,
        Stage.SYLLABI: 50,
        **dict.fromkeys((Stage.QUESTIONS, Stage.RATINGS, Stage.ANSWERS, Stage.SCORES, Stage.SAFETY), 100),
    }
    done = {(leaf.leaf, Stage.SCORES): 10 for leaf in LEAVES}
    finished = Known(pairs=100, slots=130, done=done)
    assert {found.stage: found.calls for found in estimate(LEAVES, looks, LOW, finished) if found.calls} == {
        Stage.RATINGS: 100,
        Stage.SCORES: 70,
        Stage.SAFETY: 100,
    }
    all_done = Known(pairs=100, slots=130, done={(LEAVES[0].leaf, stage): 120 for stage in Stage})
    assert not sum(calls_of(estimate(LEAVES, looks, HIGH, all_done)))
    more = estimate(LEAVES, structs.replace(looks, pairs=150), LOW, all_done)
    assert {found.stage: found.calls for found in more}[Stage.SCORES] == 50


def test_given_subjects_need_no_drafts() -> None:
    """A discipline whose subjects a person gave asks for their syllabi alone."""
    subject = Subject(name="Optics", key="optics", level=Level.GRADUATE)
    leaf = structs.replace(LEAVES[0], subjects=(subject,))
    assert calls_of(estimate([leaf], Config(pairs=40), LOW, Known())) == [0, 2, 40, 40]


def test_given_class_sessions_need_no_syllabus() -> None:
    """Of the subjects that are walked; one of a later draft is walked when its round has come."""
    sessions = (Session(name="Light", key="light", key_concepts=("Ray",)),)
    subjects = [
        Subject(name=f"S{i}", key=f"s{i}", level=Level.GRADUATE, draft=draft, sessions=sessions if i == 0 else ())
        for i, draft in enumerate((1, 1, 2))
    ]
    leaf = structs.replace(LEAVES[0], subjects=tuple(reversed(subjects)))
    # Visits of four: the two of the first draft take eight slots, then all three are walked.
    assert [calls_of(estimate([leaf], Config(pairs=n), LOW, Known()))[1] for n in (4, 8, 16, 17)] == [2, 2, 2, 4]


def test_measured_averages_go_before_the_defaults() -> None:
    """Tokens, times and repeated calls of a stage come from the ledger where it has them."""
    measured = Average(prompt_tokens=10, completion_tokens=20, latency_s=36, calls=1.5, is_measured=True)
    known = Known(averages={**DEFAULTS, Stage.ANSWERS: measured}, prices=PRICES)
    answers = estimate(LEAVES, Config(pairs=100, limits=Limits(max_in_flight=5)), LOW, known)[3]
    assert (answers.calls, answers.prompt_tokens, answers.completion_tokens) == (150, 1_500, 3_000)
    assert answers.hours == pytest.approx(150 * 36 / 5 / 3_600)
    assert answers.cost_usd == pytest.approx((1_500 * 1.0 + 3_000 * 10.0) / 1e6)


def test_an_unknown_price_is_none() -> None:
    """It is never taken for 0."""
    prices = {**PRICES, Stage.ANSWERS: None}
    found = estimate(LEAVES, Config(pairs=10), LOW, Known(prices=prices))
    assert [each.cost_usd is None for each in found] == [False, False, False, True]


def test_nothing_to_ask_costs_nothing_at_any_price() -> None:
    """A stage without a call left is free, also where nobody knows the price of its teacher."""
    known = Known(pairs=100, slots=130, done={(leaf.leaf, Stage.QUESTIONS): 50 for leaf in LEAVES}, prices={})
    assert [each.cost_usd for each in estimate(LEAVES, Config(pairs=100), LOW, known)] == [0, 0, 0, 0]


def test_rates_make_a_run_longer() -> None:
    """Where requests or tokens a minute are limited, the hours are at least what the limit takes."""
    free = estimate(LEAVES, Config(pairs=1_000), LOW, Known())
    rpm = estimate(LEAVES, Config(pairs=1_000, limits=Limits(rpm=1)), LOW, Known())
    tpm = estimate(LEAVES, Config(pairs=1_000, limits=Limits(tpm=1_000)), LOW, Known())
    assert hours_of(rpm) == pytest.approx(sum(calls_of(rpm)) / 60)
    tokens = sum(each.prompt_tokens + each.completion_tokens for each in tpm)
    assert hours_of(tpm) == pytest.approx(tokens / 1_000 / 60)
    assert hours_of(free) < min(hours_of(rpm), hours_of(tpm))


def test_a_server_by_the_hour_costs_as_long_as_the_run_goes_on() -> None:
    """All hours are paid for, also those in which another server is asked."""
    prices = {**PRICES, Stage.ANSWERS: Prices(input=0, output=0)}
    tokens_alone = estimate(LEAVES, Config(pairs=100), HIGH, Known(prices=prices))
    found = estimate(LEAVES, Config(pairs=100), HIGH, Known(prices=prices, usd_per_hour=2.5))
    assert cost_of(found) == pytest.approx(cost_of(tokens_alone) + 2.5 * hours_of(found))


def test_disk_is_calls_and_reply_tokens() -> None:
    """A call takes its row, a token of a reply what the project has measured, or else what is assumed."""
    found = (StageEstimate(stage=Stage.ANSWERS, calls=10, prompt_tokens=9, completion_tokens=200, cost_usd=0, hours=0),)
    assert disk_bytes(found, Known()) == 10 * DISK_BYTES_PER_CALL + 200 * DISK_BYTES_PER_TOKEN
    assert disk_bytes(found, Known(disk_bytes_per_token=0.5)) == 10 * DISK_BYTES_PER_CALL + 100


def test_memory_grows_with_the_questions_and_their_vectors() -> None:
    """The high case has the questions of rejected slots too; copies in meaning add a byte for each dimension."""
    small, large = (memory_bytes(Config(pairs=pairs)) for pairs in (1_000, 1_001_000))
    grown = {name: large[name] - small[name] for name in large}
    assert 0 < grown["low"] < grown["expected"] < grown["high"]
    curation = Curation(embeddings=Embeddings(enabled=True, dimensions=100))
    with_vectors = memory_bytes(Config(pairs=1_001_000, curation=curation))
    assert with_vectors["low"] - large["low"] == 100 * 1_001_000
