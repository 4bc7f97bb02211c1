"""Proposals of the parts of a branch: how they are counted, and where each name finds its place."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.errors import TaxonomyError
from glan.names import near_key
from glan.places import key_of
from glan.taxonomy.proposals import Builder, Built, fitting, nodes_of
from glan.taxonomy.support import checked_support, told_support
from glan.taxonomy.tree import Taxonomy
from glan.taxonomy.writing import document

ONE_LEVEL = [["Ports", "Ships", "Crews"], ["Ships", "Cargo"], ["ships ", "Crews", "Salvage"]]


def builder(*, least: int = 1, breadth: int = 10, merges: bool = True) -> Builder:
    return Builder(Built(name="Maritime law"), least=least, breadth=breadth, merges=merges)


def told(nodes: Sequence[Built]) -> list[tuple[str, int, int]]:
    return [(node.name, node.votes, node.proposals) for node in nodes]


def test_parts_stand_by_votes_and_then_by_first_appearance() -> None:
    """Three proposals, worked out by hand: a name counts once in each, however it is spelled."""
    nodes = builder().grow([Built(name="Maritime law")], [ONE_LEVEL])
    assert told(nodes) == [("Ships", 3, 3), ("Crews", 2, 3), ("Ports", 1, 3), ("Cargo", 1, 3), ("Salvage", 1, 3)]


def test_what_too_few_name_has_no_place() -> None:
    """A part needs as many votes as were asked for, and what has fewer is told with its votes."""
    found = builder(least=2)
    assert told(found.grow([found.root], [ONE_LEVEL])) == [("Ships", 3, 3), ("Crews", 2, 3)]
    assert [(left.name, left.votes, left.reason) for left in found.left_out] == [
        ("Ports", 1, "few votes"),
        ("Cargo", 1, "few votes"),
        ("Salvage", 1, "few votes"),
    ]


def test_a_branch_has_so_many_parts_and_no_more() -> None:
    """Those with most votes stand, and the others are told."""
    found = builder(breadth=2)
    assert told(found.grow([found.root], [ONE_LEVEL])) == [("Ships", 3, 3), ("Crews", 2, 3)]
    assert {left.reason for left in found.left_out} == {"no room"}


@pytest.mark.parametrize(("merges", "votes"), [(True, [2, 1]), (False, [1, 1, 1])])
def test_near_names_are_counted_together_where_that_is_wanted(*, merges: bool, votes: list[int]) -> None:
    """`Theory of ships` and `Ship theory` are one part, by its first name; another language keeps them apart."""
    found = builder(merges=merges)
    nodes = found.grow([found.root], [[["Theory of ships", "Ports"], ["Ship theory"]]])
    assert [node.votes for node in nodes] == votes
    assert nodes[0].name == "Theory of ships"
    assert found.merged == ({"Ship theory": "Theory of ships"} if merges else {})


def test_two_near_names_in_one_proposal_are_one_vote() -> None:
    """Nobody votes twice."""
    found = builder()
    assert told(found.grow([found.root], [[["Graph theory", "Theory of graphs", "Ports"]]])) == [
        ("Graph theory", 1, 1),
        ("Ports", 1, 1),
    ]


def test_nothing_stands_below_itself() -> None:
    """A part with the name of its branch, or of what is above that, is left out and told."""
    found = builder()
    ships, _ = found.grow([found.root], [[["Ships", "maritime law", "Ports"]]])
    found.grow([ships], [[["SHIPS", "The maritime law", "Hulls", "Engines"]]])
    assert [node.name for node in ships.children] == ["Hulls", "Engines"]
    assert [(left.name, left.under, left.reason, left.stands) for left in found.left_out] == [
        ("maritime law", "Maritime law", "stands above it", "Maritime law"),
        ("SHIPS", "/Ships", "stands above it", "/Ships"),
        ("The maritime law", "/Ships", "stands above it", "Maritime law"),
    ]


def test_a_name_has_one_place_where_most_proposals_put_it() -> None:
    """Of two places at one level that with more votes wins, then the first; one further up stands in any case."""
    found = builder()
    ships, ports = found.grow([found.root], [[["Ships", "Ports"]]])
    proposals = [
        [["Safety", "Pilots", "Hulls"]],
        [["Safety", "Tugs", "Pilots", "Ships"], ["Safety", "Tugs", "Quays"]],
    ]
    found.grow([ships, ports], proposals)
    assert [node.name for node in ships.children] == ["Pilots", "Hulls"]
    assert [node.name for node in ports.children] == ["Safety", "Tugs", "Quays"]
    assert [(left.name, left.under, left.stands) for left in found.left_out] == [
        ("Safety", "/Ships", "/Ports/Safety"),
        ("Pilots", "/Ports", "/Ships/Pilots"),
        ("Ships", "/Ports", "/Ships"),
    ]


def test_a_part_alone_is_no_division() -> None:
    """A branch of which one part is left stays a discipline, and the name of the part may stand elsewhere later."""
    found = builder()
    ships, _ = found.grow([found.root], [[["Ships", "Ports"]]])
    assert found.grow([ships], [[["Hulls"]]]) == []
    assert ships.children == []
    assert [(left.name, left.reason) for left in found.left_out] == [("Hulls", "alone")]
    assert found.grow([ships], [[["Hulls", "Engines"]]]) == ships.children != []


names = st.lists(st.one_of(st.text(max_size=30), st.sampled_from(["A", "a", "Bs", "B", "The B", "C"])), max_size=8)


@given(
    tree=st.lists(st.lists(names, min_size=1, max_size=4), min_size=1, max_size=3),
    least=st.integers(1, 3),
    breadth=st.integers(2, 5),
)
@settings(max_examples=150, deadline=None)
def test_any_proposals_make_a_tree_that_can_be_read(tree: list[list[list[str]]], least: int, breadth: int) -> None:
    """Whatever a model says, the file parses to these nodes; each name stands once, with enough votes and room."""
    found = builder(least=least, breadth=breadth)
    level = [found.root]
    for proposals in tree:
        fit = [[name for text in one if (name := fitting(text)) is not None] for one in proposals]
        level = found.grow(level, [fit] * len(level))
    nodes = list(nodes_of(found.root))
    keys = [key_of(node.name) for node in nodes] + ["maritime law"]
    assert len(set(keys)) == len(keys)
    near = [near_key(node.name) for node in nodes]
    assert len(set(near)) == len(near)
    assert all(least <= node.votes <= node.proposals and len(node.children) <= breadth for node in nodes)
    if nodes:
        text = document([child.as_new() for child in found.root.children])
        read = [chain[-1] for chain in Taxonomy.parse(text, "built").chains()]
        assert [(each.name, each.votes) for each in read] == [
            (node.name, f"{node.votes}/{node.proposals}") for node in nodes
        ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Ships \n and  boats", "Ships and boats"),
        ("Sh\u200bips\x07", "Ships"),
        ("\u202eShips", "Ships"),
        ("../../etc", "../../etc"),
        ("=HYPERLINK(1)", "=HYPERLINK(1)"),
        ("a" * 201, None),
        ("???", None),
        ("\ufffe\ue000", None),
    ],
)
def test_a_name_is_made_to_fit_or_left_out(text: str, name: str | None) -> None:
    """What nobody sees is taken off; a name without a letter, or a long one, is none. Other odd names are harmless."""
    assert fitting(text) == name


@pytest.mark.parametrize("text", ["6", "7/6", "0/0x", "", "a/b", "1/2/3", "-1/2"])
def test_votes_in_a_file_are_held_to_their_form(text: str) -> None:
    """A file that says otherwise is told where, and what to write."""
    with pytest.raises(TaxonomyError, match="as 5/6"):
        checked_support(text, "t.yaml, line 3")


def test_votes_stay_with_their_node() -> None:
    """Branches and disciplines keep them; they reach neither key nor notes, and people read them as a sentence."""
    text = "taxonomy:\n- name: A\n  votes: 3 / 6\n  children:\n  - {name: B, votes: 1/1}\n  - C\n"
    nodes = [chain[-1] for chain in Taxonomy.parse(text, "t").chains()]
    assert [node.votes for node in nodes] == ["3/6", "1/1", None]
    assert [told_support(node.votes) for node in nodes] == ["3 of 6 proposals", "1 of 1 proposal", ""]
