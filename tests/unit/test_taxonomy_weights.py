"""Weights and scores from files, and weights that follow from scores."""

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from glan.errors import TaxonomyError
from glan.taxonomy.edit import change
from glan.taxonomy.rebalance import parse_scores, proposed, scored
from glan.taxonomy.tables import read_numbers
from glan.taxonomy.tree import Taxonomy


@pytest.mark.parametrize(
    "text",
    [
        "Physics,2\nTax law,0.5\n",
        "node,weight\r\nPhysics,2\r\nTax law,0.5\r\n",
        "\ufeffdiscipline;n;weight\nPhysics;7;2\nTax law;9;0.5\n",
        "weight\tnode\n2\tPhysics\n0.5\tTax law\n",
        '{"Physics": 2, "Tax law": 0.5}',
        '[{"discipline": "Physics", "weight": 2}, {"node": "Tax law", "weight": 0.5}]',
        '\n"Physics", 2\n\n"Tax law", 0.5\n\n',
    ],
)
def test_numbers_are_read_from_what_people_have(text: str) -> None:
    """Commas, semicolons or tabs, with headings in any order or without, and JSON in two forms."""
    assert read_numbers(text, "x", ("weight",)) == {"Physics": "2", "Tax law": "0.5"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "x names no node"),
        ("Physics\n", "x, line 1: a node and its weight are wanted"),
        ("Physics,2\nphysics,3\n", "x, line 2: 'physics' stands there already, in line 1"),
        ("{", "x is not valid JSON"),
        ("[1]", "x, item 1: this is no object"),
        ('{"A": ""}', "x, key 'A': a node and its weight"),
        ("[" * 100_000, "x is not valid JSON"),
    ],
)
def test_files_that_say_nothing_are_refused(text: str, expected: str) -> None:
    """With the line or the item that is wrong."""
    with pytest.raises(TaxonomyError) as caught:
        read_numbers(text, "x", ("weight",))
    assert expected in str(caught.value)


@pytest.mark.parametrize("text", ["-1", "x", "nan", "inf", ""])
def test_scores_are_numbers_from_zero_up(text: str) -> None:
    """Others are refused with the node that has them."""
    with pytest.raises(TaxonomyError, match=r"the score '.*' of 'A' is not a number from 0 up"):
        parse_scores({"A": text}, "x")
    with pytest.raises(TaxonomyError, match="every score is 0"):
        parse_scores({"A": "0", "B": "0%"}, "x")


TREE = "taxonomy: [{name: F, weight: 2, children: [A, {name: B, weight: 3}]}, C, D]"


def tree(text: str = TREE) -> Taxonomy:
    return Taxonomy.parse(text, "x")


def test_half_the_mean_score_gives_about_twice_the_weight() -> None:
    """The weaker gets more, the total stays, and what has no score or would stay is not touched."""
    found = proposed(tree("taxonomy: [A, B, C]"), {"a": 0.4, "b": 0.8})
    assert found == {"/A": "1.33", "/B": "0.667"}
    assert proposed(tree("taxonomy: [A, B]"), {"a": 5, "b": 5}) == {}
    assert proposed(tree("taxonomy: [A, B]"), {"a": 0, "b": 5}) == {"/A": "1.5", "/B": "0.5"}


def test_the_weight_that_is_written_is_the_disciplines_own() -> None:
    """Under a branch with a weight the file gets what gives the share in the whole tree."""
    new = change(TREE, {path: {"weight": weight} for path, weight in proposed(tree(), {"a": 1, "c": 2}).items()})
    before = {leaf.key: leaf.weight for leaf in tree().disciplines}
    after = {leaf.key: leaf.weight for leaf in tree(new).disciplines}
    assert (after["b"], after["d"]) == (before["b"], before["d"])
    assert after["a"] > before["a"]
    assert after["c"] < before["c"]
    assert abs(after["a"] + after["c"] - before["a"] - before["c"]) < Fraction(1, 100)


def test_a_branch_may_have_a_score_but_no_discipline_two() -> None:
    """A score of a branch is that of all below it."""
    assert scored(tree(), {"F": 1.0, "C": 2.0}) == {"a": 1.0, "b": 1.0, "c": 2.0}
    with pytest.raises(TaxonomyError, match="'A' has two scores"):
        scored(tree(), {"F": 1.0, "A": 2.0})
    with pytest.raises(TaxonomyError, match="There is no node 'X'"):
        scored(tree(), {"X": 1.0})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 100), st.integers(1, 9)), min_size=2, max_size=12),
    st.floats(0.1, 1),
    st.floats(1, 9),
)
def test_the_bounds_hold_and_the_total_stays(given: list[tuple[float, int]], least: float, most: float) -> None:
    """Whatever the scores: no factor is beyond its bounds, a lower score never gets less, and the sum stays."""
    assume(any(score > 1e-3 for score, _ in given))
    leaves = ", ".join(f"{{name: L{i}, weight: {weight}}}" for i, (_, weight) in enumerate(given))
    found = proposed(
        tree(f"taxonomy: [{leaves}]"), {f"l{i}": s for i, (s, _) in enumerate(given)}, least=least, most=most
    )
    factors = [float(found.get(f"/L{i}", weight)) / weight for i, (_, weight) in enumerate(given)]
    assert all(least * 0.994 <= factor <= most * 1.006 for factor in factors)
    for (low, _), one in zip(given, factors, strict=True):
        assert all(one >= other * 0.98 for (high, _), other in zip(given, factors, strict=True) if low <= high)
    total = sum(weight for _, weight in given)
    assert abs(sum(f * weight for f, (_, weight) in zip(factors, given, strict=True)) - total) <= 0.006 * total
