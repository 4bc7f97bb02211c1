"""The sequence of slots: its order, what an addition moves, and how slots are counted without walking."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, groupby, islice, pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import a_discipline, disciplines

from glan.places import seed_of
from glan.plan import Merge, drafts_of_round, round_size, slots, slots_before
from glan.records import Discipline, Slot

SEEDS = st.integers(0, 2**70)
QUESTIONS = st.integers(1, 5)


def first_slots(leaves: Sequence[Discipline], n: int, *, seed: int = 0, q: int = 4) -> list[Slot]:
    return list(islice(slots(leaves, seed=seed, questions_per_visit=q), n))


def places(walked: Sequence[Slot]) -> list[tuple[str, int]]:
    return [(slot.discipline.leaf, slot.ordinal) for slot in walked]


def begins(q: int, n: int) -> list[int]:
    """Return the first ordinals of the first visits of a leaf."""
    return [0, *accumulate(q * each for each in [1, 1, 2, 4, *[8] * (n - 4)])]


def key_by_the_book(slot: Slot, seed: int, q: int) -> tuple[Fraction, int, str, int]:
    """Return what the plan orders slots by, as its definition says it."""
    begin, end = next((a, b) for a, b in pairwise(begins(q, 60)) if a <= slot.ordinal < b)
    leaf = slot.discipline.leaf
    return Fraction(begin + end) / (2 * slot.discipline.weight), seed_of(seed, "plan", leaf), leaf, slot.ordinal


def test_visits_grow_and_then_stay() -> None:
    """Visits have q x (1, 1, 2, 4, 8, 8, ...) slots, and rounds as many for each subject."""
    walked = [slot.discipline.name for slot in first_slots([a_discipline("A"), a_discipline("B")], 256)]
    assert [len(list(visit)) for _, visit in groupby(walked)] == [4, 4, 4, 4, 8, 8, 16, 16, *[32] * 6]
    assert [round_size(number, 3) for number in (0, 1, 2, 3, 4, 1_000_000)] == [3, 3, 6, 12, 24, 24]


@pytest.mark.parametrize(
    ("drafts", "expected"),
    [(10, [1, 2, 4, 8, 10, 10]), (1, [1, 1, 1, 1, 1, 1]), (8, [1, 2, 4, 8, 8, 8]), (3, [1, 2, 3, 3, 3, 3])],
    ids=["paper", "one", "power of two", "three"],
)
def test_rounds_ask_for_twice_as_many_drafts(drafts: int, expected: list[int]) -> None:
    """Round r walks the subjects of min(2^r, drafts) drafts, also when r is large."""
    assert [drafts_of_round(number, drafts) for number in range(6)] == expected
    assert drafts_of_round(10**9, drafts) == drafts


def test_equal_leaves_take_turns_by_visit() -> None:
    """Leaves of one weight give whole visits in one order that stays."""
    walked = places(first_slots([a_discipline("A"), a_discipline("B")], 16, q=2))
    first, second = walked[0][0], walked[2][0]
    assert {first, second} == {"a", "b"}
    assert walked == [
        *[(leaf, i) for leaf in (first, second) for i in (0, 1)],
        *[(leaf, i) for leaf in (first, second) for i in (2, 3)],
        *[(leaf, i) for leaf in (first, second) for i in (4, 5, 6, 7)],
    ]


def test_a_heavier_leaf_comes_earlier() -> None:
    """With weights 1 and 3, visits stand in the order of their middles over the weight: 1/6, 1/2, 1/2, 1, ..."""
    walked = places(first_slots([a_discipline("light"), a_discipline("heavy", 3)], 8, q=1))
    assert walked[0] == ("heavy", 0)
    # (0 + 1) / 2 and (1 + 2) / 6 are one priority: the hash decides.
    light, heavy = seed_of(0, "plan", "light"), seed_of(0, "plan", "heavy")
    assert walked[1:3] == [("light", 0), ("heavy", 1)][:: 1 if light < heavy else -1]
    assert walked[3:5] == [("heavy", 2), ("heavy", 3)]


def test_another_seed_breaks_ties_otherwise() -> None:
    """Which of two equal leaves comes first is a matter of the seed."""
    leaves = [a_discipline("A"), a_discipline("B")]
    assert {places(first_slots(leaves, 1, seed=seed))[0][0] for seed in range(20)} == {"a", "b"}


@given(disciplines(), SEEDS, QUESTIONS)
@settings(max_examples=40, deadline=None)
def test_the_order_is_as_defined(leaves: tuple[Discipline, ...], seed: int, q: int) -> None:
    """Slots stand in the order of exact priority, then hash, then leaf, and none is left out."""
    walked = first_slots(leaves, 120, seed=seed, q=q)
    keys = [key_by_the_book(slot, seed, q) for slot in walked]
    assert keys == sorted(keys)
    reached = {slot.discipline.leaf: slot for slot in walked}
    for leaf in leaves:
        begun = reached[leaf.leaf].ordinal + 1 if leaf.leaf in reached else 0
        assert key_by_the_book(Slot(discipline=leaf, ordinal=begun), seed, q) > keys[-1]


@given(disciplines(), st.data(), SEEDS, QUESTIONS)
@settings(max_examples=40, deadline=None)
def test_a_leaf_more_moves_no_other(leaves: tuple[Discipline, ...], data: st.DataObject, seed: int, q: int) -> None:
    """The sequence without some leaves is the sequence of the others, in whatever order the file has them."""
    kept = data.draw(st.lists(st.sampled_from(leaves), min_size=1, unique_by=lambda leaf: leaf.key))
    names = {leaf.leaf for leaf in kept}
    whole = [place for place in places(first_slots(leaves, 150, seed=seed, q=q)) if place[0] in names]
    assert places(first_slots(kept, len(whole), seed=seed, q=q)) == whole


@given(disciplines(), SEEDS, QUESTIONS)
@settings(max_examples=40, deadline=None)
def test_ordinals_have_no_gaps(leaves: tuple[Discipline, ...], seed: int, q: int) -> None:
    """Each leaf's ordinals come as 0, 1, 2, ..., a visit at a time."""
    walked = first_slots(leaves, 150, seed=seed, q=q)
    for leaf in leaves:
        ordinals = [slot.ordinal for slot in walked if slot.discipline == leaf]
        assert ordinals == list(range(len(ordinals)))
    inside = set(range(1_000)) - set(begins(q, 40))
    for before, after in pairwise(walked):
        assert after.ordinal not in inside or after.discipline == before.discipline


