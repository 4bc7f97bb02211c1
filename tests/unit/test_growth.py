"""What a changed plan does to the rows that stand, held against the same thing counted slot by slot."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import a_discipline, disciplines

from glan.config import Config
from glan.growth import Growth, Standing, growth
from glan.plan import Merge, slots
from glan.records import Discipline, Outcome
from glan.settings import Plan

PAIR, REJECT = Outcome.PAIR, Outcome.REJECT


def decided(
    leaves: Sequence[Discipline], fates: Sequence[Outcome], leaves_left: Mapping[str, int], *, seed: int = 0, q: int = 4
) -> Standing:
    """Return what stands after a walk with these fates; a leaf that leaves does so at an ordinal."""
    pairs: dict[str, set[int]] = {}
    others: dict[str, set[int]] = {}
    sequence = Merge(leaves, seed=seed, questions_per_visit=q)
    left: set[str] = set()
    remaining = iter(fates)
    for slot in sequence:
        leaf = slot.discipline.leaf
        if slot.ordinal >= leaves_left.get(leaf, 10**9):
            sequence.leave(leaf)
            left.add(leaf)
            continue
        fate = next(remaining, None)
        if fate is None:
            break
        (pairs if fate is PAIR else others).setdefault(leaf, set()).add(slot.ordinal)
    return Standing(pairs=pairs, others=others, left=frozenset(left))


def by_the_book(standing: Standing, leaves: Sequence[Discipline], pairs: int, *, seed: int = 0, q: int = 4) -> Growth:
    """Make the new data set slot by slot, each slot that is not known a pair, until all rows were met."""
    present = {leaf.leaf for leaf in leaves}
    met: list[bool] = []
    """Of every pair in plan order: whether it stands."""
    wanted = {(leaf, i) for leaf, ordinals in standing.pairs.items() for i in ordinals if leaf in present}
    left = set(wanted)
    for slot in slots(leaves, seed=seed, questions_per_visit=q):
        if not left:
            break
        place = slot.discipline.leaf, slot.ordinal
        if place in wanted:
            left.remove(place)
            met.append(True)
        elif place[0] not in standing.left and place[1] not in standing.others.get(place[0], set()):
            met.append(False)
    return Growth(
        displaced=sum(met[pairs:]),
        lost=sum(len(ordinals) for leaf, ordinals in standing.pairs.items() if leaf not in present),
        keeps_all=len(met),
    )


def grown(standing: Standing, leaves: Sequence[Discipline], pairs: int, *, seed: int = 0, q: int = 4) -> Growth:
    return growth(standing, leaves, Config(seed=seed, plan=Plan(questions_per_visit=q)), pairs=pairs)


FATES = st.lists(st.sampled_from([PAIR, PAIR, PAIR, REJECT]), max_size=60)


@settings(max_examples=150, deadline=None)
@given(st.data(), disciplines(min_size=2, max_size=6), FATES, st.integers(1, 80), st.integers(0, 99))
def test_growth_is_what_counting_says(
    data: st.DataObject, leaves: tuple[Discipline, ...], fates: Sequence[Outcome], pairs: int, seed: int
) -> None:
    """Leaves come and go, weights change, some had left: rows that leave and the N that keeps all are exact."""
    old = data.draw(st.lists(st.sampled_from(leaves), min_size=1, unique=True))
    new = data.draw(st.permutations(leaves))[: data.draw(st.integers(1, len(leaves)))]
    weights = data.draw(st.lists(st.sampled_from([1, 2, 5]), min_size=len(new), max_size=len(new)))
    new = [a_discipline(leaf.name, Fraction(weight)) for leaf, weight in zip(new, weights, strict=True)]
    ends = data.draw(st.dictionaries(st.sampled_from([leaf.leaf for leaf in old[1:]] or [""]), st.integers(0, 9)))
    q = data.draw(st.integers(1, 4))
    old = [a_discipline(leaf.name) for leaf in old]
    standing = decided(old, fates, ends, seed=seed, q=q)
    assert grown(standing, new, pairs, seed=seed, q=q) == by_the_book(standing, new, pairs, seed=seed, q=q)


@settings(max_examples=60, deadline=None)
@given(disciplines(max_size=5), FATES, st.integers(0, 99))
def test_nothing_changes_where_nothing_changed(
    leaves: tuple[Discipline, ...], fates: Sequence[Outcome], seed: int
) -> None:
    """The same leaves in another order keep every row at as many pairs as there are rows."""
    standing = decided(leaves, fates, {}, seed=seed)
    rows = sum(fate is PAIR for fate in fates)
    assert standing.rows == rows
    expected = Growth(displaced=0, lost=0, keeps_all=rows)
    assert grown(standing, leaves[::-1], rows, seed=seed) == expected


@settings(max_examples=60, deadline=None)
@given(disciplines(min_size=2, max_size=5), FATES.filter(bool), st.integers(0, 99))
def test_the_n_that_keeps_all_is_the_smallest(
    leaves: tuple[Discipline, ...], fates: Sequence[Outcome], seed: int
) -> None:
    """At it no row leaves, at one less the last of them does, and the rows that stand plus the new slots make it."""
    standing = decided(leaves[1:], [PAIR] * len(fates), {}, seed=seed)
    keeps_all = grown(standing, leaves, 1, seed=seed).keeps_all
    assert grown(standing, leaves, keeps_all, seed=seed).displaced == 0
    assert grown(standing, leaves, keeps_all - 1, seed=seed).displaced == 1
    walked = list(islice(slots(leaves, seed=seed, questions_per_visit=4), keeps_all))
    assert keeps_all == len(fates) + sum(slot.discipline.leaf == leaves[0].leaf for slot in walked)


def test_growth_is_fast_for_any_weight() -> None:
    """A leaf a million times as heavy as the others is counted, not walked; one that had left it is passed over."""
    leaves = [a_discipline("Physics"), a_discipline("Law")]
    standing = decided(leaves, [PAIR] * 5_000, {})
    heavy = a_discipline("Arts", 1_000_000)
    found = grown(standing, [*leaves, heavy], 5_000)
    assert (found.displaced, found.lost) == (5_000, 0)
    assert 2_000_000_000 < found.keeps_all < 3_000_000_000
    gone = replace(standing, left=frozenset({"arts"}))
    assert grown(gone, [*leaves, heavy], 4_000) == Growth(displaced=1_000, lost=0, keeps_all=5_000)
    light = a_discipline("Arts", Fraction(1, 1_000_000))
    assert grown(standing, [*leaves, light], 5_000) == Growth(displaced=0, lost=0, keeps_all=5_000)
