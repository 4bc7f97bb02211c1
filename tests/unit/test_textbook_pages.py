"""The offline textbook on paper: its pages, its phrases, and how an answer is fitted together."""

import re
from collections import Counter
from importlib import resources
from itertools import combinations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textbook_chain import CHAPTERS, special_concepts

from glan.places import key_of
from glan.records import Level
from glan.teachers.offline.abroad import VOLUMES
from glan.teachers.offline.book import PARTS, Concept, Part, open_book
from glan.teachers.offline.kinds import KINDS
from glan.teachers.offline.paragraphs import fit, paragraph
from glan.teachers.offline.phrases import Phrase, marked, marks, open_phrasebook
from glan.teachers.offline.tellings import Telling


def test_the_book_has_sixteen_chapters_of_five_sessions_with_five_concepts() -> None:
    """Eight disciplines have two subjects each, and all generic ones have the discipline's name in theirs."""
    book = open_book()
    found = [(part.discipline, chapter.name) for part in book.parts.values() for chapter in part.subjects]
    assert found == CHAPTERS
    for chapter in (*(c for part in book.parts.values() for c in part.subjects), *book.generic.subjects):
        assert [len(section.concepts) for section in chapter.sessions] == [5] * 5
    assert all("{discipline}" in chapter.name for chapter in book.generic.subjects)
    assert {chapter.level for part in book.parts.values() for chapter in part.subjects} == set(Level)
    assert len(book.pages) == 550


def test_no_concept_stands_in_the_book_twice() -> None:
    """A name leads to one page, the generic ones included, however it is written."""
    parts = [*open_book().parts.values(), open_book().generic]
    keys = Counter(
        key_of(concept.name) for part in parts for c in part.subjects for s in c.sessions for concept in s.concepts
    )
    assert [key for key, n in keys.items() if n > 1] == []
    assert len(keys) == len(open_book().pages)


def test_every_file_of_the_textbook_is_read() -> None:
    """No part lies in the folder without being a part of the book."""
    folder = resources.files("glan.teachers.offline") / "textbook"
    assert {file.name for file in folder.iterdir()} == {
        f"{name}.toml" for name in (*PARTS, *VOLUMES, "generic", "phrases")
    }
    assert len(open_book().parts) == len(PARTS)


def test_every_concept_has_what_its_tasks_need() -> None:
    """A definition, an example, a false and a true sentence, and a case or a problem stand on every page."""
    for concept in special_concepts():
        assert 40 <= len(concept.definition) <= 300, concept.name
        assert concept.rest, concept.name
        assert concept.wrong, concept.name
        assert concept.right, concept.name
        assert (concept.case is None) != (concept.problem is None), concept.name
        assert (concept.case is None) == (concept.verdict is None), concept.name


def test_every_case_names_two_people_and_its_verdict_no_others() -> None:
    """Cases are about A and B, and what is said of them can be filled in."""
    for concept in special_concepts():
        if concept.case and concept.verdict:
            assert set(Phrase.of(concept.case).holes) == {"A", "B"}, concept.name
            assert set(Phrase.of(concept.verdict).holes) <= {"A", "B"}, concept.name


def test_generic_pages_speak_of_the_discipline() -> None:
    """Each generic example has a place for the name of the discipline, and no other hole is open anywhere."""
    for page in open_book().pages.values():
        concept = page.concept
        assert page.is_generic == ("{discipline}" in concept.example), concept.name
        assert "{" not in concept.text, concept.name


def test_statements_are_told_apart_by_their_words() -> None:
    """No sentence stands in the book twice, once as true and once as false."""
    concepts = special_concepts()
    assert len(open_book().statements) == 2 * len(concepts)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"name": 'a "quoted" name'}, "name"),
        ({"wrong": "No full stop"}, "wrong"),
        ({"example": ""}, "example"),
        ({"txet": "A misspelt field is refused."}, "txet"),
    ],
    ids=["name", "statement", "empty", "unknown field"],
)
def test_a_page_with_a_fault_is_refused(change: dict[str, str], expected: str) -> None:
    """The schema of the pages refuses what questions could not use."""
    page = {"name": "lever", "text": "A lever is a bar. It turns about a point.", "example": "A seesaw is one of them."}
    assert msgspec.convert(page, Concept).definition == "A lever is a bar."
    with pytest.raises(msgspec.ValidationError, match=expected):
        msgspec.convert({**page, **change}, Concept)


