"""Votes on a tree: worked examples, and what the majority makes of the text of the file."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.errors import TaxonomyError
from glan.taxonomy.prune import pruned
from glan.taxonomy.tree import Taxonomy
from glan.taxonomy.votes import Ballot, Choice, Outcome, Vote, elements_of, outcome, tree_hash

TREE = """\
# The tree of the example.
taxonomy:
  - name: Science
    weight: 2
    children:
      - Physics   # stays
      # Nobody wants this one.
      - name: Astrology
        notes: not a science
      - name: Optics
        subjects:
          - Lenses
          - name: Mirrors   # of glass
            level: advanced
          - {name: Prisms}
  - name: Crafts
    children: [Weaving, Pottery]
  - Cooking
"""
ELEMENTS = elements_of(Taxonomy.parse(TREE, "tree"))
IDS = [element.id for element in ELEMENTS]


def ballot(
    voter: str, *, keep: str = "", remove: str = "", tree: str = "", comments: dict[str, str] | None = None
) -> Ballot:
    """Return a ballot of votes that are written as ids with a space between them."""
    choices: dict[str, Choice] = dict.fromkeys(keep.split(), "keep")
    choices |= dict.fromkeys(remove.split(), "remove")
    said = comments or {}
    ids = dict.fromkeys([*choices, *said])
    return Ballot(
        voter=voter,
        tree=tree or tree_hash(ELEMENTS),
        votes={id_: Vote(choice=choices.get(id_), comment=said.get(id_, "")) for id_ in ids},
        source=f"{voter}.json",
    )


def counted(*ballots: Ballot) -> Outcome:
    return outcome(ELEMENTS, ballots)


def names(found: Outcome) -> list[str]:
    return [tally.element.title for tally in found.removed]


def test_elements_are_the_nodes_and_the_given_subjects() -> None:
    """Each has an id of its own that no name can forge, its path, and what stands above it."""
    assert IDS == [
        "/science",
        "/science/physics",
        "/science/astrology",
        "/science/optics",
        "/science/optics:lenses",
        "/science/optics:mirrors",
        "/science/optics:prisms",
        "/crafts",
        "/crafts/weaving",
        "/crafts/pottery",
        "/cooking",
    ]
    mirrors = ELEMENTS[5]
    assert (mirrors.shown, mirrors.kind, mirrors.above) == ("Science / Optics / Mirrors", "subject", "/science/optics")
    odd = elements_of(Taxonomy.parse('taxonomy: [{name: "a/b:c", subjects: ["d:e/f"]}]', "odd"))
    assert [element.id for element in odd] == ["/a%2Fb%3Ac", "/a%2Fb%3Ac:d%3Ae%2Ff"]


def test_the_majority_of_three_voters_decides() -> None:
    """Two of three remove; one of three does not, and one against none does: who says nothing does not count."""
    found = counted(
        ballot("Ann", remove="/science/astrology /cooking /crafts/weaving"),
        ballot("Ben", remove="/science/astrology", keep="/cooking"),
        ballot("Cem", keep="/science/astrology /cooking"),
    )
    assert names(found) == ["Astrology", "Weaving"]
    assert found.ties == ()
    assert found.voted == 3


def test_a_tie_keeps_and_is_told() -> None:
    """As many for as against keep an element; nobody's vote is no tie."""
    found = counted(ballot("Ann", remove="/cooking", comments={"/cooking": "why?"}), ballot("Ben", keep="/cooking"))
    assert names(found) == []
    assert [tally.element.id for tally in found.ties] == ["/cooking"]
    assert found.ties[0].comments == (("Ann", "why?"),)
    assert found.going == frozenset()


def test_a_removed_branch_takes_what_is_below_it() -> None:
    """All below goes too, also what had been voted to keep, which is told; a vote below is not counted twice."""
    found = counted(
        ballot("Ann", remove="/science /science/astrology", keep="/science/physics"),
        ballot("Ben", remove="/science", keep="/science/physics"),
        ballot("Cem", keep="/science"),
    )
    [science] = found.removed
    assert (science.element.id, science.remove, science.keep) == ("/science", 2, 1)
    assert found.going == {id_ for id_ in IDS if id_.startswith("/science")}
    assert [each.element.id for each in found.below(science) if each.keep > each.remove] == ["/science/physics"]
    assert len(found.below(science)) == 6


def test_a_ballot_for_another_tree_counts_as_far_as_it_fits() -> None:
    """What is still there is counted, and what is not is listed with who voted on it."""
    found = counted(ballot("Ann", remove="/cooking /gone", tree="0" * 64))
    assert names(found) == ["Cooking"]
    assert found.unfit == [("Ann", "/gone")]
    assert found.other_trees == ["Ann"]


