"""docs/taxonomy.md says what the built-in tree has, and every row of what it was compared with has a home there."""

import re
from pathlib import Path

import pytest

from glan.taxonomy.nodes import Branch
from glan.taxonomy.tree import Taxonomy

PAGE = (Path(__file__).parents[2] / "docs" / "taxonomy.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module", name="tree")
def builtin() -> Taxonomy:
    """The tree that the page is about."""
    return Taxonomy.shipped("builtin")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table after a heading, without its head."""
    _, _, rest = PAGE.partition(f"{heading}\n")
    table = re.search(r"(?:^\|.*\n)+", rest, re.MULTILINE)
    assert table is not None, heading
    return [[cell.strip(" `*") for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]


def test_the_quantities_are_those_of_the_tree(tree: Taxonomy) -> None:
    """Each field has its numbers, and the last row adds them up."""
    paper = {leaf.key for leaf in Taxonomy.shipped("paper").disciplines}
    found = rows("## Quantities")
    fields = [root for root in tree.roots if isinstance(root, Branch)]
    for row, field in zip(found[:-1], fields, strict=True):
        ours = [leaf for leaf in field.leaves if leaf.key not in paper]
        codes = {leaf.isced for leaf in field.leaves} - {None}
        share = f"{len(field.leaves) / len(tree.disciplines):.1%}"
        numbers = (len(field.children), len(field.leaves), len(field.leaves) - len(ours), len(ours), len(codes))
        assert row == [field.name, *map(str, numbers), share]
    sums = [str(sum(int(row[i]) for row in found[:-1])) for i in range(1, 5)]
    assert found[-1] == ["All", *sums, str(len({leaf.isced for leaf in tree.disciplines} - {None})), "100.0%"]


@pytest.mark.parametrize(
    ("heading", "number"),
    [
        ("### The 57 subjects of MMLU", 57),
        ("### The 23 tasks of BIG-bench Hard", 23),
        ("### The 43 sub-major groups of ISCO-08", 43),
    ],
    ids=["MMLU", "BIG-bench Hard", "ISCO-08"],
)
def test_every_row_has_a_home(tree: Taxonomy, heading: str, number: int) -> None:
    """Nothing stands twice, and each row names disciplines that are there."""
    names = {leaf.name for leaf in tree.disciplines}
    found = rows(heading)
    assert len({row[0] for row in found}) == len(found) == number
    for row in found:
        assert set(row[1].split(", ")) <= names, row


def test_the_codes_that_took_judgement_are_those_of_the_tree(tree: Taxonomy) -> None:
    """Where the page gives a reason for a code, the discipline has that code."""
    codes = {leaf.name: leaf.isced for leaf in tree.disciplines}
    for name, code, reason in rows("Where judgement decided:"):
        assert codes[name] == code
        assert reason.endswith(".")


def test_the_numbers_in_the_text_are_those_of_the_tree(tree: Taxonomy) -> None:
    """The size of the tree and the capabilities without a code are told as they are."""
    capabilities = tree.leaves_under(tree.named("Capabilities"))
    without = sum(leaf.isced is None for leaf in capabilities)
    assert f"a tree of {len(tree.disciplines)} disciplines" in PAGE
    assert f"except {without} of the {len(capabilities)} capabilities" in PAGE
