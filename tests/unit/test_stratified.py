"""Samples for reviewers: spread as the rows are, the same for one seed."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from glan.dataset.stratified import Place, spread

sizes = st.lists(st.integers(1, 30), min_size=1, max_size=8)


def places(sizes: list[int]) -> list[Place]:
    return [Place(f"{s:02}", hash((s, i)) % 1_000, f"{s}/{i}") for s, size in enumerate(sizes) for i in range(size)]


@given(sizes, st.integers(0, 300), st.integers(0, 5))
@settings(max_examples=50, deadline=None)
def test_each_stratum_gets_its_share(sizes: list[int], n: int, seed: int) -> None:
    """As many as asked for or as there are, none twice, and of each stratum its share, give or take one."""
    found = spread(places(sizes), n, seed)
    assert len(found) == len(set(found)) == min(n, sum(sizes))
    counts = Counter(place.stratum for place in found)
    for s, size in enumerate(sizes):
        assert abs(counts[f"{s:02}"] - size * min(n, sum(sizes)) / sum(sizes)) < 1.001


@given(sizes, st.integers(1, 50), st.randoms())
@settings(max_examples=50, deadline=None)
def test_a_sample_depends_on_the_rows_and_the_seed_alone(sizes: list[int], n: int, rng: object) -> None:
    """In whatever order the rows come, the sample is the same."""
    listed = places(sizes)
    shuffled = list(listed)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    assert spread(listed, n, 3) == spread(shuffled, n, 3)


def test_every_place_can_come_up() -> None:
    """Over the possible starts each place is taken equally often."""
    listed = places([3, 4])
    taken = Counter(place for seed in range(2_000) for place in spread(listed, 2, seed))
    assert set(taken) == set(listed)
    assert max(taken.values()) < 1.3 * min(taken.values())