@given(disciplines(), SEEDS, QUESTIONS, st.integers(1, 300))
@settings(max_examples=50, deadline=None)
def test_every_prefix_follows_the_weights(leaves: tuple[Discipline, ...], seed: int, q: int, n: int) -> None:
    """At every N there is a level p such that each leaf has p x weight slots, give or take one of its own visits."""
    walked = first_slots(leaves, n, seed=seed, q=q)
    level = key_by_the_book(walked[-1], seed, q)[0]
    counts = Counter(slot.discipline.leaf for slot in walked)
    bounds = begins(q, 60)
    for leaf in leaves:
        have = counts[leaf.leaf]
        i = max(i for i, begin in enumerate(bounds) if begin <= have)
        visit = max(bounds[i + 1] - bounds[i], bounds[i] - bounds[i - 1] if i else 0)
        assert abs(have - level * leaf.weight) <= visit


@given(st.integers(1, 7), QUESTIONS, st.integers(1, 300))
@settings(max_examples=40, deadline=None)
def test_equal_leaves_have_equal_shares(n_leaves: int, q: int, n: int) -> None:
    """With equal weights each leaf is within one of its own visits of its share."""
    leaves = [a_discipline(f"Leaf {i}") for i in range(n_leaves)]
    counts = Counter(slot.discipline.leaf for slot in first_slots(leaves, n, q=q))
    fullest = max(counts.values())
    visit = next(b - a for a, b in pairwise(begins(q, 60)) if a < fullest <= b)
    assert all(abs(counts[leaf.leaf] - Fraction(n, n_leaves)) <= visit for leaf in leaves)


