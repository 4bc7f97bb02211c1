"""Moving, renaming and setting change what they say they change, and comments, order and quotes stay."""

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import TREE, changes, files, names

from glan.errors import TaxonomyError
from glan.taxonomy.edit import change, graft, move, new_discipline, rename
from glan.taxonomy.tree import Taxonomy
from glan.taxonomy.writing import New


def tree(text: str) -> Taxonomy:
    return Taxonomy.parse(text, "taxonomy.yaml")


@pytest.mark.parametrize(
    ("node", "under", "expected"),
    [
        ("Physics", "Life", ["-      - Physics   # hard", "+    - Physics   # hard"]),
        ("Physics", "/", ["-      - Physics   # hard", "+  - Physics   # hard"]),
        ("Astronomy", "Zoology",
         ["-      # Looks up.", "-      - {name: Astronomy, weight: 2, notes: 'for amateurs, only'}",
          "+      # Looks up.", "+      - {name: Astronomy, weight: 2, notes: 'for amateurs, only'}"]),
        ("Chemistry", "Life",
         ["-      -", '-        name: "Chemistry"', "-        # inside", "-",
          "+    -", '+      name: "Chemistry"', "+      # inside"]),
        ("Film", "Life", ["-    children: [Dance, 'Music', {name: Film, weight: 3}]",
                          "+    children: [Dance, 'Music']", "+    - {name: Film, weight: 3}"]),
        ("Botany", "Arts", ["-    children: [Dance, 'Music', {name: Film, weight: 3}]",
                            "+    children: [Dance, 'Music', {name: Film, weight: 3}, Botany]", "-    - Botany"]),
        ("Birds", "Life", ["-    - name: Zoology", "-      children:", "-      - Birds", "+    - Birds"]),
        ("Zoology", "Natural science",
         ["+      - name: Zoology", "+        children:", "+        - Birds",
          "-    - name: Zoology", "-      children:", "-      - Birds"]),
    ],
    ids=["lines", "top", "own-comment", "split-item", "out-of-brackets", "into-brackets", "empties-a-branch", "branch"],
)  # fmt: skip
def test_move_carries_the_lines_of_the_node(node: str, under: str, expected: list[str]) -> None:
    """The node stands last under its new branch, with its comments and below it what was below it."""
    new = move(TREE, node, under=under)
    assert changes(TREE, new) == expected
    assert sorted(names(new)) == sorted(names(TREE))


def test_a_moved_discipline_inherits_from_where_it_stands() -> None:
    """Its own weight and notes stay, those above it are the new branch's."""
    leaf = tree(move(TREE, "Astronomy", under="Life")).found("Astronomy")[-1]
    assert (leaf.weight, leaf.notes, leaf.path) == (Fraction(2), ("for amateurs, only",), ("Life",))


def test_the_only_child_of_all_moves_up() -> None:
    """The branches between it and its new place go, and the new place stays."""
    text = "taxonomy:\n- name: A\n  children:\n  - name: B\n    children:\n    - X\n- C\n"
    assert move(text, "X", under="A") == "taxonomy:\n- name: A\n  children:\n  - X\n- C\n"
    assert move(text, "X", under="/") == "taxonomy:\n- C\n- X\n"


@pytest.mark.parametrize(
    ("node", "under", "expected"),
    [
        ("Physics", "Natural science", "'Physics' stands under /Natural science already."),
        ("Life", "Zoology", "/Life/Zoology is below /Life; a node cannot be moved into itself."),
        ("Life", "Life", "/Life is below /Life; a node cannot be moved into itself."),
        ("Physics", "Dance", "'Dance' is a discipline; only a branch has disciplines under it."),
        ("Phisics", "Arts", "There is no node 'Phisics'"),
        ("Physics", "Lif", "There is no node 'Lif'"),
        ("Chemistry", "Arts", "The node has comments, and where it would stand is a list in brackets"),
    ],
)
def test_move_refuses(node: str, under: str, expected: str) -> None:
    """What cannot be moved is refused with the reason."""
    with pytest.raises(TaxonomyError) as caught:
        move(TREE, node, under=under)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("node", "name", "expected"),
    [
        ("Physics", "Optics", ["-      - Physics   # hard", "+      - Optics   # hard"]),
        ("Physics", "C#: a language", ["-      - Physics   # hard", '+      - "C#: a language"   # hard']),
        ("Chemistry", "Alchemy", ['-        name: "Chemistry"', '+        name: "Alchemy"']),
        ("Life", "Living things", ["-  - name: Life", "+  - name: Living things"]),
        ("Physics", "PHYSICS", ["-      - Physics   # hard", "+      - PHYSICS   # hard"]),
    ],
)
def test_rename_changes_the_name_alone(node: str, name: str, expected: list[str]) -> None:
    """Its line changes in the name, and stays quoted where it was."""
    assert changes(TREE, rename(TREE, node, name)) == expected


