"""A taxonomy is read exactly as it is written, or refused with the thing, the value, the place and the way out."""

import re
import time
from fractions import Fraction
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.errors import TaxonomyError
from glan.records import Discipline, Level, Subject
from glan.taxonomy.nodes import Branch, read_nodes
from glan.taxonomy.parts import Scalar, Sequence, Span
from glan.taxonomy.tree import Taxonomy, shipped_names, shipped_text

TREE = """\
taxonomy:
  - name: Natural science
    title: "Academic: natural science"
    weight: 1.5
    notes: Schools of one country.
    children:
      - Physics
      - {name: Astronomy, title: Sky, weight: 2, notes: For amateurs., subjects: [Orbits]}
      - name: Life
        weight: 3/7
        children: [Botany, TCP/IP]
  - name: Arts
    children:
      - name: Life
        children:
          - Dance
  - Logic
"""


def parse(text: str) -> Taxonomy:
    return Taxonomy.parse(dedent(text), "taxonomy.yaml")


def leaf(text: str) -> Discipline:
    return parse(text).disciplines[0]


def refusal(text: str) -> str:
    with pytest.raises(TaxonomyError) as caught:
        Taxonomy.parse(text, "taxonomy.yaml")
    return str(caught.value)


def test_leaves_stand_in_the_order_of_the_file() -> None:
    """The disciplines are the leaves, in the order in which they are written."""
    names = [leaf.name for leaf in parse(TREE).disciplines]
    assert names == ["Physics", "Astronomy", "Botany", "TCP/IP", "Dance", "Logic"]


def test_a_leaf_inherits_from_its_path() -> None:
    """A leaf has the titles above it, the product of the weights, and the notes with its own last."""
    astronomy = parse(TREE).disciplines[1]
    assert astronomy == Discipline(
        name="Astronomy",
        key="astronomy",
        path=("Academic: natural science",),
        title="Sky",
        weight=Fraction(3),
        notes=("Schools of one country.", "For amateurs."),
        subjects=(Subject(name="Orbits", key="orbits", level=Level.INTRODUCTORY),),
    )


def test_a_leaf_at_the_top_has_no_path() -> None:
    """A flat list of disciplines is a taxonomy too."""
    assert parse(TREE).disciplines[-1] == Discipline(name="Logic", key="logic", path=(), title="Logic")


def test_branches_stand_before_what_is_below_them() -> None:
    """All branches are listed from the top, with their own weights and paths."""
    found = [(branch.name, branch.path, branch.weight) for branch in parse(TREE).branches]
    assert found == [
        ("Natural science", (), Fraction(3, 2)),
        ("Life", ("Academic: natural science",), Fraction(9, 14)),
        ("Arts", (), Fraction(1)),
        ("Life", ("Arts",), Fraction(1)),
    ]


@pytest.mark.parametrize(
    ("written", "weight"),
    [
        ("2", Fraction(2)),
        ("0.1", Fraction(1, 10)),
        (".5", Fraction(1, 2)),
        ("5.", Fraction(5)),
        ("+1.25", Fraction(5, 4)),
        ("1e-3", Fraction(1, 1000)),
        ("3/7", Fraction(3, 7)),
        ("'1/3'", Fraction(1, 3)),
        ('"2"', Fraction(2)),
        ("1000000", Fraction(1_000_000)),
        ("1/1000000", Fraction(1, 1_000_000)),
    ],
)
def test_weights_are_exact(written: str, weight: Fraction) -> None:
    """A weight is the number as it is written, without a detour through binary fractions."""
    assert leaf(f"taxonomy: [{{name: A, weight: {written}}}]").weight == weight


