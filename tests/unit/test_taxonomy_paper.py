"""The shipped taxonomy of the paper has the names, the fields and the counts of the paper."""

from collections import Counter

from glan.taxonomy.nodes import Branch
from glan.taxonomy.survey import check
from glan.taxonomy.tree import Taxonomy, shipped_text

COUNTS = {
    "Academic: humanities": 20,
    "Academic: social science": 10,
    "Academic: natural science": 5,
    "Academic: applied science": 53,
    "Academic: formal science": 4,
    "Industry: manufacturing": 16,
    "Industry: services": 15,
    "Industry: agriculture": 3,
}
OURS = {"Classics", "Criminology", "Demography"}


def test_fields_have_the_counts_of_table_6() -> None:
    """Eight fields in the order of the table, 126 disciplines of equal weight, and no level between them."""
    paper = Taxonomy.shipped("paper")
    assert Counter(leaf.path for leaf in paper.disciplines) == {(title,): count for title, count in COUNTS.items()}
    assert [root.title for root in paper.roots if isinstance(root, Branch)] == list(COUNTS)
    assert len(paper.disciplines) == 126
    assert {leaf.weight for leaf in paper.disciplines} == {1}


def test_fields_that_the_means_of_the_table_fix_are_right() -> None:
    """Three small fields are those that the published means point to."""
    paper = Taxonomy.shipped("paper")
    fields = {
        title: {leaf.name for leaf in paper.leaves_under(paper.named(title))}
        for title in ("Natural science", "Formal science", "Agricultural industry")
    }
    assert fields == {
        "Natural science": {"Physics", "Chemistry", "Biology", "Earth science", "Astronomy"},
        "Formal science": {"Mathematics", "Applied mathematics", "Logic", "Computer science"},
        "Agricultural industry": {"Fishing industry", "Tobacco industry", "Wood industry"},
    }


def test_names_are_spelled_as_in_the_paper() -> None:
    """A few names whose spelling is easily mended by mistake stand as printed."""
    names = {leaf.name for leaf in Taxonomy.shipped("paper").disciplines}
    assert names >= {
        "Chemical Engineering",
        "Environmental studies and forestry",
        "Floral",
        "Gynaecology",
        "Materials Science and Engineering",
        "Religious Studies",
        "Systems science",
    }


def test_what_is_ours_is_marked() -> None:
    """The three disciplines that the paper's list lacks are marked in the file, and no other."""
    marked = {line.split("#")[0].strip(" -") for line in shipped_text("paper").splitlines() if line.endswith("# ours")}
    assert marked == OURS


def test_the_shipped_taxonomy_has_no_findings() -> None:
    """A check of the shipped file is silent."""
    assert check(Taxonomy.shipped("paper")) == []


def test_every_field_is_found_by_its_name_alone() -> None:
    """No branch shares its name with a leaf, so that a name is enough on the command line."""
    paper = Taxonomy.shipped("paper")
    assert all(paper.named(chain[-1].name) is chain[-1] for chain in paper.chains())
