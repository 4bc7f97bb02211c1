"""An edit changes its own lines and nothing else, and a file that it cannot edit safely stays as it is."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import TREE, changes, files, names

from glan.errors import TaxonomyError
from glan.taxonomy.edit import add, move, remove, rename, select
from glan.taxonomy.tree import Taxonomy, shipped_text


def is_thinned(old: str, new: str) -> bool:
    """Say whether lines left and none came, brackets aside: what stays stands in its old order."""
    left = (line for line in old.splitlines() if "[" not in line)
    return all(line in left for line in new.splitlines() if "[" not in line)


@pytest.mark.parametrize(
    ("under", "expected"),
    [
        ("Natural science", ["+      - New"]),
        ("Arts", ["-    children: [Dance, 'Music', {name: Film, weight: 3}]",
                  "+    children: [Dance, 'Music', {name: Film, weight: 3}, New]"]),
        ("life", ["+    - New"]),
        ("Life/Zoology", ["+      - New"]),
        ("/", ["+  - New"]),
    ],
    ids=["lines", "brackets", "without-indent", "path", "top"],
)  # fmt: skip
def test_add_changes_one_line(under: str, expected: list[str]) -> None:
    """A new discipline stands last under its branch, in the manner of its neighbours."""
    new = add(TREE, "New", under=under)
    assert changes(TREE, new) == expected
    assert sorted(names(new)) == sorted([*names(TREE), "New"])


def test_add_writes_weight_and_notes() -> None:
    """What is said about the new discipline is read back exactly."""
    for under in ("Natural science", "Arts"):
        new = add(TREE, "New", under=under, weight="0.1", notes=" For all:\n- one\n- two ")
        branch = Taxonomy.parse(TREE, "old").named(under)
        leaf = Taxonomy.parse(new, "new").leaves_under(Taxonomy.parse(new, "new").named("New"))[0]
        assert leaf.weight == branch.weight * Fraction(1, 10)
        assert leaf.notes == (*branch.notes, "For all:\n- one\n- two")
    assert "        weight: 0.1\n" in add(TREE, "New", under="Natural science", weight=0.1)


@pytest.mark.parametrize("weight", [Fraction(3, 7), 2, 0.25, "3/7", "1e-2"])
def test_add_takes_any_exact_weight(weight: Fraction | float | str) -> None:
    """A weight may be a number or the text of one."""
    new = add("taxonomy: [A]", "B", under="/", weight=weight)
    assert Taxonomy.parse(new, "new").disciplines[1].weight == Fraction(str(weight))


@pytest.mark.parametrize(
    "name",
    ["yes", "Null", "1984", "3.14", "a: b", "- x", "#x", "C#", "a, b", "[x]", "{x}", "!x", "&x", "*x", "x: ", "? x",
     "'x'", 'say "x"', "back\\slash", "%x", "@x", "`x`", "x #y", "naïve art", "数学", "<<x", "y", "=x",
     "A-b (c) & d/e"],
)  # fmt: skip
def test_names_that_look_like_yaml_are_quoted(name: str) -> None:
    """Whatever a name looks like, it is read back as it was given, in either style."""
    for under in ("Natural science", "Arts"):
        assert name.strip() in names(add(TREE, name, under=under))


def test_a_json_file_stays_json() -> None:
    """A taxonomy in JSON gets a new discipline in JSON."""
    text = '{"taxonomy": [{"name": "A", "children": ["B"]}]}'
    assert add(text, "C", under="A", weight="1/2") == (
        '{"taxonomy": [{"name": "A", "children": ["B", {"name": "C", "weight": "1/2"}]}]}'
    )


def test_line_ends_are_those_of_the_file() -> None:
    """A file from another system keeps its line ends, and a last line without one gets one."""
    assert add("taxonomy:\r\n- A\r\n", "B", under="/", weight=2) == ("taxonomy:\r\n- A\r\n- name: B\r\n  weight: 2\r\n")
    assert add("taxonomy:\n- A", "B", under="/") == "taxonomy:\n- A\n- B\n"


@pytest.mark.parametrize(
    ("name", "under", "expected"),
    [
        ("physics", "Arts", "The discipline 'Physics' is there already: /Natural science/Physics."),
        ("New", "Physics", "'Physics' is a discipline; only a branch has disciplines under it."),
        ("New", "Art", "There is no node 'Art' in taxonomy.yaml; did you mean 'Arts'?"),
        ("", "Arts", "The new discipline: the name is empty"),
        ("A\u202eB", "Arts", "invisible character"),
        ("zoology", "Life", "The edit would leave a taxonomy that cannot be read, so nothing was changed"),
    ],
    ids=["duplicate", "leaf", "unknown", "empty", "invisible", "like-a-branch-beside-it"],
)
def test_add_refuses(name: str, under: str, expected: str) -> None:
    """What the tree cannot take is refused with the reason."""
    with pytest.raises(TaxonomyError) as caught:
        add(TREE, name, under=under)
    assert expected in str(caught.value)


def test_add_refuses_bad_settings() -> None:
    """Weight and notes are held to the rules of the file."""
    with pytest.raises(TaxonomyError, match="The new discipline: the weight '-2' is not more than 0"):
        add(TREE, "New", under="Arts", weight=-2)
    with pytest.raises(TaxonomyError, match="The new discipline: the notes have the invisible character"):
        add(TREE, "New", under="Arts", notes="\x00")


def test_add_reaches_the_lowest_level() -> None:
    """A branch on the seventh level takes disciplines on the eighth."""
    deep = "taxonomy: [" + "".join(f"{{name: B{i}, children: [" for i in range(7)) + "A" + "]}" * 7 + "]"
    assert names(add(deep, "New", under="B6")) == ["A", "New"]


def test_add_prefers_the_branch_of_a_name() -> None:
    """A discipline with the name of the branch does not stand in the way."""
    assert "[Farming, New]" in add("taxonomy: [{name: Farming, children: [Farming]}]", "New", under="Farming")


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("Physics", ["-      - Physics   # hard"]),
        ("Astronomy", ["-      # Looks up.",
                       "-      - {name: Astronomy, weight: 2, notes: 'for amateurs, only'}"]),
        ("Chemistry", ["-", "-      -", '-        name: "Chemistry"', "-        # inside"]),
        ("Dance", ["-    children: [Dance, 'Music', {name: Film, weight: 3}]",
                   "+    children: ['Music', {name: Film, weight: 3}]"]),
        ("Music", ["-    children: [Dance, 'Music', {name: Film, weight: 3}]",
                   "+    children: [Dance, {name: Film, weight: 3}]"]),
        ("Film", ["-    children: [Dance, 'Music', {name: Film, weight: 3}]",
                  "+    children: [Dance, 'Music']"]),
        ("Arts", ["-  # What people make.", "-  - name: Arts",
                  "-    children: [Dance, 'Music', {name: Film, weight: 3}]"]),
        ("Birds", ["-    - name: Zoology", "-      children:", "-      - Birds"]),
    ],
    ids=["line", "own-comment", "split-item", "first", "middle", "last", "branch", "empties-a-branch"],
)  # fmt: skip
def test_remove_takes_the_lines_of_the_node(node: str, expected: list[str]) -> None:
    """The node goes with its own comments and with a branch that it leaves empty; every other line stays."""
    assert changes(TREE, remove(TREE, node)) == expected


def test_remove_of_a_branch_takes_all_below_it() -> None:
    """From the comment above a branch to the comments inside it, its lines go."""
    new = remove(TREE, "Natural science")
    assert new == "# My fields.\ntaxonomy:\n\n" + TREE[TREE.index("  # What people make.") :]


def test_a_name_that_a_branch_beside_it_has_is_refused_with_a_way_out() -> None:
    """By hand it could not be given either, so the way out is another name."""
    text = "taxonomy:\n- {name: A, children: [X]}\n- {name: B, children: [Y]}\n"
    with pytest.raises(TaxonomyError, match="'B' already stands beside it") as caught:
        rename(text, "A", "b ")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("Give another name or place")


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        ("Y", "[\n  X,  # of X\n  Z  # of Z\n]\n"),
        ("X", "[\n  {name: Y,\n   weight: 2},  # of Y\n  Z  # of Z\n]\n"),
        ("Z", "[\n  X,  # of X\n  {name: Y,\n   weight: 2},  # of Y\n  \n]\n"),
    ],
)
@pytest.mark.parametrize("comma", ["", ","])
def test_a_comment_between_brackets_stays_with_its_neighbour(gone: str, left: str, comma: str) -> None:
    """The comment at the end of an item's line goes with the item, and with no other."""
    text = f"taxonomy: [\n  X,  # of X\n  {{name: Y,\n   weight: 2}},  # of Y\n  Z{comma}  # of Z\n]\n"
    expected = "taxonomy: " + (left if gone == "Z" else left.replace("Z ", f"Z{comma} "))
    assert remove(text, gone) == expected


