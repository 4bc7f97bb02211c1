"""What is drawn in a slot: the paper's numbers, every set once, none of the reserved, and how draws are spread."""

import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, islice, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from strategies import a_syllabus, sized_syllabus, syllabi

from glan.draws import Draws, identity_of, is_reserved
from glan.places import key_of
from glan.records import Draw, Strategy, Syllabus
from glan.settings import Plan

PAPER = sized_syllabus(*[5] * 20)
PLANS = st.builds(
    Plan,
    pair_share=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    law=st.sampled_from(["count", "sets"]),
    sampling=st.sampled_from(["balanced", "random"]),
)
SEEDS = st.integers(0, 2**70)


def drawn(draws: Draws) -> Iterator[Draw]:
    while (draw := draws.next()) is not None:
        yield draw


def first_draws(
    syllabus: Syllabus, n: int | None = None, *, plan: Plan | None = None, seed: int = 0, reserved: bool = False
) -> list[Draw]:
    return list(islice(drawn(Draws(syllabus, settings=plan or Plan(), seed=seed, reserved=reserved)), n))


def keys_of(syllabus: Syllabus, draw: Draw) -> frozenset[tuple[str, str]]:
    """Return a set as its definition says it: session and concept keys."""
    sessions = syllabus.sessions
    return frozenset((sessions[i].key, key_of(sessions[i].key_concepts[k])) for i, k in draw.concepts)


def every_set(syllabus: Syllabus) -> list[Draw]:
    """Go through all combinations of concepts, and keep those of one or two sessions."""
    concepts = [(i, k) for i, session in enumerate(syllabus.sessions) for k in range(len(session.key_concepts))]
    found = []
    for chosen in (chosen for size in range(1, 6) for chosen in combinations(concepts, size)):
        sessions = tuple(sorted({i for i, _ in chosen}))
        if len(sessions) <= 2:
            strategy = Strategy.SINGLE if len(sessions) == 1 else Strategy.PAIR
            found.append(Draw(index=0, strategy=strategy, sessions=sessions, concepts=chosen))
    return found


def kept_for_tests(syllabus: Syllabus, draw: Draw, seed: int = 0) -> bool:
    return is_reserved(seed, syllabus.id, identity_of(syllabus, draw))


@given(syllabus=syllabi(), plan=PLANS, seed=SEEDS, is_test=st.booleans())
@settings(max_examples=80, deadline=None)
def test_every_set_comes_once(*, syllabus: Syllabus, plan: Plan, seed: int, is_test: bool) -> None:
    """Until None, and then always None: every set that is not reserved, or every one that is, exactly once."""
    draws = Draws(syllabus, settings=plan, seed=seed, reserved=is_test)
    found = list(drawn(draws))
    expected = [draw for draw in every_set(syllabus) if kept_for_tests(syllabus, draw, seed) == is_test]
    assert sorted(draw.concepts for draw in found) == sorted(draw.concepts for draw in expected)
    assert [draw.index for draw in found] == list(range(len(found)))
    assert draws.next() is None


@pytest.mark.parametrize("is_test", [False, True], ids=["training", "test"])
def test_a_whole_subject_is_used_up(*, is_test: bool) -> None:
    """A subject of some thousand sets ends after as many draws as it has, in little time."""
    syllabus = sized_syllabus(5, 4, 5, 3, 6)
    expected = sum(kept_for_tests(syllabus, draw) == is_test for draw in every_set(syllabus))
    began = time.process_time()
    found = first_draws(syllabus, reserved=is_test)
    assert len({draw.concepts for draw in found}) == len(found) == expected
    assert time.process_time() - began < 20


