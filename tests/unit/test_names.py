"""Names that differ in how they are written are near; names of two things are not."""

import re
import tomllib
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glan.names import near_key, says_something, suspects

TABLES: dict[str, list[tuple[str, str]]] = tomllib.loads(
    (Path(__file__).parents[1] / "names.toml").read_text(encoding="utf-8")
)
ONE_THING = TABLES["one_thing"]
TWO_THINGS = [*TABLES["two_things"], *TABLES["two_things_elsewhere"]]


@pytest.mark.parametrize(("left", "right"), ONE_THING)
def test_one_thing_written_in_two_ways_is_near(left: str, right: str) -> None:
    """A plural, an article, a sign, a known order or initials make no other thing; the quick look finds them too."""
    assert near_key(left) == near_key(right)
    assert suspects([left, "Something else", right]) >= {left, right}


@pytest.mark.parametrize(("left", "right"), TWO_THINGS)
def test_two_things_stay_apart(left: str, right: str) -> None:
    """Another number, prefix, order, capital or accent is another thing, and so is a plural with a sense of its own."""
    assert near_key(left) != near_key(right)


def test_no_two_rows_of_the_table_are_near() -> None:
    """Of some 150 names of many fields only those are near that are meant to be."""
    names = {name for pair in [*ONE_THING, *TWO_THINGS] for name in pair}
    near = {frozenset(pair) for pair in combinations(sorted(names), 2) if near_key(pair[0]) == near_key(pair[1])}
    meant: list[set[str]] = []
    for pair in ONE_THING:
        joined = [group for group in meant if group.intersection(pair)]
        meant = [group for group in meant if group not in joined] + [set(pair).union(*joined)]
    assert all(any(pair <= group for group in meant) for pair in near)


SAID = """
graph graphs theory theories the a an of and introduction introductory intro introductions to algebra matrix matrices
(PCA) vs. versus class classes policy policies Newton's laws law , : - & A I II AIDS aid analysis analyses
"""
WORDS = st.sampled_from(SAID.split())


@given(st.lists(WORDS, min_size=1, max_size=6), st.lists(WORDS, min_size=1, max_size=6))
@example(["and", "and"], ["and", "&"])
def test_the_quick_look_misses_nothing(left: list[str], right: list[str]) -> None:
    """Two names of one near key are always suspected of it."""
    names = [" ".join(left), " ".join(right)]
    if near_key(names[0]) == near_key(names[1]):
        assert suspects(names) == set(names)


@given(st.text(max_size=60))
def test_any_text_has_a_near_key(text: str) -> None:
    """A near key is there for whatever a model says, and is not empty where the name is not."""
    assert near_key(text) or not re.search(r"\w", text)


def test_what_says_nothing_alone_is_known() -> None:
    """Applications and key concepts are of their session; a thing with a name is not."""
    assert not says_something(near_key("Applications"))
    assert not says_something(near_key("Key concepts and definitions"))
    assert says_something(near_key("Applications of lasers"))
