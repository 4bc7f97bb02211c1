"""People see the tree with its shares, and are told what looks wrong before it costs money."""

import time

import pytest

from glan.taxonomy.survey import check, coverage, levels, outline
from glan.taxonomy.tree import Taxonomy


def parse(text: str) -> Taxonomy:
    return Taxonomy.parse(text, "taxonomy.yaml")


def test_outline_has_a_line_for_each_node() -> None:
    """Depth, title, number of leaves, weight and share of the whole, in the order of the file."""
    lines = outline(parse("taxonomy: [{name: F, title: Field, weight: 3, children: [A, {name: B, weight: 2}]}, C]"))
    assert [
        (line.depth, line.name, line.title, line.is_leaf, line.leaves, line.weight, line.share) for line in lines
    ] == [
        (0, "F", "Field", False, 2, 9.0, 0.9),
        (1, "A", "A", True, 1, 3.0, 0.3),
        (1, "B", "B", True, 1, 6.0, 0.6),
        (0, "C", "C", True, 1, 1.0, 0.1),
    ]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Political science", "Politcal sciences"),
        ("Political science", "Science, political"),
        ("Library and museum studies", "Museum & library studies"),
        ("Astronomy", "Astornomy"),
        ("Astronomy", "Astronomi"),
        ("Psychology", "sychology"),
        ("Textile industry", "Textiles industry"),
    ],
)
def test_names_that_look_alike_are_found(left: str, right: str) -> None:
    """Another order, a plural, a joining word or one slip make no other discipline."""
    findings = check(parse(f"taxonomy: [{{name: F, children: ['{left}', Botany, '{right}', Dance, Law]}}]"))
    assert f"'{left}' and '{right}' look alike; keep one of them if they are one." in findings


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Film", "Film industry"),
        ("History", "American history"),
        ("Geology", "Zoology"),
        ("Art", "Arc"),
        ("C", "C++"),
        ("Part 1 of 12", "Part 12 of 1"),
        ("Physics of grade 3", "Physics of grade 4"),
        ("Public health", "Public policy"),
    ],
)
def test_names_that_differ_are_left_alone(left: str, right: str) -> None:
    """A word more, another number, or a letter in a short name is another discipline."""
    assert check(parse(f"taxonomy: [{{name: F, children: ['{left}', '{right}', Dance]}}]")) == []


def test_copies_are_counted_when_there_are_many() -> None:
    """The list of look-alikes has an end."""
    names = [f"Something long {chr(97 + i)}{chr(97 + k)}" for i in range(26) for k in range(26)]
    found = check(parse(f"taxonomy: [{{name: F, children: [{', '.join(names)}]}}]"))
    findings = [finding for finding in found if "look alike" in finding]
    assert len(findings) == 51
    assert findings[-1].endswith("more pairs of names look alike.")


def test_lonely_heavy_wordy_and_fieldless_nodes_are_found() -> None:
    """Each finding names the node and the number."""
    text = f"""\
taxonomy:
  - {{name: Big, weight: 8, children: [A, B]}}
  - {{name: Small, notes: "{"x" * 1_500}", children: [Dance]}}
  - Law
"""
    assert check(parse(text)) == [
        "The branch /Small has one child, 'Dance'; give it others, or move the child up.",
        "'Big' has 89% of the weight at the top; the other 2 nodes there share the rest; weights can mend it.",
        "The notes of /Small have 1,500 characters, which every prompt carries; shorten them.",
        "Disciplines stand at the top (1, 'Law' first); their rows have no field, until they are moved under a branch.",
    ]


def test_wide_deep_and_wrongly_coded_nodes_are_found() -> None:
    """More children than people look through, more levels than rows tell, and codes that the classification lacks."""
    deep = "{name: B, children: [" * 6 + "C, {name: D, isced: '0999'}" + "]}" * 6
    wide = "{name: Wide, children: [" + ", ".join(f"Leaf {i * 7919}" for i in range(101)) + "]}"
    found = check(parse(f"taxonomy: [{wide}, {deep}]"))
    assert "The branch /Wide has 101 children, more than people look through; put branches between." in found
    assert any(finding.startswith("The tree has 7 levels, at /B/B/B/B/B/B/C: rows name") for finding in found)
    assert any("'D' has the code 0999, which is no detailed field of ISCED-F 2013" in finding for finding in found)


def test_levels_count_what_stands_at_them() -> None:
    """Branches, disciplines, and how many children branches have, from the top."""
    found = levels(outline(parse("taxonomy: [{name: F, children: [A, {name: G, children: [B, C, D]}]}, E]")))
    assert [(level.branches, level.leaves, level.least_children, level.most_children) for level in found] == [
        (1, 1, 2, 2), (1, 1, 3, 3), (0, 3, 0, 0)
    ]  # fmt: skip


def test_the_outline_of_a_part_keeps_its_share_of_the_whole() -> None:
    """A node and what is under it, as deep as it stands there, with its part of the whole tree."""
    tree = parse("taxonomy: [{name: F, children: [A, {name: B, weight: 2}]}, C]")
    assert [(line.name, line.depth, line.share) for line in outline(tree, tree.named("F"))] == [
        ("F", 0, 0.75), ("A", 1, 0.25), ("B", 1, 0.5)
    ]  # fmt: skip


def test_coverage_of_a_classification() -> None:
    """Fields without a discipline are named by code and name, and disciplines without a code are counted."""
    found = coverage(parse("taxonomy: [{name: F, children: [{name: A, isced: '0511'}, B]}]"))
    assert (found.fields, len(found.missing), found.without_code) == (80, 79, ("B",))
    assert found.told().startswith("ISCED-F 2013: 1 of its 80 fields have a discipline; without one: 0011 Basic prog")
    assert found.told().endswith("and 74 more. 1 disciplines have no code.")


def test_five_thousand_leaves_are_checked_in_time() -> None:
    """No name is compared with all others; the limit leaves room for a slow machine."""
    names = [f"Discipline {i} {i * 7919 % 5000}" for i in range(5_000)]
    tree = parse("taxonomy:\n- name: F\n  children:\n" + "".join(f"  - {name}\n" for name in names))
    start = time.process_time()
    check(tree)
    assert time.process_time() - start < 4