@pytest.mark.parametrize(
    "written",
    ["yes", "no", "on", "1984", "0x1F", "3.14", "true", "2024-01-01", "1_000", "NULLS", "1e3", "C++", "C#", "数学"],
)
def test_a_name_is_the_text_that_a_person_reads(written: str) -> None:
    """What YAML could take for a number, a truth or a date stays the name that is written."""
    assert leaf(f"taxonomy:\n- {written}\n").name == written


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ('"  Earth   science "', "Earth science"),
        ("Earth\n  science", "Earth science"),
        (">-\n  Earth\n  science", "Earth science"),
        ("|\n  Physics\n", "Physics"),
        ('"Earth\\u00a0science"', "Earth science"),
        ("'null'", "null"),
        ('"a: b"', "a: b"),
        ('"क्\u200dष"', "क्\u200dष"),
    ],
)
def test_names_lose_their_odd_spaces_only(written: str, name: str) -> None:
    """Spaces are collapsed, and nothing else is changed."""
    assert leaf(f"taxonomy:\n- {written}\n").name == name


def test_given_subjects_are_read() -> None:
    """Subjects that a person gives have a level and subtopics where they say so."""
    found = leaf("""
        taxonomy:
          - name: Astronomy
            subjects:
              - Orbits
              - {name: Stars, level: Graduate, subtopics: [Light, Mass, light]}
    """).subjects
    assert found == (
        Subject(name="Orbits", key="orbits", level=Level.INTRODUCTORY),
        Subject(name="Stars", key="stars", level=Level.GRADUATE, subtopics=("Light", "Mass")),
    )


def test_notes_may_have_several_lines() -> None:
    """A block of notes keeps its lines; empty notes are none."""
    text = "taxonomy:\n- name: A\n  notes: |\n    One.\n    Two.\n\n- {name: B, notes: }\n"
    assert [leaf.notes for leaf in parse(text).disciplines] == [("One.\nTwo.",), ()]


def test_a_byte_order_mark_and_other_line_ends_are_read() -> None:
    """Files from other systems are read as they are."""
    assert leaf("\ufefftaxonomy:\r\n- A\r\n").name == "A"


def nested(levels: int) -> str:
    return (
        "taxonomy: ["
        + "".join(f"{{name: B{i}, children: [" for i in range(levels - 1))
        + "A"
        + "]}" * (levels - 1)
        + "]"
    )


def test_eight_levels_are_read_and_nine_are_not() -> None:
    """The disciplines count as a level."""
    assert len(leaf(nested(8)).path) == 7
    assert "nested too deep; a taxonomy has at most 8 levels" in refusal(nested(9))