def test_a_comment_between_brackets_goes_where_its_node_goes() -> None:
    """A node that is moved out of brackets has its comment behind it, and into brackets it is not moved without."""
    text = "taxonomy:\n  - name: A\n    children: [\n      X,  # of X\n      W,  # of W\n      Z]\n"
    text += "  - {name: B, children: [Q]}\n"
    assert move(text, "W", under="/") == text.replace("      W,  # of W\n", "") + "  - W  # of W\n"
    with pytest.raises(TaxonomyError, match="has comments"):
        move(text, "W", under="B")


def test_remove_leaves_no_double_blank_line() -> None:
    """Where a node stood between blank lines, one blank line stays."""
    text = "taxonomy:\n- A\n\n- B\n\n- C\n\n- D\n"
    assert remove(text, "B") == "taxonomy:\n- A\n\n- C\n\n- D\n"
    assert select(text, ["A", "D"]) == "taxonomy:\n- A\n\n- D\n"


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("Chem", "There is no node 'Chem'"),
        ("Natural sciences", "did you mean 'Natural science'"),
    ],
)
def test_remove_refuses_an_unknown_node(node: str, expected: str) -> None:
    """An unknown node is named, with the nearest if one is near."""
    with pytest.raises(TaxonomyError, match=expected):
        remove(TREE, node)