@given(syllabi(), PLANS)
@settings(max_examples=60, deadline=None)
def test_a_draw_is_well_formed(syllabus: Syllabus, plan: Plan) -> None:
    """Positions ascend; a single has one session and 1 to 5 concepts, a pair two and 2 to 5 of both."""
    for draw in first_draws(syllabus, 60, plan=plan):
        assert list(draw.concepts) == sorted(set(draw.concepts))
        assert draw.sessions == tuple(sorted({i for i, _ in draw.concepts}))
        n_sessions = {Strategy.SINGLE: 1, Strategy.PAIR: 2}[draw.strategy]
        assert len(draw.sessions) == n_sessions
        assert n_sessions <= len(draw.concepts) <= 5
        assert all(k < len(syllabus.sessions[i].key_concepts) for i, k in draw.concepts)


@given(syllabi(), PLANS, SEEDS)
@settings(max_examples=40, deadline=None)
def test_draws_are_a_function_of_their_inputs(syllabus: Syllabus, plan: Plan, seed: int) -> None:
    """The same inputs give the same draws; the text, titles and levels are none of them."""
    other = replace(syllabus, text="Another text.", discipline=replace(syllabus.discipline, title="Another", path=()))
    assert first_draws(other, 40, plan=plan, seed=seed) == first_draws(syllabus, 40, plan=plan, seed=seed)


@pytest.mark.parametrize(
    "other",
    [
        sized_syllabus(*[5] * 20, subject="Acoustics"),
        sized_syllabus(*[5] * 20, discipline="Chemistry"),
    ],
    ids=["subject", "discipline"],
)
def test_each_subject_has_a_stream_of_its_own(other: Syllabus) -> None:
    """Another subject, another discipline or another seed gives other draws."""
    mine = [draw.concepts for draw in first_draws(PAPER, 30)]
    assert mine != [draw.concepts for draw in first_draws(other, 30)]
    assert mine != [draw.concepts for draw in first_draws(PAPER, 30, seed=1)]


def test_the_first_draws_stay() -> None:
    """The draws of a given syllabus and seed are these, on every machine and in every version of Python."""
    syllabus = sized_syllabus(3, 2, 4)
    assert [draw.concepts for draw in first_draws(syllabus, 4)] == [
        ((2, 2),),
        ((0, 0), (0, 2)),
        ((1, 0), (2, 0), (2, 1)),
        ((0, 1), (2, 0), (2, 3)),
    ]
    paper = Plan(law="sets", sampling="random")
    assert [draw.concepts for draw in first_draws(syllabus, 2, plan=paper, reserved=True)] == [
        ((0, 0), (0, 2), (2, 1), (2, 3)),
        ((0, 1), (2, 2)),
    ]
    assert identity_of(syllabus, first_draws(syllabus, 1)[0]) == 14500489660775527532


def test_a_set_is_its_keys_and_not_its_places() -> None:
    """Turned round or written otherwise the sets are the same; in a renamed session they are others."""
    syllabus = a_syllabus([["Lens", "Mirror"], ["Lens", "Prism", "Wave"]])
    turned = replace(syllabus, sessions=syllabus.sessions[::-1])
    loud = a_syllabus([["LENS", "mirror "], ["lens", "PRISM", "wave"]])
    first, second = syllabus.sessions
    renamed = replace(syllabus, sessions=(replace(first, name="Week 1", key="week 1"), second))
    by_keys = {keys_of(syllabus, draw): identity_of(syllabus, draw) for draw in every_set(syllabus)}
    assert len(set(by_keys.values())) == len(by_keys)
    for same in (turned, loud):
        assert {keys_of(same, draw): identity_of(same, draw) for draw in every_set(same)} == by_keys
    kept = {identity_of(renamed, draw) for draw in every_set(renamed)} & set(by_keys.values())
    assert kept == {identity for keys, identity in by_keys.items() if {key for key, _ in keys} == {second.key}}