HOSTILE = {
    "not-yaml": ("taxonomy: [A", "line 1, column 13: this is not valid YAML: while parsing a flow sequence"),
    "bad-indent": ("taxonomy:\n  - A\n - B\n", "line 3, column 2: this is not valid YAML"),
    "tab": ("taxonomy:\n\t- A\n", "line 2, column 1: this is not valid YAML"),
    "control": ("taxonomy:\n- A\x07\n", "line 2, column 4: the character '\\x07' cannot stand in YAML; remove it."),
    "raw-surrogate": ("taxonomy:\n- A\ud800\n", "line 2, column 4: the character '\\ud800' cannot"),
    "escape-beyond-unicode": ('taxonomy: ["\\UFFFFFFFF"]', "is not valid YAML"),
    "unknown-version": ("%YAML 7.0\n---\na: b", "is not valid YAML"),
    "empty-file": ("", "line 1, column 1: there is no `taxonomy:` with a list"),
    "comment-only": ("# nothing\n", "there is no `taxonomy:`"),
    "a-list": ("- A\n- B\n", "there is no `taxonomy:`"),
    "a-text": ("Physics", "there is no `taxonomy:`"),
    "other-key": ("taxonomi: [A]", "there is no `taxonomy:`"),
    "second-key": ("taxonomy: [A]\ntaxonmy: [B]", "line 2, column 1: unknown key 'taxonmy'; did you mean 'taxonomy'?"),
    "key-twice": (
        "taxonomy: [A]\ntaxonomy: [B]",
        "line 2, column 1: the key 'taxonomy' stands twice; first in line 1.",
    ),
    "empty-list": ("taxonomy: []", "line 1, column 1: `taxonomy:` is empty"),
    "null-list": ("taxonomy:\n", "`taxonomy:` is empty"),
    "no-list": ("taxonomy: Physics", "`taxonomy:` is no list"),
    "two-documents": ("taxonomy: [A]\n---\ntaxonomy: [B]", "line 2, column 1: a second document begins here"),
    "anchor": ("taxonomy: [&a A]", "column 12: anchors and aliases are not read; write what 'a' stands for"),
    "alias": ("taxonomy: [A, *b]", "column 15: anchors and aliases are not read; write what 'b' stands for"),
    "cycle": ("taxonomy: &t\n- name: A\n  children: *t\n", "line 1, column 11: anchors and aliases"),
    "python-tag": ("taxonomy: [!!python/object:os.system x]", "the tag 'tag:yaml.org,2002:python/object:os.system'"),
    "own-tag": ("taxonomy: !x [A]", "the tag '!x' is not read"),
    "merge-key": ("taxonomy: [{<<: {name: A}}]", "unknown key '<<'; known here: name, title, weight"),
    "list-as-key": ("taxonomy: [{[a, b]: c}]", "a key is a word here"),
    "list-in-list": ("taxonomy: [[A]]", "column 12: a list stands directly in a list; give it a `name:`"),
    "unknown-key": ("taxonomy: [{name: A, wieght: 2}]", "column 22: unknown key 'wieght'; did you mean 'weight'?"),
    "shorthand": ("taxonomy: [{Physics: [Optics]}]", "unknown key 'Physics'; known here: name, title"),
    "no-name": ("taxonomy: [{weight: 2}]", "column 12: a node has no `name:`"),
    "empty-name": ('taxonomy: [A, ""]', "column 15: the name is empty"),
    "null-name": ("taxonomy:\n- A\n- ~\n", "line 3, column 3: the name is empty"),
    "no-value": ("taxonomy:\n- A\n-\n", "the name is empty"),
    "blank-name": ("taxonomy: ['  ']", "the name is empty"),
    "empty-title": ("taxonomy: [{name: A, title: }]", "the title is empty"),
    "no-letter": ("taxonomy: ['+-']", "the name '+-' has no letter and no digit"),
    "name-is-list": ("taxonomy: [{name: [A]}]", "column 19: the name is a list; it must be a text."),
    "notes-are-mapping": ("taxonomy: [{name: A, notes: {a: b}}]", "the notes is a mapping"),
    "long-name": (f"taxonomy: [{'A' * 201}]", "has 201 characters; at most 200 are read"),
    "control-in-name": ('taxonomy: ["A\\0B"]', "the name 'A\\x00B' has the invisible character '\\x00'"),
    "line-in-name": ('taxonomy: ["A\\nB"]', "the invisible character '\\n'"),
    "right-to-left": ('taxonomy: ["\u202eA"]', "the name '\\u202eA' has the invisible character '\\u202e'"),
    "zero-width": ('taxonomy: ["A\u200bB"]', "the invisible character '\\u200b'"),
    "surrogate": ('taxonomy: ["A\\ud800"]', "the invisible character '\\ud800'"),
    "unseen-notes": ('taxonomy: [{name: A, notes: "x\U000e0041"}]', "the notes have the invisible character"),
    "no-children": ("taxonomy: [{name: A, children: []}]", "column 22: `children:` of 'A' is empty; list something"),
    "null-children": ("taxonomy: [{name: A, children: }]", "`children:` of 'A' is empty"),
    "text-children": ("taxonomy: [{name: A, children: B}]", "`children:` of 'A' is no list"),
    "subjects-of-branch": ("taxonomy: [{name: A, children: [B], subjects: [C]}]", "the branch 'A' has `subjects:`"),
    "same-leaf": (
        "taxonomy:\n- A b\n- {name: F, children: [a B]}\n",
        "line 3, column 24: the discipline 'a B' already stands in the tree, as 'A b' in line 2, column 3;",
    ),
    "same-branches": (
        "taxonomy: [{name: F, children: [A]}, {name: f, children: [B]}]",
        "column 38: the name 'f' already stands beside it, as 'F' in line 1, column 12",
    ),
    "same-subject": (
        "taxonomy: [{name: A, subjects: [S, s]}]",
        "the subject 's' already stands in this discipline, as 'S' in line 1, column 33",
    ),
    "unknown-level": ("taxonomy: [{name: A, subjects: [{name: S, level: hard}]}]", "there is no level 'hard'; the"),
    "subject-without-name": ("taxonomy: [{name: A, subjects: [{level: graduate}]}]", "a subject has no `name:`"),
    "subject-key": ("taxonomy: [{name: A, subjects: [{name: S, topics: [x]}]}]", "did you mean 'subtopics'?"),
    "subject-is-list": ("taxonomy: [{name: A, subjects: [[S]]}]", "the subject is a list"),
    "empty-subtopic": ("taxonomy: [{name: A, subjects: [{name: S, subtopics: ['']}]}]", "the subtopic is empty"),
    "endless-tag": ("!" * 1_000_000, "has an exclamation mark in more than 10,000 characters without a space"),
    "deep-lists": ("taxonomy: " + "[" * 50_000, "nested too deep"),
    "deep-mappings": ("taxonomy: " + "{a: " * 50_000, "nested too deep"),
}


