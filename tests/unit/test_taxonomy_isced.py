"""A discipline may have its code in ISCED-F 2013: four digits, for people and tools, which no edit loses."""

import json

import pytest

from glan.errors import TaxonomyError
from glan.taxonomy.edit import add, remove, select
from glan.taxonomy.survey import outline
from glan.taxonomy.tree import Taxonomy

TREE = """\
taxonomy:
  - name: Natural science
    children:
      - {name: Physics, isced: "0533"}  # with acoustics
      - name: Astronomy
        isced: 0533
        weight: 2
      - Botany
"""


def codes(text: str) -> dict[str, str | None]:
    return {leaf.name: leaf.isced for leaf in Taxonomy.parse(text, "taxonomy.yaml").disciplines}


def test_a_code_is_read_as_it_is_written() -> None:
    """With quotes or without, the zero at its beginning stays; a discipline without a code has none."""
    assert codes(TREE) == {"Physics": "0533", "Astronomy": "0533", "Botany": None}
    assert codes(json.dumps({"taxonomy": [{"name": "Law", "isced": "0421"}]})) == {"Law": "0421"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("541", "column 31: the ISCED-F code '541' is not four digits; write it as \"0541\"."),
        ('"05411"', "the ISCED-F code '05411' is not four digits"),
        ('"054"', "the ISCED-F code '054' is not four digits"),
        ("Mathematics", "the ISCED-F code 'Mathematics' is not four digits"),
        ("'٠٥٤١'", "is not four digits"),
        ("", "the ISCED-F code '' is not four digits"),
        ("[0541]", "column 31: the ISCED-F code is a list; it must be a text."),
    ],
)
def test_a_bad_code_is_refused_with_its_place(written: str, expected: str) -> None:
    """Anything but four digits is an error that names the value, the line and the column."""
    with pytest.raises(TaxonomyError) as caught:
        codes(f"taxonomy:\n- Law\n- {{name: A, weight: 2, isced: {written}}}")
    assert str(caught.value).startswith("taxonomy.yaml, line 3, ")
    assert expected in str(caught.value)


def test_a_branch_has_no_code() -> None:
    """Detailed fields are for disciplines."""
    with pytest.raises(TaxonomyError, match=r"line 1, column 22: the branch 'F' has `isced:`; only a discipline can"):
        codes('taxonomy: [{name: F, isced: "0533", children: [A]}]')


def test_edits_keep_codes() -> None:
    """What an edit does not concern stays as it is, comment and quotes included."""
    assert codes(add(TREE, "Ecology", under="Natural science")) == {**codes(TREE), "Ecology": None}
    assert codes(remove(TREE, "Astronomy")) == {"Physics": "0533", "Botany": None}
    assert '      - {name: Physics, isced: "0533"}  # with acoustics\n' in select(TREE, ["Physics", "Botany"])


def test_the_outline_has_the_codes() -> None:
    """What `glan taxonomy show --json` prints has them, and none for a branch."""
    lines = outline(Taxonomy.parse(TREE, "taxonomy.yaml"))
    assert [(line.name, line.isced) for line in lines] == [("Natural science", None), *codes(TREE).items()]