def test_one_set_in_fifty_is_reserved() -> None:
    """About one set in 50 is reserved, of each size, and which ones is a matter of the seed and the subject."""
    syllabus = sized_syllabus(*[5] * 8)
    sets = every_set(syllabus)
    for size in range(2, 6):
        mine = [draw for draw in sets if len(draw.concepts) == size]
        share = sum(kept_for_tests(syllabus, draw) for draw in mine) / len(mine)
        assert abs(share - 0.02) < 4 * (0.02 / len(mine)) ** 0.5
    identities = [identity_of(syllabus, draw) for draw in sets]
    reserved = [
        {identity for identity in identities if is_reserved(seed, place, identity)}
        for seed, place in ((0, syllabus.id), (1, syllabus.id), (0, "syllabus/physics/acoustics"))
    ]
    assert all(len(a & b) < len(a) / 4 for a, b in combinations(reserved, 2))


@pytest.mark.parametrize("sampling", ["balanced", "random"])
@pytest.mark.parametrize("law", ["count", "sets"])
def test_training_and_test_sets_never_meet(law: str, sampling: str) -> None:
    """No test set is a training set, whatever the settings of either are."""
    plan = Plan(law="sets" if law == "sets" else "count", sampling="random" if sampling == "random" else "balanced")
    training = {draw.concepts for draw in first_draws(PAPER, 1_000, plan=plan)}
    tests = first_draws(PAPER, 50, plan=plan, reserved=True)
    assert len(tests) == 50
    assert not training & {draw.concepts for draw in tests}
    assert all(kept_for_tests(PAPER, draw) for draw in tests)


@pytest.mark.parametrize("law", ["count", "sets"])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
def test_strategies_have_their_shares(share: float, law: str) -> None:
    """Of 2,000 draws `pair_share` are pairs, give or take what chance does."""
    plan = Plan(pair_share=share, law="sets" if law == "sets" else "count")
    found = first_draws(sized_syllabus(*[8] * 20), 2_000, plan=plan)
    pairs = sum(draw.strategy is Strategy.PAIR for draw in found)
    assert abs(pairs - 2_000 * share) <= 4 * (2_000 * share * (1 - share)) ** 0.5


def test_the_other_strategy_goes_on() -> None:
    """When all single sets are used, pairs come alone, also where none was wanted."""
    found = first_draws(PAPER, 700, plan=Plan(pair_share=0.0))
    alone = first_draws(PAPER, 620, plan=Plan(pair_share=0.0), reserved=True)
    singles = 620 - sum(draw.strategy is Strategy.SINGLE for draw in alone)
    assert [draw.strategy for draw in found] == [Strategy.SINGLE] * singles + [Strategy.PAIR] * (700 - singles)


def test_one_session_has_no_pairs() -> None:
    """A syllabus of one session gives singles alone, though pairs are wanted."""
    found = first_draws(sized_syllabus(4), plan=Plan(pair_share=1.0))
    assert found
    assert {draw.strategy for draw in found} == {Strategy.SINGLE}


def test_an_empty_syllabus_gives_nothing() -> None:
    """Without sessions or without concepts there is no draw."""
    for syllabus in (sized_syllabus(), sized_syllabus(0, 0)):
        assert first_draws(syllabus) == []


@pytest.mark.parametrize("sampling", ["balanced", "random"])
def test_few_concepts_come_more_often_than_many(sampling: str) -> None:
    """By count, single sets of 1 to 5 concepts stand as 5 : 4 : 3 : 2 : 1 and pairs of 2 to 5 as 4 : 3 : 2 : 1."""
    plan = Plan(sampling="random" if sampling == "random" else "balanced")
    sizes: Counter[tuple[Strategy, int]] = Counter()
    for seed in range(100):
        sizes.update((draw.strategy, len(draw.concepts)) for draw in first_draws(PAPER, 30, plan=plan, seed=seed))
    for strategy, weights in ((Strategy.SINGLE, (5, 4, 3, 2, 1)), (Strategy.PAIR, (0, 4, 3, 2, 1))):
        total = sum(sizes[strategy, size] for size in range(1, 6))
        for size, weight in enumerate(weights, start=1):
            share = weight / sum(weights)
            assert abs(sizes[strategy, size] - total * share) <= 4 * (total * share) ** 0.5