def test_rename_refuses_a_name_that_is_there() -> None:
    """Names of disciplines are unique in the whole tree."""
    with pytest.raises(TaxonomyError, match="The discipline 'Film' is there already: /Arts/Film"):
        rename(TREE, "Physics", "film")


@pytest.mark.parametrize(
    ("node", "given", "expected"),
    [
        ("Physics", {"weight": "1/3"}, ["-      - Physics   # hard", "+      - {name: Physics, weight: 1/3}   # hard"]),
        ("Dance", {"notes": "a, b"}, ["-    children: [Dance, 'Music', {name: Film, weight: 3}]",
         "+    children: [{name: Dance, notes: \"a, b\"}, 'Music', {name: Film, weight: 3}]"]),
        ("Natural science", {"weight": "2"}, ["-    weight: 1.50", "+    weight: 2"]),
        ("Natural science", {"notes": "Of all."}, ["-    notes: |", "-      Of one country.", "+    notes: Of all."]),
        ("Natural science", {"notes": None}, ["-    notes: |", "-      Of one country."]),
        ("Life", {"weight": "0.5", "notes": "x: y"},
         ["+    weight: 0.5", '+    notes: "x: y"']),
        ("Astronomy", {"weight": None}, ["-      - {name: Astronomy, weight: 2, notes: 'for amateurs, only'}",
         "+      - {name: Astronomy, notes: 'for amateurs, only'}"]),
        ("Film", {"title": "Kino"}, ["-    children: [Dance, 'Music', {name: Film, weight: 3}]",
         "+    children: [Dance, 'Music', {name: Film, title: Kino, weight: 3}]"]),
        ("Chemistry", {"isced": "0531"}, ['+        isced: "0531"']),
    ],
)  # fmt: skip
def test_a_setting_changes_its_own_place(node: str, given: Mapping[str, str | None], expected: list[str]) -> None:
    """A setting is written where it stands, or behind the name; what is removed leaves nothing behind."""
    assert changes(TREE, change(TREE, {node: given})) == expected


def test_many_nodes_change_at_once() -> None:
    """Each gets its own, and one error changes nothing."""
    new = change(TREE, {"Physics": {"weight": "2"}, "Life": {"weight": "3"}, "/Arts/Film": {"weight": "1"}})
    assert [(leaf.name, leaf.weight) for leaf in tree(new).disciplines if leaf.weight != 1] == [
        ("Physics", 3), ("Astronomy", 3), ("Chemistry", Fraction(3, 2)), ("Botany", 3), ("Birds", 3)
    ]  # fmt: skip
    with pytest.raises(TaxonomyError, match="The node 'Life': the weight '0' is not more than 0"):
        change(TREE, {"Physics": {"weight": "2"}, "Life": {"weight": "0"}})


def test_a_json_file_stays_json_when_it_changes() -> None:
    """Names, weights and notes are put into a file in JSON as JSON."""
    text = '{"taxonomy": [{"name": "A", "children": ["B"]}, {"name": "C", "children": ["D", "E"]}]}'
    assert change(text, {"B": {"weight": "2"}, "C": {"notes": "n"}}) == (
        '{"taxonomy": [{"name": "A", "children": [{"name": "B", "weight": "2"}]}, '
        '{"name": "C", "notes": "n", "children": ["D", "E"]}]}'
    )
    assert move(text, "D", under="A") == (
        '{"taxonomy": [{"name": "A", "children": ["B", "D"]}, {"name": "C", "children": ["E"]}]}'
    )