def test_the_generic_part_can_close_answers_and_speak_of_unknown_concepts() -> None:
    """The generic part has sentences for what it does not know."""
    generic: Part = open_book().generic
    assert all("{topic}" in line for line in (*generic.situations, *generic.subtitles))
    assert all("{concepts}" in line for line in generic.unknown)


def test_every_phrase_is_read_back_as_the_task_that_it_is() -> None:
    """Whatever kind of question is written, its words alone tell the kind and what fills the holes."""
    phrases = open_phrasebook()
    values = {
        "who": "Nadia, a potter,", "whom": "Nadia", "other": "Ivo", "concept": "offer", "first": "offer",
        "second": "tangent line", "concepts": marked(["offer", "tangent line"]), "statement": "It is so.",
        "reply": "It is not so.", "draft": "It is so. It is not.", "task": "an exercise", "audience": "pupils",
        "facts": "A sold a boat to B.", "items": "\n- It is so.", "options": "\nA) It is so.",
    }  # fmt: skip
    for kind, found in phrases.tasks.items():
        for phrase in found:
            if not kind.startswith("problem/"):
                filled = {hole: values[hole] for hole in phrase.holes}
                assert (kind, filled) in list(phrases.recognise(phrase.fill(filled))), phrase


def test_every_kind_of_task_can_be_answered() -> None:
    """Each kind in the phrase book has a method that answers it."""
    kinds = [kind for kind in open_phrasebook().tasks if not kind.startswith("problem/")]
    assert set(kinds) == KINDS.keys() - {"problem"}
    assert all(callable(getattr(Telling, kind)) for kind in kinds)


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"problem"}))
def test_no_kind_has_a_single_wording(kind: str) -> None:
    """No template dominates: every kind has several wordings, and no two share many words."""
    phrases = open_phrasebook().tasks[kind]
    assert len(phrases) >= (6 if kind in ("critique", "design", "plan") else 4)
    words = [{word for piece in phrase.pieces for word in re.findall(r"\w+", piece.casefold())} for phrase in phrases]
    for first, second in combinations(words, 2):
        assert len(first & second) < 0.5 * len(first | second), first & second


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Compare **a** with **b**.", {"first": "a", "second": "b"}),
        ("Compare **a** with **b**. Now.", None),
        ("compare **a** with **b**.", None),
        ("Compare **a**.", None),
    ],
)
def test_a_phrase_reads_its_holes_or_nothing(text: str, expected: dict[str, str] | None) -> None:
    """A phrase is recognised from its first to its last word."""
    assert Phrase.of("Compare {first} with {second}.").read(text) == expected


def test_a_hole_that_occurs_twice_must_be_filled_alike() -> None:
    """A repeated hole reads only the same words."""
    phrase = Phrase.of("{A} met {B}, and {A} left.")
    assert phrase.read("Ivo met Ada, and Ivo left.") == {"A": "Ivo", "B": "Ada"}
    assert phrase.read("Ivo met Ada, and Ada left.") is None


@given(st.lists(st.text(st.characters(exclude_characters="*\n", exclude_categories=["Cs"]), min_size=1), min_size=1))
@settings(max_examples=60, deadline=None)
def test_marked_names_are_read_back(names: list[str]) -> None:
    """Names in bold type are found again, in order."""
    assert marks(marked(names)) == names


def test_an_answer_is_fitted_into_its_room() -> None:
    """What must stand stands; the rest is taken by rank while there is room."""
    pieces = [paragraph((0, "Must."), (2, "Later."), (1, "Next.")), paragraph((1, "Also."), (3, ""))]
    assert fit(pieces, 1_000) == "Must. Later. Next.\n\nAlso."
    assert fit(pieces, 24) == "Must. Next.\n\nAlso."
    assert fit(pieces, 0) == "Must."
    assert fit(pieces, 24, 9) == "Must. Next.\n\nAlso."
    assert fit(pieces, 8, 16) == "Must. Next.\n\nAlso."
