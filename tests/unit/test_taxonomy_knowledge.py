"""The built-in taxonomy covers ISCED-F 2013 and the paper's list, is balanced, and names nothing twice."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from importlib import resources
from itertools import combinations

import pytest

from glan.places import key_of
from glan.records import Discipline
from glan.taxonomy.nodes import Branch
from glan.taxonomy.survey import check
from glan.taxonomy.tree import Taxonomy

CAPABILITIES = "Capabilities"
"""The field whose disciplines may have no code: nobody teaches deductive reasoning as a programme of its own."""
ALIKE_IN_THE_PAPER = {
    ("Education", "Education industry"),
    ("Film", "Film industry"),
    ("Food industry", "Wood industry"),
    ("Music", "Music industry"),
    ("Pharmaceutical industry", "Pharmaceutical sciences"),
    ("Transport industry", "Transportation"),
}
"""Near copies that are allowed because both names stand in the paper."""

JOINING = frozenset({"a", "an", "and", "as", "for", "in", "of", "on", "the", "to", "with"})
GENERIC = frozenset({"basic", "general", "industry", "management", "science", "services", "skills", "studies", "work"})
"""Words that make no other discipline where the rest of two names is the same."""


@pytest.fixture(scope="module", name="tree")
def builtin() -> Taxonomy:
    """The tree that `glan init` writes."""
    return Taxonomy.shipped("builtin")


@pytest.fixture(scope="module", name="fields")
def detailed_fields() -> dict[str, str]:
    """The detailed fields of ISCED-F 2013, by their codes."""
    text = (resources.files("glan.taxonomy") / "isced.toml").read_text(encoding="utf-8")
    found: dict[str, str] = tomllib.loads(text)["fields"]
    return found


def children_of(branch: Branch) -> list[Branch]:
    return [node for node in branch.children if isinstance(node, Branch)]


def stem(word: str) -> str:
    """Return a word without the commonest endings, if something is left."""
    short = re.sub(r"(?:ation|ing|s)$", "", word)
    return short if len(short) > 2 else word


def stems(name: str, *, without: Iterable[str] = ()) -> set[str]:
    found = {stem(word) for word in re.findall(r"[^\W_]+", key_of(name)) if word not in JOINING}
    return found - {stem(word) for word in without} or found


def distance(left: str, right: str) -> int:
    """Return how many letters have to be added, taken or changed to make one text of the other."""
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        above, row[0] = row[0], i
        for k, other in enumerate(right, 1):
            above, row[k] = row[k], min(row[k] + 1, row[k - 1] + 1, above + (letter != other))
    return row[-1]


def are_alike(left: str, right: str) -> bool:
    """Say whether two names are the same but for generic words, share two thirds of their words, or one in ten letters.

    Words are compared by their stems, letters by edit distance over the length of the longer name.
    """
    if stems(left, without=GENERIC) == stems(right, without=GENERIC):
        return True
    ours, theirs = stems(left), stems(right)
    if len(ours & theirs) / len(ours | theirs) >= 2 / 3:
        return True
    longer = max(len(left), len(right))
    return abs(len(left) - len(right)) < longer / 10 and distance(key_of(left), key_of(right)) < longer / 10


def alike(leaves: Iterable[Discipline]) -> set[tuple[str, str]]:
    return {
        (left, right) for left, right in combinations(sorted(leaf.name for leaf in leaves), 2) if are_alike(left, right)
    }


def test_the_tree_has_the_size_that_was_meant(tree: Taxonomy) -> None:
    """It has 250 to 400 disciplines, all of them in a sub-field of a field, and all of equal weight."""
    assert 250 <= len(tree.disciplines) <= 400
    assert {len(leaf.path) for leaf in tree.disciplines} == {2}
    assert {leaf.weight for leaf in tree.disciplines} == {1}


def test_branches_are_balanced(tree: Taxonomy) -> None:
    """A field has 2 to 5 sub-fields and 10 to 40 disciplines, a sub-field has 3 to 12 disciplines."""
    fields = [root for root in tree.roots if isinstance(root, Branch)]
    assert len(fields) == len(tree.roots)
    for field in fields:
        assert 2 <= len(children_of(field)) == len(field.children) <= 5, field.name
        assert 10 <= len(field.leaves) <= 40, field.name
        for sub_field in children_of(field):
            assert 3 <= len(sub_field.children) <= 12, sub_field.name


def test_every_discipline_of_the_paper_is_there(tree: Taxonomy) -> None:
    """The paper's 126 are all in it, spelled as there."""
    assert {leaf.name for leaf in Taxonomy.shipped("paper").disciplines} <= {leaf.name for leaf in tree.disciplines}