def test_branches_are_made_on_the_way() -> None:
    """What a path lacks at its end is made with what is added, at the top too."""
    two = [new_discipline("Admiralty law"), new_discipline("Salvage", weight="2")]
    assert changes(TREE, graft(TREE, two, under="Life/Sea law")) == [
        "+    - name: Sea law", "+      children:", "+        - Admiralty law", "+        - name: Salvage",
        "+          weight: 2",
    ]  # fmt: skip
    assert changes(TREE, graft(TREE, two[:1], under="/Law/Sea law"))[:3] == [
        "+  - name: Law", "+    children:", "+      - name: Sea law"
    ]  # fmt: skip
    assert "[Dance, 'Music', {name: Film, weight: 3}, {name: Law, children: [Admiralty law]}]" in graft(
        TREE, two[:1], under="Arts/Law"
    )


def test_a_branch_is_not_made_by_a_slip() -> None:
    """A name that is near to one that is there needs a word more, and one without a path is unknown."""
    with pytest.raises(TaxonomyError, match="no branch 'Zoolgy' under /Life; did you mean 'Zoology'") as caught:
        graft(TREE, [new_discipline("New")], under="Life/Zoolgy")
    assert "--new-branch" in caught.value.hint
    assert "name: Zoolgy" in graft(TREE, [new_discipline("New")], under="Life/Zoolgy", makes_branches=True)
    with pytest.raises(TaxonomyError, match="There is no node 'Law'"):
        graft(TREE, [new_discipline("New")], under="Law")


def test_new_branches_go_into_those_that_are_there() -> None:
    """A tree is put into another one: known branches are met by their names, and get what is new."""
    leaf = New(settings={"name": "Frogs"})
    new = [New(settings={"name": "LIFE"}, children=[New(settings={"name": "Zoology"}, children=[leaf]),
                                                   New(settings={"name": "Fungi"})])]  # fmt: skip
    assert changes(TREE, graft(TREE, new, under="/")) == ["+      - Frogs", "+    - Fungi"]


@settings(max_examples=120, deadline=None)
@given(body=files(), data=st.data())
def test_a_move_keeps_every_discipline_and_every_line(body: str, data: st.DataObject) -> None:
    """Whatever is moved where: the same disciplines, and every comment but those of branches that become empty."""
    text = f"taxonomy:\n{body}"
    old = tree(text)
    chains = list(old.chains())
    node = data.draw(st.sampled_from(chains))
    under = data.draw(st.sampled_from(["/", *(branch.name for branch in old.branches)]))
    path = "/" + "/".join(found.name for found in node)
    try:
        new = move(text, path, under=under)
    except TaxonomyError:
        with pytest.raises(TaxonomyError, match=r"already|into itself|has comments|without harm"):
            move(text, path, under=under)
        return
    assert sorted(names(new)) == sorted(names(text))
    moved = tree(new).found(node[-1].name)
    assert moved[-2].name == under if under != "/" else len(moved) == 1
    comments, left = (Counter(line.strip() for line in found.splitlines() if "#" in line) for found in (text, new))
    assert left <= comments
    if len(tree(new).branches) == len(old.branches):
        assert left == comments


@settings(max_examples=80, deadline=None)
@given(body=files(), data=st.data())
def test_a_setting_and_back(body: str, data: st.DataObject) -> None:
    """A weight is read back wherever the node stands and however it is written, and nothing else changes."""
    text = f"taxonomy:\n{body}"
    chain = data.draw(st.sampled_from(list(tree(text).chains())))
    name = "/" + "/".join(found.name for found in chain)
    notes = data.draw(st.sampled_from(["plain", "a: b\n#c", "- x"]))
    new = change(text, {name: {"weight": "7/2", "notes": notes}})
    found = tree(new).found(name)
    above = found[-2] if len(found) > 1 else None
    assert found[-1].weight == Fraction(7, 2) * (above.weight if above else 1)
    assert found[-1].notes == (*(above.notes if above else ()), notes)
    assert names(new) == names(text)