def test_two_ballots_of_one_person_are_refused() -> None:
    """The error names both files; case and spaces of a name do not make two people."""
    with pytest.raises(TaxonomyError, match=r"Ann Lee\.json and ann  lee\.json are both ballots"):
        counted(ballot("Ann Lee"), ballot("ann  lee"))


def test_agreement_is_over_what_two_or_more_voted_on() -> None:
    """Keep and remove are the categories: three ballots on three elements, worked out by hand.

    Physics (2, 0), Cooking (1, 2), Weaving (0, 2): of 7 votes 3 keep, so chance gives (9 + 16)/49; the elements agree
    by 1, 1/3 and 1, on average 7/9. Kappa is (7/9 - 25/49) / (24/49) = 118/216.
    """
    found = counted(
        ballot("Ann", keep="/science/physics /cooking", remove="/crafts/weaving"),
        ballot("Ben", keep="/science/physics", remove="/crafts/weaving /cooking"),
        ballot("Cem", remove="/cooking /crafts"),
    )
    assert found.agreement().kappa == pytest.approx(118 / 216)
    assert found.agreement().things == 3


def test_the_file_keeps_its_comments_and_order() -> None:
    """Branches, disciplines and subjects go with the comments that are theirs, and everything else stays as it is."""
    new, staying = pruned(TREE, counted(ballot("Ann", remove="/science/astrology /science/optics:mirrors /crafts")))
    assert staying == ()
    assert new == TREE.replace(
        "      # Nobody wants this one.\n      - name: Astrology\n        notes: not a science\n", ""
    ).replace("          - name: Mirrors   # of glass\n            level: advanced\n", "").replace(
        "  - name: Crafts\n    children: [Weaving, Pottery]\n", ""
    )


def test_all_subjects_of_a_discipline_are_not_removed() -> None:
    """Without any given subject a discipline would be asked for some, so the last ones stay, and are told."""
    votes = "/science/optics:lenses /science/optics:mirrors /science/optics:prisms"
    new, staying = pruned(TREE, counted(ballot("Ann", remove=votes)))
    assert new == TREE
    assert [element.title for element in staying] == ["Lenses", "Mirrors", "Prisms"]
    gone, staying = pruned(TREE, counted(ballot("Ann", remove=f"{votes} /science/optics")))
    assert "Optics" not in gone
    assert staying == ()


def test_a_branch_that_loses_all_its_disciplines_goes_too() -> None:
    """An empty branch cannot stand in a file."""
    new, _ = pruned(TREE, counted(ballot("Ann", remove="/crafts/weaving /crafts/pottery")))
    assert "Crafts" not in new


def test_a_tree_is_never_removed_whole() -> None:
    """Where the votes leave no discipline nothing is changed, and the error says so."""
    with pytest.raises(TaxonomyError, match="remove every discipline"):
        pruned(TREE, counted(ballot("Ann", remove="/science /crafts /cooking")))


@given(st.lists(st.dictionaries(st.sampled_from(IDS), st.sampled_from(["keep", "remove"])), max_size=4))
@settings(max_examples=40, deadline=None)
def test_what_is_left_is_what_no_majority_removed(votes: list[dict[str, Choice]]) -> None:
    """For any ballots the tree that is left has just the elements that are not going, or that stay by rule."""
    ballots = [
        Ballot(voter=str(i), tree="", votes={id_: Vote(choice=choice) for id_, choice in each.items()})
        for i, each in enumerate(votes)
    ]
    found = counted(*ballots)
    for tally in found.tallies.values():
        assert not (tally.is_tie and tally.is_removed)
    try:
        new, staying = pruned(TREE, found)
    except TaxonomyError:
        leaves = {element.id for element in ELEMENTS if element.kind == "discipline"}
        assert leaves <= found.going
        return
    left = {element.id for element in elements_of(Taxonomy.parse(new, "new"))}
    stays = {element.id for element in ELEMENTS} - found.going | {element.id for element in staying}
    branches = {element.id for element in ELEMENTS if element.kind == "branch"}
    assert left <= stays
    assert set(stays - left) <= branches  # those that lost all their disciplines


def test_the_hash_of_a_tree_is_that_of_its_elements() -> None:
    """Weights, notes and order leave it as it is; another name does not."""
    other = Taxonomy.parse(TREE.replace("weight: 2", "weight: 3").replace("not a science", "at all"), "other")
    assert tree_hash(elements_of(other)) == tree_hash(reversed(ELEMENTS)) == tree_hash(ELEMENTS)
    assert tree_hash(elements_of(Taxonomy.parse(TREE.replace("Cooking", "Baking"), "other"))) != tree_hash(ELEMENTS)