@pytest.mark.parametrize(("text", "expected"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_bad_file_is_refused_with_its_place(text: str, expected: str) -> None:
    """Each mistake has a message of its own, in the name of the file, that can be printed."""
    message = refusal(text)
    assert expected in message
    assert message.startswith("taxonomy.yaml")
    message.encode()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0", "is not more than 0"),
        ("0.000", "is not more than 0"),
        ("-1", "is not more than 0"),
        ("0/3", "is not more than 0"),
        ("1/0", "divides by 0"),
        ("1000001", "is out of range; weights are between 1/1,000,000 and 1,000,000."),
        ("1e-7", "is out of range"),
        ("1e99", "is out of range"),
        ("1e999999999", "is not a number"),
        ("9" * 10_000, "is not a number"),
        (".nan", "is not a number"),
        ("nan", "is not a number"),
        (".inf", "is not a number"),
        ("inf", "is not a number"),
        ("many", "is not a number"),
        ("true", "is not a number"),
        ("", "is not a number"),
        (".", "is not a number"),
        (".e5", "is not a number"),
        ("'٣'", "is not a number"),
        ("1/2/3", "is not a number"),
        ("[2]", "the weight is a list"),
    ],
)
def test_a_bad_weight_is_refused(written: str, expected: str) -> None:
    """A weight is a number above 0 and within the limits, and no exponent is worked out before that is known."""
    message = refusal(f"taxonomy: [{{name: A, weight: {written}}}]")
    assert expected in message
    assert len(message) < 250


def test_a_great_tree_is_refused() -> None:
    """A tree has at most 100,000 nodes."""
    span = Span(0, 0, 1, 1)
    items = tuple(Scalar(value=f"n{i}", is_null=False, span=span) for i in range(100_001))
    assert len(read_nodes(Sequence(items=items[1:], is_flow=False, span=span), "great")) == 100_000
    with pytest.raises(TaxonomyError, match="the taxonomy has more than 100,000 nodes"):
        read_nodes(Sequence(items=items, is_flow=False, span=span), "great")


def test_an_endless_text_is_refused_unread() -> None:
    """The length of a text is looked at before anything else."""
    assert "has more than 16,000,000 characters" in refusal("#" * 16_000_001)


def test_five_thousand_leaves_are_read_in_time() -> None:
    """A large taxonomy is no burden; the limit leaves room for a slow machine."""
    fields = [
        f"  - name: Field {i}\n    children:\n" + "".join(f"      - Leaf {k} of field {i}\n" for k in range(100))
        for i in range(50)
    ]
    start = time.process_time()
    found = Taxonomy.parse("taxonomy:\n" + "".join(fields), "large")
    assert len(found.disciplines) == 5_000
    assert time.process_time() - start < 5


def test_a_file_is_read(tmp_path: Path) -> None:
    """A file is its text, and its path is the source in messages."""
    path = tmp_path / "taxonomy.yaml"
    path.write_text(TREE, encoding="utf-8")
    assert Taxonomy.read(path) == Taxonomy.parse(TREE, str(path))


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    """A missing file, a folder and another encoding each have their own message."""
    with pytest.raises(TaxonomyError, match=r"There is no file .*absent\.yaml"):
        Taxonomy.read(tmp_path / "absent.yaml")
    with pytest.raises(TaxonomyError, match="cannot be read"):
        Taxonomy.read(tmp_path)
    path = tmp_path / "latin.yaml"
    path.write_bytes("taxonomy:\n- Géologie\n".encode("latin-1"))
    with pytest.raises(TaxonomyError, match=r"latin\.yaml, line 2: this is not UTF-8; save"):
        Taxonomy.read(path)


