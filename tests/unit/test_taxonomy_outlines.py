"""What people have becomes a tree: outlines, paths and tables of contents, and a line that is wrong is named."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.errors import TaxonomyError
from glan.taxonomy.outlines import count_of, read_outline
from glan.taxonomy.tree import Taxonomy
from glan.taxonomy.writing import New, document

LAW = "Law(Sea law(Admiralty law, Salvage), Tax law), Physics"


def told(nodes: Iterable[New]) -> str:
    """Return a tree in one line."""
    return ", ".join(node.name + (f"({told(node.children)})" if node.children else "") for node in nodes)


def read(text: str, source: str = "tree.txt", **how: Any) -> str:  # noqa: ANN401 - as `read_outline` takes them
    return told(read_outline(text, source, **how).nodes)


MARKDOWN = """\
# Law
Some words about it.

## Sea *law*
- [Admiralty law](http://x.example)
- **Salvage**

## Tax law ##
# Physics
"""
LISTS = "- Law\n  - Sea law\n    * Admiralty law\n    * [ ] Salvage\n  - Tax law\n- Physics\n"
CONTENTS = """\
1 Law .................. 1
1.1 Sea law . . . . . . 3
1.1.1 Admiralty law ..... 4
1.1.2 Salvage ........... xii
1.2 Tax law\t9
2. Physics   120
"""


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        (MARKDOWN, "markdown"),
        (LISTS, "markdown"),
        (LISTS.replace("  ", "\t"), "markdown"),
        ("1. Law\n   1) Sea law\n      - Admiralty law\n      - Salvage\n   2) Tax law\n2. Physics\n", "markdown"),
        ("Law\n  Sea law\n    Admiralty law\n    Salvage\n  Tax law\nPhysics\n", "outline"),
        ("Law\n\tSea law\n\t\tAdmiralty law\n\t\tSalvage\n\tTax law\nPhysics", "outline"),
        ("Law\n\tSea law\n                Admiralty law\n\t\tSalvage\n        Tax law\nPhysics", "outline"),
        ("Law,Sea law,Admiralty law\nLaw,Sea law,Salvage\nLaw,Tax law\nPhysics,\n", "paths"),
        ("Field;Sub-field;Leaf\nLaw;Sea law;Admiralty law\nLaw;Sea law;Salvage\nLaw;Tax law;\nPhysics;;", "paths"),
        ("Law/Sea law/Admiralty law\n/Law/Sea law/Salvage\nLaw / Tax law\n/Physics\n", "paths"),
        ('"Law","Sea law","Admiralty law"\nLaw,Sea law,Salvage\n"Law","Tax law"\nPhysics,', "paths"),
        (CONTENTS, "contents"),
        ("Chapter 1: Law 1\n1.1 Sea law 3\n1.1.1 Admiralty law 4\n1.1.2 Salvage 7\n1.2 Tax law 9\nPart 2: Physics 12\n",
         "contents"),
        ("Law ..... 1\n  Sea law .... 3\n    Admiralty law .... 4\n    Salvage .... 7\n  Tax law ... 9\nPhysics ... 12",
         "contents"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ends", ["\n", "\r\n", "bom"])
def test_each_format_is_found_by_itself(text: str, format_: str, ends: str) -> None:
    """Whatever the line ends, with a byte order mark and without, the same tree comes of it."""
    text = f"\ufeff{text}" if ends == "bom" else text.replace("\n", ends)
    found = read_outline(text, "tree")
    assert (found.format, told(found.nodes)) == (format_, LAW)


def test_prose_and_code_are_left_out_and_named() -> None:
    """Lines of Markdown that are neither headings nor items are no disciplines."""
    found = read_outline("# Law\n\nWords.\n\n```\n- code\n```\n- Tax law\n", "x.md")
    assert (told(found.nodes), found.skipped) == ("Law(Tax law)", (3, 5, 6, 7))


def test_a_format_can_be_named() -> None:
    """What looks like one format is read as another where that is said."""
    assert read("Law, civil\nLaw, penal\n", format_="outline") == "Law, civil, Law, penal"
    assert read("Law, civil\nLaw, penal\n") == "Law(civil, penal)"
    assert read("World War 2\nCold War 3\n", format_="outline") == "World War 2, Cold War 3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- Law\n- law\n", "x: a discipline stands once in a tree; these stand again: 'law' in line 2 (first in line"),
        ("# A\n- B\n# A\n- C\n", "'A' in line 3 (first in line 1)"),
        ("- A\n  - B\n- C\n  - b\n", "'b' in line 4 (first in line 2)"),
        ("Law,,Tax\nLaw,Sea,Salvage\n", "x, line 1: the name is empty"),
        ("A,B\nC,D\na,b\n", "x, line 3: this path stands in line 1 already."),
        (
            "Field,Discipline,Notes\nLaw,Tax,for clerks\n",
            "x, line 1: the file is read as paths, and 'Notes' is no level of one.",
        ),
        ("- A\n- ***\n", "x, line 2: the name '***' has no letter and no digit"),
        ("- A\n- B\u202eC\n", "x, line 2: the name 'B\\u202eC' has the invisible character"),
        ("- A\n- B\x1b[31m\n", "x, line 2: the name"),
        (f"- {'A' * 201}\n", "x, line 1: the name"),
        (f"- {'A' * 3000}\n", "x, line 1 has 3,002 characters"),
        ("".join(f"{'  ' * i}- L{i}\n" for i in range(9)), "x, line 9: 'L8' stands 9 levels deep; a taxonomy has"),
        ("", "x has no line that names a discipline, read as outline."),
        ("Only prose.\n\nAnd more.\n", None),
        ("\n".join(f"- D{i}" for i in range(100_001)), "x has more than 100,000 lines"),
    ],
    ids=["twice", "branch-twice", "deeper-twice", "empty", "path-twice", "column", "no-letter", "right-to-left",
         "escape", "long-name", "long-line", "deep", "nothing", "prose", "many"],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(text: str, expected: str | None) -> None:
    """Each error has the file and the line, and says what is wrong there."""
    if expected is None:
        assert read(text, "x") == "Only prose., And more."
        return
    with pytest.raises(TaxonomyError) as caught:
        read_outline(text, "x")
    assert expected in str(caught.value)


def test_the_parts_of_a_book_have_its_chapters() -> None:
    """A part stands above the chapters that follow it, an index does not, and the list's title is no discipline."""
    text = """Table of Contents

        Part I: Law ........ 1
          Chapter 1 Sea law .. 3
            1.1 Salvage ...... 4
          Chapter 2 Tax law .. 9
        PART II
          Chapter 3 Optics .. 20
        Index .............. 30
        """
    assert read(text) == "Law(Sea law(Salvage), Tax law), PART II(Optics), Index"
    assert read("Contents\n1 Law .... 3\n1.1 Tax law .... 4\n") == "Law(Tax law)"
    assert read("Contents\n1 Law 3\n1.1 Tax law 4\n1.2 Sea law 5\n") == "Law(Tax law, Sea law)"
    assert read("Part I: Law .... 1\n  Tax law .... 4\n") == "Part I: Law(Tax law)"
    assert read("Part 1 Law ... 3\nPart 2 Optics ... 4\n") == "Law, Optics"


def test_names_that_stand_again_can_be_told_apart() -> None:
    """With the branch's name behind it, a chapter's introduction is one of its own."""
    text = "1 Optics\n1.1 Introduction\n1.2 Lenses\n2 Heat\n2.1 Introduction\n"
    assert read(text, qualifies=True) == "Optics(Introduction (Optics), Lenses), Heat(Introduction (Heat))"


@pytest.mark.parametrize("line", ["." * 1_999, "- " * 999, "*" * 1_999, "1." * 900, "[" * 1_999, "a/" * 900 + "b"])
def test_a_hostile_line_costs_no_time(line: str) -> None:
    """Lines on which patterns could try for long are read or refused at once."""
    try:
        read_outline(f"{line}x\n" * 50, "x")
    except TaxonomyError as error:
        assert str(error).startswith("x")  # noqa: PT017 - either outcome is fine


WORDS = st.text(alphabet="abcdefghij", min_size=1, max_size=6)


@st.composite
def trees(draw: st.DrawFn, depth: int = 0) -> list[Any]:
    """Draw names with what is below them."""
    size = draw(st.integers(1 if depth == 0 else 0, 3))
    return [(draw(WORDS), draw(trees(depth + 1)) if depth < 3 else []) for _ in range(size)]


def numbered(nodes: list[Any], counter: list[int]) -> list[New]:
    found = []
    for name, below in nodes:
        counter[0] += 1
        children = numbered(below, counter)
        found.append(New(settings={"name": f"{name} {chr(97 + counter[0] % 26)}x{counter[0]}"}, children=children))
    return found


def lines(nodes: Iterable[New], depth: int = 0) -> Iterable[tuple[int, str, list[str]]]:
    for i, node in enumerate(nodes, 1):
        yield depth, node.name, [str(i)]
        yield from ((deep, name, [str(i), *number]) for deep, name, number in lines(node.children, depth + 1))


@settings(max_examples=100, deadline=None)
@given(trees())
def test_a_tree_survives_each_format(drawn: list[Any]) -> None:
    """Written as any of them and read again, a tree is what it was; as a YAML file it holds the same disciplines."""
    nodes = numbered(drawn, [0])
    expected, flat = told(nodes), [*lines(nodes)]
    assert read("".join(f"{'  ' * depth}- {name}\n" for depth, name, _ in flat), "x.md") == expected
    assert read("".join(f"{'#' * (depth + 1)} {name}\n" for depth, name, _ in flat), "x.md") == expected
    assert read("".join(f"{chr(9) * depth}{name}\n" for depth, name, _ in flat), format_="outline") == expected
    contents = "".join(f"{'.'.join(number)} {name} ..... 7\n" for _, name, number in flat)
    assert read(contents, format_="contents") == expected
    tree = Taxonomy.parse(document(nodes), "x")
    assert len(tree.disciplines) == count_of(nodes)[1]
    assert [chain[-1].name for chain in tree.chains()] == [name for _, name, _ in flat]