@given(disciplines(), SEEDS, st.fractions(Fraction(1, 10**30), 10**30).filter(bool))
@settings(max_examples=40, deadline=None)
def test_weights_are_relative(leaves: tuple[Discipline, ...], seed: int, factor: Fraction) -> None:
    """All weights times one factor are the same plan."""
    scaled = [a_discipline(leaf.name, leaf.weight * factor) for leaf in leaves]
    assert places(first_slots(scaled, 100, seed=seed)) == places(first_slots(leaves, 100, seed=seed))


def test_priorities_are_exact() -> None:
    """Weights that differ by less than a float can tell still decide before the hash does."""
    tiny = Fraction(1, 10**40)
    for heavy, light in (("A", "B"), ("B", "A")):
        for leaves in permutations([a_discipline(light, 1), a_discipline(heavy, 1 + tiny)]):
            assert first_slots(leaves, 1)[0].discipline.name == heavy


@given(disciplines(min_size=2), st.data(), SEEDS, QUESTIONS)
@settings(max_examples=40, deadline=None)
def test_leaving_is_filtering(leaves: tuple[Discipline, ...], data: st.DataObject, seed: int, q: int) -> None:
    """A leaf that leaves gives no slot more, in the middle of a visit too; all others go on as before."""
    leaving = {
        leaf.leaf: data.draw(st.integers(0, 60), label=f"{leaf.name} leaves at")
        for leaf in data.draw(st.lists(st.sampled_from(leaves), max_size=len(leaves) - 1, unique_by=lambda x: x.key))
    }
    merge = Merge(leaves, seed=seed, questions_per_visit=q)
    walked = []
    for at in range(120):
        for leaf in (leaf for leaf, when in leaving.items() if when == at):
            merge.leave(leaf)
        walked.append(next(merge))
    expected: list[Slot] = []
    for slot in slots(leaves, seed=seed, questions_per_visit=q):
        if len(expected) == 120:
            break
        if len(expected) < leaving.get(slot.discipline.leaf, 120):
            expected.append(slot)
    assert places(walked) == places(expected)


def test_a_merge_ends_when_all_have_left() -> None:
    """Without a leaf there is no slot; to leave twice is to leave once."""
    merge = Merge([a_discipline("A"), a_discipline("B")], seed=0, questions_per_visit=4)
    next(merge)
    for leaf in ("a", "b", "a"):
        merge.leave(leaf)
    assert list(merge) == []
    assert list(slots([], seed=0, questions_per_visit=4)) == []


@given(disciplines(), st.data(), SEEDS, QUESTIONS)
@settings(max_examples=50, deadline=None)
def test_counting_is_walking(leaves: tuple[Discipline, ...], data: st.DataObject, seed: int, q: int) -> None:
    """The slots before a slot, of all leaves or of new ones, are as many as a walk meets."""
    walked = first_slots(leaves, data.draw(st.integers(1, 150)), seed=seed, q=q)
    last = walked[-1]
    assert slots_before(leaves, last, seed=seed, questions_per_visit=q) == len(walked) - 1
    new = data.draw(st.sets(st.sampled_from([leaf.leaf for leaf in leaves])))
    expected = sum(slot.discipline.leaf in new for slot in walked[:-1])
    added = [leaf for leaf in leaves if leaf.leaf in new]
    assert slots_before(added, last, seed=seed, questions_per_visit=q) == expected


def test_counting_far_out_needs_no_walk() -> None:
    """Before the slot of a billion there are as many new slots as its priority says, found at once."""
    old, new = a_discipline("Old", 2), a_discipline("New", 1)
    last = Slot(discipline=old, ordinal=10**9)
    found = slots_before([new], last, seed=0, questions_per_visit=4)
    assert abs(found - 10**9 // 2) <= 32
    assert found % 32 == 0