@pytest.mark.parametrize("strategy", list(Strategy))
def test_by_sets_all_are_equally_likely(strategy: Strategy) -> None:
    """By sets, every set comes as often as another (chi-square over the first draws of 6,000 seeds)."""
    syllabus = sized_syllabus(3, 1, 4)
    plan = Plan(law="sets", sampling="random", pair_share=float(strategy is Strategy.PAIR))
    sets = [draw.concepts for draw in every_set(syllabus) if draw.strategy is strategy]
    found = Counter(draw.concepts for seed in range(6_000) for draw in first_draws(syllabus, 1, plan=plan, seed=seed))
    assert sum(found[concepts] for concepts in sets) == 6_000
    mean, freedom = 6_000 / len(sets), len(sets) - 1
    chi_square = sum((found[concepts] - mean) ** 2 / mean for concepts in sets)
    assert abs(chi_square - freedom) < 4 * (2 * freedom) ** 0.5


@pytest.mark.parametrize(
    "sizes",
    [(5,) * 20, (1,) * 12, (30, *[1] * 19), (3, 8, 5, 4, 6, 7, 5, 5), (12,), (200, 2)],
    ids=["paper", "ones", "one long", "mixed", "one session", "uneven"],
)
def test_balanced_draws_cover_every_concept_early(sizes: tuple[int, ...]) -> None:
    """No concept waits much longer than there are concepts."""
    for seed in range(5):
        found = first_draws(sized_syllabus(*sizes), sum(sizes) + 10, seed=seed)
        assert len({concept for draw in found for concept in draw.concepts}) >= sum(sizes) - 2


def test_balanced_draws_use_sessions_and_concepts_alike() -> None:
    """After 200 draws from 20 sessions of 5 concepts no session, and no concept, stands out."""
    found = first_draws(PAPER, 200)
    sessions = Counter(session for draw in found for session in draw.sessions)
    concepts = Counter(concept for draw in found for concept in draw.concepts)
    assert {session for draw in found[:20] for session in draw.sessions} == set(range(20))
    assert max(sessions.values()) - min(sessions.values()) <= 3
    assert max(concepts.values()) - min(concepts.values()) <= 6
    blind = first_draws(PAPER, 200, plan=Plan(sampling="random"))
    uses = Counter(concept for draw in blind for concept in draw.concepts)
    assert max(uses.values()) - min(uses[place] for place in product(range(20), range(5))) > 6


@pytest.mark.parametrize("sampling", ["balanced", "random"])
@pytest.mark.parametrize("sizes", [(1_000, 1_000, 1), (1_000, 1), (1,) * 60, (1_000,)])
def test_odd_shapes_are_drawn_from(sizes: tuple[int, ...], sampling: str) -> None:
    """Very long, very uneven and very many sessions give their draws like others."""
    plan = Plan(sampling="random" if sampling == "random" else "balanced")
    for is_test in (False, True):
        found = first_draws(sized_syllabus(*sizes), 20, plan=plan, reserved=is_test)
        assert len({draw.concepts for draw in found}) == 20


def test_concepts_of_one_key_end_all_the_same() -> None:
    """Where concepts of a session have one key, which no listing has, draws end instead of going on for ever."""
    syllabus = a_syllabus([["Lens"] * 30])
    assert len(first_draws(syllabus)) <= 5


def test_a_draw_is_small() -> None:
    """A subject with a thousand draws holds some 10 KB: 8 bytes a draw, and a little for each key concept."""
    first_draws(PAPER, 1_000)
    tracemalloc.start()
    try:
        draws = Draws(PAPER, settings=Plan(), seed=1)
        assert sum(draws.next() is not None for _ in range(1_000)) == 1_000
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 20_000
