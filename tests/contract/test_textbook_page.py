"""docs/textbook.md says what the offline textbook has: its subjects, its kinds of questions and its problems."""

import re
import tomllib
from pathlib import Path

import msgspec

from glan.teachers.offline.book import Concept, open_book
from glan.teachers.offline.exercises import FAMILIES
from glan.teachers.offline.kinds import KINDS
from glan.teachers.offline.phrases import Phrase

PAGE = (Path(__file__).parents[2] / "docs" / "textbook.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table after a heading, without its head."""
    _, _, rest = PAGE.partition(f"## {heading}\n")
    table = re.search(r"(?:^\|.*\n)+", rest, re.MULTILINE)
    assert table is not None, heading
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]


def test_the_page_has_every_subject_with_its_level() -> None:
    """The table of what is covered is the book's table of contents."""
    parts = open_book().parts.values()
    assert rows("What it covers") == [
        [part.discipline, chapter.name, chapter.level.value] for part in parts for chapter in part.subjects
    ]


def test_the_page_has_every_kind_of_question() -> None:
    """The kinds stand there in the order of the code."""
    assert [row[0] for row in rows("Forms of questions")] == list(KINDS)


def test_the_page_counts_the_problems_of_each_family() -> None:
    """The families stand there with as many problems as they have."""
    assert rows("Exact problems") == [[name, str(len(family))] for name, family in FAMILIES.items()]


def test_the_entry_on_the_page_is_one() -> None:
    """The example of an entry can be read as it stands."""
    block = re.search(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert block is not None
    shown = tomllib.loads(block[1])["subjects"]["sessions"]["concepts"][0]
    concept = msgspec.convert(shown, Concept)
    assert concept.rest
    assert set(Phrase.of(concept.case or "").holes) == {"A", "B"}
