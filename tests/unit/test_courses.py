"""Curricula as pages of Markdown, each way; and lists of subjects exchanged in a file."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from strategies import ORBITS, STARS, SUBJECTS, a_discipline, session, subject
from trees import changes

from glan.cli.curriculum_pages import markdown_of
from glan.curricula import Curriculum, Learned, State
from glan.errors import TaxonomyError
from glan.places import key_of
from glan.records import Level, Subject
from glan.taxonomy.courses import read_courses
from glan.taxonomy.freezing import with_subjects
from glan.taxonomy.tree import Taxonomy

PAGE = """\
# Astronomy

Our plan for the autumn.

## Orbits (Advanced)

### 1. Two bodies

* Centre of mass
* Kepler's laws

### Three bodies

## Stars

- Colour
"""


def page_of(*subjects: Subject) -> str:
    learned = tuple(Learned(subject=each, state=State.GIVEN) for each in subjects)
    return markdown_of([Curriculum(discipline=a_discipline("C# & co_"), drafts=0, subjects=learned)])


def test_a_page_as_people_write_it() -> None:
    """Levels, numbers and signs of lists are free; what the page does not say is as it was."""
    found = read_courses(PAGE, "plan.md")
    assert found.skipped == [3]
    orbits, stars = found.disciplines["Astronomy"].values()
    assert orbits.over(None) == subject(
        "Orbits", session("Two bodies", "Centre of mass", "Kepler's laws"), session("Three bodies")
    )
    old = replace(STARS, frozen="x", syllabus="Ours.", draft=4)
    assert stars.over(old) == replace(old, subtopics=("Colour",))
    assert stars.over(None).level is Level.INTRODUCTORY


@pytest.mark.long
@settings(max_examples=100, deadline=None)
@given(SUBJECTS)
def test_a_page_comes_back_as_it_was_written(subjects: tuple[Subject, ...]) -> None:
    """Whatever the names are, also such as look like Markdown, HTML or numbers; so seals hold."""
    found = read_courses(page_of(*subjects), "x").disciplines
    assert list(found) == ["C# & co_"]
    assert tuple(course.over(old) for course, old in zip(found["C# & co_"].values(), subjects, strict=True)) == subjects


@pytest.mark.parametrize("name", ["3. Reich", "a://b", "&amp;", "<b>", r"A\*", "1) One", "A (advanced)", "# A", "A #"])
def test_names_that_look_like_something_else(name: str) -> None:
    """As a subject, a class session and a key concept."""
    one = replace(subject(name, session(name, name, "More")), subtopics=(name,))
    (course,) = read_courses(page_of(one), "x").disciplines["C# & co_"].values()
    assert course.over(None) == one


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("## A\n", "line 1: the subject 'A' stands under no discipline"),
        ("# A\n### B\n", "line 2: the class session 'B' stands under no subject"),
        ("# A\n- B\n", "line 2: 'B' stands under no subject and no class session"),
        ("# A\n## B\n#### C\n", "line 3: #### is no heading here"),
        ("# A\n## B\n## b (advanced)\n", "line 3: the subject 'b' stands here twice"),
        ("# A\n## B\n### C\n### 2. c\n", "line 4: the class session 'c' stands here twice"),
        ("# A\n## B\n# A\n", "line 3: the discipline 'A' stands here twice"),
        ("# A\n## B\n- \u202eC\n", "line 3: the name '\\u202eC' has the invisible character"),
        ("# A\n", "x.md: the discipline 'A' has no subject"),
        ("# A\n## B\n# C\n", "x.md: the discipline 'C' has no subject"),
        ("Only prose.\n", "x.md has no curriculum"),
        ("# A\n## B\n" + "".join(f"- C{i}\n" for i in range(1_001)), "more than 1,000 items"),
    ],
)
def test_a_page_that_says_something_else_is_refused(text: str, expected: str) -> None:
    """With the line that is wrong."""
    with pytest.raises(TaxonomyError) as caught:
        read_courses(text, "x.md")
    assert expected in str(caught.value)


FILE = """\
taxonomy:
  - name: Astronomy
    subjects:
      # the first
      - name: Orbits
        level: advanced
        sessions: [Two bodies]   # short
      - {name: Stars, level: advanced}
      - Dust
    weight: 2
  - {name: Physics, subjects: [Heat, {name: Light, level: advanced}]}
"""


def test_subjects_that_are_equal_keep_their_lines() -> None:
    """With their comments, in another order too; the others are written anew, and no other line changes."""
    orbits = subject("Orbits", session("Two bodies"))
    new = with_subjects(FILE, {"astronomy": (replace(STARS, subtopics=(), draft=1), orbits, subject("Moons"))})
    assert changes(FILE, new) == [
        "+      - {name: Stars, level: advanced}",
        "-      - {name: Stars, level: advanced}",
        "-      - Dust",
        "+      - name: Moons",
        "+        level: advanced",
    ]
    new = with_subjects(FILE, {"physics": (subject("Light"), subject("Moons"))})
    assert changes(FILE, new) == [
        "-  - {name: Physics, subjects: [Heat, {name: Light, level: advanced}]}",
        "+  - {name: Physics, subjects: [{name: Light, level: advanced}, {name: Moons, level: advanced}]}",
    ]
    assert with_subjects(FILE, {}) == FILE
    text = replace(subject("Dust"), level=Level.INTRODUCTORY, syllabus="Week 1: grains.\n\n  More of: them.\nWeek 2.")
    tree = "taxonomy:\n- name: A\n  subjects: [X]\n- name: B\n  subjects:\n  - X\n  - Y"
    new = with_subjects(tree, {"b": (text, ORBITS)})
    assert new.endswith(
        "  subjects:\n  - name: Dust\n    level: introductory\n    syllabus: |\n      Week 1: grains.\n      \n"
        "        More of: them.\n      Week 2.\n  - name: Orbits\n    level: advanced\n    sessions:\n"
        '      - name: Two bodies\n        key_concepts: [Centre of mass, Kepler\'s laws]\n      - "Three: more"\n'
    )


@pytest.mark.long
@settings(max_examples=50, deadline=None)
@given(SUBJECTS, st.sampled_from(["astronomy", "physics"]))
def test_any_subjects_take_the_place_of_others(subjects: tuple[Subject, ...], key: str) -> None:
    """Read back, they are those that were meant."""
    found = Taxonomy.parse(with_subjects(FILE, {key: subjects}), "x").disciplines
    assert next(leaf for leaf in found if leaf.key == key_of(key)).subjects == subjects