def test_remove_leaves_at_least_one_discipline() -> None:
    """The last discipline cannot be removed."""
    with pytest.raises(TaxonomyError, match="Without 'F' nothing would be left"):
        remove("taxonomy: [{name: F, children: [A, B]}]", "F")


def test_select_keeps_what_belongs_to_the_kept() -> None:
    """Only the named disciplines are left, with their branches, settings and comments."""
    assert select(TREE, ["film", "Astronomy", "Birds"]) == (
        """\
# My fields.
taxonomy:
  # What nature does.
  - name: Natural science  # the first
    weight: 1.50
    notes: |
      Of one country.

    children:
      # Looks up.
      - {name: Astronomy, weight: 2, notes: 'for amateurs, only'}

      # later: Geology
    # end of natural science

  # What people make.
  - name: Arts
    children: [{name: Film, weight: 3}]
  - name: Life
    children:
    - name: Zoology
      children:
      - Birds
# The end.
"""
    )


def test_select_of_all_changes_nothing() -> None:
    """Keeping everything gives the same text."""
    assert select(TREE, names(TREE)) == TREE


def test_select_refuses_an_unknown_discipline() -> None:
    """As in the tree, an unknown name is an error."""
    with pytest.raises(TaxonomyError, match=r"There is no discipline 'Dnace' in .* did you mean 'Dance'"):
        select(TREE, ["Dnace"])


def test_the_shipped_taxonomy_can_be_cut_down() -> None:
    """Two disciplines of the shipped file leave two short fields under its header."""
    text = select(shipped_text("paper"), ["Astronomy", "Classics"])
    assert text.startswith("# Disciplines of the paper")
    assert text[text.index("taxonomy:") :] == (
        'taxonomy:\n  - name: Humanities\n    title: "Academic: humanities"\n    children:\n      - Classics  # ours\n'
        '  - name: Natural science\n    title: "Academic: natural science"\n    children:\n      - Astronomy\n'
    )


@pytest.mark.parametrize("text", ["? taxonomy\n: - A\n  - B\n", "taxonomy:\r- A\r- B\r"], ids=["question-mark", "cr"])
def test_a_file_in_a_rare_form_is_refused(text: str) -> None:
    """Where the lines of an item cannot be told apart, nothing is changed."""
    with pytest.raises(TaxonomyError, match="nothing was changed"):
        remove(text, "A")


@pytest.mark.parametrize("text", ["", "taxonomy: [A", "taxonomy: []"])
def test_an_unreadable_file_is_not_edited(text: str) -> None:
    """A file that is no taxonomy is refused as it is when read."""
    with pytest.raises(TaxonomyError, match=r"^taxonomy\.yaml, line 1"):
        add(text, "B", under="/")
    with pytest.raises(TaxonomyError, match=r"^taxonomy\.yaml, line 1"):
        remove(text, "A")
    with pytest.raises(TaxonomyError, match=r"^taxonomy\.yaml, line 1"):
        select(text, ["A"])


@settings(max_examples=80, deadline=None)
@given(body=files(), data=st.data())
def test_select_gives_what_keep_gives(body: str, data: st.DataObject) -> None:
    """Cutting the text and cutting the tree are one, and every comment line that stays was there before."""
    text = f"taxonomy:\n{body}"
    tree = Taxonomy.parse(text, "taxonomy.yaml")
    leaves = [leaf.name for leaf in tree.disciplines]
    kept = data.draw(st.lists(st.sampled_from(leaves), min_size=1, unique=True))
    new = select(text, kept)
    assert Taxonomy.parse(new, "taxonomy.yaml") == tree.keep(kept)
    assert is_thinned(text, new)


def test_a_blank_line_left_over_is_one_that_was_there() -> None:
    """Lines leave and none comes, also where a blank line between two that left stays."""
    text = "taxonomy:\n- name: N0\n  notes: |\n    a\n\n    # b\n- N1\n- N2\n\n- N3\n"
    assert select(text, ["N1"]) == "taxonomy:\n- N1\n\n"
    assert is_thinned(text, "taxonomy:\n- N1\n\n")
    assert not is_thinned(text, "taxonomy:\n- N2\n- N1\n")


@settings(max_examples=80, deadline=None)
@given(body=files(), data=st.data())
def test_add_then_remove_gives_the_old_text(body: str, data: st.DataObject) -> None:
    """Removing what was added restores the file byte for byte."""
    text = f"taxonomy:\n{body}"
    tree = Taxonomy.parse(text, "taxonomy.yaml")
    under = data.draw(st.sampled_from(["/", *(branch.name for branch in tree.branches)]))
    notes = data.draw(st.sampled_from(["", "plain", "a: b\n#c"]))
    new = add(text, "Something: new", under=under, notes=notes)
    assert len(Taxonomy.parse(new, "new").disciplines) == len(tree.disciplines) + 1
    assert Taxonomy.parse(remove(new, "Something: new"), "taxonomy.yaml") == tree