def test_an_unknown_shipped_taxonomy_is_refused() -> None:
    """Only the names of shipped files are read, never a path."""
    with pytest.raises(TaxonomyError, match=r"There is no taxonomy '\.\./paper'; the shipped ones are .*paper"):
        Taxonomy.shipped("../paper")
    assert "paper" in shipped_names()
    assert "taxonomy:" in shipped_text("paper")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Physics", "Physics"),
        ("  pHYSICS ", "Physics"),
        ("natural  science", "Natural science"),
        ("Natural science/Physics", "Physics"),
        ("Natural science / Life / Botany", "Botany"),
        ("Life/Dance", "Dance"),
        ("/Logic", "Logic"),
        ("TCP/IP", "TCP/IP"),
        ("Life/tcp/ip", "TCP/IP"),
        ("Sky", "Astronomy"),
        ("Academic: natural science", "Natural science"),
    ],
)
def test_a_node_is_found_by_name_path_or_title(query: str, expected: str) -> None:
    """Case and spaces do not matter, a path may begin anywhere, and a title counts where no name does."""
    assert parse(TREE).named(query).name == expected


def test_a_branch_of_one_name_among_several_is_found_by_its_path() -> None:
    """A name that two branches have is refused with the paths, and each path finds its branch."""
    tree = parse(TREE)
    with pytest.raises(TaxonomyError, match=re.escape("write one of /Natural science/Life, /Arts/Life.")):
        tree.named("Life")
    for field in ("/Natural science", "Arts"):
        found = tree.named(f"{field}/Life")
        assert isinstance(found, Branch)
        assert found.path == (tree.named(field).title,)


def test_a_branch_with_the_name_of_a_leaf_is_found_from_the_top() -> None:
    """A slash at the beginning stands for the top."""
    tree = parse("taxonomy: [{name: Farming, children: [Farming, Fishing]}]")
    assert isinstance(tree.named("/Farming"), Branch)
    assert isinstance(tree.named("Farming/farming"), Discipline)
    with pytest.raises(TaxonomyError, match="write one of /Farming, /Farming/Farming"):
        tree.named("Farming")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Phyics", "There is no node 'Phyics' in taxonomy.yaml; did you mean 'Physics'?"),
        ("IP", "There is no node 'IP' in taxonomy.yaml."),
        ("", "There is no node '' in taxonomy.yaml."),
        ("/Physics", "There is no node '/Physics' in taxonomy.yaml; did you mean 'Physics'?"),
        ("x" * 100_000, "There is no node 'xxx"),
        ("\ud800", "There is no node '\\ud800'"),
    ],
    ids=["near", "part-of-a-name", "empty", "not-at-the-top", "endless", "surrogate"],
)
def test_an_unknown_node_is_refused_with_the_nearest(query: str, expected: str) -> None:
    """The message names what was asked for and what may have been meant."""
    with pytest.raises(TaxonomyError) as caught:
        parse(TREE).named(query)
    assert str(caught.value).startswith(expected)


def test_leaves_under_a_node() -> None:
    """Below a branch are its leaves in order, and a leaf is below itself."""
    tree = parse(TREE)
    assert [leaf.name for leaf in tree.leaves_under(tree.named("Natural science/Life"))] == ["Botany", "TCP/IP"]
    assert tree.leaves_under(tree.named("Dance")) == (tree.named("Dance"),)