def test_names_are_unique_in_the_whole_tree(tree: Taxonomy) -> None:
    """No two nodes share a key, branches included, so that a name alone is enough on the command line."""
    counts = Counter(chain[-1].key for chain in tree.chains())
    assert [key for key, count in counts.items() if count > 1] == []


def test_no_discipline_is_a_near_copy_of_another(tree: Taxonomy) -> None:
    """Names that say the same are those of the paper alone, and each of them is known here."""
    paper = {leaf.name for leaf in Taxonomy.shipped("paper").disciplines}
    assert alike(tree.disciplines) == ALIKE_IN_THE_PAPER
    assert {name for pair in ALIKE_IN_THE_PAPER for name in pair} <= paper


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Film", "Film studies"),
        ("Nursing", "Nursing science"),
        ("Public health", "Health, public"),
        ("Property law", "Intellectual property law"),
        ("Macroeconomics", "Microeconomics"),
        ("Transport", "Transportation"),
    ],
)
def test_a_near_copy_is_noticed(left: str, right: str) -> None:
    """What the test above rests on."""
    assert are_alike(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Organic chemistry", "Inorganic chemistry"),
        ("Geology", "Zoology"),
        ("Computer science", "Computer networks"),
        ("Family law", "Family medicine"),
    ],
)
def test_names_that_share_a_part_are_no_copies(left: str, right: str) -> None:
    """Nor does it see copies everywhere."""
    assert not are_alike(left, right)


def test_names_are_plain(tree: Taxonomy) -> None:
    """A name has no slash and no leftovers, begins with a capital, and has no title beside it."""
    for chain in tree.chains():
        name = chain[-1].name
        assert chain[-1].title == name
        assert re.fullmatch(r"[A-Z][A-Za-z ,'-]+", name), name
        assert not re.search(r"\b(?:others?|miscellaneous|various|etc)\b", name, re.IGNORECASE), name


def test_names_of_our_own_are_in_sentence_case(tree: Taxonomy) -> None:
    """Only the paper's spelling, peoples, languages and one abbreviation have capitals inside."""
    paper = {leaf.name for leaf in Taxonomy.shipped("paper").disciplines}
    proper = {"African", "American", "AI", "Asian", "Caribbean", "Chinese", "Eastern", "European"}
    for chain in tree.chains():
        if chain[-1].name not in paper:
            assert {word for word in chain[-1].name.split()[1:] if word[0].isupper()} <= proper, chain[-1].name


def test_the_list_of_detailed_fields_is_whole(fields: dict[str, str]) -> None:
    """There are 80 in the eleven broad fields, and none is a field for what has no other."""
    assert len(fields) == 80
    assert {code[:2] for code in fields} == {f"{i:02}" for i in range(11)}
    assert [code for code in fields if not re.fullmatch(r"[0-9]{2}[0-7][1-7]", code)] == []
    assert list(fields) == sorted(fields)


def test_every_code_is_a_detailed_field(tree: Taxonomy, fields: dict[str, str]) -> None:
    """No discipline has a code that the list lacks, so none is inter-disciplinary or not elsewhere classified."""
    assert {leaf.isced for leaf in tree.disciplines} - {None} <= set(fields)


def test_every_detailed_field_has_a_discipline(tree: Taxonomy, fields: dict[str, str]) -> None:
    """Nothing that the classification has is left out."""
    assert set(fields) - {leaf.isced for leaf in tree.disciplines} == set()


def test_only_capabilities_have_no_code(tree: Taxonomy) -> None:
    """What the classification has no place for stands in one field."""
    assert {leaf.path[0] for leaf in tree.disciplines if leaf.isced is None} == {CAPABILITIES}


def test_a_check_of_the_shipped_file_is_silent(tree: Taxonomy) -> None:
    """`glan taxonomy check` has nothing to say."""
    assert check(tree) == []