def test_keep_leaves_the_named_disciplines_as_they_are() -> None:
    """What is kept stays in the order of the tree with weight, path and notes, and empty branches vanish."""
    tree = parse(TREE)
    kept = tree.keep(["logic", "BOTANY", "Sky", "botany"])
    assert kept.disciplines == tuple(tree.named(name) for name in ("Astronomy", "Botany", "Logic"))
    assert [branch.name for branch in kept.branches] == ["Natural science", "Life"]
    assert kept.keep(leaf.name for leaf in kept.disciplines) == kept


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Physics", "Dnace"], "There is no discipline 'Dnace' in taxonomy.yaml; did you mean 'Dance'?"),
        (["Arts"], "'Arts' is a branch of taxonomy.yaml, not a discipline"),
        ([], "No discipline is named"),
    ],
    ids=["unknown", "branch", "none"],
)
def test_keep_refuses_what_is_no_discipline(names: list[str], expected: str) -> None:
    """Nothing is left out silently."""
    with pytest.raises(TaxonomyError, match=re.escape(expected)):
        parse(TREE).keep(names)


NAMES = st.text(
    st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"], exclude_characters="\ufeff"),
    max_size=20,
)


@st.composite
def trees(draw: st.DrawFn, above: str = "n") -> list[tuple[str, Fraction, object]]:
    """Draw nodes as (name, weight, children or None); a name ends in its place."""
    nodes: list[tuple[str, Fraction, object]] = []
    for i in range(draw(st.integers(1, 3))):
        name = f"{draw(NAMES)} {above}{i}"
        weight = draw(st.fractions(min_value=Fraction(1, 1000), max_value=1000, max_denominator=1000))
        children = draw(trees(f"{above}{i}")) if len(above) < 4 and draw(st.booleans()) else None
        nodes.append((name, weight, children))
    return nodes


def written(nodes: list[tuple[str, Fraction, object]], margin: str = "  ") -> str:
    lines = []
    for name, weight, children in nodes:
        quoted = "'" + name.replace("'", "''") + "'"
        lines.append(f"{margin}- name: {quoted}\n{margin}  weight: {weight}\n")
        if isinstance(children, list):
            lines.append(f"{margin}  children:\n" + written(children, margin + "    "))
    return "".join(lines)


def expected_leaves(
    nodes: list[tuple[str, Fraction, object]], path: tuple[str, ...] = (), above: Fraction = Fraction(1)
) -> list[tuple[str, tuple[str, ...], Fraction]]:
    found = []
    for name, weight, children in nodes:
        shown = " ".join(name.split())
        if isinstance(children, list):
            found += expected_leaves(children, (*path, shown), above * weight)
        else:
            found.append((shown, path, above * weight))
    return found


@settings(max_examples=60, deadline=None)
@given(nodes=trees())
def test_any_tree_is_read_back(nodes: list[tuple[str, Fraction, object]]) -> None:
    """Names, order, paths and exact weights of a written tree come back."""
    found = Taxonomy.parse("taxonomy:\n" + written(nodes), "drawn")
    assert [(leaf.name, leaf.path, leaf.weight) for leaf in found.disciplines] == expected_leaves(nodes)
    for chain in found.chains():
        path = "".join(f"/{node.name}" for node in chain)
        assert "/" in path.strip("/") or found.named(path) is chain[-1]


PIECES = ["- ", "\n", "  ", ": ", "{", "}", "[", "]", ",", "#", '"', "'", "|\n", ">-\n", "&a ", "*a", "!!str ", "? ",
          "---\n", "...\n", "\t", "\\", "\r", "\x85", "\u2028", "name", "A", "é", "taxonomy", "children", "weight",
          "subjects", "notes", "1e9", "~", "%YAML 1.1\n", "<<", "\x00", "\ud800", '"\\uD800"']  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=8),
    at=st.integers(0, len(TREE)),
    cut=st.integers(0, 12),
)
def test_a_damaged_file_is_read_or_refused(pieces: list[str], at: int, cut: int) -> None:
    """Whatever stands in a file, it is a taxonomy or a `TaxonomyError` that can be printed."""
    text = TREE[:at] + "".join(pieces) + TREE[at + cut :]
    try:
        found = Taxonomy.parse(text, "damaged.yaml")
    except TaxonomyError as error:
        message = str(error)
    else:
        message = "damaged.yaml"
        assert len({leaf.key for leaf in found.disciplines}) == len(found.disciplines) > 0
    assert message.encode().startswith(b"damaged.yaml")
